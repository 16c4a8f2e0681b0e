"""The digest cache spares reading only where nothing can have changed, and is believed only where nobody else can have written it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from provenance.clearance.content import Reading
from provenance.clearance.digest_cache import SETTLED_NS, DigestCache, open_cache
from provenance.clearance.shards import ShardCheck, hash_plan, plan_shards
from provenance.errors import DigestCacheError
from provenance.fingerprint.digest import ShardLeaf
from tests.fakes.clearances import leaves_of

SCHEMA = Path(__file__).parents[3] / "docs" / "formats" / "digest-cache.schema.json"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_bytes(b"aaaa")
    (tmp_path / "data" / "b.txt").write_bytes(b"bbbb")
    tmp_path.chmod(0o700)
    return tmp_path / "data"


def later() -> int:
    """Tell the time two minutes from now, when files written now have settled."""
    return time.time_ns() + 2 * SETTLED_NS


def opened(root: Path, clock_ns: Callable[[], int] = later) -> DigestCache:
    return open_cache(root.parent / "cache.json", roots=[str(root)], clock_ns=clock_ns)


def check(root: Path, leaves: list[ShardLeaf], clock_ns: Callable[[], int] = later) -> tuple[ShardCheck, int, DigestCache]:
    """Verify with the cache; return the check, how many bytes were read, and the cache."""
    cache, told = opened(root, clock_ns), [0]
    done = hash_plan(plan_shards(leaves, [root]), reading=Reading(on_bytes=told.append, cache=cache))
    cache.keep(done.verified)
    return done, sum(told), cache


def test_files_that_have_not_changed_are_not_read_again(root: Path) -> None:
    leaves = leaves_of(root)
    first, second = check(root, leaves), check(root, leaves)
    assert (first[0].from_cache, first[1], first[0].problems) == (0, 8, ())
    assert (second[0].from_cache, second[1], second[0].problems, second[0].size_bytes) == (2, 0, (), 8)
    assert [f.identity for f in first[0].verified] == [f.identity for f in second[0].verified]


def test_a_file_swapped_with_its_time_set_back_is_read_and_refused(root: Path) -> None:
    leaves = leaves_of(root)
    check(root, leaves)
    before = (root / "a.txt").stat()
    (root / "a.txt").write_bytes(b"XXXX")
    os.utime(root / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    after = (root / "a.txt").stat()
    assert (after.st_mtime_ns, after.st_size, after.st_ino) == (before.st_mtime_ns, before.st_size, before.st_ino)
    done, read, _ = check(root, leaves)
    assert [p.path for p in done.problems] == ["a.txt"]
    assert read == 4
    (root / "a.txt").unlink()
    (root / "a.txt").hardlink_to(root / "b.txt")
    assert [p.path for p in check(root, leaves)[0].problems] == ["a.txt"]


def test_a_file_that_changed_within_the_last_minute_is_hashed_and_not_noted(root: Path) -> None:
    leaves = leaves_of(root)
    for _ in range(2):
        done, read, cache = check(root, leaves, time.time_ns)
        assert (done.from_cache, read, cache.entries) == (0, 8, {})


def test_a_file_whose_change_lies_in_this_clocks_future_is_not_noted(root: Path) -> None:
    assert check(root, leaves_of(root), lambda: time.time_ns() - 3600 * 10**9)[2].entries == {}


def test_another_registered_digest_is_not_taken_from_the_cache(root: Path) -> None:
    leaves = leaves_of(root)
    check(root, leaves)
    others = [ShardLeaf(path=leaf.path, sha256=leaves[1 - i].sha256, size_bytes=4) for i, leaf in enumerate(leaves)]
    done, read, _ = check(root, others)
    assert (len(done.problems), read) == (2, 8)


def test_the_same_bytes_at_another_path_are_hashed(root: Path) -> None:
    check(root, leaves_of(root))
    (root / "a.txt").rename(root / "c.txt")
    assert check(root, leaves_of(root))[1] == 4


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"format":"provenance.digest-cache","version":2,"entries":{}}',
        b'{"format":"provenance.digest-cache","version":1,"entries":[]}',
        b'{"format":"provenance.digest-cache","version":1,"entries":{"a":["sha256:00"]}}',
        b'{"format":"provenance.digest-cache","version":1,"entries":{},"entries":{}}',
        b'{"format":"provenance.digest-cache","version":1,"entries":{"a":["sha256:' + b"0" * 64 + b'","1","2","x","4","5"]}}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_cache_knows_nothing_says_so_and_is_written_anew(root: Path, content: bytes) -> None:
    file = root.parent / "cache.json"
    file.write_bytes(content)
    file.chmod(0o600)
    done, read, cache = check(root, leaves_of(root))
    assert (done.problems, read) == ((), 8)
    assert len(cache.notes) == 1
    assert "is damaged and was not used" in cache.notes[0]
    assert check(root, leaves_of(root))[0].from_cache == 2


def test_the_file_is_the_owners_alone_and_as_its_schema_says(root: Path) -> None:
    check(root, leaves_of(root))
    file = root.parent / "cache.json"
    assert file.stat().st_mode & 0o777 == 0o600
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(json.loads(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_cache_that_others_can_write_is_refused(root: Path, mode: int) -> None:
    check(root, leaves_of(root))
    (root.parent / "cache.json").chmod(mode)
    with pytest.raises(DigestCacheError, match="can be written by others"):
        opened(root)


def test_a_cache_in_a_folder_that_others_can_write_is_refused(root: Path) -> None:
    root.parent.chmod(0o777)
    with pytest.raises(DigestCacheError, match=r"the folder of the digest cache .* can be written by others"):
        opened(root)
    root.parent.chmod(0o1777)  # as /tmp
    opened(root)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_cache_of_another_user_is_refused(root: Path) -> None:
    check(root, leaves_of(root))
    os.chown(root.parent / "cache.json", 12345, 12345)
    with pytest.raises(DigestCacheError, match="belongs to another user"):
        opened(root)


def test_a_link_a_folder_and_a_fifo_are_refused(root: Path) -> None:
    file, elsewhere = root.parent / "cache.json", root.parent / "elsewhere.json"
    elsewhere.write_bytes(b"{}")
    file.symlink_to(elsewhere)
    with pytest.raises(DigestCacheError, match=r"it must be a file|cannot be opened"):
        opened(root)
    file.unlink()
    os.mkfifo(file, 0o600)
    with pytest.raises(DigestCacheError, match="not a regular file"):
        opened(root)
    file.unlink()
    file.mkdir()
    with pytest.raises(DigestCacheError):
        opened(root)


def test_a_cache_below_a_data_root_is_refused(root: Path) -> None:
    with pytest.raises(DigestCacheError, match="lies below a data root"):
        open_cache(root / "cache.json", roots=[str(root)])


def test_a_cache_that_cannot_be_written_is_a_note(root: Path) -> None:
    cache = open_cache(root.parent / "none" / "cache.json", roots=[str(root)], clock_ns=later)
    done = hash_plan(plan_shards(leaves_of(root), [root]), reading=Reading(cache=cache))
    cache.keep(done.verified)
    assert done.problems == ()
    assert "could not be written: No such file or directory" in cache.notes[0]


def test_a_file_that_grows_while_it_is_hashed_is_not_noted(root: Path) -> None:
    def grow(n_bytes: int) -> None:
        with (root / "a.txt").open("ab") as file:
            file.write(b"a" * n_bytes)

    leaves, cache = leaves_of(root), opened(root)
    done = hash_plan(plan_shards(leaves, [root]), reading=Reading(on_bytes=grow, cache=cache))
    cache.keep(done.verified)
    assert "a.txt" in {p.path for p in done.problems}
    assert str(root / "a.txt") not in cache.entries
