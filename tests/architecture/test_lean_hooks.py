"""A trainer image holds this package and nothing else: the gate must work there, and start fast."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.clearance.revocation import RevocationList
from provenance.clearance.signed_lists import sign_revocations
from provenance.clearance.trust import RevocationSource, trust_bytes
from tests.fakes.clearances import ClearedWorld, cleared_world, rfc_key, sample_trust

ROOT = Path(__file__).parents[2]
HEAVY = {
    "sqlalchemy",
    "alembic",
    "click",
    "jinja2",
    "pandas",
    "numba",
    "numpy",
    "pyarrow",
    "yaml",
    "rich",
    "orjson",
    "rfc8785",
    "datasketch",
    "torch",
    "fsspec",
    "s3fs",
}
LEAN_MODULES = [
    "provenance",
    "provenance.hooks",
    "provenance.hooks.gate",
    "provenance.hooks.launcher",
    "provenance.hooks.configured",
    "provenance.hooks.trainers",
    "provenance.hooks.loaders",
    "provenance.hooks.paths",
    "provenance.hooks.lightning_events",
    "provenance.hooks.axolotl_data",
    "provenance.hooks.guard",
    "provenance.hooks.buffered",
    "provenance.hooks.last_word",
    "provenance.hooks.ranks",
    "provenance.hooks.record",
    "provenance.clearance",
    "provenance.clearance.check",
    "provenance.clearance.signing",
    "provenance.clearance.keys",
    "provenance.clearance.keyring",
    "provenance.clearance.cosigning",
    "provenance.clearance.public_keys",
    "provenance.clearance.signed_lists",
    "provenance.clearance.sigstore",
    "provenance.fingerprint.digest",
    "provenance.canonical",
    "provenance.ports",
    "provenance.config",
    "provenance.storage.stores",
    "provenance.clearance.remote",
    "provenance.errors",
    *(f"provenance.model.{file.stem}" for file in sorted((ROOT / "provenance" / "model").glob("*.py")) if file.stem != "__init__"),
]


def alone(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter that sees the standard library and this package, and no other."""
    source = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}"
    command = [sys.executable, "-I", "-S", "-c", source, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    made = cleared_world(tmp_path, issued="2020-01-01T00:00:00Z", not_before="2020-01-01T00:00:00Z", expires="2999-01-01T00:00:00Z")
    made.trust.write_bytes(trust_bytes(sample_trust(window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
    return made


@pytest.mark.parametrize("module", LEAN_MODULES)
def test_lean_modules_need_the_standard_library_alone(module: str) -> None:
    done = alone(f"import {module}")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_isolation_is_real() -> None:
    done = alone("import numpy")
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr


@pytest.mark.parametrize(
    "module", ["provenance.hooks", "provenance.hooks.gate", "provenance.hooks.launcher", "provenance.hooks.record", "provenance.clearance.check"]
)
def test_importing_the_gate_loads_nothing_heavy(module: str) -> None:
    code = f"import sys, json, {module}; print(json.dumps(sorted(m.partition('.')[0] for m in sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60, cwd=ROOT)
    assert HEAVY & set(json.loads(done.stdout)) == set()


def test_a_whole_check_loads_nothing_heavy(world: ClearedWorld) -> None:
    code = (
        "import sys, json; from provenance.hooks.gate import examine\n"
        "examine(sys.argv[1], roots=[sys.argv[2]], trust=sys.argv[3])\n"
        "print(json.dumps(sorted(m.partition('.')[0] for m in sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(world.clearance), str(world.data), str(world.trust)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, cwd=ROOT)
    assert HEAVY & set(json.loads(done.stdout)) == set()


def test_a_denial_on_the_command_line_loads_nothing_that_it_does_not_need(world: ClearedWorld) -> None:
    (world.data / "extra").write_bytes(b"x")
    arguments = ["exec", "--clearance", str(world.clearance), "--trust", str(world.trust), "--root", str(world.data), "--", "true"]
    command = [sys.executable, "-X", "importtime", "-m", "provenance.cli.main", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)
    assert done.returncode == 77
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "provenance.hooks.launcher" in loaded
    assert loaded & (HEAVY - {"click"} | {"provenance.model.dataset", "shutil", "lzma", "sysconfig"}) == set()


LAUNCH = "from provenance.hooks.launcher import main; main()"


def launch_alone(world: ClearedWorld, *command: str) -> subprocess.CompletedProcess[str]:
    return alone(LAUNCH, "--clearance", str(world.clearance), "--root", str(world.data), "--trust", str(world.trust), "--", *command)


def test_the_launcher_verifies_and_runs_without_any_dependency(world: ClearedWorld) -> None:
    done = launch_alone(world, sys.executable, "-I", "-S", "-c", "print('TRAINED')")
    assert (done.returncode, done.stdout) == (0, "TRAINED\n"), done.stderr


def test_the_launcher_denies_without_any_dependency(world: ClearedWorld) -> None:
    raw = world.clearance.read_bytes()
    at = raw.index(b'"sig":"') + 20
    world.clearance.write_bytes(raw[:at] + (b"A" if raw[at : at + 1] != b"A" else b"B") + raw[at + 1 :])
    done = launch_alone(world, "true")
    assert done.returncode == 77
    assert "does not verify" in done.stderr
    world.clearance.write_bytes(raw)
    (world.data / "human.txt").write_bytes(b"x")
    done = launch_alone(world, "true")
    assert done.returncode == 77
    assert "human.txt: changed" in done.stderr


def test_a_signed_revocation_list_is_checked_without_any_dependency(world: ClearedWorld) -> None:
    source = RevocationSource(path="revoked.json", max_age_s=1 << 40, role="revoker")
    window = ("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z")
    world.trust.write_bytes(trust_bytes(sample_trust(("issuer",), ("revoker",), revocation=source, window=window)))
    place, fresh = world.trust.with_name("revoked.json"), RevocationList(issued="2026-01-01T00:00:00Z")
    place.write_bytes(sign_revocations(fresh, rfc_key(1)))
    assert launch_alone(world, "true").returncode == 0
    place.write_bytes(sign_revocations(fresh, rfc_key(0)))
    done = launch_alone(world, "true")
    assert done.returncode == 77
    assert "must sign it, 0 did" in done.stderr


def test_a_root_in_a_store_is_denied_where_nothing_can_read_it(world: ClearedWorld) -> None:
    done = alone(LAUNCH, "--clearance", str(world.clearance), "--root", "s3://bucket/data", "--trust", str(world.trust), "--", "true")
    assert done.returncode == 77
    assert "s3://bucket/data: s3:// needs the package s3fs (pip install 'provenance-audit[s3]', or pip install s3fs)" in done.stderr


def test_signing_without_cryptography_says_so() -> None:
    done = alone("from provenance.clearance.keys import generate_key; generate_key()")
    assert done.returncode == 1
    assert "KeyFileError: signing needs the cryptography package" in done.stderr


def test_the_transformers_hook_says_what_it_needs() -> None:
    done = alone("import provenance.hooks.transformers")
    assert done.returncode == 1
    assert "ImportError: provenance.hooks.transformers needs the transformers package" in done.stderr
