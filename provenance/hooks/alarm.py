"""A denial in a thread, or in a worker of a data loader, ends the process that made the guard.

``SystemExit`` in a thread is ignored by Python, and of a worker that ends a data loader makes a ``RuntimeError``, which ``except Exception`` swallows. So a worker
tells the process that made the guard, by a socket of this machine and under a key that only its workers were given; there the denial is raised in the
main thread. If that has not ended the process within ``GRACE_S`` seconds, or the script ends in another way, the process exits with 77 all the same.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Client, Connection, Listener, answer_challenge, deliver_challenge
from typing import Final

from provenance.hooks import last_word
from provenance.hooks.gate import DENIED_EXIT, PathText, TrainingBlocked, announce, end_process_group

GRACE_S: Final = 2.0
"""How long the main thread may take to end once the denial has been raised in it."""
ANSWER_S: Final = 5.0
"""How long a worker waits for the process that made the guard to have heard it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """How workers reach the process that made a guard."""

    pid: int
    address: str
    key: bytes

    def is_here(self) -> bool:
        """Tell whether this is the process that made the guard."""
        return self.pid == os.getpid()

    def tell(self, denial: TrainingBlocked, denial_json: PathText | None) -> bool:
        """Return whether the process that made the guard has heard of a denial, and is about to end."""
        message = {
            "reasons": list(denial.reasons),
            "hint": denial.hint,
            "clearance": denial.clearance,
            "kind": denial.kind,
            "denial_json": None if denial_json is None else os.path.abspath(os.fspath(denial_json)),  # noqa: PTH100 – a PathLike may be of any kind
        }
        try:
            with Client(self.address, authkey=self.key) as connection:
                connection.send_bytes(json.dumps(message).encode())
                return connection.poll(ANSWER_S) and connection.recv_bytes() == b"heard"
        except (OSError, EOFError, ValueError):
            return False

    def on_denial(self, listen: Callable[[], None]) -> None:
        """Have something called before this process ends by a denial. To be called in the process that made the guard."""
        if _bell is not None:
            _bell.listeners.append(listen)


class _Bell:
    """Waits for denials, and ends this process by the first."""

    def __init__(self) -> None:
        key = os.urandom(32)
        # Linux has names of sockets that are no files, so that nothing is left behind by a process that is ended.
        name = f"\0provenance-{os.getpid()}-{os.urandom(8).hex()}" if sys.platform == "linux" else None
        self._listener = Listener(name, backlog=64)  # the handshake is made in `_listen`
        self.alarm = Alarm(pid=os.getpid(), address=name or str(self._listener.address), key=key)
        self.listeners: list[Callable[[], None]] = []
        self.denial: TrainingBlocked | None = None
        self._lock = threading.Lock()
        threading.Thread(target=self._wait, name="provenance-alarm", daemon=True).start()

    def _wait(self) -> None:
        """Take up connections, each in a thread of its own: a stranger that says nothing holds up nobody."""
        while True:
            try:
                connection = self._listener.accept()
            except Exception:  # noqa: BLE001 – whatever a stranger does, workers must still be heard
                time.sleep(0.01)
                continue
            threading.Thread(target=self._listen, args=(connection,), name="provenance-alarm-listen", daemon=True).start()

    def _listen(self, connection: Connection) -> None:
        """Hear one connection out, if it knows the key."""
        with suppress(Exception), connection:  # whatever a stranger sends
            deliver_challenge(connection, self.alarm.key)
            answer_challenge(connection, self.alarm.key)
            if connection.poll(ANSWER_S):
                wire = json.loads(connection.recv_bytes(1 << 24))
                denial = TrainingBlocked(wire["reasons"], hint=wire["hint"], clearance=wire["clearance"], kind=wire["kind"])
                self.ring(denial, wire["denial_json"], answer=partial(connection.send_bytes, b"heard"))

    def ring(self, denial: TrainingBlocked, denial_json: PathText | None, *, answer: Callable[[], None] = lambda: None) -> None:
        """End this process by a denial in its main thread; only the first counts.

        Args:
            denial: Why.
            denial_json: File for it.
            answer: Called once nothing can keep this process from ending with 77.
        """
        with self._lock:
            first = self.denial is None
            self.denial = self.denial or denial
        if first:
            last_word.denied(denial.clearance, final=True)
            threading.Thread(target=_end_after_grace, name="provenance-end", daemon=True).start()
        with suppress(OSError):
            answer()
        if not first:
            return
        announce(denial, denial_json=denial_json)
        for listen in self.listeners:
            with suppress(Exception):  # whoever keeps a record must not keep the job alive
                listen()
        end_process_group()
        _raise_in_main_thread()


_bell: _Bell | None = None
_lock = threading.Lock()


def this_alarm() -> Alarm:
    """Return how workers reach this process; it listens from now on."""
    global _bell  # noqa: PLW0603 – one socket and one thread serve all guards of a process
    with _lock:
        if _bell is None or not _bell.alarm.is_here():
            _bell = _Bell()
        return _bell.alarm


def end_main_thread(denial: TrainingBlocked, denial_json: PathText | None) -> None:
    """End this process by a denial that one of its other threads met."""
    this_alarm()
    if _bell is not None:
        _bell.ring(denial, denial_json)


class _BlockedElsewhereError(TrainingBlocked):
    """The denial that a worker or thread met, as the main thread raises it: Python makes it without arguments."""

    def __init__(self) -> None:
        known = (_bell.denial if _bell is not None else None) or TrainingBlocked(("a worker was denied",))
        super().__init__(known.reasons, hint=known.hint, clearance=known.clearance, kind=known.kind)


def _raise_in_main_thread() -> None:
    import ctypes

    main = threading.main_thread().ident
    if main is None:
        return
    with suppress(Exception):  # other Pythons than CPython: the grace ends the process
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(main), ctypes.py_object(_BlockedElsewhereError))
    if hasattr(signal, "pthread_kill"):  # wakes a main thread that waits for its workers; nothing happens where nobody handles this signal
        with suppress(Exception):
            signal.pthread_kill(main, signal.SIGCHLD)


def _end_after_grace() -> None:
    time.sleep(GRACE_S)
    _end_now()


def _end_now() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    os._exit(DENIED_EXIT)


def is_loader_worker() -> bool:
    """Tell whether this process is a worker of a ``DataLoader`` of torch. Never imports torch."""
    loader = sys.modules.get("torch.utils.data")
    return loader is not None and loader.get_worker_info() is not None
