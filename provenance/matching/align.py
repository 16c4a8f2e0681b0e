"""Kernels that turn exact runs into aligned stretches: diagonal extension, and small gapped alignments between and beyond them.

Scores: +1 for a pair of equal words, -1 for a pair of different ones, -2 for a word that only one text has: who copies replaces words, who writes
anew builds other sentences.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel

BOX = 32
"""Words on a side of the square in which a gapped end is sought; DP cells are bounded by its square."""
GAP_COST = 2
"""What a word that only one text has costs."""
GAP_LIMIT = 8
"""What one gap between two stretches costs at the most."""
ELISION = 3
"""A gap of more words than this on one side, or costlier than the limit, is one change: a sentence left out, put in or moved."""
GAP_BOX = 64
"""Gaps up to this many words on both sides are aligned exactly; longer ones are charged in full."""


@kernel()
def _walk(
    words: NDArray[np.uint32], q: int, stop_q: int, ref_words: NDArray[np.uint32], r: int, stop_r: int, step: int, x_drop: int
) -> tuple[int, int, int]:
    """Extend along a diagonal from (q, r) in direction ``step``; return (words taken, score, equal words) of the best end."""
    score, best, taken, equal, best_equal, k = 0, 0, 0, 0, 0, 0
    while q != stop_q and r != stop_r:
        k += 1
        if words[q] == ref_words[r]:
            score += 1
            equal += 1
            if score > best:
                best, taken, best_equal = score, k, equal
        else:
            score -= 1
            if score < best - x_drop:
                break
        q += step
        r += step
    return taken, best, best_equal


@kernel()
def extend_runs(
    words: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    ref_words: NDArray[np.uint32],
    ref_offsets: NDArray[np.int64],
    runs: NDArray[np.int64],
    x_drop: int,
    out: NDArray[np.int64],
) -> int:
    """Extend runs through differing words along their diagonals.

    Args:
        runs: (n, 5) row, reference, query position, reference position, length; ordered by row, reference, diagonal, query position.
        out: (n, 7) row, reference, query start, query end, reference start, score, equal words.

    Returns:
        Stretches written; runs that an earlier stretch of their diagonal covers are gone.
    """
    n = 0
    last_row, last_ref, last_diagonal, last_end = np.int64(-1), np.int64(-1), np.int64(0), np.int64(0)
    for k in range(len(runs)):
        row, ref, q, r, length = runs[k, 0], runs[k, 1], runs[k, 2], runs[k, 3], runs[k, 4]
        again = row == last_row and ref == last_ref and r - q == last_diagonal
        if again and q < last_end:
            continue
        low = int(last_end) if again else int(offsets[row])
        low_r = int(max(ref_offsets[ref], r - (q - low)))
        left, left_score, left_equal = _walk(words, q - 1, low - 1, ref_words, r - 1, low_r - 1, -1, x_drop)
        end_q, end_r = q + length, r + length
        right, right_score, right_equal = _walk(words, end_q, offsets[row + 1], ref_words, end_r, ref_offsets[ref + 1], 1, x_drop)
        out[n, 0], out[n, 1] = row, ref
        out[n, 2], out[n, 3], out[n, 4] = q - left, end_q + right, r - left
        out[n, 5] = length + left_score + right_score
        out[n, 6] = length + left_equal + right_equal
        last_row, last_ref, last_diagonal, last_end = row, ref, r - q, end_q + right
        n += 1
    return n


@kernel()
def alignment_room() -> NDArray[np.int64]:
    """Return (6, GAP_BOX + 1) scratch: two rows each of scores, equal words and unpaired words."""
    return np.empty((6, GAP_BOX + 1), dtype=np.int64)


@kernel()
def _alike(
    words: NDArray[np.uint32], codes: NDArray[np.uint16], q: int, ref_words: NDArray[np.uint32], ref_codes: NDArray[np.uint16], r: int
) -> bool:
    return bool(words[q] == ref_words[r] or (codes[q] == ref_codes[r] and codes[q] != 0))


@kernel()
def count_alike(
    words: NDArray[np.uint32], codes: NDArray[np.uint16], q: int, ref_words: NDArray[np.uint32], ref_codes: NDArray[np.uint16], r: int, n: int
) -> int:
    """Return how many of ``n`` pairs of words along a diagonal are equal or spelled alike."""
    found = 0
    for k in range(n):
        found += _alike(words, codes, q + k, ref_words, ref_codes, r + k)
    return found


@kernel()
def _gap(
    words: NDArray[np.uint32],
    codes: NDArray[np.uint16],
    q: int,
    nq: int,
    ref_words: NDArray[np.uint32],
    ref_codes: NDArray[np.uint16],
    r: int,
    nr: int,
    step: int,
    local: bool,
    room: NDArray[np.int64],
) -> tuple[int, int, int, int, int]:
    """Align up to ``nq`` and ``nr`` words from (q, r) in direction ``step``. ``room``: see ``alignment_room``.

    Returns:
        (score, equal words, unpaired words, query words taken, reference words taken): of the best cell if ``local``, else of the far corner.
    """
    score, equal, loose = room[0:2], room[2:4], room[4:6]
    for j in range(nr + 1):
        score[0, j], equal[0, j], loose[0, j] = -GAP_COST * j, 0, j
    best, best_equal, best_loose, best_i, best_j = 0, 0, 0, 0, 0
    for i in range(1, nq + 1):
        now, old = i & 1, (i & 1) ^ 1
        score[now, 0], equal[now, 0], loose[now, 0] = -GAP_COST * i, 0, i
        for j in range(1, nr + 1):
            same = _alike(words, codes, q + step * (i - 1), ref_words, ref_codes, r + step * (j - 1))
            value, count, free = score[old, j - 1] + (1 if same else -1), equal[old, j - 1] + same, loose[old, j - 1]
            if score[old, j] - GAP_COST > value:
                value, count, free = score[old, j] - GAP_COST, equal[old, j], loose[old, j] + 1
            if score[now, j - 1] - GAP_COST > value:
                value, count, free = score[now, j - 1] - GAP_COST, equal[now, j - 1], loose[now, j - 1] + 1
            score[now, j], equal[now, j], loose[now, j] = value, count, free
            if value > best:
                best, best_equal, best_loose, best_i, best_j = value, count, free, i, j
    if local:
        return best, best_equal, best_loose, best_i, best_j
    last = nq & 1
    return score[last, nr], equal[last, nr], loose[last, nr], nq, nr


@kernel()
def grow_end(
    words: NDArray[np.uint32],
    codes: NDArray[np.uint16],
    q: int,
    stop_q: int,
    ref_words: NDArray[np.uint32],
    ref_codes: NDArray[np.uint16],
    r: int,
    stop_r: int,
    step: int,
    room: NDArray[np.int64],
) -> tuple[int, int, int, int, int]:
    """Extend an end with gaps, box by box, while that gains; return (score, equal, unpaired, query and reference words) gained.

    (q, r) is the first pair of words beyond the end; the stops are exclusive.
    """
    score, equal, loose, taken_q, taken_r = 0, 0, 0, 0, 0
    while True:
        nq = min(BOX, (stop_q - q) * step)
        nr = min(BOX, (stop_r - r) * step)
        if nq <= 0 or nr <= 0:
            break
        gained, same, free, i, j = _gap(words, codes, q, nq, ref_words, ref_codes, r, nr, step, True, room)
        # Two words in a box of 32 x 32 agree by chance; five net words do not.
        if gained < 3 or same < 4:  # noqa: PLR2004 - see above
            break
        score, equal, loose, taken_q, taken_r = score + gained, equal + same, loose + free, taken_q + i, taken_r + j
        q, r = q + step * i, r + step * j
    return score, equal, loose, taken_q, taken_r


@kernel()
def _loose(n: int) -> int:
    return 1 if n > ELISION else n


@kernel()
def fill_gap(
    words: NDArray[np.uint32],
    codes: NDArray[np.uint16],
    q0: int,
    q1: int,
    ref_words: NDArray[np.uint32],
    ref_codes: NDArray[np.uint16],
    r0: int,
    r1: int,
    room: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Return (score, equal words, unpaired words) of the words between two stretches; a side that runs backwards counts as empty.

    No gap costs more than ``GAP_LIMIT``; an elision counts as one unpaired word.
    """
    nq, nr = max(q1 - q0, 0), max(r1 - r0, 0)
    if nq == 0 or nr == 0 or nq > GAP_BOX or nr > GAP_BOX:
        return max(-min(nq, nr) - GAP_COST * abs(nq - nr), -GAP_LIMIT), 0, _loose(abs(nq - nr))
    score, equal, loose, _, _ = _gap(words, codes, q0, nq, ref_words, ref_codes, r0, nr, 1, False, room)
    if score < -GAP_LIMIT:
        return -GAP_LIMIT, equal, _loose(loose)
    return score, equal, loose
