"""One document for two laws: every field of both is in it once, with the law that asks for it, and a question that both ask has one answer."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from provenance.report.disclosure.answers import Answers
from provenance.report.disclosure.california import california_told
from provenance.report.disclosure.combined import SAME, combine
from provenance.report.disclosure.fill import fill
from provenance.report.disclosure.template import load_template
from provenance.report.disclosure.values import Answer, Disclosure, State, Told
from tests.fakes import records

RECORD = records.blocked_record()


def document(template_id: str, told: tuple[Told, ...] = (), **said: str) -> Disclosure:
    template = load_template(template_id)
    given = {k.removeprefix("f").replace("_", "."): v for k, v in said.items()}
    answers = Answers(fields={k: Answer(field=k, lines=(v,), by="legal@example.org", on="2026-12-01") for k, v in given.items()})
    found = fill(template, told, answers, {}, audit=RECORD.id)
    return Disclosure(
        template=template.id,
        name=template.name,
        release=template.release,
        source=template.source,
        notice=template.notice,
        model="m",
        audit=RECORD.id,
        document_version="1",
        updated="2026-12-01",
        due="",
        supersedes=None,
        sections=found.sections,
        problems=found.problems,
    )


def california(**said: str) -> Disclosure:
    return document("ca-ab2013", california_told(RECORD, {}), **said)


def test_every_field_of_both_laws_is_there_once_with_its_law() -> None:
    eu, ca = document("eu-2025-8311"), california()
    both = combine(eu, ca)
    parts = Counter(part for e in both.entries for part in e.id.split("+"))
    assert set(parts.values()) == {1}
    assert set(parts) == {f"EU-{e.id}" for e in eu.entries} | {f"CA-{e.id}" for e in ca.entries}
    assert len(both.entries) == len(eu.entries) + len(ca.entries) - len(SAME)


def test_made_for_the_provider_and_no_synthetic_data_deny_one_another() -> None:
    eu = document("eu-2025-8311", f2_5_a="No")
    both = combine(eu, california())
    assert both.problems == (), "the Union's question leaves out what others published"
    denied = combine(document("eu-2025-8311", f2_5_a="Yes"), document("ca-ab2013", f12_a="No"))
    assert [p.field for p in denied.problems] == ["EU-2.5.a", "CA-12.a"]
    assert {e.id for e in denied.entries if e.state is State.CONTRADICTED} == {"EU-2.5.a", "CA-12.a"}
    assert combine(document("eu-2025-8311", f2_5_a="Yes"), california()).problems == ()


def test_one_law_lends_the_other_its_answer_to_the_same_question() -> None:
    both = combine(document("eu-2025-8311"), california())
    (entry,) = [e for e in both.entries if e.id == "EU-1.1.a+CA-0.a"]
    assert (entry.state, entry.lines) == (State.DRAFTED, ("Example Ltd, helpdesk-7b",))


def test_problems_and_gaps_of_both_are_kept_and_audits_are_not_mixed() -> None:
    ca = california(f12_a="No")
    both = combine(document("eu-2025-8311"), ca)
    assert ca.problems
    assert [p.field for p in both.problems] == ["CA-12.a"] * len(ca.problems)
    assert {p.field for p in both.problems} <= {e.id for e in both.entries}
    assert not both.is_complete
    with pytest.raises(ValueError, match="different audits"):
        combine(document("eu-2025-8311"), replace(ca, audit=records.sha("other")))


def test_a_document_says_that_californias_words_are_not_the_statutes() -> None:
    assert "own words" in combine(document("eu-2025-8311"), california()).notice
