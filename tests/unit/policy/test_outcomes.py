"""What is known of a condition: it holds or fails only where it does so for the facts as they are and for whatever the unknown ones might be."""

from __future__ import annotations

import pytest

from provenance.model.finding import Outcome, SubjectKind
from provenance.policy.bundle_tests import harmless_values
from provenance.policy.cel import Compiler, fact_types
from provenance.policy.conditions import parse_condition
from provenance.policy.facts import FactValue, schema_paths
from provenance.policy.outcomes import Holding, holding_of, judge, read_paths
from provenance.policy.reading import read_bundle
from provenance.policy.rules import Check, Rule

FIELDS = schema_paths(SubjectKind.DATASET)
COMPILER = Compiler(fact_types(FIELDS))
KNOWN: dict[str, FactValue] = {**harmless_values(), "dataset.share_known": "YES", "run.words_known": "YES", "run.mixture_known": "YES"}
TRISTATE = [path for path, field in FIELDS.items() if set(field.values) == {"YES", "NO", "UNKNOWN"}]
RULE = """
format: provenance.policy
version: 1
name: t
release: 1.0.0
params: {cap: 0.3}
rules:
  - {id: T001, title: t, for_each: dataset, APPLIES require: 'REQUIRE', action: deny, message: m, remedies: [drop]}
"""


def holding(text: str, **changes: FactValue) -> Holding:
    """Judge a condition; ``a__b`` in a change's name is the fact ``a.b``."""
    condition = parse_condition(text, where=str, paths=dict(FIELDS))
    check = Check(condition=condition, compiled=COMPILER.compile(text, where=str))
    return holding_of(check, {**KNOWN, **{name.replace("__", "."): value for name, value in changes.items()}}, FIELDS)


def rule(require: str, applies: str = "") -> Rule:
    text = RULE.replace("REQUIRE", require).replace("APPLIES", f"applies: '{applies}'," if applies else "")
    return read_bundle(text.encode(), where="t").rules[0]


@pytest.mark.parametrize(
    ("text", "yes", "no", "unknown"),
    [
        ('dataset.synthetic == "NO"', Holding.FAILS, Holding.HOLDS, Holding.OPEN),
        ('dataset.synthetic != "NO"', Holding.HOLDS, Holding.FAILS, Holding.OPEN),
        ('dataset.synthetic != "UNKNOWN"', Holding.HOLDS, Holding.HOLDS, Holding.OPEN),
        ('dataset.synthetic == "UNKNOWN"', Holding.FAILS, Holding.FAILS, Holding.OPEN),
        ('dataset.synthetic in ["YES", "NO"]', Holding.HOLDS, Holding.HOLDS, Holding.OPEN),
        ('dataset.synthetic in ["YES", "NO", "UNKNOWN"]', Holding.HOLDS, Holding.HOLDS, Holding.HOLDS),
        ('dataset.synthetic == "YES" && dataset.synthetic == "NO"', Holding.FAILS, Holding.FAILS, Holding.FAILS),
    ],
)
def test_an_unknown_word_is_tried_as_every_word_it_may_be(text: str, yes: Holding, no: Holding, unknown: Holding) -> None:
    assert [holding(text, dataset__synthetic=word) for word in ("YES", "NO", "UNKNOWN")] == [yes, no, unknown]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dataset.share <= 0.3", Holding.OPEN),
        ("dataset.share > 0.3", Holding.OPEN),
        ("dataset.share != 0.3", Holding.OPEN),  # false for 0.3 alone
        ("dataset.share < 0.3 || dataset.share >= 0.3", Holding.HOLDS),
        ("dataset.share < 0.3 && dataset.share >= 0.3", Holding.FAILS),
        ("dataset.share <= 0.3 || dataset.share >= 0.4", Holding.OPEN),  # false between the two
        ("dataset.share <= 1.0", Holding.OPEN),  # no bound is taken for granted
        ("dataset.share >= 0.0", Holding.OPEN),
        ("dataset.share != dataset.suspected_share", Holding.OPEN),  # false where it is what the other one is
        ("dataset.share <= dataset.suspected_share || dataset.share >= 0.5", Holding.OPEN),
    ],
)
def test_a_share_nobody_computed_is_tried_on_either_side_of_what_it_is_compared_with(text: str, expected: Holding) -> None:
    assert holding(text, dataset__share=0.0, dataset__share_known="NO", dataset__suspected_share=0.25) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run.words != 7", Holding.OPEN),
        ("run.words < 7", Holding.OPEN),
        ("run.words <= 7 || run.words >= 9", Holding.OPEN),  # false for 8 alone
        ("run.words <= 7 || run.words >= 8", Holding.HOLDS),
        ("run.words < 7 || run.words > 7", Holding.OPEN),
        ("run.words == 7 && run.words == 8", Holding.FAILS),
        ("run.words != run.shards", Holding.OPEN),  # false where they are equal
        ("run.words <= run.shards || run.words > 5", Holding.HOLDS),
        ("run.words <= run.shards || run.words > 6", Holding.OPEN),
    ],
)
def test_a_count_nobody_made_is_tried_around_what_it_is_compared_with(text: str, expected: Holding) -> None:
    assert holding(text, run__words=0, run__words_known="NO", run__shards=5) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('dataset.provider != "openai"', Holding.OPEN),
        ('dataset.provider == "openai"', Holding.OPEN),
        ('dataset.provider != ""', Holding.OPEN),
        ('dataset.provider >= ""', Holding.HOLDS),
        ('dataset.provider < ""', Holding.FAILS),
        ('dataset.provider <= "b" || dataset.provider >= "c"', Holding.OPEN),  # false for what sorts between
        ('dataset.provider < "b" || dataset.provider >= "b"', Holding.HOLDS),
        ('dataset.provider in ["openai", "mistral"] && dataset.provider == "cohere"', Holding.FAILS),
        ("dataset.provider != dataset.name", Holding.OPEN),
        ("dataset.provider == dataset.provider", Holding.HOLDS),
    ],
)
@pytest.mark.parametrize("absent", ["UNKNOWN", "NOT_STATED", "UNREADABLE"])
def test_a_text_that_is_absent_is_tried_as_every_text_it_may_be(text: str, expected: Holding, absent: str) -> None:
    assert holding(text, dataset__provider=absent, dataset__name="acme") is expected


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        ("run.synthetic_share == run.synthetic_share_upper", {"run__mixture_known": "NO"}, Holding.OPEN),  # both are written as 0
        ("run.synthetic_share <= run.synthetic_share_upper", {"run__mixture_known": "NO"}, Holding.OPEN),
        ("run.synthetic_share == run.synthetic_share_upper", {}, Holding.HOLDS),
        ("dataset.provider == dataset.model", {"dataset__provider": "UNKNOWN", "dataset__model": "UNKNOWN"}, Holding.OPEN),
        ("dataset.provider == dataset.model", {"dataset__provider": "x", "dataset__model": "x"}, Holding.HOLDS),
        (
            'dataset.provider >= "" && (dataset.share < 0.5 || dataset.share >= 0.5)',
            {"dataset__provider": "UNKNOWN", "dataset__share_known": "NO"},
            Holding.HOLDS,
        ),  # a text and a number are never compared with one another
    ],
)
def test_two_unknown_facts_that_may_be_compared_leave_it_open(text: str, changes: dict[str, FactValue], expected: Holding) -> None:
    assert holding(text, **changes) is expected


@pytest.mark.parametrize(("number", "expected"), [(9, Holding.HOLDS), (10, Holding.OPEN)])
def test_of_more_than_512_combinations_nothing_is_said(number: int, expected: Holding) -> None:
    text = " && ".join(f'{path} in ["YES", "NO", "UNKNOWN"]' for path in TRISTATE[:number])
    assert len(TRISTATE) >= number
    assert holding(text, **{path.replace(".", "__"): "UNKNOWN" for path in TRISTATE}) is expected


def test_a_condition_that_cannot_be_evaluated_is_open() -> None:
    assert holding("dataset.shards < 5", dataset__shards="many") is Holding.OPEN


ALWAYS, NEVER, PERHAPS = "dataset.shards == 1", "dataset.shards == 2", 'dataset.synthetic == "YES"'


@pytest.mark.parametrize(
    ("applies", "require", "expected"),
    [
        ("", ALWAYS, Outcome.SATISFIED),
        ("", NEVER, Outcome.VIOLATED),
        ("", PERHAPS, Outcome.UNKNOWN),
        (ALWAYS, ALWAYS, Outcome.SATISFIED),
        (ALWAYS, NEVER, Outcome.VIOLATED),
        (ALWAYS, PERHAPS, Outcome.UNKNOWN),
        (PERHAPS, ALWAYS, Outcome.SATISFIED),
        (PERHAPS, NEVER, Outcome.UNKNOWN),
        (PERHAPS, PERHAPS, Outcome.UNKNOWN),
        (NEVER, ALWAYS, Outcome.NOT_APPLICABLE),
        (NEVER, NEVER, Outcome.NOT_APPLICABLE),
        (NEVER, PERHAPS, Outcome.NOT_APPLICABLE),
    ],
)
def test_the_outcome_follows_from_what_is_known_of_both_conditions(applies: str, require: str, expected: Outcome) -> None:
    values = {**KNOWN, "dataset.shards": 1, "dataset.synthetic": "UNKNOWN"}
    assert judge(rule(require, applies), values, FIELDS) is expected


def test_a_rule_is_decided_by_what_it_reads_and_by_what_says_that_this_is_known() -> None:
    found = rule("dataset.share <= params.cap && run.synthetic_share < 0.5", 'dataset.synthetic != "NO" && dataset.share_known == "YES"')
    reads = ("dataset.share", "params.cap", "run.synthetic_share", "dataset.synthetic", "dataset.share_known")
    assert found.reads == reads
    assert read_paths(found, FIELDS) == (*reads, "run.mixture_known")
