"""Estimates and candidates against theory and exact sets."""

from __future__ import annotations

import math
import random
import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from provenance.errors import SchemeMismatchError
from provenance.fingerprint.estimate import estimate_jaccard, standard_error
from provenance.fingerprint.lsh import BANDS, ROWS, BandTable, build_bands, candidate_probability, find_candidates
from provenance.fingerprint.minhash import sketch_rows, sketch_shingles
from provenance.fingerprint.scheme import NUM_PERM
from provenance.fingerprint.shingles import Shingles
from tests.conftest import ROOT

PAIRS = 400
NOVEL = ROOT / "examples" / "sample" / "references" / "the-man-who-was-thursday.txt"


def planted(jaccard: float, seed: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32], NDArray[np.float64]]:
    """Sketches of pairs of sets of that similarity, and the exact similarity of each."""
    rng = np.random.default_rng(seed)
    union = 300
    shared = round(jaccard * union)
    left, right, exact = [], [], []
    for _ in range(PAIRS):
        members = rng.choice(2**32, union, replace=False).astype(np.uint32)
        cut = shared + (union - shared) // 2
        a, b = members[:cut], np.concatenate([members[:shared], members[cut:]])
        exact.append(len(set(a.tolist()) & set(b.tolist())) / len(set(a.tolist()) | set(b.tolist())))
        left.append(a)
        right.append(b)
    return sketch(left), sketch(right), np.array(exact)


def sketch(sets: list[NDArray[np.uint32]]) -> NDArray[np.uint32]:
    return sketch_shingles(Shingles(np.concatenate(sets), np.cumsum([0, *map(len, sets)])))


@pytest.mark.parametrize("jaccard", [0.1, 0.3, 0.5, 0.8, 0.95])
def test_estimates_stay_within_their_error(jaccard: float) -> None:
    left, right, exact = planted(jaccard, seed=int(jaccard * 100))
    errors = estimate_jaccard(left, right) - exact
    expected = standard_error(jaccard)
    assert abs(errors.mean()) < 4 * expected / math.sqrt(PAIRS)  # no bias
    assert 0.85 < math.sqrt((errors**2).mean()) / expected < 1.15  # chi-square of 400 samples: ± 7 % at two sigma, four allowed


@pytest.mark.parametrize("rate", [0.03, 0.1, 0.25])
def test_estimates_on_real_text_stay_within_their_error(rate: float) -> None:
    """Stretches of a novel against copies with words replaced by the novel's; the truth is counted with Python sets."""
    words = re.findall(r"[a-z]{1,20}", NOVEL.read_text(encoding="utf-8").lower())
    chance = random.Random(rate)
    ours = [words[at : at + 80] for at in range(0, len(words) - 80, 80)]  # none overlaps another: so many independent trials
    copies = [[chance.choice(words) if chance.random() < rate else word for word in stretch] for stretch in ours]
    exact = np.array([len(a & b) / len(a | b) for a, b in zip(map(five_grams, ours), map(five_grams, copies), strict=True)])
    expected = np.array([standard_error(j) for j in exact])
    errors = (estimate_jaccard(sketch_words(ours), sketch_words(copies)) - exact)[expected > 0] / expected[expected > 0]
    assert len(errors) > 200
    assert abs(errors.mean()) < 4 / math.sqrt(len(errors))
    assert abs(math.sqrt((errors**2).mean()) - 1) < 4 / math.sqrt(2 * len(errors))


def five_grams(words: list[str]) -> set[tuple[str, ...]]:
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def sketch_words(texts: list[list[str]]) -> NDArray[np.uint32]:
    raw = [" ".join(words).encode() for words in texts]
    return sketch_rows(np.frombuffer(b"".join(raw), np.uint8), np.cumsum([0, *map(len, raw)], dtype=np.int64))


def test_standard_errors_are_those_of_the_design() -> None:
    assert [round(standard_error(j), 3) for j in (0.0, 0.5, 0.8, 0.95, 1.0)] == [0.0, 0.044, 0.035, 0.019, 0.0]


def test_estimates_of_the_same_and_of_nothing() -> None:
    left, right, _ = planted(0.0, seed=9)
    assert (estimate_jaccard(left, left) == 1.0).all()
    assert estimate_jaccard(left, right).max() < 0.05
    assert estimate_jaccard(left[0], right).shape == (PAIRS,)
    assert estimate_jaccard(left[0], left[0]).shape == ()


def test_what_is_no_sketch_is_refused() -> None:
    shapes: tuple[Any, ...] = (np.zeros((3, 64), np.uint32), np.zeros((3, 128), np.int64))
    for wrong in shapes:
        with pytest.raises(SchemeMismatchError):
            estimate_jaccard(wrong, wrong)


def test_the_bands_use_the_whole_sketch_and_find_half_similar_texts() -> None:
    assert ROWS * BANDS == NUM_PERM
    assert candidate_probability(0.5) == pytest.approx(1 - (15 / 16) ** 32)
    assert candidate_probability(0.5) >= 0.85
    assert candidate_probability(0.0) == 0.0
    assert candidate_probability(1.0) == 1.0


@pytest.mark.parametrize("jaccard", [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8])
def test_recall_of_planted_pairs_follows_the_s_curve(jaccard: float) -> None:
    queries, references, _ = planted(jaccard, seed=1000 + int(jaccard * 100))
    pairs = find_candidates(queries, build_bands(references), references)
    hits = int((pairs[:, 0] == pairs[:, 1]).sum())
    chance = candidate_probability(jaccard)
    assert abs(hits - PAIRS * chance) <= 4 * math.sqrt(PAIRS * chance * (1 - chance)) + 1


def test_candidates_are_exactly_the_pairs_that_share_a_band() -> None:
    queries, references, _ = planted(0.35, seed=5)
    references = np.concatenate([references, references[:20], queries[:10]])
    pairs = {(int(q), int(r)) for q, r in find_candidates(queries, build_bands(references), references)}
    bands = queries.reshape(PAIRS, 1, BANDS, ROWS) == references.reshape(1, -1, BANDS, ROWS)
    assert pairs == {(int(q), int(r)) for q, r in np.argwhere(bands.all(axis=3).any(axis=2))}


def test_no_references_and_no_queries_give_no_candidates() -> None:
    queries, references, _ = planted(1.0, seed=6)
    none = references[:0]
    assert find_candidates(queries, build_bands(none), none).shape == (0, 2)
    assert find_candidates(none, build_bands(references), references).shape == (0, 2)
    assert find_candidates(queries, build_bands(references), references).tolist() == [[i, i] for i in range(PAIRS)]


def test_a_crowded_band_is_cut_at_the_cap() -> None:
    queries, _, _ = planted(1.0, seed=7)
    crowd = np.repeat(queries[:1], 500, axis=0)
    assert find_candidates(queries[:1], build_bands(crowd), crowd, cap=50)[:, 1].tolist() == list(range(50))
    assert len(find_candidates(queries[:1], build_bands(crowd), crowd)) == 500


def test_a_table_without_tags_gives_the_same_pairs() -> None:
    chance = np.random.default_rng(11)
    references = chance.integers(0, 40, (300, 128), dtype=np.uint32)
    references[200:] = references[:100]
    references[200:, ::7] += 1
    made = build_bands(references)
    assert len(made.tags) == len(made.entries)
    pairs = find_candidates(references, made, references)
    assert np.array_equal(pairs, find_candidates(references, BandTable(made.buckets, made.entries), references))
    bands = references.reshape(300, 32, 4)
    shared = (bands[:, None] == bands[None]).all(axis=3).any(axis=2)
    assert np.array_equal(pairs, np.argwhere(shared))


def test_more_entries_than_are_looked_up_at_a_time_are_all_found() -> None:
    references = np.full((700, 128), 7, dtype=np.uint32)
    pairs = find_candidates(references[:2], build_bands(references), references)
    assert pairs.tolist() == [[query, reference] for query in range(2) for reference in range(700)]
    assert len(find_candidates(references[:2], build_bands(references), references, cap=300)) == 600
