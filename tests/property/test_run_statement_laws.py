"""Laws of what a run states for terms: silence is as good as UNKNOWN, no approval left out loosens anything, and one of somebody else changes nothing."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.audit.facts import run_use
from provenance.config import shipped
from provenance.licensing.resolution import TermsAnswer, resolve
from provenance.licensing.terms import TermsVersion, load_terms
from provenance.licensing.uses import STRICTNESS, Use
from provenance.model.dataset import DateRange, Generator
from provenance.policy.rundoc import parse_run

CATALOG = load_terms((shipped("policies") / "terms",))
ASKING = tuple(e for e in CATALOG.entries if e.models and any("approval" in c.value for c in e.clauses))
SPEAKING = tuple(e for e in CATALOG.entries if e.models and e.speaks_of_imitation)
TESTING = tuple(e for e in CATALOG.entries if (limit := e.clause("limits")) is not None and any(t.kind == "threshold" for t in limit.tests))
DIGEST = "sha256:" + "1" * 64
TODAY = "2026-11-30"


@st.composite
def makers(draw: st.DrawFn) -> Generator:
    """Draw what made some text under a version that asks for an approval, speaks of imitating or sets a threshold."""
    entry: TermsVersion = draw(st.sampled_from([*ASKING, *SPEAKING, *TESTING]))
    day = draw(st.sampled_from([d.isoformat() for d in (entry.starts_surely, entry.starts_possibly) if d.year > 2000] or ["2026-06-01"]))
    model = draw(st.sampled_from([g.replace("*", "") or "some-model" for g in entry.models]))
    channel = draw(st.sampled_from(entry.channels or ("api",)))
    return Generator(provider=entry.provider, model=model, channel=channel, region="US", generated=DateRange(start=day, end=day))


PROVIDERS = st.sampled_from(sorted({e.provider for e in (*ASKING, *SPEAKING)}))
APPROVALS = st.fixed_dictionaries(
    {"who": st.just("w"), "day": st.sampled_from(["2025-01-01", "2999-01-01"]), "provider": PROVIDERS},
    optional={
        "scope": st.lists(st.sampled_from([u.value for u in Use]), max_size=3, unique=True),
        "evidence": st.sampled_from([{"url": "u", "sha256": DIGEST}, {"url": "u"}, {"sha256": DIGEST}]),
    },
)
STATEMENTS = st.fixed_dictionaries({"provider": PROVIDERS, "value": st.sampled_from([True, False]), "who": st.just("w"), "why": st.just("y")})
PURPOSES = st.fixed_dictionaries(
    {"commercial": st.booleans()},
    optional={
        "imitates": st.lists(STATEMENTS, max_size=4, unique_by=lambda s: str(s["provider"])),
        "competes_with": st.lists(STATEMENTS, max_size=4, unique_by=lambda s: str(s["provider"])),
        "distribute_data": st.booleans(),
    },
)
ORGANIZATIONS = st.fixed_dictionaries(
    {},
    optional={
        "monthly_active_users": st.sampled_from([5, 800_000_000]),
        "revenue": st.builds(
            lambda amount, currency, period: {"amount": amount, "currency": currency, "period": period, "as_of": "2025-12-31"},
            st.sampled_from([5, 30_000_000, 20_000_000_000]),
            st.sampled_from(["USD", "EUR", "JPY", "CNY"]),
            st.sampled_from(["year", "month"]),
        ),
    },
)
RUNS = st.builds(
    lambda purpose, organization, approvals, weights: {
        "format": "provenance.run",
        "version": 1,
        "model": {"name": "m", "kind": "llm", "release": {"weights": weights}},
        "data": [{"dataset": "d"}],
        "purpose": purpose,
        "organization": organization,
        "approvals": approvals,
    },
    PURPOSES,
    ORGANIZATIONS,
    st.lists(APPROVALS, max_size=3),
    st.sampled_from(["open", "closed"]),
)


def answer(document: dict[str, Any], maker: Generator) -> TermsAnswer:
    return resolve(CATALOG, maker, run_use(parse_run(document, where="run"), today=TODAY))


def rank(found: TermsAnswer) -> int:
    return STRICTNESS.index(found.outcome)


@settings(max_examples=300, deadline=None)
@given(document=RUNS, maker=makers(), number=st.integers(0, 2))
def test_an_approval_left_out_never_loosens(document: dict[str, Any], maker: Generator, number: int) -> None:
    fewer = {**document, "approvals": [a for i, a in enumerate(document["approvals"]) if i != number]}
    assert rank(answer(fewer, maker)) >= rank(answer(document, maker))


@settings(max_examples=300, deadline=None)
@given(document=RUNS, maker=makers(), added=APPROVALS)
def test_an_approval_of_somebody_else_or_without_evidence_changes_nothing(document: dict[str, Any], maker: Generator, added: dict[str, Any]) -> None:
    before = answer(document, maker)
    counts = added["day"] <= TODAY and added.get("evidence") == {"url": "u", "sha256": DIGEST}
    if counts and added["provider"] in {layer.provider for layer in before.layers}:
        added = {**added, "provider": "somebody-else"}
    assert answer({**document, "approvals": [*document["approvals"], added]}, maker) == before


@settings(max_examples=300, deadline=None)
@given(document=RUNS, maker=makers(), part=st.sampled_from(["imitates", "competes_with", "distribute_data", "monthly_active_users", "revenue"]))
def test_a_statement_left_out_never_clears_what_it_would_not(document: dict[str, Any], maker: Generator, part: str) -> None:
    silent = {**document, **{name: {k: v for k, v in document[name].items() if k != part} for name in ("purpose", "organization")}}
    known = document["purpose"].get(part) if part == "distribute_data" else None
    if known is True:  # a run that does not state it keeps its data to itself (docs/formats/run.md); UNKNOWN stays strict
        silent = {**silent, "purpose": {**silent["purpose"], "distribute_data": "UNKNOWN"}}
    assert not (rank(answer(document, maker)) and not rank(answer(silent, maker)))


UNKNOWNS = {
    "purpose": {"imitates": "UNKNOWN"},
    "organization": {"monthly_active_users": "UNKNOWN", "monthly_active_users_at": "UNKNOWN", "revenue": "UNKNOWN"},
}


@settings(max_examples=200, deadline=None)
@given(document=RUNS, part=st.sampled_from(sorted(UNKNOWNS)), provider=PROVIDERS)
def test_unknown_is_as_good_as_left_out(document: dict[str, Any], part: str, provider: str) -> None:
    silent = {**document, part: {k: v for k, v in document[part].items() if k not in UNKNOWNS[part]}}
    plain = run_use(parse_run(silent, where="run"), today=TODAY)
    assert run_use(parse_run({**silent, part: {**silent[part], **UNKNOWNS[part]}}, where="run"), today=TODAY) == plain
    if all(s["provider"] != provider for s in silent["purpose"].get("imitates", [])):
        said = [*silent["purpose"].get("imitates", []), {"provider": provider, "value": "UNKNOWN"}]
        assert run_use(parse_run({**silent, "purpose": {**silent["purpose"], "imitates": said}}, where="run"), today=TODAY) == plain
    unsupported = {"provider": provider, "who": "UNKNOWN", "day": "UNKNOWN", "evidence": "UNKNOWN"}
    assert run_use(parse_run({**silent, "approvals": [*silent["approvals"], unsupported]}, where="run"), today=TODAY) == plain


@settings(max_examples=200, deadline=None)
@given(document=RUNS, maker=makers())
def test_data_of_which_nobody_knows_whether_it_is_handed_on_is_never_judged_looser(document: dict[str, Any], maker: Generator) -> None:
    silent = {**document, "purpose": {k: v for k, v in document["purpose"].items() if k != "distribute_data"}}
    unknown = {**silent, "purpose": {**silent["purpose"], "distribute_data": "UNKNOWN"}}
    assert rank(answer(unknown, maker)) >= rank(answer(silent, maker))
