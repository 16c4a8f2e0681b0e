"""Chains of dated texts: the versions of one document, one after another, for one channel and region."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from provenance.licensing.terms import DECIDING, TermsCatalog, TermsVersion
from provenance.licensing.terms_names import glob_matches
from provenance.model.absence import is_absent
from provenance.model.dataset import DateRange

DATED_KINDS = frozenset({"service-terms", "host-terms", "site-terms", "acceptable-use"})
"""Kinds of text of which one version follows another; a model licence follows its model."""


class InForce(StrEnum):
    """Whether a text was in force on a day."""

    YES = "in force"
    PERHAPS = "perhaps"
    """Its start or its end is not known to the day, or not known at all."""
    NO = "not in force"


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """What stands before and after a version in its chains."""

    before: tuple[str, ...]
    after: tuple[str, ...]


def state_on(entry: TermsVersion, day: dt.date) -> InForce:
    """Return whether a text was in force on a day, as far as its dates tell."""
    if not entry.starts_possibly <= day < entry.ends_possibly:
        return InForce.NO
    if entry.confidence not in DECIDING:
        return InForce.PERHAPS
    return InForce.YES if entry.starts_surely <= day < entry.ends_surely else InForce.PERHAPS


def days_of(entry: TermsVersion, days: DateRange) -> str:
    """Return on how many of some days a text was in force, in words; nothing where the days are not known."""
    if is_absent(days.start) or is_absent(days.end):
        return "on days that are not known"
    first, after = dt.date.fromisoformat(days.start), dt.date.fromisoformat(days.end) + dt.timedelta(days=1)
    asked = (after - first).days
    surely = max(0, (min(after, entry.ends_surely) - max(first, entry.starts_surely)).days)
    possibly = max(0, (min(after, entry.ends_possibly) - max(first, entry.starts_possibly)).days)
    more = f", perhaps on {possibly}" if possibly > surely else ""
    return f"on {surely} of {asked} {'day' if asked == 1 else 'days'}{more}"


def governs_model(entry: TermsVersion, model: str) -> bool:
    """Tell whether a text speaks of a model; one of which nothing is known may be any."""
    return is_absent(model) or glob_matches(entry.models, entry.not_models, model)


def share_chain(one: TermsVersion, other: TermsVersion) -> bool:
    """Tell whether two texts are versions of one document: same provider, kind and service, and a channel, a region and a model in common."""
    return (
        one.kind == other.kind
        and one.kind in DATED_KINDS
        and (one.provider, one.service) == (other.provider, other.service)
        and _meet(one.channels, other.channels)
        and _meet(one.regions, other.regions)
        and _meet(one.models, other.models)
    )


def _meet(one: Sequence[str], other: Sequence[str]) -> bool:
    return not one or not other or bool(set(one) & set(other))


def neighbours(catalog: TermsCatalog, entry: TermsVersion) -> Neighbours:
    """Return the versions that stand nearest before and after one in time: several where it follows a text of several channels or regions."""
    chain = [e for e in catalog.entries if e.id != entry.id and share_chain(e, entry)]
    before = [e for e in chain if e.starts_surely < entry.starts_surely]
    after = [e for e in chain if e.starts_surely > entry.starts_surely]
    last = max((e.starts_surely for e in before), default=None)
    first = min((e.starts_surely for e in after), default=None)
    return Neighbours(before=_ids(e for e in before if e.starts_surely == last), after=_ids(e for e in after if e.starts_surely == first))


def _ids(entries: Iterable[TermsVersion]) -> tuple[str, ...]:
    return tuple(sorted(e.id for e in entries))


def overlap(one: TermsVersion, other: TermsVersion) -> tuple[dt.date, dt.date] | None:
    """Return the first day on which both were surely in force, and the first on which one no longer was; ``None`` where there is none."""
    start, end = max(one.starts_surely, other.starts_surely), min(one.ends_surely, other.ends_surely)
    return (start, end) if start < end else None
