"""Runs the tests that a bundle carries: each states how the facts differ from harmless ones, and which outcomes that must give."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.model.finding import SubjectKind
from provenance.policy.facts import SCHEMA, FactField, FactType, FactValue, schema_paths
from provenance.policy.outcomes import judge
from provenance.policy.rules import Bundle

_HARMLESS: dict[str, FactValue] = {
    "run.commercial": "YES",
    "run.synthetic_known": "YES",
    "run.now": "2026-01-01",
    "run.datasets": 1,
    "run.shards": 1,
    "domain.synthetic_known": "YES",
    "match.explained": "NO",
    "match.words": 100,
    "dataset.license.use": "commercial",
    "shard.license.use": "commercial",
    "dataset.license.agreed": "YES",
    "shard.license.agreed": "YES",
    "dataset.shards": 1,
    "dataset.source": "own",
    "run.references": 1,
    "run.works.compared": 1,
    "run.human_share": 1.0,
    "run.human_share_upper": 1.0,
    "run.naming.met": "YES",
    "domain.human_share": 1.0,
    "domain.human_share_upper": 1.0,
    "dataset.human_source": "YES",
    "dataset.generations_known": "YES",
    "dataset.naming.met": "YES",
    "dataset.reservations": "YES",
    "dataset.reservations_kept": "YES",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectationResult:
    """What became of one expectation of a bundle's test."""

    test: str
    rule: str
    expected: str
    got: str

    @property
    def passed(self) -> bool:
        """Tell whether the outcome was the expected one."""
        return self.expected == self.got


def run_bundle_tests(bundle: Bundle) -> tuple[ExpectationResult, ...]:
    """Return the result of every expectation, in the bundle's order."""
    results = []
    for test in bundle.tests:
        values = {**harmless_values(), **dict(bundle_params(bundle)), **dict(test.given)}
        for rule_id, expected in test.expect:
            rule = next(r for r in bundle.rules if r.id == rule_id)
            got = judge(rule, values, schema_paths(rule.for_each))
            results.append(ExpectationResult(test=test.name, rule=rule_id, expected=expected.value, got=got.value))
    return tuple(results)


def bundle_params(bundle: Bundle) -> tuple[tuple[str, FactValue], ...]:
    """Return the parameters under the paths that conditions use."""
    return tuple((f"params.{name}", value) for name, value in bundle.params)


def harmless_values() -> dict[str, FactValue]:
    """Return facts, by full path, that no shipped rule objects to."""
    return {f"{kind.value}.{field.path}": _harmless(f"{kind.value}.{field.path}", field) for kind in SubjectKind for field in SCHEMA[kind]}


def _harmless(path: str, field: FactField) -> FactValue:
    if path in _HARMLESS:
        return _HARMLESS[path]
    if field.values:
        return "NO" if field.is_tristate and "NO" in field.values else field.values[0]
    if field.type is FactType.TEXT:
        return f"some {field.path}"
    return () if field.type is FactType.TEXTS else 0 if field.type is FactType.INT else 0.0
