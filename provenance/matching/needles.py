"""Which rows of a batch hold one of many short strings: one pass over the bytes, letter case of ASCII and the kind of white space aside.

Every string has a key, four of its bytes. Keys are put into sets, eight and eight, and for each of the four places it is known which bytes may stand there in which sets, by the
upper and by the lower half of the byte: so for 64 places at once a few instructions tell where a key may begin (Wang et al., Hyperscan, NSDI 2019). There, the key is
looked up in a bitmap that fits the first cache, and the whole string is compared only where the key stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.bits import WINDOW, Int, class_bits, load_eight, trailing_zeros
from provenance.fingerprint.jit import kernel

LEAST_BYTES = 4
"""Of a needle."""
_BITS = 16
_SHIFT, _SPREAD = np.uint32(32 - _BITS), np.uint32(0x9E3779B1)
_BYTE, _MASK, _SIX, _ONE = np.uint32(8), np.uint64(63), np.uint32(6), np.uint64(1)
_NEXT = np.uint32(1)
_ALL = ~np.uint64(0)
_TWO, _SEVEN, _FULL = (np.uint64(i) for i in (2, 7, 255))
_ONES = np.uint64(0x0101010101010101)
_HIGH, _LOW7, _BLANKS = _ONES * np.uint64(0x80), _ONES * np.uint64(0x7F), _ONES * np.uint64(ord(" "))
# Added to a byte below 0x80, these set its top bit from the first on, or from the one after the last.
_FROM_A, _BEYOND_Z = _ONES * np.uint64(0x80 - ord("A")), _ONES * np.uint64(0x7F - ord("Z"))
_FROM_TAB, _BEYOND_RETURN = _ONES * np.uint64(0x80 - ord("\t")), _ONES * np.uint64(0x7F - ord("\r"))
_Arrays = tuple[
    NDArray[np.uint32], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8], NDArray[np.uint64], NDArray[np.uint32]
]
"""Of ``Needles``: keys, ends, owners, offsets, text, bits, starts."""
_State = tuple[Int, Int, Int, Int]
"""Pairs found, the row in hand, and row and owner of the last pair."""


def _folds() -> NDArray[np.uint8]:
    table = np.arange(256, dtype=np.uint8)
    table[ord("A") : ord("Z") + 1] += 32
    table[[ord(c) for c in "\t\n\v\f\r"]] = ord(" ")  # a line may end anywhere in a formula
    return table


_FOLDS = _folds()


_COMMON = b" etaoinsrhldcumfpgwybvk"
"""The bytes of most texts, the most common first."""
_MOST, _FALLS, _OTHERS = 0.17, 0.87, 0.004
"""Shares of text, roughly: of the first of these, of each next one among the one before, and of any other byte."""
_SHARES = np.full(256, _OTHERS)
_SHARES[np.frombuffer(_COMMON, np.uint8)] = np.maximum(_MOST * _FALLS ** np.arange(len(_COMMON)), _OTHERS)
_BY_NIBBLES = _SHARES.reshape(16, 16)
_SETS = 24
"""Of keys: eight are asked for at a time. Chosen by measuring: more of them leave fewer places to look at, and take longer to ask for."""


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
        classes: (3, 8, 16) uint8, as ``bits.class_bits`` takes them, for eight sets each.
    """

    keys: NDArray[np.uint32]
    ends: NDArray[np.int64]
    owners: NDArray[np.int64]
    offsets: NDArray[np.int64]
    text: NDArray[np.uint8]
    bits: NDArray[np.uint64]
    starts: NDArray[np.uint32]
    classes: NDArray[np.uint8]


def _key_end(text: bytes) -> int:
    """Return where the four bytes end that fewest texts hold, as far as single letters tell."""
    begins = range(len(text) - LEAST_BYTES + 1)
    return min(begins, key=lambda begin: (_SHARES[list(text[begin : begin + LEAST_BYTES])].prod(), begin)) + LEAST_BYTES


def _nibbles(byte: int) -> NDArray[np.bool_]:
    """Return the lower and the upper halves of the bytes that read as one: (2, 16)."""
    found = np.zeros((2, 16), np.bool_)
    same = np.flatnonzero(byte == _FOLDS)
    found[0, same & 15], found[1, same >> 4] = True, True
    return found


def _share(held: NDArray[np.bool_]) -> float:
    """Return the share of text at which a set takes a key to begin, as far as single letters tell. Shapes: held (4, 2, 16)."""
    return float(np.einsum("ph,hl,pl->p", held[:, 1], _BY_NIBBLES, held[:, 0]).prod())


def _classes(keys: Sequence[bytes]) -> NDArray[np.uint8]:
    """Put keys into sets, each into that one which then makes one look at the fewest more places; return what may stand where in each."""
    sets = np.zeros((_SETS, LEAST_BYTES, 2, 16), np.bool_)
    shares = [0.0] * _SETS
    for key in sorted(set(keys)):
        own = np.array([_nibbles(byte) for byte in key])
        after = [_share(held | own) for held in sets]
        best = min(range(_SETS), key=lambda i: (after[i] - shares[i], i))
        sets[best] |= own
        shares[best] = after[best]
    return np.packbits(sets.reshape(-1, 8, 2 * LEAST_BYTES, 16), axis=1).reshape(-1, 2 * LEAST_BYTES, 16)


def make_needles(strings: Sequence[tuple[int, str]]) -> Needles:
    """Return needles of (owner, string).

    Raises:
        ValueError: If a string is shorter than four bytes.
    """
    folded = [(owner, bytes(_FOLDS[np.frombuffer(text.encode(), np.uint8)])) for owner, text in strings]
    short = next((text for _, text in folded if len(text) < LEAST_BYTES), None)
    if short is not None:
        raise ValueError(f"needle {short.decode()!r} has fewer than {LEAST_BYTES} bytes")
    placed = [(_key_end(text), owner, text) for owner, text in folded]
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
    text = np.frombuffer(b"".join(text for *_, text in ordered), np.uint8)
    classes = _classes([text[end - LEAST_BYTES : end] for end, _, text in placed])
    return Needles(keys, ends, owners, offsets, text, bits, starts, classes)


def _key(four: bytes) -> np.uint32:
    return np.uint32(int.from_bytes(four, "little"))


def _slot(keys: Any) -> Any:
    with np.errstate(over="ignore"):
        return (keys * _SPREAD) >> _SHIFT


def find_needles(data: NDArray[np.uint8], offsets: NDArray[np.int64], needles: Needles) -> NDArray[np.int64]:
    """Return (n, 2) row and owner of each needle found, each pair once, ordered."""
    arrays = (needles.keys, needles.ends, needles.owners, needles.offsets, needles.text, needles.bits, needles.starts)
    room = 4096
    while True:
        out = np.empty((room, 2), np.int64)
        found = _find(data, offsets, arrays, needles.classes, out)
        if found <= room:
            owners = int(needles.owners.max(initial=0)) + 1
            pairs = np.unique(out[:found, 0] * owners + out[:found, 1])
            return np.column_stack(np.divmod(pairs, owners))
        room = found


@kernel(inline="always")
def _stands_at(data: NDArray[np.uint8], low: Int, high: Int, at: Int, text: NDArray[np.uint8], first: Int, last: Int) -> bool:
    if at < low or at + last - first > high:
        return False
    k = first
    while k < last and _FOLDS[data[at + k - first]] == text[k]:
        k += 1
    return bool(k == last)


@kernel(inline="always")
def _fold_eight(eight: np.uint64) -> np.uint64:
    """Return eight bytes as ``_FOLDS`` has them, all at once."""
    low = eight & _LOW7
    ascii_only = ~eight & _HIGH
    letters = ((low + _FROM_A) ^ (low + _BEYOND_Z)) & ascii_only
    blanks = ((low + _FROM_TAB) ^ (low + _BEYOND_RETURN)) & ascii_only
    whole = (blanks >> _SEVEN) * _FULL
    return ((eight | letters >> _TWO) & ~whole) | (whole & _BLANKS)


@kernel(inline="always")
def _is_slot(key: np.uint64, bits: NDArray[np.uint64]) -> np.uint64:
    slot = np.uint32(np.uint32(key) * _SPREAD) >> _SHIFT
    held: np.uint64 = bits[slot >> _SIX] >> (np.uint64(slot) & _MASK) & _ONE
    return held


@kernel(inline="always")
def _may_hold(data: NDArray[np.uint8], at: Int, bits: NDArray[np.uint64]) -> bool:
    """Tell whether a key may begin at a place, of which the seven bytes behind must be there."""
    return bool(_is_slot(_fold_eight(load_eight(data, at)), bits))


@kernel(inline="always")
def _key_at(data: NDArray[np.uint8], at: Int) -> np.uint32:
    key = np.uint32(0)
    for k in range(3, -1, -1):
        key = np.uint32(np.uint32(key << _BYTE) | np.uint32(_FOLDS[data[at + k]]))  # numba computes in 64 bits: each step is cut to 32
    return key


@kernel(inline="always")
def _look(data: NDArray[np.uint8], offsets: NDArray[np.int64], at: Int, needles: _Arrays, out: NDArray[np.int64], state: _State) -> _State:
    """Write a row and an owner for every needle of which the key stands at a place, one in sequence once."""
    keys, ends, owners, text_offsets, text, _, starts = needles
    found, row, last_row, last_owner = state
    key = _key_at(data, at)
    slot = np.uint32(key * _SPREAD) >> _SHIFT
    for n in range(starts[slot], starts[slot + _NEXT]):
        if keys[n] != key:
            continue
        while offsets[row] > at:
            row -= 1
        while offsets[row + 1] <= at:
            row += 1
        begin = at + LEAST_BYTES - ends[n]
        if (row == last_row and owners[n] == last_owner) or not _stands_at(
            data, offsets[row], offsets[row + 1], begin, text, text_offsets[n], text_offsets[n + 1]
        ):
            continue
        if found < len(out):
            out[found, 0], out[found, 1] = row, owners[n]
        found += 1
        last_row, last_owner = row, owners[n]
    return found, row, last_row, last_owner


@kernel(_nrt=False)
def _find(data: NDArray[np.uint8], offsets: NDArray[np.int64], needles: _Arrays, classes: NDArray[np.uint8], out: NDArray[np.int64]) -> int:
    """Write a row and an owner for every needle that stands somewhere in a row, some of them more than once; return how many there are.

    Rows are not looked through one by one: what reaches over their ends is told where a needle is compared.
    """
    low, high = offsets[0], offsets[-1]
    zero: Int = low - low  # a literal would compile the callee once more
    state = (zero, zero, zero - 1, zero - 1)
    for first in range(low, high, WINDOW):
        places = _ALL
        if first + WINDOW + LEAST_BYTES <= len(data):
            places = class_bits(data, first, classes[0]) | class_bits(data, first, classes[1]) | class_bits(data, first, classes[2])
        while places:
            at = first + trailing_zeros(places)
            places &= places - _ONE
            if at > high - LEAST_BYTES:
                break
            if at + 8 > len(data) or _may_hold(data, at, needles[5]):
                state = _look(data, offsets, at, needles, out, state)
    return int(state[0])
