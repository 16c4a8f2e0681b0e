"""The customer letter: only of runs that were cleared, every sentence with the record behind it, the numbers those of the record, harmless whatever names hold."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from provenance.audit.impact import IssuedClearance
from provenance.audit.review import record_digest
from provenance.errors import InputError
from provenance.model.audit import AuditRecord, BrokenGlass
from provenance.model.finding import Action, VerdictKind
from provenance.report.letter import LetterClearance, build_letter, letter_html, letter_json, letter_markdown, letter_refusal
from provenance.report.schema import letter_schema
from tests.fakes import records

FORMATS = Path(__file__).parents[3] / "docs" / "formats"
CLEARED = records.cleared_record()
ISSUED = IssuedClearance(
    audit=CLEARED.id,
    manifest_root=records.sha("manifest"),
    issued="2026-11-25T08:00:00Z",
    expires="2026-12-25T08:00:00Z",
    statement=records.sha("statement"),
)
LOOKED_UP = LetterClearance(issued=ISSUED, revocations="The revocation list of 2026-11-30 does not name it.")
GLASS = BrokenGlass(
    at="2026-11-26T09:00:00Z",
    approver="cto@example.org",
    reason="demo",
    audit=records.sha("older"),
    expires="2026-11-27T09:00:00Z",
    rules=("C002",),
    findings=2,
)


def test_a_blocked_audit_gets_no_letter_whatever_else_is_recorded() -> None:
    for record in (
        records.blocked_record(),
        replace(CLEARED, verdict=VerdictKind.BLOCKED),
        replace(records.blocked_record(), verdict=VerdictKind.CLEARED),
    ):
        refusal = letter_refusal(record, ISSUED)
        assert refusal is not None
        assert refusal.verdict is VerdictKind.BLOCKED


def test_break_glass_for_any_run_of_the_model_gets_no_letter_and_names_who_answered_for_it() -> None:
    refusal = letter_refusal(replace(CLEARED, broken_glass=(GLASS,)), ISSUED)
    assert refusal is not None
    assert refusal.verdict is VerdictKind.BLOCKED
    assert "break-glass" in refusal.reason
    assert "cto@example.org" in refusal.reason


def test_a_run_under_review_gets_one_only_after_its_clearance() -> None:
    record = records.review_record()
    assert any(f.action is Action.REVIEW and f.is_open for f in record.findings)
    refusal = letter_refusal(record, None)
    assert refusal is not None
    assert refusal.verdict is VerdictKind.REVIEW
    assert letter_refusal(record, ISSUED) is None


def test_files_that_were_not_judged_get_no_letter() -> None:
    for judged, named in ((9, 10), (0, 0)):
        record = replace(CLEARED, totals=replace(CLEARED.totals, shards_judged=judged, shards_named=named))
        assert letter_refusal(record, ISSUED) is not None
    assert letter_refusal(CLEARED, None) is None


def test_every_sentence_names_a_source_with_a_digest() -> None:
    letter = build_letter(CLEARED, to="Customer AG", clearance=LOOKED_UP)
    digests = {s.name: s.digest for s in letter.sources}
    assert all(s.source in digests for s in (*letter.checked, *letter.outcome, *letter.not_promised))
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", d) for d in digests.values())
    assert digests["audit"] == record_digest(CLEARED)
    assert digests["run"] == CLEARED.run.digest
    assert digests["clearance"] == ISSUED.statement


def test_the_numbers_are_the_records_and_the_clearance_has_its_limits() -> None:
    letter = build_letter(CLEARED, to="Customer AG", clearance=LOOKED_UP)
    text = " ".join(s.text for s in (*letter.checked, *letter.outcome)).replace("\u202f", "")
    assert f"{CLEARED.totals.shards_judged} files of {CLEARED.totals.datasets} dataset" in text
    assert f"{CLEARED.totals.words} words" in text
    assert f"{CLEARED.totals.records} records" in text
    assert sum(r.references for r in CLEARED.references) == 14_080
    assert "14080 texts in 2 sets" in text
    for told in (ISSUED.statement, "2026-11-25", ISSUED.expires, ISSUED.manifest_root, "not covered", "does not name it"):
        assert told in text


def test_what_is_not_there_is_said() -> None:
    text = letter_markdown(build_letter(replace(CLEARED, references=()), to="Customer AG")).decode()
    assert "compared with no known works" in text
    assert "No clearance has been issued" in text
    empty = replace(CLEARED.run, organization=replace(CLEARED.run.organization, name="UNKNOWN"), requested_by="NOT_STATED")
    text = letter_markdown(build_letter(replace(CLEARED, run=empty), to="Customer AG")).decode()
    assert "UNKNOWN" not in text
    assert "NOT" not in re.sub(r"sha256\S+", "", text)


def test_what_was_not_checked_stands_in_it() -> None:
    text = letter_markdown(build_letter(CLEARED, to="Customer AG")).decode()
    assert all(limit.rstrip(".") in text for limit in records.LIMITS[:2])
    many = tuple(f"Limit {i}." for i in range(9))
    assert "4 more limits" in letter_markdown(build_letter(replace(CLEARED, limits=many), to="X")).decode().replace("\u202f", " ")


@pytest.mark.parametrize("to", ["", "   ", "x" * 121])
def test_an_addressee_is_needed(to: str) -> None:
    with pytest.raises(InputError):
        build_letter(CLEARED, to=to)


def hostile() -> AuditRecord:
    bad = records.HOSTILE
    run = replace(
        CLEARED.run, model=replace(CLEARED.run.model, name=bad, base=bad), requested_by=bad, organization=replace(CLEARED.run.organization, name=bad)
    )
    return replace(CLEARED, id=bad, created=bad, run=run, limits=(bad, records.LONG_WORD))


def test_hostile_names_stay_text_in_every_form() -> None:
    letter = build_letter(hostile(), to="<script>x</script> [a](javascript:b)", clearance=LOOKED_UP)
    page, text = letter_html(letter).decode(), letter_markdown(letter).decode()
    assert page.count("<script") == 1
    assert "<img" not in page
    assert "\u202e" not in page + text
    assert "\x1b" not in page + text
    assert re.search(r"(?<!\\)[<`|]", text) is None
    assert re.search(r"(?<!\\)\]\(", text) is None
    assert json.loads(letter_json(letter))["format"] == "provenance.letter"
    assert len(page) < 100_000


def test_the_same_facts_give_the_same_bytes() -> None:
    for form in (letter_html, letter_json, letter_markdown):
        assert form(build_letter(CLEARED, to="A", clearance=LOOKED_UP)) == form(build_letter(CLEARED, to="A", clearance=LOOKED_UP))


def test_the_published_schema_is_the_values_own_and_takes_every_letter() -> None:
    schema = letter_schema()
    assert json.loads((FORMATS / "letter.schema.json").read_text(encoding="utf-8")) == schema
    validator = jsonschema.Draft202012Validator(schema)
    for letter in (build_letter(CLEARED, to="A", clearance=LOOKED_UP), build_letter(hostile(), to="A")):
        wire = json.loads(letter_json(letter))
        validator.validate(wire)
        assert not validator.is_valid({key: value for key, value in wire.items() if key != "sources"})
