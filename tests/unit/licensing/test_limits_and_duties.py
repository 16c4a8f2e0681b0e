"""What limits take back, and what texts ask in return. Expected outcomes follow from reading rules 8 and 10 and docs/formats/terms.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provenance.licensing.terms_duties import Obligation, contradictions, merged_obligations
from provenance.model.absence import TriState
from provenance.model.run import Period, Revenue
from tests.unit.licensing.small_terms import (
    APPROVED,
    MADE,
    NO,
    UNKNOWN,
    YES,
    Clause,
    Duty,
    ExceptionCase,
    LimitTest,
    TermsVersion,
    Use,
    brief,
    exceptions,
    judged,
    limits,
    text,
    training,
)

LETTER: dict[str, Any] = {"approvals": APPROVED}
FREE = training("allowed")


def limited(*tests: LimitTest, value: str = "several") -> TermsVersion:
    return text(FREE, limits(*tests, value=value))


@pytest.mark.parametrize(
    ("value", "commercial", "expected"),
    [
        *((v, YES, "PROHIBITED") for v in ("non-commercial", "non-commercial-research", "research-only", "evaluation-only", "non-production")),
        *((v, UNKNOWN, "UNKNOWN") for v in ("non-commercial", "non-commercial-research", "research-only", "evaluation-only", "non-production")),
        *((v, NO, "ALLOWED") for v in ("non-commercial", "non-commercial-output", "non-commercial-model", "research-only", "non-production")),
        ("evaluation-only", NO, "UNKNOWN"),
        ("no-copying-no-commercial-use", YES, "PROHIBITED"),
        ("no-copying-no-commercial-use", NO, "UNKNOWN"),
        ("aup-incorporated", YES, "ALLOWED"),
        ("guardrail-bypass-terminates", UNKNOWN, "ALLOWED"),
        ("some-words-nobody-reads", NO, "UNKNOWN"),
    ],
)
def test_a_limit_in_one_word(value: str, commercial: TriState, expected: str) -> None:
    assert judged(limited(value=value), commercial=commercial).outcome == expected


def test_a_limit_says_by_which_rule_and_what_would_settle_it() -> None:
    assert brief(judged(limited(value="non-commercial"), commercial=YES)) == ("PROHIBITED", "RR10", "", "")
    assert brief(judged(limited(value="non-commercial"))) == ("UNKNOWN", "RR10", "commercial", "")
    assert brief(judged(limited(value="evaluation-only"), commercial=NO)) == ("UNKNOWN", "RR10", "", "")
    assert brief(judged(limited(value="nobody-reads-this"), commercial=NO)) == ("UNKNOWN", "RR10", "", "")
    assert [s.clause.name for s in judged(limited(value="non-commercial"), commercial=YES).said] == ["limits"]


def test_tests_that_are_written_down_stand_in_the_place_of_the_word() -> None:
    assert judged(limited(LimitTest(kind="conduct"), value="nobody-reads-this"), commercial=YES).outcome == "ALLOWED"
    assert judged(limited(LimitTest(kind="conduct"), value="non-commercial"), commercial=YES).outcome == "ALLOWED"
    several = limited(LimitTest(kind="conduct"), LimitTest(kind="research-only"))
    assert judged(several, commercial=YES).outcome == "PROHIBITED"


def test_a_limit_takes_back_what_was_permitted_and_bars_in_any_case() -> None:
    silent = text(training("silent"), limits(value="non-commercial"))
    assert judged(silent, commercial=YES).outcome == "PROHIBITED"
    assert judged(silent).outcome == "UNKNOWN"  # a limit binds also where another text permits (rule 10)
    assert judged(silent, commercial=NO).outcome is None


IMAGES = LimitTest(kind="output-type", outputs=("image", "voice"))


@pytest.mark.parametrize(
    ("outputs", "commercial", "expected"),
    [
        ("text", YES, "ALLOWED"),
        ("image", YES, "PROHIBITED"),
        ("voice", YES, "PROHIBITED"),
        ("image", NO, "ALLOWED"),
        ("image", UNKNOWN, "UNKNOWN"),
        ("UNKNOWN", NO, "UNKNOWN"),
    ],
)
def test_a_limit_on_types_of_outputs(outputs: str, commercial: TriState, expected: str) -> None:
    found = judged(limited(IMAGES), output_type=outputs, commercial=commercial)
    assert found.outcome == expected
    assert found.rules == (("RR03",) if expected == "ALLOWED" else ("RR10",))


@pytest.mark.parametrize(
    ("region", "model", "expected", "missing"),
    [
        ("DE", "acme-1", "PROHIBITED", ""),
        ("EU", "acme-1", "PROHIBITED", ""),
        ("KR", "acme-1", "PROHIBITED", ""),
        ("US", "acme-1", "ALLOWED", ""),
        ("UNKNOWN", "acme-1", "UNKNOWN", "region"),
        ("DE", "other-1", "ALLOWED", ""),
        ("DE", "UNKNOWN", "PROHIBITED", ""),
        ("UNKNOWN", "other-1", "ALLOWED", ""),
    ],
)
def test_a_territory_in_which_nothing_is_granted(region: str, model: str, expected: str, missing: str) -> None:
    entry = limited(LimitTest(kind="territory", regions=("EU", "KR"), models=("acme-*",)))
    found = judged(entry, made=replace(MADE, region=region, model=model))
    assert (found.outcome, " ".join(found.missing)) == (expected, missing)
    assert found.rules == (("RR03",) if expected == "ALLOWED" else ("RR10",))


def test_a_territory_without_models_is_of_all() -> None:
    entry = limited(LimitTest(kind="territory", regions=("EU",)))
    assert judged(entry, made=replace(MADE, region="FR", model="other-1")).outcome == "PROHIBITED"


def yearly(dollars: int) -> Revenue:
    return Revenue(amount=dollars, currency="USD", period=Period.YEAR)


def revenue(value: int, currency: str = "USD", period: str = "year") -> TermsVersion:
    return limited(LimitTest(kind="threshold", metric="revenue", value=value, currency=currency, period=period))


@pytest.mark.parametrize(
    ("entry", "dollars", "expected"),
    [
        (revenue(1_000), 1_000, "ALLOWED"),
        (revenue(1_000), 1_001, "PROHIBITED"),
        (revenue(1_000), None, "UNKNOWN"),
        # a month: a year below one month's line is surely below, above twelve of them surely above
        (revenue(100, period="month"), 100, "ALLOWED"),
        (revenue(100, period="month"), 101, "UNKNOWN"),
        (revenue(100, period="month"), 1_200, "UNKNOWN"),
        (revenue(100, period="month"), 1_201, "PROHIBITED"),
        # a yuan is worth ten to twenty US cents
        (revenue(1_000, "CNY"), 100, "ALLOWED"),
        (revenue(1_000, "CNY"), 101, "UNKNOWN"),
        (revenue(1_000, "CNY"), 200, "UNKNOWN"),
        (revenue(1_000, "CNY"), 201, "PROHIBITED"),
        (revenue(1_000, "CNY", "month"), 2_400, "UNKNOWN"),
        (revenue(1_000, "CNY", "month"), 2_401, "PROHIBITED"),
    ],
)
def test_a_line_of_revenue(entry: TermsVersion, dollars: int | None, expected: str) -> None:
    found = judged(entry, revenue=None if dollars is None else yearly(dollars))
    assert found.outcome == expected
    assert found.rules == (("RR03",) if expected == "ALLOWED" else ("RR10",))
    assert " ".join(found.missing) == {"ALLOWED": "", "UNKNOWN": "revenue", "PROHIBITED": "approval"}[expected]
    assert [(o.code, o.due.value) for o in found.obligations] == {
        "ALLOWED": [],
        "UNKNOWN": [("extra-licence:revenue", "UNKNOWN")],
        "PROHIBITED": [("extra-licence:revenue", "YES")],
    }[expected]


def users(**fields: Any) -> TermsVersion:
    plain = LimitTest(kind="threshold", metric="monthly-active-users", value=700_000_000, tested_when="2024-07-23")
    return limited(replace(plain, **fields))


@pytest.mark.parametrize(
    ("count", "day", "expected"),
    [
        (None, "UNKNOWN", "UNKNOWN"),
        (700_000_000, "UNKNOWN", "ALLOWED"),
        (700_000_001, "UNKNOWN", "PROHIBITED"),
        (700_000_001, "2024-07-22", "UNKNOWN"),
        (700_000_001, "2024-07-23", "PROHIBITED"),
        (700_000_001, "2024-07-24", "UNKNOWN"),
        (700_000_000, "2024-07-24", "UNKNOWN"),  # a count of another day says nothing either way
        (700_000_000, "2024-07-22", "UNKNOWN"),
        (700_000_000, "2024-07-23", "ALLOWED"),
    ],
)
def test_users_are_counted_on_the_day_of_the_release(count: int | None, day: str, expected: str) -> None:
    found = judged(users(), monthly_active_users=count, release_date=day)
    assert found.outcome == expected
    assert found.rules == (("RR03",) if expected == "ALLOWED" else ("RR10",))
    assert " ".join(found.missing) == {"ALLOWED": "", "UNKNOWN": "monthly_active_users", "PROHIBITED": "approval"}[expected]
    due = {"ALLOWED": [], "UNKNOWN": [("extra-licence:mau-700m", "UNKNOWN", "2024-07-23")]}
    assert [(o.code, o.due.value, o.tested_when) for o in found.obligations] == due.get(expected, [("extra-licence:mau-700m", "YES", "2024-07-23")])
    assert judged(users(tested_when="always"), monthly_active_users=700_000_001, release_date="2026-01-01").outcome == "PROHIBITED"


def test_a_badge_above_a_threshold_bars_nothing_and_is_a_duty() -> None:
    entry = users(effect="ui-badge", code="ui-badge:Acme")
    assert brief(judged(entry, monthly_active_users=800_000_000)) == ("ALLOWED", "RR03", "", "ui-badge:Acme")
    assert brief(judged(entry, monthly_active_users=5)) == ("ALLOWED", "RR03", "", "")
    found = judged(entry, monthly_active_users=800_000_000).obligations[0]
    assert (found.terms, found.clause, found.source, found.when) == ("acme.1", "limits", "https://example.org/terms", "always")
    assert "700,000,000" in found.summary


def test_a_threshold_for_those_who_serve_the_model_binds_them_only() -> None:
    entry = users(scope="model-as-a-service")
    assert judged(entry, monthly_active_users=800_000_000).outcome == "ALLOWED"
    assert judged(entry, Use.COMMERCIAL, monthly_active_users=800_000_000).outcome == "UNKNOWN"
    assert judged(entry, Use.COMMERCIAL, monthly_active_users=5).outcome == "ALLOWED"


def test_a_licence_of_ones_own_lifts_a_threshold_where_there_is_one_to_be_had() -> None:
    above = {**LETTER, "monthly_active_users": 800_000_000}
    found = judged(users(), **above)
    assert (found.outcome, {o.code for o in found.obligations}) == ("ALLOWED", {"extra-licence:mau-700m", "written-approval"})
    assert judged(users(effect="no-licence"), **above).outcome == "PROHIBITED"


@pytest.mark.parametrize(
    ("grounded", "expected"), [(YES, ("PROHIBITED", "RR10", "")), (NO, ("ALLOWED", "RR03", "")), (UNKNOWN, ("UNKNOWN", "RR10", "grounded"))]
)
def test_results_of_a_search_are_stricter(grounded: TriState, expected: tuple[str, str, str]) -> None:
    assert brief(judged(text(FREE, exceptions(ExceptionCase(kind="grounded"))), grounded=grounded))[:3] == expected


@pytest.mark.parametrize(
    ("effect", "outputs", "competes", "expected"),
    [
        ("prohibited-if-competing", "image", YES, ("PROHIBITED", "")),
        ("prohibited-if-competing", "image", NO, ("ALLOWED", "")),
        ("prohibited-if-competing", "image", UNKNOWN, ("UNKNOWN", "competing")),
        ("prohibited-if-competing", "text", YES, ("ALLOWED", "")),
        ("prohibited-if-competing", "UNKNOWN", NO, ("ALLOWED", "")),
        ("prohibited-if-competing", "UNKNOWN", YES, ("UNKNOWN", "output_type")),
        ("prohibited", "image", NO, ("PROHIBITED", "")),
        ("prohibited", "image", UNKNOWN, ("PROHIBITED", "")),
        ("prohibited", "UNKNOWN", NO, ("UNKNOWN", "output_type")),
    ],
)
def test_a_stricter_rule_on_types_of_outputs(effect: str, outputs: str, competes: TriState, expected: tuple[str, str]) -> None:
    entry = text(FREE, exceptions(ExceptionCase(kind="output-type", outputs=("image",), effect=effect)))
    found = judged(entry, output_type=outputs, others_compete=competes)
    assert (found.outcome, " ".join(found.missing)) == expected
    assert found.rules == (("RR03",) if expected[0] == "ALLOWED" else ("RR10",))


@pytest.mark.parametrize(
    ("case", "model", "facts", "expected"),
    [
        (ExceptionCase(kind="similar-model"), "acme-1", {}, ("UNKNOWN", "RR09", "similar")),
        (ExceptionCase(kind="similar-model"), "acme-1", LETTER, ("UNKNOWN", "RR09", "similar")),  # it names no approval that would lift it
        (ExceptionCase(kind="similar-model"), "acme-1", {"similar": NO}, ("ALLOWED", "RR03", "")),
        (ExceptionCase(kind="similar-model"), "acme-1", {"similar": YES}, ("PROHIBITED", "RR09", "")),
        (ExceptionCase(kind="third-party-terms", models=("acme-*",)), "acme-1", {}, ("ALLOWED", "RR03", "")),
        (ExceptionCase(kind="third-party-terms", models=("acme-*",)), "other-1", {}, ("UNKNOWN", "RR09", "")),
        (ExceptionCase(kind="third-party-terms", models=("acme-*",)), "other-1", LETTER, ("UNKNOWN", "RR09", "")),
        (ExceptionCase(kind="third-party-terms", models=("acme-*",)), "UNKNOWN", {}, ("UNKNOWN", "RR09", "")),
        (ExceptionCase(kind="similar-model", models=("acme-*",)), "acme-1", {}, ("UNKNOWN", "RR09", "similar")),
        (ExceptionCase(kind="inherits", models=("acme-*",), terms=("base.1",)), "acme-1", {}, ("ALLOWED", "RR03", "")),
        *(
            (ExceptionCase(kind=k), "acme-1", {}, ("ALLOWED", "RR03", ""))
            for k in ("platform-tuning", "named-purposes", "api", "third-party-content")
        ),
    ],
)
def test_cases_that_may_bar_some_outputs(case: ExceptionCase, model: str, facts: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert brief(judged(text(FREE, exceptions(case)), made=replace(MADE, model=model), **facts))[:3] == expected


@pytest.mark.parametrize(
    ("value", "expected"), [("api-exception", "ALLOWED"), ("outputs-not-derivatives", "ALLOWED"), ("except-on-sundays", "UNKNOWN")]
)
def test_an_exception_in_one_word(value: str, expected: str) -> None:
    assert judged(text(FREE, exceptions(value=value))).outcome == expected
    assert judged(text(FREE, exceptions(ExceptionCase(kind="api"), value=value))).outcome == "ALLOWED"


def asked(duty: Duty, use: Use = Use.TRAIN_ANY_MODEL, model: str = "acme-1", **facts: Any) -> list[tuple[str, str]]:
    found = judged(text(FREE, duties=(duty,)), use, replace(MADE, model=model), **facts)
    return [(o.code, o.due.value) for o in found.obligations]


def due(when: str, **facts: Any) -> str:
    """Return whether a duty that falls due then is: ``NO`` where it is not listed."""
    found = asked(Duty(code="badge:Acme", when=when), **facts)
    return found[0][1] if found else "NO"


@pytest.mark.parametrize("state", TriState)
def test_a_duty_is_due_when_its_occasion_is(state: TriState) -> None:
    assert due("always") == "YES"
    assert due("materials") == "UNKNOWN"
    assert due("exception") == "NO"
    assert due("distribute-weights", distribute_weights=state) == state.value
    assert due("commercial", commercial=state) == state.value
    assert due("distribute-data", distribute_data=state) == state.value
    assert due("derivative", imitates=YES, distribute_weights=state) == state.value
    assert due("derivative", imitates=state, distribute_weights=YES) == state.value
    assert due("derivative", imitates=state, distribute_weights=NO) == "NO"
    assert due("derivative", imitates=NO, distribute_weights=state) == "NO"
    assert due("derivative", imitates=UNKNOWN, distribute_weights=state) == ("NO" if state is NO else "UNKNOWN")


def test_a_duty_of_an_approval_is_due_with_it() -> None:
    assert due("approval") == "NO"
    assert due("approval", **LETTER) == "YES"


def test_duties_go_with_the_uses_that_they_concern() -> None:
    badge, credit, polite = Duty(code="badge:Acme"), Duty(code="attribution:required"), Duty(code="robots-txt", when="collection")
    assert asked(badge, Use.DISTRIBUTE_DATA) == []
    assert asked(credit, Use.DISTRIBUTE_DATA) == [("attribution:required", "YES")]
    assert asked(Duty(code="attribution:required", when="distribute-data"), Use.DISTRIBUTE_DATA) == [("attribution:required", "YES")]
    assert asked(credit, Use.EVALUATION) == []
    assert asked(credit, Use.COLLECTION) == []
    assert asked(polite, Use.COLLECTION) == [("robots-txt", "YES")]
    assert asked(polite) == []


def test_a_duty_of_some_models_is_of_those() -> None:
    some = Duty(code="badge:Acme", models=("acme-2*",))
    assert asked(some, model="acme-2b") == [("badge:Acme", "YES")]
    assert asked(some) == []
    assert asked(some, model="UNKNOWN") == [("badge:Acme", "UNKNOWN")]
    assert asked(replace(some, models=()), model="UNKNOWN") == [("badge:Acme", "YES")]
    assert asked(replace(some, when="distribute-weights"), model="UNKNOWN", distribute_weights=UNKNOWN) == [("badge:Acme", "UNKNOWN")]


def test_an_obligation_says_who_asks_for_what_and_where_it_stands() -> None:
    duty = Duty(code="badge:Acme", when="commercial", summary="Show it.", clause="naming_attribution", tested_when="2025-01-01")
    found = judged(text(FREE, duties=(duty,)), commercial=YES).obligations
    source = "https://example.org/terms"
    assert found == (
        Obligation(
            code="badge:Acme",
            summary="Show it.",
            terms="acme.1",
            clause="naming_attribution",
            source=source,
            due=YES,
            when="commercial",
            tested_when="2025-01-01",
        ),
    )
    kept = judged(text(training("prohibited-without-approval")), **LETTER).obligations[0]
    assert (kept.clause, kept.due, kept.when, kept.tested_when, kept.source) == ("train_any_model", YES, "always", "", source)
    assert "approval" in kept.summary


def test_a_usage_policy_is_to_be_kept_by_whoever_trains() -> None:
    policy = text(FREE, kind="acceptable-use")
    assert [(o.code, o.due, o.clause) for o in judged(policy).obligations] == [("aup-compliance", YES, "")]
    assert "usage policy" in judged(policy).obligations[0].summary
    assert judged(policy, Use.EVALUATION).obligations == ()
    assert judged(policy, Use.DISTRIBUTE_DATA).obligations == ()
    own = replace(policy, duties=(Duty(code="aup-compliance", summary="Ours."),))
    assert [o.summary for o in judged(own).obligations] == ["Ours."]


def test_thresholds_ask_nothing_of_whoever_only_hands_the_text_on() -> None:
    entry = text(Clause(name="redistribution", value="allowed"), limits(LimitTest(kind="threshold", metric="revenue", value=5)))
    assert judged(entry, Use.DISTRIBUTE_DATA, revenue=yearly(10)).obligations == ()
    assert judged(text(FREE, limits(LimitTest(kind="conduct", metric="revenue", value=5))), revenue=yearly(10)).obligations == ()


def test_an_obligation_that_is_due_in_one_use_is_due() -> None:
    sure = Obligation(code="badge:Acme", summary="", terms="acme.1", clause="", source="", due=YES)
    open_ = replace(sure, due=UNKNOWN)
    assert merged_obligations((sure, open_)) == merged_obligations((open_, sure)) == (sure,)
    assert merged_obligations((open_, open_)) == (open_,)
    assert merged_obligations((sure, sure)) == (sure,)
    other = replace(sure, terms="acme.2")
    assert merged_obligations((sure, other)) == (sure, other)


@pytest.mark.parametrize(
    ("entry", "summary"),
    [
        (users(), "Above 700,000,000 of monthly active users: ask for a licence of its own."),
        (users(effect="ui-badge"), "Above 700,000,000 of monthly active users: show the badge."),
        (users(effect="no-licence"), "Above 700,000,000 of monthly active users: the licence is not available."),
        (
            users(scope="model-as-a-service"),
            "Above 700,000,000 of monthly active users where the model itself is served to others: ask for a licence of its own.",
        ),
        (revenue(1_000, "CNY", "month"), "Above CNY 1,000 a month of revenue: ask for a licence of its own."),
    ],
)
def test_a_threshold_in_words(entry: TermsVersion, summary: str) -> None:
    assert [o.summary for o in judged(entry).obligations] == [summary]


def test_prefixes_that_begin_alike_go_together_and_a_ban_hits_what_begins_with_it() -> None:
    def duties(*codes: str) -> list[Obligation]:
        return [Obligation(code=c, summary="", terms=c, clause="", source="", due=YES) for c in codes]

    def clashes(*codes: str) -> list[tuple[str, str]]:
        return [(a.terms, b.terms) for a, b, _ in contradictions(duties(*codes))]

    assert clashes("name-prefix:Llama 3", "name-prefix:llama") == []
    assert clashes("name-prefix:Qwen", "name-prefix:Llama") == [("name-prefix:Llama", "name-prefix:Qwen")]
    assert clashes("name-prefix:A", "name-prefix:B", "name-prefix:C") == [
        ("name-prefix:A", "name-prefix:B"),
        ("name-prefix:A", "name-prefix:C"),
        ("name-prefix:B", "name-prefix:C"),
    ]
    assert clashes("name-prefix:Llama 3", "name-ban:LLAMA") == [("name-prefix:Llama 3", "name-ban:LLAMA")]
    assert clashes("name-prefix:Llama", "name-ban:Llama 3") == []
    assert clashes("name-ban:Llama", "name-ban:Qwen") == []
    assert [why for *_, why in contradictions(duties("name-prefix:A", "name-prefix:B", "name-ban:a"))] == [
        "the model's name must begin with 'A' and with 'B'",
        "the model's name must begin with 'A', and 'a' may not be its primary name",
    ]
