"""Whole near-duplicates: found by bands where seeds are too sparse, confirmed exactly, and named as such."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from provenance.fingerprint.estimate import estimate_jaccard, standard_error
from provenance.fingerprint.lsh import candidate_probability
from provenance.matching.build import as_buffers
from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.neardup import NEAR_JACCARD, sketch_words
from provenance.matching.words import read_words
from provenance.model.match import Match, MatchMethod
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.ports import TextBatch

LENGTH = 120


@dataclass(frozen=True)
class Reference:
    record: ReferenceRecord
    text: str


def prose(rng: random.Random, words: int = LENGTH) -> list[str]:
    return [f"w{rng.randrange(100_000)}" for _ in range(words)]


def grams(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def jaccard(a: list[str], b: list[str]) -> float:
    return len(grams(a) & grams(b)) / len(grams(a) | grams(b))


def batch_of(texts: list[str]) -> TextBatch:
    data, offsets = as_buffers(texts)
    n = len(texts)
    return TextBatch(data, offsets, np.arange(n), np.arange(1, n + 1), np.zeros(n, np.int32), ("text",), [None] * n)


def matcher_over(folder: Path, texts: list[str], *, one_in: int | None = None) -> CascadeMatcher:
    store = ReferenceStore(folder)
    references = [Reference(ReferenceRecord(id=f"ref{i}", kind=ReferenceKind.WORK), text) for i, text in enumerate(texts)]
    store.add("works", references, kind=ReferenceKind.WORK, one_in=one_in)
    return open_matcher(store, ["works"])


def by_row(matches: list[Match]) -> dict[int, list[Match]]:
    rows: dict[int, list[Match]] = {}
    for match in matches:
        rows.setdefault(match.record, []).append(match)
    return rows


def edited(rng: random.Random, words: list[str], edits: int) -> list[str]:
    """Replace words at even distances, so that the similarity is nearly the same for every text."""
    out = list(words)
    for k in range(edits):
        out[(k * len(words)) // edits + rng.randrange(3)] = f"x{rng.randrange(100_000)}"
    return out


def test_sketches_estimate_the_similarity_that_is_verified() -> None:
    rng = random.Random(5)
    originals = [prose(rng) for _ in range(200)]
    copies = [edited(rng, words, 7) for words in originals]
    read = read_words(*as_buffers([" ".join(w) for w in originals + copies]))
    sketches = sketch_words(read.words, read.offsets, np.arange(400))
    exact = np.array([jaccard(a, b) for a, b in zip(originals, copies, strict=True)])
    errors = estimate_jaccard(sketches[:200], sketches[200:]) - exact
    assert abs(errors.mean()) < 4 * standard_error(float(exact.mean())) / 200**0.5


def test_near_duplicates_are_named_so_and_others_are_not(tmp_path: Path) -> None:
    rng = random.Random(7)
    references = [prose(rng) for _ in range(20)]
    rows = [edited(rng, words, edits) for words, edits in zip(references, [2, 4, 14, 20] * 5, strict=True)]
    rows += [references[0], references[1] + prose(rng, 400), references[2][:60]]
    found = by_row(matcher_over(tmp_path, [" ".join(w) for w in references]).match_batch(batch_of([" ".join(w) for w in rows]), path="p"))
    for row, words in enumerate(rows[:20]):
        similar = jaccard(words, references[row])
        for match in found.get(row, []):
            assert match.method is (MatchMethod.MINHASH if similar >= NEAR_JACCARD else MatchMethod.PASSAGE)
        assert similar < NEAR_JACCARD or found[row]
    assert {m.method for m in found[20]} == {MatchMethod.DIGEST}
    assert {m.method for m in found[21]} == {MatchMethod.PASSAGE}
    assert {m.method for m in found[22]} <= {MatchMethod.PASSAGE, MatchMethod.MINHASH}


def test_bands_find_what_sparse_seeds_miss(tmp_path: Path) -> None:
    rng = random.Random(11)
    references = [prose(rng, 60) for _ in range(300)]
    rows = [edited(rng, words, 3) for words in references]
    exact = [jaccard(a, b) for a, b in zip(references, rows, strict=True)]
    assert min(exact) > NEAR_JACCARD
    matcher = matcher_over(tmp_path, [" ".join(w) for w in references], one_in=1024)
    matches = matcher.match_batch(batch_of([" ".join(w) for w in rows]), path="p")
    right = {m.record for m in matches if m.reference == f"ref{m.record}" and m.method is MatchMethod.MINHASH}
    chance = float(np.mean([candidate_probability(j) for j in exact]))
    assert len(right) / 300 >= chance - 4 * (chance * (1 - chance) / 300) ** 0.5 - 0.01
    for match in matches:
        assert match.document_jaccard == pytest.approx(exact[match.record])
    whole = [m for m in matches if (m.start, m.end) == (0, len(" ".join(rows[m.record])))]
    assert len(whole) > 200  # the rest had one of the few seeds, and so a passage with its own bounds


def test_shuffled_sentences_are_a_near_duplicate(tmp_path: Path) -> None:
    rng = random.Random(13)
    sentences = [prose(rng, 15) for _ in range(12)]
    reference = " ".join(w for s in sentences for w in s)
    rng.shuffle(sentences)
    row = " ".join(w for s in sentences for w in s)
    assert jaccard(reference.split(), row.split()) > NEAR_JACCARD
    matches = matcher_over(tmp_path, [reference]).match_batch(batch_of([row]), path="p")
    assert matches
    assert {m.method for m in matches} == {MatchMethod.MINHASH}


def test_short_fields_and_empty_references_are_no_trouble(tmp_path: Path) -> None:
    matcher = matcher_over(tmp_path, ["", "one two", "?!"])
    assert matcher.match_batch(batch_of(["", "one two three", "x " * 100]), path="p") == []
