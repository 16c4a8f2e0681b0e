"""Objects that have one key twice: readers disagree which value counts, so a trainer may see text that is not seen here.

JSON leaves the meaning open (RFC 8259 §4). A decoder that keeps the last value is fast and cannot tell; so the places where a key ends are counted in the
bytes, which is fast too, and only where there are more of them than keys is the text decoded again, slowly.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_COLON, _QUOTE, _BACKSLASH, _SPACE = 0x3A, 0x22, 0x5C, 0x20
_STEPS = 4
"""So much whitespace before a colon is looked through; behind more of it a key is taken to end."""
_WINDOW_BYTES = 4 << 20
_LOOK_BACK = _STEPS + 3
_Places = NDArray[np.int64]


def find_repeated_key(raw: bytes, value: object, ends: int) -> str | None:
    """Return a key that one object of a JSON text has twice, ``None`` where there is none.

    Args:
        raw: The text, valid JSON.
        value: What it was decoded to.
        ends: Its count by ``count_key_ends``.

    Raises:
        ValueError: If it cannot be looked at.
        RecursionError: If it nests too deep to be looked at.
    """
    if ends == count_keys(value):
        return None
    repeated: list[str] = []

    def note(pairs: list[tuple[str, object]]) -> None:
        if len(dict(pairs)) != len(pairs):
            repeated.extend(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)

    json.loads(raw, object_pairs_hook=note, parse_int=_nothing, parse_float=_nothing)
    return repeated[0] if repeated else None


def count_key_ends(texts: Sequence[bytes]) -> list[int]:
    """Return for each of some JSON texts an upper bound of the keys written in it: quotation marks before a colon, unless the mark is escaped."""
    bounds = np.cumsum(np.fromiter((len(text) + 1 for text in texts), np.int64, len(texts)))
    joined = np.frombuffer(b"\n".join(texts), np.uint8)  # a line feed is no quotation mark: nothing reaches from one text into the next
    counts = np.zeros(len(texts), np.int64)
    for start in range(0, len(joined), _WINDOW_BYTES):
        low = max(start - _LOOK_BACK, 0)
        ends = _find_key_ends(joined[low : start + _WINDOW_BYTES]) + low
        counts += np.bincount(np.searchsorted(bounds, ends[ends >= start], side="right"), minlength=len(texts))
    return counts.tolist()


def _find_key_ends(raw: NDArray[np.uint8]) -> _Places:
    """Return where the colons after keys stand, and some more."""
    colons = np.flatnonzero(raw == _COLON)
    colons = colons[colons > 0]
    at = colons - 1
    for _ in range(_STEPS):
        at -= (raw[at] <= _SPACE) & (at > 0)
    before = raw[at]
    found = (before == _QUOTE) | (before <= _SPACE)
    colons, at = colons[found], at[found]
    escaped = (raw[at] == _QUOTE) & (raw[np.maximum(at - 1, 0)] == _BACKSLASH) & (raw[np.maximum(at - 2, 0)] != _BACKSLASH)
    kept: _Places = colons[~escaped]
    return kept


def count_keys(value: object) -> int:
    """Return how many keys a decoded value has, all objects together."""
    total = 0
    waiting = [value]
    while waiting:
        holder = waiting.pop()
        if isinstance(holder, dict):
            total += len(holder)
            holder = holder.values()
        elif not isinstance(holder, list):
            continue
        for item in holder:
            if type(item) is dict or type(item) is list:
                waiting.append(item)
    return total


def _nothing(_: str) -> None:
    """Numbers are not looked at."""
