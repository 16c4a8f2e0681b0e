"""A tiny JAX loop on the CPU: denied before a backend exists, allowed once the data are mended, and two processes that must agree."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from provenance.clearance.trust import trust_bytes
from tests.fakes.clearances import ClearedWorld, cleared_world, sample_trust

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[3]
ALWAYS = {"issued": "2020-01-01T00:00:00Z", "not_before": "2020-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z"}

# Linear regression on the first bytes of each line. Reports the loss before and after, and whether JAX had made a backend when the process ended.
SCRIPT = """
import atexit, json, os, pathlib, sys

import jax, jax.numpy as jnp
from jax._src import xla_bridge
from provenance.hooks.jax import cleared

folder, when = pathlib.Path(sys.argv[1]), sys.argv[2]
seen = {"losses": []}
atexit.register(lambda: print(json.dumps(seen | {"backend": xla_bridge.backends_are_initialized()})))
class Told:
    def shard_read(self, path, size_bytes): seen["read"] = seen.get("read", 0) + size_bytes
    def run_ended(self, end): seen["end"] = str(end)

def tamper():
    file = folder / "data" / "chat" / "b.jsonl"
    status = file.stat()
    file.write_bytes(file.read_bytes().replace(b"press", b"prest"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

def loss(w, x, y):
    return jnp.mean((x @ w - y) ** 2)

try:
    with cleared(folder / "run.clearance.json", roots=[folder / "data"], trust=folder / "trust.json", observer=Told()) as guard:
        w = jnp.zeros(8)
        for epoch in range(3):
            lines = guard.read_bytes(folder / "data/chat/b.jsonl").splitlines()
            x = jnp.array([list(line[10:18]) for line in lines], dtype=jnp.float32) / 256
            value, slope = jax.value_and_grad(loss)(w, x, jnp.ones(len(lines)))
            seen["losses"].append(float(value))
            w = w - 0.1 * slope
            if when == "during":
                tamper()
except Exception as err:
    print("swallowed", err)
"""


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    made = cleared_world(tmp_path, **ALWAYS)
    made.trust.write_bytes(trust_bytes(sample_trust(window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
    (tmp_path / "loop.py").write_text(SCRIPT, encoding="utf-8")
    return made


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1"}


def loop(world: ClearedWorld, when: str = "") -> tuple[int, dict[str, Any], str]:
    command = [sys.executable, str(world.folder / "loop.py"), str(world.folder), when]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment(), cwd=world.folder)
    assert "swallowed" not in done.stdout, done.stdout
    return done.returncode, json.loads(done.stdout), done.stderr


def test_a_loop_is_denied_before_a_backend_exists_and_allowed_after_mending(world: ClearedWorld) -> None:
    file = world.data / "chat" / "b.jsonl"
    good = file.read_bytes()
    file.write_bytes(good.replace(b"press", b"prest"))
    code, seen, err = loop(world)
    assert (code, seen) == (77, {"losses": [], "end": "denied", "backend": False})
    assert "chat/b.jsonl: changed" in err
    file.write_bytes(good)
    code, seen, err = loop(world)
    assert (code, seen["end"], seen["read"], seen["backend"]) == (0, "completed", 3 * 3800, True), err
    assert len(seen["losses"]) == 3
    assert seen["losses"][2] < seen["losses"][0]


def test_a_shard_that_changes_stops_the_loop_at_its_next_read(world: ClearedWorld) -> None:
    code, seen, err = loop(world, "during")
    assert (code, seen["end"], len(seen["losses"])) == (77, "denied", 1)
    assert err.count("TRAINING BLOCKED") == 1


AGREE = """
import pathlib, sys, time
import jax
from jax._src import xla_bridge

folder, port, process = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=2, process_id=process)
from provenance.hooks.jax import cleared

class Slow:
    def run_ended(self, end):
        if process == 1 and end == "denied":
            time.sleep(0.7)  # the coordinator, which is process 0, has heard long before

root = folder / ("data" if process == 0 else sys.argv[4])
with cleared(folder / "run.clearance.json", roots=[root], trust=folder / "trust.json", agree_within_s=30, observer=Slow()) as guard:
    assert not xla_bridge.backends_are_initialized()
    print("cleared", len(guard), flush=True)
"""


@pytest.mark.parametrize("same", [True, False])
def test_two_processes_go_on_together_or_not_at_all(world: ClearedWorld, same: bool) -> None:
    (world.folder / "torn").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-c", AGREE, str(world.folder), port]
    began = time.monotonic()
    processes = [
        subprocess.Popen(
            [*command, str(number), "data" if same else "torn"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )
        for number in range(2)
    ]
    said = [process.communicate(timeout=120) for process in processes]
    if same:
        assert [process.returncode for process in processes] == [0, 0], said
        assert [out for out, _ in said] == ["cleared 3\n"] * 2
        return
    assert [process.returncode for process in processes] == [77, 77], said
    assert [out for out, _ in said] == ["", ""]
    assert "process 1 may not train: chat/a.jsonl: registered, and missing under every data root" in said[0][1]
    assert time.monotonic() - began < 60
