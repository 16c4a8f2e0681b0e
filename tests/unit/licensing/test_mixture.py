"""Licences of several datasets together: what binds, what excludes what, and what to leave out."""

from __future__ import annotations

import time

import pytest

from provenance.licensing.classes import shipped_licenses
from provenance.licensing.license_uses import Circumstances, LicenseUse
from provenance.licensing.mixture import ConflictKind, LicensedDataset, Mixture, combine
from provenance.model.absence import Permission, TriState

CATALOG = shipped_licenses()
ALL = tuple(LicenseUse)


def mixed(*expressions: str, commercial: TriState = TriState.YES, uses: tuple[LicenseUse, ...] = ALL) -> Mixture:
    datasets = [LicensedDataset(name=chr(ord("a") + i), expression=e) for i, e in enumerate(expressions)]
    return combine(CATALOG, datasets, Circumstances(commercial=commercial), uses=uses)


def outcome(found: Mixture, use: str) -> str:
    return found.answer(LicenseUse(use)).outcome.value


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # Share-alike licences that name one another as ways out: later versions, and CC BY-SA 4.0 to GPL 3 only.
        ("CC-BY-SA-3.0", "CC-BY-SA-4.0", "ALLOWED"),
        ("CC-BY-SA-4.0", "GPL-3.0-only", "ALLOWED"),
        ("CC-BY-SA-4.0", "GPL-3.0-or-later", "ALLOWED"),
        ("CC-BY-SA-3.0", "GPL-3.0-only", "PROHIBITED"),
        ("CC-BY-SA-4.0", "GPL-2.0-only", "PROHIBITED"),
        ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0", "PROHIBITED"),
        ("CC-BY-SA-4.0", "ODbL-1.0", "PROHIBITED"),
        ("CDLA-Sharing-1.0", "CC-BY-SA-4.0", "PROHIBITED"),
        ("GPL-2.0-only", "GPL-3.0-only", "PROHIBITED"),
        ("GPL-2.0-or-later", "GPL-3.0-only", "ALLOWED"),
        ("GPL-3.0-only", "AGPL-3.0-only", "ALLOWED"),
        ("LGPL-2.1-only", "GPL-2.0-only", "ALLOWED"),
        ("MPL-2.0", "GPL-2.0-only", "ALLOWED"),
        # Without share-alike: what the licence with share-alike does not take.
        ("MIT", "GPL-2.0-only", "ALLOWED"),
        ("Apache-2.0", "GPL-2.0-only", "PROHIBITED"),
        ("Apache-2.0", "GPL-3.0-only", "ALLOWED"),
        ("Apache-2.0", "GPL-2.0-only OR GPL-2.0-or-later", "UNKNOWN"),  # the name does not tell which
        ("MS-PL", "GPL-3.0-only", "PROHIBITED"),
        ("CC-BY-4.0", "CC-BY-SA-4.0", "ALLOWED"),
        ("CC-BY-4.0", "ODbL-1.0", "UNKNOWN"),
        ("LicenseRef-scancode-bigscience-open-rail-m", "CC-BY-SA-4.0", "PROHIBITED"),  # use restrictions must be passed on
        ("LicenseRef-scancode-bigscience-open-rail-m", "MIT", "ALLOWED"),
        ("CC-BY-SA-4.0", "LicenseRef-whatever", "UNKNOWN"),
        ("CC-BY-SA-4.0", "UNKNOWN", "UNKNOWN"),
        ("CC-BY-SA-4.0", "GPL-2.0-only OR MIT", "ALLOWED"),
    ],
)
def test_what_is_made_of_two_may_be_passed_on_where_they_have_a_way_out_in_common(first: str, second: str, expected: str) -> None:
    assert outcome(mixed(first, second), "distribute_adapted_data") == expected
    assert outcome(mixed(second, first), "distribute_adapted_data") == expected


def test_share_alike_and_non_commercial_fit_where_the_run_is_not_commercial() -> None:
    assert outcome(mixed("CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", commercial=TriState.NO), "distribute_adapted_data") == "ALLOWED"
    assert outcome(mixed("CC-BY-NC-4.0", "CC-BY-SA-4.0", commercial=TriState.NO), "distribute_adapted_data") == "PROHIBITED"


def test_a_non_commercial_dataset_binds_a_commercial_run_and_is_to_be_left_out() -> None:
    found = mixed("MIT", "CC-BY-NC-4.0", "CC-BY-4.0", uses=(LicenseUse.TRAIN,))
    assert (outcome(found, "train"), found.compatible) == ("PROHIBITED", TriState.NO)
    assert found.binding == ((LicenseUse.TRAIN, ("b",)),)
    assert [(c.kind, c.datasets, c.leave_out) for c in found.conflicts] == [(ConflictKind.USE, ("b",), "b")]
    assert found.leave_out == ("b",)


def test_weights_of_licences_that_exclude_each_other_are_unknown_and_never_allowed() -> None:
    found = mixed("CC-BY-SA-4.0", "GPL-2.0-only", uses=(LicenseUse.TRAIN, LicenseUse.DISTRIBUTE_WEIGHTS))
    assert (outcome(found, "train"), outcome(found, "distribute_weights"), found.compatible) == ("ALLOWED", "UNKNOWN", TriState.UNKNOWN)
    assert "unsettled" in found.conflicts[0].text
    assert outcome(mixed("CC-BY-SA-4.0", "ODbL-1.0"), "distribute_weights") == "UNKNOWN"


def test_no_derivatives_stands_alone_against_a_derived_dataset() -> None:
    found = mixed("CC-BY-ND-4.0", "MIT", uses=(LicenseUse.DISTRIBUTE_ADAPTED_DATA,))
    assert [(c.kind, c.outcome, c.datasets) for c in found.conflicts] == [(ConflictKind.NO_DERIVATIVES, Permission.PROHIBITED, ("a",))]
    assert found.leave_out == ("a",)


def test_use_restrictions_are_to_be_passed_on_by_the_whole() -> None:
    found = mixed("MIT", "LicenseRef-scancode-bigscience-open-rail-m", uses=(LicenseUse.DISTRIBUTE_WEIGHTS,))
    assert found.compatible is TriState.YES
    assert ("b", "flow-down:use-restrictions") in {(name, duty.code) for name, duty in found.duties}


def test_every_two_may_fit_where_all_together_do_not() -> None:
    # GPL-2.0-only takes LGPL-2.1 code and GPL-2.0-or-later; MPL-2.0 fits both sides; no target is left for all of the last three.
    three = ("LGPL-2.1-only", "GPL-2.0-only", "MIT")
    assert outcome(mixed(*three), "distribute_adapted_data") == "ALLOWED"
    found = mixed("GPL-2.0-only OR CC-BY-SA-4.0", "GPL-2.0-only OR ODbL-1.0", "CC-BY-SA-4.0 OR ODbL-1.0", uses=(LicenseUse.DISTRIBUTE_ADAPTED_DATA,))
    assert outcome(found, "distribute_adapted_data") == "PROHIBITED"
    assert [(c.kind, c.datasets) for c in found.conflicts] == [(ConflictKind.TOGETHER, ("a", "b", "c"))]
    assert len(found.leave_out) == 1


def test_the_smaller_share_is_given_up() -> None:
    datasets = [
        LicensedDataset(name="big", expression="CC-BY-SA-4.0", share=0.9),
        LicensedDataset(name="small", expression="GPL-2.0-only", share=0.1),
    ]
    found = combine(CATALOG, datasets, Circumstances(commercial=TriState.YES), uses=(LicenseUse.DISTRIBUTE_ADAPTED_DATA,))
    assert (found.conflicts[0].leave_out, found.leave_out) == ("small", ("small",))


def test_leaving_out_what_is_named_leaves_nothing_against_the_uses() -> None:
    expressions = ["CC-BY-SA-4.0", "GPL-2.0-only", "ODbL-1.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "MIT", "UNKNOWN", "Apache-2.0", "GPL-3.0-only"]
    datasets = [LicensedDataset(name=str(i), expression=e) for i, e in enumerate(expressions)]
    uses = (LicenseUse.TRAIN, LicenseUse.DISTRIBUTE_WEIGHTS, LicenseUse.DISTRIBUTE_ADAPTED_DATA)
    found = combine(CATALOG, datasets, Circumstances(commercial=TriState.YES), uses=uses)
    left = [d for d in datasets if d.name not in found.leave_out]
    assert left
    assert combine(CATALOG, left, Circumstances(commercial=TriState.YES), uses=uses).compatible is TriState.YES


def test_text_that_a_model_wrote_is_judged_by_the_clause_on_outputs() -> None:
    datasets = [LicensedDataset(name="a", expression="LicenseRef-llama3", synthetic=TriState.YES)]
    found = combine(CATALOG, datasets, Circumstances(commercial=TriState.YES), uses=(LicenseUse.TRAIN,))
    assert found.compatible is TriState.UNKNOWN


def test_no_dataset_no_use_and_a_name_twice_are_refused() -> None:
    one = LicensedDataset(name="a", expression="MIT")
    for datasets, uses in (([], ALL), ([one], ()), ([one, one], ALL)):
        with pytest.raises(ValueError, match="mixture"):
            combine(CATALOG, datasets, Circumstances(), uses=uses)


def test_ten_thousand_datasets_cost_little_and_list_a_bounded_number_of_pairs() -> None:
    pool = ["CC-BY-SA-4.0", "GPL-2.0-only", "MIT", "CC-BY-4.0", "ODbL-1.0", *(f"LicenseRef-{i}" for i in range(95))]
    datasets = [LicensedDataset(name=f"d{i:05}", expression=pool[i % len(pool)]) for i in range(10_000)]
    started = time.process_time()
    found = combine(CATALOG, datasets, Circumstances(commercial=TriState.YES), uses=(LicenseUse.TRAIN, LicenseUse.DISTRIBUTE_ADAPTED_DATA))
    assert time.process_time() - started < 10
    assert found.conflicts_unlisted > 20_000
    assert outcome(found, "distribute_adapted_data") == "PROHIBITED"
