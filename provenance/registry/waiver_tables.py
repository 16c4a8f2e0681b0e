"""The tables of waivers, and of what reviewers decided of audits."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer
from sqlalchemy.orm import Mapped, mapped_column, relationship

from provenance.registry.base import COUNTED, Base, Key

_BIG = BigInteger().with_variant(Integer(), "sqlite")


class WaiverRow(Base):
    """One waiver as it was approved. One that was withdrawn and is made again has a row of its own."""

    __tablename__ = "waivers"
    __table_args__ = (
        CheckConstraint("subject_kind IN ('shard', 'dataset', 'domain', 'run', 'match', 'waiver')", name="subject_kind"),
        CheckConstraint("id <> '' AND rule <> '' AND subject_id <> ''", name="named"),
        CheckConstraint("subject_digest <> ''", name="bound"),
        CheckConstraint("length(expires) = 10", name="ending"),
        CheckConstraint("requested_by <> approved_by", name="two_people"),
        Index(None, "id"),
        COUNTED,
    )
    number: Mapped[Key]
    id: Mapped[str]
    rule: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    subject_digest: Mapped[str]
    reason: Mapped[str]
    comment: Mapped[str]
    requested_by: Mapped[str]
    approved_by: Mapped[str]
    created: Mapped[str]
    expires: Mapped[str]
    keyid: Mapped[str]
    """Empty = nobody signed it."""
    sig: Mapped[str]
    dataset: Mapped[str]
    """Empty = not known."""
    at: Mapped[str]
    actor: Mapped[str]

    withdrawal: Mapped[WaiverWithdrawalRow | None] = relationship(lazy="raise")


class WaiverWithdrawalRow(Base):
    """That a waiver no longer holds; a waiver without a row is open."""

    __tablename__ = "waiver_withdrawals"
    waiver_number: Mapped[int] = mapped_column(_BIG, ForeignKey("waivers.number"), primary_key=True, autoincrement=False)
    reason: Mapped[str]
    at: Mapped[str]
    actor: Mapped[str]


class ReviewRow(Base):
    """What a reviewer decided of one audit record."""

    __tablename__ = "reviews"
    __table_args__ = (
        CheckConstraint("decision IN ('released', 'rejected')", name="decision"),
        CheckConstraint("(decision = 'released') = (envelope <> '')", name="signed"),
        Index(None, "record_digest"),
        COUNTED,
    )
    number: Mapped[Key]
    record_digest: Mapped[str]
    decision: Mapped[str]
    reviewer: Mapped[str]
    comment: Mapped[str]
    envelope: Mapped[str]
    at: Mapped[str]
    actor: Mapped[str]
