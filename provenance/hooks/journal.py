"""The notes of one process of a run: JSON Lines in a file of its own, written at least every second, never longer than what they add up to asks for.

A line is a sum of what was told since the last one, not a line a read. Where a file has grown past ``COMPACT_BYTES`` and twice its sums, the sums take its place in one step.
The file is locked while its process lives; the operating system gives the lock back however the process ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from provenance.clearance.strict_json import printable

JOURNAL_FORMAT: Final = "provenance.run-journal"
JOURNAL_VERSION: Final = 1
JOURNAL_SUFFIX: Final = ".journal.jsonl"
FLUSH_S: Final = 0.5
"""Seconds that what was told waits at most before it is written."""
COMPACT_BYTES: Final = 1 << 20
MAX_NOTES: Final = 20
"""Reasons of one kind that are kept."""
MAX_NOTE: Final = 1_000
"""Characters of a reason that are kept."""


@dataclass(slots=True)
class Sums:
    """What a process told so far, or since the last line."""

    reads: dict[int, list[Any]] = field(default_factory=dict)
    """Number of the shard in the manifest → [bytes, time of the first read, of the last]."""
    step: int = 0
    epoch: str = ""
    """A decimal number; empty = not told."""

    def add(self, shard: int, size_bytes: int, first: str, last: str) -> None:
        """Add a shard's reads."""
        known = self.reads.get(shard)
        if known is None:
            self.reads[shard] = [size_bytes, first, last]
        else:
            known[0] += size_bytes
            known[1], known[2] = min(known[1], first), max(known[2], last)


@dataclass(slots=True)
class _Pending:
    """What was told since the last line."""

    since: str = ""
    """When the first of it was told; empty = nothing was."""
    reads: dict[int, int] = field(default_factory=dict)
    step: int = 0
    epoch: str = ""


class Journal:
    """Writes one process's notes. All methods may be called by any of its threads."""

    def __init__(self, file: Path, header: Mapping[str, object], clock: Callable[[], str]) -> None:
        """Make the file, lock it, and begin to write what is told.

        Args:
            file: Not there yet.
            header: First line.
            clock: Where the time comes from, RFC 3339 UTC.

        Raises:
            OSError: If it cannot be written.
        """
        self.file = file
        self._header, self._clock = dict(header), clock
        self._lock = threading.Lock()
        self._last = ""
        self._pending, self._sums = _Pending(), Sums()
        self._kept: list[dict[str, object]] = []
        """Lines that no sum holds: stops, what nobody saw, the end."""
        self._owed: list[dict[str, object]] = []
        """Those of them that could not be written yet."""
        self._size, self._torn, self._told, self._compact_at = 0, False, False, COMPACT_BYTES
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        self._append(self._header)
        self._wake = threading.Event()
        threading.Thread(target=self._keep_writing, name="provenance-run-journal", daemon=True).start()

    def read(self, shard: int, size_bytes: int) -> None:
        """Take note of bytes of a shard.

        Cost:
            Under a microsecond.
        """
        with self._lock:
            pending = self._pending
            if not pending.since:
                pending.since = self._now()
            pending.reads[shard] = pending.reads.get(shard, 0) + size_bytes

    def step(self, step: int, epoch: str) -> None:
        """Take note of a step."""
        with self._lock:
            pending = self._pending
            if not pending.since:
                pending.since = self._now()
            pending.step, pending.epoch = max(pending.step, step), epoch or pending.epoch

    def note(self, kind: str, text: str, **more: object) -> None:
        """Write a line of its own at once: a stop, what nobody saw, the end. Of one kind the first ``MAX_NOTES`` are kept."""
        with self._lock:
            if sum(kind in line for line in self._kept) >= MAX_NOTES:
                return
            self._flush()
            line = {kind: _unicode(text)[:MAX_NOTE], "at": self._now(), **more}
            self._kept.append(line)
            self._owed.append(line)
            self._flush()
            with contextlib.suppress(OSError):
                os.fsync(self._descriptor)

    def flush(self) -> None:
        """Write what was told."""
        with self._lock:
            self._flush()

    def forget(self) -> None:
        """Close a file that a child of its process inherited, without a word: the lock then ends with the process it belongs to."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def _now(self) -> str:
        """Return the time, which goes on even where the clock is set back."""
        self._last = max(self._last, self._clock())
        return self._last

    def _keep_writing(self) -> None:
        while not self._wake.wait(FLUSH_S):
            self.flush()

    def _flush(self) -> None:
        self._flush_sums()
        while self._owed and self._append(self._owed[0]):
            del self._owed[0]

    def _flush_sums(self) -> None:
        pending = self._pending
        if not pending.since:
            return
        now = self._now()
        line: dict[str, object] = {"from": pending.since, "to": now}
        if pending.reads:
            line["reads"] = {str(shard): size for shard, size in pending.reads.items()}
        if pending.step or pending.epoch:
            line |= {"step": pending.step, "epoch": pending.epoch}
        if not self._append(line):
            return  # it stays with what is to be written
        for shard, size in pending.reads.items():
            self._sums.add(shard, size, pending.since, now)
        self._sums.step, self._sums.epoch = max(self._sums.step, pending.step), pending.epoch or self._sums.epoch
        self._pending = _Pending()
        if self._size > self._compact_at:
            self._compact(now)

    def _append(self, line: Mapping[str, object]) -> bool:
        """Write a line; say once where that cannot be done. A line that was cut short is ended before the next."""
        raw = (b"\n" if self._torn else b"") + _line(line)
        try:
            written = os.write(self._descriptor, raw)
        except OSError as err:
            self._warn(err.strerror or str(err))
            return False
        self._size += written
        self._torn = written != len(raw)
        if self._torn:
            self._warn("the disk took only part of a line")
        return not self._torn

    def _compact(self, now: str) -> None:
        """Put the sums in the place of the lines, in one step, where that makes the file less than half as long."""
        total = [[shard, *known] for shard, known in sorted(self._sums.reads.items())]
        line = {"total": total, "step": self._sums.step, "epoch": self._sums.epoch, "to": now}
        raw = b"".join(map(_line, (self._header, line, *(k for k in self._kept if k not in self._owed))))
        self._compact_at = max(COMPACT_BYTES, 2 * len(raw))
        if self._compact_at > self._size:
            return
        part = self.file.with_name(self.file.name + ".part")
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.write(descriptor, raw) != len(raw):
                os.close(descriptor)
                return
            os.fsync(descriptor)
            part.replace(self.file)
        except OSError:
            return  # the lines stay as they are, and it is tried again
        os.close(self._descriptor)
        self._descriptor, self._size, self._torn = descriptor, len(raw), False

    def _warn(self, why: str) -> None:
        if not self._told:
            self._told = True
            sys.stderr.write(f"provenance: the notes of this run cannot be written to {printable(str(self.file))}: {why}; it is tried again\n")


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8") + b"\n"


def _unicode(text: str) -> str:
    """Return text that UTF-8 can hold; half characters become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")
