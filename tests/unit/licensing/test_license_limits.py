"""Limits of licences and of terms are read alike, and what is not known of a part swallows neither the whole nor a bar."""

from __future__ import annotations

import pytest

from provenance.licensing.classes import shipped_licenses
from provenance.licensing.conclusion import UNRECOGNISED
from provenance.licensing.expression import parse_expression
from provenance.licensing.license_uses import Circumstances, LicenseUse, UseAnswer
from provenance.licensing.permissions import permissions
from provenance.model.absence import Permission, TriState

CATALOG = shipped_licenses()


def ask(
    name: str, *, region: str = "US", users: int | None = 1000, use: LicenseUse = LicenseUse.TRAIN, synthetic: TriState = TriState.YES
) -> UseAnswer:
    asked = Circumstances(commercial=TriState.YES, synthetic=synthetic, competes=TriState.NO, region=region, monthly_active_users=users)
    return permissions(CATALOG, CATALOG.normalize(name)[0], asked, uses=(use,)).answer(use)


@pytest.mark.parametrize("name", ["llama3.2", "llama4"])
@pytest.mark.parametrize(("region", "expected"), [("EU", "UNKNOWN"), ("DE", "UNKNOWN"), ("UNKNOWN", "UNKNOWN"), ("US", "ALLOWED"), ("UK", "ALLOWED")])
def test_a_licence_that_grants_nothing_in_the_eu_in_some_models_is_not_known_there(name: str, region: str, expected: str) -> None:
    # licences.yaml: "EU: no rights in multimodal models."
    answer = ask(name, region=region)
    assert answer.outcome == expected
    assert ("multimodal" in " ".join(r.text for r in answer.decisive)) is (expected == "UNKNOWN")


@pytest.mark.parametrize(("users", "expected"), [(None, "UNKNOWN"), (700_000_000, "ALLOWED"), (700_000_001, "UNKNOWN")])
def test_users_that_nobody_states_or_of_a_later_day_leave_the_limit_open(users: int | None, expected: str) -> None:
    assert ask("llama3.1", users=users).outcome == expected


def test_a_limit_that_asks_for_a_badge_alone_bars_nothing() -> None:
    assert ask("LicenseRef-minimax-m2-modified-mit", users=None).outcome is Permission.ALLOWED


@pytest.mark.parametrize(("region", "cites"), [("EU", False), ("UNKNOWN", True)])
def test_the_rule_on_unknown_facts_is_cited_only_where_one_is_unknown(region: str, cites: bool) -> None:
    answer = ask("LicenseRef-scancode-tencent-hunyuan-3d-2.0-cla", region=region, synthetic=TriState.NO)
    assert ("RR05" in answer.rules) is cites


def test_whoever_receives_data_under_c_uda_is_bound_too() -> None:
    passing = ask("C-UDA-1.0", use=LicenseUse.DISTRIBUTE_DATA)
    assert "flow-down:data-terms" in {d.code for d in passing.duties}
    assert "flow-down:data-terms" not in {d.code for d in ask("C-UDA-1.0").duties}


@pytest.mark.parametrize("name", ["openrail", "openrail-m"])
def test_the_name_of_a_family_permits_nothing(name: str) -> None:
    assert ask(name, synthetic=TriState.NO).outcome is Permission.UNKNOWN
    assert CATALOG.assess(CATALOG.normalize(name)[0], TriState.YES).this_use is Permission.UNKNOWN


@pytest.mark.parametrize("word", ["NOASSERTION", "NONE", "noassertion", "UNKNOWN"])
def test_a_part_that_nobody_knows_is_one_part(word: str) -> None:
    assert CATALOG.normalize(f"CC-BY-NC-4.0 AND {word}")[0] == f"CC-BY-NC-4.0 AND {UNRECOGNISED}"
    assert ask(f"CC-BY-NC-4.0 AND {word}").outcome is Permission.PROHIBITED
    assert ask(f"MIT AND {word}").outcome is Permission.UNKNOWN
    assert ask(f"MIT OR {word}").outcome is Permission.ALLOWED


@pytest.mark.parametrize("word", ["NOASSERTION", "NONE"])
def test_the_word_alone_is_no_licence(word: str) -> None:
    assert ask(word).outcome is Permission.UNKNOWN


@pytest.mark.parametrize("text", ["()", "MIT AND ()", "() OR MIT", "(())", "MIT WITH ()", "( )"])
def test_brackets_that_hold_nothing_are_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="no licence"):
        parse_expression(text)
    assert CATALOG.normalize(text)[0] == "UNKNOWN"
