"""How fast sketches are put into an index of bands and looked up again, against datasketch's ``MinHashLSH``: the same sketches, the same 32 bands of 4 rows.

usage: python benchmarks/lsh.py [--documents 20000] [--json OUT]

The corpus is real text (../shared/data/dev/corpora where it stands beside the checkout, else the files under examples/ and docs/) cut into documents of 0.5 to 4 KB;
one in ten is followed by a copy with five words in a hundred changed. Every document is inserted, then every document is looked up. Ours takes the
sketches as they come, as one array, and gives pairs; datasketch takes its own ``LeanMinHash`` objects, made before the clock starts, and gives lists of keys. Both find
the same pairs, or the run fails. Each runs by itself in a process pinned to one core, in turn, the best of three. CPU seconds are user and system time.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("PROVENANCE_SHARED", ROOT.parent / "shared"))
ROUNDS = 3
REQUIRED = 20.0
CHANGED = 0.05
"""Share of the words of a copy that are changed."""


def texts() -> Iterator[str]:
    folder = SHARED / "data" / "dev" / "corpora"
    files = sorted(folder.glob("*.jsonl*")) if folder.is_dir() else sorted((ROOT / "examples").rglob("*.jsonl"))
    for path in files:
        if path.suffix in {".jsonl", ".gz"} and path.name != "clean_truth.jsonl":
            raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            yield from (str(json.loads(line).get("text", "")) for line in raw.splitlines() if line.strip())
    yield from (p.read_text(encoding="utf-8") for p in sorted(ROOT.glob("docs/**/*.md")) + sorted(ROOT.glob("examples/**/*.txt")))


def documents(count: int) -> list[str]:
    """Cut text into documents until there are enough; where it is used up, cut it again elsewhere."""
    chance = random.Random(1729)
    every = list(texts())
    made: list[str] = []
    while len(made) < count:
        for text in every:
            at = chance.randrange(512)
            while at < len(text) - 512:
                size = chance.randint(512, 4096)
                made.append(text[at : at + size])
                at += size
                if len(made) % 11 == 10:
                    made.append(" ".join("changed" if chance.random() < CHANGED else word for word in made[-1].split()))
    return made[:count]


def sketches(count: int) -> np.ndarray:
    from provenance.fingerprint.minhash import sketch_rows

    raw = [text.encode() for text in documents(count)]
    offsets = np.zeros(len(raw) + 1, dtype=np.int64)
    np.cumsum([len(r) for r in raw], out=offsets[1:])
    return sketch_rows(np.frombuffer(b"".join(raw), np.uint8), offsets)


def ours(given: np.ndarray) -> tuple[float, float, int]:
    from provenance.fingerprint.lsh import build_bands, find_candidates

    find_candidates(given[:64], build_bands(given[:64]), given[:64])  # compiling is neither building nor asking
    start = time.process_time()
    table = build_bands(given)
    built = time.process_time()
    pairs = find_candidates(given, table, given)
    return built - start, time.process_time() - built, len(pairs)


def datasketch(given: np.ndarray) -> tuple[float, float, int]:
    from datasketch import MinHashLSH

    from provenance.fingerprint.interop import to_lean_minhash

    minhashes = [to_lean_minhash(row) for row in given]
    start = time.process_time()
    index = MinHashLSH(num_perm=128, params=(32, 4))
    for key, minhash in enumerate(minhashes):
        index.insert(key, minhash)
    built = time.process_time()
    pairs = sum(len(index.query(minhash)) for minhash in minhashes)
    return built - start, time.process_time() - built, pairs


CONTENDERS: dict[str, Callable[[np.ndarray], tuple[float, float, int]]] = {"provenance": ours, "datasketch MinHashLSH": datasketch}


def measure(name: str, path: Path) -> tuple[float, float, int, float]:
    """Measure one contender in a fresh process; return seconds building, seconds asking, pairs, and its peak memory in MB."""
    done = subprocess.run([sys.executable, __file__, "--child", name, str(path)], check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    build, query, pairs, peak = json.loads(done.stdout.splitlines()[-1])
    return build, query, pairs, peak


def compare(count: int) -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sketches.npy"
        np.save(path, sketches(count))
        runs = {name: [measure(name, path) for _ in range(ROUNDS)] for name in CONTENDERS}
    best = {name: (min(r[0] for r in of), min(r[1] for r in of), of[0][2], max(r[3] for r in of)) for name, of in runs.items()}
    if len({pairs for _, _, pairs, _ in best.values()}) != 1:
        sys.exit(f"the contenders find different pairs: {best}")
    peer = best["datasketch MinHashLSH"]
    print(f"{count:,} documents, {peer[2]:,} pairs found by each")
    print("| index | build, CPU s | query, CPU s | both | datasketch / this: build | query | both | required | peak MB |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    rows: list[dict[str, object]] = []
    for name, (build, query, pairs, peak) in best.items():
        ratios = peer[0] / build, peer[1] / query, (peer[0] + peer[1]) / (build + query)
        print(
            f"| {name} | {build:.3f} | {query:.3f} | {build + query:.3f} | {ratios[0]:.1f} | {ratios[1]:.1f} | {ratios[2]:.1f} | {REQUIRED:.0f} | {peak:.0f} |"
        )
        rows.append({"index": name, "build_s": build, "query_s": query, "pairs": pairs, "peak_mb": peak, "ratio": ratios[2]})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=20_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        figures = CONTENDERS[given.child[0]](np.load(given.child[1]))
        print(json.dumps([*figures, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6]))
        return
    rows = compare(given.documents)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
