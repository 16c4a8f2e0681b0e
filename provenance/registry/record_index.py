"""The index of a shard's records as an evidence file: written as the shard is read, and searched without holding it in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from provenance.errors import RegistryError
from provenance.fingerprint.wanted import KeyRole, RecordHit, Wanted

if TYPE_CHECKING:
    from provenance.ports.records import RecordKeys
    from provenance.registry.aside import Aside
    from provenance.registry.evidence import EvidenceFolder

NAME = "records"
SUFFIX = f".{NAME}.parquet"
_ROWS = 1 << 16
_LABEL = pa.dictionary(pa.int32(), pa.string())
RECORD_SCHEMA = pa.schema(
    [
        pa.field("role", _LABEL, nullable=False),
        pa.field("key", pa.string(), nullable=False),
        pa.field("host", _LABEL, nullable=False),
        pa.field("field", _LABEL, nullable=False),
        pa.field("record", pa.int64(), nullable=False),
        pa.field("line", pa.int64()),
    ],
    metadata={"format": "provenance.records", "version": "1"},
)
"""Columns of a record index: docs/formats, exclusions. ``line`` is null where a format has none, ``host`` is empty but for addresses."""


class RecordIndexWriter:
    """Writes one file aside, batch by batch (``ports.RecordIndexWriter``)."""

    def __init__(self, folder: EvidenceFolder) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self._opened: tuple[Aside, Any] | None = None

    def __enter__(self) -> Self:
        """Do nothing yet: the file is made when the first rows are written."""
        return self

    def __exit__(self, *_: object) -> None:
        """Remove what was not published."""
        self._stack.close()

    def add(self, keys: RecordKeys) -> None:
        """Take the keys of some records, in order.

        Raises:
            RegistryError: If they cannot be written.
        """
        try:
            _, writer = self._open()
            lines = [line or None for line in keys.line]
            columns: dict[str, list[Any]] = {
                "role": [r.value for r in keys.role],
                "key": keys.key,
                "host": keys.host,
                "field": keys.path,
                "record": keys.record,
                "line": lines,
            }
            writer.write_table(pa.table(columns, schema=RECORD_SCHEMA))
        except (OSError, pa.ArrowException, UnicodeError, OverflowError) as err:
            raise self._folder.refuse(NAME, err) from err

    def publish(self) -> str:
        """Store all of it and return the file's digest.

        Raises:
            RegistryError: If it cannot be written.
        """
        try:
            aside, writer = self._open()
            writer.close()
            return self._folder.publish(aside, suffix=SUFFIX)
        except (OSError, pa.ArrowException) as err:
            raise self._folder.refuse(NAME, err) from err

    def _open(self) -> tuple[Aside, Any]:
        if self._opened is None:
            aside = self._stack.enter_context(self._folder.writing())
            writer = pq.ParquetWriter(aside.file, RECORD_SCHEMA, compression="zstd")
            self._stack.callback(lambda: writer.close() if writer.is_open else None)
            self._opened = aside, writer
        return self._opened


def search_records(file: pq.ParquetFile, wanted: Wanted, *, where: str) -> Iterator[RecordHit]:
    """Yield the keys of an index that somebody looks for, in its order. Python objects are made of hosts, each once, and of what may fit.

    Raises:
        RegistryError: If the file cannot be read.
    """
    exact = {role: pa.array(sorted(keys), pa.string()) for role, keys in wanted.keys.items() if keys}
    try:
        for batch in file.iter_batches(_ROWS, use_threads=False):
            mask = _mask(batch, wanted, exact)
            for row in batch.filter(mask).to_pylist() if pc.any(mask).as_py() else ():
                role = KeyRole(row["role"])
                for wanter in wanted.who(role, row["key"], row["host"]):
                    yield RecordHit(wanter=wanter, role=role, record=row["record"], line=row["line"], field=row["field"], key=row["key"])
    except (pa.ArrowException, ValueError, TypeError, OSError) as err:
        raise RegistryError(f"{where}: cannot be read as {NAME}: {err}") from err


def _mask(batch: pa.RecordBatch, wanted: Wanted, exact: Mapping[KeyRole, Any]) -> Any:
    role, key, host = (batch.column(name) for name in ("role", "key", "host"))
    names = pc.unique(host.cast(pa.string())).to_pylist()
    hosts = pa.array(wanted.fitting_hosts(name for name in names if name), pa.string())
    mask = pc.is_in(host.cast(pa.string()), value_set=hosts)
    for name, values in exact.items():
        is_role = pc.equal(role.cast(pa.string()), pa.scalar(name.value))
        mask = pc.or_(mask, pc.and_(is_role, pc.is_in(key, value_set=values)))
    return mask
