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
    assert [row for row in found if row[0] != "extra"] == [(f"messages[0].key{i}", f"text{i}") for i in range(2_000)]
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


WORDS = "one two three four five six seven eight nine ten eleven twelve"


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_long_text_that_is_not_read_is_counted_where_a_field_is_named(tmp_path: Path, ending: str) -> None:
    records = [{"text": "t", "title": "short", "notes": [{"said": "no"}], "hidden": f"{i} {WORDS} {WORDS}"} for i in range(5)]
    records[0]["notes"] = [{"said": f"{WORDS} {WORDS}"}]
    location = write(tmp_path / f"a.{ending}", records)
    stream = Reader().open(location)
    assert [name for name, _ in rows_of(stream)] == ["text", "notes[0].said", "hidden", *["text", "hidden"] * 4]
    assert stream.left_out == {}
    stream = Reader().open(location, text_field="text")
    assert rows_of(stream) == [("text", "t")] * 5
    assert stream.left_out == {"hidden": 5, "notes[*].said": 1}
    stream = Reader().open(location, text_field="notes.said")
    assert len(rows_of(stream)) == 5
    assert stream.left_out == {"hidden": 5}


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
@pytest.mark.parametrize(
    ("record", "field"),
    [
        ({"instruction": "Say it.", "completions": [{"model": "m", "response": WORDS}]}, "completions[0].response"),
        ({"summary": WORDS, "label": 3}, "summary"),
        ({"prompt": "Why?", "responses": ["because", WORDS]}, "responses[1]"),
        ({"question": "Why?", "meta": {"rationale": WORDS}}, "meta.rationale"),
        ({"data": {"deep": {"text": WORDS}}}, "data.deep.text"),
        ({"messages": [{"role": "user", "content": "hi", "name": WORDS}]}, "messages[0].name"),
        ({"conversations": [{"from": WORDS, "value": "hi"}]}, "conversations[0].from"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "hi", "url": WORDS}]}]}, "messages[0].content[0].url"),
        ({"text": "hi", "title": WORDS}, "title"),
        ({"id": WORDS, "text": "hi"}, "id"),
        ({"doc_id": 1, "pages": [[WORDS, "b"], ["c", "d"]]}, "pages[0][0]"),
    ],
)
def test_a_passage_is_read_wherever_it_stands(tmp_path: Path, record: dict[str, Any], field: str, ending: str) -> None:
    stream = Reader().open(write(tmp_path / f"a.{ending}", [record]))
    assert (field, WORDS) in rows_of(stream)
    assert not stream.problems


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_passage_cut_into_short_strings_is_read_together(tmp_path: Path, ending: str) -> None:
    words = WORDS.split()
    records: list[dict[str, Any]] = [
        {"text": words, "turns": None},
        {"text": None, "turns": [{"said": w} for w in words]},
        {"text": words[:7], "turns": None},
    ]
    found = rows_of(Reader().open(write(tmp_path / f"a.{ending}", records)))
    assert [row for row in found if "[*]" in row[0]] == [("text[*]", "\n".join(words)), ("turns[*].said", "\n".join(words))]


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_a_record_whose_texts_are_all_short_is_no_problem_among_others(tmp_path: Path, ending: str) -> None:
    records: list[dict[str, Any]] = [{"id": "a", "summary": WORDS}, {"id": "b", "summary": "none"}, {"id": "c", "summary": None}]
    location = write(tmp_path / f"a.{ending}", records)
    stream = Reader().open(location)
    assert rows_of(stream) == [("summary", WORDS)]
    assert [problem.record for problem in stream.problems] == [2]
    with pytest.raises(ShardReadError, match="no record has a text field"):
        rows_of(Reader().open(write(tmp_path / f"b.{ending}", [{"summary": "none"}])))


def test_bytes_that_are_text_are_read_whatever_the_column_is_called(tmp_path: Path) -> None:
    picture = b"\x89PNG\r\n" + bytes(range(256))
    table = pa.table({"text": ["hi"] * 3, "raw": [WORDS.encode(), picture, None], "sha": [b"0123"] * 3})
    pq.write_table(table, tmp_path / "a.parquet")
    stream = Reader().open(str(tmp_path / "a.parquet"))
    assert rows_of(stream) == [("text", "hi"), ("raw", WORDS), ("text", "hi"), ("text", "hi")]
    assert not stream.problems


shapes = st.fixed_dictionaries(
    {
        "text": st.none() | st.sampled_from(["t", WORDS]),
        "others": st.lists(st.sampled_from(["a b c d", WORDS, f"{WORDS} {WORDS}", ""]), max_size=4),
        "turns": st.lists(
            st.fixed_dictionaries({"role": st.sampled_from(["user", WORDS]), "said": st.none() | st.sampled_from(["a b c", "d e f g h", WORDS])}),
            max_size=4,
        ),
        "meta": st.fixed_dictionaries(
            {"note": st.sampled_from(["x", WORDS]), "tags": st.lists(st.sampled_from(["five words are in here", "y"]), max_size=3)}
        ),
        "messages": st.lists(
            st.fixed_dictionaries({"role": st.just("user"), "content": st.sampled_from(["hi", "one two three four", WORDS])}), max_size=4
        ),
    }
)


@given(records=st.lists(shapes, min_size=1, max_size=8))
def test_parquet_and_jsonl_give_the_same_rows(tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]) -> None:
    folder = tmp_path_factory.mktemp("same")
    text = pa.string()
    schema = pa.schema(
        [
            ("text", text),
            ("others", pa.list_(text)),
            ("turns", pa.list_(pa.struct([("role", text), ("said", text)]))),
            ("meta", pa.struct([("note", text), ("tags", pa.list_(text))])),
            ("messages", pa.list_(pa.struct([("role", text), ("content", text)]))),
        ]
    )
    table = pa.Table.from_pylist(records, schema)
    pq.write_table(table, folder / "a.parquet")
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, table.to_pylist())))
    outcomes: list[tuple[Rows, list[int | None] | str]] = []
    for name in ("a.jsonl", "a.parquet"):
        stream = Reader().open(str(folder / name))
        try:
            outcomes.append((rows_of(stream), [problem.record for problem in stream.problems]))
        except ShardReadError as err:
            outcomes.append(([], str(err).split(": ")[1].split(";")[0]))
    assert outcomes[0] == outcomes[1]


flat = st.sampled_from(["", "a b", WORDS, f"{WORDS} é", "\ud800 lone", 3, 2.5, None, True])


@given(
    records=st.lists(st.fixed_dictionaries({"text": flat, "title": flat, "id": flat, WORDS: flat}), min_size=1, max_size=24),
    odd=st.lists(st.sampled_from([{"text": ["x"], "title": 1, "id": 2, WORDS: ""}, {"title": WORDS}, [], {"messages": []}]), max_size=3),
    at=st.integers(0, 30),
)
def test_records_alike_give_the_rows_that_each_gives_alone(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any], odd: list[Any], at: int
) -> None:
    records[at:at] = odd
    path = tmp_path_factory.mktemp("alike") / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    alone = batches.RowCollector()
    troubles = [trouble for i, record in enumerate(records) if (trouble := alone.add(record, index=i, line=i + 1))]
    expected = alone.take()
    stream = Reader().open(str(path))
    try:
        taken = list(stream)
    except ShardReadError:
        assert expected is None
        return
    assert [problem.message for problem in stream.problems] == troubles
    assert stream.records == len(records)
    if expected is None:
        assert not taken
        return
    (batch,) = taken
    assert batch.data.tobytes() == expected.data.tobytes()
    for name in ("offsets", "record", "line"):
        assert getattr(batch, name).tolist() == getattr(expected, name).tolist()
    assert [batch.field_names[code] for code in batch.field_code] == [expected.field_names[code] for code in expected.field_code]
    assert batch.doc_ids == expected.doc_ids
