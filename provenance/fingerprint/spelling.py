"""The normal form of words as text, in plain Python: for showing and for records of a few words. The kernels of ``words`` do the same in bulk."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

from provenance.fingerprint.characters import (
    ALONE,
    CLASS_MASK,
    EXPAND,
    FOREIGN,
    HANGUL,
    KEEP,
    LATIN,
    LOOK_ALIKE,
    SEPARATOR,
    VALUE_SHIFT,
    WORD,
    CharacterTable,
    character_table,
)


@dataclass(slots=True)
class _OpenWord:
    plain: list[str] = field(default_factory=list)
    as_latin: list[str] = field(default_factory=list)
    flags: int = 0
    alone: bool = False

    def add(self, plain: int, as_latin: int, flags: int) -> None:
        self.plain.append(chr(plain))
        self.as_latin.append(chr(as_latin))
        self.flags |= flags

    def text(self) -> str:
        disguised = self.flags & LOOK_ALIKE and self.flags & LATIN and not self.flags & FOREIGN
        return "".join(self.as_latin if disguised else self.plain)


def normal_words(text: str) -> list[str]:
    """Return the normal forms of a text's words.

    >>> normal_words("It’s 5½ o'clock")
    ['its', '51', '2', 'oclock']
    """
    words: list[str] = []
    word = _OpenWord()
    for cell, code in _cells(text, character_table()):
        kind = cell & CLASS_MASK
        if word.plain and (kind in (SEPARATOR, ALONE) or (word.alone and kind in (WORD, HANGUL))):
            words.append(word.text())
            word = _OpenWord()
        _extend(word, kind, cell, code)
    if word.plain:
        words.append(word.text())
    return words


def _cells(text: str, table: CharacterTable) -> Iterator[tuple[int, int]]:
    for character in text:
        code = ord(character)
        cell = int(table.cells[int(table.pages[code >> 8]) << 8 | (code & 255)])
        if cell & CLASS_MASK != EXPAND:
            yield cell, code
            continue
        base, length = cell >> VALUE_SHIFT + 5, cell >> VALUE_SHIFT & 31
        for part in table.pool[base : base + length].tolist():
            yield part, code


def _extend(word: _OpenWord, kind: int, cell: int, code: int) -> None:
    value = cell >> VALUE_SHIFT or code
    if kind == HANGUL:
        for letter in unicodedata.normalize("NFD", chr(code)):
            word.add(ord(letter), ord(letter), FOREIGN)
    elif kind in (WORD, ALONE):
        plain, as_latin = (value & 0xFFFF, value >> 16) if cell & LOOK_ALIKE else (value, value)
        word.add(plain, as_latin, cell & (LATIN | FOREIGN | LOOK_ALIKE))
        word.alone = word.alone or kind == ALONE
    elif kind == KEEP and word.plain and (word.alone or word.flags & FOREIGN):
        word.add(value, value, 0)
