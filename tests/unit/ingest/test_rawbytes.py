"""Raw bytes are told to be UTF-8 exactly when Python decodes them; lines are counted and cut however a source hands them out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from provenance.ingest import lines as lines_module
from provenance.ingest.files import ByteSource
from provenance.ingest.lines import iter_line_blocks
from provenance.ingest.rawbytes import count_feeds, is_utf8

ODD = ["", "a" * 63, "a" * 64, "é", "漢" * 30, "\U0001f600", "x" * 61 + "é"]


def decodes(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(
    st.lists(st.sampled_from([*(text.encode() for text in ODD), b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xe2\x82", b"\xf4\x90\x80\x80"]), max_size=6)
)
@example([b"a" * 63 + b"\xc3", b"\xa9"])
@example([b"a" * 64 + b"\xe2\x82"])
@settings(deadline=None)  # the first call compiles
def test_utf8_is_what_python_decodes(parts: list[bytes]) -> None:
    raw = b"".join(parts)
    assert is_utf8(raw) == decodes(raw)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_any_bytes_are_utf8_exactly_if_python_decodes_them(raw: bytes) -> None:
    assert is_utf8(raw) == decodes(raw)
    assert count_feeds(raw) == raw.count(b"\n")


class Pieces:
    """A source that gives the pieces it was made of, some at a time."""

    damage = None

    def __init__(self, calls: Sequence[Sequence[bytes]]) -> None:
        self._calls = [list(filter(None, pieces)) for pieces in calls if any(pieces)]

    def read_pieces(self, _: int) -> list[bytes]:
        return self._calls.pop(0) if self._calls else []


LINES = st.sampled_from([b"", b"a", b"bc", b"\n", b"\n\n", b"d\ne", b"longer than most\n"])


@given(st.lists(st.lists(LINES, max_size=4), max_size=5))
def test_lines_are_the_same_however_they_are_handed_out(calls: list[list[bytes]]) -> None:
    whole = b"".join(piece for pieces in calls for piece in pieces)
    blocks = list(iter_line_blocks(cast("ByteSource", Pieces(calls)), "a.jsonl"))
    expected = whole.split(b"\n")
    assert [line for block in blocks for line in block.lines] == (expected if expected[-1] else expected[:-1])
    at = 1
    for block in blocks:
        assert block.first_line == at
        at += len(block.lines)


def test_a_line_that_is_too_long_is_told_and_the_next_one_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 10)
    calls = [[b"one\n", b"tw"], [b"o is", b" too long"], [b" still", b"\nthree", b"\nfo"], [b"ur"]]
    blocks = list(iter_line_blocks(cast("ByteSource", Pieces(calls)), "a.jsonl"))
    assert [(b.first_line, b.raw, b.overlong) for b in blocks] == [(1, b"one", False), (2, b"", True), (3, b"three", False), (4, b"four", False)]
