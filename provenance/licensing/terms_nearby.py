"""Where to look for a text that is missing: the catalogued ones nearest before and after the days that none covers, and those known by hearsay only.

Nothing here decides anything (RR06): these are pointers for whoever looks for the missing text.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from provenance.licensing.periods import Days
from provenance.licensing.scenarios import Scenario, Situation, is_covered
from provenance.licensing.terms_names import channel_matches, glob_matches, region_matches
from provenance.licensing.terms_values import CONTRACTS, TermsCatalog, TermsVersion
from provenance.model.absence import is_absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Nearby:
    """One text that stands beside days which no usable text covers."""

    terms: str
    place: str
    """``before``, ``after`` or ``unverified``."""
    effective_from: str
    effective_to: str
    confidence: str

    @property
    def summary(self) -> str:
        """Return the pointer for people."""
        since = "from a day that is not known" if is_absent(self.effective_from) else f"from {self.effective_from}"
        until = "" if is_absent(self.effective_to) else f" until {self.effective_to}"
        if self.place == "unverified":
            return f"{self.terms}, {since}{until}: unverified, perhaps in force, never decides (RR06)"
        return f"{self.terms}, {since}{until}: the nearest catalogued text {self.place} these days"


def nearby_texts(found: Situation, catalog: TermsCatalog) -> tuple[Nearby, ...]:
    """Return the pointers for all days of a situation that no usable contract surely covers, each once, in the order of time."""
    pointers: dict[Nearby, dt.date] = {}
    for scenario in found.scenarios:
        bare = [p.days for p in scenario.periods if not is_covered(p, scenario)]
        pointers |= {_nearby(e, place): e.starts_possibly for days in bare for e, place in _around(found.provider, scenario, days, catalog)}
    return tuple(sorted(pointers, key=lambda n: (pointers[n], n.terms, n.place)))


def _around(provider: str, scenario: Scenario, days: Days, catalog: TermsCatalog) -> Iterator[tuple[TermsVersion, str]]:
    first, last = days
    own = [e for e in catalog.of_provider(provider) if e.kind in CONTRACTS and e.kind != "model-licence" and _speaks_of(e, scenario)]
    before, after = [e for e in own if e.ends_surely <= first], [e for e in own if e.starts_surely > last]
    ended = max((e.ends_surely for e in before), default=None)
    begun = min((e.starts_surely for e in after if e.starts_surely != dt.date.max), default=None)
    yield from ((e, "before") for e in before if e.ends_surely == ended)
    yield from ((e, "after") for e in after if e.starts_surely == begun)
    hearsay: Sequence[TermsVersion] = catalog.unverified(provider)
    for entry in hearsay:
        begins = dt.date.min if is_absent(entry.effective_from) else entry.starts_possibly
        if _speaks_of(entry, scenario) and begins <= last and first < entry.ends_possibly:
            yield entry, "unverified"


def _speaks_of(entry: TermsVersion, scenario: Scenario) -> bool:
    made = scenario.made
    fits = is_absent(made.model) or not entry.models or glob_matches(entry.models, entry.not_models, made.model)
    return fits and channel_matches(entry.channels, made.channel) and region_matches(entry.regions, made.region)


def _nearby(entry: TermsVersion, place: str) -> Nearby:
    return Nearby(terms=entry.id, place=place, effective_from=entry.effective_from, effective_to=entry.effective_to, confidence=entry.confidence)
