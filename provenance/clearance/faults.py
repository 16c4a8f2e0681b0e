"""What can be wrong with a file that was cleared, or with one that was not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from provenance.clearance.strict_json import printable


class ShardFault(StrEnum):
    """What is wrong with a file."""

    MISSING = "missing"
    """Registered, and not under any root."""
    CHANGED = "changed"
    """There, with other bytes."""
    UNREGISTERED = "unregistered"
    """There, and not in the manifest."""
    OUTSIDE = "outside"
    """A link that leaves the data roots."""
    IRREGULAR = "irregular"
    """Not a regular file, or a link to nothing."""
    UNREADABLE = "unreadable"
    """The operating system or the store refuses it."""
    BAD_PATH = "bad-path"
    """The manifest's path is absolute, climbs, or is a URL below none of the roots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardProblem:
    """One file that is not as registered."""

    fault: ShardFault
    path: str
    """As in the manifest where registered, else as found on disk or in its store."""
    detail: str

    def __str__(self) -> str:
        """Return one printable line."""
        return f"{printable(self.path)}: {self.detail}"


NOT_CLEARED: Final = (
    "not among the files that were cleared: add it to the run and clear again, move it out of the data root, "
    "or give --shard-folders-only if it belongs to another dataset"
)
