"""A scan that is killed at any moment loses at most the shards in hand: what it recorded is used, what it left is swept, and the next scan ends as if nothing had been."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provenance.bootstrap import open_workspace
from provenance.cli.main import run
from tests.conftest import ROOT
from tests.fakes.matching import make_words

SHARDS, RECORDS = 6, 400
COMMAND = """
import signal, sys
from provenance import bootstrap
from provenance.cli.main import main
from provenance.engines.processes import ProcessEngine

jobs = int(sys.argv.pop(1))
bootstrap.make_engine = lambda _: ProcessEngine(jobs=jobs, least_bytes=0)
if __name__ == "__main__":
    print("ready", flush=True)
    sys.exit(main())
"""


@dataclass(frozen=True)
class Scanned:
    """A workspace and what an undisturbed scan of it gives."""

    folder: Path
    results: dict[str, dict[str, Any]]
    evidence: dict[str, bytes]
    took_s: float


def scan_command(folder: Path, jobs: int) -> list[str]:
    return [sys.executable, "-c", COMMAND, str(jobs), "-C", str(folder), "-q", "scan", "-f", "json"]


def results_of(printed: str) -> dict[str, dict[str, Any]]:
    return {r["path"]: {**r, "finished": ""} for r in json.loads(printed)}


def evidence_of(folder: Path) -> dict[str, bytes]:
    home = folder / ".provenance" / "evidence"
    return {p.relative_to(home).as_posix(): p.read_bytes() for p in home.rglob("*") if p.is_file()}


def recorded(folder: Path, ids: list[str]) -> dict[str, str]:
    """Return the matches file of each scan that the registry holds."""
    with open_workspace(folder).units.read() as registry:
        return {key: digest for key, (_, digest) in registry.scan_results(ids).items()}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pristine") / "work"
    (folder / "data").mkdir(parents=True)
    chance, work = random.Random(1), make_words(4000, 1)
    for shard in range(SHARDS):
        with (folder / "data" / f"{shard}.jsonl").open("w") as file:
            for _ in range(RECORDS + 40 * shard):
                at = chance.randrange(3900)
                text = " ".join([*make_words(20, chance.randrange(10**6)), *work[at : at + chance.choice((8, 30, 60))]])
                file.write(json.dumps({"text": text if chance.random() < 0.9 else "As an AI language model, I cannot say that."}) + "\n")
    (folder / "work.txt").write_text(" ".join(work))
    assert run(["-C", str(folder), "-q", "init"]) == 0
    shards = [f"data/{i}.jsonl" for i in range(SHARDS)]
    assert run(["-C", str(folder), "-q", "register", *shards, "--dataset", "a", "--license", "CC0-1.0", "--synthetic", "no"]) == 0
    assert run(["-C", str(folder), "-q", "reference", "add", "works", "work.txt", "--kind", "work"]) == 0
    return folder


@pytest.fixture(scope="module")
def undisturbed(pristine: Path, tmp_path_factory: pytest.TempPathFactory) -> Scanned:
    folder = tmp_path_factory.mktemp("undisturbed") / "work"
    shutil.copytree(pristine, folder)
    with subprocess.Popen(scan_command(folder, 1), cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        printed = process.stdout.read()
    took = time.monotonic() - began
    assert process.returncode == 0
    results = results_of(printed)
    assert {r["scanned"] for r in results.values()} == {"now"}
    assert min(r["matches"] for r in results.values()) > RECORDS / 2
    return Scanned(folder, results, evidence_of(folder), took)


def kill(folder: Path, jobs: int, after_s: float) -> None:
    """Kill a scan some time after it has begun; its workers, if it has any, end by themselves."""
    with subprocess.Popen(scan_command(folder, jobs), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        with suppress(subprocess.TimeoutExpired):
            process.wait(after_s)
        process.kill()
        process.stdout.read()  # the end comes when the workers are gone too


def moments(undisturbed: Scanned, count: int, seed: int) -> Iterator[float]:
    """Yield moments spread over a scan, from its start to beyond its end."""
    chance = random.Random(seed)
    for i in range(count):
        yield undisturbed.took_s * 1.1 * (i + chance.random()) / count


def check_after_a_kill(undisturbed: Scanned, folder: Path, jobs: int, capsys: pytest.CaptureFixture[str]) -> int:
    """Scan again and compare everything; return how many shards were not recorded."""
    ids = [str(r["id"]) for r in undisturbed.results.values()]
    held = recorded(folder, ids)
    published = {name.split("/")[1].split(".")[0] for name in evidence_of(folder) if name.endswith(".matches.parquet")}
    assert len(published - {digest.removeprefix("sha256:") for digest in held.values()}) <= jobs  # no more than was in hand is done twice
    capsys.readouterr()
    assert run(["-C", str(folder), "-q", "scan", "-f", "json"]) == 0
    found = results_of(capsys.readouterr().out)
    assert {r["id"] for r in found.values() if r["scanned"] == "before"} == set(held)
    unlike = {path: {**r, "scanned": "now"} for path, r in found.items()}
    assert unlike == undisturbed.results
    assert evidence_of(folder) == undisturbed.evidence  # and so no file is left over
    assert run(["-C", str(folder), "-q", "db", "check"]) == 0
    assert run(["-C", str(folder), "-q", "log", "verify"]) == 0
    return SHARDS - len(held)


def kill_often(pristine: Path, undisturbed: Scanned, tmp_path: Path, capsys: pytest.CaptureFixture[str], *, kills: int, jobs: int) -> list[int]:
    lost = []
    for number, moment in enumerate(moments(undisturbed, kills, seed=kills + jobs)):
        folder = tmp_path / str(number)
        shutil.copytree(pristine, folder)
        kill(folder, jobs, moment)
        lost.append(check_after_a_kill(undisturbed, folder, jobs, capsys))
        shutil.rmtree(folder)
    return lost


@pytest.mark.parametrize("jobs", [2, pytest.param(1, marks=pytest.mark.full)])
def test_a_killed_scan_loses_the_shards_in_hand_alone(
    pristine: Path, undisturbed: Scanned, tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    lost = kill_often(pristine, undisturbed, tmp_path, capsys, kills=3, jobs=jobs)
    assert max(lost) > 0  # some were killed at work


@pytest.mark.full
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.full
def test_a_scan_killed_a_hundred_times_loses_the_shards_in_hand_alone(
    pristine: Path, undisturbed: Scanned, tmp_path: Path, capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    lost = kill_often(pristine, undisturbed, tmp_path, capsys, kills=50, jobs=jobs)
    assert {0, SHARDS} <= set(lost)
    assert len(set(lost)) > 2  # some in the middle


@pytest.mark.full
def test_a_workspace_killed_again_and_again_comes_to_an_end(
    pristine: Path, undisturbed: Scanned, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "work"
    shutil.copytree(pristine, folder)
    for moment in sorted(moments(undisturbed, 3, seed=7)):
        kill(folder, 1, moment)
    check_after_a_kill(undisturbed, folder, 3, capsys)
