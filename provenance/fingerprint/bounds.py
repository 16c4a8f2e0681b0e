"""Kernel that bounds how many words texts have, looking no further than needed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.fingerprint.plain import IN_WORD, KINDS, OTHER, SEPARATOR


@kernel()
def bound_words(data: NDArray[np.uint8], offsets: NDArray[np.int64], enough: int, out: NDArray[np.int64]) -> None:
    """Count words of ASCII, and what else may be one.

    Args:
        data: UTF-8.
        offsets: (n + 1,) row boundaries.
        enough: No more words than this are counted in a row.
        out: (n, 2) takes the least and the most words of each row: a word begins for certain where a letter or digit of ASCII follows an ASCII separator, and
            may begin after an apostrophe and with each byte outside ASCII.
    """
    for row in range(len(offsets) - 1):
        least, most = 0, 0
        before = SEPARATOR
        for i in range(offsets[row], offsets[row + 1]):
            kind = KINDS[data[i]]
            if kind == OTHER:
                most += 1
            elif kind == IN_WORD and before != IN_WORD:
                most += 1
                least += before == SEPARATOR
                if least >= enough:
                    break
            before = kind
        out[row, 0], out[row, 1] = least, most
