"""How much is found, by length and by edits; how whole documents are found; how far sketches are off.

usage: python benchmarks/quality.py [--trials 200] [--json OUT]

Needs ../shared (or $PROVENANCE_SHARED). Three tables:

* recall of passages: ``--trials`` passages of the reference works for each length and rate of edits, each put between two paragraphs of a clean document. Edits
  replace words by words of the same book, any of them (uniform) or only those of six letters and more (content). A passage counts as alarmed where an alarm covers
  half of it, as found where a match does, explained (as short, or as a quotation) or not. Beside it what DESIGN 3.2 gives for its prototype of this cascade
  (5-word seeds, 1 in 4, alignment score of 15 and more, nothing explained), on other books.
* whole documents: clean documents indexed as references, copies with 0 to 60 % of their words replaced looked for. The truth is the Jaccard similarity of the sets
  of word 5-grams, counted with Python sets. Found is what is reported with a document similarity of at least the bound.
* sketches: the root of the mean squared error of 128 minima against that similarity, beside the theory, sqrt(J (1 - J) / 128) (Broder 1997).
"""

from __future__ import annotations

import argparse
import json
import math
import random
import re
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scan import Reference, corpora, documents, outputs, works

LENGTHS, RATES = (25, 50, 100, 300), (0.0, 0.1, 0.2, 0.3)
PROTOTYPE = {(50, 0.0): 1.0, (50, 0.1): 1.0, (50, 0.2): 0.95, (50, 0.3): 0.79, (100, 0.3): 0.98, (300, 0.3): 1.0}
"""Recall of the prototype by words and rate of edits (DESIGN 3.2); the other cells were not given."""
CONTENT_LETTERS = 6
BOUNDS = (0.5, 0.8)


def batch_of(texts: Sequence[str]) -> Any:
    """Return a batch with a record a text."""
    from provenance.ports import TextBatch

    raw = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, raw)], dtype=np.int64)
    rows = np.arange(len(raw), dtype=np.int64)
    data = np.frombuffer(b"".join(raw), np.uint8)
    return TextBatch(data, offsets, rows, rows + 1, np.zeros(len(raw), np.int32), ("text",), [str(i) for i in range(len(raw))])


def open_references(folder: str, sets: Iterable[tuple[str, list[Reference], str]]) -> Any:
    from provenance.matching.cascade import open_matcher
    from provenance.matching.index import ReferenceStore
    from provenance.model.reference import ReferenceKind

    store, names = ReferenceStore(Path(folder)), []
    for name, references, kind in sets:
        store.add(name, references, kind=ReferenceKind(kind))
        names.append(name)
    return open_matcher(store, names)


def edit(words: list[str], rate: float, pool: Sequence[str], chance: random.Random, *, content_only: bool) -> list[str]:
    return [chance.choice(pool) if chance.random() < rate and (not content_only or len(word) >= CONTENT_LETTERS) else word for word in words]


def recall_table(trials: int) -> list[dict[str, Any]]:
    chance = random.Random(7)
    books = [r for r in works() if len(r.text.split()) > 5000 and "PROJECT GUTENBERG" not in r.text.upper()]  # its licence is explained, rightly
    carriers = [text for _, _, text in documents(corpora()["clean"]) if 60 < len(text.split()) < 400]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        matcher = open_references(folder, [("works", list(works()), "work"), ("outputs", list(outputs()), "api-output")])
        for content_only in (False, True):
            for length in LENGTHS:
                for rate in RATES:
                    texts, spans = [], []
                    for _ in range(trials):
                        words = chance.choice(books).text.split()
                        at = chance.randrange(1000, len(words) - 1000 - length)
                        passage = " ".join(edit(words[at : at + length], rate, words, chance, content_only=content_only))
                        before, after = (" ".join(chance.choice(carriers).split()[:50]) for _ in range(2))
                        texts.append(f"{before}\n\n{passage}\n\n{after}")
                        spans.append((len(before) + 2, len(before) + 2 + len(passage)))
                    found = matcher.match_batch(batch_of(texts), path="t")
                    rows.append(
                        {
                            "edits": "content words" if content_only else "any words",
                            "words": length,
                            "rate": rate,
                            "alarmed": hits(found, spans, explained=False) / trials,
                            "found": hits(found, spans, explained=True) / trials,
                        }
                    )
    return rows


def hits(found: Iterable[Any], spans: Sequence[tuple[int, int]], *, explained: bool) -> int:
    covered = {
        m.record for m in found if (explained or not m.explained) and 2 * _overlap((m.start, m.end), spans[m.record]) >= _length(spans[m.record])
    }
    return len(covered)


def _overlap(a: tuple[int, int], b: tuple[int, int]) -> int:
    return min(a[1], b[1]) - max(a[0], b[0])


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]


def shingle_set(text: str) -> set[tuple[str, ...]]:
    from provenance.fingerprint.spelling import normal_words

    words = normal_words(text)
    return {tuple(words[i : i + 5]) for i in range(max(len(words) - 4, 1))}


def copies(count: int) -> list[tuple[str, str, float]]:
    """Return (document, edited copy, Jaccard similarity), similarities spread from 0 to 1."""
    chance = random.Random(11)
    texts = [text for _, _, text in documents(corpora()["clean"]) if 80 < len(text.split()) < 400]
    chosen = chance.sample(texts, count)
    made = []
    for text in chosen:
        words, gaps = text.split(), re.findall(r"\s+", text.strip())  # lines stay lines: a word broken over two of them must be so in both
        edited = edit(words, chance.choice((0.0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.25, 0.6)), words, chance, content_only=False)
        copy = "".join(word + gap for word, gap in zip(edited, [*gaps, ""], strict=True))
        a, b = shingle_set(text), shingle_set(copy)
        made.append((text, copy, len(a & b) / len(a | b)))
    return made


def document_table(made: Sequence[tuple[str, str, float]]) -> list[dict[str, Any]]:
    from provenance.model.reference import ReferenceKind, ReferenceRecord

    references = [Reference(ReferenceRecord(id=str(i), kind=ReferenceKind.WORK), text) for i, (text, _, _) in enumerate(made)]
    sets = [shingle_set(text) for text, _, _ in made]
    with tempfile.TemporaryDirectory() as folder:
        found = open_references(folder, [("documents", references, "work")]).match_batch(batch_of([copy for _, copy, _ in made]), path="t")
    rows = []
    for bound in BOUNDS:
        reported = {(m.record, int(m.reference)) for m in found if m.document_jaccard >= bound}
        for m in found:
            reported |= {(m.record, int(a.reference)) for a in m.also if _jaccard(shingle_set(made[m.record][1]), sets[int(a.reference)]) >= bound}
        true = {(i, j) for i, (_, copy, _) in enumerate(made) for j in _similar(shingle_set(copy), sets, bound)}
        right = len(reported & true)
        rows.append({"bound": bound, "pairs": len(true), "recall": right / max(len(true), 1), "precision": right / max(len(reported), 1)})
    return rows


def _jaccard(a: set[tuple[str, ...]], b: set[tuple[str, ...]]) -> float:
    return len(a & b) / len(a | b)


def _similar(own: set[tuple[str, ...]], sets: Sequence[set[tuple[str, ...]]], bound: float) -> list[int]:
    """Return the sets of at least so much similarity; sizes rule most out."""
    return [j for j, other in enumerate(sets) if min(len(own), len(other)) >= bound * max(len(own), len(other)) and _jaccard(own, other) >= bound]


def sketch_table(made: Sequence[tuple[str, str, float]]) -> list[dict[str, Any]]:
    from provenance.fingerprint.estimate import estimate_jaccard
    from provenance.fingerprint.minhash import sketch_rows

    batches = [batch_of([pair[side] for pair in made]) for side in (0, 1)]
    one, other = (sketch_rows(b.data, b.offsets) for b in batches)
    estimates = estimate_jaccard(one, other)
    truth = np.array([j for _, _, j in made])
    rows = []
    for low, high in ((0.05, 0.35), (0.35, 0.65), (0.65, 0.85), (0.85, 0.98)):
        inside = (truth >= low) & (truth < high)
        error = math.sqrt(float(np.mean((estimates[inside] - truth[inside]) ** 2)))
        theory = math.sqrt(float(np.mean(truth[inside] * (1 - truth[inside]) / 128)))
        rows.append({"similarity": f"{low}-{high}", "pairs": int(inside.sum()), "error": error, "theory": theory})
    return rows


def print_recall(recall: Sequence[dict[str, Any]]) -> None:
    print("| edits | words | what counts | " + " | ".join(f"{rate:.0%}" for rate in RATES) + " |\n|---|--:|---|" + "--:|" * len(RATES))
    for kind in ("any words", "content words"):
        for length in LENGTHS:
            cells = [r for r in recall if (r["edits"], r["words"]) == (kind, length)]
            for counts in ("alarmed", "found"):
                print(f"| {kind} | {length} | {counts} | {' | '.join(f'{r[counts]:.3f}' for r in cells)} |")
            given = [PROTOTYPE.get((length, rate)) for rate in RATES]
            if kind == "any words" and any(given):
                print(f"| {kind} | {length} | prototype | {' | '.join('–' if p is None else f'{p:.2f}' for p in given)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--documents", type=int, default=2000)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    recall = recall_table(given.trials)
    print_recall(recall)
    made = copies(given.documents)
    pairs, sketches = document_table(made), sketch_table(made)
    print("\n| document similarity of at least | pairs | recall | precision |\n|--:|--:|--:|--:|")
    for r in pairs:
        print(f"| {r['bound']} | {r['pairs']} | {r['recall']:.4f} | {r['precision']:.4f} |")
    print("\n| similarity | pairs | error of the sketches | theory |\n|---|--:|--:|--:|")
    for r in sketches:
        print(f"| {r['similarity']} | {r['pairs']} | {r['error']:.4f} | {r['theory']:.4f} |")
    if given.json:
        given.json.write_text(json.dumps({"recall": recall, "documents": pairs, "sketches": sketches}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
