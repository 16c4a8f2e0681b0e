"""What one licence says about each use, by its axes. Expected outcomes follow from reading rules 2, 5, 7, 9, 10 and 17 and docs/licences.md."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provenance.licensing.license_class import OUTPUTS_CLAUSES, USES, LicenseClass, Limit, Metric, WhenTested
from provenance.licensing.license_uses import Circumstances, LicenseUse, UseAnswer
from provenance.licensing.single import judge
from provenance.model.absence import Permission, TriState

YES, NO, UNKNOWN = TriState.YES, TriState.NO, TriState.UNKNOWN
FREE = LicenseClass(
    id="X-1.0",
    use="commercial",
    attribution=NO,
    share_alike=NO,
    no_derivatives=NO,
    behavioural_restrictions=NO,
    outputs_clause="free",
    redistribution=YES,
)
NC = replace(FREE, use="non-commercial")
STATES = (YES, NO, UNKNOWN)


def said(found: LicenseClass | None, use: str, **asked: Any) -> UseAnswer:
    return judge(found, "X-1.0", LicenseUse(use), Circumstances(**asked))


def row(found: LicenseClass, **asked: Any) -> str:
    """Return the outcome of every use, by its first letter, in the order of the uses."""
    return "".join(said(found, use, **asked).outcome.value[0] for use in LicenseUse)


def changed(**fields: Any) -> LicenseClass:
    return replace(FREE, **fields)


@pytest.mark.parametrize(
    ("found", "commercial", "expected"),
    [
        # train · commercial · non-commercial · weights · data · adapted data · outputs
        (FREE, YES, "AAAAAAA"),
        (FREE, UNKNOWN, "AAAAAAA"),
        (changed(use="public-domain"), YES, "AAAAAAA"),
        (NC, YES, "PPAPPPP"),
        (NC, NO, "APAAAAA"),
        (NC, UNKNOWN, "UPAUUUU"),
        (changed(use="research-only"), YES, "PPAPPPP"),
        (changed(use="unspecified"), NO, "UUUUUUU"),
        (changed(use="terms-of-use"), NO, "UUUUUUU"),
        (changed(use="UNKNOWN"), NO, "UUUUUUU"),
        # rule 17: share-alike reaches weights where nothing is said on outputs
        (changed(share_alike=YES), YES, "AAAAAAA"),
        (changed(share_alike=YES, outputs_clause="silent"), YES, "AAAUAAU"),
        (changed(outputs_clause="silent"), YES, "AAAUAAU"),
        (changed(outputs_clause="unknown"), YES, "AAAUAAU"),
        (changed(share_alike=UNKNOWN), YES, "AAAUAUA"),
        (changed(no_derivatives=YES), YES, "AAAAAPA"),
        (changed(no_derivatives=UNKNOWN), YES, "AAAUAUA"),
        (changed(behavioural_restrictions=UNKNOWN), YES, "AAAUUUA"),
        (changed(behavioural_restrictions=YES), YES, "AAAAAAA"),
        (changed(redistribution=NO), YES, "AAAAPPA"),
        (changed(redistribution=UNKNOWN), YES, "AAAAUUA"),
        (replace(NC, redistribution=NO), YES, "PPAPPPP"),
        (replace(NC, redistribution=UNKNOWN), YES, "PPAPPPP"),
    ],
)
def test_each_axis_touches_the_uses_that_it_concerns(found: LicenseClass, commercial: TriState, expected: str) -> None:
    assert row(found, commercial=commercial) == expected


def test_a_licence_that_no_catalogue_describes_says_nothing() -> None:
    for use in LicenseUse:
        found = said(None, use.value)
        (reason,) = found.reasons
        assert (found.outcome, found.use, reason.outcome, reason.license, reason.rules) == (
            Permission.UNKNOWN,
            use,
            Permission.UNKNOWN,
            "X-1.0",
            ("RR06",),
        )
        assert (found.duties, found.limits, reason.license_class) == ((), (), "UNKNOWN")


@pytest.mark.parametrize(
    ("clause", "facts", "expected", "rules"),
    [
        ("free", {}, "ALLOWED", "RR17"),
        ("allowed-with-naming", {}, "ALLOWED", "RR17"),
        ("silent", {}, "UNKNOWN", "RR17"),
        ("see-terms", {}, "UNKNOWN", "RR17"),
        ("derivative-if-distilled", {}, "UNKNOWN", "RR17"),
        ("aup-bound", {}, "UNKNOWN", "RR17"),
        ("unknown", {}, "UNKNOWN", "RR17"),
        ("no-other-llm", {}, "PROHIBITED", "RR09 RR17"),
        ("no-other-model", {}, "PROHIBITED", "RR09 RR17"),
        ("no-foundational-model", {}, "PROHIBITED", "RR09 RR17"),
        ("no-general-purpose-model", {}, "PROHIBITED", "RR09 RR17"),
        ("licensor-owns+no-other-model", {}, "PROHIBITED", "RR09 RR17"),
        ("no-competing-model", {"competes": YES}, "PROHIBITED", "RR09 RR17"),
        ("no-competing-model", {"competes": NO}, "ALLOWED", "RR17"),
        ("no-competing-model", {}, "UNKNOWN", "RR17"),
        ("restricted-noncommercial", {"commercial": YES}, "PROHIBITED", "RR09 RR17"),
        ("restricted-noncommercial", {"commercial": NO}, "ALLOWED", "RR17"),
        ("restricted-noncommercial", {}, "UNKNOWN", "RR17"),
    ],
)
def test_the_clause_on_outputs_decides_on_training_with_them(clause: str, facts: dict[str, Any], expected: str, rules: str) -> None:
    found = said(changed(outputs_clause=clause), "train_on_outputs", **facts)
    assert (found.outcome.value, " ".join(found.rules)) == (expected, rules)
    assert clause in OUTPUTS_CLAUSES


def test_of_class_and_clause_on_outputs_the_stricter_counts() -> None:
    assert said(replace(NC, outputs_clause="free"), "train_on_outputs", commercial=YES).outcome == "PROHIBITED"
    assert said(replace(NC, outputs_clause="no-other-llm"), "train_on_outputs", commercial=NO).outcome == "PROHIBITED"
    assert said(replace(NC, outputs_clause="no-competing-model"), "train_on_outputs", commercial=YES, competes=NO).outcome == "PROHIBITED"
    assert said(replace(NC, outputs_clause="silent"), "train_on_outputs", commercial=YES).outcome == "PROHIBITED"


@pytest.mark.parametrize("synthetic", STATES)
def test_text_that_a_model_may_have_made_is_bound_by_the_clause_on_outputs(synthetic: TriState) -> None:
    for clause in OUTPUTS_CLAUSES:
        harmless = clause in {"free", "silent", "allowed-with-naming", "see-terms"} or synthetic is NO
        bound = {YES: "P", NO: "A", UNKNOWN: "U"}
        for commercial in STATES:
            expected = "A" if harmless else bound[commercial] if clause == "restricted-noncommercial" else "U"
            assert row(changed(outputs_clause=clause), commercial=commercial, synthetic=synthetic)[0] == expected, clause
    # what is passed on are the data, whoever made them
    assert said(changed(outputs_clause="no-other-llm"), "distribute_data", synthetic=YES).outcome == "ALLOWED"
    assert said(changed(outputs_clause="no-other-llm"), "train_on_outputs", synthetic=YES).outcome == "PROHIBITED"


def test_a_reason_says_what_the_clause_on_outputs_is() -> None:
    found = said(changed(outputs_clause="no-other-llm"), "train", commercial=YES, synthetic=YES)
    assert "'no-other-llm'" in found.reasons[0].text
    plain = said(changed(outputs_clause="no-other-llm"), "train", commercial=YES)
    assert "'no-other-llm'" not in plain.reasons[0].text


@pytest.mark.parametrize(
    ("region", "expected", "rules"),
    [("DE", "PROHIBITED", "RR10"), ("US", "ALLOWED", "RR17"), ("UNKNOWN", "UNKNOWN", "RR05 RR10")],
)
def test_where_a_licence_grants_nothing(region: str, expected: str, rules: str) -> None:
    found = said(changed(excluded_regions=("EU", "KR")), "train", commercial=YES, region=region)
    assert (found.outcome.value, " ".join(found.rules)) == (expected, rules)
    assert ("EU, KR" in found.reasons[0].text) is (region == "UNKNOWN")
    assert said(replace(NC, excluded_regions=("EU",)), "train", commercial=YES, region=region).outcome == "PROHIBITED"
    assert said(changed(use="unspecified", excluded_regions=("EU",)), "train", region=region).outcome == (
        "PROHIBITED" if region == "DE" else "UNKNOWN"
    )


def test_the_stricter_reading_of_share_alike() -> None:
    alike = changed(share_alike=YES)
    assert said(alike, "distribute_weights", commercial=YES, share_alike_reaches_weights=True).outcome == "UNKNOWN"
    assert said(FREE, "distribute_weights", commercial=YES, share_alike_reaches_weights=True).outcome == "ALLOWED"
    assert said(alike, "distribute_adapted_data", commercial=YES, share_alike_reaches_weights=True).outcome == "ALLOWED"


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("commercial", STATES)
def test_a_reason_fits_the_outcome_and_names_the_class(use: str, commercial: TriState) -> None:
    found = said(changed(use=use), "train", commercial=commercial)
    (reason,) = found.reasons
    assert (reason.outcome, reason.license_class, reason.rules) == (found.outcome, use, ("RR17",))
    words = {
        "ALLOWED": ("permits", "public domain", "not commercial"),
        "PROHIBITED": ("and the use is commercial",),
        "UNKNOWN": ("nobody", "nothing", "terms of use"),
    }
    assert any(w in reason.text for w in words[found.outcome.value])


def many(**fields: Any) -> LicenseClass:
    limit = Limit(
        metric=Metric.MONTHLY_ACTIVE_USERS, value=100, unit="users", per="month", tested_when=WhenTested.ALWAYS, effect="extra-licence:mau-100"
    )
    return changed(limits=(replace(limit, **fields),))


@pytest.mark.parametrize(
    ("fields", "users", "exceeded", "expected"),
    [
        ({}, 100, "NO", "ALLOWED"),
        ({}, 101, "YES", "PROHIBITED"),
        ({}, None, "UNKNOWN", "UNKNOWN"),
        ({"tested_when": WhenTested.RELEASE}, 101, "UNKNOWN", "UNKNOWN"),
        ({"tested_when": WhenTested.UNKNOWN}, 101, "YES", "PROHIBITED"),
        ({"metric": Metric.REVENUE, "unit": "USD"}, 101, "UNKNOWN", "UNKNOWN"),
        ({"effect": "ui-badge:X"}, 101, "YES", "ALLOWED"),
    ],
)
def test_a_limit_ends_the_permission_where_it_is_surely_exceeded(fields: dict[str, Any], users: int | None, exceeded: str, expected: str) -> None:
    found = said(many(**fields), "train", commercial=YES, monthly_active_users=users)
    (limit,) = found.limits
    assert (found.outcome.value, limit.exceeded.value, limit.license) == (expected, exceeded, "X-1.0")
    (duty,) = found.duties
    assert (duty.code, duty.license, duty.certain.value) == (limit.limit.effect, "X-1.0", exceeded)
    assert limit.limit.summary in duty.text
    over = [r for r in found.reasons if r.rules == ("RR10",)]
    assert [(r.outcome.value, r.license, r.license_class) for r in over] == ([] if expected == "ALLOWED" else [(expected, "X-1.0", "commercial")])


@pytest.mark.parametrize(
    ("fields", "summary"),
    [
        ({}, "above 100 users a month (tested at all times): extra-licence:mau-100"),
        ({"per": "UNKNOWN", "value": 1_000}, "above 1,000 users (tested at all times): extra-licence:mau-100"),
        (
            {"metric": Metric.REVENUE, "unit": "USD", "per": "year", "tested_when": WhenTested.RELEASE},
            "above 100 USD of revenue a year (tested once, on the day of release): extra-licence:mau-100",
        ),
        ({"tested_when": WhenTested.UNKNOWN}, "above 100 users a month (when it is tested is not known): extra-licence:mau-100"),
    ],
)
def test_a_limit_in_words(fields: dict[str, Any], summary: str) -> None:
    assert many(**fields).limits[0].summary == summary


ASKS = changed(attribution=YES, share_alike=YES, behavioural_restrictions=YES)


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        ("train", "attribution:required flow-down:use-restrictions"),
        ("commercial", "attribution:required flow-down:use-restrictions"),
        ("train_on_outputs", "attribution:required flow-down:use-restrictions"),
        ("distribute_weights", "attribution:required share-alike flow-down:use-restrictions"),
        ("distribute_data", "attribution:required share-alike flow-down:use-restrictions"),
        ("distribute_adapted_data", "attribution:required share-alike flow-down:use-restrictions"),
    ],
)
def test_duties_of_the_axes(use: str, expected: str) -> None:
    found = said(ASKS, use, commercial=YES)
    assert " ".join(d.code for d in found.duties) == expected
    assert {d.certain for d in found.duties} == {YES}
    assert {d.license for d in found.duties} == {"X-1.0"}
    assert said(FREE, use, commercial=YES).duties == ()
    open_ = said(changed(attribution=UNKNOWN, share_alike=UNKNOWN, behavioural_restrictions=UNKNOWN), use, commercial=YES)
    assert " ".join(d.code for d in open_.duties) == expected
    assert {d.certain for d in open_.duties} == {UNKNOWN}
    assert all(d.text.endswith("not known") for d in open_.duties)
    assert not any(d.text.endswith("not known") for d in found.duties)


@pytest.mark.parametrize(
    ("code", "uses"),
    [
        ("name-prefix:X", set(LicenseUse)),
        ("state-changes", {LicenseUse.DISTRIBUTE_ADAPTED_DATA}),
        ("no-redistribution-of-data", {LicenseUse.DISTRIBUTE_DATA, LicenseUse.DISTRIBUTE_ADAPTED_DATA}),
        ("strip-pg-boilerplate", {LicenseUse.DISTRIBUTE_DATA, LicenseUse.DISTRIBUTE_ADAPTED_DATA}),
        ("something-new:X", set(LicenseUse)),
    ],
)
def test_a_duty_goes_with_the_uses_that_it_concerns(code: str, uses: set[LicenseUse]) -> None:
    assert {u for u in LicenseUse if [d.code for d in said(changed(duties=(code,)), u.value, commercial=YES).duties] == [code]} == uses
    found = [d for u in uses for d in said(changed(duties=(code,)), u.value, commercial=YES).duties]
    assert all(d.text and d.license == "X-1.0" and d.certain is YES for d in found)
