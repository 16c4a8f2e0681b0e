"""How near the digests of shards come to what the core can hash.

    python -m benchmarks.digests [--mb 1024] [--rounds 5]

Raw is ``hashlib.sha256`` over one block of 1 MiB that stays in the core's cache, again and again: the speed of SHA-256 itself. Ours is ``hash_file`` over a file that
the system holds in memory, opening, reading and copying included. Both in turn in one process, the least of some rounds, CPU seconds.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from provenance.fingerprint.digest import BLOCK_BYTES, hash_file


def raw(mb: int) -> None:
    """Hash the same block over and over."""
    block, state = os.urandom(BLOCK_BYTES), hashlib.sha256()
    for _ in range(mb):
        state.update(block)
    state.digest()


def taken(work: Callable[[], object]) -> float:
    """Return CPU seconds."""
    start = time.process_time()
    work()
    return time.process_time() - start


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mb", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shard"
        with path.open("wb") as file:
            for _ in range(given.mb):
                file.write(os.urandom(BLOCK_BYTES))
        rounds = [(taken(lambda: raw(given.mb)), taken(lambda: hash_file(path))) for _ in range(given.rounds)]
    bare, ours = (min(column) for column in zip(*rounds, strict=True))
    size = given.mb * BLOCK_BYTES / 1e6
    print("| what | MB per CPU s |\n|---|--:|")
    print(
        f"| SHA-256 of one block in the cache | {size / bare:.0f} |\n| digest of a file in memory | {size / ours:.0f} |\n| ratio | {bare / ours:.2f} |"
    )


if __name__ == "__main__":
    main()
