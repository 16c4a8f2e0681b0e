"""A short code of each word's spelling, so that "minde" and "mind", "haue" and "have" count as one word once a passage has been found.

Used only to compare two aligned words, never to find any: 16 bits are enough, and a word equals a random other one once in 65,536 times.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel

_BASIS, _PRIME = np.uint32(2166136261), np.uint32(16777619)  # FNV-1a
_SPREAD, _HALF = np.uint32(0x85EBCA6B), np.uint32(16)  # one step of Murmur3's finaliser: FNV alone leaves the upper bits alike


def _folds() -> NDArray[np.uint8]:
    """Return what each byte counts as; 0 = nothing. Early printers chose freely between u and v, i, j and y, c, k and q, and set a mute e at will."""
    table = np.arange(256, dtype=np.uint8)
    for capital in range(ord("A"), ord("Z") + 1):
        table[capital] = capital + 32
    for letters, one in (("vV", "u"), ("jJyY", "i"), ("cCqQ", "k"), ("zZ", "s")):
        for letter in letters:
            table[ord(letter)] = ord(one)
    for mute in "eE'":
        table[ord(mute)] = 0
    return table


_FOLDS = _folds()
_LONG_S = (0xC5, 0xBF)


@kernel()
def _code_of(data: NDArray[np.uint8], start: int, end: int) -> np.uint16:
    h = _BASIS
    last = np.uint8(0)
    n = 0
    at = start
    while at < end:
        folded = _FOLDS[data[at]]
        if data[at] == _LONG_S[0] and at + 1 < end and data[at + 1] == _LONG_S[1]:
            folded = np.uint8(115)
            at += 1
        at += 1
        if folded and folded != last:
            h = (h ^ np.uint32(folded)) * _PRIME
            n += 1
            last = folded
    h = (h ^ (h >> _HALF)) * _SPREAD
    code = np.uint16((h ^ (h >> _HALF)) & np.uint32(0xFFFF))
    return code if n > 0 else np.uint16(0)


@kernel()
def spelling_codes(data: NDArray[np.uint8], start: NDArray[np.int64], end: NDArray[np.int64], out: NDArray[np.uint16]) -> None:
    """Write one code a word of UTF-8; 0 stands for words that have none and equal nothing.

    Args:
        data: UTF-8.
        start: (n,) first byte of each word.
        end: (n,) byte after each word.
        out: (n,) takes the codes.
    """
    for i in range(len(start)):
        out[i] = _code_of(data, start[i], end[i])


@kernel()
def look_up_codes(
    words: NDArray[np.uint32],
    vocabulary: NDArray[np.uint32],
    spellings: NDArray[np.uint16],
    ranks: NDArray[np.uint32],
    shift: np.uint32,
    out: NDArray[np.uint16],
) -> None:
    """Write the code of each word, as a vocabulary has it; 0 for words that it does not hold.

    Args:
        words: (n,) words.
        vocabulary: Distinct words, ascending.
        spellings: The code of each.
        ranks: Where the words of the vocabulary begin whose top bits are 0, 1, 2 …, and how many words it has.
        shift: By how many bits a word is shifted to give its top bits.
        out: (n,) takes the codes.
    """
    for i in range(len(words)):
        word, top = words[i], words[i] >> shift
        out[i] = 0
        for k in range(np.int64(ranks[top]), np.int64(ranks[top + np.uint32(1)])):
            if vocabulary[k] == word:
                out[i] = spellings[k]


Spelled = tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64], NDArray[np.uint16], NDArray[np.bool_]]
"""UTF-8, first byte and byte after each word, their codes, and which of these are known: the others are computed when first asked for."""


@kernel()
def spell(spelled: Spelled, low: int, high: int) -> None:
    """Compute the codes of the words from ``low`` to ``high - 1`` that are not known yet."""
    data, start, end, codes, known = spelled
    for i in range(low, high):
        if not known[i]:
            codes[i] = _code_of(data, start[i], end[i])
            known[i] = True
