"""Text rows straight from Arrow columns: plain text, structs, and lists of either, interleaved by record without becoming Python strings.

The rows are those that ``FoundTexts`` gives for the same values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from provenance.ingest.lengths import are_alone, are_passages, is_passage
from provenance.ingest.walk import LABEL_KEYS, MAX_DEPTH, PIECE_SEPARATOR, extend, text_of

_MAX_TURNS = 4_096
"""A record with a longer list takes the slow way, whose field names do not pile up."""
_Lines = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ColumnRows:
    """The text rows of some columns.

    Shapes:
        text: (n_rows,) with 64-bit offsets.
        record: (n_rows,) int64, row of the record batch.
        code: (n_rows,) int32 into ``names``.
    """

    text: pa.LargeStringArray
    record: NDArray[np.int64]
    code: NDArray[np.int32]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """One text column, or one key of all turns: its rows and where they stand."""

    text: pa.LargeStringArray
    record: _Lines
    turn: _Lines
    """Place in the list, 0 where there is none; into ``names``."""
    names: tuple[str, ...]
    group: int
    """Rows of one record stand in the order of their groups; those of one group in the order of their turns."""

    def only(self, wanted: NDArray[np.bool_]) -> Piece:
        """Return the rows that a mask names."""
        if wanted.all():
            return self
        return Piece(self.text.filter(pa.array(wanted)), self.record[wanted], self.turn[wanted], self.names, self.group)


class OddColumnError(Exception):
    """A column has a shape, or bytes that are no UTF-8, so that records must be looked at one by one. Never leaves this package."""


@dataclass(slots=True)
class _Column:
    """Collects the pieces of one top-level column."""

    group: int
    """The next free one."""
    pieces: list[Piece] = field(default_factory=list)
    together: list[tuple[str, Piece]] = field(default_factory=list)
    """Strings of lists that are too short to stand alone, under their path with ``[*]``."""

    def add(self, array: Any, path: str, *, every: bool, depth: int = 0) -> None:
        kind, types = array.type, pa.types
        if not holds_text(kind):
            return
        if depth > MAX_DEPTH or types.is_map(kind):
            raise OddColumnError
        if types.is_list(kind) or types.is_large_list(kind):
            self._add_list(array, path, every=every)
        elif types.is_struct(kind):
            for key, values in _fields(array):
                self.add(values, extend(path, f".{key}"), every=every and key not in LABEL_KEYS, depth=depth + 1)
        else:
            text = _text(array, every=every)
            lines = np.arange(len(text), dtype=np.int64)
            self._take(_valid(text, lines, np.zeros_like(lines), (path,), self.group), every=every)
        self.group += 1

    def _add_list(self, array: Any, path: str, *, every: bool) -> None:
        """Take a list of strings, or of structs of strings."""
        lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
        longest = int(lengths.max(initial=0))
        if longest > _MAX_TURNS:
            raise OddColumnError
        record = np.repeat(np.arange(len(array), dtype=np.int64), lengths)
        turn = np.arange(len(record), dtype=np.int64) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        for keys, values in _leaves(array.flatten()):
            whole = every and LABEL_KEYS.isdisjoint(keys)
            if not holds_text(values.type):
                continue
            suffix = "".join(f".{key}" for key in keys)
            piece = _valid(
                _text(values, every=whole), record, turn, tuple(extend(extend(path, f"[{i}]"), suffix) for i in range(longest)), self.group
            )
            self._take(piece, every=whole)
            self.together.append((extend(extend(path, "[*]"), suffix), piece))

    def _take(self, piece: Piece, *, every: bool) -> None:
        self.pieces.append(piece if every else piece.only(are_passages(piece.text)))

    def join(self, records: int) -> None:
        """Add the rows of strings that are read together."""
        for name, piece in sorted(self.together, key=lambda item: item[0]):
            short = piece.only(~are_alone(piece.text))
            counts = np.bincount(short.record, minlength=records)
            counts[counts == 1] = 0
            if name.rpartition(".")[2] in LABEL_KEYS:
                counts[~_have_labels(short, counts)] = 0
            several = short.only(counts[short.record] > 0)
            if not len(several.record):
                continue
            counts = counts[counts > 0]
            lists = pa.LargeListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(counts)])), several.text)
            found = np.unique(several.record)
            row = Piece(
                cast("pa.LargeStringArray", pc.binary_join(lists, pa.scalar(PIECE_SEPARATOR, pa.large_string()))),
                found,
                np.zeros_like(found),
                (name,),
                self.group,
            )
            self.pieces.append(row.only(are_passages(row.text)))
            self.group += 1


def _have_labels(piece: Piece, counts: _Lines) -> NDArray[np.bool_]:
    """Tell of each record whether the different ones of its labels have room for a passage; mostly they are the same few in all records."""
    room = np.zeros(len(counts), np.bool_)
    if not is_passage(PIECE_SEPARATOR.join(map(str, pc.unique(piece.text).to_pylist()))):
        return room
    labels: dict[int, dict[str, None]] = {}
    for record, label in zip(piece.record.tolist(), piece.text.to_pylist(), strict=True):
        labels.setdefault(record, {})[str(label)] = None
    for record, own in labels.items():
        room[record] = is_passage(PIECE_SEPARATOR.join(own))
    return room


def collect_rows(columns: pa.RecordBatch, names: Iterable[str], others: Iterable[str]) -> ColumnRows | None:
    """Return the rows of a record batch in the order that ``RowCollector`` gives for the same records.

    Args:
        columns: The record batch.
        names: Columns of which every string is a row.
        others: Columns of which strings with room for a passage are.

    Returns:
        ``None`` where a column has another shape than text, structs and lists of these, or is not all UTF-8: then records must be looked at one by one.
    """
    pieces: list[Piece] = []
    group = 0
    try:
        for name, every in [*((name, True) for name in names), *((name, False) for name in others)]:
            found = column_pieces(columns.column(name), name, every=every, group=group)
            pieces += found
            group = max((piece.group for piece in found), default=group) + 1
    except OddColumnError:
        return None
    return _interleave(pieces) if pieces else ColumnRows(pa.array([], pa.large_string()), np.zeros(0, np.int64), np.zeros(0, np.int32), ())


def column_pieces(array: Any, name: str, *, every: bool, group: int = 0) -> list[Piece]:
    """Return the rows of one column.

    Raises:
        OddColumnError: If records must be looked at one by one.
    """
    column = _Column(group)
    column.add(array, name, every=every)
    column.join(len(array))
    return [piece for piece in column.pieces if len(piece.record)]


def holds_text(kind: pa.DataType) -> bool:
    """Tell whether values of an Arrow type can have text in them: strings, or bytes that may be UTF-8."""
    types = pa.types
    if isinstance(kind, pa.BaseExtensionType):
        return holds_text(kind.storage_type)
    if types.is_dictionary(kind):
        return holds_text(kind.value_type)
    if types.is_nested(kind):
        return any(holds_text(kind.field(i).type) for i in range(kind.num_fields))
    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or _is_bytes(kind)


def holds_map(kind: pa.DataType) -> bool:
    """Tell whether an Arrow type is or contains a map."""
    if isinstance(kind, pa.BaseExtensionType):
        return holds_map(kind.storage_type)
    return pa.types.is_map(kind) or (pa.types.is_nested(kind) and any(holds_map(kind.field(i).type) for i in range(kind.num_fields)))


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind) or types.is_fixed_size_binary(kind)


def _text(array: Any, *, every: bool) -> pa.LargeStringArray:
    """Return a text column with 64-bit offsets, its bytes shared with the given one.

    Args:
        array: Strings or bytes.
        every: Bytes must be text; otherwise those that are no UTF-8 are null.

    Raises:
        OddColumnError: If it is nested or not all UTF-8.
    """
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_nested(array.type):
        raise OddColumnError
    if _is_bytes(array.type) and _hold_zeros(array):  # UTF-16 of ASCII is UTF-8 too, of other characters
        raise OddColumnError
    try:
        # Parquet readers take the file's word that text is UTF-8; the cast from bytes looks.
        return cast("pa.LargeStringArray", array.cast(pa.large_binary()).cast(pa.large_string()))
    except pa.ArrowInvalid as err:
        if every or not _is_bytes(array.type):
            raise OddColumnError from err
    texts = (None if raw is None else text_of(raw) for raw in (value.as_py() for value in array))
    return pa.array(texts, pa.large_string())


def _hold_zeros(array: Any) -> bool:
    return bool(pc.any(pc.match_substring(array.cast(pa.large_binary()), "\0")).as_py())


def _leaves(array: Any, keys: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield (keys on the way, array) of what structs hold, however deep; of another array itself."""
    if not pa.types.is_struct(array.type):
        yield keys, array
    elif len(keys) >= MAX_DEPTH:
        raise OddColumnError
    else:
        for key, values in _fields(array):
            yield from _leaves(values, (*keys, key))


def _fields(structs: Any) -> list[tuple[str, Any]]:
    return list(zip((item.name for item in structs.type), structs.flatten(), strict=True))


def _valid(text: pa.LargeStringArray, record: _Lines, turn: _Lines, names: tuple[str, ...], group: int) -> Piece:
    piece = Piece(text, record, turn, names, group)
    return piece.only(text.is_valid().to_numpy(zero_copy_only=False)) if text.null_count else piece


def _interleave(pieces: list[Piece]) -> ColumnRows:
    """Put rows in the order record, group, turn, key."""
    names = tuple(name for piece in pieces for name in piece.names)
    firsts = np.cumsum([0, *(len(piece.names) for piece in pieces)])
    code = np.concatenate([piece.turn + first for piece, first in zip(pieces, firsts, strict=False)]).astype(np.int32)
    record = np.concatenate([piece.record for piece in pieces])
    if len(pieces) == 1:
        return ColumnRows(pieces[0].text, record, code, names)
    group = np.repeat([piece.group for piece in pieces], [len(piece.record) for piece in pieces])
    turn = np.concatenate([piece.turn for piece in pieces])
    order = np.lexsort((turn, group, record))  # stable: the keys of one turn stay in the order of the pieces
    text = pa.concat_arrays([piece.text for piece in pieces]).take(order)
    return ColumnRows(text, record[order], code[order], names)
