"""The datasets that an Axolotl configuration names, resolved to registered shards, and paths in general."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from provenance.clearance.check import GatePass
from provenance.hooks.axolotl_data import unregistered_data
from provenance.hooks.gate import examine
from provenance.hooks.paths import UnregisteredPathError, registered_shards
from tests.fakes.clearances import NOW, ClearedWorld, cleared_world


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClearedWorld:
    monkeypatch.chdir(tmp_path)
    return cleared_world(tmp_path)


@pytest.fixture
def passed(world: ClearedWorld) -> GatePass:
    return examine(world.clearance, roots=[world.data], trust=world.trust, clock=lambda: NOW)


@pytest.mark.parametrize(
    ("path", "shards"),
    [
        ("data/human.txt", ("human.txt",)),
        ("./data/../data/human.txt", ("human.txt",)),
        ("data/chat", ("chat/a.jsonl", "chat/b.jsonl")),
        ("data", ("chat/a.jsonl", "chat/b.jsonl", "human.txt")),
        ("data/chat/*.jsonl", ("chat/a.jsonl", "chat/b.jsonl")),
        ("data/**/a.*", ("chat/a.jsonl",)),
        ("link", ("chat/a.jsonl", "chat/b.jsonl")),
    ],
)
def test_files_folders_patterns_and_links_resolve_to_the_shards_they_read(passed: GatePass, path: str, shards: tuple[str, ...]) -> None:
    Path("link").symlink_to("data/chat")
    assert registered_shards(path, passed) == shards
    assert registered_shards(Path(path).absolute().as_posix(), passed) == shards
    assert registered_shards(f"file://{Path.cwd()}/{path}", passed) == shards


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("none", "none is nowhere on this machine"),
        ("data/none/*.jsonl", "is nowhere on this machine"),
        ("other.jsonl", "other.jsonl is not among the files that were cleared"),
        ("mixed", "other.jsonl is not among"),
        ("empty", "empty holds no file"),
        ("dangling", "dangling is not among"),
        ("s3://bucket/chat", "is no registered shard of a data root"),
        ("hf://datasets/org/name/a.jsonl", "is no registered shard"),
    ],
)
def test_what_was_not_cleared_is_refused(passed: GatePass, path: str, reason: str) -> None:
    Path("other.jsonl").write_text("{}\n", encoding="utf-8")
    for folder in ("mixed", "empty"):
        Path(folder).mkdir()
    Path("mixed/a.jsonl").symlink_to("../data/chat/a.jsonl")
    Path("mixed/inner").mkdir()
    Path("mixed/inner/other.jsonl").write_text("{}\n", encoding="utf-8")
    Path("dangling").symlink_to("nowhere")
    with pytest.raises(UnregisteredPathError, match=reason):
        registered_shards(path, passed)


def test_links_that_lead_round_come_to_an_end(passed: GatePass) -> None:
    Path("round").mkdir()
    Path("round/again").symlink_to("../round")
    Path("round/a").symlink_to("../data/human.txt")
    assert registered_shards("round", passed) == ("human.txt",)


@pytest.mark.parametrize(
    "cfg",
    [
        {"datasets": [{"path": "data/chat"}]},
        {"datasets": [{"path": "data/chat", "data_files": ["data/chat/a.jsonl"]}], "test_datasets": [{"path": "data/human.txt"}]},
        {"pretraining_dataset": "data/chat"},
        {"pretraining_dataset": [{"path": "json", "data_files": {"train": ["data/chat/*.jsonl"]}}]},
        {"datasets": [{"path": "data/chat"}], "dataset_prepared_path": "data"},
    ],
)
def test_registered_data_pass(passed: GatePass, cfg: dict[str, Any]) -> None:
    assert unregistered_data(cfg, passed) == ()


@pytest.mark.parametrize(
    ("cfg", "reason"),
    [
        ({}, "names no dataset"),
        ({"datasets": []}, "names no dataset"),
        ({"datasets": [{"path": "org/name"}]}, "datasets: org/name is nowhere on this machine, so it would be fetched from a hub"),
        ({"datasets": [{"type": "alpaca"}]}, "datasets: an entry names no path"),
        (
            {"datasets": [{"path": "json", "data_files": "data/chat/a.jsonl"}]},
            "datasets: json is nowhere on this machine",
        ),  # Axolotl would ask the hub
        ({"datasets": [{"path": "data/chat"}], "test_datasets": [{"path": "other.jsonl"}]}, "test_datasets: other.jsonl is not among"),
        ({"datasets": [{"path": "data/chat", "data_files": ["other.jsonl"]}]}, "datasets: other.jsonl is not among"),
        ({"pretraining_dataset": [{"path": "json", "data_files": {"train": "other.jsonl"}}]}, "pretraining_dataset: other.jsonl is not among"),
        ({"pretraining_dataset": "https://example.org/a.jsonl"}, "is no registered shard"),
        ({"datasets": [{"path": "data/chat"}], "push_dataset_to_hub": "org/prepared"}, "prepared data would be loaded from org/prepared"),
        ({"datasets": [{"path": "data/chat"}], "dataset_prepared_path": "made"}, "data prepared before would be loaded: made/abc/x.arrow"),
        ({"datasets": [{"path": "data/chat"}]}, "data prepared before would be loaded: last_run_prepared/abc/x.arrow"),
    ],
)
def test_all_else_is_refused(passed: GatePass, cfg: dict[str, Any], reason: str) -> None:
    Path("other.jsonl").write_text("{}\n", encoding="utf-8")
    if "prepared before" in reason:
        prepared = cfg.get("dataset_prepared_path", "last_run_prepared")
        Path(prepared, "abc").mkdir(parents=True)
        Path(prepared, "abc", "x.arrow").write_bytes(b"x")
        Path(prepared, "datasets_prep.lock").touch()
    (found,) = unregistered_data(cfg, passed)
    assert reason in found


def test_what_this_run_prepared_itself_is_not_looked_at_again(passed: GatePass) -> None:
    Path("last_run_prepared/abc").mkdir(parents=True)
    Path("last_run_prepared/abc/x.arrow").write_bytes(b"x")
    assert unregistered_data({"datasets": [{"path": "data/chat"}]}, passed, prepared=False) == ()
