"""What one huge document takes: peak memory and time of the whole command, for a text file and for one JSON line.

usage: python benchmarks/documents.py [--megabytes 1,10,100]

The document is pieces of a real book in another order with one copied passage in its middle. Each is matched twice in a process of its own: the first compiles what is not compiled.
Peak memory is VmHWM.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

from scan import ROOT

BOOK = ROOT / "examples" / "sample" / "references" / "the-man-who-was-thursday.txt"
PASSAGE = (
    "On the third evening the harbour master counted the lanterns again and found one too many, which troubled him more than a missing one would have, "
    "because a lamp that nobody owns is a lamp that somebody brought, and nobody rows out in November without a reason that he would rather not tell."
)
PROGRAM = """
import sys, time
from pathlib import Path
from provenance.cli.main import run
code = run(sys.argv[1:])
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(peak, time.process_time(), file=sys.stderr)
sys.exit(code)
"""


def prose(size: float, seed: int) -> str:
    """Return pieces of the book."""
    chance, words, parts = random.Random(seed), BOOK.read_text(encoding="utf-8").split(), []
    while size > 0:
        at = chance.randrange(len(words) - 12)
        parts.append(" ".join(words[at : at + chance.randint(3, 12)]))
        size -= len(parts[-1]) + 1
    return " ".join(parts)


def matched(folder: Path, name: str) -> tuple[float, float]:
    """Return the peak in MB and the CPU seconds of matching a file."""
    command = ["-C", str(folder), "match", str(folder / name), "--reference", str(folder / "passage.txt"), "--jobs", "1", "-f", "jsonl"]
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", PROGRAM, *command], check=True, capture_output=True, text=True, cwd=ROOT)
    peak, seconds = done.stderr.splitlines()[-1].split()
    assert len(done.stdout.splitlines()) == 1, done.stdout[:500]
    return int(peak) / 1024, float(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", default="1,10,100")
    print("| document | MB | peak MB | CPU s |", "|---|--:|--:|--:|", sep="\n")
    for size in map(float, parser.parse_args().megabytes.split(",")):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "passage.txt").write_text(PASSAGE, encoding="utf-8")
            text = f"{prose(size * 5e5, 1)} {PASSAGE} {prose(size * 5e5, 2)}"
            (folder / "text.txt").write_text(text, encoding="utf-8")
            (folder / "line.jsonl").write_text(json.dumps({"text": text}) + "\n", encoding="utf-8")
            for kind in ("text.txt", "line.jsonl"):
                peak, seconds = matched(folder, kind)
                print(f"| {kind} | {size:g} | {peak:.0f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
