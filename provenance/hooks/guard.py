"""Reading registered shards under a clearance: no byte reaches the caller before its shard is known to hold the registered bytes.

Rules:
* A file that the gate hashed is vouched for by its identity (device, inode, size, times), which is compared when it is opened and after every read. Where nothing
  vouches for it, the whole file is hashed by the descriptor that is read from, before the first byte is handed out. See ``guarded_file``.
* A path is judged by what it resolves to. What was not registered is a denial, and so is every later read of the same guard.
* A shard in a store is read once from end to end into a temporary file (memory, as long as it is small), which is handed out if its digest is the registered one.
* A denial ends the process that made the guard, also from its threads and from workers of data loaders: see ``alarm``.

What it does not see: a file system whose times its owner can set back (FAT), a change that another machine made and this one's network file system has not yet
learned of, and what somebody writes through a memory map that was writable before the file was hashed, until the system writes it back.
"""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO, Final, NoReturn, Unpack, cast

from provenance.clearance.check import GatePass
from provenance.clearance.shards import FileIdentity, VerifiedFile
from provenance.clearance.strict_json import printable
from provenance.errors import IngestError, LocationError
from provenance.fingerprint.digest import BLOCK_BYTES, Readable, ShardLeaf
from provenance.hooks import last_word
from provenance.hooks.alarm import end_main_thread, is_loader_worker, this_alarm
from provenance.hooks.buffered import buffered
from provenance.hooks.gate import DENIED_EXIT, GateOptions, PathText, TrainingBlocked, announce, end_process_group, pass_gate
from provenance.hooks.guarded_file import ShardFaultError, ShardFile, UnsettledError, is_settled, open_regular, verify_descriptor
from provenance.hooks.observe import RunObserver, Unobserved, tell_denied
from provenance.storage.stores import PLAIN_STORES
from provenance.storage.urls import is_url, local_path, parse_url

SPOOL_BYTES: Final = 64 << 20
"""Copies of shards in stores are kept in memory up to this size, beyond it in a temporary file."""
CHANGED_HINT: Final = "restore the registered files, or register, audit and clear the data as they are now"
UNREGISTERED_HINT: Final = "train on the registered shards alone, or register, audit and clear this file with them"


class Guard:
    """Opens the registered shards of one clearance, for one process and its workers. Threads may share it."""

    def __init__(
        self, passed: GatePass, *, observer: RunObserver | None = None, denial_json: PathText | None = None, clearance: PathText | None = None
    ) -> None:
        """Take what a gate verified.

        Args:
            passed: What ``pass_gate`` gave.
            observer: Told of every read.
            denial_json: File for a later denial as JSON.
            clearance: The clearance's path, for denials to name.
        """
        self._clearance = f"of the shards {passed.clearance.manifest_root}" if clearance is None else os.fspath(clearance)
        self.passed = passed
        self.observer: RunObserver = observer or Unobserved()
        self._denial_json = denial_json
        self._files: dict[str, VerifiedFile] = {}
        self._place_of: dict[str, str] = {}
        for file in sorted(passed.shards.verified, key=lambda file: (file.leaf.path, file.place)):
            self._files[file.place] = file
            self._place_of.setdefault(file.leaf.path, file.place)
        self._known = {
            place: file.identity for place, file in self._files.items() if file.identity is not None and is_settled(file.identity, passed.began_ns)
        }
        self._denial: TrainingBlocked | None = None
        self._alarm = this_alarm()
        self._alarm.on_denial(self._tell_denied)
        self._make_locks()
        if not self._files:
            self._deny("the gate verified no shard, so nothing can be read", hint="pass the gate with the data roots that hold the shards")

    @classmethod
    def of(
        cls, passed: GatePass, *, observer: RunObserver | None = None, denial_json: PathText | None = None, clearance: PathText | None = None
    ) -> Guard:
        """Return the guard of a gate that was passed. Arguments are those of the constructor."""
        return cls(passed, observer=observer, denial_json=denial_json, clearance=clearance)

    @classmethod
    def enter(
        cls, clearance: PathText, *, observer: RunObserver | None = None, denial_json: PathText | None = None, **options: Unpack[GateOptions]
    ) -> Guard:
        """Pass the gate and return its guard.

        Args:
            clearance: ``X.clearance.json``.
            observer: Told of every read.
            denial_json: File for a denial as JSON.
            **options: See ``GateOptions``.

        Raises:
            TrainingBlocked: If training may not start.
        """
        passed = pass_gate(clearance, denial_json=denial_json, **options)
        return cls(passed, observer=observer, denial_json=denial_json, clearance=clearance)

    def paths(self) -> list[str]:
        """Return where the shards lie, one place a shard, in the manifest's order."""
        return list(self._place_of.values())

    def __iter__(self) -> Iterator[str]:
        """Go through ``paths``."""
        return iter(self.paths())

    def __len__(self) -> int:
        """Return the number of shards."""
        return len(self._place_of)

    def shard_of(self, path: PathText) -> ShardLeaf:
        """Return the registered shard that a path or URL stands for.

        Args:
            path: Where it lies, links followed; or, where there is no such file, its path in the manifest.

        Raises:
            TrainingBlocked: If it was not registered, or lies outside the data roots.
        """
        return self._files[self._place(path)].leaf

    def place_of(self, path: PathText) -> str:
        """Return where a registered shard lies, links resolved. Arguments and errors are those of ``shard_of``."""
        return self._place(path)

    def find(self, path: PathText) -> VerifiedFile | None:
        """Return what the gate verified of a path or URL, ``None`` if it was not registered. Looks at no byte and denies nothing."""
        place = resolved(path)
        return self._files.get(place)

    def open(self, path: PathText) -> BinaryIO:
        """Return a shard opened for reading bytes, checked now and at every read; compressed shards as they lie.

        Args:
            path: See ``shard_of``.

        Raises:
            TrainingBlocked: If it was not registered, or does not hold the registered bytes.
        """
        raw = self.open_raw(path)
        return buffered(raw) if isinstance(raw, ShardFile) else raw

    def read_bytes(self, path: PathText) -> bytes:
        """Return all of a shard: a private copy, which no later change reaches. Arguments and errors are those of ``open``."""
        with self.open_raw(path) as file:
            return bytes(file.read())

    def open_raw(self, path: PathText) -> ShardFile | BinaryIO:
        """Return a shard opened without a buffer: a ``ShardFile``, for reads from any place; a private copy of what lies in a store.

        Arguments and errors are those of ``open``.
        """
        text = os.fspath(path)
        # Where a link stands in the way of a resolved path by now, opening refuses it or finds other bytes: resolving it again would only take longer.
        place = text if text in self._files and self._denial is None else self._place(path)
        try:
            return self._open_store(place) if is_url(place) else self._open_file(place)
        except ShardFaultError as err:
            self._deny(f"{printable(self._files[place].leaf.path)}: {err}", hint=CHANGED_HINT)

    def check_unchanged(self, paths: Sequence[PathText] | None = None) -> None:
        """Look at shards that others read, such as tables mapped into memory: what is not what it was is hashed again.

        Args:
            paths: Some of them; all on this machine's disks where not given.

        Raises:
            TrainingBlocked: If one no longer holds the registered bytes.

        Cost:
            About 2 µs a shard that has not changed.
        """
        if self._denial is not None:
            self._end(self._denial)
        for place in self._files if paths is None else [self._place(path) for path in paths]:
            if is_url(place):
                continue
            try:
                same = self._known.get(place) == FileIdentity.of(os.lstat(place))
            except OSError:
                same = False
            if not same:
                self.open_raw(place).close()

    def refuse(self, reasons: Sequence[str], *, hint: str) -> NoReturn:
        """Deny for reasons that an adapter found, as a read does.

        Raises:
            TrainingBlocked: Always.
        """
        self._end(TrainingBlocked(reasons, hint=hint, kind="SubjectMismatchError"))

    def __getstate__(self) -> dict[str, Any]:
        """Return what a worker that is started afresh needs."""
        return {name: value for name, value in self.__dict__.items() if name not in {"_lock", "_locks"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what ``__getstate__`` gave."""
        self.__dict__.update(state)
        self._make_locks()

    def _make_locks(self) -> None:
        """Make locks; in a process that was forked too, where another thread may have held them."""
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        _guards.add(self)

    def _place(self, path: PathText) -> str:
        """Return the place of a registered shard."""
        if self._denial is not None:
            self._end(self._denial)
        text = os.fspath(path)
        place = resolved(path)
        if place in self._files:
            return place
        if text in self._place_of and not os.path.lexists(text):
            return self._place_of[text]
        return self._deny(f"{printable(str(text))}: {self._why_unregistered(place)}", hint=UNREGISTERED_HINT)

    def _why_unregistered(self, place: str) -> str:
        roots = {file.place.removesuffix(file.leaf.path) for file in self._files.values() if file.place.endswith(file.leaf.path)}
        if any(place.startswith(root) for root in roots):
            return "stands under a data root, and was not cleared"
        return "lies outside the data roots that were cleared"

    def _open_file(self, place: str) -> ShardFile | BinaryIO:
        leaf = self._files[place].leaf
        descriptor = open_regular(place)
        try:
            identity = FileIdentity.of(os.fstat(descriptor))
            if self._known.get(place) != identity:
                identity = self._vouch(place, descriptor, leaf)
        except UnsettledError:
            with io.FileIO(descriptor) as file:
                return self._private_copy(file, leaf)
        except BaseException as err:
            os.close(descriptor)
            if isinstance(err, OSError):
                raise ShardFaultError(f"cannot be read: {err.strerror}") from err
            raise

        def deny(reason: str) -> NoReturn:
            self._deny(f"{printable(leaf.path)}: {reason}", hint=CHANGED_HINT)

        return ShardFile(descriptor, leaf, identity, on_read=self.observer.shard_read, deny=deny)

    def _vouch(self, place: str, descriptor: int, leaf: ShardLeaf) -> FileIdentity:
        """Return what a file is once it has been hashed, by one thread at a time."""
        with self._lock:
            lock = self._locks.setdefault(place, threading.Lock())
        with lock:
            identity = FileIdentity.of(os.fstat(descriptor))
            if self._known.get(place) != identity:
                identity = verify_descriptor(descriptor, leaf)
                self._known[place] = identity
            return identity

    def _open_store(self, place: str) -> BinaryIO:
        try:
            with PLAIN_STORES.open(parse_url(place)) as file:
                return self._private_copy(file, self._files[place].leaf)
        except (IngestError, OSError) as err:
            hint = getattr(err, "hint", None)
            raise ShardFaultError(f"cannot be read: {printable(str(err))}" + (f" ({hint})" if hint else "")) from err

    def _private_copy(self, file: Readable, leaf: ShardLeaf) -> BinaryIO:
        """Return a copy of a shard that nobody else reaches, read and hashed in one go; never longer than what was registered."""
        copy = tempfile.SpooledTemporaryFile(max_size=SPOOL_BYTES)  # noqa: SIM115 – the caller closes it
        state, left = hashlib.sha256(), leaf.size_bytes + 1
        while left and (block := file.read(min(BLOCK_BYTES, left))):
            state.update(block)
            copy.write(block)
            left -= len(block)
        if (left, f"sha256:{state.hexdigest()}") != (1, leaf.sha256):
            copy.close()
            raise ShardFaultError(f"changed: sha256:{state.hexdigest()[:12]}…, registered {leaf.sha256[:19]}…")
        copy.seek(0)
        self.observer.shard_read(leaf.path, leaf.size_bytes)
        return cast("BinaryIO", copy)

    def _deny(self, reason: str, *, hint: str) -> NoReturn:
        self._end(TrainingBlocked((reason,), hint=hint, kind="SubjectMismatchError"))

    def _end(self, denial: TrainingBlocked) -> NoReturn:
        """End the run by a denial, from whichever process and thread it was met in."""
        denial.clearance = denial.clearance or self._clearance
        first, self._denial = self._denial is None, denial
        if not self._alarm.is_here():
            self._end_from_worker(denial)
        elif threading.current_thread() is not threading.main_thread():
            end_main_thread(denial, self._denial_json)
        elif first:
            last_word.denied(self._clearance, running=True)
            announce(denial, denial_json=self._denial_json)
            self._tell_denied()
            end_process_group()
        raise denial

    def _end_from_worker(self, denial: TrainingBlocked) -> None:
        """Tell the process that made the guard. A worker of a data loader then ends quietly, so that no ``RuntimeError`` comes in the denial's way."""
        heard = self._alarm.tell(denial, self._denial_json)
        if not heard:
            announce(denial, denial_json=self._denial_json)
        if is_loader_worker():
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(0 if heard else DENIED_EXIT)
        end_process_group()
        if threading.current_thread() is not threading.main_thread():
            os._exit(DENIED_EXIT)

    def _tell_denied(self) -> None:
        tell_denied(self.observer, self._denial.reasons if self._denial is not None else ("a worker of this process was denied",))


def resolved(path: PathText) -> str:
    """Return what a path resolves to, links followed; a URL in the form in which it is kept."""
    text = os.fspath(path)
    if not is_url(text):
        return os.path.realpath(local_path(text))
    try:
        return parse_url(text)
    except LocationError:
        return text


_guards: weakref.WeakSet[Guard] = weakref.WeakSet()


def _after_fork() -> None:
    for guard in list(_guards):
        guard._make_locks()  # noqa: SLF001 – of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
