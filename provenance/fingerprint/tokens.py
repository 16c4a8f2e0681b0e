"""Words of text as arrays: hashes and where each word stands in the original bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provenance.errors import FingerprintError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Room = tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]

SCHEME = "words-1"
"""Name of the rules by which text is cut into words and hashed; it changes when any of them does."""
BLOCK_BYTES = 1 << 20
"""Text that ``iter_blocks`` gives at a time: memory does not grow with the batch, and pages of the last block are used again."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words of a batch of texts, in order.

    A word is a maximal run of letters, digits and marks after normalisation (NFKC, casefold, format characters and apostrophes dropped, confusables
    folded); in scripts without spaces each character is a word. Two words have one hash exactly when their normal forms are equal (64-bit chance
    collisions apart).

    Shapes:
        hashes: (n_words,) uint64.
        start: (n_words,) int64, byte offset into ``data`` of the word's first original byte.
        end: (n_words,) int64, byte offset after its last.
        offsets: (n_rows + 1,) int64, words of row ``i`` are ``offsets[i]:offsets[i + 1]``.
    """

    hashes: NDArray[np.uint64]
    start: NDArray[np.int64]
    end: NDArray[np.int64]
    offsets: NDArray[np.int64]


def tokenize(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Tokens:
    """Return the words of a batch of UTF-8 texts.

    Args:
        data: (n_bytes,) UTF-8 of all rows; invalid sequences count as separators.
        offsets: (n_rows + 1,) row boundaries.

    Raises:
        FingerprintError: If the offsets do not ascend within ``data``.

    Cost: one pass; 24 bytes of memory a word, and up to twice that while growing.
    """
    bounds = checked_offsets(data, offsets)
    return _scan(data, bounds, _room(int(bounds[-1] - bounds[0])))[0]


def iter_tokens(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> Iterator[tuple[int, int, Tokens]]:
    """Yield (first row, row after the last, their words) for blocks of rows that cover the batch.

    The arrays of one block are used again for the next: take from them what is needed before going on.

    Raises:
        FingerprintError: If the offsets do not ascend within ``data``.

    Cost: 5 bytes of memory per byte of ``BLOCK_BYTES`` or of the longest row.
    """
    bounds = checked_offsets(data, offsets)
    room = _room(0)
    for first, last in iter_blocks(bounds):
        size = int(bounds[last] - bounds[first])
        if len(room[0]) < _words_in(size):
            room = _room(size)
        tokens, room = _scan(data, bounds[first : last + 1], room)
        yield first, last, tokens


def _words_in(size: int) -> int:
    """Return how many words to expect in that many bytes: more than most texts hold, and a few to spare."""
    return size // 5 + 128


def _room(size: int) -> Room:
    import numpy as np

    words = _words_in(size)
    return np.empty(words, np.uint64), np.empty(words, np.int64), np.empty(words, np.int64)


def _scan(data: NDArray[np.uint8], bounds: NDArray[np.int64], room: Room) -> tuple[Tokens, Room]:
    import numpy as np

    from provenance.fingerprint.characters import character_table
    from provenance.fingerprint.words import scan_rows

    table, rows = character_table(), np.empty(len(bounds), np.int64)
    room, n = scan_rows(data, bounds, (table.pages, table.cells, table.pool), room, rows)
    return Tokens(room[0][:n], room[1][:n], room[2][:n], rows), room


def count_words(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> int:
    """Return the number of words of a batch.

    Raises:
        FingerprintError: If the offsets do not ascend within ``data``.
    """
    return sum(len(tokens.hashes) for _, _, tokens in iter_tokens(data, offsets))


def iter_blocks(offsets: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield ranges (first row, row after the last) that cover all rows, of one row or of at most ``BLOCK_BYTES`` of text."""
    first, rows = 0, len(offsets) - 1
    while first < rows:
        last = int(offsets.searchsorted(offsets[first] + BLOCK_BYTES, side="right")) - 1
        last = min(max(last, first + 1), rows)
        yield first, last
        first = last


def checked_offsets(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the offsets as contiguous int64 after checking that kernels may trust them.

    Raises:
        FingerprintError: If they do not ascend within ``data``.
    """
    import numpy as np

    checked = np.ascontiguousarray(offsets, dtype=np.int64)
    if checked.ndim != 1 or not len(checked) or checked[0] < 0 or checked[-1] > len(data) or (np.diff(checked) < 0).any():
        raise FingerprintError(f"row offsets do not ascend from 0 to at most {len(data)} bytes of text")
    return checked


def normalize_word(text: str) -> str:
    """Return the normal form of a word, or of the first word of a text; empty if it holds none.

    >>> normalize_word("Don’t"), normalize_word("ＦＵＬＬ"), normalize_word("--")
    ('dont', 'full', '')
    """
    from provenance.fingerprint.spelling import normal_words

    return next(iter(normal_words(text)), "")


def character_starts(data: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return of each byte of UTF-8 whether a character begins there: (n,) bool."""
    starts: NDArray[np.bool_] = (data & 0xC0) != 0x80
    return starts


def codepoint_offsets(data: NDArray[np.uint8], start: int, byte_positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many code points stand between ``start`` and each byte position.

    Args:
        data: UTF-8.
        start: First byte of the row.
        byte_positions: Ascending positions at character boundaries, none before ``start``.
    """
    from provenance.fingerprint.words import count_codes

    return count_codes(data, start, byte_positions)
