"""Text for people: hostile text made visible, numbers with thin separators, shares with their sign. Pure functions, no markup."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.model.audit import BrokenGlass

NARROW_SPACE = "\u202f"
"""Separates thousands, and a number from its unit."""
SHORT_DIGEST = 12
"""Hex characters of a digest shown where its full value stands in a title."""
_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})
_PLAIN = re.compile(r"[\n\x20-\x7e\xa0-\xac\xae-\u02ff]*")
_DELETE, _SYMBOL_FOR_DELETE = 0x7F, "\u2421"
_FIRST_CONTROL_PICTURE, _CONTROLS = 0x2400, 0x20
_SMALLEST_PERCENT, _LARGEST_PERCENT = 0.1, 99.9
_SMALLEST_RATE = 0.0001
"""Expected alarms below this are all the same to a reader."""
_SI_STEP = 1000


def visible(text: str) -> str:
    """Return text in which no character is invisible or changes the order of others.

    C0 controls become their pictures (NUL is ␀), tabs four spaces; bidirectional controls, zero-width characters, lone surrogates, noncharacters, and private
    code points become ``⟨U+202E⟩``. Line feeds stay. Emoji joiners are shown too: what a passage really holds matters more than its looks.
    """
    if _PLAIN.fullmatch(text):
        return text
    return "".join(_shown(c) for c in text)


def _shown(char: str) -> str:
    if char in {"\n", NARROW_SPACE}:
        return char
    if char == "\t":
        return "    "
    code = ord(char)
    if code < _CONTROLS:
        return chr(_FIRST_CONTROL_PICTURE + code)
    if code == _DELETE:
        return _SYMBOL_FOR_DELETE
    if unicodedata.category(char) in _HIDDEN_CATEGORIES or is_noncharacter(code):
        return f"⟨U+{code:04X}⟩"
    return char


def is_noncharacter(code: int) -> bool:
    """Tell whether a code point stands for no character and never will (Unicode, section 23.7): XML cannot hold U+FFFE and U+FFFF."""
    return 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE  # noqa: PLR2004 - the standard's own numbers


def clip(text: str, limit: int) -> str:
    """Return text of at most ``limit`` characters; the cut is shown as …."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def clip_middle(text: str, limit: int) -> str:
    """Return text of at most ``limit`` characters with the cut in the middle, so that a path keeps both ends."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return text[:head] + "…" + text[len(text) - (limit - 1 - head) :]


def number(value: float) -> str:
    """Return a number with thin separators: ``31 204``; at most two decimals.

    >>> number(31204) == "31\u202f204"
    True
    """
    if isinstance(value, int) or float(value).is_integer():
        return f"{int(value):,}".replace(",", NARROW_SPACE)
    return f"{value:,.2f}".replace(",", NARROW_SPACE)


def percent(share: float) -> str:
    """Return a share of 0 … 1 in per cent. Nothing that is not zero is printed as zero, and nothing short of all as all.

    >>> percent(0.00004), percent(0.9999), percent(0.31)
    ('< 0.1\u202f%', '> 99.9\u202f%', '31\u202f%')
    """
    whole = 100
    value = whole * share
    if 0 < value < _SMALLEST_PERCENT:
        return f"< 0.1{NARROW_SPACE}%"
    if _LARGEST_PERCENT < value < whole:
        return f"> 99.9{NARROW_SPACE}%"
    text = f"{value:.1f}".removesuffix(".0")
    return f"{text}{NARROW_SPACE}%"


def rate(value: float) -> str:
    """Return a small expected number: two significant digits, never 0 for what is not zero."""
    if value == 0:
        return "0"
    return f"{value:.2g}" if value >= _SMALLEST_RATE else f"< {_SMALLEST_RATE}"


def size(size_bytes: int) -> str:
    """Return a size in the decimal unit that keeps it short: ``4.4 MB``."""
    value, units = float(size_bytes), ("B", "kB", "MB", "GB", "TB", "PB")
    for unit in units:
        if value < _SI_STEP or unit == units[-1]:
            text = f"{value:.0f}" if unit == "B" else f"{value:.1f}"
            return f"{text}{NARROW_SPACE}{unit}"
        value /= _SI_STEP
    raise AssertionError("unreachable")


def count(value: int, singular: str, plural: str | None = None) -> str:
    """Return a number with its noun: ``1 shard``, ``18 shards``."""
    return f"{number(value)} {singular if value == 1 else plural or singular + 's'}"


def short_digest(digest: str) -> str:
    """Return the first characters of a digest's hex part; other text is clipped."""
    return digest.removeprefix("sha256:")[:SHORT_DIGEST]


def csv_cell(value: object) -> str:
    """Return a cell that no spreadsheet takes for a formula: one that begins with ``= + - @``, tab or a line break gets an apostrophe in front."""
    text = "" if value is None else str(value)
    if not isinstance(value, int | float) and text[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"}:
        return "'" + text
    return text


def broken_glass_line(one: BrokenGlass) -> str:
    """Return in a line what a break-glass clearance let pass, who approved it and why."""
    passed = f"{count(one.findings, 'finding')} of {', '.join(one.rules)}"
    return f"Break-glass: the run was let start without being cleared, {one.at} to {one.expires}; {passed} let pass by {one.approver}: {one.reason}"
