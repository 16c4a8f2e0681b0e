"""Exceptions to licences that a text names: what stands behind WITH in an SPDX expression.

An exception permits more, so only those are read whose name, or whose own words at length, cannot mean anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import re2

from provenance.licensing.flat import Flat

_NAMED = (
    (r"\bpermissions? described in the gcc runtime library exception(?: 3\.1)?\b", "GCC-exception-3.1", "GPL"),
    (
        r"\b(?:with|subject to|and) (?:the )?(?:gnu )?(?:[\"'“])?classpath(?:[\"'”])? (?:linking )?exceptions?\b(?: 2\.0)?",
        "Classpath-exception-2.0",
        "GPL",
    ),
    (
        r"\bspecial exception you may create a larger work that contains part or all of the bison parser skeleton and distribute that work\b",
        "Bison-exception-2.2",
        "GPL",
    ),
    (
        r"\bspecial exception when this file is copied by bison into a bison output file you may use that output file without restriction\b",
        "Bison-exception-1.24",
        "GPL",
    ),
    (r"\bwith (?:the )?llvm exceptions?\b", "LLVM-exception", "Apache"),
)
"""How an exception is named, its SPDX id, and the family of the licence that bears it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedException:
    """One exception named in a text."""

    start: int
    """First code point."""
    expression: str
    """SPDX id of the exception."""
    family: str
    """Of the licence that bears it, as ``names`` calls it."""


def read_exceptions(flat: Flat) -> Iterator[NamedException]:
    """Yield the exceptions that a text names, of each kind in order."""
    for pattern, expression, family in _NAMED:
        for match in _compiled(pattern).finditer(flat.line):
            yield NamedException(start=flat.starts[flat.at(match.start())], expression=expression, family=family)


@cache
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern)
