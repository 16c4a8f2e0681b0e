"""Strict reading of JSON catalogues: as strict as YAML ones, with line and column of what is wrong.

Python's own reader lets the last of two equal keys win, takes ``NaN`` for a number and nests as deep as its stack: each may leave an entry other than its
author sees it.
"""

from __future__ import annotations

import bisect
import json
import re
from pathlib import Path
from typing import Any

from provenance.documents import MAX_BYTES, MAX_DEPTH
from provenance.errors import DocumentError

Steps = tuple[str | int, ...]
Places = dict[Steps, tuple[int, int]]
"""Path of keys and positions → (line, column), from 1. A value with a key stands where its key does."""
_SPACE = re.compile(r"[ \t\n\r]*")


def load_json(path: Path) -> object:
    """Return the value that a JSON file holds.

    Raises:
        DocumentError: With line and column, if it is not JSON, names a key twice or is too large.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DocumentError(f"{path}: {size} bytes, more than the limit of {MAX_BYTES}")
        return parse_json(path.read_bytes(), where=str(path))
    except OSError as err:
        raise DocumentError(f"{path}: cannot be read: {err.strerror or err}") from err


def parse_json(raw: bytes, *, where: str) -> object:
    """Return the value that JSON text holds.

    Raises:
        DocumentError: With line and column.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise DocumentError(f"{where}: not UTF-8 at byte {err.start}", hint="save it as UTF-8") from err
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except json.JSONDecodeError as err:
        raise DocumentError(f"{where}:{err.lineno}:{err.colno}: not JSON: {err.msg[:1].lower()}{err.msg[1:]}") from err
    except RecursionError as err:
        raise DocumentError(f"{where}: nested deeper than {MAX_DEPTH} levels") from err
    except ValueError as err:  # what is JSON to Python, and not to us; or a number of thousands of digits
        raise _placed(err, text, where) from err


def mark_json_places(text: str) -> Places:
    """Return where the values of JSON text stand.

    Raises:
        DocumentError: If a key is given twice, a number is none of JSON, or it nests too deep; its ``context`` holds the line and the column.
    """
    found: Places = {}
    _Walk(text, found).value(0, (), None)
    return found


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("a key is given twice")
    return made


def _refuse_constant(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _placed(err: ValueError, text: str, where: str) -> DocumentError:
    """Return the error with its place, which Python's reader does not tell."""
    try:
        mark_json_places(text)
    except DocumentError as found:
        return DocumentError(f"{where}:{found.context['line']}:{found.context['column']}: {found}")
    return DocumentError(f"{where}: {err}")


class _Walk:
    """Goes through JSON text that is well-formed but for what ``mark_json_places`` refuses."""

    def __init__(self, text: str, found: Places) -> None:
        self._text, self._found = text, found
        self._starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def value(self, at: int, path: Steps, mark: int | None) -> int:
        """Read one value and return where it ends."""
        at = self._skip(at)
        self._found[path] = self._place(at if mark is None else mark)
        if len(path) > MAX_DEPTH:
            raise self._fault(at, f"nested deeper than {MAX_DEPTH} levels")
        if self._text[at] == "{":
            return self._object(at + 1, path)
        if self._text[at] == "[":
            return self._array(at + 1, path)
        return self._scalar(at)

    def _object(self, at: int, path: Steps) -> int:
        at = self._skip(at)
        seen: set[str] = set()
        while self._text[at] != "}":
            mark = at = self._skip(at + 1) if self._text[at] == "," else at
            key, at = json.JSONDecoder().raw_decode(self._text, at)
            if key in seen:
                raise self._fault(mark, f"key {key!r} is given twice")
            seen.add(key)
            at = self._skip(self.value(self._skip(at) + 1, (*path, key), mark))
        return at + 1

    def _array(self, at: int, path: Steps) -> int:
        at, number = self._skip(at), 0
        while self._text[at] != "]":
            at = self._skip(self.value(at + 1 if self._text[at] == "," else at, (*path, number), None))
            number += 1
        return at + 1

    def _scalar(self, at: int) -> int:
        decoder = json.JSONDecoder(parse_constant=_refuse_constant)
        try:
            _, end = decoder.raw_decode(self._text, at)
        except ValueError as err:
            raise self._fault(at, str(err)) from err
        return end

    def _skip(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return at if found is None else found.end()

    def _place(self, at: int) -> tuple[int, int]:
        line = bisect.bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1

    def _fault(self, at: int, what: str) -> DocumentError:
        line, column = self._place(at)
        return DocumentError(what, context={"line": str(line), "column": str(column)})
