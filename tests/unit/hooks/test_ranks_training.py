"""Two ranks under torchrun, training on the CPU over gloo: denied before a byte reaches the model, on both; allowed once the data are mended; ended together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.clearances import ClearedWorld
from tests.fakes.launching import REPOSITORY, lasting_world

pytestmark = pytest.mark.torch

# Each rank notes when it began, how many batches its model saw, when it was denied, and how often it was started.
SCRIPT = """
import json, os, sys, time
from pathlib import Path

folder, case, data = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
import torch, torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel
from provenance.hooks import ranks
from provenance.hooks.gate import require_clearance

if case == "before-the-group":
    with (folder / "starts").open("a") as file:
        file.write("x")
    require_clearance(folder / "run.clearance.json", roots=[Path(data)], trust=folder / "trust.json")
dist.init_process_group("gloo")
rank = dist.get_rank()
note = folder / f"rank-{rank}"

def tell(word):
    with note.open("a") as file:
        file.write(json.dumps([word, time.time()]) + "\\n")

tell("started")
root = folder / "other" if case == "other-folder" and rank == 1 else Path(data)
options = {"roots": [root], "trust": folder / "trust.json"}
if case == "clock" and rank == 1:
    options["clock"] = lambda: "3000-01-01T00:00:00Z"
try:
    if case == "late" and rank == 1:
        time.sleep(600)
    passed = ranks.pass_gate_together(folder / "run.clearance.json", wait_s=4 if case == "late" else 60, **options)
    tell(f"verified {len(passed.shards.verified)}")
    model = DistributedDataParallel(torch.nn.Linear(16, 1))
    for step in range(3):
        if case == "mid-run" and step == 1 and rank == 1:
            (Path(data) / "human.txt").write_bytes(b"changed")
            tell("denying")
            require_clearance(folder / "run.clearance.json", **options)
        raw = (Path(data) / "human.txt").read_bytes()[:16].ljust(16)
        tell("forward")
        model(torch.tensor([list(raw)], dtype=torch.float32)).sum().backward()
    dist.destroy_process_group()
    os._exit(0)  # the interpreter's own end may abort in torch's threads, whatever was taken down (pytorch/pytorch issue 190489)
except Exception as err:
    tell("swallowed")
    time.sleep(600)
"""


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    made = lasting_world(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    return made


def torchrun(
    world: ClearedWorld, case: str, *, prefix: tuple[str, ...] = (), restarts: int = 0
) -> tuple[int, list[list[tuple[str, float]]], str, float]:
    """Return the exit code, what each rank told, stderr, and when the last process ended."""
    for old in world.folder.glob("rank-*"):
        old.unlink()
    runner = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", f"--max-restarts={restarts}"]
    command = [*prefix, *runner, str(world.folder / "train.py"), str(world.folder), case, str(world.data)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, env=environment, cwd=world.folder)
    ended = time.time()
    told = [
        [(str(word), float(at)) for word, at in map(json.loads, note.read_text().splitlines())]
        if (note := world.folder / f"rank-{rank}").exists()
        else []
        for rank in (0, 1)
    ]
    return done.returncode, told, done.stderr, ended


def words(told: list[list[tuple[str, float]]]) -> list[list[str]]:
    return [[word for word, _ in rank] for rank in told]


def test_both_ranks_are_denied_before_the_first_byte_and_train_once_mended(world: ClearedWorld) -> None:
    file = world.data / "chat" / "b.jsonl"
    good, status = file.read_bytes(), file.stat()
    file.write_bytes(good.replace(b"press", b"prest", 1))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    code, told, err, _ = torchrun(world, "plain")
    assert code == 1  # torchrun's own: it turns a child's 77 into this
    assert err.count("TRAINING BLOCKED") >= 2
    assert "chat/b.jsonl: changed" in err
    assert {word for rank in words(told) for word in rank} == {"started"}
    file.write_bytes(good)
    code, told, err, _ = torchrun(world, "plain")
    assert (code, words(told)) == (0, [["started", "verified 3", "forward", "forward", "forward"]] * 2), err


def test_with_the_prefix_a_denied_job_is_not_started_at_all(world: ClearedWorld) -> None:
    (world.data / "human.txt").write_bytes(b"changed")
    gate = ("--clearance", str(world.clearance), "--root", str(world.data), "--trust", str(world.trust))
    code, told, err, _ = torchrun(world, "plain", prefix=(sys.executable, "-m", "provenance.hooks.launcher", *gate, "--"), restarts=3)
    assert (code, words(told)) == (77, [[], []]), err


def test_a_denial_in_the_middle_ends_both_ranks(world: ClearedWorld) -> None:
    code, told, err, ended = torchrun(world, "mid-run")
    assert code == 1
    assert "human.txt: changed" in err
    assert [rank.count("forward") for rank in words(told)] in ([1, 1], [2, 1])
    assert "swallowed" not in words(told)[1]
    denied = next(at for word, at in told[1] if word == "denying")
    assert ended - denied < 20  # a bound for busy machines; what is measured stands in docs/hooks-distributed.md


@pytest.mark.full
def test_without_the_prefix_a_denied_job_that_torchrun_starts_anew_never_trains(world: ClearedWorld) -> None:
    (world.data / "human.txt").write_bytes(b"changed")
    code, told, err, _ = torchrun(world, "before-the-group", restarts=2)
    assert code == 1
    assert words(told) == [[], []]
    assert len((world.folder / "starts").read_text()) >= 3  # it was started again, and denied again
    assert err.count("TRAINING BLOCKED") >= 3


@pytest.mark.full
@pytest.mark.parametrize(("case", "said"), [("clock", "expired"), ("other-folder", "rank 1 was denied: "), ("late", "a rank did not come, or hangs")])
def test_what_is_wrong_on_one_rank_ends_both(world: ClearedWorld, case: str, said: str) -> None:
    other = world.folder / "other"
    other.mkdir()
    (other / "human.txt").write_text("something else")
    code, told, err, _ = torchrun(world, case)
    assert code == 1
    assert said in err
    assert {word for rank in words(told) for word in rank} == {"started"}
