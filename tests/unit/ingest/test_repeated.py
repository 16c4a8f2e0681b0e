"""A key that comes twice in one object is never passed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import ShardReadError
from provenance.ingest import repeated
from provenance.ingest.reader import Reader
from provenance.ingest.repeated import count_key_ends, count_keys, find_repeated_key

KEYS = st.sampled_from(["a", "b", "te\\xt", 'q"', "x\\", ":", '":', "é", ""])
TEXTS = st.text(st.sampled_from('ab":\\ \n,{}[]'), max_size=8)
PAIRS = st.recursive(
    st.one_of(TEXTS, st.integers(), st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.lists(st.tuples(KEYS, inner), max_size=4).map(tuple)),
    max_leaves=12,
)
"""JSON values in which a tuple of pairs is an object, so that keys can come twice."""


def written(value: Any, colon: str) -> str:
    if isinstance(value, tuple):
        return "{" + ",".join(json.dumps(key) + colon + written(item, colon) for key, item in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(written(item, colon) for item in value) + "]"
    return json.dumps(value)


def has_twice(value: Any) -> bool:
    if isinstance(value, tuple):
        return len({key for key, _ in value}) < len(value) or any(has_twice(item) for _, item in value)
    return isinstance(value, list) and any(map(has_twice, value))


@given(value=PAIRS, colon=st.sampled_from([":", ": ", " :", "\t:\n", "  : "]))
def test_a_key_that_comes_twice_is_found_and_no_other(value: Any, colon: str) -> None:
    raw = written(value, colon).encode()
    decoded = orjson.loads(raw)
    ends = count_key_ends([b"1", raw, b'{"a": 1}'])
    assert (ends[0], ends[2]) == (0, 1)
    assert ends[1] >= count_keys(decoded)
    assert (find_repeated_key(raw, decoded, ends[1]) is not None) == has_twice(value)


@pytest.mark.parametrize("size", range(1, 40))
def test_windows_of_any_size_count_the_same(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    text = rb'{"a":1,"b" :2,"c\\":3,"d\"":"x\":y",   "e"   : {"f":":"}, "g": "h : i"}'
    whole = count_key_ends([text, text])
    monkeypatch.setattr(repeated, "_WINDOW_BYTES", size)
    assert count_key_ends([text, text]) == whole
    assert whole[0] >= 7


@pytest.mark.parametrize(
    "line",
    [
        '{"text": "hidden", "text": "short"}',
        '{"text": "hidden", "te\\u0078t": "short"}',
        '{"text": "t", "meta": {"x": "hidden", "x": 1}}',
        '{"text" : "hidden", "text": "short", "n": NaN}',
        '{"text": "t", "turns": [{"x\\\\": "hidden", "x\\\\": ""}]}',
    ],
)
@pytest.mark.parametrize("array", [False, True])
def test_a_record_with_a_key_twice_is_a_problem(tmp_path: Path, line: str, array: bool) -> None:
    path = tmp_path / ("a.json" if array else "a.jsonl")
    path.write_text(f'[{{"text": "ok"}}, {line}]' if array else f'{{"text": "ok"}}\n{line}\n')
    stream = Reader().open(str(path))
    if array:
        with pytest.raises(ShardReadError, match="twice in one object"):
            list(stream)
        return
    assert [batch.text(i) for batch in stream for i in range(len(batch))] == ["ok"]
    assert ["twice in one object" in problem.message for problem in stream.problems] == [True]
