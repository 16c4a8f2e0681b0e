"""The gate before training, for all processes of a run. Each checks everything itself."""

from __future__ import annotations

from typing import Unpack

from provenance.clearance.check import GatePass
from provenance.hooks.gate import GateOptions, PathText, pass_gate


def pass_gate_together(clearance: PathText, *, denial_json: PathText | None = None, **options: Unpack[GateOptions]) -> GatePass:
    """Return what was checked. Arguments and errors are those of ``pass_gate``."""
    return pass_gate(clearance, denial_json=denial_json, **options)
