"""Laws of the shipped bundles: whatever is known of a run, losing some of it or forbidding more never makes the verdict better, nor an open finding go away."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.config import shipped
from provenance.model.finding import Subject, SubjectKind, VerdictKind
from provenance.policy.bundle import Bundle, load_bundle
from provenance.policy.bundle_tests import harmless_values
from provenance.policy.engine import Evaluation, evaluate
from provenance.policy.facts import SCHEMA, UNKNOWN, FactField, Facts, FactType, FactValue, SubjectFacts

BUNDLES = {p.stem: load_bundle(p) for p in sorted((shipped("policies") / "bundles").glob("*.yaml"))}
RANK = [VerdictKind.CLEARED, VerdictKind.REVIEW, VerdictKind.BLOCKED]
JUDGED = [kind for kind in SubjectKind if kind is not SubjectKind.WAIVER]
FIELDS = {f"{kind.value}.{field.path}": field for kind in JUDGED for field in SCHEMA[kind]}
DIGEST = "sha256:" + "0" * 64
Values = dict[str, FactValue]


def judge(bundle: Bundle, values: Values) -> Evaluation:
    def subject(kind: SubjectKind) -> SubjectFacts:
        own = tuple((field.path, values[f"{kind.value}.{field.path}"]) for field in SCHEMA[kind])
        return SubjectFacts(subject=Subject(kind=kind, id=kind.value, digest=DIGEST), values=own, dataset=SubjectKind.DATASET.value)

    one = {kind: subject(kind) for kind in JUDGED}
    facts = Facts(
        run=one[SubjectKind.RUN],
        datasets=(one[SubjectKind.DATASET],),
        shards=(one[SubjectKind.SHARD],),
        domains=(one[SubjectKind.DOMAIN],),
        matches=(one[SubjectKind.MATCH],),
    )
    return evaluate([bundle], facts, (), "2026-03-01")


def is_no_better(worse: Evaluation, than: Evaluation) -> bool:
    """Tell whether the verdict is no better, and each rule that was not satisfied still is not."""
    lost = {f.rule for f in than.findings} - {f.rule for f in worse.findings}
    return RANK.index(worse.verdict) >= RANK.index(than.verdict) and not lost


def a_value(field: FactField) -> st.SearchStrategy[FactValue]:
    if field.values:
        return st.sampled_from(field.values)
    if field.type is FactType.TEXTS:
        return st.just(())
    if field.type is FactType.TEXT:
        return st.sampled_from(["some text", "none", UNKNOWN] if field.may_be_absent else ["some text", "none"])
    return st.integers(0, 400) if field.type is FactType.INT else st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.3, 0.31, 0.5, 0.9, 1.0])


ANYTHING: st.SearchStrategy[Values] = st.fixed_dictionaries({path: a_value(field) for path, field in FIELDS.items()})
NEARLY_HARMLESS: st.SearchStrategy[Values] = st.dictionaries(st.sampled_from(sorted(FIELDS)), st.none(), max_size=6).flatmap(
    lambda chosen: st.fixed_dictionaries({path: a_value(FIELDS[path]) for path in chosen}).map(lambda changed: {**harmless(), **changed})
)


def harmless() -> Values:
    return {path: value for path, value in harmless_values().items() if path in FIELDS}


def losable() -> list[str]:
    """Paths of facts that can be not known; of a number, that of what says so."""
    said_by = {f"{path.partition('.')[0]}.{f.known_by}" for path, f in FIELDS.items() if f.known_by}
    return sorted({p for p, f in FIELDS.items() if f.is_tristate or f.may_be_absent} | said_by)


def lose(values: Values, paths: set[str]) -> Values:
    """Return facts of which some are not known any more."""
    return {**values, **{p: UNKNOWN if FIELDS[p].is_tristate or FIELDS[p].may_be_absent else "NO" for p in paths}}


PERMISSIONS = sorted(path for path, field in FIELDS.items() if "PROHIBITED" in field.values)


@pytest.mark.parametrize("bundle", BUNDLES.values(), ids=BUNDLES)
@settings(max_examples=150)
@given(values=NEARLY_HARMLESS | ANYTHING, paths=st.sets(st.sampled_from(losable()), min_size=1))
def test_losing_facts_never_improves_a_verdict(bundle: Bundle, values: Values, paths: set[str]) -> None:
    assert is_no_better(judge(bundle, lose(values, paths)), judge(bundle, values))


@pytest.mark.parametrize("bundle", BUNDLES.values(), ids=BUNDLES)
@settings(max_examples=100)
@given(values=NEARLY_HARMLESS | ANYTHING, paths=st.sets(st.sampled_from(PERMISSIONS), min_size=1))
def test_forbidding_never_improves_a_verdict(bundle: Bundle, values: Values, paths: set[str]) -> None:
    assert is_no_better(judge(bundle, {**values, **dict.fromkeys(paths, "PROHIBITED")}), judge(bundle, values))


@pytest.mark.parametrize("bundle", BUNDLES.values(), ids=BUNDLES)
def test_harmless_facts_are_cleared_and_what_nobody_knows_at_all_is_not(bundle: Bundle) -> None:
    values = {**harmless(), "run.commercial": "NO" if bundle.name == "research" else "YES"}
    assert judge(bundle, values).verdict is VerdictKind.CLEARED
    assert judge(bundle, lose(values, set(losable()))).verdict is not VerdictKind.CLEARED


def test_every_shipped_bundle_has_a_page_that_names_its_rules_and_parameters() -> None:
    pages = Path(__file__).parents[2] / "docs" / "policies"
    assert {p.stem for p in pages.glob("*.md")} == set(BUNDLES)
    for name, bundle in BUNDLES.items():
        page = (pages / f"{name}.md").read_text(encoding="utf-8")
        assert page.startswith(f"# {name}: {bundle.title}\n")
        for rule in bundle.rules:
            row = next(line for line in page.splitlines() if line.startswith(f"| [{rule.id}]"))
            assert row.endswith(f"| `{rule.require.condition.text.replace('|', chr(92) + '|')}` | {rule.action} |"), rule.id
        assert all(f"`{key}` = {value}" in " ".join(page.split()) for key, value in bundle.params)


def test_the_page_of_a_rule_states_its_conditions_action_and_parameters() -> None:
    pages = Path(__file__).parents[2] / "docs" / "rules"
    for bundle in BUNDLES.values():
        for rule in bundle.rules:
            page = " ".join((pages / f"{rule.id}.md").read_text(encoding="utf-8").split())
            assert f"Requires: `{rule.require.condition.text}`" in page, rule.id
            assert rule.applies is None or f"Applies where: `{rule.applies.condition.text}`" in page, rule.id
            assert f"Bundle `{bundle.name}`, judged for each {rule.for_each}" in page, rule.id
            assert f"Not satisfied: **{rule.action}**, severity {rule.severity}" in page, rule.id
            read = [path.removeprefix("params.") for path in rule.reads if path.startswith("params.")]
            assert all(f"`{name}`" in page for name in read), rule.id
