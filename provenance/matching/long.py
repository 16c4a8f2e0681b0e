"""The words of texts of many megabytes, cut piece by piece: kept are the words alone, four bytes each, and where they stand is read again where it is asked for.

A text is cut at a space or line feed at which the whole may be cut, too, without a word, a list number, a character reference or a broken word being read otherwise.
So the words are those of the whole, and memory is four bytes a word and a piece. A text in which no such place comes for long is one long piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.bits import Int
from provenance.fingerprint.jit import kernel
from provenance.matching.spelling import Spelled, spelling_codes
from provenance.matching.words import WordReader, Words

LONG_BYTES = 16 << 20
"""Text of a batch from which on it is cut in pieces: one row is that long, ordinary batches are of 1 MB."""
PIECE_BYTES = 1 << 18
"""Text of a piece at least: read in a millisecond."""
_KEPT_PIECES = 4
"""Pieces of which it is remembered where their words stand: of a passage, both ends."""
_SPACE, _TAB, _FEED, _RETURN, _HYPHEN, _SEMICOLON, _STOP, _BRACKET = (ord(c) for c in " \t\n\r-;.)")
_ZERO, _NINE, _MAX_DIGITS = ord("0"), ord("9"), 3
_HYPHEN_END, _SOFT_END = 0x90, 0xAD
"""Last bytes of U+2010 and U+00AD, hyphens both, and of other characters."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """How a batch is cut.

    Shapes:
        bounds: (n + 1,) int64, bytes at which pieces begin; each row begins with one.
        firsts: (m + 1,) int64, the first piece of each group that is read at a time.
        words: (m + 1,) int64, the first word of each group.
        ordinals: (m + 1,) int64, how many words were cut before each group, numbers of list items included.
    """

    bounds: NDArray[np.int64]
    firsts: NDArray[np.int64]
    words: NDArray[np.int64]
    ordinals: NDArray[np.int64]


@dataclass(frozen=True)
class LongWords(Words):
    """The words of a batch with a long row; ``start``, ``end`` and ``ordinal`` are empty, and read anew for the words that are asked for."""

    pieces: Pieces
    reader: WordReader
    kept: dict[int, tuple[NDArray[np.int64], ...]] = field(default_factory=dict)

    def starts(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the first byte of some words."""
        return self._places(numbers, 0)

    def ends(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the byte after some words."""
        return self._places(numbers, 1)

    def ordinals(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the numbers of some words among all words of the batch."""
        return self._places(numbers, 2)

    @cached_property
    def spelled(self) -> Spelled:
        """The words with all spelling codes, three bytes each; where they stand is not told."""
        codes = np.empty(len(self.words), dtype=np.uint16)
        for group in range(len(self.pieces.words) - 1):
            read = self.reader.read(self.data, self._bounds(group))
            low = self.pieces.words[group]
            spelling_codes(self.data, read.start, read.end, codes[low : low + len(read.words)])
        nowhere = np.zeros(0, dtype=np.int64)
        return self.data, nowhere, nowhere, codes, np.ones(len(codes), dtype=np.bool_)

    def _bounds(self, group: int) -> NDArray[np.int64]:
        return self.pieces.bounds[self.pieces.firsts[group] : self.pieces.firsts[group + 1] + 1]

    def _places(self, numbers: NDArray[np.int64], which: int) -> NDArray[np.int64]:
        groups = np.searchsorted(self.pieces.words, numbers, side="right") - 1
        found = np.empty(len(numbers), dtype=np.int64)
        for group in np.unique(groups).tolist():
            own = groups == group
            found[own] = self._read(group)[which][numbers[own] - self.pieces.words[group]]
        return found

    def _read(self, group: int) -> tuple[NDArray[np.int64], ...]:
        """Return start, end and ordinal of the words of a group."""
        known = self.kept.pop(group, None)
        if known is None:
            read = self.reader.read(self.data, self._bounds(group))
            known = (read.start.copy(), read.end.copy(), read.ordinal + self.pieces.ordinals[group])
            while len(self.kept) >= _KEPT_PIECES:
                self.kept.pop(next(iter(self.kept)))
        self.kept[group] = known
        return known


def is_long(offsets: NDArray[np.int64]) -> bool:
    """Tell whether a batch is to be cut in pieces."""
    return bool(offsets[-1] - offsets[0] > LONG_BYTES)


def read_long(reader: WordReader, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> LongWords:
    """Return the words of a batch of UTF-8 texts, which are those of ``read_words``, by pieces.

    Args:
        reader: Reads pieces, now and later; what it was asked for otherwise is overwritten then.
        data: UTF-8.
        offsets: (n_rows + 1,) row boundaries.
    """
    bounds = np.array([*_cuts(data, offsets)], dtype=np.int64)
    firsts = np.array([*_groups(bounds)], dtype=np.int64)
    words = np.empty(int(offsets[-1] - offsets[0]) // 5 + 128, dtype=np.uint32)
    counts, group_words, ordinals = [np.zeros(1, dtype=np.int64)], [0], [0]
    for first, last in zip(firsts[:-1].tolist(), firsts[1:].tolist(), strict=True):
        read = reader.skim(data, bounds[first : last + 1])
        begun, n = group_words[-1], len(read.words)
        if begun + n > len(words):
            words = np.concatenate([words[:begun], np.empty(begun + 2 * n, dtype=np.uint32)])
        words[begun : begun + n] = read.words
        counts.append(read.offsets[1:] + begun)
        group_words.append(begun + n)
        ordinals.append(ordinals[-1] + reader.words_cut)
    pieces = Pieces(bounds, firsts, np.array(group_words, dtype=np.int64), np.array(ordinals, dtype=np.int64))
    none = np.zeros(0, dtype=np.int64)
    by_piece = np.concatenate(counts)
    rows = by_piece[np.searchsorted(bounds, offsets, side="left")] if len(bounds) > 1 else np.zeros(len(offsets), dtype=np.int64)
    return LongWords(words[: group_words[-1]], rows, data, none, none, none, pieces, reader)


def _cuts(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Iterator[int]:
    """Yield where pieces begin, each once, and where the last one ends."""
    at = int(offsets[0])
    yield at
    for end in offsets[1:].tolist():
        while at < end:
            at = int(find_cut(data, at, end, PIECE_BYTES))
            yield at


def _groups(bounds: NDArray[np.int64]) -> Iterator[int]:
    """Yield the first piece of each group of pieces, of at least ``PIECE_BYTES`` but the last, and the number of all pieces."""
    begun = 0
    yield 0
    for piece in range(1, len(bounds)):
        if piece == len(bounds) - 1 or bounds[piece] - bounds[begun] >= PIECE_BYTES:
            begun = piece
            yield piece


@kernel()
def find_cut(data: NDArray[np.uint8], low: int, high: int, least: int) -> Int:
    """Return where a row's next piece begins: after the first space or line feed, so many bytes on, at which cutting changes no word; the row's end if there is none."""
    for at in range(low + least, high - 1):
        if data[at] == _FEED or data[at] == _SPACE:
            before = data[at - 1]
            # What stands for a word broken over two lines, or for a soft hyphen before one, goes on over white space.
            is_inside = before in (_SPACE, _TAB, _FEED, _RETURN, _HYPHEN, _SEMICOLON, _HYPHEN_END, _SOFT_END)
            if not is_inside and (data[at] == _FEED or _is_no_item(data, at + 1, high)):
                return at + 1
    return high


@kernel()
def _is_no_item(data: NDArray[np.uint8], at: int, high: int) -> bool:
    """Tell whether what begins a piece, but no line, cannot be taken for the number of a list item, which only lines begin with."""
    if data[at] == _SPACE or data[at] == _TAB:
        return False
    end = at
    while end < high and end - at <= _MAX_DIGITS and _ZERO <= data[end] <= _NINE:
        end += 1
    is_number = at < end <= at + _MAX_DIGITS
    return not is_number or (end < high and data[end] != _STOP and data[end] != _BRACKET)
