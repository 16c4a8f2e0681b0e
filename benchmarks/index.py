"""What a reference index costs: its size, the time to open it, and the time to look texts up in it, for references of several sizes.

usage: python benchmarks/index.py [--megabytes 10,100,400,1000] [--segments 100] [--json OUT] [--plot OUT.svg]

References are the clean corpora again and again, each time with every word changed; looked up are the clean corpora as they are, so that next to nothing is found,
as in most data: what is measured is what looking costs. Each size is measured in a process of its own, pinned to one core, warm. Bytes per
reference word leave the texts out, which evidence needs and lookups do not. Opening is measured once more for a set of many small segments. Peak memory is VmHWM of the process, the mapped index included.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scan import ROOT, Reference, corpora, documents, peak_mb

WORK_BYTES = 400_000
WORD = re.compile(r"[^\W_]+")
ROUNDS = 3


def references(megabytes: float) -> Iterator[Reference]:
    from provenance.model.reference import ReferenceKind, ReferenceRecord

    texts = [text for _, _, text in documents(corpora().get("clean") or corpora()["sample"])]
    size = 0.0
    number, turn = 0, 1
    while size < megabytes * 1e6:
        part: list[str] = []
        held = 0
        for text in texts:
            part.append(WORD.sub(rf"\g<0>q{turn}", text))
            held += len(text)
            if held >= WORK_BYTES:
                yield Reference(ReferenceRecord(id=f"r{number}", kind=ReferenceKind.WORK), "\n\n".join(part))
                size, held, number, part = size + held, 0, number + 1, []
                if size >= megabytes * 1e6:
                    return
        turn += 1


def measure(megabytes: float) -> dict[str, Any]:
    from provenance.ingest.reader import Reader
    from provenance.matching.cascade import open_matcher
    from provenance.matching.index import ReferenceStore
    from provenance.model.reference import ReferenceKind

    with tempfile.TemporaryDirectory() as folder:
        store = ReferenceStore(Path(folder))
        start = time.process_time()
        store.add("works", references(megabytes), kind=ReferenceKind.WORK)
        built = time.process_time() - start
        info = store.show("works")
        texts = sum(p.stat().st_size for p in Path(folder).rglob("texts.arrow"))
        start = time.perf_counter()
        store.open(["works"])
        opened = time.perf_counter() - start
        matcher = open_matcher(store, ["works"])
        batches = [batch for path in corpora().get("clean") or corpora()["sample"] for batch in Reader().open(path)]
        best = min(_look_up(matcher, batches) for _ in range(ROUNDS + 1))
    size = sum(int(b.offsets[-1]) for b in batches) / 1e6
    return {
        "megabytes": megabytes,
        "words": info.words,
        "scheme": info.scheme,
        "segments": info.segments,
        "build_mb_s": megabytes / built,
        "bytes_per_word": (info.size_bytes - texts) / info.words,
        "open_ms": opened * 1000,
        "ms_per_mb": best / size * 1000,
        "peak_mb": peak_mb(),
    }


def measure_opening(segments: int) -> list[float]:
    """Return the milliseconds that opening a set of so many small segments takes, each time in turn."""
    from provenance.matching.index import ReferenceStore
    from provenance.model.reference import ReferenceKind

    with tempfile.TemporaryDirectory() as folder:
        store = ReferenceStore(Path(folder))
        for i, reference in enumerate(references(segments * WORK_BYTES / 1e6)):
            store.add("works", [Reference(reference.record, reference.text[:2_000] + str(i))], kind=ReferenceKind.WORK)
        times = []
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            opened = store.open(["works"])
            times.append((time.perf_counter() - start) * 1000)
        assert len(opened.segments) == segments
    return times


def _look_up(matcher: Any, batches: list[Any]) -> float:
    start = time.process_time()
    for batch in batches:
        matcher.match_batch(batch, path="p")
    return time.process_time() - start


def plot(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw what a look-up costs over the size of the reference, both on scales of tens."""
    import altair as alt
    import vl_convert

    first, last = rows[0], rows[-1]
    title = f"At {last['megabytes'] / first['megabytes']:.0f} times the reference a look-up costs {last['ms_per_mb'] / first['ms_per_mb']:.1f} times as much"
    values = [{"mb": r["megabytes"], "ms": r["ms_per_mb"], "label": f"{r['ms_per_mb']:.1f} ms · {r['segments']} segments"} for r in rows]
    base = alt.Chart(alt.Data(values=values), title=title).encode(
        x=alt.X("mb:Q", scale=alt.Scale(type="log", padding=40), title="MB of reference text"),
        y=alt.Y("ms:Q", scale=alt.Scale(type="log", domain=[1, 100]), title="CPU ms per MB looked up"),
    )
    label = base.mark_text(dy=-14, fontSize=12).encode(text="label:N")
    chart = (base.mark_line() + base.mark_point(filled=True, size=60) + label).properties(width=480, height=280)
    path.write_text(vl_convert.vegalite_to_svg(chart.to_dict()), encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", default="10,100,400,1000")
    parser.add_argument("--segments", type=int, default=100)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--child", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(json.dumps(measure(given.child)))
        return
    print("| reference MB | words | windows kept | segments | built, MB per CPU s | bytes a word | opens in ms | look-up, CPU ms per MB | peak MB |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    rows = []
    for size in given.megabytes.split(","):
        command = [sys.executable, __file__, "--child", size]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        row = json.loads(done.stdout.splitlines()[-1])
        rate = row["scheme"].split("1in")[1].split("/")[0]
        print(
            f"| {size} | {row['words']:,} | 1 in {rate} | {row['segments']} | {row['build_mb_s']:.1f} | {row['bytes_per_word']:.1f} | {row['open_ms']:.1f} "
            f"| {row['ms_per_mb']:.1f} | {row['peak_mb']:.0f} |",
            flush=True,
        )
        rows.append(row)
    opening = ", ".join(f"{ms:.1f}" for ms in measure_opening(given.segments))
    print(f"\nA set of {given.segments} small segments opens in {opening} ms.", flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if given.plot and len(rows) > 1:
        plot(rows, given.plot)


if __name__ == "__main__":
    main()
