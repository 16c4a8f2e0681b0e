"""Claims of California's summary held against the evidence: what is recorded of a dataset, of what it was made from, and the passages that were found in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from provenance.audit.california import RIGHTS, listed, output_alarms, period_of, processing_of, work_alarms
from provenance.audit.california_ancestry import Ancestries, Ancestry, ancestry_of, is_model_written
from provenance.licensing.public_domain import is_dedication
from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AuditRecord, DatasetSummary
from provenance.model.dataset import Dataset

_COPYRIGHT: Final = "copyright"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a document claims of one dataset, by recorded facts or by a person's answer."""

    public_domain: TriState = TriState.UNKNOWN
    """All of it is in the public domain."""
    denied: frozenset[str] = frozenset()
    """Rights that it is said not to be protected by: ``copyright``, ``trademark``, ``patent``."""
    personal: TriState = TriState.UNKNOWN
    is_reasoned: bool = False
    """Whether a person who says that it holds no personal information names where the reasons can be read: California's definition is its own."""
    processed: TriState = TriState.UNKNOWN
    synthetic: TriState = TriState.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """A claim that the evidence speaks against."""

    item: int
    dataset: str
    text: str
    is_of_rights: bool = False
    """Of item 5: whether it is the claim that no right protects it, and not the one that it is in the public domain."""


def recorded_claims(summary: DatasetSummary) -> Claims:
    """Return what the registry's own facts claim of a dataset."""
    details = summary.dataset.details
    return Claims(
        public_domain=details.rights.public_domain,
        denied=frozenset(n for n in RIGHTS if getattr(details.rights, n) is TriState.NO),
        personal=details.personal_data.present,
        processed=TriState.YES if processing_of(summary.dataset) else TriState.UNKNOWN,
        synthetic=summary.dataset.synthetic,
    )


def contradictions(record: AuditRecord, claims: Mapping[str, Claims], ancestries: Ancestries) -> tuple[Contradiction, ...]:
    """Return every claim that the evidence speaks against, by item.

    Args:
        record: The audit.
        claims: By dataset; of a dataset that is not among them the recorded ones count.
        ancestries: What datasets were made from, by name.
    """
    found = [c for s in record.datasets for c in _against(record, s, claims.get(s.dataset.name, recorded_claims(s)), ancestry_of(s, ancestries))]
    return tuple(sorted(found, key=lambda c: (c.item, c.dataset, c.text)))


def _against(record: AuditRecord, summary: DatasetSummary, claims: Claims, ancestry: Ancestry) -> Iterator[Contradiction]:
    yield from _rights_against(record, summary, claims, ancestry)
    dataset, name = summary.dataset, summary.dataset.name
    if claims.personal is TriState.NO:
        for reason in _of_people(dataset, ancestry, is_reasoned=claims.is_reasoned):
            yield Contradiction(item=7, dataset=name, text=f"said to hold no personal information, but {reason}")
    if claims.processed is TriState.NO and (steps := processing_of(dataset)):
        yield Contradiction(item=9, dataset=name, text=f"said to be unchanged, but these steps are recorded: {'; '.join(steps)}")
    first, last = period_of(dataset)
    if first and last and first > last:
        yield Contradiction(item=10, dataset=name, text=f"said to be collected from {first} to {last}, which runs backwards")
    if claims.synthetic is TriState.NO:
        for reason in _not_human(record, summary, ancestry):
            yield Contradiction(item=12, dataset=name, text=f"said to hold no synthetic data, but {reason}")


def _rights_against(record: AuditRecord, summary: DatasetSummary, claims: Claims, ancestry: Ancestry) -> Iterator[Contradiction]:
    name = summary.dataset.name
    if claims.public_domain is TriState.YES:
        for reason in _protected(record, summary, ancestry, frozenset(RIGHTS)):
            yield Contradiction(item=5, dataset=name, text=f"said to be entirely in the public domain, but {reason}")
    if claims.denied:
        said = f"said not to be protected by {listed([n for n in RIGHTS if n in claims.denied])}"
        for reason in _protected(record, summary, ancestry, claims.denied):
            yield Contradiction(item=5, dataset=name, text=f"{said}, but {reason}", is_of_rights=True)


def _protected(record: AuditRecord, summary: DatasetSummary, ancestry: Ancestry, denied: frozenset[str]) -> Iterator[str]:
    dataset = summary.dataset
    if own := _recorded_rights(dataset, denied):
        yield f"{listed(own)} in it {'is' if len(own) == 1 else 'are'} recorded"
    held = dataset.license.effective
    if _COPYRIGHT in denied and not is_absent(held) and not is_dedication(held):
        yield f"its licence on record, {held}, rests on a copyright"
    if _COPYRIGHT in denied and (alarms := work_alarms(record, dataset.name)):
        longest = max(alarms, key=lambda m: m.aligned_words)
        yield f"{_passages(len(alarms))} of works that are not known to be free, the longest sharing {longest.aligned_words:,} words with {longest.reference}"
    if not dataset.details.processing:  # a step may have kept what is free of a protected whole
        for other in ancestry.datasets:
            if rights := _recorded_rights(other, denied):
                yield f"{other.name}, which it was made from, is recorded as protected by {listed(rights)}"


def _recorded_rights(dataset: Dataset, names: frozenset[str]) -> list[str]:
    return [n for n in RIGHTS if n in names and getattr(dataset.details.rights, n) is TriState.YES]


def _of_people(dataset: Dataset, ancestry: Ancestry, *, is_reasoned: bool) -> Iterator[str]:
    people = dataset.details.personal_data
    if people.categories:
        yield f"categories of it are recorded: {', '.join(people.categories)}"
    if is_reasoned:
        return
    if people.present is TriState.YES:
        yield "it is recorded to hold personal data"
    elif people.sensitive is TriState.YES:
        yield "it is recorded to hold sensitive personal data"
    if not (people.measures or dataset.details.processing):
        for other in ancestry.datasets:
            if other.details.personal_data.present is TriState.YES:
                yield f"{other.name}, which it was made from, is recorded to hold personal data, and no step that took them out is recorded"


def _not_human(record: AuditRecord, summary: DatasetSummary, ancestry: Ancestry) -> Iterator[str]:
    makers = summary.dataset.writers
    if makers:
        yield f"{len(makers):,} models are recorded that made or rewrote it" if len(makers) > 1 else "a model is recorded that made or rewrote it"
    if alarms := output_alarms(record, summary.dataset.name):
        longest = max(alarms, key=lambda m: m.aligned_words)
        yield f"{_passages(len(alarms))} of recorded outputs of models, the longest sharing {longest.aligned_words:,} words with {longest.reference}"
    if not summary.dataset.details.processing:
        yield from (f"a model wrote text of {d.name}, which it was made from" for d in ancestry.datasets if is_model_written(d))


def _passages(count: int) -> str:
    return "it holds a passage" if count == 1 else f"it holds {count:,} passages"
