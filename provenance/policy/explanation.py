"""Why a rule says what it says of a subject: the facts it read, the part of its condition that decided, and what would have to be otherwise."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from provenance.model.finding import Outcome, Subject, SubjectKind
from provenance.policy import explain
from provenance.policy.combinations import space_of, values_of
from provenance.policy.facts import FactField, Facts, FactValue, SubjectFacts, is_unknown, schema_paths
from provenance.policy.judges import Scope, own_values
from provenance.policy.outcomes import judge, read_paths
from provenance.policy.parts import Part, split_condition
from provenance.policy.rules import Bundle, Rule
from provenance.policy.supply import find_supply, how_to_supply

_FINE = frozenset({Outcome.SATISFIED, Outcome.NOT_APPLICABLE})
_TRIED = 4_000
"""Changes of two facts that are tried."""
_PAIRS = 3
_DIGITS = 6
"""Digits by which a match can be named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactRead:
    """A fact that a rule reads."""

    path: str
    value: FactValue
    known: bool
    doc: str = ""
    supply: str = ""
    """How it can be supplied or changed; empty where that depends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """Facts that would have to be otherwise together, with values of which each would do."""

    facts: tuple[tuple[str, tuple[FactValue, ...]], ...]
    outcome: Outcome
    """What the rule would say then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """What a rule says of a subject, and why."""

    rule: str
    title: str
    bundle: str
    subject: Subject
    dataset: str
    outcome: Outcome
    message: str
    reads: tuple[FactRead, ...]
    applies: Part | None
    require: Part
    needed: tuple[Needed, ...] = ()
    """Each by itself would clear it; nothing where it is fine, or no change of one or two facts would."""
    remedies: tuple[str, ...] = ()


def explain_rule(bundle: Bundle, rule: Rule, subject: SubjectFacts, facts: Facts) -> Explanation:
    """Explain what a rule says of one subject of a run."""
    fields = schema_paths(rule.for_each)
    values = {**Scope(facts).inherited(bundle, subject.dataset), **own_values(subject, rule.for_each)}
    outcome = judge(rule, values, fields)
    fine = outcome in _FINE
    return Explanation(
        rule=rule.id,
        title=rule.title,
        bundle=bundle.name,
        subject=subject.subject,
        dataset=subject.dataset,
        outcome=outcome,
        message=explain.render(rule.message, values),
        reads=tuple(
            _read(path, values, fields, subject.dataset or subject.subject.id) for path in dict.fromkeys((*rule.reads, *read_paths(rule, fields)))
        ),
        applies=None if rule.applies is None else split_condition(rule.applies, values, fields),
        require=split_condition(rule.require, values, fields),
        needed=() if fine else needed_changes(bundle, rule, values),
        remedies=() if fine else tuple(r.summary for r in explain.remedies(rule, values, subject.subject.id)),
    )


def find_subjects(rule: Rule, facts: Facts, name: str) -> list[SubjectFacts]:
    """Return the subjects of a rule that a name means: an id, ``kind:id``, the last part of a shard's path, or the first digits of a match."""
    kind = rule.for_each.value
    wanted = name.removeprefix(f"{kind}:")
    groups: Mapping[str, Sequence[SubjectFacts] | object] = {
        "run": (facts.run,),
        "dataset": facts.datasets,
        "shard": facts.shards,
        "domain": facts.domains,
        "match": facts.matches,
    }
    items = groups.get(kind, ())
    exact, near = [], []
    for item in items if hasattr(items, "__iter__") else ():
        if item.subject.id == wanted:
            exact.append(item)
        elif not exact and _is_meant(item.subject, wanted):
            near.append(item)
    return exact or near


def _is_meant(subject: Subject, wanted: str) -> bool:
    return subject.id.endswith(f"/{wanted}") or (
        len(wanted) >= _DIGITS and subject.id.removeprefix("sha256:").startswith(wanted.removeprefix("sha256:"))
    )


def _read(path: str, values: Mapping[str, FactValue], fields: Mapping[str, FactField], name: str) -> FactRead:
    field = fields.get(path)
    if field is None:
        return FactRead(path=path, value=values[path], known=True, doc="Parameter of the bundle.")
    prefix, _, inner = path.partition(".")
    known = not is_unknown(field, values[path], values, prefix)
    supply = (find_supply if known else how_to_supply)(SubjectKind(prefix), inner, name)
    return FactRead(path=path, value=values[path], known=known, doc=field.doc, supply=supply)


def needed_changes(bundle: Bundle, rule: Rule, values: Mapping[str, FactValue]) -> tuple[Needed, ...]:
    """Return changes of one fact, or else of two, after which a rule has nothing to object to."""
    fields = schema_paths(rule.for_each)
    options = {p: tuple(_options(p, bundle, rule, values)) for p in rule.reads if p in fields}
    alone = [n for p in options if (n := _alone(p, options[p], rule, values)) is not None]
    return tuple(alone) or tuple(itertools.islice(_together(options, rule, values), _PAIRS))


def _alone(path: str, options: Sequence[Mapping[str, FactValue]], rule: Rule, values: Mapping[str, FactValue]) -> Needed | None:
    good: dict[Outcome, list[FactValue]] = {}
    fields = schema_paths(rule.for_each)
    for option in options:
        outcome = judge(rule, {**values, **option}, fields)
        if outcome in _FINE:
            good.setdefault(outcome, []).append(option[path])
    if not good:
        return None
    outcome = Outcome.SATISFIED if Outcome.SATISFIED in good else Outcome.NOT_APPLICABLE
    bad = [option[path] for option in options if option[path] not in good[outcome]]
    return Needed(
        facts=((path, _said(good[outcome], bad, known=not is_unknown(fields[path], values[path], values, path.partition(".")[0]))),), outcome=outcome
    )


def _together(options: Mapping[str, Sequence[Mapping[str, FactValue]]], rule: Rule, values: Mapping[str, FactValue]) -> Iterator[Needed]:
    fields = schema_paths(rule.for_each)
    for first, second in itertools.combinations(options, 2):
        for one, other in itertools.islice(itertools.product(options[first], options[second]), _TRIED):
            outcome = judge(rule, {**values, **one, **other}, fields)
            if outcome in _FINE:
                yield Needed(facts=((first, (one[first],)), (second, (other[second],))), outcome=outcome)
                break


def _said(good: Sequence[FactValue], bad: Sequence[FactValue], *, known: bool) -> tuple[FactValue, ...]:
    """Return the words that would do; of numbers the nearest only: to the present one, or, where it is not known, to those that would not do."""
    numbers = [float(n) for n in good if isinstance(n, int | float)]
    if not numbers:
        return tuple(good) if isinstance(good[0], str) else (good[0],)
    others = [float(n) for n in bad if isinstance(n, int | float)]
    if known or not others:
        return (good[0],)
    return (min(good, key=lambda n: min(abs(float(str(n)) - other) for other in others)),)


def _options(path: str, bundle: Bundle, rule: Rule, values: Mapping[str, FactValue]) -> Iterator[dict[str, FactValue]]:
    """Yield other known values of a fact, the nearest number first, each with what says that it is known."""
    field = schema_paths(rule.for_each)[path]
    prefix, now = path.partition(".")[0], values[path]
    companion: dict[str, FactValue] = {f"{prefix}.{field.known_by}": "YES"} if field.known_by else {}
    space = space_of([(bundle, rule)]) or {}
    choices = [v for v in space.get(path, values_of(field, set(), set())) if {path: v, **companion} != {p: values[p] for p in (path, *companion)}]
    if isinstance(now, int | float):
        choices.sort(key=lambda v: abs(float(v) - float(now)) if isinstance(v, int | float) else 0)
    for value in choices:
        option = {path: value, **companion}
        if not is_unknown(field, value, {**values, **option}, prefix):
            yield option
