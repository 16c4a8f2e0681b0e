"""The store of bulky results beside the database: files named by the SHA-256 of their bytes, so that a row's digest is all it takes to find and trust one.

A file appears whole or not at all (written aside, synced, renamed) and is checked against its name whenever it is read.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from provenance.errors import RegistryError
from provenance.fingerprint.digest import hash_file, is_digest
from provenance.model.match import AlsoIn, Explanation, Match, MatchMethod, Suspect
from provenance.model.reference import ReferenceKind

Value = TypeVar("Value")
_MATCHES_SUFFIX = ".matches.parquet"
_SUSPECTS_SUFFIX = ".suspects.parquet"
_ROWS_PER_GROUP = 20_000
_ALSO_FIELDS = (("reference_set", pa.string()), ("reference", pa.string()), ("start", pa.int64()), ("end", pa.int64()), ("score", pa.float64()))
_ALSO = pa.list_(pa.struct(list(_ALSO_FIELDS)))
_TEXTS = ("scan", "shard", "path", "doc_id", "field", "reference_set", "reference", "kind", "method")
_NUMBERS = ("record", "start", "end", "reference_start", "reference_end", "words", "aligned_words", "longest_run")
_REALS = ("exact_jaccard", "exact_containment", "document_jaccard", "score", "chance_alarms_per_million", "ci_low", "ci_high")
_FIELDS: list[pa.Field[Any]] = [pa.field(name, pa.string(), nullable=False) for name in _TEXTS]
_FIELDS += [pa.field(name, pa.int64(), nullable=False) for name in _NUMBERS]
_FIELDS += [pa.field(name, pa.float64(), nullable=False) for name in _REALS]
_FIELDS += [pa.field("line", pa.int64()), pa.field("also", _ALSO, nullable=False)]
_FIELDS += [pa.field("explained", pa.bool_(), nullable=False), pa.field("because", pa.string())]
_TOKENS: list[pa.Field[Any]] = [pa.field("token_start", pa.int64()), pa.field("token_end", pa.int64())]
MATCH_SCHEMA = pa.schema([*_FIELDS, *_TOKENS], metadata={"format": "provenance.matches", "version": "3"})
"""Columns of a matches file: FORMATS, match. ``line`` is null where a format has none, ``because`` where a match is not explained, the tokens where the
shard holds text."""
_READABLE = (MATCH_SCHEMA, pa.schema(_FIELDS))
"""With what the second version had: no tokens. Files of the first did not say in which set the other references of a match are: scans are done again."""

_SUSPECT_TEXTS = ("scan", "shard", "path", "doc_id", "field", "pattern", "kind", "provider", "text")
_SUSPECT_FIELDS: list[pa.Field[Any]] = [pa.field(name, pa.string(), nullable=False) for name in _SUSPECT_TEXTS]
_SUSPECT_FIELDS += [pa.field(name, pa.int64(), nullable=False) for name in ("record", "start", "end")]
_SUSPECT_FIELDS += [pa.field("line", pa.int64())]
SUSPECT_SCHEMA = pa.schema(_SUSPECT_FIELDS, metadata={"format": "provenance.suspects", "version": "1"})
"""Columns of a suspects file."""


class EvidenceFolder:
    """Implements ``ports.EvidenceStore`` in a folder, which is made when the first file is put."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_matches(self, matches: Iterable[Match]) -> str:
        """Store matches as Parquet and return the digest of the file.

        Raises:
            RegistryError: If they cannot be written.

        Cost:
            Memory of 20,000 matches at a time.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".writing-", delete=False) as file:
                aside = Path(file.name)
                try:
                    _write_matches(file, matches)
                    return self._publish(aside, file, suffix=_MATCHES_SUFFIX)
                finally:
                    aside.unlink(missing_ok=True)
        except (OSError, pa.ArrowException, UnicodeError, OverflowError) as err:
            raise RegistryError(f"{self._folder}: matches cannot be stored: {err}", hint="check the evidence folder and the disk") from err

    def get_matches(self, digest: str) -> list[Match]:
        """Return stored matches, verified against their digest.

        Raises:
            RegistryError: If the file is missing, changed or not a matches file.
        """
        return self._read(digest, _MATCHES_SUFFIX, _READABLE, _match)

    def put_suspects(self, suspects: Iterable[Suspect]) -> str:
        """Store suspects as Parquet and return the digest of the file.

        Raises:
            RegistryError: If they cannot be written.
        """
        rows = list(suspects)
        file = BytesIO()
        try:
            pq.write_table(
                pa.table({name: [getattr(s, name) for s in rows] for name in SUSPECT_SCHEMA.names}, SUSPECT_SCHEMA), file, compression="zstd"
            )
        except (pa.ArrowException, UnicodeError, OverflowError) as err:
            raise RegistryError(f"{self._folder}: suspects cannot be stored: {err}") from err
        return self.put_bytes(file.getvalue(), suffix=_SUSPECTS_SUFFIX)

    def get_suspects(self, digest: str) -> list[Suspect]:
        """Return stored suspects, verified against their digest.

        Raises:
            RegistryError: If the file is missing, changed or not such a file.
        """
        return self._read(digest, _SUSPECTS_SUFFIX, (SUSPECT_SCHEMA,), lambda row: Suspect(**row))

    def _read(self, digest: str, suffix: str, schemas: Sequence[pa.Schema], make: Callable[[dict[str, Any]], Value]) -> list[Value]:
        """Return what a Parquet file of one of some schemas holds, verified against its digest."""
        raw, what = self.get_bytes(digest, suffix=suffix), suffix.split(".")[1]
        try:
            table = pq.read_table(BytesIO(raw), use_threads=False, pre_buffer=False)
            if table.schema not in schemas:
                raise RegistryError(f"{self.place(digest, suffix=suffix)}: not a {what} file of a known version")
            return [make(row) for row in table.to_pylist()]
        except (pa.ArrowException, ValueError, TypeError, OSError) as err:
            raise RegistryError(f"{self.place(digest, suffix=suffix)}: cannot be read as {what}: {err}") from err

    def put_bytes(self, raw: bytes, *, suffix: str) -> str:
        """Store bytes and return their digest.

        Raises:
            RegistryError: If they cannot be written.
            ValueError: If the suffix is not a file name's ending.
        """
        suffix = _checked_suffix(suffix)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._folder, prefix=".writing-", delete=False) as file:
                aside = Path(file.name)
                try:
                    file.write(raw)
                    return self._publish(aside, file, suffix=suffix)
                finally:
                    aside.unlink(missing_ok=True)
        except OSError as err:
            raise RegistryError(f"{self._folder}: evidence cannot be stored: {err}", hint="check the evidence folder and the disk") from err

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
            raise RegistryError(f"{file}: evidence cannot be read: {err.strerror}", hint="restore it from a backup, or scan again") from err
        found = "sha256:" + hashlib.sha256(raw).hexdigest()
        if found != digest:
            raise RegistryError(f"{file}: the evidence was changed: its digest is {found}", hint="restore it from a backup, or scan again")
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

    def _publish(self, aside: Path, file: Any, *, suffix: str) -> str:
        file.flush()
        os.fsync(file.fileno())
        file.close()
        digest, _ = hash_file(aside)
        target = self.place(digest, suffix=suffix)
        target.parent.mkdir(exist_ok=True)
        aside.chmod(0o644)
        aside.replace(target)  # also heals a damaged file of this name
        for folder in (target.parent, self._folder):
            _sync_folder(folder)
        return digest


def _write_matches(file: Any, matches: Iterable[Match]) -> None:
    stream = iter(matches)
    with pq.ParquetWriter(file, MATCH_SCHEMA, compression="zstd") as writer:
        while chunk := list(itertools.islice(stream, _ROWS_PER_GROUP)):
            writer.write_table(_table(chunk))


def _table(matches: list[Match]) -> pa.Table:
    # Column by column: the generic wire form took ten times as long.
    columns: dict[str, list[Any]] = {name: [getattr(m, name) for m in matches] for name in MATCH_SCHEMA.names}
    for name in ("kind", "method", "because"):
        columns[name] = [None if v is None else v.value for v in columns[name]]
    columns["also"] = [[{name: getattr(a, name) for name, _ in _ALSO_FIELDS} for a in also] for also in columns["also"]]
    return pa.table(columns, schema=MATCH_SCHEMA)


def _match(row: dict[str, Any]) -> Match:
    because = row["because"]
    row |= {"kind": ReferenceKind(row["kind"]), "method": MatchMethod(row["method"]), "because": None if because is None else Explanation(because)}
    row["also"] = tuple(AlsoIn(**a) for a in row["also"])
    return Match(**row)


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
