"""A real training run in PyTorch with two loader processes: its record holds every byte that they read, and the steps that were made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.clearance.keys import write_key
from provenance.clearance.run_record import parse_record, verify_record
from provenance.clearance.trust import load_trust, trust_bytes
from provenance.hooks.gate import utc_now
from provenance.hooks.run_folder import RECORD_FILE
from provenance.model.absence import TriState
from provenance.model.training import RunEnd
from tests.fakes.clearances import cleared_world, rfc_key, sample_trust

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[3]
ALWAYS = {"issued": "2020-01-01T00:00:00Z", "not_before": "2020-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z"}


def test_the_example_run_leaves_a_signed_record_of_all_it_read(tmp_path: Path) -> None:
    world = cleared_world(tmp_path, **ALWAYS)
    world.trust.write_bytes(trust_bytes(sample_trust(("issuer",), ("recorder",), window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
    write_key(rfc_key(1), tmp_path / "node.pem", passphrase=None)
    script = ROOT / "examples" / "run_record" / "train.py"
    files = (world.clearance, world.data, world.trust, tmp_path / "run", tmp_path / "node.pem")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    sealed = parse_record((tmp_path / "run" / RECORD_FILE).read_bytes())
    record = sealed.record
    assert verify_record(sealed, load_trust(world.trust), utc_now()).roles == ("recorder",)
    sizes = {p.relative_to(world.data).as_posix(): p.stat().st_size for p in world.data.rglob("*") if p.is_file()}
    assert {s.path: s.bytes_read for s in record.shards} == {path: 2 * size for path, size in sizes.items()}
    assert (record.end, record.epochs, record.unseen) == (RunEnd.COMPLETED, "2", TriState.NO)
    assert f"{record.steps} steps" in done.stdout
    assert record.processes == 1 + 2 * 2  # two loaders are started anew each epoch
    assert "torch" in {v.name for v in record.versions}
