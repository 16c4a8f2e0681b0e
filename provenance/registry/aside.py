"""Files that are written aside until they are whole, and what is left of them where a process was killed.

Who writes such a file holds a lock on it until it bears its last name or is gone. The lock ends with the process, however it ends, so a sweep can tell what is
left behind from what another process is writing.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_PREFIX = ".writing-"


@dataclass(frozen=True, slots=True)
class Aside:
    """A file that is being written, open and locked."""

    file: BinaryIO
    path: Path

    def keep(self, target: Path) -> None:
        """Give the file, written and synced, its last name; what bore it before is replaced."""
        self.path.chmod(0o644)
        self.path.replace(target)


@contextmanager
def writing_aside(folder: Path) -> Iterator[Aside]:
    """Give a new file in a folder, which is made; unless it was kept by then, it is gone at the end.

    Raises:
        OSError: If it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    aside = _make(folder)
    with aside.file:
        try:
            yield aside
        finally:
            aside.path.unlink(missing_ok=True)


def sweep_aside(folder: Path) -> None:
    """Remove what killed processes left half written in a folder. What is being written, or cannot be removed, stays."""
    for path in sorted(folder.glob(_PREFIX + "*")):
        with suppress(OSError), path.open("r+b") as file:  # somebody writes it or is done with it, or the file system has no locks
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()


def _make(folder: Path) -> Aside:
    """Return a new file that no sweep removes: one that a sweep got hold of before it was locked is given up."""
    while True:
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=_PREFIX)
        aside = Aside(os.fdopen(descriptor, "w+b"), Path(name))
        if _is_locked(aside) and _is_there(aside):
            return aside
        aside.file.close()


def _is_locked(aside: Aside) -> bool:
    try:
        fcntl.flock(aside.file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # the file system has no locks: then no sweep gets one either
        return True
    return True


def _is_there(aside: Aside) -> bool:
    try:
        return os.path.samestat(os.fstat(aside.file.fileno()), aside.path.stat())
    except FileNotFoundError:
        return False
