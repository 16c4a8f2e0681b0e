"""How one licence's text lies in another text, word by word: the longest chain of shared windows, and what stands between them.

Cost: windows of the text times the places of the commonest one in the licence, at most ``_MOST_PLACES``; gaps are aligned exactly up to ``_GAP_CELLS`` pairs.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.matching.score import hash_windows

_WINDOW = 4
"""Words of a window that starts a chain."""
_MOST_PLACES = 6
"""A window that stands at more places in the licence starts none."""
_SLACK = 0.3
_LEAST_SLACK = 40
"""How far, in words and as a share of the licence, insertions may push its words apart before they count as another copy."""
_RUN = 6
"""Words of a stretch at an end that is taken for chance where as many others stand between it and the rest."""
_GAP_CELLS = 20_000
"""Pairs of words of a gap that are aligned exactly; larger gaps count as different."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where text and licence differ: words of the text put in, words of the licence left out."""

    start: int
    end: int
    ref_start: int
    ref_end: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """Equal words of a text and a licence, in order.

    Shapes:
        places: (n, 2) int64, word of the text and word of the licence, both ascending.
    """

    places: NDArray[np.int64]
    ref_words: int

    @property
    def start(self) -> int:
        """The first word of the text that is in the licence."""
        return int(self.places[0, 0])

    @property
    def end(self) -> int:
        """The word after the last."""
        return int(self.places[-1, 0]) + 1

    def gaps(self) -> Iterator[Gap]:
        """Yield where they differ, in order; what the licence has before the first equal word and after the last too."""
        ends = [(self.start - 1, -1), *map(tuple, self.places.tolist()), (self.end, self.ref_words)]
        for (q, r), (next_q, next_r) in pairwise(ends):
            if next_q - q > 1 or next_r - r > 1:
                yield Gap(q + 1, next_q, r + 1, next_r)


def align_license(words: NDArray[np.uint32], ref: NDArray[np.uint32]) -> Alignment | None:
    """Return how a licence lies in a text where it lies densest; ``None`` where they share no window.

    Args:
        words: (n,) words of the text.
        ref: (m,) words of the licence.
    """
    hits = _densest(_hits(words, ref), max(int(len(ref) * _SLACK), _LEAST_SLACK))
    if not len(hits):
        return None
    pairs = _trim(_fill(words, ref, _spread(_longest_chain(hits))))
    return Alignment(np.array(pairs, np.int64), len(ref))


def _hits(words: NDArray[np.uint32], ref: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return (n, 2) places of equal windows in text and licence."""
    if min(len(words), len(ref)) < _WINDOW:
        return np.empty((0, 2), np.int64)
    own, others = hash_windows(words, _WINDOW), hash_windows(ref, _WINDOW)
    order = np.argsort(others, kind="stable")
    low, high = (np.searchsorted(others[order], own, side=side) for side in ("left", "right"))
    count = high - low
    count[count > _MOST_PLACES] = 0
    query = np.repeat(np.arange(len(own)), count)
    step = np.arange(len(query)) - np.repeat(np.cumsum(count) - count, count)
    return np.stack([query, order[np.repeat(low, count) + step]], axis=1).astype(np.int64)


def _densest(hits: NDArray[np.int64], slack: int) -> NDArray[np.int64]:
    """Return the hits near the diagonal that most of them lie near."""
    if not len(hits):
        return hits
    diagonals = np.sort(hits[:, 0] - hits[:, 1])
    ends = np.searchsorted(diagonals, diagonals + slack, side="right")
    at = int(np.argmax(ends - np.arange(len(diagonals))))
    shift = hits[:, 0] - hits[:, 1]
    near: NDArray[np.int64] = hits[(shift >= diagonals[at]) & (shift <= diagonals[at] + slack)]
    return near


def _longest_chain(hits: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return the longest chain in which both places ascend (patience sorting; Fredman 1975)."""
    ordered = hits[np.lexsort((-hits[:, 1], hits[:, 0]))].tolist()
    tails: list[int] = []
    top: list[int] = []
    before: list[int] = []
    for i, (_, r) in enumerate(ordered):
        at = bisect.bisect_left(tails, r)
        before.append(top[at - 1] if at else -1)
        if at == len(tails):
            tails.append(r)
            top.append(i)
        else:
            tails[at], top[at] = r, i
    chain = []
    i = top[-1]
    while i >= 0:
        chain.append((ordered[i][0], ordered[i][1]))
        i = before[i]
    return chain[::-1]


def _spread(chain: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the pairs of words that the windows of a chain consist of."""
    pairs: list[tuple[int, int]] = []
    last_q = last_r = -1
    for q, r in chain:
        for k in range(_WINDOW):
            if q + k > last_q and r + k > last_r:
                last_q, last_r = q + k, r + k
                pairs.append((last_q, last_r))
    return pairs


def _fill(words: NDArray[np.uint32], ref: NDArray[np.uint32], pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the pairs with those of the gaps between them, and of what the licence has before and behind."""
    head, tail = pairs[0], pairs[-1]
    before = (max(head[0] - 2 * head[1], 0) - 1, -1)
    rest = len(ref) - tail[1]
    after = (min(tail[0] + 2 * rest, len(words)), len(ref))
    filled: list[tuple[int, int]] = []
    ends = [before, *pairs, after]
    for (q, r), (next_q, next_r) in pairwise(ends):
        if next_q - q > 1 and next_r - r > 1:
            filled += [(q + 1 + a, r + 1 + b) for a, b in _common(words[q + 1 : next_q].tolist(), ref[r + 1 : next_r].tolist())]
        if next_r < len(ref):
            filled.append((next_q, next_r))
    return filled


def _trim(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the pairs without short stretches at the ends that stand apart from the rest: they are equal by chance."""
    runs = _runs(pairs)
    low, high = 0, len(runs)
    while high - low > 1 and _is_chance(runs[low], runs[low + 1][0][0] - runs[low][-1][0]):
        low += 1
    while high - low > 1 and _is_chance(runs[high - 1], runs[high - 1][0][0] - runs[high - 2][-1][0]):
        high -= 1
    return [pair for run in runs[low:high] for pair in run]


def _is_chance(run: list[tuple[int, int]], gap: int) -> bool:
    return len(run) <= min(gap, _RUN)


def _runs(pairs: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Return pairs in stretches that are next to one another in the text."""
    runs: list[list[tuple[int, int]]] = []
    for pair in pairs:
        if runs and pair[0] == runs[-1][-1][0] + 1:
            runs[-1].append(pair)
        else:
            runs.append([pair])
    return runs


def _common(a: list[int], b: list[int]) -> list[tuple[int, int]]:
    """Return the places of a longest common subsequence; of long lists only their equal beginnings and ends."""
    first = 0
    while first < min(len(a), len(b)) and a[first] == b[first]:
        first += 1
    last = 0
    while last < min(len(a), len(b)) - first and a[-1 - last] == b[-1 - last]:
        last += 1
    n, m = len(a) - first - last, len(b) - first - last
    middle = []
    if 0 < n * m <= _GAP_CELLS:
        middle = _subsequence(np.array(a[first : first + n], np.int64), np.array(b[first : first + m], np.int64)).tolist()
    tail = [(len(a) - last + k, len(b) - last + k) for k in range(last)]
    return [(k, k) for k in range(first)] + [(first + i, first + j) for i, j in middle] + tail


@kernel()
def _subsequence(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (n, 2) places of a longest common subsequence, the first where there are several."""
    table = np.zeros((len(a) + 1, len(b) + 1), np.int64)
    for i in range(len(a) - 1, -1, -1):
        for j in range(len(b) - 1, -1, -1):
            table[i, j] = table[i + 1, j + 1] + 1 if a[i] == b[j] else max(table[i + 1, j], table[i, j + 1])
    pairs = np.empty((table[0, 0], 2), np.int64)
    i = j = n = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            pairs[n, 0], pairs[n, 1] = i, j
            i, j, n = i + 1, j + 1, n + 1
        elif table[i + 1, j] >= table[i, j + 1]:
            i += 1
        else:
            j += 1
    return pairs
