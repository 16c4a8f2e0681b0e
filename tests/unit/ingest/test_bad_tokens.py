"""Token shards that cannot be read right are not read: one sentence says what, where, and what to do."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.errors import ShardReadError
from provenance.ingest.interface import Stream
from provenance.ingest.reader import Reader
from provenance.model.dataset import Tokenizer
from tests.fakes.tokenizers import NOVEL, encode, saved, write_megatron

IDS = encode("byte-level", NOVEL[:2_000])


@pytest.fixture
def named(tmp_path: Path) -> Tokenizer:
    return saved(tmp_path)


def read(path: Path, tokenizer: Tokenizer | None, text_field: str | None = None) -> Stream:
    stream = Reader().open(str(path), tokenizer=tokenizer, text_field=text_field)
    for _ in stream:
        pass
    return stream


def refused(path: Path, tokenizer: Tokenizer | None, words: str) -> str:
    with pytest.raises(ShardReadError, match=words) as caught:
        read(path, tokenizer)
    assert "\n" not in str(caught.value)
    return caught.value.hint or ""


def write_all(folder: Path, ids: list[int]) -> list[Path]:
    """Write the same ids in every format."""
    pq.write_table(pa.table({"input_ids": [ids]}), folder / "a.parquet")
    table = pa.table({"input_ids": [ids]})
    with pa.OSFile(str(folder / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as out:
        out.write_table(table)
    (folder / "a.jsonl").write_text(json.dumps({"input_ids": ids}) + "\n")
    np.save(folder / "a.npy", np.array([ids], np.int32))
    write_megatron(folder / "b.bin", [[ids]], code=4, dtype="<i4")
    return [folder / name for name in ("a.parquet", "a.arrow", "a.jsonl", "a.npy", "b.bin")]


def test_without_a_tokenizer_tokens_are_an_error_that_asks_for_one(tmp_path: Path) -> None:
    for path in write_all(tmp_path, IDS):
        hint = refused(path, None, "and no tokenizer is named that reads them")
        assert "--tokenizer" in hint
    (tmp_path / "short.jsonl").write_text('{"input_ids": [1, 2], "id": "a"}\n')
    refused(tmp_path / "short.jsonl", None, "token ids in field 'input_ids' and no text, and no tokenizer")
    pq.write_table(pa.table({"input_ids": [IDS], "source": ["web"]}), tmp_path / "meta.parquet")
    refused(tmp_path / "meta.parquet", None, "no record has a text field|no tokenizer is named")


@pytest.mark.parametrize("bad", [2_000, 60_000, -1])
def test_an_id_beyond_the_vocabulary_stops_the_shard(tmp_path: Path, named: Tokenizer, bad: int) -> None:
    for path in write_all(tmp_path, [*IDS[:5], bad, *IDS]):
        hint = refused(path, named, rf"record 0: holds token id {bad:,} at token 5, which tokenizer .* does not have: its ids are below 2,000")
        assert "name the tokenizer that made these tokens" in hint


@pytest.mark.parametrize("ids", [[1.5], [True], [None], [[1]], [2**70], {"0": 1}])
def test_json_fields_that_hold_no_ids_are_problems(tmp_path: Path, named: Tokenizer, ids: object) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"input_ids": IDS}) + "\n" + json.dumps({"input_ids": ids}) + "\n")
    stream = read(tmp_path / "a.jsonl", named)
    assert (stream.records, stream.unread) == (2, 1)
    assert stream.problems[0].line == 2


@pytest.mark.parametrize(
    ("column", "words"),
    [
        (pa.array([[[1, 2]]]), "holds list<.*list<.*expected lists of token ids"),
        (pa.array([[1.0, 2.0]]), "holds list<.*double"),
        (pa.array([b"\x01\x00\x02\x00"]), "holds binary"),
    ],
)
def test_columns_that_hold_ids_in_another_way_are_refused_or_told_of(tmp_path: Path, named: Tokenizer, column: Any, words: str) -> None:
    pq.write_table(pa.table({"text": ["some text"], "input_ids": column}), tmp_path / "a.parquet")
    refused(tmp_path / "a.parquet", named, words)
    long = pa.table({"text": ["some text"], "input_ids": pa.array([column[0].as_py() * 30], column.type)})
    pq.write_table(long, tmp_path / "b.parquet")
    assert read(tmp_path / "b.parquet", None).left_out == {"input_ids": 1}


def test_a_named_field_that_is_not_there_is_told(tmp_path: Path) -> None:
    other = saved(tmp_path, field="ids")
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": "words", "ids": IDS}) + "\n" + json.dumps({"text": "words"}) + "\n")
    stream = read(tmp_path / "a.jsonl", other)
    assert [p.message for p in stream.problems] == ["no tokens in field 'ids'; its fields are: 'text'"]
    pq.write_table(pa.table({"text": ["words"]}), tmp_path / "a.parquet")
    refused(tmp_path / "a.parquet", other, "no column 'ids'; the columns are: 'text'")


def test_null_ids_and_rows_without_a_list_are_problems(tmp_path: Path, named: Tokenizer) -> None:
    pq.write_table(pa.table({"input_ids": pa.array([IDS, [1, None], None], pa.list_(pa.int32()))}), tmp_path / "a.parquet")
    stream = read(tmp_path / "a.parquet", named)
    assert [(p.record, p.message) for p in stream.problems] == [
        (1, "field 'input_ids' holds no list of whole numbers, expected token ids"),
        (2, "no tokens in field 'input_ids'"),
    ]
    assert stream.records == 3


def test_text_that_cannot_be_read_is_a_problem_though_tokens_can(tmp_path: Path, named: Tokenizer) -> None:
    broken = pa.array([b"\xff broken"], pa.binary())
    pq.write_table(pa.table({"text": broken, "input_ids": [IDS]}), tmp_path / "a.parquet")
    stream = read(tmp_path / "a.parquet", named)
    assert stream.unread == 1


ARRAYS = [
    (np.array([[1.0]]), "2 dimensions of float64"),
    (np.array([True]), "1 dimensions of bool"),
    (np.zeros((2, 2, 2), np.int32), "3 dimensions of int32"),
    (np.array(5), "0 dimensions of int64"),
    (np.array(["a"]), "1 dimensions of <U1"),
]


@pytest.mark.parametrize(("array", "words"), ARRAYS)
def test_arrays_that_hold_no_tokens_are_refused(tmp_path: Path, named: Tokenizer, array: Any, words: str) -> None:
    np.save(tmp_path / "a.npy", array)
    refused(tmp_path / "a.npy", named, words)


def test_arrays_that_are_damaged_empty_or_objects(tmp_path: Path, named: Tokenizer) -> None:
    path = tmp_path / "a.npy"
    np.save(path, np.array([IDS], np.uint16))
    raw = path.read_bytes()
    for cut in (raw[:-2], raw[:20], raw[:6], b"\x93NUMPX" + raw[6:], b"PK\x03\x04" + raw):
        path.write_bytes(cut)
        refused(path, named, "cannot be read as a NumPy array|an archive")
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    refused(path, named, "cannot be read as a NumPy array")
    np.save(path, np.zeros((2, 0), np.uint16))
    refused(path, named, "holds no tokens")
    np.savez(tmp_path / "z.npz", a=np.zeros(1))
    (tmp_path / "z.npz").rename(path)
    refused(path, named, "cannot be read as a NumPy array|an archive")


def test_a_missing_half_of_a_megatron_pair(tmp_path: Path, named: Tokenizer) -> None:
    write_megatron(tmp_path / "a.bin", [[IDS]])
    (tmp_path / "a.idx").rename(tmp_path / "b.idx")
    hint = refused(tmp_path / "a.bin", named, r"a\.bin: there is no a\.idx beside it, which says where documents begin")
    assert "numpy.save" in hint
    hint = refused(tmp_path / "b.idx", None, r"b\.idx: there is no b\.bin beside it, which holds the tokens")
    assert ".bin" in hint


HEAD = 9 + 8 + 1 + 8 + 8


def patched(at: int, raw: bytes) -> Callable[[bytes], bytes]:
    return lambda whole: whole[:at] + raw + whole[at + len(raw) :]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda raw: raw[:-1], "its header tells of"),
        (lambda raw: raw + b"\0", "its header tells of"),
        (lambda raw: raw + b"\0\0", "multimodal"),
        (lambda raw: raw[:20], "cut short within its header"),
        (lambda raw: b"TNTIDX\x00\x00\x00" + raw[9:], "is no Megatron index"),
        (patched(9, struct.pack("<Q", 2)), "version 2, expected 1"),
        (patched(17, b"\x06"), "type code 6, which is none of token ids: 1 .uint8."),
        (patched(17, b"\xff"), "type code 255"),
        (patched(17, b"\x04"), "its sequences do not follow one another|do not fit"),
        (patched(18, struct.pack("<Q", 2**60)), "its header tells of"),
        (patched(HEAD, struct.pack("<i", -1)), "do not follow one another"),
        (patched(HEAD, struct.pack("<i", 7)), "do not follow one another"),
        (patched(HEAD + 8, struct.pack("<q", 2)), "do not follow one another"),
        (patched(HEAD + 24, struct.pack("<q", 1)), "do not hold each of its 2 sequences once"),
        (patched(HEAD + 40, struct.pack("<q", 1)), "do not hold each of its 2 sequences once"),
        (patched(HEAD + 32, struct.pack("<q", 3)), "do not hold each of its 2 sequences once"),
    ],
)
def test_a_damaged_index_is_refused_for_both_files(tmp_path: Path, named: Tokenizer, damage: Callable[[bytes], bytes], words: str) -> None:
    write_megatron(tmp_path / "a.bin", [[IDS[:50]], [IDS[50:]]])
    index = tmp_path / "a.idx"
    index.write_bytes(damage(index.read_bytes()))
    refused(tmp_path / "a.bin", named, words)
    refused(index, None, words)


@pytest.mark.parametrize("damage", [lambda raw: raw[:-1], lambda raw: raw[:-2], lambda raw: raw + b"\0\0"])
def test_a_bin_that_does_not_fit_its_index_is_refused(tmp_path: Path, named: Tokenizer, damage: Callable[[bytes], bytes]) -> None:
    path = write_megatron(tmp_path / "a.bin", [[IDS]])
    path.write_bytes(damage(path.read_bytes()))
    hint = refused(path, named, r"a\.bin: has [0-9,]+ bytes, a\.idx tells of [0-9,]+: they do not fit")
    assert hint


def test_empty_files_and_pairs_of_nothing(tmp_path: Path, named: Tokenizer) -> None:
    write_megatron(tmp_path / "a.bin", [[[]]])
    refused(tmp_path / "a.bin", named, "is empty: it has 0 bytes")
    for name in ("a.npy", "a.arrow", "a.idx"):
        (tmp_path / name).write_bytes(b"")
        refused(tmp_path / name, named, "is empty")


def test_arrow_that_is_damaged_is_told(tmp_path: Path, named: Tokenizer) -> None:
    table = pa.table({"input_ids": [IDS, IDS, IDS]})
    path = tmp_path / "a.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as out:
        out.write_table(table, max_chunksize=1)
    raw = path.read_bytes()
    assert read(path, named).unread == 0
    path.write_bytes(raw[: len(raw) * 2 // 3])
    stream = read(path, named)
    assert stream.unread == 2
    assert "damaged" in stream.problems[0].message
    path.write_bytes(raw[:-8])
    assert [p.message for p in read(path, named).problems] == ["ends without an end mark: what follows may be missing"]
    path.write_bytes(b"not arrow at all")
    refused(path, named, "cannot be read as Arrow")
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    path.write_bytes(path.read_bytes()[:-20])
    refused(path, named, "cannot be read as Arrow")


def test_arrays_in_a_store_are_asked_for_locally(named: Tokenizer) -> None:
    import fsspec

    with fsspec.open("memory://tokens/a.npy", "wb") as file:
        file.write(b"x")
    with pytest.raises(ShardReadError, match="read from local disks only"):
        list(Reader().open("memory://tokens/a.npy", tokenizer=named))


def test_a_missing_or_changed_tokenizer_is_told_when_ids_are_read(tmp_path: Path, named: Tokenizer) -> None:
    paths = write_all(tmp_path, IDS)
    (tmp_path / "t.txt").write_text("text needs none")
    Path(named.path).write_text("{}")
    for path in paths:
        refused(path, named, "is not the one that was named")
    Path(named.path).unlink()
    for path in paths:
        refused(path, named, "cannot be read: No such file")
    assert read(tmp_path / "t.txt", named).records == 1
