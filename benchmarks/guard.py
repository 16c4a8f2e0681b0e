"""What reading through a guard costs: the same shards read plainly and guarded in turn, in one process; CPU and wall seconds, best of several.

    python benchmarks/guard.py [--shards 64] [--mib 8] [--rounds 7] [--loader]

First pass: a guard whose files nobody vouches for (written a moment ago, or a gate that left hashing to readers) hashes each shard when it opens it.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parents[1]))
from provenance.clearance.check import GatePass
from provenance.clearance.shards import verify_shards
from provenance.hooks.guard import Guard
from tests.fakes.clearances import leaves_of, sample_clearance

WORDS = ["the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog", "and", "runs", "away", "through", "the", "field"]


def write_shards(folder: Path, *, shards: int, mib: int) -> list[Path]:
    made = []
    for number in range(shards):
        file = folder / f"shard-{number:04d}.jsonl"
        line = json.dumps({"id": number, "text": " ".join(WORDS * 8)}).encode() + b"\n"
        file.write_bytes(line * (mib * (1 << 20) // len(line)))
        made.append(file)
    return made


def raw(opened: Callable[[Path], object], files: list[Path], block_bytes: int = 1 << 20) -> Callable[[], int]:
    block = memoryview(mmap.mmap(-1, block_bytes))  # one place for both sides: where a new block happens to lie makes a difference of a factor of two

    def run() -> int:
        total = 0
        for file in files:
            with opened(file) as stream:
                while count := stream.readinto(block):
                    total += count
        return total

    return run


def lines(opened: Callable[[Path], object], files: list[Path]) -> Callable[[], int]:
    def run() -> int:
        total = 0
        for file in files:
            with opened(file) as stream:
                for line in stream:
                    total += len(orjson.loads(line)["text"])
        return total

    return run


def whole(read: Callable[[Path], bytes], files: list[Path]) -> Callable[[], int]:
    return lambda: sum(len(read(file)) for file in files)


def loader(make: Callable[[], object]) -> Callable[[], int]:
    def run() -> int:
        from torch.utils.data import DataLoader

        return sum(len(batch) for batch in DataLoader(make(), batch_size=256, num_workers=0, collate_fn=list))

    return run


def compare(name: str, plain: Callable[[], int], guarded: Callable[[], int], rounds: int) -> None:
    began = time.process_time()
    assert plain() == guarded()
    passes = max(
        1, round(0.2 / (time.process_time() - began))
    )  # what takes milliseconds is read several times: allocating memory alone varies by as much
    best: dict[str, tuple[float, float]] = {}
    ratios = []
    for number in range(rounds):
        took = {}
        for label, run in (("plain", plain), ("guarded", guarded)) if number % 2 else (("guarded", guarded), ("plain", plain)):
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(passes):
                run()
            took[label] = (time.process_time() - cpu, time.perf_counter() - wall)
            best[label] = min(best.get(label, took[label]), took[label])
        ratios.append(took["guarded"][0] / took["plain"][0])
    best = {label: (cpu / passes, wall / passes) for label, (cpu, wall) in best.items()}
    cost = best["guarded"][0] / best["plain"][0] - 1
    median = sorted(ratios)[rounds // 2] - 1
    print(f"{name:<22} plain {best['plain'][0]:7.3f} s  guarded {best['guarded'][0]:7.3f} s CPU  cost {cost:+6.1%} (median of rounds {median:+6.1%})")


def plain_records(files: list[Path]) -> Iterator[object]:
    for file in files:
        with file.open("rb") as stream:
            for line in stream:
                yield json.loads(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--mib", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--loader", action="store_true", help="with a DataLoader of torch, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd() if os.access(Path.cwd(), os.W_OK) else None) as name:
        folder = Path(name)
        files = write_shards(folder, shards=options.shards, mib=options.mib)
        time.sleep(0.1)
        began = time.time_ns()
        check = verify_shards(leaves_of(folder), [folder])
        assert not check.problems
        clearance = sample_clearance()
        vouched = Guard.of(GatePass(clearance=clearance, shards=check, began_ns=began))
        total = sum(file.stat().st_size for file in files)
        print(f"{options.shards} shards of {options.mib} MiB, {total / 1e6:,.0f} MB, page cache warm")

        def plainly(file: Path) -> object:
            return file.open("rb")

        def bigger(file: Path) -> object:
            return file.open("rb", buffering=1 << 18)

        compare("raw, 1 MiB reads", raw(plainly, files), raw(vouched.open, files), options.rounds)
        compare("raw, 8 MiB reads", raw(plainly, files, 8 << 20), raw(vouched.open, files, 8 << 20), options.rounds)
        compare("whole files", whole(Path.read_bytes, files), whole(vouched.read_bytes, files), options.rounds)
        compare("JSON lines, orjson", lines(plainly, files), lines(vouched.open, files), options.rounds)
        compare("same, equal buffers", lines(bigger, files), lines(vouched.open, files), options.rounds)
        if options.loader:
            from torch.utils.data import IterableDataset

            from provenance.hooks.torch import GuardedIterableDataset

            class Plain(IterableDataset):
                def __iter__(self) -> Iterator[object]:
                    return plain_records(files)

            compare("DataLoader", loader(Plain), loader(lambda: GuardedIterableDataset(vouched)), max(3, options.rounds // 2))
        cpu = time.process_time()
        fresh = Guard.of(GatePass(clearance=clearance, shards=check))
        for file in files:
            fresh.open(file).close()
        cpu = time.process_time() - cpu
        print(f"first pass: hashing costs {cpu:.3f} s CPU, {total / cpu / 1e6:,.0f} MB/s on one core")
        cpu = time.process_time()
        for _ in range(20):
            vouched.check_unchanged()
        print(f"check_unchanged: {(time.process_time() - cpu) / 20 / len(files) * 1e6:.1f} µs a shard")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
