"""Staying beside a command whose ranks hash the data: signals go on to it, its exit code is returned, and it is ended where no rank reports that every file was hashed.

Linux only: signals are waited for with ``sigtimedwait``, and processes that the command left behind are found below this one in ``/proc``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from provenance.hooks.gate import TrainingBlocked
from provenance.hooks.obligation import Obligation

GRACE_S: Final = 5.0
"""How long a job that is ended has to end by itself before it is killed."""
TICK_S: Final = 0.05
SIGNAL_BASE: Final = 128
"""A command that a signal ended has this plus the signal's number as its exit code, as shells have it."""
_FROM_KERNEL: Final = 0x80
"""``si_code`` of a signal that the terminal sent: to the whole foreground group, the command included (sigaction(2))."""
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def is_supported() -> bool:
    """Tell whether this machine can supervise."""
    return sys.platform == "linux"


class Supervisor:
    """One command, from its start to its end."""

    def __init__(self, command: Sequence[str], obligation: Obligation, *, within_s: float, clearance: str) -> None:
        """Take note of what to run.

        Args:
            command: Program and arguments.
            obligation: What its ranks owe.
            within_s: Seconds after its start by which they must have reported.
            clearance: Path of the clearance, for the denial.
        """
        self._command = list(command)
        self._obligation = obligation
        self._within_s = within_s
        self._clearance = clearance
        self._pid = 0
        self._status: int | None = None
        self._met = False

    def run(self) -> int:
        """Run the command and return its exit code.

        Raises:
            TrainingBlocked: If a rank was denied, or none reported in time that every file was hashed. Nothing of the job is left then.
            OSError: If it could not be started.
        """
        forwarded = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2}
        before = signal.pthread_sigmask(signal.SIG_BLOCK, forwarded | {signal.SIGCHLD})
        try:
            self._start(before)
            return self._watch(forwarded)
        except BaseException:
            self._end()
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _start(self, mask: set[int | signal.Signals]) -> None:
        import ctypes
        import subprocess

        prctl = ctypes.CDLL(None).prctl
        prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

        def in_child() -> None:
            prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)  # nobody would watch it if this process were killed
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)

        # Open descriptors go on to it, as they do where the launcher becomes the command.
        child = subprocess.Popen(  # noqa: S603 - running the user's command is the purpose
            self._command,
            env=dict(self._obligation.environment()),
            close_fds=False,
            preexec_fn=in_child,  # noqa: PLW1509 - no thread runs: nothing has been hashed here
        )
        self._pid, child.returncode = child.pid, 0  # it is waited for here

    def _watch(self, forwarded: set[signal.Signals]) -> int:
        deadline = time.monotonic() + self._within_s
        while True:
            told = signal.sigtimedwait(forwarded | {signal.SIGCHLD}, TICK_S)
            if told is not None and told.si_signo != signal.SIGCHLD and told.si_code != _FROM_KERNEL:
                with suppress(ProcessLookupError):
                    os.kill(self._pid, told.si_signo)
            self._reap()
            self._judge(late=time.monotonic() > deadline)
            if self._status is not None:
                return self._status if self._status >= 0 else SIGNAL_BASE - self._status

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if pid == self._pid:
                    self._status = os.waitstatus_to_exitcode(status)

    def _judge(self, *, late: bool) -> None:
        reasons = self._obligation.denial()
        self._met = self._met or self._obligation.is_met()
        if reasons is not None:
            self._deny(("a rank of the job was denied, and the job was ended", *reasons))
        if not self._met and (late or self._status is not None):
            how = f"the command ended with exit code {self._status}" if self._status is not None else f"{self._within_s:g} s have passed"
            other = self._obligation.has_other_cover()
            what = "what its ranks hashed is not what was cleared" if other else "no rank reported that it had hashed the data"
            self._deny((f"{how}, and {what}: whatever it did with them is not covered by the clearance",))

    def _deny(self, reasons: tuple[str, ...]) -> None:
        hint = "call a hook of provenance.hooks in the training script, with this clearance and these roots, or leave --ranks-verify out"
        raise TrainingBlocked(reasons, hint=hint, clearance=self._clearance, kind="ObligationError")

    def _end(self) -> None:
        """End every process of the job: with a word first, then without."""
        until = time.monotonic() + GRACE_S
        for pid in _below(os.getpid()):
            _send(pid, signal.SIGTERM)
        while _below(os.getpid()) and time.monotonic() < until:
            self._reap()
            time.sleep(0.02)
        while left := _below(os.getpid()):
            for pid in left:
                _send(pid, signal.SIGKILL)
            self._reap()
            time.sleep(0.02)


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _below(pid: int) -> set[int]:
    """Return the processes that descend from one, without those that have ended and wait to be noticed by another."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                state, parent = (entry / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:2]
                if state != "Z" or int(parent) == pid:
                    parents[int(entry.name)] = int(parent)
    found: set[int] = set()
    grown = True
    while grown:
        more = {child for child, parent in parents.items() if (parent == pid or parent in found) and child not in found}
        found |= more
        grown = bool(more)
    return found
