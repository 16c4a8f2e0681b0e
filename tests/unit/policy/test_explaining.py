"""What a finding and an explanation say: values as text, the parts of a condition that decided, and what would have to be otherwise."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from provenance.model.finding import ClauseCitation, FindingEvidence, Outcome, Reading, Subject, SubjectKind
from provenance.policy import explain
from provenance.policy.bundle_tests import bundle_params, harmless_values, run_bundle_tests
from provenance.policy.combinations import combinations, space_of, values_of, with_params
from provenance.policy.compare import Change, changed_params, compare_bundles
from provenance.policy.explanation import FactRead, Needed, explain_rule, find_subjects, needed_changes
from provenance.policy.facts import SCHEMA, FactField, Facts, FactType, FactValue, SubjectFacts, schema_paths
from provenance.policy.outcomes import Holding
from provenance.policy.parts import Part, split_condition
from provenance.policy.reading import read_bundle
from provenance.policy.rules import Bundle, Rule
from provenance.policy.supply import how_to_supply

RULE = """
format: provenance.policy
version: 1
name: own
release: 1.0.0
params: {cap: 0.3, least: 5}
rules:
  - id: T001
    title: t
    for_each: dataset
    APPLIES
    require: 'REQUIRE'
    action: deny
    message: "{dataset.name}: {dataset.share:percent} of all"
    remedies: [drop, {kind: declare, summary: "declare {subject}: {dataset.domain}"}, waive]
tests:
  - {name: one, given: {dataset.share: 0.2, dataset.share_known: "YES"}, expect: {T001: SATISFIED}}
  - {name: two, given: {dataset.share: 0.4, dataset.share_known: "YES"}, expect: {T001: SATISFIED}}
"""
FIELDS = schema_paths(SubjectKind.DATASET)
KNOWN: dict[str, FactValue] = {**harmless_values(), "dataset.share_known": "YES", "run.words_known": "YES", "params.cap": 0.3, "params.least": 5}


def bundle(require: str = "dataset.share <= params.cap", applies: str = "") -> Bundle:
    text = RULE.replace("REQUIRE", require).replace("    APPLIES\n", f"    applies: '{applies}'\n" if applies else "")
    return read_bundle(text.encode(), where="own.yaml")


def rule(require: str = "dataset.share <= params.cap", applies: str = "") -> Rule:
    return bundle(require, applies).rules[0]


def subject(kind: SubjectKind, name: str, changes: Mapping[str, FactValue] | None = None, dataset: str = "d") -> SubjectFacts:
    values = {field.path: KNOWN[f"{kind.value}.{field.path}"] for field in SCHEMA[kind]} | dict(changes or {})
    about = Subject(kind=kind, id=name, digest="sha256:" + "0" * 64)
    return SubjectFacts(subject=about, values=tuple(values.items()), dataset=dataset)


# Messages.


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (7, "7"),
        (0.25, "0.25"),
        (1 / 3, "0.3333"),
        ((), "none"),
        (("a", "b"), "a, b"),
        ("x" * 300, "x" * 300),
        ("x" * 301, "x" * 299 + "…"),
    ],
)
def test_a_value_is_shown_as_text_of_at_most_300_characters(value: FactValue, text: str) -> None:
    assert explain.show(value) == text


def test_a_message_is_filled_with_values_and_shares_in_percent() -> None:
    values: dict[str, FactValue] = {"dataset.name": "d", "dataset.share": 0.1234, "dataset.shards": 2}
    assert explain.render("{dataset.name}: {dataset.share:percent}, {dataset.share}", values) == "d: 12.3%, 0.1234"
    assert explain.render("{dataset.name:percent} {dataset.shards:percent}", values) == "d 200.0%"
    assert explain.render("nothing", {}) == "nothing"


def test_a_finding_shows_what_its_rule_reads_and_what_its_texts_name() -> None:
    found = rule('dataset.share <= params.cap && dataset.synthetic != "YES"', "dataset.shards > 0")
    shown = ("dataset.share", "params.cap", "dataset.synthetic", "dataset.shards", "dataset.name", "dataset.domain")
    assert explain.shown_paths(found) == shown


def test_lists_are_read_as_text_and_other_values_as_they_are() -> None:
    values = {**KNOWN, "dataset.terms.ids": ("t1", "t2"), "dataset.share": 0.25}
    assert explain.readings(rule("size(dataset.terms.ids) > 0 && dataset.share < 0.5"), values) == (
        Reading(path="dataset.terms.ids", value="t1, t2"),
        Reading(path="dataset.share", value=0.25),
    )


@pytest.mark.parametrize(
    ("require", "cited", "kinds"),
    [
        ('dataset.terms.this_use == "ALLOWED"', True, ["match", "terms"]),
        ('dataset.license.known == "YES"', False, ["license", "match"]),
        ("run.shards > 0", False, ["match"]),
    ],
)
def test_a_finding_cites_what_backs_the_facts_that_its_rule_read(require: str, cited: bool, kinds: list[str]) -> None:
    clauses = (ClauseCitation(terms="t", clause="c", quote="q", source="s"),)
    evidence = tuple(FindingEvidence(kind=kind, digest="sha256:0", summary="") for kind in ("license", "match", "terms", "scan", ""))
    item = SubjectFacts(subject=Subject(kind=SubjectKind.DATASET, id="d", digest="x"), values=(), clauses=clauses, evidence=evidence)
    assert explain.cited_clauses(rule(require), clauses) == (clauses if cited else ())
    assert [e.kind for e in explain.cited_evidence(rule(require), item)] == kinds


@pytest.mark.parametrize(("known", "more"), [("YES", "; at most 25.0% of the run's sampled tokens are concerned"), ("NO", "")])
def test_each_remedy_says_what_it_would_do(known: str, more: str) -> None:
    values = {**KNOWN, "dataset.share": 0.25, "dataset.share_known": known, "dataset.domain": "law"}
    drop, declare, waive = explain.remedies(rule(), values, "chats")
    assert (drop.kind, drop.summary) == ("drop", "leave chats out of the run, or drop the records concerned")
    assert drop.effect == f"closes this finding of T001{more}"
    assert (declare.kind, declare.summary, declare.effect) == ("declare", "declare chats: law", "closes this finding of T001")
    assert (waive.kind, waive.effect) == ("waive", "T001 no longer counts for this subject until the waiver expires; the finding stays listed")


# Parts of a condition.


def split(require: str, **changes: FactValue) -> Part:
    values = {**KNOWN, **{name.replace("__", "."): value for name, value in changes.items()}}
    return split_condition(rule(require).require, values, FIELDS)


def told(part: Part) -> tuple[object, ...]:
    return (part.text, part.holding, part.joined, part.decided, tuple(map(told, part.parts)))


HOLDS, FAILS, OPEN = Holding.HOLDS, Holding.FAILS, Holding.OPEN


def test_a_single_comparison_is_one_part_whatever_stands_around_it() -> None:
    assert told(split("dataset.shards   ==\n 1")) == ("dataset.shards == 1", HOLDS, "", True, ())
    part = split("((dataset.shards == 2))")
    assert told(part) == ("((dataset.shards == 2))", FAILS, "", True, ())
    assert part.deciding == (part,)
    assert told(split('dataset.synthetic in ["YES", "NO"]'))[2:] == ("", True, ())


def test_or_binds_less_than_and_and_parentheses_bind_most() -> None:
    a, b, c = "dataset.shards == 1", "dataset.shards == 2", "run.shards == 1"
    whole = split(f"{a} && {b} || {c}")
    assert (whole.joined, [p.text for p in whole.parts], [p.joined for p in whole.parts]) == ("||", [f"{a} && {b}", c], ["&&", ""])
    whole = split(f"{a} && ({b} || {c})")
    assert (whole.joined, [p.joined for p in whole.parts]) == ("&&", ["", "||"])
    assert [p.text for p in whole.parts[1].parts] == [b, c]
    whole = split(f"({a}) && ({b})")
    assert (whole.joined, [p.text for p in whole.parts]) == ("&&", [a, b])


@pytest.mark.parametrize(
    ("joined", "first", "second", "holding", "deciding"),
    [
        ("&&", "YES", "YES", HOLDS, (0, 1)),
        ("&&", "YES", "NO", FAILS, (1,)),
        ("&&", "NO", "NO", FAILS, (0, 1)),
        ("&&", "UNKNOWN", "NO", FAILS, (1,)),
        ("&&", "UNKNOWN", "YES", OPEN, (0,)),
        ("&&", "UNKNOWN", "UNKNOWN", OPEN, (0, 1)),
        ("||", "NO", "NO", FAILS, (0, 1)),
        ("||", "YES", "NO", HOLDS, (0,)),
        ("||", "YES", "YES", HOLDS, (0, 1)),
        ("||", "UNKNOWN", "YES", HOLDS, (1,)),
        ("||", "UNKNOWN", "NO", OPEN, (0,)),
    ],
)
def test_the_parts_that_decided_are_those_the_whole_follows_from(
    joined: str, first: str, second: str, holding: Holding, deciding: tuple[int, ...]
) -> None:
    texts = ('dataset.synthetic == "YES"', 'dataset.license.attribution == "YES"')
    whole = split(f" {joined} ".join(texts), dataset__synthetic=first, dataset__license__attribution=second)
    assert whole.holding is holding
    assert [p.text for p in whole.deciding] == [texts[i] for i in deciding]


def test_where_no_part_by_itself_is_as_the_whole_all_of_them_decided() -> None:
    whole = split('dataset.synthetic == "YES" || dataset.synthetic in ["NO", "UNKNOWN"]', dataset__synthetic="UNKNOWN")
    assert (whole.holding, [p.holding for p in whole.parts], len(whole.deciding)) == (HOLDS, [OPEN, OPEN], 2)


def test_a_part_that_reads_no_fact_holds_or_fails_for_good() -> None:
    assert [p.holding for p in split("dataset.shards == 1 && 1 == 1").parts] == [HOLDS, HOLDS]
    assert [p.holding for p in split("dataset.shards == 1 && 1 == 2").parts] == [HOLDS, FAILS]


# Combinations.


def field(kind: FactType, *, values: tuple[str, ...] = (), may_be_absent: bool = False) -> FactField:
    return FactField(path="p", type=kind, doc="", values=values, may_be_absent=may_be_absent)


@pytest.mark.parametrize(
    ("fact", "texts", "numbers", "expected"),
    [
        (field(FactType.TEXT, values=("YES", "NO", "UNKNOWN")), {"x"}, {1.0}, ("YES", "NO", "UNKNOWN")),
        (field(FactType.TEXT), {"b", "a"}, {1.0}, ("a", "b", "something else")),
        (field(FactType.TEXT, may_be_absent=True), {"b"}, set(), ("b", "something else", "UNKNOWN")),
        (field(FactType.INT), {"x"}, {10.0}, (0, 1, 9, 10, 11)),
        (field(FactType.INT), set(), {0.0}, (0, 1)),
        (field(FactType.TEXTS), set(), {2.0}, ((), ("x",), ("x", "x"), ("x", "x", "x"))),
        (field(FactType.TEXTS), set(), {8.0}, ((), ("x",), ("x",) * 7, ("x",) * 8)),
        (field(FactType.DOUBLE), set(), {0.5}, (0.0, math.nextafter(0.5, 0), 0.5, math.nextafter(0.5, 1), 1.0)),
        (field(FactType.DOUBLE), set(), {0.0}, (0.0, math.nextafter(0, 1), 1.0)),
    ],
)
def test_one_value_is_tried_of_each_class_that_constants_tell_apart(
    fact: FactField, texts: set[str], numbers: set[float], expected: tuple[FactValue, ...]
) -> None:
    assert values_of(fact, texts, numbers) == expected


def test_the_facts_of_a_rule_its_constants_and_its_parameters_span_what_is_tried() -> None:
    made = bundle("run.datasets < params.least", 'dataset.synthetic != "NO"')
    space = space_of([(made, made.rules[0])])
    assert space == {"run.datasets": (0, 1, 4, 5, 6), "dataset.synthetic": ("YES", "NO", "UNKNOWN")}
    tried = list(combinations(space))
    assert len(tried) == 15
    assert tried[0] == {"run.datasets": 0, "dataset.synthetic": "YES"}
    assert with_params(made, tried[0]) == {**tried[0], "params.cap": 0.3, "params.least": 5}
    assert dict(bundle_params(made)) == {"params.cap": 0.3, "params.least": 5}


def test_a_companion_is_tried_along_and_texts_of_either_condition() -> None:
    made = bundle('dataset.share <= 0.5 && dataset.provider != "openai"', 'dataset.provider != "mistral"')
    space = space_of([(made, made.rules[0])]) or {}
    assert set(space) == {"dataset.share", "dataset.provider", "dataset.share_known"}
    assert space["dataset.provider"] == ("mistral", "openai", "something else", "UNKNOWN")


@pytest.mark.parametrize(("number", "is_tried"), [(7, True), (8, False)])
def test_of_more_than_3000_combinations_nothing_is_tried(number: int, is_tried: bool) -> None:
    paths = [path for path, found in FIELDS.items() if found.values == ("YES", "NO", "UNKNOWN")][:number]
    made = bundle(" && ".join(f'{path} == "YES"' for path in paths))  # 3**7 = 2187, 3**8 = 6561
    assert (space_of([(made, made.rules[0])]) is not None) is is_tried


# Explanations.


def test_changes_of_one_fact_that_would_do_are_told_with_the_nearest_value() -> None:
    made = bundle('dataset.share <= params.cap && dataset.synthetic != "YES"')
    values = {**KNOWN, "dataset.share": 0.4}
    assert needed_changes(made, made.rules[0], values) == (Needed(facts=(("dataset.share", (0.3,)),), outcome=Outcome.SATISFIED),)
    values = {**KNOWN, "dataset.share": 0.2, "dataset.synthetic": "UNKNOWN"}
    assert needed_changes(made, made.rules[0], values) == (Needed(facts=(("dataset.synthetic", ("NO",)),), outcome=Outcome.SATISFIED),)


def test_where_no_single_change_would_do_two_together_are_told() -> None:
    made = bundle('dataset.synthetic == "NO" && dataset.license.known == "YES"')
    values = {**KNOWN, "dataset.synthetic": "YES", "dataset.license.known": "NO"}
    assert needed_changes(made, made.rules[0], values) == (
        Needed(facts=(("dataset.synthetic", ("NO",)), ("dataset.license.known", ("YES",))), outcome=Outcome.SATISFIED),
    )


def test_a_change_after_which_the_rule_does_not_apply_is_told_as_such() -> None:
    made = bundle('dataset.license.known == "YES"', 'dataset.synthetic != "NO"')
    values = {**KNOWN, "dataset.synthetic": "YES", "dataset.license.known": "NO"}
    assert needed_changes(made, made.rules[0], values) == (
        Needed(facts=(("dataset.license.known", ("YES",)),), outcome=Outcome.SATISFIED),
        Needed(facts=(("dataset.synthetic", ("NO",)),), outcome=Outcome.NOT_APPLICABLE),
    )


def test_a_number_nobody_knows_would_have_to_be_known_and_within_the_limit() -> None:
    made = bundle()
    (needed,) = needed_changes(made, made.rules[0], {**KNOWN, "dataset.share": 0.0, "dataset.share_known": "NO"})
    assert needed == Needed(facts=(("dataset.share", (0.3,)),), outcome=Outcome.SATISFIED)


WORLD = Facts(
    run=subject(SubjectKind.RUN, "helpdesk"),
    datasets=(subject(SubjectKind.DATASET, "chats", {"name": "chats", "share": 0.4}), subject(SubjectKind.DATASET, "x/chats"), subject(SubjectKind.DATASET, "dataset:z")),
    shards=(subject(SubjectKind.SHARD, "a/b.jsonl"), subject(SubjectKind.SHARD, "b.jsonl"), subject(SubjectKind.SHARD, "c/e.jsonl")),
    domains=(subject(SubjectKind.DOMAIN, "law"),),
    matches=(subject(SubjectKind.MATCH, "sha256:abcdef12"), subject(SubjectKind.MATCH, "sha256:abcdee12")),
)  # fmt: skip


def test_an_explanation_says_what_was_read_what_decided_and_what_would_clear_it() -> None:
    made = bundle('dataset.share <= params.cap && dataset.synthetic == "NO"', "dataset.shards > 0")
    found = explain_rule(made, made.rules[0], WORLD.datasets[0], WORLD)
    assert (found.rule, found.title, found.bundle, found.subject, found.dataset) == ("T001", "t", "own", WORLD.datasets[0].subject, "d")
    assert (found.outcome, found.message) == (Outcome.VIOLATED, "chats: 40.0% of all")
    weight = how_to_supply(SubjectKind.DATASET, "share", "d")
    assert found.reads == (
        FactRead(path="dataset.share", value=0.4, known=True, doc="Share of sampled tokens.", supply=weight),
        FactRead(path="params.cap", value=0.3, known=True, doc="Parameter of the bundle."),
        FactRead(
            path="dataset.synthetic",
            value="NO",
            known=True,
            doc="Whether a model made the text.",
            supply=how_to_supply(SubjectKind.DATASET, "synthetic", "d"),
        ),
        FactRead(path="dataset.shards", value=1, known=True, doc="Shards of the version."),
        FactRead(path="dataset.share_known", value="YES", known=True, doc="Whether the share could be computed.", supply=weight),
    )
    assert found.applies is not None
    assert (found.applies.text, found.applies.holding) == ("dataset.shards > 0", HOLDS)
    assert [p.text for p in found.require.deciding] == ["dataset.share <= params.cap"]
    assert [n.facts for n in found.needed] == [(("dataset.share", (0.3,)),), (("dataset.shards", (0,)),)]
    assert found.remedies[0] == "leave chats out of the run, or drop the records concerned"
    assert len(found.remedies) == 3


def test_of_what_is_fine_nothing_is_needed() -> None:
    made = bundle("dataset.share <= 0.5")
    found = explain_rule(made, made.rules[0], WORLD.datasets[0], WORLD)
    assert (found.outcome, found.applies, found.needed, found.remedies) == (Outcome.SATISFIED, None, (), ())


def test_what_is_read_and_not_known_is_told_as_such() -> None:
    unknown = subject(SubjectKind.DATASET, "chats", {"share_known": "NO", "synthetic": "UNKNOWN"})
    made = bundle('dataset.share <= params.cap && dataset.synthetic == "NO"')
    found = explain_rule(made, made.rules[0], unknown, WORLD)
    assert found.outcome is Outcome.UNKNOWN
    assert {r.path: r.known for r in found.reads} == {
        "dataset.share": False,
        "params.cap": True,
        "dataset.synthetic": False,
        "dataset.share_known": True,
    }


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("run", "helpdesk", ["helpdesk"]),
        ("run", "run:helpdesk", ["helpdesk"]),
        ("dataset", "chats", ["chats"]),
        ("dataset", "dataset:chats", ["chats"]),
        ("dataset", "nobody", []),
        ("shard", "b.jsonl", ["b.jsonl"]),
        ("shard", "e.jsonl", ["c/e.jsonl"]),
        ("shard", "shard:a/b.jsonl", ["a/b.jsonl"]),
        ("shard", "l", []),
        ("domain", "law", ["law"]),
        ("match", "abcdef", ["sha256:abcdef12"]),
        ("match", "sha256:abcdef", ["sha256:abcdef12"]),
        ("match", "match:abcdef12", ["sha256:abcdef12"]),
        ("match", "abcde", []),
        ("waiver", "w", []),
    ],
)
def test_a_subject_is_named_by_its_id_the_end_of_its_path_or_six_digits(kind: str, name: str, expected: list[str]) -> None:
    text = RULE.replace("REQUIRE", "run.shards > 0").replace("    APPLIES\n", "").replace("for_each: dataset", f"for_each: {kind}")
    text = text[: text.index("tests:")].replace("{dataset.name}: {dataset.share:percent} of all", "m").replace("{dataset.domain}", "")
    found = read_bundle(text.encode(), where="own.yaml").rules[0]
    assert [item.subject.id for item in find_subjects(found, WORLD, name)] == expected


# Tests of bundles, and what changed between two.


def test_each_expectation_of_a_bundle_says_what_was_expected_and_what_came() -> None:
    first, second = run_bundle_tests(bundle())
    assert (first.test, first.rule, first.expected, first.got, first.passed) == ("one", "T001", "SATISFIED", "SATISFIED", True)
    assert (second.test, second.rule, second.expected, second.got, second.passed) == ("two", "T001", "SATISFIED", "VIOLATED", False)


def test_what_differs_between_two_bundles_is_told_with_facts_on_which_they_differ() -> None:
    old, new = (
        bundle(),
        read_bundle(
            RULE.replace("REQUIRE", "dataset.share <= params.cap").replace("    APPLIES\n", "").replace("cap: 0.3", "cap: 0.4").encode(), where="n"
        ),
    )
    (found,) = compare_bundles(old, new)
    assert (found.rule, found.change, found.title, found.fields) == ("T001", Change.LOOSER, "t", ("params.cap",))
    assert dict(found.example)["dataset.share"] == math.nextafter(0.3, 1)
    assert (found.before, found.after) == ("VIOLATED deny", "SATISFIED")
    assert list(changed_params(old, new)) == [("cap", 0.3, 0.4)]
    assert list(changed_params(old, old)) == []


def test_the_harmless_facts_are_what_they_say() -> None:
    values = harmless_values()
    assert set(values) == {f"{kind.value}.{found.path}" for kind in SubjectKind for found in SCHEMA[kind]}
    assert (values["dataset.synthetic"], values["dataset.state"], values["dataset.shards"], values["dataset.share"]) == ("NO", "registered", 1, 0.0)
    assert (values["shard.path"], values["shard.terms.ids"], values["shard.words"], values["run.now"]) == ("some path", (), 0, "2026-01-01")
