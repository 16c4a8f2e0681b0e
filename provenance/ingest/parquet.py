"""Parquet: only columns that hold text or tokens, row group by row group; they pass from Arrow's buffers without becoming Python strings where their shape allows."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from provenance.errors import ShardReadError
from provenance.ingest.batches import BATCH_BYTES
from provenance.ingest.columns import ColumnRows, OddColumnError, collect_rows, column_pieces
from provenance.ingest.fields import find_unread, id_text, wild_path
from provenance.ingest.files import open_binary, read_head
from provenance.ingest.interface import Stream
from provenance.ingest.layout import Layout, parquet_paths, plan_columns
from provenance.ingest.lengths import are_alone
from provenance.ingest.problems import ProblemLog
from provenance.ingest.token_fields import LABELS, NO_IDS, TokenLists, count_unread, labels_beyond
from provenance.ingest.walk import text_of
from provenance.model.dataset import ShardFormat
from provenance.ports import TextBatch
from provenance.storage.stores import PLAIN_STORES, Stores

MAX_BATCH_ROWS = 8_192
"""A repeated long value is stored once in a Parquet dictionary: few rows at a time keep what it unfolds to in bounds."""
_VALUE_ERRORS = (pa.ArrowException, ValueError, OverflowError)
"""What Arrow raises of a value that Python cannot hold: years beyond 9999, unknown time zones, structs with a name twice, text that is no UTF-8."""
_READ_ERRORS = (pa.ArrowException, OSError, EOFError, UnicodeDecodeError)


class ColumnStream(Stream):
    """Rows of a file that comes in Arrow record batches."""

    keys_are_text = False

    def _plan(self, schema: pa.Schema) -> Layout:
        return plan_columns(schema, self.location, text_field=self.text_field, tokens=self.tokens)

    def _take(self, columns: pa.RecordBatch, layout: Layout) -> Iterator[TextBatch]:
        for name in layout.unread:
            rows, alone = count_unread(columns.column(name))
            self._rows.unread.count({name: alone} if rows else {}, rows)
        if layout.tokens:
            yield from self._take_tokens(columns, layout)
        else:
            yield from self._take_text(columns, layout)

    def _take_tokens(self, columns: pa.RecordBatch, layout: Layout) -> Iterator[TextBatch]:
        """Take records with token ids, each with its text: rows of a record stand together."""
        lists = [TokenLists(columns.column(name)) for name in layout.tokens]
        has_text = bool(layout.text or layout.others)
        needed = not has_text or (self.tokens is not None and self.tokens.field is not None)
        records = row_records(columns, layout.columns) if has_text else None
        for row, doc_id in enumerate(_ids(columns, layout.ids)):
            index, there = self._records, any(column.there[row] for column in lists)
            if records is None:
                self._records += 1
            else:
                self._take_record(next(records), has_tokens=there)
            if needed and not there:
                self._log.add(f"no tokens in field {' or '.join(map(repr, layout.tokens))}", record=index)
            yield from self._take_lists(row, lists, layout.tokens, index=index, doc_id=doc_id)
            if self._rows.full and (batch := self._rows.take()) is not None:
                yield batch

    def _take_lists(self, row: int, lists: Sequence[TokenLists], names: Sequence[str], *, index: int, doc_id: str | None) -> Iterator[TextBatch]:
        before: list[NDArray[np.int64]] = []
        for name, column in zip(names, lists, strict=True):
            ids = column.ids(row)
            if ids is None:
                self._log.add(f"field {name!r} {NO_IDS}", record=index)
                continue
            before.append(labels_beyond(ids, before) if name == LABELS and len(names) > 1 else ids)
            yield from self._rows.add_tokens(before[-1], name, index=index, doc_id=doc_id)

    def _take_record(self, record: dict[str, Any] | str, *, has_tokens: bool = False) -> None:
        if isinstance(record, str):
            self._log.add(record, record=self._records)
            self._records += 1
        else:
            self._add(record, has_tokens=has_tokens)

    def _take_text(self, columns: pa.RecordBatch, layout: Layout) -> Iterator[TextBatch]:
        rows = None
        if self.text_field is None:
            rows = collect_rows(columns, layout.text, layout.others)
        elif self.text_field in layout.text:
            rows = collect_rows(columns, layout.text, ())
        if rows is not None:
            batch = self._batch_of(rows, columns, layout)
            if batch is not None:
                yield batch
            return
        for record in row_records(columns, layout.columns):
            self._take_record(record)
            if self._rows.full and (batch := self._rows.take()) is not None:
                yield batch

    def _batch_of(self, rows: ColumnRows, columns: pa.RecordBatch, layout: Layout) -> TextBatch | None:
        """Make a batch of a record batch's rows; a record that has none is a problem."""
        n = columns.num_rows
        for row in np.flatnonzero(np.bincount(rows.record, minlength=n) == 0).tolist():
            fields = _record(row, {name: columns.column(name) for name in layout.columns})
            trouble = fields if isinstance(fields, str) else self._rows.no_rows(fields, layout.names)
            if trouble is not None:
                self._log.add(trouble, record=self._records + row)
        if self.text_field is not None:
            for name in layout.others:
                self._count_unread(columns.column(name), name)
        record = rows.record + self._records
        self._records += n
        if not len(record):
            return None
        self._rows.rows_given += len(record)
        data, offsets = _buffers(rows.text)
        doc_ids = _ids(columns, layout.ids)
        if len(record) != n:
            doc_ids = [doc_ids[row] for row in rows.record.tolist()]
        return TextBatch(data, offsets, record, np.zeros(len(record), np.int64), rows.code, rows.names, doc_ids)

    def _count_unread(self, array: pa.Array[Any], name: str) -> None:
        """Count the records that hold long text in a column that is not read."""
        try:
            pieces = column_pieces(array, name, every=False)
        except OddColumnError:
            for value in array:
                self._rows.unread.count(_unread(value, name))
            return
        records: dict[str, set[int]] = {}
        alone: dict[str, bool] = {}
        for piece in pieces:
            path = wild_path(piece.names[0])
            records.setdefault(path, set()).update(piece.record.tolist())
            alone[path] = alone.get(path, False) or bool(are_alone(piece.text).any())
        for path, found in records.items():
            self._rows.unread.count({path: alone[path]}, len(found))


class ParquetStream(ColumnStream):
    """Rows of a Parquet file."""

    format = ShardFormat.PARQUET

    def _batches(self) -> Iterator[TextBatch]:
        with open_parquet(self.location, self.stores) as (file, size_bytes):
            groups = file.num_row_groups
            layout = self._plan(file.schema_arrow)
            paths = parquet_paths(file, layout)
            first_record = 0
            for group in range(groups):
                for columns in iter_columns(file, group, paths, self._log):
                    yield from self._take(columns, layout)
                first_record += file.metadata.row_group(group).num_rows
                self._records = first_record
                self._bytes_read = size_bytes * (group + 1) // groups
        if (batch := self._rows.take()) is not None:
            yield batch


def _unread(value: pa.Scalar[Any], name: str) -> dict[str, bool]:
    try:
        return find_unread({name: value.as_py()}, None)
    except (RecursionError, *_VALUE_ERRORS):
        return {name: True}  # what cannot be looked at is not known to be short


@contextmanager
def open_parquet(location: str, stores: Stores) -> Iterator[tuple[pq.ParquetFile, int]]:
    """Open a Parquet file, give it with its size in bytes, and close it afterwards.

    Raises:
        ShardReadError: If it cannot be opened or has no footer.
    """
    read_head(location, stores)
    raw = open_binary(location, stores, in_ranges=True)
    try:
        try:
            size_bytes = raw.seek(0, io.SEEK_END)
            file = pq.ParquetFile(raw)
        except _READ_ERRORS as err:
            raise ShardReadError(
                f"{location}: cannot be read as Parquet; it is cut short or no Parquet file: {first_line(err)}", hint="fetch or write it again"
            ) from err
        with file:
            yield file, size_bytes
    finally:
        raw.close()


def iter_columns(file: pq.ParquetFile, group: int, names: Sequence[str], log: ProblemLog) -> Iterator[pa.RecordBatch]:
    """Yield a row group's columns in record batches of bounded size; where it is damaged, note it and end."""
    # Only figures that Arrow takes from the footer as they are: its column details end the process where the footer is damaged (pyarrow 26).
    meta = file.metadata.row_group(group)
    batch_rows = min(MAX_BATCH_ROWS, max(1, meta.num_rows * BATCH_BYTES // max(meta.total_byte_size, 1)))
    rows = 0
    try:
        for columns in file.iter_batches(batch_size=batch_rows, row_groups=[group], columns=list(names), use_threads=False):
            rows += columns.num_rows
            yield columns
    except _READ_ERRORS as err:
        log.add(f"row group {group} of {file.num_row_groups} is damaged: {first_line(err)}")
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


def _ids(columns: pa.RecordBatch, names: Sequence[str]) -> list[str | None]:
    if not names:
        return [None] * columns.num_rows
    try:
        values = [columns.column(name).to_pylist() for name in names]
    except _VALUE_ERRORS:
        return [None] * columns.num_rows
    return [id_text(dict(zip(names, row, strict=True)), tuple(names)) for row in zip(*values, strict=True)]


def row_records(columns: pa.RecordBatch, names: Sequence[str]) -> Iterator[dict[str, Any] | str]:
    """Yield each row as a record, or why it is none."""
    arrays = {name: columns.column(name) for name in names}
    for row in range(columns.num_rows):
        yield _record(row, arrays)


def _record(row: int, arrays: Mapping[str, Any]) -> dict[str, Any] | str:
    """Return a row as a record, or why it is none."""
    record: dict[str, Any] = {}
    for name, array in arrays.items():
        try:
            record[name] = array[row].as_py()
        except UnicodeDecodeError as err:
            where = f"byte 0x{err.object[err.start]:02x} at byte {err.start + 1:,} of the field ({err.reason})"
            return f"field {name!r} is not UTF-8: {where}"
        except _VALUE_ERRORS as err:
            return f"field {name!r} cannot be read: {first_line(err)}"
    return record


def iter_parquet_records(location: str, log: ProblemLog, stores: Stores = PLAIN_STORES) -> Iterator[tuple[int, int, object]]:
    """Yield (0-based record, line 0, record with all its columns) of a Parquet file; what cannot be read goes to the log.

    Raises:
        ShardReadError: If the file cannot be opened.
    """
    with open_parquet(location, stores) as (file, _):
        names, first_record = list(file.schema_arrow.names), 0
        for group in range(file.num_row_groups):
            index = first_record
            for columns in iter_columns(file, group, names, log):
                for record in row_records(columns, names):
                    if isinstance(record, str):
                        log.add(record, record=index)
                    else:
                        yield index, 0, {name: _text_or_raw(value) for name, value in record.items()}
                    index += 1
            first_record += file.metadata.row_group(group).num_rows


def _text_or_raw(value: object) -> object:
    text = text_of(value) if isinstance(value, bytes) else None
    return value if text is None else text


def first_line(err: BaseException) -> str:
    """Return the first line of what an error says, for messages."""
    text = str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__
    return text[:200]
