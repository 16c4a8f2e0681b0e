"""The tables of scan results."""

from __future__ import annotations

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, relationship

from provenance.registry.base import COUNTED, Base, Key, Position, ScanKey


class ScanRow(Base):
    """One recording of a scan result. The highest ``number`` of an id is the one that counts."""

    __tablename__ = "scans"
    __table_args__ = (Index(None, "id", "number"), Index(None, "shard"), COUNTED)
    number: Mapped[Key]
    id: Mapped[str]
    result_digest: Mapped[str]
    evidence: Mapped[str]
    path: Mapped[str]
    shard: Mapped[str]
    scheme: Mapped[str]
    records: Mapped[int]
    documents: Mapped[int]
    words: Mapped[int]
    text_bytes: Mapped[int]
    matches: Mapped[int]
    alarms: Mapped[int]
    dropped_seeds: Mapped[int]
    finished: Mapped[str]

    indexes: Mapped[list[ScanIndexRow]] = relationship(lazy="raise", order_by="ScanIndexRow.position")
    left_out: Mapped[list[ScanLeftOutRow]] = relationship(lazy="raise", order_by="ScanLeftOutRow.position")
    suspicion: Mapped[ScanSuspicionRow | None] = relationship(lazy="raise")
    suspects: Mapped[list[ScanSuspectRow]] = relationship(lazy="raise", order_by="ScanSuspectRow.position")
    problems: Mapped[list[ScanProblemRow]] = relationship(lazy="raise", order_by="ScanProblemRow.position")
    frame: Mapped[ScanFrameRow | None] = relationship(lazy="raise")


class ScanIndexRow(Base):
    """A reference index that a scan compared with."""

    __tablename__ = "scan_indexes"
    __table_args__ = (Index(None, "digest"),)
    scan_number: Mapped[ScanKey]
    position: Mapped[Position]
    digest: Mapped[str]


class ScanLeftOutRow(Base):
    """A field of a shard with long text that a scan did not read."""

    __tablename__ = "scan_left_out"
    scan_number: Mapped[ScanKey]
    position: Mapped[Position]
    field: Mapped[str]
    records: Mapped[int]


class ScanSuspicionRow(Base):
    """What a scan found of assistants in a shard, all patterns together; no row where it found nothing."""

    __tablename__ = "scan_suspicions"
    scan_number: Mapped[ScanKey]
    records: Mapped[int]
    evidence: Mapped[str]


class ScanSuspectRow(Base):
    """A pattern of assistants that a scan found in a shard."""

    __tablename__ = "scan_suspects"
    scan_number: Mapped[ScanKey]
    position: Mapped[Position]
    pattern: Mapped[str]
    kind: Mapped[str]
    records: Mapped[int]


class ScanProblemRow(Base):
    """A part of a shard that a scan could not read."""

    __tablename__ = "scan_problems"
    scan_number: Mapped[ScanKey]
    position: Mapped[Position]
    path: Mapped[str]
    line: Mapped[int | None]
    """NULL = the format has no lines, or the problem is the whole file's."""
    record: Mapped[int | None]
    """NULL = the problem is the whole file's."""
    message: Mapped[str]


class ScanFrameRow(Base):
    """What a later scan needs to rest on this one; no row where it was not kept."""

    __tablename__ = "scan_frames"
    __table_args__ = (Index(None, "frame"),)
    scan_number: Mapped[ScanKey]
    frame: Mapped[str]
    segments: Mapped[str]
    touched: Mapped[str]
