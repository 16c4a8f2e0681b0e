"""Putting what texts say together: within a day, over the days of an interval, and over everything that an unknown fact may be (RR02 to RR05)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from provenance.licensing.judging import Judged
from provenance.licensing.periods import ALWAYS, Dated, Period
from provenance.licensing.scenarios import Scenario, Situation, is_covered, is_maker_known
from provenance.licensing.terms_said import Made
from provenance.licensing.terms_values import CONTRACTS
from provenance.licensing.uses import strictest_of
from provenance.model.absence import Permission

JudgeEntry = Callable[[Dated, Made], Judged]


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What holds on some days, or in one reading of the facts."""

    outcome: Permission
    reasons: tuple[str, ...]
    rules: frozenset[str]
    bare: bool = False
    """No contract may have been in force, and no other text speaks."""
    uncovered: bool = False
    """On some day no contract is known to have been in force."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodOutcome:
    """What holds on the days of one period."""

    period: Period
    weighed: Weighed


def weigh_period(period: Period, scenario: Scenario, judge: JudgeEntry) -> Weighed:
    """Return what the texts of some days say together: the strictest of those surely in force, and nothing allowed where one may also have been."""
    made, gaps, covered = scenario.made, scenario.gaps, is_covered(period, scenario)
    if not is_maker_known(period, scenario):
        gaps = (*gaps, f"the terms of the maker of {made.model} on this host are not known {_when(period)}")
    sure = [judge(v, made) for v in period.sure]
    maybe = [judge(v, made) for v in period.maybe]
    spoken = [j.outcome for j in sure if j.outcome is not None]
    reasons = [j.reason for j in (*sure, *maybe) if j.outcome is not None]
    rules = {"RR01", "RR03", *(r for j in (*sure, *maybe) for r in j.rules), *({"RR13"} if gaps else ())}
    doubts = [*gaps, *_doubts(period, maybe, covered=covered)]
    if Permission.PROHIBITED in spoken:
        return Weighed(outcome=Permission.PROHIBITED, reasons=tuple(reasons), rules=frozenset(rules))
    if not spoken and not gaps and maybe and _all_bar(maybe):
        return Weighed(outcome=Permission.PROHIBITED, reasons=(*reasons, *doubts), rules=frozenset({*rules, "RR05"}))
    if not spoken:
        silent = [j.reason for j in sure if j.outcome is None]
        doubts += [*silent, "no text that applied speaks of it"] if sure else []
        rules |= {"RR02"}
    if not covered:
        doubts.append(f"no catalogued contract is known to have been in force {_when(period)}")
        rules |= {"RR04"}
    outcome = strictest_of([*spoken, *([Permission.UNKNOWN] if doubts else ())])
    return Weighed(
        outcome=outcome, reasons=(*reasons, *doubts), rules=frozenset(rules), bare=_is_bare(period, (*sure, *maybe)), uncovered=not covered
    )


def _is_bare(period: Period, judged: Iterable[Judged]) -> bool:
    """Tell whether no contract may have been in force, and no text beside one speaks."""
    contracts = any(v.entry.kind in CONTRACTS for v in (*period.sure, *period.maybe))
    return not contracts and all(j.outcome is None for j in judged)


def _all_bar(maybe: Iterable[Judged]) -> bool:
    """Tell whether every candidate that is not silent bars, and no candidate is silent (RR05)."""
    return all(j.outcome is Permission.PROHIBITED for j in maybe)


def _doubts(period: Period, maybe: Iterable[Judged], *, covered: bool) -> Iterator[str]:
    """Yield candidates that may have been in force and would not allow it."""
    for judged in maybe:
        if judged.outcome is not Permission.ALLOWED and (judged.outcome is not None or not covered):
            yield f"{judged.entry.id} may have been in force {_when(period)}"


def _when(period: Period) -> str:
    first, last = period.days
    if first == ALWAYS[0] and last == ALWAYS[1]:
        return "at any time"
    if first == ALWAYS[0]:
        return f"until {last.isoformat()}"
    if last == ALWAYS[1]:
        return f"from {first.isoformat()} on"
    return f"on {first.isoformat()}" if first == last else f"from {first.isoformat()} to {last.isoformat()}"


def weigh_scenario(scenario: Scenario, judge: JudgeEntry, *, days_known: bool) -> tuple[Weighed, tuple[PeriodOutcome, ...]]:
    """Return what holds in one reading of the facts: under all versions of known days (RR04), under the agreement of all where days are unknown (RR05)."""
    parts = tuple(PeriodOutcome(period=p, weighed=weigh_period(p, scenario, judge)) for p in scenario.periods)
    found = [p.weighed for p in parts]
    if len(found) == 1:
        return found[0], parts
    if not days_known:
        return _agreed(found, "the days of generation are not known, and the versions of different days do not agree"), parts
    rules = frozenset().union(*(w.rules for w in found)) | {"RR04"}
    reasons = tuple(dict.fromkeys(r for w in found for r in w.reasons))
    return Weighed(outcome=strictest_of([w.outcome for w in found]), reasons=reasons, rules=rules, bare=all(w.bare for w in found)), parts


def weigh(found: Situation, judge: JudgeEntry) -> tuple[Weighed, tuple[tuple[Scenario, tuple[PeriodOutcome, ...]], ...]]:
    """Return what holds whatever the unknown facts are, with the parts of each reading."""
    weighed, parts = [], []
    for scenario in found.scenarios:
        one, periods = weigh_scenario(scenario, judge, days_known=found.days_known)
        weighed.append(one)
        parts.append((scenario, periods))
    whole = weighed[0] if len(weighed) == 1 else _agreed(weighed, "what is not known decides, since not every reading of it agrees")
    if found.outside and whole.outcome is Permission.ALLOWED:
        words = f"{' and '.join(m for m in found.missing if m != 'days') or 'something'} not known, so that a text nobody named may apply"
        whole = Weighed(outcome=Permission.UNKNOWN, reasons=(*whole.reasons, words), rules=whole.rules | {"RR05"})
    return whole, tuple(parts)


def _agreed(found: list[Weighed], words: str) -> Weighed:
    """Return what all candidates agree on; where no version may have applied, nothing is allowed, but a bar that all versions share stands (RR05)."""
    rules = frozenset({"RR05"}).union(*(w.rules for w in found))
    reasons = tuple(dict.fromkeys(r for w in found for r in w.reasons))
    outcomes = {w.outcome for w in found if not w.bare}
    if len(outcomes) == 1 and (not any(w.bare for w in found) or outcomes == {Permission.PROHIBITED}):
        return Weighed(outcome=outcomes.pop(), reasons=reasons, rules=rules)
    bare = all(w.bare for w in found)
    return Weighed(outcome=Permission.UNKNOWN, reasons=(*reasons, *(() if bare else (words,))), rules=rules, bare=bare)
