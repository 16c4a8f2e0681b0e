"""California's summary as a document: every item of § 3111(a) has its field, nothing is blank, a claim that the evidence speaks against is a problem."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provenance.audit.california import FirstRead
from provenance.model.absence import TriState
from provenance.model.audit import AuditRecord
from provenance.model.claims import LicenseClaim, LicenseFacts
from provenance.model.dataset import Dataset, Source, SourceKind
from provenance.model.details import Details, PersonalData, Rights
from provenance.report.disclosure.answers import Answers, load_answers
from provenance.report.disclosure.california import TEMPLATE_ID, california_document, california_problems, california_told
from provenance.report.disclosure.eu import Superseded
from provenance.report.disclosure.fill import Filled, fill
from provenance.report.disclosure.questions import open_entries, questions_yaml
from provenance.report.disclosure.sources import Judged
from provenance.report.disclosure.template import Answerer, Kind, load_template
from provenance.report.disclosure.values import Answer, Entry, State
from provenance.report.disclosure.views import render_disclosure_html, render_disclosure_json, render_disclosure_markdown
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
    entry = entries(found)["12.a"]
    assert (entry.state, entry.claimed, entry.recorded) == (State.CONTRADICTED, ("No",), ("Yes",))
    assert entries(found)["12"].state is not State.NOT_APPLICABLE


def human(**changes: Any) -> AuditRecord:
    """Return the blocked record with every dataset recorded as written by people, made of no other, of a model that starts from nothing."""
    datasets = tuple(
        replace(s, synthetic=TriState.NO, dataset=replace(s.dataset, synthetic=TriState.NO, generators=(), derived_from=(), **changes))
        for s in BLOCKED.datasets
    )
    return replace(BLOCKED, datasets=datasets, run=replace(BLOCKED.run, model=replace(BLOCKED.run.model, base="none")))


def document(record: AuditRecord, said: Answers | None = None, ancestries: dict[str, tuple[Dataset, ...]] | None = None) -> dict[str, Entry]:
    """Return the fields of a summary; of each dataset the registry says what it was made from, nothing where none is given."""
    made_from = ancestries or {}
    judged = tuple(
        Judged(summary=s, ancestors=tuple((d, "sha256:" + "1" * 64, False) for d in made_from.get(s.dataset.name, ()))) for s in record.datasets
    )
    made = california_document(record, {}, said or Answers(), judged=judged)
    assert {p.field for p in made.problems} == {e.id for e in made.entries if e.state is State.CONTRADICTED}
    return {e.id: e for e in made.entries}


def test_an_output_found_in_data_that_are_stated_to_be_human_contradicts_the_field_in_its_place() -> None:
    record = human()
    made = california_document(record, {}, Answers(), judged=[Judged(summary=s) for s in record.datasets])
    problems = [p for p in made.problems if p.field == "12.a"]
    assert BLOCKED.evidence[0].id in problems[0].evidence
    found = {e.id: e for e in made.entries}
    assert (found["12.a"].state, found["12.a"].claimed) == (State.CONTRADICTED, ("No",))
    assert "18 passages of recorded outputs" in found["12.a"].lines[0]
    assert found["12"].state is State.DRAFTED
    (own,) = [line for line in found["12"].lines if line.startswith("chat-distilled: ")]
    assert "Stated to hold no synthetic data. Contradicted: said to hold no synthetic data, but it holds 18 passages" in own
    line = found["12.a"].lines[0]
    page, text = render_disclosure_html(made).decode(), render_disclosure_markdown(made).decode()
    for view in (page, text.replace("\\", ""), render_disclosure_json(made).decode()):
        assert view.count(line.removeprefix("contradicted – ")) >= 2, "in the field's place and in the list of contradictions"


def test_a_no_that_nothing_speaks_against_is_a_draft_and_going_on_is_asked() -> None:
    found = document(replace(human(), evidence=()))
    assert (found["12.a"].state, found["12.a"].lines) == (State.DRAFTED, ("No",))
    assert found["12.b"].state is State.MISSING
    assert found["12.b"].lines[0].startswith("not known – ")
    assert found["12"].state is not State.NOT_APPLICABLE, "nobody has said that it does not go on"


def test_entirely_public_domain_against_a_passage_of_a_work_is_a_problem() -> None:
    found = document(BLOCKED, answers(**{"5_a": "Yes"}))["5.a"]
    assert found.state is State.CONTRADICTED
    assert any("web-crawl" in line and "works" in line for line in found.lines)
    assert california_problems(BLOCKED, entries(filled()).values()) == ()


def test_protected_by_nothing_is_held_against_works_licences_and_rights() -> None:
    none = Rights(copyright=TriState.NO, trademark=TriState.NO, patent=TriState.NO)
    free = human(details=Details(rights=none), license=LicenseFacts(concluded=LicenseClaim(value="CC0-1.0")))
    found = document(free)
    assert (found["5.b"].state, found["5.b"].claimed) == (State.CONTRADICTED, ("No",))
    (line,) = found["5.b"].lines
    assert line.startswith("contradicted – web-crawl is said not to be protected by copyright, trademark and patent, but it holds ")
    clean = document(replace(free, evidence=()))
    assert (clean["5.b"].lines, clean["5.b"].state) == (("No",), State.COMPUTED)
    by_hand = document(replace(human(), evidence=()), answers(**{"5_b": "No"}))["5.b"]
    assert any("rests on a copyright" in line for line in by_hand.lines)
    one_right = human(details=Details(rights=Rights(copyright=TriState.NO)))
    assert document(one_right)["5"].state is State.CONTRADICTED, "the right that is denied is the one that works have"
    patent = human(details=Details(rights=Rights(patent=TriState.NO)))
    assert document(patent)["5"].state is not State.CONTRADICTED, "a passage of a work says nothing of patents"


def test_public_domain_and_protected_at_once_is_a_contradiction_of_both_fields() -> None:
    found = document(replace(human(license=LicenseFacts()), evidence=()), answers(**{"5_a": "Yes", "5_b": "Yes"}))
    assert (found["5.a"].state, found["5.b"].state) == (State.CONTRADICTED, State.CONTRADICTED)


ORIGIN = Dataset(
    name="raw-mail",
    source=Source(kind=SourceKind.LICENSED),
    synthetic=TriState.YES,
    details=Details(rights=Rights(copyright=TriState.YES, holders=("Example Press",)), personal_data=PersonalData(present=TriState.YES)),
)


def test_what_a_dataset_was_made_from_is_told_in_the_items_of_rights_acquisition_and_people() -> None:
    record = replace(human(license=LicenseFacts(), source=Source(kind=SourceKind.OWN)), evidence=())
    name = record.datasets[0].dataset.name
    alone, found = document(record), document(record, ancestries={name: (ORIGIN,)})
    assert {f: alone[f].lines[0] for f in ("6.a", "12.a")} == {"6.a": "No", "12.a": "No"}
    assert {f: found[f].lines[0] for f in ("5.a", "5.b", "6.a", "7.a")} == {"5.a": "No", "5.b": "Yes", "6.a": "Yes", "7.a": "Yes"}
    for item, told in (("5", "protected by copyright, held by Example Press"), ("6", "Licensed."), ("7", "personal data"), ("1", "Example Press")):
        line = next(x for x in found[item].lines if x.startswith(f"{name}: "))
        assert "was made from raw-mail: " in line
        assert told in line
    assert found["12.a"].claimed or found["12.a"].lines == ("Yes",)


def test_an_unregistered_ancestor_leaves_every_no_open() -> None:
    record = replace(human(source=Source(kind=SourceKind.OWN)), evidence=())
    judged = tuple(Judged(summary=s, unknown=("somewhere",)) for s in record.datasets)
    found = {e.id: e for e in california_document(record, {}, Answers(), judged=judged).entries}
    assert {found[f].state for f in ("6.a", "12.a")} == {State.MISSING}
    assert "somewhere" in found["6.a"].lines[0]


def test_personal_data_of_an_ancestor_contradict_a_no_unless_a_measure_took_them_out() -> None:
    nobody = replace(human(details=Details(personal_data=PersonalData(present=TriState.NO))), evidence=())
    name = nobody.datasets[0].dataset.name
    assert document(nobody)["7.a"].lines == ("No",)
    against = document(nobody, ancestries={name: (ORIGIN,)})["7.a"]
    assert against.state is State.CONTRADICTED
    assert "raw-mail, which it was made from" in against.lines[0]
    taken_out = replace(human(details=Details(personal_data=PersonalData(present=TriState.NO, measures=("names removed",)))), evidence=())
    assert document(taken_out, ancestries={name: (ORIGIN,)})["7.a"].lines == ("No",)


def test_a_no_with_its_reasons_follows_californias_own_definition_and_not_against_categories() -> None:
    record = replace(human(details=Details(personal_data=PersonalData(present=TriState.YES))), evidence=())
    no = Answer(field="7.a", lines=("No",), by="privacy@example.org", on="2026-12-01")
    assert document(record, Answers(fields={"7.a": no}))["7.a"].state is State.CONTRADICTED
    reasoned = replace(no, evidence="https://example.org/memo: published biographies alone")
    assert document(record, Answers(fields={"7.a": reasoned}))["7.a"].state is State.ANSWERED
    named = replace(human(details=Details(personal_data=PersonalData(present=TriState.YES, categories=("postal addresses",)))), evidence=())
    assert document(named, Answers(fields={"7.a": reasoned}))["7.a"].state is State.CONTRADICTED


def test_the_data_of_a_base_model_are_not_counted_and_the_document_says_so() -> None:
    record = replace(human(details=Details(personal_data=PersonalData(present=TriState.NO))), evidence=())
    tuned = replace(record, run=replace(record.run, model=replace(record.run.model, base="example/base-7b")))
    for item in ("1", "5", "6", "7", "12"):
        told = document(tuned, answers(**{"7_a": "Yes", "12_b": "Yes"}))[item].lines
        assert any("Training starts from example/base-7b" in line for line in told), item
    assert "example/base-7b" in document(tuned)["7.a"].because


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
        .replace(" value: null\n", " value: null\n        because: the notes on it are lost\n")
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
