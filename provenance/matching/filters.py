"""Filters of word windows: most windows of a text are in no reference, and one look into a filter tells so. They are made when they are needed, and not stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

_LEAST_BITS, _MOST_BITS = 16, 28
"""log2 of the bits of a filter: what fits a cache, and 32 MiB."""
_SPREAD = 4
"""log2 of filter bits a window: of other windows, fewer than one in a hundred pass by chance."""
MOST_SEEDS = 2 ** (_MOST_BITS - _SPREAD + 1)
"""Windows that one filter is made for: with more, too many others would pass."""


class Filtered(Protocol):
    """What a filter is made of."""

    @property
    def seeds(self) -> int:
        """How many windows are looked for."""

    def fill_filter(self, bits: NDArray[np.uint64]) -> None:
        """Set a filter's bits of all of them."""


def make_filter(parts: Sequence[Filtered]) -> NDArray[np.uint64]:
    """Return a filter that every window of the parts passes."""
    seeds = sum(part.seeds for part in parts)
    log2 = min(max((max(seeds, 1) - 1).bit_length() + _SPREAD, _LEAST_BITS), _MOST_BITS)
    bits = np.zeros(2 ** (log2 - 6), dtype=np.uint64)
    for part in parts:
        part.fill_filter(bits)
    return bits


def filter_shift(bits: NDArray[np.uint64]) -> np.uint64:
    """Return by how many bits a window hash is shifted to give its word of a filter."""
    return np.uint64(64 - (len(bits).bit_length() - 1))
