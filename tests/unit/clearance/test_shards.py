"""The manifest against the disk: every file, every byte, every link."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from provenance.clearance.faults import ShardFault
from provenance.clearance.shards import verify_shards
from provenance.fingerprint.digest import ShardLeaf
from tests.fakes.clearances import leaves_of
from tests.fakes.modes import bound_by_modes


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"aaaa")
    (folder / "sub" / "b.txt").write_bytes(b"bbbb")
    return folder


def faults(leaves: list[ShardLeaf], *roots: Path, allow_extra: bool = False) -> list[tuple[ShardFault, str]]:
    check = verify_shards(leaves, roots, allow_extra=allow_extra)
    return [(p.fault, Path(p.path).name) for p in check.problems]


def test_exactly_the_manifest_has_no_problem_and_counts_bytes(root: Path) -> None:
    told: list[int] = []
    check = verify_shards(leaves_of(root), [root], on_bytes=told.append)
    assert (check.problems, check.shards, check.size_bytes, sum(told)) == ((), 2, 8, 8)


def test_a_byte_changed_with_size_and_mtime_kept_is_found(root: Path) -> None:
    leaves, file = leaves_of(root), root / "sub" / "b.txt"
    before = file.stat()
    file.write_bytes(b"bbxb")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert faults(leaves, root) == [(ShardFault.CHANGED, "b.txt")]


def test_every_change_is_listed(root: Path) -> None:
    leaves = leaves_of(root)
    for name in ("a.txt", "sub/b.txt"):
        (root / name).write_bytes(b"zzzz")
    assert faults(leaves, root) == [(ShardFault.CHANGED, "a.txt"), (ShardFault.CHANGED, "b.txt")]


def test_shape_is_judged_before_anything_is_hashed(root: Path) -> None:
    leaves = leaves_of(root)
    (root / "a.txt").write_bytes(b"aaaaa")
    check = verify_shards(leaves, [root])
    assert check.size_bytes == 0
    assert [str(p) for p in check.problems] == ["a.txt: changed: 5 bytes, registered 4"]


def test_a_truncated_a_missing_and_an_extra_file_are_found(root: Path) -> None:
    leaves = leaves_of(root)
    (root / "a.txt").write_bytes(b"aa")
    (root / "sub" / "b.txt").unlink()
    (root / ".hidden").write_bytes(b"")
    assert sorted(faults(leaves, root)) == [(ShardFault.CHANGED, "a.txt"), (ShardFault.MISSING, "b.txt"), (ShardFault.UNREGISTERED, ".hidden")]


def test_extra_files_pass_only_where_the_caller_says_so(root: Path, tmp_path: Path) -> None:
    leaves = leaves_of(root)
    (root / "more.txt").write_bytes(b"more")
    (root / "out").symlink_to(tmp_path / "elsewhere")
    assert len(faults(leaves, root)) == 2
    assert faults(leaves, root, allow_extra=True) == []


def test_swapped_files_are_found(root: Path) -> None:
    leaves = leaves_of(root)
    (root / "a.txt").write_bytes(b"bbbb")
    (root / "sub" / "b.txt").write_bytes(b"aaaa")
    assert len(faults(leaves, root)) == 2


def test_a_link_counts_as_the_registered_file_it_resolves_to(root: Path) -> None:
    leaves = leaves_of(root)
    (root / "alias.txt").symlink_to("sub/b.txt")
    (root / "folder-alias").symlink_to("sub")
    assert faults(leaves, root) == []


def test_a_store_of_blobs_and_links_passes(tmp_path: Path) -> None:
    # The shape of the Hugging Face cache: snapshots are links into blobs.
    hub = tmp_path / "hub"
    (hub / "blobs").mkdir(parents=True)
    (hub / "snapshots" / "rev").mkdir(parents=True)
    (hub / "blobs" / "0f").write_bytes(b"content")
    (hub / "snapshots" / "rev" / "train.jsonl").symlink_to("../../blobs/0f")
    blob = next(one for one in leaves_of(hub) if one.path == "blobs/0f")
    leaf = ShardLeaf(path="snapshots/rev/train.jsonl", sha256=blob.sha256, size_bytes=blob.size_bytes)
    assert faults([leaf], hub) == []
    (hub / "blobs" / "0f").write_bytes(b"CONTENT")
    assert faults([leaf], hub) == [(ShardFault.CHANGED, "train.jsonl")]


def test_a_link_out_of_the_roots_is_refused_even_to_equal_bytes(root: Path, tmp_path: Path) -> None:
    leaves = leaves_of(root)
    (tmp_path / "outside.txt").write_bytes(b"aaaa")
    (root / "a.txt").unlink()
    (root / "a.txt").symlink_to(tmp_path / "outside.txt")
    assert (ShardFault.OUTSIDE, "a.txt") in faults(leaves, root)


def test_an_unregistered_link_or_folder_link_out_of_the_roots_is_refused(root: Path, tmp_path: Path) -> None:
    leaves = leaves_of(root)
    (tmp_path / "other").mkdir()
    (root / "door").symlink_to(tmp_path / "other")
    assert faults(leaves, root) == [(ShardFault.OUTSIDE, "door")]


def test_a_registered_path_through_a_folder_link_out_of_the_roots_is_refused(root: Path, tmp_path: Path) -> None:
    leaves = leaves_of(root)
    (root / "sub").rename(tmp_path / "moved")
    (root / "sub").symlink_to(tmp_path / "moved")
    assert {fault for fault, _ in faults(leaves, root)} == {ShardFault.OUTSIDE}


def test_a_prefix_of_a_roots_name_is_not_inside_it(root: Path, tmp_path: Path) -> None:
    leaves = leaves_of(root)
    (tmp_path / "data-evil").mkdir()
    (tmp_path / "data-evil" / "x").write_bytes(b"x")
    (root / "x").symlink_to(tmp_path / "data-evil" / "x")
    assert faults(leaves, root) == [(ShardFault.OUTSIDE, "x")]


def test_dangling_and_circular_links_are_refused(root: Path) -> None:
    leaves = leaves_of(root)
    (root / "nothing").symlink_to("gone")
    (root / "self").symlink_to("self")
    assert faults(leaves, root) == [(ShardFault.IRREGULAR, "nothing"), (ShardFault.IRREGULAR, "self")]


def test_a_link_to_a_parent_folder_does_not_loop(root: Path) -> None:
    leaves = leaves_of(root)
    (root / "sub" / "up").symlink_to("..")
    assert faults(leaves, root) == []


def test_fifos_and_sockets_are_refused_and_never_opened(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leaves = leaves_of(root)
    (root / "a.txt").unlink()
    os.mkfifo(root / "a.txt")
    monkeypatch.chdir(root)  # a socket's path is limited to about 100 bytes
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")
        found = faults(leaves, root)
    assert (ShardFault.IRREGULAR, "sock") in found
    assert found.count((ShardFault.IRREGULAR, "a.txt")) >= 1


def test_a_folder_in_place_of_a_file_is_refused(root: Path) -> None:
    leaves = leaves_of(root)
    (root / "a.txt").unlink()
    (root / "a.txt").mkdir()
    assert faults(leaves, root) == [(ShardFault.IRREGULAR, "a.txt")]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("../data/a.txt", "climbs"),
        ("sub/../a.txt", "climbs"),
        ("./a.txt", "not normal"),
        ("sub//b.txt", "not normal"),
        ("sub/", "not normal"),
        ("/etc/passwd", "absolute"),
        ("s3://bucket/a.txt", "URL"),
    ],
)
def test_paths_that_climb_or_are_absolute_are_refused(root: Path, path: str, reason: str) -> None:
    check = verify_shards([ShardLeaf(path=path, sha256=leaves_of(root)[0].sha256, size_bytes=4)], [root], allow_extra=True)
    assert [p.fault for p in check.problems] == [ShardFault.BAD_PATH]
    assert reason in str(check.problems[0])


def test_roots_are_tried_in_order_and_every_copy_must_be_right(tmp_path: Path) -> None:
    first, second = tmp_path / "one", tmp_path / "two"
    first.mkdir()
    second.mkdir()
    (first / "a").write_bytes(b"a")
    (second / "b").write_bytes(b"b")
    leaves = leaves_of(first) + leaves_of(second)
    assert faults(leaves, first, second) == []
    (second / "a").write_bytes(b"X")  # a trainer may read this one
    assert faults(leaves, first, second) == [(ShardFault.CHANGED, "a")]


def test_a_root_inside_another_is_walked_once(root: Path) -> None:
    assert faults(leaves_of(root), root, root / "sub", root) == []


def test_a_root_that_is_a_link_is_the_folder_it_names(root: Path, tmp_path: Path) -> None:
    leaves = leaves_of(root)
    (tmp_path / "link").symlink_to(root)
    assert faults(leaves, tmp_path / "link") == []


def test_a_root_that_is_no_folder_is_refused(root: Path) -> None:
    leaves = leaves_of(root)
    assert (ShardFault.MISSING, "none") in faults(leaves, root, root / "none")
    assert (ShardFault.MISSING, "a.txt") in faults(leaves, root / "a.txt")
    assert faults(leaves) == [(ShardFault.MISSING, "a.txt"), (ShardFault.MISSING, "b.txt")]


def test_names_that_are_not_utf8_or_hold_control_characters_are_shown_escaped(root: Path) -> None:
    leaves = leaves_of(root)
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\x1b[2J")).write_bytes(b"x")
    check = verify_shards(leaves, [root])
    assert [p.fault for p in check.problems] == [ShardFault.UNREGISTERED]
    assert str(check.problems[0]).isprintable()


def faults_found_by_whom_modes_bind(leaves: Sequence[ShardLeaf], root: Path) -> list[str]:
    """Return the faults that a process sees whom file modes bind."""
    code = (
        "import json, sys\nfrom pathlib import Path\nfrom provenance.clearance.shards import verify_shards\n"
        "from provenance.fingerprint.digest import ShardLeaf\nroot, leaves = sys.argv[1], [ShardLeaf(**leaf) for leaf in json.loads(sys.argv[2])]\n"
        "print(json.dumps([p.fault.value + ' ' + Path(p.path).name for p in verify_shards(leaves, [Path(root)]).problems]))"
    )
    command = [*bound_by_modes(), sys.executable, "-c", code, str(root), json.dumps([asdict(leaf) for leaf in leaves])]
    found: list[str] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout)
    return found


def test_an_unreadable_file_or_folder_is_a_refusal(root: Path) -> None:
    leaves = leaves_of(root)
    (root / "a.txt").chmod(0)
    assert faults_found_by_whom_modes_bind(leaves, root) == [f"{ShardFault.UNREADABLE.value} a.txt"]
    (root / "sub").chmod(0)
    try:
        assert any(told.startswith(ShardFault.UNREADABLE.value) for told in faults_found_by_whom_modes_bind(leaves, root))
    finally:
        (root / "sub").chmod(0o700)


def test_a_thousand_files_are_told_byte_by_byte(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for i in range(1000):
        (folder / f"{i:04}").write_bytes(b"%d" % i)
    leaves = leaves_of(folder)
    told: list[int] = []
    assert verify_shards(leaves, [folder], on_bytes=told.append).problems == ()
    assert sum(told) == sum(leaf.size_bytes for leaf in leaves) == 2890


def test_other_datasets_under_a_root_may_be_left_unwatched_but_never_a_shards_own_folder(tmp_path: Path) -> None:
    for name in ("a/x.jsonl", "b/y.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"1\n")
    leaves = [leaf for leaf in leaves_of(tmp_path) if leaf.path.startswith("a/")]
    assert [p.fault for p in verify_shards(leaves, [tmp_path]).problems] == [ShardFault.UNREGISTERED]
    assert verify_shards(leaves, [tmp_path], shard_folders_only=True).problems == ()
    for stray in ("a/z.jsonl", "a/deep/er/z.jsonl"):
        (tmp_path / stray).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / stray).write_bytes(b"2\n")
        assert [p.fault for p in verify_shards(leaves, [tmp_path], shard_folders_only=True).problems] == [ShardFault.UNREGISTERED]
        (tmp_path / stray).unlink()
    at_the_root = leaves_of(tmp_path / "a")
    assert [p.fault for p in verify_shards(at_the_root, [tmp_path / "a", tmp_path / "b"], shard_folders_only=True).problems] == []
    (tmp_path / "a" / "new").write_bytes(b"3")
    assert [p.fault for p in verify_shards(at_the_root, [tmp_path / "a"], shard_folders_only=True).problems] == [ShardFault.UNREGISTERED]
