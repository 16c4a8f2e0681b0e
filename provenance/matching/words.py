"""The words that this room compares: those of the tokeniser, with escapes read through, without the numbers that only count the items of a list."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.fingerprint.tokens import tokenize_into
from provenance.matching.escapes import read_through
from provenance.matching.spelling import Spelled

if TYPE_CHECKING:
    from provenance.fingerprint.tokens import Room

_ZERO, _NINE, _NEWLINE, _SPACE, _TAB, _STOP, _BRACKET, _RETURN = 48, 57, 10, 32, 9, 46, 41, 13
_MAX_DIGITS = 3
_KEPT_WORDS = 1_000_000
"""Memory for more words than a batch of ordinary rows has is given back: 36 bytes a word."""


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
        return int(self.ordinal[last - 1] - self.ordinal[first]) + 1

    def share_of(self, rows: NDArray[np.bool_]) -> float:
        """Return the share of the words that stand in some rows."""
        return float(np.diff(self.offsets)[rows].sum()) / max(len(self.words), 1)

    @cached_property
    def spelled(self) -> Spelled:
        """The words with their spelling codes, which kernels fill as they need them (``spelling.spell``)."""
        return self.data, self.start, self.end, np.empty(len(self.words), dtype=np.uint16), np.zeros(len(self.words), dtype=np.bool_)


def read_words(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Words:
    """Return the words of a batch of UTF-8 texts."""
    return WordReader().read(data, offsets)


class WordReader:
    """Reads one batch after another into the same memory: fresh pages cost as much as the reading."""

    def __init__(self) -> None:
        """Take memory with the first batch."""
        self._room: Room | None = None
        self._words = np.empty(0, dtype=np.uint32)
        self._ordinal = np.empty(0, dtype=np.int64)

    def read(self, data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Words:
        """Return the words of a batch of UTF-8 texts, until the next batch overwrites them."""
        copy = read_through(data, offsets)
        tokens, self._room = tokenize_into(data, offsets, self._room) if copy is None else tokenize_into(copy.data, copy.offsets, self._room)
        if copy is not None:
            copy.put_back(tokens.start, tokens.end)
        if len(self._words) < len(tokens.hashes):
            self._words, self._ordinal = np.empty(len(tokens.hashes), dtype=np.uint32), np.empty(len(tokens.hashes), dtype=np.int64)
        word_offsets = np.empty(len(tokens.offsets), dtype=np.int64)
        n = _keep_words(data, offsets, tokens.hashes, tokens.start, tokens.end, tokens.offsets, self._words, word_offsets, self._ordinal)
        read = Words(self._words[:n], word_offsets, data, tokens.start[:n], tokens.end[:n], self._ordinal[:n])
        if len(tokens.hashes) > _KEPT_WORDS:
            self._room, self._words, self._ordinal = None, self._words[:0].copy(), self._ordinal[:0].copy()
        return read


@kernel()
def _counts_item(data: NDArray[np.uint8], low: int, high: int, start: int, end: int) -> bool:
    """Tell whether a word is a number of up to three digits that begins a line, followed by a stop or bracket and white space."""
    if end - start > _MAX_DIGITS or end >= high or (data[end] != _STOP and data[end] != _BRACKET):
        return False
    for k in range(start, end):
        if data[k] < _ZERO or data[k] > _NINE:
            return False
    if end + 1 < high and data[end + 1] > _SPACE:
        return False
    k = start - 1
    while k >= low and (data[k] == _SPACE or data[k] == _TAB):
        k -= 1
    return k < low or data[k] == _NEWLINE or data[k] == _RETURN


@kernel()
def _keep_words(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    start: NDArray[np.int64],
    end: NDArray[np.int64],
    token_offsets: NDArray[np.int64],
    words: NDArray[np.uint32],
    word_offsets: NDArray[np.int64],
    ordinal: NDArray[np.int64],
) -> int:
    """Write the words that stay; ``start`` and ``end`` are packed in place. Returns how many stay."""
    half = np.uint64(32)
    n = 0
    word_offsets[0] = 0
    for row in range(len(token_offsets) - 1):
        for i in range(token_offsets[row], token_offsets[row + 1]):
            first = data[start[i]]
            if _ZERO <= first <= _NINE and _counts_item(data, offsets[row], offsets[row + 1], start[i], end[i]):
                continue
            words[n] = np.uint32(hashes[i] >> half)
            start[n], end[n], ordinal[n] = start[i], end[i], i
            n += 1
        word_offsets[row + 1] = n
    return n
