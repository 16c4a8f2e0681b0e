"""SARIF and JUnit views of an audit: valid, complete, harmless, and never a pass where the run is not cleared."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provenance.model.audit import AuditRecord, BrokenGlass
from provenance.model.finding import Action, Finding, Outcome, Subject, SubjectKind, VerdictKind, Waiver
from provenance.report.folder import FORMATS
from tests.fakes import records

RECORDS: tuple[Callable[[], AuditRecord], ...] = (
    records.blocked_record,
    records.review_record,
    records.cleared_record,
    records.empty_record,
    records.hostile_record,
    records.huge_record,
)
LEVELS = {Action.DENY: "error", Action.REVIEW: "warning", Action.WARN: "note"}


def sarif(record: AuditRecord) -> Any:
    return json.loads(FORMATS["sarif"].render(record))["runs"][0]


def junit(record: AuditRecord) -> ET.Element:
    return ET.fromstring(FORMATS["junit"].render(record))


def on_a_run(message: str) -> Finding:
    return records.make_finding(
        "R003", "Nothing was compared", subject=Subject(kind=SubjectKind.RUN, id="m", digest=records.sha("m")), message=message, dataset=""
    )


@pytest.mark.parametrize("make", RECORDS, ids=lambda f: f.__name__)
def test_sarif_is_valid_by_its_published_schema(make: Callable[[], AuditRecord], shared: Path) -> None:
    schema = json.loads((shared / "fixtures" / "sarif" / "sarif-schema-2.1.0.json").read_text())
    validator = jsonschema.validators.validator_for(schema)(schema, format_checker=jsonschema.FormatChecker())
    assert [e.message for e in validator.iter_errors(json.loads(FORMATS["sarif"].render(make())))] == []


@pytest.mark.parametrize("make", RECORDS, ids=lambda f: f.__name__)
def test_every_finding_is_a_result_with_its_level_and_its_rule(make: Callable[[], AuditRecord]) -> None:
    record = make()
    run = sarif(record)
    results = [r for r in run["results"] if r["ruleId"] != "VERDICT"]
    assert Counter((r["ruleId"], r["level"]) for r in results) == Counter(
        (f.rule.encode("utf-16", "surrogatepass").decode("utf-16", "replace"), LEVELS[f.action]) for f in record.findings
    )
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in results)
    assert sum(bool(r["suppressions"]) for r in results) == sum(f.waiver is not None for f in record.findings)


def test_a_passage_is_shown_at_its_line_and_all_else_at_the_run_file() -> None:
    record = replace(records.blocked_record(), run_file="/home/somebody/plans/run.yaml")
    lines = {e.id: (e.match.path, e.match.line) for e in record.evidence}
    for finding, result in zip(record.findings, sarif(record)["results"], strict=True):
        place = result["locations"][0]["physicalLocation"]
        if finding.subject.id in lines:
            path, line = lines[finding.subject.id]
            assert place["artifactLocation"]["uri"] == path
            assert place["region"]["startLine"] == line
        elif finding.subject.kind is SubjectKind.SHARD:
            assert place == {"artifactLocation": {"uri": finding.subject.id}}
        else:
            assert place == {"artifactLocation": {"uri": "run.yaml"}}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("plain text", "plain text"),
        ("a [link](https://example.org)", "a \\[link\\](https://example.org)"),
        ("{0} and {run}", "{{0}} and {{run}}"),
        ("part[0].jsonl of C:\\data", "part[0].jsonl of C:\\data"),
        ("a\x1b[2Jb \u202eexe.gnp", "a\u241b[2Jb ⟨U+202E⟩exe.gnp"),
    ],
)
def test_text_of_a_corpus_is_neither_link_nor_placeholder(message: str, shown: str) -> None:
    assert sarif(replace(records.blocked_record(), findings=(on_a_run(message),)))["results"][0]["message"]["text"] == shown


@pytest.mark.parametrize(
    ("path", "uri"), [("a b/ü#?.jsonl", "a%20b/%C3%BC%23%3F.jsonl"), ("C:x.jsonl", "C%3Ax.jsonl"), ("s3://b/k.jsonl", "s3://b/k.jsonl")]
)
def test_file_names_become_uris(path: str, uri: str) -> None:
    finding = records.make_finding(
        "R001", "Changed", subject=Subject(kind=SubjectKind.SHARD, id=path, digest=records.sha(path)), message="changed", dataset="d"
    )
    result = sarif(replace(records.blocked_record(), findings=(finding,)))["results"][0]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


@pytest.mark.parametrize("make", RECORDS, ids=lambda f: f.__name__)
def test_a_rule_fails_exactly_where_something_open_denies_or_asks_for_review(make: Callable[[], AuditRecord]) -> None:
    record = make()
    root = junit(record)
    blocking = {f.rule for f in record.findings if f.is_open and f.action is not Action.WARN}
    failed = [case for case in root.iter("testcase") if case.find("failure") is not None]
    told = {str(case.get("name")).split(" ", 1)[0] for case in failed if case.get("classname") != "verdict"}
    if make is not records.hostile_record:
        assert told == blocking
    assert (root.find("testsuite[@name='verdict']/testcase/failure") is None) == (record.verdict is VerdictKind.CLEARED)
    assert int(root.get("failures", "0")) == len(failed)
    assert int(root.get("tests", "0")) == sum(1 for _ in root.iter("testcase"))


@pytest.mark.parametrize("verdict", [VerdictKind.BLOCKED, VerdictKind.REVIEW])
def test_a_verdict_without_a_finding_still_fails(verdict: VerdictKind) -> None:
    record = replace(records.empty_record(), verdict=verdict)
    assert [r["level"] for r in sarif(record)["results"]] == ["error"]
    assert junit(record).get("failures") == "1"


def test_what_is_not_known_is_said_to_be_so() -> None:
    record = replace(records.blocked_record(), findings=(replace(on_a_run("the licence"), outcome=Outcome.UNKNOWN),))
    assert sarif(record)["results"][0]["message"]["text"] == "Not known: the licence"
    assert "not known: the licence" in FORMATS["junit"].render(record).decode()


@pytest.mark.parametrize("name", ["sarif", "junit"])
def test_the_same_record_gives_the_same_bytes(name: str) -> None:
    assert FORMATS[name].render(records.blocked_record()) == FORMATS[name].render(records.blocked_record())


def test_break_glass_is_an_error_in_every_pipeline_format_and_red_on_the_page() -> None:
    hostile = BrokenGlass(
        at="2026-11-24T12:00:00Z",
        approver="<b>Joan</b>\x00",
        reason="]( {0} </script><script>alert(1)</script>",
        audit="sha256:" + "7" * 64,
        expires="2026-11-25T12:00:00Z",
        rules=("C001", "D002"),
        findings=3,
    )
    record = replace(records.cleared_record(), broken_glass=(hostile,))
    page = FORMATS["html"].render(record).decode()
    assert 'class="broken-glass" role="alert"' in page
    assert "<script>alert" not in page
    assert "3 findings of C001, D002" in page
    results = json.loads(FORMATS["sarif"].render(record))["runs"][0]["results"]
    assert [(r["ruleId"], r["level"]) for r in results] == [("BREAK-GLASS", "error")]
    assert "3 findings of C001, D002 let pass by <b>Joan</b>" in results[0]["message"]["text"]
    junit = ET.fromstring(FORMATS["junit"].render(record))
    assert [f.get("type") for f in junit.iter("failure")] == ["break-glass"]
    assert junit.get("failures") == "1"
    clean = records.cleared_record()
    assert 'broken-glass" role' not in FORMATS["html"].render(clean).decode()
    assert json.loads(FORMATS["sarif"].render(clean))["runs"][0]["results"] == []


DAY = "2026-11-24"


def waived(expires: str, *, used: bool = True) -> Any:
    """Return the result of a finding with a waiver of its rule and subject that ends on a day; without ``used`` the audit let it cover nothing."""
    record = records.blocked_record()
    finding = record.findings[0]
    waiver = Waiver(
        id="W-9", rule=finding.rule, subject=finding.subject, reason="licensed", comment="contract 7.", requested_by="a@x", approved_by="b@x",
        created="2026-01-01", expires=expires,
    )  # fmt: skip
    finding = replace(finding, waiver="W-9" if used else None)
    return sarif(replace(record, created=f"{DAY}T04:12:09Z", findings=(finding,), waivers=(waiver,)))["results"][0]


def is_suppressed(result: Any) -> bool:
    """Tell it as SARIF viewers do: by a suppression that is accepted, or that says nothing of its status."""
    return any(s.get("status", "accepted") == "accepted" for s in result["suppressions"])


@pytest.mark.parametrize(
    ("expires", "used", "statuses"),
    [
        (DAY, True, ["accepted"]),  # a waiver holds until the end of its last day
        ("2026-12-31", True, ["accepted"]),
        ("2026-11-23", True, ["rejected"]),
        ("2026-11-23", False, ["rejected"]),
        ("some day", True, ["rejected"]),
        ("2026-12-31", False, []),
    ],
)
def test_a_waiver_suppresses_until_it_ends(expires: str, used: bool, statuses: list[str]) -> None:
    result = waived(expires, used=used)
    assert [s["status"] for s in result["suppressions"]] == statuses
    assert is_suppressed(result) == (statuses == ["accepted"])
    for suppression in result["suppressions"]:
        assert suppression["justification"].startswith(f"waiver W-9 (licensed), approved by b@x, until {expires}: contract 7")
        assert ("did not hold" in suppression["justification"]) == (suppression["status"] == "rejected")


@pytest.mark.parametrize(("expires", "failures"), [(DAY, 1), ("2026-11-23", 2), ("some day", 2)])
def test_a_rule_whose_waiver_had_ended_fails(expires: str, failures: int) -> None:
    record = records.blocked_record()
    finding = next(f for f in record.findings if f.action is Action.DENY)
    waiver = Waiver(
        id="W-9", rule=finding.rule, subject=finding.subject, reason="r", comment="c", requested_by="a@x", approved_by="b@x",
        created="2026-01-01", expires=expires,
    )  # fmt: skip
    changed = replace(record, created=f"{DAY}T04:12:09Z", findings=(replace(finding, waiver="W-9"),), waivers=(waiver,))
    assert int(junit(changed).get("failures", "")) == failures  # one is the verdict, which the record says is BLOCKED


def test_a_waiver_that_the_record_does_not_hold_suppresses_nothing() -> None:
    record = records.blocked_record()
    result = sarif(replace(record, findings=(replace(record.findings[0], waiver="W-gone"),), waivers=()))["results"][0]
    assert [s["status"] for s in result["suppressions"]] == ["underReview"]


@pytest.mark.parametrize("make", RECORDS, ids=lambda f: f.__name__)
def test_what_no_waiver_covers_is_said_not_to_be_suppressed(make: Callable[[], AuditRecord]) -> None:
    record = make()
    results = sarif(record)["results"]
    assert all("suppressions" in r for r in results)
    if make is not records.hostile_record:
        findings = [r for r in results if r["ruleId"] != "VERDICT"]
        assert [is_suppressed(r) for r in findings] == [f.waiver is not None for f in record.findings]


def marks(record: AuditRecord) -> list[str]:
    return [r["partialFingerprints"]["primaryLocationLineHash"] for r in sarif(record)["results"]]


def test_an_alert_keeps_its_fingerprint_when_the_audit_is_made_again() -> None:
    record = records.blocked_record()
    assert len(set(marks(record))) == len(marks(record))
    assert all(re.fullmatch(r"[0-9a-f]{32}:[1-9]\d*", mark) for mark in marks(record))
    moved = {e.id: records.sha(f"moved {e.id}") for e in record.evidence}
    later = replace(
        record,
        id=records.sha("another audit"),
        created="2027-01-05T00:00:00Z",
        # The passages moved within their documents and the cards changed: other ids of matches, of facts and of findings.
        evidence=tuple(replace(e, id=moved[e.id], match=replace(e.match, start=e.match.start + 7, record=e.match.record + 1)) for e in record.evidence),
        findings=tuple(
            replace(
                f, id=records.sha(f"again {f.id}"), message=f"{f.message}, again", evidence=(),
                subject=replace(f.subject, id=moved.get(f.subject.id, f.subject.id), digest=records.sha(f"now {f.subject.digest}")),
            )
            for f in record.findings
        ),
    )  # fmt: skip
    assert marks(later) == marks(record)


def test_fingerprints_tell_datasets_rules_and_models_apart() -> None:
    record = replace(records.blocked_record(), findings=(on_a_run("x"),))
    others = (
        replace(record, findings=(replace(on_a_run("x"), rule="R004"),)),
        replace(record, findings=(replace(on_a_run("x"), dataset="d"),)),
        replace(record, findings=(replace(on_a_run("x"), bundle="other"),)),
        replace(record, run=replace(record.run, model=replace(record.run.model, name="another"))),
    )
    assert len({mark for r in (record, *others) for mark in marks(r)}) == 5
