"""What each Unicode character contributes to words: a table made once from ``unicodedata``, shipped as a file, the same under every Python.

The normal form of a character is NFKD, casefold, NFKD again, with format characters, apostrophes and decorating marks dropped and look-alikes of Latin
letters folded. It is context-free except for look-alikes in one case only (В, but not в): these carry both readings, and the word decides.
"""

from __future__ import annotations

import unicodedata
import zlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.confusables import APOSTROPHES, FILLERS, LOOK_ALIKES

SEPARATOR, WORD, ALONE, DROP, MARK, KEEP, EXPAND, HANGUL = range(8)
"""Classes: not in a word; letter or digit; a word by itself; as if absent; decorating mark, absent but part of the word's span; mark that spells
(Indic vowel signs); several characters, in the pool; Hangul syllable, taken apart by arithmetic."""
CLASS_MASK, LATIN, FOREIGN, LOOK_ALIKE = 7, 8, 16, 32
"""Flags: Latin letter; letter of a script that this character's look-alikes cannot disguise; value holds two readings, plain | alternative << 16."""
VALUE_SHIFT = 6
"""The value above the flags: normal code point (0: the character itself), or for ``EXPAND`` pool start << 5 | length."""

_PAGE, _CODE_POINTS = 256, 0x110000
_MAGIC = b"PRCH1"
_TABLE_FILE = "characters.bin"
_SCRIPTS_WITHOUT_SPACES = (
    "CJK UNIFIED IDEOGRAPH",
    "CJK COMPATIBILITY IDEOGRAPH",
    "HIRAGANA",
    "KATAKANA",
    "THAI",
    "LAO",
    "KHMER",
    "MYANMAR",
    "TANGUT IDEOGRAPH",
    "IDEOGRAPHIC",
    "VERTICAL IDEOGRAPHIC",
)
_DECORATING = ("COMBINING", "HEBREW", "ARABIC", "SYRIAC", "VARIATION SELECTOR", "MONGOLIAN FREE VARIATION")
_VOICING = "\u3099\u309a"  # Japanese sound marks spell: が is not か


@dataclass(frozen=True, slots=True)
class CharacterTable:
    """The table in two stages.

    Shapes:
        pages: (4352,) uint16, page number of each run of 256 code points.
        cells: (n_pages * 256,) uint32, class, flags and value.
        pool: (n,) uint32, cells of characters that become several.
    """

    pages: NDArray[np.uint16]
    cells: NDArray[np.uint32]
    pool: NDArray[np.uint32]
    unicode_version: str


@cache
def character_table() -> CharacterTable:
    """Return the shipped table."""
    return _decode(files("provenance.fingerprint").joinpath(_TABLE_FILE).read_bytes())


def build_table() -> CharacterTable:
    """Return the table made from this Python's ``unicodedata``.

    Cost: some seconds. Only the maker of the shipped file and its test call this.
    """
    pool: list[int] = []
    cells = np.zeros(_CODE_POINTS, dtype=np.uint32)
    for code in range(_CODE_POINTS):
        if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs", "Cc", "Zs"):
            cells[code] = _encode(code, pool)
    pages, numbers = np.unique(cells.reshape(-1, _PAGE), axis=0, return_inverse=True)
    return CharacterTable(numbers.astype(np.uint16).ravel(), pages.ravel(), np.array(pool, dtype=np.uint32), unicodedata.unidata_version)


def table_bytes(table: CharacterTable) -> bytes:
    """Return the file form of a table."""
    head = np.array([len(table.pages), len(table.cells), len(table.pool)], dtype="<u4").tobytes()
    arrays = (table.pages.astype("<u2"), table.cells.astype("<u4"), table.pool.astype("<u4"))
    version = table.unicode_version.encode().ljust(16, b"\0")
    return _MAGIC + version + head + zlib.compress(b"".join(array.tobytes() for array in arrays), 9)


def _decode(raw: bytes) -> CharacterTable:
    start = len(_MAGIC)
    version = raw[start : start + 16].rstrip(b"\0").decode()
    n_pages, n_cells, n_pool = np.frombuffer(raw, dtype="<u4", count=3, offset=start + 16).tolist()
    body = zlib.decompress(raw[start + 28 :])
    pages = np.frombuffer(body, dtype="<u2", count=n_pages)
    cells = np.frombuffer(body, dtype="<u4", count=n_cells, offset=2 * n_pages)
    pool = np.frombuffer(body, dtype="<u4", count=n_pool, offset=2 * n_pages + 4 * n_cells)
    return CharacterTable(pages, cells, pool, version)


def _encode(code: int, pool: list[int]) -> int:
    if 0xAC00 <= code <= 0xD7A3:
        return HANGUL | FOREIGN
    character = chr(code)
    if character in APOSTROPHES or character in FILLERS or unicodedata.category(character) == "Cf":
        return DROP
    parts = [cell for part in unicodedata.normalize("NFKD", character) for cell in _part_cells(part)]
    parts = [cell for cell in parts if cell & CLASS_MASK not in (MARK, DROP)] or parts[:1]  # é is e: its mark lies in its own span
    if len(parts) == 1:
        return parts[0] if parts[0] >> VALUE_SHIFT != code else parts[0] & ((1 << VALUE_SHIFT) - 1)
    if not any(part & CLASS_MASK for part in parts):
        return SEPARATOR
    pool.extend(parts)
    return EXPAND | (((len(pool) - len(parts)) << 5) | len(parts)) << VALUE_SHIFT


def _part_cells(part: str) -> list[int]:
    folded = unicodedata.normalize("NFKD", part.casefold())
    if len(folded) == 1 and part in LOOK_ALIKES and not _is_latin(part) and not _is_folded_everywhere(folded):
        return [WORD | LOOK_ALIKE | (ord(folded) | ord(LOOK_ALIKES[part]) << 16) << VALUE_SHIFT]
    return [_plain_cell(character) for character in folded]


def _plain_cell(character: str) -> int:
    category = unicodedata.category(character)
    name = unicodedata.name(character, "")
    if character in APOSTROPHES or character in FILLERS or category == "Cf":
        return DROP
    if category[0] == "M":
        return _mark_class(character, category, name) | ord(character) << VALUE_SHIFT
    if category[0] not in "LN":
        return SEPARATOR
    if category != "Nd" and name.startswith(_SCRIPTS_WITHOUT_SPACES):
        return ALONE | ord(character) << VALUE_SHIFT
    return WORD | _letter_flags(character, category) | ord(_fold(character)) << VALUE_SHIFT


def _mark_class(character: str, category: str, name: str) -> int:
    decorates = category == "Me" or (category == "Mn" and name.startswith(_DECORATING))
    return MARK if decorates and character not in _VOICING else KEEP


def _letter_flags(character: str, category: str) -> int:
    if _is_latin(character):
        return LATIN
    return 0 if category[0] == "N" or _is_folded_everywhere(character) else FOREIGN


def _fold(character: str) -> str:
    return LOOK_ALIKES[character] if _is_folded_everywhere(character) or (_is_latin(character) and character in LOOK_ALIKES) else character


def _is_latin(character: str) -> bool:
    return unicodedata.name(character, "").startswith("LATIN")


def _is_folded_everywhere(folded: str) -> bool:
    """Tell whether the small letter and its capital imitate one Latin letter: folding both keeps a word's form the same in either case."""
    return folded in LOOK_ALIKES and not _is_latin(folded) and LOOK_ALIKES[folded] == LOOK_ALIKES.get(folded.upper())
