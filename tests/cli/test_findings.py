"""``findings list`` and ``findings show``, over records whose findings the tests know."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.cli.main import run
from provenance.columns import width
from provenance.model.audit import AuditRecord
from provenance.model.finding import SubjectKind
from provenance.model.wire import to_wire
from tests.fakes.records import blocked_record, huge_record, settled, sha


def kept(folder: Path, record: AuditRecord) -> str:
    file = folder / "audit.json"
    file.write_text(json.dumps(to_wire(settled(record))), encoding="utf-8")
    return str(file)


@pytest.fixture
def record() -> AuditRecord:
    return blocked_record()


@pytest.fixture
def audit(tmp_path: Path, record: AuditRecord) -> str:
    return kept(tmp_path, record)


def listed(capsys: pytest.CaptureFixture[str], audit: str, *options: str) -> set[str]:
    capsys.readouterr()
    assert run(["findings", "list", audit, "-f", "json", *options]) == 0
    return {f["id"] for f in json.loads(capsys.readouterr().out)}


def test_each_filter_keeps_what_it_names(capsys: pytest.CaptureFixture[str], audit: str, record: AuditRecord) -> None:
    every = {f.id for f in record.findings}
    assert listed(capsys, audit) == every
    assert listed(capsys, audit, "--open") == {f.id for f in record.findings if f.is_open}
    assert listed(capsys, audit, "--waived") == {f.id for f in record.findings if f.waiver} != set()
    assert listed(capsys, audit, "--action", "review") == {f.id for f in record.findings if f.action == "review"}
    assert listed(capsys, audit, "--severity", "high") == {f.id for f in record.findings if f.severity == "high"} != set()
    assert listed(capsys, audit, "--dataset", "web-crawl") == {f.id for f in record.findings if f.dataset == "web-crawl"} != set()
    assert listed(capsys, audit, "--search", "MOBY-dick") == {f.id for f in record.findings if "moby-dick" in f.message.casefold()} != set()
    of_lumen = listed(capsys, audit, "--provider", "lumen-ai")
    assert of_lumen == {f.id for f in record.findings if f.dataset == "chat-distilled" and f.subject.kind is not SubjectKind.MATCH}
    assert listed(capsys, audit, "--dataset", "web-crawl", "--action", "review") == set()


@pytest.mark.parametrize(
    ("option", "name", "said"), [("--dataset", "web-crwl", "web-crawl"), ("--provider", "lumen", "lumen-ai"), ("--rule", "D00", "D001")]
)
def test_a_name_that_the_audit_does_not_know_is_no_good_news(
    capsys: pytest.CaptureFixture[str], audit: str, option: str, name: str, said: str
) -> None:
    assert run(["findings", "list", audit, option, name]) in {1, 2}
    assert said in capsys.readouterr().err


def test_pages_hold_every_finding_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    record = huge_record(datasets=3, findings=95)
    audit = kept(tmp_path, record)
    seen: list[str] = []
    for offset in (0, 40, 80):
        assert run(["findings", "list", audit, "--limit", "40", "--offset", str(offset)]) == 0
        told = capsys.readouterr()
        seen += [line.split()[0] for line in told.out.splitlines()[1:]]
        assert ("--offset" in told.err) == (offset < 80)
    assert seen == [f.id.removeprefix("sha256:")[:10] for f in record.findings]
    assert run(["findings", "list", audit, "--limit", "40", "--offset", "400"]) == 0
    assert "there are only 95 findings" in capsys.readouterr().out


def test_a_finding_on_a_passage_shows_both_texts(capsys: pytest.CaptureFixture[str], audit: str, record: AuditRecord) -> None:
    items = {e.id: e for e in record.evidence if e.text is not None}
    finding = next(f for f in record.findings if f.subject.id in items)
    text = items[finding.subject.id].text
    assert text is not None
    assert run(["findings", "show", finding.id, "--audit", audit]) == 0
    out = " ".join(capsys.readouterr().out.split())
    shared = text.text[text.shared[0].start : text.shared[0].end].split()[:5]
    assert "[" + " ".join(shared) in out
    assert "training text:" in out
    assert "reference text:" in out


def test_hostile_text_steers_no_terminal(capsys: pytest.CaptureFixture[str], tmp_path: Path, record: AuditRecord) -> None:
    evil = replace(record.findings[0], id=sha("evil"), message="\x1b[2Jgone\u202e", dataset="\x1b]0;x\x07")
    audit = kept(tmp_path, replace(record, findings=(evil,)))
    for command in (["list", audit], ["show", evil.id, "--audit", audit], ["list", audit, "--search", "\x1b"]):
        run(["findings", *command])
        told = capsys.readouterr()
        assert not {"\x1b", "\u202e", "\x07"} & set(told.out + told.err)


EVIL = "\x1b[2J\x1b]0;owned\x07 \u202e\u2066gnp.exe\u2069 \x9b31m \x00 \x7f \r\ndone"


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, columns: int, *, colored: bool) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    if colored:
        monkeypatch.delenv("NO_COLOR", raising=False)
    else:
        monkeypatch.setenv("NO_COLOR", "1")


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_a_list_on_a_terminal_fits_and_shows_the_deciding_sentence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, audit: str, record: AuditRecord, columns: int
) -> None:
    on_a_terminal(monkeypatch, columns, colored=False)
    assert run(["findings", "list", audit, "--limit", "100"]) == 0
    out = capsys.readouterr().out
    assert max(map(width, out.splitlines())) <= columns
    flat = " ".join(out.split())
    for finding in record.findings:
        assert finding.message in flat
        assert f"{finding.id[7:17]} {finding.rule} {'not known' if finding.outcome == 'UNKNOWN' else 'violated'}" in flat


def test_a_sentence_that_is_too_long_for_a_list_is_cut_visibly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record: AuditRecord
) -> None:
    long = replace(record.findings[0], message="word " * 400)
    on_a_terminal(monkeypatch, 80, colored=False)
    assert run(["findings", "list", kept(tmp_path, replace(record, findings=(long,)))]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[-1].endswith("…")


def hostile_passage(record: AuditRecord) -> tuple[AuditRecord, str]:
    """Return a record whose one finding is on a passage that holds escapes, and the finding's id."""
    items = {e.id: e for e in record.evidence if e.text is not None}
    finding = next(f for f in record.findings if f.subject.id in items)
    item = items[finding.subject.id]
    assert item.text is not None
    text = replace(item.text, text=EVIL + item.text.text, reference_text=EVIL + item.text.reference_text)
    evil = replace(item, text=text, match=replace(item.match, path=EVIL, doc_id=EVIL, field=EVIL), reference=replace(item.reference, title=EVIL))
    return replace(record, findings=(replace(finding, message=EVIL, title=EVIL),), evidence=(evil,)), finding.id


@pytest.mark.parametrize("columns", [60, 80, 160])
@pytest.mark.parametrize("colored", [True, False])
def test_a_hostile_passage_steers_no_terminal_and_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, record: AuditRecord, columns: int, *, colored: bool
) -> None:
    changed, finding = hostile_passage(record)
    audit = kept(tmp_path, changed)
    on_a_terminal(monkeypatch, columns, colored=colored)
    assert run(["findings", "show", finding, "--audit", audit]) == 0
    out = capsys.readouterr().out
    ours = ("\x1b[33m", "\x1b[1m", "\x1b[0m")
    plain = out.replace(ours[0], "").replace(ours[1], "").replace(ours[2], "")
    assert not set("\x1b\u202e\u2066\u2069\x07\x9b\x00\x7f\r") & set(plain)
    assert max(map(width, plain.splitlines())) <= columns
    if colored:
        assert all(
            line.count(ours[0]) + line.count(ours[1]) == line.count(ours[2]) for line in out.splitlines()
        )  # no colour runs on into the next line


def test_the_marked_words_are_those_that_are_shared(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, audit: str, record: AuditRecord
) -> None:
    items = {e.id: e for e in record.evidence if e.text is not None}
    finding = next(f for f in record.findings if f.subject.id in items)
    item = items[finding.subject.id]
    assert item.text is not None
    monkeypatch.setattr("provenance.cli.passages.click.style", lambda text, **_: f"⟪{text}⟫")
    on_a_terminal(monkeypatch, 80, colored=True)
    assert run(["findings", "show", finding.id, "--audit", audit]) == 0
    said = capsys.readouterr().out.split("training text:")[1].split("reference text:")[0]
    found = [" ".join(piece.split("⟫")[0].split()) for piece in said.split("⟪")[1:]]
    shared = [" ".join(item.text.text[s.start : s.end].split()) for s in item.text.shared]
    assert " ".join(found) == " ".join(shared)
    match = item.match
    assert f"{match.aligned_words} words shared in a passage of {match.words}" in " ".join(audit_shown(capsys, finding.id, audit).split())


def audit_shown(capsys: pytest.CaptureFixture[str], finding: str, audit: str) -> str:
    assert run(["findings", "show", finding, "--audit", audit]) == 0
    return capsys.readouterr().out
