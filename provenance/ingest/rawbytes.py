"""What raw bytes are asked before anything is read from them: how many lines they hold, and whether they are UTF-8. One look at 64 bytes at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.bits import WINDOW, Int, window_bits
from provenance.fingerprint.jit import kernel
from provenance.fingerprint.words import decode

_FEED = ord("\n")
_ZERO = np.uint64(0)


def count_feeds(raw: bytes | NDArray[np.uint8]) -> int:
    """Return how many line feeds there are; several times as fast as ``bytes.count``."""
    return int(_count_feeds(np.frombuffer(raw, np.uint8)))


def is_utf8(raw: bytes) -> bool:
    """Tell whether bytes are UTF-8 (Unicode table 3-7: no surrogates, nothing overlong)."""
    return raw.isascii() or bool(_is_utf8(np.frombuffer(raw, np.uint8)))


@kernel(_nrt=False)
def _count_feeds(data: NDArray[np.uint8]) -> int:
    total = 0
    for byte in data:
        total += byte == _FEED
    return total


@kernel(_nrt=False)
def _is_utf8(data: NDArray[np.uint8]) -> bool:
    at: Int = 0
    while at < len(data):
        if at + WINDOW <= len(data) and window_bits(data, at)[2] == _ZERO:
            at += WINDOW
            continue
        end = min(at + WINDOW, len(data))
        while at < end:  # the last character may reach beyond
            code, size = decode(data, at, len(data))
            if code < 0:
                return False
            at += size
    return True
