"""The store of bulky results beside the database: files named by the SHA-256 of their bytes, so that a row's digest is all it takes to find and trust one.

A file appears whole or not at all (written aside, synced, renamed) and is checked against its name whenever it is read.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from provenance.errors import RegistryError
from provenance.fingerprint.digest import hash_file, is_digest
from provenance.fingerprint.wanted import RecordHit, Wanted
from provenance.model.audit import MatchFinding
from provenance.model.match import Match, Suspect
from provenance.ports.evidence import KeptTouched
from provenance.registry import record_index
from provenance.registry.aside import Aside, sweep_aside, writing_aside
from provenance.registry.columns import FINDINGS, MATCHES, ROWS_PER_GROUP, SUSPECTS, TOUCHED, Kind, Value
from provenance.registry.evidence_parts import Part, ScanWriter
from provenance.registry.record_index import RecordIndexWriter

_CHECK = "check the evidence folder and the disk"
_RESTORE = "restore it from a backup, or scan again"
_READ_BYTES = 1 << 20


class EvidenceFolder:
    """Implements ``ports.EvidenceStore`` in a folder, which is made when the first file is put."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def writing_scan(self) -> Iterator[ScanWriter]:
        """Give what takes the findings of a scan as they come; what is not published at the end is gone.

        Raises:
            RegistryError: If they cannot be written.

        Cost:
            Memory of 20,000 matches at a time.
        """
        with ExitStack() as stack:
            yield ScanWriter(*(stack.enter_context(Part(self, kind)) for kind in (MATCHES, SUSPECTS, TOUCHED)))

    @contextmanager
    def writing_findings(self) -> Iterator[Part[MatchFinding]]:
        """Give what takes an audit's findings on matches as they come; what is not published at the end is gone.

        Raises:
            RegistryError: If they cannot be written.

        Cost:
            Memory of 20,000 findings at a time.
        """
        with Part(self, FINDINGS) as part:
            yield part

    def iter_findings(self, digest: str) -> Iterator[MatchFinding]:
        """Verify stored findings on matches against their digest at once, and return what yields them.

        Raises:
            RegistryError: If the file is missing, changed or not such a file.
        """
        return self._rows(self._open(digest, FINDINGS), FINDINGS)

    def put_matches(self, matches: Iterable[Match]) -> str:
        """Store matches as Parquet and return the digest of the file.

        Raises:
            RegistryError: If they cannot be written.

        Cost:
            Memory of 20,000 matches at a time.
        """
        return self._put(MATCHES, matches)

    def get_matches(self, digest: str) -> list[Match]:
        """Return stored matches, verified against their digest.

        Raises:
            RegistryError: If the file is missing, changed or not a matches file.
        """
        return list(self.iter_matches(digest))

    def iter_matches(self, digest: str) -> Iterator[Match]:
        """Verify stored matches against their digest at once, and return what yields them.

        Raises:
            RegistryError: If the file is missing, changed or not a matches file.

        Cost:
            Memory of 20,000 matches at a time.
        """
        return self._rows(self._open(digest, MATCHES), MATCHES)

    def put_suspects(self, suspects: Iterable[Suspect]) -> str:
        """Store suspects as Parquet and return the digest of the file.

        Raises:
            RegistryError: If they cannot be written.
        """
        return self._put(SUSPECTS, suspects)

    def get_suspects(self, digest: str) -> list[Suspect]:
        """Return stored suspects, verified against their digest.

        Raises:
            RegistryError: If the file is missing, changed or not such a file.
        """
        return list(self.iter_suspects(digest))

    def iter_suspects(self, digest: str) -> Iterator[Suspect]:
        """Verify stored suspects against their digest at once, and return what yields them.

        Raises:
            RegistryError: If the file is missing, changed or not such a file.
        """
        return self._rows(self._open(digest, SUSPECTS), SUSPECTS)

    def get_touched(self, digest: str) -> KeptTouched:
        """Verify what says which segments a scan's records touch, and return what yields it.

        Raises:
            RegistryError: If the file is missing, changed or not such a file.
        """
        file = self._open(digest, TOUCHED)
        try:
            dropped = json.loads((file.metadata.metadata or {})[b"dropped"])
            return KeptTouched(tuple(int(n) for n in dropped), self._rows(file, TOUCHED))
        except (KeyError, ValueError, TypeError) as err:
            raise RegistryError(f"{self.place(digest, suffix=TOUCHED.suffix)}: does not tell the dropped seeds: {err}") from err

    def writing_records(self) -> RecordIndexWriter:
        """Give what takes the keys of a shard's records as they come; what is not published at the end is gone."""
        return RecordIndexWriter(self)

    def find_records(self, digest: str, wanted: Wanted) -> Iterator[RecordHit]:
        """Verify a record index against its digest at once, and return what yields the keys that somebody looks for.

        Raises:
            RegistryError: If the file is missing, changed or not such a file.
        """
        place = self.place(digest, suffix=record_index.SUFFIX)
        file = self._open_file(digest, place, (record_index.RECORD_SCHEMA,), record_index.NAME)
        return record_index.search_records(file, wanted, where=str(place))

    def _put(self, kind: Kind[Value], rows: Iterable[Value]) -> str:
        with Part(self, kind) as part:
            for row in rows:
                part.add((row,))
            return part.publish()

    def _open(self, digest: str, kind: Kind[Any]) -> pq.ParquetFile:
        """Open a Parquet file of a kind, verified against its digest."""
        return self._open_file(digest, self.place(digest, suffix=kind.suffix), kind.readable, kind.name)

    def _open_file(self, digest: str, place: Path, readable: tuple[pa.Schema, ...], name: str) -> pq.ParquetFile:
        try:
            source = pa.OSFile(str(place), "r")
            state = hashlib.sha256()
            while raw := source.read(_READ_BYTES):
                state.update(raw)
        except OSError as err:
            raise _unreadable(place, err) from err
        _check_digest(place, digest, state.hexdigest())
        try:
            source.seek(0)
            file = pq.ParquetFile(source, pre_buffer=False)
            if file.schema_arrow not in readable:
                raise RegistryError(f"{place}: not a {name} file of a known version")
        except (pa.ArrowException, ValueError, TypeError, OSError) as err:
            raise RegistryError(f"{place}: cannot be read as {name}: {err}") from err
        return file

    def _rows(self, file: pq.ParquetFile, kind: Kind[Value]) -> Iterator[Value]:
        try:
            for batch in file.iter_batches(ROWS_PER_GROUP, use_threads=False):
                yield from map(kind.value, batch.to_pylist())
        except (pa.ArrowException, ValueError, TypeError, OSError) as err:
            raise RegistryError(f"{self._folder}: cannot be read as {kind.name}: {err}") from err

    def put_bytes(self, raw: bytes, *, suffix: str) -> str:
        """Store bytes and return their digest.

        Raises:
            RegistryError: If they cannot be written.
            ValueError: If the suffix is not a file name's ending.
        """
        suffix = _checked_suffix(suffix)
        try:
            with self.writing() as aside:
                aside.file.write(raw)
                return self.publish(aside, suffix=suffix)
        except OSError as err:
            raise RegistryError(f"{self._folder}: evidence cannot be stored: {err}", hint=_CHECK) from err

    def put_file(self, path: Path, *, suffix: str) -> str:
        """Store a copy of a file and return its digest; one that is there already and whole stays.

        Raises:
            OSError: If the file cannot be read.
            RegistryError: If the copy cannot be written.
            ValueError: If the suffix is not a file name's ending.

        Cost:
            Memory of 1 MiB, whatever the size.
        """
        suffix = _checked_suffix(suffix)
        digest, _ = hash_file(path)
        known = self.place(digest, suffix=suffix)
        if known.exists() and hash_file(known)[0] == digest:
            return digest
        with path.open("rb") as source:
            try:
                with self.writing() as aside:
                    shutil.copyfileobj(source, aside.file, _READ_BYTES)
                    return self.publish(aside, suffix=suffix)
            except OSError as err:
                raise RegistryError(f"{self._folder}: evidence cannot be stored: {err}", hint=_CHECK) from err

    def has(self, digest: str, *, suffix: str) -> bool:
        """Tell whether something of that digest was stored, without looking whether it is whole.

        Raises:
            RegistryError: If the digest is malformed.
            ValueError: If the suffix is not a file name's ending.
        """
        return self.place(digest, suffix=suffix).exists()

    def get_bytes(self, digest: str, *, suffix: str) -> bytes:
        """Return stored bytes, verified against their digest.

        Raises:
            RegistryError: If the file is missing or changed.
            ValueError: If the suffix is not a file name's ending.
        """
        file = self.place(digest, suffix=suffix)
        try:
            raw = file.read_bytes()
        except OSError as err:
            raise _unreadable(file, err) from err
        _check_digest(file, digest, hashlib.sha256(raw).hexdigest())
        return raw

    def place(self, digest: str, *, suffix: str) -> Path:
        """Return the file that holds what has a digest.

        Raises:
            RegistryError: If the digest is malformed: it becomes a path.
            ValueError: If the suffix is not a file name's ending.
        """
        if not is_digest(digest):
            raise RegistryError(f"evidence {digest!r} is not named by sha256:<64 hex digits>")
        name = digest.removeprefix("sha256:")
        return self._folder / name[:2] / (name + _checked_suffix(suffix))

    def writing(self) -> AbstractContextManager[Aside]:
        """Give a new file aside; unless it was published it is gone at the end."""
        return writing_aside(self._folder)

    def publish(self, aside: Aside, *, suffix: str) -> str:
        """Sync a file that was written aside, name it by its digest, and return that."""
        aside.file.flush()
        os.fsync(aside.file.fileno())
        digest, _ = hash_file(aside.path)
        target = self.place(digest, suffix=suffix)
        target.parent.mkdir(exist_ok=True)
        aside.keep(target)  # also heals a damaged file of this name
        for folder in (target.parent, self._folder):
            _sync_folder(folder)
        return digest

    def sweep(self) -> None:
        """Remove what processes that were killed left half written; what others are writing stays."""
        sweep_aside(self._folder)

    def refuse(self, what: str, err: Exception) -> RegistryError:
        """Return the error that says what cannot be stored."""
        return RegistryError(f"{self._folder}: {what} cannot be stored: {err}", hint=_CHECK)


def _unreadable(file: Path, err: OSError) -> RegistryError:
    return RegistryError(f"{file}: evidence cannot be read: {err.strerror or err}", hint=_RESTORE)


def _check_digest(file: Path, expected: str, found: str) -> None:
    if f"sha256:{found}" != expected:
        raise RegistryError(f"{file}: the evidence was changed: its digest is sha256:{found}", hint=_RESTORE)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _checked_suffix(suffix: str) -> str:
    if re.fullmatch(r"\.?[A-Za-z0-9]+(\.[A-Za-z0-9]+)*", suffix) is None:
        raise ValueError(f"suffix {suffix!r} is not a file name's ending, such as .json")
    return suffix if suffix.startswith(".") else "." + suffix
