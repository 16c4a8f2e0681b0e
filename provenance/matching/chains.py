"""Kernels that gather the aligned stretches of one text and one reference into passages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.matching.align import BACKWARD, FORWARD, alignment_room, count_alike, fill_gap, grow_end
from provenance.matching.spelling import Spelled, spell

NEIGHBOURS = 48
"""Stretches looked back at: bounds the work on texts that repeat themselves."""
_MIN_NEW, _MIN_ANCHOR_NEW = 3, 5
"""Words that no better stretch has, below which a weak stretch and one that stands on its own tell nothing new."""
_GAPS = (701, 301, 132, 57, 23, 10, 4, 1)


@kernel()
def _mark(cover: NDArray[np.int64], start: int, end: int, stamp: int) -> int:
    new = 0
    for q in range(start, end):
        if cover[q] != stamp:
            cover[q] = stamp
            new += 1
    return new


@kernel()
def _count_new(cover: NDArray[np.int64], start: int, end: int, stamp: int) -> int:
    new = 0
    for q in range(start, end):
        new += cover[q] != stamp
    return new


@kernel()
def _distance(hsps: NDArray[np.int64], a: int, b: int) -> tuple[int, int]:
    """Return the gaps between two stretches in query and reference; negative where they overlap."""
    gap_q = max(hsps[a, 2] - hsps[b, 3], hsps[b, 2] - hsps[a, 3])
    r_a, r_b = hsps[a, 4], hsps[b, 4]
    gap_r = max(r_a - (r_b + hsps[b, 3] - hsps[b, 2]), r_b - (r_a + hsps[a, 3] - hsps[a, 2]))
    return gap_q, gap_r


@kernel()
def _near_anchor(hsps: NDArray[np.int64], k: int, anchors: NDArray[np.int64], starts: NDArray[np.int64], join: int) -> bool:
    at = np.searchsorted(starts, hsps[k, 2])
    for m in range(max(at - NEIGHBOURS, 0), min(at + NEIGHBOURS, len(anchors))):
        gap_q, gap_r = _distance(hsps, k, anchors[m])
        if gap_q <= join and gap_r <= join:
            return True
    return False


@kernel()
def _before(hsps: NDArray[np.int64], a: int, b: int) -> bool:
    return bool(hsps[a, 2] < hsps[b, 2] or (hsps[a, 2] == hsps[b, 2] and a < b))


@kernel()
def _sort_by_start(hsps: NDArray[np.int64], chosen: NDArray[np.int64]) -> None:
    """Order stretches by query position (Shell 1959, gaps of Ciura 2001): numba's own sort takes seconds to compile."""
    for gap in _GAPS:
        for k in range(gap, len(chosen)):
            moved, at = chosen[k], k
            while at >= gap and _before(hsps, moved, chosen[at - gap]):
                chosen[at] = chosen[at - gap]
                at -= gap
            chosen[at] = moved


@kernel()
def _choose(hsps: NDArray[np.int64], a: int, b: int, cover: NDArray[np.int64], stamp: int, anchor: int, join: int) -> NDArray[np.int64]:
    """Return the stretches of one group, best first by score, that tell something new; ordered by query position."""
    kept = np.empty(b - a, dtype=np.int64)
    n = 0
    first_weak = b
    for k in range(a, b):
        if hsps[k, 5] < anchor:
            first_weak = k
            break
        if _count_new(cover, hsps[k, 2], hsps[k, 3], stamp) >= _MIN_ANCHOR_NEW:
            _mark(cover, hsps[k, 2], hsps[k, 3], stamp)
            kept[n] = k
            n += 1
    anchors = kept[:n].copy()
    _sort_by_start(hsps, anchors)
    starts = np.empty(n, dtype=np.int64)
    for k in range(n):
        starts[k] = hsps[anchors[k], 2]
    for k in range(first_weak, b):
        if _count_new(cover, hsps[k, 2], hsps[k, 3], stamp) >= _MIN_NEW and _near_anchor(hsps, k, anchors, starts, join):
            _mark(cover, hsps[k, 2], hsps[k, 3], stamp)
            kept[n] = k
            n += 1
    _sort_by_start(hsps, kept[:n])
    return kept[:n]


@kernel()
def _root(parent: NDArray[np.int64], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@kernel()
def _linked(hsps: NDArray[np.int64], a: int, b: int, anchor: int, join: int, reorder: int) -> bool:
    gap_q, gap_r = _distance(hsps, a, b)
    if gap_q > join:
        return False
    weaker = min(hsps[a, 5], hsps[b, 5])
    if max(gap_q, gap_r) <= min(join, 2 * weaker):
        return True
    return weaker >= anchor and gap_r <= reorder and gap_q <= 2 * weaker


@kernel()
def chain_groups(
    hsps: NDArray[np.int64], bounds: NDArray[np.int64], cover: NDArray[np.int64], settings: NDArray[np.int64], chain_of: NDArray[np.int64]
) -> int:
    """Number the passages.

    Args:
        hsps: (n, 7) stretches as ``extend_runs`` gives them, ordered by row, reference, then falling score.
        bounds: (groups + 1,) where a new (row, reference) begins.
        cover: (n_words,) scratch, all 0.
        settings: (least total score, anchor score, join words, reorder words).
        chain_of: (n,) takes the passage of each stretch, -1 where it belongs to none.

    Returns:
        How many passages there are.
    """
    least, anchor, join, reorder = settings[0], settings[1], settings[2], settings[3]
    chain_of[:] = -1
    chains = 0
    for g in range(len(bounds) - 1):
        a, b = bounds[g], bounds[g + 1]
        total = 0
        for k in range(a, b):
            total += hsps[k, 5]
        if total < least:
            continue
        chosen = _choose(hsps, a, b, cover, g + 1, anchor, join)
        parent = np.arange(len(chosen))
        for i in range(len(chosen)):
            for j in range(i - 1, max(i - NEIGHBOURS, 0) - 1, -1):
                if _linked(hsps, chosen[i], chosen[j], anchor, join, reorder):
                    parent[_root(parent, j)] = _root(parent, i)
        number = np.full(len(chosen), -1, dtype=np.int64)
        for i in range(len(chosen)):
            top = _root(parent, i)
            if number[top] < 0:
                number[top] = chains
                chains += 1
            chain_of[chosen[i]] = number[top]
    return chains


@kernel()
def measure_chains(
    words: NDArray[np.uint32],
    spelled: Spelled,
    offsets: NDArray[np.int64],
    ref_words: NDArray[np.uint32],
    ref_codes: NDArray[np.uint16],
    ref_offsets: NDArray[np.int64],
    hsps: NDArray[np.int64],
    bounds: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Align each passage's stretches, gaps and ends.

    Args:
        spelled: Spelling codes of the words, filled as they are needed.
        hsps: (n, 7) stretches, ordered by passage, then by query position.
        bounds: (passages + 1,) where a passage begins.
        out: (passages, 9) row, reference, query start, query end, reference start, reference end, score, equal words, unpaired words.
    """
    room = alignment_room()
    codes = spelled[3]
    for c in range(len(bounds) - 1):
        a, b = bounds[c], bounds[c + 1]
        row, ref = hsps[a, 0], hsps[a, 1]
        score, equal, loose = 0, 0, 0
        start_q, start_r = hsps[a, 2], hsps[a, 4]
        last_q, last_r, low_r, high_r = start_q, start_r, start_r, start_r
        for k in range(a, b):
            q0, q1, r0 = hsps[k, 2], hsps[k, 3], hsps[k, 4]
            spell(spelled, min(last_q, q0), q1)
            skip = min(max(last_q - q0, 0), q1 - q0)
            same = count_alike(words, codes, q0 + skip, ref_words, ref_codes, r0 + skip, q1 - q0 - skip)
            gap_score, gap_equal, gap_loose = 0, 0, 0
            if r0 + skip >= last_r:  # else it stands earlier in the reference: sentences were reordered, nothing to align between
                gap_score, gap_equal, gap_loose = fill_gap(words, codes, last_q, q0, ref_words, ref_codes, last_r, r0 + skip, room)
            score += 2 * same - (q1 - q0 - skip) + gap_score
            equal += same + gap_equal
            loose += gap_loose
            low_r, high_r = min(low_r, r0), max(high_r, r0 + q1 - q0)
            if q1 > last_q:
                last_q, last_r = q1, r0 + q1 - q0
        gain, same, free, dq, dr = grow_end(
            words, spelled, start_q - 1, offsets[row] - 1, ref_words, ref_codes, start_r - 1, ref_offsets[ref] - 1, BACKWARD, room
        )
        score, equal, loose, start_q, low_r = score + gain, equal + same, loose + free, start_q - dq, min(low_r, start_r - dr)
        gain, same, free, dq, dr = grow_end(
            words, spelled, last_q, offsets[row + 1], ref_words, ref_codes, last_r, ref_offsets[ref + 1], FORWARD, room
        )
        score, equal, loose, last_q, high_r = score + gain, equal + same, loose + free, last_q + dq, max(high_r, last_r + dr)
        out[c, 0], out[c, 1], out[c, 2], out[c, 3], out[c, 4], out[c, 5] = row, ref, start_q, last_q, low_r, high_r
        out[c, 6], out[c, 7], out[c, 8] = score, equal, loose
