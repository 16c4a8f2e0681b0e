"""What is claimed of a dataset with something behind it: who says it, and the evidence."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from provenance.model.claims import Evidence, LicenseClaim
from provenance.model.dataset import Dataset

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackedClaim:
    """One claim and what backs it."""

    fact: str
    """What it is about, such as ``licence declared`` or ``opt-out robots.txt``."""
    value: str
    original: str
    """The source's own words; empty where they are not known."""
    by: str
    """Who says so."""
    evidence: Evidence


def iter_claims(dataset: Dataset) -> Iterator[BackedClaim]:
    """Yield every claim of a dataset that can have evidence; those that nobody made are left out."""
    facts, details = dataset.license, dataset.details
    named = [("declared", facts.declared), ("detected", facts.detected), ("concluded", facts.concluded), *(("stated", c) for c in facts.stated)]
    named += [("of the compilation", details.container_license), ("of the metadata", details.metadata_license)]
    for name, claim in named:
        if claim != LicenseClaim():
            yield BackedClaim(fact=f"licence {name}", value=claim.value, original=claim.original, by=claim.by, evidence=claim.evidence)
    for check in details.collection.opt_outs:
        says = f"honoured {check.honoured.value}"
        by = dataset.source.collector
        yield BackedClaim(fact=f"opt-out {check.signal.value}", value=says, original="", by=by, evidence=check.evidence)
    for accepted in details.accepted:
        says = f"accepted {accepted.accepted_at}"
        yield BackedClaim(fact=f"terms {accepted.terms}", value=says, original="", by=accepted.by, evidence=accepted.evidence)


def with_evidence(value: T, change: Callable[[Evidence], Evidence]) -> T:
    """Return a value in which every piece of evidence, however deep, is what ``change`` makes of it."""
    return cast("T", _changed(value, change))


def _changed(value: Any, change: Callable[[Evidence], Evidence]) -> Any:
    if isinstance(value, Evidence):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_changed(v, change) for v in value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{f.name: _changed(getattr(value, f.name), change) for f in dataclasses.fields(value)})
    return value
