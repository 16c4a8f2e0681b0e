"""What a run really read: the run record that hooks write, and what the registry keeps of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provenance.model.absence import Absence, TriState

RUN_RECORD_FORMAT = "provenance.run-record"
RUN_RECORD_VERSION = 1


class RunEnd(StrEnum):
    """How a run came to its end."""

    COMPLETED = "completed"
    """The trainer came to the end of its loop."""
    STOPPED = "stopped"
    """Somebody ended it before, by a signal or the keyboard."""
    FAILED = "failed"
    """It ended with an error."""
    DENIED = "denied"
    """The gate, or a shard that changed, ended it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageVersion:
    """A package that was loaded while the run went on."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardReads:
    """What was seen of one shard's reading, over all processes."""

    path: str
    """As in the shard manifest."""
    sha256: str
    size_bytes: int
    bytes_read: int
    """Bytes that were handed out; a shard that is read twice counts twice."""
    first_read: str | None
    """RFC 3339 UTC, exact to about a second; ``None`` = no read of it was seen, which is not to say that there was none (``RunRecord.unseen``)."""
    last_read: str | None

    @property
    def passes(self) -> float:
        """Times that the shard was read, by bytes."""
        return self.bytes_read / self.size_bytes if self.size_bytes else float(self.first_read is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Why a run was not allowed to go on."""

    at: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordGaps:
    """What of a run's own notes is missing or damaged."""

    torn_lines: int
    """Lines that a kill or a full disk cut short."""
    missing_ranks: tuple[int, ...]
    """Ranks that left no notes at all, ascending."""
    unended_ranks: tuple[int, ...]
    """Ranks that did not tell how they ended, ascending: killed, or still going on elsewhere. At most the last second of what they read is not counted."""

    @property
    def any(self) -> bool:
        """Tell whether there are any."""
        return bool(self.torn_lines or self.missing_ranks or self.unended_ranks)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What one run read, as its hooks saw it."""

    id: str
    """Made at random when the run began, 32 hex digits."""
    clearance: str
    """``statement_digest`` of the clearance it ran under."""
    audit: str
    """Digest of the audit record behind the clearance."""
    run_digest: str
    manifest_root: str
    framework: str
    versions: tuple[PackageVersion, ...]
    hosts: tuple[str, ...]
    """Names of the machines, sorted; ``NOT_STATED`` alone where they were not to be recorded, since a machine's name may be a person's."""
    world_size: int
    """Ranks that the run was to have."""
    processes: int
    """Processes that left notes, workers of data loaders among them."""
    began: str
    ended: str
    """When the end was told; of a run that was killed, the last sign of life."""
    end: RunEnd | Absence
    """``UNKNOWN`` where no rank told it."""
    steps: int
    """Optimiser's steps made, the most that a rank told."""
    epochs: str
    """Passes over the data as the trainer counts them, a decimal number, or ``UNKNOWN``."""
    shards: tuple[ShardReads, ...]
    """Every shard of the manifest, sorted by path."""
    unseen: TriState
    """Whether bytes were read that the hooks did not see. ``UNKNOWN`` unless every read went through a guard that says so, or none was seen at all."""
    stops: tuple[Stop, ...]
    gaps: RecordGaps
    format: str = RUN_RECORD_FORMAT
    version: int = RUN_RECORD_VERSION

    @property
    def size_bytes(self) -> int:
        """Bytes of all shards."""
        return sum(s.size_bytes for s in self.shards)

    @property
    def covered_bytes(self) -> int:
        """Bytes of the shards that were seen read, each counted once at most."""
        return sum(min(s.bytes_read, s.size_bytes) for s in self.shards)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetReads:
    """What a run read of one dataset version."""

    dataset: str
    root_digest: str
    shards: int
    shards_read: int
    size_bytes: int
    bytes_read: int
    first_read: str
    """RFC 3339 UTC; empty = no read was seen."""
    last_read: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedRun:
    """A run record as the registry knows it; the record itself is a file named by digest."""

    id: str
    model: str
    clearance: str
    audit: str
    """Digest of the audit record."""
    audit_id: str
    verdict: str
    """Of the audit, as it was."""
    run_digest: str
    manifest_root: str
    framework: str
    began: str
    ended: str
    end: str
    steps: int
    size_bytes: int
    covered_bytes: int
    unseen: TriState
    signed_by: str
    """Name in the trust file; empty = nobody signed it."""
    keyid: str
    content_digest: str
    """Of the record without signature."""
    file_digest: str
    """Of the file that is kept."""
    at: str
    """When it was taken over, RFC 3339 UTC."""
    actor: str
    reads: tuple[DatasetReads, ...]

    @property
    def is_signed(self) -> bool:
        """Tell whether a recorder signed it."""
        return bool(self.signed_by)
