"""The manifest against stores: everything listed, every byte read, and what cannot be is a denial."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import fsspec
import pytest

from provenance.clearance.faults import ShardFault
from provenance.clearance.shards import verify_shards
from provenance.errors import LocationError
from provenance.fingerprint.digest import ShardLeaf
from provenance.storage.options import StorageOptions
from provenance.storage.stores import Stores
from tests.fakes.clearances import leaves_of
from tests.fakes.s3 import Fault, S3Server

QUICK = Stores(StorageOptions(attempts=2, first_wait_s=0.0))
FILES = {"a.txt": b"aaaa", "sub/b.txt": b"bbbb", "sub/deep/c.txt": b"cccc"}


def leaf(path: str, raw: bytes) -> ShardLeaf:
    return ShardLeaf(path=path, sha256=f"sha256:{hashlib.sha256(raw).hexdigest()}", size_bytes=len(raw))


LEAVES = [leaf(path, raw) for path, raw in FILES.items()]


def faults(leaves: list[ShardLeaf], *roots: str | os.PathLike[str], shard_folders_only: bool = False) -> list[tuple[ShardFault, str]]:
    check = verify_shards(leaves, roots, shard_folders_only=shard_folders_only, stores=QUICK)
    return [(p.fault, p.path.rpartition("/")[2]) for p in check.problems]


@pytest.fixture
def filled(s3: S3Server) -> S3Server:
    for path, raw in FILES.items():
        s3.put(f"p/{path}", raw)
    return s3


def test_exactly_the_manifest_has_no_problem_and_every_byte_is_read(filled: S3Server) -> None:
    told: list[int] = []
    check = verify_shards(LEAVES, [filled.url("p")], stores=QUICK, on_bytes=told.append)
    assert (check.problems, check.shards, check.size_bytes, sum(told)) == ((), 3, 12, 12)
    assert filled.sent["/corpus/p/a.txt"] == 4


def test_urls_of_a_manifest_are_read_below_the_roots_and_nowhere_else(filled: S3Server, tmp_path: Path) -> None:
    leaves = [leaf(filled.url(f"p/{path}"), raw) for path, raw in FILES.items()]
    assert faults(leaves, filled.url("p")) == []
    filled.log.clear()
    assert [fault for fault, _ in faults(leaves, tmp_path)] == [ShardFault.BAD_PATH] * 3
    assert filled.log == []
    assert [fault for fault, _ in faults(leaves, filled.url("p/sub"))] == [ShardFault.BAD_PATH]
    assert faults([*leaves, leaf(filled.url("p/../q.txt"), b"q")], filled.url("p")) == [(ShardFault.BAD_PATH, "q.txt")]
    filled.put("pp/x.txt", b"x")
    assert faults([*leaves, leaf(filled.url("pp/x.txt"), b"x")], filled.url("p")) == [(ShardFault.BAD_PATH, "x.txt")]


def test_changed_missing_and_unregistered_objects_are_found(filled: S3Server) -> None:
    filled.put("p/a.txt", b"aaab")
    assert faults(LEAVES, filled.url("p")) == [(ShardFault.CHANGED, "a.txt")]
    filled.put("p/a.txt", b"aaaaa")
    assert faults(LEAVES, filled.url("p")) == [(ShardFault.CHANGED, "a.txt")]
    filled.delete("p/a.txt")
    assert faults(LEAVES, filled.url("p")) == [(ShardFault.MISSING, "a.txt")]
    filled.put("p/a.txt", b"aaaa")
    for extra in ("p/more.txt", "p/.hidden", "p/sub/_temporary/0/x", "p/../up.txt"):
        filled.put(extra, b"")
        assert faults(LEAVES, filled.url("p")) == [(ShardFault.UNREGISTERED, extra.rpartition("/")[2])]
        filled.delete(extra)
    filled.put("pp/beside.txt", b"1")
    assert faults(LEAVES, filled.url("p")) == []


def test_marks_of_folders_are_no_files_but_files_named_like_them_are(filled: S3Server) -> None:
    filled.put("p/", b"")
    filled.put("p/sub/", b"")
    assert faults(LEAVES, filled.url("p")) == []
    filled.put("p/sub/", b"hidden text")
    assert [fault for fault, _ in faults(LEAVES, filled.url("p"))] == [ShardFault.IRREGULAR]
    filled.delete("p/sub/")
    filled.put("p/", b"hidden text")
    assert [fault for fault, _ in faults(LEAVES, filled.url("p"))] == [ShardFault.IRREGULAR]


def test_only_folders_of_cleared_objects_are_watched_where_asked(filled: S3Server) -> None:
    filled.put("p/other/x.txt", b"x")
    assert faults(LEAVES[1:], filled.url("p"), shard_folders_only=True) == []
    filled.put("p/sub/deep/y.txt", b"y")
    assert faults(LEAVES[1:], filled.url("p"), shard_folders_only=True) == [(ShardFault.UNREGISTERED, "y.txt")]


def test_every_copy_must_be_right_on_disk_and_in_stores(filled: S3Server, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"aaaa")
    assert faults(LEAVES, tmp_path, filled.url("p")) == faults(LEAVES, filled.url("p"), tmp_path) == []
    (tmp_path / "a.txt").write_bytes(b"aaaX")
    assert faults(LEAVES, tmp_path, filled.url("p")) == [(ShardFault.CHANGED, "a.txt")]
    (tmp_path / "a.txt").write_bytes(b"aaaa")
    filled.put("p/a.txt", b"aaaX")
    assert faults(LEAVES, tmp_path, filled.url("p")) == [(ShardFault.CHANGED, "a.txt")]
    filled.delete("p/a.txt")
    assert faults(LEAVES, tmp_path, filled.url("p")) == []
    assert faults(leaves_of(tmp_path), tmp_path.as_uri()) == []


def test_what_cannot_be_listed_or_read_is_a_denial_and_says_why(filled: S3Server) -> None:
    for fault, words in (
        (Fault("/corpus", 99, status=403), "access denied"),
        (Fault("/corpus", 99, status=500), "cannot be listed"),
        (Fault("/a.txt", 99, status=403), "access denied"),
        (Fault("/a.txt", 99, status=500), "reading stopped at byte 0 after 2 attempts"),
        (Fault("/a.txt", 99, cut=2), "reading stopped at byte 0 after 2 attempts"),
        (Fault("/a.txt", 1, before=lambda: filled.put("p/a.txt", b"aaaX")), "changed while it was read"),
    ):
        filled.faults[:] = [fault]
        problems = verify_shards(LEAVES, [filled.url("p")], stores=QUICK).problems
        assert ShardFault.UNREADABLE in {p.fault for p in problems}
        assert any(words in str(p) for p in problems), [str(p) for p in problems]


def test_an_empty_or_missing_root_is_a_denial(filled: S3Server) -> None:
    for url in (filled.url("none"), "s3://nobody-has-this-bucket/x"):
        assert [fault for fault, _ in faults([], url)] == [ShardFault.MISSING]
    assert {fault for fault, _ in faults(LEAVES, "nostore://x/y")} == {ShardFault.MISSING, ShardFault.UNREADABLE}


def test_a_root_with_credentials_is_refused_without_being_repeated(filled: S3Server) -> None:
    with pytest.raises(LocationError) as caught:
        verify_shards(LEAVES, ["s3://AKIAIOSFODNN7EXAMPLE:wJalr/XUtnFEMI@corpus/p"], stores=QUICK)
    assert "XUtnFEMI" not in str(caught.value)


def test_other_stores_are_checked_as_well() -> None:
    store = fsspec.filesystem("memory")
    for path, raw in FILES.items():
        store.pipe(f"/gate/{path}", raw)
    assert faults(LEAVES, "memory://gate") == []
    store.pipe("/gate/more.txt", b"")
    assert faults(LEAVES, "memory://gate") == [(ShardFault.UNREGISTERED, "more.txt")]
    store.rm("/gate", recursive=True)
