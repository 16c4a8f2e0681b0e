"""Accelerate: the gate around ``Accelerator()``.

Everything but the bytes is checked before the ``Accelerator`` exists, and with it a process group and a device: a clearance that does not hold, a missing, added or
resized file end the process there. The bytes are hashed right after it, by all processes together, before a loader is prepared or a batch is read.
"""

from __future__ import annotations

from typing import Any, Unpack

from provenance.clearance.check import GatePass
from provenance.hooks import last_word
from provenance.hooks.gate import GateOptions, PathText, TrainingBlocked, announce, plan_run
from provenance.hooks.ranks import pass_gate_together

try:
    from accelerate import Accelerator
except ImportError as err:
    raise ImportError("provenance.hooks.accelerate needs the accelerate package: pip install accelerate") from err


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
        announce(denial, denial_json=denial_json, roots=options["roots"])
        last_word.denied(clearance)
        raise
    made = Accelerator(**(accelerator or {}))
    return made, pass_gate_together(clearance, denial_json=denial_json, **options)
