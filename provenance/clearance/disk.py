"""What lies under data roots of this machine: every folder is walked, no link is followed, each is judged by what it resolves to.

Rules:
* A folder is opened without following a link, so that one swapped for a link while the walk is on its way is a problem, not a way out.
* Neither hidden files nor any names are exempt: a trainer that globs would read them.
* What is not a regular file (FIFO, socket, device) is a problem and is never opened.
"""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Final

from provenance.clearance.faults import NOT_CLEARED, ShardFault, ShardProblem
from provenance.clearance.strict_json import printable
from provenance.fingerprint.digest import ShardLeaf

FOLDER_FLAGS: Final = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
_BY_DESCRIPTOR: Final = os.scandir in os.supports_fd
_UTF8: Final = sys.getfilesystemencoding().lower().replace("-", "") == "utf8"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIdentity:
    """What the operating system says of a file: as long as it stays the same, nobody but root changed the bytes.

    The time of the last change (``ctime_ns``) cannot be set back as that of the last modification can.
    """

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileIdentity:
        """Return the identity in what ``stat`` or ``fstat`` gave."""
        return cls(device=status.st_dev, inode=status.st_ino, size_bytes=status.st_size, mtime_ns=status.st_mtime_ns, ctime_ns=status.st_ctime_ns)


@dataclass(slots=True)
class Disk:
    """What lies under the roots. Paths are resolved: walking never follows a link."""

    roots: list[str] = field(default_factory=list)
    named: list[str] = field(default_factory=list)
    """The roots as they were given, links and all."""
    files: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    problems: list[ShardProblem] = field(default_factory=list)

    def holds(self, real: str) -> bool:
        """Tell whether a resolved path lies under one of the roots."""
        return any(real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in self.roots)

    def locate(self, leaf: ShardLeaf) -> Iterator[str]:
        """Yield the resolved paths of a leaf's file, one a root that has it; note a problem where it leaves the roots."""
        path = leaf.path if _UTF8 or leaf.path.isascii() else os.fsdecode(leaf.path.encode("utf-8"))
        for root in self.roots:
            location = f"{root.rstrip(os.sep)}{os.sep}{path}"  # text, as scandir gave it: with 10,000 leaves pathlib would cost ten times as much
            if location in self.files:
                yield location
            elif os.path.lexists(location):
                real = os.path.realpath(location)
                if real in self.files:
                    yield real
                else:
                    self.problems.append(link_problem(leaf.path, real, self))

    def strays(self, covered: Collection[str], watched: Collection[str]) -> Iterator[ShardProblem]:
        """Yield what lies in or below some folders and is not covered."""
        for path in self.files.difference(covered):
            if _lies_in(path, watched):
                yield ShardProblem(fault=ShardFault.UNREGISTERED, path=path, detail=NOT_CLEARED)
        for link in self.links:
            if not _lies_in(link, watched):
                continue
            real = os.path.realpath(link)
            inside = self.holds(real)
            # A link to a folder or file inside the roots adds nothing: what it resolves to is judged itself.
            if not (inside and (real in self.files or Path(real).is_dir())):
                yield link_problem(link, real, self)


def walk_roots(roots: Sequence[str]) -> Disk:
    """Return what lies under some folders; a root that is a link is the folder it names."""
    disk = Disk()
    for root in roots:
        real = os.path.realpath(root)
        disk.named.append(root)
        if not Path(real).is_dir():
            disk.problems.append(ShardProblem(fault=ShardFault.MISSING, path=root, detail="this data root is not a folder"))
        elif real not in disk.roots:
            disk.roots.append(real)
    pending = list(disk.roots)
    seen = set(pending)
    while pending:
        for folder in _scan(pending.pop(), disk):
            if folder not in seen:  # a root may lie inside another
                seen.add(folder)
                pending.append(folder)
    return disk


def _scan(folder: str, disk: Disk) -> list[str]:
    """Sort a folder's entries into ``disk`` and return its subfolders."""
    try:
        if not _BY_DESCRIPTOR:
            return _sort_entries(folder, folder, disk)
        descriptor = os.open(folder, FOLDER_FLAGS)
        try:
            return _sort_entries(descriptor, folder, disk)
        finally:
            os.close(descriptor)
    except OSError as err:
        disk.problems.append(ShardProblem(fault=ShardFault.UNREADABLE, path=folder, detail=f"cannot be listed: {err.strerror}"))
        return []


def _sort_entries(opened: int | str, folder: str, disk: Disk) -> list[str]:
    below: list[str] = []
    start = folder.rstrip(os.sep) + os.sep
    with os.scandir(opened) as entries:
        for entry in entries:
            path = start + entry.name
            if entry.is_symlink():
                disk.links.append(path)
            elif entry.is_dir(follow_symlinks=False):
                below.append(path)
            elif entry.is_file(follow_symlinks=False):
                disk.files.add(path)
            else:
                detail = "not a regular file (a FIFO, socket or device)"
                disk.problems.append(ShardProblem(fault=ShardFault.IRREGULAR, path=path, detail=detail))
    return below


def link_problem(path: str, real: str, disk: Disk) -> ShardProblem:
    """Return what is wrong with a link that resolves to no file under the roots."""
    if not disk.holds(real):
        return ShardProblem(fault=ShardFault.OUTSIDE, path=path, detail=f"a link that leaves the data roots, to {printable(real)}")
    if os.path.lexists(real):
        return ShardProblem(fault=ShardFault.IRREGULAR, path=path, detail="not a regular file")
    return ShardProblem(fault=ShardFault.IRREGULAR, path=path, detail=f"a link to {printable(real)}, which does not exist")


def path_reason(path: str) -> str | None:
    """Return why a manifest's path cannot be looked up on a disk, ``None`` if it can."""
    if path.startswith("/") or (os.name == "nt" and PurePath(path).anchor):
        return "the manifest's path is absolute"
    parts = path.replace("\\", "/").split("/") if os.name == "nt" else path.split("/")
    return "the manifest's path climbs or is not normal" if any(part in ("", ".", "..") for part in parts) else None


def look_alikes(problems: Iterable[ShardProblem]) -> list[ShardProblem]:
    """Return the problems; an unregistered file whose name differs from a missing one by case or Unicode form alone says so, since people cannot see it."""
    listed = list(problems)
    missing: dict[str, str] = {}
    for problem in listed:
        if problem.fault is ShardFault.MISSING:
            missing.setdefault(_folded(problem.path), problem.path)
    return [_told_apart(problem, missing) for problem in listed] if missing else listed


def _told_apart(problem: ShardProblem, missing: dict[str, str]) -> ShardProblem:
    parts = _folded(problem.path).split("/") if problem.fault is ShardFault.UNREGISTERED else []
    for at in range(1, len(parts)):
        wanted = missing.get("/".join(parts[at:]))
        if wanted is not None:
            same = unicodedata.normalize("NFC", problem.path).endswith(unicodedata.normalize("NFC", wanted))
            how = "in another Unicode form" if same else "written with other capitals or in another Unicode form"
            detail = f"not among the files that were cleared: its name is that of a registered file, {how}"
            return ShardProblem(fault=problem.fault, path=problem.path, detail=detail)
    return problem


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _lies_in(path: str, folders: Collection[str]) -> bool:
    """Tell whether a path stands in one of the folders, or anywhere below one."""
    at = path.rfind(os.sep)
    while at > 0:
        if path[:at] in folders:
            return True
        at = path.rfind(os.sep, 0, at)
    return os.sep in folders
