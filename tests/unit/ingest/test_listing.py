"""Files are found without leaving the roots, and described by what is in them."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from pathlib import Path

import fsspec
import pytest

from provenance.errors import ManifestError, NoFilesError, ShardReadError, StoreError
from provenance.ingest.listing import FileListing
from provenance.model.dataset import ShardFormat

LINE = b'{"text": "four words stand here"}\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    for name in (
        "chat/b.jsonl",
        "chat/a.jsonl",
        "chat/deep/c.jsonl.gz",
        "books/x.txt",
        "books/cover.png",
        "books/.hidden.txt",
        "top.jsonl",
        "od[d].jsonl",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(LINE)
    return folder


def expand(root: Path, *patterns: str) -> list[str]:
    return FileListing({"data": root}).expand(patterns, root="data")


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("chat/*.jsonl", ["chat/a.jsonl", "chat/b.jsonl"]),
        ("chat/**/*.jsonl*", ["chat/a.jsonl", "chat/b.jsonl", "chat/deep/c.jsonl.gz"]),
        ("**/c.jsonl.gz", ["chat/deep/c.jsonl.gz"]),
        ("chat", ["chat/a.jsonl", "chat/b.jsonl", "chat/deep/c.jsonl.gz"]),
        ("chat/**", ["chat/a.jsonl", "chat/b.jsonl", "chat/deep/c.jsonl.gz"]),
        ("books", ["books/x.txt"]),
        ("books/*", ["books/cover.png", "books/x.txt"]),
        ("books/.hidden.txt", ["books/.hidden.txt"]),
        ("top.jsonl", ["top.jsonl"]),
        ("od[d].jsonl", ["od[d].jsonl"]),
        ("?op.jsonl", ["top.jsonl"]),
        (".", ["books/x.txt", "chat/a.jsonl", "chat/b.jsonl", "chat/deep/c.jsonl.gz", "od[d].jsonl", "top.jsonl"]),
    ],
)
def test_patterns_and_folders_name_their_files(root: Path, pattern: str, expected: list[str]) -> None:
    assert expand(root, pattern) == expected


def test_several_patterns_name_each_file_once(root: Path) -> None:
    assert expand(root, "chat/a.jsonl", "chat/*.jsonl", str(root / "chat" / "a.jsonl")) == ["chat/a.jsonl", "chat/b.jsonl"]


def test_a_megatron_pair_is_never_parted(root: Path) -> None:
    for name in ("tok/a.bin", "tok/a.idx", "tok/[b].bin", "tok/[b].idx", "tok/c.bin", "tok/d.idx"):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    assert expand(root, "tok/a.bin") == ["tok/a.bin", "tok/a.idx"]
    assert expand(root, "tok/*.idx") == ["tok/[b].bin", "tok/[b].idx", "tok/a.bin", "tok/a.idx", "tok/d.idx"]
    assert expand(root, "tok/[b].bin") == ["tok/[b].bin", "tok/[b].idx"]
    assert expand(root, "tok/c.bin") == ["tok/c.bin"]
    assert len(expand(root, "tok")) == 6


def test_files_that_no_reader_knows_are_listed(root: Path) -> None:
    assert FileListing({"data": root}).left_out(["books", "chat/*.jsonl"], root="data") == ["books/cover.png"]


@pytest.mark.parametrize("pattern", ["../data/top.jsonl", "chat/../../secret", "chat/*/../../../x"])
def test_a_pattern_may_not_lead_upwards(root: Path, pattern: str) -> None:
    with pytest.raises(ManifestError, match="upwards"):
        expand(root, pattern)


def test_an_absolute_path_outside_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.jsonl").write_bytes(LINE)
    with pytest.raises(ManifestError, match="outside the data root"):
        expand(root, str(tmp_path / "elsewhere.jsonl"))


@pytest.mark.parametrize("pattern", ["chat/*.jsonl", "chat/link.jsonl", "chat", "**/*.jsonl"])
def test_a_link_out_of_the_roots_is_refused(root: Path, tmp_path: Path, pattern: str) -> None:
    (tmp_path / "secret.jsonl").write_bytes(LINE)
    (root / "chat" / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    with pytest.raises(ManifestError, match="leads out of the data roots"):
        expand(root, pattern)


def test_a_folder_link_out_of_the_roots_is_refused(root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.jsonl").write_bytes(LINE)
    (root / "link").symlink_to(tmp_path / "outside")
    for pattern in ("**/*.jsonl", "link/*.jsonl", "link"):
        with pytest.raises(ManifestError, match="leads out of the data roots"):
            expand(root, pattern)


def test_a_link_within_the_roots_is_followed_and_a_loop_ends(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "blobs"
    other.mkdir()
    (other / "1").write_bytes(LINE)
    (root / "chat" / "z.jsonl").symlink_to(other / "1")
    (root / "chat" / "deep" / "back").symlink_to(root / "chat")
    listing = FileListing({"data": root, "blobs": other})
    assert listing.expand(["chat/**/*.jsonl"], root="data") == ["chat/a.jsonl", "chat/b.jsonl", "chat/z.jsonl"]


def test_a_pattern_that_names_nothing_is_refused(root: Path) -> None:
    for pattern in ("chat/*.parquet", "missing.jsonl", "nowhere/**/*.jsonl"):
        with pytest.raises(ManifestError, match="names no data file"):
            expand(root, "top.jsonl", pattern)


def test_an_unknown_or_missing_root_is_refused(root: Path) -> None:
    with pytest.raises(ManifestError, match="no data root is named 'other'"):
        FileListing({"data": root}).expand(["x"], root="other")
    with pytest.raises(ManifestError, match="is not there"):
        FileListing({"data": root / "gone"}).expand(["x"], root="data")


def test_urls_are_expanded(tmp_path: Path) -> None:
    for name in ("p.jsonl", "q.jsonl"):
        with fsspec.open(f"memory://listing-test/{name}", "wb") as file:
            file.write(LINE)
    listing = FileListing({"data": tmp_path})
    found = listing.expand(["memory://listing-test/*.jsonl"], root="data")
    assert found == ["memory://listing-test/p.jsonl", "memory://listing-test/q.jsonl"]
    shard = listing.describe(found[0], root="data")
    assert (shard.path, shard.records, shard.words, shard.size_bytes) == (found[0], 1, 4, len(LINE))
    for missing in ("memory://listing-test/*.parquet", "memory://listing-test/none.jsonl"):
        with pytest.raises(NoFilesError):
            listing.expand([missing], root="data")
    with pytest.raises(StoreError, match="no package here reads nostore://"):
        listing.expand(["nostore://x/*.jsonl"], root="data")


def test_a_shard_is_described_by_its_bytes_and_records(root: Path) -> None:
    raw = LINE * 3 + b"broken\n"
    (root / "top.jsonl").write_bytes(raw)
    shard = FileListing({"data": root}).describe("top.jsonl", root="data")
    assert shard.sha256 == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert (shard.size_bytes, shard.records, shard.words, shard.unread_records) == (len(raw), 4, 12, 1)
    assert (shard.format, shard.root, shard.path) == (ShardFormat.JSONL, "data", "top.jsonl")


def test_a_shard_that_is_gone_is_an_error(root: Path) -> None:
    with pytest.raises(ShardReadError, match="no such file"):
        FileListing({"data": root}).describe("gone.jsonl", root="data")


def test_a_file_name_that_is_not_utf8_is_refused(root: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(root / "chat") + b"/bad\xff.jsonl")).write_bytes(LINE)
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    with pytest.raises(ManifestError, match="not UTF-8"):
        expand(root, "chat/*.jsonl")


def test_real_corpora_have_as_many_documents_as_their_truth_says(shared: Path) -> None:
    folder = shared / "data" / "dev"
    with (folder / "corpora" / "clean_truth.jsonl").open(encoding="utf-8") as lines:
        truth = Counter(json.loads(line)["file"] for line in lines)
    listing = FileListing({"dev": folder})
    texts = [name for name in truth if name.endswith(".txt")]
    assert len(texts) == 200
    assert listing.expand(["corpora/peps_txt"], root="dev") == sorted(texts)
    for name in sorted(set(truth) - set(texts)) + texts[:3]:
        shard = listing.describe(name, root="dev")
        assert (shard.records, shard.unread_records) == (truth[name], 0)
