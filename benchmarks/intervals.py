"""How often the 95 % intervals on matches hold what they are intervals of, on real text.

usage: python benchmarks/intervals.py [--passages 400] [--json OUT]

Passages are cut from a book at random places, words replaced by words of the same book at a known rate, singly or in runs of three, put between made-up words and
looked for in the book; every alarm counts. The truth is counted apart from the matcher: the whole book is edited until 200,000 windows of five words are there, which
are looked up in a Python set. *Rate* is the share of windows that survive; *exact* is the containment of the reported span in all windows of the book, which a pack
cannot show. Beside ours: the plain Wilson interval that takes windows for independent trials, of the same counts.

The book is ../shared's (or $PROVENANCE_SHARED's) ``works/pp_pg.txt``, else that of the sample.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quality import batch_of, open_references
from scan import SHARED, Reference

ROOT = Path(__file__).parent.parent
RATES, LENGTHS, RUNS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3), (50, 100, 300, 1000), 3
WINDOWS = 200_000
Gram = tuple[str, ...]


@dataclass(frozen=True)
class Edits:
    rate: float
    run: int = 1

    def apply(self, words: Sequence[str], pool: Sequence[str], chance: random.Random) -> list[str]:
        begin = self.rate / self.run / (1 - self.rate + self.rate / self.run)
        out: list[str] = []
        while len(out) < len(words):
            if chance.random() < begin:
                out += [chance.choice(pool) for _ in range(min(self.run, len(words) - len(out)))]
            else:
                out.append(words[len(out)])
        return out


def read_book() -> list[str]:
    shared = SHARED / "data" / "dev" / "works" / "pp_pg.txt"
    path = shared if shared.is_file() else ROOT / "examples" / "sample" / "references" / "the-man-who-was-thursday.txt"
    return re.findall(r"[a-z]{1,20}", path.read_text(encoding="utf-8").lower())


def grams(words: Sequence[str]) -> list[Gram]:
    return [tuple(words[i : i + 5]) for i in range(len(words) - 4)]


def surviving_rate(book: Sequence[str], known: set[Gram], edits: Edits, chance: random.Random) -> float:
    every: list[Gram] = []
    while len(every) < WINDOWS:
        every += grams(edits.apply(book, book, chance))
    return sum(gram in known for gram in every) / len(every)


def plain_wilson(hits: float, trials: float) -> tuple[float, float]:
    z = 1.959963984540054
    share, spread = hits / trials, z * z / trials
    half = z * math.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    middle = (share + spread / 2) / (1 + spread)
    return middle - half - 1e-12, middle + half + 1e-12


def passages(book: Sequence[str], edits: Edits, length: int, count: int, chance: random.Random) -> Iterator[str]:
    for number in range(count):
        at = chance.randrange(len(book) - length)
        noise = [" ".join(f"w{chance.randrange(5000)}x{number}" for _ in range(30)) for _ in range(2)]
        yield " ".join([noise[0], *edits.apply(book[at : at + length], book, chance), noise[1]])


def open_matcher_over(book: Sequence[str], folder: Path, one_in: int) -> Any:
    from provenance.matching.cascade import open_matcher
    from provenance.matching.index import ReferenceStore
    from provenance.matching.packfile import add_pack, write_pack
    from provenance.model.reference import ReferenceKind, ReferenceRecord

    work = Reference(ReferenceRecord(id="book", kind=ReferenceKind.WORK), " ".join(book))
    if one_in == 1:
        return open_references(str(folder), [("book", [work], "work")])
    store = ReferenceStore(folder)
    store.add("book", [work], kind=ReferenceKind.WORK)
    write_pack(store, "book", folder / "book.pack", one_in=one_in)
    add_pack(store, "pack", folder / "book.pack")
    return open_matcher(store, ["pack"])


def windows_seen(span: str, one_in: int, exact: int) -> int:
    """Return how many windows an interval rests on, which a match does not say."""
    if one_in == 1:
        return exact
    from provenance.matching.pack import sample_words
    from provenance.matching.words import read_words

    batch = batch_of([span])
    words = read_words(batch.data, batch.offsets)
    return len(set(sample_words(words.words, words.offsets, one_in)[0].tolist()))


def coverage(book: Sequence[str], *, one_in: int, run: int, count: int) -> list[dict[str, Any]]:
    known = set(grams(book))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        matcher = open_matcher_over(book, Path(folder), one_in)
        for rate in RATES:
            edits = Edits(rate, run)
            truth = surviving_rate(book, known, edits, random.Random(1))
            for length in LENGTHS:
                texts = list(passages(book, edits, length, count, random.Random(f"{rate}/{length}")))
                held = {"rate": 0, "exact": 0, "plain": 0}
                found = [m for m in matcher.match_batch(batch_of(texts), path="t") if not m.explained]
                for m in found:
                    span = texts[m.record][m.start : m.end]
                    own = set(grams(span.split()))
                    seen = windows_seen(span, one_in, len(own))
                    low, high = plain_wilson(round(m.exact_containment * seen), seen)
                    held["rate"] += m.ci_low <= truth <= m.ci_high
                    held["exact"] += m.ci_low - 1e-12 <= len(own & known) / len(own) <= m.ci_high + 1e-12
                    held["plain"] += low <= truth <= high
                shares = {name: hits / len(found) for name, hits in held.items()}
                rows.append({"one in": one_in, "run": run, "edits": rate, "words": length, "truth": truth, "alarms": len(found), **shares})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=400)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    book = read_book()
    every = []
    print(
        "| reference | edits | alarms | interval holds the rate: mean (least of 28 cells) | … the exact containment | windows taken for independent |"
    )
    print("|---|---|--:|--:|--:|--:|")
    for one_in, run in ((1, 1), (2, 1), (4, 1), (8, 1), (1, RUNS), (4, RUNS)):
        rows = coverage(book, one_in=one_in, run=run, count=given.passages)
        every += rows
        alarms = sum(r["alarms"] for r in rows)
        cells = [f"{sum(r[k] * r['alarms'] for r in rows) / alarms:.3f} ({min(r[k] for r in rows):.3f})" for k in ("rate", "exact", "plain")]
        reference = "text" if one_in == 1 else f"pack, one in {one_in}"
        print(f"| {reference} | {'single words' if run == 1 else f'runs of {run}'} | {alarms} | {' | '.join(cells)} |", flush=True)
    if given.json:
        given.json.write_text(json.dumps(every, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
