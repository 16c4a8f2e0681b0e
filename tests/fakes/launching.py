"""Launching commands in worlds that are cleared whatever this machine's clock says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provenance.clearance.statement import Basis, GateLeave
from provenance.clearance.trust import trust_bytes
from tests.fakes.clearances import ClearedWorld, cleared_world, sample_trust

ALWAYS = {"issued": "2020-01-01T00:00:00Z", "not_before": "2020-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z"}
REPOSITORY = Path(__file__).parents[2]
_SOME = "sha256:" + "77" * 32
BASIS = Basis(
    audit_id=_SOME,
    requested_by="lead@example.org",
    run_file_digest=None,
    licenses_catalog_digest=_SOME,
    scans_digest=_SOME,
    findings_digest=_SOME,
    waiver_digests=(),
)


def lasting_world(folder: Path, *, gate: GateLeave | None = None, **changes: Any) -> ClearedWorld:
    """Make a world whose clearance holds now.

    Args:
        folder: Where.
        gate: What the clearance allows the gate, which only version 3 can say.
        **changes: To the clearance.
    """
    more = {} if gate is None else {"gate": gate, "rests_on": BASIS}
    made = cleared_world(folder, **{**ALWAYS, **more, **changes})
    made.trust.write_bytes(trust_bytes(sample_trust(window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
    return made


def options(world: ClearedWorld) -> list[str]:
    return ["--clearance", str(world.clearance), "--root", str(world.data), "--trust", str(world.trust)]


def launch(*arguments: str, cwd: Path = REPOSITORY, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "provenance.hooks.launcher", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=cwd, env=env, stdin=subprocess.DEVNULL)
