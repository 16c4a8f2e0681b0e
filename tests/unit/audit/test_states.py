"""What became of registered files, and what stands beside them."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.audit.states import ShardState, check_shards, find_strays, find_unregistered
from provenance.ingest.listing import FileListing
from tests.fakes.world import World, plain_dataset, plain_shard, version_of

LINE = b"one line of text\n"


def test_a_file_with_the_registered_bytes_is_unchanged() -> None:
    world = World({"a.jsonl": LINE, "b.jsonl": LINE * 2})
    version = world.register(plain_dataset(), "a.jsonl", "b.jsonl")
    assert [c.state for c in check_shards(version, world.tools)] == [ShardState.UNCHANGED] * 2
    assert world.progress.done == sum(s.size_bytes for s in version.shards)


@pytest.mark.parametrize("raw", [b"", LINE + b"x", LINE.replace(b"one", b"two"), LINE[:-1]])
def test_any_other_bytes_are_a_change(raw: bytes) -> None:
    world = World({"a.jsonl": LINE})
    version = world.register(plain_dataset(), "a.jsonl")
    world.disk.files["data/a.jsonl"] = raw
    assert [c.state for c in check_shards(version, world.tools)] == [ShardState.CHANGED]


def test_a_digest_that_agrees_with_another_size_is_a_change() -> None:
    world = World({"a.jsonl": LINE})
    version = world.register(plain_dataset(), "a.jsonl")
    odd = replace(version, shards=(replace(version.shards[0], size_bytes=1),))
    assert [c.state for c in check_shards(odd, world.tools)] == [ShardState.CHANGED]


def test_a_file_that_is_gone_is_missing_and_the_others_are_checked_all_the_same() -> None:
    world = World({"a.jsonl": LINE, "b.jsonl": LINE})
    version = world.register(plain_dataset(), "a.jsonl", "b.jsonl")
    del world.disk.files["data/a.jsonl"]
    assert [c.state for c in check_shards(version, world.tools)] == [ShardState.MISSING, ShardState.UNCHANGED]


def test_a_file_beside_the_shards_that_nobody_registered_is_found() -> None:
    world = World({"chat/a.jsonl": LINE, "chat/new.jsonl": LINE, "other/b.jsonl": LINE, "top.jsonl": LINE})
    version = world.register(plain_dataset(), "chat/a.jsonl")
    assert find_unregistered(version.shards, world.tools) == [("data", "chat/new.jsonl")]


def test_a_file_of_another_dataset_in_the_same_folder_is_no_stray() -> None:
    world = World({"a.jsonl": LINE, "b.jsonl": LINE})
    version = world.register(plain_dataset(), "a.jsonl")
    world.register(plain_dataset("other"), "b.jsonl")
    assert find_unregistered(version.shards, world.tools) == []


def test_a_stray_beside_the_shards_of_several_datasets_is_told_once() -> None:
    world = World({"a.jsonl": LINE, "b.jsonl": LINE, "stray.jsonl": LINE, "deep/c.jsonl": LINE, "deep/other.jsonl": LINE})
    one = world.register(plain_dataset(), "a.jsonl")
    two = world.register(plain_dataset("other"), "b.jsonl", "deep/c.jsonl")
    assert find_strays([None, one, two, one], world.tools) == [[], ["stray.jsonl"], ["deep/other.jsonl"], []]


def test_a_registered_path_of_another_root_does_not_vouch_for_a_file() -> None:
    world = World({"a.jsonl": LINE, "b.jsonl": LINE})
    version = world.register(plain_dataset(), "a.jsonl")
    with world.units.begin(actor="tester", action="register") as registry:
        registry.add_version(version_of(plain_dataset("raw"), replace(plain_shard("b.jsonl"), root="raw")))
    assert find_unregistered(version.shards, world.tools) == [("data", "b.jsonl")]


def test_an_empty_folder_and_urls_have_no_strays() -> None:
    world = World()
    assert find_unregistered((plain_shard("gone/a.jsonl"), plain_shard("s3://bucket/b.jsonl")), world.tools) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir()
    (data / "a.jsonl").write_bytes(LINE)
    return data


def strays(folder: Path) -> list[tuple[str, str]]:
    world = World()
    with world.units.begin(actor="tester", action="register") as registry:
        registry.add_version(version_of(plain_dataset(), plain_shard("a.jsonl")))
    return find_unregistered((plain_shard("a.jsonl"),), replace(world.tools, listing=FileListing({"data": folder})))


def test_a_link_that_leads_out_of_the_roots_is_a_stray(folder: Path) -> None:
    outside = folder.parent / "outside.jsonl"
    outside.write_bytes(LINE)
    (folder / "link.jsonl").symlink_to(outside)
    assert strays(folder) == [("data", "link.jsonl")]


def test_a_name_that_is_not_utf8_is_a_stray(folder: Path) -> None:
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.jsonl")).write_bytes(LINE)
    except OSError:
        assert strays(folder) == []  # this file system takes only UTF-8 names
        return
    assert strays(folder) == [("data", "bad\\xff.jsonl")]
