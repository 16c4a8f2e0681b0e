r"""Read JSON objects of one shape straight from their bytes: the same keys in the same order, every value a string, number, ``true``, ``false`` or ``null``.

Most corpora are that, line after line. What follows is the grammar of RFC 8259, narrowed: a line that is not certainly one of these objects ends the reading
there, and is left to a decoder that knows all of JSON. So nothing is taken here that the decoder would refuse or read differently: keys are compared as bytes and
thus never come twice, lone surrogates, exponents and long numbers are left alone, and who calls has made sure of UTF-8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.bits import WINDOW, Int, copy_window, string_stop_bits, trailing_zeros
from provenance.fingerprint.jit import kernel
from provenance.ingest.rawbytes import count_feeds

OTHER, TEXT, WHOLE = 0, 1, 2
"""Kinds of values: what is no text, a string, a whole number."""
_MOST_KEYS, _MOST_KEY_BYTES = 64, 4096
_LINES = 8192
"""Lines that are read at a time, at most."""
_LOOK_BYTES = 1 << 20
"""Bytes in which lines are counted before room is made for them."""
_LONGEST_NUMBER = 15
"""Digits that a double holds for certain."""
_QUOTE, _BACKSLASH, _SLASH, _FEED, _MINUS, _ZERO, _NINE, _POINT = (ord(c) for c in '"\\/\n-09.')
_COLON, _COMMA, _OPEN, _CLOSE, _SPACE, _TAB, _RETURN = (ord(c) for c in ":,{} \t\r")
_TRUE, _FALSE, _NULL = (np.frombuffer(word, np.uint8) for word in (b"true", b"false", b"null"))
_LETTER_U = ord("u")
_NOT = np.int64(-1)
_ALL = ~np.uint64(0)
_HIGH, _LOW, _BEYOND = 0xD800, 0xDC00, 0xE000
"""Where the halves of surrogate pairs begin, high ones and low ones, and end."""
_TWO_BYTES, _THREE_BYTES, _FOUR_BYTES = 0x80, 0x800, 0x10000
"""The first code points that take so many."""
_LEAD = 0xC0
"""The least byte that begins a character outside ASCII."""


def _escaped() -> NDArray[np.uint8]:
    table = np.zeros(256, np.uint8)
    for letter, byte in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True):
        table[letter] = byte
    return table


def _hex_digits() -> NDArray[np.int64]:
    table = np.full(256, _NOT)
    for value, digit in enumerate("0123456789abcdef"):
        table[[ord(digit), ord(digit.upper())]] = value
    return table


def _word_bytes() -> NDArray[np.bool_]:
    return np.array([chr(byte).isascii() and chr(byte).isalnum() for byte in range(256)])


_ESCAPED, _HEX, _IN_WORD = _escaped(), _hex_digits(), _word_bytes()


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys of some objects, as they are written."""

    keys: tuple[str, ...]
    written: NDArray[np.uint8]
    """The keys, each between quotation marks, one after the other."""
    offsets: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scanned:
    """Objects of one shape that follow one another, a line each.

    Shapes:
        kinds: (n, keys) uint8.
        spans: (n, keys, 2) int64, where a value begins and ends; a string without its quotation marks.
        lines: (n, 2) int64, where each line begins and ends.
    """

    data: NDArray[np.uint8]
    kinds: NDArray[np.uint8]
    spans: NDArray[np.int64]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.kinds)

    @property
    def end(self) -> int:
        """Where the line after them begins."""
        return int(self.lines[-1, 1]) + 1

    def texts(self, key: int, rows: NDArray[np.int64]) -> list[memoryview]:
        """Return the strings of a key in some objects, as UTF-8: views of one piece of memory, which cannot be written."""
        view, ends = self._unescaped(key, rows)
        return [view[start:end] for start, end in pairwise(ends)]

    def strings(self, key: int, rows: NDArray[np.int64]) -> list[str]:
        """Return the strings of a key in some objects."""
        view, ends = self._unescaped(key, rows)
        text = str(view[: ends[-1]], "utf-8")
        if len(text) == ends[-1]:
            return [text[start:end] for start, end in pairwise(ends)]
        return [str(view[start:end], "utf-8") for start, end in pairwise(ends)]

    def _unescaped(self, key: int, rows: NDArray[np.int64]) -> tuple[memoryview, list[int]]:
        """Return the strings of a key as UTF-8, one after the other, and where each begins and the last ends."""
        spans = np.ascontiguousarray(self.spans[rows, key])
        out = np.empty(int((spans[:, 1] - spans[:, 0]).sum()) + WINDOW, np.uint8)
        offsets = np.zeros(len(rows) + 1, np.int64)
        _unescape(self.data, spans, out, offsets)
        return out.data.toreadonly(), offsets.tolist()

    def most_words(self, key: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return of each string of a key the most words that it can hold. Shapes: (rows,) int64."""
        counts = np.empty(len(rows), np.int64)
        _bound_words(self.data, np.ascontiguousarray(self.spans[rows, key]), counts)
        return counts


def shape_of(keys: Sequence[str]) -> Shape | None:
    """Return the shape of objects with some keys, ``None`` where they may be written in several ways or are too many."""
    if not 0 < len(keys) <= _MOST_KEYS or sum(map(len, keys)) > _MOST_KEY_BYTES or not all(key.isascii() and key.isprintable() for key in keys):
        return None
    if any(mark in key for key in keys for mark in '"\\/'):
        return None
    written = [f'"{key}"'.encode() for key in keys]
    offsets = np.cumsum([0, *map(len, written)], dtype=np.int64)
    return Shape(tuple(keys), np.frombuffer(b"".join(written), np.uint8), offsets)


def scan_objects(data: NDArray[np.uint8], first: int, shape: Shape) -> Scanned:
    """Read objects of one shape from the line that begins at ``first`` on, up to the first line that is none.

    Args:
        data: Whole lines of UTF-8, without the last line feed.
        first: Where a line begins.
        shape: What the objects must be.
    """
    count = len(shape.keys)
    room = min(count_feeds(data[first : first + _LOOK_BYTES]) + 1, _LINES)
    kinds, spans, lines = np.empty((room, count), np.uint8), np.empty((room, count, 2), np.int64), np.empty((room, 2), np.int64)
    found = _scan(data, first, shape.written, shape.offsets, kinds, spans, lines)
    return Scanned(data, kinds[:found], spans[:found], lines[:found])


@kernel()
def _skip(data: NDArray[np.uint8], at: Int) -> np.int64:
    """Return the first place from ``at`` on without white space; a line feed ends a line here."""
    while at < len(data) and (data[at] == _SPACE or data[at] == _TAB or data[at] == _RETURN):
        at += 1
    return np.int64(at)


@kernel()
def _is_at(data: NDArray[np.uint8], at: Int, text: NDArray[np.uint8]) -> bool:
    if at + len(text) > len(data):
        return False
    k = 0
    while k < len(text) and data[at + k] == text[k]:
        k += 1
    return k == len(text)


@kernel(_nrt=False)
def _from(bits: np.uint64, place: Int) -> np.uint64:
    """Return the bits of a window from a place on."""
    return np.uint64(0) if place >= WINDOW else bits & (_ALL << np.uint64(place))


@kernel()
def _read_unit(data: NDArray[np.uint8], at: Int) -> np.int64:
    """Return the number that four hexadecimal digits give, negative where they are none."""
    if at + 4 > len(data):
        return _NOT
    value = np.int64(0)
    for k in range(4):
        digit = _HEX[data[at + k]]
        if digit < 0:
            return _NOT
        value = value * 16 + digit
    return value


@kernel()
def _after_escape(data: NDArray[np.uint8], at: Int) -> np.int64:
    """Return the place after the escape that begins at ``at``, negative where it is none or stands for no character."""
    if at + 1 >= len(data):
        return _NOT
    if _ESCAPED[data[at + 1]]:
        return np.int64(at + 2)
    unit = _read_unit(data, at + 2) if data[at + 1] == _LETTER_U else _NOT
    if unit < 0 or _LOW <= unit < _BEYOND:
        return _NOT
    if not _HIGH <= unit < _LOW:
        return np.int64(at + 6)
    if at + 8 > len(data) or data[at + 6] != _BACKSLASH or data[at + 7] != _LETTER_U:
        return _NOT
    return np.int64(at + 12) if _LOW <= _read_unit(data, at + 8) < _BEYOND else _NOT


@kernel()
def _end_of_string(data: NDArray[np.uint8], at: Int) -> np.int64:
    """Return where the closing quotation mark of a string stands whose first byte is at ``at``, negative where it has none in its line."""
    while at + WINDOW <= len(data):
        first = at
        bits = string_stop_bits(data, first)
        at += WINDOW
        while bits:
            place = first + trailing_zeros(bits)
            if data[place] == _QUOTE:
                return np.int64(place)
            after = _after_escape(data, place) if data[place] == _BACKSLASH else _NOT
            if after < 0:
                return _NOT
            bits, at = _from(bits, after - first), max(at, after)
    while at < len(data) and data[at] >= _SPACE:
        if data[at] == _QUOTE:
            return np.int64(at)
        at = _after_escape(data, at) if data[at] == _BACKSLASH else np.int64(at + 1)
        if at < 0:
            return _NOT
    return _NOT


@kernel()
def _digits(data: NDArray[np.uint8], at: Int) -> np.int64:
    """Return the first place from ``at`` on without a digit."""
    while at < len(data) and _ZERO <= data[at] <= _NINE:
        at += 1
    return np.int64(at)


@kernel()
def _end_of_number(data: NDArray[np.uint8], at: Int) -> tuple[np.int64, np.uint8]:
    """Return where a number ends and its kind; a negative place where it is none, or one that readers may take differently."""
    first = at + 1 if data[at] == _MINUS else at
    end = _digits(data, first)
    if end == first or (data[first] == _ZERO and end > first + 1) or end - first > _LONGEST_NUMBER:
        return _NOT, np.uint8(OTHER)
    if end == len(data) or data[end] != _POINT:
        minus_zero = data[first] == _ZERO and first > at
        return (_NOT if minus_zero else end), np.uint8(WHOLE)
    last = _digits(data, end + 1)
    return (_NOT if last == end + 1 or last - end > _LONGEST_NUMBER else last), np.uint8(OTHER)


@kernel()
def _end_of_value(data: NDArray[np.uint8], at: Int) -> tuple[np.int64, np.uint8]:
    """Return where the value that begins at ``at`` ends, and its kind; a negative place where it is none of those read here."""
    if at >= len(data):
        return _NOT, np.uint8(OTHER)
    if data[at] == _QUOTE:
        end = _end_of_string(data, at + 1)
        return (end if end < 0 else end + 1), np.uint8(TEXT)
    if data[at] == _MINUS or _ZERO <= data[at] <= _NINE:
        return _end_of_number(data, at)
    for word in (_TRUE, _FALSE, _NULL):
        if _is_at(data, at, word):
            return np.int64(at + len(word)), np.uint8(OTHER)
    return _NOT, np.uint8(OTHER)


@kernel()
def _scan_line(
    data: NDArray[np.uint8], at: Int, written: NDArray[np.uint8], offsets: NDArray[np.int64], kinds: NDArray[np.uint8], spans: NDArray[np.int64]
) -> np.int64:
    """Read one object; return where its line ends, negative where it is none of the shape."""
    at = _skip(data, at)
    count = len(offsets) - 1
    for k in range(count):
        if at >= len(data) or data[at] != (_COMMA if k else _OPEN):
            return _NOT
        at = _skip(data, at + 1)
        if not _is_at(data, at, written[offsets[k] : offsets[k + 1]]):
            return _NOT
        at = _skip(data, at + offsets[k + 1] - offsets[k])
        if at >= len(data) or data[at] != _COLON:
            return _NOT
        at = _skip(data, at + 1)
        end, kind = _end_of_value(data, at)
        if end < 0:
            return _NOT
        quotes = np.int64(kind == TEXT)
        kinds[k], spans[k, 0], spans[k, 1] = kind, at + quotes, end - quotes
        at = _skip(data, end)
    if at >= len(data) or data[at] != _CLOSE:
        return _NOT
    at = _skip(data, at + 1)
    return at if at == len(data) or data[at] == _FEED else _NOT


@kernel()
def _scan(
    data: NDArray[np.uint8],
    first: Int,
    written: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    kinds: NDArray[np.uint8],
    spans: NDArray[np.int64],
    lines: NDArray[np.int64],
) -> int:
    """Read objects until a line is none or there is no more room; return how many."""
    found = 0
    at = np.int64(first)
    while found < len(kinds) and at < len(data):
        end = _scan_line(data, at, written, offsets, kinds[found], spans[found])
        if end < 0:
            break
        lines[found, 0], lines[found, 1] = at, end
        at = end + 1
        found += 1
    return found


@kernel()
def _write_character(code: Int, out: NDArray[np.uint8], n: Int) -> np.int64:
    """Write a code point as UTF-8; return the place after it."""
    if code < _TWO_BYTES:
        out[n] = code
        return np.int64(n + 1)
    more = 1 if code < _THREE_BYTES else 2 if code < _FOUR_BYTES else 3
    out[n] = (0xF00 >> (more + 1) & 0xFF) | code >> 6 * more
    for k in range(1, more + 1):
        out[n + k] = 0x80 | code >> 6 * (more - k) & 0x3F
    return np.int64(n + more + 1)


@kernel(_nrt=False)
def _write_escape(data: NDArray[np.uint8], at: Int, out: NDArray[np.uint8], n: Int) -> tuple[np.int64, np.int64]:
    """Write the character that an escape stands for, which was checked; return the places after both."""
    if data[at + 1] != _LETTER_U:
        out[n] = _ESCAPED[data[at + 1]]
        return np.int64(at + 2), np.int64(n + 1)
    code = _read_unit(data, at + 2)
    at += 6
    if _HIGH <= code < _LOW:
        code = _FOUR_BYTES + ((code - _HIGH) << 10) + _read_unit(data, at + 2) - _LOW
        at += 6
    return np.int64(at), _write_character(code, out, n)


@kernel()
def _unescape(data: NDArray[np.uint8], spans: NDArray[np.int64], out: NDArray[np.uint8], offsets: NDArray[np.int64]) -> None:
    """Write strings, whose escapes were checked, one after the other; no escape is shorter than what it stands for."""
    n = np.int64(0)
    for row in range(len(spans)):
        at, end = spans[row, 0], spans[row, 1]
        while at < end and at + 2 * WINDOW <= len(data):  # what is copied beyond the string or an escape is written over
            first, last = at, min(at + WINDOW, end)
            bits = string_stop_bits(data, first)
            while bits and first + trailing_zeros(bits) < end:
                place = first + trailing_zeros(bits)
                copy_window(data, at, out, n)
                at, n = _write_escape(data, place, out, n + place - at)
                bits = _from(bits, at - first)
            if at < last:
                copy_window(data, at, out, n)
                at, n = last, n + last - at
        while at < end:
            if data[at] == _BACKSLASH:
                at, n = _write_escape(data, at, out, n)
            else:
                out[n] = data[at]
                at, n = at + 1, n + 1
        offsets[row + 1] = n


@kernel()
def _bound_words(data: NDArray[np.uint8], spans: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """Count runs of letters and digits, characters outside ASCII, and backslashes: whatever an escape stands for, it is one character."""
    for row in range(len(spans)):
        count, inside = np.int64(0), False
        for at in range(spans[row, 0], spans[row, 1]):
            byte = data[at]
            held = _IN_WORD[byte]
            count += np.int64(held and not inside) + np.int64(byte >= _LEAD) + np.int64(byte == _BACKSLASH)
            inside = held
        counts[row] = count
