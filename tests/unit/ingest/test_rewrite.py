"""A mended shard lacks the named records and nothing else."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.errors import ShardReadError
from provenance.ingest.rewrite import Rewriter

LINES = [json.dumps({"text": f"record {i} – é"}, ensure_ascii=False).encode() for i in range(20)]
RAW = b"".join(line + b"\n" for line in LINES)


def _zstd(raw: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(raw)
    return sink.getvalue().to_pybytes()


def _unzstd(raw: bytes) -> bytes:
    return pa.CompressedInputStream(pa.BufferReader(raw), "zstd").read()


@pytest.mark.parametrize(
    ("ending", "pack", "unpack"),
    [
        ("", bytes, bytes),
        (".gz", gzip.compress, gzip.decompress),
        (".bz2", bz2.compress, bz2.decompress),
        (".xz", lzma.compress, lzma.decompress),
        (".zst", _zstd, _unzstd),
    ],
)
def test_lines_are_left_out_and_the_others_stay_to_the_byte(
    tmp_path: Path, ending: str, pack: Callable[[bytes], bytes], unpack: Callable[[bytes], bytes]
) -> None:
    source, target = tmp_path / f"a.jsonl{ending}", tmp_path / f"b.jsonl{ending}"
    source.write_bytes(pack(RAW))
    dropped = Rewriter().without(str(source), str(target), records=frozenset(), lines=frozenset({1, 7, 20}))
    assert dropped == 3
    assert unpack(target.read_bytes()) == b"".join(line + b"\n" for i, line in enumerate(LINES, 1) if i not in {1, 7, 20})


@pytest.mark.parametrize("ending", ["parquet", "pq"])
def test_parquet_loses_rows_across_row_groups(tmp_path: Path, ending: str) -> None:
    source, target = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    pq.write_table(pa.table({"text": [f"row {i}" for i in range(10)]}), source, row_group_size=3)
    assert Rewriter().without(str(source), str(target), records=frozenset({0, 3, 9}), lines=frozenset()) == 3
    assert pq.read_table(target)["text"].to_pylist() == [f"row {i}" for i in range(10) if i not in {0, 3, 9}]


def test_a_damaged_shard_is_not_mended(tmp_path: Path) -> None:
    source, target = tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"
    source.write_bytes(gzip.compress(RAW, mtime=0)[:-12])
    with pytest.raises(ShardReadError, match="middle of a compressed frame"):
        Rewriter().without(str(source), str(target), records=frozenset(), lines=frozenset({1}))
    assert not target.exists()
    assert not list(tmp_path.glob("*.part"))


def test_a_one_document_file_cannot_lose_a_record(tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("a document")
    with pytest.raises(ShardReadError, match="one document"):
        Rewriter().without(str(source), str(tmp_path / "b.txt"), records=frozenset({0}), lines=frozenset())


@pytest.mark.parametrize("name", ["a.bin", "a.idx", "a.npy", "a.arrow"])
def test_shards_of_other_tools_cannot_lose_a_record(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ShardReadError, match="is written by another tool") as caught:
        Rewriter().without(str(tmp_path / name), str(tmp_path / "b"), records=frozenset({0}), lines=frozenset())
    assert caught.value.hint == "drop the record from its source and write it again"


@pytest.mark.parametrize("start", ["", "\n", "  \n\n "])
def test_a_file_that_is_one_json_array_is_not_mended(tmp_path: Path, start: str) -> None:
    source = tmp_path / "a.json"
    source.write_text(start + '[{"text": "one"}, {"text": "two"}]')
    with pytest.raises(ShardReadError, match="one JSON array"):
        Rewriter().without(str(source), str(tmp_path / "b.json"), records=frozenset({0}), lines=frozenset())
    assert not (tmp_path / "b.json").exists()


def test_a_shard_that_lacks_what_is_to_be_left_out_is_not_mended(tmp_path: Path) -> None:
    source = tmp_path / "a.jsonl"
    source.write_text('{"text": "one"}\n{"text": "two"}\n')
    with pytest.raises(ShardReadError, match="holds 1 of the 2 records"):
        Rewriter().without(str(source), str(tmp_path / "b.jsonl"), records=frozenset({0, 6}), lines=frozenset({1, 7}))
    assert not (tmp_path / "b.jsonl").exists()
