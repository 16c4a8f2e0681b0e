"""Shingles: the runs of five words of a text, as 32-bit hashes.

The hash of a shingle is made of the 64-bit hashes of its words, so it ignores case, spacing, punctuation and disguises exactly as they do. Two different
shingles have one hash with a chance of 2^-32: a text of 10,000 words loses 0.01 shingles to that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.fingerprint.scheme import SHINGLE_WORDS
from provenance.fingerprint.tokens import Tokens

Int = int | np.signedinteger[Any]
_U64 = np.uint64
# Odd 64-bit constants, one a place: swapped words change the sum. From the fractional parts of pi (the key schedule of Blowfish), made odd.
_K0, _K1, _K2, _K3, _K4 = (
    _U64(0x243F6A8885A308D3),
    _U64(0x13198A2E03707345),
    _U64(0xA4093822299F31D1),
    _U64(0x082EFA98EC4E6C89),
    _U64(0x452821E638D01377),
)
_SHORT, _MIX = _U64(0xBE5466CF34E90C6D), _U64(0xD6E8FEB86659FD93)
_32 = _U64(32)


@dataclass(frozen=True, slots=True)
class Shingles:
    """The shingles of a batch of texts, in order, repeats included.

    Shapes:
        hashes: (n_shingles,) uint32.
        offsets: (n_rows + 1,) int64, shingles of row ``i`` are ``offsets[i]:offsets[i + 1]``.
    """

    hashes: NDArray[np.uint32]
    offsets: NDArray[np.int64]


def hash_shingles(tokens: Tokens) -> Shingles:
    """Return the shingles of each row: one for every word from the fifth on, one of all words for shorter rows, none for rows without words.

    Cost: 4 bytes of memory and about a nanosecond a word.
    """
    lengths = np.diff(tokens.offsets)
    offsets = np.zeros(len(tokens.offsets), dtype=np.int64)
    np.cumsum(np.where(lengths < SHINGLE_WORDS, np.minimum(lengths, 1), lengths - SHINGLE_WORDS + 1), out=offsets[1:])
    hashes = np.empty(int(offsets[-1]), dtype=np.uint32)
    _fill(tokens.hashes, tokens.offsets, offsets, hashes)
    return Shingles(hashes, offsets)


@kernel()
def _narrow(total: np.uint64) -> np.uint32:
    """Return 32 bits of a 64-bit sum, of which every bit depends on all of it."""
    return np.uint32(((total ^ (total >> _32)) * _MIX) >> _32)


@kernel()
def _short_hash(words: NDArray[np.uint64], first: Int, last: Int) -> np.uint32:
    """Return the hash of a whole row of fewer words than a shingle; their number counts, so no such row equals a longer one."""
    total = _U64(last - first)
    for i in range(first, last):
        total = (total + words[i]) * _SHORT
    return _narrow(total)


@kernel()
def _fill(words: NDArray[np.uint64], word_offsets: NDArray[np.int64], offsets: NDArray[np.int64], out: NDArray[np.uint32]) -> None:
    for row in range(len(offsets) - 1):
        first, last = word_offsets[row], word_offsets[row + 1]
        base = offsets[row]
        if 0 < last - first < SHINGLE_WORDS:
            out[base] = _short_hash(words, first, last)
            continue
        for i in range(offsets[row + 1] - base):
            at = first + i
            total = words[at] * _K0 + words[at + 1] * _K1 + words[at + 2] * _K2 + words[at + 3] * _K3 + words[at + 4] * _K4
            out[base + i] = _narrow(total)
