"""An audit as Parquet tables with typed columns, for programs that count: findings, datasets, shards and matches (docs/formats/report-tables.md).

The same record gives the same bytes wherever the same version of pyarrow writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.errors import ReportError
from provenance.model.audit import AuditRecord
from provenance.report.datasets_of import unicode_record

if TYPE_CHECKING:
    from provenance.report.parquet_columns import Row

_TABLES = ("findings", "datasets", "shards", "matches")
_ROWS_PER_GROUP = 20_000


@dataclass(frozen=True, slots=True)
class ParquetReport:
    """Writes a file a table. The words of passages are not in them: audit.json holds those."""

    name: str = "parquet"

    def file_names(self, record: AuditRecord) -> tuple[str, ...]:  # noqa: ARG002 - the seam's signature
        """Return the names of the files."""
        return tuple(f"{table}.parquet" for table in _TABLES)

    def render(self, record: AuditRecord) -> Mapping[str, bytes]:
        """Return file name → bytes. Lone surrogates become U+FFFD.

        Raises:
            ReportError: If the record, which may have been edited, holds a number that no column takes.
        """
        try:
            return _files(record)
        except UnicodeError:  # nearly never, and a copy of the whole record is dear
            return _files(unicode_record(record))


def _files(record: AuditRecord) -> dict[str, bytes]:
    rows: dict[str, Sequence[Row]] = {
        "findings": record.findings,
        "datasets": record.datasets,
        "shards": record.shards,
        "matches": record.evidence,
    }
    return {f"{table}.parquet": _file(table, rows[table], record) for table in _TABLES}


def _file(table: str, rows: Sequence[Row], record: AuditRecord) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from provenance.report.parquet_columns import TABLES, VERSION

    columns = TABLES[table]
    told: dict[bytes | str, bytes | str] = {"format": f"provenance.report.{table}", "version": VERSION, "audit": record.id}
    schema = pa.schema([field for field, _ in columns], metadata=told)
    try:
        made = pa.table({field.name: pa.array([take(row) for row in rows], type=field.type) for field, take in columns}, schema=schema)
    except (pa.ArrowException, OverflowError) as err:
        raise ReportError(f"audit record {record.id[:19]}: its {table} cannot be written as Parquet: {err}") from err
    sink = pa.BufferOutputStream()
    pq.write_table(made, sink, compression="zstd", row_group_size=_ROWS_PER_GROUP)
    return sink.getvalue().to_pybytes()
