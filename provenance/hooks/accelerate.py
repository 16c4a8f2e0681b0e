"""Accelerate: the gate around ``Accelerator()``.

Everything but the bytes is checked before the ``Accelerator`` exists, and with it a process group and a device: a clearance that does not hold, a missing, added or
resized file end the process there. The bytes are hashed right after it, by all processes together, before a loader is prepared or a batch is read.

Processes that nobody watches (``srun``, ``mpirun``) would wait for one that ends before it has met them. So such a process makes its ``Accelerator`` too when it is denied, for
nothing but to tell the others; all then end together. Under torchrun it ends at once, since torchrun ends the others.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn, Unpack

from provenance.clearance.check import GatePass
from provenance.hooks import last_word
from provenance.hooks.gate import DENIED_EXIT, GateOptions, PathText, TrainingBlocked, announce, plan_run
from provenance.hooks.ranks import pass_gate_together

try:
    import torch.distributed as torch_distributed
    from accelerate import Accelerator
    from accelerate.utils import get_int_from_env
except ImportError as err:
    raise ImportError("provenance.hooks.accelerate needs the accelerate package: pip install accelerate") from err

TELL_WITHIN_S: Final = 60.0
"""How long a denied process waits to meet the others."""
_SIZES: Final = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
"""Where launchers write how many processes there are, in accelerate's order."""


def cleared_accelerator(
    clearance: PathText,
    *,
    denial_json: PathText | None = None,
    accelerator: dict[str, Any] | None = None,
    **options: Unpack[GateOptions],
) -> tuple[Accelerator, GatePass]:
    """Return an ``Accelerator`` of a run that may start, and what was verified.

    >>> accelerator, passed = cleared_accelerator("run.clearance.json", roots=["data"])  # doctest: +SKIP

    Args:
        clearance: ``X.clearance.json``.
        denial_json: File for a denial as JSON.
        accelerator: Arguments of ``Accelerator``.
        **options: See ``provenance.hooks.gate.GateOptions``.

    Raises:
        TrainingBlocked: If training may not start. Where a process group is up, all its processes end at once instead, with code 77.
    """
    try:
        plan_run(clearance, **options)
    except TrainingBlocked as denial:
        if _others_would_wait():
            with _telling_the_others(denial, denial_json):
                return _made_and_passed(clearance, denial_json, accelerator, options)  # denied again, where the others hear it
        last_word.denied(clearance)
        announce(denial, denial_json=denial_json, roots=options["roots"])
        raise
    return _made_and_passed(clearance, denial_json, accelerator, options)


def _made_and_passed(
    clearance: PathText, denial_json: PathText | None, accelerator: dict[str, Any] | None, options: GateOptions
) -> tuple[Accelerator, GatePass]:
    made = Accelerator(**(accelerator or {}))
    return made, pass_gate_together(clearance, denial_json=denial_json, **options)


def _others_would_wait() -> bool:
    """Tell whether this is one of several processes that nobody ends when it ends. What the environment says decides how a denial is told, never whether."""
    return get_int_from_env(list(_SIZES), 1) > 1 and not torch_distributed.is_torchelastic_launched()


@contextmanager
def _telling_the_others(denial: TrainingBlocked, denial_json: PathText | None) -> Iterator[None]:
    """Join the others, but wait only so long for them; where they cannot be met, this process ends by its own denial."""

    def end() -> NoReturn:
        try:
            announce(denial, denial_json=denial_json)
            sys.stdout.flush()
        finally:
            os._exit(DENIED_EXIT)

    timer = threading.Timer(TELL_WITHIN_S, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:  # noqa: BLE001 – whatever keeps it from meeting the others, it was denied
        end()
    finally:
        timer.cancel()
