"""The index on disk: what it holds, what it refuses, and what is left after damage, other versions and a kill."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from provenance.canonical import canonical_bytes, digest_of
from provenance.errors import ReferenceIndexError, SchemeMismatchError
from provenance.matching import index as index_module
from provenance.matching import stored as stored_module
from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.params import INDEX_VERSION, IndexParams, choose_rate
from provenance.matching.segment import ARRAYS, TEXTS_NAME
from provenance.model.reference import ReferenceKind
from tests.conftest import ROOT
from tests.fakes.matching import make_batch, make_reference, make_words

WORK = ReferenceKind.WORK
TEXT = " ".join(make_words(120, 1))


def segment_folder(store: ReferenceStore, name: str = "set") -> Path:
    (folder,) = (store.folder / name / "segments").iterdir()
    return folder


def rewrite_manifest(store: ReferenceStore, change: Callable[[Any], object], *, sign: bool = True) -> None:
    path = store.folder / "set" / "manifest.json"
    document = orjson.loads(path.read_bytes())
    change(document)
    if sign:
        document["digest"] = digest_of({k: v for k, v in document.items() if k != "digest"})
    path.write_bytes(canonical_bytes(document))


@pytest.fixture
def filled(store: ReferenceStore) -> ReferenceStore:
    store.add("set", [make_reference("a", TEXT), make_reference("b", "one two")], kind=WORK)
    return store


def test_a_set_says_what_it_holds(filled: ReferenceStore) -> None:
    info = filled.show("set")
    assert (info.name, info.kind, info.references, info.words, info.segments) == ("set", WORK, 2, 122, 1)
    assert info.scheme == IndexParams(tokens="words-1").name
    assert filled.sets() == [info]
    assert [r.id for r in filled.references("set")] == ["a", "b"]
    assert filled.verify("set") == []


def test_a_store_that_is_not_there_holds_nothing(store: ReferenceStore) -> None:
    assert store.sets() == []
    with pytest.raises(ReferenceIndexError, match="there is no reference set 'x'"):
        store.show("x")
    with pytest.raises(ReferenceIndexError, match="no reference set was named"):
        store.open([])


def test_a_reference_given_twice_is_counted_and_kept_once(filled: ReferenceStore) -> None:
    before = filled.show("set")
    added = filled.add("set", [make_reference("a", TEXT), make_reference("c", TEXT), make_reference("c", TEXT)], kind=WORK)
    assert (added.references, added.skipped, len(added.segments)) == (1, 2, 1)
    assert filled.show("set").references == 3
    assert filled.show("set").digest != before.digest
    assert filled.add("set", [make_reference("a", TEXT)], kind=WORK).segments == ()


def test_one_id_with_two_texts_is_refused_and_nothing_changes(filled: ReferenceStore) -> None:
    before = filled.show("set")
    with pytest.raises(ReferenceIndexError, match="reference 'a' is in set 'set' already, with another text"):
        filled.add("set", [make_reference("new", TEXT), make_reference("a", "another text")], kind=WORK)
    assert filled.show("set") == before


def test_a_set_keeps_its_kind(filled: ReferenceStore) -> None:
    with pytest.raises(ReferenceIndexError, match="is of kind work, got background"):
        filled.add("set", [], kind=ReferenceKind.BACKGROUND)


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "x" * 101, "ä"])
def test_names_that_leave_the_folder_are_refused(store: ReferenceStore, name: str) -> None:
    with pytest.raises(ReferenceIndexError, match="cannot name a reference set"):
        store.add(name, [], kind=WORK)


@pytest.mark.parametrize("texts", [[""], ["", "\0\0", "…"], ["word"], ["\ud800 lone"]], ids=["empty", "no words", "one word", "surrogate"])
def test_references_with_next_to_no_words_are_kept_and_found_nowhere(store: ReferenceStore, texts: list[str]) -> None:
    store.add("set", [make_reference(str(i), t) for i, t in enumerate(texts)], kind=WORK)
    assert store.show("set").references == len(texts)
    assert open_matcher(store, ["set"]).match_batch(make_batch([TEXT, "", "word", *texts]), path="p") == []


def test_of_no_references_no_set_is_made(store: ReferenceStore) -> None:
    assert store.add("set", [], kind=WORK).references == 0
    assert store.sets() == []
    with pytest.raises(ReferenceIndexError, match="no reference set 'set'"):
        store.show("set")


def test_the_digest_depends_on_content_alone(tmp_path: Path) -> None:
    stores = [ReferenceStore(tmp_path / name) for name in "xy"]
    for store in stores:
        store.add("set", [make_reference("a", TEXT)], kind=WORK)
    assert stores[0].show("set").digest == stores[1].show("set").digest


def test_a_removed_set_is_gone_and_scans_under_way_go_on(filled: ReferenceStore) -> None:
    matcher = open_matcher(filled, ["set"])
    assert len(matcher.match_batch(make_batch([TEXT]), path="p")) == 1
    filled.remove("set")
    assert filled.sets() == []
    assert len(matcher.match_batch(make_batch([TEXT]), path="p")) == 1


def test_big_additions_are_published_in_portions(store: ReferenceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "SEGMENT_TEXT_BYTES", 500)
    added = store.add("set", [make_reference(str(i), TEXT + str(i)) for i in range(5)], kind=WORK)
    assert len(added.segments) == 5
    assert store.show("set").references == 5


@pytest.mark.parametrize("name", [*(f"{a}.npy" for a in ARRAYS), TEXTS_NAME])
def test_a_truncated_file_is_named_on_opening(filled: ReferenceStore, name: str) -> None:
    path = segment_folder(filled) / name
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(ReferenceIndexError, match=f"{name}: damaged"):
        filled.open(["set"])


@pytest.mark.parametrize("name", [*(f"{a}.npy" for a in ARRAYS), TEXTS_NAME])
def test_a_flipped_bit_is_found_by_verify(filled: ReferenceStore, name: str) -> None:
    path = segment_folder(filled) / name
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))
    faults = filled.verify("set")
    assert len(faults) == 1
    assert name in faults[0]


@pytest.mark.parametrize("name", [*(f"{a}.npy" for a in ARRAYS), TEXTS_NAME])
def test_a_flipped_bit_never_reaches_a_kernel(filled: ReferenceStore, name: str) -> None:
    path = segment_folder(filled) / name
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))
    with pytest.raises(ReferenceIndexError, match="damaged: "):
        open_matcher(filled, ["set"]).match_batch(make_batch([TEXT]), path="p")
    with pytest.raises(ReferenceIndexError, match="damaged: "):
        open_matcher(filled, ["set"]).reference("set", "a")


def test_a_missing_file_is_named(filled: ReferenceStore) -> None:
    (segment_folder(filled) / "words.npy").unlink()
    with pytest.raises(ReferenceIndexError, match=r"words\.npy: cannot be read"):
        filled.open(["set"])
    assert any("words.npy" in fault for fault in filled.verify("set"))


def test_a_changed_manifest_is_refused(filled: ReferenceStore) -> None:
    rewrite_manifest(filled, lambda d: d.update(kind="background"), sign=False)
    with pytest.raises(ReferenceIndexError, match="does not give its digest"):
        filled.open(["set"])


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'{"format": "x"}', b"\xff"])
def test_a_manifest_that_is_none_is_refused(filled: ReferenceStore, raw: bytes) -> None:
    (filled.folder / "set" / "manifest.json").write_bytes(raw)
    with pytest.raises(ReferenceIndexError, match=r"manifest\.json"):
        filled.open(["set"])


@pytest.mark.parametrize(
    ("version", "made"), [(1, "older version: remove and add again"), (2, "older version"), (99, "newer version"), (None, "newer")]
)
def test_another_version_is_refused(filled: ReferenceStore, version: int | None, made: str) -> None:
    rewrite_manifest(filled, lambda d: d.update(version=version))
    with pytest.raises(ReferenceIndexError, match=f"index version {version}, this release reads {INDEX_VERSION}; made by a.* {made}"):
        filled.open(["set"])


def test_another_tokeniser_is_refused(filled: ReferenceStore) -> None:
    def change(document: dict[str, object]) -> None:
        raw = json.loads(json.dumps(document["segments"]).replace("words-1", "words-0"))
        document["segments"] = raw

    rewrite_manifest(filled, change)
    with pytest.raises(SchemeMismatchError, match="was indexed as words-0, this version reads words-1"):
        filled.open(["set"])


def test_a_second_writer_is_refused_while_readers_go_on(filled: ReferenceStore) -> None:
    with (filled.folder / "set" / "lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ReferenceIndexError, match="another process is writing"):
            filled.add("set", [make_reference("c", TEXT)], kind=WORK)
        with pytest.raises(ReferenceIndexError, match="another process is writing"):
            filled.remove("set")
        assert filled.open(["set"]).words == 122


def test_what_a_killed_writer_left_behind_is_ignored_and_swept(filled: ReferenceStore) -> None:
    before = filled.show("set")
    half = filled.folder / "set" / "segments" / ".tmp-killed"
    half.mkdir()
    (half / "words.npy").write_bytes(b"half")
    (filled.folder / "set" / ".tmp-manifest-killed").write_bytes(b"{")
    assert filled.show("set") == before
    filled.add("set", [make_reference("c", TEXT)], kind=WORK)
    assert not half.exists()
    assert not (filled.folder / "set" / ".tmp-manifest-killed").exists()


def test_a_disk_that_refuses_is_one_clear_error(filled: ReferenceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    before = filled.show("set")
    monkeypatch.setattr(np, "save", refuse)
    with pytest.raises(ReferenceIndexError, match=r"cannot write a segment: .*No space left"):
        filled.add("set", [make_reference("c", TEXT)], kind=WORK)
    monkeypatch.undo()
    assert filled.show("set") == before


WRITER = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from provenance.matching.index import ReferenceStore
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import make_reference, make_words
store = ReferenceStore(Path(sys.argv[1]))
for number in range(10_000):
    store.add("set", [make_reference(f"k{{number}}", " ".join(make_words(300, number)))], kind=ReferenceKind.WORK)
    print(number, flush=True)
"""


def test_a_kill_at_any_moment_loses_at_most_the_segment_in_hand(store: ReferenceStore, loops: int) -> None:
    store.add("set", [make_reference("first", TEXT)], kind=WORK)
    chance = np.random.default_rng(2)
    for _ in range(2 * loops):
        done = run_and_kill(store.folder, float(chance.uniform(0.0, 0.15)))
        assert store.verify("set") == []
        held = {r.id for r in store.references("set")}
        assert held >= {"first", *(f"k{n}" for n in range(done))}
        assert len(held) <= done + 2 or done == 0


def run_and_kill(folder: Path, after_s: float) -> int:
    """Let a writer publish at least one segment, kill it some time later, and return how many segments it said were done."""
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    done = int(process.stdout.readline()) + 1
    time.sleep(after_s)
    os.kill(process.pid, signal.SIGKILL)
    rest = process.stdout.read().splitlines()
    process.wait()
    process.stdout.close()
    return int(rest[-1]) + 1 if rest else done


def test_the_rate_falls_with_size() -> None:
    assert [choose_rate(n, WORK) for n in (0, 4_000_000, 4_000_001, 12_000_000, 12_000_001)] == [1, 1, 2, 2, 4]


@pytest.mark.parametrize("kind", [ReferenceKind.API_OUTPUT, ReferenceKind.BACKGROUND])
def test_of_answers_every_second_window_is_kept_at_least(kind: ReferenceKind) -> None:
    assert [choose_rate(n, kind) for n in (0, 4_000_000, 4_000_001, 12_000_001, 10**9)] == [1, 1, 2, 2, 2]


@pytest.mark.parametrize(("window", "one_in"), [(1, 1), (17, 1), (5, 0), (5, 3)])
def test_parameters_that_no_kernel_reads_are_refused(window: int, one_in: int) -> None:
    with pytest.raises(ValueError, match=r"window|rate"):
        IndexParams(tokens="words-1", window=window, one_in=one_in)


def test_a_matcher_opens_several_sets(filled: ReferenceStore) -> None:
    filled.add("other", [make_reference("z", " ".join(make_words(50, 9)))], kind=WORK)
    matcher: CascadeMatcher = open_matcher(filled, ["other", "set"])
    assert matcher.index_digests == (filled.show("other").digest, filled.show("set").digest)
    assert matcher.reference_words == 172
    assert matcher.reference("other", "z").id == "z"


def test_opening_reads_the_manifest_and_looks_at_sizes_alone(store: ReferenceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many segments there are: none is read, mapped or digested before it is asked for."""
    monkeypatch.setattr(index_module, "SEGMENT_TEXT_BYTES", 100)
    store.add("set", [make_reference(str(i), TEXT + str(i)) for i in range(20)], kind=WORK)

    def refuse(*arguments: object) -> None:
        raise AssertionError(f"read while it was opened: {arguments}")

    with monkeypatch.context() as patch:
        patch.setattr(stored_module, "load_array", refuse)
        patch.setattr(stored_module, "hash_file", refuse)
        opened = store.open(["set"])
    assert len(opened.segments) == 20
    segment, ref = opened.find("set", "13")
    assert segment.text_bytes(ref).decode() == TEXT + "13"


@pytest.mark.parametrize("name", ARRAYS)
def test_an_array_is_digested_before_it_is_mapped(filled: ReferenceStore, name: str) -> None:
    path = segment_folder(filled) / f"{name}.npy"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(bytes(raw))
    (segment,) = filled.open(["set"]).segments
    with pytest.raises(ReferenceIndexError, match=rf"{name}\.npy: damaged: expected"):
        getattr(segment, name)


def test_an_entry_of_other_files_than_its_digest_is_of_is_refused_at_first_touch(filled: ReferenceStore) -> None:
    rewrite_manifest(filled, lambda d: d["segments"][0]["params"].update(one_in=2))
    with pytest.raises(ReferenceIndexError, match="the manifest's entry does not give its digest"):
        open_matcher(filled, ["set"]).match_batch(make_batch([TEXT]), path="p")
    assert any("does not give that digest" in fault for fault in filled.verify("set"))


def test_a_manifest_that_somebody_laid_out_anew_is_read_by_its_content(filled: ReferenceStore) -> None:
    path = filled.folder / "set" / "manifest.json"
    expected = filled.show("set")
    path.write_bytes(orjson.dumps(dict(reversed(orjson.loads(path.read_bytes()).items())), option=orjson.OPT_INDENT_2))
    assert filled.show("set") == expected
