"""Shards are judged as they come, and beyond a bound one finding stands for many: nothing that a full list would say is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.config import shipped
from provenance.errors import PolicyDocumentError
from provenance.model.finding import Outcome, Subject, SubjectKind, Waiver
from provenance.policy import judges
from provenance.policy.bundle import load_bundle
from provenance.policy.bundle_tests import harmless_values
from provenance.policy.engine import evaluate
from provenance.policy.facts import SCHEMA, Facts, FactValue, SubjectFacts, schema_paths
from provenance.policy.outcomes import judge
from provenance.policy.reading import read_bundle
from tests.fakes.plain_audit import plain_digest

TODAY = "2026-11-30"
BUNDLES = tuple(load_bundle(shipped("policies") / "bundles" / f"{name}.yaml") for name in ("baseline", "commercial-llm"))


def subject(kind: SubjectKind, name: str, changes: dict[str, FactValue] | None = None, dataset: str = "d") -> SubjectFacts:
    harmless = harmless_values()
    values = {field.path: harmless[f"{kind.value}.{field.path}"] for field in SCHEMA[kind]} | (changes or {})
    digest = "sha256:" + f"{sum(map(ord, name)):064x}"
    return SubjectFacts(subject=Subject(kind=kind, id=name, digest=digest), values=tuple(values.items()), dataset=dataset)


@dataclass(frozen=True)
class Stream:
    """Shards that have no length, and are made anew each time."""

    items: tuple[SubjectFacts, ...]

    def __iter__(self) -> Iterator[SubjectFacts]:
        yield from self.items


def world(shards: tuple[SubjectFacts, ...]) -> Facts:
    datasets = tuple(subject(SubjectKind.DATASET, name, {"name": name}, name) for name in ("d", "e"))
    return Facts(run=subject(SubjectKind.RUN, "run"), datasets=datasets, shards=Stream(shards))


SHARDS = st.lists(
    st.fixed_dictionaries(
        {
            "state": st.sampled_from(["unchanged", "changed", "UNKNOWN"]),
            "scan": st.sampled_from(["current", "none", "UNKNOWN"]),
            "unread_records": st.integers(0, 2),
        }
    ).flatmap(lambda values: st.sampled_from(["d", "e"]).map(lambda dataset: (values, dataset))),
    min_size=1,
    max_size=30,
)


@settings(deadline=None, max_examples=150)
@given(SHARDS, st.integers(1, 4), st.sampled_from([1, 3, 50_000]))
def test_a_bound_on_what_is_listed_changes_no_number_and_no_verdict(
    drawn: list[tuple[dict[str, FactValue], str]], room: int, remembered: int
) -> None:
    shards = tuple(subject(SubjectKind.SHARD, f"s{i:02}", dict(v), dataset) for i, (v, dataset) in enumerate(drawn))
    facts = world(shards)
    before, judges.REMEMBERED = judges.REMEMBERED, remembered
    try:
        whole, bounded = evaluate(BUNDLES, facts, (), TODAY, room=10**6), evaluate(BUNDLES, facts, (), TODAY, room=room)
    finally:
        judges.REMEMBERED = before
    expected: Counter[tuple[str, Outcome, str]] = Counter()
    for bundle in BUNDLES:
        for rule in (r for r in bundle.rules if r.for_each is SubjectKind.SHARD):
            for shard in shards:
                values = {**harmless_values(), **{f"params.{n}": v for n, v in bundle.params}, **{f"shard.{p}": v for p, v in shard.values}}
                outcome = judge(rule, values, schema_paths(SubjectKind.SHARD))
                if outcome in {Outcome.VIOLATED, Outcome.UNKNOWN}:
                    expected[rule.id, outcome, shard.dataset] += 1
    for evaluation in (whole, bounded):
        found: Counter[tuple[str, Outcome, str]] = Counter()
        for f in evaluation.findings:
            if f.rule.startswith("R00") and f.subject.kind is SubjectKind.SHARD:
                found[f.rule, f.outcome, f.dataset] += f.size
        assert found == expected
        assert {r.judged for used in evaluation.rules for r in used.rules if r.for_each == "shard"} == {len(shards)}
    assert bounded.rules == whole.rules
    assert bounded.verdict is whole.verdict
    assert bounded.facts_digest == whole.facts_digest == facts.digest == plain_digest(facts)
    assert max(Counter((f.rule, f.outcome, f.dataset) for f in bounded.findings if not f.grouped).values(), default=0) <= room


def test_a_grouped_finding_on_shards_is_open_shows_what_they_share_and_is_covered_by_no_waiver() -> None:
    shards = tuple(subject(SubjectKind.SHARD, f"s{i:02}", {"scan": "none", "unread_records": i}) for i in range(12))
    about = shards[7].subject
    waiver = Waiver(
        id="w", rule="R002", subject=about, reason="risk-accepted", comment="", requested_by="a", approved_by="b", created=TODAY, expires=TODAY
    )
    found = [f for f in evaluate(BUNDLES, world(shards), (waiver,), TODAY, room=3).findings if f.rule == "R002"]
    (group,) = (f for f in found if f.grouped)
    assert (group.grouped, group.is_open, group.evidence[0].kind) == (8, True, "shards")
    assert [(r.path, r.value) for r in group.because] == [("shard.scan", "none")]
    assert [f.subject for f in found if f.waiver] == [about]
    assert sum(not f.grouped and f.waiver is None for f in found) == 3


def test_facts_of_a_shard_that_do_not_fit_are_refused_wherever_it_comes() -> None:
    good = subject(SubjectKind.SHARD, "a")
    with pytest.raises(PolicyDocumentError, match="shard 'b': scan"):
        evaluate(BUNDLES, world((good, subject(SubjectKind.SHARD, "b", {"scan": "currant"}))), (), TODAY)
    with pytest.raises(PolicyDocumentError, match="which has none"):
        evaluate(BUNDLES, world((good, replace(good, dataset="nowhere"))), (), TODAY)


def test_shards_that_are_alike_in_themselves_are_judged_by_the_facts_of_their_own_dataset() -> None:
    source = """\
format: provenance.policy
version: 1
name: own
release: 1.0.0
rules:
  - {id: Q001, title: t, for_each: shard, require: dataset.license.this_use == "ALLOWED" && shard.scan == "current", action: deny, message: m, remedies: []}
"""
    facts = world(tuple(subject(SubjectKind.SHARD, f"{name}{i}", {}, name) for i in range(3) for name in ("d", "e")))
    forbidden = subject(SubjectKind.DATASET, "e", {"name": "e", "license.this_use": "PROHIBITED"}, "e")
    facts = replace(facts, datasets=(facts.datasets[0], forbidden))
    found = evaluate((read_bundle(source.encode(), where="own"),), facts, (), TODAY)
    assert {f.subject.id for f in found.findings} == {"e0", "e1", "e2"}
    assert (found.rules[0].rules[0].satisfied, found.rules[0].rules[0].violated) == (3, 3)
