"""Finds where a reference's own text begins and ends between the wrapping that its publisher put around it."""

from __future__ import annotations

import re

_START = re.compile(
    r"\*{3} ?START OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)[^*\n]*(?:\n[^*\n]*)?\*{3}|\*END\*? ?THE SMALL PRINT![^\n]*", re.IGNORECASE
)
_END = re.compile(
    r"\*{3} ?END OF (?:THE|THIS) PROJECT GUTENBERG E(?:BOOK|TEXT)|^\W*END OF (?:THE |THIS )?PROJECT GUTENBERG(?:'S|’S)?\b",
    re.IGNORECASE | re.MULTILINE,
)
_START_SHARE = 0.5
"""A start marker stands in the first half of a text, an end marker after it."""


def body_span(text: str) -> tuple[int, int]:
    """Return the code points of the work itself: what stands between start and end markers, or everything where there are none."""
    start, end = 0, len(text)
    for found in _START.finditer(text, 0, int(len(text) * _START_SHARE) + 1):
        start = found.end()
    last = _END.search(text, start)
    if last is not None:
        end = last.start()
    return start, end
