"""Arrays that were computed once and may be asked for again: kept up to a number of bytes, whatever their sizes are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

Arrays = tuple[NDArray[Any], ...]


class KeptArrays:
    """Arrays by number. What does not fit beside the others makes room for itself by dropping them all; alone it is kept whatever its size."""

    def __init__(self, limit_bytes: int) -> None:
        """Keep nothing yet."""
        self._limit_bytes, self._held_bytes = limit_bytes, 0
        self._arrays: dict[int, Arrays] = {}

    def get(self, number: int, make: Callable[[int], Arrays]) -> Arrays:
        """Return the arrays of a number, made if they are not kept."""
        found = self._arrays.get(number)
        if found is None:
            found = make(number)
            size = sum(array.nbytes for array in found)
            if self._held_bytes + size > self._limit_bytes:
                self._arrays.clear()
                self._held_bytes = 0
            self._arrays[number] = found
            self._held_bytes += size
        return found
