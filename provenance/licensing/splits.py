"""The way out of an interval under several versions (RR04): its parts, with what holds on each alone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from provenance.licensing.scenarios import Scenario
from provenance.licensing.uses import Use
from provenance.licensing.weighing import PeriodOutcome
from provenance.model.absence import Permission

Parts = Sequence[tuple[Scenario, tuple[PeriodOutcome, ...]]]
_ENDS = (dt.date.min, dt.date.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Some of the days, with the outcome that text of these days alone has."""

    first: str
    last: str
    """Both included."""
    outcomes: tuple[tuple[str, Permission], ...]
    """Use → outcome."""
    terms: tuple[str, ...]


def split(parts_by_use: Mapping[Use, Parts]) -> tuple[Split, ...]:
    """Return the parts of an interval, or none where all have the same outcomes: splitting would not help then."""
    if not parts_by_use or any(len(parts) != 1 for parts in parts_by_use.values()):
        return ()
    columns = {use: parts[0][1] for use, parts in parts_by_use.items()}
    periods = next(iter(columns.values()))
    is_whole = not periods[1:]
    if is_whole or periods[0].period.days[0] == _ENDS[0] or periods[-1].period.days[1] == _ENDS[1]:
        return ()
    found: list[Split] = []
    for at, part in enumerate(periods):
        outcomes = tuple((use.value, column[at].weighed.outcome) for use, column in columns.items())
        terms = tuple(v.entry.id for v in (*part.period.sure, *part.period.maybe))
        first, last = (d.isoformat() for d in part.period.days)
        if found and found[-1].outcomes == outcomes:
            found[-1] = Split(first=found[-1].first, last=last, outcomes=outcomes, terms=tuple(dict.fromkeys((*found[-1].terms, *terms))))
        else:
            found.append(Split(first=first, last=last, outcomes=outcomes, terms=terms))
    return tuple(found) if len(found) > 1 else ()
