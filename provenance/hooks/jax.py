"""JAX loops: ``with cleared(clearance, roots=[...]) as guard:`` around everything that touches a device.

The gate is passed before the body runs, so that no backend is initialised when it denies. This module never imports JAX: it only looks whether the script has. Where
``jax.distributed`` is initialised, every process checks what it sees of the data, and all of them go on, or none does: they tell one another by the key-value store
of JAX's own coordinator, which needs no device (``jax.process_index`` would initialise the backends).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, NoReturn, Protocol, Unpack, cast

from provenance.clearance.check import GatePass
from provenance.hooks import last_word
from provenance.hooks.gate import DENIED_EXIT, GateOptions, PathText, TrainingBlocked, announce, examine, tell_passed
from provenance.hooks.guard import Guard
from provenance.hooks.observe import RunEnd, RunObserver, Unobserved

PARTING_S: Final = 2.0
"""How long a denied process stays for the others to hear of it."""
_LEAVING_S: Final = 0.3
AGREE_WITHIN_S: Final = 600.0
"""How long processes wait for one another: each may have to hash all shards."""
_AGREE_HINT: Final = "read what the other process printed; all processes must see the same clearance and the same data"
_rounds = 0


class _Store(Protocol):
    """JAX's client of the coordinator: what is asked of it."""

    def key_value_set(self, key: str, value: str) -> None: ...
    def blocking_key_value_get(self, key: str, timeout_in_ms: int) -> str: ...


class _State(Protocol):
    """What ``jax.distributed`` knows of this process."""

    client: _Store
    process_id: int
    num_processes: int


@contextmanager
def cleared(
    clearance: PathText,
    *,
    observer: RunObserver | None = None,
    denial_json: PathText | None = None,
    agree_within_s: float = AGREE_WITHIN_S,
    **options: Unpack[GateOptions],
) -> Iterator[Guard]:
    """Pass the gate, give the guard through which the loop reads its shards, and tell how the run came to its end.

    Args:
        clearance: ``X.clearance.json``.
        observer: Told of every read and of the end.
        denial_json: File for a denial as JSON.
        agree_within_s: How long to wait for the other processes of ``jax.distributed``, seconds.
        **options: See ``provenance.hooks.gate.GateOptions``.

    Raises:
        TrainingBlocked: If training may not start, here or in another process; where there are several, the process ends at once with exit code 77 instead.
    """
    listener = observer or Unobserved()
    state = _distributed_state()
    try:
        passed = _agree(clearance, options, state, agree_within_s)
    except TrainingBlocked as denial:
        last_word.denied(clearance)
        announce(denial, denial_json=denial_json, roots=options["roots"])
        _tell(listener, RunEnd.DENIED)
        if state is not None:
            _part(state)
        _end(denial, several=state is not None)
    last_word.passed(clearance)
    tell_passed(passed)
    try:
        yield Guard.of(passed, observer=listener, denial_json=denial_json, clearance=clearance)
    except TrainingBlocked as denial:
        _end(denial, several=state is not None)
    except BaseException as err:
        listener.run_ended(RunEnd.FAILED if isinstance(err, Exception) else RunEnd.STOPPED)
        raise
    listener.run_ended(RunEnd.COMPLETED)


def _tell(listener: RunObserver, end: RunEnd) -> None:
    try:
        listener.run_ended(end)
    except Exception as err:  # noqa: BLE001 – whoever keeps a record must not stand in a denial's way
        sys.stderr.write(f"provenance: the end of the run could not be recorded: {type(err).__name__}\n")


def _end(denial: TrainingBlocked, *, several: bool) -> NoReturn:
    """End the run; at once where other processes would wait for this one."""
    if several:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(DENIED_EXIT)
    raise denial


def _part(state: _State) -> None:
    """Stay until the other processes have heard of the denial, and told theirs: one whose coordinator goes first is ended by JAX with a signal, in the place of 77."""
    name, until = f"provenance/gate/{_rounds}/heard", time.monotonic() + PARTING_S
    with suppress(Exception):  # where the store is gone nobody is left to hear
        state.client.key_value_set(f"{name}/{state.process_id}", "yes")
        for process in range(state.num_processes):
            state.client.blocking_key_value_get(f"{name}/{process}", max(1, int((until - time.monotonic()) * 1000)))
        if state.process_id == 0:  # it holds the store: the others read its last word first
            time.sleep(_LEAVING_S)


def _distributed_state() -> _State | None:
    """Return how this process reaches the others of ``jax.distributed``, ``None`` where there are none."""
    module = sys.modules.get("jax._src.distributed")
    state: Any = getattr(module, "global_state", None)
    if state is None or state.client is None or state.num_processes == 1:
        return None
    return cast("_State", state)


def _agree(clearance: PathText, options: GateOptions, state: _State | None, within_s: float) -> GatePass:
    """Return what was verified here, if every process was let through by the same clearance."""
    try:
        passed = examine(clearance, **options)
    except TrainingBlocked as denial:
        if state is not None:
            _publish(state, {"denied": denial.reasons[0]})
        raise
    if state is not None:
        own = [passed.clearance.manifest_root, passed.clearance.audit, passed.clearance.expires]
        reasons = _others_reasons(state, own, within_s)
        if reasons:
            raise TrainingBlocked(reasons, hint=_AGREE_HINT, clearance=os.fspath(clearance), kind="SubjectMismatchError")
    return passed


def _publish(state: _State, word: dict[str, Any]) -> str:
    """Tell the other processes; return the round's name. Every process comes to the gate equally often."""
    global _rounds  # noqa: PLW0603 – keys of the store can be written once
    _rounds += 1
    name = f"provenance/gate/{_rounds}"
    try:
        state.client.key_value_set(f"{name}/{state.process_id}", json.dumps(word))
    except Exception as err:
        raise TrainingBlocked((f"the other processes cannot be told: {type(err).__name__}",), hint=_AGREE_HINT) from err
    return name


def _others_reasons(state: _State, own: list[str], within_s: float) -> list[str]:
    """Return why the processes do not agree, nothing if they do."""
    name = _publish(state, {"passed": own})
    reasons: list[str] = []
    for process in range(state.num_processes):
        try:
            word = json.loads(state.client.blocking_key_value_get(f"{name}/{process}", int(within_s * 1000)))
        except Exception as err:  # noqa: BLE001 – of whatever kind, nobody knows what that process saw
            return [*reasons, f"process {process} did not say within {within_s:g} s whether it may train: {type(err).__name__}"]
        if "denied" in word:
            reasons.append(f"process {process} may not train: {word['denied']}")
        elif word.get("passed") != own:
            reasons.append(f"process {process} was let through by another clearance")
    return reasons
