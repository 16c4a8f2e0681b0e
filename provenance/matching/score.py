"""Numbers on a match: exact set similarities, chance, and intervals."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.matching.seeds import window_hash

SHINGLE = 5
"""Words in the n-grams of the reported similarities."""
_CHANCE_AT_15 = 30.0
_CHANCE_WORDS = 27e6
_CHANCE_BASE = 3.8
_CHANCE_SCORE = 15
_Z95 = 1.959963984540054


@kernel()
def hash_windows(words: NDArray[np.uint32], n: int) -> NDArray[np.uint64]:
    """Return the hash of the ``n`` words that begin at each place: (n_words - n + 1,) uint64."""
    out = np.empty(max(len(words) - n + 1, 0), dtype=np.uint64)
    for i in range(len(out)):
        out[i] = window_hash(words, i, n)
    return out


@kernel()
def _drop_repeats(values: NDArray[np.uint64]) -> int:
    """Pack a sorted array in place; return how many distinct values it holds."""
    n = 0
    for i in range(len(values)):
        if n == 0 or values[i] != values[n - 1]:
            values[n] = values[i]
            n += 1
    return n


def shingles(words: NDArray[np.uint32], n: int = SHINGLE) -> NDArray[np.uint64]:
    """Return the sorted distinct hashes of a text's ``n``-word windows; a text shorter than a window is one window."""
    if 0 < len(words) < n:
        n = len(words)
    windows = hash_windows(words, n)
    windows.sort()
    return windows[: _drop_repeats(windows)]


@kernel()
def _count_shared(few: NDArray[np.uint64], many: NDArray[np.uint64]) -> int:
    shared = 0
    at = 0
    for i in range(len(few)):
        at += np.searchsorted(many[at:], few[i])
        if at == len(many):
            break
        shared += many[at] == few[i]
    return shared


def compute_overlap(query: NDArray[np.uint64], reference: NDArray[np.uint64]) -> int:
    """Return how many members two sorted sets share."""
    few, many = (query, reference) if len(query) <= len(reference) else (reference, query)
    return int(_count_shared(few, many))


def compute_jaccard(query: NDArray[np.uint64], reference: NDArray[np.uint64]) -> float:
    """Return the exact Jaccard similarity of two sorted sets, 0 where both are empty."""
    return jaccard_of(len(query), len(reference), compute_overlap(query, reference))


def jaccard_of(query: int, reference: int, shared: int) -> float:
    """Return the Jaccard similarity of two sets from their sizes and that of their intersection, 0 where both are empty."""
    union = query + reference - shared
    return shared / union if union else 0.0


def estimate_chance_alarms(score: float, reference_words: int) -> float:
    """Return how many alarms of at least this score chance gives per million documents of 1,500 words.

    Fitted on text by other authors against 27 million reference words (DESIGN 3.2): 30 at score 15, a factor of 3.8 less per point.
    """
    return _CHANCE_AT_15 * (reference_words / _CHANCE_WORDS) * math.exp(-math.log(_CHANCE_BASE) * min(score - _CHANCE_SCORE, 500.0))


def wilson_interval(hits: float, trials: float) -> tuple[float, float]:
    """Return the 95 % Wilson interval of a share with continuity correction; (0, 1) without trials.

    Trials may be a fraction: what dependent ones are worth in independent ones.

    Source: Wilson 1927; Newcombe 1998, Statistics in Medicine 17, method 4, which holds its level near 0 and 1 too, where the plain interval does not.
    """
    if trials <= 0:
        return 0.0, 1.0
    misses = trials - hits
    # At the ends the bound is exact. Elsewhere fewer than one trial may leave nothing under the root, and the share must not fall outside.
    low = 0.0 if hits <= 0 else _wilson_low(hits, misses)
    high = 1.0 if misses <= 0 else 1.0 - _wilson_low(misses, hits)
    return min(low, hits / trials), max(high, hits / trials)


def _wilson_low(hits: float, misses: float) -> float:
    trials, square = hits + misses, _Z95 * _Z95
    root = math.sqrt(max(square - 2 - 1 / trials + 4 * hits / trials * (misses + 1), 0.0))
    return max(0.0, (2 * hits + square - 1 - _Z95 * root) / (2 * (trials + square)))


def containment_interval(shared: int, windows: int, *, one_in: int = 1) -> tuple[float, float]:
    """Return the 95 % interval of the rate at which windows survive in text taken over as a passage was; it holds the share that was seen.

    Windows overlap: an edited word takes five along, so that ``windows`` of them are worth fewer independent trials. With words edited independently of one
    another, each kept with probability p, windows d words apart are correlated by (p^d - p^5) / (1 - p^5), which is below 1 - d/5; the variance is then at most
    1 + 2 (4 + 3 + 2 + 1) / 5 = 5 times that of independent windows, and 1 + 4/n times where one window in n is seen. The trials are divided by that (design
    effect: Kish 1965; in intervals of shares: Korn and Graubard 1998). A passage is cut at words, in packs at windows, that both texts hold: its first and its
    last window are hits by construction, and count neither as hits nor as trials. Edits in runs of several words make the interval too narrow.

    Args:
        shared: Windows of the passage that the reference holds.
        windows: Windows of the passage that were looked at.
        one_in: Only one window in so many was.
    """
    if not windows:
        return 0.0, 1.0
    worth = 1 + (SHINGLE - 1) / one_in
    low, high = wilson_interval(max(shared - 2, 0) / worth, max(windows - 2, 0) / worth)
    return min(low, shared / windows), max(high, shared / windows)


def binomial_upper_bound(hits: int, trials: int, confidence: float) -> float:
    """Return the one-sided upper bound of a share (Clopper and Pearson 1934): the largest share at which so few hits are not too improbable.

    Without trials nothing is known: 1.
    """
    if hits >= trials:
        return 1.0
    low, high = hits / trials, 1.0
    for _ in range(60):  # bisection: the probability of at most so many hits falls as the share grows
        middle = (low + high) / 2
        if _at_most(hits, trials, middle) > 1 - confidence:
            low = middle
        else:
            high = middle
    return high


def _at_most(hits: int, trials: int, share: float) -> float:
    """Return the probability of at most so many hits (binomial), summed from the logarithms of its terms."""
    if share <= 0.0 or share >= 1.0:
        return 1.0 if share <= 0.0 or hits >= trials else 0.0
    log_share, log_rest, all_ways = math.log(share), math.log1p(-share), math.lgamma(trials + 1)
    return math.fsum(
        math.exp(all_ways - math.lgamma(k + 1) - math.lgamma(trials - k + 1) + k * log_share + (trials - k) * log_rest) for k in range(hits + 1)
    )
