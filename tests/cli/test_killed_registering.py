"""``register``, ``import`` and ``derive`` killed at any moment leave whole recordings and nothing else; one undisturbed run afterwards ends as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from provenance.bootstrap import open_workspace
from provenance.model.wire import to_wire
from provenance.registry.drift import find_drift
from provenance.registry.integrity import verify_registry
from provenance.registry.upgrade import upgrade
from tests.conftest import ROOT
from tests.fakes.postgres import fresh_database

SETS, SHARDS, ROWS = 6, 5, 400
NURSERY = """
import json, os, sys
from provenance.cli.main import run
import provenance.cli.import_, provenance.cli.register, provenance.cli.lineage, provenance.audit.imports, provenance.audit.derive
import provenance.registry.session, provenance.ingest.reader, provenance.engines.processes, provenance.exchange.formats
import provenance.exchange.manifest, psycopg

COMMANDS = (
    ("register", "--manifest", "datasets.yaml", "-j", "1"),
    ("import", "m.csv"),
    ("datasets", "derive", "made", "--from", "set-0", "--from", "elsewhere", "--transform", "filter"),
)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        os._exit(max(run([*json.loads(line), *command]) for command in COMMANDS))
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Loads everything once and forks a process for each piece of work, so that two hundred of them begin at once."""
State = dict[str, Any]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine") / "work"
    entries = []
    for number in range(SETS):
        name = f"set-{number}"
        (folder / "data" / name).mkdir(parents=True)
        for shard in range(SHARDS):
            lines = (json.dumps({"id": f"{number}-{shard}-{i}", "text": f"Minute {i} of meeting {number} was agreed by all."}) for i in range(50))
            (folder / "data" / name / f"{shard}.jsonl").write_text("\n".join(lines) + "\n")
        entries.append(f"  - {{name: {name}, license: CC0-1.0, synthetic: no, shards: ['{name}/*.jsonl']}}\n")
    entries.append("  - {name: made, license: CC0-1.0, synthetic: no, shards: [set-1/0.jsonl]}\n")
    (folder / "datasets.yaml").write_text(f"format: provenance.datasets\nversion: 1\ndatasets:\n{''.join(entries)}")
    rows = (f"listed-{i % SETS},d/{i:05}.jsonl,{i:064x},{i},MIT\n" for i in range(SETS * ROWS))
    (folder / "m.csv").write_text("dataset,path,sha256,size_bytes,license\n" + "".join(rows))
    (folder / "provenance.toml").write_text('[roots]\ndata = "data"\n')
    return folder


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.full)])
def make_database(request: pytest.FixtureRequest) -> Callable[[Path], str]:
    """Return what makes an empty registry for a workspace."""
    server = request.getfixturevalue("postgres") if request.param == "postgresql" else None

    def make(folder: Path) -> str:
        url = f"sqlite:///{folder}/registry.db" if server is None else fresh_database(server)
        upgrade(url)
        return url

    return make


class Nursery:
    """Starts work in processes that can be killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def begin(self, folder: Path, url: str) -> int:
        """Start the work; return its process."""
        assert self._process.stdin is not None
        print(json.dumps(["-C", str(folder), "--db", url, "-q"]), file=self._process.stdin, flush=True)
        return int(self._answer())

    def end(self) -> int:
        """Wait for the end of the work; return its exit code, negative where it was killed."""
        return int(self._answer())

    def finish(self, folder: Path, url: str) -> float:
        """Do the work undisturbed; return the seconds it took."""
        began = time.monotonic()
        self.begin(folder, url)
        assert self.end() == 0
        return time.monotonic() - began

    def kill(self, folder: Path, url: str, *, after_s: float) -> None:
        """Start the work and kill it some time later, if it has not ended by then."""
        child = self.begin(folder, url)
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], after_s)[0]:
            os.kill(child, signal.SIGKILL)
        assert self.end() in {0, -signal.SIGKILL}

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the nursery has ended"
        return line


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    with subprocess.Popen([sys.executable, "-c", NURSERY], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Nursery(process)
        assert process.stdin is not None
        process.stdin.close()


def state_of(folder: Path, url: str) -> State:
    """Check the registry whole, and return what it holds, times aside."""
    units = open_workspace(folder, database=url).units
    kept = units.kept_head()
    with units.read() as registry:
        verify_registry(registry, kept_head=kept)
        names = [v.dataset.name for v in registry.datasets()]
        versions = {name: to_wire(registry.dataset_version(name)) for name in names}
        made = [to_wire(d) for d in registry.recorded_derivations()]
        log = [(e.action, e.reason, e.actor) for e in registry.log_entries()]
    units.close()
    assert find_drift(url) == []
    for version in (*versions.values(), *made):
        version.pop("created", None)
        version.pop("at", None)
    for name, version in versions.items():
        assert len(version["shards"]) == (1 if name == "made" else SHARDS if name.startswith("set-") else ROWS)
    return {"versions": versions, "derivations": made, "log": log}


def kill_often(pristine: Path, tmp_path: Path, make_database: Callable[[Path], str], nursery: Nursery, *, kills: int) -> list[int]:
    """Kill the work again and again, each registry several times; return how many log rows were there after each kill."""
    whole = tmp_path / "whole"
    shutil.copytree(pristine, whole)
    url = make_database(whole)
    nursery.finish(whole, url)
    expected = state_of(whole, url)
    again = tmp_path / "again"
    shutil.copytree(pristine, again)
    took_s = nursery.finish(again, make_database(again))  # the first time files of the system were read too
    chance, rows, number = random.Random(kills), list[int](), 0
    while number < kills:
        folder = tmp_path / str(number)
        shutil.copytree(pristine, folder)
        url = make_database(folder)
        for _ in range(2):
            number += 1
            nursery.kill(folder, url, after_s=took_s * chance.random())
            found = state_of(folder, url)
            assert all(expected["versions"][name] == version for name, version in found["versions"].items())
            rows.append(len(found["log"]))
        nursery.finish(folder, url)
        assert state_of(folder, url) == expected
        shutil.rmtree(folder)
    return rows


def test_killed_work_leaves_whole_recordings_and_a_rerun_ends_as_if_nothing_had_been(
    pristine: Path, tmp_path: Path, make_database: Callable[[Path], str], nursery: Nursery
) -> None:
    rows = kill_often(pristine, tmp_path, make_database, nursery, kills=4)
    assert len(rows) == 4


@pytest.mark.full
def test_work_killed_two_hundred_times_leaves_whole_recordings(
    pristine: Path, tmp_path: Path, make_database: Callable[[Path], str], nursery: Nursery
) -> None:
    rows = kill_often(pristine, tmp_path, make_database, nursery, kills=200)
    assert len(set(rows)) > 5  # many moments, also in the middle
