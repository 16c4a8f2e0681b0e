"""Laws of judging, over generated facts and rules: nothing gets better when a fact is removed or a prohibition added, and the order of things does not matter."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.config import shipped
from provenance.model.finding import Outcome, Subject, SubjectKind, VerdictKind
from provenance.policy.bundle import load_bundle
from provenance.policy.bundle_tests import harmless_values
from provenance.policy.engine import Evaluation, evaluate
from provenance.policy.facts import SCHEMA, UNKNOWN, FactField, Facts, FactType, FactValue, SubjectFacts, schema_paths
from provenance.policy.outcomes import judge
from provenance.policy.reading import read_bundle
from provenance.policy.rules import Bundle, Rule

TODAY = "2026-11-30"
BUNDLES = tuple(load_bundle(path) for path in sorted((shipped("policies") / "bundles").glob("*.yaml")))
RULES = [(bundle, rule) for bundle in BUNDLES for rule in bundle.rules]
WORSE = {Outcome.NOT_APPLICABLE: 0, Outcome.SATISFIED: 0, Outcome.UNKNOWN: 1, Outcome.VIOLATED: 1}
"""What counts towards the verdict is 1, whichever of the two it is."""
VERDICTS = [VerdictKind.CLEARED, VerdictKind.REVIEW, VerdictKind.BLOCKED]


def values_of(field: FactField) -> st.SearchStrategy[FactValue]:
    if field.values:
        return st.sampled_from(field.values)
    if field.type is FactType.TEXT:
        return st.sampled_from(["some text", "2026-01-01", *(["UNKNOWN", "NOT_STATED"] if field.may_be_absent else [])])
    if field.type is FactType.TEXTS:
        return st.sampled_from([(), ("a",), ("a", "b")])
    return (
        st.sampled_from([0, 1, 2, 3, 249, 250, 999, 1000])
        if field.type is FactType.INT
        else st.sampled_from([0.0, 0.001, 0.3, 0.31, 0.5, 0.9, 0.91, 1.0])
    )


def unknown_as(path: str, field: FactField) -> dict[str, FactValue] | None:
    """Return how a fact is removed; ``None`` where it is always known."""
    if field.is_tristate or field.may_be_absent:
        return {path: UNKNOWN}
    if field.known_by:
        return {path: 0 if field.type is FactType.INT else 0.0, f"{path.partition('.')[0]}.{field.known_by}": "NO"}
    return None


@st.composite
def judged_facts(draw: st.DrawFn, rule: Rule) -> dict[str, FactValue]:
    fields = schema_paths(rule.for_each)
    near = {p for path in rule.reads if path in fields for p in (path, f"{path.partition('.')[0]}.{fields[path].known_by}") if p in fields}
    return {**harmless_values(), **{path: draw(values_of(fields[path])) for path in sorted(near)}}


def outcome(bundle: Bundle, rule: Rule, values: Mapping[str, FactValue]) -> Outcome:
    return judge(rule, {**values, **{f"params.{n}": v for n, v in bundle.params}}, schema_paths(rule.for_each))


# What a rule may pass over once it is not known, since another rule of the same bundles asks that it is known.
_ASKED_ELSEWHERE = {
    ("A001", "dataset.suspects_known"),
    *((rule, "dataset.license.known") for rule in ("L002", "L003", "N003", "N006")),  # L001 denies what is not known
    ("S003", "domain.synthetic_known"),  # of a domain of which nothing may be synthetic, all is known
    ("S006", "dataset.generations_known"),  # of text that no model wrote, no model in a row is asked for
}


@settings(deadline=None, max_examples=600)
@given(st.data())
def test_no_outcome_of_a_shipped_rule_gets_better_when_a_fact_is_removed(data: st.DataObject) -> None:
    bundle, rule = data.draw(st.sampled_from(RULES), label="rule")
    values = data.draw(judged_facts(rule))
    fields = schema_paths(rule.for_each)
    removable = [p for p in rule.reads if p in fields and unknown_as(p, fields[p])]
    if not removable:
        return
    removed = unknown_as(path := data.draw(st.sampled_from(removable)), fields[path])
    assert removed is not None
    before, after = outcome(bundle, rule, values), outcome(bundle, rule, {**values, **removed})
    assert WORSE[after] >= WORSE[before], (rule.id, path, before, after)
    if before is Outcome.SATISFIED:
        assert after is not Outcome.NOT_APPLICABLE


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_no_outcome_gets_better_when_a_prohibition_is_added(data: st.DataObject) -> None:
    bundle, rule = data.draw(st.sampled_from(RULES), label="rule")
    permissions = [p for p in rule.reads if p.endswith(".this_use")]
    values = data.draw(judged_facts(rule))
    for path in permissions:
        ranks = [WORSE[outcome(bundle, rule, {**values, path: value})] for value in ("ALLOWED", UNKNOWN, "PROHIBITED")]
        assert ranks == sorted(ranks), (rule.id, path)


ATOMS = (
    'dataset.synthetic == "YES"', 'dataset.synthetic != "NO"', 'dataset.license.use in ["commercial", "public-domain"]',
    'dataset.license.this_use == "ALLOWED"', 'dataset.terms.this_use != "PROHIBITED"', "dataset.share <= 0.5", "dataset.share > params.cap",
    "run.words < 100", "run.words >= 100", 'run.commercial == "YES"', 'dataset.domain == "law"', 'dataset.share_known == "YES"', "dataset.shards > 2",
    "run.synthetic_share <= dataset.share", "run.synthetic_share_upper < 0.5",
)  # fmt: skip
CONDITIONS = st.recursive(
    st.sampled_from(ATOMS), lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["&&", "||"]), inner), max_leaves=5
)
SOURCE = """\
format: provenance.policy
version: 1
name: t
release: 1.0.0
params: {cap: 0.3}
rules:
  - id: T001
    title: t
    for_each: dataset
    applies: APPLIES
    require: REQUIRE
    action: deny
    message: m
    remedies: []
"""
COMPLETIONS: dict[str, tuple[FactValue, ...]] = {
    "dataset.synthetic": ("YES", "NO"),
    "dataset.license.use": tuple(v for v in schema_paths(SubjectKind.DATASET)["dataset.license.use"].values if v != UNKNOWN),
    "dataset.license.this_use": ("ALLOWED", "PROHIBITED"),
    "dataset.terms.this_use": ("ALLOWED", "PROHIBITED"),
    "run.commercial": ("YES", "NO"),
    "dataset.domain": ("law", "medicine"),
    "dataset.share": (0.0, 0.2, 0.3, 0.30001, 0.4, 0.5, 0.50001, 1.0),
    "run.synthetic_share": (0.0, 0.2, 0.3, 0.30001, 0.4, 0.5, 0.50001, 1.0),
    "run.synthetic_share_upper": (0.0, 0.2, 0.49, 0.5, 0.7, 1.0),
    "run.words": (0, 99, 100, 10**9),
}
"""Some of the values that an unknown fact may have: whatever the engine says must be right for each of them."""


def plain(text: str, values: Mapping[str, Any]) -> bool:
    """Evaluate a condition of this module as Python, the plain way."""
    code = text.replace("&&", " and ").replace("||", " or ")
    for path in sorted({p for p in values if p in code}, key=len, reverse=True):
        code = code.replace(path, f"v[{path!r}]".replace(".", "·"))
    return bool(eval(code.replace("·", "."), {"v": values}))


@st.composite
def drawn_values(draw: st.DrawFn) -> dict[str, FactValue]:
    values: dict[str, FactValue] = {**harmless_values(), "params.cap": 0.3}
    for path, known in COMPLETIONS.items():
        values[path] = draw(st.sampled_from(known))
        field = schema_paths(SubjectKind.DATASET)[path]
        removed = unknown_as(path, field)
        if field.known_by:
            values[f"{path.partition('.')[0]}.{field.known_by}"] = "YES"
        if removed and draw(st.booleans()):
            values |= removed
    values["dataset.shards"] = draw(st.sampled_from([0, 2, 3]))
    return values


@settings(deadline=None, max_examples=400)
@given(CONDITIONS, CONDITIONS, drawn_values())
def test_what_is_said_of_unknown_facts_holds_for_whatever_they_are(applies: str, require: str, values: dict[str, FactValue]) -> None:
    source = SOURCE.replace("APPLIES", f"'{applies}'").replace("REQUIRE", f"'{require}'")
    rule = read_bundle(source.encode(), where="t").rules[0]
    fields = schema_paths(SubjectKind.DATASET)
    said = judge(rule, values, fields)
    read = [p for p in rule.reads if p in COMPLETIONS]
    unknown = [p for p in read if values[p] == UNKNOWN or (fields[p].known_by and values[f"{p.partition('.')[0]}.{fields[p].known_by}"] == "NO")]
    worlds = [
        dict(zip(unknown, combination, strict=True)) for combination in itertools.islice(itertools.product(*(COMPLETIONS[p] for p in unknown)), 400)
    ]
    results = [(plain(applies, {**values, **world}), plain(require, {**values, **world})) for world in worlds]
    if said is Outcome.NOT_APPLICABLE:
        assert not any(applied for applied, _ in results)
    if said is Outcome.SATISFIED:
        assert all(held for _, held in results)
    if said is Outcome.VIOLATED:
        assert all(applied and not held for applied, held in results)
    if not unknown:
        applied, held = results[0]
        assert said is (Outcome.SATISFIED if applied and held else Outcome.VIOLATED if applied else Outcome.NOT_APPLICABLE)


def subject(kind: SubjectKind, name: str, values: Mapping[str, FactValue], dataset: str = "d") -> SubjectFacts:
    own = tuple((field.path, values[f"{kind.value}.{field.path}"]) for field in SCHEMA[kind])
    digest = "sha256:" + f"{sum(map(ord, name)):064x}"
    return SubjectFacts(subject=Subject(kind=kind, id=name, digest=digest), values=own, dataset=dataset)


@st.composite
def worlds(draw: st.DrawFn) -> Facts:
    base = harmless_values()

    def drawn(kind: SubjectKind) -> dict[str, FactValue]:
        read = {p for _, rule in RULES for p in rule.reads if p.startswith(f"{kind.value}.")}
        return {**base, **{p: draw(values_of(schema_paths(kind)[p])) for p in sorted(read) if draw(st.integers(0, 3)) == 0}}

    datasets = [subject(SubjectKind.DATASET, n, drawn(SubjectKind.DATASET), n) for n in ("d", "e")]
    shards = [
        subject(SubjectKind.SHARD, f"s{i}", drawn(SubjectKind.SHARD), draw(st.sampled_from(["d", "e"]))) for i in range(draw(st.integers(1, 4)))
    ]
    matches = [
        subject(SubjectKind.MATCH, f"m{i}", drawn(SubjectKind.MATCH), draw(st.sampled_from(["d", "e"]))) for i in range(draw(st.integers(0, 3)))
    ]
    run = subject(SubjectKind.RUN, "run", drawn(SubjectKind.RUN))
    domains = (subject(SubjectKind.DOMAIN, "x", drawn(SubjectKind.DOMAIN)),)
    return Facts(run=run, datasets=tuple(datasets), shards=tuple(shards), domains=domains, matches=tuple(matches))


def decided(evaluation: Evaluation) -> tuple[object, ...]:
    return evaluation.verdict, tuple(sorted(f.id for f in evaluation.findings)), tuple(sorted(str(r) for u in evaluation.rules for r in u.rules))


@settings(deadline=None, max_examples=60)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_bundles_rules_and_subjects_decides_nothing(facts: Facts, chance: Random) -> None:
    def shuffled(items: Any) -> tuple[Any, ...]:
        listed = list(items)
        chance.shuffle(listed)
        return tuple(listed)

    mixed = replace(facts, datasets=shuffled(facts.datasets), shards=shuffled(facts.shards), matches=shuffled(facts.matches))
    bundles = tuple(replace(b, rules=shuffled(b.rules)) for b in shuffled(BUNDLES))
    assert decided(evaluate(BUNDLES, facts, (), TODAY)) == decided(evaluate(bundles, mixed, (), TODAY))


@settings(deadline=None, max_examples=60)
@given(worlds())
def test_the_same_facts_bundles_and_day_give_the_same_decision_and_digest(facts: Facts) -> None:
    assert evaluate(BUNDLES, facts, (), TODAY) == evaluate(BUNDLES, facts, (), TODAY)
    other = replace(facts, run=replace(facts.run, values=tuple((p, "2027-01-01" if p == "now" else v) for p, v in facts.run.values)))
    assert other.digest != facts.digest


@settings(deadline=None, max_examples=80)
@given(worlds(), st.data())
def test_no_verdict_gets_better_when_a_fact_is_removed(facts: Facts, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from([SubjectKind.RUN, SubjectKind.DATASET, SubjectKind.SHARD]))
    read = {p for _, rule in RULES for p in rule.reads}
    fields = {f.path: f for f in SCHEMA[kind]}
    removable = [f.path for f in SCHEMA[kind] if f"{kind.value}.{f.path}" in read and unknown_as(f"{kind.value}.{f.path}", f)]
    path = data.draw(st.sampled_from(removable))
    removed = {p.partition(".")[2]: v for p, v in (unknown_as(f"{kind.value}.{path}", fields[path]) or {}).items()}

    def without(item: SubjectFacts) -> SubjectFacts:
        return replace(item, values=tuple((p, removed.get(p, v)) for p, v in item.values))

    changed = {
        SubjectKind.RUN: lambda: replace(facts, run=without(facts.run)),
        SubjectKind.DATASET: lambda: replace(facts, datasets=(without(facts.datasets[0]), *facts.datasets[1:])),
        SubjectKind.SHARD: lambda: replace(facts, shards=tuple(without(s) for s in facts.shards)),
    }[kind]()
    before, after = (evaluate(BUNDLES, f, (), TODAY).verdict for f in (facts, changed))
    assert VERDICTS.index(after) >= VERDICTS.index(before)


@pytest.mark.parametrize(("bundle", "rule"), RULES, ids=lambda item: getattr(item, "id", getattr(item, "name", "")))
def test_only_rules_that_another_makes_up_for_pass_over_what_is_not_known(bundle: Bundle, rule: Rule) -> None:
    """Setting a companion to NO by itself is the one way in which a rule may cease to apply; each such pair is named here, with the rule that asks for it."""
    fields = schema_paths(rule.for_each)
    for path in (p for p in rule.reads if (p in fields and p.endswith("_known")) or p.endswith(".known")):
        values = {**harmless_values(), path: "NO"}
        if outcome(bundle, rule, values) is Outcome.NOT_APPLICABLE:
            assert (rule.id, path) in _ASKED_ELSEWHERE
