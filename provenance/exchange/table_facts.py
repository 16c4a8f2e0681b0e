"""What the rows of a manifest say of their datasets: each column's different values, few of them, whatever the number of rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from provenance.exchange.claims import claim_of, facts_of
from provenance.exchange.sources import Reading
from provenance.model.absence import Absence, TriState
from provenance.model.claims import DateRange, Evidence
from provenance.model.dataset import Dataset, Generator, Source, SourceKind
from provenance.model.details import Details

_LISTS = ("license", "language", "creator", "derived_from", "tag")
"""Columns of which the rows of one dataset may hold different values."""
_GENERATOR = ("provider", "model", "channel", "region", "generated_from", "generated_to", "role")
_SINGLE = (
    "title",
    "source_url",
    "source_kind",
    "license_url",
    "synthetic",
    "domain",
    "owner",
    "description",
    "version",
    "collected_from",
    "collected_to",
)
FACT_COLUMNS = (*_LISTS, *_GENERATOR, *_SINGLE)
MAX_VALUES = 1000
"""Different values of one column that are kept for one dataset."""
MAX_KEPT = 20_000
"""Characters of a cell that are kept: beyond what any fact takes, so that what is too long is known to be."""
_ROLES = frozenset({"generate", "rewrite", "label"})


@dataclass(slots=True)
class _Facts:
    values: dict[str, dict[str, int]] = field(default_factory=dict)
    """Column → its different values, each with its number."""
    generators: dict[tuple[str, ...], None] = field(default_factory=dict)
    seen: dict[tuple[Any, ...], int | None] = field(default_factory=dict)
    """Rows of facts that were taken already → the number of their licence; rows of one dataset mostly say the same."""


class TableFacts:
    """Collects the facts of all datasets of a table."""

    def __init__(self, reading: Reading, file: str, sha256: str) -> None:
        """Begin with none."""
        self._reading, self._file, self._sha256 = reading, file, sha256
        self._found: dict[str, _Facts] = {}

    def add(self, name: str, row: Mapping[str, Any]) -> int | None:
        """Take a row's facts, and return the number of its licence among those of its dataset."""
        facts = self._found.setdefault(name, _Facts())
        key = tuple(map(row.get, FACT_COLUMNS))
        if key in facts.seen:
            return facts.seen[key]
        number = self._take(facts, row)
        if len(facts.seen) < MAX_VALUES:
            facts.seen[key] = number
        return number

    def _take(self, facts: _Facts, row: Mapping[str, Any]) -> int | None:
        for column in (*_LISTS, *_SINGLE):
            if column in row:
                values = facts.values.setdefault(column, {})
                text = str(row[column])[:MAX_KEPT].strip()
                if text and (text in values or len(values) < MAX_VALUES):
                    values.setdefault(text, len(values))
        if any(c in row for c in _GENERATOR) and len(facts.generators) < MAX_VALUES:
            facts.generators.setdefault(tuple(str(row.get(c, ""))[:200].strip() for c in _GENERATOR))
        given = row.get("license")
        return None if given is None else facts.values["license"].get(str(given)[:MAX_KEPT].strip())

    def dataset(self, name: str) -> tuple[Dataset, tuple[tuple[str, str], ...]]:
        """Return a dataset's facts, and its licences (expression, wording) by number."""
        facts = self._found[name]
        reading = Reading(self._file, entry=name, problems=self._reading.problems, notes=self._reading.notes)
        url = reading.url(self._single(facts, "license_url", reading), "license_url")
        evidence = Evidence(url=url or Absence.NOT_STATED.value, sha256=self._sha256, snapshot=self._file)
        wordings = [reading.text(t, "license") for t in facts.values.get("license", ())]
        if len(wordings) == MAX_VALUES:
            reading.problem(
                f"license: the rows name {MAX_VALUES} different licences or more; the others are not kept, so the licence counts as UNKNOWN"
            )
            wordings.append(Absence.UNKNOWN.value)
        claims = [claim_of(t, by="manifest", evidence=evidence) for t in wordings]
        kind = SourceKind(found) if (found := self._single(facts, "source_kind", reading)) in set(SourceKind) else SourceKind.UNKNOWN
        if found and found not in set(SourceKind):
            reading.problem(f"source_kind: {found[:40]!r} is not one of {', '.join(SourceKind)}")
        generators = tuple(_generator(values, reading) for values in facts.generators)
        dataset = Dataset(
            name=name,
            title=self._single(facts, "title", reading),
            source=Source(
                kind=kind,
                url=reading.url(self._single(facts, "source_url", reading), "source_url") or Absence.UNKNOWN.value,
                collected=self._days(facts, reading),
            ),
            license=facts_of(claims, by="manifest", evidence=evidence),
            generators=generators,
            synthetic=self._synthetic(facts, reading, made=any(not g.is_labeller for g in generators) or kind is SourceKind.SYNTHETIC),
            domain=self._single(facts, "domain", reading) or Absence.UNKNOWN.value,
            languages=self._split(facts, "language", reading),
            derived_from=self._split(facts, "derived_from", reading),
            owner=self._single(facts, "owner", reading) or Absence.UNKNOWN.value,
            tags=self._split(facts, "tag", reading),
            details=Details(
                description=self._single(facts, "description", reading, cut=True) or Absence.NOT_STATED.value,
                version=self._single(facts, "version", reading) or Absence.NOT_STATED.value,
                creators=tuple(dict.fromkeys(reading.text(t, "creator") for t in facts.values.get("creator", ()))),
            ),
        )
        return dataset, tuple((c.value, c.original) for c in claims)

    def _single(self, facts: _Facts, column: str, reading: Reading, *, cut: bool = False) -> str:
        values = list(facts.values.get(column, ()))
        if len(values) > 1:
            reading.problem(f"{column}: the rows say {len(values)} different things; the first is taken: {values[0][:60]!r}")
        return reading.text(values[0], column, cut=cut) if values else ""

    def _split(self, facts: _Facts, column: str, reading: Reading) -> tuple[str, ...]:
        parts = [p.strip() for t in facts.values.get(column, ()) for p in re.split(r"[;,|]", reading.text(t, column))]
        return tuple(dict.fromkeys(p for p in parts if p))

    def _days(self, facts: _Facts, reading: Reading) -> DateRange:
        start, end = (reading.day(self._single(facts, c, reading), c) for c in ("collected_from", "collected_to"))
        return DateRange(start=start or Absence.UNKNOWN.value, end=end or Absence.UNKNOWN.value)

    def _synthetic(self, facts: _Facts, reading: Reading, *, made: bool) -> TriState:
        words = {"yes": TriState.YES, "true": TriState.YES, "1": TriState.YES, "no": TriState.NO, "false": TriState.NO, "0": TriState.NO}
        given = {v.lower() for v in facts.values.get("synthetic", ())}
        unknown = sorted(given - set(words) - {"unknown"})
        if unknown:
            reading.problem(f"synthetic: {unknown[0][:40]!r} is not yes, no or unknown")
        said = {words.get(v, TriState.UNKNOWN) for v in given}
        # Rows of one dataset that differ: some of it is synthetic, or some of it is not known.
        return TriState.YES if made or TriState.YES in said else TriState.NO if said == {TriState.NO} else TriState.UNKNOWN


def _generator(values: tuple[str, ...], reading: Reading) -> Generator:
    provider, model, channel, region, start, end, role = (reading.text(v, c) for v, c in zip(values, _GENERATOR, strict=True))
    if role and role not in _ROLES:
        reading.problem(f"role: {role[:40]!r} is not one of {', '.join(sorted(_ROLES))}")
    unknown = Absence.UNKNOWN.value
    return Generator(
        provider=provider or unknown,
        model=model or unknown,
        channel=channel or unknown,
        region=region or unknown,
        generated=DateRange(start=reading.day(start, "generated_from") or unknown, end=reading.day(end, "generated_to") or unknown),
        role=role if role in _ROLES else "generate",
    )
