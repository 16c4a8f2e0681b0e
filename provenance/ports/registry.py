"""The registry as the use cases see it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from provenance.model.audit import AuditRecord
    from provenance.model.dataset import Dataset, DatasetVersion, Shard
    from provenance.model.exclusion import Demand, RecordedDemand, RecordIndexFacts, Withdrawal
    from provenance.model.lineage import Derivation
    from provenance.model.match import ScanResult
    from provenance.model.training import RecordedRun
    from provenance.model.waiving import RecordedWaiver, Review


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSummary:
    """What a pass over the shards of a version tells."""

    root_digest: str
    facts_digest: str
    shards: int
    size_bytes: int


class Registry(Protocol):
    """What a company keeps. All methods work inside a unit of work."""

    def add_version(self, version: DatasetVersion) -> None:
        """Record a dataset version with its shards. Recording the same version again changes nothing."""

    def add_stream(self, version: DatasetVersion, shards: Callable[[], Iterable[Shard]]) -> StreamSummary:
        """Record a version of any number of shards in bounded memory; the version's own shards and root digest do not count.

        Args:
            version: The facts.
            shards: Gives the shards, ascending by (path, root), each once. It is called more than once and must give the same each time.
        """

    def change_facts(self, dataset: Dataset, *, created: str) -> None:
        """Record the shards of a dataset's newest version again, under other facts. The same facts again change nothing.

        Raises:
            NotRegisteredError: If there is no version.
        """

    def newest(self, name: str) -> DatasetVersion | None:
        """Return the newest version of a dataset **without** shards, ``None`` where there is none."""

    def iter_shards(self, name: str) -> Iterator[Shard]:
        """Yield the shards of the newest version of a dataset in order, with memory for some of them."""

    def datasets(self) -> Sequence[DatasetVersion]:
        """Return the newest version of every dataset, ordered by name, **without** shards."""

    def dataset_version(self, name: str, root_digest: str | None = None) -> DatasetVersion:
        """Return a version with its shards; the newest where no digest is given.

        Raises:
            NotRegisteredError: If there is none.
        """

    def recorded_by(self, name: str) -> Sequence[tuple[int, str]]:
        """Return (row of the log, actor) of the recordings of a dataset, oldest first, as ``versions`` orders them."""

    def versions(self, name: str) -> Sequence[DatasetVersion]:
        """Return all versions of a dataset, oldest first, without shards."""

    def registered_paths(self, paths: Collection[tuple[str, str]]) -> Collection[tuple[str, str]]:
        """Return those of some (root, path) that are shards of the newest version of a dataset."""

    def holders(self, digests: Collection[str]) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Return which datasets hold, or once held, a shard of these digests, by digest: name and root digest of the last recording that does, sorted."""

    def shared_shards(self, name: str, one: str, other: str) -> Collection[str]:
        """Return the digests of the shards that two versions of a dataset have in common."""

    def add_derivation(self, derivation: Derivation) -> None:
        """Record a derivation. Recording the same one again changes nothing, whoever does it and when."""

    def derivations_of(self, names: Collection[str]) -> Sequence[Derivation]:
        """Return the derivations that made any version of some datasets, in the order they were recorded."""

    def derivations_from(self, names: Collection[str]) -> Sequence[Derivation]:
        """Return the derivations that some datasets went into, in the order they were recorded."""

    def declared_children(self, name: str) -> Sequence[str]:
        """Return the datasets whose newest version says that it is derived from a dataset, any version of it, sorted."""

    def twins(self, name: str, root_digest: str | None = None) -> Sequence[tuple[str, str]]:
        """Return the other datasets that hold, or once held, bytes that a version also holds; the newest version where no digest is given.

        Returns:
            Name and root digest of the last recording of each that holds any, sorted. Empty shards do not count.
        """

    def record_licenses(self, name: str, root_digest: str | None = None, *, shards: Collection[str] = ()) -> Sequence[str]:
        """Return the licences that single records of a version name, of some shards or of all, sorted."""

    def add_demand(self, demand: Demand) -> bool:
        """Record a demand; tell whether it is new. One that holds already changes nothing."""

    def withdraw_demand(self, demand_id: str, withdrawal: Withdrawal) -> None:
        """Record that a demand no longer holds.

        Raises:
            NotRegisteredError: If there is none.
            ConflictError: If it is withdrawn already.
        """

    def demands(self, *, open_only: bool = False) -> Sequence[RecordedDemand]:
        """Return all demands in the order they were recorded, or those that hold."""

    def save_record_index(self, facts: RecordIndexFacts) -> None:
        """Record what a pass over a shard's records told."""

    def record_indexes(self, keys: Collection[str]) -> Mapping[str, RecordIndexFacts]:
        """Return what was last recorded of some keys; those without a record are left out."""

    def add_waiver(self, recorded: RecordedWaiver) -> bool:
        """Record a waiver; tell whether it is new. An open one that says the same changes nothing.

        Raises:
            ConflictError: If an open one of its id says something else.
        """

    def withdraw_waiver(self, waiver_id: str, withdrawal: Withdrawal) -> None:
        """Record that a waiver no longer holds.

        Raises:
            NotRegisteredError: If there is none.
            ConflictError: If it is withdrawn already.
        """

    def waivers(self, *, open_only: bool = False) -> Sequence[RecordedWaiver]:
        """Return all waivers in the order they were recorded, or those that were not withdrawn."""

    def add_review(self, review: Review) -> None:
        """Record what a reviewer decided of an audit record."""

    def reviews(self, record_digest: str | None = None) -> Sequence[Review]:
        """Return all decisions in the order they were made, or those on one audit record."""

    def add_run(self, recorded: RecordedRun) -> bool:
        """Take over what a run record says; tell whether it is new. The same record again changes nothing, unless it is signed now and was not.

        Raises:
            ConflictError: If another record of the same run is known.
        """

    def training_runs(self, dataset: str | None = None) -> Sequence[RecordedRun]:
        """Return all runs in the order they were taken over, each once, or those that had a dataset to read, whether they did or not."""

    def note(self, kind: str, **facts: str) -> None:
        """Put an event that changes no fact, such as an issued clearance, into this unit's log row."""

    def noted(self, kind: str, *, action: str) -> Sequence[tuple[str, Mapping[str, str]]]:
        """Return the events of a kind that units of an action put into the log, oldest first, each with the time of its row."""

    def save_scan(self, result: ScanResult, evidence: str) -> None:
        """Record a scan result and the digest of its evidence file."""

    def scan_result(self, scan_id: str) -> tuple[ScanResult, str] | None:
        """Return a scan result and the digest of its evidence file."""

    def scan_results(self, scan_ids: Collection[str]) -> Mapping[str, tuple[ScanResult, str]]:
        """Return the recorded results of these ids, each with the digest of its evidence file; ids without one are left out."""

    def scans_in(self, frames: Collection[str], *, newest: int) -> Mapping[str, Sequence[tuple[ScanResult, str]]]:
        """Return the scans last recorded in each of some frames, at most ``newest`` of one, the last one first, each with its evidence file's digest."""

    def save_audit(self, record: AuditRecord, record_digest: str) -> None:
        """Record that an audit was made; the record itself is stored as a file named by digest."""

    def audits(self) -> Sequence[tuple[str, str, str, str, str]]:
        """Return (id, created, run model name, verdict, record digest), newest first."""

    def changed_since(self, log_head: str) -> tuple[Collection[tuple[str, str]], Collection[str]] | None:
        """Return the versions (name and root digest) recorded after a row of the log, and the datasets of which a derivation was; ``None`` where it has no such row."""

    @property
    def revision(self) -> str:
        """Digest of the registry's facts as of now: newest versions of all datasets."""

    @property
    def log_head(self) -> str:
        """``entry_hash`` of the last audit-log row."""


class UnitOfWork(Protocol):
    """Opens the registry for one use case; leaves one audit-log row a unit that changed something."""

    def begin(self, *, actor: str, action: str, reason: str = "") -> AbstractContextManager[Registry]:
        """Open a writing unit: commits at the end, rolls back on an exception."""

    def read(self) -> AbstractContextManager[Registry]:
        """Open a reading unit."""
