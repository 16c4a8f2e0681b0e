"""Strict reading of the small JSON documents that a clearance rests on: one meaning per document, no surprise, bounded size."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

from provenance.canonical import MAX_SAFE_INTEGER

_MOST_DIGITS: Final = 20
_TIME: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")


def load_strict(raw: bytes, *, max_bytes: int) -> Any:
    """Return the JSON value in ``raw``.

    Raises:
        ValueError: With the reason, if the document is larger than ``max_bytes``, not UTF-8, not JSON, holds a key twice, a number that is not an
            integer of I-JSON (RFC 7493), or is nested too deeply. RFC 8259 leaves the meaning of repeated keys open, and NaN is not JSON at all.
    """
    if len(raw) > max_bytes:
        raise ValueError(f"it has {len(raw):,} bytes, at most {max_bytes:,} are read")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as err:
        raise ValueError(f"it is not UTF-8 at byte {err.start}") from err
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_number, parse_float=_refuse_number, parse_int=_integer)
    except json.JSONDecodeError as err:
        raise ValueError(f"it is not JSON: {err}") from err
    except RecursionError as err:
        raise ValueError("it is nested too deeply") from err


def expect_fields(value: object, fields: Iterable[str], *, where: str) -> dict[str, Any]:
    """Return ``value`` if it is an object with exactly these fields.

    Raises:
        ValueError: With the first field that is missing or unknown.
    """
    expected = set(fields)
    if isinstance(value, dict):
        for name in sorted(expected - value.keys()):
            raise ValueError(f"{where} lacks the field {name!r}")
        for name in sorted(value.keys() - expected):
            raise ValueError(f"{where} has an unknown field {name!r}")
        return value
    raise ValueError(f"{where} must be an object, got {type(value).__name__}")


def expect_list(value: object, *, where: str) -> list[Any]:
    """Return ``value`` if it is a list.

    Raises:
        ValueError: If it is not.
    """
    if isinstance(value, list):
        return value
    raise ValueError(f"{where} must be a list, got {type(value).__name__}")


def expect_text(value: object, *, where: str) -> str:
    """Return ``value`` if it is non-empty text of encodable characters.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{where} must be non-empty text, got {value!r:.60}")
    if any("\ud800" <= c <= "\udfff" for c in value):
        raise ValueError(f"{where} holds a lone surrogate")
    return value


def parse_time(text: object, *, where: str) -> datetime:
    """Return the time that RFC 3339 text in the one accepted form ``2026-11-24T04:50:00Z`` stands for.

    Raises:
        ValueError: For any other form, fractions and offsets included.
    """
    found = _TIME.fullmatch(text) if isinstance(text, str) else None
    if found is not None:
        year, month, day, hour, minute, second = map(int, found.groups())
        try:
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        except ValueError as err:
            raise ValueError(f"{where} is no time of the calendar: {text!r}: {err}") from err
    raise ValueError(f"{where} must be a UTC time such as 2026-11-24T04:50:00Z, got {text!r:.60}")


def printable(text: str) -> str:
    """Return text safe to print: control, format and unencodable characters escaped, so that a hostile name cannot rewrite a terminal."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"it holds the key {key!r} twice")
            seen.add(key)
    return result


def _integer(text: str) -> int:
    number = int(text) if len(text) <= _MOST_DIGITS else MAX_SAFE_INTEGER + 1
    if abs(number) > MAX_SAFE_INTEGER:
        raise ValueError(f"it holds the number {text[:40]}; integers lie between -(2**53 - 1) and 2**53 - 1")
    return number


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"it holds the number {text[:40]}; only integers are used")
