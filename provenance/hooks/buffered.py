"""A buffer over a guarded shard whose lines cost no more than those of a plain file.

CPython's buffer asks whether the file under it is closed at every line: of its own ``FileIO`` in C, of any other class by looking an attribute up, which takes a fifth of the
time that finding the line takes. So what lies under the buffer is a ``FileIO``, each method of which is replaced, in this one object, by that of the ``ShardFile``.

It is a ``FileIO`` of the null device: what does not ask the object for its methods reads nothing, never a byte that was not checked. An interpreter that is found not to ask
gets a buffer over the ``ShardFile`` itself.
"""

from __future__ import annotations

import io
import os
import weakref
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Final

from provenance.hooks.guarded_file import BUFFER_BYTES

if TYPE_CHECKING:
    from provenance.hooks.guarded_file import ShardFile

_REPLACED: Final = ("readinto", "readall", "read", "seek", "tell", "fileno")
"""Methods of a ``FileIO`` that look at its own file."""


def buffered(file: ShardFile, size_bytes: int = BUFFER_BYTES) -> io.BufferedReader:
    """Return a buffer over a shard, which is closed with it.

    Args:
        file: The open shard.
        size_bytes: What is fetched at a time.
    """
    under: io.RawIOBase = file
    if _methods_are_asked_for():
        with suppress(OSError):  # no descriptor is left, or no null device
            under = _in_front_of(file)
    return io.BufferedReader(under, size_bytes)


def _in_front_of(file: io.RawIOBase) -> io.FileIO:
    """Return a ``FileIO`` of the null device that does what another file does."""
    front = io.FileIO(_open_null_device(), closefd=False)
    known = weakref.ref(front)  # no circle: a file that nobody holds any longer is closed at once

    def close() -> None:
        file.close()
        held = known()
        if held is not None:
            io.FileIO.close(held)

    front.__dict__.update({name: getattr(file, name) for name in _REPLACED}, close=close, name=getattr(file, "name", None))
    return front


def _open_null_device() -> int:
    """Return a descriptor of the null device, opened anew where a process that became a daemon closed it, or its number is another file's now."""
    descriptor, device = _null_device()
    try:
        is_it = os.fstat(descriptor).st_rdev == device
    except OSError:
        is_it = False
    if not is_it:
        _null_device.cache_clear()
        descriptor, _ = _null_device()
    return descriptor


@cache
def _null_device() -> tuple[int, int]:
    """Return a descriptor of the null device and the device's number: one serves all files of a process, and those that are forked from it."""
    descriptor = os.open(os.devnull, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    return descriptor, os.fstat(descriptor).st_rdev


class _Sample(io.RawIOBase):
    """Four lines, of which the null device knows nothing."""

    def __init__(self) -> None:
        self._left = io.BytesIO(b"1\n2\n3\n4\n")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray, /) -> int:  # type: ignore[override]
        return self._left.readinto(buffer)

    def tell(self) -> int:
        return self._left.tell()


@cache
def _methods_are_asked_for() -> bool:
    """Tell whether this interpreter's buffers ask the object under them for what it does, however they are read."""
    try:
        with io.BufferedReader(_in_front_of(_Sample()), 2) as read:
            return [read.read(2), read.readline(), next(read), read.read()] == [b"1\n", b"2\n", b"3\n", b"4\n"]
    except (OSError, ValueError):  # no null device
        return False
