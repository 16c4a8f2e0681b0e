"""How fast a corpus is scanned, against a plain exact-8-gram matcher on the same text in the same run.

usage: python benchmarks/scan.py [--megabytes 200] [--slice 6] [--json OUT]

Ours is the whole scan: files read, text matched, every match with its spans and evidence made and taken. The index is built and one round done before
the clock starts; then the corpus is read again from its beginning until so many megabytes of text are scanned. The plain matcher's clock runs over its
matching loop only: its index is built and its documents are strings in memory, a slice of every n-th document (both find their matches evenly). Each runs by
itself in a process pinned to one core. CPU seconds are user and system time; peak memory is VmHWM of the process, the index included.

Corpora: the large test data where they stand beside the checkout (../shared or $PROVENANCE_SHARED), once the planted files alone, in which nearly every
document holds a passage, once together with the clean corpora, and these alone; else the sample under examples/. The plain matcher is ../shared/bench/baseline.py where that
is there, else the few lines below.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("PROVENANCE_SHARED", ROOT.parent / "shared"))
DEV, SAMPLE = SHARED / "data" / "dev", ROOT / "examples" / "sample"
PLAIN = SHARED / "bench" / "baseline.py"
REQUIRED = 20.0
GRAM = 8
WORD = re.compile(r"[^\W_]+")
Document = tuple[str, str, str]
"""(document id, field, text)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What the index takes: ``ports.ReferenceText``."""

    record: Any
    text: str


def corpora() -> dict[str, list[str]]:
    if not DEV.is_dir():
        return {"sample": sorted(str(p) for p in (SAMPLE / "data").rglob("*.jsonl*"))}
    planted = sorted(str(p) for p in (DEV / "planted").glob("corpus_*.jsonl"))
    clean = sorted(str(p) for p in (DEV / "corpora").iterdir() if p.name != "clean_truth.jsonl" and p.is_file())
    return {"planted": planted, "planted + clean": planted + clean, "clean": clean}


def jsonl(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8") as file:
        yield from (json.loads(line) for line in file if line.strip())


def works() -> Iterator[Reference]:
    from provenance.model.reference import ReferenceKind, ReferenceRecord

    if DEV.is_dir():
        texts = {w["ref_id"]: DEV / w["file"] for w in jsonl(DEV / "works" / "index.jsonl") if w["role"] == "reference"}
    else:
        texts = {f"work:{p.stem}": p for p in (SAMPLE / "references").glob("*.txt")}
    for name, path in texts.items():
        yield Reference(ReferenceRecord(id=name, kind=ReferenceKind.WORK), path.read_bytes().decode())


def outputs() -> Iterator[Reference]:
    from provenance.model.reference import ReferenceKind, ReferenceRecord

    folder = DEV / "api_outputs" if DEV.is_dir() else SAMPLE / "references"
    for r in (r for path in sorted(folder.glob("*.jsonl")) for r in jsonl(path)):
        known = {key: r[key] for key in ("prompt", "provider", "model") if key in r}
        yield Reference(ReferenceRecord(id=r["id"], kind=ReferenceKind.API_OUTPUT, **known), r["output"])


def documents(paths: list[str]) -> Iterator[Document]:
    from provenance.ingest.reader import Reader

    for path in paths:
        for batch in Reader().open(path):
            for row in range(len(batch)):
                yield batch.doc_ids[row] or f"{path}#{batch.record[row]}", batch.field_names[int(batch.field_code[row])], batch.text(row)


def measure_ours(paths: list[str], megabytes: float) -> dict[str, float]:
    from provenance.ingest.reader import Reader
    from provenance.matching.cascade import open_matcher
    from provenance.matching.index import ReferenceStore
    from provenance.model.reference import ReferenceKind

    def once() -> tuple[int, int]:
        size = matches = 0
        for path in paths:
            for batch in Reader().open(path):
                size += int(batch.offsets[-1])
                matches += sum(match.end > match.start for match in matcher.match_batch(batch, path=path))
        return size, matches

    with tempfile.TemporaryDirectory() as folder:
        store = ReferenceStore(Path(folder))
        store.add("works", works(), kind=ReferenceKind.WORK)
        store.add("outputs", outputs(), kind=ReferenceKind.API_OUTPUT)
        matcher = open_matcher(store, ["works", "outputs"])
        once()
        size = matches = rounds = 0
        cpu, wall = time.process_time(), time.perf_counter()
        while size < megabytes * 1e6:
            more, found = once()
            size, matches, rounds = size + more, matches + found, rounds + 1
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return {"mb": size / 1e6, "cpu_s": cpu, "wall_s": wall, "matches_per_mb": matches / (size / 1e6), "rounds": rounds, "peak_mb": peak_mb()}


def measure_plain(paths: list[str], megabytes: float) -> dict[str, float]:
    every = list(documents(paths))
    total = sum(len(text.encode()) for _, _, text in every)
    chosen = every[:: max(1, round(total / (megabytes * 1e6)))]
    references = [(r.record.id, r.text) for source in (works, outputs) for r in source()]
    cpu = run_baseline(references, chosen) if PLAIN.is_file() else run_plain(references, chosen)
    return {"mb": sum(len(text.encode()) for _, _, text in chosen) / 1e6, "cpu_s": cpu, "peak_mb": peak_mb()}


def run_baseline(references: list[tuple[str, str]], chosen: list[Document]) -> float:
    """Run the given baseline on our documents; return the CPU seconds of its matching loop. It runs on import, so its last line is left out."""
    tree = ast.parse(PLAIN.read_text("utf-8"))
    tree.body = [node for node in tree.body if not isinstance(node, ast.Expr) or isinstance(node.value, ast.Constant)]
    space: dict[str, Any] = {"__name__": "baseline"}
    exec(compile(tree, str(PLAIN), "exec"), space)  # the file is part of the test data
    clock: list[float] = []

    def timed(_root: Path) -> Iterator[Document]:
        clock.append(time.process_time())  # it asks for documents once its index is built
        yield from chosen
        clock.append(time.process_time())

    def given(_root: Path) -> Iterator[tuple[str, str]]:
        yield from references

    space.update(documents=timed, references=given)
    with tempfile.TemporaryDirectory() as folder:
        space["main"](folder, str(Path(folder) / "out.jsonl"))
    return clock[1] - clock[0]


def run_plain(references: list[tuple[str, str]], chosen: list[Document]) -> float:
    """Exact word 8-grams in a dictionary, runs of them merged, spans of characters written out; return the CPU seconds of matching."""

    def read(text: str) -> tuple[list[str], list[tuple[int, int]]]:
        found = list(WORD.finditer(text))
        return [unicodedata.normalize("NFKC", m.group()).lower() for m in found], [m.span() for m in found]

    index: dict[str, tuple[str, int]] = {}
    for name, text in references:
        words, _ = read(text)
        for i in range(len(words) - GRAM + 1):
            index.setdefault(" ".join(words[i : i + GRAM]), (name, i))
    cpu = time.process_time()
    spans = []
    for name, field, text in chosen:
        words, places = read(text)
        open_runs: dict[tuple[str, int], tuple[int, int]] = {}
        for i in range(len(words) - GRAM + 1):
            hit = index.get(" ".join(words[i : i + GRAM]))
            if hit is not None:
                key = (hit[0], hit[1] - i)
                open_runs[key] = (open_runs.get(key, (i, i))[0], i + GRAM)
        spans += [(name, field, places[a][0], places[b - 1][1], key[0]) for key, (a, b) in open_runs.items()]
    return time.process_time() - cpu


def peak_mb() -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


SIDES: dict[str, Callable[[list[str], float], dict[str, float]]] = {"ours": measure_ours, "plain": measure_plain}


def measure(side: str, corpus: str, megabytes: float) -> dict[str, float]:
    """Measure one side in a fresh process on one core."""
    command = [sys.executable, __file__, "--child", side, corpus, str(megabytes)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=200)
    parser.add_argument("--slice", type=float, default=6)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        side, corpus, size = given.child
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(json.dumps(SIDES[side](corpora()[corpus], float(size))))
        return
    rows = compare(given.megabytes, given.slice)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def compare(megabytes: float, slice_mb: float) -> list[dict[str, object]]:
    print(
        "| corpus | matches a MB | MB scanned | ours: MB per CPU second | plain: MB per CPU second | ours / plain | required | peak MB | wall MB/s |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    rows: list[dict[str, object]] = []
    for corpus in corpora():
        ours, plain = measure("ours", corpus, megabytes), measure("plain", corpus, slice_mb)
        fast, slow = ours["mb"] / ours["cpu_s"], plain["mb"] / plain["cpu_s"]
        print(
            f"| {corpus} | {ours['matches_per_mb']:.0f} | {ours['mb']:.0f} | {fast:.1f} | {slow:.2f} | {fast / slow:.1f} | {REQUIRED:.0f} "
            f"| {ours['peak_mb']:.0f} | {ours['mb'] / ours['wall_s']:.1f} |",
            flush=True,
        )
        rows.append({"corpus": corpus, "ours": ours, "plain": plain, "ratio": fast / slow})
    return rows


if __name__ == "__main__":
    main()
