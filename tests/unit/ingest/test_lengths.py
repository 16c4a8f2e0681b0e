"""A string long enough for a passage is never taken for a short one, in Python and in Arrow alike."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.fingerprint.tokens import count_words
from provenance.ingest.lengths import (
    ALONE_WORDS,
    PASSAGE_WORDS,
    SURE_LENGTH,
    are_alone,
    are_passages,
    is_alone,
    is_passage,
    may_be_passage,
)
from provenance.matching.params import MatchParams

LETTERS = st.characters(codec="utf-8", categories=["Ll", "Lu", "Nd"], max_codepoint=0x52F)
IDEOGRAPHS = st.characters(min_codepoint=0x3041, max_codepoint=0x3096)
WORDS = st.text(st.one_of(LETTERS, st.sampled_from("aeiou")), min_size=1, max_size=9)
GAPS = st.text(st.sampled_from(" \n\t.,-_/\"'’—  "), min_size=1, max_size=4)
TEXTS = st.one_of(
    st.lists(st.tuples(WORDS, GAPS), max_size=40).map(lambda pairs: "".join(word + gap for word, gap in pairs)),
    st.text(st.one_of(IDEOGRAPHS, st.sampled_from("。、 ")), max_size=60),
    st.text("ab  \n", max_size=120),
)


def words_of(text: str) -> int:
    raw = text.encode()
    return count_words(np.frombuffer(raw, np.uint8), np.array([0, len(raw)], np.int64))


def test_lengths_are_those_of_the_matcher() -> None:
    assert MatchParams().floor_words >= PASSAGE_WORDS
    assert MatchParams().min_words >= ALONE_WORDS


@pytest.mark.parametrize(
    ("text", "passage", "alone"),
    [
        ("", False, False),
        ("I am as he is to be a", True, False),
        ("seven words are not enough for it", False, False),
        ("it_was_the_best_of_times_it_was", True, False),
        ("https://example.com/it-was-the-best-of-times", True, False),
        ("https://en.wikipedia.org/wiki/Dickens", False, False),
        ("550e8400-e29b-41d4-a716-446655440000", False, False),
        ("2024-03-01T12:34:56.789Z", False, False),
        ("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", False, False),
        ("百聞は一見に如か", True, False),
        ("百聞は一見に如かず" * 3, True, True),
        ("Я помню чудное мгновенье передо мной", True, False),
        (" ".join(["слово"] * 24), True, True),
        (" ".join(["a"] * 23), True, False),
        (" ".join(["a"] * 24), True, True),
        (" ".join(["don't"] * 23), True, False),
        ("        " * 4 + "return value", False, False),
        ("x" * SURE_LENGTH, True, False),
        ((" ".join(["a"] * 23)).ljust(5_000), True, False),
    ],
)
def test_words_are_counted_whatever_stands_between_them(text: str, passage: bool, alone: bool) -> None:
    assert (is_passage(text), is_alone(text)) == (passage, alone)


@settings(deadline=None)  # the first call compiles
@given(text=TEXTS)
def test_a_passage_is_never_taken_for_less(text: str) -> None:
    if words_of(text) >= PASSAGE_WORDS:
        assert is_passage(text)


@given(texts=st.lists(TEXTS, max_size=20))
def test_many_strings_are_passed_over_only_where_each_would_be(texts: list[str]) -> None:
    for text, maybe in zip(texts, may_be_passage(texts), strict=True):
        assert maybe or not is_passage(text)
        if text.isascii() and all(map(str.isascii, texts)):
            assert maybe == is_passage(text)


@settings(deadline=None)
@given(pairs=st.lists(st.tuples(WORDS, GAPS), max_size=40))
def test_a_piece_is_never_taken_for_a_text_that_stands_alone(pairs: list[tuple[str, str]]) -> None:
    text = "".join(word + gap for word, gap in pairs)
    if is_alone(text):
        assert len(pairs) >= ALONE_WORDS


@given(texts=st.lists(st.one_of(TEXTS, st.text(st.characters(exclude_categories=["Cs"]), max_size=400)), max_size=20))
def test_arrow_and_python_agree(texts: list[str]) -> None:
    array = pa.array(texts, pa.large_string())
    assert are_passages(array).tolist() == [is_passage(t) for t in texts]
    assert are_alone(array).tolist() == [is_alone(t) for t in texts]


@pytest.mark.parametrize("text", ["a" * 500_000, "ab " * 7 + "!" * 500_000, "é!" * 6 + "a" * 500_000])
def test_time_grows_with_the_length_only(text: str) -> None:
    start = time.process_time()
    for rule in (is_passage, is_alone):
        rule(text)
        rule(text[: SURE_LENGTH - 1])
    assert time.process_time() - start < 1
