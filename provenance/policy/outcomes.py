"""What a rule says of one subject's facts.

Rules of this module, which make an unknown fact never better than a known one (docs/adr/0005):

* A condition *holds* if it is true for the facts as they are **and** for every value that an unknown fact it reads might have; it *fails* if it is
  false for all of them; else it is *open*. A condition that cannot be evaluated is open.
* ``applies`` fails: NOT_APPLICABLE. Else ``require`` holds: SATISFIED; ``require`` fails and ``applies`` holds: VIOLATED; else UNKNOWN.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from enum import Enum

from provenance.model.finding import Outcome
from provenance.policy.facts import UNKNOWN, FactField, FactType, FactValue, is_unknown
from provenance.policy.rules import Check, Rule

MAX_COMPLETIONS = 512
"""Most combinations of values tried for unknown facts; beyond it a condition is open."""


class Holding(Enum):
    """What is known of a condition."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "open"


def judge(rule: Rule, values: Mapping[str, FactValue], fields: Mapping[str, FactField]) -> Outcome:
    """Return one rule's outcome on the values of the paths it reads."""
    applies = holding_of(rule.applies, values, fields) if rule.applies else Holding.HOLDS
    if applies is Holding.FAILS:
        return Outcome.NOT_APPLICABLE
    require = holding_of(rule.require, values, fields)
    if require is Holding.HOLDS:
        return Outcome.SATISFIED
    return Outcome.VIOLATED if require is Holding.FAILS and applies is Holding.HOLDS else Outcome.UNKNOWN


def holding_of(check: Check, values: Mapping[str, FactValue], fields: Mapping[str, FactField]) -> Holding:
    """Return what is known of one condition on the values of the paths it reads, and of their companions."""
    given = {path: values[path] for path in check.condition.paths}
    results = {check.compiled.holds(given)}
    choices = _choices(check, values, fields)
    if choices is None:
        return Holding.OPEN
    for combination in itertools.product(*choices.values()):
        results.add(check.compiled.holds({**given, **dict(zip(choices, combination, strict=True))}))
        if len(results) > 1:
            return Holding.OPEN
    if results == {True}:
        return Holding.HOLDS
    return Holding.FAILS if results == {False} else Holding.OPEN


def _choices(check: Check, values: Mapping[str, FactValue], fields: Mapping[str, FactField]) -> dict[str, tuple[FactValue, ...]] | None:
    """Return the values to try for every unknown fact, ``None`` where they cannot all be tried."""
    unknown = [p for p in check.condition.paths if p in fields and is_unknown(fields[p], values[p], values, p.partition(".")[0])]
    open_ended = [fields[p].type is FactType.TEXT for p in unknown if not fields[p].values]
    if len(open_ended) != len(set(open_ended)):
        return None  # two unknown facts may be compared with one another, which constants do not cover
    others = [values[p] for p in check.condition.paths if p not in unknown]
    choices = {p: _values_to_try(fields[p], check, others) for p in unknown}
    return choices if math.prod(len(c) for c in choices.values()) <= MAX_COMPLETIONS else None


def _values_to_try(field: FactField, check: Check, others: Sequence[FactValue]) -> tuple[FactValue, ...]:
    """Return one value of every class that comparisons with the condition's constants can tell apart."""
    if field.values:
        return tuple(v for v in field.values if v != UNKNOWN)
    if field.type is FactType.TEXT:
        texts = {*check.condition.texts, *(o for o in others if isinstance(o, str))}
        return tuple(sorted({"", "\U0010ffff" * 4, *texts, *(t + "\x00" for t in texts)}))
    numbers = {*check.condition.numbers, *(float(o) for o in others if isinstance(o, int | float))}
    if field.type is FactType.INT:
        return tuple(sorted({0, 2**53, *(math.floor(n) + step for n in numbers for step in (-1, 0, 1, 2))}))
    around = {f(n) for n in numbers for f in (float, lambda x: math.nextafter(x, math.inf), lambda x: math.nextafter(x, -math.inf))}
    return tuple(sorted({0.0, 1.0, *around}))


def read_paths(rule: Rule, fields: Mapping[str, FactField]) -> tuple[str, ...]:
    """Return the paths that decide a rule's outcome: those it reads, and those that say whether these are known."""
    companions = (f"{path.partition('.')[0]}.{fields[path].known_by}" for path in rule.reads if path in fields and fields[path].known_by)
    return tuple(dict.fromkeys((*rule.reads, *companions)))
