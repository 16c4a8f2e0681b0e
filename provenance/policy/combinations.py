"""All combinations of values that a rule's facts can have, as far as its conditions can tell them apart: what lint and diff go through."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

from provenance.policy.facts import UNKNOWN, FactField, FactType, FactValue, schema_paths
from provenance.policy.outcomes import read_paths
from provenance.policy.rules import Bundle, Check, Rule

MAX_COMBINATIONS = 3_000
"""Beyond it nothing is said of a rule: going through them would take long."""
_OTHER = "something else"
_LONGEST = 8
"""Longest list of texts tried, for conditions on its size."""
Space = Mapping[str, tuple[FactValue, ...]]


def space_of(rules: Sequence[tuple[Bundle, Rule]]) -> Space | None:
    """Return the values to try for every fact that some rules read; ``None`` where there are too many combinations.

    Args:
        rules: For subjects of one kind, each with its bundle, whose parameters its facts may be compared with.
    """
    fields = schema_paths(rules[0][1].for_each)
    texts: set[str] = set()
    numbers: set[float] = set()
    for bundle, rule in rules:
        for check in _checks(rule):
            texts |= set(check.condition.texts)
            numbers |= set(check.condition.numbers)
            values = [bundle.param(p.removeprefix("params.")) for p in check.condition.paths if p.startswith("params.")]
            texts |= {v for v in values if isinstance(v, str)}
            numbers |= {float(v) for v in values if isinstance(v, int | float)}
    paths = dict.fromkeys(p for _, rule in rules for p in read_paths(rule, fields) if p in fields)
    space = {p: values_of(fields[p], texts, numbers) for p in paths}
    return space if math.prod(map(len, space.values())) <= MAX_COMBINATIONS else None


def combinations(space: Space) -> Iterator[dict[str, FactValue]]:
    """Go through all combinations of values."""
    for values in itertools.product(*space.values()):
        yield dict(zip(space, values, strict=True))


def with_params(bundle: Bundle, values: Mapping[str, FactValue]) -> dict[str, FactValue]:
    """Return values with a bundle's parameters."""
    return {**values, **{f"params.{name}": value for name, value in bundle.params}}


def values_of(field: FactField, texts: set[str], numbers: set[float]) -> tuple[FactValue, ...]:
    """Return one value of every class of values that comparisons with some constants can tell apart, what stands for unknown included."""
    if field.values:
        return field.values
    if field.type is FactType.TEXT:
        return (*sorted({*texts, _OTHER}), *([UNKNOWN] if field.may_be_absent else []))
    steps = {max(0, math.floor(n) + step) for n in numbers for step in (-1, 0, 1)}
    if field.type is FactType.TEXTS:
        return tuple(("x",) * n for n in sorted({0, 1, *(s for s in steps if s <= _LONGEST)}))
    if field.type is FactType.INT:
        return tuple(sorted({0, 1, *steps}))
    near = {n for m in numbers for n in (math.nextafter(m, -math.inf), m, math.nextafter(m, math.inf)) if n >= 0}
    return tuple(sorted({0.0, 1.0, *near}))


def _checks(rule: Rule) -> tuple[Check, ...]:
    return (rule.require,) if rule.applies is None else (rule.require, rule.applies)
