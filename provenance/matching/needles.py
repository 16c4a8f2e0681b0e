"""Which rows of a batch hold one of many short strings: one pass over the bytes, letter case of ASCII and the kind of white space aside.

Every string holds one of a few pairs of bytes, chosen to be few and rare. Where one stands is told for 64 bytes at once; there, four bytes are looked up in a bitmap that
fits the first cache, and the whole string is compared only where they stand too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.bits import WINDOW, Int, load_eight, pair_bits, trailing_zeros
from provenance.fingerprint.jit import kernel

LEAST_BYTES = 4
"""Of a needle."""
_BITS = 16
_SHIFT, _SPREAD = np.uint32(32 - _BITS), np.uint32(0x9E3779B1)
_BYTE, _MASK, _SIX, _ONE = np.uint32(8), np.uint64(63), np.uint32(6), np.uint64(1)
_NEXT = np.uint32(1)
_ALL = ~np.uint64(0)
_TWO, _SEVEN, _EIGHT, _SIXTEEN, _FULL = (np.uint64(i) for i in (2, 7, 8, 16, 255))
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
_COMMON_PAIRS = b"thheinerannreedonesenattoitoushaseateisnghiasortiveeitomelardealcetaraleriroe s t d n y r o  t a o i s w h b c f m p l"
_COMMON_PAIR = 0.01
"""Pairs that are far more common than their bytes are, and what share of text each is, roughly."""
_SHARES = np.full(256, _OTHERS)
_SHARES[np.frombuffer(_COMMON, np.uint8)] = np.maximum(_MOST * _FALLS ** np.arange(len(_COMMON)), _OTHERS)
_PAIR_COST = 0.002
"""What looking for one more pair costs, in shares of text: a place that is looked at takes 500 times as long as one byte is asked for one pair."""


def _pair_shares() -> NDArray[np.float64]:
    shares: NDArray[np.float64] = np.outer(_SHARES, _SHARES)
    for pair in zip(_COMMON_PAIRS[::2], _COMMON_PAIRS[1::2], strict=True):
        shares[pair] = max(shares[pair], _COMMON_PAIR)
    return shares


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
        firsts, seconds: (m,) uint8, pairs of which each string holds one, in its key.
    """

    keys: NDArray[np.uint32]
    ends: NDArray[np.int64]
    owners: NDArray[np.int64]
    offsets: NDArray[np.int64]
    text: NDArray[np.uint8]
    bits: NDArray[np.uint64]
    starts: NDArray[np.uint32]
    firsts: NDArray[np.uint8]
    seconds: NDArray[np.uint8]


def _choose_pairs(texts: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return for each text the pair that it is found by: greedily, those that serve most texts for the places they make one look at."""
    left, chosen, shares = sorted(set(texts)), {}, _pair_shares()
    while left:
        held: dict[bytes, list[bytes]] = {}
        for text in left:
            for pair in {text[i : i + 2] for i in range(len(text) - 1)}:
                held.setdefault(pair, []).append(text)
        best = min(held, key=lambda pair: ((shares[pair[0], pair[1]] + _PAIR_COST) / len(held[pair]), pair))
        chosen.update(dict.fromkeys(held[best], best))
        left = [text for text in left if text not in chosen]
    return chosen


def _key_end(text: bytes, pair: bytes) -> int:
    """Return where the four bytes end, of those that hold a pair, that fewest texts hold as far as single letters tell."""
    at = text.index(pair)
    begins = range(max(at - 2, 0), min(at, len(text) - LEAST_BYTES) + 1)
    return min(begins, key=lambda begin: (_SHARES[list(text[begin : begin + LEAST_BYTES])].prod(), begin)) + LEAST_BYTES


def make_needles(strings: Sequence[tuple[int, str]]) -> Needles:
    """Return needles of (owner, string).

    Raises:
        ValueError: If a string is shorter than four bytes.
    """
    folded = [(owner, bytes(_FOLDS[np.frombuffer(text.encode(), np.uint8)])) for owner, text in strings]
    short = next((text for _, text in folded if len(text) < LEAST_BYTES), None)
    if short is not None:
        raise ValueError(f"needle {short.decode()!r} has fewer than {LEAST_BYTES} bytes")
    pairs = _choose_pairs([text for _, text in folded])
    placed = [(_key_end(text, pairs[text]), owner, text) for owner, text in folded]
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
    firsts, seconds = (np.array(sorted(set(pairs.values())), "S2").view(np.uint8).reshape(-1, 2)[:, i].copy() for i in (0, 1))
    return Needles(keys, ends, owners, offsets, text, bits, starts, firsts, seconds)


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
        found = _find(data, offsets, arrays, (needles.firsts, needles.seconds), out)
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
    """Tell whether a key may begin at a place or at one of the two before it, which must be there as must the five behind."""
    folded = _fold_eight(load_eight(data, at - 2))
    return bool(_is_slot(folded, bits) | _is_slot(folded >> _EIGHT, bits) | _is_slot(folded >> _SIXTEEN, bits))


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
def _find(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], needles: _Arrays, pairs: tuple[NDArray[np.uint8], NDArray[np.uint8]], out: NDArray[np.int64]
) -> int:
    """Write a row and an owner for every needle that stands somewhere in a row, some of them more than once; return how many there are.

    Rows are not looked through one by one: what reaches over their ends is told where a needle is compared.
    """
    firsts, seconds = pairs
    low, high = offsets[0], offsets[-1]
    zero: Int = low - low  # a literal would compile the callee once more
    state = (zero, zero, zero - 1, zero - 1)
    for first in range(low, high, WINDOW):
        if first + WINDOW < len(data):
            places = pair_bits(data, first, firsts, seconds)
        else:
            places = _ALL if high - first >= WINDOW else (_ONE << np.uint64(high - first)) - _ONE
        while places:
            at = first + trailing_zeros(places)
            places &= places - _ONE
            if low + 2 <= at < len(data) - 6 and not _may_hold(data, at, needles[5]):
                continue
            for begin in range(max(at - 2, low), min(at, high - LEAST_BYTES) + 1):
                if _is_slot(np.uint64(_key_at(data, begin)), needles[5]):
                    state = _look(data, offsets, begin, needles, out, state)
    return int(state[0])
