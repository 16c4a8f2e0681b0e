"""Who wrote the text of a dataset, and what a model did for it: the facts behind limits on synthetic text.

A model that only labels writes no text. Whether the text it labelled is by people must then be said of what it was labelled from: a dataset that names
models for labels alone, and comes from nothing that is known to be by people, is of unknown origin.
"""

from __future__ import annotations

from collections.abc import Iterable

from provenance.audit.judged import JudgedDataset
from provenance.audit.writers import written_by_model
from provenance.canonical import digest_of
from provenance.model.absence import Absence, TriState
from provenance.model.dataset import LABEL, Dataset
from provenance.model.finding import Subject, SubjectKind
from provenance.policy.facts import FactValue, SubjectFacts

_ROLES = (LABEL, "rewrite", "generate")
"""What a model can do for text, the least first."""


def text_origin(judged: JudgedDataset) -> TriState:
    """Tell whether a model wrote text of a dataset, by its facts and those of all that it comes from."""
    if judged.version is None:
        return TriState.UNKNOWN
    said = {written_by_model(d) for d in (judged.version.dataset, *judged.related)}
    if TriState.YES in said or judged.generated:
        return TriState.YES
    return TriState.NO if TriState.NO in said and TriState.UNKNOWN not in said and not judged.unknown_ancestors else TriState.UNKNOWN


def origin_values(members: Iterable[tuple[JudgedDataset, float]]) -> dict[str, FactValue]:
    """Return the shares of text by models and by people: what is known, and what it may be at most.

    Args:
        members: Datasets, each with its share.
    """
    parts = [(text_origin(judged), share) for judged, share in members]
    shares = {origin: sum(share for found, share in parts if found is origin) for origin in TriState}
    unknown = shares[TriState.UNKNOWN]
    return {
        "synthetic_share": float(shares[TriState.YES]),
        "synthetic_share_upper": float(min(1.0, shares[TriState.YES] + unknown)),
        "human_share": float(shares[TriState.NO]),
        "human_share_upper": float(min(1.0, shares[TriState.NO] + unknown)),
        "synthetic_known": "YES" if all(origin is not TriState.UNKNOWN for origin, _ in parts) else "UNKNOWN",
    }


def origin_shares(datasets: Iterable[JudgedDataset], parts: tuple[float, ...] | None) -> dict[str, FactValue]:
    """Return the shares of datasets; ``parts`` are theirs, ``None`` where nobody knows them."""
    items = list(datasets)
    weights = parts if parts is not None else (0.0,) * len(items)
    return {**origin_values(zip(items, weights, strict=True)), "mixture_known": TriState.of(parts is not None).value}


def domain_facts(datasets: tuple[JudgedDataset, ...], parts: tuple[float, ...] | None) -> tuple[SubjectFacts, ...]:
    """Return the facts of every domain of a run."""
    groups: dict[str, list[tuple[JudgedDataset, float]]] = {}
    for i, judged in enumerate(datasets):
        name = judged.version.dataset.domain if judged.version is not None else Absence.UNKNOWN.value
        groups.setdefault(name, []).append((judged, 0.0 if parts is None else parts[i]))
    facts = []
    for name, members in sorted(groups.items()):
        share = sum(w for _, w in members)
        inner = tuple(w / share for _, w in members) if share > 0 else None
        values: dict[str, FactValue] = {"name": name, "share": float(share), **origin_shares([d for d, _ in members], inner)}
        held = [[d.name, "" if d.version is None else d.version.root_digest, "" if parts is None else repr(part)] for d, part in members]
        subject = Subject(kind=SubjectKind.DOMAIN, id=name, digest=digest_of({"domain": name, "datasets": held}))
        facts.append(SubjectFacts(subject=subject, values=tuple(values.items())))
    return tuple(facts)


def teacher_values(judged: JudgedDataset) -> dict[str, FactValue]:
    """Return the facts of what models did for a dataset."""
    return {
        "teacher_role": _teacher_role(judged),
        "outputs": holds_outputs(judged).value,
        "human_source": _human_source(judged).value,
        "generations": judged.generations.at_least,
        "generations_known": TriState.of(True if judged.generations.known else None).value,
    }


def holds_outputs(judged: JudgedDataset) -> TriState:
    """Tell whether a model wrote, changed or labelled any of it: whoever wrote the text, labels are outputs under the terms of their provider."""
    facts = () if judged.version is None else (judged.version.dataset, *judged.related)
    return TriState.YES if any(d.generators for d in facts) else judged.synthetic


def _teacher_role(judged: JudgedDataset) -> str:
    if judged.version is None:
        return TriState.UNKNOWN.value
    everything = (judged.version.dataset, *judged.related)
    roles = {g.role if g.role in _ROLES else _ROLES[-1] for d in everything for g in d.generators}
    if judged.generated or any(written_by_model(d) is TriState.YES and not d.writers for d in everything):
        roles.add(_ROLES[-1])
    if _ROLES[-1] not in roles and text_origin(judged) is TriState.UNKNOWN and not _only_labels(everything, judged):
        return TriState.UNKNOWN.value
    return next((role for role in reversed(_ROLES) if role in roles), "none")


def _only_labels(everything: Iterable[Dataset], judged: JudgedDataset) -> bool:
    """Tell whether all that is open is who wrote the text that models labelled."""
    return not judged.unknown_ancestors and all(written_by_model(d) is not TriState.UNKNOWN for d in everything)


def _human_source(judged: JudgedDataset) -> TriState:
    """Tell whether text by people went in; a dataset of which nobody says what it was made from is of unknown source."""
    if judged.version is None:
        return TriState.UNKNOWN
    if TriState.NO in {written_by_model(d) for d in (judged.version.dataset, *judged.related)}:
        return TriState.YES
    open_ends = not judged.related or judged.unknown_ancestors or any(written_by_model(d) is not TriState.YES for d in judged.related)
    return TriState.UNKNOWN if open_ends else TriState.NO
