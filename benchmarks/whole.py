"""What a whole scan costs beside merely reading: JSON Lines under zstandard, a large reference, matches and suspected outputs written to evidence files.

usage: python benchmarks/whole.py [--reference-mb 150] [--megabytes 300] [--one-in 200] [--json OUT]

The corpus is the clean test corpora, and after every so many documents one planted document, written as one .jsonl.zst. The reference is all works and API outputs of
the test data, filled up to its size with works whose words are drawn by their frequency in these. *Reading* is pyarrow's zstandard stream, lines, ``orjson.loads`` and the
text's length as UTF-8. Both sides run in turn in one process that is pinned to one core, warm, round by round until so many megabytes of text are done, and the
rates are of all rounds together. The second table is the command line, ``provenance match`` over copies of the corpus, with one and with two processes: wall time,
starting included. Needs the large test data (../shared or $PROVENANCE_SHARED).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path

import orjson
import pyarrow as pa
from scan import DEV, ROOT, WORD, Reference, corpora, outputs, peak_mb, works

REQUIRED_RATE, REQUIRED_SHARE, REQUIRED_TWO = 100, 0.4, 1.8
WORK_WORDS = 60_000
COPIES = 120


def filling(megabytes: float, known: list[Reference]) -> Iterator[Reference]:
    """Yield works of words drawn by their frequency in the known ones."""
    from provenance.model.reference import ReferenceKind, ReferenceRecord

    counts = Counter(word for reference in known for word in WORD.findall(reference.text))
    words, weights = list(counts), list(accumulate(counts.values()))
    draw = random.Random(7)
    size = number = 0
    while size < megabytes * 1e6:
        text = " ".join(draw.choices(words, cum_weights=weights, k=WORK_WORDS))
        yield Reference(ReferenceRecord(id=f"drawn{number}", kind=ReferenceKind.WORK), text)
        size, number = size + len(text.encode()), number + 1


def write_corpus(path: Path, one_in: int) -> float:
    """Write the corpus and return its megabytes of text."""
    from scan import documents

    planted = (text for _, _, text in documents(corpora()["planted"]))
    size = 0
    with pa.CompressedOutputStream(pa.OSFile(str(path), "wb"), "zstd") as out:
        for number, (name, _, text) in enumerate(documents(corpora()["clean"])):
            texts = [text, next(planted, "")] if number % one_in == one_in - 1 else [text]
            for part in filter(None, texts):
                raw = orjson.dumps({"id": name, "text": part})
                out.write(raw + b"\n")
                size += len(part.encode())
    return size / 1e6


def read_bare(path: Path) -> int:
    size, rest = 0, b""
    with pa.CompressedInputStream(pa.OSFile(str(path)), "zstd") as stream:
        while block := stream.read(1 << 20):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                size += len(orjson.loads(line)["text"].encode())
    return size


def build(folder: Path, megabytes: float) -> list[str]:
    from provenance.matching.index import ReferenceStore
    from provenance.model.reference import ReferenceKind

    known = [*works(), *outputs()]
    left = megabytes - sum(len(r.text.encode()) for r in known) / 1e6
    store = ReferenceStore(folder)
    store.add("works", works(), kind=ReferenceKind.WORK)
    store.add("outputs", outputs(), kind=ReferenceKind.API_OUTPUT)
    store.add("drawn", filling(left, known), kind=ReferenceKind.WORK)
    return ["works", "outputs", "drawn"]


class _Silent:
    """A ``ports.Progress`` that shows nothing."""

    def start(self, *_: object) -> None: ...
    def note(self, *_: object) -> None: ...
    def advance(self, *_: object) -> None: ...
    def finish(self) -> None: ...


def measure(folder: Path, reference_mb: float, megabytes: float, one_in: int) -> dict[str, float]:
    from provenance.audit.scan import FileScan, Finders, ShardToScan
    from provenance.bootstrap import SystemClock, make_reader, make_suspects
    from provenance.matching.cascade import open_matcher
    from provenance.matching.index import ReferenceStore
    from provenance.model.dataset import Dataset, Shard
    from provenance.registry.evidence import EvidenceFolder

    shard = folder / "corpus.jsonl.zst"
    size = write_corpus(shard, one_in)
    names = build(folder / "references", reference_mb)
    matcher = open_matcher(ReferenceStore(folder / "references"), names)
    work = FileScan(Finders(matcher, make_suspects()), make_reader(), SystemClock())
    evidence = EvidenceFolder(folder / "evidence")
    target = ShardToScan(dataset=Dataset(name=""), shard=Shard(path="corpus.jsonl.zst", sha256="", size_bytes=0), location=str(shard))
    found = 0

    def scan() -> None:
        nonlocal found
        scanned = work(target, _Silent())
        evidence.put_matches(scanned.matches)
        evidence.put_suspects(scanned.suspects)
        found = len(scanned.matches)

    spent = {"bare": 0.0, "whole": 0.0}
    for number in range(max(int(megabytes / size), 2) + 1):
        for side in spent:
            start = time.process_time()
            if side == "bare":
                read_bare(shard)
            else:
                scan()
            spent[side] += time.process_time() - start if number else 0.0  # the first round compiles, maps and warms
    done = size * number
    return {
        "mb": done,
        "corpus_mb": size,
        "matches_per_mb": found / size,
        "bare_mb_s": done / spent["bare"],
        "mb_s": done / spent["whole"],
        "share": spent["bare"] / spent["whole"],
        "peak_mb": peak_mb(),
    }


def two_processes(folder: Path) -> dict[str, float]:
    """Return the wall seconds of the command line over copies of the corpus, by number of processes."""
    copies = folder / "copies"
    copies.mkdir()
    for number in range(COPIES):
        os.link(folder / "corpus.jsonl.zst", copies / f"{number}.jsonl.zst")
    (folder / "provenance.toml").write_text('references = "references"\n', encoding="utf-8")
    program = "import sys; from provenance.cli.main import run; sys.exit(run(sys.argv[1:]))"
    seconds = {}
    for jobs in (1, 2):
        command = [
            sys.executable,
            "-c",
            program,
            "match",
            str(copies),
            "-r",
            "works,outputs,drawn",
            "-j",
            str(jobs),
            "-f",
            "jsonl",
            "-o",
            "out.jsonl",
        ]
        start = time.perf_counter()
        subprocess.run(command, check=True, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL)
        seconds[str(jobs)] = time.perf_counter() - start
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference-mb", type=float, default=150)
    parser.add_argument("--megabytes", type=float, default=300)
    parser.add_argument("--one-in", type=int, default=200)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(json.dumps(measure(Path(given.child), given.reference_mb, given.megabytes, given.one_in)))
        return
    if not DEV.is_dir():
        print("whole: not measured, the large test data are not there")
        return
    options = ["--reference-mb", str(given.reference_mb), "--megabytes", str(given.megabytes), "--one-in", str(given.one_in)]
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, __file__, *options, "--child", folder]
        row = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout.splitlines()[-1])
        print("| MB scanned | matches a MB | reading, MB per CPU s | whole scan, MB per CPU s | required | scan / reading | required | peak MB |")
        print("|--:|--:|--:|--:|--:|--:|--:|--:|")
        print(
            f"| {row['mb']:.0f} | {row['matches_per_mb']:.1f} | {row['bare_mb_s']:.0f} | {row['mb_s']:.1f} | {REQUIRED_RATE} | {row['share']:.2f} "
            f"| {REQUIRED_SHARE} | {row['peak_mb']:.0f} |\n",
            flush=True,
        )
        wall = two_processes(Path(folder))
        print("| files | MB of text | one process, wall s | two | one / two | required |")
        print("|--:|--:|--:|--:|--:|--:|")
        print(f"| {COPIES} | {COPIES * row['corpus_mb']:.0f} | {wall['1']:.1f} | {wall['2']:.1f} | {wall['1'] / wall['2']:.2f} | {REQUIRED_TWO} |")
    if given.json:
        given.json.write_text(json.dumps({**row, "wall_s": wall}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
