"""The gate for all ranks of a running ``torch.distributed`` job: they share the hashing, and one denial denies all.

Rules this module keeps:
* Rank and world size come from the process group, never from the environment.
* Only ranks that see the very same files share: one machine (its boot id), and equal device, inode, size and times of every file. Others cover everything themselves.
* Every rank judges the clearance by its own clock, before and after hashing. What each covered is exchanged, and a cover with a hole is a denial.
* No rank waits for ever. One that was denied waits a moment for the others to hear of it; one that hears nothing within the limit is denied.
* What is exchanged is JSON, over gloo on the processor: no device is touched before the verdict.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Unpack

from provenance.clearance.check import GatePass
from provenance.errors import SubjectMismatchError
from provenance.hooks import last_word
from provenance.hooks.agreement import TOGETHER, DeniedElsewhere, Exchange, agree
from provenance.hooks.gate import (
    DENIED_EXIT,
    MAX_WAIT_S,
    GateOptions,
    PathText,
    TrainingBlocked,
    announce,
    denying,
    end_process_group,
    examine,
    tell_passed,
)

WAIT_S: Final = 600.0
"""How long a rank waits for the others to come to the gate: as long as NCCL waits for a rank that does not come to an exchange of its own."""
SLOWEST_BYTES_PER_S: Final = 50_000_000
"""Once all have come, they have so much longer to hash their shares: slower than any disk that one would train from, and not for ever."""
GROUP_S: Final = 7 * 86_400
"""How long an exchange of the gate's own group may take: the watch ends it long before."""
WAIT_HINT: Final = "see which rank says nothing; where one rightly comes later than that, give wait_s"
PARTING_S: Final = 2.0
"""How long a rank that was denied stays so that the others hear why; then it ends, which they notice too."""


def pass_gate_together(clearance: PathText, *, denial_json: PathText | None = None, **options: Unpack[GateOptions]) -> GatePass:
    """Return the clearance and every file that was verified, by all ranks together; alone where no process group is initialised.

    To be called by every rank of the default group, at the same point of the script.

    Args:
        clearance: ``X.clearance.json``.
        denial_json: File for the denial as JSON; whoever was denied for a reason of its own writes it.
        **options: See ``GateOptions``. ``digest_cache`` is not asked here: everything is hashed.

    Raises:
        TrainingBlocked: If anything at all is wrong on any rank. In the group the process ends at once instead, with code 77.
    """
    try:
        passed = examine_together(clearance, denial_json=denial_json, **options)
    except TrainingBlocked as denial:
        last_word.denied(clearance)
        announce(denial, denial_json=denial_json if not isinstance(denial, DeniedElsewhere) else None, roots=options["roots"])
        end_process_group()
        raise
    last_word.passed(clearance)
    tell_passed(passed)
    return passed


def examine_together(clearance: PathText, *, denial_json: PathText | None = None, **options: Unpack[GateOptions]) -> GatePass:
    """Return what all ranks verified. Says nothing and ends nothing, unless a rank does not come. Arguments are those of ``pass_gate_together``.

    Raises:
        TrainingBlocked: If anything at all is wrong on any rank.
    """
    wait_s = _wait_of(options, clearance)
    distributed = _initialised()
    if distributed is None:
        return examine(clearance, **options)
    with _no_waiting_for_ever(clearance, wait_s, denial_json=denial_json) as watch:
        with denying(clearance):
            exchange = _over_gloo(distributed)
        return agree(clearance, exchange, rank=int(distributed.get_rank()), on_denial=watch.part, on_arrival=watch.hashing, **options)


def _wait_of(options: GateOptions, clearance: PathText) -> float:
    """Return how long a rank waits. A wrong value is told by one process too, so that it shows before there are many.

    Raises:
        TrainingBlocked: If it is no number of seconds that a clock can wait.
    """
    asked: object = options.get("wait_s")
    if asked is None:
        return WAIT_S
    if isinstance(asked, bool) or not isinstance(asked, int | float) or not 0 < asked <= MAX_WAIT_S:
        reason = f"wait_s must be a number of seconds above 0 and at most {MAX_WAIT_S:,}, got {asked!r:.40}"
        raise TrainingBlocked((reason,), hint="such as: wait_s=600", clearance=os.fspath(clearance), kind="UsageError")
    return float(asked)


def _initialised() -> Any | None:
    """Return ``torch.distributed`` if a process group is up. Never imports torch."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is None or not distributed.is_available() or not distributed.is_initialized():
        return None
    return distributed


def _over_gloo(distributed: Any) -> Exchange:
    """Return the exchange over the default group, or over a group of gloo beside it where that speaks to devices only.

    Raises:
        SubjectMismatchError: If this build of torch has no gloo, without which ranks cannot speak before a device is touched.
    """
    group = None
    if "gloo" not in str(distributed.get_backend_config() if hasattr(distributed, "get_backend_config") else distributed.get_backend()):
        if not distributed.is_gloo_available():
            raise SubjectMismatchError(
                "the ranks cannot agree: this build of torch has no gloo, and nothing else works without touching a device",
                hint="use the launcher prefix: provenance exec … -- torchrun …",
            )
        group = distributed.new_group(backend="gloo", timeout=timedelta(seconds=GROUP_S))

    def exchange(text: str) -> list[str]:
        heard: list[Any] = [None] * int(distributed.get_world_size())
        distributed.all_gather_object(heard, text, group=group)
        return [str(said) for said in heard]

    return exchange


@dataclass(slots=True)
class _Watch:
    """Ends this process where the check of all ranks does not come to an end."""

    clearance: PathText
    denial_json: PathText | None
    wait_s: float
    timer: threading.Timer | None = None
    parting: bool = False

    def start(self, seconds: float) -> None:
        """End the process after some seconds, unless told otherwise before."""
        self.stop()
        self.timer = threading.Timer(seconds, self._end, args=(seconds,))
        self.timer.daemon = True
        self.timer.start()

    def hashing(self, size_bytes: int) -> None:
        """Stay as long as a rank needs to hash so many bytes: all have come."""
        self.start(self.wait_s + size_bytes / SLOWEST_BYTES_PER_S)

    def part(self) -> None:
        """Stay only as long as the others need to hear why this rank was denied."""
        if not self.parting:
            self.parting = True
            self.start(PARTING_S)

    def stop(self) -> None:
        """Let the process live."""
        if self.timer is not None:
            self.timer.cancel()

    def _end(self, seconds: float) -> None:
        try:
            if not self.parting:
                reason = f"{TOGETHER} did not end within {seconds:g} s: a rank did not come, or hangs"
                denial = TrainingBlocked((reason,), hint=WAIT_HINT, clearance=os.fspath(self.clearance), kind="TimeoutError")
                announce(denial, denial_json=self.denial_json)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(DENIED_EXIT)


@contextmanager
def _no_waiting_for_ever(clearance: PathText, wait_s: float, *, denial_json: PathText | None) -> Iterator[_Watch]:
    watch = _Watch(clearance=clearance, denial_json=denial_json, wait_s=wait_s)
    watch.start(wait_s)
    try:
        yield watch
    finally:
        watch.stop()
