"""Whole documents and turns: which references a whole text equals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel

_FACTOR = np.uint64(0xBF58476D1CE4E5B9)
_SHIFT = np.uint64(29)
_ONE = np.uint64(1)


@kernel()
def digest_rows(words: NDArray[np.uint32], offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return a 64-bit digest of each row's sequence of words. For look-up: equality is then checked word by word."""
    out = np.empty(len(offsets) - 1, dtype=np.uint64)
    for row in range(len(out)):
        h = np.uint64(offsets[row + 1] - offsets[row])
        for i in range(offsets[row], offsets[row + 1]):
            h = (h ^ np.uint64(words[i]) + _ONE) * _FACTOR
            h ^= h >> _SHIFT
        out[row] = h
    return out


@kernel()
def equal_rows(
    words: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    digests: NDArray[np.uint64],
    table: NDArray[np.uint64],
    ref_words: NDArray[np.uint32],
    ref_offsets: NDArray[np.int64],
    least_words: int,
    cap: int,
) -> NDArray[np.int64]:
    """Return (n, 2) pairs (row, reference) of equal word sequences of at least ``least_words``; at most ``cap`` references a row."""
    out = np.empty((64, 2), dtype=np.int64)
    n = 0
    keys = table[:, 0].copy()
    for row in range(len(digests)):
        length = offsets[row + 1] - offsets[row]
        if length < least_words:
            continue
        at = np.searchsorted(keys, digests[row])
        last = min(at + cap, len(keys))
        while at < last and keys[at] == digests[row]:
            ref = np.int64(table[at, 1])
            at += 1
            if ref_offsets[ref + 1] - ref_offsets[ref] != length:
                continue
            same = True
            for k in range(length):
                if words[offsets[row] + k] != ref_words[ref_offsets[ref] + k]:
                    same = False
                    break
            if same:
                if n == len(out):
                    grown = np.empty((2 * n, 2), dtype=np.int64)
                    for k in range(n):  # assigning slices takes seconds to compile
                        grown[k, 0], grown[k, 1] = out[k, 0], out[k, 1]
                    out = grown
                out[n, 0], out[n, 1] = row, ref
                n += 1
    return out[:n]
