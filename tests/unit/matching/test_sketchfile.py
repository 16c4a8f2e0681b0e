"""Sketches in a Parquet file: read by datasketch alone, and back; other files are refused. Redis URLs as datasketch takes them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasketch import LeanMinHash, MinHash

from provenance.errors import ConfigError, FingerprintError, SchemeMismatchError
from provenance.matching.index import ReferenceStore
from provenance.matching.interop import KeyedSketches, sketch_set, sketch_texts
from provenance.matching.packfile import add_pack, write_pack
from provenance.matching.sketchfile import dump_sketches, load_sketches, redis_storage
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import make_reference, make_words

TEXTS = {f"t{n}": " ".join(make_words(5 + 40 * n, n)) for n in range(6)}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    return write(tmp_path, sketch_texts(TEXTS))


def write(folder: Path, sketches: KeyedSketches) -> Path:
    path = folder / "s.parquet"
    path.write_bytes(dump_sketches(sketches, name="set", digest="sha256:00"))
    return path


def test_datasketch_reads_the_file_without_us(written: Path) -> None:
    ours = sketch_texts(TEXTS)
    minima = dict(zip(ours.keys, ours.sketches.tolist(), strict=True))
    rows = pq.read_table(written).to_pylist()
    assert [row["id"] for row in rows] == list(TEXTS)
    for row in rows:
        words = TEXTS[row["id"]].split()
        assert row["windows"] == len({tuple(words[i : i + 5]) for i in range(len(words) - 4)})
        lean = LeanMinHash.deserialize(row["sketch"], "<")
        assert (lean.seed, lean.scheme, lean.hashvalues.tolist()) == (1, "affine32", minima[row["id"]])


def test_what_was_written_comes_back(written: Path, tmp_path: Path) -> None:
    before, back = sketch_texts(TEXTS), load_sketches(written)
    assert (back.keys, back.one_in, back.sizes.tolist()) == (before.keys, 1, before.sizes.tolist())
    assert np.array_equal(back.sketches, before.sketches)
    assert len(load_sketches(write(tmp_path, sketch_texts({})))) == 0
    assert load_sketches(write(tmp_path, sketch_texts({"lone \udcff": TEXTS["t3"]}))).keys == ("lone \\udcff",)


def test_sketches_of_packs_keep_their_rate(store: ReferenceStore, tmp_path: Path) -> None:
    store.add("texts", [make_reference("r", TEXTS["t5"])], kind=ReferenceKind.WORK)
    write_pack(store, "texts", tmp_path / "x.pack", one_in=4)
    add_pack(store, "pack", tmp_path / "x.pack")
    back = load_sketches(write(tmp_path, sketch_set(store, "pack")))
    assert back.one_in == 4
    assert np.array_equal(back.sketches, sketch_texts({"r": TEXTS["t5"]}, one_in=4).sketches)


def test_the_same_sketches_give_the_same_bytes(tmp_path: Path) -> None:
    assert write(tmp_path, sketch_texts(TEXTS)).read_bytes() == dump_sketches(sketch_texts(TEXTS), name="set", digest="sha256:00")


def legacy(table: pa.Table) -> pa.Table:
    """One sketch is of datasketch before 2.0, whose minima mean something else."""
    old = LeanMinHash(MinHash(num_perm=128, scheme="legacy"))
    raw = bytearray(old.bytesize("<"))
    old.serialize(raw, "<")
    return with_sketch(table, bytes(raw))


def with_sketch(table: pa.Table, raw: bytes) -> pa.Table:
    sketches = pa.array([raw, *table.column("sketch").to_pylist()[1:]], pa.binary())
    return table.set_column(1, table.schema.field("sketch"), sketches)


def with_header(table: pa.Table, **changes: object) -> pa.Table:
    header = json.loads(table.schema.metadata[b"provenance.sketches"]) | changes
    return table.replace_schema_metadata({"provenance.sketches": json.dumps(header)})


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda t: t.replace_schema_metadata(None), FingerprintError, "not a file of sketches"),
        (lambda t: t.replace_schema_metadata({"provenance.sketches": "{"}), FingerprintError, "not a file of sketches"),
        (lambda t: with_header(t, version=2), FingerprintError, "not a file of sketches"),
        (lambda t: with_header(t, scheme="words-0"), SchemeMismatchError, "words-0"),
        (lambda t: t.drop_columns(["windows"]), FingerprintError, "the columns are id, sketch"),
        (lambda t: with_sketch(t, b"short"), FingerprintError, "row 0 holds no serialized LeanMinHash"),
        (lambda t: with_sketch(t, t.column("sketch")[0].as_py()[:-4]), FingerprintError, "row 0 holds no serialized LeanMinHash"),
        (legacy, SchemeMismatchError, "legacy"),
    ],
)
def test_other_files_are_refused(written: Path, change: Callable[[pa.Table], pa.Table], error: type[Exception], words: str) -> None:
    pq.write_table(change(pq.read_table(written)), written)
    with pytest.raises(error, match=words):
        load_sketches(written)


def test_what_is_no_parquet_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"PAR1")
    for name in ("x", "missing"):
        with pytest.raises(FingerprintError, match="cannot be read as a file of sketches"):
            load_sketches(tmp_path / name)


@pytest.mark.parametrize(
    ("url", "password", "server"),
    [
        ("redis://localhost", "", {"host": "localhost", "port": 6379, "db": 0}),
        ("redis://10.0.0.7:7000/3", "pw", {"host": "10.0.0.7", "port": 7000, "db": 3, "password": "pw"}),
        ("rediss://me:p%40ss@h/", "other", {"host": "h", "port": 6379, "db": 0, "ssl": True, "username": "me", "password": "p@ss"}),
        ("redis://[::1]:7000", "", {"host": "::1", "port": 7000, "db": 0}),
    ],
)
def test_urls_name_servers(url: str, password: str, server: dict[str, object]) -> None:
    assert redis_storage(url, "outputs", password=password) == {"type": "redis", "basename": b"outputs", "redis": server}


@pytest.mark.parametrize(
    "url", ["", "localhost:6379", "http://:secret@h", "redis://:secret@", "redis://:secret@h:x", "redis://:secret@h/x", "redis://h?db=1"]
)
def test_other_urls_are_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        redis_storage(url, "outputs")
    assert "secret" not in f"{caught.value} {caught.value.hint}"
