"""Kernels for words of ASCII letters and digits, eight bytes at a time. They give exactly what ``words`` gives, and leave to it what they cannot tell.

Eight bytes are classified at once in one 64-bit register: each byte becomes 0x80 if it is a letter or digit. Small letters and digits have bit 0x20 set
already, so setting it in every byte folds case.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.bits import WINDOW, load_eight, trailing_zeros, window_bits
from provenance.fingerprint.jit import kernel

Int = int | np.signedinteger[Any]
_U64 = np.uint64
_Bytes = NDArray[np.uint8]
_Out = tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]
_KEY_0, _KEY_1 = _U64(0x9E3779B97F4A7C15), _U64(0xC2B2AE3D27D4EB4F)  # odd 64-bit constants of good spread (golden ratio, xxHash and Murmur primes)
_MUL_0, _MUL_1, _MUL_2 = _U64(0x9FB21C651E98DF25), _U64(0xD6E8FEB86659FD93), _U64(0xFF51AFD7ED558CCD)
_0, _1, _3, _7, _23, _29, _32, _41, _56 = (_U64(i) for i in (0, 1, 3, 7, 23, 29, 32, 41, 56))
_ALL = ~_U64(0)
_ONES, _HIGH, _LOW7, _CASE = _U64(0x0101010101010101), _U64(0x8080808080808080), _U64(0x7F7F7F7F7F7F7F7F), _U64(0x2020202020202020)
# Added to a byte below 0x80, these set its top bit from "a", from "{", from "0" and from ":" on.
_FROM_A, _FROM_BRACE = _U64(0x1F1F1F1F1F1F1F1F), _U64(0x0505050505050505)
_FROM_0, _FROM_COLON = _U64(0x5050505050505050), _U64(0x4646464646464646)
_CALM = 8
"""Bytes of ASCII after which changing to the kernel for ASCII pays."""
SEPARATOR, IN_WORD, APOSTROPHE, OTHER = range(4)


def _byte_kinds() -> _Bytes:
    kinds = np.full(256, SEPARATOR, dtype=np.uint8)
    kinds[list(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] = IN_WORD
    kinds[ord("'")] = APOSTROPHE
    kinds[0x80:] = OTHER
    return kinds


def _masks(first: int) -> NDArray[np.uint64]:
    """Return by a word's length, up to ``WINDOW``, ones in those of the eight bytes from its byte number ``first`` on that are its own."""
    return np.array([(1 << 8 * min(max(length - first, 0), 8)) - 1 for length in range(WINDOW + 1)], np.uint64)


_FIRST_EIGHT, _SECOND_EIGHT = _masks(0), _masks(8)
KINDS = _byte_kinds()
"""What each byte does: separates words, is a letter or digit, an apostrophe (dropped), or part of something other than ASCII."""


@kernel(inline="always")
def mix_chunk(state: np.uint64, index: Int, chunk: np.uint64) -> np.uint64:
    """Return the state of a word's hash after its chunk of eight bytes number ``index``."""
    if index == 0:
        return (chunk + _KEY_0) * _MUL_0
    if index == 1:
        other = (chunk + _KEY_1) * _MUL_1
        return state ^ ((other << _32) | (other >> _32))
    return (((state << _23) | (state >> _41)) ^ chunk) * _MUL_0


@kernel(inline="always")
def finish_hash(state: np.uint64) -> np.uint64:
    """Return the hash of a word from the state after its last chunk."""
    mixed = (state ^ (state >> _32)) * _MUL_2
    return mixed ^ (mixed >> _29)


@kernel(inline="always")
def _load(data: _Bytes, at: Int, end: Int) -> np.uint64:
    """Return the eight bytes from ``at`` on, the first lowest, zeros from ``end`` on."""
    if at + 8 > len(data):
        loaded = _0
        for i in range(at, end):
            loaded |= _U64(data[i]) << (_U64(i - at) << _3)
        return loaded
    loaded = load_eight(data, at)
    return loaded if at + 8 <= end else loaded & ((_1 << (_U64(max(end - at, 0)) << _3)) - _1)


@kernel(inline="always")
def _word_flags(eight: np.uint64) -> np.uint64:
    """Return 0x80 in each byte that is an ASCII letter or digit."""
    low = eight & _LOW7
    folded = low | _CASE
    letters = (folded + _FROM_A) & ~(folded + _FROM_BRACE)
    digits = (low + _FROM_0) & ~(low + _FROM_COLON)
    return (letters | digits) & ~eight & _HIGH


@kernel(inline="always")
def _low_bytes(n: Int) -> np.uint64:
    """Return ones in the lowest ``n`` bytes; all ones from eight on."""
    return _ALL if n >= 8 else (_1 << (_U64(n) << _3)) - _1


@kernel(inline="always")
def _leading_word_bytes(eight: np.uint64) -> Int:
    """Return how many of eight bytes from the first on are letters and digits."""
    others = _word_flags(eight) ^ _HIGH
    return trailing_zeros(others) >> 3 if others else 8


@kernel(_nrt=False)
def _rest_of_long_word(data: _Bytes, at: Int, end: Int, state: np.uint64) -> tuple[np.uint64, Int]:
    """Return state and end of a word whose first sixteen bytes are mixed in already."""
    length: Int = 8
    while length == 8:
        eight = _load(data, at, end)
        length = _leading_word_bytes(eight)
        if length:
            state = mix_chunk(state, 2, (eight | _CASE) & _low_bytes(length))
        at += length
    return state, at


@kernel(_nrt=False)
def _word_with_apostrophes(data: _Bytes, at: Int, end: Int) -> tuple[np.uint64, Int, Int]:
    """Return hash, end and end of the bytes looked at of a word in which apostrophes are dropped."""
    state, chunk = _0, _0
    filled = index = 0
    stop = at
    while at < end:
        kind = KINDS[data[at]]
        if kind == IN_WORD:
            chunk |= _U64(data[at] | 0x20) << (_U64(filled) << _3)
            filled += 1
            stop = at + 1
            if filled == 8:
                state = mix_chunk(state, index, chunk)
                index, filled, chunk = index + 1, 0, _0
        elif kind != APOSTROPHE:
            break
        at += 1
    if filled:
        state = mix_chunk(state, index, chunk)
        index += 1
    while index < 2:
        state = mix_chunk(state, index, _0)
        index += 1
    return finish_hash(state), stop, at


@kernel(_nrt=False)
def _one_word(data: _Bytes, at: Int, end: Int) -> tuple[np.uint64, Int, Int]:
    """Return hash, end, and end of the bytes looked at, of the word that begins at ``at``; the last is -1 if it is not ASCII or touches what is not."""
    eight = _load(data, at, end)
    length = _leading_word_bytes(eight)
    state = mix_chunk(_0, 0, (eight | _CASE) & _low_bytes(length))
    stop = at + length
    second = _0
    if length == 8:
        eight = _load(data, stop, end)
        length = _leading_word_bytes(eight)
        second = (eight | _CASE) & _low_bytes(length)
        stop += length
    state = mix_chunk(state, 1, second)
    if stop - at == 16:
        state, stop = _rest_of_long_word(data, stop, end, state)
    found, look = finish_hash(state), stop
    if stop < end and KINDS[data[stop]] == APOSTROPHE:
        found, stop, look = _word_with_apostrophes(data, at, end)
    return found, stop, -1 if look < end and KINDS[data[look]] == OTHER else look


@kernel(inline="always")
def _begin_word(data: _Bytes, at: Int, length: Int) -> np.uint64:
    """Return the state of the hash of a word of a known length up to ``WINDOW`` after its first sixteen bytes, which must be there, its own or not."""
    first = (load_eight(data, at) | _CASE) & _FIRST_EIGHT[_U64(length)]
    second = (load_eight(data, at + 8) | _CASE) & _SECOND_EIGHT[_U64(length)]
    return mix_chunk(mix_chunk(_0, 0, first), 1, second)


@kernel(inline="always")
def _below(bit: Int) -> np.uint64:
    """Return ones below a bit; the highest there is may be ``WINDOW - 1``."""
    return (_1 << _U64(bit)) - _1


@kernel(inline="always")
def _has_long(words: np.uint64) -> np.uint64:
    """Return whether more than sixteen bits in a row are set, as a number that is not zero."""
    two = words & (words >> _1)
    four = two & (two >> _U64(2))
    eight = four & (four >> _U64(4))
    return eight & (eight >> _U64(8)) & (words >> _U64(16))


@kernel(_nrt=False)
def _cut_runs(data: _Bytes, at: Int, end: Int, masks: tuple[np.uint64, np.uint64, np.uint64], out: _Out, n: Int) -> tuple[Int, np.uint64]:
    """Cut words out of runs of a window: letters and digits with apostrophes among them; return the number of words, and the first bytes of runs that are not whole.

    Args:
        data: Text.
        at: Where the window begins.
        end: After the last byte.
        masks: Apostrophes, the first byte of each run, and the byte after the last one of each run that is whole.
        out: Hashes, starts and ends; filled from ``n`` on.
        n: Words there so far.
    """
    apostrophes, firsts, lasts = masks
    while lasts:
        first, last = trailing_zeros(firsts), trailing_zeros(lasts)
        held = _below(last) & ~_below(first)
        if held & apostrophes == _0:
            state = _begin_word(data, at + first, last - first)
            if last - first > 16:
                state, _ = _rest_of_long_word(data, at + first + 16, end, state)
            out[0][n], out[1][n], out[2][n] = finish_hash(state), at + first, at + last
            n += 1
        elif held & ~apostrophes:
            start = at + trailing_zeros(held & ~apostrophes)
            found, stop, _ = _word_with_apostrophes(data, start, end)
            out[0][n], out[1][n], out[2][n] = found, start, stop
            n += 1
        firsts &= firsts - _1
        lasts &= lasts - _1
    return n, firsts


@kernel(_nrt=False)
def _scan_windows(data: _Bytes, at: Int, end: Int, out: _Out, n: Int) -> tuple[Int, Int]:
    """Cut words out of windows of 64 bytes up to the first that is not ASCII; return where it stopped, not inside a word, and the number of words."""
    hashes, starts, stops = out
    room = len(hashes) - WINDOW // 2
    last_window = min(end - 1, len(data) - WINDOW - 16)
    while at <= last_window and n <= room:
        words, apostrophes, high = window_bits(data, at)
        if end - at < WINDOW:  # what follows is of the next row
            inside = _below(end - at)
            words, apostrophes, high = words & inside, apostrophes & inside, high & inside
        clean: Int = WINDOW
        runs, whole = words | apostrophes, _ALL
        if high:
            clean = trailing_zeros(high)
            runs, whole = runs & _below(clean), _below(clean)  # a word that touches what is not ASCII is not whole
        firsts, lasts = runs & ~(runs << _1), ~runs & (runs << _1) & whole
        if apostrophes | _has_long(words):
            n, firsts = _cut_runs(data, at, end, (apostrophes, firsts, lasts), out, n)
            lasts = _0
        while lasts:
            first, last = trailing_zeros(firsts), trailing_zeros(lasts)
            place = _U64(n)  # numba asks of each signed index whether it is below zero
            hashes[place], starts[place], stops[place] = finish_hash(_begin_word(data, at + first, last - first)), at + first, at + last
            firsts &= firsts - _1
            lasts &= lasts - _1
            n += 1
        done = trailing_zeros(firsts) if firsts else clean
        at += done
        if high or done == 0:
            break
    return min(at, end), n


@kernel(_nrt=False)
def scan_plain(data: _Bytes, at: Int, end: Int, out: _Out, n: Int) -> tuple[Int, Int]:
    """Cut text into words as long as it is ASCII.

    Args:
        data: Text.
        at: First byte, not inside a word.
        end: After the last byte.
        out: Hashes, starts and ends; filled from ``n`` on.
        n: Words there so far.

    Returns:
        Where it stopped and the number of words: at ``end``, at the beginning of a word or other text that is not ASCII, or where ``out`` is full.
    """
    while at < end:
        at, n = _scan_windows(data, at, end, out, n)
        if at >= end:
            break
        kind = KINDS[data[at]]
        if kind == OTHER or n >= len(out[0]):
            break
        if kind != IN_WORD:  # no word is open, so an apostrophe is nothing
            at += 1
            continue
        found, stop, look = _one_word(data, at, end)
        if look < 0:
            break
        out[0][n], out[1][n], out[2][n] = found, at, stop
        n += 1
        at = look
    return at, n


@kernel(_nrt=False)
def end_of_other(data: _Bytes, at: Int, end: Int) -> Int:
    """Return the first byte that separates words whatever stands around it, some bytes after the last other text than ASCII, or ``end``."""
    calm = 0
    while at < end and (calm < _CALM or KINDS[data[at]] != SEPARATOR):
        calm = 0 if KINDS[data[at]] == OTHER else calm + 1
        at += 1
    return at
