"""What a registration has found out so far, kept for the next one where this one is killed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from provenance.model.dataset import Shard


class OpenJournal(Protocol):
    """The journal of one registration that goes on."""

    def knows(self, path: str) -> bool:
        """Tell whether a registration that did not end has described a file."""

    def recall(self, path: str, stamp: str) -> Shard | None:
        """Return that description; ``None`` where there is none, or it is of a file with another stamp."""

    def note(self, path: str, stamp: str, shard: Shard) -> None:
        """Keep the description of a file. One with an empty stamp could never be told from another and is not kept."""

    def close(self) -> None:
        """Forget everything: what was noted is recorded now."""


class Journal(Protocol):
    """Keeps notes of registrations that do not end."""

    def open(self, key: str) -> AbstractContextManager[OpenJournal]:
        """Open the journal of registrations that find the same out of files in the same way. What is not closed by the end is kept for the next one."""
