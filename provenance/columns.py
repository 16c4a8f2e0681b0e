"""How wide text is on a terminal, and text cut, padded and wrapped by that: Chinese takes two columns a character, an accent of its own none."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})
"""Categories of characters that take no column."""


def width(text: str) -> int:
    """Return how many columns a text takes."""
    return len(text) if text.isascii() else sum(map(_char_width, text))


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Return a text that takes exactly some columns, cut at its end where it is too wide."""
    shown = cut(text, columns)
    space = " " * (columns - width(shown))
    return space + shown if right else shown + space


def cut(text: str, columns: int) -> str:
    """Return a text that takes at most some columns, with … where it was cut."""
    return text if width(text) <= columns else _fitting(text, max(columns, 1) - 1) + "…"


def cut_middle(text: str, columns: int) -> str:
    """Return a text that takes at most some columns, with … in its middle: the ends of names tell more than their middle."""
    if width(text) <= columns:
        return text
    tail = max((columns - 1) // 2, 0)
    end = _fitting(text[::-1], tail)[::-1]
    return f"{_fitting(text, max(columns - 1 - width(end), 0))}…{end}"


def wrap(text: str, columns: int) -> Iterator[str]:
    """Yield lines of at most some columns, broken at spaces where there are any."""
    line = ""
    for word in text.split():
        joined = f"{line} {word}" if line else word
        if width(joined) <= columns:
            line = joined
            continue
        if line:
            yield line
        while width(word) > columns:
            head = _fitting(word, columns)
            yield head
            word = word[len(head) :]  # noqa: PLW2901 - what is left of it
        line = word
    if line:
        yield line


def _fitting(text: str, columns: int) -> str:
    """Return as much of the beginning of a text as fits."""
    taken = 0
    for number, char in enumerate(text):
        taken += _char_width(char)
        if taken > columns:
            return text[:number]
    return text


def _char_width(char: str) -> int:
    if unicodedata.category(char) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
