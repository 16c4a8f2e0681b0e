"""Patterns name the same files in stores as on local disks; formats are read from stores as from disks, Parquet by ranges."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import ManifestError, NoFilesError, ShardDigestMismatchError, StoreError
from provenance.ingest.listing import FileListing
from provenance.ingest.reader import Reader
from provenance.ingest.references import ReferenceOptions, iter_references
from provenance.model.dataset import ShardFormat
from provenance.model.match import ReadProblem
from provenance.model.reference import ReferenceKind
from provenance.ports import TextBatch
from provenance.storage.options import StorageOptions
from provenance.storage.stores import Stores
from provenance.storage.urls import StoreUrl, parse_url
from tests.fakes.s3 import Fault, S3Server

NAMES = st.sampled_from(["a.jsonl", "b.txt", "c.png", ".h.txt", "a[1].txt", "x", "y", ".z", "a b.jsonl", "[ab].txt"])
SEGMENTS = st.sampled_from(["*", "**", "*.jsonl", "*.txt", "?", "x", "y", ".*", "a*", "[ab].txt", "a[1].txt", ".z", "[xy]", "b.txt"])


def outcome(find: Callable[[], list[str]]) -> list[str] | str:
    try:
        return find()
    except NoFilesError:
        return "nothing"
    except ManifestError:
        return "refused"


@settings(max_examples=300)
@given(
    st.sets(st.lists(NAMES, min_size=1, max_size=4).map("/".join), min_size=1, max_size=8),
    st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join),
)
def test_patterns_name_in_stores_what_they_name_on_disks(tmp_path_factory: pytest.TempPathFactory, files: set[str], pattern: str) -> None:
    files = {name for name in files if not any(other.startswith(f"{name}/") for other in files)}  # no file is a folder too
    folder = tmp_path_factory.mktemp("t")
    store = fsspec.filesystem("memory")
    root = parse_url(f"memory://tree/{folder.name}")
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
        store.pipe(f"/tree/{folder.name}/{name}", b"x")
    here, there = FileListing({"data": folder}), FileListing({"data": root})
    assert outcome(lambda: there.expand([pattern], root="data")) == outcome(lambda: here.expand([pattern], root="data"))
    assert outcome(lambda: there.left_out([pattern], root="data")) == outcome(lambda: here.left_out([pattern], root="data"))
    elsewhere = FileListing({"data": folder})
    full = outcome(lambda: elsewhere.expand([f"{root}/{pattern}"], root="data"))
    relative = outcome(lambda: here.expand([pattern], root="data"))
    assert full == (relative if isinstance(relative, str) else [f"{root}/{path}" for path in relative])
    store.rm(f"/tree/{folder.name}", recursive=True)


def test_a_url_below_a_root_becomes_relative_to_it_and_others_stay(s3: S3Server) -> None:
    for key in ("p/chat/a.jsonl", "p/chat/b.jsonl", "q/c.jsonl", "p/chat/"):
        s3.put(key, b'{"text": "one two"}\n' if not key.endswith("/") else b"")
    listing = FileListing({"data": parse_url(s3.url("p"))})
    assert listing.expand([s3.url("p/chat/*.jsonl"), "chat", s3.url("q/c.jsonl")], root="data") == [
        "chat/a.jsonl",
        "chat/b.jsonl",
        s3.url("q/c.jsonl"),
    ]
    assert listing.expand(["."], root="data") == listing.expand([s3.url("p")], root="data") == ["chat/a.jsonl", "chat/b.jsonl"]
    assert listing.locate("chat/a.jsonl", root="data") == s3.url("p/chat/a.jsonl")
    assert listing.size("chat/a.jsonl", root="data") == 20
    assert listing.size("chat/none.jsonl", root="data") == 0
    for pattern in ("*.txt", "chat/none.jsonl", "none", s3.url("none/*")):
        with pytest.raises(NoFilesError):
            listing.expand([pattern], root="data")
    with pytest.raises(ManifestError, match="lead out"):
        listing.expand(["../q/c.jsonl"], root="data")
    s3.faults.append(Fault("/corpus", 99, status=403))
    with pytest.raises(StoreError, match="access denied"):
        listing.expand(["*"], root="data")


def test_names_that_no_dataset_can_keep_are_refused_and_named() -> None:
    store = fsspec.filesystem("memory")
    for key in ("a//b.jsonl", "x:///y.jsonl", "l\nf.jsonl"):
        store.pipe(f"/names/{key}", b'{"text": "one two"}\n')
        with pytest.raises(ManifestError, match="cannot be kept in a dataset") as caught:
            FileListing({"data": parse_url("memory://names")}).expand(["."], root="data")
        assert caught.value.context["path"] == key
        store.rm("/names", recursive=True)


_RANDOM = random.Random(3)
DOCS = [f"document {i} " + " ".join(str(_RANDOM.random()) for _ in range(40)) for i in range(3_000)]
LINES = b"".join(json.dumps({"id": str(i), "text": doc}).encode() + b"\n" for i, doc in enumerate(DOCS))


def zstd(raw: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as out:
        out.write(raw)
    return bytes(sink.getvalue().to_pybytes())


def parquet() -> bytes:
    sink = pa.BufferOutputStream()
    numbers = [[_RANDOM.random() for _ in range(250)] for _ in DOCS]
    pq.write_table(pa.table({"id": list(map(str, range(len(DOCS)))), "text": DOCS, "embedding": numbers}), sink, row_group_size=500)
    return bytes(sink.getvalue().to_pybytes())


def arrow(*, stream: bool) -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table({"id": list(map(str, range(len(DOCS)))), "text": DOCS})
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema) as out:
        out.write_table(table, max_chunksize=700)
    return bytes(sink.getvalue().to_pybytes())


FILES: dict[str, Callable[[], bytes]] = {
    "a.jsonl": lambda: LINES,
    "a.jsonl.gz": lambda: gzip.compress(LINES, 1, mtime=0),
    "a.jsonl.zst": lambda: zstd(LINES),
    "a.jsonl.bz2": lambda: bz2.compress(LINES, 1),
    "a.jsonl.xz": lambda: lzma.compress(LINES, preset=0),
    "a.parquet": parquet,
    "a.arrow": lambda: arrow(stream=True),
    "b.arrow": lambda: arrow(stream=False),
    "a.txt": lambda: "\n".join(DOCS).encode(),
    "a.txt.gz": lambda: gzip.compress("\n".join(DOCS).encode(), 1),
}


def rows(batches: Reader, location: str) -> list[tuple[int, int, str, str | None, str]]:
    found = []
    for batch in batches.open(location):
        assert isinstance(batch, TextBatch)
        found += [
            (int(batch.record[row]), int(batch.line[row]), batch.field_names[batch.field_code[row]], batch.doc_ids[row], batch.text(row))
            for row in range(len(batch))
        ]
    return found


@pytest.mark.parametrize("name", FILES)
def test_every_format_is_read_from_a_store_as_from_a_disk(s3: S3Server, tmp_path: Path, name: str) -> None:
    raw = FILES[name]()
    (tmp_path / name).write_bytes(raw)
    s3.put(f"p/{name}", raw)
    reader = Reader()
    assert rows(reader, s3.url(f"p/{name}")) == rows(reader, str(tmp_path / name))
    here = FileListing({"data": tmp_path}).describe(name, root="data")
    assert FileListing({"data": parse_url(s3.url("p"))}).describe(name, root="data") == here
    assert here.format in ShardFormat


def test_of_a_parquet_file_only_the_columns_with_text_are_fetched(s3: S3Server) -> None:
    raw = parquet()
    s3.put("p/a.parquet", raw)
    assert len(rows(Reader(), s3.url("p/a.parquet"))) == len(DOCS)
    assert len(raw) > 8_000_000
    assert s3.sent["/corpus/p/a.parquet"] < len(raw) / 3  # ids and texts; most of the file are numbers


def test_formats_go_on_where_requests_fail_for_a_while(s3: S3Server) -> None:
    reader = Reader(stores=Stores(StorageOptions(attempts=5, first_wait_s=0.0)))
    for name in ("a.jsonl.zst", "a.parquet", "a.arrow", "a.txt.gz"):
        s3.put(f"p/{name}", FILES[name]())
        expected = rows(reader, s3.url(f"p/{name}"))
        s3.faults[:] = [Fault(name, 2, status=500), Fault(name, 2, cut=100)]
        assert rows(reader, s3.url(f"p/{name}")) == expected
        assert [f.times for f in s3.faults] == [0, 0]


def test_a_shard_that_is_replaced_while_it_is_described_is_refused(s3: S3Server) -> None:
    raw = LINES * 3
    for nth in range(3):
        s3.put("p/a.jsonl", raw)
        listing = FileListing({"data": parse_url(s3.url("p"))})
        s3.faults[:] = [
            Fault("/a.jsonl", nth, wait_s=0.0),
            Fault("/a.jsonl", 1, before=lambda: s3.put("p/a.jsonl", raw.replace(b"document", b"DOCUMENT"))),
        ]
        with pytest.raises((ShardDigestMismatchError, StoreError), match="changed while it was read"):
            listing.describe("a.jsonl", root="data")


def test_references_are_read_from_stores_and_their_origin_told_without_credentials(s3: S3Server) -> None:
    signed = "https://bucket.example.org/x?X-Amz-Signature=0123456789abcdef0123"
    s3.put("r/a.jsonl", json.dumps({"id": "w", "text": "a text of five words", "source": signed}).encode() + b"\n")
    problems: list[ReadProblem] = []
    (found,) = iter_references([StoreUrl(s3.url("r/a.jsonl"))], ReferenceOptions(kind=ReferenceKind.WORK), problems=problems)
    assert (found.text, found.record.source, problems) == ("a text of five words", "https://bucket.example.org/x?X-Amz-Signature=[hidden]", [])
