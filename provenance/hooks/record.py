"""Keeps the run record: what every process of a run read, steps made, how it ended. Standard library only; signing needs the ``cryptography`` package.

Every process writes notes of its own into the run's folder (``journal``), ranks and workers of data loaders alike, whether forked or started afresh. When rank 0 tells the end and
nothing else writes, the notes become one record (``seal``); otherwise when its process ends, or by ``provenance runs seal FOLDER``.
"""

from __future__ import annotations

import contextlib
import math
import os
import secrets
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, Final, TypedDict, Unpack

from provenance.clearance.check import GatePass
from provenance.clearance.keys import Signer, load_key
from provenance.clearance.run_record import check_recorder
from provenance.clearance.strict_json import printable
from provenance.clearance.trust import key_id, load_trust
from provenance.errors import ProvenanceError, RunRecordError, UntrustedKeyError
from provenance.hooks.gate import PathText, utc_now
from provenance.hooks.journal import JOURNAL_FORMAT, JOURNAL_SUFFIX, JOURNAL_VERSION, Journal
from provenance.hooks.run_folder import RECORD_FILE, join_run
from provenance.hooks.seal import seal_run
from provenance.model.training import RunEnd

WAIT_S: Final = 10.0
"""Seconds that rank 0's process waits at its own end for the others'."""
_STEP_S: Final = 0.1
_PACKAGES: Final = (
    "accelerate",
    "axolotl",
    "composer",
    "datasets",
    "jax",
    "lightning",
    "pytorch_lightning",
    "ray",
    "torch",
    "transformers",
    "trl",
)
"""Packages whose versions are told where they are loaded; none is imported for it."""


class RecordOptions(TypedDict, total=False):
    """What a recorder takes beside the rest, by name."""

    trust: PathText | None
    """Trust file that names the recorder's key; the root-owned ``/etc/provenance/trust.json`` where not given."""
    record_host: bool
    """Keep this machine's name, which may be a person's."""
    sees_all_reads: bool
    """Whoever makes the recorder vouches that all bytes of shards are handed out by hooks that tell of them."""


_LIVE: weakref.WeakSet[RunRecorder] = weakref.WeakSet()


class RunRecorder:
    """A ``RunObserver`` that keeps a run record in a folder. Can be pickled; what it is told in workers is kept too."""

    _ended: bool
    _sealed: bool

    def __init__(
        self,
        folder: PathText,
        passed: GatePass,
        *,
        key: PathText | Signer | None = None,
        passphrase: bytes | None = None,
        framework: str = "",
        rank: int = 0,
        world_size: int = 1,
        clock: Callable[[], str] = utc_now,
        **options: Unpack[RecordOptions],
    ) -> None:
        """Join the run that the folder belongs to, or begin it.

        Args:
            folder: One for each run, on a disk that all ranks share; made where it is not there. Not under a data root.
            passed: What the gate let pass.
            key: A recorder's key, as its PEM file, for rank 0 to sign the record with; without one the record stays unsigned and says so.
            passphrase: Opens the key file.
            framework: Name of the trainer.
            rank: This process's, from 0.
            world_size: Number of ranks.
            clock: Where the time comes from, RFC 3339 UTC.
            **options: See ``RecordOptions``.

        Raises:
            RunRecordError: If the folder cannot be used, or belongs to another run or one that is over.
            KeyFileError: If the key cannot be opened.
            TrustFileError: If the trust file cannot be relied on.
            UntrustedKeyError: If the key may not sign run records, or may let runs start.
        """
        if not 0 <= rank < world_size:
            raise RunRecordError(f"rank {rank} of {world_size} is none", hint="ranks count from 0")
        self._signer = None if key is None or rank else _open_signer(key, passphrase, options.get("trust"))
        self._folder, self._rank, self._world_size, self._clock = Path(folder).absolute(), rank, world_size, clock
        self._main = os.getpid()
        self._host = socket.gethostname() if options.get("record_host", False) else ""
        self._sees_all = options.get("sees_all_reads", False)
        identity, leaves = join_run(self._folder, passed, framework=framework, now=clock())
        self._run = identity.id
        self._paths = tuple(leaf.path for leaf in leaves)
        self._arm()
        self._writing()

    def shard_read(self, path: str, size_bytes: int) -> None:
        """Take note that bytes of a registered shard were handed out. See ``RunObserver``; a path that was not cleared is told as a read that nobody saw.

        Cost:
            About a microsecond.
        """
        journal = self._writing()
        shard = self._numbers.get(path)
        if shard is None or size_bytes < 0:
            journal.note("unseen", f"{size_bytes} bytes of {path!r:.300}, which is no cleared shard")
        else:
            journal.read(shard, size_bytes)

    def step_ended(self, step: int, *, epoch: float | None = None) -> None:
        """Take note that an optimiser's step was made. See ``RunObserver``."""
        is_told = epoch is not None and math.isfinite(epoch) and 0 <= epoch < 10**9
        self._writing().step(max(step, 0), _decimal(epoch) if is_told and epoch is not None else "")

    def reads_unseen(self, what: str) -> None:
        """Take note that something is read which hooks do not see.

        Args:
            what: One sentence.
        """
        self._writing().note("unseen", what)

    def run_stopped(self, reasons: Sequence[str]) -> None:
        """Take note of why the run is not allowed to go on, one sentence each."""
        for reason in reasons:
            self._writing().note("stop", reason)

    def run_ended(self, end: RunEnd) -> None:
        """Take note that the run is over, and make the record where this is rank 0 and nothing else writes any more. Only the first call counts."""
        with self._lock:
            if self._ended:
                return
            self._ended = True
        self._writing().note("end", end.value, versions=_versions())
        if self._may_seal():
            self._seal(wait_s=0.0)

    def flush(self) -> None:
        """Write what was told."""
        self._writing().flush()

    def _may_seal(self) -> bool:
        return self._rank == 0 and os.getpid() == self._main

    def _seal(self, *, wait_s: float) -> None:
        """Make the record; where others still write, leave it to the process's end, and after that to the command."""
        deadline = time.monotonic() + wait_s
        while True:
            try:
                is_late = wait_s > 0 and time.monotonic() >= deadline
                seal_run(self._folder, signer=self._signer, own=None if self._journal is None else self._journal.file, whole=not is_late)
            except ProvenanceError as err:
                if not is_late and wait_s:
                    time.sleep(_STEP_S)
                    continue
                if wait_s:
                    sys.stderr.write(
                        f"provenance: no run record yet: {printable(str(err))}; make it by: provenance runs seal {printable(str(self._folder))}\n"
                    )
                return
            self._sealed = True
            if self._signer is None:
                sys.stderr.write(f"provenance: the run record in {printable(str(self._folder))} is UNSIGNED: no recorder's key was given\n")
            return

    def _arm(self) -> None:
        """Make what belongs to one process."""
        self._journal: Journal | None = None
        self._lock = threading.Lock()
        self._ended, self._sealed = False, False
        self._numbers = {path: number for number, path in enumerate(self._paths)}
        _LIVE.add(self)

    def _writing(self) -> Journal:
        """Return this process's journal; the first call makes it."""
        if self._journal is None:
            with self._lock:
                if self._journal is None:
                    self._journal = self._begin()
        return self._journal

    def _begin(self) -> Journal:
        is_worker = os.getpid() != self._main
        header = {
            "format": JOURNAL_FORMAT,
            "version": JOURNAL_VERSION,
            "run": self._run,
            "rank": self._rank,
            "world_size": self._world_size,
            "worker": is_worker,
            "began": self._clock(),
            "host": self._host,
            "sees_all": self._sees_all,
            "versions": _versions(),
        }
        name = f"{self._rank:06d}-{'worker' if is_worker else 'main'}-{os.getpid()}-{secrets.token_hex(4)}{JOURNAL_SUFFIX}"
        if (self._folder / RECORD_FILE).exists():
            sys.stderr.write("provenance: the run's record is made already: what this process reads will not be in it\n")
        try:
            journal = Journal(self._folder / name, header, self._clock)
        except OSError as err:
            raise RunRecordError(f"{printable(str(self._folder))} cannot take a run's notes: {err.strerror or err}") from err
        Finalize(None, self._close, args=(journal,), exitpriority=-10)
        return journal

    def _close(self, journal: Journal) -> None:
        """Write the last of it when a process ends, after its workers did, and make the record if the end was told and it is not made."""
        journal.flush()
        is_open = self._folder.is_dir() and not (self._folder / RECORD_FILE).exists()
        if self._ended and not self._sealed and is_open and self._may_seal():
            self._seal(wait_s=WAIT_S)

    def begin_anew(self) -> None:
        """Begin anew in a child: its parent's notes are the parent's, and so are its locks."""
        if self._journal is not None:
            self._journal.forget()
        self._signer = None
        self._arm()

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: neither the key nor what belongs to this process."""
        own = {"_journal", "_lock", "_ended", "_sealed", "_numbers", "_signer"}
        return {name: value for name, value in self.__dict__.items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Begin anew in another process."""
        self.__dict__.update(state)
        self._signer = None
        self._arm()


def _open_signer(key: PathText | Signer, passphrase: bytes | None, trust: PathText | None) -> Signer:
    signer: Signer = load_key(key, passphrase=passphrase) if isinstance(key, str | os.PathLike) else key
    trusted = load_trust(trust).key(key_id(signer.public_key))
    if trusted is None:
        raise UntrustedKeyError(
            f"the recorder's key {key_id(signer.public_key)[:16]}… is not in the trust file",
            hint="name the right trust file, or make a key: provenance keys new",
        )
    check_recorder(trusted)
    return signer


def _versions() -> dict[str, str]:
    """Return the versions of what is loaded."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in _PACKAGES:
        version = getattr(sys.modules.get(name), "__version__", None)
        if isinstance(version, str):
            found[name] = version
    return found


def _decimal(epoch: float) -> str:
    return f"{epoch:.6f}".rstrip("0").rstrip(".")


def _after_fork() -> None:
    for recorder in list(_LIVE):
        with contextlib.suppress(OSError):
            recorder.begin_anew()


os.register_at_fork(after_in_child=_after_fork)
