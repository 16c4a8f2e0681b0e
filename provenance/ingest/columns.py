"""Text rows straight from Arrow columns: plain text and lists of chat turns, interleaved by record without becoming Python strings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from provenance.ingest.fields import LABEL_KEYS

_MAX_TURNS = 4_096
"""A record with more turns takes the slow way, whose field names do not pile up."""


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
class _Piece:
    """One text column, or one key of all turns: its valid values and where they stand."""

    text: pa.LargeStringArray
    record: NDArray[np.int64]
    turn: NDArray[np.int64]
    names: tuple[str, ...]
    """One name a turn."""


def collect_rows(columns: pa.RecordBatch, names: list[str]) -> ColumnRows | None:
    """Return the rows of the named columns, in the order that ``RowCollector`` gives for the same records.

    Returns:
        ``None`` where a column is neither text nor a list of turns with text values, or is not all UTF-8: then records must be looked at one by one.
    """
    pieces: list[_Piece] = []
    groups: list[int] = []
    for group, name in enumerate(names):
        found = _pieces(columns.column(name), name)
        if found is None:
            return None
        pieces += found
        groups += [group] * len(found)
    if not pieces:
        return None
    return _interleave(pieces, groups)


def may_hold_text(kind: pa.DataType) -> bool:
    """Tell whether values of an Arrow type can have text in them."""
    types = pa.types
    return not (types.is_primitive(kind) or types.is_null(kind) or types.is_boolean(kind) or types.is_decimal(kind))


def plain_text(array: Any) -> pa.LargeStringArray | None:
    """Return a text column with 64-bit offsets, its bytes shared with the given one; ``None`` where it is nested or not all UTF-8."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    kind = array.type
    types = pa.types
    if not (
        types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    ):
        return None
    try:
        # Parquet readers take the file's word that text is UTF-8; the cast from bytes looks.
        return cast("pa.LargeStringArray", array.cast(pa.large_binary()).cast(pa.large_string()))
    except pa.ArrowInvalid:
        return None


def _pieces(array: Any, name: str) -> list[_Piece] | None:
    kind = array.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _turns(array, name) if pa.types.is_struct(kind.value_type) else None
    text = plain_text(array)
    if text is None:
        return None
    record = np.arange(len(text), dtype=np.int64)
    return [_piece(text, record, np.zeros(len(text), np.int64), (name,))]


def _turns(array: Any, name: str) -> list[_Piece] | None:
    lengths = array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    longest = int(lengths.max(initial=0))
    if longest > _MAX_TURNS:
        return None
    record = np.repeat(np.arange(len(array), dtype=np.int64), lengths)
    turn = np.arange(len(record), dtype=np.int64) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    turns, pieces = array.flatten(), []
    for key, values in zip((field.name for field in turns.type), turns.flatten(), strict=True):
        if key in LABEL_KEYS or not may_hold_text(values.type):
            continue
        text = plain_text(values)
        if text is None:
            return None
        pieces.append(_piece(text, record, turn, tuple(f"{name}[{i}].{key}" for i in range(longest))))
    return pieces


def _piece(text: pa.LargeStringArray, record: NDArray[np.int64], turn: NDArray[np.int64], names: tuple[str, ...]) -> _Piece:
    if text.null_count:
        valid = text.is_valid().to_numpy(zero_copy_only=False)
        return _Piece(text.drop_null(), record[valid], turn[valid], names)
    return _Piece(text, record, turn, names)


def _interleave(pieces: list[_Piece], groups: list[int]) -> ColumnRows:
    """Put rows in the order record, column, turn, key."""
    names = tuple(name for piece in pieces for name in piece.names)
    firsts = np.cumsum([0, *(len(piece.names) for piece in pieces)])
    code = np.concatenate([piece.turn + first for piece, first in zip(pieces, firsts, strict=False)]).astype(np.int32)
    record = np.concatenate([piece.record for piece in pieces])
    if len(pieces) == 1:
        return ColumnRows(pieces[0].text, record, code, names)
    group = np.repeat(groups, [len(piece.record) for piece in pieces])
    turn = np.concatenate([piece.turn for piece in pieces])
    order = np.lexsort((turn, group, record))  # stable: the keys of one turn stay in the order of the pieces
    text = pa.concat_arrays([piece.text for piece in pieces]).take(order)
    return ColumnRows(text, record[order], code[order], names)
