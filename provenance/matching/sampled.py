"""Matching against packs: passages, near-duplicates and numbers from sampled windows alone, where no word of the reference is at hand.

What is said of a passage is what the sampled windows show, and so a lower bound:
* its equal words are those in a sampled window that both texts hold; its exact runs are such windows that overlap or touch, on one diagonal;
* it goes from the first of these windows to the last, and may be longer: up to ``one_in`` words on average at either end are not seen;
* similarities are of the sampled windows, of which the first and the last are shared by construction; intervals leave these two out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.matching.candidate import Candidate
from provenance.matching.measure import Measured, count_codes
from provenance.matching.neardup import NEAR_JACCARD, NEAR_WORDS
from provenance.matching.pack import PackSegment, sample_words
from provenance.matching.params import MatchParams
from provenance.matching.passages import Found, gather_stretches, narrow_windows
from provenance.matching.score import SHINGLE, shingles
from provenance.matching.seeds import window_hash
from provenance.matching.words import WordRows, Words
from provenance.ports import TextBatch

LEAST_WINDOWS = 3
"""Distinct sampled windows that an alarm needs, whatever the rate."""
_SHIFT = 3
"""Unpaired words counted where the texts shift against one another: a sentence left out or moved is one edit, however long it is."""
_NEAR_WINDOWS = 8
"""Sampled windows that both texts must hold before a whole field is judged to be a near-duplicate."""


def find_sampled(batch: Words, passing: NDArray[np.int64], segment: PackSegment, params: MatchParams) -> Found:
    """Return the passages that a pack shares with the rows of a batch, and the rows that are near-duplicates of whole references."""
    hits, dropped = _hits(batch, passing, segment, params)
    if not len(hits):
        return Found(np.empty((0, 9), dtype=np.int64), np.empty((0, 5), dtype=np.int64), dropped)
    runs = _runs(hits)
    stretches = _stretches(runs, params)
    members, starts = gather_stretches(stretches, segment.entry.references, len(batch.words), params)
    passages = np.empty((len(starts) - 1, 9), dtype=np.int64)
    _measure(runs, members, starts, np.zeros(len(batch.words), dtype=np.int64), passages)
    passages = passages[passages[:, 7] >= params.floor_words]
    near = _near(batch, hits, segment)
    return Found(passages[np.argsort(passages[:, 0], kind="stable")], runs[np.argsort(runs[:, 2], kind="stable")], dropped, near)


def _hits(batch: Words, passing: NDArray[np.int64], segment: PackSegment, params: MatchParams) -> tuple[NDArray[np.int64], int]:
    """Return (n, 4) row, reference, query position and reference position of equal windows, ordered by row, reference, diagonal, query position."""
    own = narrow_windows(batch, passing, segment)
    room = 2 * len(own) + 64
    while True:
        out = np.empty((room, 2), dtype=np.int64)
        found, dropped = _look_up(batch.words, own, segment.hashes, segment.positions, params.hits_per_seed, out)
        if found <= room:
            break
        room = found
    query, reference = out[:found, 0], out[:found, 1]
    rows = np.searchsorted(batch.offsets, query, side="right") - 1
    refs = np.searchsorted(segment.ref_offsets, reference, side="right") - 1
    hits = np.column_stack([rows, refs, query, reference])
    return hits[np.lexsort((query, reference - query, refs, rows))], int(dropped)


def mark_hit_rows(batch: WordRows, passing: NDArray[np.int64], segment: PackSegment, live: NDArray[np.bool_]) -> None:
    """Set ``live`` for the rows of a batch that hold a window of a pack."""
    live[np.searchsorted(batch.offsets, narrow_windows(batch, passing, segment), side="right") - 1] = True


def _runs(hits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return (m, 5) runs as in ``passages.Found``: windows that overlap or touch on one diagonal."""
    diagonal = hits[:, 3] - hits[:, 2]
    same = (np.diff(hits[:, 0]) == 0) & (np.diff(hits[:, 1]) == 0) & (np.diff(diagonal) == 0) & (np.diff(hits[:, 2]) <= SHINGLE)
    firsts = np.flatnonzero(np.concatenate([[True], ~same]))
    lasts = np.append(firsts[1:], len(hits)) - 1
    return np.column_stack([hits[firsts], hits[lasts, 2] + SHINGLE - hits[firsts, 2]])


def _stretches(runs: NDArray[np.int64], params: MatchParams) -> NDArray[np.int64]:
    """Return (k, 8) row, reference, query start, query end, reference start, words in runs, first run, runs: what stands close on one diagonal."""
    ends = runs[:, 2] + runs[:, 4]
    diagonal = runs[:, 3] - runs[:, 2]
    close = (np.diff(runs[:, 0]) == 0) & (np.diff(runs[:, 1]) == 0) & (np.diff(diagonal) == 0) & (runs[1:, 2] - ends[:-1] <= params.join_words)
    firsts = np.flatnonzero(np.concatenate([[True], ~close]))
    lasts = np.append(firsts[1:], len(runs)) - 1
    words = np.add.reduceat(runs[:, 4], firsts)
    return np.column_stack([runs[firsts, :3], ends[lasts], runs[firsts, 3], words, firsts, lasts - firsts + 1])


def _near(batch: Words, hits: NDArray[np.int64], segment: PackSegment) -> tuple[tuple[int, int], ...]:
    """Return (row, reference) of whole fields that may be of similarity one half with a whole reference, within one standard error."""
    pairs = hits[:, 0] * segment.entry.references + hits[:, 1]
    values, counts = np.unique(pairs, return_counts=True)
    found = []
    for pair in values[counts >= _NEAR_WINDOWS].tolist():
        row, ref = divmod(pair, segment.entry.references)
        if batch.offsets[row + 1] - batch.offsets[row] < NEAR_WORDS:
            continue
        own, other = sampled_windows(batch, int(batch.offsets[row]), int(batch.offsets[row + 1]), segment), segment.shingles(ref)
        shared = len(np.intersect1d(own, other, assume_unique=True))
        union = len(own) + len(other) - shared
        if shared >= _NEAR_WINDOWS and shared / union >= NEAR_JACCARD - np.sqrt(0.25 / union):
            found.append((row, ref))
    return tuple(found)


def sampled_windows(batch: Words, start: int, end: int, segment: PackSegment) -> NDArray[np.uint64]:
    """Return the sorted distinct windows of some words that a pack of this rate may hold."""
    hashes, _ = sample_words(batch.words[start:end], np.array([0, end - start], dtype=np.int64), segment.sampled)
    return np.unique(hashes)


def equal_digests(batch: Words, digests: NDArray[np.uint64], segment: PackSegment, *, least_words: int, cap: int) -> list[tuple[int, int]]:
    """Return (row, reference) of equal digests of whole texts of equal length; at most ``cap`` references a row."""
    lengths, ref_lengths = np.diff(batch.offsets), np.diff(segment.ref_offsets)
    keys = np.asarray(segment.digests[:, 0])
    low, high = np.searchsorted(keys, digests), np.searchsorted(keys, digests, side="right")
    found = []
    for row in np.flatnonzero((high > low) & (lengths >= least_words)).tolist():
        refs = segment.digests[low[row] : min(high[row], low[row] + cap), 1].astype(np.int64)
        found += [(row, ref) for ref in refs[ref_lengths[refs] == lengths[row]].tolist()]
    return found


def is_short_sample(found: Candidate, longest: int, words: NDArray[np.uint32], segment: PackSegment, params: MatchParams) -> bool:
    """Tell whether what a pack shows of a passage is too little for an alarm.

    An alarm needs ``LEAST_WINDOWS`` distinct windows; ``min_score`` equal words, of which as many must be seen as sampling shows of them (``Segment.shown``);
    ``min_words`` from end to end, with what sampling leaves unseen on average added; and as dense a passage as among full texts, estimated.
    """
    unseen = segment.sampled - 1  # at either end up to so many words, half of them on average
    counted = found.counted + min(0, found.ref_end - found.ref_start - found.words)
    if counted + unseen < params.min_words or found.equal - found.loose < params.min_score * segment.shown:
        return True
    own, _ = sample_words(words[found.start : found.end], np.array([0, found.words], dtype=np.int64), segment.sampled)
    held = np.isin(own, segment.windows_between(found.ref_start, found.ref_end))
    if len(np.unique(own[held])) < LEAST_WINDOWS:
        return True
    kept = np.count_nonzero(held) / len(own)
    equal = kept ** (1 / SHINGLE)  # a window is kept where all its words are
    density = equal - 0.5 * (1 - equal) - 4.0 * found.loose / found.words
    return longest < params.min_words and bool(density < params.min_density)


def measure_sampled(batch: TextBatch, words: Words, found: Sequence[tuple[int, Candidate]], segment: PackSegment) -> list[Measured]:
    """Return the numbers on passages shared with a pack, in the order given: counts of sampled windows; of all windows where the whole texts are equal."""
    tasks = np.array([(row, c.ref, c.start, c.end, c.ref_start, c.ref_end) for row, c in found], dtype=np.int64).reshape(-1, 6)
    out = np.zeros((len(tasks), 8), dtype=np.int64)
    count_codes(batch.data, batch.offsets, words.starts(tasks[:, 2]), words.ends(tasks[:, 3] - 1), tasks, np.lexsort((tasks[:, 2], tasks[:, 0])), out)
    rows: dict[int, NDArray[np.uint64]] = {}
    for i, (row, c) in enumerate(found):
        if c.whole:
            out[i, :6] = len(shingles(words.words[c.start : c.end]))
            continue
        low, high = int(words.offsets[row]), int(words.offsets[row + 1])
        if row not in rows:
            rows[row] = sampled_windows(words, low, high, segment)
        own, other = sampled_windows(words, c.start, c.end, segment), np.unique(segment.windows_between(c.ref_start, c.ref_end))
        whole = segment.shingles(c.ref)
        shared, all_shared = (len(np.intersect1d(a, b, assume_unique=True)) for a, b in ((own, other), (rows[row], whole)))
        out[i, :6] = len(own), len(other), shared, len(rows[row]), len(whole), all_shared
    return [Measured(*row) for row in out.tolist()]


@kernel()
def _look_up(
    words: NDArray[np.uint32],
    passing: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    positions: NDArray[np.uint32],
    cap: int,
    out: NDArray[np.int64],
) -> tuple[int, int]:
    """Write (query position, reference position) of equal windows; return how many there are, above the capacity unwritten, and how many a cap left out."""
    found = dropped = 0
    for k in range(len(passing)):
        h = window_hash(words, passing[k], SHINGLE)
        at = np.searchsorted(hashes, h)
        taken = 0
        while at < len(hashes) and hashes[at] == h:
            if taken < cap:
                if found < len(out):
                    out[found, 0], out[found, 1] = passing[k], positions[at]
                found += 1
                taken += 1
            else:
                dropped += 1
            at += 1
    return found, dropped


@kernel()
def _measure(
    runs: NDArray[np.int64], stretches: NDArray[np.int64], bounds: NDArray[np.int64], cover: NDArray[np.int64], out: NDArray[np.int64]
) -> None:
    """Fill the nine columns of ``passages.Found``; ``cover`` is scratch of one a word, all 0. Where the texts shift against one another, words are unpaired."""
    for c in range(len(bounds) - 1):
        a, b = bounds[c], bounds[c + 1]
        low_q, high_q, low_r, high_r = stretches[a, 2], stretches[a, 3], stretches[a, 4], stretches[a, 4]
        equal, loose = np.int64(0), np.int64(0)
        last_q, last_r = stretches[a, 2], stretches[a, 4]
        for k in range(a, b):
            q0, q1, r0 = stretches[k, 2], stretches[k, 3], stretches[k, 4]
            if q0 >= last_q and r0 >= last_r:
                loose += min(abs((r0 - last_r) - (q0 - last_q)), _SHIFT)
            last_q, last_r = q1, r0 + q1 - q0
            low_q, high_q, low_r, high_r = min(low_q, q0), max(high_q, q1), min(low_r, r0), max(high_r, last_r)
            for j in range(stretches[k, 6], stretches[k, 6] + stretches[k, 7]):
                for q in range(runs[j, 2], runs[j, 2] + runs[j, 4]):
                    equal += cover[q] != c + 1
                    cover[q] = c + 1
        out[c, 0], out[c, 1], out[c, 2], out[c, 3], out[c, 4], out[c, 5] = stretches[a, 0], stretches[a, 1], low_q, high_q, low_r, high_r
        out[c, 6], out[c, 7], out[c, 8] = equal - loose if equal > loose else np.int64(0), equal, loose
