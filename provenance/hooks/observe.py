"""Being told of what a run really reads. Hooks tell; what listens keeps the run record (``provenance.hooks.record``), or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from provenance.model.training import RunEnd

__all__ = ["ReasonObserver", "RunEnd", "RunObserver", "Unobserved", "UnseenObserver", "tell_denied"]


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


@runtime_checkable
class ReasonObserver(Protocol):
    """Listens also to why a run is not allowed to go on."""

    def run_stopped(self, reasons: Sequence[str]) -> None:
        """Take note of reasons, one sentence each, such as a shard that changed."""


@runtime_checkable
class UnseenObserver(Protocol):
    """Listens also to what is read and not seen."""

    def reads_unseen(self, what: str) -> None:
        """Take note that something is read which hooks do not see, one sentence."""


def tell_denied(observer: RunObserver, reasons: Sequence[str]) -> None:
    """Tell an observer that the run ends because it is denied, and why where it wants to know."""
    if isinstance(observer, ReasonObserver):
        observer.run_stopped(reasons)
    observer.run_ended(RunEnd.DENIED)


class Unobserved:
    """Listens to nothing."""

    def shard_read(self, path: str, size_bytes: int) -> None:
        """Keep nothing."""

    def step_ended(self, step: int, *, epoch: float | None = None) -> None:
        """Keep nothing."""

    def run_ended(self, end: RunEnd) -> None:
        """Keep nothing."""
