"""Arrow IPC files and streams, record batch by record batch: what the Hugging Face library keeps a dataset in."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pyarrow as pa

from provenance.errors import ShardReadError
from provenance.ingest.batches import BATCH_BYTES
from provenance.ingest.files import open_binary, read_head
from provenance.ingest.parquet import MAX_BATCH_ROWS, ColumnStream, first_line
from provenance.ingest.problems import ProblemLog
from provenance.model.dataset import ShardFormat
from provenance.ports import TextBatch
from provenance.storage.stores import Stores
from provenance.storage.urls import is_url, local_path

_FILE_MAGIC = b"ARROW1"
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"
"""The end mark of a stream (Arrow columnar format, IPC streaming format)."""
_NO_END = "ends without an end mark: what follows may be missing"
_READ_ERRORS = (pa.ArrowException, OSError, EOFError, ValueError)


class ArrowStream(ColumnStream):
    """Rows of an Arrow IPC file or stream."""

    format = ShardFormat.ARROW

    def _batches(self) -> Iterator[TextBatch]:
        with _reading(self.location, self.stores) as (source, size_bytes, reader, is_file):
            layout = self._plan(reader.schema)
            for columns in _record_batches(reader, self._log, lambda: self._records):
                yield from self._take(columns.select(sorted({*layout.columns, *layout.tokens, *layout.unread})), layout)
                self._bytes_read = min(source.tell(), size_bytes)
            self._bytes_read = size_bytes
            if not is_file and not _ends(source, size_bytes):
                self._log.add(_NO_END)
        if (batch := self._rows.take()) is not None:
            yield batch


def iter_arrow_batches(location: str, log: ProblemLog, stores: Stores) -> Iterator[pa.RecordBatch]:
    """Yield a file's record batches with all their columns, in slices of bounded size; what cannot be read goes to the log.

    Raises:
        ShardReadError: If the file cannot be opened.
    """
    with _reading(location, stores) as (source, size_bytes, reader, is_file):
        rows = [0]
        for columns in _record_batches(reader, log, lambda: sum(rows)):
            rows.append(columns.num_rows)
            yield columns
        if not is_file and not _ends(source, size_bytes):
            log.add(_NO_END)


@contextmanager
def _reading(location: str, stores: Stores) -> Iterator[tuple[Any, int, Any, bool]]:
    """Open a file and give it with its size, its reader, and whether it is a file and no stream."""
    is_file = read_head(location, stores).startswith(_FILE_MAGIC)
    with _open(location, stores) as source:
        try:
            size_bytes = source.size()
            reader: Any = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
        except _READ_ERRORS as err:
            raise ShardReadError(
                f"{location}: cannot be read as Arrow; it is cut short or no Arrow file: {first_line(err)}", hint="fetch or write it again"
            ) from err
        yield source, size_bytes, reader, is_file


def _record_batches(reader: Any, log: ProblemLog, records: Callable[[], int]) -> Iterator[pa.RecordBatch]:
    """Yield record batches in slices of bounded size; where one is damaged, note it and end."""
    batches = (reader.get_batch(i) for i in range(reader.num_record_batches)) if isinstance(reader, pa.RecordBatchFileReader) else iter(reader)
    try:
        for batch in batches:
            batch.validate(full=True)  # offsets are otherwise believed, whatever they point at
            rows = min(MAX_BATCH_ROWS, max(1, batch.num_rows * BATCH_BYTES // max(batch.nbytes, 1)))
            for start in range(0, batch.num_rows, rows):
                yield batch.slice(start, rows)
    except _READ_ERRORS as err:
        log.add(f"a record batch after record {records():,} is damaged, what follows is not read: {first_line(err)}")


@contextmanager
def _open(location: str, stores: Stores) -> Iterator[Any]:
    if is_url(location):
        with open_binary(location, stores) as raw, pa.PythonFile(cast("io.IOBase", raw), "r") as source:
            yield source
    else:
        try:
            mapped = pa.memory_map(local_path(location))
        except OSError as err:
            raise ShardReadError(f"{location}: cannot be opened: {first_line(err)}") from err
        with mapped:
            yield mapped


def _ends(source: Any, size_bytes: int) -> bool:
    source.seek(max(0, size_bytes - len(_END)), io.SEEK_SET)
    return bool(source.read(len(_END)) == _END)
