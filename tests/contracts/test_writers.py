"""Eight processes that register, import and derive at once, and a writer that waits for its turn, on both databases: nothing is lost and the chain is whole."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from provenance.cli.main import run
from provenance.errors import ConflictError
from provenance.model.dataset import Dataset
from provenance.registry import session
from provenance.registry.drift import find_drift
from provenance.registry.engine import LOCK_TIMEOUT_S, lock_log, open_engine, transaction
from provenance.registry.integrity import verify_registry
from provenance.registry.session import SqlUnitOfWork
from provenance.registry.upgrade import upgrade
from tests.conftest import ROOT
from tests.fakes import values
from tests.fakes.clock import TickingClock

WRITERS, ROUNDS = 8, 2
WORK = """
import os, sys
from provenance.cli.main import run
import provenance.cli.import_, provenance.cli.register, provenance.cli.lineage, provenance.registry.session, provenance.ingest.reader, psycopg

writers, rounds, *base = sys.argv[1:]

def work(number):
    codes = []
    for i in range(int(rounds)):
        own = ("--license", "MIT", "--synthetic", "no", "-j", "1")
        codes.append(run([*base, "register", "data/a.jsonl", "--dataset", f"own-{number}-{i}", *own]))
        codes.append(run([*base, "register", "data/a.jsonl", "--dataset", "shared", *own]))
        codes.append(run([*base, "import", f"m-{number}.csv"]))
        codes.append(run([*base, "datasets", "derive", f"own-{number}-{i}", "--from", "shared", "--transform", "filter", "--note", f"{number} {i}"]))
    return max(codes)

children = []
for number in range(int(writers)):
    children.append(os.fork())
    if children[-1] == 0:
        os._exit(work(number))
sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
"""
"""Loads everything once, then forks the writers, so that they begin together."""


def test_eight_processes_at_once_lose_nothing(tmp_path: Path, database: str, loops: int) -> None:
    upgrade(database)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text(json.dumps({"id": "a", "text": "Minutes of the meeting, as agreed by everybody."}) + "\n")
    (tmp_path / "provenance.toml").write_text('[roots]\ndata = "data"\n')
    rounds = ROUNDS * loops
    for number in range(WRITERS):
        rows = "".join(f"listed-{number}-{i % 4},d/{i:03}.jsonl,{i:064x},{i},MIT\n" for i in range(200))
        (tmp_path / f"m-{number}.csv").write_text("dataset,path,sha256,size_bytes,license\n" + rows)
    base = ["-C", str(tmp_path), "--db", database, "-q"]
    command = [sys.executable, "-c", WORK, str(WRITERS), str(rounds), *base]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0
    assert "error" not in done.stderr  # that one waits for another may be said
    units = SqlUnitOfWork(database, TickingClock())
    with units.read() as registry:
        verify_registry(registry)
        log = [(e.action, e.reason) for e in registry.log_entries()]
        assert sum(1 for _ in registry.recorded_derivations()) == WRITERS * rounds
        names = {v.dataset.name for v in registry.datasets()}
        recordings = {name: len(registry.versions(name)) for name in names}
    own = {f"own-{n}-{i}" for n in range(WRITERS) for i in range(rounds)}
    listed = {f"listed-{n}-{i}" for n in range(WRITERS) for i in range(4)}
    assert names == own | listed | {"shared"}
    assert set(recordings.values()) == {1}  # what was recorded again, by itself or by another, changed nothing
    wanted = [("register", name) for name in (*own, "shared")] + [("import", name) for name in listed] + [("derive", name) for name in own]
    assert sorted(log) == sorted(wanted)
    assert find_drift(database) == []


def test_a_writer_that_waits_says_so_once_and_then_does_its_work(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    upgrade(database)
    monkeypatch.setattr(session, "NOTICE_S", 0.0)
    said, told, done = list[str](), threading.Event(), threading.Event()

    def write() -> None:
        with writer.begin(actor="b", action="register") as registry:
            registry.add_version(values.version(Dataset(name="d"), values.shards(2)))
        done.set()

    def notify(sentence: str) -> None:
        said.append(sentence)
        told.set()

    writer = SqlUnitOfWork(database, TickingClock(), notify=notify)
    engine = open_engine(database)
    with transaction(engine, write=True, lock=lock_log):
        thread = threading.Thread(target=write)
        thread.start()
        assert told.wait(60)
        assert not done.is_set()
    thread.join(60)
    assert done.is_set()
    assert said == [f"another process is writing to the registry: waiting for it, {LOCK_TIMEOUT_S / 60:.0f} minutes at most"]
    with writer.read() as registry:
        verify_registry(registry)
        assert [v.dataset.name for v in registry.datasets()] == ["d"]


def test_a_writer_that_gives_up_says_how_long_it_waited_and_that_a_rerun_goes_on(database: str) -> None:
    upgrade(database)
    writer = SqlUnitOfWork(database, TickingClock(), lock_timeout_s=0.05)
    with transaction(open_engine(database), write=True, lock=lock_log), pytest.raises(ConflictError) as caught:
        writer.begin(actor="b", action="register").__enter__()
    assert "another process has been writing to the registry for 0 s" in str(caught.value)
    assert "run the same command again" in str(caught.value.hint)


def test_a_registration_that_finds_the_registry_locked_keeps_what_it_recorded(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    upgrade(database)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text('{"text": "Minutes of the meeting."}\n')
    (tmp_path / "provenance.toml").write_text('[roots]\ndata = "data"\n')
    monkeypatch.setattr(SqlUnitOfWork.__init__, "__kwdefaults__", {"lock_timeout_s": 0.05, "why": "", "notify": None})
    base = ["-C", str(tmp_path), "--db", database, "-q"]
    first = [*base, "register", "data/a.jsonl", "--dataset", "one", "--license", "MIT", "--synthetic", "no"]
    second = ["two" if word == "one" else word for word in first]
    assert run(first) == 0
    with transaction(open_engine(database), write=True, lock=lock_log):
        assert run([*base, "datasets", "list"]) == 0  # who reads need not wait
        capsys.readouterr()
        assert run(second) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert "another process has been writing" in said[0]
    assert run(second) == 0
    with SqlUnitOfWork(database, TickingClock()).read() as registry:
        verify_registry(registry)
        assert [v.dataset.name for v in registry.datasets()] == ["one", "two"]
