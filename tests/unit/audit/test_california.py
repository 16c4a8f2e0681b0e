"""The twelve items of § 3111(a) of California's Civil Code: what recorded facts answer, what they do not, and what the evidence speaks against."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provenance.audit.california import FirstRead, Known, Statement, dataset_statements, range_of
from provenance.audit.california_evidence import Claims, contradictions
from provenance.audit.california_whole import EXEMPTIONS, trigger_steps, whole_statements
from provenance.licensing.public_domain import is_dedication
from provenance.model.absence import TriState
from provenance.model.audit import AuditRecord, DatasetSummary
from provenance.model.dataset import Dataset, DateRange, Details, Generator, LicenseClaim, LicenseFacts, Source, SourceKind
from provenance.model.details import Collection, PersonalData, Rights
from tests.fakes import records

BLANK = Dataset(name="blank")


def summary(dataset: Dataset, **changes: Any) -> DatasetSummary:
    made = records.make_summary(dataset, weight=1.0, shards=1, words=0)
    return replace(made, **{"records": 0, "shards": 0, **changes})


def stated(item: int, dataset: Dataset, *, record: AuditRecord | None = None, **changes: Any) -> Statement:
    return dataset_statements(record or records.cleared_record(), summary(dataset, **changes))[item - 1]


def with_details(**changes: Any) -> Dataset:
    return replace(BLANK, details=replace(Details(), **changes))


def licensed(value: str) -> LicenseFacts:
    return LicenseFacts(declared=LicenseClaim(value=value))


def record_of(dataset: Dataset) -> AuditRecord:
    return replace(records.cleared_record(), datasets=(summary(dataset),))


def test_of_a_dataset_of_which_nothing_is_recorded_nothing_is_claimed_and_every_gap_has_its_reason() -> None:
    found = dataset_statements(records.cleared_record(), summary(BLANK, shards=3))
    assert [s.item for s in found] == list(range(1, 13))
    assert {s.known for s in found} == {Known.NOT_KNOWN}
    assert all(s.text.startswith("not known – ") and len(s.text) > len("not known – ") for s in found)


# item 1: sources or owners
def test_sources_and_owners_are_named() -> None:
    dataset = replace(
        with_details(publisher="Example Press", creators=("A. Maker",), rights=Rights(holders=("Holder Ltd",))),
        source=Source(kind=SourceKind.PUBLIC_DATASET, url="https://data.example/x"),
    )
    text = stated(1, dataset).text
    assert all(name in text for name in ("Example Press", "A. Maker", "Holder Ltd", "https://data.example/x"))


def test_what_is_the_developers_own_is_owned_by_the_organisation_and_an_unknown_kind_is_a_draft() -> None:
    assert "Example Ltd" in stated(1, replace(BLANK, source=Source(kind=SourceKind.OWN))).text
    assert stated(1, replace(BLANK, source=Source(url="https://data.example/x"))).known is Known.DRAFTED


# item 3: number of data points; general ranges; estimates for what grows
@pytest.mark.parametrize(
    ("points", "said"),
    [
        (0, "none"),
        (1, "fewer than 1,000"),
        (999, "fewer than 1,000"),
        (1_000, "1,000 to 10,000"),
        (10**9 - 1, "100,000,000 to 1,000,000,000"),
        (10**9, "more than 1,000,000,000"),
    ],
)
def test_every_number_lies_in_one_range(points: int, said: str) -> None:
    assert range_of(points) == said


def test_a_growing_dataset_is_estimated_as_of_the_audits_day_and_another_is_not() -> None:
    grows = with_details(collection=Collection(ongoing=TriState.YES))
    assert "stimated" in stated(3, grows, records=24_444).text
    assert "2026-11-24" in stated(3, grows, records=24_444).text
    ended = stated(3, with_details(collection=Collection(ongoing=TriState.NO)), records=24_444)
    assert "stimated" not in ended.text
    assert "24,444" in ended.text
    assert ended.known is Known.COMPUTED


def test_records_that_nobody_counted_or_could_read_are_told() -> None:
    record = replace(records.cleared_record(), shards=(replace(records.make_shard("blank", "a", words=1), records=None),))
    found = stated(3, BLANK, record=record, records=5, shards=2, unread_records=7)
    assert found.known is Known.DRAFTED
    assert "at least" in found.text
    assert "7 more records could not be read" in found.text
    assert stated(3, BLANK, record=record, records=0, shards=1).known is Known.NOT_KNOWN


# item 4: types of data points, with their labels
def test_labels_that_a_model_made_are_told_and_types_stay_a_draft() -> None:
    labelled = replace(BLANK, generators=(Generator(provider="lumen-ai", model="lumen-2", role="label"),))
    assert "lumen-ai lumen-2" in stated(4, labelled).text
    assert stated(4, with_details(content_types=("news",))).known is Known.DRAFTED


# item 5: protected by copyright, trademark or patent, or entirely in the public domain
@pytest.mark.parametrize("right", ["copyright", "trademark", "patent"])
def test_one_right_in_it_is_enough(right: str) -> None:
    rights: Any = {right: TriState.YES}
    found = stated(5, with_details(rights=Rights(**rights)))
    assert found.known is Known.COMPUTED
    assert right in found.text


@pytest.mark.parametrize(
    ("value", "known", "words"),
    [("CC-BY-4.0", Known.DRAFTED, "Probably protected"), ("CC0-1.0", Known.DRAFTED, "public domain"), ("NOT_STATED", Known.NOT_KNOWN, "not known")],
)
def test_a_licence_alone_proposes_an_answer_and_gives_none(value: str, known: Known, words: str) -> None:
    found = stated(5, replace(BLANK, license=licensed(value)))
    assert found.known is known
    assert words in found.text


@pytest.mark.parametrize(
    ("expression", "expected"),
    [("CC0-1.0", True), ("Unlicense OR CC0-1.0", True), ("CC0-1.0 AND MIT", False), ("MIT", False), ("((", False), ("UNKNOWN", False)],
)
def test_a_dedication_is_one_only_where_every_part_is(expression: str, expected: bool) -> None:
    assert is_dedication(expression) is expected


# item 6: purchased or licensed
@pytest.mark.parametrize(
    ("kind", "known"),
    [
        (SourceKind.LICENSED, Known.COMPUTED),
        (SourceKind.OWN, Known.COMPUTED),
        (SourceKind.WEB_CRAWL, Known.DRAFTED),
        (SourceKind.PUBLIC_DATASET, Known.NOT_KNOWN),
        (SourceKind.UNKNOWN, Known.NOT_KNOWN),
    ],
)
def test_only_a_recorded_agreement_or_own_data_settle_the_acquisition(kind: SourceKind, known: Known) -> None:
    assert stated(6, replace(BLANK, source=Source(kind=kind))).known is known


# items 7 and 8: a person has to say it
def test_personal_information_is_never_settled_by_a_declaration_and_consumer_information_never_drafted() -> None:
    for present in (TriState.YES, TriState.NO):
        assert stated(7, with_details(personal_data=PersonalData(present=present))).known is Known.DRAFTED
        assert stated(8, with_details(personal_data=PersonalData(present=present))).known is Known.NOT_KNOWN


# item 9: cleaning, processing, and why
def test_steps_on_record_are_listed_and_their_purpose_is_left_to_a_person() -> None:
    found = stated(9, replace(with_details(processing=("deduplicated",)), derived_from=("raw",)))
    assert "deduplicated" in found.text
    assert "raw" in found.text
    assert found.known is Known.DRAFTED


# item 10: period of collection, and a notice where it goes on
@pytest.mark.parametrize(
    ("ongoing", "known", "words"),
    [(TriState.YES, Known.COMPUTED, "ongoing"), (TriState.NO, Known.COMPUTED, "ended"), (TriState.UNKNOWN, Known.DRAFTED, "not recorded")],
)
def test_ongoing_collection_has_its_notice(ongoing: TriState, known: Known, words: str) -> None:
    dated = Source(collected=DateRange(start="2024-03-01", end="2024-05-31"))
    found = stated(10, replace(with_details(collection=Collection(ongoing=ongoing)), source=dated))
    assert found.known is known
    assert words in found.text
    assert "2024-03-01" in found.text


@pytest.mark.parametrize(
    ("days", "told"), [(DateRange(start="2024-03-01"), "From 2024-03-01; until when"), (DateRange(end="2024-03-31"), "Until 2024-03-31; from when")]
)
def test_half_a_period_is_told_as_half_and_a_person_has_to_add_the_rest(days: DateRange, told: str) -> None:
    found = stated(10, replace(BLANK, source=Source(collected=days)))
    assert found.known is Known.DRAFTED
    assert found.text.startswith(told)


# item 11: first used
def test_the_day_of_first_use_is_that_of_run_records_and_never_blank() -> None:
    first = FirstRead(sentence="2026-02-03, by helpdesk-7b", is_known=True)
    found = dataset_statements(records.cleared_record(), summary(BLANK), first)[10]
    assert (found.known, found.text) == (Known.COMPUTED, "2026-02-03, by helpdesk-7b.")
    assert stated(11, BLANK).text == "not known – no run record"


# item 12: synthetic data
def test_synthetic_data_are_told_with_their_models() -> None:
    chat = next(s for s in records.blocked_record().datasets if s.dataset.name == "chat-distilled")
    found = dataset_statements(records.blocked_record(), chat)[11]
    assert found.known is Known.COMPUTED
    assert "lumen-2-chat" in found.text
    assert stated(12, BLANK, synthetic=TriState.NO).known is Known.COMPUTED
    assert stated(12, BLANK, synthetic=TriState.YES).known is Known.DRAFTED


# contradictions
def test_entirely_public_domain_is_contradicted_by_an_alarm_on_a_work_by_a_licence_and_by_a_right() -> None:
    record = records.blocked_record()
    found = contradictions(record, {"web-crawl": Claims(public_domain=TriState.YES)}, {})
    assert {c.item for c in found} == {5}
    assert {c.dataset for c in found} == {"web-crawl"}
    assert any("passages of works" in c.text for c in found)
    assert any("CC-BY-4.0" in c.text for c in found)
    both = with_details(rights=Rights(copyright=TriState.YES, public_domain=TriState.YES))
    assert "copyright in it" in contradictions(record_of(both), {}, {})[0].text


def test_a_work_that_nobody_holds_rights_in_and_explained_text_contradict_nothing() -> None:
    record = records.blocked_record()
    claims = {"web-crawl": Claims(public_domain=TriState.YES)}
    free = tuple(replace(e, reference=replace(e.reference, holder="PUBLIC-DOMAIN")) for e in record.evidence)
    explained = tuple(replace(e, match=replace(e.match, explained=True)) for e in record.evidence)
    for evidence in (free, explained):
        assert not any("works" in c.text for c in contradictions(replace(record, evidence=evidence), claims, {}))


def test_no_synthetic_data_is_contradicted_by_outputs_found_and_by_models_on_record() -> None:
    record = records.blocked_record()
    found = contradictions(record, {"chat-distilled": Claims(synthetic=TriState.NO)}, {})
    assert {c.item for c in found} == {12}
    assert len(found) == 2


@pytest.mark.parametrize("said", TriState)
def test_labels_by_a_model_are_told_as_labels_and_never_as_synthetic_text_or_a_source(said: TriState) -> None:
    labelled = replace(
        BLANK,
        synthetic=said,
        source=Source(kind=SourceKind.OWN, url="https://data.example/x"),
        generators=(Generator(provider="lumen-ai", model="lumen-2", role="label"),),
    )
    assert "lumen" not in stated(1, labelled).text
    found = stated(12, labelled, synthetic=said)
    assert found.known is {TriState.YES: Known.DRAFTED, TriState.NO: Known.COMPUTED, TriState.UNKNOWN: Known.NOT_KNOWN}[said]
    assert found.text.endswith("Labels beside the text were made by lumen-ai lumen-2.")
    assert found.text.count("lumen-ai") == 1


def test_labels_by_a_model_do_not_make_text_synthetic() -> None:
    labelled = replace(BLANK, synthetic=TriState.NO, generators=(Generator(provider="lumen-ai", role="label"),))
    assert contradictions(record_of(labelled), {}, {}) == ()


def test_other_claims_are_held_to_the_facts() -> None:
    people = with_details(personal_data=PersonalData(present=TriState.NO, categories=("names",)))
    assert [c.item for c in contradictions(record_of(people), {}, {})] == [7]
    cleaned = with_details(processing=("filtered",))
    assert [c.item for c in contradictions(record_of(cleaned), {"blank": Claims(processed=TriState.NO)}, {})] == [9]
    backwards = replace(BLANK, source=Source(collected=DateRange(start="2024-05-31", end="2024-03-01")))
    assert [c.item for c in contradictions(record_of(backwards), {}, {})] == [10]
    assert contradictions(records.blocked_record(), {}, {}) == ()


# all datasets together
def test_the_summary_counts_what_is_not_known_and_never_hides_it() -> None:
    record = records.blocked_record()
    found = whole_statements(record, {}, {})
    assert [s.item for s in found] == list(range(1, 13))
    points = found[2]
    assert f"{sum(s.records for s in record.datasets):,} records" in points.text
    assert "1 of 4 datasets" in found[11].text
    assert found[7].known is Known.NOT_KNOWN
    partial = replace(record, datasets=(record.datasets[0], summary(BLANK)))
    assert "Not known of 1 of 2 datasets" in whole_statements(partial, {}, {})[9].text
    assert all(s.known is Known.NOT_KNOWN for s in whole_statements(records.empty_record(), {}, {}))


# when it has to be posted
@pytest.mark.parametrize(
    ("markets", "met"), [(("EU", "US-CA"), TriState.YES), (("US",), TriState.YES), (("EU",), TriState.UNKNOWN), ((), TriState.UNKNOWN)]
)
def test_the_market_answers_only_where_it_names_california(markets: tuple[str, ...], met: TriState) -> None:
    record = records.cleared_record()
    release = replace(record.run.model.release, markets=markets)
    steps = trigger_steps(replace(record, run=replace(record.run, model=replace(record.run.model, release=release))))
    assert steps[0].met is met


@pytest.mark.parametrize(("day", "met"), [("2022-01-01", TriState.YES), ("2021-12-31", TriState.NO), ("UNKNOWN", TriState.UNKNOWN)])
def test_the_day_of_release_is_held_to_the_first_of_january_2022(day: str, met: TriState) -> None:
    record = records.cleared_record()
    release = replace(record.run.model.release, date=day)
    steps = trigger_steps(replace(record, run=replace(record.run, model=replace(record.run.model, release=release))))
    assert steps[1].met is met


def test_there_are_three_exemptions_and_posting_is_never_assumed() -> None:
    assert len(EXEMPTIONS) == 3
    assert trigger_steps(records.cleared_record())[3].met is TriState.UNKNOWN
