"""Pieces of a Markdown document in which text of the data can do nothing: it stands in code spans, in which nothing is a link, an image or markup."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from provenance.report.wording import clip, number, visible

LONGEST = 600
"""Characters of one code span."""
_FENCES = re.compile(r"`+")
_HARMLESS = re.compile(r"(?!\d+[.)])[^\W_](?:[^\W_]|[ ,;()%–-]|[.:](?= |$)|(?<=\d)\.(?=\d))*")
"""Letters, digits, and signs that mean nothing inside a line: no address, mention or markup can be made of them."""


def code_span(text: str, limit: int = LONGEST) -> str:
    """Return hostile text as a code span of one line (CommonMark 0.31, 6.1), at most ``limit`` characters of it."""
    shown = visible(clip(text, limit)).replace("\n", "⏎") or "(empty)"
    fence = "`" * (max((len(run) for run in _FENCES.findall(shown)), default=0) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") or not shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def cell_span(text: str, limit: int = LONGEST) -> str:
    """Return hostile text as a code span for a table's cell. A bar would end the cell, even in a code span, so that it is named instead (GFM 0.29, 4.10)."""
    return code_span(text, limit).replace("|", "⟨U+007C⟩")


def phrase(text: str, limit: int = LONGEST) -> str:
    """Return text as it is where nothing in it can mean anything, else as a code span that fits a table's cell."""
    return text if len(text) <= limit and _HARMLESS.fullmatch(text) and not text[-1].isspace() else cell_span(text, limit)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, numeric: Iterable[int] = ()) -> Iterator[str]:
    """Yield the lines of a table (GFM 0.29, 4.10).

    Args:
        head: Names of the columns.
        rows: Cells, as Markdown without bars.
        numeric: Columns that are aligned to the right.
    """
    right = set(numeric)
    yield _row(head)
    yield _row(["---:" if column in right else "---" for column in range(len(head))])
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def left_out(listed: int, total: int, all_in: str) -> Iterator[str]:
    """Yield a line that says how many entries are not listed, where there are such."""
    if listed < total:
        yield from ("", f"{number(total - listed)} more: {all_in} lists them.")
