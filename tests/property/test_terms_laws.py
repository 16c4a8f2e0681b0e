"""Laws of reading terms: leaving a fact out, or adding a bar, never makes an answer better; days are those of a brute-force calendar."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.config import shipped
from provenance.licensing.questions import answer_question, parse_question
from provenance.licensing.resolution import RunUse, resolve
from provenance.licensing.terms import Clause, TermsCatalog, TermsVersion, load_terms
from provenance.licensing.terms_names import CHANNELS
from provenance.licensing.uses import STRICTNESS, Use
from provenance.model.absence import Permission, TriState
from provenance.model.dataset import DateRange, Generator

CATALOG = load_terms((shipped("policies") / "terms",))
ENTRIES = tuple(e for e in CATALOG.entries if e.models or e.kind == "site-terms")


def _models(entry: TermsVersion) -> list[str]:
    """Return model ids that a text's globs name, and one that nobody knows."""
    return [re.sub(r"\[.*?\]", "4", glob).replace("*", "") or "llama-3.1-8b" for glob in entry.models] + ["no-such-model"]


def _near(day: dt.date) -> list[dt.date]:
    return [day + dt.timedelta(days=n) for n in (-40, -1, 0, 1, 40) if dt.date(2000, 1, 1) < day < dt.date(2030, 1, 1)]


@st.composite
def origins(draw: st.DrawFn) -> dict[str, object]:
    """Draw what made some text, near the edges of one catalogued version."""
    entry = draw(st.sampled_from(ENTRIES))
    days = [d for e in (entry.starts_surely, entry.ends_surely) for d in _near(e)] or [dt.date(2025, 6, 1)]
    first = draw(st.sampled_from(days))
    return {
        "provider": draw(st.sampled_from([entry.provider] * 4 + ["together", "amazon", "openrouter", "cursor", "alibaba", "perplexity", "nobody"])),
        "host": draw(st.sampled_from(["UNKNOWN"] * 4 + ["amazon", "cursor"])),
        "model": draw(st.sampled_from(_models(entry))),
        "channel": draw(st.sampled_from([*entry.channels * 3, *CHANNELS])),
        "region": draw(st.sampled_from(["US", "DE", "UK", "CH", "KR", "EU", "EEA", "ROW"])),
        "from": first.isoformat(),
        "to": (first + dt.timedelta(days=draw(st.sampled_from([0, 0, 1, 60, 400])))).isoformat(),
    }


TRI = st.sampled_from(["yes", "no", "unknown"])
FACTS = st.fixed_dictionaries(
    {
        "competing": TRI,
        "commercial": TRI,
        "distribute_weights": TRI,
        "same_family": TRI,
        "imitates": TRI,
        "similar": TRI,
        "grounded": TRI,
        "automated": TRI,
        "access": st.sampled_from(["crawl", "data-api", "dump"]),
        "model_kind": st.sampled_from(["llm", "classifier", "embedding", "other"]),
        "model_family": st.sampled_from(["llama-3", "llama-3.1", "qwen2.5", "grok-2"]),
        "monthly_active_users": st.sampled_from([5, 150_000_000, 800_000_000]),
        "revenue": st.sampled_from([5, 30_000_000, 600_000_000, 20_000_000_000]),
        "output_type": st.sampled_from(["text", "image", "voice"]),
        "approvals": st.sampled_from(
            [
                [],
                [{"provider": "meta", "who": "a", "when": "2025-01-01", "evidence": "b"}],
                [{"provider": "anthropic", "who": "a", "when": "2025-01-01", "evidence": "b"}],
            ]
        ),
    }
)
QUESTIONS = st.builds(lambda origin, facts: {**origin, **facts}, origins(), FACTS)
REMOVABLE = (
    "provider", "model", "channel", "region", "competing", "commercial", "distribute_weights", "same_family", "imitates", "similar", "grounded", "automated", "access",
    "model_kind", "model_family", "monthly_active_users", "revenue", "output_type", "approvals", "from", "to",
)  # fmt: skip


def outcomes(given_facts: Mapping[str, object], catalog: TermsCatalog = CATALOG) -> dict[str, Permission]:
    found = answer_question(catalog, parse_question(given_facts))
    return {u.use.value: u.outcome for u in found.uses}


@settings(max_examples=400, deadline=None)
@given(question=QUESTIONS, wider=st.sampled_from(["EU", "EEA", "UNKNOWN"]))
def test_a_wider_region_never_clears_what_a_country_in_it_would_not(question: dict[str, object], wider: str) -> None:
    known, without = outcomes({**question, "region": "DE"}), outcomes({**question, "region": wider})
    assert [u for u in known if known[u] is not Permission.ALLOWED and without[u] is Permission.ALLOWED] == []


@settings(max_examples=400, deadline=None)
@given(question=QUESTIONS, removed=st.sampled_from(REMOVABLE))
def test_a_fact_left_out_never_clears_what_it_would_not(question: dict[str, object], removed: str) -> None:
    known = outcomes(question)
    rest = (
        {k: v for k, v in question.items() if k not in {removed, "to" if removed == "from" else ""}}
        | ({"to": "UNKNOWN"} if removed == "to" else {})
        | ({"output_type": "unknown"} if removed == "output_type" else {})
    )
    without = outcomes(rest)
    better = [u for u in known if known[u] is not Permission.ALLOWED and without[u] is Permission.ALLOWED]
    assert better == []


@settings(max_examples=300, deadline=None)
@given(question=QUESTIONS, removed=st.lists(st.sampled_from(REMOVABLE), max_size=4, unique=True), data=st.data())
def test_another_bar_never_makes_an_answer_better(question: dict[str, object], removed: list[str], data: st.DataObject) -> None:
    facts = {k: v for k, v in question.items() if k not in removed and not (k == "to" and "from" in removed)}
    before = outcomes(facts)
    like = data.draw(st.sampled_from(CATALOG.of_provider(str(question["provider"])) or CATALOG.entries))
    bar = replace(
        like,
        id="added.bar",
        clauses=tuple(Clause(name=n, value="prohibited") for n in ("automated_extraction", "distillation", "train_any_model")),
        duties=(),
    )
    after = outcomes(facts, TermsCatalog(version="x", digest="x", entries=(*CATALOG.entries, bar)))
    assert [u for u in before if before[u] is not Permission.ALLOWED and after[u] is Permission.ALLOWED] == []


DAYS = [dt.date(2025, 1, 1) + dt.timedelta(days=n) for n in range(12)]
SPANS = st.lists(st.tuples(st.integers(0, 11), st.integers(1, 12), st.sampled_from(["allowed", "prohibited", "silent"])), min_size=1, max_size=5)


def version(number: int, first: dt.date, end: dt.date, value: str) -> TermsVersion:
    return TermsVersion(
        id=f"acme.{number}", provider="acme", service="", kind="service-terms", title="", url="", source="", confidence="seen", effective_from=first.isoformat(),
        effective_to=end.isoformat(), starts_possibly=first, starts_surely=first, ends_surely=end, ends_possibly=end, channels=("api",), regions=("global",),
        models=("m",), not_models=(), clauses=(Clause(name="train_any_model", value=value),),
    )  # fmt: skip


def of_day(spans: list[tuple[int, int, str]], day: int) -> Permission:
    """Return what the texts of one day say, by going through all of them."""
    values = {value for start, length, value in spans if start <= day < start + length} - {"silent"}
    return Permission.PROHIBITED if "prohibited" in values else Permission.ALLOWED if "allowed" in values else Permission.UNKNOWN


@settings(max_examples=400, deadline=None)
@given(spans=SPANS, first=st.integers(0, 11), length=st.integers(1, 8))
def test_an_interval_is_as_strict_as_its_strictest_day_and_splits_where_days_differ(
    spans: list[tuple[int, int, str]], first: int, length: int
) -> None:
    last = min(first + length - 1, 11)
    entries = tuple(version(n, DAYS[a], DAYS[a] + dt.timedelta(days=days), v) for n, (a, days, v) in enumerate(spans))
    catalog = TermsCatalog(version="x", digest="x", entries=entries)
    generated = DateRange(start=DAYS[first].isoformat(), end=DAYS[last].isoformat())
    maker = Generator(provider="acme", model="m", channel="api", region="US", generated=generated)
    run = RunUse(commercial=TriState.NO, distribute_weights=TriState.NO, imitates=TriState.NO)
    answer = resolve(catalog, maker, run)
    daily = [of_day(spans, day) for day in range(first, last + 1)]
    assert answer.outcome is max(daily, key=STRICTNESS.index)
    split = {DAYS[first] + dt.timedelta(days=n): o for n, o in enumerate(daily)}
    for part in answer.splits:
        day = dt.date.fromisoformat(part.first)
        while day <= dt.date.fromisoformat(part.last):
            assert dict(part.outcomes)[Use.TRAIN_ANY_MODEL] is split.pop(day)
            day += dt.timedelta(days=1)
    assert not split or (len(set(daily)) == 1 and not answer.splits)
