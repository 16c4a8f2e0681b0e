"""What a model's data come from, as the EU summary counts it: every pre-packaged collection once, under exactly one section, whatever was made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from provenance.audit.judged_origins import judged_version
from provenance.audit.lineage import SAME_BYTES, Tracer
from provenance.model.absence import TriState
from provenance.model.audit import AuditRecord, DatasetSummary
from provenance.model.dataset import Dataset, SourceKind
from provenance.model.details import Modality
from provenance.ports import Registry
from provenance.report.disclosure.values import SECTIONS, Problem

_SECTION_OF = {
    SourceKind.PUBLIC_DATASET: "2.1",
    SourceKind.LICENSED: "2.2.1",
    SourceKind.WEB_CRAWL: "2.3",
    SourceKind.USER_DATA: "2.4",
    SourceKind.SYNTHETIC: "2.5",
    SourceKind.OWN: "2.6",
}
_UNCLEAR = {
    SourceKind.OTHER: "its source.kind is other, which may be 2.2.2 or 2.6",
    SourceKind.UNKNOWN: "its source.kind is not stated",
}
_MODALITIES = {Modality.TEXT: "Text", Modality.CODE: "Text", Modality.IMAGE: "Image", Modality.AUDIO: "Audio", Modality.VIDEO: "Video"}
UNSEEN = "whatever was made into"
"""Begins the name of what a dataset may come from whose registry is not at hand."""
_TABLE_ORDER = ("Text", "Image", "Audio", "Video", "Other")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A dataset that the run names, with what it comes from."""

    summary: DatasetSummary
    ancestors: tuple[tuple[Dataset, str, bool], ...] = ()
    """Facts, root digest, and whether it is a dataset that holds the same bytes."""
    unknown: tuple[str, ...] = ()
    """What it comes from and nobody has registered."""

    @property
    def place(self) -> str:
        """Return what names its version."""
        return f"{self.summary.dataset.name}@{self.summary.root_digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A collection that data come from."""

    name: str
    dataset: Dataset | None
    """``None`` where it is not registered."""
    place: str
    section: str
    """Of the template; empty where nobody knows."""
    because: str
    """Why nobody knows it."""
    used_in: tuple[Judged, ...]
    """Datasets of the run that hold it or were made of it."""

    @property
    def modalities(self) -> tuple[str, ...]:
        """Return the template's names of what it holds; nothing where nobody knows. Words that were counted are text."""
        stated = self.dataset.details.modalities if self.dataset is not None else ()
        stated = stated or tuple(m for j in self.used_in for m in j.summary.dataset.details.modalities)
        found = {_MODALITIES.get(m, "Other") for m in stated} | ({"Text"} if any(j.summary.words for j in self.used_in) else set())
        return tuple(m for m in _TABLE_ORDER if m in found)


def gather(record: AuditRecord, registry: Registry | None) -> tuple[Judged, ...]:
    """Return the datasets of a run with their ancestors. What no registry at hand holds may have been made of anything: its lineage is not known.

    Args:
        record: The audit.
        registry: Of an open unit of work; ``None`` where there is no workspace.
    """
    return tuple(_with_lineage(s, registry) for s in record.datasets)


def _with_lineage(summary: DatasetSummary, registry: Registry | None) -> Judged:
    name, root = summary.dataset.name, summary.root_digest
    version = None if registry is None else judged_version(registry, summary.dataset, root)
    if registry is None or version is None:
        return Judged(summary=summary, unknown=(f"{UNSEEN} {name}", *summary.dataset.derived_from))
    found = Tracer(registry).trace_whole(version)
    ancestors = tuple((a.dataset, a.root_digest, a.via == (SAME_BYTES,)) for a in found.ancestors if a.dataset.name != name)
    return Judged(summary=summary, ancestors=ancestors, unknown=found.unknown)


def list_units(judged: Sequence[Judged], categories: Mapping[str, str]) -> tuple[Unit, ...]:
    """Return what the data come from, by name, each once.

    Args:
        judged: Datasets of the run.
        categories: Section of a dataset, as a person answered it: it counts where recorded facts do not tell.
    """
    found: dict[str, tuple[Dataset | None, str, list[Judged]]] = {}
    for one in judged:
        for name, dataset, place in _origins(one):
            found.setdefault(name, (dataset, place, []))[2].append(one)
    return tuple(_unit(name, dataset, place, tuple(users), categories) for name, (dataset, place, users) in sorted(found.items()))


def _origins(one: Judged) -> Iterator[tuple[str, Dataset | None, str]]:
    """Yield a dataset itself where it was made of no other or by a model, and the first of those that it was made of."""
    dataset = one.summary.dataset
    made_of = [(d, root) for d, root, same in one.ancestors if not same]
    is_unseen = any(name.startswith(UNSEEN) for name in one.unknown)
    if is_unseen or not (made_of or one.unknown) or dataset.declares_writer:
        yield dataset.name, dataset, one.place
    for other, root, _ in one.ancestors:
        if not other.derived_from or other.source.kind is SourceKind.SYNTHETIC:
            yield other.name, other, f"{other.name}@{root}"
    for name in one.unknown:
        yield name, None, name
    if made_of and not one.unknown and all(d.derived_from for d, _ in made_of):  # a chain whose beginning nobody names
        yield dataset.name, dataset, one.place


def _unit(name: str, dataset: Dataset | None, place: str, used_in: tuple[Judged, ...], categories: Mapping[str, str]) -> Unit:
    section = recorded_section(dataset) if dataset is not None else ""
    because = "" if section else _UNCLEAR[dataset.source.kind] if dataset is not None else "it is not registered"
    answered = categories.get(name, "")
    if not section and answered in SECTIONS:
        section, because = answered, ""
    return Unit(name=name, dataset=dataset, place=place, section=section, because=because, used_in=used_in)


def recorded_section(dataset: Dataset) -> str:
    """Return the section that facts put a dataset under, empty where they do not tell. What a model wrote for the provider is synthetic data."""
    kind = dataset.source.kind
    if kind in {SourceKind.OWN, SourceKind.OTHER, SourceKind.UNKNOWN} and (dataset.writers or dataset.synthetic is TriState.YES):
        return "2.5"
    return _SECTION_OF.get(kind, "")


def category_problems(units: Sequence[Unit], categories: Mapping[str, str], audit: str) -> Iterator[Problem]:
    """Yield where a dataset would stand in two sections, or in none that there is; each in the field that asks whether there is such data."""
    by_name = {u.name: u for u in units}
    for name, section in sorted(categories.items()):
        unit, field = by_name.get(name), _asks_of(section)
        if unit is None:
            yield Problem(field=field, message=f"the answers put {name!r} under {section}, and no data of the run come from it", evidence=(audit,))
        elif unit.section != section:
            message = f"{name!r} is in two sections: {section} by the answers, {unit.section} by its recorded source"
            yield Problem(field=_asks_of(unit.section), message=message, evidence=(unit.place,))
    yield from _twins(units)


def _asks_of(section: str) -> str:
    """Return the field that asks whether there is data of a section."""
    return f"{section if section in SECTIONS else SECTIONS[0]}.a"


def _twins(units: Sequence[Unit]) -> Iterator[Problem]:
    by_name = {u.name: u for u in units}
    for unit in units:
        for one in unit.used_in:
            same = [by_name[d.name] for d, _, is_same in one.ancestors if is_same and d.name in by_name]
            for other in same if unit.name == one.summary.dataset.name else ():
                if unit.section and other.section and unit.section != other.section:
                    message = f"{unit.name!r} and {other.name!r} hold the same bytes, under {unit.section} and under {other.section}"
                    yield Problem(field=_asks_of(unit.section), message=message, evidence=(unit.place, other.place))
