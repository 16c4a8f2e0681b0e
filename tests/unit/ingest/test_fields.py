"""Every text field that a trainer would see is read, under its own name, the same from JSON Lines and Parquet."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import ShardReadError
from provenance.ingest import batches
from provenance.ingest.interface import Stream
from provenance.ingest.reader import Reader

Rows = list[tuple[str, str]]


def rows_of(stream: Stream) -> Rows:
    return [(batch.field_names[batch.field_code[i]], batch.text(i)) for batch in stream for i in range(len(batch))]


def write(path: Path, records: Sequence[dict[str, Any]]) -> str:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(list(records)), path)
    else:
        path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), encoding="utf-8", newline="")
    return str(path)


CASES: list[tuple[dict[str, Any], Rows]] = [
    ({"text": "a"}, [("text", "a")]),
    ({"content": "a", "title": "not read"}, [("content", "a")]),
    ({"output": "c", "instruction": "a", "input": "b"}, [("instruction", "a"), ("input", "b"), ("output", "c")]),
    ({"prompt": "p", "completion": "c"}, [("prompt", "p"), ("completion", "c")]),
    ({"question": "q", "answer": "a"}, [("question", "q"), ("answer", "a")]),
    ({"prompt": "p", "chosen": "c", "rejected": "r"}, [("prompt", "p"), ("chosen", "c"), ("rejected", "r")]),
    ({"response": "r"}, [("response", "r")]),
    (
        {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}]},
        [("messages[0].content", "hi"), ("messages[1].content", "yo")],
    ),
    (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}]},
        [("messages[0].content[0].text", "one"), ("messages[0].content[1].text", "two")],
    ),
    (
        {"conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "yo"}]},
        [("conversations[0].value", "hi"), ("conversations[1].value", "yo")],
    ),
    (
        {"chosen": [{"role": "assistant", "content": "good"}], "rejected": [{"role": "assistant", "content": "bad"}]},
        [("chosen[0].content", "good"), ("rejected[0].content", "bad")],
    ),
    ({"messages": [{"role": "assistant", "content": "x", "reasoning": "why"}]}, [("messages[0].content", "x"), ("messages[0].reasoning", "why")]),
    ({"text": "a", "answer": 3, "input": None}, [("text", "a")]),
    ({"text": ["a", "b"]}, [("text[0]", "a"), ("text[1]", "b")]),
    ({"text": ""}, [("text", "")]),
]


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize(("record", "expected"), CASES)
def test_text_fields_are_found_by_convention(tmp_path: Path, ending: str, record: dict[str, Any], expected: Rows) -> None:
    stream = Reader().open(write(tmp_path / f"a.{ending}", [record, record]))
    assert rows_of(stream) == expected * 2
    assert (stream.records, stream.unread) == (2, 0)


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("text_field", "expected"),
    [
        ("body", [("body", "b")]),
        ("meta.inner", [("meta.inner", "i")]),
        ("turns.said", [("turns[0].said", "s"), ("turns[1].said", "t")]),
        ("turns.1.said", [("turns[1].said", "t")]),
        ("with.dot", [("with.dot", "d")]),
    ],
)
def test_the_field_can_be_named(tmp_path: Path, ending: str, text_field: str, expected: Rows) -> None:
    record = {"body": "b", "text": "not asked for", "meta": {"inner": "i"}, "turns": [{"said": "s"}, {"said": "t"}], "with.dot": "d"}
    assert rows_of(Reader().open(write(tmp_path / f"a.{ending}", [record]), text_field=text_field)) == expected


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ({"doc_id": "d", "id": "i", "uuid": "u"}, "d"),
        ({"id": "i", "uuid": "u"}, "i"),
        ({"id": 12}, "12"),
        ({"id": "", "uuid": "u"}, "u"),
        ({"id": True}, None),
        ({"name": "n"}, None),
    ],
)
def test_records_are_named_by_their_id_fields(tmp_path: Path, ending: str, names: dict[str, Any], expected: str | None) -> None:
    (batch,) = Reader().open(write(tmp_path / f"a.{ending}", [{**names, "text": "t", "prompt": "p"}]))
    assert list(batch.doc_ids) == [expected, expected]


def test_a_parquet_uuid_names_its_record(tmp_path: Path) -> None:
    name = uuid.UUID(int=5)
    pq.write_table(pa.table({"uuid": pa.array([name.bytes], pa.uuid()), "text": ["t"]}), tmp_path / "a.parquet")
    (batch,) = Reader().open(str(tmp_path / "a.parquet"))
    assert list(batch.doc_ids) == [str(name)]


def test_parquet_nulls_are_left_out_and_a_record_of_nulls_is_told(tmp_path: Path) -> None:
    table = pa.table({"prompt": ["p0", None, None, "p3"], "completion": ["c0", "c1", None, None]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    stream = Reader().open(str(tmp_path / "a.parquet"))
    found = [(int(batch.record[i]), batch.field_names[batch.field_code[i]], batch.text(i)) for batch in stream for i in range(len(batch))]
    assert found == [(0, "prompt", "p0"), (0, "completion", "c0"), (1, "completion", "c1"), (3, "prompt", "p3")]
    assert [p.record for p in stream.problems] == [2]


def test_a_broken_chat_record_in_parquet_leaves_the_others(tmp_path: Path) -> None:
    turns = pa.array([[{"content": "a"}], None, [{"content": "c"}]])
    pq.write_table(pa.table({"id": [1, 2, 3], "messages": turns}), tmp_path / "a.parquet")
    stream = Reader().open(str(tmp_path / "a.parquet"))
    assert rows_of(stream) == [("messages[0].content", "a"), ("messages[0].content", "c")]
    assert [p.record for p in stream.problems] == [1]


def test_many_field_names_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "_MAX_NAMES", 10)
    monkeypatch.setattr(batches, "BATCH_ROWS", 30)
    records = [{"messages": [{f"key{i}": f"text{i}"}], "extra": "x" * 2_000, f"k{i}": 1} for i in range(2_000)]
    stream = Reader().open(write(tmp_path / "a.jsonl", records))
    sizes, found = [], []
    for batch in stream:
        sizes.append(len(batch.field_names))
        found += [(batch.field_names[batch.field_code[i]], batch.text(i)) for i in range(len(batch))]
    assert found == [(f"messages[0].key{i}", f"text{i}") for i in range(2_000)]
    assert len(sizes) > 2
    assert max(sizes) < 2_000


any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(texts=st.lists(any_text, min_size=1, max_size=30), escape=st.booleans(), ending=st.sampled_from(["jsonl", "parquet"]))
def test_any_texts_come_back_byte_for_byte(tmp_path_factory: pytest.TempPathFactory, texts: list[str], escape: bool, ending: str) -> None:
    path = tmp_path_factory.mktemp("round") / f"a.{ending}"
    if ending == "parquet":
        pq.write_table(pa.table({"id": list(range(len(texts))), "text": texts}), path, row_group_size=7)
    else:
        path.write_bytes(b"".join(json.dumps({"id": i, "text": t}, ensure_ascii=escape).encode() + b"\n" for i, t in enumerate(texts)))
    found, numbers, ids, marks = [], [], [], []
    for batch in Reader().open(str(path)):
        found += [bytes(batch.data[batch.offsets[i] : batch.offsets[i + 1]]) for i in range(len(batch))]
        numbers += batch.line.tolist()
        ids += list(batch.doc_ids)
        marks += batch.record.tolist()
    assert found == [text.encode() for text in texts]
    assert ids == [str(i) for i in range(len(texts))]
    assert marks == list(range(len(texts)))
    assert numbers == (list(range(1, len(texts) + 1)) if ending == "jsonl" else [0] * len(texts))


@given(
    raw=st.binary(max_size=400),
    name=st.sampled_from(["a.jsonl", "a.json", "a.txt", "a.parquet", "a.jsonl.gz", "a.jsonl.zst", "a.txt.bz2", "a.jsonl.xz"]),
)
def test_any_bytes_give_rows_or_one_of_our_errors(tmp_path_factory: pytest.TempPathFactory, raw: bytes, name: str) -> None:
    path = tmp_path_factory.mktemp("any") / name
    path.write_bytes(raw)
    try:
        stream = Reader().open(str(path))
        rows = sum(len(batch) for batch in stream)
    except ShardReadError:
        return
    assert rows > 0


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "jsonl.gz", "jsonl.zst"])
def test_a_changed_byte_anywhere_gives_rows_or_one_of_our_errors(tmp_path: Path, ending: str, loops: int) -> None:
    records = [{"id": i, "text": f"text {i} " * 20, "messages": [{"role": "user", "content": f"turn {i}"}]} for i in range(40)]
    path = Path(write(tmp_path / f"a.{ending.split('.', maxsplit=1)[0]}", records))
    whole = path.read_bytes()
    if "." in ending:
        with pa.CompressedOutputStream(str(tmp_path / "packed"), "gzip" if ending.endswith("gz") else "zstd") as out:
            out.write(whole)
        whole, path = (tmp_path / "packed").read_bytes(), tmp_path / f"a.{ending}"
    rng = random.Random(1729)
    for _ in range(60 * loops):
        raw = bytearray(whole)
        raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        path.write_bytes(bytes(raw[: rng.randrange(1, len(raw))] if rng.random() < 0.3 else raw))
        try:
            stream = Reader().open(str(path))
            for batch in stream:
                assert batch.offsets[-1] == len(batch.data)
                bytes(batch.data).decode()
        except ShardReadError:
            continue
        assert stream.records > 0


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_long_text_that_was_not_read_is_named(tmp_path: Path, ending: str) -> None:
    records = [{"text": "t", "title": "short", "hidden": f"{i} long passage " * 30} for i in range(5)]
    location = write(tmp_path / f"a.{ending}", records)
    stream = Reader().open(location)
    assert rows_of(stream) == [("text", "t")] * 5
    assert stream.left_out == ("hidden",)
    stream = Reader().open(location, text_field="hidden")
    assert [name for name, _ in rows_of(stream)] == ["hidden"] * 5
    assert stream.left_out == ()
