"""The shipped table of characters is the one that unicodedata gives."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from provenance.fingerprint import characters
from provenance.fingerprint.characters import ALONE, CLASS_MASK, DROP, EXPAND, HANGUL, KEEP, MARK, SEPARATOR, VALUE_SHIFT, WORD, character_table


def kind(character: str) -> int:
    table = character_table()
    code = ord(character)
    return int(table.cells[int(table.pages[code >> 8]) << 8 | (code & 255)]) & CLASS_MASK


def test_the_shipped_table_is_what_its_maker_makes() -> None:
    table = character_table()
    if unicodedata.unidata_version != table.unicode_version:
        pytest.skip(f"this Python knows Unicode {unicodedata.unidata_version}, the table is of {table.unicode_version}")
    built = characters.build_table()
    assert characters.table_bytes(built) == characters.table_bytes(table)


def test_every_value_stays_inside_the_table() -> None:
    table = character_table()
    assert len(table.pages) == 0x110000 // 256
    assert int(table.pages.max()) < len(table.cells) // 256
    expanding = table.cells[(table.cells & CLASS_MASK) == EXPAND] >> VALUE_SHIFT
    assert int(((expanding >> 5) + (expanding & 31)).max()) <= len(table.pool)
    assert int((expanding & 31).min()) >= 1
    assert not (table.pool & CLASS_MASK == EXPAND).any()
    words = np.isin(table.pool & CLASS_MASK, (WORD, ALONE))
    assert (table.pool[words] >> VALUE_SHIFT > 0).all()


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("a", WORD),
        ("7", WORD),
        ("é", WORD),
        ("_", SEPARATOR),
        (" ", SEPARATOR),
        ("\0", SEPARATOR),
        ("\u2028", SEPARATOR),
        ("\ue000", SEPARATOR),
        ("’", DROP),
        ("\u200d", DROP),
        ("\u202e", DROP),
        ("\u3164", DROP),
        ("\u0301", MARK),
        ("\ufe0f", MARK),
        ("\u093f", KEEP),
        ("中", ALONE),
        ("の", ALONE),
        ("ー", ALONE),
        ("ก", ALONE),
        ("๔", WORD),
        ("가", HANGUL),
        ("ß", EXPAND),
    ],
)
def test_kinds_of_characters(character: str, expected: int) -> None:
    assert kind(character) == expected
