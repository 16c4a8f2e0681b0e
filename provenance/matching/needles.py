"""Which rows of a batch hold one of many short strings: one pass over the bytes, letter case of ASCII and the kind of white space aside.

Of each string its rarest four bytes are looked up in a bitmap that fits the first cache; the whole string is compared only where they stand (the idea of Wu and
Manber 1994, without its shifts: the strings are too short for them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel

LEAST_BYTES = 4
"""Of a needle."""
_BITS = 16
_SHIFT, _SPREAD = np.uint32(32 - _BITS), np.uint32(0x9E3779B1)
_BYTE, _MASK, _SIX, _ONE = np.uint32(8), np.uint64(63), np.uint32(6), np.uint64(1)
_NEXT = np.uint32(1)
_UPPER, _LETTERS, _LOWER = np.uint8(ord("A")), np.uint8(26), np.uint8(32)
_TAB, _BREAKS, _BLANK = np.uint8(ord("\t")), np.uint8(5), np.uint8(ord(" "))
_BLOCK = 512
Index = int | np.int64
_Arrays = tuple[NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint32]]
"""Of ``Needles``: keys, ends, owners, offsets, text, starts."""


def _folds() -> NDArray[np.uint8]:
    table = np.arange(256, dtype=np.uint8)
    table[ord("A") : ord("Z") + 1] += 32
    table[[ord(c) for c in "\t\n\v\f\r"]] = ord(" ")  # a line may end anywhere in a formula
    return table


_FOLDS = _folds()


_COMMON = b" etaoinsrhldcumfpgwybvk"
"""The bytes of most texts, the most common first."""
_RANKS = np.full(256, len(_COMMON))
_RANKS[np.frombuffer(_COMMON, np.uint8)] = np.arange(len(_COMMON))


@dataclass(frozen=True, slots=True)
class Needles:
    """Strings to look for, ordered by the slots of their keys.

    Shapes:
        keys: (n,) uint32, four bytes of each.
        ends: (n,) int64, where in the string they end.
        owners: (n,) int64, whose needle it is.
        offsets: (n + 1,) int64 into ``text``.
        bits: (1024,) uint64, one bit a slot.
        starts: (65537,) uint32, the first needle of each slot.
    """

    keys: NDArray[np.uint32]
    ends: NDArray[np.int64]
    owners: NDArray[np.int64]
    offsets: NDArray[np.int64]
    text: NDArray[np.uint8]
    bits: NDArray[np.uint64]
    starts: NDArray[np.uint32]


def _rarest(text: bytes) -> int:
    """Return where the four bytes of a string end that fewest texts hold, as far as single letters tell."""
    ranks = np.convolve(_RANKS[np.frombuffer(text, np.uint8)], np.ones(LEAST_BYTES, np.int64), "valid")
    return int(np.argmax(ranks)) + LEAST_BYTES


def make_needles(strings: Sequence[tuple[int, str]]) -> Needles:
    """Return needles of (owner, string).

    Raises:
        ValueError: If a string is shorter than four bytes.
    """
    folded = [(owner, bytes(_FOLDS[np.frombuffer(text.encode(), np.uint8)])) for owner, text in strings]
    short = next((text for _, text in folded if len(text) < LEAST_BYTES), None)
    if short is not None:
        raise ValueError(f"needle {short.decode()!r} has fewer than {LEAST_BYTES} bytes")
    placed = [(_rarest(text), owner, text) for owner, text in folded]
    ordered = sorted(
        ((_key(text[end - LEAST_BYTES : end]), end, owner, text) for end, owner, text in placed), key=lambda needle: (_slot(needle[0]), needle)
    )
    keys = np.array([key for key, *_ in ordered], np.uint32)
    ends = np.array([end for _, end, *_ in ordered], np.int64)
    owners = np.array([owner for *_, owner, _ in ordered], np.int64)
    offsets = np.cumsum([0, *(len(text) for *_, text in ordered)], dtype=np.int64)
    slots = _slot(keys)
    bits = np.zeros(2**_BITS // 64, np.uint64)
    np.bitwise_or.at(bits, slots >> _SIX, _ONE << (slots.astype(np.uint64) & _MASK))
    starts = np.searchsorted(slots, np.arange(2**_BITS + 1)).astype(np.uint32)
    return Needles(keys, ends, owners, offsets, np.frombuffer(b"".join(text for *_, text in ordered), np.uint8), bits, starts)


def _key(four: bytes) -> np.uint32:
    return np.uint32(int.from_bytes(four, "big"))


def _slot(keys: Any) -> Any:
    with np.errstate(over="ignore"):
        return (keys * _SPREAD) >> _SHIFT


def find_needles(data: NDArray[np.uint8], offsets: NDArray[np.int64], needles: Needles) -> NDArray[np.int64]:
    """Return (n, 2) row and owner of each needle found, each pair once, ordered."""
    arrays = (needles.keys, needles.ends, needles.owners, needles.offsets, needles.text, needles.starts)
    room = 256
    while True:
        out = np.empty((room, 2), np.int64)
        found = _find(data, offsets, arrays, needles.bits, out)
        if found <= room:
            return np.unique(out[:found], axis=0)
        room = found


@kernel()
def _stands_at(data: NDArray[np.uint8], low: int, high: int, at: int, text: NDArray[np.uint8], first: int, last: int) -> bool:
    if at < low or at + last - first > high:
        return False
    k = first
    while k < last and _FOLDS[data[at + k - first]] == text[k]:
        k += 1
    return k == last


@kernel()
def _find_keys(
    data: NDArray[np.uint8],
    first: int,
    last: int,
    bits: NDArray[np.uint64],
    folded: NDArray[np.uint8],
    slots: NDArray[np.uint32],
    at: NDArray[np.int64],
) -> int:
    """Write where, from ``first`` on and counted from there, a key may begin that ends by ``last``; return how many there are.

    Loops without branches run in vectors: bytes are folded, then keys hashed, then looked up.
    """
    for k in range(last - first):
        byte = data[first + k]
        byte = np.uint8(byte + np.uint8(np.uint8(byte - _UPPER) < _LETTERS) * _LOWER)
        folded[k] = _BLANK if np.uint8(byte - _TAB) < _BREAKS else byte
    count = last - first - LEAST_BYTES + 1
    for k in range(count):
        slots[k] = np.uint32(_key_at(folded, k) * _SPREAD) >> _SHIFT
    found = np.int64(0)
    for k in range(count):
        at[found] = k
        found += np.int64(bits[slots[k] >> _SIX] >> (np.uint64(slots[k]) & _MASK) & _ONE)
    return int(found)


@kernel()
def _key_at(folded: NDArray[np.uint8], k: Index) -> np.uint32:
    key = np.uint32(folded[k]) << _BYTE | np.uint32(folded[k + 1])
    key = np.uint32(np.uint32(key << _BYTE) | np.uint32(folded[k + 2]))  # numba computes in 64 bits: each step is cut to 32
    return np.uint32(np.uint32(key << _BYTE) | np.uint32(folded[k + 3]))


@kernel()
def _find(data: NDArray[np.uint8], offsets: NDArray[np.int64], needles: _Arrays, bits: NDArray[np.uint64], out: NDArray[np.int64]) -> int:
    """Write a row and an owner for every needle that stands somewhere in a row, one in sequence once; return how many there are."""
    keys, ends, owners, text_offsets, text, starts = needles
    found = 0
    last_row, last_owner = np.int64(-1), np.int64(-1)
    folded, slots, at = np.empty(_BLOCK + LEAST_BYTES - 1, np.uint8), np.empty(_BLOCK, np.uint32), np.empty(_BLOCK + 1, np.int64)
    for row in range(len(offsets) - 1):
        low, high = offsets[row], offsets[row + 1]
        for first in range(low, high - LEAST_BYTES + 1, _BLOCK):
            for i in range(_find_keys(data, first, min(first + _BLOCK + LEAST_BYTES - 1, high), bits, folded, slots, at)):
                key, slot = _key_at(folded, at[i]), slots[at[i]]
                for n in range(starts[slot], starts[slot + _NEXT]):
                    if keys[n] != key or (row == last_row and owners[n] == last_owner):
                        continue
                    begin = first + at[i] + LEAST_BYTES - ends[n]
                    if _stands_at(data, low, high, begin, text, text_offsets[n], text_offsets[n + 1]):
                        if found < len(out):
                            out[found, 0], out[found, 1] = row, owners[n]
                        found += 1
                        last_row, last_owner = np.int64(row), owners[n]
    return found
