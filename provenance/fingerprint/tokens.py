"""Words of text as arrays: hashes and where each word stands in the original bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    """
    raise NotImplementedError


def count_words(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> int:
    """Return the number of words of a batch."""
    raise NotImplementedError
