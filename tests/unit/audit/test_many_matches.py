"""Matches that are gone through and findings that are grouped come to what the plain way comes to, which holds and lists everything."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.audit.facts import GatheredFacts, gather_facts, run_use
from provenance.audit.judged import JudgedDataset, JudgedShard, match_id
from provenance.audit.judgements import Catalogs
from provenance.audit.states import CheckedShard, ShardState
from provenance.audit.totals import count_totals
from provenance.config import shipped
from provenance.licensing.classes import load_licenses
from provenance.licensing.terms import load_terms
from provenance.model.finding import Finding, Outcome, SubjectKind, VerdictKind, Waiver
from provenance.model.match import AlsoIn, Explanation, Match
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.run import Run
from provenance.policy.bundle import Bundle, load_bundle
from provenance.policy.engine import Evaluation, evaluate
from provenance.policy.listing import room_for
from tests.fakes.plain_audit import all_matches, plain_digest, plain_judge, plain_outcomes, plain_pieces, plain_subjects
from tests.fakes.world import judged, output_reference, plain_dataset, plain_match, plain_run, plain_shard, scan_of, work_reference

SAMPLE = Path(__file__).parents[3] / "examples" / "sample"
TODAY = "2026-03-01"
REFERENCES = {
    r.id: r
    for r in (
        replace(work_reference("work:closed"), words=60),
        replace(work_reference("work:open", license_text="CC0-1.0"), words=60),
        replace(work_reference("work:odd", license_text="ask Bob"), words=60),
        replace(output_reference("call:allowed", day="2024-07-01"), words=40),
        replace(output_reference("call:forbidden", day="2025-03-01"), words=40),
        replace(output_reference("call:forbidden-too", day="2025-03-01"), words=40),
    )
}
OWN_RULES = """
format: provenance.policy
version: 1
name: own
release: 1.0.0
params: {cap: 60}
rules:
  - {id: Y001, title: long records, for_each: match, applies: match.explained == "NO", require: match.record_words < params.cap, action: review,
     message: "{match.document} shares {match.record_words} words", remedies: [drop]}
  - {id: Y002, title: any words, for_each: match, require: match.words < 26, action: warn, message: "{match.words} words of {match.reference.id}", remedies: [waive]}
"""


@cache
def catalogs() -> Catalogs:
    return Catalogs(terms=load_terms((SAMPLE / "terms",)), licenses=load_licenses((shipped("policies") / "licenses",)))


class Bundles(tuple[Bundle, ...]):
    """Bundles that Hypothesis prints in one word: written out they pass its bound for reports."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "bundles"


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> tuple[Bundle, ...]:
    own = tmp_path_factory.mktemp("bundles") / "own.yaml"
    own.write_text(OWN_RULES)
    return Bundles((load_bundle(shipped("policies") / "bundles" / "baseline.yaml"), load_bundle(own)))


def lookup(reference_set: str, reference: str) -> ReferenceRecord:
    del reference_set
    return REFERENCES[reference]


def gather(run: Run, *datasets: JudgedDataset) -> GatheredFacts:
    return gather_facts(run, datasets, catalogs(), lookup, today=TODAY)


def dataset_of(name: str, *shards: tuple[Match, ...]) -> JudgedDataset:
    """Return a dataset whose shards hold matches."""
    plain, found = plain_dataset(name), []
    for number, matches in enumerate(shards):
        shard = plain_shard(f"{number}.jsonl", digit=str(number))
        placed = tuple(replace(m, path=shard.path, shard=shard.sha256, doc_id=f"{shard.path}#{m.record}") for m in matches)
        found.append(JudgedShard(checked=CheckedShard(shard=shard, state=ShardState.UNCHANGED), outcome=scan_of(plain, shard, placed), references=1))
    return replace(judged(plain, *(s.checked.shard for s in found), references=1), shards=tuple(found))


@st.composite
def matches_in(draw: st.DrawFn) -> Match:
    best, *others = draw(st.lists(st.sampled_from(sorted(REFERENCES)), min_size=1, max_size=3))
    because = draw(st.sampled_from([None, None, None, Explanation.SHORT_PASSAGE, Explanation.QUOTATION, Explanation.BOILERPLATE]))
    words = draw(st.integers(20, 32))
    start = draw(st.integers(0, 60))
    also = tuple(
        AlsoIn(reference=name, start=start, end=start + words, score=1.0, reference_set=draw(st.sampled_from(["", "other"]))) for name in others
    )
    match = plain_match(
        REFERENCES[best], record=draw(st.integers(0, 4)), start=start, end=start + 100, words=words, also=also, explained=because is not None
    )
    run = draw(st.sampled_from([5, 19, 20]))
    field = draw(st.sampled_from(["text", "notes"]))
    return replace(match, because=because, reference_start=start, reference_end=start + draw(st.integers(1, 80)), longest_run=run, field=field)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[JudgedDataset, ...]:
    """Some datasets; a run may name one twice, and a match may come twice. Two passages of one place with one reference are one match, with all that hold it."""
    pool = draw(st.lists(matches_in(), min_size=1, max_size=12, unique_by=lambda match: match_id("", match)))
    shards = st.lists(st.lists(st.sampled_from(pool), max_size=14).map(tuple), min_size=1, max_size=2)
    made = [dataset_of(name, *draw(shards)) for name in ("a", "b")[: draw(st.integers(1, 2))]]
    return (*made, made[0]) if draw(st.booleans()) else tuple(made)


@settings(deadline=None, max_examples=120)
@given(worlds())
def test_the_facts_of_each_match_are_those_of_the_plain_way(datasets: tuple[JudgedDataset, ...]) -> None:
    run = plain_run(*(d.named for d in datasets))
    found, use = gather(run, *datasets), run_use(run)
    subjects = plain_subjects(datasets, catalogs(), use, lookup)
    facts = list(found.facts.matches)
    assert [(f.subject.id, f.subject.digest, f.dataset) for f in facts] == [(s.id, s.digest, s.dataset) for s in subjects]
    for item, subject in zip(facts, subjects, strict=True):
        values = {f"match.{path}": value for path, value in item.values}
        assert {path: values[path] for path in subject.values} == subject.values
        assert item.clauses == subject.judgement.terms.clauses
        assert values["match.terms.reasons"] == subject.judgement.terms.reasons
    assert list(found.facts.matches) == facts  # they can be gone through again
    assert found.facts.digest == plain_digest(found.facts)


@settings(deadline=None, max_examples=120)
@given(worlds())
def test_counts_and_pieces_are_those_of_the_plain_way(datasets: tuple[JudgedDataset, ...]) -> None:
    run = plain_run(*(d.named for d in datasets))
    found, use = gather(run, *datasets), run_use(run)
    for item, judged_dataset in zip(found.facts.datasets, datasets, strict=True):
        values = dict(item.values)
        given_away = values["pieces.words"], values["pieces.outputs"], values["pieces.output_words"]
        assert given_away == plain_pieces(judged_dataset, catalogs(), use, lookup)
    totals = count_totals(datasets, found, ())
    every = [m for _, m in all_matches(datasets)]
    alarms = [m for m in every if not m.explained]
    assert (totals.matches, totals.alarms, totals.matched_words) == (len(every), len(alarms), sum(m.words for m in alarms))
    unlicensed = [
        m for m in alarms if any(j.kind is ReferenceKind.WORK and j.license.value != "ALLOWED" for j in plain_judge(m, catalogs(), use, lookup))
    ]
    assert totals.words_shared_unlicensed == sum(m.aligned_words for m in unlicensed)


@settings(deadline=None, max_examples=120)
@given(datasets=worlds(), room=st.integers(1, 6))
def test_a_bound_on_what_is_listed_changes_neither_verdict_nor_counts(
    bundles: tuple[Bundle, ...], datasets: tuple[JudgedDataset, ...], room: int
) -> None:
    run = plain_run(*(d.named for d in datasets))
    found = gather(run, *datasets)
    bounded = evaluate(bundles, found.facts, (), TODAY, room=room)
    whole = evaluate(bundles, found.facts, (), TODAY, room=10**6)
    subjects = plain_subjects(datasets, catalogs(), run_use(run), lookup)
    plain = [(rule, outcome, s) for rule, outcome, s in plain_outcomes(bundles, subjects, {}) if outcome in {Outcome.VIOLATED, Outcome.UNKNOWN}]
    assert Counter((f.rule, f.outcome, f.subject.digest) for f in of_matches(whole)) == Counter(
        (rule, outcome, s.digest) for rule, outcome, s in plain
    )
    assert bounded.verdict is whole.verdict
    assert bounded.facts_digest == whole.facts_digest == plain_digest(found.facts)
    assert bounded.rules == whole.rules
    expected = Counter((rule, outcome, s.dataset) for rule, outcome, s in plain)
    sizes: Counter[tuple[str, Outcome, str]] = Counter()
    for f in of_matches(bounded):
        sizes[f.rule, f.outcome, f.dataset] += f.size
    assert sizes == expected
    for (rule, outcome, name), count in expected.items():
        ordered = sorted((s for r, o, s in plain if (r, o, s.dataset) == (rule, outcome, name)), key=lambda s: (-s.match.aligned_words, s.digest))
        mine = [f for f in of_matches(bounded) if (f.rule, f.outcome, f.dataset) == (rule, outcome, name)]
        assert {f.subject.digest for f in mine if not f.grouped} == {s.digest for s in ordered[:room]}
        assert [f.grouped for f in mine if f.grouped] == ([count - room] if count > room else [])
    listed = {f.id: f for f in whole.findings}
    assert all(listed[f.id] == f for f in bounded.findings if not f.grouped)


def of_matches(evaluation: Evaluation) -> list[Finding]:
    return [f for f in evaluation.findings if f.subject.kind is SubjectKind.MATCH]


def closed(count: int, *, words: int = 30) -> tuple[Match, ...]:
    """Return alarms of an unlicensed work, one a record."""
    return tuple(plain_match(REFERENCES["work:closed"], record=i, words=words + i) for i in range(count))


@pytest.mark.parametrize(("count", "grouped"), [(4, []), (5, []), (6, [1]), (9, [4])])
def test_a_finding_stands_for_others_only_beyond_the_bound(bundles: tuple[Bundle, ...], count: int, grouped: list[int]) -> None:
    found = gather(plain_run(), dataset_of("notes", closed(count)))
    evaluation = evaluate(bundles[:1], found.facts, (), TODAY, room=5)
    findings = of_matches(evaluation)
    assert [f.grouped for f in findings if f.grouped] == grouped
    assert len([f for f in findings if not f.grouped]) == min(count, 5)
    assert evaluation.verdict is VerdictKind.BLOCKED
    assert next(r.violated for used in evaluation.rules for r in used.rules if r.id == "C001") == count


def test_a_grouped_finding_shows_what_is_common_and_what_differs(bundles: tuple[Bundle, ...]) -> None:
    found = gather(plain_run(), dataset_of("notes", closed(9)))
    evaluation = evaluate(bundles[:1], found.facts, (), TODAY, room=2)
    (group,) = (f for f in of_matches(evaluation) if f.grouped)
    assert group.message.startswith("7 more: … in 0.jsonl shares … words with ")
    assert {r.path: r.value for r in group.because} == {
        "match.reference.license.this_use": "PROHIBITED",
        "match.kind": "work",
        "match.explained": "NO",
    }
    assert "waive" not in {r.kind for r in group.remedies}
    assert evaluation.findings.index(group) == max(evaluation.findings.index(f) for f in of_matches(evaluation))


def test_a_grouped_finding_cites_every_clause_of_those_it_stands_for(bundles: tuple[Bundle, ...]) -> None:
    days = ("2025-03-01", "2025-04-01", "2025-05-01")
    made = tuple(output_reference(f"call:{day}", day=day) for day in days)
    found = gather_facts(
        plain_run(),
        (dataset_of("notes", tuple(plain_match(made[i % 3], record=i) for i in range(6))),),
        catalogs(),
        lambda _, name: {r.id: r for r in made}[name],
        today=TODAY,
    )
    whole = of_matches(evaluate(bundles[:1], found.facts, (), TODAY, room=9))
    (group,) = (f for f in of_matches(evaluate(bundles[:1], found.facts, (), TODAY, room=1)) if f.grouped)
    assert whole[0].clauses
    assert set(group.clauses) == {c for f in whole for c in f.clauses}


def test_the_subject_of_a_group_changes_with_any_of_its_members(bundles: tuple[Bundle, ...]) -> None:
    def subject(*matches: Match) -> str:
        found = gather(plain_run(), dataset_of("notes", matches))
        return next(f.subject.digest for f in of_matches(evaluate(bundles[:1], found.facts, (), TODAY, room=2)) if f.grouped)

    matches = closed(6)
    assert subject(*matches) == subject(*matches)
    for i in range(6):
        assert subject(*matches[:i], replace(matches[i], start=7), *matches[i + 1 :]) != subject(*matches)


def waiver(finding: Finding, number: int) -> Waiver:
    return Waiver(
        id=f"W{number}",
        rule=finding.rule,
        subject=finding.subject,
        reason="licensed",
        comment="",
        requested_by="a@x",
        approved_by="b@x",
        created="2026-01-01",
        expires="2026-12-31",
    )


def test_a_waiver_takes_out_of_a_group_the_one_finding_that_it_names(bundles: tuple[Bundle, ...]) -> None:
    found = gather(plain_run(), dataset_of("notes", closed(6)))
    whole = of_matches(evaluate(bundles[:1], found.facts, (), TODAY, room=9))
    bounded = evaluate(bundles[:1], found.facts, (), TODAY, room=2)
    listed = {f.subject for f in of_matches(bounded)}
    hidden = next(f for f in whole if f.subject not in listed)
    after = evaluate(bundles[:1], found.facts, (waiver(hidden, 1),), TODAY, room=2)
    assert [f.subject for f in of_matches(after) if f.waiver == "W1"] == [hidden.subject]
    assert [f.grouped for f in of_matches(after) if f.grouped] == [3]
    assert sum(f.size for f in of_matches(after) if f.is_open) == 5
    assert after.verdict is VerdictKind.BLOCKED


@settings(deadline=None, max_examples=40)
@given(datasets=worlds(), room=st.integers(1, 4), chosen=st.randoms(use_true_random=False))
def test_the_same_waivers_give_the_same_verdict_with_and_without_a_bound(
    bundles: tuple[Bundle, ...], datasets: tuple[JudgedDataset, ...], room: int, chosen: Random
) -> None:
    found = gather(plain_run(*(d.named for d in datasets)), *datasets)
    everything = of_matches(evaluate(bundles, found.facts, (), TODAY, room=10**6))
    picked = [f for f in everything if chosen.random() < 0.8]
    groups = [f for f in of_matches(evaluate(bundles, found.facts, (), TODAY, room=room)) if f.grouped]
    waivers = tuple(waiver(f, i) for i, f in enumerate((*picked, *groups)))
    bounded, whole = (evaluate(bundles, found.facts, waivers, TODAY, room=n) for n in (room, 10**6))
    assert bounded.verdict is whole.verdict
    assert [(u.waiver.id, u.state) for u in bounded.waivers] == [(u.waiver.id, u.state) for u in whole.waivers]
    waived = [f for f in of_matches(bounded) if f.waiver is not None]
    assert {f.id for f in waived} == {f.id for f in of_matches(whole) if f.waiver is not None}
    assert not any(f.grouped for f in waived)


def test_with_every_passage_excepted_by_name_a_run_is_cleared_and_there_is_no_group(bundles: tuple[Bundle, ...]) -> None:
    found = gather(plain_run(references=("known",)), dataset_of("notes", closed(6)))
    findings = of_matches(evaluate(bundles[:1], found.facts, (), TODAY, room=9))
    waivers = tuple(waiver(f, i) for i, f in enumerate(findings))
    for room in (1, 9):
        all_but_one = evaluate(bundles[:1], found.facts, waivers[1:], TODAY, room=room)
        excepted = evaluate(bundles[:1], found.facts, waivers, TODAY, room=room)
        assert all_but_one.verdict is VerdictKind.BLOCKED
        assert excepted.verdict is VerdictKind.CLEARED
        assert not any(f.grouped for f in excepted.findings)


def test_many_datasets_share_what_a_rule_may_list() -> None:
    assert [room_for(n) for n in (0, 1, 4, 5, 20, 20_000, 10**6)] == [5_000, 5_000, 5_000, 4_000, 1_000, 1, 1]
