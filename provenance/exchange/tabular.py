"""Manifests as CSV or Parquet: one row a shard, with the dataset it belongs to and, in further columns, what holds for that dataset.

Columns: ``dataset`` (else the file's name is the dataset), ``path``, ``sha256``, ``size_bytes``; optional ``root``, ``records``, ``words``, ``license`` and the
facts of ``FACT_COLUMNS``. A table without ``path`` describes datasets only. Rows are staged in a temporary database on disk, which sorts them: a million
rows take no more memory than a thousand.
"""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from provenance.audit.imports import ImportedDataset
from provenance.errors import ManifestError
from provenance.exchange.shard_files import MAX_SIZE, FormatOf, by_ending, declared_shard
from provenance.exchange.sources import Reading, SourceRead, collected
from provenance.exchange.table_facts import FACT_COLUMNS, TableFacts
from provenance.fingerprint.digest import hash_file
from provenance.model.dataset import LicensePart, Shard, ShardFormat

SHARD_COLUMNS = ("dataset", "path", "sha256", "size_bytes", "root", "records", "words")
MAX_ROWS = 20_000_000
MAX_CELL = 64 << 20
"""Longest CSV cell read, characters; what a fact keeps is far less."""
MAX_PROBLEMS = 100
"""Rows named that cannot be read; the others are counted."""
_BATCH = 10_000
_SCHEMA = """CREATE TABLE shard (dataset INTEGER, path TEXT, root TEXT, sha256 TEXT, size INTEGER, records INTEGER, words INTEGER, format TEXT,
license INTEGER, row INTEGER)"""
_ORDER = "SELECT path, root, sha256, size, records, words, format, license FROM shard WHERE dataset = ? ORDER BY path, root"
Row = tuple[int, dict[str, Any]]


def read_table(path: Path, *, name: str, format_of: FormatOf, root: str, stack: ExitStack) -> SourceRead:
    """Return the datasets of a manifest; their shards are read from the staged rows as long as ``stack`` is open.

    Args:
        path: The table.
        name: What the file is called in evidence and problems.
        format_of: Tells a shard's format by its path.
        root: The data root of rows that name none.
        stack: Holds the temporary database.

    Raises:
        ManifestError: If the file cannot be read as a table at all.
    """
    reading = Reading(name)
    try:
        digest, _ = hash_file(path)
    except OSError as err:
        raise ManifestError(f"{path}: cannot be read: {err.strerror or err}") from err
    stage = _Stage(stack)
    columns, rows = _parquet(path, stack, reading) if path.suffix in {".parquet", ".pq"} else _csv(path, stack, reading)
    _check_columns(columns, name, reading)
    table = _Table(reading, stage, TableFacts(reading, name, digest), _Defaults(dataset=path.stem, root=root, format_of=by_ending(format_of)))
    for number, row in rows:
        table.add(number, row)
    return replace(table.finish(with_shards={"path", "sha256", "size_bytes"} <= set(columns)), sha256=digest)


@dataclass(frozen=True, slots=True)
class _Defaults:
    dataset: str
    root: str
    format_of: FormatOf


@dataclass(slots=True)
class _Table:
    """Takes rows one by one; nothing that grows with them stays in memory."""

    reading: Reading
    stage: _Stage
    facts: TableFacts
    defaults: _Defaults
    faults: int = 0
    rows: int = 0
    names: dict[str, str] = field(default_factory=dict)
    """What rows call a dataset → its name, empty where none can be made of it."""
    numbers: dict[str, int] = field(default_factory=dict)

    def add(self, number: int, row: Mapping[str, Any]) -> None:
        """Take a row."""
        self.rows += 1
        given = _text(row.get("dataset")) or self.defaults.dataset
        if given not in self.names:
            self.names[given] = self.reading.name(given, f"row {number}: dataset")
        name = self.names[given]
        if not name:
            return
        key = self.numbers.setdefault(name, len(self.numbers))
        license_number = self.facts.add(name, row)
        if row.get("path") is not None:
            shard = self._shard(row)
            if isinstance(shard, str):
                self._fault(number, shard)
            else:
                self.stage.add((key, *shard, license_number, number))

    def _shard(self, row: Mapping[str, Any]) -> tuple[Any, ...] | str:
        size, records, words = (_number(row.get(c)) for c in ("size_bytes", "records", "words"))
        if size is None or size < 0:
            return f"size_bytes is {str(row.get('size_bytes'))[:40]!r}, expected a whole number"
        if (records or 0) < 0 or (words or 0) < 0:
            return f"records or words is {str(row.get('records'))[:40]!r}, expected a whole number or nothing"
        root = _text(row.get("root")) or self.defaults.root
        shard = declared_shard(str(row["path"]), _text(row.get("sha256")), size, root=root, format_of=self.defaults.format_of)
        if isinstance(shard, str):
            return shard
        return shard.path, root, shard.sha256, size, records, words, shard.format.value

    def _fault(self, number: int, message: str) -> None:
        self.faults += 1
        if self.faults <= MAX_PROBLEMS:
            self.reading.problem(f"row {number}: {message}")

    def finish(self, *, with_shards: bool) -> SourceRead:
        """Return the datasets, their repeated rows told and left out."""
        if self.faults > MAX_PROBLEMS:
            self.reading.problem(f"and {self.faults - MAX_PROBLEMS} more rows that cannot be recorded")
        if not self.rows:
            self.reading.problem("holds no rows: nothing of it is imported")
        names = {number: name for name, number in self.numbers.items()}
        self.stage.close(names, self.reading)
        datasets = []
        for number, name in names.items():
            dataset, licenses = self.facts.dataset(name)
            source = _Shards(self.stage, number, licenses if len(licenses) > 1 else ()) if with_shards and self.stage.holds(number) else None
            datasets.append(ImportedDataset(dataset=dataset, where=self.reading.file, shards=source))
        return collected([self.reading], datasets)


class _Stage:
    """Rows on disk, sorted there."""

    def __init__(self, stack: ExitStack) -> None:
        folder = stack.enter_context(TemporaryDirectory(prefix="provenance-import-"))
        self._db = stack.enter_context(closing(sqlite3.connect(Path(folder) / "rows.sqlite")))
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.execute(_SCHEMA)
        self._pending: list[tuple[Any, ...]] = []

    def add(self, row: tuple[Any, ...]) -> None:
        self._pending.append(row)
        if len(self._pending) == _BATCH:
            self._flush()

    def close(self, names: Mapping[int, str], reading: Reading) -> None:
        """Sort the rows, leave out exact repeats, and tell of paths that stand for two files: these are left out whole."""
        self._flush()
        self._db.execute("CREATE INDEX in_order ON shard (dataset, path, root)")
        self._db.execute(
            "CREATE TEMP TABLE twice AS SELECT dataset, path FROM shard GROUP BY dataset, path HAVING COUNT(DISTINCT sha256 || ' ' || size) > 1"
        )
        first = self._db.execute("SELECT dataset, path FROM twice ORDER BY dataset, path LIMIT ?", (MAX_PROBLEMS + 1,))
        for number, (dataset, path) in enumerate(first):
            at_most = number < MAX_PROBLEMS
            reading.problem(
                f"{names[dataset]}: {path[:80]!r} stands for two different files: neither is recorded" if at_most else "and more such paths"
            )
        self._db.execute("DELETE FROM shard WHERE (dataset, path) IN (SELECT dataset, path FROM twice)")
        gone = self._db.execute("DELETE FROM shard WHERE rowid NOT IN (SELECT MIN(rowid) FROM shard GROUP BY dataset, path, root)").rowcount
        if gone:
            reading.note(f"{gone} rows repeat another row and count once")

    def holds(self, dataset: int) -> bool:
        return self._db.execute("SELECT 1 FROM shard WHERE dataset = ? LIMIT 1", (dataset,)).fetchone() is not None

    def rows(self, dataset: int) -> Iterator[tuple[Any, ...]]:
        cursor = self._db.execute(_ORDER, (dataset,))
        while batch := cursor.fetchmany(_BATCH):
            yield from batch

    def _flush(self) -> None:
        self._db.executemany("INSERT INTO shard VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", self._pending)
        self._pending = []


@dataclass(frozen=True, slots=True)
class _Shards:
    """Gives the shards of one dataset, as often as it is called."""

    stage: _Stage
    dataset: int
    licenses: tuple[tuple[str, str], ...]
    """(expression, wording) by number, where the rows name more than one licence: then each shard says which are its own."""

    def __call__(self) -> Iterator[Shard]:
        forms = {f.value: f for f in ShardFormat}
        for path, root, sha256, size, records, words, form, number in self.stage.rows(self.dataset):
            parts: tuple[LicensePart, ...] = ()
            if self.licenses and number is not None and records is not None:
                value, original = self.licenses[number]
                parts = (LicensePart(value=value, original=original, records=records, words=words),)
            yield Shard(path=path, root=root, sha256=sha256, size_bytes=size, records=records, words=words, format=forms[form], licenses=parts)


def _check_columns(columns: tuple[str, ...], name: str, reading: Reading) -> None:
    given = set(columns)
    if not given & {"path", "dataset"}:
        shown = ", ".join(columns)[:200] or "none"
        raise ManifestError(f"{name}: has neither a column 'dataset' nor 'path'; it has {shown}", hint="see docs/formats/imports.md for the columns")
    missing = [c for c in ("sha256", "size_bytes") if c not in given]
    if "path" in given and missing:
        reading.problem(f"the column {missing[0]!r} is missing: no file is recorded, only what holds for the datasets")
    unknown = [c for c in columns if c not in {*SHARD_COLUMNS, *FACT_COLUMNS}]
    if unknown:
        reading.note(f"columns that are not taken: {', '.join(c[:40] for c in unknown[:20])}")


def _csv(path: Path, stack: ExitStack, reading: Reading) -> tuple[tuple[str, ...], Iterator[Row]]:
    stack.callback(csv.field_size_limit, csv.field_size_limit(MAX_CELL))  # the limit is the module's; it is put back when the import is over
    try:
        file = stack.enter_context(path.open(encoding="utf-8-sig", errors="surrogateescape", newline=""))
        reader = csv.reader(file, strict=True, delimiter="\t" if path.suffix == ".tsv" else ",")
        columns = tuple(c.strip() for c in next(reader, ()))
    except (OSError, csv.Error) as err:
        raise ManifestError(f"{path}: cannot be read as CSV: {err}") from err
    if len(set(columns)) != len(columns):
        raise ManifestError(f"{path}: a column is named twice", hint="name each column once")
    return columns, _csv_rows(reader, columns, reading)


def _csv_rows(reader: Any, columns: tuple[str, ...], reading: Reading) -> Iterator[Row]:
    faults = 0
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader)
            fault = "" if len(cells) in {0, len(columns)} else f"{len(cells)} cells, expected {len(columns)}"
        except StopIteration:
            break
        except csv.Error as err:
            cells, fault = [], f"not CSV: {err}"
        if fault:
            faults += 1
            if faults <= MAX_PROBLEMS:
                reading.problem(f"row {start}: {fault}: not imported")
        elif cells:
            _check_count(start)
            yield start, {c: v for c, v in zip(columns, cells, strict=True) if v}
    if faults > MAX_PROBLEMS:
        reading.problem(f"and {faults - MAX_PROBLEMS} more rows that are not CSV")


def _parquet(path: Path, stack: ExitStack, reading: Reading) -> tuple[tuple[str, ...], Iterator[Row]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = stack.enter_context(pq.ParquetFile(path))
        columns = tuple(file.schema_arrow.names)
    except (OSError, pa.ArrowException) as err:
        raise ManifestError(f"{path}: cannot be read as Parquet: {err}") from err
    wanted = [c for c in columns if c in {*SHARD_COLUMNS, *FACT_COLUMNS}]

    def rows() -> Iterator[Row]:
        number = 0
        try:
            for batch in file.iter_batches(batch_size=_BATCH, columns=wanted, use_threads=False):
                values = batch.to_pydict()
                for cells in zip(*(values[c] for c in wanted), strict=True):
                    number += 1
                    _check_count(number)
                    yield number, {c: v for c, v in zip(wanted, cells, strict=True) if v is not None and v != ""}
        except (OSError, pa.ArrowException) as err:
            reading.problem(f"row {number + 1}: the rest cannot be read: {err}")

    return columns, rows()


def _check_count(number: int) -> None:
    if number > MAX_ROWS:
        raise ManifestError(f"a manifest of more than {MAX_ROWS} rows", hint="split it")


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _number(value: object) -> int | None:
    """Return a whole number, ``None`` where none is given, -1 where it is none."""
    if value is None:
        return None
    try:
        found = int(str(value).strip()) if not isinstance(value, bool) else -1
    except ValueError:
        return -1
    return found if found <= MAX_SIZE else -1
