"""``provenance exec --ranks-verify -- torchrun --max-restarts 3``: a denied rank ends the whole job, and torchrun does not start it again."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from provenance.clearance.statement import GateLeave
from tests.fakes.launching import REPOSITORY, lasting_world, launch, options

pytestmark = pytest.mark.torch
SCRIPT = """
import sys
from pathlib import Path
Path(sys.argv[1]).open("a").write("x")
from provenance.hooks.gate import require_clearance
require_clearance(sys.argv[2], roots=[sys.argv[3]], trust=sys.argv[4])
Path(sys.argv[5]).open("a").write("x")
"""


@pytest.mark.parametrize("changed", [False, True])
def test_torchrun_starts_a_denied_job_once(tmp_path: Path, changed: bool) -> None:
    world = lasting_world(tmp_path, gate=GateLeave(ranks_verify=True))
    if changed:
        (world.data / "human.txt").write_bytes((world.data / "human.txt").read_bytes().swapcase())
    script, started, trained = tmp_path / "train.py", tmp_path / "started", tmp_path / "trained"
    script.write_text(SCRIPT, encoding="utf-8")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", "--max-restarts=3", str(script)]
    arguments = [str(started), str(world.clearance), str(world.data), str(world.trust), str(trained)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    done = launch(*options(world), "--ranks-verify", "--", *torchrun, *arguments, env=environment)
    assert done.returncode == (77 if changed else 0), done.stderr
    assert trained.exists() is not changed
    assert len(started.read_text(encoding="utf-8")) <= 4  # of 8: two ranks, started once and at most once more before the word came
    if changed:
        assert "a rank of the job was denied, and the job was ended" in done.stderr
