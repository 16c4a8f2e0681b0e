"""Read what was registered from end to end and compare it. SHA-256 lets other threads run, so files are read side by side; one file is one thread's work.

The largest files come first: a large one that came last would be read alone while the other cores wait.
"""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from provenance.clearance.disk import FileIdentity
from provenance.clearance.faults import ShardFault, ShardProblem
from provenance.fingerprint.digest import BLOCK_BYTES, ShardLeaf

MAX_THREADS: Final = 16
OPEN_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
"""How a shard is opened: never through a link, and without waiting for whoever writes to a FIFO."""

Item = tuple[str, ShardLeaf]
"""Where a registered file lies, resolved path or URL, and what it must hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedFile:
    """A file that held the registered bytes when it was hashed."""

    place: str
    """Resolved path, or URL."""
    leaf: ShardLeaf
    identity: FileIdentity | None
    """As it was while it was hashed; ``None`` for what lies in a store."""
    from_cache: bool = False
    """Not hashed now: a digest cache says it was, and the file has not changed since."""


class KnownDigests(Protocol):
    """What is known of files that were hashed before."""

    notes: list[str]
    """Words for the user."""

    def keep(self, verified: Iterable[VerifiedFile]) -> None:
        """Note files that were verified now."""

    def holds(self, place: str, leaf: ShardLeaf, identity: FileIdentity) -> bool:
        """Tell whether a file with this identity held the registered bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How files are read, and who is told of it."""

    on_begin: Callable[[int, int], None] | None = None
    """Told once, before the first byte is read: number of files and of bytes."""
    on_bytes: Callable[[int], None] | None = None
    """Told of every block hashed, one call at a time, from any thread."""
    cache: KnownDigests | None = None
    """Spares the reading of local files that it knows."""


def verify_file(real: str, leaf: ShardLeaf, *, on_bytes: Callable[[int], None] | None = None) -> ShardProblem | VerifiedFile:
    """Return a file as verified, hashed in full, or what is wrong with it. ``real`` must be resolved: a link is not followed.

    Reading ends one byte after the registered size, so that a file that grows without end is no reading without end.
    """
    try:
        descriptor = os.open(real, OPEN_FLAGS)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                return ShardProblem(fault=ShardFault.IRREGULAR, path=leaf.path, detail="not a regular file")
            digest, size = _digest(descriptor, leaf.size_bytes + 1, on_bytes)
            before, after = FileIdentity.of(status), FileIdentity.of(os.fstat(descriptor))
        finally:
            os.close(descriptor)
    except OSError as err:
        return ShardProblem(fault=ShardFault.UNREADABLE, path=leaf.path, detail=f"cannot be read: {err.strerror}")
    if size > leaf.size_bytes:
        return ShardProblem(fault=ShardFault.CHANGED, path=leaf.path, detail=f"changed: longer than the {leaf.size_bytes:,} bytes registered")
    if (digest, size) != (leaf.sha256, leaf.size_bytes):
        return ShardProblem(fault=ShardFault.CHANGED, path=leaf.path, detail=f"changed: {digest[:19]}…, registered {leaf.sha256[:19]}…")
    if before != after:
        return ShardProblem(fault=ShardFault.CHANGED, path=leaf.path, detail="was changed while it was read")
    return VerifiedFile(place=real, leaf=leaf, identity=after)


def _digest(descriptor: int, limit: int, on_bytes: Callable[[int], None] | None) -> tuple[str, int]:
    state, size = hashlib.sha256(), 0
    while size < limit and (block := os.read(descriptor, min(BLOCK_BYTES, limit - size))):
        state.update(block)
        size += len(block)
        if on_bytes is not None:
            on_bytes(len(block))
    return f"sha256:{state.hexdigest()}", size


def known_file(place: str, leaf: ShardLeaf, cache: KnownDigests) -> VerifiedFile | None:
    """Return a local file as verified if a cache knows it as it is now."""
    try:
        status = os.lstat(place)
    except OSError:
        return None
    identity = FileIdentity.of(status)
    if not stat.S_ISREG(status.st_mode) or not cache.holds(place, leaf, identity):
        return None
    return VerifiedFile(place=place, leaf=leaf, identity=identity, from_cache=True)


class SideBySide:
    """Reads files on as many threads as this process may use cores. An error, or Ctrl-C, stops all of them at their next block."""

    def __init__(self, read: Callable[[Item, Callable[[int], None]], ShardProblem | VerifiedFile], *, on_bytes: Callable[[int], None] | None) -> None:
        """Make the reader.

        Args:
            read: Reads one file, telling of every block.
            on_bytes: Told of every block, one call at a time.
        """
        self._read = read
        self._on_bytes = on_bytes
        self._lock = threading.Lock()
        self._stopped = False
        self._waiting: deque[Item] = deque()
        self._done: list[ShardProblem | VerifiedFile] = []
        self._error: BaseException | None = None

    def run(self, items: Iterable[Item]) -> list[ShardProblem | VerifiedFile]:
        """Return what reading each gave, one result a file, in no order.

        Raises:
            RuntimeError: If there is not one result for each file.
        """
        self._waiting.extend(sorted(items, key=lambda item: -item[1].size_bytes))
        wanted = len(self._waiting)
        threads = [threading.Thread(target=self._help, daemon=True) for _ in range(min(MAX_THREADS, usable_cores(), wanted) - 1)]
        try:
            for thread in threads:
                thread.start()
            self._drain()  # this thread reads too, so that signals reach it between two blocks
        except BaseException as err:
            self._stopped = True
            if not isinstance(err, _StoppedError):
                raise
        finally:
            for thread in threads:
                if thread.ident is not None:
                    thread.join()
        if self._error is not None:
            raise self._error
        if len(self._done) != wanted:
            raise RuntimeError(f"{wanted} files were to be read and {len(self._done)} were")
        return self._done

    def _help(self) -> None:
        try:
            self._drain()
        except _StoppedError:
            return
        except BaseException as err:  # noqa: BLE001 - raised again by the thread that waits
            self._stopped, self._error = True, err

    def _drain(self) -> None:
        while not self._stopped:
            try:
                item = self._waiting.popleft()
            except IndexError:
                return
            self._done.append(self._read(item, self._tell))

    def _tell(self, n_bytes: int) -> None:
        if self._stopped:
            raise _StoppedError
        if self._on_bytes is not None:
            with self._lock:
                self._on_bytes(n_bytes)


class _StoppedError(Exception):
    """Reading is of no use any more: another file's reading raised an error, or Ctrl-C did."""


def usable_cores() -> int:
    """Return how many cores this process may use, which in a job may be fewer than the machine has."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity is not None else os.cpu_count() or 1
