"""Kernels that cut UTF-8 into words and hash their normal forms. Call them through ``tokens``; read ``characters`` for what a word is.

The hash of a word is made of the UTF-8 bytes of its normal form, eight at a time, at least two times eight, zeros after the end. Normal forms hold no
NUL, so forms of up to eight bytes never collide, and longer ones by 64-bit chance only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.characters import ALONE, CLASS_MASK, EXPAND, FOREIGN, HANGUL, KEEP, LATIN, LOOK_ALIKE, MARK, SEPARATOR, VALUE_SHIFT, WORD
from provenance.fingerprint.jit import kernel
from provenance.fingerprint.plain import end_of_other, finish_hash, mix_chunk, scan_plain

U64 = np.uint64
Int = int | np.signedinteger[Any]
_64 = U64(64)
ROOM = 32
"""Words that one character can add at the most, rounded up: the longest expansion has 18 characters."""
_ALONE_WORD = 64  # flag of an open word, beside LATIN, FOREIGN and LOOK_ALIKE: a character of a script without spaces

# An open word: (start, stop, flags, first part, chunk, bytes in chunk, chunks mixed, state). Start -1: no word is open.
_Hash = tuple[np.uint64, np.uint64, Int, np.uint64]
_Word = tuple[Int, Int, Int, Int, np.uint64, np.uint64, Int, np.uint64]
_Table = tuple[NDArray[np.uint16], NDArray[np.uint32], NDArray[np.uint32]]
_Out = tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int64]]
_NO_WORD: _Word = (-1, -1, 0, 0, U64(0), U64(0), 0, U64(0))


@kernel(inline="always")
def utf8_form(code: Int) -> tuple[np.uint64, Int]:
    """Return the UTF-8 form of a code point, its first byte lowest, and its length in bits."""
    if code < 0x80:
        return U64(code), 8
    last = 0x80 | (code & 0x3F)
    if code < 0x800:
        return U64(0xC0 | code >> 6 | last << 8), 16
    third = 0x80 | (code >> 6 & 0x3F)
    if code < 0x10000:
        return U64(0xE0 | code >> 12 | third << 8 | last << 16), 24
    return U64(0xF0 | code >> 18 | (0x80 | (code >> 12 & 0x3F)) << 8 | third << 16 | last << 24), 32


@kernel(inline="always")
def _push_code(partial: _Hash, code: Int) -> _Hash:
    """Add the UTF-8 form of a code point."""
    chunk, filled, index, state = partial
    form, bits = utf8_form(code)
    chunk |= form << filled
    if filled + U64(bits) < _64:
        return chunk, filled + U64(bits), index, state
    return form >> (_64 - filled), filled + U64(bits) - _64, index + 1, mix_chunk(state, index, chunk)


@kernel(_nrt=False)
def _push_hangul(partial: _Hash, code: Int) -> _Hash:
    """Add a Hangul syllable as its letters (Unicode 3.12)."""
    index = code - 0xAC00
    partial = _push_code(partial, 0x1100 + index // 588)
    partial = _push_code(partial, 0x1161 + index % 588 // 28)
    return _push_code(partial, 0x11A7 + index % 28) if index % 28 else partial


@kernel(_nrt=False)
def _close_hash(partial: _Hash) -> np.uint64:
    chunk, filled, index, state = partial
    if filled:
        state = mix_chunk(state, index, chunk)
        index += 1
    while index < 2:
        state = mix_chunk(state, index, U64(0))
        index += 1
    return finish_hash(state)


@kernel(inline="always")
def decode(data: NDArray[np.uint8], at: Int, end: Int) -> tuple[Int, Int]:
    """Return the code point at a byte and how many bytes it takes; ``(-1, 1)`` for what is not UTF-8 (Unicode table 3-7)."""
    first = np.int64(data[at])
    if first < 0x80:
        return first, 1
    size = 2 + (first >= 0xE0) + (first >= 0xF0)
    if first < 0xC2 or first > 0xF4 or at + size > end:
        return -1, 1
    code = first & (0x7F >> size)
    for i in range(at + 1, at + size):
        byte = np.int64(data[i])
        if byte & 0xC0 != 0x80:
            return -1, 1
        code = code << 6 | (byte & 0x3F)
    overlong = (size == 3 and code < 0x800) or (size == 4 and (code < 0x10000 or code > 0x10FFFF))
    return (-1, 1) if overlong or (0xD800 <= code < 0xE000) else (code, size)


@kernel(inline="always")
def _cell(pages: NDArray[np.uint16], cells: NDArray[np.uint32], code: Int) -> Int:
    if code < 0:
        return SEPARATOR
    return np.int64(cells[np.int64(pages[code >> 8]) << 8 | (code & 255)])


@kernel(inline="always")
def _closes(flags: Int, cell: Int) -> bool:
    """Tell whether a character ends the open word before it."""
    kind = cell & CLASS_MASK
    return kind in (SEPARATOR, ALONE) or (flags & _ALONE_WORD != 0 and kind in (WORD, HANGUL))


@kernel(inline="always")
def _extend(word: _Word, cell: Int, code: Int, part: Int, at: Int, size: Int) -> _Word:
    """Return the open word with one more character, or a word opened by it."""
    start, _, flags, first, chunk, filled, index, state = word
    kind, value = cell & CLASS_MASK, cell >> VALUE_SHIFT
    partial = (chunk, filled, index, state)
    if kind in (MARK, KEEP):
        if start < 0:
            return word
        if kind == KEEP and flags & (FOREIGN | _ALONE_WORD):
            partial = _push_code(partial, value or code)
        return start, at + size, flags, first, partial[0], partial[1], partial[2], partial[3]
    if kind not in (WORD, ALONE, HANGUL):
        return word
    if start < 0:
        start, first = at, part
    flags |= (cell & (LATIN | FOREIGN | LOOK_ALIKE)) | (_ALONE_WORD if kind == ALONE else 0)
    if kind == HANGUL:
        partial = _push_hangul(partial, code)
    elif cell & LOOK_ALIKE:
        partial = _push_code(partial, value & 0xFFFF)
    else:
        partial = _push_code(partial, value or code)
    return start, at + size, flags, first, partial[0], partial[1], partial[2], partial[3]


@kernel(_nrt=False)
def _hash_as_latin(data: NDArray[np.uint8], start: Int, stop: Int, first: Int, table: _Table) -> np.uint64:
    """Return the hash of a Latin word with every look-alike read as the Latin letter."""
    pages, cells, pool = table
    partial: _Hash = (U64(0), U64(0), 0, U64(0))
    at = start
    while at < stop:
        code, size = decode(data, at, stop)
        cell = _cell(pages, cells, code)
        parts, base = (cell >> VALUE_SHIFT & 31, cell >> VALUE_SHIFT + 5) if cell & CLASS_MASK == EXPAND else (1, -1)
        for part in range(first if at == start else 0, parts):
            piece = cell if base < 0 else np.int64(pool[base + part])
            kind, value = piece & CLASS_MASK, piece >> VALUE_SHIFT
            if kind in (SEPARATOR, ALONE):
                return _close_hash(partial)
            if kind == WORD:
                letter = value >> 16 if piece & LOOK_ALIKE else value
                partial = _push_code(partial, letter or code)
        at += size
    return _close_hash(partial)


@kernel(_nrt=False)
def _is_disguised(flags: Int) -> bool:
    return flags & LOOK_ALIKE != 0 and flags & LATIN != 0 and flags & FOREIGN == 0


@kernel(_nrt=False)
def _step_back(starts: NDArray[np.int64], stops: NDArray[np.int64], n: Int, floor: Int, at: Int) -> tuple[Int, Int]:
    """Return where to resume and how many words stay, so that no word is cut: words that share a character with what follows are redone."""
    while n > floor and stops[n - 1] > at:
        n -= 1
        at = starts[n]
    return at, n


@kernel(_nrt=False)
def scan_any(data: NDArray[np.uint8], at: Int, end: Int, table: _Table, out: _Out, n: Int) -> tuple[Int, Int]:
    """Cut any text into words.

    Args:
        data: UTF-8.
        at: First byte, not inside a word.
        end: After the last byte.
        table: Pages, cells and pool of the character table.
        out: Hashes, starts and ends; filled from ``n`` on.
        n: Words there so far.

    Returns:
        Where it stopped (``end``, or earlier where ``out`` is full: call again with more room) and the number of words.
    """
    pages, cells, pool = table  # taken out of the tuples once: each time costs two atomic counts
    hashes, starts, stops = out
    word, floor = _NO_WORD, n
    while at < end:
        if n > len(hashes) - ROOM:
            return _step_back(starts, stops, n, floor, word[0] if word[0] >= 0 else at)
        code, size = decode(data, at, end)
        cell = _cell(pages, cells, code)
        parts, base = (cell >> VALUE_SHIFT & 31, cell >> VALUE_SHIFT + 5) if cell & CLASS_MASK == EXPAND else (1, -1)
        for part in range(parts):
            piece = cell if base < 0 else np.int64(pool[base + part])
            if word[0] >= 0 and _closes(word[2], piece):
                hashes[n] = _hash_as_latin(data, word[0], word[1], word[3], table) if _is_disguised(word[2]) else _close_hash(word[4:])
                starts[n], stops[n] = word[0], word[1]
                word = _NO_WORD
                n += 1
            word = _extend(word, piece, code, part, at, size)
        at += size
    if word[0] >= 0:
        hashes[n] = _hash_as_latin(data, word[0], word[1], word[3], table) if _is_disguised(word[2]) else _close_hash(word[4:])
        starts[n], stops[n] = word[0], word[1]
        n += 1
    return end, n


@kernel()
def _grown(out: _Out, n: Int, capacity: Int) -> _Out:
    """Return larger arrays with the first ``n`` words kept."""
    hashes, starts, stops = np.empty(capacity, np.uint64), np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    for i in range(n):  # assigning slices would take three seconds to compile
        hashes[i], starts[i], stops[i] = out[0][i], out[1][i], out[2][i]
    return hashes, starts, stops


@kernel(_nrt=False)
def scan_row(data: NDArray[np.uint8], at: Int, end: Int, table: _Table, out: _Out, n: Int) -> tuple[Int, Int]:
    """Cut a row, or the rest of one, into words.

    Args:
        data: UTF-8.
        at: First byte, not inside a word.
        end: After the last byte.
        table: Pages, cells and pool of the character table.
        out: Hashes, starts and ends, room for ``2 * ROOM`` of each at least; filled from ``n`` on.
        n: Words there so far.

    Returns:
        Where it stopped (``end``, or earlier where ``out`` is full: call again with more room, or with the words taken out) and the number of words.
    """
    while at < end:
        at, n = scan_plain(data, at, end, out, n)
        # An ASCII separator closes any word, so the text before one can be cut by itself.
        stop = end_of_other(data, at, end)
        at, n = scan_any(data, at, stop, table, out, n)
        if at < stop:
            break
    return at, n


@kernel()
def scan_rows(data: NDArray[np.uint8], offsets: NDArray[np.int64], table: _Table, out: _Out, rows: NDArray[np.int64]) -> tuple[_Out, Int]:
    """Cut rows into words.

    Args:
        data: UTF-8.
        offsets: Row boundaries.
        table: Pages, cells and pool of the character table.
        out: Room for hashes, starts and ends; at least ``ROOM`` of each.
        rows: As long as ``offsets``; takes the words' row offsets.

    Returns:
        The arrays given, or larger ones in their place, and the number of words.
    """
    rows[0] = 0
    n: Int = rows[0]  # a literal would compile every callee once more
    for row in range(len(offsets) - 1):
        at, end = offsets[row], offsets[row + 1]
        while at < end:
            at, n = scan_row(data, at, end, table, out, n)
            if at < end:
                out = _grown(out, n, 2 * len(out[0]))
        rows[row + 1] = n
    return out, n


@kernel()
def count_codes(data: NDArray[np.uint8], start: Int, positions: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the code points between ``start`` and each of the ascending positions: bytes that do not continue a character."""
    counts = np.empty(len(positions), np.int64)
    at: Int = start
    count = 0
    for i in range(len(positions)):
        for byte in data[at : positions[i]]:
            count += (byte & 0xC0) != 0x80
        at = max(at, positions[i])
        counts[i] = count
    return counts
