"""Objects that have one key twice: readers disagree which value counts, so a trainer may see text that is not seen here.

JSON leaves the meaning open (RFC 8259 §4). A decoder that keeps the last value is fast and cannot tell; so the places where a key ends are counted in the
bytes, which is fast too, and only where there are more of them than keys is the text decoded again, slowly.
"""

from __future__ import annotations

import json
import re
from collections import Counter

_HOLDERS = frozenset({dict, list})
_SPACED = re.compile(rb'"[ \t\r\n]+:')
_SPACED_COLONS = (b" :", b"\t:", b"\r:", b"\n:")


def find_repeated_key(raw: bytes, value: object) -> str | None:
    """Return a key that one object of a JSON text has twice, ``None`` where there is none.

    Args:
        raw: The text, valid JSON.
        value: What it was decoded to.

    Raises:
        ValueError: If it cannot be looked at: numbers of thousands of digits.
        RecursionError: If it nests too deep to be looked at.
    """
    if count_key_ends(raw) == count_keys(value):
        return None
    repeated: list[str] = []

    def note(pairs: list[tuple[str, object]]) -> None:
        if len(dict(pairs)) != len(pairs):
            repeated.extend(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)

    json.loads(raw, object_pairs_hook=note, parse_int=_nothing, parse_float=_nothing)
    return repeated[0] if repeated else None


def count_key_ends(raw: bytes) -> int:
    """Return an upper bound of the keys written in a JSON text: a quotation mark before a colon, unless the mark is escaped."""
    ends = raw.count(b'":')
    if ends and b'\\":' in raw:
        ends += raw.count(b'\\\\":') - raw.count(b'\\":')
    if any(colon in raw for colon in _SPACED_COLONS):
        ends += len(_SPACED.findall(raw))
    return ends


def count_keys(value: object) -> int:
    """Return how many keys a decoded value has, all objects together."""
    if isinstance(value, dict):
        return len(value) + sum(count_keys(item) for item in value.values() if type(item) in _HOLDERS)
    if isinstance(value, list):
        return sum(count_keys(item) for item in value if type(item) in _HOLDERS)
    return 0


def _nothing(_: str) -> None:
    """Numbers are not looked at."""
