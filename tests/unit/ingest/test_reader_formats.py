"""One suite over every format: the same three documents give the same rows."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.errors import ShardReadError
from provenance.ingest.interface import Stream
from provenance.ingest.reader import SCHEME, Reader, format_of
from provenance.model.dataset import ShardFormat
from provenance.ports import ShardReader

DOCUMENTS = {
    "a-1": "It was the best of times,\nit was the worst of times.\r\n",
    "b-2": "Zwölf Boxkämpfer jagen Viktor quer über den Sylter Deich \U0001f98a.",
    "c-3": "\ufeff百聞は一見に如かず\x00 end",
}
Rows = list[tuple[int, int, str, str | None, str]]


def rows_of(stream: Stream) -> Rows:
    """Return (record, line, field, doc id, text) of every row."""
    found: Rows = []
    for batch in stream:
        for i in range(len(batch)):
            name = batch.field_names[batch.field_code[i]]
            found.append((int(batch.record[i]), int(batch.line[i]), name, batch.doc_ids[i], batch.text(i)))
    return found


def jsonl_bytes() -> bytes:
    return b"".join(json.dumps({"id": k, "text": v}).encode() + b"\n" for k, v in DOCUMENTS.items())


def zstd_bytes(raw: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(raw)
    return sink.getvalue().to_pybytes()


def write_parquet(path: Path, kind: pa.DataType) -> None:
    table = pa.table({"id": list(DOCUMENTS), "text": pa.array(list(DOCUMENTS.values())).cast(kind)})
    pq.write_table(table, path, row_group_size=2)


LINE_FORMS: dict[str, Callable[[bytes], bytes]] = {
    "jsonl": bytes,
    "ndjson": bytes,
    "json": bytes,
    "jsonl.gz": gzip.compress,
    "jsonl.zst": zstd_bytes,
    "jsonl.bz2": bz2.compress,
    "jsonl.xz": lzma.compress,
}
EXPECTED_LINES: Rows = [(i, i + 1, "text", k, v) for i, (k, v) in enumerate(DOCUMENTS.items())]
EXPECTED: Rows = [(i, 0, "text", k, v) for i, (k, v) in enumerate(DOCUMENTS.items())]


@pytest.mark.parametrize("ending", LINE_FORMS)
def test_json_lines_give_the_rows_in_every_compression(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"docs.{ending}"
    path.write_bytes(LINE_FORMS[ending](jsonl_bytes()))
    stream = Reader().open(str(path))
    assert rows_of(stream) == EXPECTED_LINES
    assert (stream.format, stream.records, stream.unread, stream.bytes_read) == (ShardFormat.JSONL, 3, 0, path.stat().st_size)


@pytest.mark.parametrize(
    "kind",
    [pa.string(), pa.large_string(), pa.binary(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
    ids=["str", "large", "binary", "view", "dict"],
)
def test_parquet_gives_the_rows_from_every_text_type(tmp_path: Path, kind: pa.DataType) -> None:
    path = tmp_path / "docs.parquet"
    write_parquet(path, kind)
    stream = Reader().open(str(path))
    assert rows_of(stream) == EXPECTED
    assert (stream.format, stream.records, stream.unread) == (ShardFormat.PARQUET, 3, 0)
    assert stream.bytes_read > 0


@pytest.mark.parametrize("ending", [".txt", ".md", ".txt.gz", ".txt.zst"])
def test_a_folder_of_text_files_gives_one_row_a_file(tmp_path: Path, ending: str) -> None:
    found: Rows = []
    for number, (doc_id, text) in enumerate(DOCUMENTS.items()):
        raw = text.encode()
        path = tmp_path / f"{doc_id}{ending}"
        path.write_bytes(gzip.compress(raw, mtime=0) if ending.endswith("gz") else zstd_bytes(raw) if ending.endswith("zst") else raw)
        stream = Reader().open(str(path))
        found += [(number, line, field, name, body) for _, line, field, name, body in rows_of(stream)]
        assert (stream.format, stream.records) == (ShardFormat.TEXT, 1)
    assert found == EXPECTED


def test_a_json_array_gives_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "docs.json"
    path.write_text(json.dumps([{"id": k, "text": v} for k, v in DOCUMENTS.items()], indent=2), encoding="utf-8")
    assert rows_of(Reader().open(str(path))) == EXPECTED


def test_file_urls_and_memory_urls_are_read(tmp_path: Path) -> None:
    path = tmp_path / "with space.jsonl"
    path.write_bytes(jsonl_bytes())
    assert rows_of(Reader().open(path.as_uri())) == EXPECTED_LINES
    for name, raw in {"a.jsonl": jsonl_bytes(), "b.jsonl.zst": zstd_bytes(jsonl_bytes())}.items():
        with fsspec.open(f"memory://ingest-test/{name}", "wb") as file:
            file.write(raw)
        assert rows_of(Reader().open(f"memory://ingest-test/{name}")) == EXPECTED_LINES
    write_parquet(tmp_path / "c.parquet", pa.string())
    with fsspec.open("memory://ingest-test/c.parquet", "wb") as file:
        file.write((tmp_path / "c.parquet").read_bytes())
    assert rows_of(Reader().open("memory://ingest-test/c.parquet")) == EXPECTED


def test_compression_is_told_by_the_bytes_where_the_name_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_bytes(gzip.compress(jsonl_bytes(), mtime=0))
    assert rows_of(Reader().open(str(path))) == EXPECTED_LINES


def test_members_and_frames_that_follow_one_another_are_all_read(tmp_path: Path) -> None:
    first, second = jsonl_bytes().split(b"\n", 1)
    skippable = (0x184D2A50).to_bytes(4, "little") + (5).to_bytes(4, "little") + b"hello"
    (tmp_path / "two.jsonl.gz").write_bytes(gzip.compress(first + b"\n", mtime=0) + gzip.compress(second, mtime=0))
    (tmp_path / "two.jsonl.zst").write_bytes(skippable + zstd_bytes(first + b"\n") + skippable + zstd_bytes(second))
    for name in ("two.jsonl.gz", "two.jsonl.zst"):
        assert rows_of(Reader().open(str(tmp_path / name))) == EXPECTED_LINES


def test_byte_order_mark_crlf_blank_lines_and_a_missing_last_line_feed(tmp_path: Path) -> None:
    path = tmp_path / "odd.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"text": "a"}\r\n\r\n   \n{"text": "b"}\r\n{"text": "c"}')
    stream = Reader().open(str(path))
    assert rows_of(stream) == [(0, 1, "text", None, "a"), (1, 4, "text", None, "b"), (2, 5, "text", None, "c")]
    assert stream.unread == 0


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jsonl.zst", ShardFormat.JSONL),
        ("s3://bucket/x/A.PARQUET", ShardFormat.PARQUET),
        ("a.parquet.gz", None),
        ("a.csv", None),
        ("LICENSE", None),
    ],
)
def test_the_format_is_told_by_the_name(name: str, expected: ShardFormat | None) -> None:
    assert format_of(name) is expected


def test_a_reader_names_its_scheme_behind_the_port() -> None:
    reader: ShardReader = Reader()
    assert reader.scheme == SCHEME


def test_an_unknown_format_names_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text\nhello\n")
    with pytest.raises(ShardReadError, match=r"a\.csv: its format is unknown") as caught:
        Reader().open(str(path))
    assert ".parquet" in (caught.value.hint or "")
