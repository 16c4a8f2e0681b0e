"""Records made to hide a passage, to stop the reader, or to fill the memory."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.errors import ShardReadError
from provenance.ingest.interface import Stream
from provenance.ingest.reader import Reader
from provenance.ingest.walk import MAX_PATH, extend

WORDS = "one two three four five six seven eight nine ten eleven twelve"
LONG = f"{WORDS} {WORDS}"
RAW = LONG.encode()
PICTURE = b"\x89PNG\r\n" + bytes(range(256))
STAMP = pa.array([2**60], pa.timestamp("us"))


def rows_of(stream: Stream) -> list[tuple[str, str]]:
    return [(batch.field_names[batch.field_code[i]], batch.text(i)) for batch in stream for i in range(len(batch))]


def opened(folder: Path, columns: dict[str, Any], text_field: str | None = None) -> Stream:
    pq.write_table(pa.table(columns), folder / "a.parquet")
    return Reader().open(str(folder / "a.parquet"), text_field=text_field)


BYTES = {
    "rows[0].x": pa.array([[{"x": RAW}]]),
    "rows[0]": pa.array([[RAW]]),
    "rows": pa.array([RAW], pa.binary(len(RAW))),
    "rows[0][1]": pa.array([[(b"k", RAW)]], pa.map_(pa.binary(), pa.binary())),
    "rows[0][0]": pa.array([[[RAW]]]),
    "rows.x": pa.array([{"x": RAW, "n": 1}]),
    "rows[0].role": pa.array([[{"role": RAW, "content": "hi"}]]),
}


@pytest.mark.parametrize("field", BYTES)
@pytest.mark.parametrize("name", ["rows", "messages"])
def test_bytes_that_are_text_are_read_at_any_depth(tmp_path: Path, field: str, name: str) -> None:
    stream = opened(tmp_path, {"text": ["hi"], name: BYTES[field]})
    assert (field.replace("rows", name), LONG) in rows_of(stream)
    assert not stream.problems


@pytest.mark.parametrize("field", BYTES)
def test_bytes_beside_a_named_field_are_told(tmp_path: Path, field: str) -> None:
    stream = opened(tmp_path, {"text": ["hi"], "rows": BYTES[field]}, "text")
    assert rows_of(stream) == [("text", "hi")]
    assert len(stream.left_out) == 1


def test_pictures_are_no_problem(tmp_path: Path) -> None:
    pictures = pa.array([{"bytes": PICTURE, "path": "a.png"}, {"bytes": PICTURE, "path": None}])
    stream = opened(tmp_path, {"text": ["hi", "ho"], "image": pictures, "sha": pa.array([b"\xff" * 4, b"1234"], pa.binary(4))})
    assert rows_of(stream) == [("text", "hi"), ("text", "ho")]
    assert not stream.problems


@pytest.mark.parametrize(
    ("record", "text_field", "left_out"),
    [
        ({"a.b": "short", "a": {"b": LONG}}, "a.b", {"a.b": 1}),
        ({"m": [{"c": "s"}], "m[0]": {"c": LONG}}, "m.c", {"m[*].c": 1}),
        ({"text": "s", LONG: 1}, "text", {"{1}": 1}),
        ({"a": [{"b": "s", "c": LONG}, {"c": LONG}]}, "a.b", {"a[*].c": 1}),
        ({"a": [["s"], [LONG]]}, "a.0", {"a[*][*]": 1}),
        ({"text": [LONG], "n": [LONG]}, "text", {"n[*]": 1}),
    ],
)
def test_what_a_named_field_leaves_out_is_told_whatever_it_is_called(
    tmp_path: Path, record: dict[str, Any], text_field: str, left_out: dict[str, int]
) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    stream = Reader().open(str(tmp_path / "a.jsonl"), text_field=text_field)
    assert rows_of(stream)
    assert stream.left_out == left_out


def test_fields_left_out_are_named_in_order_and_the_rest_counted_by_record(tmp_path: Path) -> None:
    record = {"text": "s", **{f"f{i:03}": LONG for i in range(100)}}
    (tmp_path / "a.jsonl").write_text(f"{json.dumps(record)}\n" * 2)
    stream = Reader().open(str(tmp_path / "a.jsonl"), text_field="text")
    rows_of(stream)
    assert stream.left_out == {**{f"f{i:03}": 2 for i in range(40)}, "…": 2}


@pytest.mark.parametrize(
    "columns",
    [
        {"id": STAMP, "text": ["x y"]},
        {
            "text": ["x y"],
            "messages": pa.array(
                [[[{"content": "hi", "t": 1}]]], pa.list_(pa.list_(pa.struct([("content", pa.string()), ("t", pa.timestamp("us"))])))
            ),
        },
        {
            "text": pa.array([None], pa.string()),
            "context": pa.array([{"c": None, "t": 2**60}], pa.struct([("c", pa.string()), ("t", pa.timestamp("us"))])),
        },
        {"text": ["x"], "m": pa.array([[("k", 2**60)]], pa.map_(pa.string(), pa.timestamp("us")))},
        {"text": ["x"], "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.timestamp("us", tz="Mars/X")))},
        {"text": ["x"], "m": pa.array([[("k", 2**62)]], pa.map_(pa.string(), pa.duration("s")))},
        {"text": ["x"], "m": pa.array([[[{"k": LONG}]]], pa.list_(pa.list_(pa.struct([("k", pa.string())]))))},
    ],
)
@pytest.mark.parametrize("text_field", [None, "text"])
def test_values_that_python_cannot_hold_are_problems_at_most(tmp_path: Path, columns: dict[str, Any], text_field: str | None) -> None:
    stream = opened(tmp_path, columns, text_field)
    try:
        assert rows_of(stream) or stream.problems
    except ShardReadError:
        assert stream.problems


def test_bad_bytes_beside_a_record_without_text_are_a_problem(tmp_path: Path) -> None:
    bad = pa.array([b"\xff\xfe bad", b"fine"]).cast(pa.binary())
    other = pa.Array.from_buffers(pa.string(), 2, bad.buffers())
    stream = opened(tmp_path, {"text": [None, "hi"], "o": other}, "text")
    assert rows_of(stream) == [("text", "hi")]
    assert [problem.record for problem in stream.problems] == [0]


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table([pa.array(["a"]), pa.array([LONG])], names=["text", "text"]), tmp_path / "a.parquet")
    with pytest.raises(ShardReadError, match="two columns named 'text'"):
        rows_of(Reader().open(str(tmp_path / "a.parquet")))


@pytest.mark.parametrize("text_field", ["a.²", "a." + "9" * 5_000, "a.-1", "a..", "."])
def test_odd_names_of_fields_lead_nowhere(tmp_path: Path, text_field: str) -> None:
    (tmp_path / "a.jsonl").write_text('{"a": [["x"]], "text": "y"}')
    with pytest.raises(ShardReadError, match="no record has text in field"):
        rows_of(Reader().open(str(tmp_path / "a.jsonl"), text_field=text_field))


@pytest.mark.parametrize("beside", [pa.array([1]), pa.array([[["x"]]]), pa.array(["x"])])
def test_rows_of_maps_are_named_alike_whatever_stands_beside_them(tmp_path: Path, beside: Any) -> None:
    for kind in (pa.string(), pa.int32()):
        key = "k" if kind == pa.string() else 7
        stream = opened(tmp_path, {"r": pa.array([[(key, WORDS)]], pa.map_(kind, pa.string())), "beside": beside})
        assert ("r[0][1]", WORDS) in rows_of(stream)


def test_a_long_key_is_not_repeated_in_every_path(tmp_path: Path) -> None:
    record = {"K" * 400_000: {"z": [WORDS] * 400}}
    (tmp_path / "a.jsonl").write_text(json.dumps(record))
    tracemalloc.start()
    found = rows_of(Reader().open(str(tmp_path / "a.jsonl")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert sum(text == WORDS for _, text in found) == 400
    assert max(len(name) for name, _ in found) <= MAX_PATH
    assert peak < 20 << 20


def test_a_path_is_cut_once() -> None:
    path = extend("a" * 399, ".b")
    assert (len(path), path[-1]) == (MAX_PATH, "…")
    assert extend(path, "[0]") == path
