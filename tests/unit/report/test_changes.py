"""What changed between two audits. Expected changes are those that the tests themselves make."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.cli.report_diff import markdown_lines
from provenance.model.audit import AuditRecord
from provenance.model.finding import Action, Outcome, SubjectKind, VerdictKind
from provenance.report.changes import ChangeKind, compare_audits
from tests.fakes.records import blocked_record, huge_record, sha

LATER = "2027-03-01T00:00:00Z"


@pytest.fixture
def record() -> AuditRecord:
    return blocked_record()


def kinds(old: AuditRecord, new: AuditRecord) -> list[tuple[str, str]]:
    return [(c.kind.value, c.finding.rule) for c in compare_audits(old, new).findings]


def test_an_audit_and_itself_differ_in_nothing(record: AuditRecord) -> None:
    changes = compare_audits(record, record)
    assert changes.is_empty
    assert changes.same == sum(f.size for f in record.findings if f.is_open)


def test_a_finding_that_is_gone_is_fixed_and_one_that_comes_is_new(record: AuditRecord) -> None:
    less = replace(record, findings=record.findings[1:])
    gone = record.findings[0]
    assert kinds(record, less) == [("fixed", gone.rule)]
    assert kinds(less, record) == [("new", gone.rule)]


def test_a_fault_that_stays_on_data_told_anew_is_the_same_fault(record: AuditRecord) -> None:
    again = replace(record, findings=tuple(replace(f, id=sha(f"again {f.id}")) for f in record.findings))
    assert compare_audits(record, again).findings == ()


def test_a_run_that_changed_keeps_what_was_found_of_the_run(record: AuditRecord) -> None:
    first = record.findings[0]
    of_run = replace(first, subject=replace(first.subject, kind=SubjectKind.RUN, id=sha("run 1")), dataset="")
    then, now = (replace(record, findings=(replace(of_run, id=sha(n), subject=replace(of_run.subject, id=sha(n))),)) for n in ("run 1", "run 2"))
    assert compare_audits(then, now).findings == ()


def test_passages_are_known_again_when_their_file_changed(record: AuditRecord) -> None:
    passages = [f for f in record.findings if f.subject.kind is SubjectKind.MATCH]
    assert passages
    evidence = tuple(replace(e, id=sha(f"moved {e.id}")) for e in record.evidence)
    moved = {e.id: new.id for e, new in zip(record.evidence, evidence, strict=True)}
    findings = tuple(
        replace(f, id=sha(f"x{f.id}"), subject=replace(f.subject, id=moved[f.subject.id])) if f.subject.id in moved else f for f in record.findings
    )
    assert compare_audits(record, replace(record, evidence=evidence, findings=findings)).findings == ()


def test_waivers_come_end_and_are_withdrawn(record: AuditRecord) -> None:
    waived = next(f for f in record.findings if f.waiver is not None)
    bare = replace(record, created=LATER, findings=tuple(replace(f, waiver=None) for f in record.findings))
    assert kinds(bare, record) == [("waived", waived.rule)]
    expired = compare_audits(record, bare).of(ChangeKind.REOPENED)
    assert [c.note for c in expired] == [f"waiver {waived.waiver} expired on {record.waivers[0].expires}"]
    withdrawn = compare_audits(record, replace(bare, created=record.created, waivers=()))
    assert withdrawn.of(ChangeKind.REOPENED)[0].note == f"waiver {waived.waiver} was withdrawn or is not named any more"
    rest = replace(record, findings=tuple(f for f in record.findings if f.waiver is None))
    assert kinds(record, rest) == [("no longer needed", waived.rule)]


def test_another_outcome_or_action_is_a_change(record: AuditRecord) -> None:
    first = record.findings[0]
    other = replace(first, id=sha("other"), outcome=Outcome.UNKNOWN, action=Action.REVIEW)
    changes = compare_audits(record, replace(record, findings=(other, *record.findings[1:]))).findings
    assert [(c.kind, c.note) for c in changes] == [(ChangeKind.CHANGED, f"{first.outcome} before, UNKNOWN now; {first.action} before, review now")]


def test_other_inputs_and_moved_numbers_are_told(record: AuditRecord) -> None:
    dataset = record.datasets[0]
    other = replace(dataset, root_digest=sha("other"), words=dataset.words + 7)
    new = replace(
        record,
        datasets=(other, *record.datasets[1:]),
        terms_catalog_version="9.9",
        totals=replace(record.totals, words=record.totals.words + 7),
        verdict=VerdictKind.CLEARED,
    )
    changes = compare_audits(record, new)
    assert {(i.what, i.name) for i in changes.inputs} == {("dataset", dataset.dataset.name), ("terms catalogue", "terms")}
    assert {(n.name, n.new - n.old) for n in changes.numbers if n.new is not None and n.old is not None} == {
        ("words", 7),
        (f"{dataset.dataset.name}: words", 7),
    }
    told = replace(dataset, dataset=replace(dataset.dataset, title="told anew"))
    facts = compare_audits(record, replace(record, datasets=(told, *record.datasets[1:]))).inputs
    assert [(i.what, i.name, i.new) for i in facts] == [("facts", f"{dataset.dataset.name}: title", "told anew")]
    gone = compare_audits(record, replace(record, datasets=record.datasets[1:]))
    assert ("dataset", dataset.dataset.name, "") in {(i.what, i.name, i.new) for i in gone.inputs}
    assert all(n.new is None for n in gone.numbers if n.name.startswith(f"{dataset.dataset.name}:"))


def test_what_one_adds_the_other_way_takes_away() -> None:
    whole = huge_record(datasets=5, findings=60)
    half = replace(whole, findings=whole.findings[::2])
    there, back = compare_audits(half, whole), compare_audits(whole, half)
    assert [c.finding.id for c in there.of(ChangeKind.NEW)] == [c.finding.id for c in back.of(ChangeKind.FIXED)]
    assert len(there.of(ChangeKind.NEW)) == sum(f.is_open for f in whole.findings[1::2])


def test_hostile_text_is_no_markdown(record: AuditRecord) -> None:
    evil = replace(
        record.findings[0],
        id=sha("evil"),
        subject=replace(record.findings[0].subject, id="evil"),
        message="``` ![x](http://evil.example)\n# <b>\x1b[31m",
    )
    text = "\n".join(markdown_lines(compare_audits(record, replace(record, findings=(*record.findings, evil)))))
    line = next(text_line for text_line in text.splitlines() if "evil.example" in text_line)
    fence = "`" * 4
    assert line.count(fence) == 2
    assert line.index(fence) < line.index("![x]") < line.rindex(fence)
    assert "\x1b" not in text
