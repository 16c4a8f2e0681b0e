"""Plain PyTorch loops on the CPU: denied before the model sees a byte, allowed once the data are mended, stopped at the read at which a shard has changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provenance.clearance.trust import trust_bytes
from tests.fakes.clearances import ClearedWorld, cleared_world, sample_trust

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[3]
ALWAYS = {"issued": "2020-01-01T00:00:00Z", "not_before": "2020-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z"}

# Each case trains in a process of its own, forked from one that has imported torch. It counts how often the model ran and on how many records, and writes
# the counts when the process ends, however it ends. "why" is what came out of the training loop.
SCRIPT = """
import atexit, json, os, pathlib, sys, traceback

import torch
from torch.utils.data import DataLoader

from provenance.hooks.guard import Guard
from provenance.hooks.torch import GuardedDataset, GuardedIterableDataset, guard

class Told:
    def __init__(self, folder):
        self.folder = folder
    def shard_read(self, path, size_bytes):
        with open(self.folder / "told", "a") as file:
            file.write(f"{path} {size_bytes}\\n")
    def run_ended(self, end):
        with open(self.folder / "told", "a") as file:
            file.write(f"ended {end}\\n")

def tamper(folder):
    file = folder / "data" / "chat" / "b.jsonl"
    status = file.stat()
    file.write_bytes(file.read_bytes().replace(b"press", b"prest"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

def ids(batch):
    return torch.tensor([list(record["text"].encode()[:8].ljust(8)) for record in batch])

def train(folder, case, counts):
    gate = {"roots": [folder / "data"], "trust": folder / "trust.json", "denial_json": folder / "denial.json", "observer": Told(folder)}
    paths = [folder / "data/chat/a.jsonl", folder / "data/chat/b.jsonl"]
    if case["change"] == "before the gate":
        tamper(folder)
    if case["change"] == "outside":
        paths.append(folder / "other.jsonl")
    if case["stream"]:
        data = GuardedIterableDataset(Guard.enter(folder / "run.clearance.json", **gate), paths)
    else:
        data = guard(paths, clearance=folder / "run.clearance.json", **gate)
    model = torch.nn.Sequential(torch.nn.Embedding(256, 4), torch.nn.Flatten(), torch.nn.Linear(32, 2))
    model.register_forward_pre_hook(lambda *_: counts.__setitem__("forward", counts["forward"] + 1))
    more = {"multiprocessing_context": case["start"], "prefetch_factor": 1} if case["workers"] else {}
    if case["change"] == "before the first read":
        tamper(folder)
    for step, batch in enumerate(DataLoader(data, batch_size=4, num_workers=case["workers"], collate_fn=ids, **more)):
        model(batch).square().sum().backward()
        with torch.no_grad():  # gradient descent by hand: torch's optimisers import its compiler, which takes seconds
            for weight in model.parameters():
                weight -= 0.1 * weight.grad
                weight.grad = None
        counts["records"] += len(batch)
        if step == 1 and case["change"] == "during the run":
            tamper(folder)

def run(folder, case):
    counts, process = {"forward": 0, "records": 0, "why": "ended"}, os.getpid()
    atexit.register(lambda: os.getpid() == process and (folder / "counts.json").write_text(json.dumps(counts)))
    try:
        train(folder, case, counts)
    except Exception as err:
        counts["why"] = f"swallowed {type(err).__name__}: {err}"
    except SystemExit as err:
        counts["why"] = f"{isinstance(err, __import__('provenance.hooks.gate').hooks.gate.TrainingBlocked)} {err}"
        raise

if __name__ == "__main__":
    for folder, case in json.loads(sys.argv[1]):
        child = os.fork()
        if not child:
            sys.stderr = open(pathlib.Path(folder, "stderr"), "w")
            run(pathlib.Path(folder), case)
            sys.exit(0)
        status = os.waitpid(child, 0)[1]
        pathlib.Path(folder, "code").write_text(str(os.waitstatus_to_exitcode(status)))
"""


def case(change: str = "", *, workers: int = 0, start: str = "fork", stream: bool = False) -> dict[str, Any]:
    return {"change": change, "workers": workers, "start": start, "stream": stream}


ALLOWED = {
    "plain": case(),
    "two workers": case(workers=2),
    "stream": case(stream=True, workers=2),
}
DENIED = {
    "before the gate": (case("before the gate"), 0),
    "before the first read": (case("before the first read", stream=True), 0),
    "before the first read, two workers": (
        case("before the first read", stream=True, workers=2),
        1,
    ),  # one shard each: the other worker's may have come
    "during the run": (case("during the run"), 2),
    "during the run, two workers": (case("during the run", workers=2), 6),
    "outside": (case("outside"), 0),
}


def made(folder: Path) -> ClearedWorld:
    folder.mkdir()
    world = cleared_world(folder, **ALWAYS)
    world.trust.write_bytes(trust_bytes(sample_trust(window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
    (folder / "other.jsonl").write_text('{"text": "not cleared"}\n', encoding="utf-8")
    return world


def train(*cases: tuple[ClearedWorld, dict[str, Any]]) -> None:
    script = cases[0][0].folder.parent / "train.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    arguments = json.dumps([(str(world.folder), how) for world, how in cases])
    done = subprocess.run([sys.executable, str(script), arguments], capture_output=True, text=True, check=False, timeout=300, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


def outcome(world: ClearedWorld) -> tuple[int, dict[str, Any], str]:
    code, counts, err = ((world.folder / name).read_text(encoding="utf-8") for name in ("code", "counts.json", "stderr"))
    return int(code), json.loads(counts), err


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ClearedWorld]:
    """Run every case, and the case of the changed data again with the data mended."""
    folder = tmp_path_factory.mktemp("torch")
    found = {name: made(folder / str(number)) for number, name in enumerate([*ALLOWED, *DENIED])}
    train(*((found[name], how) for name, how in ALLOWED.items()), *((found[name], how) for name, (how, _) in DENIED.items()))
    return found


@pytest.mark.parametrize("name", ALLOWED)
def test_a_run_on_cleared_data_reads_every_record_once(worlds: dict[str, ClearedWorld], name: str) -> None:
    world = worlds[name]
    code, counts, err = outcome(world)
    assert (code, counts["why"], counts["records"]) == (0, "ended", 101), err
    told = [line.split() for line in (world.folder / "told").read_text(encoding="utf-8").splitlines()]
    read = {path: sum(int(size) for p, size in told if p == path) for path in ("chat/a.jsonl", "chat/b.jsonl")}
    times = 1 if "stream" in name else 2  # numbering the lines reads them once
    assert read == {"chat/a.jsonl": 40 * times, "chat/b.jsonl": 3800 * times}


@pytest.mark.parametrize("name", DENIED)
def test_changed_data_end_the_run_with_77_at_the_next_read(worlds: dict[str, ClearedWorld], name: str) -> None:
    expect_denied(worlds[name], other=name == "outside", forward=DENIED[name][1])


@pytest.mark.full
def test_workers_that_are_started_afresh_read_and_deny_as_forked_ones(tmp_path: Path) -> None:
    allowed, denied = made(tmp_path / "allowed"), made(tmp_path / "denied")
    train((allowed, case(workers=2, start="spawn")), (denied, case("during the run", workers=2, start="spawn")))
    assert outcome(allowed)[:2] == (0, {"forward": 26, "records": 101, "why": "ended"})
    expect_denied(denied, forward=6)


def expect_denied(world: ClearedWorld, *, forward: int, other: bool = False) -> None:
    code, counts, err = outcome(world)
    assert code == 77, (counts, err)
    assert counts["why"].startswith("True training blocked: "), counts
    assert counts["forward"] <= forward
    assert err.count("TRAINING BLOCKED") == 1
    assert "RuntimeError" not in err
    denial = json.loads((world.folder / "denial.json").read_text(encoding="utf-8"))
    assert (denial["exit_code"], denial["kind"]) == (77, "SubjectMismatchError")
    assert ("other.jsonl: lies outside" if other else "chat/b.jsonl: changed") in denial["reasons"][0]


def test_mended_data_are_allowed_again(worlds: dict[str, ClearedWorld]) -> None:
    world = worlds["before the gate"]
    file = world.data / "chat" / "b.jsonl"
    file.write_bytes(file.read_bytes().replace(b"prest", b"press"))
    train((world, case()))
    assert outcome(world)[:2] == (0, {"forward": 26, "records": 101, "why": "ended"})
