"""The words that this room compares: those of the tokeniser, with escapes read through, without the numbers that only count the items of a list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.bits import Int
from provenance.fingerprint.characters import character_table
from provenance.fingerprint.jit import kernel
from provenance.fingerprint.tokens import checked_offsets
from provenance.fingerprint.words import scan_row
from provenance.matching.escapes import copy_rows, put_back
from provenance.matching.seeds import FACTOR
from provenance.matching.spelling import Spelled

_ZERO, _NINE, _NEWLINE, _SPACE, _TAB, _STOP, _BRACKET, _RETURN = 48, 57, 10, 32, 9, 46, 41, 13
_MAX_DIGITS = 3
_BLOCK = 1_024
"""Words that are cut before it is asked which of them stay: where they stand is written to a cache only, and not to memory."""
_KEPT_WORDS = 1_000_000
"""Memory for more words than a batch of ordinary rows has is given back: 40 bytes a word."""
_ONE, _HALF = np.uint64(1), np.uint64(32)
_Table = tuple[NDArray[np.uint16], NDArray[np.uint32], NDArray[np.uint32]]
_Copies = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
_Block = tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]
_Room = tuple[NDArray[np.uint32], NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Words, and sums or starts, ends and ordinals; of what is not asked for, none."""


class WordRows(Protocol):
    """The words of a batch, with or without where they stand."""

    @property
    def words(self) -> NDArray[np.uint32]:
        """Upper halves of their hashes."""

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Words of row ``i`` are ``offsets[i]:offsets[i + 1]``."""

    @property
    def sums(self) -> NDArray[np.uint64]:
        """``add_words`` of them: (n_words + 1,)."""


@dataclass(frozen=True, slots=True)
class Skimmed:
    """The words of a batch, without where they stand."""

    words: NDArray[np.uint32]
    offsets: NDArray[np.int64]
    sums: NDArray[np.uint64]


def share_of(words: WordRows, rows: NDArray[np.bool_]) -> float:
    """Return the share of the words that stand in some rows."""
    return float(np.diff(words.offsets)[rows].sum()) / max(len(words.words), 1)


@dataclass(frozen=True)
class Words:
    """The words of a batch of texts: upper halves of their hashes, and where they stand.

    Shapes:
        words: (n_words,) uint32.
        offsets: (n_rows + 1,) int64, words of row ``i`` are ``offsets[i]:offsets[i + 1]``.
        start, end: (n_words,) int64, bytes into ``data``.
        ordinal: (n_words,) int64, number of each word among all words of the batch, numbers of list items included.
    """

    words: NDArray[np.uint32]
    offsets: NDArray[np.int64]
    data: NDArray[np.uint8]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    ordinal: NDArray[np.int64]

    def count(self, first: int, last: int) -> int:
        """Return how many words stand from word ``first`` to word ``last - 1``, numbers of list items included."""
        low, high = self.ordinals(np.array([first, last - 1], dtype=np.int64)).tolist()
        return int(high - low) + 1

    def starts(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first byte of some words."""
        return self.start[numbers]

    def ends(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the byte after some words."""
        return self.end[numbers]

    def ordinals(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of some words among all words of the batch."""
        return self.ordinal[numbers]

    @cached_property
    def sums(self) -> NDArray[np.uint64]:
        """``add_words`` of them."""
        return add_words(self.words)

    @cached_property
    def spelled(self) -> Spelled:
        """The words with their spelling codes, which kernels fill as they need them (``spelling.spell``)."""
        return self.data, self.start, self.end, np.empty(len(self.words), dtype=np.uint16), np.zeros(len(self.words), dtype=np.bool_)


def read_words(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Words:
    """Return the words of a batch of UTF-8 texts."""
    return WordReader().read(data, offsets)


def add_words(words: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Return sums from which the hash of any window of the words is made at once (``probing``): of no words, of the first, and so on.

    Each is the one before it plus a word and one, times an odd constant, modulo 2⁶⁴.
    """
    sums = np.empty(len(words) + 1, dtype=np.uint64)
    _add_words(words, sums)
    return sums


class WordReader:
    """Reads one batch after another into the same memory: fresh pages cost as much as the reading."""

    def __init__(self) -> None:
        """Take memory with the first batch."""
        self.words_cut = 0
        """Words that the last batch was cut into, numbers of list items included."""
        self._block = (np.empty(_BLOCK, np.uint64), np.empty(_BLOCK, np.int64), np.empty(_BLOCK, np.int64))
        self._read, self._skimmed = _room(0, full=True), _room(0, full=False)

    def read(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Words:
        """Return the words of a batch of UTF-8 texts, until the next batch that is read overwrites them."""
        n, rows, self._read = self._cut(data, offsets, self._read, full=True)
        words, _, start, end, ordinal = self._read
        if n > _KEPT_WORDS:
            self._read = _room(0, full=True)
        return Words(words[:n], rows, data, start[:n], end[:n], ordinal[:n])

    def skim(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Skimmed:
        """Return the words of a batch of UTF-8 texts without where they stand, until the next batch that is skimmed overwrites them."""
        n, rows, self._skimmed = self._cut(data, offsets, self._skimmed, full=False)
        words, sums, *_ = self._skimmed
        if n > _KEPT_WORDS:
            self._skimmed = _room(0, full=False)
        return Skimmed(words[:n], rows, sums[: n + 1])

    def _cut(self, data: NDArray[np.uint8], offsets: NDArray[np.int64], room: _Room, *, full: bool) -> tuple[int, NDArray[np.int64], _Room]:
        bounds, copies, table = checked_offsets(data, offsets), copy_rows(data, offsets), character_table()
        expected = int(bounds[-1] - bounds[0]) // 5 + 128  # more than most texts hold
        if len(room[0]) < expected:
            room = _room(expected, full=full)
        rows = np.empty(len(bounds), np.int64)
        copied = (copies.data, copies.rows, copies.offsets, copies.bounds, copies.places)
        room, n, cut = _cut_rows(data, bounds, copied, (table.pages, table.cells, table.pool), self._block, room, full, rows)
        self.words_cut = int(cut)
        return int(n), rows, room


def _room(words: int, *, full: bool) -> _Room:
    sums, places = (0, words) if full else (words + 1, 0)
    return np.empty(words, np.uint32), np.empty(sums, np.uint64), np.empty(places, np.int64), np.empty(places, np.int64), np.empty(places, np.int64)


@kernel()
def _add_words(words: NDArray[np.uint32], sums: NDArray[np.uint64]) -> None:
    total = np.uint64(0)
    sums[0] = total
    for i in range(len(words)):
        total = (total + np.uint64(words[i]) + _ONE) * FACTOR
        sums[i + 1] = total


@kernel(_nrt=False)
def _counts_item(data: NDArray[np.uint8], low: Int, high: Int, start: Int, end: Int) -> bool:
    """Tell whether a word is a number of up to three digits that begins a line, followed by a stop or bracket and white space."""
    if end - start > _MAX_DIGITS or end >= high or (data[end] != _STOP and data[end] != _BRACKET):
        return False
    for digit in data[start:end]:
        if digit < _ZERO or digit > _NINE:
            return False
    if end + 1 < high and data[end + 1] > _SPACE:
        return False
    k: Int = start - 1
    while k >= low and (data[k] == _SPACE or data[k] == _TAB):
        k -= 1
    return bool(k < low or data[k] == _NEWLINE or data[k] == _RETURN)


@kernel()
def _cut_rows(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    copies: _Copies,
    table: _Table,
    block: _Block,
    room: _Room,
    full: bool,
    word_offsets: NDArray[np.int64],
) -> tuple[_Room, Int, Int]:
    """Cut rows, or their copies, into words that stay; return ``room``, or larger arrays in its place, how many there are, and how many were cut.

    Args:
        data: UTF-8.
        offsets: Row boundaries.
        copies: Of ``RowCopies``: data, rows, offsets, bounds, places.
        table: Pages, cells and pool of the character table.
        block: Takes hashes, starts and ends of some words at a time.
        room: Takes words, and sums or starts, ends and ordinals.
        full: It takes the latter.
        word_offsets: As long as ``offsets``; takes the words' row offsets.
    """
    copied, copy_rows, copy_offsets, bounds, places = copies
    n, cut, c = offsets[0] * 0, offsets[0] * 0, 0  # literals would compile every callee once more
    word_offsets[0] = 0
    if not full:
        room[1][0] = 0
    for row in range(len(offsets) - 1):
        at, end = offsets[row], offsets[row + 1]
        is_copy = c < len(copy_rows) and copy_rows[c] == row
        if is_copy:
            at, end = copy_offsets[c], copy_offsets[c + 1]
        turned, shift = (n * 0, n * 0), offsets[row] - at
        while at < end:
            at, m = scan_row(copied if is_copy else data, at, end, table, block, n * 0)
            if is_copy:
                turned = put_back(places[bounds[c] : bounds[c + 1]], turned, shift, block[1][:m], block[2][:m])
            if n + m > len(room[0]):
                room = _grown(room, n, 2 * len(room[0]) + m)
            n = _keep_words(data, (offsets[row], offsets[row + 1]), block, m, room, n, cut, full)
            cut += m
        c += is_copy
        word_offsets[row + 1] = n
    return room, n, cut


@kernel(_nrt=False)
def _keep_words(data: NDArray[np.uint8], row: tuple[Int, Int], block: _Block, count: Int, room: _Room, n: Int, cut: Int, full: bool) -> Int:
    """Write those of the words in ``block`` that stay, behind ``n`` others; ``cut`` words were cut before them. Returns how many there are then."""
    hashes, starts, ends = block
    words, sums, start, end, ordinal = room
    low, high = row
    total = np.uint64(0) if full else sums[n]
    for i in range(count):
        if _ZERO <= data[starts[i]] <= _NINE and _counts_item(data, low, high, starts[i], ends[i]):
            continue
        word = hashes[i] >> _HALF
        words[n] = word
        if full:
            start[n], end[n], ordinal[n] = starts[i], ends[i], cut + i
        else:
            total = (total + word + _ONE) * FACTOR
            sums[n + 1] = total
        n += 1
    return n


@kernel()
def _grown(room: _Room, n: Int, capacity: Int) -> _Room:
    """Return larger arrays in the place of those in use, with what they hold of the first ``n`` words kept."""
    words, sums, start, end, ordinal = room
    grown = np.empty(capacity, np.uint32)
    for i in range(n):  # assigning slices takes seconds to compile
        grown[i] = words[i]
    return grown, _longer(sums, n + 1, capacity + 1), _longer(start, n, capacity), _longer(end, n, capacity), _longer(ordinal, n, capacity)


@kernel()
def _longer(array: NDArray[Any], n: Int, capacity: Int) -> NDArray[Any]:
    if not len(array):
        return array
    longer = np.empty(capacity, array.dtype)
    for i in range(n):
        longer[i] = array[i]
    return longer
