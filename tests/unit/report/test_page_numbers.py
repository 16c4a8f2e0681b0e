"""Every number of the page is the record's: all of them are read out of the HTML with their labels, and computed again here from the record's JSON."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from html.parser import HTMLParser
from typing import Any

import pytest

from provenance.model.audit import AuditRecord
from provenance.model.wire import to_wire
from provenance.report.html import render_html
from tests.fakes import records

VOID = {"meta", "br", "img", "input", "link", "hr"}
NUMBER = re.compile(r"(?<![\w.-])\d[\d\u202f]*(?:\.\d+)?(?![\w-])")
MAKERS = {"blocked": records.blocked_record, "review": records.review_record, "cleared": records.cleared_record, "huge": records.huge_record}
QUOTED = {"blockquote", "code", "pre", "time", "summary", "a"}
"""Elements whose text is quoted, or names things."""


class Page(HTMLParser):
    """Tables by caption, definition lists by their class, and the loose text of everything else with its section."""

    def __init__(self, record: AuditRecord) -> None:
        super().__init__(convert_charrefs=True)
        self.stack: list[tuple[str, dict[str, str]]] = []
        self.tables: dict[str, list[list[str]]] = defaultdict(list)
        self.figures: list[dict[str, str]] = []
        self.measures: list[tuple[str, str, str]] = []
        self.keys: dict[str, list[str]] = defaultdict(list)
        self.loose: list[str] = []
        self._caption, self._rows, self._text = "", [[""]], ""
        self.feed(render_html(record).decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        self.stack.append((tag, {k: v or "" for k, v in attrs}))
        if tag == "table":
            self._caption, self._rows = "", []
        if tag == "tr":
            self._rows.append([])
        if tag in {"td", "th", "caption", "dt", "dd", "li", "p", "figcaption", "h3"}:
            self._text = ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        _, attributes = self.stack.pop()
        text = self._text.strip()
        css = attributes.get("class", "")
        if tag == "caption":
            self._caption = text
        elif tag in {"td", "th"}:
            self._rows[-1].append(text)
        elif tag == "table":
            self.tables[self._caption] += self._rows
        elif tag in {"dt", "dd"}:
            self._definition(tag, css, text)
        elif tag == "li" and self._inside("key"):
            self.keys[self._figure()].append(text)
        elif tag in {"p", "figcaption", "h3", "li"} and not self._quoted():
            self.loose.append(text)

    def _inside(self, css: str) -> bool:
        return any(css in a.get("class", "").split() for _, a in self.stack)

    def _figure(self) -> str:
        return next((a["id"] for t, a in reversed(self.stack) if t == "figure"), "")

    def _quoted(self) -> bool:
        return any(self._inside(css) for css in ("inside", "steps", "limits", "boxes", "sign", "contents", "kicker", "broken-glass"))

    def _definition(self, tag: str, css: str, text: str) -> None:
        if self._inside("figures"):
            if tag == "dt":
                self.figures.append({"label": text})
            else:
                self.figures[-1][css] = text
        elif self._inside("measures"):
            if tag == "dt":
                self.measures.append((text, "", ""))
            else:
                label, value, meaning = self.measures[-1]
                self.measures[-1] = (label, text if css == "v" else value, text if css == "m" else meaning)


def thin(value: float) -> str:
    return f"{value:,}".replace(",", "\u202f")


def shown(share: float) -> str:
    """Return a share as people read it, by the rule that docs/reports.md gives: one decimal, and never 0 or 100 for what is neither."""
    if 0 < share < 0.001:
        return "< 0.1\u202f%"
    if 0.999 < share < 1:
        return "> 99.9\u202f%"
    text = f"{100 * share:.1f}"
    return (text.removesuffix(".0")) + "\u202f%"


def rows_of(page: Page, ending: str) -> list[list[str]]:
    """Return the body of the table whose caption ends so, nothing where there is none."""
    return next((rows[1:] for caption, rows in page.tables.items() if caption.endswith(ending)), [])


@pytest.fixture(scope="module", params=MAKERS)
def both(request: pytest.FixtureRequest) -> tuple[Page, dict[str, Any]]:
    record = MAKERS[request.param]()
    return Page(record), json.loads(json.dumps(to_wire(record)))


def test_first_screen(both: tuple[Page, dict[str, Any]]) -> None:
    page, wire = both
    t = wire["totals"]
    by_label = {f["label"]: (f["value"], f["detail"]) for f in page.figures}
    open_findings = t["deny"] + t["review"] + t["warn"]
    assert len(by_label) == 4
    assert by_label["open finding" if open_findings == 1 else "open findings"] == (
        thin(open_findings), f"{thin(t['deny'])} deny, {thin(t['review'])} review, {thin(t['warn'])} warn; {thin(t['waived'])} waived besides",
    )  # fmt: skip
    assert by_label["shards judged"] == (thin(t["shards_judged"]), f"of {thin(t['shards_named'])} named by the run")
    assert terms_figure(page) == terms_wanted(t)
    assert by_label["words shared with unlicensed works"] == (thin(t["words_shared_unlicensed"]), f"of {thin(t['words'])} words in the data")
    assert open_findings == sum(f.get("grouped", 0) + 1 for f in wire["findings"] if f["waiver"] is None), "and the totals are the findings'"


def terms_figure(page: Page) -> tuple[str, str, str]:
    return next((f["value"], f["label"], f["detail"]) for f in page.figures if "words" in f["label"] and "unlicensed" not in f["label"])


def terms_wanted(t: dict[str, Any]) -> tuple[str, str, str]:
    under, known = t.get("words_under_terms"), t.get("words_under_known_terms")
    if under is None or known is None:
        share, words = shown(t["words_with_known_terms"] / t["words"]), f"{thin(t['words_with_known_terms'])} of {thin(t['words'])} words"
        return share, "of words are under known terms, or by no model", f"{words}; this record does not tell the two apart"
    if not under:
        return "0", "words made by a model or service", f"of {thin(t['words'])} words: none needs a provider’s terms"
    rest = f"; {thin(under - known)} have none, or no known maker" if known < under else ""
    return shown(known / under), "of words made by models have known terms", f"{thin(known)} of {thin(under)} words from models and services{rest}"


def test_datasets(both: tuple[Page, dict[str, Any]]) -> None:
    page, wire = both
    rows = next(rows for caption, rows in page.tables.items() if caption.endswith("of the run"))[1:]
    assert len(rows) == len(wire["datasets"])
    for row, d in zip(rows, wire["datasets"], strict=True):
        assert row[0].startswith(d["dataset"]["name"])
        assert row[1] == ("not stated" if d["weight"] is None else shown(d["weight"]))
        noun = "shard" if d["shards"] == 1 else "shards"
        assert row[2].startswith(f"{thin(d['words'])}{thin(d['shards'])} {noun}{thin(d['records'])} records")
        assert row[6:] == [thin(d["alarms"]), thin(d["open_findings"])]


def test_shards(both: tuple[Page, dict[str, Any]]) -> None:
    page, wire = both
    by_path = {s["path"]: s for s in wire["shards"]}
    rows = next(rows for caption, rows in page.tables.items() if caption.startswith("Shards as judged"))[1:]
    assert len(rows) == min(100, len(by_path))
    for row in rows:
        s = by_path[row[0]]
        assert row[1:6] == [s["dataset"], s["state"], thin(s["words"]), thin(s["alarms"]), thin(s["matched_words"])]


def test_references_and_rules(both: tuple[Page, dict[str, Any]]) -> None:
    page, wire = both
    assert [r[:4] for r in page.tables["Reference sets"][1:]] == [
        [r["name"], r["kind"], thin(r["references"]), thin(r["words"])] for r in wire["references"]
    ]
    for p in wire["policy"]:
        rows = page.tables[f"Rules of {p['bundle']} {p['version']}"][1:]
        wanted = [[thin(r[k]) for k in ("judged", "satisfied", "violated", "unknown", "not_applicable")] for r in p["rules"]]
        assert [r[3:] for r in rows] == wanted


@pytest.mark.parametrize(
    ("grouping", "noun"),
    [("source", "source kind"), ("license", "licence"), ("provider", "provider"), ("language", "language"), ("domain", "domain")],
)
def test_mixture(both: tuple[Page, dict[str, Any]], grouping: str, noun: str) -> None:
    page, wire = both
    shares = [m for m in wire["mixture"] if m["grouping"] == grouping]
    rows = page.tables.get(f"Mixture by {noun}", [[]])[1:]
    names = {"UNKNOWN": "not known", "NOT_STATED": "not stated"}
    assert Counter(map(tuple, rows)) == Counter((names.get(m["label"], m["label"]), shown(m["share"])) for m in shares)
    if shares and len(shares) <= 6:
        keys = page.keys[f"chart-{grouping}"]
        unknown = sum(m["share"] for m in shares if m["label"] in names)
        wanted = [f"{m['label']} {shown(m['share'])}" for m in shares if m["label"] not in names] + (
            [f"not known {shown(unknown)}"] if unknown else []
        )
        assert sorted(keys) == sorted(wanted)


def test_years_and_models(both: tuple[Page, dict[str, Any]]) -> None:
    page, wire = both
    years: dict[str, float] = defaultdict(float)
    for d in wire["datasets"]:
        made = [g["generated"] for g in d["dataset"]["generators"]] or [d["dataset"]["source"]["collected"]]
        found = sorted({day[:4] for m in made for day in (m["from"], m["to"])})
        years[("–".join(dict.fromkeys((found[0], found[-1])))) + (", synthetic" if d["synthetic"] == "YES" else "")] += d["weight"]
    assert sorted(page.tables["Mixture by year"][1:]) == sorted([label, shown(share)] for label, share in years.items())
    models = [(g["model"], g["provider"], d["weight"]) for d in wire["datasets"] for g in d["dataset"]["generators"]]
    rows = {row[0]: row[1] for row in page.tables.get("Mixture by model", [[]])[1:]}
    for model, provider, weight in models:
        assert rows[f"{model} of {provider}"] == shown(weight)


def test_overlap_and_lengths(both: tuple[Page, dict[str, Any]]) -> None:
    page, wire = both
    pairs: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    lengths: Counter[tuple[int, bool]] = Counter()
    for e in wire["evidence"]:
        m = e["match"]
        lengths[m["words"], m["explained"]] += 1
        if not m["explained"]:
            title = e["reference"]["title"]
            cell = pairs[m["path"], e["reference"]["id"] if title in {"UNKNOWN", "NOT_STATED"} else title]
            cell[0] += m["aligned_words"]
            cell[1] += 1
    rows = page.tables.get("Words shared by shard and reference, most first", [[]])[1:]
    assert len(rows) == min(40, len(pairs))
    for path, title, words, passages in rows:
        assert [words, passages] == [thin(n) for n in pairs[path, title]]
    for span, alarms, away in page.tables.get("Passages by length", [[]])[1:]:
        low, high = (int(n.replace("\u202f", "")) for n in span.split("–"))
        inside = [sum(n for (w, explained), n in lengths.items() if low <= w <= high and explained is wanted) for wanted in (False, True)]
        assert [alarms, away] == [thin(n) for n in inside]


def test_passages(both: tuple[Page, dict[str, Any]]) -> None:
    page, wire = both
    allowed: set[tuple[str, str]] = set()
    for m in (e["match"] for e in wire["evidence"]):
        allowed |= {
            ("Words shared", thin(m["aligned_words"])),
            ("Longest run", f"{thin(m['longest_run'])} words"),
            ("Containment", shown(m["exact_containment"])),
        }
        allowed.add(("By chance", f"{m['chance_alarms_per_million']:.2g}"))
    assert {(label, value) for label, value, _ in page.measures} <= allowed
    told = {(thin(e["match"]["aligned_words"]), f"aligned one to one, in a passage of {thin(e['match']['words'])} words") for e in wire["evidence"]}
    assert {(value, meaning) for label, value, meaning in page.measures if label == "Words shared"} <= told


def test_waivers_and_duties(both: tuple[Page, dict[str, Any]]) -> None:
    page, wire = both
    rows = rows_of(page, "the first to end first")
    assert [r[0] for r in rows] == [w["id"] for w in wire["waivers"]]
    for row, w in zip(rows, wire["waivers"], strict=True):
        covered = sum(f["waiver"] == w["id"] for f in wire["findings"])
        assert (
            row[7] == f"covers {covered} finding{'' if covered == 1 else 's'}; 69 days left at the audit"
        )  # 2026-11-24 to 2027-02-01: 6 + 31 + 31 + 1
    duties = rows_of(page, "to meet")
    assert len(duties) == len(wire["duties"])


def test_no_other_number_stands_in_the_text(both: tuple[Page, dict[str, Any]]) -> None:
    """What is left are sentences: each number in them is one of the record, or a count or a sum of what it lists."""
    page, wire = both
    text = json.dumps(wire, ensure_ascii=False)
    known = {thin(float(n)).removesuffix(".0") for n in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?", text)}
    lists = [wire[k] for k in ("findings", "evidence", "shards", "datasets", "waivers", "terms_applied", "duties", "references")]
    alarms = [e for e in wire["evidence"] if not e["match"]["explained"]]
    sums = [
        *map(len, lists), len(alarms), len(wire["evidence"]) - len(alarms), sum(e["match"]["aligned_words"] for e in alarms),
        sum(r["references"] for r in wire["references"]), sum(r["words"] for r in wire["references"]),
        len({e["match"]["path"] for e in alarms}), len({e["match"]["reference"] for e in alarms}), max((e["match"]["words"] for e in wire["evidence"]), default=0),
        sum(t["outcome"] != "ALLOWED" for t in wire["terms_applied"]), wire["totals"]["words"] - wire["totals"]["words_with_known_license"],
        (wire["totals"].get("words_under_terms") or 0) - (wire["totals"].get("words_under_known_terms") or 0),
        sum(bool(d["dataset"]["derived_from"]) for d in wire["datasets"]), sum(bool(d["dataset"]["generators"]) for d in wire["datasets"]),
    ]  # fmt: skip
    known |= {thin(n) for n in sums}
    for grouping in ("source", "license", "provider", "language", "domain", "synthetic"):
        shares = [m["share"] for m in wire["mixture"] if m["grouping"] == grouping]
        known |= {shown(s).split("\u202f")[0].strip("<> ") for s in shares} | {shown(sum(shares[5:])).split("\u202f")[0]}
    known |= {shown(d["weight"]).split("\u202f")[0] for d in wire["datasets"]} | {"100", "30"}
    loose = [(n, line) for line in page.loose for n in NUMBER.findall(line.replace("\u202f%", " %")) if n not in known]
    known |= set(re.findall(r"\b(?:19|20)\d\d\b", text))  # years of dates
    left = [(n, line) for n, line in loose if n not in known]
    about_the_page = (
        "more entr",
        "further entr",
        "some passages or findings are not shown",
        "more steps",
        "more pairs",
    )  # what the page leaves out: of the next test
    assert [item for item in left if not any(words in item[1] for words in about_the_page)] == []


def test_what_the_page_leaves_out_adds_up() -> None:
    record = records.huge_record()
    page = Page(record)
    groups = len({(f.rule, f.dataset, f.message.replace(f.subject.id, ""), f.action) for f in record.findings})
    text = " ".join(page.loose)
    listed = int(re.findall(r"([\d\u202f]+) more entries, one line each", text)[0].replace("\u202f", ""))
    further = re.findall(r"([\d\u202f]+) further entries in findings.csv", text)
    assert len(page.tables["More findings"]) - 1 == listed
    assert 150 + listed + int(further[0].replace("\u202f", "") if further else 0) == groups
