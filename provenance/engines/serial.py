"""One task after the other, in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from provenance.ports import Progress, Result, Task, WorkerLostError


class SerialEngine:
    """Implements ``ports.Engine`` in this process."""

    def run(
        self, work: Callable[[Task, Progress], Result], tasks: Sequence[Task], sizes: Sequence[int], progress: Progress
    ) -> Iterator[tuple[int, Result | WorkerLostError]]:
        """Do the tasks in their order."""
        del sizes
        for number, task in enumerate(tasks):
            yield number, work(task, progress)
