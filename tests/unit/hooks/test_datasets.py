"""Datasets of the ``datasets`` package, resolved to registered shards or denied: what a trainer is given, whatever was done to it before."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import datasets
import jsonschema
import pytest

from provenance.clearance.trust import trust_bytes
from provenance.fingerprint.digest import hash_file
from provenance.hooks import cache_notes
from provenance.hooks.datasets import check_datasets, load, shards_behind
from provenance.hooks.gate import TrainingBlocked
from provenance.hooks.guard import Guard
from tests.fakes.clearances import ClearedWorld, cleared_world, sample_trust

pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("default")]
ALWAYS = {"issued": "2020-01-01T00:00:00Z", "not_before": "2020-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z"}
CHAT = ("chat/a.jsonl", "chat/b.jsonl")
ALL = (*CHAT, "human.txt")
MEMORY = "rows that came from memory"


class Given:
    """A cleared world and what a script loads from it."""

    def __init__(self, folder: Path) -> None:
        self.world: ClearedWorld = cleared_world(folder, **ALWAYS)
        self.world.trust.write_bytes(trust_bytes(sample_trust(window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
        self.cache = str(folder / "cache")
        self.files = [str(self.world.data / name) for name in CHAT]
        self.other = folder / "other.jsonl"
        self.other.write_text('{"text": "not cleared"}\n', encoding="utf-8")
        self.guard = self.enter()

    def enter(self) -> Guard:
        return Guard.enter(self.world.clearance, roots=[self.world.data], trust=self.world.trust)

    def json(self, *files: str, **options: Any) -> Any:
        options = options if options.get("streaming") else {"cache_dir": self.cache, **options}
        return datasets.load_dataset("json", data_files=list(files or self.files), **{"split": "train", **options})

    def of_own_builder(self) -> Any:
        builder = OwnBuilder(cache_dir=self.cache, data_files={"train": self.files[:1]})
        builder.download_and_prepare()
        return builder.as_dataset("train")

    def text(self, **options: Any) -> Any:
        return datasets.load_dataset("text", data_files=str(self.world.data / "human.txt"), split="train", **options)


class Mine(datasets.Dataset):  # type: ignore[misc]  # the package has no types
    """A dataset of the user's own, whose code may read anything."""


class OwnBuilder(datasets.GeneratorBasedBuilder):  # type: ignore[misc]  # the package has no types
    """Is given registered files, and yields what it likes."""

    def _info(self) -> Any:
        return datasets.DatasetInfo(features=datasets.Features({"text": datasets.Value("string")}))

    def _split_generators(self, dl_manager: Any) -> Any:
        return [datasets.SplitGenerator("train", {})]

    def _generate_examples(self) -> Any:
        yield 0, {"text": "never registered"}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Given:
    datasets.disable_progress_bars()
    return Given(tmp_path_factory.mktemp("datasets"))


@pytest.fixture
def given(tmp_path: Path) -> Given:
    datasets.disable_progress_bars()
    return Given(tmp_path)


TRACED: dict[str, tuple[Callable[[Given], Any], tuple[str, ...]]] = {
    "loaded": (lambda g: g.json(), CHAT),
    "one file": (lambda g: g.json(g.files[0]), CHAT[:1]),
    "mapped": (lambda g: g.json().map(lambda row: {"n": len(row["text"])}), CHAT),
    "mapped twice, filtered, shuffled": (
        lambda g: g.json().map(lambda r: {"n": 1}).map(lambda r: {"m": 2}).filter(lambda r: True).shuffle(seed=1).select(range(3)),
        CHAT,
    ),
    "parted": (lambda g: g.json().train_test_split(0.5), CHAT),
    "joined": (lambda g: datasets.concatenate_datasets([g.json(), g.text(cache_dir=g.cache)]), ALL),
    "columns renamed": (lambda g: g.json().rename_column("text", "t").with_format("numpy"), CHAT),
    "dictionary": (lambda g: g.json(split=None), CHAT),
    "streamed": (lambda g: g.json(streaming=True).map(lambda r: r).filter(lambda r: True).shuffle(seed=1).skip(1).take(3), CHAT),
    "streams interleaved": (lambda g: datasets.interleave_datasets([g.json(streaming=True), g.text(streaming=True)]), ALL),
    "stream of dictionary": (lambda g: g.json(streaming=True, split=None), CHAT),
    "stream of a table": (lambda g: g.json().to_iterable_dataset(num_shards=2).map(lambda r: r), CHAT),
    "package's own loader": (lambda g: load("json", data_files=g.files, split="train", guarded=g.guard, cache_dir=g.cache), CHAT),
}

UNTRACED: dict[str, tuple[Callable[[Given], Any], str]] = {
    "from a list": (lambda g: datasets.Dataset.from_list([{"text": "x"}]), MEMORY),
    "from a generator": (lambda g: datasets.Dataset.from_generator(lambda: iter([{"text": "x"}]), cache_dir=g.cache), "no note tells"),
    "stream from a generator": (lambda g: datasets.IterableDataset.from_generator(lambda: iter([{"text": "x"}])), "were never registered"),
    "joined with a list": (lambda g: datasets.concatenate_datasets([g.json(), datasets.Dataset.from_list([{"text": "x"}])]), MEMORY),
    "joined with a list, then mapped": (
        lambda g: datasets.concatenate_datasets([g.json(), datasets.Dataset.from_list([{"text": "x"}])]).map(lambda r: {"n": 3}),
        "no note tells",
    ),
    "stream joined with a generator": (
        lambda g: datasets.concatenate_datasets([g.json(streaming=True), datasets.IterableDataset.from_generator(lambda: iter([{"text": "x"}]))]),
        "were never registered",
    ),
    "kept in memory": (lambda g: g.json().map(lambda r: {"n": 4}, keep_in_memory=True), MEMORY),
    "column from memory": (lambda g: g.json().add_column("more", list(range(101))), MEMORY),
    "other file": (lambda g: g.json(str(g.other)), "other.jsonl was not registered"),
    "other file among others": (lambda g: g.json(*g.files, str(g.other)), "other.jsonl was not registered"),
    "other file streamed": (lambda g: g.json(*g.files, str(g.other), streaming=True), "other.jsonl was not registered"),
    "one bad split": (
        lambda g: datasets.DatasetDict({"train": g.json(), "test": datasets.Dataset.from_list([{"text": "x"}])}),
        MEMORY,
    ),
    "no rows at all": (lambda g: datasets.Dataset.from_list([]), "holds no rows"),
    "a class made from theirs": (lambda g: Mine(g.json().data), "its own code may read anything"),
    "a builder of somebody else": (lambda g: g.of_own_builder(), "no note tells"),
    "another class": (lambda g: [1, 2], "class that is not known"),
}


@pytest.mark.parametrize("name", TRACED)
def test_what_was_made_from_registered_files_is_resolved_to_them(shared: Given, name: str) -> None:
    make, expected = TRACED[name]
    dataset = make(shared)
    assert tuple(leaf.path for leaf in shards_behind(dataset, shared.guard.passed)) == expected
    assert check_datasets(shared.guard, dataset) == shards_behind(dataset, shared.guard)


@pytest.mark.parametrize("name", UNTRACED)
def test_what_was_made_otherwise_is_denied(shared: Given, name: str) -> None:
    make, because = UNTRACED[name]
    dataset = make(shared)
    with pytest.raises(TrainingBlocked, match=because) as caught:
        shards_behind(dataset, shared.guard.passed)
    assert caught.value.hint is not None
    with pytest.raises(TrainingBlocked, match=because):
        check_datasets(Guard.of(shared.guard.passed), dataset)


def test_a_saved_table_is_denied_until_its_files_are_registered(given: Given) -> None:
    given.json().save_to_disk(given.world.folder / "saved")
    saved = given.world.folder / "saved"
    with pytest.raises(TrainingBlocked, match=r"data-00000-of-00001\.arrow was not registered"):
        shards_behind(datasets.load_from_disk(saved), given.guard.passed)
    saved.rename(given.world.data / "saved")
    given.world.reissue(**ALWAYS)
    loaded = datasets.load_from_disk(given.world.data / "saved")
    guard = given.enter()
    assert [leaf.path for leaf in shards_behind(loaded, guard)] == ["saved/data-00000-of-00001.arrow"]
    mapped = loaded.map(lambda r: {"n": 1}, cache_file_name=str(given.world.folder / "mapped.arrow"))
    assert [leaf.path for leaf in shards_behind(mapped, guard)] == ["saved/data-00000-of-00001.arrow"]
    assert not list((given.world.data / "saved").glob(f"*{cache_notes.FILE_NOTE_SUFFIX}"))


def change(given: Given) -> None:
    """Change a shard with its time restored, and clear it as it is now."""
    file = Path(given.files[1])
    status = file.stat()
    file.write_bytes(file.read_bytes().replace(b"press", b"prest"))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    given.world.reissue(**ALWAYS)


def test_a_cache_of_older_bytes_is_found_with_the_time_restored(given: Given) -> None:
    given.json().map(lambda row: {"n": len(row["text"])})
    change(given)
    stale = given.json()
    assert stale[1]["text"].startswith("press ")  # the trap: the package takes the old cache
    guard = given.enter()
    because = "a cache was made from chat/b.jsonl when it held other bytes"
    for dataset in (stale, stale.map(lambda row: {"n": len(row["text"])})):
        with pytest.raises(TrainingBlocked, match=because):
            shards_behind(dataset, guard)
    fresh = given.json(download_mode="force_redownload")
    assert [leaf.path for leaf in shards_behind(fresh, guard)] == list(CHAT)
    assert fresh[1]["text"].startswith("prest ")


def test_a_source_that_was_only_touched_is_no_suspect_and_one_that_was_changed_and_set_back_is_one(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, file = given.json(), Path(given.files[1])
    mapped = dataset.map(lambda row: {"n": len(row["text"])})
    file.chmod(0o600)
    os.utime(file, ns=(1, 1))
    guard = given.enter()
    for here in (cache_notes._here, {}):  # as this process knows it, and as the note tells it
        monkeypatch.setattr(cache_notes, "_here", here)
        for made in (dataset, mapped):
            assert [leaf.path for leaf in shards_behind(made, guard)] == list(CHAT)
    (note,) = Path(given.cache).rglob(cache_notes.FOLDER_NOTE)
    wire = json.loads(note.read_bytes())
    assert {source["sha256"] for source in wire["sources"]} == {hash_file(path)[0] for path in given.files}
    wire["version"] = 1  # nobody knows which bytes it held: touched, or changed and set back
    for source in wire["sources"]:
        del source["sha256"]
    note.write_text(json.dumps(wire), encoding="utf-8")
    with pytest.raises(TrainingBlocked, match=r"made from chat/b\.jsonl before it was changed or touched"):
        shards_behind(dataset, guard)
    good = file.read_bytes()
    file.write_bytes(good.replace(b"press", b"prest"))
    forged = given.json()
    assert forged[1]["text"].startswith("prest ")
    file.write_bytes(good)
    with pytest.raises(TrainingBlocked, match=r"made from chat/b\.jsonl when it held other bytes"):
        shards_behind(forged, given.enter())


def test_a_link_that_was_turned_while_a_cache_was_made_leaves_no_note(given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other, link = tmp_path / "other.jsonl", tmp_path / "current.jsonl"
    other.write_text('{"text": "prest"}\n', encoding="utf-8")
    link.symlink_to(given.files[1])
    sources = []
    monkeypatch.setattr(cache_notes, "note_caches", lambda _, made, **__: sources.append(made))
    looked = cache_notes.look_at

    def turned(paths: Iterable[str]) -> tuple[cache_notes.Source, ...]:
        found = looked(paths)
        link.unlink()
        link.symlink_to(other)
        return found

    monkeypatch.setattr(cache_notes, "look_at", turned)
    datasets.load_dataset("json", data_files=[str(link)], split="train", cache_dir=str(tmp_path / "cache"))
    assert sources == []


def test_the_loader_makes_a_cache_for_each_set_of_shards(given: Given) -> None:
    old = load("json", data_files=given.files, split="train", guarded=given.guard, cache_dir=given.cache)
    change(given)
    new = load("json", data_files=given.files, split="train", guarded=given.enter(), cache_dir=given.cache)
    assert (old[1]["text"][:6], new[1]["text"][:6]) == ("press ", "prest ")


def test_a_cache_is_traced_by_another_process_through_its_note(given: Given, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = given.json()
    mapped = dataset.map(lambda row: {"n": 1})
    monkeypatch.setattr(cache_notes, "_here", {})
    for made in (dataset, mapped):
        assert [leaf.path for leaf in shards_behind(made, given.guard)] == list(CHAT)
    (note,) = Path(given.cache).rglob(cache_notes.FOLDER_NOTE)
    wire = json.loads(note.read_bytes())
    schema = json.loads((Path(__file__).parents[3] / "docs" / "formats" / "cache-sources.schema.json").read_bytes())
    (beside,) = Path(given.cache).rglob(f"*{cache_notes.FILE_NOTE_SUFFIX}")
    for written in (wire, json.loads(beside.read_bytes())):
        jsonschema.validate(written, schema)
    assert sorted(source["path"] for source in wire["sources"]) == sorted(given.files)
    note.unlink()
    with pytest.raises(TrainingBlocked, match="no note tells"):
        shards_behind(dataset, given.guard)


def test_a_cache_file_that_was_changed_is_not_the_one_that_was_noted(given: Given) -> None:
    dataset = given.json()
    (file,) = (Path(entry["filename"]) for entry in dataset.cache_files)
    os.utime(file)
    with pytest.raises(TrainingBlocked, match="no note tells"):
        shards_behind(dataset, given.guard)


def test_a_shard_that_changed_since_the_gate_is_denied(given: Given) -> None:
    stream, dataset = given.json(streaming=True), given.json()
    change(given)
    for made in (stream, dataset):
        with pytest.raises(TrainingBlocked, match=r"chat/b\.jsonl: changed"):
            shards_behind(made, given.guard.passed)
