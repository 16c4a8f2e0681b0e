"""The language of conditions: a subset of CEL in which every expression ends, cannot fail, and cannot be made true by what is unknown.

A condition is checked twice at load: here, token by token (closed vocabulary of operators and words, spelling of paths and of enum values), and by
the CEL compiler against the typed schema. Left out on purpose: macros and string building (they can grow without bound), ``!`` and the ternary,
arithmetic (it makes infinities and NaN, and ``!(NaN > 0.5)`` is true; the engine computes the totals), indexing, calls other than ``size``. What is
left only compares facts with constants and with one another, so the engine can try every value that an unknown fact might have.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from provenance.canonical import MAX_SAFE_INTEGER
from provenance.documents import nearest
from provenance.errors import PolicyDocumentError
from provenance.policy.facts import FactField

Where = Callable[[int], str]
"""Names the place of a condition's character, counted from 0, for errors: file, line and column, rule and key."""
MAX_LENGTH = 2_000
"""Longest condition, characters: evaluation is linear in it."""
MAX_NESTING = 30
"""Deepest parentheses."""
_TOKEN = re.compile(
    r"""(?P<space>\s+)|(?P<path>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)|(?P<number>[0-9]+(?:\.[0-9]+)?)"""
    r"""|(?P<text>"[^"\\\n]*"|'[^'\\\n]*')|(?P<op>&&|\|\||==|!=|<=|>=|[<>(),\[\]])"""
)
DAYS = frozenset({"run.now", "waiver.expires"})
"""Facts that are a day of UTC, so that they are compared as texts."""
_COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">="})
_WORDS = frozenset({"in", "true", "false", "size"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """One token of a condition."""

    kind: str
    """``path``, ``number``, ``text``, ``op`` or ``word``."""
    text: str
    column: int
    """1-based."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """A condition that passed the checks of this module."""

    text: str
    paths: tuple[str, ...]
    """Every path it mentions, in order of first mention."""
    texts: tuple[str, ...]
    """Every text constant."""
    numbers: tuple[float, ...]
    """Every number constant."""


def parse_condition(text: str, *, where: Where, paths: Mapping[str, FactField | None]) -> Condition:
    """Check a condition's tokens.

    Args:
        text: The condition.
        where: Names a character's place in errors.
        paths: What may be read, with its field; ``None`` for a parameter.

    Raises:
        PolicyDocumentError: With the column: a misspelt path or enum value, or anything outside the language.
    """
    tokens = tokens_of(text, where)
    for token in tokens:
        if token.kind == "path" and token.text not in paths:
            raise PolicyDocumentError(f"{where(token.column - 1)}: unknown fact {token.text!r}", hint=nearest(token.text, paths) or None)
    for i, token in enumerate(tokens):
        if token.kind == "text":
            _check_vocabulary(tokens, i, where, paths)
    mentioned = tuple(dict.fromkeys(t.text for t in tokens if t.kind == "path"))
    if not mentioned:
        raise PolicyDocumentError(f"{where(0)}: {text!r} reads no fact", hint="a condition compares at least one fact")
    return Condition(
        text=text,
        paths=mentioned,
        texts=tuple(t.text[1:-1] for t in tokens if t.kind == "text"),
        numbers=tuple(float(t.text) for t in tokens if t.kind == "number"),
    )


def tokens_of(text: str, where: Where) -> list[Token]:
    """Return a condition's tokens.

    Raises:
        PolicyDocumentError: Where something is outside the language, too long or nested too deep.
    """
    if len(text) > MAX_LENGTH:
        raise PolicyDocumentError(f"{where(MAX_LENGTH)}: {len(text)} characters, more than the limit of {MAX_LENGTH}", hint="split the rule")
    tokens: list[Token] = []
    at, depth = 0, 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise PolicyDocumentError(
                f"{where(at)}: {text[at]!r} is not part of the condition language",
                hint="conditions use && || == != < <= > >= in ( ) [ ], numbers, texts without escapes, and facts",
            )
        if found.lastgroup != "space":
            tokens.append(_token(found, where))
            depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(found.group(), 0)
        if depth > MAX_NESTING:
            raise PolicyDocumentError(f"{where(at)}: nested deeper than {MAX_NESTING}")
        at = found.end()
    return tokens


def _token(found: re.Match[str], where: Where) -> Token:
    kind, text, column = str(found.lastgroup), found.group(), found.start() + 1
    if kind == "path" and text in _WORDS:
        return Token(kind="word", text=text, column=column)
    if kind == "number" and float(text) > MAX_SAFE_INTEGER:
        raise PolicyDocumentError(f"{where(column - 1)}: {text} is beyond 2**53 - 1")
    return Token(kind=kind, text=text, column=column)


def _check_vocabulary(tokens: list[Token], i: int, where: Where, paths: Mapping[str, FactField | None]) -> None:
    path = _compared_with(tokens, i)
    if path not in paths:
        raise PolicyDocumentError(f"{where(tokens[i].column - 1)}: {tokens[i].text} is not compared with a fact", hint='write: fact == "text"')
    field, value = paths[path], tokens[i].text[1:-1]
    if fault := day_fault(path, value):
        raise PolicyDocumentError(f"{where(tokens[i].column - 1)}: {path}: {fault}")
    if field is not None and field.values and value not in field.values:
        raise PolicyDocumentError(f"{where(tokens[i].column - 1)}: {path} is never {value!r}", hint=nearest(value, field.values) or None)


def day_fault(path: str, value: str) -> str:
    """Say what is wrong with a text that a fact which is a day is compared with or given; empty where nothing is, or the fact is no day."""
    if path not in DAYS:
        return ""
    try:
        exact = dt.date.fromisoformat(value).isoformat() == value
    except ValueError:
        exact = False
    return "" if exact else f"{value!r} is not a day YYYY-MM-DD; days here are of UTC, without a time"


def _compared_with(tokens: list[Token], i: int) -> str:
    """Return the path that a text is compared with: ``path == text``, ``text != path``, or ``path in [.., text, ..]``; else empty text."""
    for operator, other in ((i - 1, i - 2), (i + 1, i + 2)):
        if 0 <= other < len(tokens) and tokens[operator].kind == "op" and tokens[operator].text in _COMPARISONS and tokens[other].kind == "path":
            return tokens[other].text
    start = i
    while start > 0 and tokens[start].text not in {"[", "(", "&&", "||"}:
        start -= 1
    is_member = start > 1 and tokens[start].text == "[" and tokens[start - 1].text == "in"
    return tokens[start - 2].text if is_member else ""
