"""Hostile, broken and cut-off shards: one clear sentence each, everything readable delivered, nothing silently repaired."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.errors import ShardReadError
from provenance.ingest import files, jsonl, lines, text
from provenance.ingest.interface import Stream
from provenance.ingest.problems import MAX_STORED_PROBLEMS
from provenance.ingest.reader import Reader
from provenance.model.match import ReadProblem

_RANDOM = random.Random(1729)
DOCS = [f"document {i} " + " ".join(str(_RANDOM.random()) for _ in range(40)) for i in range(800)]
RAW = b"".join(json.dumps({"id": i, "text": doc}).encode() + b"\n" for i, doc in enumerate(DOCS))


def zstd(raw: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(raw)
    return sink.getvalue().to_pybytes()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "zst": zstd, "bz2": lambda raw: bz2.compress(raw, 1), "xz": lzma.compress}


def put(path: Path, raw: bytes) -> str:
    path.write_bytes(raw)
    return str(path)


def texts(stream: Stream) -> list[str]:
    return [batch.text(i) for batch in stream for i in range(len(batch))]


def read(location: str, text_field: str | None = None) -> tuple[list[str], list[ReadProblem]]:
    stream = Reader().open(location, text_field=text_field)
    return texts(stream), list(stream.problems)


@pytest.mark.parametrize("ending", COMPRESS)
def test_a_cut_off_compressed_shard_gives_every_record_before_the_cut(tmp_path: Path, ending: str) -> None:
    whole = COMPRESS[ending](RAW)
    location = put(tmp_path / f"cut.jsonl.{ending}", whole[: len(whole) * 2 // 3])
    found, problems = read(location)
    assert found == DOCS[: len(found)]
    assert len(DOCS) // 3 < len(found) < len(DOCS)
    assert len(problems) == 1
    assert "ends in the middle of a compressed frame" in problems[0].message


def test_everything_that_zstd_can_decode_before_a_cut_is_given(tmp_path: Path) -> None:
    """Two frames, the second cut: the whole first one must come, down to its last byte."""
    second = zstd(RAW)
    found, problems = read(put(tmp_path / "cut.jsonl.zst", zstd(RAW[:-1] + b"\n") + second[:50]))
    assert found == DOCS
    assert len(problems) == 1


@pytest.mark.parametrize("ending", ["gz", "xz"])
def test_damage_inside_a_compressed_shard_is_told(tmp_path: Path, ending: str) -> None:
    raw = bytearray(COMPRESS[ending](RAW))
    raw[len(raw) // 2 : len(raw) // 2 + 64] = bytes(64)
    stream = Reader().open(put(tmp_path / f"bad.jsonl.{ending}", bytes(raw)))
    assert set(texts(stream)) & set(DOCS)
    assert stream.unread >= 1


def test_bytes_after_a_gzip_member_are_told(tmp_path: Path) -> None:
    found, problems = read(put(tmp_path / "tail.jsonl.gz", gzip.compress(RAW, mtime=0) + b"not gzip"))
    assert found == DOCS
    assert len(problems) == 1
    assert "damaged" in problems[0].message


@pytest.mark.parametrize("keep", [4, 100, 0.5, 0.999])
def test_a_cut_off_parquet_file_is_refused(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": DOCS}), path)
    raw = path.read_bytes()
    with pytest.raises(ShardReadError, match="cut short or no Parquet file"):
        read(put(path, raw[: int(keep if keep >= 1 else keep * len(raw))]))


def test_a_damaged_row_group_is_told_and_the_others_are_given(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": DOCS}), path, row_group_size=400, use_dictionary=False, compression="zstd", write_page_checksum=True)
    start = pq.ParquetFile(path).metadata.row_group(0).column(0).data_page_offset
    raw = bytearray(path.read_bytes())
    raw[start : start + 200] = bytes(200)
    stream = Reader().open(put(path, bytes(raw)))
    assert texts(stream) == DOCS[400:]
    assert (stream.records, stream.unread) == (800, 1)
    assert "row group 0 of 2 is damaged" in stream.problems[0].message


def test_broken_lines_are_told_with_their_number(tmp_path: Path) -> None:
    raw = b'{"text": "one"}\n{"text": "two"\n\n["text"]\n"text"\n{"text": "th\xffree"}\n{"text": "a\x00b"}\n{"title": 3}\n{"title": "short"}\n{"text": "four"}'
    found, problems = read(put(tmp_path / "a.jsonl", raw))
    assert found == ["one", "four"]
    assert [(p.line, p.record) for p in problems] == [(2, 1), (4, 2), (5, 3), (6, 4), (7, 5), (8, 6)]
    expected = [
        "is not JSON: expecting",
        "is an array",
        "is a string",
        "is not UTF-8: byte 0xff at byte 13",
        "control character",
        "its fields are: 'title'",
    ]
    for problem, words in zip(problems, expected, strict=True):
        assert words in problem.message


def test_what_python_reads_and_strict_json_does_not_is_read(tmp_path: Path) -> None:
    big = b"9" * 400
    found, problems = read(put(tmp_path / "a.jsonl", b'{"text": "x\\ud83d y", "score": NaN}\n{"text": "nul\\u0000", "n": ' + big + b"}\n"))
    assert found == ["x\ufffd y", "nul\x00"]
    assert problems == []


def test_deep_nesting_is_a_problem_not_a_crash(tmp_path: Path) -> None:
    deep = b'{"text": ' + b"[" * 40 + b'"x"' + b"]" * 40 + b"}\n"
    deeper = b'{"text": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n"
    found, problems = read(put(tmp_path / "a.jsonl", deep + deeper + b'{"text": "ok"}'))
    assert found == ["ok"]
    assert [p.line for p in problems] == [1, 2]


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.txt", "a.jsonl.gz", "a.jsonl.zst", "a.json"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ShardReadError, match="is empty"):
        read(put(tmp_path / name, b""))


@pytest.mark.parametrize(
    ("name", "raw"),
    [("a.jsonl", b"\n\n  \n"), ("a.jsonl.gz", gzip.compress(b"", mtime=0)), ("a.json", b"[]"), ("a.txt.gz", gzip.compress(b"", mtime=0))],
)
def test_a_file_without_records_is_refused(tmp_path: Path, name: str, raw: bytes) -> None:
    with pytest.raises(ShardReadError, match="holds no"):
        read(put(tmp_path / name, raw))


def test_a_parquet_file_without_rows_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    with pytest.raises(ShardReadError, match="holds no records"):
        read(str(tmp_path / "a.parquet"))


def test_missing_files_folders_and_unknown_stores_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    for location, words in {
        str(tmp_path / "none.jsonl"): "no such file",
        str(tmp_path / "folder.jsonl"): "is a folder",
        "memory://nowhere/x.jsonl": "no such file",
        "nostore://x/y.jsonl": "no package here reads nostore://",
    }.items():
        with pytest.raises(ShardReadError, match=words) as caught:
            read(location)
        assert caught.value.hint


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("utf-16", "UTF-16LE"), ("utf-16-le", "UTF-16LE"), ("utf-16-be", "UTF-16BE"), ("utf-32", "UTF-32LE"), ("utf-32-be", "UTF-32BE")],
)
def test_wide_encodings_are_named(tmp_path: Path, encoding: str, name: str) -> None:
    raw = '{"text": "hello"}\n'.encode(encoding)
    for file in ("a.jsonl", "a.txt"):
        with pytest.raises(ShardReadError, match=f"is {name} text, expected UTF-8"):
            read(put(tmp_path / file, raw))


def test_a_text_file_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    padding = "ä".encode() * (600_000) + b"\nsecond\nthird "
    with pytest.raises(ShardReadError, match="byte 0xe9 on line 3"):
        read(put(tmp_path / "a.txt", padding + b"caf\xe9 x"))
    with pytest.raises(ShardReadError, match="byte 0xc3 on line 1"):
        read(put(tmp_path / "a.txt", b"caf\xc3"))


def test_a_cut_off_compressed_text_file_gives_what_stands_before(tmp_path: Path) -> None:
    whole = "".join(f"{i} ä€🦊 " for i in random.Random(1).sample(range(100_000), 30_000))
    packed = gzip.compress(whole.encode(), mtime=0)
    found, problems = read(put(tmp_path / "a.txt.gz", packed[: len(packed) // 2]))
    assert len(found) == 1
    assert whole.startswith(found[0])
    assert len(problems) == 1


def test_a_shard_without_text_fields_names_those_it_has(tmp_path: Path) -> None:
    location = put(tmp_path / "a.jsonl", b'{"body_html_v2": "x", "label": 3}\n{"other": "y"}\n')
    with pytest.raises(ShardReadError, match=r"no record has a text field.*'body_html_v2', 'label', 'other'") as caught:
        read(location)
    assert "--text-field" in (caught.value.hint or "")
    assert read(location, "body_html_v2")[0] == ["x"]
    with pytest.raises(ShardReadError, match="no record has text in field 'nope'"):
        read(location, "nope")
    pq.write_table(pa.table({"label": [1], "summary_v2": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(ShardReadError, match=r"no record has a text field.*'label', 'summary_v2'"):
        read(str(tmp_path / "a.parquet"))
    assert read(str(tmp_path / "a.parquet"), "summary_v2")[0] == ["x"]


def test_a_shard_of_broken_lines_only_is_refused_with_the_first(tmp_path: Path) -> None:
    with pytest.raises(ShardReadError, match=r"nothing could be read \(2 problems\); the first: line 1: is not JSON"):
        read(put(tmp_path / "a.jsonl", b"<html>\n</html>\n"))


def test_names_that_lie_are_told(tmp_path: Path) -> None:
    with pytest.raises(ShardReadError, match="its name says gzip"):
        read(put(tmp_path / "a.jsonl.gz", RAW))
    pq.write_table(pa.table({"text": ["x"]}), tmp_path / "a.parquet")
    with pytest.raises(ShardReadError, match="holds Parquet"):
        read(put(tmp_path / "a.jsonl", (tmp_path / "a.parquet").read_bytes()))
    with pytest.raises(ShardReadError, match="no Parquet file"):
        read(put(tmp_path / "b.parquet", RAW))


def test_problems_are_counted_beyond_those_stored(tmp_path: Path) -> None:
    broken = MAX_STORED_PROBLEMS + 234
    stream = Reader().open(put(tmp_path / "a.jsonl", b"{\n" * broken + b'{"text": "ok"}\n'))
    assert texts(stream) == ["ok"]
    assert (stream.unread, stream.records, len(stream.problems)) == (broken, broken + 1, MAX_STORED_PROBLEMS + 1)
    assert stream.problems[-1].message == "and 234 more problems that are not listed"


def test_an_overlong_line_is_told_and_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 2 << 20)
    long = b'{"text": "' + b"x" * (5 << 20) + b'"}'
    found, problems = read(put(tmp_path / "a.jsonl", b'{"text": "a"}\n' + long + b'\n{"text": "b"}\n' + long))
    assert found == ["a", "b"]
    assert [(p.line, p.record) for p in problems] == [(2, 1), (4, 3)]
    monkeypatch.setattr(text, "MAX_DOCUMENT_BYTES", 1 << 20)
    with pytest.raises(ShardReadError, match="is one document of more than"):
        read(put(tmp_path / "a.txt", b"x" * (2 << 20)))


_MEASURE = """
import resource, sys
from provenance.ingest.reader import Reader
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = [int(n) for batch in Reader().open(sys.argv[1]) for n in batch.offsets[1:] - batch.offsets[:-1]]
print(rows[0], rows[1], (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def test_one_huge_line_is_read_in_bounded_memory(tmp_path: Path, loops: int) -> None:
    size = (200_000_000) if loops > 1 else (40_000_000)
    location = put(tmp_path / "huge.jsonl", b'{"text": "' + b"word " * (size // 5) + b'"}\n{"text": "next"}\n')
    done = subprocess.run([sys.executable, "-c", _MEASURE, location], capture_output=True, text=True, check=True, cwd=Path(lines.__file__).parents[2])
    first, second, grown = map(int, done.stdout.split())
    assert (first, second) == (size, 4)
    assert grown < 4 * size + (64 << 20)


def test_batches_are_bounded(tmp_path: Path) -> None:
    location = put(tmp_path / "a.jsonl", b"".join(json.dumps({"text": "x" * 100_000}).encode() + b"\n" for _ in range(400)))
    sizes = [len(batch.data) for batch in Reader().open(location)]
    assert sum(sizes) == 400 * 100_000
    assert max(sizes) <= 10 << 20
    pq.write_table(pa.table({"text": [str(i) * 20_000 for i in range(400)]}), tmp_path / "a.parquet")
    assert max(len(batch.data) for batch in Reader().open(str(tmp_path / "a.parquet"))) <= 16 << 20


def test_parquet_text_that_is_not_utf8_is_told(tmp_path: Path) -> None:
    bad = pa.array([b"fine", b"caf\xe9", None, b"good"], pa.binary())
    columns: dict[str, Any] = {"bytes.parquet": bad, "lying.parquet": bad.view(pa.string())}
    for name, column in columns.items():
        pq.write_table(pa.table({"id": ["a", "b", "c", "d"], "text": column}), tmp_path / name, store_schema=False)
        stream = Reader().open(str(tmp_path / name))
        assert texts(stream) == ["fine", "good"]
        assert [p.record for p in stream.problems] == [1, 2]
        assert "not UTF-8: byte 0xe9 at byte 4" in stream.problems[0].message


def test_broken_json_arrays_are_refused_and_their_odd_elements_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, raw, words in (
        ("a.json", b'[{"text": "a"},\n{"text": ', "is not JSON"),
        ("a.json", b"[\xff]", "is not UTF-8"),
        ("a.json.gz", gzip.compress(b"[" + RAW[:-1].replace(b"\n", b",\n") + b"]", mtime=0)[:-3000], "cannot be read in part"),
    ):
        with pytest.raises(ShardReadError, match=words):
            read(put(tmp_path / name, raw))
    found, problems = read(put(tmp_path / "b.json", b'[{"text": "a", "score": NaN},\n 7, {"text": "b"}]'))
    assert found == ["a", "b"]
    assert [(p.record, p.line) for p in problems] == [(1, None)]
    monkeypatch.setattr(jsonl, "MAX_ARRAY_BYTES", 1 << 20)
    with pytest.raises(ShardReadError, match="is a JSON array of more than"):
        read(put(tmp_path / "c.json", b"[" + b",\n".join([b'{"text": "' + b"x" * 1_000_000 + b'"}'] * 4) + b"]"))


def test_a_broken_line_too_long_for_a_second_look_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "_MAX_SECOND_LOOK_BYTES", 10)
    found, problems = read(put(tmp_path / "a.jsonl", b'{"text": "aaaa",}\n{"text": "b"}\n'))
    assert found == ["b"]
    assert problems[0].message.startswith("is not JSON")


def test_every_format_gives_arrays_of_one_kind(tmp_path: Path) -> None:
    """Compiled kernels are made once per array type: data are read-only, offsets are not, in every format."""
    pq.write_table(pa.table({"text": ["x", "y"]}), tmp_path / "a.parquet")
    put(tmp_path / "a.txt", b"x")
    put(tmp_path / "a.jsonl", b'{"text": "x"}')
    for name in ("a.parquet", "a.txt", "a.jsonl"):
        (batch,) = Reader().open(str(tmp_path / name))
        kinds = [
            (array.dtype.str, array.flags.c_contiguous, array.flags.writeable) for array in (batch.data, batch.offsets, batch.record, batch.line)
        ]
        assert kinds == [("|u1", True, False), ("<i8", True, True), ("<i8", True, True), ("<i8", True, True)]
        assert batch.field_code.dtype.str == "<i4"


def test_a_store_that_fails_while_reading_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() >= 512:
                raise OSError(5, "Input/output error")
            return super().read(min(512, size or 512))

    for name, raw in {"a.jsonl": RAW, "a.jsonl.gz": gzip.compress(RAW, mtime=0), "a.jsonl.zst": zstd(RAW)}.items():
        location = put(tmp_path / name, raw)
        monkeypatch.setattr(files, "open_binary", lambda *_, raw=raw: Failing(raw))
        with pytest.raises(ShardReadError, match="reading stopped at byte"):
            read(location)


def test_a_footer_that_names_more_rows_than_there_are_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = pq.ParquetFile.iter_batches

    def all_but_the_last(self: pq.ParquetFile, **options: Any) -> Any:
        return iter([batch.slice(0, batch.num_rows - 1) for batch in whole(self, **options)])

    pq.write_table(pa.table({"text": ["a", "b", "c"]}), tmp_path / "a.parquet")
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", all_but_the_last)
    found, problems = read(str(tmp_path / "a.parquet"))
    assert found == ["a", "b"]
    assert [p.message for p in problems] == ["row group 0 of 1 is damaged: it has 2 rows, the footer says 3"]


@pytest.mark.parametrize(("ending", "pack"), [("bz2", bz2.compress), ("xz", lzma.compress)])
def test_what_follows_a_compressed_stream_is_read_or_is_damage(tmp_path: Path, ending: str, pack: Callable[[bytes], bytes]) -> None:
    one, two = pack(b'{"text": "one"}\n'), pack(b'{"text": "two"}\n')
    assert read(put(tmp_path / f"a.jsonl.{ending}", one + two)) == (["one", "two"], [])
    found, problems = read(put(tmp_path / f"b.jsonl.{ending}", one + b'{"text": "hidden"}\n'))
    assert found == ["one"]
    assert len(problems) == 1
    found, problems = read(put(tmp_path / f"c.jsonl.{ending}", one + two[:-9]))
    assert found[:1] == ["one"]
    assert len(problems) == 1


def test_zeros_after_an_xz_stream_are_padding(tmp_path: Path) -> None:
    assert read(put(tmp_path / "a.jsonl.xz", lzma.compress(b'{"text": "one"}\n') + bytes(8))) == (["one"], [])


def test_a_string_that_does_not_end_is_told_with_where_it_begins(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "whole"}\n{"text": "cut sh')
    stream = Reader().open(str(path))
    list(stream)
    assert [problem.message for problem in stream.problems] == ["is not JSON: unterminated string starting at column 10"]
