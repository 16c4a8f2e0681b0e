"""Filters of word windows: most windows of a text are in no reference, and one look into a filter tells so. They are made when they are needed, and not stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_LEAST_BITS, _MOST_BITS = 16, 30
"""log2 of the bits of a filter: what fits a cache, and 128 MiB, which serve 3 GB of references at eight bits a window."""
_COARSE_FROM, _COARSE_LESS = 26, 2
"""log2: filters of so many bits, 8 MiB, have a coarse one of a quarter of the bits before them. Chosen by measuring: beside 1 GB of references, which no cache
holds the filter of, a coarse one of 32 MiB takes 2.1 ms of CPU a MB looked up, of 16 MiB 2.3, of 4 MiB 3.3, and none at all 3.4."""
_SPREAD = 4
"""log2 of filter bits a window: of other windows, fewer than one in a hundred pass by chance."""
MOST_SEEDS = 2 ** (_MOST_BITS - _SPREAD + 1)
"""Windows that one filter is made for: with more, too many others would pass."""


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter of window hashes.

    Shapes:
        bits: (2^k,) uint64, three bits of a word for each window.
        coarse: (2^m,) uint64, two bits of a word for each window, asked first; empty where ``bits`` are few.
    """

    bits: NDArray[np.uint64]
    coarse: NDArray[np.uint64]

    @property
    def shift(self) -> np.uint64:
        """By how many bits a hash is shifted to give its word of ``bits``."""
        return np.uint64(65 - len(self.bits).bit_length())

    @property
    def arrays(self) -> tuple[NDArray[np.uint64], np.uint64, NDArray[np.uint64], np.uint64]:
        """What kernels take."""
        return self.bits, self.shift, self.coarse, np.uint64(65 - len(self.coarse).bit_length())


class Filtered(Protocol):
    """What a filter is made of."""

    @property
    def seeds(self) -> int:
        """How many windows are looked for."""

    def fill_filter(self, into: Filter) -> None:
        """Set a filter's bits of all of them."""


def make_filter(parts: Sequence[Filtered]) -> Filter:
    """Return a filter that every window of the parts passes."""
    seeds = sum(part.seeds for part in parts)
    log2 = min(max((max(seeds, 1) - 1).bit_length() + _SPREAD, _LEAST_BITS), _MOST_BITS)
    before = 2 ** (log2 - _COARSE_LESS - 6) if log2 >= _COARSE_FROM else 0
    made = Filter(np.zeros(2 ** (log2 - 6), dtype=np.uint64), np.zeros(before, dtype=np.uint64))
    for part in parts:
        part.fill_filter(made)
    return made
