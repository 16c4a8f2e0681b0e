"""Kernel that tells which rows begin as JSON does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel

_SPACE, _TAB, _FEED, _RETURN = (ord(c) for c in " \t\n\r")
_BRACE, _BRACKET, _QUOTE = (ord(c) for c in '{["')
_MARK = np.frombuffer(b"\xef\xbb\xbf", np.uint8)


@kernel()
def find_openings(data: NDArray[np.uint8], offsets: NDArray[np.int64], found: NDArray[np.bool_]) -> None:
    """Set ``found`` for the rows whose first byte, behind a byte order mark and white space of JSON, opens an object, a list or a string."""
    for row in range(len(offsets) - 1):
        at, end = offsets[row], offsets[row + 1]
        if end - at >= len(_MARK) and data[at] == _MARK[0] and data[at + 1] == _MARK[1] and data[at + 2] == _MARK[2]:
            at += len(_MARK)
        while at < end and (data[at] == _SPACE or data[at] == _TAB or data[at] == _FEED or data[at] == _RETURN):
            at += 1
        found[row] = at < end and (data[at] == _BRACE or data[at] == _BRACKET or data[at] == _QUOTE)
