"""One open shard, every read of which is known to be of the registered bytes.

Rules:
* A block is read first and looked at after: as long as the descriptor's identity is the one that was hashed, nobody changed the bytes before they were read,
  since a file system sets the time of change before it takes new bytes, and this time cannot be set back.
* Where the identity is another one, the whole file is hashed again by the same descriptor, and the block is read again: what was read before may be what
  stood there in between. A file that was only touched is no fraud.
* A time of change that lies within the clock's grain of the moment of hashing tells nothing: a second change could bear the same time. Hashing waits until it is past.
* There is no file number to be had (``fileno``), and so no memory map: what is read past these checks could be anything.
"""

from __future__ import annotations

import hashlib
import io
import os
import stat
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, NoReturn, TypeVar

from provenance.clearance.shards import FileIdentity
from provenance.fingerprint.digest import BLOCK_BYTES, ShardLeaf

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Fetched = TypeVar("Fetched")
BUFFER_BYTES: Final = 1 << 18
"""What is fetched at a time: large enough that looking at the file after each read costs nothing."""
FINE_GRAIN_NS: Final = 50_000_000
"""File systems take times from a clock that ticks every 1 to 10 ms."""
COARSE_GRAIN_NS: Final = 2_000_000_000
"""Those that keep whole seconds keep at worst every other one."""
_OPEN_FLAGS: Final = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
)
"""Never through a link, and without waiting for whoever writes to a FIFO."""
MAX_TRIES: Final = 5
"""How often a file may be changed while it is hashed or read before that is a denial."""


class ShardFaultError(Exception):
    """A shard does not hold the registered bytes, or cannot be read. Becomes a denial before it leaves this package."""


class UnsettledError(Exception):
    """A file's time of change lies too far in this clock's future for its identity to tell anything."""


def is_settled(identity: FileIdentity, at_ns: int) -> bool:
    """Tell whether a change after some moment must bear another time than the file has.

    Args:
        identity: What the file is.
        at_ns: When hashing began, nanoseconds of this machine's clock.
    """
    return identity.ctime_ns + _grain_ns(identity) < at_ns


def _grain_ns(identity: FileIdentity) -> int:
    return FINE_GRAIN_NS if identity.ctime_ns % 1_000_000_000 else COARSE_GRAIN_NS


def verify_descriptor(descriptor: int, leaf: ShardLeaf) -> FileIdentity:
    """Return what an open file is once it has been found to hold the registered bytes, hashed in full.

    Raises:
        ShardFaultError: If it does not hold them, or changes all the time.
        UnsettledError: If its time of change lies in the future.
        OSError: If it cannot be read.
    """
    for _ in range(MAX_TRIES):
        before = _settle(descriptor)
        if before.size_bytes != leaf.size_bytes:
            raise ShardFaultError(f"changed: {before.size_bytes:,} bytes, registered {leaf.size_bytes:,}")
        digest = _hash(descriptor, leaf.size_bytes)
        if before == FileIdentity.of(os.fstat(descriptor)):
            if digest != leaf.sha256:
                raise ShardFaultError(f"changed: {digest[:19]}…, registered {leaf.sha256[:19]}…")
            return before
    raise ShardFaultError("is being changed while it is read")


def _settle(descriptor: int) -> FileIdentity:
    """Return what a file is, once the clock has gone past its time of change."""
    identity = FileIdentity.of(os.fstat(descriptor))
    left_ns = identity.ctime_ns + _grain_ns(identity) + 1 - time.time_ns()
    if left_ns <= 0:
        return identity
    if left_ns > 2 * COARSE_GRAIN_NS:
        raise UnsettledError
    time.sleep(left_ns / 1e9)
    return FileIdentity.of(os.fstat(descriptor))


def _hash(descriptor: int, size_bytes: int) -> str:
    """Return the digest of exactly so many bytes from the start: a file that grows is found by its identity, not read without end."""
    state, buffer, at = hashlib.sha256(), memoryview(bytearray(min(BLOCK_BYTES, max(1, size_bytes)))), 0
    while at < size_bytes and (count := read_into(descriptor, buffer[: size_bytes - at], at)):
        state.update(buffer[:count])
        at += count
    return f"sha256:{state.hexdigest()}"


if hasattr(os, "preadv"):

    def read_into(descriptor: int, buffer: WriteableBuffer, at: int) -> int:
        """Fill a buffer from a place; return how many bytes there were. The file's own position, which forked processes share, is not used."""
        return os.preadv(descriptor, [buffer], at)

    read_block = os.pread
    """Return at most so many bytes from a place."""

else:

    def read_into(descriptor: int, buffer: WriteableBuffer, at: int) -> int:
        """Fill a buffer from a place; return how many bytes there were. Systems without ``preadv`` have no fork either."""
        os.lseek(descriptor, at, os.SEEK_SET)
        view = memoryview(buffer).cast("B")
        block = os.read(descriptor, len(view))
        view[: len(block)] = block
        return len(block)

    def read_block(descriptor: int, size: int, at: int, /) -> bytes:
        """Return at most so many bytes from a place."""
        os.lseek(descriptor, at, os.SEEK_SET)
        return os.read(descriptor, size)


def _marks(identity: FileIdentity) -> tuple[int, int, int, int, int]:
    """Return an identity as plain numbers: one is compared after every read, and making a value of them would take longer than asking for them."""
    return identity.ctime_ns, identity.mtime_ns, identity.size_bytes, identity.inode, identity.device


def _marks_now(descriptor: int) -> tuple[int, int, int, int, int]:
    """Return what an open file is now, as ``_marks`` does."""
    status = os.fstat(descriptor)
    return status.st_ctime_ns, status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev


def open_regular(place: str) -> int:
    """Return the descriptor of a regular file, which no link was followed to.

    Raises:
        ShardFaultError: If there is none, or it may not be read.
    """
    try:
        descriptor = os.open(place, _OPEN_FLAGS)
    except OSError as err:
        raise ShardFaultError(f"cannot be read: {err.strerror}") from err
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ShardFaultError("is no regular file any more")
    return descriptor


class ShardFile(io.RawIOBase):
    """The bytes of one registered shard, looked at again after every read."""

    closed = False  # a buffer asks for it at every line, and the property of the base class takes as long as finding the line

    def __init__(
        self, descriptor: int, leaf: ShardLeaf, identity: FileIdentity, *, on_read: Callable[[str, int], None], deny: Callable[[str], NoReturn]
    ) -> None:
        """Take an open file that was found to hold the registered bytes.

        Args:
            descriptor: The open file, which is closed with this one.
            leaf: What was registered.
            identity: What it was when it was hashed.
            on_read: Told of the shard's path and how many bytes were handed out.
            deny: Raises the denial for a reason.
        """
        self.leaf = leaf
        self._path = leaf.path
        self._descriptor = descriptor
        self._seen = _marks(identity)
        self._on_read = on_read
        self._deny = deny
        self._lock = threading.Lock()
        self._at = 0

    @property
    def name(self) -> str:
        """The shard's path, as in the manifest."""
        return self.leaf.path

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def seekable(self) -> bool:
        """It can be read from any place."""
        return True

    def fileno(self) -> NoReturn:
        """Refuse.

        Raises:
            io.UnsupportedOperation: Always: what reads by the number, or maps the file into memory, cannot be checked.
        """
        raise io.UnsupportedOperation(
            f"{self.leaf.path} is guarded: bytes read by a file number or a memory map cannot be checked; use read, or Guard.read_bytes"
        )

    def tell(self) -> int:
        """Return the place in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place.

        Raises:
            ValueError: If it lies before the start, or is counted from no place that there is.
        """
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.leaf.size_bytes}.get(whence)
        if start is None:
            raise ValueError(f"whence must be 0, 1 or 2, got {whence!r:.40}")
        at = start + offset
        if at < 0:
            raise ValueError(f"place {at} lies before the start of {self.leaf.path}")
        self._at = at
        return at

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill a buffer with registered bytes; return how many there were, 0 at the end.

        Raises:
            TrainingBlocked: If the file no longer holds them.
        """
        with self._lock:
            try:
                count = read_into(self._descriptor, buffer, self._at)
                same = _marks_now(self._descriptor) == self._seen
            except OSError as err:
                self._deny(f"cannot be read: {err.strerror}")
            if not same:
                try:
                    count = self._read_again(partial(read_into, self._descriptor, buffer, self._at))
                except BaseException:
                    _blank(buffer)  # the caller may go on in spite of the denial, with what stands in it
                    raise
            self._at += count
        self._on_read(self._path, count)
        return count

    def readall(self) -> bytes:
        """Return all of the rest. Errors are those of ``readinto``."""
        with self._lock:
            block = self.read_at(self._at, self.leaf.size_bytes - self._at)
            self._at += len(block)
            return block

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes from a place, fewer only at the end; the position stays. Errors are those of ``readinto``."""
        end = min(offset + size, self.leaf.size_bytes)
        parts, at = [], offset
        while at < end:  # one call of the system gives at most 2 GiB
            try:
                block = read_block(self._descriptor, end - at, at)
                same = _marks_now(self._descriptor) == self._seen
            except OSError as err:
                self._deny(f"cannot be read: {err.strerror}")
            if not same:
                block = self._read_again(partial(read_block, self._descriptor, end - at, at))
            if not block:
                break
            parts.append(block)
            at += len(block)
        self._on_read(self._path, max(0, at - offset))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Let go of the file."""
        if not self.closed:
            self.closed = True
            os.close(self._descriptor)

    def _read_again(self, fetch: Callable[[], Fetched]) -> Fetched:
        """Return what a call fetches that is known to have met the registered bytes, once the file was found to be another than it was."""
        try:
            for _ in range(MAX_TRIES):
                self._seen = _marks(verify_descriptor(self._descriptor, self.leaf))
                fetched = fetch()
                if _marks_now(self._descriptor) == self._seen:
                    return fetched
        except OSError as err:
            self._deny(f"cannot be read: {err.strerror}")
        except ShardFaultError as err:
            self._deny(str(err))
        except UnsettledError:
            self._deny("was changed, and its time of change lies in this clock's future")
        return self._deny("is being changed while it is read")


def _blank(buffer: WriteableBuffer) -> None:
    with memoryview(buffer).cast("B") as view:
        view[:] = bytes(len(view))
