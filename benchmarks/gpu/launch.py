"""What the gate costs where a GPU trains: time to a denial, no context before it, tokens a second with and without guarded loading.

usage: python benchmarks/gpu/launch.py [--cpu] [--rounds 5] [--steps 60] [--megabytes 32] [--json OUT]

Three questions, each answered by a real process that imports torch:
1. From the start of the launcher prefix, and of a training script that calls the gate, to the end by a denial: wall time.
2. At the denial of that script: was CUDA initialised (torch.cuda.is_initialized), and does nvidia-smi list a process of ours?
3. Training a small transformer on text read from JSON Lines shards: tokens a second with GuardedIterableDataset and with plain files, both in turn in one process, --rounds
   times each; the median of each, the spread, and the ratio (at most 1 % less is asked).
Without a GPU it says so and ends with 3; --cpu runs the very same code on the processor, to see that it works.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
NO_GPU = 3
VOCABULARY, LENGTH, BATCH, WIDTH, LAYERS = 256, 256, 16, 256, 4
DENIED_SCRIPT = """
import json, os, subprocess, sys
import torch
from provenance.hooks.gate import TrainingBlocked, examine
try:
    examine(sys.argv[1], roots=[sys.argv[2]], trust=sys.argv[3])
except TrainingBlocked:
    found = {"initialised": torch.cuda.is_initialized(), "listed": False}
    try:
        listed = subprocess.run(["nvidia-smi", "--query-compute-apps=pid", "--format=csv,noheader"], capture_output=True, text=True, timeout=30).stdout
        found["listed"] = str(os.getpid()) in listed.split()
        found["nvidia_smi"] = True
    except OSError:
        found["nvidia_smi"] = False
    print(json.dumps(found))
    sys.exit(77)
"""


def make_world(folder: Path, megabytes: int) -> Any:
    """Write shards of text and clear them; return the world."""
    sys.path.insert(0, str(REPOSITORY))
    from tests.fakes.launching import ALWAYS, lasting_world

    world = lasting_world(folder)
    text = (REPOSITORY / "examples" / "sample" / "data" / "prose" / "prose.jsonl").read_bytes()
    for file in world.data.rglob("*"):
        if file.is_file():
            file.unlink()
    copies = max(1, megabytes * 1_000_000 // len(text) // 4)
    for number in range(4):
        (world.data / f"{number}.jsonl").write_bytes(text * copies)
    world.reissue(**ALWAYS)
    return world


def timed(command: list[str]) -> tuple[float, subprocess.CompletedProcess[str]]:
    began = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(REPOSITORY)}, cwd=REPOSITORY)
    return time.perf_counter() - began, done


def denials(world: Any, rounds: int) -> dict[str, Any]:
    """Return how long a denial takes, and what it left of a device."""
    shard = world.data / "0.jsonl"
    good = shard.read_bytes()
    shard.write_bytes(good[:-1])  # shorter: denied by its size
    gate = ["--clearance", str(world.clearance), "--root", str(world.data), "--trust", str(world.trust)]
    prefix = [sys.executable, "-m", "provenance.hooks.launcher"]
    script = [sys.executable, "-c", DENIED_SCRIPT, str(world.clearance), str(world.data), str(world.trust)]
    by_prefix, by_script, states = [], [], []
    for _ in range(rounds):
        took, done = timed([*prefix, *gate, "--", sys.executable, "-c", "pass"])
        assert done.returncode == 77, done.stderr
        by_prefix.append(took)
        took, done = timed(script)
        assert done.returncode == 77, done.stderr
        by_script.append(took)
        states.append(json.loads(done.stdout))
    shard.write_bytes(good)
    return {
        "launcher prefix, s": spread(by_prefix),
        "script that imports torch first, s": spread(by_script),
        "CUDA initialised at denial": any(s["initialised"] for s in states),
        "listed by nvidia-smi at denial": any(s["listed"] for s in states) if all(s["nvidia_smi"] for s in states) else "nvidia-smi is not there",
    }


def spread(values: list[float]) -> dict[str, float]:
    return {"least": round(min(values), 4), "median": round(statistics.median(values), 4), "most": round(max(values), 4)}


def model_of(device: Any) -> Any:
    import torch

    layer = torch.nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, batch_first=True)
    body = torch.nn.Sequential(torch.nn.Embedding(VOCABULARY, WIDTH), torch.nn.TransformerEncoder(layer, LAYERS), torch.nn.Linear(WIDTH, VOCABULARY))
    return body.to(device)


def batches(lines: Iterator[Any], device: Any) -> Iterator[Any]:
    """Cut text into sequences of bytes, and these into batches."""
    import torch

    waiting = bytearray()
    for record in lines:
        waiting += record["text"].encode()
        while len(waiting) >= BATCH * LENGTH:
            block, waiting = bytes(waiting[: BATCH * LENGTH]), waiting[BATCH * LENGTH :]
            yield torch.tensor(list(block), device=device).view(BATCH, LENGTH)


def plain(paths: list[str]) -> Iterator[Any]:
    for path in paths:
        with Path(path).open("rb") as file:
            yield from map(json.loads, file)


def tokens_a_second(lines: Iterator[Any], device: Any, steps: int) -> float:
    import torch

    torch.manual_seed(0)
    model = model_of(device)
    optimizer = torch.optim.AdamW(model.parameters())
    made = 0
    began = 0.0
    for number, batch in enumerate(batches(lines, device)):
        if number == 3:  # the first steps warm up
            if device.type == "cuda":
                torch.cuda.synchronize()
            began, made = time.perf_counter(), 0
        loss = torch.nn.functional.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        made += batch.numel()
        if number == steps + 2:
            break
    if device.type == "cuda":
        torch.cuda.synchronize()
    return made / (time.perf_counter() - began)


def training(world: Any, device: Any, *, rounds: int, steps: int) -> dict[str, Any]:
    """Return tokens a second guarded and plain, both in turn."""
    from provenance.hooks.guard import Guard
    from provenance.hooks.torch import GuardedIterableDataset

    guard = Guard.enter(world.clearance, roots=[world.data], trust=world.trust)
    found: dict[str, list[float]] = {"plain": [], "guarded": []}
    for number in range(rounds):
        for name in ("plain", "guarded") if number % 2 else ("guarded", "plain"):
            lines = plain(guard.paths()) if name == "plain" else iter(GuardedIterableDataset(guard))
            found[name].append(tokens_a_second(lines, device, steps))
    medians = {name: statistics.median(values) for name, values in found.items()}
    return {
        **{f"{name}, tokens/s": spread(values) for name, values in found.items()},
        "cost, %": round(100 * (1 - medians["guarded"] / medians["plain"]), 2),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--cpu", action="store_true", help="run on the processor, to see that the script works")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--megabytes", type=int, default=32)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    import torch

    if not options.cpu and not torch.cuda.is_available():
        print("this machine has no GPU that torch can use: nothing was measured; --cpu runs the same code on the processor", file=sys.stderr)
        return NO_GPU
    with tempfile.TemporaryDirectory() as name:
        world = make_world(Path(name), options.megabytes)
        figures: dict[str, Any] = {"torch": torch.__version__, "denial": denials(world, options.rounds)}  # before this process touches a device
        device = torch.device("cpu" if options.cpu else "cuda")
        figures["device"] = "cpu" if options.cpu else torch.cuda.get_device_name()
        figures["training"] = training(world, device, rounds=options.rounds, steps=options.steps)
    text = json.dumps(figures, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
