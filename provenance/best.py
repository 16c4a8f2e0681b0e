"""The best of many items, without keeping them all."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class _Reversed:
    """Orders keys from the last to the first, as a heap of the worst needs them."""

    key: Any

    def __lt__(self, other: _Reversed) -> bool:
        return bool(other.key < self.key)


class Best(Generic[T]):
    """Keeps the items with the smallest keys, of equal ones those that came first."""

    def __init__(self, room: int) -> None:
        """Hold none.

        Args:
            room: Most items that are kept.
        """
        self._room = room
        self._worst_first: list[tuple[_Reversed, int, T]] = []
        self._came = itertools.count(0, -1)

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._worst_first)

    def add(self, key: Any, item: T) -> T | None:
        """Take an item; return the one that is not kept for it, ``None`` while there is room.

        Cost:
            One comparison where the item is worse than all, else their number's logarithm.
        """
        if len(self._worst_first) < self._room:
            heapq.heappush(self._worst_first, (_Reversed(key), next(self._came), item))
            return None
        if not self.accepts(key):
            return item
        return heapq.heapreplace(self._worst_first, (_Reversed(key), next(self._came), item))[2]

    def accepts(self, key: Any) -> bool:
        """Tell whether an item would be kept now."""
        return len(self._worst_first) < self._room or (self._room > 0 and bool(key < self._worst_first[0][0].key))

    def items(self) -> list[T]:
        """Return what is kept, the best first."""
        return [item for _, _, item in sorted(self._worst_first, reverse=True)]
