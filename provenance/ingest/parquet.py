"""Parquet: only the needed columns, row group by row group; plain text columns pass from Arrow's buffers without becoming Python strings."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from provenance.errors import ShardReadError
from provenance.ingest.batches import BATCH_BYTES, LONG_TEXT, list_names
from provenance.ingest.columns import ColumnRows, collect_rows, may_hold_text
from provenance.ingest.fields import ID_FIELDS, TEXT_FIELDS, id_text
from provenance.ingest.files import open_binary, read_head
from provenance.ingest.interface import Stream
from provenance.ingest.problems import ProblemLog
from provenance.model.dataset import ShardFormat
from provenance.ports import TextBatch

MAX_BATCH_ROWS = 8_192
"""A repeated long value is stored once in a Parquet dictionary: few rows at a time keep what it unfolds to in bounds."""
_SAMPLE_ROWS = 64
_READ_ERRORS = (pa.ArrowException, OSError, EOFError, UnicodeDecodeError)


class ParquetStream(Stream):
    """Text rows of a Parquet file."""

    format = ShardFormat.PARQUET

    def _batches(self) -> Iterator[TextBatch]:
        with open_parquet(self.location) as (file, size_bytes):
            groups = file.num_row_groups
            text = choose_columns(file.schema_arrow, self.text_field, self.location)
            ids = [name for name in ID_FIELDS if name in file.schema_arrow.names and name not in text]
            self._rows.left_out.update(dict.fromkeys(long_columns(file, text)))
            first_record = 0
            for group in range(groups):
                for columns in iter_columns(file, group, [*text, *ids], self._log):
                    yield from self._take(columns, text, ids)
                first_record += file.metadata.row_group(group).num_rows
                self._records = first_record
                self._bytes_read = size_bytes * (group + 1) // groups
        if (batch := self._rows.take()) is not None:
            yield batch

    def _take(self, columns: pa.RecordBatch, text: list[str], ids: list[str]) -> Iterator[TextBatch]:
        rows = collect_rows(columns, text) if self.text_field is None or self.text_field in text else None
        if rows is not None:
            batch = self._batch_of(rows, columns, text, ids)
            if batch is not None:
                yield batch
            return
        for record in _records(columns, text + ids):
            if isinstance(record, str):
                self._log.add(record, record=self._records)
                self._records += 1
            else:
                self._add(record)
            if self._rows.full and (batch := self._rows.take()) is not None:
                yield batch

    def _batch_of(self, rows: ColumnRows, columns: pa.RecordBatch, text: list[str], ids: list[str]) -> TextBatch | None:
        """Make a batch of a record batch's rows; a record that has none is a problem."""
        n = columns.num_rows
        for row in np.flatnonzero(np.bincount(rows.record, minlength=n) == 0):
            self._log.add(f"has no text in {list_names(dict.fromkeys(text))}", record=self._records + int(row))
        record = rows.record + self._records
        self._records += n
        if not len(record):
            return None
        self._rows.rows_given += len(record)
        data, offsets = _buffers(rows.text)
        doc_ids = _ids(columns, ids)
        if len(record) != n:
            doc_ids = [doc_ids[row] for row in rows.record.tolist()]
        return TextBatch(data, offsets, record, np.zeros(len(record), np.int64), rows.code, rows.names, doc_ids)


@contextmanager
def open_parquet(location: str) -> Iterator[tuple[pq.ParquetFile, int]]:
    """Open a Parquet file, give it with its size in bytes, and close it afterwards.

    Raises:
        ShardReadError: If it cannot be opened or has no footer.
    """
    read_head(location)
    raw = open_binary(location)
    try:
        try:
            size_bytes = raw.seek(0, io.SEEK_END)
            file = pq.ParquetFile(raw)
        except _READ_ERRORS as err:
            raise ShardReadError(
                f"{location}: cannot be read as Parquet; it is cut short or no Parquet file: {_first_line(err)}", hint="fetch or write it again"
            ) from err
        with file:
            yield file, size_bytes
    finally:
        raw.close()


def choose_columns(schema: pa.Schema, text_field: str | None, location: str) -> list[str]:
    """Return the top-level columns that hold text: those by convention, or the one that ``text_field`` starts at.

    Raises:
        ShardReadError: If there are none; the message names the columns.
    """
    names = list(schema.names)
    if text_field is None:
        chosen = [name for name in TEXT_FIELDS if name in names and may_hold_text(schema.field(name).type)]
    else:
        chosen = [name for name in (text_field, text_field.split(".")[0]) if name in names][:1]
    if not chosen:
        wanted = "no column holds text by its name" if text_field is None else f"no column {text_field!r}"
        raise ShardReadError(
            f"{location}: {wanted}; the columns are: {list_names(dict.fromkeys(names))}",
            hint="name the field: fields: {text: …} in the manifest, or --text-field",
        )
    return chosen


def long_columns(file: pq.ParquetFile, read: list[str]) -> list[str]:
    """Return the plain text columns that are not read and hold ``LONG_TEXT`` bytes or more in one of the first rows."""
    types = pa.types
    kinds = {field.name: field.type for field in file.schema_arrow if field.name not in {*read, *ID_FIELDS}}
    names = [name for name, kind in kinds.items() if types.is_string(kind) or types.is_large_string(kind)]
    if not names or not file.num_row_groups:
        return []
    try:
        first = next(file.iter_batches(batch_size=_SAMPLE_ROWS, row_groups=[0], columns=names, use_threads=False), None)
        return [name for name in names if first is not None and any(len(v or b"") >= LONG_TEXT for v in _stored(first.column(name)))]
    except _READ_ERRORS:
        return []  # damage is told where the text columns are read


def _stored(array: Any) -> list[bytes | None]:
    values: list[bytes | None] = array.cast(pa.large_binary()).to_pylist()
    return values


def iter_columns(file: pq.ParquetFile, group: int, names: list[str], log: ProblemLog) -> Iterator[pa.RecordBatch]:
    """Yield a row group's columns in record batches of bounded size; where it is damaged, note it and end."""
    # Only figures that Arrow takes from the footer as they are: its column details end the process where the footer is damaged (pyarrow 26).
    meta = file.metadata.row_group(group)
    batch_rows = min(MAX_BATCH_ROWS, max(1, meta.num_rows * BATCH_BYTES // max(meta.total_byte_size, 1)))
    rows = 0
    try:
        for columns in file.iter_batches(batch_size=batch_rows, row_groups=[group], columns=names, use_threads=False):
            rows += columns.num_rows
            yield columns
    except _READ_ERRORS as err:
        log.add(f"row group {group} of {file.num_row_groups} is damaged: {_first_line(err)}")
    else:
        if rows != meta.num_rows:  # Arrow reads what is there: without this a cut column would pass for a whole one
            log.add(f"row group {group} of {file.num_row_groups} is damaged: it has {rows:,} rows, the footer says {meta.num_rows:,}")


def _buffers(array: pa.LargeStringArray) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    _, offset_buffer, data_buffer = array.buffers()
    offsets = np.frombuffer(memoryview(offset_buffer or b""), np.int64)[array.offset : array.offset + len(array) + 1]
    data = np.frombuffer(memoryview(data_buffer or b""), np.uint8)
    start, end = int(offsets[0]), int(offsets[-1])
    shared = data[start:end]
    shared.setflags(write=False)  # Arrow's buffer, not ours; and kernels then see one array type for every format
    return shared, offsets - start


def _ids(columns: pa.RecordBatch, names: list[str]) -> list[str | None]:
    if not names:
        return [None] * columns.num_rows
    try:
        values = [columns.column(name).to_pylist() for name in names]
    except UnicodeDecodeError:
        return [None] * columns.num_rows
    return [id_text(dict(zip(names, row, strict=True)), tuple(names)) for row in zip(*values, strict=True)]


def _records(columns: pa.RecordBatch, names: list[str]) -> Iterator[dict[str, Any] | str]:
    """Yield each row as a record, or why it is none."""
    arrays = [columns.column(name) for name in names]
    for row in range(columns.num_rows):
        record: dict[str, Any] = {}
        try:
            for name, array in zip(names, arrays, strict=True):
                value = array[row].as_py()
                record[name] = value.decode() if isinstance(value, bytes) and name not in ID_FIELDS else value
        except UnicodeDecodeError as err:
            where = f"byte 0x{err.object[err.start]:02x} at byte {err.start + 1:,} of the field ({err.reason})"
            yield f"field {names[len(record)]!r} is not UTF-8: {where}"
        else:
            yield record


def iter_parquet_records(location: str, log: ProblemLog) -> Iterator[tuple[int, int, object]]:
    """Yield (0-based record, line 0, record with all its columns) of a Parquet file; what cannot be read goes to the log.

    Raises:
        ShardReadError: If the file cannot be opened.
    """
    with open_parquet(location) as (file, _):
        names, first_record = list(file.schema_arrow.names), 0
        for group in range(file.num_row_groups):
            index = first_record
            for columns in iter_columns(file, group, names, log):
                for record in _records(columns, names):
                    if isinstance(record, str):
                        log.add(record, record=index)
                    else:
                        yield index, 0, record
                    index += 1
            first_record += file.metadata.row_group(group).num_rows


def _first_line(err: BaseException) -> str:
    text = str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__
    return text[:200]
