"""Tasks are done in other processes as in this one; a worker that is killed costs its task and no other."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from provenance.audit.register import Described, Description
from provenance.audit.scan import FileScan, Finders, Scanned, ShardToScan
from provenance.bootstrap import SystemClock, make_reader, make_suspects
from provenance.engines.processes import ProcessEngine
from provenance.engines.serial import SerialEngine
from provenance.errors import ReferenceIndexError, ShardReadError
from provenance.ingest.listing import FileListing
from provenance.matching.cascade import open_matcher
from provenance.matching.index import ReferenceStore
from provenance.model.dataset import Dataset, Shard
from provenance.model.reference import ReferenceKind
from provenance.ports import Progress, WorkerLostError
from tests.fakes.matching import make_reference, make_words
from tests.fakes.world import CountingProgress

ENGINE = ProcessEngine(jobs=2, least_bytes=0)


def double(task: int, progress: Progress) -> int:
    progress.note(str(task))
    progress.advance(task)
    return 2 * task


def die_at_three(task: int, progress: Progress) -> int:
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return double(task, progress)


def refuse(task: int, progress: Progress) -> int:
    del progress
    raise ShardReadError(f"task {task} cannot be read", hint="try another", context={"path": "a"})


def die_soon(task: int, progress: Progress) -> int:
    threading.Timer(0.02, os._exit, (3,)).start()
    return double(task, progress)


def exit_early(task: int, progress: Progress) -> int:
    del task, progress
    raise SystemExit(5)


class Unsendable:
    """Work that cannot be opened in another process."""

    def __call__(self, task: int, progress: Progress) -> int:
        return double(task, progress)

    def __reduce__(self) -> tuple[object, ...]:
        return explode, ()


def explode() -> None:
    raise ReferenceIndexError("the set is not what it was", hint="run the command again")


class OddError(Exception):
    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def refuse_oddly(task: int, progress: Progress) -> int:
    del task, progress
    raise OddError("a", "b")


def dawdle(task: int, progress: Progress) -> int:
    for _ in range(600):
        progress.advance(1)
        time.sleep(0.1)
    return task


def test_every_task_is_done_once() -> None:
    progress = CountingProgress()
    tasks = list(range(7))
    done = dict(ENGINE.run(double, tasks, tasks, progress))
    assert done == dict(SerialEngine().run(double, tasks, tasks, CountingProgress())) == {n: 2 * n for n in tasks}
    assert progress.done == sum(tasks)


def test_a_killed_worker_costs_its_task_alone() -> None:
    done = dict(ENGINE.run(die_at_three, list(range(6)), [1] * 6, CountingProgress()))
    lost = done.pop(3)
    assert isinstance(lost, WorkerLostError)
    assert "SIGKILL" in str(lost)
    assert done == {n: 2 * n for n in range(6) if n != 3}


def test_an_error_is_raised_here_as_it_was_there() -> None:
    with pytest.raises(ShardReadError, match="cannot be read") as caught:
        dict(ENGINE.run(refuse, [1, 2], [1, 1], CountingProgress()))
    assert (caught.value.hint, caught.value.context["path"]) == ("try another", "a")
    with pytest.raises(RuntimeError, match="OddError: ab"):
        dict(ENGINE.run(refuse_oddly, [1, 2], [1, 1], CountingProgress()))


def test_workers_that_die_between_tasks_are_replaced() -> None:
    tasks = list(range(8))
    done = dict(ENGINE.run(die_soon, tasks, [1] * 8, CountingProgress()))
    assert sorted(done) == tasks
    assert all(value == 2 * n or isinstance(value, WorkerLostError) for n, value in done.items())


def test_work_that_ends_its_process_is_lost_alone() -> None:
    done = dict(ENGINE.run(exit_early, [1, 2, 3], [1] * 3, CountingProgress()))
    assert all("ended with code 5" in str(value) for value in done.values())


def test_what_goes_wrong_at_the_start_is_told_once(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ReferenceIndexError, match="not what it was") as caught:
        dict(ENGINE.run(Unsendable(), list(range(9)), [1] * 9, CountingProgress()))
    assert caught.value.hint == "run the command again"
    assert capfd.readouterr().err == ""


def test_little_work_is_done_in_this_process() -> None:
    assert dict(ProcessEngine(jobs=2).run(lambda task, _: task, [1, 2], [1, 1], CountingProgress())) == {0: 1, 1: 2}  # a lambda cannot be sent


SCRIPT = """
import multiprocessing, signal, sys
from provenance.engines.processes import ProcessEngine
from tests.fakes.world import CountingProgress
from tests.unit.engines.test_processes import dawdle

class Telling(CountingProgress):
    def advance(self, n_bytes):
        print(*(p.pid for p in multiprocessing.active_children()), flush=True)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
    list(ProcessEngine(jobs=2, least_bytes=0).run(dawdle, [1, 2], [1, 1], Telling()))
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_workers_end_with_the_process_that_waits(tmp_path: Path, how: signal.Signals) -> None:
    script = tmp_path / "waits.py"
    script.write_text(SCRIPT)
    root = Path(__file__).parents[3]
    waiting = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env={**os.environ, "PYTHONPATH": str(root)}
    )
    with waiting:
        assert waiting.stdout is not None
        workers = [int(pid) for pid in waiting.stdout.readline().split()]
        assert len(workers) == 2
        waiting.send_signal(how)
        try:
            waiting.wait(20)
        finally:
            waiting.kill()
    deadline = time.monotonic() + 20
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_alive, workers))


def is_alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_files_are_matched_in_other_processes_as_in_this_one(tmp_path: Path) -> None:
    store = ReferenceStore(tmp_path / "references")
    texts = [" ".join(make_words(200, seed)) for seed in range(8)]
    store.add("books", [make_reference(str(n), text) for n, text in enumerate(texts)], kind=ReferenceKind.WORK)
    targets = []
    for n, text in enumerate(texts):
        path = tmp_path / f"{n}.txt"
        path.write_text("Before it stands this. " + text[: 400 + 40 * n])
        targets.append(ShardToScan(dataset=Dataset(name=""), shard=Shard(path=str(path), sha256="", size_bytes=0), location=str(path)))
    work = FileScan(Finders(open_matcher(store, ["books"]), make_suspects()), make_reader(), SystemClock())
    sizes = [1] * len(targets)
    here, there = (dict(engine.run(work, targets, sizes, CountingProgress())) for engine in (SerialEngine(), ENGINE))
    for number in range(len(targets)):
        one, other = here[number], there[number]
        assert isinstance(one, Scanned)
        assert isinstance(other, Scanned)
        assert one.matches == other.matches
        assert len(one.matches) == 1


def test_references_that_change_in_between_are_told(tmp_path: Path) -> None:
    store = ReferenceStore(tmp_path)
    store.add("books", [make_reference("a", "one two three four five six seven eight nine")], kind=ReferenceKind.WORK)
    sent = pickle.dumps(open_matcher(store, ["books"]))
    store.add("books", [make_reference("b", "other words that were not there before at all")], kind=ReferenceKind.WORK)
    with pytest.raises(ReferenceIndexError, match="changed while it was in use"):
        pickle.loads(sent)


def test_files_are_described_in_other_processes_as_in_this_one(tmp_path: Path) -> None:
    for n in range(4):
        (tmp_path / f"{n}.txt").write_text("one two three " * (n + 1))
    (tmp_path / "4.jsonl").write_text("no JSON\n")
    work = Description(FileListing({"data": tmp_path}), Dataset(name="d"), "data")
    paths = [*(f"{n}.txt" for n in range(4)), "4.jsonl", "none.txt"]
    here, there = (dict(engine.run(work, paths, [1] * len(paths), CountingProgress())) for engine in (SerialEngine(), ENGINE))
    shards, others = ({number: found.shard for number, found in done.items() if isinstance(found, Described)} for done in (here, there))
    assert shards == others
    assert [found.words for found in shards.values() if isinstance(found, Shard)] == [3, 6, 9, 12]
    assert all(isinstance(shards[n], str) for n in (4, 5))


def test_workers_that_are_started_ahead_do_the_tasks_and_end_where_there_are_none() -> None:
    with ProcessEngine(jobs=2, least_bytes=0, preload=("provenance.matching.params",)).ahead([1, 2, 3]) as engine:
        assert not isinstance(engine, SerialEngine)
        assert sorted(engine.run(double, [1, 2, 3], [1, 2, 3], CountingProgress())) == [(0, 2), (1, 4), (2, 6)]
    before = len(multiprocessing.active_children())
    with ProcessEngine(jobs=2, least_bytes=0).ahead([1, 2, 3]):
        assert len(multiprocessing.active_children()) == before + 2
    assert len(multiprocessing.active_children()) == before
    with ProcessEngine(jobs=2).ahead([1, 2, 3]) as engine:
        assert isinstance(engine, SerialEngine), "too little for other processes"
