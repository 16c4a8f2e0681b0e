"""Accelerate: two processes on the CPU under torchrun, and one under ``accelerate launch``: denied before a byte reaches the model, allowed once the data are mended."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fakes.clearances import ClearedWorld
from tests.fakes.launching import REPOSITORY, lasting_world

pytestmark = pytest.mark.torch
SCRIPT = """
import json, os, sys
from pathlib import Path
folder, data = Path(sys.argv[1]), Path(sys.argv[2])
told = []
try:
    import torch
    from provenance.hooks.accelerate import cleared_accelerator
    late = {"clock": lambda: "3000-01-01T00:00:00Z"} if os.environ.get("LATE") else {}
    accelerator, passed = cleared_accelerator(folder / "run.clearance.json", roots=[data], trust=folder / "trust.json", accelerator={"cpu": True}, **late)
    told.append(f"verified {len(passed.shards.verified)}")
    model = torch.nn.Linear(16, 1)
    raw = [torch.tensor(list(f.read_bytes()[:16].ljust(16)), dtype=torch.float32) for f in sorted(data.rglob("*")) if f.is_file()]
    model, optimizer, loader = accelerator.prepare(model, torch.optim.SGD(model.parameters(), 0.0), torch.utils.data.DataLoader(raw, batch_size=1))
    for batch in loader:
        told.append("forward")
        accelerator.backward(model(batch).sum())
        optimizer.step()
    accelerator.end_training()
    told.append("ended")
except Exception as err:
    told.append("swallowed")
finally:
    (folder / f"told-{os.getpid()}.json").write_text(json.dumps([word for word in told if word != "ended"]))
if "ended" in told:
    os._exit(0)  # the interpreter's own end may abort in torch's threads, whatever was taken down (pytorch/pytorch issue 190489)
"""


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    made = lasting_world(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    return made


def launch(world: ClearedWorld, processes: int = 2) -> tuple[int, list[list[str]], str]:
    """Return the exit code, what each process told, and stderr. A process that is ended at once tells nothing."""
    for old in world.folder.glob("told-*"):
        old.unlink()
    # On processors `accelerate launch` starts several processes by mpirun alone.
    torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    alone = ["accelerate.commands.launch", "--cpu", "--num_processes=1", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no"]
    command = [sys.executable, "-m", *(torchrun if processes > 1 else alone), str(world.folder / "train.py"), str(world.folder), str(world.data)]
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200, env=environment, cwd=world.folder)
    return done.returncode, [json.loads(file.read_text()) for file in world.folder.glob("told-*")], done.stderr


def tamper(world: ClearedWorld) -> bytes:
    """Change a byte, size and time kept; return what was there."""
    file = world.data / "chat" / "b.jsonl"
    good, status = file.read_bytes(), file.stat()
    file.write_bytes(good.replace(b"press", b"prest", 1))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    return good


def test_changed_bytes_deny_every_process_and_mended_ones_are_trained_on(world: ClearedWorld) -> None:
    good = tamper(world)
    code, told, err = launch(world)
    assert code != 0
    assert "chat/b.jsonl: changed" in err
    assert [word for words in told for word in words] == []
    (world.data / "chat" / "b.jsonl").write_bytes(good)
    code, told, err = launch(world)
    assert (code, len(told)) == (0, 2), err
    assert all(words[0] == "verified 3" and words.count("forward") == 2 for words in told)  # three records over two processes, the last one twice


@pytest.mark.full
def test_one_process_alone_is_gated_too(world: ClearedWorld) -> None:
    (world.data / "more.txt").write_text("not registered")
    code, told, err = launch(world, processes=1)
    assert (code != 0, told) == (True, [[]]), err
    assert "more.txt" in err


@pytest.mark.full
@pytest.mark.parametrize("late", [0, 1])
def test_a_denied_process_that_nobody_watches_tells_the_others(world: ClearedWorld, late: int) -> None:
    """As ``srun`` and ``mpirun`` start them: two processes, one of which is denied before its ``Accelerator`` exists."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, str(world.folder / "train.py"), str(world.folder), str(world.data)]
    shared = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    started = [
        subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True, env=shared | {"RANK": str(rank), "LOCAL_RANK": str(rank), "LATE": "1" if rank == late else ""}
        )
        for rank in (0, 1)
    ]
    said = [process.communicate(timeout=120)[1] for process in started]
    assert [process.returncode for process in started] == [77, 77], said
    assert "expired" in said[late]
    assert f"rank {late} was denied" in said[1 - late]
    assert not list(world.folder.glob("told-*"))  # both ended at once, and neither came to a model
