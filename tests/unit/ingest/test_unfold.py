"""Text in strings that are JSON is read, however it is escaped; what is no JSON is left as it is."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.ingest.lengths import PASSAGE_WORDS
from provenance.ingest.unfold import MAX_NESTED, unfold
from provenance.ingest.unread import UnreadFields
from provenance.ingest.walk import text_of
from provenance.model.match import Match
from provenance.ports import TextBatch
from tests.fakes.matching import make_batch

WORDS = "one\ntwo three four five six seven eight"


class SomeTokens:
    """Satisfies ``ports.TokenPlaces``; nobody asks it."""

    def locate(self, matches: Sequence[Match]) -> list[Match]:
        return list(matches)

    def without_special(self, batch: TextBatch) -> TextBatch:
        return batch


def rows(*texts: str) -> list[tuple[int, str, str]]:
    (batch,) = unfold(make_batch(texts), UnreadFields())
    return [(int(batch.record[i]), batch.field_names[batch.field_code[i]], batch.text(i)) for i in range(len(texts), len(batch))]


def test_what_stands_in_json_is_given_under_its_path() -> None:
    text = json.dumps({"turns": [{"role": "user", "said": WORDS}, {"said": "short"}], "n": 3})
    assert rows("plain", text) == [(1, "text(json).turns[0].said", WORDS), (1, "text(json).turns[*].said", WORDS + "\nshort")]


def test_a_json_string_is_read_too() -> None:
    assert rows(json.dumps(WORDS)) == [(0, "text(json)", WORDS)]


@pytest.mark.parametrize("depth", range(1, MAX_NESTED + 1))
def test_json_in_json_is_read(depth: int) -> None:
    text = WORDS
    for _ in range(depth):
        text = json.dumps({"a": text})
    assert rows(text)[-1] == (0, "text" + "(json).a" * depth, WORDS)


@pytest.mark.parametrize(
    "text", ["{not json \\n", "[1, 2", json.dumps({"a": "b c"}), '{"a": "' + WORDS.replace("\n", " ") + '"}', "", "  ", '"\\', "[" * 100_000 + "\\"]
)
def test_what_hides_nothing_is_left_as_it_is(text: str) -> None:
    batch = make_batch(["x", text])
    (same,) = unfold(batch, UnreadFields())
    assert same is batch


def test_rows_of_tokens_keep_their_batch() -> None:
    batch = replace(make_batch(["plain", json.dumps({"a": WORDS})]), tokens=SomeTokens())
    first, second = unfold(batch, UnreadFields())
    assert first is batch
    assert (second.tokens, second.record.tolist(), second.text(0)) == (None, [1], WORDS)


def test_white_space_before_it_and_odd_json_are_read() -> None:
    assert rows("\n  " + json.dumps([WORDS]))[0] == (0, "text(json)[0]", WORDS)
    assert rows('{"a": NaN, "b": "' + WORDS.replace("\n", "\\n") + '"}') == [(0, "text(json).b", WORDS)]


def test_json_lines_and_a_mark_before_them_are_read() -> None:
    lines = "\ufeff" + "\n".join(json.dumps({"a": WORDS, "n": n}) for n in range(2))
    assert rows(lines) == [(0, "text(json).a", WORDS)] * 2


def test_what_is_given_up_is_told() -> None:
    deep: object = WORDS
    for _ in range(40):
        deep = [deep]
    nested = WORDS
    for _ in range(MAX_NESTED + 1):
        nested = json.dumps({"a": nested})
    for text in (json.dumps(deep), nested, json.dumps({"input_ids": list(range(40))})):
        unread = UnreadFields()
        list(unfold(make_batch([text]), unread))
        assert len(unread.left_out) == 1


LEAVES = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(
    value=st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3), max_leaves=8
    )
)
def test_no_long_leaf_is_missed(value: object) -> None:
    text = json.dumps(value)
    found = [read for _, _, read in rows(text)]
    if "\\" in text and text[0] in '{["':
        for leaf in leaves(value):
            if len(leaf.split()) >= PASSAGE_WORDS and leaf.isascii():
                assert any(leaf in read for read in found)


def leaves(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [leaf for item in items for leaf in leaves(item)]


PROSE = "the élan of a naïve café owner, said to be an old soldier, is what they came for"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_bytes_are_read_in_the_encoding_they_show(encoding: str) -> None:
    text = text_of(PROSE.encode(encoding))
    assert text is not None
    assert text == PROSE


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-32-be"])
def test_plain_ascii_in_wide_characters_is_read(encoding: str) -> None:
    assert text_of(b"On the third evening he counted again".decode().encode(encoding)) == "On the third evening he counted again"


def test_text_of_other_alphabets_is_read_though_a_byte_is_cut_off() -> None:
    text = "Гавань опустела к вечеру, и смотритель снова пересчитал фонари"
    assert text_of(text.encode("utf-16")) == text
    assert text_of(text.encode()[1:]) == "\ufffd" + text[1:]


def test_one_bad_byte_costs_one_character() -> None:
    raw = PROSE.encode()
    assert text_of(raw[:40] + b"\xff" + raw[40:]) == PROSE[: len(raw[:40].decode())] + "\ufffd" + raw[40:].decode()


@pytest.mark.parametrize("raw", [b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(range(256)), np.random.default_rng(1).bytes(5000), b"\xff\xfe\x00\xd8" * 9])
def test_what_is_no_text_is_none(raw: bytes) -> None:
    assert text_of(raw) is None
