"""Exact numbers on matches, for all matches of a batch with one segment at once: shingles of both passages and both texts, and code points.

Sets are counted in hash tables, never sorted: a passage has a few hundred windows. A row is put into a table once, and each reference of which it holds passages is
compared with it once, however many these are: rows may be whole libraries. Long references keep a sorted set with ranks (``Segment.ranked_shingles``); the smaller of
the two sets is looked up in the other.
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
LONG_TEXT = 1 << 22
"""Words beyond which the windows of a text, or of two passages, are counted a part at a time, the parts told by bits of their hashes: a table takes 16 bytes a word and
more."""
_HELD_AT_MOST = 0.4375
"""Share of a table that the windows of one side take; they take a quarter, or an adversary chose them."""
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
    sizes = tasks[:, 3] - tasks[:, 2] + tasks[:, 5] - tasks[:, 4]
    ordinary = np.flatnonzero(sizes <= LONG_TEXT)
    table = np.empty(_table_size(int(sizes[ordinary].max(initial=0))), dtype=np.uint64)
    _count_passages(words.words, segment.words, tasks, ordinary, table, out)
    for t in np.flatnonzero(sizes > LONG_TEXT).tolist():
        out[t, :3] = compare_in_parts(words.words, tasks[t, 2:4], segment.words, tasks[t, 4:6])
    pairs, which = np.unique(tasks[:, :2], axis=0, return_inverse=True)
    out[:, 3:6] = _measure_documents(words, pairs, segment)[which.reshape(-1)]
    count_codes(batch.data, batch.offsets, words.starts(tasks[:, 2]), words.ends(tasks[:, 3] - 1), tasks, np.lexsort((tasks[:, 2], tasks[:, 0])), out)
    return [Measured(*row) for row in out.tolist()]


def _measure_documents(words: Words, pairs: NDArray[np.int64], segment: TextSegment) -> NDArray[np.int64]:
    """Return the distinct windows of rows and of references, and how many both hold, each row compared with each reference once.

    Shapes:
        pairs: (n, 2) row and reference, in the order of rows.
    """
    counts = np.empty((len(pairs), 3), dtype=np.int64)
    lengths = np.diff(words.offsets)[pairs[:, 0]]
    table = np.empty(_table_size(int(lengths[lengths <= LONG_TEXT].max(initial=0))), dtype=np.uint64)
    own = np.empty(_table_size(LONG_REFERENCE), dtype=np.uint64)
    held, size = -1, 0
    distinct: Index = 0
    for i, (row, ref) in enumerate(pairs.tolist()):
        if lengths[i] > LONG_TEXT:
            continue
        if row != held:
            size, distinct = _hold_row(words.words, words.offsets[row], words.offsets[row + 1], table)
            held = row
        counts[i] = distinct, *_count_reference(segment, ref, own, table, size)
    for row in np.unique(pairs[lengths > LONG_TEXT, 0]).tolist():
        which = pairs[:, 0] == row
        counts[which] = _measure_long_row(words.words, words.offsets[row : row + 2], pairs[which, 1], segment)
    return counts


def _count_reference(segment: TextSegment, ref: int, own: NDArray[np.uint64], table: NDArray[np.uint64], size: int) -> tuple[Index, Index]:
    """Return the distinct windows of a reference, and how many of them a table holds."""
    low, high = segment.ref_offsets[ref], segment.ref_offsets[ref + 1]
    if high - low <= LONG_REFERENCE:
        return _count_in_row(segment.words, low, high, own, table, size)
    known, ranks, shift = segment.ranked_shingles(ref)
    return len(known), _count_ranked(table, size, known, ranks, shift) if size <= len(known) else _count_listed(known, table, size)


def _measure_long_row(words: NDArray[np.uint32], row: NDArray[np.int64], refs: NDArray[np.int64], segment: TextSegment) -> NDArray[np.int64]:
    """Return what ``_measure_documents`` does for one row and some references, with a table of a part of the row's windows at a time."""
    length = int(row[1] - row[0])
    own = np.empty(_table_size(LONG_REFERENCE), dtype=np.uint64)
    for parts in (_part_count(length), 1):
        table = np.empty(_table_size(2 * (length // parts)), dtype=np.uint64)
        counts = np.zeros((len(refs), 3), dtype=np.int64)
        for part in range(parts):
            distinct, _ = _hold_part(words, row[0], row[1], _FIRST, table, part, parts)
            if distinct < 0:
                break
            for i, ref in enumerate(refs.tolist()):
                others, shared = _count_reference(segment, ref, own, table, len(table))
                counts[i] = counts[i, 0] + distinct, others, counts[i, 2] + shared
        else:
            break
    return counts


def compare_in_parts(
    words: NDArray[np.uint32], place: NDArray[np.int64], ref_words: NDArray[np.uint32], ref_place: NDArray[np.int64]
) -> tuple[int, int, int]:
    """Return the distinct windows of some words and of some of a reference, and how many both hold, with a table of a part of them at a time."""
    length = int(place[1] - place[0] + ref_place[1] - ref_place[0])
    counts = np.zeros(3, dtype=np.int64)
    for parts in (_part_count(length), 1):
        table = np.empty(_table_size(2 * (length // parts)), dtype=np.uint64)
        counts[:] = 0
        for part in range(parts):
            own, _ = _hold_part(words, place[0], place[1], _FIRST, table, part, parts)
            others, both = (own, own) if own < 0 else _hold_part(ref_words, ref_place[0], ref_place[1], _SECOND, table, part, parts)
            if others < 0:
                break
            counts += np.array([own, others, both], dtype=np.int64)
        else:
            break
    query, reference, shared = counts.tolist()
    return query, reference, shared


def _part_count(windows: int) -> int:
    """Return a power of two of parts that hold half of ``LONG_TEXT`` windows each, at the most and if their hashes are spread evenly."""
    return 1 << max((2 * windows - 1) // LONG_TEXT, 0).bit_length()


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
def _hold_part(
    words: NDArray[np.uint32], low: int, high: int, side: np.uint64, table: NDArray[np.uint64], part: int, parts: int
) -> tuple[Index, Index]:
    """Add those windows of one side that have the bits of a part to a table, which is cleared for the first side.

    Returns:
        How many are new to it, and how many of these the other side holds; negative numbers where so many have these bits that they were chosen for it.
    """
    mask, bits, wanted, two = np.uint64(len(table) - 1), np.uint64(parts - 1), np.uint64(part), np.uint64(2)
    if side == _FIRST:
        for i in range(len(table)):
            table[i] = _NONE
    new, shared, filled = np.int64(0), np.int64(0), np.int64(0)
    n = min(SHINGLE, high - low)
    for i in range(low, high - n + 1 if n > 0 else low):
        h = window_hash(words, i, SHINGLE) if n == SHINGLE else window_hash(words, i, n)
        if (h >> two) & bits != wanted:
            continue
        at = _slot(table, mask, h)
        seen = table[at] & _SIDES
        if seen & side == _NONE:
            if filled > _HELD_AT_MOST * len(table):
                return np.int64(-1), np.int64(-1)
            new += 1
            shared += np.int64(seen != _NONE)
            filled += np.int64(seen == _NONE)
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
    ref_words: NDArray[np.uint32],
    tasks: NDArray[np.int64],
    chosen: NDArray[np.int64],
    table: NDArray[np.uint64],
    out: NDArray[np.int64],
) -> None:
    """Fill the first three columns for some of the passages."""
    for t in chosen:
        out[t, 0], out[t, 1], out[t, 2] = _compare(words, tasks[t, 2], tasks[t, 3], ref_words, tasks[t, 4], tasks[t, 5], table)


@kernel()
def _hold_row(words: NDArray[np.uint32], low: int, high: int, table: NDArray[np.uint64]) -> tuple[int, Index]:
    """Put the windows of a row into a table; return how much of it they take, and how many are distinct."""
    size = _table_size(high - low)
    for i in range(size):
        table[i] = _NONE
    distinct, _ = _add_windows(words, low, high, _FIRST, table, size)
    return size, distinct


@kernel()
def _holds(table: NDArray[np.uint64], size: int, h: np.uint64) -> bool:
    return bool(table[_slot(table, np.uint64(size - 1), h)] != _NONE)


@kernel()
def _count_in_row(
    ref_words: NDArray[np.uint32], low: int, high: int, own: NDArray[np.uint64], table: NDArray[np.uint64], size: int
) -> tuple[Index, Index]:
    """Return the distinct windows of a reference, and how many of them the row in the table holds."""
    own_size = _table_size(high - low)
    for i in range(own_size):
        own[i] = _NONE
    mask = np.uint64(own_size - 1)
    new, shared = np.int64(0), np.int64(0)
    n = min(SHINGLE, high - low)
    for i in range(low, high - n + 1 if n > 0 else low):
        h = window_hash(ref_words, i, SHINGLE) if n == SHINGLE else window_hash(ref_words, i, n)
        at = _slot(own, mask, h)
        if own[at] == _NONE:
            own[at] = h | _FIRST
            new += 1
            shared += np.int64(_holds(table, size, h))
    return new, shared


@kernel()
def _count_listed(known: NDArray[np.uint64], table: NDArray[np.uint64], size: int) -> Index:
    """Return how many windows of a ranked set the row in the table holds."""
    shared = np.int64(0)
    for k in range(len(known)):
        shared += np.int64(_holds(table, size, known[k]))
    return shared


@kernel()
def _is_known(h: np.uint64, known: NDArray[np.uint64], ranks: NDArray[np.uint32], shift: np.uint64) -> bool:
    held = False
    for k in range(np.int64(ranks[h >> shift]), np.int64(ranks[(h >> shift) + _FIRST])):
        held |= known[k] | _SIDES == h | _SIDES
    return held


@kernel()
def _count_ranked(table: NDArray[np.uint64], size: int, known: NDArray[np.uint64], ranks: NDArray[np.uint32], shift: np.uint64) -> Index:
    """Return how many windows of the row in the table a ranked set holds."""
    shared = np.int64(0)
    for at in range(size):
        if table[at] != _NONE:
            shared += np.int64(_is_known(table[at], known, ranks, shift))
    return shared


@kernel()
def _codes_between(data: NDArray[np.uint8], low: Index, high: Index) -> int:
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
    order: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Fill the last two columns: code points of the row before the passage's first byte and up to its last.

    Args:
        data: UTF-8 of the batch.
        data_offsets: Its rows.
        starts: First byte of each passage.
        ends: Byte after each passage.
        tasks: Their rows in the first column.
        order: That of rows and places in them.
        out: Takes the counts.
    """
    row, at, before = np.int64(-1), np.int64(0), np.int64(0)
    for t in order:
        first, last = starts[t], ends[t]
        if tasks[t, 0] != row:
            row, at, before = tasks[t, 0], data_offsets[tasks[t, 0]], np.int64(0)
        before += _codes_between(data, at, first)
        at = first
        out[t, 6] = before
        out[t, 7] = before + _codes_between(data, first, last)
