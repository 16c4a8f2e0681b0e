"""The tables of runs that were made: what their records say, and what each read of which dataset version."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column, relationship

from provenance.registry.base import COUNTED, Base, Key, Position

_BIG = BigInteger().with_variant(Integer(), "sqlite")


class TrainingRunRow(Base):
    """One run record as it was taken over. One that was signed only later has a second row, which counts."""

    __tablename__ = "training_runs"
    __table_args__ = (
        CheckConstraint("id <> ''", name="named"),
        CheckConstraint("ended_as IN ('completed', 'stopped', 'failed', 'denied', 'UNKNOWN')", name="ended_as"),
        CheckConstraint("unseen IN ('YES', 'NO', 'UNKNOWN')", name="unseen"),
        CheckConstraint("(signed_by = '') = (keyid = '')", name="signed"),
        CheckConstraint("steps >= 0 AND size_bytes >= 0 AND covered_bytes >= 0", name="counts"),
        Index(None, "id"),
        Index(None, "audit"),
        COUNTED,
    )
    number: Mapped[Key]
    id: Mapped[str]
    model: Mapped[str]
    clearance: Mapped[str]
    audit: Mapped[str]
    audit_id: Mapped[str]
    verdict: Mapped[str]
    run_digest: Mapped[str]
    manifest_root: Mapped[str]
    framework: Mapped[str]
    began: Mapped[str]
    ended: Mapped[str]
    ended_as: Mapped[str]
    steps: Mapped[int]
    size_bytes: Mapped[int]
    covered_bytes: Mapped[int]
    unseen: Mapped[str]
    signed_by: Mapped[str]
    """Empty = nobody signed it."""
    keyid: Mapped[str]
    content_digest: Mapped[str]
    file_digest: Mapped[str]
    at: Mapped[str]
    actor: Mapped[str]

    reads: Mapped[list[TrainingReadRow]] = relationship(lazy="raise", order_by="TrainingReadRow.position")


class TrainingReadRow(Base):
    """What a run read of one dataset version."""

    __tablename__ = "training_reads"
    __table_args__ = (
        CheckConstraint("dataset <> ''", name="named"),
        CheckConstraint("shards >= 0 AND shards_read >= 0 AND size_bytes >= 0 AND bytes_read >= 0", name="counts"),
        Index(None, "dataset", "root_digest"),
    )
    run_number: Mapped[int] = mapped_column(_BIG, ForeignKey("training_runs.number"), primary_key=True, autoincrement=False)
    position: Mapped[Position]
    dataset: Mapped[str]
    root_digest: Mapped[str]
    shards: Mapped[int]
    shards_read: Mapped[int]
    size_bytes: Mapped[int]
    bytes_read: Mapped[int]
    first_read: Mapped[str]
    """Empty = no read was seen."""
    last_read: Mapped[str]
