"""Character references and broken words are read through, and every word is found where it stands in the original."""

from __future__ import annotations

import html
import html.entities
import re
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.fingerprint.tokens import normalize_word
from provenance.matching.cascade import CascadeMatcher
from provenance.matching.escapes import copy_rows
from provenance.matching.words import Words, read_words
from tests.fakes.matching import make_batch, make_reference, make_words

Build = Callable[..., CascadeMatcher]
NAMES = sorted(name for name, value in html.entities.html5.items() if name.endswith(";") and len(value.encode()) <= 4)
REFERENCE = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,7}|[0-9a-zA-Z]+);")
CODES = st.integers(1, 0x10FFFF).filter(lambda code: html.unescape(f"&#{code};") not in {"", "\ufffd"})
PARTS = st.one_of(
    st.sampled_from(["abc", "é", " ", "&", "-", "&nosuch;", "&#;", "&#x;", "&#99999999;", "&amp", "中", "\u2010"]),
    st.sampled_from(NAMES).map(lambda name: f"&{name}"),
    CODES.map(lambda code: f"&#{code};"),
    CODES.map(lambda code: f"&#X{code:x};"),
)


def unescaped(text: str) -> str:
    """Python's own reading of the references that end in a semicolon."""
    return REFERENCE.sub(lambda m: html.unescape(m[0]) if m[0][1] == "#" or m[0][1:] in html.entities.html5 else m[0], text)


def through(*texts: str) -> list[str]:
    batch = make_batch(texts)
    read, copies = list(texts), copy_rows(batch.data, batch.offsets)
    for i, row in enumerate(copies.rows.tolist()):
        read[row] = bytes(copies.data[copies.offsets[i] : copies.offsets[i + 1]]).decode()
    return read


def words_of(text: str) -> Words:
    batch = make_batch([text])
    return read_words(batch.data, batch.offsets)


@settings(deadline=None)  # the first call compiles
@given(texts=st.lists(st.lists(PARTS, max_size=12).map("".join), min_size=1, max_size=4))
def test_references_are_read_as_html_reads_them(texts: list[str]) -> None:
    once = [unescaped(text) for text in texts]
    if all(unescaped(text) == text for text in once):  # deeper nesting is tested apart
        assert through(*texts) == once


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("don&#39;t", "don't"),
        ("don&#x27;t", "don't"),
        ("&#146;tis", "’tis"),
        ("caf&eacute;", "café"),
        ("don&amp;#39;t", "don't"),
        ("a &amp;amp; b", "a & b"),
        ("a &amp;lt; b", "a < b"),
        ("AT&T; and R&D", "AT&T; and R&D"),
        ("&#0; &#xD800; &#x110000;", "&#0; &#xD800; &#x110000;"),
        ("an exam-\nple", "an example"),
        ("an exam-  \r\n   ple", "an example"),
        ("an exam\u2010\nple", "an example"),
        ("exam\u00ad\nple", "example"),
        ("exam\u00adple", "exam\u00adple"),
        ("exam&shy;\n ple", "exam\u00adple"),
        ("größ-\nte", "größte"),
        ("well-known", "well-known"),
        ("the Jean-\nPaul", "the Jean-\nPaul"),
        ("exam-\n\nple", "exam-\n\nple"),
        ("1990-\nmany", "1990-\nmany"),
        ("- one\n- two", "- one\n- two"),
        ("end -\nof", "end -\nof"),
        ("exam-", "exam-"),
        ("-\nple", "-\nple"),
        ("&", "&"),
    ],
)
def test_what_is_read(text: str, read: str) -> None:
    assert through(text) == [read]
    assert through("before", text, "after") == ["before", read, "after"]


def test_no_place_reaches_over_a_row() -> None:
    assert through("x&am", "p;y", "exam-", "\nple", "&#3", "9;") == ["x&am", "p;y", "exam-", "\nple", "&#3", "9;"]


def escape(word: str, how: int) -> str:
    forms: Sequence[Callable[[str], str]] = (
        lambda w: w,
        lambda w: "".join(f"&#{ord(c)};" for c in w),
        lambda w: f"{w[0]}&#x{ord(w[1]):x};{w[2:]}",
        lambda w: f"{w[:2]}-\n{w[2:]}",
        lambda w: f"{w[:2]}\u2010 \r\n  {w[2:]}",
    )
    return forms[how](word)


@settings(deadline=None)  # the first call compiles
@given(
    parts=st.lists(st.tuples(st.sampled_from(["river", "größte", "stone", "école", "paper"]), st.integers(0, 4)), max_size=12),
    gap=st.sampled_from([" ", "; ", "&nbsp;", "\n"]),
)
def test_every_word_is_found_where_it_stands(parts: list[tuple[str, int]], gap: str) -> None:
    shown = [escape(word, how) for word, how in parts]
    raw = gap.join(shown).encode()
    words = words_of(gap.join(shown))
    assert words.words.tolist() == words_of(" ".join(word for word, _ in parts)).words.tolist()
    assert [raw[a:b].decode() for a, b in zip(words.start, words.end, strict=True)] == shown
    assert all(normalize_word(word) for word, _ in parts)


@pytest.mark.parametrize("how", range(1, 5))
def test_an_escaped_passage_is_found_with_its_span(matcher_over: Build, how: int) -> None:
    plain = [re.sub(r"\d", lambda m: "abcdefghij"[int(m[0])], word) for word in make_words(120, 3)]
    hidden = " ".join(escape(word, how) if len(word) > 3 else word for word in plain)
    text = f"Before it stands this. {hidden} After it that."
    (match,) = matcher_over(make_reference("book", " ".join(plain))).match_batch(make_batch([text]), path="p")
    assert not match.explained
    assert text[match.start : match.end] == hidden
    assert match.aligned_words == len(plain)


def test_many_places_are_read_as_few_are() -> None:
    text = "don&#39;t exam-\nple &amp; " * 3000
    assert through(text) == ["don't example & " * 3000]


@pytest.mark.parametrize("text", ["&" * 300_000, "&#" + "9" * 300_000, "a-\n" * 100_000, "&amp;" * 60_000, "a-" + " " * 300_000, "\u2010" * 100_000])
def test_hostile_text_ends(text: str) -> None:
    assert len(through(text)) == 1


def test_text_without_marks_is_not_copied() -> None:
    batch = make_batch(["plain text", "well-known & more"])
    assert copy_rows(batch.data, batch.offsets).rows.tolist() == []
    assert copy_rows(np.zeros(0, np.uint8), np.zeros(1, np.int64)).rows.tolist() == []
    batch = make_batch(["plain text", "R&amp;D", "", "well-known & more", "exam-\nple"])
    assert copy_rows(batch.data, batch.offsets).rows.tolist() == [1, 4]
