"""What a page tells beside an audit record: run records, lineage and clearances, as they are known when it is made."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.model.lineage import LineageGraph
from provenance.model.training import RecordedRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A clearance that was issued for the audit."""

    issued: str
    """RFC 3339 UTC."""
    expires: str
    statement: str
    """Digest of the signed statement, empty where the log does not tell."""
    by: str = ""
    """Who issued it, as the log names them."""
    break_glass: bool = False
    """It lets pass what the audit did not clear."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is known beside the record. The same record with the same of these gives the same bytes."""

    runs: tuple[RecordedRun, ...] = ()
    lineage: tuple[LineageGraph, ...] = ()
    """What each dataset of the run came from, where the registry was at hand; else what the record's datasets say of themselves."""
    clearances: tuple[Issued, ...] | None = None
    """Clearances of this audit, oldest first; ``None`` where nobody looked."""
