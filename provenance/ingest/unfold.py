r"""Read the text in strings that are JSON themselves: chats and metadata are often kept as one string in a column.

As it stands such a string hides text: ``\u0444`` for a letter, ``\n`` between two words. What is in it is given as further rows, under the field's path with
``(json)`` after it: ``messages(json)[0].content``.
"""

from __future__ import annotations

import json

import numpy as np
import orjson

from provenance.ingest.walk import FoundTexts, extend
from provenance.ports import TextBatch

MAX_BYTES = 64 << 20
"""A longer string is not looked into."""
MAX_NESTED = 3
"""JSON in JSON in JSON is looked into; deeper nesting is not."""
_OPENING = np.zeros(256, np.bool_)
_OPENING[[ord(c) for c in '{["']] = True
_WHITE = b" \t\r\n"


def unfold(batch: TextBatch) -> TextBatch:
    """Return a batch with the texts in its rows that are JSON as further rows after all others; the batch itself where there are none."""
    found = [(row, path, text) for row in _candidates(batch) for path, text in _texts(batch, row)]
    if not found:
        return batch
    codes = {name: code for code, name in enumerate(batch.field_names)}
    parts = [text.encode("utf-8", "replace") for _, _, text in found]
    rows = np.array([row for row, _, _ in found], np.int64)
    own = np.array([codes.setdefault(path, len(codes)) for _, path, _ in found], np.int32)
    lengths = np.fromiter(map(len, parts), np.int64, len(parts))
    return TextBatch(
        np.concatenate([batch.data[: batch.offsets[-1]], np.frombuffer(b"".join(parts), np.uint8)]),
        np.concatenate([batch.offsets, batch.offsets[-1] + np.cumsum(lengths)]),
        np.concatenate([batch.record, batch.record[rows]]),
        np.concatenate([batch.line, batch.line[rows]]),
        np.concatenate([batch.field_code, own]).astype(np.int32),
        tuple(codes),
        [*batch.doc_ids, *(batch.doc_ids[row] for row in rows.tolist())],
    )


def _candidates(batch: TextBatch) -> list[int]:
    """Return the rows that begin as JSON does and hold an escape; without one, words stand in JSON as they do in its strings."""
    starts, ends = batch.offsets[:-1], batch.offsets[1:]
    held = np.flatnonzero(ends > starts)
    first = batch.data[starts[held]]
    rows = held[_OPENING[first] | np.isin(first, np.frombuffer(_WHITE, np.uint8))]
    return [row for row in rows.tolist() if _may_be_json(bytes(batch.data[starts[row] : min(starts[row] + MAX_BYTES + 1, ends[row])]))]


def _may_be_json(raw: bytes) -> bool:
    return len(raw) <= MAX_BYTES and raw.lstrip(_WHITE)[:1] in (b"{", b"[", b'"') and b"\\" in raw


def _texts(batch: TextBatch, row: int) -> list[tuple[str, str]]:
    path = batch.field_names[int(batch.field_code[row])]
    return _within(bytes(batch.data[batch.offsets[row] : batch.offsets[row + 1]]), path, MAX_NESTED)


def _within(raw: bytes, path: str, depth: int) -> list[tuple[str, str]]:
    """Return (field path, text) of what a string holds that is JSON; nothing where it is none."""
    value = _load(raw)
    if not isinstance(value, (str, list, dict)):
        return []
    path = extend(path, "(json)")
    found = FoundTexts(every=False)
    try:
        found.walk(value, path, path)
    except RecursionError:
        return []
    found.join()
    rows = []
    for inner, text in found.rows:
        rows.append((inner, text))
        encoded = text.encode("utf-8", "replace")
        if depth > 1 and _may_be_json(encoded):
            rows += _within(encoded, inner, depth - 1)
    return rows


def _load(raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw)  # takes NaN and lone surrogates, as trainers do
    except (ValueError, RecursionError):
        return None
