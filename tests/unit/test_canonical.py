"""Canonical JSON is that of RFC 8785, byte by byte; the package of that name is the oracle, and the examples are the RFC's own."""

from __future__ import annotations

import json
import struct
from enum import IntEnum, StrEnum
from typing import Any, cast

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.canonical import MAX_SAFE_INTEGER, canonical_bytes

_TEXT = st.text(st.characters(codec="utf-8"))
_INTEGERS = st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
_FLOATS = st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    st.none() | st.booleans() | _INTEGERS | _FLOATS | _TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(_TEXT, inner, max_size=5),
    max_leaves=30,
)


@settings(deadline=None, max_examples=400)
@given(_VALUES)
def test_any_value_is_written_as_the_published_package_writes_it(value: object) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(cast("Any", value))


@settings(deadline=None)
@given(st.dictionaries(_TEXT, _INTEGERS, min_size=60, max_size=70))
def test_large_objects_are_sorted_as_small_ones(value: dict[str, int]) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(cast("Any", value))


def test_the_examples_of_the_rfc() -> None:
    """Section 3.2.4, of 3.2.2 and 3.2.3."""
    given_value = json.loads(
        '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],'
        ' "string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, false]}'
    )
    written = '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    assert canonical_bytes(given_value) == written.encode()
    keys = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    assert list(json.loads(canonical_bytes(keys)).values()) == [2, 4, 6, 7, 1, 5, 3]


@pytest.mark.parametrize(
    ("bits", "text"),
    [
        ("0000000000000001", "5e-324"),
        ("8000000000000000", "0"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("4340000000000001", "9007199254740994"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ],
)
def test_numbers_of_the_rfcs_appendix_b(bits: str, text: str) -> None:
    (number,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_bytes([number]) == f"[{text}]".encode()


class Word(StrEnum):
    A = "a"


class Number(IntEnum):
    ONE = 1


def test_enums_are_written_as_what_they_hold() -> None:
    assert canonical_bytes({Word.A: [Word.A, Number.ONE, True, (1, 2)]}) == b'{"a":["a",1,true,[1,2]]}'


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**53, -(2**53), "\ud800", {"\udfff": 1}, {1: 2}, {True: 2}, b"x", {1, 2}, object(), [{"a": {"b": b""}}]]
)
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        canonical_bytes(value)
