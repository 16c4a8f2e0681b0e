"""What a judged dataset comes from, and which of it is of unknown makers or days: a change of terms may bear on that, and nobody can say that it does not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

from provenance.audit.lineage import Inheritance, Tracer
from provenance.licensing.terms_names import normalize_provider
from provenance.model.absence import Absence, TriState, is_absent
from provenance.model.dataset import Dataset, DatasetVersion, Generator
from provenance.ports import Registry

NO_DAYS = "the days on which it was made are not known"
NO_PROVIDER = "its provider is not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownOrigin:
    """Text of which nobody can say which terms apply."""

    dataset: str
    words: int | None
    """Of the whole dataset; ``None`` where they were not asked for."""
    through: str
    """The ancestor that brings it along, empty where it is the dataset's own."""
    origin: str
    """What made it, as far as it is known, for people."""
    provider: str
    """As the terms catalogue spells it; empty where nobody names it, so that the terms of any may apply."""
    after: str
    """The first day on which it may have been made, empty where that is not known."""
    why: str
    channel: str = Absence.UNKNOWN.value
    """Through which it was had."""


def judged_version(registry: Registry, dataset: Dataset, root_digest: str) -> DatasetVersion | None:
    """Return the recording whose facts an audit judged; where facts were told anew since, the newest of the same bytes; ``None`` where there is none."""
    same = [v for v in registry.versions(dataset.name) if v.root_digest == root_digest]
    return next((v for v in reversed(same) if v.dataset == dataset), same[-1] if same else None)


class JudgedOrigins:
    """Tells whose facts count for a dataset version; audits of one version are many, and its lineage is followed once."""

    def __init__(self, registry: Registry) -> None:
        """Take a reading unit's registry."""
        self._registry, self._tracer = registry, Tracer(registry)
        self._known: dict[tuple[str, str], Inheritance] = {}

    def of(self, dataset: Dataset, root_digest: str) -> tuple[tuple[Dataset, str], ...]:
        """Return the dataset itself, and what it comes from with the way there."""
        return ((dataset, ""), *((a.dataset, a.summary) for a in self._inherited(dataset, root_digest).ancestors))

    def unknown(self, dataset: Dataset, root_digest: str, *, words: int | None = None) -> Iterator[UnknownOrigin]:
        """Yield what of it is of unknown makers, providers or days."""
        for facts, through in self.of(dataset, root_digest):
            yield from (replace(u, dataset=dataset.name, words=words, through=through) for u in _open(facts))
        inherited = self._inherited(dataset, root_digest)
        reasons = [
            *((n, "it is not registered") for n in inherited.unknown),
            *((n, "a model wrote it, and nobody says which") for n in inherited.generated),
        ]
        for name, why in reasons:
            yield replace(_unknown(why), dataset=dataset.name, words=words, through=name)

    def _inherited(self, dataset: Dataset, root_digest: str) -> Inheritance:
        key = (dataset.name, root_digest)
        if key not in self._known:
            version = judged_version(self._registry, dataset, root_digest)
            self._known[key] = Inheritance() if version is None else self._tracer.trace_whole(version)
        return self._known[key]


def _open(facts: Dataset) -> Iterator[UnknownOrigin]:
    if not facts.writers and facts.synthetic is not TriState.NO:
        yield _unknown("a model made it, and nobody says which" if facts.synthetic is TriState.YES else "nobody says whether a model made it")
    for generator in facts.generators:
        if is_absent(generator.provider):
            yield replace(_unknown(NO_PROVIDER), origin=about(generator))
        elif has_unknown_days(generator):
            first = generator.generated.start if day_of(generator.generated.start) is not None else ""
            provider = normalize_provider(generator.provider)
            yield replace(_unknown(NO_DAYS), origin=about(generator), provider=provider, after=first, channel=generator.channel)


def _unknown(why: str) -> UnknownOrigin:
    return UnknownOrigin(dataset="", words=None, through="", origin="", provider="", after="", why=why)


def has_unknown_days(generator: Generator) -> bool:
    """Tell whether the first or the last day of what it made is not known to the day."""
    return day_of(generator.generated.start) is None or day_of(generator.generated.end) is None


def day_of(text: str) -> dt.date | None:
    """Return a day, ``None`` where the text names none."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


def about(generator: Generator) -> str:
    """Return a generator in words."""
    days = generator.generated
    made = days.start if days.start == days.end else f"{days.start}..{days.end}"
    parts = (generator.provider, generator.model, generator.channel, generator.region, made)
    return " ".join(p for p in parts if p != Absence.UNKNOWN.value) or "a generator nobody names"
