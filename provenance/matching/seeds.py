"""Kernels that find shared word windows: hashing, the table, and maximal exact runs. ``probing`` has the filter before them.

A word is the upper 32 bits of its hash here: two different words look equal once in 4 billion comparisons. Windows never cross texts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.matching.align import BACKWARD, FORWARD, walk

FACTOR = np.uint64(0x9E3779B97F4A7C15)
"""By which sums over words are multiplied before the next word is added."""
_MIX = np.uint64(0xD6E8FEB86659FD93)
_ONE = np.uint64(1)
_HALF = np.uint64(32)
COMMON_WINDOW = 5
"""The window that kernels are unrolled for."""
_BLOCK = 256
_RECENT = 64
"""Positions of which is remembered that the cap left something out there. Where seeds are as far apart, each finds its run by itself."""
LOOKED_AT = 4096
"""Slots of a bucket that are looked at to tell whether a cap leaves something out."""
_BUDGET_BASE = 4096
"""Words of exact extension that even the shortest text may cost."""
Index = int | np.int64
"""A position in an array; kernels mix both."""


@kernel(inline="always")
def mix_window(h: np.uint64) -> np.uint64:
    """Return a window's hash from the sum over its words."""
    h ^= h >> _HALF
    h *= _MIX
    return h ^ (h >> _HALF)


@kernel()
def window_hash(words: NDArray[np.uint32], at: Index, n: int) -> np.uint64:
    """Return the hash of the ``n`` words from ``at`` on; bits are mixed so that any of them may serve as an address."""
    h = np.uint64(n)
    for j in range(n):
        h = (h + np.uint64(words[at + j]) + _ONE) * FACTOR
    return mix_window(h)


@kernel()
def hash_at(words: NDArray[np.uint32], at: Index, n: int) -> np.uint64:
    """Return ``window_hash``; a constant length unrolls: twice as fast."""
    return window_hash(words, at, COMMON_WINDOW) if n == COMMON_WINDOW else window_hash(words, at, n)


@kernel()
def count_seeds(
    words: NDArray[np.uint32], offsets: NDArray[np.int64], n: int, every: int, bucket_shift: np.uint64, counts: NDArray[np.uint32]
) -> int:
    """Count the seeds of the references, the first window of each and every ``every``-th after it, by bucket; ``counts[b + 1]`` takes bucket ``b``.

    Returns:
        How many there are.
    """
    total = 0
    for row in range(len(offsets) - 1):
        for i in range(offsets[row], offsets[row + 1] - n + 1, every):
            counts[(hash_at(words, i, n) >> bucket_shift) + _ONE] += np.uint32(1)
            total += 1
    return total


@kernel()
def fill_seeds(
    words: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    n: int,
    every: int,
    bucket_shift: np.uint64,
    cursor: NDArray[np.uint32],
    positions: NDArray[np.uint32],
) -> None:
    """Write seed positions by bucket, ascending within one."""
    for row in range(len(offsets) - 1):
        for i in range(offsets[row], offsets[row + 1] - n + 1, every):
            bucket = hash_at(words, i, n) >> bucket_shift
            positions[cursor[bucket]] = np.uint32(i)
            cursor[bucket] += np.uint32(1)


@kernel()
def _same(a: NDArray[np.uint32], i: Index, b: NDArray[np.uint32], j: Index, n: Index) -> bool:
    k = 0
    while k < n and a[i + k] == b[j + k]:
        k += 1
    return k == n


@kernel()
def _first_equal(words: NDArray[np.uint32], q: Index, low_q: Index, ref_words: NDArray[np.uint32], r: Index, low_r: Index) -> tuple[Index, Index]:
    """Return the first pair of words of the equal stretch that reaches (q, r)."""
    while q > low_q and r > low_r and words[q - 1] == ref_words[r - 1]:
        q -= 1
        r -= 1
    return q, r


@kernel()
def _end_equal(words: NDArray[np.uint32], q: Index, high_q: Index, ref_words: NDArray[np.uint32], r: Index, high_r: Index) -> Index:
    """Return the query word after the equal stretch that begins before (q, r)."""
    while q < high_q and r < high_r and words[q] == ref_words[r]:
        q += 1
        r += 1
    return q


@kernel()
def _look_up(
    words: NDArray[np.uint32],
    passing: NDArray[np.int64],
    n: int,
    shift: np.uint64,
    ref_words: NDArray[np.uint32],
    buckets: NDArray[np.uint32],
    positions: NDArray[np.uint32],
    room: NDArray[np.int64],
) -> None:
    """Put where the buckets of some windows begin and end into the first two rows of ``room``.

    Each table is touched for all windows before the next one is, so that the memory is asked for many lines at a time instead of one.
    """
    for k in range(len(passing)):
        bucket = hash_at(words, passing[k], n) >> shift
        room[0, k], room[1, k] = buckets[bucket], buckets[bucket + _ONE]
    for k in range(len(passing)):
        room[2, k] = positions[room[0, k]] if room[0, k] < room[1, k] else 0
    for k in range(len(passing)):
        room[2, k] = ref_words[room[2, k]]


@kernel()
def _owner(ref_offsets: NDArray[np.int64], r: np.int64, guess: np.int64) -> np.int64:
    """Return the reference that a position is in; mostly that of the position before."""
    if ref_offsets[guess] <= r < ref_offsets[guess + 1]:
        return guess
    return np.int64(np.searchsorted(ref_offsets, r, side="right") - 1)


@kernel()
def exact_runs(
    words: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    passing: NDArray[np.int64],
    ref_words: NDArray[np.uint32],
    ref_offsets: NDArray[np.int64],
    buckets: NDArray[np.uint32],
    positions: NDArray[np.uint32],
    settings: NDArray[np.int64],
    out: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Find the left-maximal exact runs behind the windows that passed.

    Args:
        settings: (window, every how many windows of a reference is a seed, bucket shift, hits per seed, extension budget per word).
        out: (capacity, 5) int64: row, reference, query position, reference position, length.

    Returns:
        Runs found (above the capacity nothing is written: call again with more room), seed hits dropped by caps, seeds looked up.
    """
    n, every, shift = settings[0], settings[1], np.uint64(settings[2])
    cap, budget_per_word = settings[3], settings[4]
    found = 0
    dropped = np.int64(0)
    row = 0
    budget = budget_per_word * (offsets[1] - offsets[0]) + _BUDGET_BASE
    capped = np.full(_RECENT, -1, dtype=np.int64)
    ref = np.int64(0)
    room = np.empty((3, _BLOCK), dtype=np.int64)
    for k in range(len(passing)):
        if k % _BLOCK == 0:
            _look_up(words, passing[k : k + _BLOCK], n, shift, ref_words, buckets, positions, room)
        q = passing[k]
        while offsets[row + 1] <= q:
            row += 1
            budget = budget_per_word * (offsets[row + 1] - offsets[row]) + _BUDGET_BASE
        hits = 0
        last_slot = room[1, k % _BLOCK]
        for slot in range(room[0, k % _BLOCK], last_slot):
            if hits >= cap or budget <= 0:  # what is left of the bucket is not even looked at: it may be the whole reference
                dropped += left_out(words, q, n, ref_words, positions, slot, last_slot, 0 if hits > 0 else LOOKED_AT)
                break
            r = np.int64(positions[slot])
            if not _same(words, q, ref_words, r, n):
                continue
            hits += 1
            ref = _owner(ref_offsets, r, ref)
            low_q, low_r = offsets[row], ref_offsets[ref]
            was_seen = every < _RECENT and capped[(q - every) % _RECENT] != q - every
            if was_seen and _is_inner(words, q, low_q, ref_words, r, low_r, every):
                continue
            a, b = _first_equal(words, q, low_q, ref_words, r, low_r)
            end_q = _end_equal(words, q + n, offsets[row + 1], ref_words, r + n, ref_offsets[ref + 1])
            budget -= end_q - a
            if found < len(out):
                out[found, 0] = row
                out[found, 1] = ref
                out[found, 2] = a
                out[found, 3] = b
                out[found, 4] = end_q - a
            found += 1
        if hits >= cap or budget <= 0:
            capped[q % _RECENT] = q
    return found, int(dropped), len(passing)


@kernel()
def left_out(
    words: NDArray[np.uint32],
    q: Index,
    n: Index,
    ref_words: NDArray[np.uint32],
    positions: NDArray[np.uint32],
    first: Index,
    last: Index,
    looked_at: Index,
) -> Index:
    """Return how many slots of a bucket a cap leaves out: none if the window is at none of them, as far as so many are looked at.

    Such a window passed the filter by chance, and which ones do depends on what else the filter was made for. Behind as many others one may be that did not.
    """
    slot, end = first, min(first + looked_at, last)
    while slot < end and not _same(words, q, ref_words, np.int64(positions[slot]), n):
        slot += 1
    return last - first if slot < end or end < last else 0


@kernel()
def mark_live(
    words: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    passing: NDArray[np.int64],
    ref_words: NDArray[np.uint32],
    ref_offsets: NDArray[np.int64],
    buckets: NDArray[np.uint32],
    positions: NDArray[np.uint32],
    settings: NDArray[np.int64],
    live: NDArray[np.bool_],
) -> None:
    """Set ``live`` for the rows in which a run reaches a score, extended along its diagonal; no other row can hold a passage.

    Args:
        settings: (window, every how many windows of a reference is a seed, bucket shift, hits per seed, extension budget per word, score, x-drop). A row
            in which a cap of ``exact_runs`` leaves something out is set too.
    """
    n, every, shift, cap = settings[0], settings[1], np.uint64(settings[2]), settings[3]
    budget_per_word, least, x_drop = settings[4], settings[5], settings[6]
    row = 0
    budget = budget_per_word * (offsets[1] - offsets[0]) + _BUDGET_BASE
    ref = np.int64(0)
    room = np.empty((3, _BLOCK), dtype=np.int64)
    for k in range(len(passing)):
        if k % _BLOCK == 0:
            _look_up(words, passing[k : k + _BLOCK], n, shift, ref_words, buckets, positions, room)
        q = passing[k]
        while offsets[row + 1] <= q:
            row += 1
            budget = budget_per_word * (offsets[row + 1] - offsets[row]) + _BUDGET_BASE
        if live[row]:
            continue
        hits = 0
        low_q, high_q = offsets[row], offsets[row + 1]
        for slot in range(room[0, k % _BLOCK], room[1, k % _BLOCK]):
            if live[row] or hits >= cap:
                break
            r = np.int64(positions[slot])
            if not _same(words, q, ref_words, r, n):
                continue
            hits += 1
            ref = _owner(ref_offsets, r, ref)
            if not _is_inner(words, q, low_q, ref_words, r, ref_offsets[ref], every):
                budget -= least  # more than a run costs that does not reach the score
                live[row] = budget <= 0 or _reaches(words, q, low_q, high_q, ref_words, r, ref_offsets[ref], ref_offsets[ref + 1], n, least, x_drop)
        if hits >= cap:  # ``exact_runs`` follows runs twice from here on: what that costs is not counted here
            live[row] = True


@kernel()
def _is_inner(words: NDArray[np.uint32], q: Index, low_q: Index, ref_words: NDArray[np.uint32], r: Index, low_r: Index, every: Index) -> bool:
    """Tell whether the seed before (q, r) lies in the same run, which is then found from there."""
    if q - every < low_q or r - every < low_r:
        return False
    return _same(words, q - every, ref_words, r - every, every)


@kernel()
def _reaches(
    words: NDArray[np.uint32],
    q: Index,
    low_q: Index,
    high_q: Index,
    ref_words: NDArray[np.uint32],
    r: Index,
    low_r: Index,
    high_r: Index,
    n: Index,
    least: Index,
    x_drop: Index,
) -> bool:
    """Tell whether the run through (q, r) reaches a score, extended both ways as ``align.extend_runs`` does it."""
    a, b = _first_equal(words, q, low_q, ref_words, r, low_r)
    end_q = _end_equal(words, q + n, high_q, ref_words, r + n, high_r)
    if end_q - a >= least:
        return True
    _, left, _ = walk(words, a - 1, low_q - 1, ref_words, b - 1, low_r - 1, BACKWARD, x_drop)
    _, right, _ = walk(words, end_q, high_q, ref_words, b + end_q - a, high_r, FORWARD, x_drop)
    return bool(end_q - a + left + right >= least)
