"""What changed between two bundles: rules added, removed, and of those in both whether they ask for more or for less."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from provenance.model.finding import Action, Outcome
from provenance.policy.combinations import Space, combinations, space_of, with_params
from provenance.policy.facts import FactValue, schema_paths
from provenance.policy.outcomes import judge
from provenance.policy.rules import Bundle, Rule

_WEIGHT = {Action.DENY: 3, Action.REVIEW: 2, Action.WARN: 1}
_FAULT = frozenset({Outcome.VIOLATED, Outcome.UNKNOWN})


class Change(StrEnum):
    """What became of a rule."""

    ADDED = "added"
    REMOVED = "removed"
    STRICTER = "stricter"
    """Somewhere it finds more, or what follows is worse; nowhere less."""
    LOOSER = "looser"
    """Somewhere it finds less, or what follows is milder; nowhere more."""
    BOTH = "stricter and looser"
    """Stricter on some facts and looser on others."""
    SAME = "same"
    """Its words differ, but it finds the same on all facts."""
    UNCLEAR = "unclear"
    """It reads too many facts to try all combinations, or is for other subjects now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleChange:
    """A rule that differs between two bundles."""

    rule: str
    change: Change
    title: str
    fields: tuple[str, ...] = ()
    """What differs: ``require``, ``action`` …"""
    example: tuple[tuple[str, FactValue], ...] = ()
    """Facts on which the two differ."""
    before: str = ""
    """Outcome and action on these facts by the old rule."""
    after: str = ""


def compare_bundles(old: Bundle, new: Bundle) -> tuple[RuleChange, ...]:
    """Return every rule that differs, in the order of the new bundle, then those removed."""
    olds, news = ({r.id: r for r in b.rules} for b in (old, new))
    changed = [
        _added(rule) if rule.id not in olds else found
        for rule in new.rules
        if rule.id not in olds or (found := _compare(old, olds[rule.id], new, rule)) is not None
    ]
    gone = [RuleChange(rule=r.id, change=Change.REMOVED, title=r.title) for r in old.rules if r.id not in news]
    return (*[c for c in changed if c is not None], *gone)


def changed_params(old: Bundle, new: Bundle) -> Iterator[tuple[str, FactValue | None, FactValue | None]]:
    """Go through the parameters that differ: name, old and new value."""
    for name in dict.fromkeys([*dict(old.params), *dict(new.params)]):
        if old.param(name) != new.param(name):
            yield name, old.param(name), new.param(name)


def _added(rule: Rule) -> RuleChange:
    return RuleChange(rule=rule.id, change=Change.ADDED, title=rule.title)


def _compare(old: Bundle, before: Rule, new: Bundle, after: Rule) -> RuleChange | None:
    fields = tuple(name for name, (a, b) in _parts(old, before, new, after).items() if a != b)
    if not fields:
        return None
    if before.for_each is not after.for_each:
        return RuleChange(rule=after.id, change=Change.UNCLEAR, title=after.title, fields=fields)
    space = space_of([(old, before), (new, after)])
    if space is None:
        return RuleChange(rule=after.id, change=Change.UNCLEAR, title=after.title, fields=fields)
    examples = _differences((old, before), (new, after), space)
    if before.waivable != after.waivable:
        change = Change.LOOSER if after.waivable else Change.STRICTER
        examples.setdefault(change, _Difference(before=f"waivable: {before.waivable}", after=f"waivable: {after.waivable}"))
    if not examples:
        return RuleChange(rule=after.id, change=Change.SAME, title=after.title, fields=fields)
    shown = examples.get(Change.LOOSER) or examples[Change.STRICTER]
    return RuleChange(
        rule=after.id,
        change=Change.BOTH if len(examples) > 1 else next(iter(examples)),
        title=after.title,
        fields=fields,
        example=shown.values,
        before=shown.before,
        after=shown.after,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Difference:
    """Facts on which two rules differ, and what each says of them."""

    values: tuple[tuple[str, FactValue], ...] = ()
    before: str
    after: str


def _differences(before: tuple[Bundle, Rule], after: tuple[Bundle, Rule], space: Space) -> dict[Change, _Difference]:
    """Return the first facts on which the later rule is stricter, and the first on which it is looser."""
    found: dict[Change, _Difference] = {}
    schema = schema_paths(after[1].for_each)
    for values in combinations(space):
        said = [(rule, judge(rule, with_params(bundle, values), schema)) for bundle, rule in (before, after)]
        was, now = (_WEIGHT[rule.action] if outcome in _FAULT else 0 for rule, outcome in said)
        if was != now:
            words = [f"{outcome.value} {rule.action.value}" if outcome in _FAULT else outcome.value for rule, outcome in said]
            change = Change.STRICTER if now > was else Change.LOOSER
            found.setdefault(change, _Difference(values=tuple(values.items()), before=words[0], after=words[1]))
    return found


def _parts(old: Bundle, before: Rule, new: Bundle, after: Rule) -> dict[str, tuple[object, object]]:
    """Return what a rule consists of, before and after."""

    def condition(rule: Rule) -> str:
        return "" if rule.applies is None else rule.applies.condition.text

    names = ("title", "for_each", "action", "severity", "waivable", "message", "remedies")
    return {
        "applies": (condition(before), condition(after)),
        "require": (before.require.condition.text, after.require.condition.text),
        **{name: (getattr(before, name), getattr(after, name)) for name in names},
        **{path: (old.param(path[7:]), new.param(path[7:])) for path in dict.fromkeys((*before.reads, *after.reads)) if path.startswith("params.")},
    }
