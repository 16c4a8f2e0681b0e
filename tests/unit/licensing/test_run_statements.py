"""Terms judged by what a run states: whom it imitates, counts of one day, revenues, approvals. Expected answers follow from reading rules 5, 8 and 10."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from provenance.licensing.resolution import resolve, resolve_named
from provenance.licensing.terms import Clause, TermsCatalog, TermsVersion
from provenance.licensing.terms_values import LimitTest
from provenance.licensing.uses import Approval, RunUse, Use
from provenance.model.absence import TriState
from provenance.model.dataset import DateRange, Generator
from provenance.model.run import Period, Revenue, UsersOn

MADE = Generator(provider="acme", model="acme-1", channel="api", region="US", generated=DateRange(start="2025-06-01", end="2025-06-01"))
QUIET = RunUse(commercial=TriState.NO, distribute_weights=TriState.NO, others_compete=TriState.YES)


def text(provider: str, *clauses: Clause, models: tuple[str, ...] = ("acme-*",), kind: str = "service-terms") -> TermsVersion:
    return TermsVersion(
        id=f"{provider}.1", provider=provider, service="", kind=kind, title="", url="", source="", confidence="seen", effective_from="2020-01-01",
        effective_to="UNKNOWN", starts_possibly=dt.date(2020, 1, 1), starts_surely=dt.date(2020, 1, 1), ends_surely=dt.date.max, ends_possibly=dt.date.max,
        channels=("api",), regions=("global",), models=models, not_models=(), clauses=clauses,
    )  # fmt: skip


def catalog(*entries: TermsVersion) -> TermsCatalog:
    return TermsCatalog(version="x", digest="x", entries=entries)


ALLOWED = Clause(name="train_any_model", value="allowed")
NO_IMITATION = Clause(name="distillation", value="prohibited")
ASKS = Clause(name="train_any_model", value="prohibited-without-approval")


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ({}, "UNKNOWN"),
        ({"not_imitating": ("acme",)}, "ALLOWED"),
        ({"imitating": ("acme",)}, "PROHIBITED"),
        ({"not_imitating": ("other",)}, "UNKNOWN"),
        ({"imitating": ("other",)}, "UNKNOWN"),
        ({"not_imitating": ("ACME",)}, "ALLOWED"),
    ],
)
def test_whom_a_run_imitates_is_judged_for_each_provider(stated: dict[str, Any], expected: str) -> None:
    known = catalog(text("acme", ALLOWED, NO_IMITATION))
    run = replace(QUIET, **stated)
    assert resolve(known, MADE, run).outcome.value == expected
    assert resolve_named(known, ("acme.1",), run).outcome.value == expected


def test_where_two_texts_speak_of_imitating_both_providers_have_to_be_named() -> None:
    two = catalog(text("acme", ALLOWED, NO_IMITATION), text("maker", ALLOWED, NO_IMITATION, models=("acme-1",), kind="acceptable-use"))
    assert {x.terms for x in resolve(two, MADE, QUIET).layers} == {"acme.1", "maker.1"}
    answers = {names: resolve(two, MADE, replace(QUIET, not_imitating=names)).outcome.value for names in (("acme",), ("maker",), ("acme", "maker"))}
    assert answers == {("acme",): "UNKNOWN", ("maker",): "UNKNOWN", ("acme", "maker"): "ALLOWED"}
    assert resolve(two, MADE, replace(QUIET, not_imitating=("acme",), imitating=("maker",))).outcome.value == "PROHIBITED"


def approval(**other: Any) -> Approval:
    facts: dict[str, Any] = {"provider": "acme", "who": "w", "when": "2025-01-01", "evidence": "letter.pdf"}
    return Approval(**{**facts, **other})


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (approval(), "ALLOWED"),
        (approval(provider="other"), "PROHIBITED"),
        (approval(provider="", terms="acme.1"), "ALLOWED"),
        (approval(provider="", terms="acme.2"), "PROHIBITED"),
        (approval(evidence=""), "PROHIBITED"),
        (approval(model="acme/Acme-1"), "ALLOWED"),
        (approval(model="acme-2"), "PROHIBITED"),
        (approval(uses=frozenset({Use.TRAIN_ANY_MODEL, Use.DISTIL})), "ALLOWED"),
        (approval(uses=frozenset({Use.TRAIN_ANY_MODEL})), "PROHIBITED"),
        (approval(uses=frozenset({Use.EVALUATION})), "PROHIBITED"),
    ],
)
def test_an_approval_lifts_the_bar_that_it_is_for_and_no_other(given: Approval, expected: str) -> None:
    run = replace(QUIET, imitating=("acme",), approvals=(given,))
    answer = resolve(catalog(text("acme", ASKS)), MADE, run)
    assert answer.outcome.value == expected
    assert expected == "PROHIBITED" or "written-approval" in {o.code for o in answer.obligations}


def test_an_approval_of_one_model_does_not_reach_a_model_that_nobody_names() -> None:
    run = replace(QUIET, not_imitating=("acme",), approvals=(approval(model="acme-1"),))
    known = catalog(text("acme", ASKS))
    assert resolve(known, replace(MADE, model="UNKNOWN"), run).outcome.value != "ALLOWED"
    assert resolve(known, MADE, run).outcome.value == "ALLOWED"


def test_an_approval_lifts_no_bar_that_asks_for_none() -> None:
    barred = catalog(text("acme", Clause(name="train_any_model", value="prohibited")))
    assert resolve(barred, MADE, replace(QUIET, approvals=(approval(),))).outcome.value == "PROHIBITED"


def under(test: LimitTest, **facts: Any) -> str:
    entry = text("acme", ALLOWED, Clause(name="limits", value="threshold", tests=(test,)))
    run = replace(QUIET, not_imitating=("acme",), **facts)
    return resolve(catalog(entry), MADE, run).outcome.value


FROZEN = LimitTest(kind="threshold", metric="monthly-active-users", value=700, tested_when="2024-07-23")
ALWAYS = LimitTest(kind="threshold", metric="monthly-active-users", value=700)


@pytest.mark.parametrize(
    ("counts", "now", "expected"),
    [
        ({"2024-06-30": 600}, 900, "ALLOWED"),
        ({"2024-06-30": 701}, None, "PROHIBITED"),
        ({"2024-06-30": 700}, None, "ALLOWED"),
        ({"2024-06-01": 600}, None, "ALLOWED"),
        ({"2024-05-31": 600}, None, "UNKNOWN"),
        ({"2024-07-23": 600}, None, "ALLOWED"),
        ({"2024-07-24": 600}, None, "UNKNOWN"),
        ({"2024-06-30": 600, "2024-07-20": 800}, None, "PROHIBITED"),
        ({"2025-06-30": 900}, None, "UNKNOWN"),
        ({}, None, "UNKNOWN"),
    ],
)
def test_a_count_of_the_day_that_a_text_tests_decides_for_ever(counts: dict[str, int], now: int | None, expected: str) -> None:
    dated = tuple(UsersOn(date=day, value=value) for day, value in counts.items())
    assert under(FROZEN, users_on=dated, monthly_active_users=now, release_date="2026-12-01") == expected


def test_a_text_that_tests_always_takes_the_latest_count_where_there_is_none_without_a_day() -> None:
    rising = (UsersOn(date="2025-01-31", value=5), UsersOn(date="2026-01-31", value=900))
    assert under(ALWAYS, users_on=rising) == "PROHIBITED"
    assert under(ALWAYS, users_on=rising[:1]) == "ALLOWED"
    assert under(ALWAYS, users_on=rising, monthly_active_users=5) == "ALLOWED"


def earning(amount: float, currency: str = "USD", period: str = "year") -> Revenue:
    return Revenue(amount=amount, currency=currency, period=Period(period), as_of="2025-12-31")


@pytest.mark.parametrize(
    ("revenue", "currency", "period", "expected"),
    [
        (earning(100), "USD", "year", "ALLOWED"),
        (earning(101), "USD", "year", "PROHIBITED"),
        (None, "USD", "year", "UNKNOWN"),
        # a year is at most 12 months' threshold above it without a month that is, and a month may be all of a year
        (earning(100), "USD", "month", "ALLOWED"),
        (earning(1200), "USD", "month", "UNKNOWN"),
        (earning(1201), "USD", "month", "PROHIBITED"),
        (earning(101, period="month"), "USD", "year", "PROHIBITED"),
        (earning(1, period="month"), "USD", "year", "UNKNOWN"),
        (earning(100, period="month"), "USD", "month", "ALLOWED"),
        (earning(101, period="month"), "USD", "month", "PROHIBITED"),
        # a euro was worth 0.8 to 1.7 dollars
        (earning(58, "EUR"), "USD", "year", "ALLOWED"),
        (earning(59, "EUR"), "USD", "year", "UNKNOWN"),
        (earning(125, "EUR"), "USD", "year", "UNKNOWN"),
        (earning(126, "EUR"), "USD", "year", "PROHIBITED"),
        (earning(101, "EUR"), "EUR", "year", "PROHIBITED"),
        (earning(1, "JPY"), "USD", "year", "UNKNOWN"),
        (earning(100, "JPY"), "JPY", "year", "ALLOWED"),
    ],
)
def test_a_revenue_is_held_against_a_threshold_as_far_as_anybody_can_tell(revenue: Revenue | None, currency: str, period: str, expected: str) -> None:
    test = LimitTest(kind="threshold", metric="revenue", value=100, currency=currency, period=period)
    assert under(test, revenue=revenue) == expected
