"""How long a manifest of a million shards takes to be recorded, and in how much memory.

usage: python benchmarks/import_manifest.py [--shards 1000000] [--datasets 10] [--csv] [--json OUT]

Makes a Parquet (or CSV) manifest of shuffled rows – dataset, path, SHA-256, size, licence, language –, imports it into an empty registry on SQLite by
``provenance import`` in a process of its own, then imports it again, which must change nothing. Wall and CPU seconds and the peak of resident memory are those
of that process as the system counts them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

PART = 100_000


def make_manifest(path: Path, *, shards: int, datasets: int) -> None:
    """Write a manifest whose rows are in no order."""
    order = list(range(shards))
    random.Random(1729).shuffle(order)
    writer: Any = None
    for start in range(0, shards, PART):
        table = rows(order[start : start + PART], datasets)
        if writer is None:
            writer = pq.ParquetWriter(path, table.schema) if path.suffix == ".parquet" else pyarrow.csv.CSVWriter(path, table.schema)
        writer.write_table(table)
    writer.close()


def rows(numbers: list[int], datasets: int) -> pa.Table:
    """Return rows of made-up shards."""
    return pa.table(
        {
            "dataset": [f"set-{n % datasets}" for n in numbers],
            "path": [f"crawl/{n % 1000:04}/part-{n:08}.jsonl.zst" for n in numbers],
            "sha256": [hashlib.sha256(str(n).encode()).hexdigest() for n in numbers],
            "size_bytes": [1000 + n for n in numbers],
            "license": ["CC-BY-4.0"] * len(numbers),
            "language": ["en"] * len(numbers),
        }
    )


def measured(command: list[str]) -> dict[str, Any]:
    """Run a command and return what it took."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    out = child.stdout.read() if child.stdout else ""
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"the import ended with {child.returncode}: {out}")
    return {
        "wall_s": round(time.perf_counter() - start, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1000),
        "said": out.strip().splitlines()[-1],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shards", type=int, default=1_000_000)
    parser.add_argument("--datasets", type=int, default=10)
    parser.add_argument("--csv", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        provenance = [sys.executable, "-m", "provenance.cli.main", "-C", str(work), "-q"]
        manifest = work / ("manifest.csv" if given.csv else "manifest.parquet")
        make_manifest(manifest, shards=given.shards, datasets=given.datasets)
        subprocess.run([*provenance, "init"], check=True, stdout=subprocess.DEVNULL)
        result = {"shards": given.shards, "manifest_mb": round(manifest.stat().st_size / 1e6, 1), "load": os.getloadavg()[0]}
        result["first"] = measured([*provenance, "import", str(manifest)])
        result["again"] = measured([*provenance, "import", str(manifest)])
    text = json.dumps(result, indent=2)
    sys.stdout.write(text + "\n")
    if given.json:
        given.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
