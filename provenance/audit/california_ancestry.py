"""What California's items say of a dataset together with what it was made from: rights, owners and people do not end where a dataset is filtered or renamed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.audit.california import INHERITED, ITEMS, NO_RUN_RECORD, RIGHTS, FirstRead, Known, Statement, dataset_statements, inherited_statement
from provenance.audit.naming import FROM_NOTHING
from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AuditRecord, DatasetSummary
from provenance.model.dataset import Dataset

_SHOWN: Final = 6
"""Ancestors that a statement names."""
_NOT_KNOWN: Final = "not known – "


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestry:
    """What a dataset was made from, and what was made into that."""

    datasets: tuple[Dataset, ...] = ()
    unknown: tuple[str, ...] = ()
    """Names of what is not registered, or in words what no registry at hand tells."""


Ancestries = Mapping[str, Ancestry]
"""By the name of the dataset."""


def ancestry_of(summary: DatasetSummary, ancestries: Ancestries) -> Ancestry:
    """Return what is known of a dataset's ancestors; where nobody has traced them, those that it names are not known."""
    return ancestries.get(summary.dataset.name, Ancestry(unknown=summary.dataset.derived_from))


def statements_with_ancestors(
    record: AuditRecord, summary: DatasetSummary, ancestry: Ancestry, first: FirstRead = NO_RUN_RECORD
) -> tuple[Statement, ...]:
    """Return the twelve items for one dataset, with what those that it was made from add.

    Args:
        record: The audit.
        summary: One of its datasets.
        ancestry: What it was made from.
        first: When it was first used.
    """
    own = dataset_statements(record, summary, first)
    return tuple(_joined(record, own[item - 1], ancestry) if item in INHERITED else own[item - 1] for item in ITEMS)


def _joined(record: AuditRecord, own: Statement, ancestry: Ancestry) -> Statement:
    if not ancestry.datasets and not ancestry.unknown:
        return own
    parts = [(d.name, inherited_statement(own.item, d, record)) for d in ancestry.datasets]
    told = [(name, s) for name, s in parts if s.known is not Known.NOT_KNOWN]
    untold = (*(name for name, s in parts if s.known is Known.NOT_KNOWN), *ancestry.unknown)
    if own.known is Known.NOT_KNOWN and not told:
        return own
    text = own.text if own.known is not Known.NOT_KNOWN else f"Not known of it itself: {own.text.removeprefix(_NOT_KNOWN)}."
    text += "".join(f" It was made from {name}: {s.text}" for name, s in told[:_SHOWN])
    text += f" {len(told) - _SHOWN:,} more that it was made from stand in the registry." if len(told) > _SHOWN else ""
    text += f" Not known of {', '.join(untold[:_SHOWN])}." if untold else ""
    is_whole = own.known is Known.COMPUTED and not untold and all(s.known is Known.COMPUTED for _, s in told)
    facts = tuple(dict.fromkeys((*own.facts, *(f for _, s in told for f in s.facts))))
    return Statement(item=own.item, known=Known.COMPUTED if is_whole else Known.DRAFTED, text=text, facts=facts)


def family_of(summary: DatasetSummary, ancestries: Ancestries) -> tuple[Dataset, ...]:
    """Return a dataset with its known ancestors."""
    return (summary.dataset, *ancestry_of(summary, ancestries).datasets)


def is_protected(summary: DatasetSummary, ancestries: Ancestries) -> bool:
    """Tell whether a right is recorded in a dataset or in what it was made from."""
    return any(getattr(d.details.rights, n) is TriState.YES for d in family_of(summary, ancestries) for n in RIGHTS)


def has_personal(summary: DatasetSummary, ancestries: Ancestries) -> TriState:
    """Tell whether a dataset holds personal data: what is said of it itself counts, else what it was made from, where that is known whole."""
    own, ancestry = summary.dataset.details.personal_data.present, ancestry_of(summary, ancestries)
    said = {d.details.personal_data.present for d in ancestry.datasets}
    if own is not TriState.UNKNOWN or not said:
        return own
    if TriState.YES in said:
        return TriState.YES
    return TriState.NO if said == {TriState.NO} and not ancestry.unknown else TriState.UNKNOWN


def has_synthetic(summary: DatasetSummary, ancestries: Ancestries) -> TriState:
    """Tell whether a model wrote text of a dataset or of what it was made from; a model that only labels writes none."""
    ancestry = ancestry_of(summary, ancestries)
    if TriState.YES in {summary.synthetic, summary.dataset.synthetic} or any(map(is_model_written, ancestry.datasets)):
        return TriState.YES
    said = {summary.synthetic, *(d.synthetic for d in ancestry.datasets)}
    return TriState.NO if said == {TriState.NO} and not ancestry.unknown else TriState.UNKNOWN


def is_model_written(dataset: Dataset) -> bool:
    """Tell whether facts say that a model wrote text of a dataset."""
    return dataset.synthetic is TriState.YES or dataset.declares_writer


def base_note(record: AuditRecord) -> str:
    """Return a sentence on the model that training starts from, whose data are not among the audit's; empty where it starts from nothing."""
    base = record.run.model.base
    if base == FROM_NOTHING:
        return ""
    if base is None or is_absent(base):
        return "Whether training starts from another model is not recorded."
    return f"Training starts from {base}. The data of that model are not among these: see the summary of its own developer, where there is one."


def joined_states(states: Sequence[TriState]) -> TriState:
    """Return YES where one is, NO where all are, UNKNOWN where there is none."""
    found = set(states)
    return TriState.YES if TriState.YES in found else TriState.NO if found == {TriState.NO} else TriState.UNKNOWN
