"""Shards of token ids give the rows, and the matches, of the texts that they were made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.errors import ShardReadError
from provenance.ingest.interface import Stream
from provenance.ingest.reader import Reader, format_of
from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.model.dataset import ShardFormat, Tokenizer
from provenance.model.match import Match
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import make_reference
from tests.fakes.tokenizers import KINDS, MORE, NOVEL, decode, encode, saved, write_megatron

WORDS = NOVEL.split()
DOCUMENTS = (
    "Nothing of the book stands here. " + MORE,
    f"{MORE} He wrote: " + " ".join(WORDS[4_000:4_090]) + " and that was all that he wrote on that day.",
    " ".join(WORDS[9_000:9_400]),
)
Writer = Callable[[Path, str, Sequence[str]], Path]


def token_lists(kind: str, texts: Sequence[str]) -> list[list[int]]:
    return [encode(kind, text) for text in texts]


def write_parquet(folder: Path, kind: str, texts: Sequence[str]) -> Path:
    path = folder / "a.parquet"
    pq.write_table(pa.table({"input_ids": pa.array(token_lists(kind, texts), pa.list_(pa.int32()))}), path, row_group_size=2)
    return path


def write_arrow_stream(folder: Path, kind: str, texts: Sequence[str]) -> Path:
    table = pa.table({"input_ids": pa.array(token_lists(kind, texts), pa.large_list(pa.uint16()))})
    with pa.OSFile(str(folder / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as out:
        out.write_table(table, max_chunksize=2)
    return folder / "a.arrow"


def write_arrow_file(folder: Path, kind: str, texts: Sequence[str]) -> Path:
    table = pa.table({"input_ids": pa.array(token_lists(kind, texts), pa.list_(pa.int64()))})
    with pa.OSFile(str(folder / "a.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)
    return folder / "a.arrow"


def write_jsonl(folder: Path, kind: str, texts: Sequence[str]) -> Path:
    path = folder / "a.jsonl"
    path.write_text("".join(json.dumps({"input_ids": ids, "attention_mask": [1] * len(ids)}) + "\n" for ids in token_lists(kind, texts)))
    return path


def write_megatron_pair(folder: Path, kind: str, texts: Sequence[str]) -> Path:
    return write_megatron(folder / "a.bin", [[ids[: len(ids) // 2], ids[len(ids) // 2 :]] for ids in token_lists(kind, texts)])


WRITERS: dict[str, Writer] = {
    "parquet": write_parquet,
    "arrow-stream": write_arrow_stream,
    "arrow-file": write_arrow_file,
    "jsonl": write_jsonl,
    "megatron": write_megatron_pair,
}


def rows_of(stream: Stream) -> list[tuple[int, str, str]]:
    """Return (record, field, text) of every row."""
    return [(int(b.record[i]), b.field_names[b.field_code[i]], b.text(i)) for b in stream for i in range(len(b))]


def matches_of(matcher: CascadeMatcher, stream: Stream) -> list[Match]:
    found: list[Match] = []
    for batch in stream:
        matches = matcher.match_batch(batch, path="p")
        found += matches if batch.tokens is None else batch.tokens.locate(matches)
    return found


@pytest.fixture(scope="module")
def matcher(tmp_path_factory: pytest.TempPathFactory) -> CascadeMatcher:
    store = ReferenceStore(tmp_path_factory.mktemp("store"))
    store.add("novel", [make_reference("novel", NOVEL)], kind=ReferenceKind.WORK)
    return open_matcher(store, ["novel"])


def as_text(match: Match, field: str) -> Match:
    """Return a match as it would be had the shard held text."""
    return replace(match, field=field, token_start=None, token_end=None, line=None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", WRITERS)
def test_matches_are_those_of_the_text(tmp_path: Path, matcher: CascadeMatcher, kind: str, form: str) -> None:
    texts = [decode(kind, encode(kind, text)) for text in DOCUMENTS]
    shard = WRITERS[form](tmp_path, kind, DOCUMENTS)
    stream = Reader().open(str(shard), tokenizer=saved(tmp_path, kind))
    assert [(record, text) for record, _, text in rows_of(stream)] == list(enumerate(texts))
    assert (stream.records, stream.unread, stream.left_out) == (3, 0, {})
    assert stream.bytes_read > 0
    (tmp_path / "text.parquet").unlink(missing_ok=True)
    pq.write_table(pa.table({"text": texts}), tmp_path / "text.parquet")
    expected = matches_of(matcher, Reader().open(str(tmp_path / "text.parquet")))
    found = matches_of(matcher, Reader().open(str(shard), tokenizer=saved(tmp_path, kind)))
    assert [as_text(m, "text") for m in found] == [replace(m, line=None) for m in expected]
    assert {m.record for m in found} == {1, 2}
    for match in found:
        assert match.token_start is not None
        assert match.token_end is not None
        ids = encode(kind, DOCUMENTS[match.record])
        words = texts[match.record][match.start : match.end]
        assert words in decode(kind, ids[match.token_start : match.token_end])
        # No token less would do: the span's first and last character stand in the outermost ones.
        assert words not in decode(kind, ids[match.token_start + 1 : match.token_end])
        assert words not in decode(kind, ids[match.token_start : match.token_end - 1])


@pytest.mark.parametrize("dtype", ["<u2", ">u2", "<i4", "<i8", "<u8"])
def test_arrays_of_two_dimensions_are_a_document_a_row(tmp_path: Path, dtype: str) -> None:
    lists = token_lists("byte-level", DOCUMENTS)
    size = min(map(len, lists))
    np.save(tmp_path / "a.npy", np.array([ids[:size] for ids in lists], dtype))
    stream = Reader().open(str(tmp_path / "a.npy"), tokenizer=saved(tmp_path))
    assert rows_of(stream) == [(i, "tokens", decode("byte-level", ids[:size])) for i, ids in enumerate(lists)]
    assert (stream.format, stream.records) == (ShardFormat.NUMPY, 3)


def test_arrays_of_one_dimension_are_cut_at_end_tokens(tmp_path: Path) -> None:
    lists = token_lists("byte-level", DOCUMENTS)
    end = 0
    np.save(tmp_path / "a.npy", np.array([*lists[0], end, end, *lists[1], end, *lists[2]], np.uint16))
    stream = Reader().open(str(tmp_path / "a.npy"), tokenizer=saved(tmp_path))
    mark = "<|endoftext|>"
    texts = [decode("byte-level", ids) for ids in lists]
    assert rows_of(stream) == [(0, "tokens", texts[0] + mark), (1, "tokens", mark), (2, "tokens", texts[1] + mark), (3, "tokens", texts[2])]


def test_without_an_end_token_an_array_is_one_document(tmp_path: Path) -> None:
    ids = encode("word-piece", " ".join(DOCUMENTS))
    np.save(tmp_path / "a.npy", np.array(ids, np.uint16))
    rows = rows_of(Reader().open(str(tmp_path / "a.npy"), tokenizer=saved(tmp_path, "word-piece")))
    assert rows == [(0, "tokens", decode("word-piece", ids))]


def test_empty_documents_are_records_without_rows(tmp_path: Path) -> None:
    ids = encode("byte-level", "some words")
    named = saved(tmp_path)
    write_megatron(tmp_path / "a.bin", [[], [ids], [[]], [ids, []]])
    stream = Reader().open(str(tmp_path / "a.bin"), tokenizer=named)
    assert rows_of(stream) == [(1, "tokens", "some words"), (3, "tokens", "some words")]
    assert (stream.records, stream.unread) == (4, 0)
    (tmp_path / "a.jsonl").write_text(f'{{"input_ids": []}}\n{{"input_ids": {ids}}}\n')
    stream = Reader().open(str(tmp_path / "a.jsonl"), tokenizer=named)
    assert rows_of(stream) == [(1, "input_ids", "some words")]
    assert (stream.records, stream.unread) == (2, 0)
    pq.write_table(pa.table({"input_ids": pa.array([[], ids], pa.list_(pa.int32()))}), tmp_path / "a.parquet")
    stream = Reader().open(str(tmp_path / "a.parquet"), tokenizer=named)
    assert rows_of(stream) == [(1, "input_ids", "some words")]


def test_a_megatron_pair_of_other_types_and_many_sequences(tmp_path: Path) -> None:
    ids = encode("byte-level", DOCUMENTS[1])
    for code, dtype in ((3, "<i2"), (4, "<i4"), (5, "<i8"), (8, "<u2")):
        write_megatron(tmp_path / "a.bin", [[[i] for i in ids], [ids]], code=code, dtype=dtype)
        rows = rows_of(Reader().open(str(tmp_path / "a.bin"), tokenizer=saved(tmp_path)))
        assert [text for _, _, text in rows] == [DOCUMENTS[1]] * 2


def test_an_index_is_read_but_has_no_rows(tmp_path: Path) -> None:
    write_megatron(tmp_path / "a.bin", [[[1, 2]]])
    stream = Reader().open(str(tmp_path / "a.idx"))
    assert rows_of(stream) == []
    assert (stream.format, stream.records, stream.bytes_read) == (ShardFormat.MEGATRON_INDEX, 0, (tmp_path / "a.idx").stat().st_size)


def test_formats_are_told_by_the_ending() -> None:
    names = {"a.arrow": ShardFormat.ARROW, "a.npy": ShardFormat.NUMPY, "a.bin": ShardFormat.MEGATRON, "a.idx": ShardFormat.MEGATRON_INDEX}
    assert {name: format_of(name) for name in names} == names
    assert [format_of(f"{name}.gz") for name in names] == [None] * 4


ROW = encode("byte-level", " ".join(WORDS[:200]))


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "arrow"])
@pytest.mark.parametrize("named", [None, "input_ids", "labels"])
def test_text_and_tokens_are_both_read(tmp_path: Path, ending: str, named: str | None) -> None:
    words = " ".join(WORDS[500:540])
    masked = [-100] * 50 + ROW[50:]
    shard = write_record(tmp_path, ending, {"id": "r1", "text": words, "input_ids": ROW, "attention_mask": [1] * len(ROW), "labels": masked})
    if named == "labels":
        with pytest.raises(ShardReadError, match="holds token id -100 at token 0"):
            rows_of(Reader().open(shard, tokenizer=saved(tmp_path, field=named)))
        return
    stream = Reader().open(shard, tokenizer=saved(tmp_path, field=named))
    rows = [(b.field_names[b.field_code[i]], b.text(i), b.doc_ids[i]) for b in stream for i in range(len(b))]
    assert rows == [("text", words, "r1"), ("input_ids", decode("byte-level", ROW), "r1")]
    assert (stream.left_out, stream.unread, stream.records) == ({}, 0, 1)


def write_record(folder: Path, ending: str, record: dict[str, Any]) -> str:
    path = folder / f"a.{ending}"
    if ending == "jsonl":
        path.write_text(json.dumps(record) + "\n")
        return str(path)
    table = pa.table({name: pa.array([value]) for name, value in record.items()})
    if ending == "parquet":
        pq.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as out:
            out.write_table(table)
    return str(path)


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "arrow"])
def test_rows_of_a_record_stand_together(tmp_path: Path, ending: str) -> None:
    records = [{"text": f"text {i}", "input_ids": ROW if i % 2 else None} for i in range(3_000)]
    path = tmp_path / f"a.{ending}"
    table = pa.Table.from_pylist(records)
    if ending == "jsonl":
        path.write_text("".join(json.dumps(r) + "\n" for r in records))
    elif ending == "parquet":
        pq.write_table(table, path)
    else:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as out:
            out.write_table(table)
    stream = Reader().open(str(path), tokenizer=saved(tmp_path))
    found = [record for record, _, _ in rows_of(stream)]
    assert found == sorted(found)
    assert (len(found), stream.records, stream.unread) == (4_500, 3_000, 0)


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "arrow"])
def test_labels_that_are_other_tokens_are_read(tmp_path: Path, ending: str) -> None:
    target = encode("byte-level", "and this is the summary")
    shard = write_record(tmp_path, ending, {"input_ids": ROW, "labels": [*target, -100, -100]})
    rows = rows_of(Reader().open(shard, tokenizer=saved(tmp_path)))
    assert [(field, text) for _, field, text in rows][1:] == [("labels", "and this is the summary")]


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "arrow"])
def test_tokens_beside_text_are_told_of_where_no_tokenizer_is_named(tmp_path: Path, ending: str) -> None:
    record = {"text": " ".join(WORDS[500:540]), "input_ids": ROW, "labels": ROW, "tokens": 200, "chosen_input_ids": ROW, "attention_mask": [1] * 200}
    for text_field in (None, "text"):
        stream = Reader().open(write_record(tmp_path, ending, record), text_field=text_field)
        assert [field for _, field, _ in rows_of(stream)] == ["text"]
        assert stream.left_out == {"input_ids": 1, "chosen_input_ids": 1}


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "arrow"])
@pytest.mark.parametrize("text_field", [None, "text"])
@pytest.mark.parametrize("has_tokenizer", [True, False])
def test_tokens_below_the_top_level_are_told_of(tmp_path: Path, ending: str, text_field: str | None, *, has_tokenizer: bool) -> None:
    record = {"text": " ".join(WORDS[500:540]), "sample": {"note": "a", "input_ids": ROW}, "turns": [{"role": "user", "token_ids": ROW}]}
    tokenizer = saved(tmp_path) if has_tokenizer else None
    stream = Reader().open(write_record(tmp_path, ending, record), text_field=text_field, tokenizer=tokenizer)
    assert [field for _, field, _ in rows_of(stream)] == ["text"]
    below = ("sample.input_ids", "turns[*].token_ids") if ending == "jsonl" else ("sample", "turns")
    assert stream.left_out == dict.fromkeys(below, 1)


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "arrow"])
def test_short_lists_and_lists_of_words_are_no_tokens_to_tell_of(tmp_path: Path, ending: str) -> None:
    words = WORDS[500:540]
    record = {"text": "a b", "input_ids": ROW[:20], "tokens": words, "ner_tags": [1] * 40, "labels": [1] * 40}
    stream = Reader().open(write_record(tmp_path, ending, record))
    assert ("tokens[*]", "\n".join(words)) in [(field, text) for _, field, text in rows_of(stream)]
    assert (stream.left_out, stream.unread) == ({}, 0)


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "arrow"])
def test_the_other_column_of_tokens_is_told_of_where_one_is_named(tmp_path: Path, ending: str) -> None:
    shard = write_record(tmp_path, ending, {"mine": ROW, "input_ids": ROW})
    stream = Reader().open(shard, tokenizer=saved(tmp_path, field="mine"))
    assert [field for _, field, _ in rows_of(stream)] == ["mine"]
    assert stream.left_out == {"input_ids": 1}


@pytest.mark.parametrize(
    "kind",
    [pa.list_(pa.int8()), pa.large_list(pa.uint32()), pa.list_(pa.int64(), 3)],
    ids=["list", "large", "fixed"],
)
def test_every_type_of_list_is_read(tmp_path: Path, kind: pa.DataType) -> None:
    named = Tokenizer(path=saved(tmp_path).path, sha256=saved(tmp_path).sha256)
    table = pa.table({"input_ids": pa.array([[65, 66, 67], None, [68, 69, 70]], kind)})
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table)
    stream = Reader().open(str(tmp_path / "a.arrow"), tokenizer=named)
    assert [(r, text) for r, _, text in rows_of(stream)] == [(0, decode("byte-level", [65, 66, 67])), (2, decode("byte-level", [68, 69, 70]))]


def test_arrow_gives_the_rows_of_text_that_parquet_gives(tmp_path: Path) -> None:
    table = pa.table({"id": ["a", "b"], "text": ["first", "second"], "messages": pa.array([[{"role": "user", "content": "hi"}], None])})
    pq.write_table(table, tmp_path / "a.parquet")
    with pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as out:
        out.write_table(table)
    expected = rows_of(Reader().open(str(tmp_path / "a.parquet")))
    assert rows_of(Reader().open(str(tmp_path / "a.arrow"))) == expected
    assert len(expected) == 3
