"""The page: what it says is what the record says, it escapes everything, and the same record gives the same bytes."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from provenance.audit.impact import IssuedClearance
from provenance.errors import ReportError
from provenance.model.audit import AuditRecord
from provenance.model.finding import VerdictKind
from provenance.report.beside import Beside
from provenance.report.html import render_html
from tests.fakes import records

ROOT = Path(__file__).parents[3]
VOID = {"meta", "br", "link", "img", "input", "hr"}
MAKERS = {
    "blocked": records.blocked_record,
    "review": records.review_record,
    "cleared": records.cleared_record,
    "empty": records.empty_record,
    "hostile": records.hostile_record,
}


class Balance(HTMLParser):
    """Collects elements, attributes and visible text, and fails on a tag that does not close the last one opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "script"}:
            self.text.append(data)


def parse(record: AuditRecord) -> Balance:
    parser = Balance()
    parser.feed(render_html(record).decode())
    parser.close()
    return parser


@pytest.mark.parametrize("name", MAKERS)
def test_every_element_is_closed_in_order(name: str) -> None:
    assert parse(MAKERS[name]()).open == []


@pytest.mark.parametrize("name", MAKERS)
def test_page_has_one_script_one_style_no_inline_code_and_nothing_to_load(name: str) -> None:
    page = parse(MAKERS[name]())
    assert page.tags.count("script") == 1
    assert page.tags.count("style") == 1
    assert not {"img", "iframe", "object", "embed", "link", "form", "base", "foreignobject"} & set(page.tags)
    assert not [key for key, _ in page.attributes if key == "style" or key.startswith("on") or key == "src"]
    links = [value or "" for key, value in page.attributes if key == "href"]
    assert all(link.startswith(("#", "http://", "https://")) for link in links)


def test_ids_are_unique() -> None:
    ids = [value for key, value in parse(records.blocked_record()).attributes if key == "id"]
    assert len(ids) == len(set(ids))


def test_first_screen_numbers_are_the_records() -> None:
    record = records.blocked_record()
    totals = record.totals
    text = re.sub(r"\s+", " ", "".join(parse(record).text).replace("\u202f", " "))
    first = text[: text.index("In this report")]
    assert "BLOCKED – helpdesk-7b may not be trained on this data as planned." in first
    assert f"open findings{totals.deny + totals.review + totals.warn}" in first
    assert f"{totals.deny} deny, {totals.review} review, {totals.warn} warn; {totals.waived} waived" in first
    assert f"shards judged{totals.shards_judged}of {totals.shards_named} named" in first
    assert "79.4 %738 000 of 930 000 words from models and services; 192 000 have none" in first  # 738 000 / 930 000 = .79355
    assert f"unlicensed works{totals.words_shared_unlicensed}of 4 230 000" in first
    for step in record.steps:
        assert step.summary in first
        assert step.effect in first


@pytest.mark.parametrize(("name", "verdict"), [("blocked", VerdictKind.BLOCKED), ("review", VerdictKind.REVIEW), ("cleared", VerdictKind.CLEARED)])
def test_each_verdict_is_a_word_a_sentence_and_an_icon(name: str, verdict: VerdictKind) -> None:
    page = render_html(MAKERS[name]()).decode()
    assert f'<span id="verdict">{verdict.value}</span>' in page
    assert f'href="#i-{verdict.value}"' in page


def test_identical_findings_stand_together_with_the_list_behind() -> None:
    text = "".join(parse(records.blocked_record()).text)
    assert "18 shards of chat-distilled" in text
    assert all(f"chat/part-{i:02}.jsonl" in text for i in range(18))


def test_an_entry_names_its_longest_passage_and_whose_remedies_it_shows() -> None:
    text = "".join(parse(records.blocked_record()).text)
    assert "2 passages of web-crawl: the longest shares 106 words with “Moby-Dick, annotated”" in text
    record = records.blocked_record()
    last = record.findings[17]
    changed = dataclasses.replace(last, remedies=(dataclasses.replace(last.remedies[0], summary="Drop another record"), *last.remedies[1:]))
    other = dataclasses.replace(record, findings=(*record.findings[:17], changed, *record.findings[18:]))
    assert "of the first finding; those of the others are alike" in "".join(parse(other).text)


def test_hostile_characters_are_shown_and_never_pass_through() -> None:
    page = render_html(records.hostile_record()).decode()
    assert not set("\u202e\u202c\u200b\x00\x1b\ud800") & set(page)
    assert "⟨U+202E⟩" in page
    assert "␀" in page
    assert 'href="javascript' not in page
    assert len(page) < 400_000


def test_huge_record_stays_below_two_megabytes_and_counts_what_it_leaves_out() -> None:
    record = records.huge_record()
    page = render_html(record)
    assert len(page) <= 2_000_000
    assert b"findings.csv" in page
    assert b"matches.csv" in page


def test_two_processes_write_the_same_bytes() -> None:
    code = "import hashlib; from tests.fakes import records; from provenance.report.html import render_html; "
    code += "print(hashlib.sha256(render_html(records.blocked_record())).hexdigest())"
    other = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    render_html(records.review_record())
    assert other.stdout.strip() == hashlib.sha256(render_html(records.blocked_record())).hexdigest()


def test_template_with_an_undefined_name_is_an_error_and_not_a_blank(tmp_path: Path) -> None:
    (tmp_path / "audit.html.j2").write_text("{{ record.no_such_field }}")
    with pytest.raises(ReportError, match="no_such_field"):
        render_html(records.empty_record(), templates=tmp_path)


def test_none_never_prints(tmp_path: Path) -> None:
    (tmp_path / "audit.html.j2").write_text("{{ record.run.waivers }}")
    with pytest.raises(ReportError, match="blank"):
        render_html(records.empty_record(), templates=tmp_path)


def test_unaccounted_share_is_shown_as_not_known() -> None:
    record = records.cleared_record()
    half = dataclasses.replace(record, mixture=(dataclasses.replace(record.mixture[0], share=0.5),))
    assert "for 50\u202f% the source kind is not known" in render_html(half).decode()


def luminance(color: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a: str, b: str) -> float:
    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_palettes_reach_wcag_aa_contrast() -> None:
    css = (ROOT / "reports" / "templates" / "audit.css").read_text()
    palettes = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)]
    assert len(palettes) == 3
    for palette in palettes:
        for name in ("ink", "soft", "link", "deny", "review", "allowed", "warn"):
            assert contrast(palette[name], palette["paper"]) >= 4.5, name
        pairs = [("mark-ink", "mark"), ("on-unknown", "unknown"), ("ink", "hatch-line"), ("ink", "hatch-ground")]
        pairs += [(f"on-s{i}", f"s{i}") for i in range(1, 7)]
        for ink, ground in pairs:
            assert contrast(palette[ink], palette[ground]) >= 4.5, (ink, ground)
        assert contrast(palette["line-strong"], palette["paper"]) >= 3


def test_waiver_text_holds_the_whole_day_of_the_audit() -> None:
    page = render_html(records.blocked_record()).decode()
    assert page.count("created: &#34;2026-11-24&#34;") == page.count("  created: ") > 0


def test_what_follows_from_a_clear_verdict_depends_on_what_became_of_it() -> None:
    first = IssuedClearance(audit="a", manifest_root="m", issued="2026-11-25T00:00:00Z", expires="2026-12-25T00:00:00Z")
    gone = dataclasses.replace(first, revoked="2026-11-26T00:00:00Z")

    def told(*clearances: IssuedClearance) -> str:
        page = render_html(records.cleared_record(), beside=Beside(clearances=clearances)).decode()
        return re.sub(r"<[^>]+>", "", page)

    assert "The next step is to sign the clearance" in told()
    assert "Then: provenance clear" in told()
    assert "The clearance of 2026-11-25 holds until 2026-12-25" in told(gone, first)
    assert "Then: provenance clear" not in told(first)
    revoked = told(gone)
    assert "The clearance was revoked on 2026-11-26: no trainer accepts it." in revoked
    assert "Nothing has to change" not in revoked


def test_dates_are_never_broken_over_lines_and_stay_escaped() -> None:
    record = records.blocked_record()
    hostile = dataclasses.replace(record.findings[0], message="<b>2026-01-02</b>")
    page = render_html(dataclasses.replace(record, findings=(hostile,), evidence=())).decode()
    assert '&lt;b&gt;<span class="day">2026-01-02</span>&lt;/b&gt;' in page
