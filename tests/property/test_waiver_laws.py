"""Laws of waivers: none improves a finding that it does not exactly name, by rule, subject, digest and day, or that its approver did not sign as it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from provenance.audit.admitting import Verifier, admit
from provenance.clearance.approval import approval_fault, sign_waiver
from provenance.clearance.trust import APPROVER_ROLE, Trust
from provenance.config import shipped
from provenance.model.finding import Finding, Subject, SubjectKind, Waiver
from provenance.model.waiving import SignedWaiver
from provenance.policy.bundle import load_bundles
from provenance.policy.bundle_tests import harmless_values
from provenance.policy.engine import Evaluation, Judging
from provenance.policy.facts import SCHEMA, Facts, FactValue, SubjectFacts
from tests.fakes.clearances import rfc_key

BUNDLES = load_bundles(sorted((shipped("policies") / "bundles").glob("*.yaml")))
RULES = sorted(r.id for b in BUNDLES for r in b.rules)
WAIVABLE = {r.id: r.waivable for b in BUNDLES for r in b.rules}
TODAY = "2026-11-24"
DAYS = st.sampled_from(["2026-11-22", "2026-11-23", "2026-11-24", "2026-11-25", "2027-01-31"])
DIGESTS = st.sampled_from(["sha256:" + c * 64 for c in "012"])
NAMES = st.sampled_from(["a", "b", "d", "run"])
SUBJECTS = st.builds(Subject, kind=st.sampled_from([SubjectKind.SHARD, SubjectKind.DATASET, SubjectKind.RUN]), id=NAMES, digest=DIGESTS)
WAIVERS = st.builds(
    Waiver,
    id=st.uuids().map(str),
    rule=st.sampled_from(RULES),
    subject=SUBJECTS,
    reason=st.just("licensed"),
    comment=st.just(""),
    requested_by=st.just("ada@x.org"),
    approved_by=st.just("Grace Approver"),
    created=DAYS,
    expires=DAYS,
)
ADA = rfc_key(0).trusted(name="Ada Clearer", roles=("issuer",), not_before="2026-01-01T00:00:00Z", not_after="2027-12-31T00:00:00Z")
GRACE = rfc_key(1).trusted(name="Grace Approver", roles=(APPROVER_ROLE,), not_before="2026-01-01T00:00:00Z", not_after="2027-12-31T00:00:00Z")
TRUST = Trust(keys=(ADA, GRACE), thresholds=(("issuer", 1),))


def subject(kind: SubjectKind, name: str, digest: str, changes: dict[str, FactValue] | None = None) -> SubjectFacts:
    harmless = harmless_values()
    values = {field.path: harmless[f"{kind.value}.{field.path}"] for field in SCHEMA[kind]} | (changes or {})
    return SubjectFacts(subject=Subject(kind=kind, id=name, digest=digest), values=tuple(values.items()), dataset="d")


def judged(waivers: tuple[Waiver, ...], digests: tuple[str, str], today: str = TODAY) -> Evaluation:
    """Judge a run with faults on both shards, the dataset and the run."""
    shards = tuple(subject(SubjectKind.SHARD, n, d, {"scan": "none", "state": "changed"}) for n, d in zip("ab", digests, strict=True))
    dataset = subject(SubjectKind.DATASET, "d", digests[0], {"license.use": "UNKNOWN"})
    facts = Facts(run=subject(SubjectKind.RUN, "run", digests[0], {"references": 0}), datasets=(dataset,), shards=shards)
    return Judging(BUNDLES, facts, waivers, today).finish()


def names_exactly(waiver: Waiver, finding: Finding, today: str) -> bool:
    return (
        (waiver.rule, waiver.subject) == (finding.rule, finding.subject) and WAIVABLE[waiver.rule] and waiver.created[:10] <= today <= waiver.expires
    )


@given(st.lists(WAIVERS, max_size=12, unique_by=lambda w: w.id), st.tuples(DIGESTS, DIGESTS), DAYS)
def test_a_finding_is_waived_only_where_a_waiver_names_it_exactly(waivers: list[Waiver], digests: tuple[str, str], today: str) -> None:
    found = judged(tuple(waivers), digests, today)
    plain = judged((), digests, today)
    assert {f.id for f in plain.findings} <= {f.id for f in found.findings}  # a waived finding stays listed
    by_id = {w.id: w for w in waivers}
    for finding in found.findings:
        fitting = {w.id for w in waivers if names_exactly(w, finding, today)}
        assert (finding.waiver is not None) == bool(fitting)
        if finding.waiver is not None:
            assert finding.waiver in fitting
            assert by_id[finding.waiver].expires == max(by_id[i].expires for i in fitting)
    assert {u.waiver.id for u in found.waivers} == set(by_id)


@given(st.lists(WAIVERS, max_size=8, unique_by=lambda w: w.id), st.randoms())
def test_the_order_of_waivers_decides_nothing(waivers: list[Waiver], draw: Any) -> None:
    digests = ("sha256:" + "0" * 64, "sha256:" + "1" * 64)
    shuffled = draw.sample(waivers, len(waivers))
    assert judged(tuple(waivers), digests).findings == judged(tuple(shuffled), digests).findings


CHANGES: dict[str, Any] = {
    "id": "other",
    "rule": "C001",
    "subject": Subject(kind=SubjectKind.SHARD, id="zzz", digest="sha256:" + "9" * 64),
    "reason": "remedied",
    "comment": "more",
    "requested_by": "eve@x.org",
    "approved_by": "Grace  Approver",
    "created": "2026-11-21",
    "expires": "2027-02-01",
}


@given(WAIVERS, st.sampled_from(sorted(CHANGES)))
def test_a_signed_waiver_counts_only_as_it_was_signed(waiver: Waiver, field: str) -> None:
    signature = sign_waiver(waiver, rfc_key(1))
    now = f"{TODAY}T12:00:00Z"
    assert approval_fault(waiver, signature, TRUST, now) is None
    changed = replace(waiver, **{field: CHANGES[field]})
    if changed != waiver:
        fault = approval_fault(changed, signature, TRUST, now)
        assert fault is not None
        assert "does not verify" in fault


@given(st.lists(WAIVERS, min_size=1, max_size=4, unique_by=lambda w: w.id), st.binary(min_size=64, max_size=64))
def test_what_is_refused_covers_nothing(waivers: list[Waiver], noise: bytes) -> None:
    """Unsigned where signatures are asked for, and any bytes in the place of a signature."""
    digests = ("sha256:" + "0" * 64, "sha256:" + "1" * 64)
    good = sign_waiver(waivers[0], rfc_key(1))
    items = [SignedWaiver(waiver=waivers[0], signature=replace(good, sig=noise.hex()))] + [SignedWaiver(waiver=w) for w in waivers[1:]]
    admitted = admit(items, [], Verifier(trust=TRUST, now=f"{TODAY}T12:00:00Z", required=True))
    assert {name for name, _ in admitted.refused} == {w.id for w in waivers}
    judging = Judging(BUNDLES, facts_of(digests), admitted.waivers, TODAY, refused=dict(admitted.refused))
    found = judging.finish()
    assert all(f.waiver is None for f in found.findings)
    assert sum(f.rule == "W003" for f in found.findings) == len(waivers)


def facts_of(digests: tuple[str, str]) -> Facts:
    shards = tuple(subject(SubjectKind.SHARD, n, d, {"scan": "none"}) for n, d in zip("ab", digests, strict=True))
    return Facts(run=subject(SubjectKind.RUN, "run", digests[0]), datasets=(subject(SubjectKind.DATASET, "d", digests[0]),), shards=shards)
