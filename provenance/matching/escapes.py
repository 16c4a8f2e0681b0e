"""Read through what typesetting and HTML put inside words: character references and words that are broken over two lines.

``don&#39;t`` is read as ``don't``, ``exam-`` + line feed + ``ple`` as ``example``. What is read is a copy of the row in which each such place is replaced; words
found in the copy are put back to where they stand in the original. Rows without such places, nearly all, are not copied.
"""

from __future__ import annotations

import html.entities
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.bits import WINDOW, Int, copy_window, escape_bits, trailing_zeros
from provenance.fingerprint.jit import kernel
from provenance.fingerprint.words import utf8_form

VERSION = "escapes1"
_AMPERSAND, _SEMICOLON, _HASH, _HYPHEN, _SPACE, _TAB, _LF, _CR = (ord(c) for c in "&;#- \t\n\r")
_0, _9, _A, _F, _X, _Z = (ord(c) for c in "09afxz")
_SMALL = 0x20
"""The bit that makes a letter of ASCII a small one."""
_NOT_ASCII, _LETTERS_BEYOND = 0x80, 0xC3
"""First bytes of characters beyond ASCII, and of letters among them: below come signs."""
_LAST_CODE, _SURROGATES, _AFTER_SURROGATES = 0x10FFFF, 0xD800, 0xE000
_CONTROLS, _AFTER_CONTROLS = 0x80, 0xA0
"""C1 controls, which references mean as Windows-1252."""
_MARK_ROOM = 4
"""Bytes that the replacement of one place may take."""
_HYPHEN_END, _SOFT_END, _SOFT = 0x90, 0xAD, 0xC2
"""Last bytes of U+2010, the hyphen proper, and of U+00AD, the soft hyphen, among others; and the first byte of the latter."""
_HYPHEN_BYTES = (0xE2, 0x80, _HYPHEN_END)
_LONGEST_NAME = 31
_MOST_DIGITS = 7
_DEPTH = 3
"""``&amp;amp;#39;`` is read through; deeper nesting is not."""
_ONE = np.uint64(1)
_PRIME, _BASIS = np.uint64(0x100000001B3), np.uint64(0xCBF29CE484222325)  # FNV-1a
_Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Entities:
    """Named character references that end in a semicolon (HTML Living Standard, 13.5), by the hash of their names.

    Shapes:
        hashes: (n,) uint64, ascending.
        offsets: (n + 1,) int64 into ``text``, UTF-8 of what they stand for.
        windows: (32,) int64, code points that the references 128 … 159 stand for: they are read as Windows-1252.
    """

    hashes: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    text: _Bytes
    windows: NDArray[np.int64]


@cache
def entities() -> Entities:
    """Return the table, made from Python's own."""
    named = {name[:-1]: value for name, value in html.entities.html5.items() if name.endswith(";")}
    ordered = sorted((_hash_name(name.encode()), value.encode()) for name, value in named.items())
    offsets = np.cumsum([0, *(len(value) for _, value in ordered)], dtype=np.int64)
    windows = [ord(bytes([code]).decode("cp1252", "ignore") or chr(code)) for code in range(_CONTROLS, _AFTER_CONTROLS)]
    hashes = np.array([value for value, _ in ordered], np.uint64)
    return Entities(hashes, offsets, np.frombuffer(b"".join(value for _, value in ordered), np.uint8), np.array(windows, np.int64))


def _hash_name(name: bytes) -> int:
    value = int(_BASIS)
    for byte in name:
        value = (value ^ byte) * int(_PRIME) & 0xFFFFFFFFFFFFFFFF
    return value


@dataclass(frozen=True, slots=True)
class RowCopies:
    """The rows of a batch that hold such places, copied with each replaced.

    Shapes:
        data: (n_bytes,) UTF-8, copies one after another.
        rows: (n,) int64, which rows these are, ascending.
        offsets: (n + 1,) int64, where each begins in ``data``.
        bounds: (n + 1,) int64, places of row ``rows[i]`` are ``bounds[i]:bounds[i + 1]``.
        places: (m, 4) int64, ascending: first byte and byte after the last of a place in the batch, and of what stands for it in ``data``.
    """

    data: _Bytes
    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]
    bounds: NDArray[np.int64]
    places: NDArray[np.int64]


@cache
def _no_copies() -> RowCopies:
    return RowCopies(_fixed(np.empty(0, np.uint8)), np.empty(0, np.int64), np.zeros(1, np.int64), np.zeros(1, np.int64), np.empty((0, 4), np.int64))


def _fixed(data: _Bytes) -> _Bytes:
    data.setflags(write=False)  # as the data of every batch: kernels are compiled for one kind of array
    return data


def copy_rows(data: _Bytes, offsets: NDArray[np.int64]) -> RowCopies:
    """Return copies of the rows that hold references or broken words, with references resolved and broken words put together.

    Args:
        data: UTF-8 of all rows.
        offsets: (n_rows + 1,) row boundaries; no place reaches over one.
    """
    marks = _find_marks(data, int(offsets[0]), int(offsets[-1]))
    if not len(marks):
        return _no_copies()
    table = entities()
    places = np.empty((len(marks), 4), np.int64)
    room = np.empty(_MARK_ROOM * len(marks), np.uint8)
    found = _find_places(data, offsets, marks, table.hashes, table.offsets, table.text, table.windows, places, room)
    if not found:
        return _no_copies()
    places = places[:found]
    rows, firsts = np.unique(np.searchsorted(offsets, places[:, 0], side="right") - 1, return_index=True)
    sizes = offsets[rows + 1] - offsets[rows] + np.add.reduceat(places[:, 3] - places[:, 1] + places[:, 0], firsts)
    copies = RowCopies(np.empty(int(sizes.sum()) + WINDOW, np.uint8), rows, np.append(0, np.cumsum(sizes)), np.append(firsts, found), places)
    _copy_rows(data, offsets, room, rows, copies.offsets, copies.bounds, places, copies.data)
    return replace(copies, data=_fixed(copies.data[: copies.offsets[-1]]))


@kernel()
def _copy_rows(
    data: _Bytes,
    offsets: NDArray[np.int64],
    room: _Bytes,
    rows: NDArray[np.int64],
    made_offsets: NDArray[np.int64],
    bounds: NDArray[np.int64],
    places: NDArray[np.int64],
    made: _Bytes,
) -> None:
    """Write the copies. ``places`` holds first and last byte, where the replacement stands in ``room``, and its length; it takes places as in ``RowCopies``."""
    for i in range(len(rows)):
        at, n = offsets[rows[i]], made_offsets[i]
        for k in range(bounds[i], bounds[i + 1]):
            n = _copy_run(data, at, places[k, 0], made, n)
            first = n
            for j in range(places[k, 2], places[k, 2] + places[k, 3]):
                made[n] = room[j]
                n += 1
            places[k, 2], places[k, 3] = first, n
            at = places[k, 1]
        _copy_run(data, at, offsets[rows[i] + 1], made, n)


@kernel()
def _copy_run(data: _Bytes, at: Int, end: Int, made: _Bytes, n: Int) -> Int:
    """Copy bytes, and some more behind them that are written over next; return the place after the last one asked for."""
    while at < end and at + WINDOW <= len(data):
        copy_window(data, at, made, n)
        step = min(end - at, WINDOW)
        at, n = at + step, n + step
    while at < end:
        made[n] = data[at]
        at, n = at + 1, n + 1
    return n


@kernel()
def put_back(places: NDArray[np.int64], bounds: tuple[Int, Int], shift: Int, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> tuple[Int, Int]:
    """Turn where words stand in a row's copy into where they stand in the batch, in place.

    Args:
        places: Those of ``RowCopies``, from the row's first to its last.
        bounds: Places that begin at or before the last start, and before the last end, that were turned of this row before: at first none.
        shift: What is added to a position before the first place.
        starts: Where words of the row start, ascending, after those turned before.
        ends: Where these end.

    Returns:
        The bounds for the words that follow.
    """
    k, j = bounds
    for i in range(len(starts)):
        while k < len(places) and places[k, 2] <= starts[i]:
            k += 1
        if k == 0:
            starts[i] += shift
        else:
            starts[i] = places[k - 1, 0] if starts[i] < places[k - 1, 3] else starts[i] - places[k - 1, 3] + places[k - 1, 1]
        while j < len(places) and places[j, 2] < ends[i]:
            j += 1
        if j == 0:
            ends[i] += shift
        else:
            ends[i] = places[j - 1, 1] if ends[i] <= places[j - 1, 3] else ends[i] - places[j - 1, 3] + places[j - 1, 1]
    return k, j


@kernel()
def _may_be_place(data: _Bytes, at: Int, high: int) -> bool:
    """Tell whether a place may be at a mark: a hyphen between letters, as most are, is none."""
    return bool(data[at] != _HYPHEN or (at + 1 < high and data[at + 1] <= _SPACE))


@kernel()
def _find_marks(data: _Bytes, low: int, high: int) -> NDArray[np.int64]:
    """Return where places may be."""
    marks = np.empty(WINDOW, np.int64)
    n = 0
    for first in range(low, high, WINDOW):
        if n + WINDOW > len(marks):
            grown = np.empty(2 * len(marks), np.int64)
            for k in range(n):  # assigning slices takes seconds to compile
                grown[k] = marks[k]
            marks = grown
        if first + WINDOW <= high:
            held = escape_bits(data, first)
            while held:
                marks[n] = first + trailing_zeros(held)
                held &= held - _ONE
                n += _may_be_place(data, marks[n], high)
        else:
            for at in range(first, high):
                if data[at] in (_AMPERSAND, _HYPHEN, _HYPHEN_END, _SOFT_END):
                    marks[n] = at
                    n += _may_be_place(data, at, high)
    return marks[:n]


@kernel()
def _is_letter(byte: int) -> bool:
    return byte >= _NOT_ASCII or _A <= (byte | _SMALL) <= _Z


@kernel()
def _broken_end(data: _Bytes, at: int, high: int) -> int:
    """Return where a word goes on that a hyphen before ``at`` breaks: in the next line, with a small letter; 0 if it does not."""
    while at < high and (data[at] == _SPACE or data[at] == _TAB):
        at += 1
    if at < high and data[at] == _CR:
        at += 1
        if at < high and data[at] == _LF:
            at += 1
    elif at < high and data[at] == _LF:
        at += 1
    else:
        return 0
    while at < high and (data[at] == _SPACE or data[at] == _TAB):
        at += 1
    return at if at < high and (_A <= data[at] <= _Z or data[at] >= _LETTERS_BEYOND) else 0


@kernel()
def _number(data: _Bytes, at: int, high: int, windows: NDArray[np.int64]) -> tuple[int, int]:
    """Return the code point of a numeric reference whose ``#`` stands before ``at``, and where it ends; end 0 if it is none."""
    is_hex = at < high and data[at] | _SMALL == _X
    if is_hex:
        at += 1
    code, first = 0, at
    while at < high and at - first <= _MOST_DIGITS:
        byte = data[at]
        if _0 <= byte <= _9:
            digit = byte - _0
        elif is_hex and _A <= byte | _SMALL <= _F:
            digit = (byte | _SMALL) - _A + 10
        else:
            break
        code = code * (16 if is_hex else 10) + digit
        at += 1
    is_character = 0 < code < _SURROGATES or _AFTER_SURROGATES <= code <= _LAST_CODE
    if at == first or at >= high or data[at] != _SEMICOLON or not is_character:
        return 0, 0
    if _CONTROLS <= code < _AFTER_CONTROLS:
        code = windows[code - _CONTROLS]
    return code, at + 1


@kernel()
def _name(data: _Bytes, at: int, high: int, hashes: NDArray[np.uint64]) -> tuple[int, int]:
    """Return the number of a named reference whose ampersand stands before ``at``, and where it ends; end 0 if it is none."""
    value = _BASIS
    first = at
    while at < high and at - first <= _LONGEST_NAME and (_0 <= data[at] <= _9 or _A <= data[at] | _SMALL <= _Z):
        value = (value ^ np.uint64(data[at])) * _PRIME
        at += 1
    if at == first or at >= high or data[at] != _SEMICOLON:
        return 0, 0
    k = np.searchsorted(hashes, value)
    return (int(k), at + 1) if k < len(hashes) and hashes[k] == value else (0, 0)


@kernel()
def _write_code(code: int, room: _Bytes, n: int) -> int:
    """Write a code point as UTF-8; return how many bytes."""
    form, bits = utf8_form(code)
    for k in range(bits // 8):
        room[n + k] = form >> np.uint64(8 * k) & np.uint64(0xFF)
    return int(bits // 8)


@kernel()
def _reference(
    data: _Bytes,
    at: int,
    high: int,
    hashes: NDArray[np.uint64],
    text_offsets: NDArray[np.int64],
    text: _Bytes,
    windows: NDArray[np.int64],
    room: _Bytes,
    n: int,
) -> tuple[int, int]:
    """Write what the reference stands for whose ampersand stands before ``at``; return where it ends (0: it is none) and how many bytes were written."""
    end = length = 0
    for _ in range(_DEPTH):
        if at < high and data[at] == _HASH:
            code, stop = _number(data, at + 1, high, windows)
            if stop:
                end, length = stop, _write_code(code, room, n)
            break
        k, stop = _name(data, at, high, hashes)
        written = text_offsets[k + 1] - text_offsets[k]
        if not stop or written > _MARK_ROOM:
            break
        for i in range(written):
            room[n + i] = text[text_offsets[k] + i]
        end, length, at = stop, written, stop
        if written != 1 or room[n] != _AMPERSAND:
            break
    return end, length


@kernel()
def _hyphen_start(data: _Bytes, at: int, low: int) -> int:
    """Return the first byte of the hyphen whose last one stands at ``at``; ``at`` where there is none, or where it is one byte."""
    if data[at] == _HYPHEN_END and at - low >= len(_HYPHEN_BYTES) - 1 and data[at - 1] == _HYPHEN_BYTES[1] and data[at - 2] == _HYPHEN_BYTES[0]:
        return at - 2
    return at - 1 if data[at] == _SOFT_END and at > low and data[at - 1] == _SOFT else at


@kernel()
def _find_places(
    data: _Bytes,
    offsets: NDArray[np.int64],
    marks: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    text_offsets: NDArray[np.int64],
    text: _Bytes,
    windows: NDArray[np.int64],
    places: NDArray[np.int64],
    room: _Bytes,
) -> int:
    """Write (first byte, byte after the last, where the replacement stands in ``room``, its length) of each place; return how many there are."""
    found = filled = row = done = 0
    for k in range(len(marks)):
        at = marks[k]
        if at < done:
            continue
        while offsets[row + 1] <= at:
            row += 1
        low, high = offsets[row], offsets[row + 1]
        first, end, length = at, 0, 0
        if data[at] == _AMPERSAND:
            end, length = _reference(data, at + 1, high, hashes, text_offsets, text, windows, room, filled)
            if length > 1 and room[filled] == _SOFT and room[filled + 1] == _SOFT_END:  # &shy;
                end = max(end, _broken_end(data, end, high))
        else:
            first = _hyphen_start(data, at, low)
            if (data[at] == _HYPHEN or first < at) and first > low and _is_letter(data[first - 1]):
                end = _broken_end(data, at + 1, high)
        if end:
            places[found, 0], places[found, 1], places[found, 2], places[found, 3] = first, end, filled, length
            found += 1
            filled += length
            done = end
    return found
