"""The keys of a shard's records, read in one pass and in bounded memory (``ports.RecordReader``)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from provenance.errors import ShardReadError
from provenance.fingerprint.names import id_key
from provenance.fingerprint.wanted import KeyRole
from provenance.ingest.arrow import iter_arrow_batches
from provenance.ingest.files import ByteSource, read_head, split_name
from provenance.ingest.jsonl import iter_json_records
from provenance.ingest.parquet import iter_columns, open_parquet, row_records
from provenance.ingest.problems import ProblemLog, json_kind
from provenance.ingest.reader import Reader, format_of
from provenance.ingest.record_keys import OwnKeys, TooManyKeysError, keys_of
from provenance.ingest.text import read_document
from provenance.model.dataset import ShardFormat, Tokenizer
from provenance.model.match import ReadProblem
from provenance.ports.records import RecordKeys
from provenance.storage.stores import Stores

SCHEME = "records-2"
"""Names how records become keys. Another number whenever a file may give other keys or counts than before."""
BATCH_KEYS = 20_000
_Record = tuple[int, int, object]
_TOO_MANY = "holds more addresses, ids, names and texts than are looked at"


class KeyReader:
    """Opens shards for the keys of their records. Implements ``ports.RecordReader``."""

    def __init__(self, reader: Reader) -> None:
        """Take what opens shards."""
        self._reader = reader

    @property
    def scheme(self) -> str:
        """A name that changes whenever the keys that a file gives change."""
        return f"{SCHEME}+{self._reader.scheme}"

    def open_records(self, location: str, *, text_field: str | None = None, tokenizer: Tokenizer | None = None) -> KeyStream:
        """Open the shard at a local path or URL.

        Raises:
            ShardReadError: If the file is missing, empty, a folder, not permitted, or its format is unknown.
        """
        read_head(location, self._reader.stores)
        form = format_of(location)
        if form is None:
            raise ShardReadError(f"{location}: its format is unknown: the name ends in {split_name(location)[1] or 'nothing'!r}")
        return KeyStream(location, form, text_field, self._reader.stores, tokens=None if form in _RECORDS else (self._reader, tokenizer))


class KeyStream:
    """An open shard (``ports.RecordStream``): iterate it once."""

    def __init__(
        self, location: str, form: ShardFormat, text_field: str | None, stores: Stores, *, tokens: tuple[Reader, Tokenizer | None] | None
    ) -> None:
        self._location, self._form, self._text_field, self._stores, self._tokens = location, form, text_field, stores, tokens
        self._log = ProblemLog(location)
        self._told: Counter[str] = Counter()
        self._records = 0

    @property
    def records(self) -> int:
        """Records seen so far, unreadable ones included."""
        return self._records

    @property
    def unread(self) -> int:
        """Problems so far, all of them."""
        return self._log.count

    @property
    def problems(self) -> Sequence[ReadProblem]:
        """The first of them."""
        return self._log.items

    @property
    def told(self) -> Mapping[str, int]:
        """Records that tell each of ``host``, ``page``, ``id``, ``author``, and ``text``."""
        return self._told

    def __iter__(self) -> Iterator[RecordKeys]:
        """Yield batches of bounded size.

        Raises:
            ShardReadError: If the file cannot be read.
        """
        if self._form is ShardFormat.TEXT:
            yield self._document()
        elif self._tokens is not None:
            self._count_tokens(*self._tokens)
        else:
            yield from self._batches()

    def _document(self) -> RecordKeys:
        """Return the keys of a file that is one text: its stem names it."""
        with ByteSource(self._location, self._stores) as source:
            raw = read_document(source, self._location)
            if source.damage is not None:
                self._log.add(source.damage, record=0)
        self._records = 1
        own = OwnKeys()
        own.add(KeyRole.ID, id_key(split_name(self._location)[0]), "")
        own.add(KeyRole.DIGEST, hashlib.sha256(raw).hexdigest(), "text")
        own.told = {"id", "text"}
        batch = RecordKeys()
        self._take(batch, own, 0, 0)
        return batch

    def _count_tokens(self, reader: Reader, tokenizer: Tokenizer | None) -> None:
        """Count the records of a file of token ids, which carry nothing but their text."""
        stream = reader.open(self._location, text_field=self._text_field, tokenizer=tokenizer)
        for _ in stream:
            pass
        self._records = stream.records
        for problem in stream.problems:
            self._log.add(problem.message, line=problem.line, record=problem.record)

    def _batches(self) -> Iterator[RecordKeys]:
        batch = RecordKeys()
        for index, line, value in _RECORDS[self._form](self._location, self._log, self._stores):
            self._records = max(self._records, index + 1)
            own = self._read(value, index, line)
            if own is None:
                continue
            self._take(batch, own, index, line)
            if len(batch) >= BATCH_KEYS:
                yield batch
                batch = RecordKeys()
        self._records = max([self._records, *(p.record + 1 for p in self._log.items if p.record is not None)])
        if len(batch):
            yield batch

    def _read(self, value: object, index: int, line: int) -> OwnKeys | None:
        if not isinstance(value, dict):
            self._log.add(f"is {json_kind(value)}, expected an object with named fields", line=line or None, record=index)
            return None
        try:
            return keys_of(value, self._text_field)
        except RecursionError as err:
            self._log.add(str(err), line=line or None, record=index)
        except TooManyKeysError:
            self._log.add(_TOO_MANY, line=line or None, record=index)
        return None

    def _take(self, batch: RecordKeys, own: OwnKeys, index: int, line: int) -> None:
        self._told.update(own.told)
        for role, key, host, path in own.found:
            batch.role.append(role)
            batch.key.append(key)
            batch.host.append(host)
            batch.path.append(path)
            batch.record.append(index)
            batch.line.append(line)


def _parquet_records(location: str, log: ProblemLog, stores: Stores) -> Iterator[_Record]:
    with open_parquet(location, stores) as (file, _):
        names, first = list(file.schema_arrow.names), 0
        for group in range(file.num_row_groups):
            index = first
            for columns in iter_columns(file, group, names, log):
                yield from _rows(columns, index, log)
                index += columns.num_rows
            first += file.metadata.row_group(group).num_rows


def _arrow_records(location: str, log: ProblemLog, stores: Stores) -> Iterator[_Record]:
    index = 0
    for columns in iter_arrow_batches(location, log, stores):
        yield from _rows(columns, index, log)
        index += columns.num_rows


def _rows(columns: pa.RecordBatch, index: int, log: ProblemLog) -> Iterator[_Record]:
    """Yield the rows of a batch as records."""
    for row, record in enumerate(_as_records(columns), index):
        if isinstance(record, str):
            log.add(record, record=row)
        else:
            yield row, 0, record


def _as_records(columns: pa.RecordBatch) -> Iterator[dict[str, Any] | str]:
    try:
        yield from columns.to_pylist()
    except (pa.ArrowException, ValueError, OverflowError):  # one value that Python cannot hold: each row by itself
        yield from row_records(columns, columns.schema.names)


_RECORDS = {ShardFormat.JSONL: iter_json_records, ShardFormat.PARQUET: _parquet_records, ShardFormat.ARROW: _arrow_records}
"""What reads the records of each format that has fields."""
