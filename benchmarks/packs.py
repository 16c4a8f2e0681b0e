"""What is lost by looking with reference packs instead of the texts: the planted passages of the large test data, scored for texts and for packs of several rates.

usage: python benchmarks/packs.py [--rates 2,4,8,16] [--json OUT]

Needs ../shared (or $PROVENANCE_SHARED), whose score.py judges the matches. Besides its measures: the share of planted spans with any alarm on them, since score.py
asks an alarm to cover half of the span, while one that covers less still stops a run. CPU seconds are user and system time of the scan, warm.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from scan import DEV, SHARED, corpora, jsonl, outputs, works


def scan(matcher: Any, paths: list[str], out: Path) -> tuple[float, float]:
    """Write the matches; return megabytes of text and CPU seconds."""
    import orjson

    from provenance.ingest.reader import Reader
    from provenance.model.wire import to_wire

    size, cpu = 0, 0.0
    with out.open("wb") as file:
        for path in paths:
            for batch in Reader().open(path):
                start = time.process_time()
                found = matcher.match_batch(batch, path=path)
                cpu += time.process_time() - start
                size += int(batch.offsets[-1])
                file.writelines(orjson.dumps(to_wire(m)) + b"\n" for m in found)
    return size / 1e6, cpu


def any_alarm(matches: Path) -> float:
    """Return the share of planted spans that an alarm touches."""
    alarms = defaultdict(list)
    for m in jsonl(matches):
        if not m["explained"]:
            alarms[m["doc_id"], m["field"]].append((m["start"], m["end"]))
    spans = [
        (doc["doc_id"], span)
        for doc in jsonl(DEV / "planted" / "truth.jsonl")
        if doc["label"] == "positive"
        for span in doc["spans"]
        if not span.get("negative_span")
    ]
    return sum(any(a < s["end"] and s["start"] < b for a, b in alarms[doc, s["field"]]) for doc, s in spans) / len(spans)


def score(matches: Path) -> dict[str, Any]:
    command = [
        sys.executable,
        str(SHARED / "bench" / "score.py"),
        str(matches),
        "--set",
        str(DEV),
        "--scanned-clean",
        "--json",
        str(matches) + ".json",
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    figures: dict[str, Any] = json.loads(Path(f"{matches}.json").read_text())
    return figures


def report(label: str, per_word: float, figures: dict[str, Any], touched: float, speed: float) -> None:
    edits, wrong = figures["found by edit"], figures["false alarms by kind of document"]
    parts = [edits[name]["share"] for name in ("verbatim", "sub10", "sub20", "sentence_reorder", "natural_edition", "truncated")]
    print(
        f"| {label} | {per_word:.1f} | {figures['plagdet']:.3f} | {figures['precision']:.3f} | {figures['recall']:.3f} | {touched:.3f} | "
        f"{' · '.join(f'{p:.2f}' for p in parts)} | {wrong['same_prompt_other_model']['share']:.3f} | {wrong['other_translation']['share']:.3f} | "
        f"{wrong['famous_quotation']['share']:.3f} | {figures['clean documents with an alarm']['hits']} | {speed:.0f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", default="2,4,8,16")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if not DEV.is_dir():
        print(f"{DEV} is not there: nothing to score")
        return
    rows = compare([int(rate) for rate in given.rates.split(",")])
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def compare(rates: list[int]) -> dict[str, Any]:
    from provenance.matching.cascade import open_matcher
    from provenance.matching.index import ReferenceStore
    from provenance.matching.packfile import add_pack, write_pack
    from provenance.model.reference import ReferenceKind

    print("| references | bytes a word | plagdet | precision | recall | spans with any alarm | verbatim · 10 % · 20 % changed · reordered · editions · truncated "
          "| false: same prompt | other translation | quotations | clean documents | MB a CPU s |")  # fmt: skip
    print("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
    paths = corpora()["planted + clean"]
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = ReferenceStore(folder / "references")
        store.add("works", works(), kind=ReferenceKind.WORK)
        store.add("outputs", outputs(), kind=ReferenceKind.API_OUTPUT)
        for rate in [0, *rates]:
            sets = ["works", "outputs"]
            if rate:
                for one in sets:
                    write_pack(store, one, folder / f"{one}.pack", one_in=rate)
                    add_pack(store, f"{one}-{rate}", folder / f"{one}.pack")
                sets = [f"{one}-{rate}" for one in sets]
            infos = [store.show(one) for one in sets]
            matcher = open_matcher(store, sets)
            scan(matcher, paths, folder / "matches.jsonl")
            size, cpu = scan(matcher, paths, folder / "matches.jsonl")
            figures, touched = score(folder / "matches.jsonl"), any_alarm(folder / "matches.jsonl")
            label = f"packs, one in {rate}" if rate else "texts"
            report(label, sum(i.size_bytes for i in infos) / sum(i.words for i in infos), figures, touched, size / cpu)
            rows[label] = {**figures, "spans with any alarm": touched, "mb_per_cpu_s": size / cpu}
    return rows


if __name__ == "__main__":
    main()
