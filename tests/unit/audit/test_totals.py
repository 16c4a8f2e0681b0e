"""The numbers of an audit, each counted by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from provenance.audit.facts import GatheredFacts, gather_facts
from provenance.audit.judged import JudgedDataset, match_id
from provenance.audit.judgements import Catalogs
from provenance.audit.states import ShardState
from provenance.audit.totals import SHARDS_LISTED, count_totals, list_duties, list_obligations, list_terms, mix, summarize_datasets, summarize_shards
from provenance.config import shipped
from provenance.licensing.classes import load_licenses
from provenance.licensing.terms import load_terms
from provenance.model.absence import TriState
from provenance.model.dataset import DateRange, Generator, Source, SourceKind
from provenance.model.finding import Action, Subject, SubjectKind
from tests.fakes.records import make_finding
from tests.fakes.world import judged, output_reference, plain_dataset, plain_match, plain_run, plain_shard, work_reference

SAMPLE = Path(__file__).parents[3] / "examples" / "sample"
BOOK, FREE, CALL = work_reference(), work_reference("work:free", license_text="CC0-1.0"), output_reference()
REFERENCES = {r.id: r for r in (BOOK, FREE, CALL, output_reference("call-2", provider="UNKNOWN"))}


@cache
def catalogs() -> Catalogs:
    return Catalogs(terms=load_terms((SAMPLE / "terms",)), licenses=load_licenses((shipped("policies") / "licenses",)))


def gather(*datasets: JudgedDataset) -> GatheredFacts:
    return gather_facts(plain_run(*(d.named for d in datasets)), datasets, catalogs(), lambda _, name: REFERENCES[name], today="2026-03-01")


def subject(kind: SubjectKind, name: str) -> Subject:
    return Subject(kind=kind, id=name, digest="sha256:" + "0" * 64)


MATCHES = (
    plain_match(BOOK, record=1, words=60),
    plain_match(FREE, record=2, words=50),
    plain_match(CALL, record=3, words=40),
    plain_match(BOOK, record=4, words=30, explained=True),
)


def test_totals_count_what_was_judged_and_say_of_how_much() -> None:
    first = judged(plain_dataset("a"), plain_shard("a1", words=100), plain_shard("a2", words=20), matches=MATCHES, references=1, weight=0.5)
    second = judged(
        plain_dataset("b", license_text="UNKNOWN", synthetic=TriState.YES),
        plain_shard("b1", words=7),
        state=ShardState.CHANGED,
        references=1,
        weight=0.3,
    )
    third = judged(None, name="ghost", weight=0.2)
    findings = (
        make_finding("L001", "t", subject=subject(SubjectKind.DATASET, "b"), message="m", dataset="b"),
        make_finding("L003", "t", subject=subject(SubjectKind.DATASET, "a"), message="m", dataset="a", action=Action.REVIEW),
        make_finding("W001", "t", subject=subject(SubjectKind.WAIVER, "w"), message="m", dataset="", action=Action.WARN),
        make_finding("C001", "t", subject=subject(SubjectKind.MATCH, match_id("a", MATCHES[0])), message="m", dataset="a", waiver="w-1"),
    )
    t = count_totals((first, second, third), gather(first, second, third), findings)
    assert (t.datasets, t.shards_named, t.shards_judged, t.records) == (3, 4, 2, 30)
    assert (t.words, t.words_with_known_license, t.words_with_known_terms) == (127, 120, 120)
    assert (t.words_under_terms, t.words_under_known_terms) == (7 + 40, 40), "all of b, whose maker nobody names, and of a what an API output holds"
    assert (t.matches, t.alarms, t.explained) == (4, 3, 1)
    assert (t.matched_words, t.words_shared_unlicensed) == (150, 60)
    assert (t.deny, t.review, t.warn, t.waived) == (1, 1, 1, 1)


def test_only_words_of_models_and_services_need_terms_and_an_unknown_maker_has_none_that_are_known() -> None:
    days = DateRange(start="2025-03-01", end="2025-03-01")
    made = Generator(provider="cumulus", model="nimbus-1", channel="api", region="EU", generated=days)
    lost = plain_match(output_reference("call-2", provider="UNKNOWN"), record=5, words=11)
    people = judged(plain_dataset("people"), plain_shard("p", words=1000))
    assert under_terms(people) == (0, 0)
    assert under_terms(people, judged(plain_dataset("api", synthetic=TriState.YES, generators=(made,)), plain_shard("q", words=60))) == (60, 60)
    assert under_terms(people, judged(plain_dataset("who", synthetic=TriState.UNKNOWN), plain_shard("q", words=50))) == (50, 0)
    site = replace(plain_dataset("site"), terms=("cumulus.service.2025",))
    assert under_terms(people, judged(site, plain_shard("q", words=30))) == (30, 30)
    assert under_terms(people, judged(replace(site, terms=("not.catalogued",)), plain_shard("q", words=30))) == (30, 0)
    assert under_terms(judged(plain_dataset("a"), plain_shard(words=100), matches=(MATCHES[2], lost), references=1)) == (51, 40)
    assert under_terms(judged(plain_dataset("a"), plain_shard(words=45), matches=(MATCHES[2], lost), references=1)) == (45, 34), "no more than all"


def under_terms(*datasets: JudgedDataset) -> tuple[int | None, int | None]:
    t = count_totals(datasets, gather(*datasets), ())
    return t.words_under_terms, t.words_under_known_terms


def test_a_dataset_is_summed_up_with_its_open_findings_and_an_unregistered_one_has_no_summary() -> None:
    first = judged(plain_dataset("a"), plain_shard("a1", words=100), plain_shard("a2", words=None), matches=MATCHES, references=1, weight=0.5)
    ghost = judged(None, name="ghost", weight=0.5)
    findings = (
        make_finding("C001", "t", subject=subject(SubjectKind.MATCH, "x"), message="m", dataset="a"),
        make_finding("D002", "t", subject=subject(SubjectKind.MATCH, "y"), message="m", dataset="a", waiver="w-1"),
    )
    (summary,) = summarize_datasets((first, ghost), gather(first, ghost), findings)
    assert (summary.shards, summary.words, summary.records, summary.size_bytes) == (2, 100, 20, 2000)
    assert (summary.matches, summary.alarms, summary.matched_words, summary.open_findings) == (4, 3, 150, 1)
    assert (summary.weight, summary.license_use, summary.synthetic) == (0.5, "public-domain", TriState.NO)


def test_weights_that_cannot_be_known_are_none() -> None:
    unknown = judged(plain_dataset("a"), plain_shard(words=None), weight=None)
    (summary,) = summarize_datasets((unknown,), gather(unknown), ())
    assert summary.weight is None
    assert mix((unknown,), gather(unknown)) == ()


def test_beyond_the_first_shards_only_those_with_something_to_say_are_listed() -> None:
    many = tuple(plain_shard(f"{i:05}.jsonl") for i in range(SHARDS_LISTED + 10))
    dataset = judged(plain_dataset(), *many)
    flagged = make_finding("R002", "t", subject=subject(SubjectKind.SHARD, f"{SHARDS_LISTED + 3:05}.jsonl"), message="m", dataset="notes")
    waived = make_finding("R002", "t", subject=subject(SubjectKind.SHARD, f"{SHARDS_LISTED + 4:05}.jsonl"), message="m", dataset="notes", waiver="w")
    elsewhere = make_finding("R002", "t", subject=subject(SubjectKind.SHARD, f"{SHARDS_LISTED + 5:05}.jsonl"), message="m", dataset="other")
    changed = replace(dataset.shards[-1], checked=replace(dataset.shards[-1].checked, state=ShardState.CHANGED))
    dataset = replace(dataset, shards=(*dataset.shards[:-1], changed))
    listed = summarize_shards((dataset,), gather(dataset).survey, (flagged, waived, elsewhere))
    assert len(listed) == SHARDS_LISTED + 2
    assert [s.path for s in listed[-2:]] == [f"{SHARDS_LISTED + 3:05}.jsonl", f"{SHARDS_LISTED + 9:05}.jsonl"]
    assert listed[-1].state == "changed"


def test_alarms_of_a_shard_are_counted_without_what_is_explained() -> None:
    dataset = judged(plain_dataset(), matches=MATCHES, references=1)
    (shard,) = summarize_shards((dataset,), gather(dataset).survey, ())
    assert (shard.alarms, shard.matched_words) == (3, 150)


def test_every_grouping_of_the_mixture_sums_to_the_whole() -> None:
    human = replace(plain_dataset("a"), source=Source(kind=SourceKind.OWN), languages=("en", "de"))
    made = plain_dataset(
        "b", license_text="UNKNOWN", synthetic=TriState.YES, generators=(Generator(provider="cumulus"), Generator(provider="stratus"))
    )
    datasets = (judged(human, weight=0.6), judged(made, weight=0.3), judged(None, name="ghost", weight=0.1))
    shares = mix(datasets, gather(*datasets))
    groupings = {s.grouping for s in shares}
    assert groupings == {"source", "license", "provider", "language", "synthetic", "domain"}
    for grouping in groupings:
        assert sum(s.share for s in shares if s.grouping == grouping) == pytest.approx(1.0)
    assert {s.label: s.share for s in shares if s.grouping == "provider"} == pytest.approx({"no model": 0.6, "cumulus, stratus": 0.3, "UNKNOWN": 0.1})
    assert [s.label for s in shares if s.grouping == "synthetic"] == ["NO", "YES", "UNKNOWN"]
    licenses = [(s.label, s.synthetic, s.share) for s in shares if s.grouping == "license"]
    assert [(label, synthetic) for label, synthetic, _ in licenses] == [
        ("CC0-1.0", TriState.NO),
        ("UNKNOWN", TriState.YES),
        ("UNKNOWN", TriState.UNKNOWN),
    ]
    assert [share for *_, share in licenses] == pytest.approx([0.6, 0.3, 0.1])


def test_terms_are_listed_for_every_generator_and_version_with_the_days_that_count() -> None:
    days = DateRange(start="2025-01-10", end="2025-01-20")
    generator = Generator(provider="cumulus", model="nimbus-1", channel="api", region="EU", generated=days)
    dataset = judged(plain_dataset("a", synthetic=TriState.YES, generators=(generator,)))
    rows = list_terms((dataset,), gather(dataset).datasets)
    assert [(r.terms, r.outcome) for r in rows] == [("cumulus.service.2024", "ALLOWED"), ("cumulus.service.2025", "PROHIBITED")]
    assert {(r.dataset, r.provider, r.generated_from, r.generated_to) for r in rows} == {("a", "cumulus", "2025-01-10", "2025-01-20")}
    assert rows[0].clauses[0].quote.startswith("You may use Output for any purpose")


def test_obligations_are_told_once_and_only_of_licences_that_are_known() -> None:
    datasets = (
        judged(plain_dataset("a", license_text="CC-BY-4.0"), weight=0.4),
        judged(plain_dataset("b", license_text="CC-BY-SA-4.0"), weight=0.3),
        judged(plain_dataset("c", license_text="UNKNOWN"), weight=0.2),
        judged(None, name="ghost", weight=0.1),
    )
    duties = list_duties(datasets, gather(*datasets))
    assert [(d.code.partition(":")[0], d.asked_by, d.dataset) for d in duties] == [
        ("attribution", "CC-BY-4.0", "a"),
        ("attribution", "CC-BY-SA-4.0", "b"),
        ("share-alike", "CC-BY-SA-4.0", "b"),
    ]
    assert [line.rpartition("(")[2] for line in list_obligations(duties)] == ["a)", "b)", "b)"]
