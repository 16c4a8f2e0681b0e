"""An observer of a run that keeps what it was told, in memory, for tests of hooks."""

from __future__ import annotations

from dataclasses import dataclass, field

from provenance.hooks.observe import RunEnd


@dataclass
class KeptObserver:
    """Keeps every call in order. Only what is told in this process arrives: what a worker of a data loader tells stays with the worker."""

    reads: list[tuple[str, int]] = field(default_factory=list)
    """(path, bytes) of every read."""
    steps: list[tuple[int, float | None]] = field(default_factory=list)
    """(step, epoch)."""
    ends: list[RunEnd] = field(default_factory=list)
    """Every end that was told; the first counts."""

    def shard_read(self, path: str, size_bytes: int) -> None:
        """Keep a read."""
        self.reads.append((path, size_bytes))

    def step_ended(self, step: int, *, epoch: float | None = None) -> None:
        """Keep a step."""
        self.steps.append((step, epoch))

    def run_ended(self, end: RunEnd) -> None:
        """Keep an end."""
        self.ends.append(end)

    @property
    def end(self) -> RunEnd | None:
        """The end that counts."""
        return self.ends[0] if self.ends else None

    def bytes_read(self) -> dict[str, int]:
        """Return bytes by path."""
        total: dict[str, int] = {}
        for path, size in self.reads:
            total[path] = total.get(path, 0) + size
        return total
