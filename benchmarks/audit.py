"""How long an audit of a thousand registered shards takes when every scan is current, and how long the command line and the hooks take to start.

usage: python benchmarks/audit.py [--shards 1000] [--json OUT]

A workspace is made in a temporary folder: ten datasets of small JSONL shards, one reference set, the shipped commercial bundles. It is registered and
audited once, which scans every shard; what is timed are audits after that, each a whole ``provenance audit`` process, with and without its HTML report.
Starting is timed as whole processes over a bare interpreter. The best of ``ROUNDS`` counts; CPU seconds are user and system time of the process.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
ROUNDS = 3
DATASETS = 10
ENDED = (0, 10, 11)
"""Exit codes of an audit that came to a verdict."""
_TEXT = "the committee met on tuesday and agreed that every record of the archive be read again before the winter by two people who had not seen it"


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one process."""

    wall_s: float
    cpu_s: float


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "provenance.cli.main", *arguments]


def time_process(arguments: Sequence[str], folder: Path, expected: Sequence[int] = (0,)) -> Timing:
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in expected:
        sys.exit(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}{done.stdout}")
    return Timing(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def best(arguments: Sequence[str], folder: Path, expected: Sequence[int] = (0,)) -> Timing:
    return min((time_process(arguments, folder, expected) for _ in range(ROUNDS)), key=lambda t: t.wall_s)


def write_workspace(folder: Path, shards: int) -> None:
    names, words = [f"set-{d}" for d in range(DATASETS)], _TEXT.split()
    for number in range(shards):
        path = folder / "data" / names[number % DATASETS] / f"part-{number:05}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [{"id": f"{number}-{i}", "text": " ".join([*words[i:], f"number {number}", *words[:i]])} for i in range(3)]
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    source = {"kind": "own", "collector": "benchmark"}
    rows = [{"name": n, "source": source, "license": {"declared": "CC0-1.0"}, "shards": [f"{n}/*.jsonl"]} for n in names]
    datasets = {"format": "provenance.datasets", "version": 1, "roots": {"data": "data/"}, "datasets": rows}
    run = {
        "format": "provenance.run",
        "version": 1,
        "model": {"name": "bench-1b", "kind": "chat-llm"},
        "purpose": {"commercial": True, "use": "benchmark"},
        "organization": {"name": "Example Ltd"},
        "data": [{"dataset": n, "weight": 1 / DATASETS} for n in names],
        "references": ["books"],
        "policy": ["baseline.yaml", "commercial-llm.yaml", "distillation.yaml"],
    }
    (folder / "datasets.yaml").write_text(json.dumps(datasets), "utf-8")  # JSON is YAML
    (folder / "run.yaml").write_text(json.dumps(run), "utf-8")
    (folder / "book.txt").write_text("A short book about nothing that the shards know of, written for this measurement only. " * 20, "utf-8")


def prepare(folder: Path, shards: int) -> dict[str, Timing]:
    write_workspace(folder, shards)
    time_process(command("-q", "init"), folder)
    registering = time_process(command("-q", "register", "--manifest", "datasets.yaml"), folder)
    time_process(command("-q", "reference", "add", "books", "book.txt", "--kind", "work"), folder)
    first = time_process(command("audit", "--no-report", "run.yaml"), folder, ENDED)
    return {f"register {shards} shards": registering, f"first audit of {shards} shards, scanning them": first}


def measure(folder: Path, shards: int) -> dict[str, Timing]:
    rows = prepare(folder, shards)
    rows[f"audit of {shards} shards, scans current"] = best(command("audit", "--no-report", "run.yaml"), folder, ENDED)
    rows["the same with its HTML report"] = best(command("audit", "run.yaml"), folder, ENDED)
    rows["provenance --help"] = best(command("--help"), folder)
    rows["python -c pass"] = bare = best([sys.executable, "-c", "pass"], folder)
    for module in ("provenance.hooks", "provenance.hooks.gate"):
        whole = best([sys.executable, "-c", f"import {module}"], folder)
        rows[f"import {module}, over a bare interpreter"] = Timing(whole.wall_s - bare.wall_s, whole.cpu_s - bare.cpu_s)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = measure(Path(name), given.shards)
    required = {
        f"audit of {given.shards} shards, scans current": "2",
        "provenance --help": "0.3",
        "import provenance.hooks, over a bare interpreter": "0.06",
    }
    print("| what | wall s | CPU s | required s |\n|---|--:|--:|--:|")
    for what, t in rows.items():
        print(f"| {what} | {t.wall_s:.3f} | {t.cpu_s:.3f} | {required.get(what, '')} |")
    if given.json:
        given.json.write_text(json.dumps({what: asdict(t) for what, t in rows.items()}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
