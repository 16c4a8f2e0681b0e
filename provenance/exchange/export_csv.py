"""Shards and what holds for them as CSV, one row a shard, for spreadsheets: streamed, so that a million shards take no more memory than ten.

No cell can run as a formula and none holds a control character. Two columns of JSON hold everything, so that our own import loses nothing:
``dataset_facts`` in the first row of each dataset, ``shard_facts`` in every row. The other columns are a view of these, ``other_facts`` in the first row
too; a file in which the two disagree was changed.
"""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

from provenance.errors import ManifestError
from provenance.exchange.export_facts import Export, ShardSource, parse_facts
from provenance.exchange.export_plain import plain_facts
from provenance.exchange.export_words import asserted, license_form
from provenance.model.dataset import Dataset, Shard
from provenance.model.wire import read_value, to_wire

COLUMNS = (
    "dataset", "version", "path", "sha256", "size_bytes", "records", "words", "format", "root", "unread_records", "title", "license_declared",
    "license_detected", "license_concluded", "license_expires", "source_kind", "source_url", "collected_from", "collected_to", "synthetic", "generators",
    "derived_from", "personal_data", "owner", "record_licenses", "other_facts", "dataset_facts", "shard_facts",
)  # fmt: skip
OWN = frozenset(
    {
        "name", "title", "source.kind", "source.url", "source.collected", "license.declared.value", "license.detected.value", "license.concluded.value",
        "license.expires", "synthetic", "derived_from", "details.personal_data.present", "owner",
    }
)  # fmt: skip
"""Facts with a column of their own; the others stand in ``other_facts``."""
_FORMULAS = frozenset("=+-@\t\r\n'")
_SHARD_CELLS = 8
"""Columns that tell of the shard alone, from ``path`` on."""
_ROWS_PER_PART = 1000
_MAX_CELL = 256 << 20
"""Longest cell read, characters: one holds all facts of a dataset, of which each can be 10,000 characters long."""


def render(exports: Sequence[tuple[Export, ShardSource]]) -> Iterator[bytes]:
    """Yield the table in parts, UTF-8 with RFC 4180 line ends.

    Args:
        exports: Datasets, each prepared with ``max_inline=0``, and what gives their shards.
    """
    yield _lines([COLUMNS])
    batch: list[list[str]] = []
    for export, shards in exports:
        for row in DatasetRows(export).rows(shards()):
            batch.append(row)
            if len(batch) == _ROWS_PER_PART:
                yield _lines(batch)
                batch = []
    yield _lines(batch)


class DatasetRows:
    """Makes the rows of one dataset; what is the same in all of them is made once."""

    def __init__(self, export: Export) -> None:
        """Take a dataset that was prepared with ``max_inline=0``."""
        dataset = export.version.dataset
        self.export = export
        self._head = [cell(dataset.name), cell(export.version.root_digest)]
        self._shared = [cell(v) for v in _shared(dataset)]
        self._other = cell("; ".join(f"{name}: {value}" for name, value in plain_facts(export, OWN)))
        self._facts = _ascii(json.loads(export.facts))

    def row(self, shard: Shard | None, *, first: bool) -> list[str]:
        """Return a shard's row as cells; ``None`` stands for a dataset that is known by its metadata alone."""
        told = [self._other, self._facts] if first else ["", ""]
        if shard is None:
            return [*self._head, *[""] * _SHARD_CELLS, *self._shared, "", *told, ""]
        return [*self._head, *map(cell, _shard(shard)), *self._shared, cell(_parts(shard)), *told, _ascii(to_wire(shard))]

    def rows(self, shards: Iterable[Shard]) -> Iterator[list[str]]:
        """Yield all rows; one row without a shard where there is none."""
        first = True
        for shard in shards:
            yield self.row(shard, first=first)
            first = False
        if first:
            yield self.row(None, first=True)


def parse_rows(lines: Iterable[str], *, where: str) -> Iterator[tuple[Export, list[Shard]]]:
    """Yield the datasets of a table of ours with their shards, as its two columns of JSON state them.

    Raises:
        ManifestError: With the line, if a row is not what its JSON makes: it was changed.
    """
    reader = csv.reader(lines, strict=True)
    rows: DatasetRows | None = None
    shards: list[Shard] = []
    usual = csv.field_size_limit(_MAX_CELL)  # the limit is the module's; it is put back below
    try:
        if next(reader, None) != list(COLUMNS):
            raise ManifestError(f"{where}: is not a table that export wrote: its first line names other columns")
        for row in reader:
            place = f"{where}:{reader.line_num}"
            first = len(row) == len(COLUMNS) and bool(row[-2])
            if first and rows is not None:
                yield rows.export, shards
            rows, shards = (DatasetRows(parse_facts(row[-2], where=place)), []) if first else (rows, shards)
            shards += _checked(row, rows, where=place, first=first)
    except csv.Error as err:
        raise ManifestError(f"{where}:{reader.line_num}: not CSV: {err}") from err
    finally:
        csv.field_size_limit(usual)
    if rows is not None:
        yield rows.export, shards


def _checked(row: list[str], rows: DatasetRows | None, *, where: str, first: bool) -> list[Shard]:
    if rows is None or len(row) != len(COLUMNS):
        raise ManifestError(f"{where}: expected {len(COLUMNS)} cells and dataset_facts in the first row of a dataset; got {len(row)} cells")
    try:
        shard = read_value(Shard, json.loads(row[-1]), ignore_unknown=True) if row[-1] else None
    except ValueError as err:
        raise ManifestError(f"{where}: shard_facts: not a shard: {err}") from err
    made = rows.row(shard, first=first)
    changed = [name for name, found, expected in zip(COLUMNS, row, made, strict=True) if found != expected]
    if changed:
        raise ManifestError(f"{where}: {changed[0]} was changed after the export: the row's facts say otherwise")
    return [] if shard is None else [shard]


def cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula, without control or bidi characters.

    An apostrophe goes before ``= + - @``, tab, line break and before an apostrophe, so that none is lost.
    """
    text = "" if value is None else str(value)
    guarded = f"'{text}" if not isinstance(value, int) and text[:1] in _FORMULAS and text else text
    if guarded.isascii() and guarded.isprintable():
        return guarded
    return "".join(c if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} else f"\\u{ord(c):04x}" for c in guarded)


def _ascii(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _lines(table: Iterable[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(table)
    return out.getvalue().encode()


def _shard(shard: Shard) -> tuple[object, ...]:
    return (shard.path, shard.sha256, shard.size_bytes, shard.records, shard.words, shard.format.value, shard.root, shard.unread_records)


def _shared(dataset: Dataset) -> tuple[str, ...]:
    facts, source, people = dataset.license, dataset.source, dataset.details.personal_data
    models = "; ".join(f"{g.role}: {asserted(g.provider)} {asserted(g.model)}" for g in dataset.generators)
    return (
        dataset.title, facts.declared.value, facts.detected.value, facts.concluded.value, facts.expires, source.kind.value, source.url,
        source.collected.start, source.collected.end, dataset.synthetic.value, models, "; ".join(dataset.derived_from), people.present.value, dataset.owner,
    )  # fmt: skip


def _parts(shard: Shard) -> str:
    return "; ".join(f"{license_form(p.value).text}: {p.records}" for p in shard.licenses)
