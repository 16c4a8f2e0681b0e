"""A journal in memory that satisfies the port."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from provenance.model.dataset import Shard


@dataclass
class MemoryNotes:
    """What was noted of one way of reading."""

    notes: dict[str, tuple[str, Shard]] = field(default_factory=dict)

    def knows(self, path: str) -> bool:
        return path in self.notes

    def recall(self, path: str, stamp: str) -> Shard | None:
        then, shard = self.notes.get(path, ("", None))
        return shard if stamp and stamp == then else None

    def note(self, path: str, stamp: str, shard: Shard) -> None:
        if stamp:
            self.notes[path] = stamp, shard

    def close(self) -> None:
        self.notes.clear()


class MemoryJournal:
    """Keeps notes while the test goes on."""

    def __init__(self) -> None:
        self.by_key: dict[str, MemoryNotes] = {}

    @contextmanager
    def open(self, key: str) -> Iterator[MemoryNotes]:
        yield self.by_key.setdefault(key, MemoryNotes())
