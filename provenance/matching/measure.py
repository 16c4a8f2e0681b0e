"""Exact numbers on matches, for all matches of a batch with one segment at once: shingles of both passages and both texts, and code points.

Sets are counted in one hash table that is cleared per match, never sorted: a passage has a few hundred windows. References too long for that keep a sorted
set with ranks (``Segment.ranked_shingles``), into which the row's windows are looked up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.matching.candidate import Candidate
from provenance.matching.score import SHINGLE
from provenance.matching.seeds import Index, window_hash
from provenance.matching.words import Words
from provenance.ports import TextBatch

if TYPE_CHECKING:
    from provenance.matching.segment import TextSegment

LONG_REFERENCE = 2048
"""Words from which on a reference's shingles are kept instead of being counted anew for each match."""
_TOP_BITS, _CONTINUES = 0xC0, 0x80
"""Of UTF-8: the bits by which a byte is known that continues a character."""
_SIDES = np.uint64(3)
_FIRST, _SECOND, _NONE = np.uint64(1), np.uint64(2), np.uint64(0)


@dataclass(frozen=True, slots=True)
class Measured:
    """Exact numbers on one match. Counts are of distinct word 5-grams; a text shorter than that is one."""

    query: int
    """Of the training passage."""
    reference: int
    """Of the reference passage."""
    shared: int
    row: int
    """Of the whole training field."""
    document: int
    """Of the whole reference."""
    document_shared: int
    start: int
    """Code points of the field before the passage."""
    end: int
    """Code points of the field up to the passage's end."""


def measure_matches(batch: TextBatch, words: Words, found: Sequence[tuple[int, Candidate]], segment: TextSegment) -> list[Measured]:
    """Return the numbers on passages shared with one segment, in the order given.

    Args:
        batch: The batch.
        words: Its words.
        found: (row, passage) each.
        segment: The references of all of them.
    """
    tasks = np.array([(row, c.ref, c.start, c.end, c.ref_start, c.ref_end) for row, c in found], dtype=np.int64).reshape(-1, 6)
    out = np.empty((len(tasks), 8), dtype=np.int64)
    longest = int(np.diff(words.offsets).max(initial=0)) + LONG_REFERENCE
    longest = max(longest, int((tasks[:, 3] - tasks[:, 2] + tasks[:, 5] - tasks[:, 4]).max(initial=0)))
    table = np.empty(_table_size(longest), dtype=np.uint64)
    _count_passages(words.words, words.offsets, segment.words, segment.ref_offsets, tasks, table, out)
    count_codes(batch.data, batch.offsets, words.start, words.end, tasks, out)
    for i in np.flatnonzero(out[:, 4] < 0).tolist():
        known, ranks, shift = segment.ranked_shingles(int(tasks[i, 1]))
        low, high = words.offsets[tasks[i, 0]], words.offsets[tasks[i, 0] + 1]
        out[i, 3], out[i, 5] = _count_known(words.words, low, high, known, ranks, shift, table)
        out[i, 4] = len(known)
    return [Measured(*row) for row in out.tolist()]


@kernel()
def _table_size(windows: int) -> int:
    """Return a power of two at least twice as large as the number of windows to be held."""
    size = 16
    while size < 2 * windows:
        size *= 2
    return size


@kernel()
def _slot(table: NDArray[np.uint64], mask: np.uint64, key: np.uint64) -> np.uint64:
    """Return where a key is, or where it belongs. Entries are a hash with its two lowest bits replaced by the sides it was seen on; 0 is empty."""
    at = (key >> np.uint64(32)) & mask
    while table[at] != _NONE and table[at] | _SIDES != key | _SIDES:
        at = (at + np.uint64(1)) & mask
    return at


@kernel()
def _add_windows(words: NDArray[np.uint32], low: int, high: int, side: np.uint64, table: NDArray[np.uint64], size: int) -> tuple[Index, Index]:
    """Add the windows of one side; return how many are new to it, and how many of these the other side holds."""
    mask = np.uint64(size - 1)
    new, shared = np.int64(0), np.int64(0)
    n = min(SHINGLE, high - low)
    for i in range(low, high - n + 1 if n > 0 else low):
        h = window_hash(words, i, SHINGLE) if n == SHINGLE else window_hash(words, i, n)
        at = _slot(table, mask, h)
        seen = table[at] & _SIDES
        if seen & side == _NONE:
            new += 1
            shared += np.int64(seen != _NONE)
            table[at] = (h & ~_SIDES) | seen | side
    return new, shared


@kernel()
def _compare(
    words: NDArray[np.uint32], low: int, high: int, ref_words: NDArray[np.uint32], ref_low: int, ref_high: int, table: NDArray[np.uint64]
) -> tuple[Index, Index, Index]:
    """Return the distinct windows of either side and how many both hold."""
    size = _table_size(high - low + ref_high - ref_low)
    for i in range(size):
        table[i] = _NONE
    own, _ = _add_windows(words, low, high, _FIRST, table, size)
    others, shared = _add_windows(ref_words, ref_low, ref_high, _SECOND, table, size)
    return own, others, shared


@kernel()
def _count_passages(
    words: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    ref_words: NDArray[np.uint32],
    ref_offsets: NDArray[np.int64],
    tasks: NDArray[np.int64],
    table: NDArray[np.uint64],
    out: NDArray[np.int64],
) -> None:
    """Fill the first six columns; -1 in the last three of them where the reference is long."""
    for t in range(len(tasks)):
        row, ref = tasks[t, 0], tasks[t, 1]
        out[t, 0], out[t, 1], out[t, 2] = _compare(words, tasks[t, 2], tasks[t, 3], ref_words, tasks[t, 4], tasks[t, 5], table)
        if ref_offsets[ref + 1] - ref_offsets[ref] > LONG_REFERENCE:
            out[t, 3], out[t, 4], out[t, 5] = -1, -1, -1
        else:
            out[t, 3], out[t, 4], out[t, 5] = _compare(
                words, offsets[row], offsets[row + 1], ref_words, ref_offsets[ref], ref_offsets[ref + 1], table
            )


@kernel()
def _is_known(h: np.uint64, known: NDArray[np.uint64], ranks: NDArray[np.uint32], shift: np.uint64) -> bool:
    held = False
    for k in range(np.int64(ranks[h >> shift]), np.int64(ranks[(h >> shift) + _FIRST])):
        held |= known[k] | _SIDES == h | _SIDES
    return held


@kernel()
def _count_known(
    words: NDArray[np.uint32],
    low: int,
    high: int,
    known: NDArray[np.uint64],
    ranks: NDArray[np.uint32],
    shift: np.uint64,
    table: NDArray[np.uint64],
) -> tuple[Index, Index]:
    """Return the distinct windows of a row, and how many of them a ranked set holds."""
    size = _table_size(high - low)
    for i in range(size):
        table[i] = _NONE
    mask = np.uint64(size - 1)
    new, shared = np.int64(0), np.int64(0)
    n = min(SHINGLE, high - low)
    for i in range(low, high - n + 1 if n > 0 else low):
        h = window_hash(words, i, SHINGLE) if n == SHINGLE else window_hash(words, i, n)
        at = _slot(table, mask, h)
        if table[at] == _NONE:
            table[at] = h | _FIRST
            new += 1
            shared += _is_known(h, known, ranks, shift)
    return new, shared


@kernel()
def _codes_between(data: NDArray[np.uint8], low: int, high: int) -> int:
    count = 0
    for i in range(low, high):
        count += (data[i] & _TOP_BITS) != _CONTINUES
    return count


@kernel()
def count_codes(
    data: NDArray[np.uint8],
    data_offsets: NDArray[np.int64],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    tasks: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Fill the last two columns: code points of the row before the passage's first byte and up to its last."""
    for t in range(len(tasks)):
        first, last = starts[tasks[t, 2]], ends[tasks[t, 3] - 1]
        out[t, 6] = _codes_between(data, data_offsets[tasks[t, 0]], first)
        out[t, 7] = out[t, 6] + _codes_between(data, first, last)
