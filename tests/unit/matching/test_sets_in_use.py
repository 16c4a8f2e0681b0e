"""Reference sets that one process changes while another one reads them: the reader sees a whole set, as it was or as it is, or is told that there is none."""

from __future__ import annotations

import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from provenance.errors import ReferenceIndexError
from provenance.matching.cascade import open_matcher
from provenance.matching.index import ReferenceStore
from provenance.model.reference import ReferenceKind
from tests.conftest import ROOT
from tests.fakes.matching import make_batch, make_reference, make_words

PROGRAM = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from pathlib import Path
from provenance.matching.index import ReferenceStore
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import make_reference, make_words
store, removes = ReferenceStore(Path(sys.argv[1])), sys.argv[2] == "remove"
for number in range(100_000):
    if removes and number % 2:
        for _ in range(20):  # the set stays for a while
            store.verify("set")
        store.remove("set")
    else:
        store.add("set", [make_reference(f"k{{number}}", " ".join(make_words(60, 0 if removes else number)))], kind=ReferenceKind.WORK)
    if not number:
        print("ready", flush=True)
"""
SEEN = 10
"""How often each state is to be seen; twenty times as often in the full tier."""
PATIENCE_S = 120.0


def text_of(number: int) -> str:
    return " ".join(make_words(60, number))


@contextmanager
def changing(folder: Path, how: str) -> Iterator[subprocess.Popen[str]]:
    """Change a set in another process all the while."""
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder), how], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert select.select([process.stdout], [], [], 60)[0]
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def test_a_set_opened_while_it_grows_is_whole(store: ReferenceStore, loops: int) -> None:
    store.add("set", [make_reference("first", text_of(-1))], kind=ReferenceKind.WORK)
    sizes: list[int] = []
    with changing(store.folder, "add") as writer:
        deadline = time.monotonic() + PATIENCE_S * loops
        while len(set(sizes)) < SEEN * loops:
            assert writer.poll() is None
            assert time.monotonic() < deadline
            (info,) = store.sets()
            held = [r.id for r in store.references("set")]
            assert held == ["first", *(f"k{n}" for n in range(len(held) - 1))]
            assert len(held) >= info.references
            matcher = open_matcher(store, ["set"])
            newest = matcher.match_batch(make_batch([text_of(-1), text_of(len(held) - 2)]), path="p")
            assert [m.reference for m in newest] == ["first", held[-1]]
            assert store.verify("set") == []
            sizes.append(len(held))
    assert sizes == sorted(sizes)


def test_a_set_that_is_removed_and_made_again_is_there_or_not(store: ReferenceStore, loops: int) -> None:
    found = 0
    told: list[str] = []
    with changing(store.folder, "remove") as writer:
        deadline = time.monotonic() + PATIENCE_S * loops
        while min(found, len(told)) < SEEN * loops:
            assert writer.poll() is None
            assert time.monotonic() < deadline
            try:
                (match,) = open_matcher(store, ["set"]).match_batch(make_batch([text_of(0)]), path="p")
            except ReferenceIndexError as err:
                told.append(str(err))
            else:
                assert match.aligned_words == 60
                found += 1
    assert [t for t in told if "there is no reference set 'set'" not in t and "cannot be read: No such file" not in t] == []


def test_a_writer_that_waited_for_a_set_to_be_removed_says_so(store: ReferenceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """It opened the lock before the folder was removed, and has it afterwards: of a file that is gone."""
    store.add("set", [make_reference("a", text_of(0))], kind=ReferenceKind.WORK)
    real = Path.open

    def open_late(self: Path, mode: str = "r") -> IO[Any]:
        file: IO[Any] = real(self, mode)
        monkeypatch.undo()
        store.remove("set")
        store.add("set", [make_reference("b", text_of(1))], kind=ReferenceKind.WORK)
        return file

    monkeypatch.setattr(Path, "open", open_late)
    with pytest.raises(ReferenceIndexError, match="another process has just removed this reference set"):
        store.add("set", [make_reference("c", text_of(2))], kind=ReferenceKind.WORK)
    assert [r.id for r in store.references("set")] == ["b"]


def test_a_segment_that_was_written_and_never_published_is_swept(store: ReferenceStore) -> None:
    store.add("set", [make_reference("a", text_of(0))], kind=ReferenceKind.WORK)
    segments, manifest = store.folder / "set" / "segments", store.folder / "set" / "manifest.json"
    before, kept = manifest.read_bytes(), {p.name for p in segments.iterdir()}
    store.add("set", [make_reference("b", text_of(1))], kind=ReferenceKind.WORK)
    manifest.write_bytes(before)  # as a kill between the two steps leaves it
    assert len(list(segments.iterdir())) == 2
    assert store.add("set", [make_reference("a", text_of(0))], kind=ReferenceKind.WORK).skipped == 1
    assert {p.name for p in segments.iterdir()} == kept
    assert store.verify("set") == []


def test_a_set_under_another_name_than_its_own_is_refused(store: ReferenceStore) -> None:
    store.add("set", [make_reference("a", text_of(0))], kind=ReferenceKind.WORK)
    (store.folder / "set").rename(store.folder / "other")
    with pytest.raises(ReferenceIndexError, match="is the manifest of set 'set'"):
        store.open(["other"])


def test_segments_of_a_set_that_lost_its_manifest_are_left_to_be_rescued(store: ReferenceStore) -> None:
    store.add("set", [make_reference("a", text_of(0))], kind=ReferenceKind.WORK)
    (segment,) = (store.folder / "set" / "segments").iterdir()
    (store.folder / "set" / "manifest.json").unlink()
    store.add("set", [make_reference("b", text_of(1))], kind=ReferenceKind.WORK)
    assert segment in (store.folder / "set" / "segments").iterdir()
    assert [r.id for r in store.references("set")] == ["b"]
