"""Being told of what a run really reads. Hooks tell; what listens keeps the run record (``provenance.hooks.record``), or nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class RunEnd(StrEnum):
    """How a run came to its end."""

    COMPLETED = "completed"
    """The trainer came to the end of its loop."""
    STOPPED = "stopped"
    """Somebody ended it before, by a signal or the keyboard."""
    FAILED = "failed"
    """It ended with an error."""
    DENIED = "denied"
    """The gate, or a shard that changed, ended it."""


class RunObserver(Protocol):
    """Listens to one process of a run. Hooks call it from the process that reads, workers of data loaders included.

    Implementations can be pickled, since workers may be started afresh, and lose nothing that was told before a kill by more than a second.
    """

    def shard_read(self, path: str, size_bytes: int) -> None:
        """Take note that bytes of a registered shard were handed out.

        Args:
            path: As in the shard manifest.
            size_bytes: How many bytes.
        """

    def step_ended(self, step: int, *, epoch: float | None = None) -> None:
        """Take note that an optimiser's step was made.

        Args:
            step: Number of steps made so far.
            epoch: Passes over the data so far, where the trainer counts them.
        """

    def run_ended(self, end: RunEnd) -> None:
        """Take note that the run is over. Only the first call counts."""


class Unobserved:
    """Listens to nothing."""

    def shard_read(self, path: str, size_bytes: int) -> None:
        """Keep nothing."""

    def step_ended(self, step: int, *, epoch: float | None = None) -> None:
        """Keep nothing."""

    def run_ended(self, end: RunEnd) -> None:
        """Keep nothing."""
