"""How fast pages of audits are made, how large they are, and when a browser paints them: many findings with long passages, and many shards.

usage: python benchmarks/report.py [--paint]

Each record is made and rendered in a process of its own; peak memory is VmHWM of the whole process less what making the record took, and VmHWM as it is. ``--paint``
opens each page in Chromium and prints its first paint (``performance.getEntriesByType('paint')``).
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from provenance.model.audit import AuditRecord

ROOT = Path(__file__).resolve().parents[1]
BOOK = ROOT / "examples" / "sample" / "references" / "the-man-who-was-thursday.txt"
CASES = ("findings 930, long passages", "findings 10,000", "shards 100,000", "shards 100,000 and findings 50,000, long passages")


def memory_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def long_passages(findings: int, *, datasets: int = 100) -> object:
    """Return a record each of whose findings has a passage of a real book, 200 to 1,500 words, half of it shared in stretches."""
    from provenance.model.match import MatchText, Span
    from tests.fakes import records

    words, chance = BOOK.read_text(encoding="utf-8").split(), random.Random(7)
    record = records.huge_record(datasets=datasets, findings=findings)
    evidence = []
    for item in record.evidence[:2000]:
        start = chance.randrange(len(words) - 1600)
        text = " ".join(words[start : start + chance.randint(200, 1500)])
        spans = tuple(Span(start=at, end=min(at + 120, len(text))) for at in range(0, len(text), 240))
        made = MatchText(
            before=text[:300], text=text, after=text[-300:], reference_before=text[:300], reference_text=text, reference_after=text[-300:],
            shared=spans, reference_shared=spans, document_length=len(text) + 600,
        )  # fmt: skip
        evidence.append(dataclasses.replace(item, text=made))
    return dataclasses.replace(record, evidence=tuple(evidence))


def many_shards(shards: int, record: AuditRecord) -> AuditRecord:
    """Return a record that lists as many shards."""
    from tests.fakes import records

    listed = tuple(
        records.make_shard(f"set-{i % 100:03}", f"set-{i % 100:03}/part-{i:06}.jsonl.zst", words=90_000, alarms=int(i % 3 == 0))
        for i in range(shards)
    )
    return dataclasses.replace(record, shards=listed, shards_total=shards)


def make(case: str) -> object:
    from tests.fakes import records

    if case == CASES[0]:
        return long_passages(930, datasets=3)
    if case == CASES[1]:
        return records.huge_record(findings=10_000)
    if case == CASES[2]:
        return many_shards(100_000, records.huge_record(findings=2_000))
    return many_shards(100_000, long_passages(50_000))


def one(case: str, target: Path) -> None:
    from provenance.model.audit import AuditRecord
    from provenance.report.html import render_html

    record = make(case)
    assert isinstance(record, AuditRecord)
    before, started, cpu = memory_mb(), time.perf_counter(), time.process_time()
    raw = render_html(record)
    seconds, cpu_s = time.perf_counter() - started, time.process_time() - cpu
    target.write_bytes(raw)
    print(f"| {case} | {seconds:.2f} | {cpu_s:.2f} | {len(raw) / 1e6:.2f} | {memory_mb():.0f} | {memory_mb() - before:.0f} |", end="", flush=True)


def first_paint(page: Path) -> float:
    """Return milliseconds until something is seen, the best of three."""
    from playwright.sync_api import sync_playwright

    from provenance.report.pdf import find_browser

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        found = []
        for _ in range(3):
            seen = browser.new_page()
            seen.goto(page.as_uri())
            seen.wait_for_function("performance.getEntriesByType('paint').length > 0")
            found.append(float(seen.evaluate("performance.getEntriesByType('paint')[0].startTime")))
            seen.close()
        browser.close()
        return min(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paint", action="store_true")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.case:
        one(given.case, given.to)
        return
    print("| record | s | CPU s | MB | peak MB | of it for the page |" + (" first paint ms |" if given.paint else ""))
    print("|---|--:|--:|--:|--:|--:|" + ("--:|" if given.paint else ""), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for i, case in enumerate(CASES):
            page = Path(folder) / f"{i}.html"
            subprocess.run([sys.executable, __file__, "--case", case, "--to", str(page)], check=True, cwd=ROOT)
            print(f" {first_paint(page):.0f} |" if given.paint else "", flush=True)


if __name__ == "__main__":
    main()
