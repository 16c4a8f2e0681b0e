"""What a page tells beside an audit record: run records, lineage and clearances, as they are known when it is made."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.audit.impact import IssuedClearance
from provenance.model.lineage import LineageGraph
from provenance.model.training import RecordedRun

NOT_COMPARED = (
    "This report was made from a record file. Its id, verdict and counts agree with what it lists, but nobody compared the record with the workspace that made the audit: "
    "whoever handed over the file answers for what it says."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is known beside the record. The same record with the same of these gives the same bytes."""

    runs: tuple[RecordedRun, ...] = ()
    lineage: tuple[LineageGraph, ...] = ()
    """What each dataset of the run came from, where the registry was at hand; else what the record's datasets say of themselves."""
    clearances: tuple[IssuedClearance, ...] | None = None
    """Clearances of this audit, oldest first; ``None`` where nobody looked."""
    is_compared: bool = True
    """Whether the record is the one that a workspace keeps: one that was read from a file, where none keeps it, is believed as it stands, and the page says so."""

    @property
    def not_compared(self) -> str:
        """What the page says of a record that nobody compared, empty where a workspace keeps it."""
        return "" if self.is_compared else NOT_COMPARED
