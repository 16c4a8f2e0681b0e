"""Which fields of a record hold token ids, told by their name and by what is in them.

Ids are what the model is trained on, so a list of them is never passed over: it is decoded where a tokenizer is named, and told of where none is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from provenance.ingest.lengths import ALONE_WORDS, PASSAGE_WORDS

_TOKEN_FIELD = re.compile(r"(?:\w+_)?(?:input_ids|token_ids|tokens)|(?:prompt|completion|chosen|rejected|target)_ids")
LABELS = "labels"
"""Holds token ids where it stands beside them, and classes elsewhere. Negative ones are no tokens: they mask a place from the loss."""
LONG_TOKENS = ALONE_WORDS
"""Ids that could be so many words: from here on a list that is not read is told of."""
SHORT_TOKENS = PASSAGE_WORDS
"""Ids that could be words enough for a passage: told of where many records have so many."""
_NUMBERS = re.compile(r"[\[\s]*\d+(?:[\s,]+\d+)*[\]\s]*")
_DEEPEST = 32
NO_IDS = "holds no list of whole numbers, expected token ids"


def is_token_field(name: str) -> bool:
    """Tell whether a field holds token ids by its name: ``input_ids``, ``token_ids``, ``tokens``, and these after another word and ``_``.

    >>> is_token_field("chosen_input_ids"), is_token_field("token_type_ids")
    (True, False)
    """
    return _TOKEN_FIELD.fullmatch(name) is not None


def holds_ids(kind: pa.DataType) -> bool:
    """Tell whether an Arrow type is a list of whole numbers; list views, which Arrow casts wrongly where one is null (25.0), are not read."""
    return _is_list(kind) and not pa.types.is_list_view(kind) and pa.types.is_integer(kind.field(0).type)


def may_hold_ids(kind: pa.DataType) -> bool:
    """Tell whether values of an Arrow type may have token ids in them, be it in a way that they are not read from: bytes, numbers however deep."""
    types = pa.types
    if types.is_nested(kind):
        fields = [kind.field(i).type for i in range(kind.num_fields)]
        return any(types.is_integer(f) or types.is_floating(f) or may_hold_ids(f) for f in fields)
    return _is_bytes(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind) or types.is_fixed_size_binary(kind)


def hides_ids(kind: pa.DataType) -> bool:
    """Tell whether an Arrow type has fields below it that may hold token ids, by their names: these are not read."""
    if _is_list(kind):
        return hides_ids(kind.field(0).type)
    if not pa.types.is_struct(kind):
        return False
    fields = [kind.field(i) for i in range(kind.num_fields)]
    return any((is_token_field(f.name) and may_hold_ids(f.type)) or hides_ids(f.type) for f in fields)


def is_hidden(key: str, value: object) -> bool:
    """Tell whether a JSON field below the top level has token ids enough to be told of."""
    return is_token_field(key) and count_ids(value) >= LONG_TOKENS


def _is_list(kind: pa.DataType) -> bool:
    types = pa.types
    return types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind) or types.is_list_view(kind)


def count_ids(value: object, depth: int = 0) -> int:
    """Return how many numbers a JSON value has that may be token ids, however deep they stand, and in text that is nothing else."""
    if isinstance(value, bool) or depth > _DEEPEST:
        return 0
    if isinstance(value, (int, float)):
        return 1
    if isinstance(value, str):
        return len(value.replace(",", " ").split()) if _NUMBERS.fullmatch(value) else 0
    if isinstance(value, (list, tuple)):
        return sum(count_ids(item, depth + 1) for item in value)
    return sum(count_ids(item, depth + 1) for item in value.values()) if isinstance(value, dict) else 0


def may_be_ids(value: object) -> bool:
    """Tell whether a JSON value is or may be a list of token ids: it has numbers, or is a list of neither text nor objects."""
    first = value
    while isinstance(first, list) and first:
        first = first[0]
    return count_ids(value) > 0 or (isinstance(value, list) and not isinstance(first, (str, dict, list)))


def ids_of(value: object) -> NDArray[np.int64] | None:
    """Return a JSON value as token ids, ``None`` where it is no list of whole numbers."""
    if not isinstance(value, list) or not set(map(type, value)) <= {int}:
        return None
    try:
        return np.array(value, np.int64)
    except OverflowError:
        return None


def labels_beyond(labels: NDArray[np.int64], others: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Return the tokens among labels; none where all of them stand at the same place in a list of ids: a copy with places masked."""
    kept = labels >= 0
    if any(len(ids) == len(labels) and bool((ids[kept] == labels[kept]).all()) for ids in others):
        return labels[:0]
    return labels[kept]


def token_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the fields among some that hold token ids by their names; ``labels`` last, and only beside others."""
    found = tuple(name for name in names if is_token_field(name))
    return (*found, LABELS) if found and LABELS in names else found


def unread_token_fields(record: Mapping[str, object], names: Sequence[str]) -> dict[str, bool]:
    """Return the fields among some of a record that hold ids enough for a passage, and whether for one that stands alone. Labels stand beside ids."""
    counts = {name: count_ids(record[name]) for name in names if name != LABELS and name in record}
    return {name: count >= LONG_TOKENS for name, count in counts.items() if count >= SHORT_TOKENS}


class TokenLists:
    """The lists of a column of token ids."""

    def __init__(self, column: Any) -> None:
        """Take a column of lists of whole numbers."""
        kind = pa.large_list(column.type.value_type)
        lists = column if pa.types.is_large_list(column.type) else column.cast(kind)
        self.there: NDArray[np.bool_] = lists.is_valid().to_numpy(zero_copy_only=False)
        """Rows that have a list; it may be empty."""
        self._offsets = np.frombuffer(lists.buffers()[1], np.int64)[lists.offset : lists.offset + len(lists) + 1]
        self._values = lists.values

    def ids(self, row: int) -> NDArray[np.int64] | None:
        """Return a row's ids, none where it has no list; ``None`` where one of them is null."""
        if not self.there[row]:
            return np.zeros(0, np.int64)
        values = self._values[self._offsets[row] : self._offsets[row + 1]]
        return None if values.null_count else values.to_numpy(zero_copy_only=False)


def count_unread(column: Any) -> tuple[int, bool]:
    """Return how many rows of a column have ids enough for a passage, and whether one of them has enough for one that stands alone.

    All rows, where they are below structs or are bytes: nobody knows what is in them.
    """
    if holds_ids(column.type):
        lengths: NDArray[np.int64] = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
        return int(np.count_nonzero(lengths >= SHORT_TOKENS)), bool((lengths >= LONG_TOKENS).any())
    if hides_ids(column.type) or _is_bytes(column.type):
        rows = len(column) - int(column.null_count)
        return rows, rows > 0
    counts = [_count_in(value) for value in column]
    return sum(count >= SHORT_TOKENS for count in counts), any(count >= LONG_TOKENS for count in counts)


def _count_in(value: Any) -> int:
    try:
        return count_ids(value.as_py())
    except (pa.ArrowException, ValueError, OverflowError):
        return LONG_TOKENS  # what cannot be looked at is not known to be short
