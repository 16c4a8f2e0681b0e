"""Kernels against brute force in plain Python."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from provenance.matching import filters
from provenance.matching.align import BOX, GAP_COST, GAP_LIMIT, LEAST_EQUAL, LEAST_GAIN, alignment_room, fill_gap, grow_end
from provenance.matching.cascade import CascadeMatcher
from provenance.matching.filters import Filter, make_filter
from provenance.matching.passages import find_passages, group_segments
from provenance.matching.probing import fill_filter, probe
from provenance.matching.score import compute_jaccard, compute_overlap, containment_interval, estimate_chance_alarms, shingles, wilson_interval
from provenance.matching.seeds import window_hash
from provenance.matching.segment import TextSegment
from provenance.matching.spelling import spelling_codes
from provenance.matching.words import add_words, read_words
from tests.fakes.matching import make_batch, make_reference

Build = Callable[..., CascadeMatcher]
Words32 = NDArray[np.uint32]


@dataclass(frozen=True)
class Hashes:
    """Windows that a filter is made of."""

    hashes: NDArray[np.uint64]

    @property
    def seeds(self) -> int:
        return len(self.hashes)

    def fill_filter(self, into: Filter) -> None:
        fill_filter(self.hashes, into.arrays)


def as_words(values: list[int]) -> Words32:
    return np.array(values, dtype=np.uint32)


def as_hashes(values: list[int]) -> Words32:
    """Words that differ in all their bits, as hashes do."""
    return as_words([(value + 1) * 0x9E3779B1 & 0xFFFFFFFF for value in values])


def brute_runs(query: list[str], reference: list[str], n: int) -> set[tuple[int, int, int]]:
    """All maximal exact runs of at least ``n`` words: (query position, reference position, length)."""
    runs = set()
    for i in range(len(query)):
        for j in range(len(reference)):
            if query[i] != reference[j] or (i and j and query[i - 1] == reference[j - 1]):
                continue
            length = 0
            while i + length < len(query) and j + length < len(reference) and query[i + length] == reference[j + length]:
                length += 1
            if length >= n:
                runs.add((i, j, length))
    return runs


@pytest.mark.parametrize("seed", range(12))
def test_exact_runs_are_those_of_brute_force(matcher_over: Build, store: object, seed: int) -> None:
    chance = random.Random(seed)
    vocabulary = [f"v{i}" for i in range(4 + seed)]
    reference = [chance.choice(vocabulary) for _ in range(150)]
    query = [chance.choice(vocabulary) for _ in range(60)] + reference[40:70] + [chance.choice(vocabulary) for _ in range(60)]
    matcher = matcher_over(make_reference("r", " ".join(reference)))
    (segment,) = matcher._segments
    assert isinstance(segment, TextSegment)
    batch = make_batch([" ".join(query)])
    words = read_words(batch.data, batch.offsets)
    (group,) = group_segments([segment])
    found = find_passages(words, group.probe(words), segment, matcher._params)
    assert {(q, r, n) for _, _, q, r, n in found.runs.tolist()} == brute_runs(query, reference, 5)
    assert found.dropped == 0


def best_alignment(a: list[int], b: list[int]) -> int:
    """Global alignment score by the textbook recurrence (Needleman and Wunsch 1970)."""
    row = [-GAP_COST * j for j in range(len(b) + 1)]
    for i, x in enumerate(a, start=1):
        before, row = row, [-GAP_COST * i] + [0] * len(b)
        for j, y in enumerate(b, start=1):
            row[j] = max(before[j - 1] + (1 if x == y else -1), before[j] - GAP_COST, row[j - 1] - GAP_COST)
    return row[-1]


def best_beginning(a: list[int], b: list[int]) -> int:
    """The best global score of any two beginnings."""
    return max(best_alignment(a[:i], b[:j]) for i in range(len(a) + 1) for j in range(len(b) + 1))


@pytest.mark.parametrize("seed", range(20))
def test_gaps_are_aligned_as_the_textbook_says(seed: int) -> None:
    chance = random.Random(seed)
    a = [chance.randrange(6) for _ in range(chance.randrange(1, 30))]
    b = [chance.randrange(6) for _ in range(chance.randrange(1, 30))]
    codes = np.zeros(max(len(a), len(b)), dtype=np.uint16)
    score, equal, _ = fill_gap(as_words(a), codes, 0, len(a), as_words(b), codes, 0, len(b), alignment_room())
    assert score == max(best_alignment(a, b), -GAP_LIMIT)
    assert equal <= min(len(a), len(b))


@pytest.mark.parametrize("seed", range(200))
def test_ends_grow_to_the_best_pair_of_beginnings(seed: int) -> None:
    chance = random.Random(seed)
    a = [chance.randrange(9) for _ in range(chance.randrange(1, BOX // 2))]
    b = [*a[: seed % 8], *(seed % 3 * 4 + chance.randrange(9) for _ in range(chance.randrange(1, BOX // 2)))]
    none = np.zeros(0, dtype=np.uint8)
    nowhere, codes = np.zeros(BOX, dtype=np.int64), np.zeros(BOX, dtype=np.uint16)
    spelled = none, nowhere, nowhere, codes, np.ones(BOX, dtype=np.bool_)
    best = best_beginning(a, b)
    gained = grow_end(as_hashes(a), spelled, 0, len(a), as_hashes(b), codes, 0, len(b), 1, alignment_room())[0]
    backwards = as_hashes(a[::-1]), spelled, len(a) - 1, -1, as_hashes(b[::-1]), codes, len(b) - 1, -1
    assert grow_end(*backwards, -1, alignment_room())[0] == gained
    assert gained in (0, best)
    if best < LEAST_GAIN or best >= LEAST_EQUAL:  # who scores four has four equal words
        assert gained == (best if best >= LEAST_GAIN else 0)


def test_shingles_are_the_distinct_windows() -> None:
    words = as_words([1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5])
    assert len(shingles(words)) == len({tuple(words[i : i + 5].tolist()) for i in range(7)}) == 6
    assert len(shingles(as_words([1, 2]))) == 1
    assert len(shingles(as_words([]))) == 0
    assert np.array_equal(shingles(words), np.sort(shingles(words)))


def test_overlap_and_jaccard_are_those_of_sets() -> None:
    chance = random.Random(5)
    for _ in range(50):
        a = {chance.randrange(40) for _ in range(chance.randrange(0, 30))}
        b = {chance.randrange(40) for _ in range(chance.randrange(0, 30))}
        x, y = (np.array(sorted(s), dtype=np.uint64) for s in (a, b))
        assert compute_overlap(x, y) == len(a & b)
        assert compute_jaccard(x, y) == pytest.approx(len(a & b) / len(a | b) if a | b else 0.0)


def test_window_hashes_differ_by_order_and_length() -> None:
    words = as_words([1, 2, 3, 4, 5, 6])
    hashes = {int(window_hash(words, at, n)) for n in range(2, 6) for at in range(7 - n)}
    assert len(hashes) == sum(7 - n for n in range(2, 6))
    assert window_hash(as_words([1, 2]), 0, 2) != window_hash(as_words([2, 1]), 0, 2)


def test_every_window_passes_the_filter_and_few_others_do() -> None:
    chance = np.random.default_rng(5)
    parts = [Hashes(chance.integers(0, 2**64, n, dtype=np.uint64)) for n in (0, 3, 40_000, 90_000)]
    made = make_filter(parts)
    bits, shift, six, mask = made.bits, made.shift, np.uint64(63), np.uint64(1)

    def passes(hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        held = bits[hashes >> shift]
        passed: NDArray[np.bool_] = np.logical_and.reduce([held >> (hashes >> np.uint64(shift) & six) & mask == 1 for shift in (8, 14, 20)])
        return passed

    assert all(passes(part.hashes).all() for part in parts)
    assert len(bits) * 64 == 2**21, "sixteen bits a window, rounded up to a power of two"
    # Three bits in one word of 64 that holds four windows on average: their share of set bits, to the third and averaged over the Poisson numbers of windows.
    load = 130_003 / len(bits)
    expected = sum(math.exp(-load) * load**n / math.factorial(n) * (1 - (63 / 64) ** (3 * n)) ** 3 for n in range(40))
    others = passes(chance.integers(0, 2**64, 400_000, dtype=np.uint64))
    assert others.mean() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("coarse_from", [10, 60])
@pytest.mark.parametrize("n", [2, 5, 7])
def test_the_windows_that_pass_are_those_of_the_references_and_lie_within_a_row(n: int, coarse_from: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "_COARSE_FROM", coarse_from)
    chance = random.Random(n)
    words = as_hashes([chance.randrange(60) for _ in range(3000)])
    cuts = [0, *sorted(chance.randrange(3001) for _ in range(400)), 3000]
    inside = [at for low, high in pairwise(cuts) for at in range(low, high - n + 1)]
    held = {int(window_hash(words, at, n)) for at in chance.sample(range(3001 - n), 900)}
    made = make_filter([Hashes(np.array(sorted(held), dtype=np.uint64))])
    assert (len(made.coarse) > 0) == (coarse_from == 10)
    out = np.empty(3001, dtype=np.int64)
    passing = out[: probe(add_words(words), np.array(cuts), n, made.arrays, out)].tolist()
    sure = [at for at in inside if int(window_hash(words, at, n)) in held]
    assert set(sure) <= set(passing) <= set(inside)
    assert passing == sorted(passing)
    assert len(passing) < len(sure) + 0.05 * len(inside)


def test_chance_alarms_follow_the_fit_of_the_design() -> None:
    assert estimate_chance_alarms(15, 27_000_000) == pytest.approx(30.0)
    assert estimate_chance_alarms(16, 27_000_000) == pytest.approx(30.0 / 3.8)
    assert estimate_chance_alarms(15, 54_000_000) == pytest.approx(60.0)
    assert estimate_chance_alarms(10_000, 27_000_000) == pytest.approx(0.0)
    assert math.isfinite(estimate_chance_alarms(-100, 1))


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    # Newcombe 1998, Statistics in Medicine 17, table I, method 4.
    [(81, 263, 0.2535, 0.3682), (15, 148, 0.0598, 0.1644), (0, 20, 0.0, 0.2005), (1, 29, 0.0018, 0.1963)],
)
def test_wilson_intervals_are_the_published_ones(hits: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(hits, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_intervals_hold_the_share_and_stay_within_bounds() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)
    for trials in range(1, 40):
        for hits in range(trials + 1):
            low, high = wilson_interval(hits, trials)
            assert 0.0 <= low <= Fraction(hits, trials) <= high <= 1.0


@pytest.mark.parametrize("one_in", [1, 2, 4, 8])
def test_containment_intervals_hold_the_share_whatever_it_is(one_in: int) -> None:
    assert containment_interval(0, 0, one_in=one_in) == (0.0, 1.0)
    for windows in range(1, 60):
        for shared in range(windows + 1):
            low, high = containment_interval(shared, windows, one_in=one_in)
            assert 0.0 <= low <= shared / windows <= high <= 1.0


def test_sampled_windows_overlap_less_and_tell_more_each() -> None:
    widths = [high - low for low, high in (containment_interval(60, 100, one_in=n) for n in (1, 2, 4, 8))]
    assert widths == sorted(widths, reverse=True)
    assert len(set(widths)) == len(widths)


def codes_of(text: str) -> list[int]:
    batch = make_batch([text])
    words = read_words(batch.data, batch.offsets)
    out = np.empty(len(words.words), dtype=np.uint16)
    spelling_codes(words.data, words.start, words.end, out)
    return [int(code) for code in out]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("haue", "have"),
        ("vpon", "upon"),
        ("Ioy", "joy"),
        ("minde", "mind"),
        ("selfe", "self"),
        ("musicke", "music"),
        ("heauen", "heaven"),
        ("ſhall", "shall"),
    ],
)
def test_old_and_new_spelling_have_one_code(old: str, new: str) -> None:
    assert codes_of(old) == codes_of(new)


def test_other_words_have_other_codes() -> None:
    names = "mind have shall upon music heaven river table wonder quite seven again people water little first great 1984 1985 日 本"
    codes = codes_of(names)
    assert len(set(codes)) == len(codes) == 21
    assert codes_of("e") == [0]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("1. one\n2. two", 2),
        ("1) one\n  12) two\n\t3. three", 3),
        ("in 1999. He", 3),
        ("1999. He", 2),
        ("1.5 litres", 3),
        ("3.\n4.", 0),
        ("7", 1),
        ("a 1. b", 3),
        ("1.", 0),
        ("1.x", 2),
    ],
)
def test_only_numbers_of_list_items_are_left_out(text: str, kept: int) -> None:
    batch = make_batch([text])
    assert len(read_words(batch.data, batch.offsets).words) == kept


def test_words_with_list_numbers_are_still_counted() -> None:
    batch = make_batch(["1. one\n2. two\n3. three"])
    words = read_words(batch.data, batch.offsets)
    assert (len(words.words), words.count(0, 3)) == (3, 5)
