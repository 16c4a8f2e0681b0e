"""What a page tells beside an audit record: run records, lineage and clearances, as they are known when it is made."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.audit.impact import IssuedClearance
from provenance.model.lineage import LineageGraph
from provenance.model.training import RecordedRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is known beside the record. The same record with the same of these gives the same bytes."""

    runs: tuple[RecordedRun, ...] = ()
    lineage: tuple[LineageGraph, ...] = ()
    """What each dataset of the run came from, where the registry was at hand; else what the record's datasets say of themselves."""
    clearances: tuple[IssuedClearance, ...] | None = None
    """Clearances of this audit, oldest first; ``None`` where nobody looked."""
