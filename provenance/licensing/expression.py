"""SPDX licence expressions as small values: one licence, all of several, any of several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

MAX_EXPRESSION = 4096
"""Characters; longer text is prose, not an expression."""
MAX_NESTED = 40
"""Levels of brackets that change what an expression means; no licence text needs more than three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneLicense:
    """A licence id, with its exception where there is one."""

    id: str
    exception: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllOf:
    """``A AND B``: every part applies."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyOf:
    """``A OR B``: the licensee chooses."""

    parts: tuple[Expression, ...]


Expression = OneLicense | AllOf | AnyOf


def parse_expression(text: str) -> Expression:
    """Return the value of an SPDX expression; ids are kept as written.

    Raises:
        ValueError: If it is none.
    """
    import license_expression

    if len(text) > MAX_EXPRESSION:
        raise ValueError(f"{len(text)} characters are no licence expression")
    if " " not in text.strip() and "(" not in text:
        return OneLicense(id=_checked_id(text.strip()))
    try:
        tree = _grammar().parse(text, strict=False)
    except (license_expression.ExpressionError, license_expression.ParseError) as err:
        raise ValueError(f"{text[:80]!r} is no licence expression: {err}") from err
    except IndexError as err:  # how the grammar's package fails on brackets with nothing in them
        raise ValueError(f"{text[:80]!r} is no licence expression: empty brackets") from err
    except RecursionError as err:
        raise ValueError(f"an expression nested deeper than {MAX_NESTED} levels") from err
    except (TypeError, AttributeError, KeyError) as err:  # what the parser lets through where a bracket holds nothing
        raise ValueError(f"{text[:80]!r} is no licence expression: something is missing between its brackets or words") from err
    if tree is None:
        raise ValueError("an empty text is no licence expression")
    return _convert(tree, MAX_NESTED)


@cache
def _grammar() -> Any:
    import license_expression

    return license_expression.Licensing()


def _convert(tree: Any, levels: int) -> Expression:
    import license_expression

    if levels < 0:
        raise ValueError(f"an expression nested deeper than {MAX_NESTED} levels")

    if isinstance(tree, license_expression.LicenseWithExceptionSymbol):
        return OneLicense(id=_checked_id(tree.license_symbol.key), exception=_checked_id(tree.exception_symbol.key))
    if isinstance(tree, license_expression.LicenseSymbol):
        return OneLicense(id=_checked_id(tree.key))
    parts = tuple(_convert(arg, levels - 1) for arg in tree.args)
    return AllOf(parts=parts) if isinstance(tree, _grammar().AND) else AnyOf(parts=parts)


def _checked_id(key: str) -> str:
    if not key or not all(c.isascii() and (c.isalnum() or c in "-.+:") for c in key):
        raise ValueError(f"{key!r} is no licence id (SPDX: letters, digits, '-', '.', '+')")
    return key


def join_all(texts: Iterable[str]) -> str:
    """Return the expression that all of several licences apply; one that is itself a choice or more is put in brackets."""
    return " AND ".join(f"({t})" if " AND " in t or " OR " in t else t for t in texts)


def render(expression: Expression) -> str:
    """Return the SPDX text of an expression."""
    if isinstance(expression, OneLicense):
        return f"{expression.id} WITH {expression.exception}" if expression.exception else expression.id
    word = " AND " if isinstance(expression, AllOf) else " OR "
    return word.join(render(p) if isinstance(p, OneLicense) else f"({render(p)})" for p in expression.parts)


def iter_licenses(expression: Expression) -> Iterator[OneLicense]:
    """Yield every licence that an expression names, from left to right."""
    if isinstance(expression, OneLicense):
        yield expression
    else:
        for part in expression.parts:
            yield from iter_licenses(part)
