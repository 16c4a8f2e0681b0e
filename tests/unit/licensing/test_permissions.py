"""Expressions to permissions, duties and limits. Expected outcomes follow from reading rules 2, 5, 7, 9, 10 and 17 and the facts on each licence."""

from __future__ import annotations

from typing import Any

import pytest

from provenance.licensing.classes import shipped_licenses
from provenance.licensing.license_uses import Circumstances, LicenseUse, Permissions, UseAnswer
from provenance.licensing.permissions import permissions
from provenance.model.absence import Permission, TriState

CATALOG = shipped_licenses()
LLAMA3 = "LicenseRef-llama3"
HUNYUAN = "LicenseRef-scancode-tencent-hunyuan-3d-2.0-cla"
QWEN = "LicenseRef-scancode-qwen-2024"
STATES = {"commercial": TriState.YES, "non-commercial": TriState.NO, "unsaid": TriState.UNKNOWN}


def of(expression: str, purpose: str = "commercial", **asked: Any) -> Permissions:
    circumstances = Circumstances(commercial=STATES[purpose], **asked)
    return permissions(CATALOG, expression, circumstances)


def answer(expression: str, use: str, purpose: str = "commercial", **asked: Any) -> UseAnswer:
    return of(expression, purpose, **asked).answer(LicenseUse(use))


def outcome(expression: str, use: str, purpose: str = "commercial", **asked: Any) -> str:
    return answer(expression, use, purpose, **asked).outcome.value


@pytest.mark.parametrize(
    ("expression", "use", "purpose", "expected"),
    [
        ("CC0-1.0", "distribute_weights", "commercial", "ALLOWED"),
        ("CC-BY-4.0", "distribute_adapted_data", "commercial", "ALLOWED"),
        ("CC-BY-SA-4.0", "train", "commercial", "ALLOWED"),
        ("CC-BY-SA-4.0", "distribute_weights", "commercial", "ALLOWED"),  # outputs clause free: rule 17
        ("ODbL-1.0", "distribute_weights", "commercial", "UNKNOWN"),  # share-alike, outputs clause silent: rule 17
        ("CC-BY-NC-SA-4.0", "distribute_weights", "non-commercial", "UNKNOWN"),
        ("CC-BY-NC-4.0", "train", "commercial", "PROHIBITED"),
        ("CC-BY-NC-4.0", "train", "unsaid", "UNKNOWN"),
        ("CC-BY-NC-4.0", "train_noncommercial", "commercial", "ALLOWED"),
        ("CC-BY-NC-4.0", "commercial", "non-commercial", "PROHIBITED"),
        ("CC-BY-NC-4.0", "distribute_data", "non-commercial", "ALLOWED"),
        ("CC-BY-NC-4.0", "distribute_data", "commercial", "PROHIBITED"),
        ("CC-BY-ND-4.0", "train", "commercial", "ALLOWED"),
        ("CC-BY-ND-4.0", "distribute_data", "commercial", "ALLOWED"),
        ("CC-BY-ND-4.0", "distribute_adapted_data", "commercial", "PROHIBITED"),
        ("CC-BY-ND-4.0", "distribute_weights", "commercial", "UNKNOWN"),
        ("LicenseRef-scancode-nvidia-model-training-2025", "train", "commercial", "ALLOWED"),
        ("LicenseRef-scancode-nvidia-model-training-2025", "distribute_data", "commercial", "PROHIBITED"),
        ("LicenseRef-scancode-nvidia-model-training-2025", "distribute_adapted_data", "commercial", "PROHIBITED"),
        ("LicenseRef-nvidia-nemotron-open-model", "distribute_weights", "commercial", "UNKNOWN"),  # its axes are "?"
        ("LicenseRef-lmsys-chat-1m", "distribute_data", "commercial", "UNKNOWN"),
        ("LicenseRef-whatever", "train", "non-commercial", "UNKNOWN"),
        ("LicenseRef-all-rights-reserved", "train", "non-commercial", "PROHIBITED"),
        ("NONE", "train", "non-commercial", "UNKNOWN"),
        ("NOASSERTION", "train", "non-commercial", "UNKNOWN"),
        ("NOT_STATED", "train", "non-commercial", "UNKNOWN"),
        ("LicenseRef-openai-terms", "train", "non-commercial", "UNKNOWN"),
        (LLAMA3, "train_on_outputs", "commercial", "PROHIBITED"),
        ("LicenseRef-scancode-llama-3.1-license-2024", "train_on_outputs", "commercial", "UNKNOWN"),  # nobody says how many users
        ("LicenseRef-scancode-llama-license-2023", "train_on_outputs", "commercial", "PROHIBITED"),
        ("LicenseRef-scancode-llama-license-2023", "train_on_outputs", "non-commercial", "ALLOWED"),
        ("LicenseRef-scancode-deepseek-la-1.0", "train_on_outputs", "commercial", "UNKNOWN"),
        ("CC-BY-NC-4.0", "train_on_outputs", "non-commercial", "UNKNOWN"),  # silent on outputs: rule 2
        ("LicenseRef-mistral-mrl-0.1", "train_on_outputs", "commercial", "PROHIBITED"),
    ],
)
def test_a_licence_says_of_each_use_what_the_rules_make_of_it(expression: str, use: str, purpose: str, expected: str) -> None:
    assert outcome(expression, use, purpose) == expected


def test_the_stricter_reading_leaves_weights_of_share_alike_data_unknown() -> None:
    assert outcome("CC-BY-SA-4.0", "distribute_weights", share_alike_reaches_weights=True) == "UNKNOWN"
    assert outcome("MIT", "distribute_weights", share_alike_reaches_weights=True) == "ALLOWED"
    assert "reading" in answer("CC-BY-SA-4.0", "distribute_weights").reasons[0].text
    assert "share-alike reaches" in answer("ODbL-1.0", "distribute_weights").reasons[0].text
    assert "its limit" in answer("CC-BY-ND-4.0", "distribute_weights").reasons[0].text


def test_and_takes_the_strictest_and_the_duties_of_all() -> None:
    found = answer("MIT AND CC-BY-NC-4.0", "train")
    assert (found.outcome, [r.license for r in found.decisive]) == (Permission.PROHIBITED, ["CC-BY-NC-4.0"])
    assert {(d.code, d.license) for d in found.duties} == {("attribution:required", "MIT"), ("attribution:required", "CC-BY-NC-4.0")}


def test_or_takes_what_permits_the_use_and_says_what_was_chosen() -> None:
    found = answer("CC-BY-NC-4.0 OR MIT", "train")
    assert (found.outcome, found.chosen, [d.license for d in found.duties]) == (Permission.ALLOWED, ("MIT",), ["MIT"])
    assert answer("CC-BY-NC-4.0 OR MIT", "train_noncommercial").chosen == ("MIT",)
    assert answer("CC-BY-4.0 OR CC0-1.0", "train").duties == ()


def test_an_exception_is_not_counted_on_and_other_words_behind_with_are_not_known() -> None:
    plain, excepted = of("GPL-2.0-only"), of("GPL-2.0-only WITH Classpath-exception-2.0")
    assert [a.outcome for a in plain.answers] == [a.outcome for a in excepted.answers]
    for expression in ("MIT WITH Commons-Clause", "GPL-3.0-only WITH Foo OR GPL-3.0-or-later WITH Foo"):
        assert {a.outcome for a in of(expression).answers} == {Permission.UNKNOWN}
        assert CATALOG.assess(expression, TriState.YES).this_use is Permission.UNKNOWN


def test_words_behind_with_stay_behind_every_licence_that_a_name_stands_for() -> None:
    assert CATALOG.normalize("gpl-3.0 WITH Foo")[0] == "GPL-3.0-only WITH Foo OR GPL-3.0-or-later WITH Foo"


def test_plus_lets_the_licensee_take_the_version_named() -> None:
    assert CATALOG.normalize("Apache-2.0+")[0] == "Apache-2.0+"
    assert outcome("Apache-2.0+", "train") == "ALLOWED"
    assert outcome("CC-BY-NC-4.0+", "train") == "PROHIBITED"
    assert outcome("Foo-1.0+", "train") == "UNKNOWN"


def test_what_nobody_knows_is_a_duty_that_may_be_asked() -> None:
    found = answer("LicenseRef-nvidia-nemotron-open-model", "distribute_data")
    assert {(d.code, d.certain) for d in found.duties} == {
        ("attribution:required", TriState.UNKNOWN),
        ("share-alike", TriState.UNKNOWN),
        ("flow-down:use-restrictions", TriState.UNKNOWN),
    }


def test_duties_have_their_codes_and_go_with_the_uses_that_they_concern() -> None:
    def codes(expression: str, use: str) -> set[str]:
        return {d.code for d in answer(expression, use).duties}

    assert codes(LLAMA3, "train") == {
        "attribution:required",
        "flow-down:use-restrictions",
        "name-prefix:Llama 3",
        "badge:Built with Meta Llama 3",
        "extra-licence:mau-700m",
    }
    assert codes("CC-BY-SA-4.0", "train") == {"attribution:required"}
    assert codes("CC-BY-SA-4.0", "distribute_adapted_data") == {"attribution:required", "share-alike", "state-changes"}
    assert "no-redistribution-of-data" in codes("LicenseRef-scancode-nvidia-model-training-2025", "distribute_data")
    assert "content-rights-separate" in codes("ODC-By-1.0", "train")


def test_a_limit_that_is_exceeded_ends_the_permission_and_one_of_another_day_does_not_decide() -> None:
    assert outcome(QWEN, "train", monthly_active_users=100_000_000) == "ALLOWED"
    assert outcome(QWEN, "train", monthly_active_users=100_000_001) == "PROHIBITED"
    assert answer(QWEN, "train").limits[0].exceeded is TriState.UNKNOWN
    frozen = answer(LLAMA3, "train", monthly_active_users=900_000_000)
    assert (frozen.outcome, frozen.limits[0].exceeded) == (Permission.UNKNOWN, TriState.UNKNOWN)
    badge = answer("LicenseRef-scancode-moonshot-ai-modified-mit-2025", "train", monthly_active_users=200_000_000)
    assert badge.outcome is Permission.ALLOWED
    assert [d.certain for d in badge.duties if d.code == "ui-badge:Kimi K2"] == [TriState.YES, TriState.UNKNOWN]


@pytest.mark.parametrize(
    ("region", "expected"), [("UNKNOWN", "UNKNOWN"), ("DE", "PROHIBITED"), ("EU", "PROHIBITED"), ("GB", "PROHIBITED"), ("US", "ALLOWED")]
)
def test_a_licence_grants_nothing_where_it_says_so(region: str, expected: str) -> None:
    assert outcome(HUNYUAN, "train", region=region, monthly_active_users=1000) == expected


def test_an_audit_that_knows_no_region_does_not_go_by_such_a_licence() -> None:
    assert CATALOG.assess(HUNYUAN, TriState.YES).this_use is Permission.UNKNOWN


@pytest.mark.parametrize(("competes", "expected"), [(TriState.YES, "PROHIBITED"), (TriState.NO, "ALLOWED"), (TriState.UNKNOWN, "UNKNOWN")])
def test_a_bar_on_competing_models_reaches_those_alone(competes: TriState, expected: str) -> None:
    assert outcome("LicenseRef-scancode-flux-1-nc", "train_on_outputs", "non-commercial", competes=competes) == expected


def test_every_answer_names_the_licence_the_reason_and_the_rules() -> None:
    for expression in CATALOG.classes:
        for found in of(expression).answers:
            assert found.decisive
            assert all(r.license == expression and r.text for r in found.reasons)
            assert found.rules


def test_parts_that_have_no_way_out_in_common_may_not_be_passed_on_as_one() -> None:
    both = "CC-BY-SA-4.0 AND GPL-2.0-only"
    assert (outcome(both, "train"), outcome(both, "distribute_adapted_data"), outcome(both, "distribute_weights")) == (
        "ALLOWED",
        "PROHIBITED",
        "UNKNOWN",
    )
    assert outcome("CC-BY-SA-4.0 AND GPL-3.0-only", "distribute_adapted_data") == "ALLOWED"
    assert outcome("CC-BY-ND-4.0 OR (CC-BY-SA-4.0 AND GPL-2.0-only)", "distribute_adapted_data") == "PROHIBITED"


@pytest.mark.parametrize("levels", [41, 400])
def test_an_expression_nested_too_deeply_is_not_known_and_costs_nothing(levels: int) -> None:
    text = "MIT"
    for level in range(levels):
        text = f"(ISC {'AND' if level % 2 else 'OR'} {text})"
    found = of(text)
    assert {a.outcome for a in found.answers} == {Permission.UNKNOWN}
    assert "deeper than 40" in found.answers[0].reasons[0].text
