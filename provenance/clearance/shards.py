"""Compare the shards of a manifest with the disk and with stores: every byte, every file under the data roots, every link by what it resolves to.

Rules:
* A leaf's path is looked up under every root given, in order. Wherever it exists it must hold the registered bytes, since a trainer may read any of them.
* A link counts as the file it resolves to. One that leaves the roots is a denial, and so is one that resolves to nothing.
* A file under a root that no leaf accounts for is a denial. Neither hidden files nor any names are exempt: a trainer that globs would read them.
* What is not a regular file (FIFO, socket, device) is a denial and is never opened.
* What lies in a store is listed and read as well: see ``remote``.
* Shape first: where a file is missing, of another size, or unregistered, nothing is hashed, so that a denial comes fast.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Final

from provenance.clearance.faults import NOT_CLEARED, ShardFault, ShardProblem
from provenance.clearance.remote import RemoteFiles, content_problem, list_remote, parents
from provenance.clearance.strict_json import printable
from provenance.fingerprint.digest import ShardLeaf, hash_stream
from provenance.storage.stores import PLAIN_STORES, Stores
from provenance.storage.urls import is_url, local_path

MAX_THREADS: Final = 8
"""SHA-256 releases the interpreter lock; more threads than this do not help a disk."""
OPEN_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
"""How a shard is opened: never through a link, and without waiting for whoever writes to a FIFO."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedFile:
    """A file that held the registered bytes when it was hashed."""

    place: str
    """Resolved path, or URL."""
    leaf: ShardLeaf
    identity: FileIdentity | None
    """As it was while it was hashed; ``None`` for what lies in a store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardCheck:
    """What comparing a manifest with the disk gave."""

    shards: int
    """Leaves in the manifest."""
    size_bytes: int
    """Bytes that were hashed."""
    problems: tuple[ShardProblem, ...]
    """Sorted by path; empty means that the disk holds exactly the manifest."""
    verified: tuple[VerifiedFile, ...] = ()
    """Every place that was hashed and held the registered bytes, sorted by place."""


@dataclass(slots=True)
class _Disk:
    """What lies under the roots. Paths are resolved: walking never follows a link."""

    roots: list[str] = field(default_factory=list)
    files: set[str] = field(default_factory=set)
    links: list[str] = field(default_factory=list)
    problems: list[ShardProblem] = field(default_factory=list)

    def holds(self, real: str) -> bool:
        return any(real == root or real.startswith(root.rstrip(os.sep) + os.sep) for root in self.roots)


def verify_shards(
    leaves: Sequence[ShardLeaf],
    roots: Sequence[str | os.PathLike[str]],
    *,
    allow_extra: bool = False,
    shard_folders_only: bool = False,
    on_bytes: Callable[[int], None] | None = None,
    stores: Stores = PLAIN_STORES,
) -> ShardCheck:
    """Return what differs between a manifest and the files under the data roots.

    Args:
        leaves: The manifest.
        roots: Folders and URLs, tried in order for each path.
        allow_extra: Accept files that no leaf accounts for, for data folders shared with other runs. The gate never does.
        shard_folders_only: Look for such files only in the folders that directly hold a cleared shard, and below them: for roots that hold other datasets
            too. What stands in other folders is then not looked at.
        on_bytes: Told of every block hashed, one call at a time, from any thread.
        stores: Opens URLs; as the environment says where not given.

    Raises:
        LocationError: If a root is a URL that cannot be used.

    Cost:
        Reads every registered byte once, on up to 8 threads.
    """
    texts = [os.fspath(root) for root in roots]
    disk, remote = _walk_roots([local_path(t) for t in texts if not is_url(t)]), list_remote([t for t in texts if is_url(t)], stores)
    disk.problems.extend(remote.problems)
    found: dict[tuple[str, ShardLeaf], None] = {}
    for leaf in leaves:
        found.update(dict.fromkeys((place, leaf) for place in _places(leaf, disk, remote)))
    if not allow_extra:
        disk.problems.extend(_unregistered({place for place, _ in found}, disk, remote, shard_folders_only=shard_folders_only))
    for place, leaf in found:
        problem = remote.size_problem(place, leaf) if is_url(place) else _size_problem(place, leaf)
        if problem is not None:
            disk.problems.append(problem)
    results = [] if disk.problems else _hash_all(list(found), on_bytes, stores)
    verified = sorted((r for r in results if isinstance(r, VerifiedFile)), key=lambda v: v.place)
    disk.problems.extend(r for r in results if isinstance(r, ShardProblem))
    return ShardCheck(
        shards=len(leaves),
        size_bytes=sum(leaf.size_bytes for _, leaf in found) if results else 0,
        problems=tuple(sorted(disk.problems, key=lambda p: (p.path, p.detail))),
        verified=tuple(verified),
    )


def _places(leaf: ShardLeaf, disk: _Disk, remote: RemoteFiles) -> Iterator[str]:
    """Yield where a leaf's file lies, one place a root that has it; note a problem where there is none or it leaves the roots."""
    reason = remote.path_reason(leaf.path) if is_url(leaf.path) else _path_reason(leaf.path)
    if reason is not None:
        disk.problems.append(ShardProblem(fault=ShardFault.BAD_PATH, path=leaf.path, detail=reason))
        return
    before = len(disk.problems)
    places = [*([] if is_url(leaf.path) else _locate(leaf, disk)), *remote.locate(leaf)]
    if not places and len(disk.problems) == before:
        disk.problems.append(ShardProblem(fault=ShardFault.MISSING, path=leaf.path, detail="registered, and missing under every data root"))
    yield from places


def _unregistered(covered: set[str], disk: _Disk, remote: RemoteFiles, *, shard_folders_only: bool) -> Iterator[ShardProblem]:
    """Yield what stands under the roots, or in the folders of cleared shards, and was not cleared."""
    there = {place for place in covered if is_url(place)}
    here = covered - there
    watched = {real[: real.rfind(os.sep)] or os.sep for real in here} if shard_folders_only else set(disk.roots)
    yield from _extra(disk, here, watched)
    yield from remote.unregistered(there, parents(there) if shard_folders_only else remote.roots)


def _walk_roots(roots: Sequence[str]) -> _Disk:
    disk = _Disk()
    for root in roots:
        real = os.path.realpath(root)
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


def _scan(folder: str, disk: _Disk) -> Iterator[str]:
    """Sort a folder's entries into ``disk`` and yield its subfolders."""
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_symlink():
                    disk.links.append(entry.path)
                elif entry.is_dir(follow_symlinks=False):
                    yield entry.path
                elif entry.is_file(follow_symlinks=False):
                    disk.files.add(entry.path)
                else:
                    detail = "not a regular file (a FIFO, socket or device)"
                    disk.problems.append(ShardProblem(fault=ShardFault.IRREGULAR, path=entry.path, detail=detail))
    except OSError as err:
        disk.problems.append(ShardProblem(fault=ShardFault.UNREADABLE, path=folder, detail=f"cannot be listed: {err.strerror}"))


def _locate(leaf: ShardLeaf, disk: _Disk) -> Iterator[str]:
    """Yield the resolved paths of a leaf's file, one a root on this machine that has it; note a problem where it leaves the roots."""
    for root in disk.roots:
        location = f"{root.rstrip(os.sep)}{os.sep}{leaf.path}"  # text, as scandir gave it: with 10,000 leaves pathlib would cost ten times as much
        if location in disk.files:
            yield location
        elif os.path.lexists(location):
            real = os.path.realpath(location)
            if real in disk.files:
                yield real
            else:
                disk.problems.append(_link_problem(leaf.path, real, disk))


def _path_reason(path: str) -> str | None:
    if path.startswith("/") or (os.name == "nt" and PurePath(path).anchor):
        return "the manifest's path is absolute"
    parts = path.replace("\\", "/").split("/") if os.name == "nt" else path.split("/")
    return "the manifest's path climbs or is not normal" if any(part in ("", ".", "..") for part in parts) else None


def _link_problem(path: str, real: str, disk: _Disk) -> ShardProblem:
    if not disk.holds(real):
        return ShardProblem(fault=ShardFault.OUTSIDE, path=path, detail=f"a link that leaves the data roots, to {printable(real)}")
    if os.path.lexists(real):
        return ShardProblem(fault=ShardFault.IRREGULAR, path=path, detail="not a regular file")
    return ShardProblem(fault=ShardFault.IRREGULAR, path=path, detail=f"a link to {printable(real)}, which does not exist")


def _extra(disk: _Disk, covered: set[str], watched: set[str]) -> Iterator[ShardProblem]:
    for path in disk.files - covered:
        if _lies_in(path, watched):
            yield ShardProblem(fault=ShardFault.UNREGISTERED, path=path, detail=NOT_CLEARED)
    for link in disk.links:
        if not _lies_in(link, watched):
            continue
        real = os.path.realpath(link)
        inside = disk.holds(real)
        # A link to a folder or file inside the roots adds nothing: what it resolves to is judged itself.
        if not (inside and (real in disk.files or Path(real).is_dir())):
            yield _link_problem(link, real, disk)


def _lies_in(path: str, folders: set[str]) -> bool:
    """Tell whether a path stands in one of the folders, or anywhere below one."""
    at = path.rfind(os.sep)
    while at > 0:
        if path[:at] in folders:
            return True
        at = path.rfind(os.sep, 0, at)
    return os.sep in folders


def _size_problem(real: str, leaf: ShardLeaf) -> ShardProblem | None:
    try:
        size = os.lstat(real).st_size
    except OSError as err:
        return ShardProblem(fault=ShardFault.UNREADABLE, path=leaf.path, detail=f"cannot be read: {err.strerror}")
    if size == leaf.size_bytes:
        return None
    return ShardProblem(fault=ShardFault.CHANGED, path=leaf.path, detail=f"changed: {size:,} bytes, registered {leaf.size_bytes:,}")


def _hash_all(found: Sequence[tuple[str, ShardLeaf]], on_bytes: Callable[[int], None] | None, stores: Stores) -> list[ShardProblem | VerifiedFile]:
    lock = threading.Lock()

    def report(n_bytes: int) -> None:
        if on_bytes is not None:
            with lock:
                on_bytes(n_bytes)

    def check(item: tuple[str, ShardLeaf]) -> ShardProblem | VerifiedFile:
        place, leaf = item
        if not is_url(place):
            return verify_file(place, leaf, on_bytes=report)
        return content_problem(place, leaf, stores, report) or VerifiedFile(place=place, leaf=leaf, identity=None)

    threads = min(MAX_THREADS, os.cpu_count() or 1, len(found))
    if threads <= 1:
        return [check(item) for item in found]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(check, found))


def verify_file(real: str, leaf: ShardLeaf, *, on_bytes: Callable[[int], None] | None = None) -> ShardProblem | VerifiedFile:
    """Return a file as verified, hashed in full, or what is wrong with it. ``real`` must be resolved: a link is not followed."""
    try:
        descriptor = os.open(real, OPEN_FLAGS)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return ShardProblem(fault=ShardFault.IRREGULAR, path=leaf.path, detail="not a regular file")
            digest, size = hash_stream(file, on_bytes=on_bytes)
            before, after = FileIdentity.of(status), FileIdentity.of(os.fstat(descriptor))
    except OSError as err:
        return ShardProblem(fault=ShardFault.UNREADABLE, path=leaf.path, detail=f"cannot be read: {err.strerror}")
    if (digest, size) != (leaf.sha256, leaf.size_bytes):
        return ShardProblem(fault=ShardFault.CHANGED, path=leaf.path, detail=f"changed: {digest[:19]}…, registered {leaf.sha256[:19]}…")
    if before != after:
        return ShardProblem(fault=ShardFault.CHANGED, path=leaf.path, detail="was changed while it was read")
    return VerifiedFile(place=real, leaf=leaf, identity=after)
