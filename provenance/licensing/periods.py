"""Days: which versions were in force on each part of an interval (RR01, RR04, RR12, RR14, RR15)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from provenance.licensing.terms_values import TermsVersion
from provenance.model.claims import DateRange

_DAY = dt.timedelta(days=1)
Days = tuple[dt.date, dt.date]
"""First and last day, both included."""
ALWAYS: Days = (dt.date.min, dt.date.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A version with the days on which it may have been, and surely was, in force: starts included, ends excluded."""

    entry: TermsVersion
    starts_possibly: dt.date
    starts_surely: dt.date
    ends_surely: dt.date
    ends_possibly: dt.date
    why: str
    """Why it applies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days on which the same versions were in force."""

    days: Days
    sure: tuple[Dated, ...]
    maybe: tuple[Dated, ...]


def dated(entry: TermsVersion, why: str) -> Dated:
    """Return a version with the days that its text names."""
    return Dated(
        entry=entry,
        starts_possibly=entry.starts_possibly,
        starts_surely=entry.starts_surely,
        ends_surely=entry.ends_surely,
        ends_possibly=entry.ends_possibly,
        why=why,
    )


def licence_texts(texts: Sequence[TermsVersion], why: str) -> tuple[Dated, ...]:
    """Return the licence texts of a model: one text follows the model whatever the day, of several the one of the day counts (RR12).

    A printed start or end of a single text says when it was handed out, not on which days it binds whoever took it.
    """
    if len(texts) != 1:
        return tuple(dated(e, f"{why}; of several dated texts that of the day counts (RR12)") for e in texts)
    (entry,) = texts
    return (
        Dated(
            entry=entry,
            starts_possibly=dt.date.min,
            starts_surely=dt.date.min,
            ends_surely=dt.date.max,
            ends_possibly=dt.date.max,
            why=f"{why}; it follows the model id, not the calendar (RR12)",
        ),
    )


def within(one: Dated, other: Dated) -> Dated:
    """Return a version on those of its days on which another one was in force as well."""
    return Dated(
        entry=one.entry,
        starts_possibly=max(one.starts_possibly, other.starts_possibly),
        starts_surely=max(one.starts_surely, other.starts_surely),
        ends_surely=min(one.ends_surely, other.ends_surely),
        ends_possibly=min(one.ends_possibly, other.ends_possibly),
        why=one.why,
    )


def known_days(generated: DateRange) -> tuple[dt.date | None, dt.date | None]:
    """Return the first and last day of generation, ``None`` for one that is not known."""
    return _day(generated.start), _day(generated.end)


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def periods(versions: Sequence[Dated], days: Days) -> tuple[Period, ...]:
    """Return an interval in parts, on each of which the same versions surely, and the same ones possibly, were in force.

    Cost: the square of the number of versions, of which few apply to one model and channel.
    """
    first, last = days
    starts = {first, *(d for v in versions for d in (v.starts_possibly, v.starts_surely, v.ends_surely, v.ends_possibly) if first < d <= last)}
    ordered = sorted(starts)
    ends = [*(d - _DAY for d in ordered[1:]), last]
    return tuple(_period(versions, (a, b)) for a, b in zip(ordered, ends, strict=True))


def _period(versions: Iterable[Dated], days: Days) -> Period:
    day = days[0]
    possible = [v for v in versions if v.starts_possibly <= day and (day < v.ends_possibly or v.ends_possibly == dt.date.max)]
    sure = tuple(v for v in possible if v.starts_surely <= day and (day < v.ends_surely or v.ends_surely == dt.date.max))
    return Period(days=days, sure=sure, maybe=tuple(v for v in possible if v not in sure))


def undated(entry: TermsVersion, why: str) -> Dated:
    """Return a version as one that applies whatever the day: somebody named it."""
    first, last = ALWAYS
    return Dated(entry=entry, starts_possibly=first, starts_surely=first, ends_surely=last, ends_possibly=last, why=why)
