"""A digest cache: which files were hashed before, and what the operating system said of them then. Only for who asks, and where the clearance allows it.

Rules:
* A file is known by its path, its registered digest, device, inode, size, and times of last modification and last change. The last cannot be set back without
  being root, so a file that was swapped and given its old time back is not known.
* A file that changed less than a minute before it was hashed is not noted: another change within the same tick of the file system's clock, or through a page
  of memory that had not been written back, would not move its times.
* Whoever can write the cache can pass any file: it must belong to this user and be writable by nobody else, as must its folder.
* A cache that is damaged knows nothing. It is told, and written anew.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass, field
from pathlib import Path
from time import time_ns
from typing import Any, Final

from provenance.clearance.content import OPEN_FLAGS, VerifiedFile
from provenance.clearance.disk import FileIdentity
from provenance.clearance.strict_json import expect_fields, load_strict, printable
from provenance.errors import DigestCacheError
from provenance.fingerprint.digest import ShardLeaf, is_digest

CACHE_FORMAT: Final = "provenance.digest-cache"
CACHE_VERSION: Final = 1
MAX_CACHE_BYTES: Final = 1 << 30
SETTLED_NS: Final = 60_000_000_000
"""How long a file must have been left alone before it was hashed. Longer than ticks of file systems (FAT: 2 s) and than Linux leaves changed pages unwritten (30 s and a round of 5 s)."""
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
_NUMBERS: Final = 5

Entry = tuple[str, FileIdentity]


@dataclass(slots=True)
class DigestCache:
    """What is known of files. Made by ``open_cache``."""

    path: Path
    entries: dict[str, Entry] = field(default_factory=dict)
    """Place → registered digest and identity."""
    notes: list[str] = field(default_factory=list)
    """Words for the user: why nothing was known, or nothing kept."""
    clock_ns: Callable[[], int] = time_ns
    started_ns: int = 0

    def holds(self, place: str, leaf: ShardLeaf, identity: FileIdentity) -> bool:
        """Tell whether a file with this identity held the registered bytes."""
        return self.entries.get(place) == (leaf.sha256, identity)

    def keep(self, verified: Iterable[VerifiedFile]) -> None:
        """Note files that were hashed and had been left alone before, and write the cache. A failure is a note: the check itself stands."""
        for file in verified:
            identity = file.identity
            if identity is not None and not file.from_cache and identity.ctime_ns + SETTLED_NS <= self.started_ns:
                self.entries[file.place] = (file.leaf.sha256, identity)
        try:
            _replace(self.path, cache_bytes(self.entries))
        except OSError as err:
            self.notes.append(f"the digest cache {printable(str(self.path))} could not be written: {err.strerror}")


def open_cache(path: str | os.PathLike[str], *, roots: Iterable[str] = (), clock_ns: Callable[[], int] = time_ns) -> DigestCache:
    """Return a cache, empty where there is no file yet or it is damaged.

    Args:
        path: The file.
        roots: Resolved data roots: a cache below one would be a file that was not cleared.
        clock_ns: Nanoseconds since 1970.

    Raises:
        DigestCacheError: If somebody else could have written it, or it lies below a data root.
    """
    file = Path(os.path.realpath(Path(path).parent)) / Path(path).name
    if any(str(file).startswith(root.rstrip(os.sep) + os.sep) for root in roots):
        raise DigestCacheError(
            f"the digest cache {file} lies below a data root, where it is a file that was not cleared", hint="name a file elsewhere"
        )
    cache = DigestCache(path=file, clock_ns=clock_ns, started_ns=clock_ns())
    try:
        raw = _read_safely(file)
        if raw is not None:
            cache.entries = parse_cache(raw)
    except ValueError as err:
        cache.notes.append(f"the digest cache {printable(str(file))} is damaged and was not used: {printable(str(err))}")
    return cache


def _read_safely(file: Path) -> bytes | None:
    """Return a cache's bytes, ``None`` where there is no file.

    Raises:
        DigestCacheError: If its owner or its modes do not keep others out.
        ValueError: If it is too large.
    """
    try:
        _check_modes(file.parent.stat(), f"the folder of the digest cache {file}", folder=True)
        descriptor = os.open(file, OPEN_FLAGS)
        try:
            _check_modes(os.fstat(descriptor), f"the digest cache {file}", folder=False)
            with open(descriptor, "rb", closefd=False) as stream:
                raw = stream.read(min(MAX_CACHE_BYTES, os.fstat(descriptor).st_size) + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise DigestCacheError(
            f"the digest cache {file} cannot be opened: {err.strerror}", hint="it must be a file, not a link, that you own"
        ) from err
    if len(raw) > MAX_CACHE_BYTES:
        raise ValueError(f"it is larger than {MAX_CACHE_BYTES:,} bytes")
    return raw


def _check_modes(status: os.stat_result, what: str, *, folder: bool) -> None:
    owners = {os.geteuid(), 0} if folder else {os.geteuid()}
    if not folder and not stat.S_ISREG(status.st_mode):
        raise DigestCacheError(f"{what} is not a regular file", hint="name a file")
    if status.st_uid not in owners:
        raise DigestCacheError(f"{what} belongs to another user, who could pass any file by it", hint="name a file of your own")
    sticky = folder and status.st_mode & stat.S_ISVTX  # as /tmp: others may add files there, and not replace ours
    if status.st_mode & _OTHERS_WRITE and not sticky:
        raise DigestCacheError(f"{what} can be written by others, who could pass any file by it", hint="take their right away: chmod go-w")


def parse_cache(raw: bytes) -> dict[str, Entry]:
    """Return the entries of a cache file.

    Raises:
        ValueError: With the reason, if it is malformed.
    """
    document = expect_fields(load_strict(raw, max_bytes=MAX_CACHE_BYTES), ("format", "version", "entries"), where="the document")
    if document["format"] != CACHE_FORMAT or document["version"] != CACHE_VERSION:
        raise ValueError(f"it is not {CACHE_FORMAT} version {CACHE_VERSION}")
    if not isinstance(document["entries"], dict):
        raise ValueError("entries must be an object")  # noqa: TRY004 - a fault of the document
    return {place: _parse_entry(place, entry) for place, entry in document["entries"].items()}


def _parse_entry(place: str, raw: Any) -> Entry:
    if not isinstance(raw, list) or len(raw) != _NUMBERS + 1 or not all(isinstance(part, str) for part in raw) or not is_digest(raw[0]):
        raise ValueError(f"the entry of {place!r:.80} must be a digest and {_NUMBERS} numbers")
    device, inode, size_bytes, mtime_ns, ctime_ns = map(int, raw[1:])
    return raw[0], FileIdentity(device=device, inode=inode, size_bytes=size_bytes, mtime_ns=mtime_ns, ctime_ns=ctime_ns)


def cache_bytes(entries: dict[str, Entry]) -> bytes:
    """Return the file form of a cache. Numbers are text, since many readers of JSON lose the last digits of theirs."""
    wire = {place: [digest, *map(str, astuple(identity))] for place, (digest, identity) in sorted(entries.items())}
    return json.dumps({"format": CACHE_FORMAT, "version": CACHE_VERSION, "entries": wire}, indent=0).encode("ascii") + b"\n"


def _replace(file: Path, content: bytes) -> None:
    """Write a file that others cannot write, whole or not at all."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        part.replace(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
