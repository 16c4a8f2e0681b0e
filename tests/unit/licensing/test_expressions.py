"""Expressions over small licences of one axis each: parsing, choice, union, targets and mixtures. Expected values follow from reading rules 2, 3, 10 and 17."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.licensing.classes import LicenseCatalog, normalize
from provenance.licensing.compatibility import Compatibility, CompatibilityTable, Targets
from provenance.licensing.conclusion import conclude, join_all
from provenance.licensing.expression import AllOf, AnyOf, OneLicense, iter_licenses, parse_expression, render
from provenance.licensing.expression import join_all as join_texts
from provenance.licensing.license_class import Fit, LicenseClass, Limit, Metric, WhenTested
from provenance.licensing.license_uses import Circumstances, LicenseUse
from provenance.licensing.mixture import ConflictKind, LicensedDataset, Mixture, combine
from provenance.licensing.permissions import permissions, strictest_answer
from provenance.model.absence import Permission, TriState
from provenance.model.license_detection import DetectionMethod, LicenseDetection

YES, NO, UNKNOWN = TriState.YES, TriState.NO, TriState.UNKNOWN
FREE = LicenseClass(
    id="Free",
    use="commercial",
    attribution=NO,
    share_alike=NO,
    no_derivatives=NO,
    behavioural_restrictions=NO,
    outputs_clause="free",
    redistribution=YES,
)
CLASSES = {
    "Free": FREE,
    "PD": replace(FREE, id="PD", use="public-domain"),
    "Credit": replace(FREE, id="Credit", attribution=YES, note="names its author"),
    "NC": replace(FREE, id="NC", use="non-commercial"),
    "Vague": replace(FREE, id="Vague", attribution=UNKNOWN),
    "Alike": replace(FREE, id="Alike", share_alike=YES),
    "Other": replace(FREE, id="Other", share_alike=YES),
    "Both": replace(FREE, id="Both", share_alike=YES),
    "NcAlike": replace(FREE, id="NcAlike", use="non-commercial", share_alike=YES),
    "ND": replace(FREE, id="ND", no_derivatives=YES),
    "Rail": replace(FREE, id="Rail", behavioural_restrictions=YES),
    "Open": replace(FREE, id="Open", use="unspecified"),
    "Terms": replace(FREE, id="Terms", use="terms-of-use"),
    "Blank": replace(FREE, id="Blank", use="UNKNOWN"),
    "Axis": replace(FREE, id="Axis", share_alike=UNKNOWN),
    "Bars": replace(FREE, id="Bars"),
    "Only-1.0-only": replace(FREE, id="Only-1.0-only", share_alike=YES),
    "Only-1.0-or-later": replace(FREE, id="Only-1.0-or-later", share_alike=YES),
}
FITS = {
    "Alike": Fit(under=("Both",)),
    "Other": Fit(),
    "Both": Fit(),
    "NcAlike": Fit(),
    "Free": Fit(under=("*",)),
    "PD": Fit(under=("*",)),
    "Credit": Fit(under=("*",)),
    "Bars": Fit(under=("Alike", "Both"), not_under=("Other",)),
    "Only-1.0-only": Fit(),
    "Only-1.0-or-later": Fit(under=("Both",)),
}
CATALOG = LicenseCatalog(version="v", digest="d", classes=CLASSES, aliases={}, compatibility=FITS)
TABLE = CompatibilityTable.of(CATALOG)


def of(expression: str, use: str = "train", commercial: TriState = YES) -> tuple[str, str]:
    """Return outcome and what was chosen."""
    found = permissions(CATALOG, expression, Circumstances(commercial=commercial)).answer(LicenseUse(use))
    return found.outcome.value, " ".join(found.chosen)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("MIT", OneLicense(id="MIT")),
        (" MIT ", OneLicense(id="MIT")),
        ("(MIT)", OneLicense(id="MIT")),
        ("MIT AND ISC", AllOf(parts=(OneLicense(id="MIT"), OneLicense(id="ISC")))),
        ("MIT or ISC", AnyOf(parts=(OneLicense(id="MIT"), OneLicense(id="ISC")))),
        ("GPL-2.0-only WITH Classpath-exception-2.0", OneLicense(id="GPL-2.0-only", exception="Classpath-exception-2.0")),
        ("A AND B OR C", AnyOf(parts=(AllOf(parts=(OneLicense(id="A"), OneLicense(id="B"))), OneLicense(id="C")))),
        ("A AND (B OR C)", AllOf(parts=(OneLicense(id="A"), AnyOf(parts=(OneLicense(id="B"), OneLicense(id="C")))))),
    ],
)
def test_an_expression_is_read_as_spdx_writes_it(text: str, expected: object) -> None:
    parsed = parse_expression(text)
    assert parsed == expected
    assert parse_expression(render(parsed)) == parsed


@pytest.mark.parametrize(
    "text", ["", " ", "()", "( )", "MIT AND ()", "(()", "() OR MIT", "MIT AND", "MIT ISC", "(MIT", "M/T", "a" * 4097, "MIT WITH", "a_b AND MIT"]
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expression|licence id"):
        parse_expression(text)


def test_an_expression_of_the_greatest_length_and_depth_is_read() -> None:
    assert parse_expression("a" * 4096) == OneLicense(id="a" * 4096)
    text = "A"
    for level in range(40):
        text = f"(B {'AND' if level % 2 else 'OR'} {text})"
    assert sum(1 for _ in iter_licenses(parse_expression(text))) == 41
    with pytest.raises(ValueError, match="deeper than 40"):
        parse_expression(f"(C AND (B OR {text}))")


def test_a_name_with_empty_brackets_is_not_known() -> None:
    assert [normalize(name)[0] for name in ("()", "MIT AND ()", "(()", "() OR MIT")] == ["UNKNOWN"] * 4


def test_expressions_in_words() -> None:
    assert render(parse_expression("A AND (B OR C WITH D)")) == "A AND (B OR C WITH D)"
    assert join_texts(["A", "B OR C", "D AND E"]) == "A AND (B OR C) AND (D AND E)"
    assert [one.id for one in iter_licenses(parse_expression("A AND (B OR C)"))] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "NOT_STATED"),
        (["NOT_STATED"], "NOT_STATED"),
        (["UNKNOWN"], "UNKNOWN"),
        (["UNREADABLE"], "UNREADABLE"),
        (["UNREADABLE", "UNKNOWN"], "UNKNOWN"),
        (["MIT"], "MIT"),
        (["MIT", "NOT_STATED"], "MIT"),
        (["MIT", "UNKNOWN"], "MIT AND LicenseRef-unrecognised-terms"),
        (["MIT", "UNREADABLE"], "MIT AND LicenseRef-unrecognised-terms"),
        (["LicenseRef-unrecognised-terms", "UNKNOWN"], "LicenseRef-unrecognised-terms"),
        (["MIT", "ISC", "MIT"], "MIT AND ISC"),
        (["MIT AND ISC", "ISC AND X"], "MIT AND ISC AND X"),
        (["MIT OR ISC", "X"], "(MIT OR ISC) AND X"),
    ],
)
def test_what_is_stated_together_all_applies(given: list[str], expected: str) -> None:
    assert join_all(given) == expected


def detected(expression: str, method: str = "text") -> LicenseDetection:
    return LicenseDetection(expression=expression, method=DetectionMethod(method), file="LICENSE", start=0, end=1, score=1.0)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], "NOT_STATED"),
        ([("MIT", "text"), ("ISC", "name"), ("MIT", "url")], "MIT AND ISC"),
        ([("UNKNOWN", "text")], "UNKNOWN"),
        # an acknowledgement tells the licence of some part: alone it leaves that of the whole unknown
        ([("MIT", "acknowledgement")], "MIT AND LicenseRef-unrecognised-terms"),
        ([("MIT", "acknowledgement"), ("ISC", "acknowledgement")], "MIT AND ISC AND LicenseRef-unrecognised-terms"),
        ([("MIT", "acknowledgement"), ("ISC", "text")], "MIT AND ISC"),
    ],
)
def test_what_detections_say_together(found: list[tuple[str, str]], expected: str) -> None:
    assert conclude(detected(*one) for one in found) == expected


@pytest.mark.parametrize(
    ("expression", "commercial", "expected"),
    [
        ("Free AND NC", YES, ("PROHIBITED", "")),
        ("Free AND Open", YES, ("UNKNOWN", "")),
        ("NC AND Open", YES, ("PROHIBITED", "")),
        ("Free OR NC", YES, ("ALLOWED", "Free")),
        ("NC OR Open", YES, ("UNKNOWN", "Open")),
        ("NC OR Open", NO, ("ALLOWED", "NC")),
        # of what permits as much: the one of which most is known, then the one that asks for least, then the freer class, then the name
        ("Vague OR Credit", YES, ("ALLOWED", "Credit")),
        ("Credit OR Free", YES, ("ALLOWED", "Free")),
        ("Free OR PD", YES, ("ALLOWED", "PD")),
        ("Free OR Bars", YES, ("ALLOWED", "Bars")),
        ("Free AND (NC OR Credit)", YES, ("ALLOWED", "Credit")),
        ("(Free OR Credit) AND (NC OR PD)", YES, ("ALLOWED", "Free PD")),
        ("NC OR (Credit AND (Free OR Vague))", YES, ("ALLOWED", "Credit AND (Free OR Vague) Free")),
        ("LicenseRef-all-rights-reserved OR Open", NO, ("UNKNOWN", "Open")),
        ("LicenseRef-all-rights-reserved AND Free", NO, ("PROHIBITED", "")),
        ("Nobody OR Free", YES, ("ALLOWED", "Free")),
        ("Nobody AND Free", YES, ("UNKNOWN", "")),
        ("Nobody AND NC", YES, ("PROHIBITED", "")),
    ],
)
def test_and_takes_the_strictest_and_or_the_loosest(expression: str, commercial: TriState, expected: tuple[str, str]) -> None:
    assert of(expression, commercial=commercial) == expected
    assert CATALOG.assess(expression, commercial).this_use == expected[0]


def test_an_answer_of_several_licences_holds_what_each_says() -> None:
    limit = Limit(metric=Metric.MONTHLY_ACTIVE_USERS, value=5, unit="users", tested_when=WhenTested.ALWAYS)
    catalog = replace(CATALOG, classes={**CLASSES, "Few": replace(FREE, id="Few", limits=(limit,), attribution=YES), "Credit": CLASSES["Credit"]})
    found = permissions(catalog, "Few AND Credit AND Nobody", Circumstances(commercial=YES), uses=(LicenseUse.TRAIN,))
    (answer,) = found.answers
    assert [r.license for r in answer.reasons] == ["Credit", "Few", "Few", "Nobody"]
    assert [(d.code, d.license) for d in answer.duties] == [
        ("attribution:required", "Credit"),
        ("attribution:required", "Few"),
        ("extra-licence", "Few"),
    ]
    assert [(x.license, x.limit) for x in answer.limits] == [("Few", limit)]
    assert (found.unknown_ids, found.notes, found.expression) == (("Nobody",), (("Credit", "names its author"),), "Few AND Credit AND Nobody")
    assert permissions(catalog, "LicenseRef-all-rights-reserved AND Free", Circumstances()).unknown_ids == ()
    chosen = permissions(catalog, "Few OR NC", Circumstances(commercial=YES), uses=(LicenseUse.TRAIN,)).answers[0]
    assert ([r.license for r in chosen.reasons], [d.license for d in chosen.duties], [x.license for x in chosen.limits]) == (
        ["Few", "Few"],
        ["Few", "Few"],
        ["Few"],
    )
    assert strictest_answer(LicenseUse.TRAIN, [answer, chosen]).chosen == ("Few",)


@pytest.mark.parametrize(
    ("expression", "words"),
    [("NOT_STATED", "no licence is stated"), ("UNREADABLE", "could not be read"), ("UNKNOWN", "nobody knows"), ("MIT AND", "no licence expression")],
)
def test_an_absence_is_not_known_for_every_use(expression: str, words: str) -> None:
    found = permissions(CATALOG, expression, Circumstances(commercial=NO))
    assert [a.use for a in found.answers] == list(LicenseUse)
    for answer in found.answers:
        assert (answer.outcome, answer.rules, answer.reasons[0].license, answer.reasons[0].outcome) == (
            Permission.UNKNOWN,
            ("RR02",),
            expression,
            Permission.UNKNOWN,
        )
        assert words in answer.reasons[0].text


def test_what_the_holder_reserves_and_what_does_not_fit_have_their_reasons() -> None:
    reserved = permissions(CATALOG, "LicenseRef-all-rights-reserved", Circumstances(), uses=(TRAIN,)).answers[0]
    assert [(r.license, r.outcome) for r in reserved.reasons] == [("LicenseRef-all-rights-reserved", Permission.PROHIBITED)]
    assert reserved.use is TRAIN
    apart = permissions(CATALOG, "Alike AND Other", Circumstances(commercial=YES), uses=(ADAPTED,)).answers[0]
    assert (apart.reasons[-1].license, apart.reasons[-1].outcome, apart.reasons[-1].rules) == ("Alike AND Other", Permission.PROHIBITED, ("RR17",))
    assert "exclude each other" in apart.reasons[-1].text
    open_ = permissions(CATALOG, "Free AND Nobody", Circumstances(commercial=YES), uses=(ADAPTED,)).answers[0]
    assert "are not known to fit" in open_.reasons[-1].text


def test_further_expressions_apply_beside_the_first() -> None:
    def also(first: str, *others: str, use: str = "train") -> str:
        return permissions(CATALOG, first, Circumstances(commercial=YES), also=others).answer(LicenseUse(use)).outcome.value

    assert also("Free", "PD") == "ALLOWED"
    assert also("Free", "NC") == "PROHIBITED"
    assert also("Free", "NOT_STATED") == "UNKNOWN"
    assert also("NC", "UNKNOWN") == "PROHIBITED"  # what is known still counts
    assert also("Alike", "Other", use="distribute_adapted_data") == "PROHIBITED"


@pytest.mark.parametrize(
    ("expression", "adapted", "weights"),
    [
        ("Alike", "ALLOWED", "ALLOWED"),
        ("Alike AND Both", "ALLOWED", "ALLOWED"),
        ("Alike AND Other", "PROHIBITED", "UNKNOWN"),
        ("Alike AND Free", "ALLOWED", "ALLOWED"),
        ("Alike AND Bars", "ALLOWED", "ALLOWED"),
        ("Other AND Bars", "PROHIBITED", "UNKNOWN"),
        ("Alike AND Rail", "PROHIBITED", "UNKNOWN"),
        ("Free AND Rail", "ALLOWED", "ALLOWED"),
        ("Alike OR Other", "ALLOWED", "ALLOWED"),
        ("Free AND ND", "PROHIBITED", "UNKNOWN"),
        ("Free AND Nobody", "UNKNOWN", "UNKNOWN"),
    ],
)
def test_what_is_made_of_several_needs_a_way_out_in_common(expression: str, adapted: str, weights: str) -> None:
    assert of(expression, "distribute_adapted_data")[0] == adapted
    assert of(expression, "distribute_weights")[0] == weights
    assert of(expression, "train")[0] == ("UNKNOWN" if "Nobody" in expression else "ALLOWED")


def targets(expression: str) -> tuple[str, str]:
    found = TABLE.targets(expression)
    missing = TABLE.universe - found.possible
    return " ".join(sorted(found.sure)), "all but " + " ".join(sorted(missing)) if len(found.possible) > 4 else " ".join(sorted(found.possible))


@pytest.mark.parametrize(
    ("expression", "sure", "possible"),
    [
        ("Alike", "Alike Both", "Alike Both"),
        ("Alike+", "Alike Both", "Alike Both"),
        ("Other", "Other", "Other"),
        ("ND", "", ""),
        ("Rail", "own-choice", "own-choice"),
        ("NC", "own-choice", "NcAlike own-choice"),
        ("Bars", "Alike Both own-choice", "all but Other"),
        ("Open", "", "all but "),
        ("Terms", "", "all but "),
        ("Blank", "", "all but "),
        ("Axis", "", "all but "),
        ("Nobody", "", "all but "),
        ("UNKNOWN", "", "all but "),
        ("MIT AND", "", "all but "),
        ("Alike AND Other", "", ""),
        ("Alike OR Other", "Alike Both Other", "Alike Both Other"),
        ("Only-1.0-only OR Only-1.0-or-later", "", "Both Only-1.0-only Only-1.0-or-later"),
        ("NC AND NcAlike", "", "NcAlike"),
    ],
)
def test_targets_of_what_is_made_of_something(expression: str, sure: str, possible: str) -> None:
    assert targets(expression) == (sure, possible)


def test_the_universe_holds_what_may_ask_for_share_alike() -> None:
    assert TABLE.universe == {"own-choice", "Alike", "Other", "Both", "NcAlike", "Axis", "Only-1.0-only", "Only-1.0-or-later"}
    assert TABLE.together(()) == Targets(sure=TABLE.universe, possible=TABLE.universe)
    assert TABLE.together(("Alike", "Free")).sure == {"Alike", "Both"}
    states = [TABLE.together(x).compatibility for x in (("Alike", "Both"), ("Alike", "Other"), ("Alike", "Nobody"))]
    assert states == [Compatibility.COMPATIBLE, Compatibility.EXCLUDED, Compatibility.UNKNOWN]


def test_a_licence_with_share_alike_and_no_table_may_fit_others_with_share_alike() -> None:
    bare = CompatibilityTable.of(replace(CATALOG, compatibility={}))
    found = bare.targets("Alike")
    assert found.sure == {"Alike"}
    assert found.possible == bare.universe - {"own-choice"}


# -- mixtures --------------------------------------------------------------------------------------------------------------------------------------------

ADAPTED, WEIGHTS, TRAIN = LicenseUse.DISTRIBUTE_ADAPTED_DATA, LicenseUse.DISTRIBUTE_WEIGHTS, LicenseUse.TRAIN


def mixed(uses: tuple[LicenseUse, ...], *expressions: str, shares: tuple[float | None, ...] = ()) -> Mixture:
    datasets = [LicensedDataset(name=f"d{n}", expression=e, share=shares[n] if shares else None) for n, e in enumerate(expressions)]
    return combine(CATALOG, datasets, Circumstances(commercial=YES), uses=uses)


def test_a_conflict_names_both_sides_the_licences_and_what_to_leave_out() -> None:
    found = mixed((ADAPTED,), "Alike", "Other", "Free")
    (conflict,) = found.conflicts
    assert (conflict.kind, conflict.use, conflict.outcome) == (ConflictKind.SHARE_ALIKE, ADAPTED, Permission.PROHIBITED)
    assert (conflict.datasets, conflict.licenses, conflict.leave_out) == (("d0", "d1"), ("Alike", "Other"), "d0")
    assert conflict.text == "Alike and Other exclude each other for what is made of both"
    assert (found.binding, found.leave_out, found.targets, found.compatible) == (((ADAPTED, ("d0", "d1")),), ("d0",), (), NO)
    assert found.conflicts_unlisted == 0
    (answer,) = found.answers
    assert (answer.outcome, answer.reasons[-1].license, answer.reasons[-1].rules) == (Permission.PROHIBITED, "Alike / Other", ("RR10", "RR17"))


def test_the_smallest_share_is_given_up_and_one_that_is_not_known_last() -> None:
    assert mixed((ADAPTED,), "Alike", "Other", shares=(0.9, 0.1)).leave_out == ("d1",)
    assert mixed((ADAPTED,), "Alike", "Other", shares=(None, 0.9)).leave_out == ("d1",)
    assert mixed((ADAPTED,), "Alike", "Other", shares=(0.1, 0.1)).leave_out == ("d0",)
    # one that excludes two is cheaper than the two
    assert mixed((ADAPTED,), "Alike", "Other", "Other", shares=(0.5, 0.3, 0.3)).leave_out == ("d0",)
    assert mixed((ADAPTED,), "Alike", "Other", "Other", shares=(0.7, 0.3, 0.3)).leave_out == ("d1", "d2")


def test_datasets_that_state_the_same_stand_in_conflicts_of_their_own() -> None:
    found = mixed((ADAPTED,), "Alike", "Alike", "Other")
    assert [c.datasets for c in found.conflicts] == [("d0", "d2"), ("d1", "d2")]
    assert found.binding == ((ADAPTED, ("d0", "d1", "d2")),)


def test_weights_of_what_excludes_each_other_are_open_and_training_is_free() -> None:
    found = mixed((TRAIN, WEIGHTS, ADAPTED), "Alike", "Other")
    assert [a.outcome.value for a in found.answers] == ["ALLOWED", "UNKNOWN", "PROHIBITED"]
    assert [(c.use.value, c.outcome.value) for c in found.conflicts] == [("distribute_adapted_data", "PROHIBITED"), ("distribute_weights", "UNKNOWN")]
    assert "unsettled" in found.conflicts[1].text
    assert "unsettled" not in found.conflicts[0].text
    assert mixed((TRAIN,), "Alike", "Other").conflicts == ()
    only = mixed((WEIGHTS,), "Alike", "Other")
    assert (only.compatible, only.binding) == (UNKNOWN, ((WEIGHTS, ("d0", "d1")),))


def test_what_stands_alone_is_told_of_the_dataset_alone() -> None:
    found = mixed((TRAIN, ADAPTED), "Free", "NC", "ND", "Nobody")
    assert [(c.kind.value, c.use.value, c.outcome.value, c.datasets, c.licenses, c.leave_out) for c in found.conflicts] == [
        ("no-derivatives", "distribute_adapted_data", "PROHIBITED", ("d2",), ("ND",), "d2"),
        ("use", "distribute_adapted_data", "PROHIBITED", ("d1",), ("NC",), "d1"),
        ("use", "train", "PROHIBITED", ("d1",), ("NC",), "d1"),
        ("use", "distribute_adapted_data", "UNKNOWN", ("d3",), ("Nobody",), "d3"),
        ("use", "train", "UNKNOWN", ("d3",), ("Nobody",), "d3"),
    ]
    assert found.leave_out == ("d1", "d2", "d3")
    assert found.binding == ((TRAIN, ("d1",)), (ADAPTED, ("d1", "d2")))
    assert all(c.text.startswith(f"{c.licenses[0]}: ") for c in found.conflicts)


def test_what_nobody_knows_of_a_pair_is_unknown_for_the_data_and_says_nothing_of_weights() -> None:
    # neither table tells whether the one may be passed on under the other
    bare = replace(CATALOG, compatibility={})
    datasets = [LicensedDataset(name="a", expression="Alike"), LicensedDataset(name="b", expression="Other")]
    found = combine(bare, datasets, Circumstances(commercial=YES), uses=(ADAPTED, WEIGHTS))
    assert [a.outcome.value for a in found.answers] == ["UNKNOWN", "ALLOWED"]
    assert [(c.use, c.outcome) for c in found.conflicts] == [(ADAPTED, Permission.UNKNOWN)]
    assert found.conflicts[0].text == "Alike and Other are not known to fit for what is made of both"


def test_a_mixture_that_fits_tells_under_what_and_what_is_asked() -> None:
    found = mixed((TRAIN, ADAPTED), "Credit", "Alike")
    assert (found.compatible, found.conflicts, found.binding, found.leave_out) == (YES, (), (), ())
    assert found.targets == ("Alike", "Both")
    assert [(name, duty.code, duty.license) for name, duty in found.duties] == [
        ("d0", "attribution:required", "Credit"),
        ("d1", "share-alike", "Alike"),
    ]


def test_licences_of_what_a_dataset_was_made_of_count_for_it() -> None:
    made = LicensedDataset(name="made", expression="Free", also=("NC", "Free"))
    assert made.licenses == ("Free", "NC")
    found = combine(CATALOG, [made], Circumstances(commercial=YES), uses=(TRAIN,))
    assert (found.answer(TRAIN).outcome, found.conflicts[0].licenses) == (Permission.PROHIBITED, ("Free AND NC",))
    twice = combine(CATALOG, [made], Circumstances(commercial=YES), uses=(TRAIN, TRAIN))
    assert len(twice.answers) == 1


def test_assessments_of_a_run() -> None:
    found = CATALOG.assess("Credit AND Alike AND Nobody", YES)
    assert (found.use, found.attribution, found.share_alike, found.no_derivatives, found.known) == ("UNKNOWN", YES, YES, UNKNOWN, False)
    assert (found.behavioural_restrictions, found.unknown_ids) == (UNKNOWN, ("Nobody",))
    both = CATALOG.assess("Rail AND ND", YES)
    assert (both.use, both.behavioural_restrictions, both.no_derivatives, both.attribution, both.known) == ("commercial", YES, YES, NO, True)
    assert CATALOG.assess("Credit OR Free", YES).attribution is NO
    assert CATALOG.assess("Free OR PD", YES).use == "public-domain"
    reserved = CATALOG.assess("LicenseRef-all-rights-reserved", NO)
    assert (reserved.use, reserved.this_use, reserved.unknown_ids) == ("unspecified", Permission.PROHIBITED, ())
    model = replace(CATALOG, classes={**CLASSES, "Model": replace(FREE, id="Model", outputs_clause="no-other-llm")})
    for expression in ("Model OR NC", "Model AND Free"):
        assert model.assess(expression, YES).this_use is Permission.ALLOWED
        assert model.assess(expression, YES, synthetic=YES).this_use is Permission.UNKNOWN
    for absent in ("UNKNOWN", "MIT AND"):
        assert CATALOG.assess(absent, NO).this_use is Permission.UNKNOWN
