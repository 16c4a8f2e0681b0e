"""The tables of the registry. Facts are only ever added: triggers refuse to change or remove a row (``guards``).

Absent text facts hold their name (``NOT_STATED``, ``UNREADABLE``, ``UNKNOWN``). Columns that may be NULL say what NULL means; nowhere does it mean "fine".
ORM types never leave this package: the repository takes and returns model values.
"""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column, relationship

from provenance.registry.base import BYTEWISE, COUNTED, Base, Key, Position, StepKey, VersionKey
from provenance.registry.exclusion_tables import ExclusionRow, ExclusionWithdrawalRow, RecordIndexRow
from provenance.registry.guards import attach_guards
from provenance.registry.run_tables import TrainingReadRow, TrainingRunRow
from provenance.registry.scan_tables import (
    ScanFrameRow,
    ScanIndexRow,
    ScanLeftOutRow,
    ScanProblemRow,
    ScanRow,
    ScanSuspectRow,
    ScanSuspicionRow,
)
from provenance.registry.views import attach_views
from provenance.registry.waiver_tables import ReviewRow, WaiverRow, WaiverWithdrawalRow

__all__ = [
    "SEARCH_TERM_TABLE",
    "SHARD_LICENSE_TABLE",
    "SHARD_TABLE",
    "AuditRow",
    "Base",
    "DerivationInputRow",
    "DerivationRow",
    "DerivationShardRow",
    "DerivationStepRow",
    "DetailsRow",
    "ExclusionRow",
    "ExclusionWithdrawalRow",
    "GeneratorRow",
    "LanguageRow",
    "LicenseRow",
    "LogRow",
    "RecordIndexRow",
    "ReviewRow",
    "ScanFrameRow",
    "ScanIndexRow",
    "ScanLeftOutRow",
    "ScanProblemRow",
    "ScanRow",
    "ScanSuspectRow",
    "ScanSuspicionRow",
    "SearchTermRow",
    "ShardLicenseRow",
    "ShardRow",
    "StatedLicenseRow",
    "TagRow",
    "TermsRow",
    "TokenizerRow",
    "TotalsRow",
    "TrainingReadRow",
    "TrainingRunRow",
    "VersionRow",
    "WaiverRow",
    "WaiverWithdrawalRow",
]


class VersionRow(Base):
    """One recording of a dataset version: its facts without the shards. The highest ``id`` of a name is the newest."""

    __tablename__ = "dataset_versions"
    __table_args__ = (
        CheckConstraint("name <> ''", name="named"),
        CheckConstraint("synthetic IN ('YES', 'NO', 'UNKNOWN')", name="tri_state"),
        Index(None, "name", "id"),
        Index(None, "root_digest"),
        COUNTED,
    )
    id: Mapped[Key]
    name: Mapped[str]
    root_digest: Mapped[str]
    facts_digest: Mapped[str]
    created: Mapped[str]
    title: Mapped[str]
    source_kind: Mapped[str]
    source_url: Mapped[str]
    collected_from: Mapped[str]
    collected_to: Mapped[str]
    collector: Mapped[str]
    obtained: Mapped[str]
    synthetic: Mapped[str]
    domain: Mapped[str]
    owner: Mapped[str]
    text_field: Mapped[str | None]
    """NULL = the field is found by convention."""

    licenses: Mapped[list[LicenseRow]] = relationship(lazy="raise")
    generators: Mapped[list[GeneratorRow]] = relationship(lazy="raise", order_by="GeneratorRow.position")
    terms: Mapped[list[TermsRow]] = relationship(lazy="raise", order_by="TermsRow.position")
    languages: Mapped[list[LanguageRow]] = relationship(lazy="raise", order_by="LanguageRow.position")
    derivations: Mapped[list[DerivationRow]] = relationship(lazy="raise", order_by="DerivationRow.position")
    tags: Mapped[list[TagRow]] = relationship(lazy="raise", order_by="TagRow.position")
    tokenizer: Mapped[TokenizerRow | None] = relationship(lazy="raise")
    details: Mapped[DetailsRow | None] = relationship(lazy="raise")
    stated: Mapped[list[StatedLicenseRow]] = relationship(lazy="raise", order_by="StatedLicenseRow.position")


class LicenseRow(Base):
    """One party's licence claim on a dataset version, with its evidence."""

    __tablename__ = "licenses"
    __table_args__ = (CheckConstraint("standing IN ('declared', 'detected', 'concluded')", name="standing"), Index(None, "value"))
    version_id: Mapped[VersionKey]
    standing: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
    original: Mapped[str]
    claimed_by: Mapped[str]
    evidence_url: Mapped[str]
    evidence_fetched_at: Mapped[str]
    evidence_sha256: Mapped[str]
    evidence_snapshot: Mapped[str]


class GeneratorRow(Base):
    """A model that made or changed a dataset version's text."""

    __tablename__ = "generators"
    __table_args__ = (Index(None, "provider", "model"),)
    version_id: Mapped[VersionKey]
    position: Mapped[Position]
    provider: Mapped[str]
    model: Mapped[str]
    channel: Mapped[str]
    region: Mapped[str]
    generated_from: Mapped[str]
    generated_to: Mapped[str]
    role: Mapped[str]
    prompt_source: Mapped[str]


class TermsRow(Base):
    """A terms version that the registrant names."""

    __tablename__ = "dataset_terms"
    __table_args__ = (Index(None, "value"),)
    version_id: Mapped[VersionKey]
    position: Mapped[Position]
    value: Mapped[str]


class LanguageRow(Base):
    """A language of a dataset version."""

    __tablename__ = "dataset_languages"
    __table_args__ = (Index(None, "value"),)
    version_id: Mapped[VersionKey]
    position: Mapped[Position]
    value: Mapped[str]


class DerivationRow(Base):
    """A dataset that a version was derived from."""

    __tablename__ = "derivations"
    __table_args__ = (Index(None, "value"),)
    version_id: Mapped[VersionKey]
    position: Mapped[Position]
    value: Mapped[str]


class TagRow(Base):
    """A tag of a dataset version."""

    __tablename__ = "dataset_tags"
    __table_args__ = (Index(None, "value"),)
    version_id: Mapped[VersionKey]
    position: Mapped[Position]
    value: Mapped[str]


class TokenizerRow(Base):
    """The tokenizer that reads a version's token ids; a version without a row names none."""

    __tablename__ = "dataset_tokenizers"
    __table_args__ = (Index(None, "sha256"),)
    version_id: Mapped[VersionKey]
    path: Mapped[str]
    sha256: Mapped[str]
    field: Mapped[str | None]
    """NULL = the fields that hold ids are found by convention."""


class DetailsRow(Base):
    """The facts of a version that few queries ask for, as canonical JSON; a version without a row has none of them."""

    __tablename__ = "dataset_details"
    __table_args__ = (CheckConstraint("digests IN ('read', 'declared')", name="digests"),)
    version_id: Mapped[VersionKey]
    details: Mapped[str]
    """``model.details.Details`` in its wire form."""
    license_expires: Mapped[str]
    digests: Mapped[str]


class StatedLicenseRow(Base):
    """What one place says of a version's licence, with its evidence."""

    __tablename__ = "stated_licenses"
    __table_args__ = (Index(None, "value"),)
    version_id: Mapped[VersionKey]
    position: Mapped[Position]
    value: Mapped[str]
    original: Mapped[str]
    claimed_by: Mapped[str]
    evidence_url: Mapped[str]
    evidence_fetched_at: Mapped[str]
    evidence_sha256: Mapped[str]
    evidence_snapshot: Mapped[str]


class ShardLicenseRow(Base):
    """The records of one shard that a column of theirs puts under one licence."""

    __tablename__ = "shard_licenses"
    __table_args__ = (CheckConstraint("records >= 0", name="records"), Index(None, "value"))
    version_id: Mapped[VersionKey]
    shard: Mapped[Position]
    position: Mapped[Position]
    value: Mapped[str]
    original: Mapped[str]
    records: Mapped[int]
    words: Mapped[int | None]
    """NULL = nobody has counted."""


class ShardRow(Base):
    """One file of a dataset version."""

    __tablename__ = "shards"
    __table_args__ = (
        CheckConstraint("size_bytes >= 0", name="size"),
        CheckConstraint("unread_records >= 0", name="unread"),
        Index(None, "sha256"),
        Index(None, "path"),
    )
    version_id: Mapped[VersionKey]
    position: Mapped[Position]
    path: Mapped[str]
    root: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int]
    records: Mapped[int | None]
    """NULL = nobody has counted."""
    words: Mapped[int | None]
    """NULL = nobody has counted."""
    format: Mapped[str]
    unread_records: Mapped[int]


class TotalsRow(Base):
    """The sums over a version's shards, so that nobody counts a million rows to print one line."""

    __tablename__ = "version_totals"
    version_id: Mapped[VersionKey]
    shards: Mapped[int]
    size_bytes: Mapped[int]
    records: Mapped[int]
    """Of the shards in which they were counted."""
    words: Mapped[int]
    """Of the shards in which they were counted."""
    uncounted: Mapped[int]
    """Shards of which nobody has counted records or words."""
    unread_records: Mapped[int]


class SearchTermRow(Base):
    """A word of a version's facts, or the value of a facet of it (``terms``)."""

    __tablename__ = "search_terms"
    __table_args__ = (Index(None, "facet", "value"),)
    version_id: Mapped[VersionKey]
    facet: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(BYTEWISE, primary_key=True)


class DerivationStepRow(Base):
    """One recorded derivation: what was made, and how."""

    __tablename__ = "derivation_steps"
    __table_args__ = (CheckConstraint("output <> ''", name="named"), Index(None, "output"), COUNTED)
    number: Mapped[Key]
    output: Mapped[str]
    root_digest: Mapped[str]
    transform: Mapped[str]
    tool: Mapped[str]
    tool_version: Mapped[str]
    parameters: Mapped[str]
    note: Mapped[str]
    at: Mapped[str]
    actor: Mapped[str]

    inputs: Mapped[list[DerivationInputRow]] = relationship(lazy="raise", order_by="DerivationInputRow.position")
    shards: Mapped[list[DerivationShardRow]] = relationship(lazy="raise", order_by="[DerivationShardRow.side, DerivationShardRow.position]")


class DerivationInputRow(Base):
    """A dataset that a derivation read."""

    __tablename__ = "derivation_inputs"
    __table_args__ = (Index(None, "dataset"),)
    step_number: Mapped[StepKey]
    position: Mapped[Position]
    dataset: Mapped[str]
    root_digest: Mapped[str]


class DerivationShardRow(Base):
    """A shard that a derivation lists; a side without rows means all shards."""

    __tablename__ = "derivation_shards"
    __table_args__ = (Index(None, "sha256"),)
    step_number: Mapped[StepKey]
    side: Mapped[Position]
    """0 = the output, 1, 2 … = the inputs in their order."""
    position: Mapped[Position]
    sha256: Mapped[str]


class AuditRow(Base):
    """That an audit was made; its record is a file named by digest."""

    __tablename__ = "audits"
    __table_args__ = (CheckConstraint("verdict IN ('CLEARED', 'REVIEW', 'BLOCKED')", name="verdict"), Index(None, "id"), COUNTED)
    number: Mapped[Key]
    id: Mapped[str]
    created: Mapped[str]
    model: Mapped[str]
    verdict: Mapped[str]
    record_digest: Mapped[str]


class LogRow(Base):
    """One row of the hash-chained log (``log``). That no two rows share a predecessor is enforced here too."""

    __tablename__ = "audit_log"
    seq: Mapped[Position]
    prev_hash: Mapped[str] = mapped_column(unique=True)
    at: Mapped[str]
    actor: Mapped[str]
    action: Mapped[str]
    reason: Mapped[str]
    payload: Mapped[str]
    """Canonical JSON, byte for byte what was hashed."""
    entry_hash: Mapped[str] = mapped_column(unique=True)


SHARD_TABLE, SHARD_LICENSE_TABLE = Base.metadata.tables["shards"], Base.metadata.tables["shard_licenses"]
"""For bulk inserts, which pass by the ORM."""

SEARCH_TERM_TABLE = Base.metadata.tables["search_terms"]

attach_guards(Base.metadata)
attach_views(Base.metadata)
