"""Shares of the mixture that follow from the datasets themselves: by year and by model, beside the groupings that the record holds."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from provenance.model.absence import Absence, TriState, is_absent
from provenance.model.audit import DatasetSummary, MixtureShare
from provenance.model.dataset import DateRange

_YEAR = re.compile(r"(\d{4})(?:-\d{2}){0,2}")


def shares_by_year(datasets: Sequence[DatasetSummary]) -> tuple[MixtureShare, ...]:
    """Return the mixture by the years in which its text was made or collected: a dataset of several years counts whole for ``2019–2025``, since nobody says how much is of which."""
    return _shares(datasets, "year", years_of)


def shares_by_model(datasets: Sequence[DatasetSummary]) -> tuple[MixtureShare, ...]:
    """Return the mixture by the model that wrote it; several of one dataset stand together. Nothing where no dataset names one."""
    if not any(d.dataset.writers for d in datasets):
        return ()
    return _shares(datasets, "model", models_of)


def _shares(datasets: Sequence[DatasetSummary], grouping: str, label_of: Callable[[DatasetSummary], str]) -> tuple[MixtureShare, ...]:
    if not datasets or any(d.weight is None for d in datasets):
        return ()
    found: dict[tuple[str, TriState], float] = {}
    for summary in datasets:
        label = label_of(summary)
        told = f"{label}, synthetic" if summary.synthetic is TriState.YES and grouping == "year" and not is_absent(label) else label
        key = (told, summary.synthetic)
        found[key] = found.get(key, 0.0) + (summary.weight or 0.0)
    return tuple(MixtureShare(grouping=grouping, label=label, share=share, synthetic=made) for (label, made), share in sorted(found.items()))


def years_of(summary: DatasetSummary) -> str:
    """Return ``2024``, ``2019–2025``, or ``UNKNOWN`` where a date is missing: of the generation where models wrote it, else of the collection."""
    dataset = summary.dataset
    ranges = [g.generated for g in dataset.writers] or [dataset.source.collected]
    years = [year for dates in ranges for year in _years(dates)]
    if None in years:
        return Absence.UNKNOWN.value
    known = [y for y in years if y is not None]
    return min(known) if min(known) == max(known) else f"{min(known)}–{max(known)}"


def _years(dates: DateRange) -> tuple[str | None, str | None]:
    start, end = (_YEAR.match(day) for day in (dates.start, dates.end))
    return (start.group(1) if start else None, end.group(1) if end else None)


def models_of(summary: DatasetSummary) -> str:
    """Return the models that wrote a dataset, ``no model``, or ``UNKNOWN``."""
    generators = summary.dataset.writers
    if not generators:
        return "no model" if summary.synthetic is TriState.NO else Absence.UNKNOWN.value
    if any(is_absent(g.model) for g in generators):
        return Absence.UNKNOWN.value
    return "; ".join(sorted({g.model if is_absent(g.provider) else f"{g.model} of {g.provider}" for g in generators}))
