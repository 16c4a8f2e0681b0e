"""Words of ASCII, cut eight and sixty-four bytes at a time, against cutting them character by character."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.fingerprint.bits import _plain_load_eight, _plain_trailing_zeros, _plain_window_bits
from provenance.fingerprint.characters import character_table
from provenance.fingerprint.plain import APOSTROPHE, IN_WORD, KINDS, OTHER, SEPARATOR
from provenance.fingerprint.tokens import BLOCK_BYTES, Tokens, count_words, tokenize
from provenance.fingerprint.words import scan_any


def by_characters(raw: bytes) -> list[tuple[int, int, int]]:
    """What the kernel that knows every character finds; it is held against unicodedata in test_tokens."""
    table = character_table()
    room = len(raw) + 64
    out = (np.empty(room, np.uint64), np.empty(room, np.int64), np.empty(room, np.int64))
    at, n = scan_any(np.frombuffer(raw, np.uint8), 0, len(raw), (table.pages, table.cells, table.pool), out, 0)
    assert at == len(raw)
    return list(zip(*(part[:n].tolist() for part in out), strict=True))


def found(tokens: Tokens) -> list[tuple[int, int, int]]:
    return list(zip(tokens.hashes.tolist(), tokens.start.tolist(), tokens.end.tolist(), strict=True))


def one_row(raw: bytes) -> list[tuple[int, int, int]]:
    return found(tokenize(np.frombuffer(raw, np.uint8), np.array([0, len(raw)])))


PIECES = st.one_of(
    st.text(alphabet="abYZ019", min_size=1, max_size=70),
    st.sampled_from(
        [" ", ", ", "'", "''", "don't", "_", "@[`{/:", "\x00", "\x7f", "’", "“", "é", "e\u0301", "中", "В", "\u200b", "½", "\xa0", " " * 70]
    ),
)


@given(st.lists(PIECES, max_size=40).map("".join))
@settings(deadline=None, max_examples=500)
def test_any_mixture_gives_the_same_words(text: str) -> None:
    assert one_row(text.encode()) == by_characters(text.encode())


def test_every_byte_is_classified_alike() -> None:
    kinds = [len(by_characters(b"a" + bytes([byte]) + b"b" * 80)) for byte in range(128)]
    assert [len(one_row(b"a" + bytes([byte]) + b"b" * 80)) for byte in range(128)] == kinds
    assert [kind == 2 for kind in kinds] == [KINDS[byte] == SEPARATOR for byte in range(128)]
    assert all((KINDS[byte] == IN_WORD) == chr(byte).isalnum() for byte in range(128))


def test_words_of_any_length_at_any_place() -> None:
    for length in (1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 63, 64, 65, 200):
        for before in range(0, 70, 3):
            raw = b" " * before + b"Ab3" * (length // 3) + b"q" * (length % 3) + b" end"
            assert one_row(raw) == by_characters(raw)


def test_the_end_of_a_row_ends_a_word_wherever_it_stands() -> None:
    raw = b"abcdefghijklmnopqrstuvwxyz0123456789 it's 'tis o'' \xe2\x80\x9cno' " * 6
    for cut in range(1, len(raw)):
        rows = tokenize(np.frombuffer(raw, np.uint8), np.array([0, cut, len(raw)]))
        rest = [(h, start + cut, end + cut) for h, start, end in by_characters(raw[cut:])]
        assert found(rows) == by_characters(raw[:cut]) + rest


def test_counting_in_blocks_counts_every_word() -> None:
    rng = random.Random(3)
    words = ["a", "the", "horizon", "don't", "naïve", "中文"]
    texts = ["", " ".join(rng.choices(words, k=BLOCK_BYTES // 3)), "", *(" ".join(rng.choices(words, k=40)) for _ in range(9000))]
    raw = [text.encode() for text in texts]
    expected = sum(len(text.split()) + text.count("中文") for text in texts)
    assert count_words(np.frombuffer(b"".join(raw), np.uint8), np.cumsum([0, *map(len, raw)])) == expected


@given(st.binary(min_size=8, max_size=20), st.integers(0, 12))
def test_the_plain_forms_of_instructions_say_what_they_mean(raw: bytes, at: int) -> None:
    at = min(at, len(raw) - 8)
    value = _plain_load_eight(np.frombuffer(raw, np.uint8), at)
    assert [int(value) >> 8 * i & 255 for i in range(8)] == list(raw[at : at + 8])
    if value:
        assert int(value) % 2 ** int(_plain_trailing_zeros(value)) == 0
        assert int(value) >> int(_plain_trailing_zeros(value)) & 1


@given(st.binary(min_size=64, max_size=90), st.integers(0, 26))
def test_a_window_s_bits_say_what_each_byte_is(raw: bytes, at: int) -> None:
    at = min(at, len(raw) - 64)
    words, apostrophes, high = _plain_window_bits(np.frombuffer(raw, np.uint8), at)
    for i, byte in enumerate(raw[at : at + 64]):
        assert (int(words) >> i & 1 == 1) == (KINDS[byte] == IN_WORD)
        assert (int(apostrophes) >> i & 1 == 1) == (KINDS[byte] == APOSTROPHE)
        assert (int(high) >> i & 1 == 1) == (KINDS[byte] == OTHER)
