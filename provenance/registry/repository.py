"""The registry over a database: takes and returns model values, inside one unit of work (``session``).

Rules kept here: the newest version of a dataset is the last one recorded. Recording what equals the newest (same shards, same facts) changes nothing;
recording the facts or shards of an *older* version again makes it the newest, as the data on disk are now that state. Nothing is changed or removed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import insert, literal, select

from provenance.canonical import canonical_bytes
from provenance.model.audit import AuditRecord
from provenance.model.dataset import Dataset, DatasetVersion, LicensePart, Shard
from provenance.model.wire import to_wire
from provenance.ports import StreamSummary
from provenance.registry import mapping
from provenance.registry.catalog import VersionTotals, sum_shards
from provenance.registry.derivations import DerivationRegistry
from provenance.registry.diff import DiffRegistry
from provenance.registry.digests import FactsState, facts_digest, revision_digest, verify_facts, verify_version
from provenance.registry.exclusions import ExclusionRegistry
from provenance.registry.guards import GENESIS
from provenance.registry.log import LogAct, LogEntry, build_entry
from provenance.registry.runs import RunRegistry
from provenance.registry.scans import ScanRecords
from provenance.registry.streams import batched, summarize_stream
from provenance.registry.structure import StructureRegistry
from provenance.registry.tables import (
    SHARD_LICENSE_TABLE,
    SHARD_TABLE,
    AuditRow,
    LogRow,
    ShardLicenseRow,
    ShardRow,
    VersionRow,
)
from provenance.registry.unit import FACTS, IDS_PER_QUERY, is_of_newest, newest_ids
from provenance.registry.waivers import WaiverRegistry

SHARDS_PER_INSERT = 10_000
"""Rows of one bulk insert: bounds memory, far above where it would cost speed."""

_PAGE = 1000  # rows of the log or of scans read at a time


class SqlRegistry(DerivationRegistry, DiffRegistry, ExclusionRegistry, RunRegistry, ScanRecords, StructureRegistry, WaiverRegistry):
    """Implements ``ports.Registry`` on one database session. Made by ``session.SqlUnitOfWork``."""

    def add_version(self, version: DatasetVersion) -> None:
        """Record a dataset version with its shards; do nothing if it equals the newest one.

        Raises:
            ManifestError: If the root digest is not the Merkle root of the shards, a file is listed twice, or a fact cannot be stored.
            RegistryError: In a reading unit.

        Cost:
            About 30 µs a shard, one bulk insert for every 10,000.
        """
        self._must_write()
        verify_version(version)
        self._record(version, facts_digest(version.dataset, version.shards, version.digests), version.shards)

    def add_stream(self, version: DatasetVersion, shards: Callable[[], Iterable[Shard]]) -> StreamSummary:
        """Record a dataset version of any number of shards in bounded memory; do nothing if it equals the newest one.

        Args:
            version: The facts. Its own shards and its root digest do not count.
            shards: Gives the shards, ascending by (path, root), each once. It is called twice and must give the same both times.

        Raises:
            ManifestError: If the order is not that, or a fact cannot be stored.
            RegistryError: In a reading unit.

        Returns:
            What was recorded, or would have been.
        """
        self._must_write()
        summary = summarize_stream(version, shards())
        self._record(replace(version, root_digest=summary.root_digest, shards=()), summary.facts_digest, shards())
        return summary

    def change_facts(self, dataset: Dataset, *, created: str) -> None:
        """Record the shards of a dataset's newest version again, under other facts; do nothing if the facts are those it has.

        Raises:
            ManifestError: If a fact cannot be stored.
            NotRegisteredError: If there is no version.
            RegistryError: In a reading unit.

        Cost:
            One pass over the shards for the digest; the database copies their rows itself.
        """
        self._must_write()
        newest = self._newest(dataset.name, facts=True)
        if newest is None:
            self._fail_unregistered(dataset.name, None)
        version = replace(mapping.version_value(newest), dataset=dataset, created=created)
        verify_facts(dataset, created)
        state = FactsState(dataset, version.digests)
        for shard in self.iter_shards(dataset.name):
            state.add(shard)
        sums = self.totals_of(newest.id)
        row = self._add_row(version, state.digest())
        if row is None:
            return
        for table in (SHARD_TABLE, SHARD_LICENSE_TABLE):
            columns = [c for c in table.columns if c.name != "version_id"]
            copied = select(literal(row.id), *columns).where(table.c.version_id == newest.id)
            self._session.execute(insert(table).from_select(["version_id", *(c.name for c in columns)], copied))
        self._describe(row.id, dataset, sums)
        self._note_version(row, sums.shards)

    def _record(self, version: DatasetVersion, digest: str, shards: Iterable[Shard]) -> None:
        row = self._add_row(version, digest)
        if row is None:
            return
        sums = VersionTotals()
        for chunk in batched(shards, SHARDS_PER_INSERT):
            self._session.execute(insert(SHARD_TABLE), mapping.shard_rows(row.id, chunk, start=sums.shards))
            if licenses := mapping.shard_license_rows(row.id, chunk, start=sums.shards):
                self._session.execute(insert(SHARD_LICENSE_TABLE), licenses)
            sums += sum_shards(chunk)
        self._describe(row.id, version.dataset, sums)
        self._note_version(row, sums.shards)

    def _add_row(self, version: DatasetVersion, digest: str) -> VersionRow | None:
        """Add the row of a version, ``None`` where the newest one equals it."""
        newest = self._newest(version.dataset.name)
        if newest is not None and (newest.root_digest, newest.facts_digest) == (version.root_digest, digest):
            return None
        row = mapping.version_row(version, facts_digest=digest)
        self._session.add(row)
        self._session.flush()
        return row

    def _note_version(self, row: VersionRow, shards: int) -> None:
        self._changed(
            "versions",
            name=row.name,
            root_digest=row.root_digest,
            facts_digest=row.facts_digest,
            created=row.created,
            shards=shards,
            version_id=row.id,
        )

    def newest(self, name: str) -> DatasetVersion | None:
        """Return the newest version of a dataset without its shards, ``None`` where there is none."""
        row = self._newest(name, facts=True)
        return None if row is None else mapping.version_value(row)

    def version_facts(self, name: str, root_digest: str | None = None) -> DatasetVersion:
        """Return what ``dataset_version`` returns, without shards.

        Raises:
            NotRegisteredError: If there is none.
        """
        row = self._newest(name, root_digest, facts=True)
        if row is None:
            self._fail_unregistered(name, root_digest)
        return mapping.version_value(row)

    def iter_shards(self, name: str, root_digest: str | None = None) -> Iterator[Shard]:
        """Yield the shards of a version in order, of the newest where no digest is given; a page at a time, so that a writer may write in between.

        Raises:
            NotRegisteredError: If there is no such version.
        """
        row = self._newest(name, root_digest)
        if row is None:
            self._fail_unregistered(name, root_digest)
        after = -1
        query = select(ShardRow.position, *mapping.SHARD_COLUMNS).where(ShardRow.version_id == row.id).order_by(ShardRow.position)
        while page := self._session.execute(query.where(ShardRow.position > after).limit(SHARDS_PER_INSERT)).all():
            licenses = self._shard_licenses(row.id, after=after, last=page[-1][0])
            for position, *columns in page:
                yield mapping.shard_value(columns, licenses.get(position, ()))
            after = page[-1][0]

    def datasets(self) -> Sequence[DatasetVersion]:
        """Return the newest version of every dataset, ordered by name, without shards."""
        rows = self._session.scalars(select(VersionRow).where(VersionRow.id.in_(newest_ids())).options(*FACTS)).all()
        return [mapping.version_value(r) for r in sorted(rows, key=lambda r: r.name)]

    def dataset_version(self, name: str, root_digest: str | None = None) -> DatasetVersion:
        """Return a version with its shards; the newest where no digest is given, the last recorded one of a digest else.

        Raises:
            NotRegisteredError: If there is none.
        """
        row = self._newest(name, root_digest, facts=True)
        if row is None:
            self._fail_unregistered(name, root_digest)
        return mapping.version_value(row, tuple(self._shards(row.id)))

    def versions(self, name: str) -> Sequence[DatasetVersion]:
        """Return all recordings of a dataset, oldest first, without shards."""
        query = select(VersionRow).where(VersionRow.name == name).order_by(VersionRow.id).options(*FACTS)
        return [mapping.version_value(r) for r in self._session.scalars(query)]

    def recorded_by(self, name: str) -> Sequence[tuple[int, str]]:
        """Return (row of the log, actor) of the recordings of a dataset, oldest first, as ``versions`` orders them.

        Cost:
            Reads the rows of the log that name the dataset in their reason or payload.
        """
        # A JSON text of the name stands in the payload of the row; what else holds it is left out by looking.
        spelt = canonical_bytes(name).decode("utf-8")
        query = select(LogRow).where(LogRow.payload.contains(spelt, autoescape=True)).order_by(LogRow.seq)
        entries = map(mapping.log_value, self._session.scalars(query))
        return [(entry.seq, entry.actor) for entry in entries for noted in _noted_versions(entry) if noted.get("name") == name]

    def version_digests(self, name: str) -> Sequence[tuple[str, str]]:
        """Return (root digest, facts digest) of all recordings of a dataset, oldest first, as ``versions`` orders them."""
        query = select(VersionRow.root_digest, VersionRow.facts_digest).where(VersionRow.name == name).order_by(VersionRow.id)
        return [(root, facts) for root, facts in self._session.execute(query)]

    def find_shards(self, *, sha256: str | None = None, path: str | None = None) -> Sequence[tuple[str, Shard]]:
        """Return (dataset name, shard) of the newest versions' shards with a digest or a path, ordered by name and position."""
        wanted = [is_of_newest()]
        wanted += [ShardRow.sha256 == sha256] if sha256 is not None else []
        wanted += [ShardRow.path == path] if path is not None else []
        query = (
            select(VersionRow.name, VersionRow.id, ShardRow.position, *mapping.SHARD_COLUMNS)
            .join(ShardRow, ShardRow.version_id == VersionRow.id)
            .where(*wanted)
            .order_by(VersionRow.name, ShardRow.position)
        )
        found = self._session.execute(query).all()
        return [
            (name, mapping.shard_value(columns, self._shard_licenses(version, shard=position).get(position, ())))
            for name, version, position, *columns in found
        ]

    def registered_paths(self, paths: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of some (root, path) that are shards of the newest version of a dataset."""
        found: set[tuple[str, str]] = set()
        wanted = sorted({path for _, path in paths if _is_unicode(path)})
        for start in range(0, len(wanted), IDS_PER_QUERY):
            chunk = wanted[start : start + IDS_PER_QUERY]
            query = select(ShardRow.root, ShardRow.path).where(ShardRow.path.in_(chunk), is_of_newest())
            found.update((root, path) for root, path in self._session.execute(query))
        return found & set(paths)

    def note(self, kind: str, **facts: str) -> None:
        """Put an event that changes no fact into this unit's log row."""
        self._must_write()
        self._changed(kind, **facts)

    def noted(self, kind: str, *, action: str) -> Sequence[tuple[str, Mapping[str, str]]]:
        """Return the events of a kind that units of an action put into the log, oldest first, each with the time of its row."""
        rows = self._session.scalars(select(LogRow).where(LogRow.action == action).order_by(LogRow.seq))
        return [(row.at, {str(k): str(v) for k, v in item.items()}) for row in rows for item in mapping.log_value(row).details.get(kind, ())]

    def save_audit(self, record: AuditRecord, record_digest: str) -> None:
        """Record that an audit was made; the record itself is stored as a file named by digest."""
        self._must_write()
        facts = {
            "id": record.id,
            "created": record.created,
            "model": record.run.model.name,
            "verdict": record.verdict.value,
            "record_digest": record_digest,
        }
        known = self._session.scalars(select(AuditRow.record_digest).where(AuditRow.id == record.id)).all()
        if record_digest in known:
            return
        self._session.add(AuditRow(**facts))
        self._session.flush()
        self._changed("audits", **facts)

    def audits(self) -> Sequence[tuple[str, str, str, str, str]]:
        """Return (id, created, run model name, verdict, record digest), newest first."""
        query = select(AuditRow.id, AuditRow.created, AuditRow.model, AuditRow.verdict, AuditRow.record_digest).order_by(AuditRow.number.desc())
        return [(row[0], row[1], row[2], row[3], row[4]) for row in self._session.execute(query)]

    @property
    def revision(self) -> str:
        """Digest over name, root digest and facts digest of the newest version of every dataset."""
        query = select(VersionRow.name, VersionRow.root_digest, VersionRow.facts_digest).where(VersionRow.id.in_(newest_ids()))
        return revision_digest((name, root, facts) for name, root, facts in self._session.execute(query))

    @property
    def log_head(self) -> str:
        """``entry_hash`` of the last audit-log row, ``GENESIS`` while there is none."""
        return self._session.scalars(select(LogRow.entry_hash).order_by(LogRow.seq.desc()).limit(1)).first() or GENESIS

    def log_entries(self, *, after: int = 0) -> Iterator[LogEntry]:
        """Yield the log's rows with a ``seq`` above ``after``, in order."""
        # Pages, not a cursor: a caller that stops early, as at a broken link, must leave nothing open.
        while rows := self._session.scalars(select(LogRow).where(LogRow.seq > after).order_by(LogRow.seq).limit(_PAGE)).all():
            yield from map(mapping.log_value, rows)
            after = rows[-1].seq

    def has_entry(self, entry_hash: str) -> bool:
        """Tell whether the log holds a row of this hash."""
        return self._session.scalars(select(LogRow.seq).where(LogRow.entry_hash == entry_hash)).first() is not None

    def last_log_entries(self, limit: int, *, action: str | None = None) -> Sequence[LogEntry]:
        """Return the newest rows of the log in their order, of one action or of all."""
        query = select(LogRow).order_by(LogRow.seq.desc()).limit(limit)
        query = query if action is None else query.where(LogRow.action == action)
        return [mapping.log_value(row) for row in reversed(self._session.scalars(query).all())]

    def changed_since(self, log_head: str) -> tuple[set[tuple[str, str]], set[str]] | None:
        """Return the versions (name and root digest) recorded after a row of the log, and the datasets of which a derivation was; ``None`` where it has no such row."""
        seq = 0 if log_head == GENESIS else self._session.scalars(select(LogRow.seq).where(LogRow.entry_hash == log_head)).first()
        if seq is None:
            return None
        versions: set[tuple[str, str]] = set()
        outputs: set[str] = set()
        for row in self._session.scalars(select(LogRow).where(LogRow.seq > seq).order_by(LogRow.seq)):
            details = mapping.log_value(row).details
            versions.update((str(item["name"]), str(item["root_digest"])) for item in details.get("versions", ()))
            outputs.update(str(item["output"]) for item in details.get("derivations", ()))
        return versions, outputs

    def logged_actions(self) -> Sequence[str]:
        """Return the actions that the log holds, sorted."""
        return sorted(self._session.scalars(select(LogRow.action).distinct()))

    def recorded_versions(self) -> Iterator[tuple[str, DatasetVersion]]:
        """Yield (stored facts digest, version with shards) of every recording, in the order they were made."""
        for row in self._session.scalars(select(VersionRow).order_by(VersionRow.id).options(*FACTS)).all():
            yield row.facts_digest, mapping.version_value(row, tuple(self._shards(row.id)))

    def append_log(self, *, at: str, actor: str, action: str, reason: str) -> str | None:
        """Chain one row for all that this unit changed and return its hash; do nothing if it changed nothing. Called by the unit of work before it commits."""
        if not self._changes:
            return None
        act = LogAct(at=at, actor=actor, action=action, reason=reason, payload=self._changes)
        last = self._session.execute(select(LogRow.seq, LogRow.entry_hash).order_by(LogRow.seq.desc()).limit(1)).first()
        seq, head = (0, GENESIS) if last is None else (last[0], last[1])
        entry = build_entry(act, seq=seq + 1, prev_hash=head)
        self._session.add(LogRow(**to_wire(entry)))
        self._session.flush()
        self._changes = {}
        return entry.entry_hash

    def _newest(self, name: str, root_digest: str | None = None, *, facts: bool = False) -> VersionRow | None:
        query = select(VersionRow).where(VersionRow.name == name).order_by(VersionRow.id.desc()).limit(1)
        query = query if root_digest is None else query.where(VersionRow.root_digest == root_digest)
        return self._session.scalars(query.options(*FACTS) if facts else query).first()

    def _shards(self, version_id: int) -> Iterator[Shard]:
        licenses = self._shard_licenses(version_id)
        query = select(ShardRow.position, *mapping.SHARD_COLUMNS).where(ShardRow.version_id == version_id).order_by(ShardRow.position)
        with self._session.execute(query.execution_options(yield_per=SHARDS_PER_INSERT)) as found:  # closed also where a row cannot be read
            for position, *columns in found:
                yield mapping.shard_value(columns, licenses.get(position, ()))

    def _shard_licenses(
        self, version_id: int, *, shard: int | None = None, after: int = -1, last: int | None = None
    ) -> dict[int, tuple[LicensePart, ...]]:
        query = select(ShardLicenseRow).where(ShardLicenseRow.version_id == version_id).order_by(ShardLicenseRow.shard, ShardLicenseRow.position)
        query = query if shard is None else query.where(ShardLicenseRow.shard == shard)
        query = query if last is None else query.where(ShardLicenseRow.shard > after, ShardLicenseRow.shard <= last)
        found: dict[int, tuple[LicensePart, ...]] = {}
        for row in self._session.scalars(query):
            found[row.shard] = (*found.get(row.shard, ()), mapping.license_part(row))
        return found


def _noted_versions(entry: LogEntry) -> Iterator[Mapping[str, Any]]:
    noted = entry.details.get("versions")
    yield from (v for v in (noted if isinstance(noted, list) else ()) if isinstance(v, dict))


def _is_unicode(text: str) -> bool:
    """Tell whether a text can be stored at all: names of files may hold bytes that are no UTF-8."""
    return text.isascii() or not any("\ud800" <= c <= "\udfff" for c in text)
