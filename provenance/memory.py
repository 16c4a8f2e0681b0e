"""Keep the C library from giving memory back that the next block of a shard takes again."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from functools import cache
from typing import Final

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's ``mallopt`` (mallopt(3))."""
KEPT_BYTES: Final = 64 << 20
"""Free memory above which some is given back."""
_LARGEST: Final = 32 << 20
"""Larger pieces are taken from the system and given back one by one; glibc allows no more."""


@cache
def keep_freed_memory() -> bool:
    """Let this process keep up to ``KEPT_BYTES`` that it has freed; return whether its C library can. Done once a process.

    Buffers of a megabyte come and go with each block that is read. Left to itself, glibc returns them to the system and takes them anew, page by page: measured, up
    to a twelfth of the time of a scan.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        if hasattr(library, "gnu_get_libc_version"):
            return bool(library.mallopt(_MMAP_THRESHOLD, _LARGEST)) and bool(library.mallopt(_TRIM_THRESHOLD, KEPT_BYTES))
    return False
