r"""Read the text in strings that are JSON themselves: chats and metadata are often kept as one string in a column.

As it stands such a string hides text: ``\u0444`` for a letter, ``\n`` between two words. What is in it is given as further rows, under the field's path with
``(json)`` after it: ``messages(json)[0].content``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

import numpy as np
import orjson

from provenance.ingest.fields import wild_path
from provenance.ingest.openings import find_openings
from provenance.ingest.unread import UnreadFields
from provenance.ingest.walk import FoundTexts, extend
from provenance.ports import TextBatch

MAX_BYTES = 64 << 20
"""A longer string is not looked into."""
MAX_NESTED = 3
"""JSON in JSON in JSON is looked into; deeper nesting is not."""
_OPENINGS = frozenset({b"{", b"[", b'"'})
_CLOSINGS = {b"{": b"}", b"[": b"]", b'"': b'"'}
_WHITE = b" \t\r\n"
_MARK = b"\xef\xbb\xbf"
_IDS = re.compile(rb'(?:_ids|tokens)"\s*:')
_ID_ENDS = (b'_ids"', b'tokens"')
"""Every match of ``_IDS`` begins with one of these; looking for them takes a tenth of the time."""


def unfold(batch: TextBatch, unread: UnreadFields) -> Iterator[TextBatch]:
    """Yield a batch with the texts in its rows that are JSON as further rows after all others; the batch itself where there are none.

    What is given up, since it nests too deep or holds token ids, is counted as unread. Of a batch that knows which tokens its rows were made of, these are a batch of their own: they stand at no tokens.
    """
    found = [(row, path, text) for row in _candidates(batch) for path, text in _texts(batch, row, unread)]
    if not found:
        yield batch
    elif batch.tokens is not None:
        yield batch
        yield _further(batch, found)
    else:
        yield _together(batch, _further(batch, found))


def _further(batch: TextBatch, found: Sequence[tuple[int, str, str]]) -> TextBatch:
    """Return rows of a batch's records as a batch: (row that each was found in, field path, text)."""
    codes = {name: code for code, name in enumerate(batch.field_names)}
    parts = [text.encode("utf-8", "replace") for _, _, text in found]
    rows = np.array([row for row, _, _ in found], np.int64)
    own = np.array([codes.setdefault(path, len(codes)) for _, path, _ in found], np.int32)
    offsets = np.concatenate([[0], np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)))]).astype(np.int64)
    ids = [batch.doc_ids[row] for row in rows.tolist()]
    return TextBatch(np.frombuffer(b"".join(parts), np.uint8), offsets, batch.record[rows], batch.line[rows], own, tuple(codes), ids)


def _together(batch: TextBatch, further: TextBatch) -> TextBatch:
    """Return the rows of two batches as one; the names of the second begin with those of the first."""
    end = batch.offsets[-1]
    return TextBatch(
        np.concatenate([batch.data[:end], further.data]),
        np.concatenate([batch.offsets, further.offsets[1:] + end]),
        np.concatenate([batch.record, further.record]),
        np.concatenate([batch.line, further.line]),
        np.concatenate([batch.field_code, further.field_code]),
        further.field_names,
        [*batch.doc_ids, *further.doc_ids],
    )


def _candidates(batch: TextBatch) -> list[int]:
    """Return the rows that begin as JSON does and hold an escape; without one, words stand in JSON as they do in its strings."""
    found = np.zeros(len(batch), np.bool_)
    find_openings(batch.data, batch.offsets, found)
    starts, ends = batch.offsets[:-1], batch.offsets[1:]
    return [
        row for row in np.flatnonzero(found).tolist() if _may_be_json(batch.data[starts[row] : min(starts[row] + MAX_BYTES + 1, ends[row])].tobytes())
    ]


def _opening(raw: bytes) -> bytes:
    """Return the first byte that is not white space nor of a byte order mark."""
    return raw.removeprefix(_MARK).lstrip(_WHITE)[:1]


def _may_be_json(raw: bytes) -> bool:
    return len(raw) <= MAX_BYTES and _opening(raw) in _OPENINGS and (b"\\" in raw or _names_ids(raw))


def _names_ids(raw: bytes) -> bool:
    return any(end in raw for end in _ID_ENDS) and _IDS.search(raw) is not None


def _texts(batch: TextBatch, row: int, unread: UnreadFields) -> list[tuple[str, str]]:
    path = batch.field_names[int(batch.field_code[row])]
    return _within(bytes(batch.data[batch.offsets[row] : batch.offsets[row + 1]]), path, MAX_NESTED, unread)


def _within(raw: bytes, path: str, depth: int, unread: UnreadFields) -> list[tuple[str, str]]:
    """Return (field path, text) of what a string holds that is JSON, or JSON Lines; nothing where it is neither."""
    path = extend(path, "(json)")
    found = FoundTexts(every=False)
    try:
        for value in _load(raw):
            found.walk(value, path, path)
    except RecursionError:
        unread.count({path: True})
    found.join()
    unread.count(dict.fromkeys(found.hidden, True))
    rows = []
    for inner, text in found.rows:
        rows.append((inner, text))
        encoded = text.encode("utf-8", "replace")
        if _may_be_json(encoded):
            if depth == 1:
                unread.count({wild_path(inner): True})
            else:
                rows += _within(encoded, inner, depth - 1, unread)
    return rows


def _load(raw: bytes) -> list[object]:
    """Return the value of a string that is JSON, the values of one that is JSON Lines; none of another."""
    raw = raw.removeprefix(_MARK)
    value = _value(raw)
    if value is None and b"\n" in raw:
        values = [_value(line) for line in raw.split(b"\n") if line.strip()]
        return [v for v in values if isinstance(v, (str, list, dict))]
    return [value] if isinstance(value, (str, list, dict)) else []


def _value(raw: bytes) -> object:
    """Return the value of JSON that is a string, a list or an object; ``None`` for all else."""
    inner = raw.removeprefix(_MARK).strip(_WHITE)
    if _CLOSINGS.get(inner[:1]) != inner[-1:] and b"\0" not in raw:  # Python reads UTF-16 too, which has NULs
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        pass
    try:
        return json.loads(raw)  # takes NaN and lone surrogates, as trainers do
    except ValueError:
        return None
