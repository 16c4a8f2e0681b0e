"""Values of the terms catalogue: dated versions with their clauses, exceptions, limits and what they ask in return."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from provenance.licensing.terms_names import fold_source, glob_matches

DECIDING = frozenset({"seen", "secondary"})
"""Confidence of entries that may decide (RR06)."""
_REMEMBERED = 10_000
"""Models of which the texts that follow them are remembered."""
CONTRACTS = frozenset({"service-terms", "host-terms", "site-terms", "dataset-licence", "model-licence", "notorious-source"})
"""Kinds of text that can cover a day; usage policies and help articles stand beside a contract (RR16)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionCase:
    """One exception to a text, or one stricter rule inside it, in a form that a program can test."""

    kind: str
    """``same-family``, ``model-kind``, ``evaluation``, ``grounded``, ``output-type`` … (docs/formats/terms.md)."""
    kinds: tuple[str, ...] = ()
    """Of ``model-kind``: the kinds of model that it frees."""
    conditions: tuple[str, ...] = ()
    """Such as ``no-distribution``: all have to be known to hold (RR07)."""
    outputs: tuple[str, ...] = ()
    """Of ``output-type``: the types that it bars."""
    effect: str = ""
    """Of a stricter rule: ``prohibited`` or ``prohibited-if-competing``."""
    models: tuple[str, ...] = ()
    """Globs of the models that it speaks of; of ``same-family`` the family's names."""
    terms: tuple[str, ...] = ()
    """Of ``inherits``: the texts that apply in its place as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitTest:
    """One limit, in a form that a program can test."""

    kind: str
    """``non-commercial``, ``research-only``, ``evaluation-only``, ``non-production``, ``threshold``, ``territory``, ``output-type``, ``conduct``."""
    metric: str = ""
    """Of a threshold: ``monthly-active-users`` or ``revenue``."""
    value: int = 0
    currency: str = "USD"
    period: str = "year"
    tested_when: str = "always"
    """A day, where the text tests once; else ``always``."""
    effect: str = "extra-licence"
    """``extra-licence``, ``no-licence`` or ``ui-badge``."""
    scope: str = ""
    """``model-as-a-service``: it binds only those who serve the model itself."""
    code: str = ""
    """Obligation code above the threshold."""
    regions: tuple[str, ...] = ()
    """Of a territory: where nothing is granted."""
    models: tuple[str, ...] = ()
    """Globs of the models that it is limited to; none = all of the text's."""
    outputs: tuple[str, ...] = ()
    """Of an output type: those that are limited to non-commercial use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What a text asks in return, as catalogued."""

    code: str
    when: str = "always"
    """``always``, ``distribute-weights``, ``derivative``, ``materials``, ``commercial``, ``exception``, ``approval``, ``distribute-data`` or ``collection``."""
    summary: str = ""
    clause: str = ""
    tested_when: str = ""
    models: tuple[str, ...] = ()
    """Globs of the models that it is limited to; none = all of the text's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One condition in a text."""

    name: str
    value: str
    quote: str = ""
    summary: str = ""
    """In our words, short."""
    object: str = "any-model"
    """What a bar reaches (RR09)."""
    covers: tuple[str, ...] = ()
    """Uses beyond training that the clause names, such as ``evaluation``."""
    permits: tuple[str, ...] = ()
    """Of a bar on extraction: channels or ways of access that it leaves open."""
    cases: tuple[ExceptionCase, ...] = ()
    tests: tuple[LimitTest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsVersion:
    """One dated text. A start or end that is known to the month or year only has two days: when it may, and when it surely has happened."""

    id: str
    provider: str
    service: str
    kind: str
    title: str
    url: str
    """Address of today, where another text may stand by now."""
    source: str
    """What was read."""
    confidence: str
    effective_from: str
    effective_to: str
    starts_possibly: dt.date
    starts_surely: dt.date
    ends_surely: dt.date
    """First day on which it may no longer be in force."""
    ends_possibly: dt.date
    """First day on which it surely is no longer in force."""
    channels: tuple[str, ...]
    regions: tuple[str, ...]
    models: tuple[str, ...]
    not_models: tuple[str, ...]
    clauses: tuple[Clause, ...]
    access: tuple[str, ...] = ()
    """Of a site: the ways of access that it governs; none = all."""
    artifacts: tuple[str, ...] = ()
    """Names under which it is also known, and sets that were made from it."""
    sites: tuple[str, ...] = ()
    """Of a site: its hosts, each with all below it, or with a part of its pages (``ncbi.nlm.nih.gov/pmc``)."""
    published: str = ""
    observed: bool = False
    """Known by observation only: no printed day (RR14)."""
    bound: str = ""
    """Who is bound by it."""
    duties: tuple[Duty, ...] = ()

    def clause(self, name: str) -> Clause | None:
        """Return a clause by name."""
        for clause in self.clauses:
            if clause.name == name:
                return clause
        return None

    @property
    def serves_others(self) -> bool:
        """Tell whether the text is for whatever model is served, not for models that it names."""
        return "*" in self.models

    @property
    def speaks_of_imitation(self) -> bool:
        """Tell whether what it says depends on whether a model imitates the one that made the text."""
        clause = self.clause("distillation")
        return (clause is not None and clause.value != "silent") or any(d.when == "derivative" for d in self.duties)


@dataclass(frozen=True, kw_only=True)  # without slots: entries are sorted by provider once
class TermsCatalog:
    """All versions at hand."""

    version: str
    digest: str
    entries: tuple[TermsVersion, ...]

    def get(self, terms_id: str) -> TermsVersion | None:
        """Return a version by id."""
        return self._by_id.get(terms_id)

    def providers(self) -> tuple[str, ...]:
        """Return all providers, sorted."""
        return tuple(sorted({e.provider for e in self.entries}))

    def of_provider(self, provider: str) -> tuple[TermsVersion, ...]:
        """Return a provider's versions that may decide (RR06)."""
        return self._by_provider.get(provider, ())

    def notorious(self, name: str) -> TermsVersion | None:
        """Return the notorious source that a name means, or that a set of this name was made from (RR18)."""
        return self._notorious.get(fold_source(name))

    def unverified(self, provider: str) -> tuple[TermsVersion, ...]:
        """Return a provider's versions that are known by hearsay only."""
        return tuple(e for e in self.entries if e.provider == provider and e.confidence not in DECIDING)

    def following(self, model: str) -> tuple[TermsVersion, ...]:
        """Return the texts that follow a model wherever it is served, by whoever: licences, usage policies, and its maker's terms."""
        found = self._followed.get(model)
        if found is None:
            if len(self._followed) >= _REMEMBERED:
                self._followed.clear()
            found = self._followed[model] = tuple(e for e in self._naming_models if glob_matches(e.models, e.not_models, model))
        return found

    @cached_property
    def _naming_models(self) -> tuple[TermsVersion, ...]:
        return tuple(e for e in self.entries if e.confidence in DECIDING and e.models and not e.serves_others)

    @cached_property
    def _followed(self) -> dict[str, tuple[TermsVersion, ...]]:
        return {}

    @cached_property
    def _notorious(self) -> Mapping[str, TermsVersion]:
        entries = [e for e in self.entries if e.kind == "notorious-source" and e.confidence in DECIDING]
        named = {fold_source(name): e for e in reversed(entries) for name in (e.provider, *e.artifacts)}
        return {name: e for name, e in named.items() if name}

    @cached_property
    def of_sites(self) -> tuple[TermsVersion, ...]:
        """Return the texts of sites, by whatever confidence: one that is known by hearsay only still tells that there are terms (RR06)."""
        return tuple(e for e in self.entries if (e.kind == "site-terms" or e.sites) and (not e.channels or "site" in e.channels))

    @cached_property
    def _by_id(self) -> Mapping[str, TermsVersion]:
        return {e.id: e for e in self.entries}

    @cached_property
    def _by_provider(self) -> Mapping[str, tuple[TermsVersion, ...]]:
        found: dict[str, list[TermsVersion]] = {}
        for entry in self.entries:
            if entry.confidence in DECIDING:
                found.setdefault(entry.provider, []).append(entry)
        return {provider: tuple(entries) for provider, entries in found.items()}
