"""Read a file of a store in ranges: exact ones where they are asked for, longer ones where it is read from front to back.

Rules:
* A range that fails is asked for again; bytes that have come are never taken from another state of the file: after each failure, and at the end, the file must
  still have the stamp that it had when it was opened.
* Fewer bytes than asked for, before the end of the file, are a failure, never an end.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from provenance.storage.options import StorageOptions
from provenance.storage.trouble import ChangedError, CutShortError, attempt
from provenance.storage.urls import StoreUrl

AHEAD_BYTES: Final = 8 << 20
"""Most that is fetched at a time when a file is read from front to back: what a reader holds of it in memory."""
_FIRST_AHEAD: Final = 64 << 10
"""The first fetch is small: many files are only looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """How a file was opened, and is opened again after a failure."""

    url: StoreUrl
    size_bytes: int | None
    """``None`` where the store does not tell: then it is read from front to back only, and no failure can be made good."""
    again: Callable[[], Any]
    """Opens the same state of the file, or raises ``ChangedError``."""
    is_same: Callable[[], bool]
    """Tells whether the store still holds that state."""
    options: StorageOptions


class StoreFile(io.RawIOBase):
    """The bytes of a file as they are stored, seekable where the store gives ranges."""

    def __init__(self, file: Any, opening: Opening, *, in_ranges: bool = False) -> None:
        """Take an open file of fsspec, and how it is opened again.

        Args:
            file: The open file.
            opening: How it was opened.
            in_ranges: Fetch nothing but what is asked for: for formats that say themselves where what they need lies.
        """
        self._file, self._opening, self._in_ranges = file, opening, in_ranges
        self.size_bytes = opening.size_bytes
        self._at = 0
        self._buffer = memoryview(b"")
        self._buffer_at = 0
        self._ahead = _FIRST_AHEAD
        self._checked = False

    def readable(self) -> bool:
        """It is for reading."""
        return True

    def seekable(self) -> bool:
        """Tell whether it can be read from any place."""
        return self.size_bytes is not None

    def tell(self) -> int:
        """Return the place in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place.

        Raises:
            io.UnsupportedOperation: If the store does not tell how long the file is.
        """
        if self.size_bytes is None:
            raise io.UnsupportedOperation("its store gives no ranges")
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size_bytes}[whence]
        self._at = max(0, start + offset)
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes, all of the rest where it is negative; fewer only at the end.

        Raises:
            StoreError: If the store fails for good.
            ShardDigestMismatchError: If the file has changed since it was opened.
        """
        if size is None or size < 0:
            return self.readall()
        wanted = size
        if self.size_bytes is not None:
            size = min(size, max(0, self.size_bytes - self._at))
        parts = [self._take(size)]
        while len(parts[-1]) and sum(map(len, parts)) < size:
            parts.append(self._take(size - sum(map(len, parts))))
        if wanted and not parts[0]:
            self._check_end()
        return b"".join(parts)

    def readall(self) -> bytes:
        """Return all of the rest."""
        parts = []
        while part := self.read(AHEAD_BYTES):
            parts.append(part)
        return b"".join(parts)

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer; return how many bytes there were."""
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        """Let go of it."""
        if not self.closed:
            self._drop()
            self._buffer = memoryview(b"")
        super().close()

    def _take(self, size: int) -> bytes:
        """Return between 1 and ``size`` bytes from here, none at the end."""
        if not size:
            return b""
        inside = self._at - self._buffer_at
        if not 0 <= inside < len(self._buffer):
            follows = not self._in_ranges and self._at == self._buffer_at + len(self._buffer)
            self._ahead = min(2 * self._ahead, AHEAD_BYTES) if follows else _FIRST_AHEAD
            self._fill(max(size, self._ahead) if follows else size)
            inside = 0
        block = bytes(self._buffer[inside : inside + size])
        self._at += len(block)
        return block

    def _fill(self, size: int) -> None:
        start, opening = self._at, self._opening
        end = start + min(size, AHEAD_BYTES)
        if self.size_bytes is not None:
            end = min(end, self.size_bytes)
        doing = f"reading stopped at byte {start:,}"
        raw = attempt(lambda: self._fetch(start, end), url=opening.url, doing=doing, options=opening.options)
        self._buffer, self._buffer_at = memoryview(raw), start
        self._checked = False

    def _fetch(self, start: int, end: int) -> bytes:
        try:
            if self._file is None:
                self._file = self._opening.again()
            if self._file.tell() != start:
                self._file.seek(start)
            raw = bytes(self._file.read(end - start))
        except BaseException:
            self._drop()
            raise
        if self.size_bytes is not None and len(raw) != end - start:
            self._drop()
            raise CutShortError(f"{len(raw):,} of {end - start:,} bytes came")
        return raw

    def _check_end(self) -> None:
        """At the end, once: what was read is one state of the file."""
        if not self._checked:
            self._checked = True
            attempt(self._require_same, url=self._opening.url, doing="it cannot be looked at again", options=self._opening.options)

    def _require_same(self) -> None:
        if not self._opening.is_same():
            raise ChangedError

    def _drop(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(Exception):  # it is given up
                file.close()
