"""Notes of registrations that did not end: hours of hashing are not done again because a process was killed in the last minute.

Each registration writes a file of its own, one line a described shard, and holds a lock on it; the lock ends with the process, however it ends. Who registers in
the same way takes over what unlocked files say, and removes them with its own once everything is recorded. A note counts only for a file that bears the stamp it
bore when it was read. An audit reads digests and counts again; licences of records, which it takes from the registry, are never taken from notes.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from provenance.errors import ProvenanceError
from provenance.model.dataset import Shard
from provenance.model.wire import read_value, to_wire
from provenance.ports.journal import OpenJournal

FORMAT = "provenance.unfinished"
_ENDING = ".jsonl"


class JournalFolder:
    """Implements ``ports.journal.Journal`` over a folder."""

    def __init__(self, folder: Path) -> None:
        """Take the folder, which is made when it is needed."""
        self._folder = folder

    @contextmanager
    def open(self, key: str) -> Iterator[OpenJournal]:
        """Open a journal. A folder that cannot be written costs the notes, and nothing else."""
        with ExitStack() as stack:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                left = _take_over(sorted(self._folder.glob("*" + _ENDING)), key, stack)
                own = stack.enter_context(_make(self._folder, key))
            except OSError:
                yield _Notes({}, [], None)
                return
            notes = _Notes(_read_notes(left), [Path(f.name) for f in left], own)
            try:
                yield notes
            finally:
                notes.leave()


@dataclass(slots=True)
class _Notes:
    """Implements ``ports.journal.OpenJournal``."""

    known: Mapping[str, tuple[str, Shard]]
    """Path → stamp and description."""
    left: list[Path]
    """Files that the notes come from."""
    own: BinaryIO | None
    """``None`` where nothing can be kept."""
    is_full: bool = field(default=False)
    """Whether a note could not be written: the registration goes on without further ones."""
    written: int = field(default=0)

    def knows(self, path: str) -> bool:
        """Tell whether a file was described."""
        return path in self.known

    def recall(self, path: str, stamp: str) -> Shard | None:
        """Return the description of a file that has not changed since."""
        then, shard = self.known.get(path, ("", None))
        return shard if stamp and stamp == then else None

    def note(self, path: str, stamp: str, shard: Shard) -> None:
        """Keep a description."""
        if self.own is None or self.is_full or not stamp:
            return
        try:
            self.own.write(orjson.dumps({"path": path, "stamp": stamp, "shard": to_wire(shard)}, option=orjson.OPT_APPEND_NEWLINE))
            self.written += 1
        except OSError:
            self.is_full = True
        except TypeError:
            return  # a path that is no Unicode

    def close(self) -> None:
        """Remove what was noted."""
        self.written = 0
        for path in self.left:
            path.unlink(missing_ok=True)

    def leave(self) -> None:
        """Remove the own file where nothing in it will be needed."""
        if self.own is not None and not self.written:
            Path(self.own.name).unlink(missing_ok=True)


def _take_over(paths: list[Path], key: str, stack: ExitStack) -> list[BinaryIO]:
    """Return the files of registrations of one key that are over, locked while the stack is open, placed behind their first lines."""
    found = []
    for path in paths:
        with suppress(OSError):  # its registration goes on, it is gone by now, or the file system has no locks
            file = path.open("r+b", buffering=1 << 16)
            stack.callback(file.close)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if file.readline() == _header(key):
                found.append(file)
            else:
                fcntl.flock(file, fcntl.LOCK_UN)
    return found


@contextmanager
def _make(folder: Path, key: str) -> Iterator[BinaryIO]:
    """Make a file, locked before it says whose it is: until then nobody takes it over."""
    descriptor, name = tempfile.mkstemp(dir=folder, suffix=_ENDING)
    os.close(descriptor)
    with Path(name).open("ab", buffering=0) as file:
        with suppress(OSError):  # a file system without locks: then nobody takes anything over
            fcntl.flock(file, fcntl.LOCK_EX)
        file.write(_header(key))
        yield file


def _header(key: str) -> bytes:
    return orjson.dumps({"format": FORMAT, "version": 1, "key": key}, option=orjson.OPT_APPEND_NEWLINE)


def _read_notes(files: list[BinaryIO]) -> dict[str, tuple[str, Shard]]:
    """Return what files say; lines that a kill cut short say nothing."""
    notes: dict[str, tuple[str, Shard]] = {}
    for file in files:
        for line in file:
            with suppress(ValueError, KeyError, TypeError, ProvenanceError):
                value: dict[str, Any] = orjson.loads(line)
                notes[str(value["path"])] = str(value["stamp"]), read_value(Shard, value["shard"])
    return notes
