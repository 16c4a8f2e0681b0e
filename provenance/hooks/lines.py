"""Lines for people on a terminal: wrapped to its width. Elsewhere nothing is changed, so that a log can be searched line by line. Standard library only."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Protocol

from provenance.columns import cut, width

_USUAL_COLUMNS = 80
_LEAST_COLUMNS = 40
_LABEL = re.compile(r" {2,}\S+(?: \S+)? {2,}(?=\S)")
"""What stands before the text of a line: ``  because    ``."""
_FURTHER = 4
"""Columns by which the further lines of a text without a label are set in."""


class Stream(Protocol):
    """What lines are written to."""

    def isatty(self) -> bool:
        """Tell whether it is a terminal."""

    def fileno(self) -> int:
        """Return its number."""


def fitting(lines: Iterable[str], stream: Stream) -> list[str]:
    """Return lines as a stream takes them: on a terminal none is wider than it, but for a word that is; elsewhere each as it is.

    Words are never broken: a path that is longer than a line can still be copied.
    """
    try:
        is_terminal = stream.isatty()
    except Exception:  # noqa: BLE001 – closed, or an object that can write and nothing else
        is_terminal = False
    if not is_terminal:
        return list(lines)
    columns = _columns(stream)
    return [part for line in lines for part in _wrapped(line, columns)]


def _columns(stream: Stream) -> int:
    """Return the width of a terminal by what it says itself: no environment variable is read here."""
    with suppress(Exception):  # as above
        return max(os.get_terminal_size(stream.fileno()).columns or _USUAL_COLUMNS, _LEAST_COLUMNS)
    return _USUAL_COLUMNS


def _wrapped(line: str, columns: int) -> Iterator[str]:
    if width(line) <= columns:
        yield line
        return
    if len(set(line)) == 1:  # a rule
        yield cut(line, columns)[:-1] + line[0]
        return
    label = _LABEL.match(line)
    start = label.end() if label else len(line) - len(line.lstrip())
    further = " " * (start or _FURTHER)
    made, words = line[:start], line[start:].split(" ")
    empty = True
    for word in words:
        if not empty and width(made) + 1 + width(word) > columns:
            yield made
            made, empty = further, True
        made += word if empty else f" {word}"
        empty = False
    yield made
