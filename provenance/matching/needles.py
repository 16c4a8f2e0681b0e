"""Which rows of a batch hold one of many short strings: one pass over the bytes, letter case of ASCII and the kind of white space aside.

Of each string the last four bytes are looked up in a bitmap that fits the first cache; the whole string is compared only where they stand (the idea of Wu and
Manber 1994, without its shifts: the strings are too short for them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel

LEAST_BYTES = 4
"""Of a needle."""
_BITS = 16
_SHIFT, _SPREAD = np.uint32(32 - _BITS), np.uint32(0x9E3779B1)
_BYTE, _MASK, _SIX, _ONE = np.uint32(8), np.uint64(63), np.uint32(6), np.uint64(1)


def _folds() -> NDArray[np.uint8]:
    table = np.arange(256, dtype=np.uint8)
    table[ord("A") : ord("Z") + 1] += 32
    table[[ord(c) for c in "\t\n\v\f\r"]] = ord(" ")  # a line may end anywhere in a formula
    return table


_FOLDS = _folds()


@dataclass(frozen=True, slots=True)
class Needles:
    """Strings to look for, ordered by the key of their last four bytes.

    Shapes:
        keys: (n,) uint32, ascending.
        owners: (n,) int64, whose needle it is.
        offsets: (n + 1,) int64 into ``text``.
        bits: (1024,) uint64, one bit a key.
    """

    keys: NDArray[np.uint32]
    owners: NDArray[np.int64]
    offsets: NDArray[np.int64]
    text: NDArray[np.uint8]
    bits: NDArray[np.uint64]


def make_needles(strings: Sequence[tuple[int, str]]) -> Needles:
    """Return needles of (owner, string).

    Raises:
        ValueError: If a string is shorter than four bytes.
    """
    folded = [(owner, bytes(_FOLDS[np.frombuffer(text.encode(), np.uint8)])) for owner, text in strings]
    short = next((text for _, text in folded if len(text) < LEAST_BYTES), None)
    if short is not None:
        raise ValueError(f"needle {short.decode()!r} has fewer than {LEAST_BYTES} bytes")
    ordered = sorted((int.from_bytes(text[-LEAST_BYTES:], "big"), owner, text) for owner, text in folded)
    keys = np.array([key for key, _, _ in ordered], np.uint32)
    offsets = np.cumsum([0, *(len(text) for _, _, text in ordered)], dtype=np.int64)
    slots = (keys * _SPREAD) >> _SHIFT
    bits = np.zeros(2**_BITS // 64, np.uint64)
    np.bitwise_or.at(bits, slots >> _SIX, _ONE << (slots.astype(np.uint64) & _MASK))
    text = np.frombuffer(b"".join(text for _, _, text in ordered), np.uint8)
    return Needles(keys, np.array([owner for _, owner, _ in ordered], np.int64), offsets, text, bits)


def find_needles(data: NDArray[np.uint8], offsets: NDArray[np.int64], needles: Needles) -> NDArray[np.int64]:
    """Return (n, 2) row and owner of each needle found, each pair once, ordered."""
    room = 256
    while True:
        out = np.empty((room, 2), np.int64)
        found = _find(data, offsets, needles.keys, needles.owners, needles.offsets, needles.text, needles.bits, out)
        if found <= room:
            return np.unique(out[:found], axis=0)
        room = found


@kernel()
def _ends_here(data: NDArray[np.uint8], low: int, end: int, text: NDArray[np.uint8], first: int, last: int) -> bool:
    if end - low < last - first:
        return False
    at = end - (last - first)
    k = first
    while k < last and _FOLDS[data[at + k - first]] == text[k]:
        k += 1
    return k == last


@kernel()
def _find(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    keys: NDArray[np.uint32],
    owners: NDArray[np.int64],
    text_offsets: NDArray[np.int64],
    text: NDArray[np.uint8],
    bits: NDArray[np.uint64],
    out: NDArray[np.int64],
) -> int:
    """Write a row and an owner for every needle that ends somewhere in a row, one in sequence once; return how many there are."""
    found = 0
    last_row, last_owner = np.int64(-1), np.int64(-1)
    for row in range(len(offsets) - 1):
        key = np.uint32(0)
        for i in range(offsets[row], offsets[row + 1]):
            key = np.uint32((key << _BYTE) | np.uint32(_FOLDS[data[i]]))  # numba computes in 64 bits: each step is cut to 32
            slot = np.uint32(key * _SPREAD) >> _SHIFT
            if bits[slot >> _SIX] >> (np.uint64(slot) & _MASK) & _ONE == 0:
                continue
            n = np.searchsorted(keys, key)
            while n < len(keys) and keys[n] == key:
                repeated = row == last_row and owners[n] == last_owner
                if not repeated and _ends_here(data, offsets[row], i + 1, text, text_offsets[n], text_offsets[n + 1]):
                    if found < len(out):
                        out[found, 0], out[found, 1] = row, owners[n]
                    found += 1
                    last_row, last_owner = np.int64(row), owners[n]
                n += 1
    return found
