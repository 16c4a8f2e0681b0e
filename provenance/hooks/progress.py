"""How far hashing has come, on a terminal: one line on stderr that is written over, and taken away at the end."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Final

FIRST_S: Final = 0.5
"""Nothing is shown of a check that takes less."""
EVERY_S: Final = 0.2
_TOLD_IN_SECONDS: Final = 120
"""Longer times are told in minutes."""
_MEGA: Final = 1_000_000
_CLEAR: Final = "\r\x1b[K"


class Progress:
    """Counts bytes. Silent where stderr is no terminal."""

    def __init__(self) -> None:
        """Begin now."""
        self._shows = sys.stderr is not None and sys.stderr.isatty()
        self._began = self._told = time.monotonic()
        self._files = self._total = self._done = 0
        self._shown = False

    def begin(self, files: int, size_bytes: int) -> None:
        """Take note of what will be read."""
        self._files, self._total = files, size_bytes

    def advance(self, n_bytes: int) -> None:
        """Count bytes that were read, and show how far it is."""
        self._done += n_bytes
        now = time.monotonic()
        if self._shows and now - self._began >= FIRST_S and now - self._told >= EVERY_S:
            self._told, self._shown = now, True
            _put(_CLEAR + progress_line(self._files, self._done, self._total, now - self._began))

    def end(self) -> None:
        """Take the line away."""
        if self._shown:
            _put(_CLEAR)


def progress_line(files: int, done: int, total: int, elapsed_s: float) -> str:
    """Return the line: at most 79 columns."""
    rate = done / elapsed_s
    left = (total - done) / rate
    percent = 100 * done // total if total else 100
    return f"provenance: checking {files:,} file(s)  {percent} % of {total / _MEGA:,.0f} MB  {rate / _MEGA:,.0f} MB/s  {_time(left)} left"[:79]


def _time(seconds: float) -> str:
    whole = int(seconds + 0.999)
    return f"{whole} s" if whole < _TOLD_IN_SECONDS else f"{whole // 60} min"


def _put(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
