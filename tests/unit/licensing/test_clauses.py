"""One text, one use, one run: what each clause comes to. Expected outcomes follow from reading rules 2, 3, 6 to 11 and 16 to 18."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

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

RIVAL: dict[str, Any] = {"others_compete": YES}
FRIEND: dict[str, Any] = {"others_compete": NO}
LETTER: dict[str, Any] = {"approvals": APPROVED}
BADGE = (Duty(code="badge:Acme"),)


@pytest.mark.parametrize(
    ("value", "facts", "expected"),
    [
        # rule 2: silence, and a word that nobody knows
        ("silent", {}, (None, "RR02", "", "")),
        ("nonsense", {}, ("UNKNOWN", "RR02", "", "")),
        ("allowed", {}, ("ALLOWED", "RR03", "", "")),
        ("prohibited", {}, ("PROHIBITED", "RR03", "", "")),
        ("prohibited", FRIEND, ("PROHIBITED", "RR03", "", "")),
        ("prohibited", LETTER, ("PROHIBITED", "RR03", "", "")),
        # rule 10: conditions that nobody wrote down
        ("allowed-with-conditions", {}, ("UNKNOWN", "RR10", "conditions", "")),
        # rule 17
        ("research-or-noncommercial-only", {"commercial": YES}, ("PROHIBITED", "RR10 RR17", "", "")),
        ("research-or-noncommercial-only", {"commercial": NO}, ("ALLOWED", "RR10 RR17", "", "")),
        ("research-or-noncommercial-only", {}, ("UNKNOWN", "RR10 RR17", "commercial", "")),
        # rule 7
        ("prohibited-if-competing", RIVAL, ("PROHIBITED", "RR07", "", "")),
        ("prohibited-if-competing", FRIEND, ("ALLOWED", "RR07", "", "")),
        ("prohibited-if-competing", {}, ("UNKNOWN", "RR07", "competing", "")),
        ("prohibited-if-competing", {**RIVAL, **LETTER}, ("PROHIBITED", "RR07", "", "")),
        # rule 8, alone and with rule 7
        ("prohibited-without-approval", {}, ("PROHIBITED", "RR03 RR08", "approval", "")),
        ("prohibited-without-approval", FRIEND, ("PROHIBITED", "RR03 RR08", "approval", "")),
        ("prohibited-without-approval", LETTER, ("ALLOWED", "RR08", "", "written-approval")),
        ("prohibited-if-competing-without-approval", RIVAL, ("PROHIBITED", "RR07 RR08", "approval", "")),
        ("prohibited-if-competing-without-approval", FRIEND, ("ALLOWED", "RR07", "", "")),
        ("prohibited-if-competing-without-approval", {**FRIEND, **LETTER}, ("ALLOWED", "RR07", "", "")),
        ("prohibited-if-competing-without-approval", {}, ("UNKNOWN", "RR07", "competing", "")),
        ("prohibited-if-competing-without-approval", {**RIVAL, **LETTER}, ("ALLOWED", "RR08", "", "written-approval")),
    ],
)
def test_a_clause_on_training(value: str, facts: dict[str, Any], expected: tuple[str | None, str, str, str]) -> None:
    found = judged(text(training(value)), **facts)
    assert brief(found) == expected
    assert [s.clause.name for s in found.said] == ["train_any_model"]
    assert found.reason.startswith("acme.1: ")
    assert (found.use, found.loosens) == (Use.TRAIN_ANY_MODEL, False)


@pytest.mark.parametrize(
    "entry",
    [
        text(training("allowed-with-conditions"), duties=BADGE),
        text(training("allowed-with-conditions", permits=("api",))),
        text(training("allowed-with-conditions"), exceptions(ExceptionCase(kind="named-purposes"))),
        text(training("allowed-with-conditions"), limits(LimitTest(kind="conduct"))),
    ],
)
def test_conditions_that_are_written_down_can_be_kept(entry: TermsVersion) -> None:
    found = judged(entry)
    assert (found.outcome, found.rules) == ("ALLOWED", ("RR10",))


@pytest.mark.parametrize(
    ("value", "facts", "expected"),
    [
        ("silent", RIVAL, (None, "RR02", "", "")),
        ("allowed", RIVAL, (None, "RR02", "", "")),
        ("nonsense", FRIEND, ("UNKNOWN", "RR02", "", "")),
        ("prohibited", RIVAL, ("PROHIBITED", "RR07", "", "")),
        ("prohibited", FRIEND, (None, "RR07 RR09", "", "")),
        ("prohibited", {}, ("UNKNOWN", "RR07", "competing", "")),
        ("prohibited-without-approval", RIVAL, ("PROHIBITED", "RR07 RR08", "approval", "")),
        # what an approval lifts is the bar: permission to train is another thing (rule 9)
        ("prohibited-without-approval", {**RIVAL, **LETTER}, (None, "RR08", "", "written-approval")),
    ],
)
def test_a_clause_on_competing_models_alone_never_allows(value: str, facts: dict[str, Any], expected: tuple[str | None, str, str, str]) -> None:
    assert brief(judged(text(Clause(name="competing_models", value=value)), **facts)) == expected


@pytest.mark.parametrize(
    ("value", "facts", "expected"),
    [
        ("silent", {}, (None, "RR02", "", "")),
        ("allowed", {}, ("ALLOWED", "RR03", "", "")),
        ("allowed-with-conditions", {}, ("ALLOWED", "RR10", "", "")),
        ("nonsense", {}, ("UNKNOWN", "RR02", "", "")),
        ("prohibited", {}, ("PROHIBITED", "RR03", "", "")),
        ("prohibited", FRIEND, ("PROHIBITED", "RR03", "", "")),
        ("prohibited-if-competing", RIVAL, ("PROHIBITED", "RR07", "", "")),
        ("prohibited-if-competing", FRIEND, (None, "RR07", "", "")),
        ("prohibited-if-competing", {}, ("UNKNOWN", "RR07", "competing", "")),
        ("prohibited-without-approval", LETTER, (None, "RR08", "", "written-approval")),
    ],
)
def test_a_clause_on_imitation_speaks_where_the_model_imitates(value: str, facts: dict[str, Any], expected: tuple[str | None, str, str, str]) -> None:
    entry = text(Clause(name="distillation", value=value))
    assert brief(judged(entry, Use.DISTIL, imitates=YES, **facts)) == expected
    assert brief(judged(entry, Use.DISTIL, imitates=NO, **facts)) == (None, "", "", "")


@pytest.mark.parametrize(
    ("value", "facts", "expected"),
    [
        # what lets it be adds nothing while nobody says whether the model imitates
        ("silent", {}, (None, "RR02", "", "")),
        ("allowed", {}, (None, "RR03", "", "")),
        ("allowed-with-conditions", {}, (None, "RR10", "", "")),
        ("prohibited-if-competing", FRIEND, (None, "RR07", "", "")),
        ("prohibited-without-approval", LETTER, (None, "RR08", "", "")),
        # what may bar it is open
        ("nonsense", {}, ("UNKNOWN", "RR02", "imitates", "")),
        ("prohibited", {}, ("UNKNOWN", "RR03", "imitates", "")),
        ("prohibited", FRIEND, ("UNKNOWN", "RR03", "imitates", "")),
        ("prohibited-if-competing", RIVAL, ("UNKNOWN", "RR07", "imitates", "")),
        ("prohibited-if-competing", {}, ("UNKNOWN", "RR07", "imitates competing", "")),
        ("prohibited-without-approval", {}, ("UNKNOWN", "RR03 RR08", "imitates approval", "")),
    ],
)
def test_a_bar_on_imitation_is_open_while_nobody_says_whether_the_model_imitates(
    value: str, facts: dict[str, Any], expected: tuple[str | None, str, str, str]
) -> None:
    assert brief(judged(text(Clause(name="distillation", value=value)), Use.DISTIL, imitates=UNKNOWN, **facts)) == expected


def test_a_bar_on_imitation_stands_beside_a_permission_to_train() -> None:
    entry = text(training("allowed"), Clause(name="distillation", value="prohibited"))
    assert judged(entry, Use.DISTIL, imitates=YES).outcome == "PROHIBITED"
    assert judged(entry, imitates=NO).outcome == "ALLOWED"


def test_an_exception_for_training_does_not_free_imitation() -> None:
    family = exceptions(ExceptionCase(kind="same-family", models=("acme",)))
    bar = Clause(name="distillation", value="prohibited")
    assert judged(text(bar, family), Use.DISTIL, imitates=YES, same_family=YES).outcome == "PROHIBITED"
    assert judged(text(training("prohibited"), family), same_family=YES).outcome == "ALLOWED"


@pytest.mark.parametrize(
    ("barred", "kind", "expected"),
    [
        ("any-model", "UNKNOWN", ("PROHIBITED", "RR03", "", "")),
        ("any-model", "classifier", ("PROHIBITED", "RR03", "", "")),
        ("other-llm", "llm", ("PROHIBITED", "RR03 RR09", "", "")),
        ("other-llm", "UNKNOWN", ("PROHIBITED", "RR03 RR09", "model_kind", "")),
        ("other-llm", "classifier", (None, "RR09", "", "")),
        ("other-llm", "embedding", (None, "RR09", "", "")),
        ("other-llm", "other", (None, "RR09", "", "")),
        ("foundation-models", "llm", ("PROHIBITED", "RR03 RR09", "", "")),
        ("foundation-models", "classifier", (None, "RR09", "", "")),
        ("foundation-models", "embedding", (None, "RR09", "", "")),
        ("foundation-models", "other", ("UNKNOWN", "RR09", "model_kind", "")),
        ("foundation-models", "UNKNOWN", ("PROHIBITED", "RR03 RR09", "model_kind", "")),
    ],
)
def test_a_bar_reaches_only_its_object(barred: str, kind: str, expected: tuple[str | None, str, str, str]) -> None:
    assert brief(judged(text(training("prohibited", object=barred)), kind=kind)) == expected


def test_what_a_bar_does_not_reach_an_exception_may_still_free() -> None:
    entry = text(training("prohibited", object="other-llm"), exceptions(ExceptionCase(kind="model-kind", kinds=("classifier",))))
    assert brief(judged(entry, kind="classifier")) == ("ALLOWED", "RR07 RR10", "", "")
    lost = text(training("prohibited", object="other-llm"), exceptions(ExceptionCase(kind="model-kind", kinds=("llm",))))
    assert brief(judged(lost, kind="classifier")) == (None, "RR09", "", "")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"same_family": YES}, ("ALLOWED", "RR07", "", "")),
        ({"same_family": NO}, ("PROHIBITED", "RR03", "", "")),
        ({}, ("PROHIBITED", "RR03 RR07", "model_family", "")),
        ({"family": "acme-xl"}, ("ALLOWED", "RR07", "", "")),
        ({"family": "Acme XL"}, ("ALLOWED", "RR07", "", "")),
        ({"family": "acme-2"}, ("PROHIBITED", "RR03", "", "")),
        ({"family": "acme-xl", "same_family": NO}, ("PROHIBITED", "RR03", "", "")),
    ],
)
def test_an_exception_frees_its_own_family_where_it_is_known(facts: dict[str, Any], expected: tuple[str | None, str, str, str]) -> None:
    entry = text(training("prohibited"), exceptions(ExceptionCase(kind="same-family", models=("Acme XL",))), models=("*",))
    assert brief(judged(entry, **facts)) == expected


def test_the_models_of_a_text_are_of_its_family_unless_it_excludes_them() -> None:
    entry = text(training("prohibited"), exceptions(ExceptionCase(kind="same-family")), models=("acme-*",), not_models=("acme-9",))
    assert judged(entry, family="acme-2").outcome == "ALLOWED"
    assert judged(entry, family="acme-9").outcome == "PROHIBITED"
    assert judged(entry, family="other-2").outcome == "PROHIBITED"
    everything = text(training("prohibited"), exceptions(ExceptionCase(kind="same-family")), models=("*",))
    assert judged(everything, family="other-2").outcome == "PROHIBITED"


UNSOLD: dict[str, Any] = {"commercial": NO}
KEPT = ExceptionCase(kind="model-kind", kinds=("classifier", "embedding"), conditions=("no-distribution", "not-offered"))


@pytest.mark.parametrize(
    ("use", "facts", "expected"),
    [
        (Use.TRAIN_ANY_MODEL, {"kind": "classifier", "distribute_weights": NO, **UNSOLD}, ("ALLOWED", "RR07 RR10", "", "no-distribution")),
        (Use.TRAIN_ANY_MODEL, {"kind": "embedding", "distribute_weights": NO, **UNSOLD}, ("ALLOWED", "RR07 RR10", "", "no-distribution")),
        (Use.TRAIN_ANY_MODEL, {"kind": "llm", "distribute_weights": NO, **UNSOLD}, ("PROHIBITED", "RR03", "", "")),
        (Use.TRAIN_ANY_MODEL, {"kind": "classifier", "distribute_weights": YES, **UNSOLD}, ("PROHIBITED", "RR03 RR07", "", "")),
        (Use.TRAIN_ANY_MODEL, {"kind": "classifier", **UNSOLD}, ("PROHIBITED", "RR03 RR07", "distribute_weights", "")),
        (Use.TRAIN_ANY_MODEL, {"distribute_weights": NO, **UNSOLD}, ("PROHIBITED", "RR03 RR07", "model_kind", "")),
        (Use.TRAIN_ANY_MODEL, {"kind": "classifier", "distribute_weights": NO}, ("PROHIBITED", "RR03 RR07", "commercial", "")),
        (Use.TRAIN_ANY_MODEL, {"kind": "classifier", "distribute_weights": NO, "commercial": YES}, ("PROHIBITED", "RR03 RR07", "", "")),
        (Use.COMMERCIAL, {"kind": "classifier", "distribute_weights": NO, "commercial": YES}, ("PROHIBITED", "RR03 RR07", "", "")),
    ],
)
def test_an_exception_holds_where_all_its_conditions_are_known_to(
    use: Use, facts: dict[str, Any], expected: tuple[str | None, str, str, str]
) -> None:
    assert brief(judged(text(training("prohibited"), exceptions(KEPT)), use, **facts)) == expected


def test_an_exception_without_conditions_asks_for_nothing() -> None:
    entry = text(training("prohibited"), exceptions(ExceptionCase(kind="model-kind", kinds=("classifier",))))
    for weights in (YES, NO, UNKNOWN):
        assert brief(judged(entry, kind="classifier", distribute_weights=weights)) == ("ALLOWED", "RR07 RR10", "", "")
    assert brief(judged(entry, Use.COMMERCIAL, kind="classifier")) == ("ALLOWED", "RR07 RR10", "", "")
    offered = text(training("prohibited"), exceptions(ExceptionCase(kind="model-kind", kinds=("classifier",), conditions=("not-offered",))))
    assert brief(judged(offered, kind="classifier", distribute_weights=YES, **UNSOLD)) == ("ALLOWED", "RR07 RR10", "", "no-distribution")
    assert brief(judged(offered, kind="classifier", distribute_weights=YES)) == ("PROHIBITED", "RR03 RR07", "commercial", "")


def test_of_several_exceptions_one_that_holds_is_enough() -> None:
    entry = text(training("prohibited"), exceptions(ExceptionCase(kind="same-family"), ExceptionCase(kind="model-kind", kinds=("classifier",))))
    assert judged(entry, kind="classifier").outcome == "ALLOWED"
    assert brief(judged(entry)) == ("PROHIBITED", "RR03 RR07", "model_family", "")


EVALUATION = ExceptionCase(kind="evaluation")


@pytest.mark.parametrize(
    ("entry", "facts", "expected"),
    [
        (text(), {}, (None, "", "")),
        (text(training("prohibited"), exceptions(EVALUATION)), {}, ("ALLOWED", "RR09", "")),
        (text(training("prohibited"), exceptions(ExceptionCase(kind="api"))), {}, (None, "RR02 RR09", "")),
        (text(limits(LimitTest(kind="evaluation-only"))), {"commercial": YES}, ("ALLOWED", "RR10", "")),
        (text(limits(LimitTest(kind="conduct"))), {}, (None, "", "")),
        (text(training("prohibited")), {}, (None, "RR02 RR09", "")),
        (text(training("silent")), {}, (None, "RR02 RR09", "")),
        (text(training("prohibited", covers=("evaluation",))), {}, ("PROHIBITED", "RR03", "")),
        (text(training("prohibited-if-competing", covers=("evaluation",))), FRIEND, ("ALLOWED", "RR07", "")),
        (text(training("silent", covers=("evaluation",))), {}, (None, "RR02 RR09", "")),
        (text(training("allowed")), {}, ("ALLOWED", "RR03", "")),
        (text(training("allowed-with-conditions")), {}, ("UNKNOWN", "RR10", "conditions")),
        (text(training("research-or-noncommercial-only")), {"commercial": YES}, ("PROHIBITED", "RR10 RR17", "")),
        (text(training("research-or-noncommercial-only")), {"commercial": NO}, ("ALLOWED", "RR10 RR17", "")),
        (text(training("research-or-noncommercial-only")), {}, ("UNKNOWN", "RR10 RR17", "commercial")),
    ],
)
def test_to_measure_is_less_than_to_train(entry: TermsVersion, facts: dict[str, Any], expected: tuple[str | None, str, str]) -> None:
    assert brief(judged(entry, Use.EVALUATION, **facts))[:3] == expected


def passing_on(value: str) -> Clause:
    return Clause(name="redistribution", value=value)


MANY = LimitTest(kind="threshold", metric="monthly-active-users", value=700)


@pytest.mark.parametrize(
    ("entry", "facts", "expected"),
    [
        (text(), {}, (None, "")),
        (text(passing_on("prohibited"), training("allowed")), {}, ("PROHIBITED", "RR03")),
        (text(passing_on("allowed")), {}, ("ALLOWED", "RR10")),
        (text(passing_on("allowed-with-conditions")), {}, ("ALLOWED", "RR10")),
        (text(passing_on("nonsense")), {}, ("UNKNOWN", "RR02")),
        (text(passing_on("silent"), training("allowed")), {}, (None, "RR02")),
        (text(passing_on("silent"), training("allowed"), kind="model-licence"), {}, ("ALLOWED", "RR17")),
        (text(training("prohibited"), kind="model-licence"), {}, (None, "RR02")),
        (text(training("prohibited"), exceptions(ExceptionCase(kind="outputs-free"))), {}, ("ALLOWED", "RR09")),
        (text(training("allowed"), exceptions(ExceptionCase(kind="api"))), {}, (None, "RR02")),
        # a limit on the purpose binds whoever hands the text on, a threshold does not
        (text(passing_on("allowed"), limits(value="non-commercial")), {"commercial": YES}, ("PROHIBITED", "RR10")),
        (text(passing_on("allowed"), limits(value="non-commercial")), {}, ("UNKNOWN", "RR10")),
        (text(passing_on("allowed"), limits(value="non-commercial")), {"commercial": NO}, ("ALLOWED", "RR10")),
        (text(passing_on("allowed"), limits(MANY)), {"monthly_active_users": 900}, ("ALLOWED", "RR10")),
        (text(passing_on("allowed"), exceptions(ExceptionCase(kind="grounded"))), {"grounded": YES}, ("ALLOWED", "RR10")),
    ],
)
def test_handing_the_text_on(entry: TermsVersion, facts: dict[str, Any], expected: tuple[str | None, str]) -> None:
    assert brief(judged(entry, Use.DISTRIBUTE_DATA, **facts))[:2] == expected


def test_share_alike_leaves_the_weights_open() -> None:
    entry = text(training("allowed"), duties=(Duty(code="share-alike"),))
    assert brief(judged(entry, Use.DISTRIBUTE_WEIGHTS, distribute_weights=YES))[:2] == ("UNKNOWN", "RR17")
    assert judged(entry).outcome == "ALLOWED"
    assert judged(replace(entry, duties=BADGE), Use.DISTRIBUTE_WEIGHTS).outcome == "ALLOWED"
    assert judged(text(training("silent"), duties=(Duty(code="share-alike"),)), Use.DISTRIBUTE_WEIGHTS).outcome is None


def gathering(value: str, *permits: str) -> Clause:
    return Clause(name="automated_extraction", value=value, permits=permits)


@pytest.mark.parametrize(
    ("clause", "facts", "expected"),
    [
        (gathering("silent"), {}, (None, "", "", "")),
        (gathering("prohibited"), {"automated": NO}, (None, "RR11", "", "")),
        (gathering("prohibited"), {"automated": YES}, ("PROHIBITED", "RR11", "automated", "")),
        (gathering("prohibited"), {}, ("PROHIBITED", "RR11", "automated", "")),
        (gathering("prohibited"), LETTER, ("PROHIBITED", "RR11", "automated", "")),
        (gathering("prohibited-without-approval"), {}, ("PROHIBITED", "RR11", "automated approval", "")),
        (gathering("prohibited-without-approval"), LETTER, ("ALLOWED", "RR08 RR11", "", "written-approval")),
        (gathering("allowed"), {}, ("ALLOWED", "RR10 RR11", "", "")),
        (gathering("allowed-with-conditions"), {}, ("UNKNOWN", "RR10 RR11", "", "")),
        (gathering("nonsense"), {}, ("UNKNOWN", "RR02 RR11", "", "")),
    ],
)
def test_the_means_are_judged_apart(clause: Clause, facts: dict[str, Any], expected: tuple[str | None, str, str, str]) -> None:
    assert brief(judged(text(training("allowed"), clause), Use.COLLECTION, **facts)) == expected


def test_conditions_of_gathering_are_duties_of_gathering() -> None:
    clause = gathering("allowed-with-conditions")
    polite = (Duty(code="robots-txt", when="collection"),)
    assert brief(judged(text(clause, duties=polite), Use.COLLECTION)) == ("ALLOWED", "RR10 RR11", "", "robots-txt")
    assert brief(judged(text(clause, duties=BADGE), Use.COLLECTION)) == ("UNKNOWN", "RR10 RR11", "", "")
    assert brief(judged(text(), Use.COLLECTION)) == (None, "", "", "")


@pytest.mark.parametrize(
    ("channel", "access", "expected"),
    [
        ("site", "data-api", ("ALLOWED", "RR10 RR11", "", "")),
        ("site", "crawl", ("PROHIBITED", "RR10 RR11", "", "")),
        ("site", "UNKNOWN", ("UNKNOWN", "RR10 RR11", "channel", "")),
        ("UNKNOWN", "UNKNOWN", ("UNKNOWN", "RR10 RR11", "channel", "")),
        ("api", "UNKNOWN", ("ALLOWED", "RR10 RR11", "", "")),
        ("consumer", "UNKNOWN", ("PROHIBITED", "RR10 RR11", "", "")),
    ],
)
def test_gathering_through_the_ways_that_are_left_open(channel: str, access: str, expected: tuple[str | None, str, str, str]) -> None:
    made = replace(MADE, channel=channel, access=access)
    assert brief(judged(text(gathering("allowed-with-conditions", "api", "data-api")), Use.COLLECTION, made)) == expected


def test_a_help_article_would_allow_and_does_not() -> None:
    article = text(training("allowed"), kind="help-article")
    found = judged(article)
    assert (found.outcome, found.loosens, found.rules) == (None, True, ("RR03", "RR16"))
    bar = judged(text(training("prohibited"), kind="help-article"))
    assert (bar.outcome, bar.loosens, bar.rules) == ("PROHIBITED", False, ("RR03", "RR16"))


@pytest.mark.parametrize("use", Use)
def test_a_notorious_source_is_barred_for_everything(use: Use) -> None:
    for clauses in ((), (training("allowed"),)):
        found = judged(text(*clauses, kind="notorious-source"), use, **LETTER)
        assert (found.outcome, found.rules, [s.clause.name for s in found.said]) == ("PROHIBITED", ("RR18",), ["train_any_model"])


def test_a_text_without_a_word_on_it_says_so() -> None:
    found = judged(text())
    assert (found.outcome, found.said, found.reason) == (None, (), "acme.1: it does not speak of it")
