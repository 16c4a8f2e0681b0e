"""Sets of word windows, and which words of a passage stand in one of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.matching.seeds import window_hash

_ONE, _BYTE = np.uint64(1), np.uint64(63)


@dataclass(frozen=True, slots=True)
class KnownWindows:
    """A sorted set of window hashes, and one bit for each in a filter: of other windows, one in sixteen is looked for in vain."""

    hashes: NDArray[np.uint64]
    bits: NDArray[np.uint64]

    @property
    def shift(self) -> np.uint64:
        """By how many bits a hash is shifted to give its word of the filter."""
        return np.uint64(65 - len(self.bits).bit_length())


def know_windows(hashes: NDArray[np.uint64]) -> KnownWindows:
    """Return a sorted set of window hashes with its filter."""
    bits = np.zeros(2 ** max((16 * len(hashes) // 64).bit_length(), 1), dtype=np.uint64)
    known = KnownWindows(hashes, bits)
    np.bitwise_or.at(bits, hashes >> known.shift, np.uint64(1) << (hashes & _BYTE))
    return known


def mark_windows(words: NDArray[np.uint32], start: int, end: int, known: KnownWindows, n: int, mask: NDArray[np.bool_]) -> None:
    """Set ``mask[i]`` for the words of ``words[start:end]`` that stand in a known window of ``n`` words."""
    if len(known.hashes):
        _mark_windows(words, start, end, known.hashes, known.bits, known.shift, n, mask)


@kernel()
def _mark_windows(
    words: NDArray[np.uint32],
    start: int,
    end: int,
    known: NDArray[np.uint64],
    bits: NDArray[np.uint64],
    shift: np.uint64,
    n: int,
    mask: NDArray[np.bool_],
) -> None:
    for i in range(start, end - n + 1):
        h = window_hash(words, i, n)
        if bits[h >> shift] >> (h & _BYTE) & _ONE:
            at = np.searchsorted(known, h)
            if at < len(known) and known[at] == h:
                for j in range(i, i + n):
                    mask[j - start] = True


def count_new_windows(
    words: NDArray[np.uint32], start: int, end: int, known: KnownWindows, n: int, mask: NDArray[np.bool_], *, one_in: int = 1
) -> int:
    """Return how many windows of ``words[start:end]`` of which ``mask`` has every word, and whose hash is divisible by ``one_in``, are not known."""
    return int(_count_new(words, start, end, known.hashes, n, mask, np.uint64(one_in - 1)))


@kernel()
def _count_new(
    words: NDArray[np.uint32], start: int, end: int, known: NDArray[np.uint64], n: int, mask: NDArray[np.bool_], sampled: np.uint64
) -> int:
    new = 0
    for i in range(start, end - n + 1):
        inside = True
        for j in range(i, i + n):
            inside &= mask[j - start]
        if inside:
            h = window_hash(words, i, n)
            at = np.searchsorted(known, h)
            new += h & sampled == 0 and (at == len(known) or known[at] != h)
    return new
