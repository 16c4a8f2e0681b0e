"""Inputs of hostile size through the command line: right results, and memory that does not grow with the shard. The full sizes are in the full tier.

Peaks are those of a process of its own (VmHWM, as ``ru_maxrss`` of a child includes what its parent held), over the peak of the same command on next to
nothing. A document is compared as a whole: itself, its words, and what stands between file and text while it is read, take ``DOCUMENT_SHARE`` times its size, and a
hundred megabytes stay below ``DESIGN_MB``. A document that is a copy throughout takes ``COPY_SHARE`` times its size; everything else is bounded.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provenance.matching.index import ReferenceStore
from provenance.matching.long import LONG_BYTES
from tests.conftest import ROOT

PROGRAM = """
import sys
from pathlib import Path
from provenance.cli.main import run
code = run(sys.argv[1:])
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(peak, file=sys.stderr)
sys.exit(code)
"""
PASSAGE = (
    "On the third evening the harbour master counted the lanterns again and found one too many, which troubled him more than a missing one would have, "
    "because a lamp that nobody owns is a lamp that somebody brought, and nobody rows out in November without a reason that he would rather not tell."
)
LINE = "the quick brown fox jumps over the lazy dog and runs far away from home"
DESIGN_MB = 600
"""The most that any shard may take beside the index."""
SHARD_GROWTH_MB = 40
"""Far less than a big shard's text, or an object for each of its lines."""
DOCUMENT_SHARE = 4
COPY_SHARE = 16
INDEX_SHARE = 13
BOOK = ROOT / "examples" / "sample" / "references" / "the-man-who-was-thursday.txt"
LINES = [20_000, pytest.param(1_000_000, marks=pytest.mark.full)]
DOCUMENT_BYTES = [2_000_000, pytest.param(100_000_000, marks=pytest.mark.full)]
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks of memory are read from /proc")


@dataclass(frozen=True)
class Run:
    """What a command printed, how long it took, and the most memory it held."""

    out: str
    err: str
    seconds: float
    peak_mb: float

    @property
    def alarms(self) -> list[dict[str, Any]]:
        return [m for m in map(json.loads, self.out.splitlines()) if not m["explained"]]


@pytest.fixture(scope="module", autouse=True)
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile what is not compiled: that takes memory of its own."""
    folder = tmp_path_factory.mktemp("warm")
    write_lines(folder / "lines.txt", PASSAGE, 200)
    matched(folder, "lines.txt", reference="lines.txt")


def measured(folder: Path, *arguments: str) -> Run:
    start = time.monotonic()
    done = subprocess.run([sys.executable, "-c", PROGRAM, "-C", str(folder), *arguments], capture_output=True, text=True, cwd=ROOT, check=False)
    *printed, peak_kb = done.stderr.splitlines()
    assert done.returncode == 0, printed
    return Run(done.stdout, "\n".join(printed), time.monotonic() - start, int(peak_kb) / 1024)


def matched(folder: Path, name: str, *, reference: str = "works.txt") -> Run:
    return measured(folder, "match", str(folder / name), "--reference", str(folder / reference), "--jobs", "1", "-f", "jsonl")


def write_lines(path: Path, line: str, count: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            file.write(line + "\n")


def make_prose(size_bytes: int, seed: int) -> Iterable[str]:
    """Yield pieces of a real book in another order."""
    chance, words = random.Random(seed), BOOK.read_text(encoding="utf-8").split()
    while size_bytes > 0:
        at = chance.randrange(len(words) - 12)
        piece = " ".join(words[at : at + chance.randint(3, 12)]) + " "
        size_bytes -= len(piece.encode())
        yield piece


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "works.txt").write_text(PASSAGE, encoding="utf-8")
    (tmp_path / "little.jsonl").write_text(json.dumps({"text": LINE}) + "\n", encoding="utf-8")
    (tmp_path / "hit.jsonl").write_text(json.dumps({"text": PASSAGE}) + "\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("count", LINES)
def test_identical_lines_that_are_no_passage_take_no_memory(folder: Path, count: int) -> None:
    write_lines(folder / "lines.jsonl", json.dumps({"text": LINE}), count)
    least = matched(folder, "little.jsonl")
    done = matched(folder, "lines.jsonl")
    assert done.out == ""
    assert f"{count:,} texts".replace(",", "\u2009") in done.err
    assert done.peak_mb < min(DESIGN_MB, least.peak_mb + SHARD_GROWTH_MB)
    assert done.seconds < 30 + count / 10_000


@pytest.mark.parametrize("size_bytes", DOCUMENT_BYTES)
@pytest.mark.parametrize("name", ["long.txt", pytest.param("long.jsonl", marks=pytest.mark.full)])
def test_one_long_document_is_compared_to_its_end(folder: Path, name: str, size_bytes: int) -> None:
    before, after = ("".join(make_prose(size_bytes // 2, seed)) for seed in (1, 2))
    text = f"{before}{PASSAGE} {after}"
    (folder / name).write_text(text if name.endswith("txt") else json.dumps({"text": text}) + "\n", encoding="utf-8")
    if size_bytes > LONG_BYTES:  # compile what only long documents need
        matched(folder, name)
    least, done = matched(folder, "hit.jsonl"), matched(folder, name)
    assert [(m["start"], m["end"]) for m in done.alarms] == [(len(before), len(before) + len(PASSAGE) - 1)]
    assert done.peak_mb < min(DESIGN_MB, least.peak_mb + SHARD_GROWTH_MB + DOCUMENT_SHARE * size_bytes / 2**20)
    assert done.seconds < 30 + size_bytes / 500_000


@pytest.mark.parametrize("size_bytes", DOCUMENT_BYTES)
def test_one_long_reference_is_found_where_it_is_copied(folder: Path, size_bytes: int) -> None:
    before, after = ("".join(make_prose(size_bytes // 2, seed)) for seed in (3, 4))
    (folder / "long.txt").write_text(f"{before}{PASSAGE} {after}", encoding="utf-8")
    least, done = matched(folder, "hit.jsonl"), matched(folder, "hit.jsonl", reference="long.txt")
    assert [(m["reference_start"], m["reference_end"]) for m in done.alarms] == [(len(before), len(before) + len(PASSAGE) - 1)]
    assert done.peak_mb < least.peak_mb + SHARD_GROWTH_MB + (COPY_SHARE + INDEX_SHARE / 2) * size_bytes / 2**20
    assert done.seconds < 30 + size_bytes / 500_000


@pytest.mark.parametrize("count", LINES)
def test_a_document_of_identical_lines_against_itself_is_one_match(folder: Path, count: int) -> None:
    write_lines(folder / "lines.txt", LINE, count)
    done = matched(folder, "lines.txt", reference="lines.txt")
    size_bytes = count * (len(LINE) + 1)
    assert [(m["start"], m["end"], m["words"]) for m in done.alarms] == [(0, size_bytes - 1, 15 * count)]
    assert done.peak_mb < DESIGN_MB + 2 * COPY_SHARE * size_bytes / 2**20
    assert done.seconds < 60 + count / 3_000


@pytest.mark.parametrize("count", LINES)
def test_a_line_of_a_reference_of_identical_lines_is_found(folder: Path, count: int) -> None:
    write_lines(folder / "lines.txt", PASSAGE, count)
    done = matched(folder, "hit.jsonl", reference="lines.txt")
    (match,) = done.alarms
    assert (match["start"], match["end"], match["words"]) == (0, len(PASSAGE) - 1, 53)
    assert match["reference_end"] - match["reference_start"] == len(PASSAGE) - 1
    assert done.peak_mb < DESIGN_MB + (COPY_SHARE + INDEX_SHARE / 2) * count * (len(PASSAGE) + 1) / 2**20
    assert done.seconds < 60 + count / 5_000


ADD = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from provenance.matching.index import ReferenceStore
from provenance.matching.long import LONG_BYTES
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import make_reference
references = (make_reference(f"r{{i}}", sys.argv[3]) for i in range(int(sys.argv[2])))
ReferenceStore(Path(sys.argv[1])).add("set", references, kind=ReferenceKind.API_OUTPUT)
print(next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")))
"""


def test_many_short_references_are_added_in_bounded_memory(tmp_path: Path) -> None:
    """One record takes as much as its text and its sketch a few times over, not the 8 kB that its JSON holds on to while it is a Python object."""

    def add(count: int, name: str) -> float:
        done = subprocess.run([sys.executable, "-c", ADD, str(tmp_path / name), str(count), PASSAGE], capture_output=True, text=True, check=True)
        return int(done.stdout) / 1024

    add(10, "warm")
    least, peak = add(10, "few"), add(20_000, "many")
    assert ReferenceStore(tmp_path / "many").show("set").references == 20_000
    assert peak < least + 20_000 * 5_000 / 2**20
