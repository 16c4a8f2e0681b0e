"""Kernel that tells which rows begin as JSON does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.bits import Int
from provenance.fingerprint.jit import kernel

_SPACE, _TAB, _FEED, _RETURN = (ord(c) for c in " \t\n\r")
_BRACE, _BRACKET, _QUOTE = (ord(c) for c in '{["')
_BACKSLASH, _LETTER_S = (ord(c) for c in "\\s")
_MARK = np.frombuffer(b"\xef\xbb\xbf", np.uint8)


@kernel(_nrt=False)
def _may_matter(data: NDArray[np.uint8], at: Int, end: Int) -> bool:
    """Tell whether bytes hold a backslash, or an s before a quotation mark: all of them are looked at, which many at a time takes no longer."""
    count = 0
    for i in range(at, end):
        count += data[i] == _BACKSLASH
    for i in range(at, end - 1):
        count += (data[i] == _LETTER_S) & (data[i + 1] == _QUOTE)
    return count > 0


@kernel()
def find_openings(data: NDArray[np.uint8], offsets: NDArray[np.int64], found: NDArray[np.bool_]) -> None:
    """Set ``found`` for the rows that may be JSON in which something is hidden.

    Their first byte, behind a byte order mark and white space of JSON, opens an object, a list or a string, and they hold an escape, or a key that ends in an s as
    names of token ids do.
    """
    for row in range(len(offsets) - 1):
        at, end = offsets[row], offsets[row + 1]
        if end - at >= len(_MARK) and data[at] == _MARK[0] and data[at + 1] == _MARK[1] and data[at + 2] == _MARK[2]:
            at += len(_MARK)
        while at < end and (data[at] == _SPACE or data[at] == _TAB or data[at] == _FEED or data[at] == _RETURN):
            at += 1
        opens = at < end and (data[at] == _BRACE or data[at] == _BRACKET or data[at] == _QUOTE)
        found[row] = opens and _may_matter(data, at, end)
