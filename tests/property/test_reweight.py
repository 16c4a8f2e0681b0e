"""New weights keep every cap, keep the proportions of what is human, and are found whenever there are any."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.audit.reweight import Caps, DatasetShare, caps_of, keeps, reweight
from provenance.config import shipped
from provenance.model.absence import TriState
from provenance.model.audit import PolicyUsed, RuleUsed
from provenance.model.finding import Reading
from provenance.policy.bundle import load_bundle

PARTS = st.lists(st.tuples(st.floats(0.01, 1), st.sampled_from(TriState), st.sampled_from(["code", "chat", "news"])), min_size=1, max_size=7)
CAP = st.floats(0, 1)


def shares_of(parts: Sequence[tuple[float, TriState, str]]) -> list[DatasetShare]:
    total = math.fsum(p[0] for p in parts)
    return [DatasetShare(name=f"d{i}", share=part / total, synthetic=said, domain=domain) for i, (part, said, domain) in enumerate(parts)]


def synthetic(weights: dict[str, float], shares: Sequence[DatasetShare]) -> float:
    """Count a share exactly, with whole steps of a ten-thousandth."""
    steps = {name: round(weight * 10_000) for name, weight in weights.items()}
    total = sum(steps[s.name] for s in shares)
    return sum(steps[s.name] for s in shares if s.synthetic is not TriState.NO) / total if total else 0.0


@given(PARTS, CAP, st.dictionaries(st.sampled_from(["code", "chat"]), CAP), CAP)
def test_caps_are_kept_and_the_sum_is_one(parts: list[tuple[float, TriState, str]], cap: float, domains: dict[str, float], single: float) -> None:
    shares, caps = shares_of(parts), Caps(run=cap, domains=domains, dataset=single)
    found = reweight(shares, caps)
    if found is None:
        # One that keeps all caps is the human datasets alone.
        assert all(s.synthetic is not TriState.NO for s in shares)
        return
    assert sum(round(w * 10_000) for w in found.values()) == 10_000
    assert synthetic(found, shares) <= cap + 1e-12
    for domain, limit in domains.items():
        assert synthetic(found, [s for s in shares if s.domain == domain]) <= limit + 1e-12
    assert all(found[s.name] <= single + 1e-12 for s in shares if s.synthetic is not TriState.NO)
    assert keeps(found, shares, caps)


@given(PARTS)
def test_nothing_changes_where_nothing_is_above_a_cap(parts: list[tuple[float, TriState, str]]) -> None:
    shares = shares_of(parts)
    found = reweight(shares, Caps(domains={}))
    if found is not None:
        assert all(abs(found[s.name] - s.share) <= len(shares) * 1e-4 for s in shares)


@pytest.mark.parametrize(
    ("shares", "caps", "expected"),
    [
        # 40 % synthetic, at most 30 %: what is human keeps its proportion of 5 to 1.
        (((0.5, "NO", "a"), (0.1, "NO", "b"), (0.4, "YES", "b")), Caps(run=0.3, domains={}), (0.5833, 0.1167, 0.3)),
        # What nobody knows of counts as synthetic.
        (((0.5, "NO", "a"), (0.5, "UNKNOWN", "a")), Caps(run=0.25, domains={}), (0.75, 0.25)),
        # One synthetic dataset is held to a fifth, and what it loses goes to what is human.
        (((0.4, "NO", "a"), (0.1, "NO", "b"), (0.5, "YES", "b")), Caps(domains={}, dataset=0.2), (0.64, 0.16, 0.2)),
        # A domain without human text has to go whatever the run's cap is.
        (((0.5, "NO", "a"), (0.5, "YES", "b")), Caps(run=0.6, domains={"b": 0.9}), (1.0, 0.0)),
    ],
)
def test_worked_examples(shares: tuple[tuple[float, str, str], ...], caps: Caps, expected: tuple[float, ...]) -> None:
    found = reweight(shares_of([(part, TriState(said), domain) for part, said, domain in shares]), caps)
    assert found is not None
    assert tuple(found.values()) == pytest.approx(expected, abs=2e-4)


def test_caps_are_read_from_the_shipped_rules() -> None:
    bundle = load_bundle(shipped("policies") / "bundles" / "distillation.yaml")
    rules = tuple(
        RuleUsed(
            id=r.id, title="", for_each=r.for_each, require=r.require.condition.text, action=r.action, severity=r.severity, judged=0,
            satisfied=0, violated=0, unknown=0, not_applicable=0,
        )
        for r in bundle.rules
    )  # fmt: skip
    params = tuple(Reading(path=f"params.{name}", value=value) for name, value in bundle.params if not isinstance(value, tuple))
    caps = caps_of([PolicyUsed(bundle="distillation", version="", digest="", rules=rules, params=params)], ["a"])
    assert (caps.run, caps.domains, caps.dataset) == (0.3, {"a": 0.9}, 0.2)
    assert caps.rules == {"S001", "S002", "S004", "S005"}


def test_only_synthetic_text_cannot_be_mended_by_weights() -> None:
    assert reweight(shares_of([(1, TriState.YES, "a"), (1, TriState.UNKNOWN, "b")]), Caps(run=0.3, domains={})) is None
