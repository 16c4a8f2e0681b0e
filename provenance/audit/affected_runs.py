"""Which runs a change of what is known reaches: those that really read a dataset, and those of which nobody knows."""

from __future__ import annotations

from collections.abc import Iterable

from provenance.model.absence import TriState
from provenance.model.training import RecordedRun
from provenance.ports import Registry


def affected_runs(registry: Registry, datasets: Iterable[str], *, audits: Iterable[str] = ()) -> tuple[RecordedRun, ...]:
    """Return the runs that read, or may have read, one of some datasets, or went by one of some audits.

    Args:
        registry: Where runs are known.
        datasets: Their names.
        audits: Ids of audits.

    Returns:
        A run of which no read of a dataset was seen is among them unless its hooks vouch for having seen all: what was not seen is not nothing.
    """
    names, ids = set(datasets), set(audits)
    return tuple(
        run
        for run in registry.training_runs()
        if run.audit_id in ids or any(r.dataset in names and (r.first_read or run.unseen is not TriState.NO) for r in run.reads)
    )
