"""Kernels that turn exact runs into aligned stretches: diagonal extension, and small gapped alignments between and beyond them.

Scores: +1 for a pair of equal words, -1 for a pair of different ones, -2 for a word that only one text has: who copies replaces words, who writes
anew builds other sentences.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.bits import Int
from provenance.fingerprint.jit import kernel
from provenance.matching.spelling import Spelled, spell

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
LEAST_GAIN, LEAST_EQUAL = 3, 4
"""What a box must gain at an end, and the equal words it must hold: two words of 32 x 32 agree by chance, five net words do not."""
_DEAD = -(1 << 20)
_ONE = np.uint64(1)
_WORD_SHIFT, _BIT_SHIFT, _BIT_MASK = np.uint32(27), np.uint32(21), np.uint32(63)
_CODE_SHIFT, _CODE_BIT_SHIFT, _CODE_MASK = np.uint16(11), np.uint16(5), np.uint16(63)
FORWARD, BACKWARD, _YES, _NO, _LEAST = (cast("int", np.int64(n)) for n in (1, -1, 1, 0, LEAST_GAIN))
"""Directions and flags; typed, since a literal would compile every callee once more."""


@kernel()
def walk(
    words: NDArray[np.uint32], q: Int, stop_q: Int, ref_words: NDArray[np.uint32], r: Int, stop_r: Int, step: int, x_drop: Int
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
        left, left_score, left_equal = walk(words, q - 1, low - 1, ref_words, r - 1, low_r - 1, BACKWARD, x_drop)
        end_q, end_r = q + length, r + length
        right, right_score, right_equal = walk(words, end_q, offsets[row + 1], ref_words, end_r, ref_offsets[ref + 1], FORWARD, x_drop)
        out[n, 0], out[n, 1] = row, ref
        out[n, 2], out[n, 3], out[n, 4] = q - left, end_q + right, r - left
        out[n, 5] = length + left_score + right_score
        out[n, 6] = length + left_equal + right_equal
        last_row, last_ref, last_diagonal, last_end = row, ref, r - q, end_q + right
        n += 1
    return n


@kernel()
def alignment_room() -> NDArray[np.int64]:
    """Return (5, GAP_BOX + 1) scratch: a row each of scores, equal words, unpaired words, and of what the rest of either text may gain."""
    return np.empty((5, GAP_BOX + 1), dtype=np.int64)


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
def _diagonal_score(
    words: NDArray[np.uint32],
    codes: NDArray[np.uint16],
    q: int,
    nq: int,
    ref_words: NDArray[np.uint32],
    ref_codes: NDArray[np.uint16],
    r: int,
    nr: int,
) -> int:
    """Return what pairing word by word scores, the longer side's rest unpaired."""
    paired = min(nq, nr)
    return 2 * count_alike(words, codes, q, ref_words, ref_codes, r, paired) - paired - GAP_COST * abs(nq - nr)


@kernel()
def _bound_gains(
    words: NDArray[np.uint32], codes: NDArray[np.uint16], at: int, n: int, step: int, seen: NDArray[np.uint64], out: NDArray[np.int64]
) -> None:
    """Put into ``out[i]`` the most that an alignment can gain from word ``i`` of a side on: +1 for each word that the other side has, -1 for each other.

    Args:
        seen: (2, 32) bits of the other side's words and codes, one in 2,048 each; two that share a bit make the bound higher, never lower.
    """
    out[n] = 0
    for k in range(n - 1, -1, -1):
        word, code = words[at + step * k], codes[at + step * k]
        held = seen[0, word >> _WORD_SHIFT] >> np.uint64((word >> _BIT_SHIFT) & _BIT_MASK)
        if code != 0:
            held |= seen[1, code >> _CODE_SHIFT] >> np.uint64((code >> _CODE_BIT_SHIFT) & _CODE_MASK)
        out[k] = max(out[k + 1] + (1 if held & _ONE else -1), 0)


@kernel()
def _note_words(words: NDArray[np.uint32], codes: NDArray[np.uint16], at: int, n: int, step: int, seen: NDArray[np.uint64]) -> None:
    """Set the bits of a side's words and codes; see ``_bound_gains``."""
    seen[:] = np.uint64(0)
    for k in range(n):
        word, code = words[at + step * k], codes[at + step * k]
        seen[0, word >> _WORD_SHIFT] |= _ONE << np.uint64((word >> _BIT_SHIFT) & _BIT_MASK)
        seen[1, code >> _CODE_SHIFT] |= _ONE << np.uint64((code >> _CODE_BIT_SHIFT) & _CODE_MASK)


@kernel()
def _reach(value: int, i: int, nq: int, j: int, nr: int, local: int, room: NDArray[np.int64]) -> int:
    """Return what a cell can come to at the best: at any later cell if ``local`` (by ``_bound_gains``), else at the far corner (if every pair is equal)."""
    if local:
        return value + int(min(room[3, i], room[4, j]))
    return value + min(nq - i, nr - j) - GAP_COST * abs(nq - i - nr + j)


@kernel()
def _first_row(nq: int, nr: int, least: int, local: int, room: NDArray[np.int64]) -> int:
    """Fill the row before the first query word; return its last live cell, -1 if there is none."""
    for j in range(nr + 1):
        if _reach(-GAP_COST * j, 0, nq, j, nr, local, room) < least:
            return j - 1
        room[0, j], room[1, j], room[2, j] = -GAP_COST * j, 0, j
    return nr


_Cell = tuple[int, int, int]
"""Score, equal words, unpaired words."""


@kernel()
def _step(slant: _Cell, up: _Cell, left: _Cell, same: bool) -> _Cell:
    """Return the best of the three ways to a cell."""
    value, count, free = slant[0] + (1 if same else -1), slant[1] + same, slant[2]
    if up[0] - GAP_COST > value:
        value, count, free = up[0] - GAP_COST, up[1], up[2] + 1
    if left[0] - GAP_COST > value:
        value, count, free = left[0] - GAP_COST, left[1], left[2] + 1
    return value, count, free


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
    least: int,
    local: int,
    room: NDArray[np.int64],
) -> tuple[int, int, int, int, int]:
    """Align up to ``nq`` and ``nr`` words from (q, r) in direction ``step``. ``room``: see ``alignment_room``.

    A cell from which ``least`` (if ``local``, also the best so far) is out of reach whatever comes is dead: no alignment that counts runs through it, so
    leaving it out changes no result. Of unrelated text that spares nearly all of them.

    Args:
        least: A score that the alignment has for certain, or below which its result does not matter.

    Returns:
        (score, equal words, unpaired words, query words taken, reference words taken): of the best cell if ``local``, else of the far corner. A local
        score below ``least`` may be less than the best.
    """
    low, high = 0, _first_row(nq, nr, least, local, room)  # cells of the last row that may live
    top, top_i, top_j = (0, 0, 0), 0, 0
    for i in range(1, nq + 1):
        need = max(least, top[0] + 1) if local else least
        first, last = nr + 1, -1
        slant, left = (_DEAD, 0, 0), (_DEAD, 0, 0)
        for j in range(low, nr + 1):
            if j > high + 1 and left[0] == _DEAD:
                break
            same = j > 0 and _alike(words, codes, q + step * (i - 1), ref_words, ref_codes, r + step * (j - 1))
            up = (room[0, j], room[1, j], room[2, j]) if j <= high else (_DEAD, 0, 0)
            cell = _step(slant, up, left, same)
            slant = up
            if _reach(cell[0], i, nq, j, nr, local, room) < need:
                cell = (_DEAD, 0, 0)
            else:
                first, last = min(first, j), j
            room[0, j], room[1, j], room[2, j] = cell
            left = cell
            if cell[0] > top[0]:
                top, top_i, top_j = cell, i, j
        low, high = first, last
    if local:
        return top[0], top[1], top[2], top_i, top_j
    return room[0, nr], room[1, nr], room[2, nr], nq, nr


@kernel()
def grow_end(
    words: NDArray[np.uint32],
    spelled: Spelled,
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
    seen = np.empty((2, 32), dtype=np.uint64)
    codes = spelled[3]
    while True:
        nq = min(BOX, (stop_q - q) * step)
        nr = min(BOX, (stop_r - r) * step)
        if nq <= 0 or nr <= 0:
            break
        spell(spelled, min(q, q + step * (nq - 1)), max(q, q + step * (nq - 1)) + 1)
        _note_words(ref_words, ref_codes, r, nr, step, seen)
        _bound_gains(words, codes, q, nq, step, seen, room[3])
        if room[3, 0] < LEAST_GAIN:
            break
        _note_words(words, codes, q, nq, step, seen)
        _bound_gains(ref_words, ref_codes, r, nr, step, seen, room[4])
        if room[4, 0] < LEAST_GAIN:
            break
        gained, same, free, i, j = _gap(words, codes, q, nq, ref_words, ref_codes, r, nr, step, _LEAST, _YES, room)
        if gained < LEAST_GAIN or same < LEAST_EQUAL:
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
    least = _diagonal_score(words, codes, q0, nq, ref_words, ref_codes, r0, nr)
    score, equal, loose, _, _ = _gap(words, codes, q0, nq, ref_words, ref_codes, r0, nr, FORWARD, least, _NO, room)
    if score < -GAP_LIMIT:
        return -GAP_LIMIT, equal, _loose(loose)
    return score, equal, loose
