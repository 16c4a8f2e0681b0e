"""How much memory a scan takes where every record matches: a shard of a million records, scanned through the command line.

usage: python benchmarks/many_matches.py [--records 1000000] [--answers] [--audit] [--json OUT]

Each record is a piece of thirty words of one work of 100,000, between a few words of its own. A second, small shard makes the scan use a worker process for each. Three
scans follow one another: all anew, once more with nothing changed, and carried over after an answer that no record shares was added as a set of its own. Each runs in
a process of its own, `provenance scan --jobs 2`, which says at its end what it and its workers took at most (ru_maxrss of getrusage); the index, mapped, is in it.
With --answers, each record is an answer of a model instead, and each answer a reference of its own, as in a chat corpus distilled from an API.
With --audit, an audit of the same data follows, and one of the small shard alone, to see what an audit takes before the first match.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

COMMAND = """
import resource, sys
from provenance.cli.main import run

if __name__ == "__main__":
    code = run(sys.argv[1:])
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    print("peak", *(resource.getrusage(kind).ru_maxrss for kind in kinds), file=sys.stderr)
    sys.exit(code)
"""
PIECE = 30
FEW = 1000
CALL = {"provider": "openai", "model": "gpt-4-0613", "channel": "api", "region": "US", "generated": {"from": "2024-03-05", "to": "2024-03-05"}}
RUN = """format: provenance.run
version: 1
model: {name: m, kind: llm, release: {weights: closed, markets: [EU], date: 2027-01-01}}
purpose: {commercial: true, use: any}
organization: {name: Example Ltd, monthly_active_users: 1, established_in: DE}
data: [{dataset: DATASET}]
references: [answers, works]
policy: [baseline.yaml]
"""


def write_corpus(folder: Path, records: int, *, answers: bool) -> None:
    chance = random.Random(1)
    work = [f"w{chance.randrange(20_000)}" for _ in range(100_000)]
    (folder / "data").mkdir()
    (folder / "work.txt").write_text(" ".join(work))
    (folder / "answer.jsonl").write_text(json.dumps({"id": "a", "output": " ".join(f"a{i}" for i in range(60))}) + "\n")
    with (folder / "answers.jsonl").open("w") as known:
        for name, count in (("many", records), ("few", FEW)):
            with (folder / "data" / f"{name}.jsonl").open("w") as file:
                for i in range(count):
                    at = chance.randrange(len(work) - PIECE)
                    own = " ".join(f"n{chance.randrange(10**9)}" for _ in range(6))
                    piece = " ".join(f"o{chance.randrange(10**6)}" for _ in range(PIECE)) if answers else " ".join(work[at : at + PIECE])
                    file.write(json.dumps({"id": i, "text": f"{own} {piece} {own}"}) + "\n")
                    if answers:
                        known.write(json.dumps({"id": f"{name}-{i}", "output": piece, "prompt": f"question {i}", **CALL}) + "\n")


def provenance(folder: Path, *arguments: str) -> tuple[float, float, float, str]:
    """Run a command and return its wall seconds, the peak MB of its process and of its workers, and what it printed."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", COMMAND, "-C", str(folder), "-q", *arguments], capture_output=True, text=True, check=False)
    wall = time.monotonic() - began
    if done.returncode not in {0, 11}:
        raise SystemExit(done.stderr)
    own, workers = (int(n) / 1024 for n in done.stderr.rsplit("peak ", 1)[1].split())
    return wall, own, workers, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--answers", action="store_true")
    parser.add_argument("--audit", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_corpus(folder, given.records, answers=given.answers)
        provenance(folder, "init")
        facts = ("--license", "CC0-1.0", "--synthetic", "no")
        provenance(folder, "register", "data/many.jsonl", "data/few.jsonl", "--dataset", "d", *facts)
        provenance(folder, "register", "data/few.jsonl", "--dataset", "small", *facts)
        provenance(folder, "reference", "add", "works", "work.txt", "--kind", "work")
        if given.answers:
            provenance(folder, "reference", "add", "calls", "answers.jsonl", "--kind", "api-output", "--text-field", "output")
        print("| scan | matches | wall s | peak MB, command | peak MB, worker |\n|---|--:|--:|--:|--:|")
        for step in ("anew", "nothing changed", "carried over"):
            if step == "carried over":
                provenance(folder, "reference", "add", "answers", "answer.jsonl", "--kind", "api-output", "--text-field", "output")
            wall, own, workers, printed = provenance(folder, "scan", "d", "--jobs", "2", "-f", "json")
            matches = sum(r["matches"] for r in json.loads(printed))
            print(f"| {step} | {matches:,} | {wall:.0f} | {own:.0f} | {workers:.0f} |", flush=True)
            rows.append({"scan": step, "matches": matches, "wall_s": wall, "own_mb": own, "worker_mb": workers})
        for dataset in ("d", "small") if given.audit else ():
            run = RUN.replace("DATASET", dataset)
            (folder / "run.yaml").write_text(run.replace("[answers", "[answers, calls") if given.answers else run)
            provenance(folder, "scan", dataset, "-f", "json")
            wall, own, workers, printed = provenance(folder, "audit", "run.yaml", "-f", "json")
            record = json.loads(printed)
            alarms, listed = record["totals"]["alarms"], len(record["findings"])
            print(
                f"| audit of {dataset}, scans current; {listed:,} findings listed | {alarms:,} | {wall:.0f} | {own:.0f} | {workers:.0f} |", flush=True
            )
            rows.append({"scan": f"audit {dataset}", "matches": alarms, "listed": listed, "wall_s": wall, "own_mb": own, "worker_mb": workers})
        index = sum(p.stat().st_size for p in (folder / ".provenance" / "references").rglob("*") if p.is_file()) / 1e6
    print(f"index {index:.1f} MB; this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
