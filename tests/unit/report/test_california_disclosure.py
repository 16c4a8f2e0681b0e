"""California's summary as a document: every item of § 3111(a) has its field, nothing is blank, a claim that the evidence speaks against is a problem."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provenance.audit.california import FirstRead
from provenance.model.absence import TriState
from provenance.model.audit import AuditRecord
from provenance.report.disclosure.answers import Answers, load_answers
from provenance.report.disclosure.california import TEMPLATE_ID, california_document, california_problems, california_told
from provenance.report.disclosure.eu import Superseded
from provenance.report.disclosure.fill import Filled, fill
from provenance.report.disclosure.questions import open_entries, questions_yaml
from provenance.report.disclosure.template import Answerer, Kind, load_template
from provenance.report.disclosure.values import Answer, Entry, State
from provenance.report.disclosure.views import render_disclosure_html, render_disclosure_json
from tests.fakes import records

TEMPLATE = load_template(TEMPLATE_ID)
BLOCKED = records.blocked_record()


def answers(**said: str) -> Answers:
    given = {key.replace("_", "."): value for key, value in said.items()}
    return Answers(fields={k: Answer(field=k, lines=(v,), by="legal@example.org", on="2026-12-01") for k, v in given.items()})


def filled(record: AuditRecord = BLOCKED, said: Answers | None = None, firsts: dict[str, FirstRead] | None = None) -> Filled:
    return fill(TEMPLATE, california_told(record, firsts or {}), said or Answers(), {}, audit=record.id)


def entries(found: Filled) -> dict[str, Entry]:
    return {e.id: e for s in found.sections for e in s.entries}


def test_the_template_has_the_twelve_items_by_their_section_and_quotes_no_statute() -> None:
    labels = {f.id: f.label for f in TEMPLATE.fields}
    for number in range(1, 13):
        assert f"§ 3111(a)({number})" in labels[str(number)]
    assert "own words" in TEMPLATE.notice
    assert "not quotations" in TEMPLATE.notice
    exemptions = [f for f in TEMPLATE.fields if f.id.startswith("X.")]
    assert [(f.kind, f.by, f.when) for f in exemptions] == [(Kind.YES_NO, Answerer.PERSON, "always")] * 3


def test_every_whether_of_the_statute_is_a_yes_or_no_question() -> None:
    kinds = {f.id: f.kind for f in TEMPLATE.fields}
    assert all(kinds[f"{item}.a"] is Kind.YES_NO for item in (5, 6, 7, 8, 9, 12))


@pytest.mark.parametrize(
    "record", [BLOCKED, records.cleared_record(), records.empty_record(), records.hostile_record()], ids=["blocked", "cleared", "empty", "hostile"]
)
def test_nothing_is_blank_and_no_exemption_and_no_personal_fact_is_assumed(record: AuditRecord) -> None:
    found = entries(filled(record))
    assert all(line.strip() for e in found.values() for line in (*e.lines,))
    assert all(e.lines for e in found.values())
    assert {found[f"X.{n}"].state for n in (1, 2, 3)} == {State.MISSING}
    assert found["8.a"].state is State.MISSING
    assert found["0.e"].state in {State.MISSING, State.NOT_APPLICABLE}


def test_each_dataset_has_its_line_below_that_of_all() -> None:
    found = entries(filled())
    names = [s.dataset.name for s in BLOCKED.datasets]
    for item in ("1", "3", "5", "10", "12"):
        assert [line.partition(":")[0] for line in found[item].lines[1:]] == names
    for summary in BLOCKED.datasets:
        assert any(line.startswith(summary.dataset.name) and f"({summary.records:,} records" in line for line in found["3"].lines)


def test_the_first_use_is_that_of_the_run_records_or_missing_with_its_reason() -> None:
    assert entries(filled())["11"].lines == ("not known – no run record",)
    first = {"web-crawl": FirstRead(sentence="2026-02-03, by helpdesk-7b", is_known=True)}
    found = entries(filled(firsts=first))["11"]
    assert found.state is State.DRAFTED
    assert "web-crawl: 2026-02-03, by helpdesk-7b." in found.lines


def test_no_synthetic_data_against_recorded_generators_is_a_contradiction() -> None:
    found = filled(said=answers(**{"12_a": "No"}))
    assert any(p.field == "12.a" for p in found.problems)
    assert entries(found)["12.a"].lines == ("Yes",)


def test_an_output_found_in_data_that_are_stated_to_be_human_is_a_problem_with_its_match() -> None:
    human = tuple(replace(s, synthetic=TriState.NO, dataset=replace(s.dataset, synthetic=TriState.NO, generators=())) for s in BLOCKED.datasets)
    record = replace(BLOCKED, datasets=human)
    found = filled(record)
    assert entries(found)["12.a"].lines == ("No",)
    problems = california_problems(record, entries(found).values())
    assert [p.field for p in problems] == ["12.a"]
    assert BLOCKED.evidence[0].id in problems[0].evidence


def test_entirely_public_domain_against_a_passage_of_a_work_is_a_problem() -> None:
    found = filled(said=answers(**{"5_a": "Yes"}))
    assert entries(found)["5.a"].state is State.ANSWERED
    problems = california_problems(BLOCKED, entries(found).values())
    assert {p.field for p in problems} == {"5.a"}
    assert any("web-crawl" in p.message and "works" in p.message for p in problems)
    assert california_problems(BLOCKED, entries(filled()).values()) == ()


def test_details_of_what_there_is_none_of_are_not_asked_for() -> None:
    found = entries(filled(said=answers(**{"7_a": "No", "8_a": "No"})))
    assert (found["7"].state, found["8"].state) == (State.NOT_APPLICABLE, State.NOT_APPLICABLE)


def test_a_market_proposes_an_answer_and_a_person_gives_it() -> None:
    found = entries(filled())
    assert (found["0.b"].state, found["0.b"].lines) == (State.DRAFTED, ("Yes",))
    run = replace(BLOCKED.run, model=replace(BLOCKED.run.model, release=replace(BLOCKED.run.model.release, markets=("EU",))))
    assert entries(filled(replace(BLOCKED, run=run)))["0.b"].state is State.MISSING


def test_a_file_of_questions_reads_back_and_answers_nothing_until_somebody_puts_a_name_to_it(tmp_path: Path) -> None:
    asked = california_document(BLOCKED, {}, Answers())
    file = tmp_path / "answers.yaml"
    file.write_text(questions_yaml(asked), encoding="utf-8")
    assert load_answers(file, TEMPLATE, BLOCKED.run.model.name).fields == {}
    file.write_text(
        file.read_text(encoding="utf-8")
        .replace(" value: null\n", " value: null\n        because: nobody knows\n")
        .replace("by: null", "by: Ada Legal")
        .replace("on: null", 'on: "2026-12-01"'),
        encoding="utf-8",
    )
    given = load_answers(file, TEMPLATE, BLOCKED.run.model.name)
    document = california_document(BLOCKED, {}, given)
    assert set(given.fields) == {e.id for e in open_entries(asked)}
    assert document.is_complete
    assert {e.state for e in document.entries} == {State.COMPUTED, State.ANSWERED, State.NOT_KNOWN}


def test_a_new_version_lists_what_changed_and_the_same_facts_give_the_same_bytes() -> None:
    first = california_document(BLOCKED, {}, Answers())
    second = california_document(BLOCKED, {}, answers(**{"7_a": "No"}), before=Superseded(place="summary.json", document=first))
    assert second.supersedes is not None
    assert second.supersedes.changes is not None
    assert {c.field for c in second.supersedes.changes} == {"7", "7.a"}
    again = california_document(BLOCKED, {}, Answers())
    assert render_disclosure_json(first) == render_disclosure_json(again)
    assert render_disclosure_html(first) == render_disclosure_html(again)


def test_hostile_facts_stay_text_on_the_page_and_a_persons_address_is_not_published() -> None:
    record = records.hostile_record()
    first = record.datasets[0]
    source = replace(first.dataset.source, collector="data-team@example.org")
    record = replace(record, datasets=(replace(first, dataset=replace(first.dataset, source=source)), *record.datasets[1:]))
    page = render_disclosure_html(california_document(record, {}, Answers())).decode()
    assert page.count("<script") == 1
    assert "<img" not in page
    assert "\u202e" not in page
    assert "data-team@example.org" not in page
