"""The cores of this machine: worker processes that take one task at a time.

A worker that is killed costs the task it had in hand, which is told; the others go on, and a new worker takes its place. When this process ends, however it
ends, the workers end with it: their pipe closes.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from typing import Any

from provenance.engines.serial import SerialEngine
from provenance.ports import Engine, Progress, Result, Task, WorkerLostError

_PATIENCE_S = 5.0
"""How long a worker may take to end before it is killed: one that is stopped never would."""
LEAST_BYTES = 48 << 20
"""Less work than this is done in this process: workers take a second to start."""
_CONTEXT = multiprocessing.get_context("spawn")
"""A forked process would inherit locks that threads of Arrow and of numba hold."""


def available_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class ProcessEngine:
    """Implements ``ports.Engine`` with up to ``jobs`` worker processes; the largest tasks are begun first."""

    jobs: int = field(default_factory=available_cores)
    least_bytes: int = LEAST_BYTES
    preload: tuple[str, ...] = ()
    """Modules that a worker loads while it waits for its work."""

    def run(
        self, work: Callable[[Task, Progress], Result], tasks: Sequence[Task], sizes: Sequence[int], progress: Progress
    ) -> Iterator[tuple[int, Result | WorkerLostError]]:
        """Do the tasks, several at a time where that is worth while; a task whose worker was killed gives ``WorkerLostError``."""
        with self.ahead(sizes) as engine:
            yield from engine.run(work, tasks, sizes, progress)

    @contextmanager
    def ahead(self, sizes: Sequence[int]) -> Iterator[Engine]:
        """Give an engine whose workers are started, if tasks of such sizes ask for some: they get ready while this process still makes its work.

        An engine that was given out runs tasks once. Workers end with the context.
        """
        workers = min(self.jobs, len(sizes))
        if workers <= 1 or sum(sizes) < self.least_bytes:
            yield SerialEngine()
            return
        pool = _Pool(self.preload)
        try:
            pool.make_idle(workers)
            yield _StartedEngine(pool, workers)
        finally:
            pool.close()


@dataclass(frozen=True, slots=True)
class _StartedEngine:
    """Implements ``ports.Engine`` once, with workers that are there."""

    pool: _Pool
    workers: int

    def run(
        self, work: Callable[[Task, Progress], Result], tasks: Sequence[Task], sizes: Sequence[int], progress: Progress
    ) -> Iterator[tuple[int, Result | WorkerLostError]]:
        """Do the tasks."""
        waiting = sorted(range(len(tasks)), key=lambda number: (sizes[number], -number))
        pool = self.pool
        pool.begin(work, progress)
        for _ in range(min(self.workers, len(waiting))):
            pool.start(waiting.pop(), tasks)
        while pool.busy:
            for number, outcome in pool.collect():
                if waiting:
                    pool.start(waiting.pop(), tasks)
                yield number, outcome


@dataclass(slots=True, eq=False)
class _Worker:
    process: Any
    pipe: Connection
    number: int = -1
    """Of the task in hand, or done last."""


class _Pool:
    """Worker processes, idle and busy."""

    def __init__(self, preload: tuple[str, ...]) -> None:
        self._preload = preload
        self._sent_work = b""
        self._progress: Progress | None = None
        self._idle: list[_Worker] = []
        self.busy: dict[Connection, _Worker] = {}

    def make_idle(self, count: int) -> None:
        """Start workers that wait."""
        self._idle += [self._make() for _ in range(count)]

    def begin(self, work: Callable[[Any, Progress], Any], progress: Progress) -> None:
        """Take the work that all tasks are done with."""
        # As bytes, so that what goes wrong when it is opened over there is told like any other error.
        self._sent_work, self._progress = ForkingPickler.dumps(work).tobytes(), progress

    def start(self, number: int, tasks: Sequence[Any]) -> None:
        """Give a task to a worker."""
        while self._idle:
            worker = self._idle.pop()
            if self._send(worker, tasks[number]):
                break
            worker.process.join()  # it died after its last answer
        else:
            worker = self._make()
            self._send(worker, tasks[number])  # where it is dead already, its pipe tells
        worker.number = number
        self.busy[worker.pipe] = worker

    def _send(self, worker: _Worker, task: Any) -> bool:
        try:
            if worker.number < 0:
                worker.pipe.send(self._sent_work)
            worker.pipe.send(task)
        except OSError:
            return False
        return True

    def _make(self) -> _Worker:
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_serve, args=(theirs, self._preload), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def collect(self) -> Iterator[tuple[int, Any]]:
        """Wait for news and yield the tasks that are done."""
        ready = wait(list(self.busy))
        for worker in [worker for pipe, worker in self.busy.items() if pipe in ready]:
            try:
                kind, value = worker.pipe.recv()
            except (EOFError, ConnectionError):
                del self.busy[worker.pipe]
                worker.process.join()
                yield worker.number, WorkerLostError(_obituary(worker.process.exitcode))
                continue
            if kind == "advance" and self._progress is not None:
                self._progress.advance(value)
            elif kind == "note" and self._progress is not None:
                self._progress.note(value)
            elif kind == "raised":
                raise value
            else:
                del self.busy[worker.pipe]
                self._idle.append(worker)
                yield worker.number, value

    def close(self) -> None:
        """End all workers; those that still work are stopped."""
        for worker in (*self._idle, *self.busy.values()):
            worker.pipe.close()
            if worker.number < 0 or worker in self.busy.values():
                worker.process.terminate()
        for worker in (*self._idle, *self.busy.values()):
            worker.process.join(_PATIENCE_S)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()


def _obituary(code: int | None) -> str:
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        memory = ": the machine may have run out of memory" if name == "SIGKILL" else ""
        return f"the process that worked on it was killed by {name}{memory}"
    return f"the process that worked on it ended with code {code}"


class _PipeProgress:
    """Sends news to the process that waits for them. Satisfies ``ports.Progress``; stages are begun by who waits."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def start(self, label: str, total_bytes: int) -> None:
        """Nothing."""

    def advance(self, n_bytes: int) -> None:
        """Send bytes done."""
        _send(self._pipe, ("advance", n_bytes))

    def note(self, text: str) -> None:
        """Send the name of the thing in hand."""
        _send(self._pipe, ("note", text))

    def finish(self) -> None:
        """Nothing."""


def _send(pipe: Connection, message: tuple[str, Any]) -> None:
    _send_bytes(pipe, ForkingPickler.dumps(message))


def _send_bytes(pipe: Connection, message: memoryview) -> None:
    try:
        pipe.send_bytes(message)
    except OSError:
        raise SystemExit(1) from None  # nobody waits any more


def _sendable(err: Exception) -> Exception:
    try:
        pickle.loads(pickle.dumps(err))  # noqa: S301 - our own bytes
    except Exception:  # noqa: BLE001 - whatever an error of a library does when it is copied
        return RuntimeError(f"{type(err).__name__}: {err}")
    return err


def _serve(pipe: Connection, preload: tuple[str, ...]) -> None:
    """Do tasks until the pipe closes: the work comes first. An interrupt from the keyboard is left to the process that waits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in preload:
        import_module(name)
    progress = _PipeProgress(pipe)
    work: Callable[[Any, Progress], Any] | None = None
    while True:
        try:
            received = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            if work is None:
                work = pickle.loads(received)  # noqa: S301 - from the process that started this one
                continue
            message = ForkingPickler.dumps(("done", work(received, progress)))
        except Exception as err:  # noqa: BLE001 - raised again by the process that waits
            _send(pipe, ("raised", _sendable(err)))
            return
        _send_bytes(pipe, message)
