"""The ports a use case works with, handed over together by the composition root."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.ports import Clock, Engine, Progress, ShardListing, ShardReader, SuspectFinder, UnitOfWork
from provenance.ports.evidence import EvidenceStore
from provenance.ports.journal import Journal
from provenance.ports.records import RecordReader, ReferenceSource


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingTools:
    """What reading and matching need."""

    reader: ShardReader
    """Opens shards."""
    clock: Clock
    progress: Progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools(ReadingTools):
    """What use cases over the registry need."""

    listing: ShardListing
    """Finds, hashes and counts files."""
    units: UnitOfWork
    """Opens the registry."""
    evidence: EvidenceStore
    """Keeps bulky results."""
    journal: Journal
    """Keeps what registrations that do not end have found out."""
    records: RecordReader
    """Opens shards for what their records say of themselves."""
    suspects: SuspectFinder
    """Looks for formulas of assistants."""
    references: ReferenceSource
    """The reference sets at hand."""
    engine: Engine
    """Runs what takes long."""
    actor: str
    """Who works, for the log."""
