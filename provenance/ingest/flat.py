"""The rows of many records at a time, where these are alike and flat: one set of keys, no lists or objects. Column by column, many times as fast.

The rows are those that ``RowCollector.add`` takes of each such record by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from typing import Any

import numpy as np

from provenance.ingest.fields import FieldPlan, id_text
from provenance.ingest.lengths import PASSAGE_WORDS, SURE_LENGTH, is_passage, may_be_passage
from provenance.ingest.scanner import TEXT, WHOLE, Scanned, Shape
from provenance.ingest.utf8 import utf8, whole

Raw = bytes | memoryview
"""A text as UTF-8."""
_PLAIN = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True, slots=True)
class FlatRows:
    """Rows of some records, ordered by record, then as in one record."""

    parts: list[Raw]
    """Their texts as UTF-8."""
    paths: list[str]
    """Field of each row."""
    owners: list[int]
    """Which of the records each row is of, ascending."""
    ids: list[str | None]
    """The name of each record."""


Column = tuple[str, Sequence[int], Sequence[Raw]]
"""A field, the records that have a row of it, and their texts."""


def find_flat_rows(records: Sequence[Mapping[str, Any]], plan: FieldPlan, *, keys: bool) -> FlatRows | None:
    """Return the rows of records that have one set of keys in one order; ``None`` where a value nests.

    Args:
        records: The records, at least one.
        plan: What to take of them.
        keys: Keys with room for a passage are rows too.
    """
    columns = dict(zip(records[0], zip(*map(_values, records), strict=True), strict=True))
    kinds = {name: set(map(type, column)) for name, column in columns.items()}
    if not all(found <= _PLAIN for found in kinds.values()):
        return None
    every = range(len(records))
    taken: list[Column] = []
    for name in plan.text:
        if str in kinds[name]:
            owners, texts = _strings(columns[name], kinds[name])
            taken.append((name, owners, list(map(utf8, texts))))
    for name in plan.others:
        if str in kinds[name]:
            owners, texts = _strings(columns[name], kinds[name])
            mask = [is_passage(text) if maybe else False for text, maybe in zip(texts, may_be_passage(texts), strict=True)]
            taken.append((name, list(compress(owners, mask)), [utf8(text) for text in compress(texts, mask)]))
    if keys:
        taken += [(f"{{{n}}}", every, [utf8(key)] * len(records)) for n, key in plan.long_keys]
    return _in_order(taken, _ids_of(records, plan))


def scanned_rows(scanned: Scanned, shape: Shape, plan: FieldPlan) -> FlatRows:
    """Return the rows of objects of one shape: those that ``find_flat_rows`` finds in what they decode to.

    Args:
        scanned: The objects, at least one.
        shape: Their keys, none of which is a row itself.
        plan: What to take of them.
    """
    place = {name: k for k, name in enumerate(shape.keys)}
    taken: list[Column] = []
    for name in plan.text:
        rows = np.flatnonzero(scanned.kinds[:, place[name]] == TEXT)
        taken.append((name, rows.tolist(), scanned.texts(place[name], rows)))
    for name in plan.others:
        rows = np.flatnonzero(scanned.kinds[:, place[name]] == TEXT)
        spans = scanned.spans[rows, place[name]]
        rows = rows[(scanned.most_words(place[name], rows) >= PASSAGE_WORDS) | (spans[:, 1] - spans[:, 0] >= SURE_LENGTH)]
        texts = scanned.texts(place[name], rows)
        mask = [is_passage(str(text, "utf-8")) for text in texts]
        taken.append((name, rows[mask].tolist(), list(compress(texts, mask))))
    return _in_order(taken, _scanned_ids(scanned, [place[name] for name in plan.ids]))


def _scanned_ids(scanned: Scanned, names: Sequence[int]) -> list[str | None]:
    ids: list[str | None] = [None] * len(scanned)
    for name in reversed(names):
        kinds, spans = scanned.kinds[:, name], scanned.spans[:, name]
        texts = np.flatnonzero((kinds == TEXT) & (spans[:, 1] > spans[:, 0]))
        strings = scanned.strings(name, texts)
        if len(strings) == len(ids):
            ids = [*strings]
            continue
        for row, text in zip(texts.tolist(), strings, strict=True):
            ids[row] = text
        for row in np.flatnonzero(kinds == WHOLE).tolist():
            ids[row] = scanned.data[spans[row, 0] : spans[row, 1]].tobytes().decode()
    return ids


def _ids_of(records: Sequence[Mapping[str, Any]], plan: FieldPlan) -> list[str | None]:
    """Return the name of each of some records that have the same keys."""
    if not plan.ids:
        return [None] * len(records)
    ids = [record[plan.ids[0]] for record in records]
    if not all(type(name) is str and name for name in ids):
        ids = [id_text(record, plan.ids) for record in records]
    return [name if name is None or name.isascii() else whole(name) for name in ids]


def _values(record: Mapping[str, Any]) -> Any:
    return record.values()


def _strings(column: Sequence[Any], kinds: set[type]) -> tuple[Sequence[int], Sequence[str]]:
    """Return where a column holds strings, and these."""
    if len(kinds) == 1:
        return range(len(column)), column
    owners = [i for i, value in enumerate(column) if type(value) is str]
    return owners, [column[i] for i in owners]


def _in_order(columns: Sequence[Column], ids: list[str | None]) -> FlatRows:
    """Return the rows of some columns by record, of one record in the order of the columns."""
    columns = [column for column in columns if len(column[1])]
    if len(columns) == 1:
        name, owners, texts = columns[0]
        return FlatRows(list(texts), [name] * len(texts), list(owners), ids)
    every = np.fromiter(chain.from_iterable(owners for _, owners, _ in columns), np.int64)
    order = np.argsort(every, kind="stable").tolist()
    texts = [text for _, _, column in columns for text in column]
    paths = [name for name, owners, _ in columns for _ in owners]
    return FlatRows([texts[i] for i in order], [paths[i] for i in order], every[order].tolist(), ids)
