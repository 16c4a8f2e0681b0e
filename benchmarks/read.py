"""How fast shards are read, against the bare libraries on the same files in the same run.

usage: python benchmarks/read.py [--megabytes 100] [--folder DIR] [--json OUT]

Each reading runs in a fresh process (peak memory is its own), ours after a few records of every kind, and the best of three is kept. MB are megabytes of *text* given out; CPU seconds are user
and system time of the process while reading. The bare readings do the least that could be called reading: orjson per line and the text's length, or
Arrow's columns without looking at them.
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
from collections.abc import Callable
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parent.parent
ROUNDS = 3
_TEXT = """the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which one you were all her she
there would their we him been has when who will no more if out so said what up its about than into them can only other time new some could these two
may first then do any like my now over such our man me even most made after also well naïve café Größe"""
_WORDS = _TEXT.split()


def ours(path: str) -> int:
    from provenance.ingest.reader import Reader

    return sum(len(batch.data) for batch in Reader().open(path))


def bare_orjson(path: str) -> int:
    """Lines by Python's own file, parsed by orjson, text encoded as UTF-8."""
    size = 0
    with Path(path).open("rb") as lines:
        for line in lines:
            size += len(orjson.loads(line)["text"].encode())
    return size


def bare_zstd_orjson(path: str) -> int:
    size, rest = 0, b""
    with pa.CompressedInputStream(pa.OSFile(path), "zstd") as stream:
        while block := stream.read(1 << 20):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                size += len(orjson.loads(line)["text"].encode())
    return size


def bare_gzip_orjson(path: str) -> int:
    import gzip

    with gzip.open(path) as lines:
        return sum(len(orjson.loads(line)["text"].encode()) for line in lines)


def bare_chat_orjson(path: str) -> int:
    with Path(path).open("rb") as lines:
        return sum(len(turn["content"].encode()) for line in lines for turn in orjson.loads(line)["messages"])


def bare_arrow_json(path: str) -> int:
    import pyarrow.json as pj

    pa.set_cpu_count(1)
    column = pj.read_json(path, read_options=pj.ReadOptions(use_threads=False, block_size=16 << 20)).column("text")
    return sum(chunk.buffers()[2].size for chunk in column.chunks)


def bare_arrow_parquet(path: str) -> int:
    """Row groups' text column decoded by Arrow, not looked at."""
    file = pq.ParquetFile(path)
    return sum(
        chunk.buffers()[2].size
        for g in range(file.num_row_groups)
        for chunk in file.read_row_group(g, columns=["text"], use_threads=False).column(0).chunks
    )


def bare_arrow_chat(path: str) -> int:
    file = pq.ParquetFile(path)
    size = 0
    for group in range(file.num_row_groups):
        for chunk in file.read_row_group(group, columns=["messages"], use_threads=False).column(0).chunks:
            size += chunk.flatten().field("content").buffers()[2].size
    return size


CASES: tuple[tuple[str, str, Callable[[str], int]], ...] = (
    ("jsonl", "docs.jsonl", bare_orjson),
    ("jsonl, Arrow's JSON reader", "docs.jsonl", bare_arrow_json),
    ("jsonl.zst", "docs.jsonl.zst", bare_zstd_orjson),
    ("jsonl.gz", "docs.jsonl.gz", bare_gzip_orjson),
    ("jsonl chat", "chat.jsonl", bare_chat_orjson),
    ("parquet (zstd)", "docs.parquet", bare_arrow_parquet),
    ("parquet chat (zstd)", "chat.parquet", bare_arrow_chat),
)


def write_corpus(folder: Path, megabytes: int) -> None:
    """Write documents of natural length (log-normal, median about 1,300 characters) and chats of four turns in every format."""
    rng = random.Random(1729)
    documents, size = [], 0
    while size < megabytes * 1_000_000:
        text = " ".join(rng.choices(_WORDS, k=max(8, int(rng.lognormvariate(5.7, 0.8)))))
        documents.append({"id": f"doc-{len(documents)}", "text": text, "source": "made"})
        size += len(text.encode())
    chats = [
        {"id": d["id"], "messages": [{"role": r, "content": d["text"][i::4]} for i, r in enumerate(("user", "assistant") * 2)]} for d in documents
    ]
    for name, records in (("docs", documents), ("chat", chats)):
        raw = b"".join(orjson.dumps(record) + b"\n" for record in records)
        (folder / f"{name}.jsonl").write_bytes(raw)
        pq.write_table(pa.Table.from_pylist(records), folder / f"{name}.parquet", compression="zstd", row_group_size=20_000)
    raw = (folder / "docs.jsonl").read_bytes()
    for ending, codec in ((".zst", "zstd"), (".gz", "gzip")):
        with pa.CompressedOutputStream(str(folder / f"docs.jsonl{ending}"), codec) as out:
            out.write(raw)


def measure_here(who: str, path: str) -> None:
    """Run one reading in this process and print its figures."""
    reading = ours if who == "ours" else globals()[who]
    if who == "ours":
        warm_up()  # imports, and loading compiled code, are no reading
    with Path(path).open("rb") as file:  # both sides read from the page cache
        while file.read(1 << 20):
            pass
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    size = reading(path)
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"text_mb": size / 1e6, "wall_s": wall, "cpu_s": cpu, "peak_mb": peak_mb()}))


def warm_up() -> None:
    """Read a few records of every kind."""
    text = " ".join(_WORDS)
    records: list[dict[str, object]] = [{"id": str(i), "text": text, "source": "made"} for i in range(64)]
    chats: list[dict[str, object]] = [{"id": str(i), "messages": [{"role": "user", "content": text[i:]}] * 4} for i in range(64)]
    with tempfile.TemporaryDirectory() as folder:
        for number, some in enumerate((records, chats)):
            lines, table = Path(folder) / f"{number}.jsonl", Path(folder) / f"{number}.parquet"
            lines.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in some))
            pq.write_table(pa.Table.from_pylist(some), table)
            ours(str(lines))
            ours(str(table))


def peak_mb() -> float:
    """Peak resident memory of this process: VmHWM, since ru_maxrss starts with the parent's."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def measure(who: str, path: Path) -> dict[str, float]:
    runs = [
        json.loads(subprocess.run([sys.executable, __file__, "--child", who, str(path)], check=True, capture_output=True, text=True, cwd=ROOT).stdout)
        for _ in range(ROUNDS)
    ]
    best: dict[str, float] = min(runs, key=lambda run: run["cpu_s"])
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        measure_here(*given.child)
        return
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        write_corpus(folder, given.megabytes)
        rows = compare(folder)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def compare(folder: Path) -> list[dict[str, object]]:
    print("| file | stored MB | text MB | ours: MB per CPU second | bare: MB per CPU second | ours / bare | ours: peak MB | bare: peak MB |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    rows: list[dict[str, object]] = []
    mine: dict[str, dict[str, float]] = {}
    for label, file, bare in CASES:
        path = folder / file
        if file not in mine:
            mine[file] = measure("ours", path)
        a, b = mine[file], measure(bare.__name__, path)
        fast, slow = a["text_mb"] / a["cpu_s"], b["text_mb"] / b["cpu_s"]
        print(
            f"| {label} | {path.stat().st_size / 1e6:.0f} | {a['text_mb']:.0f} | {fast:.0f} | {slow:.0f} | {fast / slow:.2f} | {a['peak_mb']:.0f} | {b['peak_mb']:.0f} |",
            flush=True,
        )
        rows.append({"case": label, "ours": a, "bare": b, "ratio": fast / slow})
    return rows


if __name__ == "__main__":
    main()
