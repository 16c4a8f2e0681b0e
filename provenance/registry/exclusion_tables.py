"""The tables of demands that something be kept out, and of the indexes by which it is looked for."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column, relationship

from provenance.registry.base import COUNTED, Base, Key

_BIG = BigInteger().with_variant(Integer(), "sqlite")


class ExclusionRow(Base):
    """One demand as it was received. One that was withdrawn and is made again has a row of its own."""

    __tablename__ = "exclusions"
    __table_args__ = (
        CheckConstraint("kind IN ('domain', 'url', 'work', 'author', 'record-id', 'digest')", name="kind"),
        CheckConstraint("basis IN ('opt-out', 'copyright', 'erasure', 'contract', 'court-order', 'other')", name="basis"),
        CheckConstraint("value <> ''", name="valued"),
        Index(None, "id"),
        COUNTED,
    )
    number: Mapped[Key]
    id: Mapped[str]
    kind: Mapped[str]
    value: Mapped[str]
    given: Mapped[str]
    dataset: Mapped[str]
    """Empty = every dataset."""
    demanded_by: Mapped[str]
    received: Mapped[str]
    basis: Mapped[str]
    ticket: Mapped[str]
    evidence_url: Mapped[str]
    evidence_sha256: Mapped[str]
    comment: Mapped[str]
    at: Mapped[str]
    actor: Mapped[str]

    withdrawal: Mapped[ExclusionWithdrawalRow | None] = relationship(lazy="raise")


class ExclusionWithdrawalRow(Base):
    """That a demand no longer holds; a demand without a row is open."""

    __tablename__ = "exclusion_withdrawals"
    exclusion_number: Mapped[int] = mapped_column(_BIG, ForeignKey("exclusions.number"), primary_key=True, autoincrement=False)
    reason: Mapped[str]
    at: Mapped[str]
    actor: Mapped[str]


class RecordIndexRow(Base):
    """That a shard's records were read for their addresses, ids, names and digests; what was found is an evidence file."""

    __tablename__ = "record_indexes"
    __table_args__ = (CheckConstraint("records >= 0 AND unread >= 0", name="counts"), Index(None, "key"), Index(None, "shard"), COUNTED)
    number: Mapped[Key]
    key: Mapped[str]
    shard: Mapped[str]
    evidence: Mapped[str]
    records: Mapped[int]
    unread: Mapped[int]
    with_host: Mapped[int]
    with_page: Mapped[int]
    with_id: Mapped[int]
    with_author: Mapped[int]
    with_text: Mapped[int]
    at: Mapped[str]
