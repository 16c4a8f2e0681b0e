"""What every journal of registrations keeps, and what it forgets."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.model.dataset import LicensePart, Shard
from provenance.ports.journal import Journal, OpenJournal
from provenance.registry.journal import JournalFolder
from tests.conftest import ROOT
from tests.fakes.journal import MemoryJournal

PARTS = (LicensePart(value="MIT", original="mit", records=3, words=None),)
SHARD = Shard(path="a/ü \u202e.jsonl", sha256="sha256:" + "a" * 64, size_bytes=12, records=3, words=None, licenses=PARTS)

HOLDER = """
import sys
from pathlib import Path
from provenance.model.dataset import Shard
from provenance.registry.journal import JournalFolder
with JournalFolder(Path(sys.argv[1])).open("way") as journal:
    journal.note("b", "stamp", Shard(path="b", sha256="sha256:" + "b" * 64, size_bytes=1))
    print("noted", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(params=["memory", "folder"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    made: dict[str, Callable[[], Journal]] = {"memory": MemoryJournal, "folder": lambda: JournalFolder(tmp_path / "new" / "unfinished")}
    return made[request.param]()


def interrupt(journal: Journal, *shards: Shard, key: str = "way", stamp: str = "stamp") -> None:
    with journal.open(key) as notes:  # and is not closed
        for shard in shards:
            notes.note(shard.path, stamp, shard)


def test_an_error_leaves_the_notes(journal: Journal) -> None:
    def fail(notes: OpenJournal) -> None:
        notes.note(SHARD.path, "stamp", SHARD)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), journal.open("way") as notes:
        fail(notes)
    with journal.open("way") as notes:
        assert notes.recall(SHARD.path, "stamp") == SHARD


def test_what_was_noted_before_an_interruption_is_recalled_for_the_same_file_only(journal: Journal) -> None:
    interrupt(journal, SHARD)
    with journal.open("another way") as notes:
        assert not notes.knows(SHARD.path)
    for _ in range(2):  # looking does not forget
        with journal.open("way") as notes:
            assert notes.knows(SHARD.path)
            assert notes.recall(SHARD.path, "stamp") == SHARD
            assert notes.recall(SHARD.path, "another stamp") is None
            assert notes.recall(SHARD.path, "") is None
            assert notes.recall("b", "stamp") is None


def test_notes_of_several_interruptions_add_up_and_are_gone_once_all_is_recorded(journal: Journal) -> None:
    other = Shard(path="b", sha256="sha256:" + "b" * 64, size_bytes=1)
    interrupt(journal, SHARD)
    interrupt(journal, other)
    with journal.open("way") as notes:
        assert [notes.recall(s.path, "stamp") for s in (SHARD, other)] == [SHARD, other]
        notes.close()
    with journal.open("way") as notes:
        assert not notes.knows(SHARD.path)
        assert not notes.knows("b")


def test_a_file_that_nothing_tells_from_another_is_not_noted(journal: Journal) -> None:
    interrupt(journal, SHARD, stamp="")
    with journal.open("way") as notes:
        assert not notes.knows(SHARD.path)


def test_a_folder_holds_nothing_once_all_is_recorded(tmp_path: Path) -> None:
    folder = JournalFolder(tmp_path)
    interrupt(folder)  # nothing was noted
    assert list(tmp_path.iterdir()) == []
    interrupt(folder, SHARD)
    assert len(list(tmp_path.iterdir())) == 1
    with folder.open("way") as notes:
        notes.note("b", "stamp", SHARD)
        notes.close()
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_was_cut_short_and_one_that_is_no_note_say_nothing(tmp_path: Path) -> None:
    interrupt(JournalFolder(tmp_path), SHARD)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    note = whole.splitlines(keepends=True)[1]
    bad = (b"\xff\n", b"[]\n", b'{"path":"c"}\n', note.replace(b'"size_bytes":12', b'"size_bytes":"12"').replace(b'"path":"a', b'"path":"d'))
    file.write_bytes(b"".join((whole, *bad, note.replace(b'"path":"a', b'"path":"c')[:-30])))
    with JournalFolder(tmp_path).open("way") as notes:
        assert notes.recall(SHARD.path, "stamp") == SHARD
        assert not notes.knows("c")
        assert not notes.knows("d" + SHARD.path[1:])


def test_a_registration_that_goes_on_keeps_its_notes_to_itself_until_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "noted\n"
        with JournalFolder(tmp_path).open("way") as notes:
            assert not notes.knows("b")
            notes.close()
        holder.kill()
        holder.wait()
    with JournalFolder(tmp_path).open("way") as notes:
        assert notes.knows("b")


def test_a_folder_that_cannot_be_made_costs_the_notes_only(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with JournalFolder(tmp_path / "file").open("way") as notes:
        notes.note(SHARD.path, "stamp", SHARD)
        assert not notes.knows(SHARD.path)
        notes.close()


def test_a_path_that_is_no_unicode_is_not_noted_and_stops_nothing(tmp_path: Path) -> None:
    with JournalFolder(tmp_path).open("way") as notes:
        notes.note("\udcff", "stamp", SHARD)
        notes.close()
    assert list(tmp_path.iterdir()) == []
