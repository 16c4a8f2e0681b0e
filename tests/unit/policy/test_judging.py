"""What an evaluation says: each finding whole, their order, the counts of each rule, the verdict, and how many findings become one (FORMATS, finding)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from provenance.errors import PolicyDocumentError
from provenance.fingerprint.digest import is_digest
from provenance.model.audit import RuleUsed
from provenance.model.finding import (
    Action,
    ClauseCitation,
    Finding,
    FindingEvidence,
    Outcome,
    Reading,
    Remedy,
    Severity,
    Subject,
    SubjectKind,
    VerdictKind,
    Waiver,
)
from provenance.policy.bundle_tests import harmless_values
from provenance.policy.engine import Evaluation, Judging, evaluate
from provenance.policy.facts import SCHEMA, Facts, FactValue, SubjectFacts
from provenance.policy.judges import Found
from provenance.policy.listing import room_for
from provenance.policy.reading import read_bundle

TODAY = "2026-11-30"
SOURCE = """
format: provenance.policy
version: 1
name: own
release: 2.0.0
params: {cap: 10, word: x}
rules:
  - id: S001
    title: The shard was scanned
    for_each: shard
    require: shard.scan == "current"
    action: deny
    severity: critical
    message: "{shard.path} of {dataset.name}, {dataset.share:percent} of the run: scan is {shard.scan}"
    remedies: [drop, {kind: rescan, summary: "scan {subject} of {run.model.name}"}, waive]
  - id: S002
    title: The shard is small
    for_each: shard
    applies: shard.terms.this_use != "PROHIBITED"
    require: shard.words < params.cap
    action: review
    message: "{shard.words} words"
    remedies: [drop]
  - {id: D001, title: t, for_each: dataset, require: dataset.share <= 0.5, action: warn, message: m, remedies: [drop]}
  - {id: M001, title: t, for_each: match, require: match.explained == "YES" && dataset.shards > 0, action: deny, message: "{match.path}", remedies: [drop]}
  - {id: M002, title: t, for_each: match, require: match.words < params.cap, action: warn, message: "{match.words}", remedies: [drop]}
  - {id: M003, title: t, for_each: match, require: match.explained == "YES", action: review, message: m, remedies: [drop]}
  - {id: W001, title: t, for_each: waiver, require: waiver.state == "applied", action: warn, message: "{waiver.id} {waiver.why}", remedies: []}
"""
BUNDLE = read_bundle(SOURCE.encode(), where="own.yaml")
CLAUSE = ClauseCitation(terms="t1", clause="c1", quote="no", source="https://x.org")
DIGESTS = FindingEvidence(kind="digest", digest="sha256:" + "1" * 64, summary="d")
SCAN = FindingEvidence(kind="scan", digest="sha256:" + "2" * 64, summary="s")
MATCHED = FindingEvidence(kind="match", digest="sha256:" + "3" * 64, summary="m")
TERMS = FindingEvidence(kind="terms", digest="sha256:" + "4" * 64, summary="t")


def subject(kind: SubjectKind, name: str, changes: Mapping[str, FactValue] | None = None, *, dataset: str = "d", weight: int = 0) -> SubjectFacts:
    harmless = harmless_values()
    values = {field.path: harmless[f"{kind.value}.{field.path}"] for field in SCHEMA[kind]} | dict(changes or {})
    digest = "sha256:" + f"{sum(map(ord, name)):064x}"
    about = Subject(kind=kind, id=name, digest=digest)
    return SubjectFacts(
        subject=about,
        values=tuple(values.items()),
        dataset=dataset,
        clauses=(CLAUSE,),
        evidence=(DIGESTS, SCAN, MATCHED, TERMS),
        weight=weight,
    )


def shard(
    name: str, changes: Mapping[str, FactValue] | None = None, *, dataset: str = "d", weight: int = 0, scan: str = "current", words: int = 1
) -> SubjectFacts:
    fine: dict[str, FactValue] = {"path": name, "words": words, "words_known": "YES", "scan": scan}
    return subject(SubjectKind.SHARD, name, {**fine, **(changes or {})}, dataset=dataset, weight=weight)


def world(*shards: SubjectFacts, matches: tuple[SubjectFacts, ...] = (), share: float = 0.25) -> Facts:
    fine: dict[str, FactValue] = {"share": share, "share_known": "YES"}
    datasets = tuple(subject(SubjectKind.DATASET, name, {"name": name, **fine}, dataset=name) for name in ("d", "e"))
    return Facts(run=subject(SubjectKind.RUN, "run", {"model.name": "helpdesk"}, dataset=""), datasets=datasets, shards=shards, matches=matches)


def waiver(rule: str, about: SubjectFacts, name: str = "w", expires: str = TODAY) -> Waiver:
    people = {"requested_by": "a", "approved_by": "b"}
    return Waiver(id=name, rule=rule, subject=about.subject, reason="licensed", comment="", created=TODAY, expires=expires, **people)


def judged(facts: Facts, *waivers: Waiver, room: int | None = None) -> Evaluation:
    return evaluate([BUNDLE], facts, waivers, TODAY, room=room)


def test_a_finding_says_what_whom_why_and_what_to_do() -> None:
    (found,) = judged(world(shard("a.jsonl"), shard("b.jsonl", scan="none"))).findings
    assert found == Finding(
        id=found.id,
        rule="S001",
        title="The shard was scanned",
        bundle="own",
        severity=Severity.CRITICAL,
        outcome=Outcome.VIOLATED,
        action=Action.DENY,
        subject=shard("b.jsonl").subject,
        message="b.jsonl of d, 25.0% of the run: scan is none",
        dataset="d",
        because=(Reading(path="shard.scan", value="none"),),
        clauses=(),
        evidence=(SCAN, MATCHED),
        remedies=(
            Remedy(
                kind="drop",
                summary="leave b.jsonl out of the run, or drop the records concerned",
                effect="closes this finding of S001; at most 25.0% of the run's sampled tokens are concerned",
            ),
            Remedy(kind="rescan", summary="scan b.jsonl of helpdesk", effect="closes this finding of S001"),
            Remedy(
                kind="waive",
                summary="ask for a waiver from someone other than yourself",
                effect="S001 no longer counts for this subject until the waiver expires; the finding stays listed",
            ),
        ),
    )


def test_the_clauses_of_terms_are_cited_by_rules_that_read_terms() -> None:
    (found,) = judged(world(shard("a", words=10))).findings
    assert (found.rule, found.clauses, found.evidence) == ("S002", (CLAUSE,), (MATCHED, TERMS))
    assert found.because == (
        Reading(path="shard.words", value=10),
        Reading(path="params.cap", value=10),
        Reading(path="shard.terms.this_use", value="ALLOWED"),
    )


def test_the_id_of_a_finding_follows_rule_subject_and_what_was_read_and_nothing_else() -> None:
    def identity(*, name: str = "a", share: float = 0.25, scan: str = "none", words: int = 1) -> str:
        return next(f.id for f in judged(world(shard(name, scan=scan, words=words), share=share)).findings if f.rule == "S001")

    first = identity(scan="none")
    assert first.startswith("sha256:")
    assert identity(scan="none", share=0.3, words=11) == first
    assert len({first, identity(scan="stale"), identity(scan="none", name="b")}) == 3
    other = read_bundle(SOURCE.replace("S001", "S003").encode(), where="own.yaml")
    assert evaluate([other], world(shard("a", scan="none")), (), TODAY).findings[0].id != first


def test_every_rule_is_counted_by_outcome() -> None:
    shards = [
        shard("a"),
        shard("b", words=10),
        shard("c", words=11, scan="UNKNOWN"),
        shard("e", {"words_known": "NO"}),
        shard("f", {"terms.this_use": "PROHIBITED"}, scan="stale"),
    ]
    used = judged(world(*shards)).rules
    assert [(u.bundle, u.version, u.digest) for u in used] == [("own", "2.0.0", BUNDLE.digest)]
    assert used[0].params == (Reading(path="params.cap", value=10), Reading(path="params.word", value="x"))
    by_id = {rule.id: rule for rule in used[0].rules}
    assert list(by_id) == ["S001", "S002", "D001", "M001", "M002", "M003", "W001"]
    assert by_id["S001"] == RuleUsed(
        id="S001",
        title="The shard was scanned",
        for_each="shard",
        require='shard.scan == "current"',
        action=Action.DENY,
        severity=Severity.CRITICAL,
        judged=5,
        satisfied=3,
        violated=1,
        unknown=1,
        not_applicable=0,
    )
    small = by_id["S002"]
    assert (small.judged, small.satisfied, small.violated, small.unknown, small.not_applicable) == (5, 1, 2, 1, 1)
    assert (by_id["D001"].judged, by_id["M001"].judged, by_id["W001"].judged) == (2, 0, 0)


@pytest.mark.parametrize(
    ("changes", "share", "verdict"),
    [
        ({}, 0.5, VerdictKind.CLEARED),
        ({}, 0.51, VerdictKind.CLEARED),  # a warning is only listed
        ({"words": 10}, 0.51, VerdictKind.REVIEW),
        ({"words": 10, "scan": "none"}, 0.51, VerdictKind.BLOCKED),
        ({"scan": "UNKNOWN"}, 0.5, VerdictKind.BLOCKED),
        ({"words": 0, "words_known": "NO"}, 0.5, VerdictKind.REVIEW),
    ],
)
def test_the_verdict_is_that_of_the_worst_open_finding(changes: dict[str, FactValue], share: float, verdict: VerdictKind) -> None:
    found = judged(world(shard("a", changes), share=share))
    assert found.verdict is verdict
    assert sum(f.rule == "D001" for f in found.findings) == (2 if share > 0.5 else 0)


def test_the_worst_findings_come_first_and_waived_ones_last() -> None:
    shards = (shard("b", scan="none", words=10), shard("a", scan="none", words=10), shard("c", scan="none"), shard("a2", dataset="e", words=11))
    found = judged(world(*shards, share=0.6), waiver("S001", shards[2])).findings
    assert [(f.rule, f.subject.id) for f in found] == [
        ("S001", "a"),
        ("S001", "b"),
        ("S002", "a"),
        ("S002", "b"),
        ("S002", "a2"),
        ("D001", "d"),
        ("D001", "e"),
        ("S001", "c"),
    ]
    assert [f.waiver for f in found] == [None] * 7 + ["w"]


def test_a_run_without_shards_is_denied_by_the_engine_itself() -> None:
    found = judged(world())
    assert found.verdict is VerdictKind.BLOCKED
    (finding,) = found.findings
    assert finding == Finding(
        id=finding.id,
        rule="E000",
        title="A run without data is never cleared",
        bundle="engine",
        severity=Severity.CRITICAL,
        outcome=Outcome.VIOLATED,
        action=Action.DENY,
        subject=subject(SubjectKind.RUN, "run").subject,
        message="the run's datasets hold no shard: nothing was judged",
    )


def test_without_a_bundle_nothing_is_judged() -> None:
    with pytest.raises(PolicyDocumentError, match="no policy bundle was given") as caught:
        evaluate([], world(shard("a")), (), TODAY)
    assert caught.value.hint == "name at least one, such as policies/bundles/baseline.yaml"


@pytest.mark.parametrize(("kind", "dataset"), [("shard", "nowhere"), ("shard", ""), ("match", "nowhere"), ("match", "")])
def test_a_shard_or_match_of_no_dataset_is_refused(kind: str, dataset: str) -> None:
    item = subject(SubjectKind(kind), "a", dataset=dataset)
    facts = world(item) if kind == "shard" else world(shard("s"), matches=(item,))
    with pytest.raises(PolicyDocumentError) as caught:
        judged(facts)
    assert str(caught.value) == f"facts of {kind} 'a' name dataset {dataset!r}, which has none"


def test_matches_are_told_of_as_they_are_taken_in_the_order_of_the_rules() -> None:
    matches = [subject(SubjectKind.MATCH, name, {"path": name, "words": n, "explained": e}) for name, n, e in (("m1", 10, "NO"), ("m2", 9, "YES"))]
    judging = Judging([BUNDLE], world(shard("a")), [waiver("M001", matches[0])], TODAY)
    assert judging.take(matches[0]) == (
        Found(rule="M001", outcome=Outcome.VIOLATED, action=Action.DENY, waiver="w"),
        Found(rule="M002", outcome=Outcome.VIOLATED, action=Action.WARN, waiver=None),
        Found(rule="M003", outcome=Outcome.VIOLATED, action=Action.REVIEW, waiver=None),
    )
    assert judging.take(matches[1]) == ()
    found = judging.finish()
    assert found.verdict is VerdictKind.REVIEW
    assert {r.id: (r.judged, r.satisfied, r.violated) for r in found.rules[0].rules if r.for_each == "match"} == dict.fromkeys(
        ("M001", "M002", "M003"), (2, 1, 1)
    )
    assert found.facts_digest == replace(world(shard("a")), matches=tuple(matches)).digest
    with pytest.raises(PolicyDocumentError, match="match 'm3': words: expected a number"):
        judging.take(subject(SubjectKind.MATCH, "m3", {"words": "many"}))


def test_a_waiver_that_came_to_nothing_is_judged_and_one_that_is_quiet_is_not() -> None:
    a, b = shard("a", scan="none"), shard("b")
    waivers = [waiver("S001", a, "w1"), waiver("S001", b, "w2"), waiver("S001", b, "w3"), waiver("S001", b, "w4", "2026-12-31")]
    facts = world(a, b)

    def told(quiet: set[str]) -> tuple[set[str], list[str]]:
        found = Judging([BUNDLE], facts, waivers, TODAY, refused={"w3": "nobody signed it"}, quiet=quiet).finish()
        return {f.message for f in found.findings if f.rule == "W001"}, [f"{u.waiver.id} {u.state}" for u in found.waivers]

    spare = "w2 waiver w4 covers the same until 2026-12-31"
    assert told(set()) == (
        {spare, "w3 nobody signed it", "w4 it met no finding"},
        ["w1 applied", "w2 unused", "w3 refused", "w4 unused"],
    )
    assert told({"w1", "w3", "w4"}) == ({spare}, ["w1 applied", "w2 unused"])


# Many findings become one.


@pytest.mark.parametrize(
    ("datasets", "room"),
    [(0, 5_000), (1, 5_000), (4, 5_000), (5, 4_000), (20, 1_000), (20_000, 1), (20_001, 1), (10**6, 1)],
)
def test_findings_are_listed_by_themselves_up_to_5000_a_dataset_and_20000_a_rule(datasets: int, room: int) -> None:
    assert room_for(datasets) == room


def test_of_many_findings_the_weightiest_are_listed_and_one_stands_for_the_others() -> None:
    shards = (
        shard("a", scan="none", weight=1),
        shard("b", scan="none", weight=3),
        shard("c", scan="none", weight=2),
        shard("e1", dataset="e", scan="none"),
        shard("u", scan="UNKNOWN"),
    )
    found = [f for f in judged(world(*shards), room=1).findings if f.rule == "S001"]
    assert [(f.subject.id, f.outcome.value, f.dataset) for f in found if not f.grouped] == [
        ("b", "VIOLATED", "d"),
        ("u", "UNKNOWN", "d"),
        ("e1", "VIOLATED", "e"),
    ]
    (group,) = (f for f in found if f.grouped)
    digest = group.subject.digest
    summary = "2 of 3 are not listed by themselves; the digest is over all, and each can be judged again: provenance policy explain"
    assert group == Finding(
        id=group.id,
        rule="S001",
        title="The shard was scanned",
        bundle="own",
        severity=Severity.CRITICAL,
        outcome=Outcome.VIOLATED,
        action=Action.DENY,
        subject=Subject(kind=SubjectKind.SHARD, id=digest, digest=digest),
        message="2 more: … of d, 25.0% of the run: scan is none",
        dataset="d",
        because=(Reading(path="shard.scan", value="none"),),
        evidence=(FindingEvidence(kind="shards", digest=digest, summary=summary),),
        remedies=(
            Remedy(
                kind="drop",
                summary="leave … out of the run, or drop the records concerned",
                effect="closes this finding of S001; at most 25.0% of the run's sampled tokens are concerned",
            ),
            Remedy(kind="rescan", summary="scan … of helpdesk", effect="closes this finding of S001"),
        ),
        grouped=2,
    )


def test_a_grouped_finding_shows_only_what_all_of_them_share() -> None:
    shards = [shard(name, words=n, weight=w) for name, n, w in (("a", 99, 9), ("b", 20, 1), ("c", 21, 1), ("e", 20, 1))]
    (group,) = (f for f in judged(world(*shards), room=1).findings if f.grouped)
    assert group.message == "3 more: … words"
    assert group.because == (Reading(path="params.cap", value=10), Reading(path="shard.terms.this_use", value="ALLOWED"))
    assert group.clauses == (CLAUSE,)
    equal = [shard(name, words=20, weight=w) for name, w in (("a", 9), ("b", 1), ("c", 1))]
    (group,) = (f for f in judged(world(*equal), room=1).findings if f.grouped)
    assert group.message == "2 more: 20 words"
    late = [shard("b", words=20, weight=1), shard("a", words=99, weight=9), shard("c", words=20, weight=1)]
    (group,) = (f for f in judged(world(*late), room=1).findings if f.grouped)
    assert group.message == "2 more: 20 words"  # of what gave way to a weightier one, and not of that one


def test_what_a_grouped_finding_stands_for_decides_its_digest() -> None:
    def digest(*names: str) -> str:
        return next(f.subject.digest for f in judged(world(*(shard(n, scan="none") for n in names)), room=1).findings if f.grouped)

    assert digest("a", "b", "c") == digest("a", "b", "c")
    assert len({digest("a", "b", "c"), digest("a", "b", "e"), digest("a", "b"), digest("a", "b", "c", "e")}) == 4


def test_grouped_findings_and_that_of_the_engine_have_digests_for_ids_and_each_its_own() -> None:
    names = ("a", "b", "c")
    several = [shard(f"{d}{n}", dataset=d, scan="none", words=11) for n in names for d in ("d", "e")]
    found = [f for f in judged(world(*several), room=1).findings if f.grouped]
    other = judged(replace(world(), run=subject(SubjectKind.RUN, "another", dataset=""))).findings
    ids = [f.id for f in (*found, *judged(world()).findings, *other)]
    assert len(ids) == len(set(ids)) == 6
    assert all(is_digest(i) for i in ids)
    assert all(is_digest(f.subject.digest) for f in found)


def test_a_grouped_finding_of_matches_names_the_evidence_that_keeps_them() -> None:
    matches = tuple(subject(SubjectKind.MATCH, f"m{i}", {"path": f"m{i}", "explained": "NO", "words": 1}) for i in range(3))
    (group,) = (f for f in judged(world(shard("a"), matches=matches), room=1).findings if f.grouped and f.rule == "M001")
    (evidence,) = group.evidence
    assert (evidence.kind, evidence.summary) == (
        "matches",
        "2 of 3 are not listed by themselves; the digest is over all, and the evidence keeps them",
    )


def test_only_of_matches_and_shards_many_findings_become_one() -> None:
    found = judged(world(shard("a"), share=0.9), room=1).findings
    assert [(f.subject.id, f.grouped) for f in found] == [("d", 0), ("e", 0)]
