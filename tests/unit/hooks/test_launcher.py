"""The launcher prefix: verifies, then becomes the command. Exit codes are the contract."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.clearance.signing import issue_clearance
from provenance.clearance.trust import trust_bytes
from provenance.fingerprint.digest import merkle_root
from provenance.hooks.launcher import run
from tests.fakes.clearances import (
    POLICY_FILE,
    RUN_FILE,
    ClearedWorld,
    bound_clearance,
    broken_clearance,
    cleared_world,
    leaves_of,
    rfc_key,
    sample_trust,
)

ALWAYS = {"issued": "2020-01-01T00:00:00Z", "not_before": "2020-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z"}
SAY = [sys.executable, "-c", "import sys; print('TRAINED', sys.argv[1:])"]


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    """A world that is cleared whatever this machine's clock says."""
    made = cleared_world(tmp_path, **ALWAYS)
    made.trust.write_bytes(trust_bytes(sample_trust(window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
    return made


def options(world: ClearedWorld) -> list[str]:
    return ["--clearance", str(world.clearance), "--root", str(world.data), "--trust", str(world.trust)]


def launch(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "provenance.hooks.launcher", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=cwd)


def test_a_cleared_command_runs_with_its_own_arguments_and_exit_code(world: ClearedWorld) -> None:
    done = launch(*options(world), "--", *SAY, "--lr", "1e-4", "--", "x y")
    assert (done.returncode, done.stdout) == (0, "TRAINED ['--lr', '1e-4', '--', 'x y']\n")
    first, second = done.stderr.splitlines()
    assert first.startswith("provenance: cleared by Ada Clearer, issued 2020-01-01T00:00:00Z, expires 2999-01-01T00:00:00Z")
    assert second.startswith("provenance: 3 shard(s), ")
    assert launch(*options(world), "--", sys.executable, "-c", "raise SystemExit(3)").returncode == 3


def test_changed_data_deny_with_77_and_the_command_never_starts(world: ClearedWorld, tmp_path: Path) -> None:
    (world.data / "human.txt").write_text("It was a bright cold day in Maya.\n", encoding="utf-8")
    marker, denial = tmp_path / "started", tmp_path / "denial.json"
    done = launch(*options(world), "--denial-json", str(denial), "--", sys.executable, "-c", f"open({str(marker)!r}, 'w')")
    assert (done.returncode, done.stdout) == (77, "")
    assert not marker.exists()
    assert "TRAINING BLOCKED" in done.stderr
    assert "human.txt: changed: " in done.stderr
    assert json.loads(denial.read_text(encoding="utf-8"))["exit_code"] == 77
    assert "Traceback" not in done.stderr


def test_mending_the_data_lets_the_command_run(world: ClearedWorld) -> None:
    good = (world.data / "human.txt").read_bytes()
    (world.data / "human.txt").write_bytes(b"!" + good[1:])
    assert launch(*options(world), "--", *SAY).returncode == 77
    (world.data / "human.txt").write_bytes(good)
    assert launch(*options(world), "--", *SAY).returncode == 0


def test_an_expired_clearance_denies(world: ClearedWorld) -> None:
    world.reissue(issued="2020-01-01T00:00:00Z", not_before="2020-01-01T00:00:00Z", expires="2020-01-02T00:00:00Z")
    done = launch(*options(world), "--", *SAY)
    assert done.returncode == 77
    assert "expired at 2020-01-02T00:00:00Z" in done.stderr


def test_another_run_denies(world: ClearedWorld) -> None:
    done = launch(*options(world), "--run-digest", "sha256:" + "99" * 32, "--", *SAY)
    assert done.returncode == 77
    assert "the clearance is for run" in done.stderr


def test_a_trust_file_beside_the_clearance_is_not_used_unasked(world: ClearedWorld) -> None:
    done = launch("--clearance", str(world.clearance), "--root", str(world.data), "--", *SAY, cwd=world.folder)
    assert done.returncode == 77
    assert "/etc/provenance/trust.json cannot be relied on" in done.stderr


def test_a_command_that_cannot_start_is_1(world: ClearedWorld) -> None:
    done = launch(*options(world), "--", "no-such-command-anywhere")
    assert done.returncode == 1
    assert "no-such-command-anywhere could not be started: No such file or directory" in done.stderr
    assert launch(*options(world), "--", "").returncode == 1
    assert launch(*options(world), "--", str(world.data)).returncode == 1


def test_usage_errors_are_2_and_name_what_is_missing(world: ClearedWorld, capsys: pytest.CaptureFixture[str]) -> None:
    cases = [
        ([], "--clearance"),
        (["--clearance", "x", "--", "true"], "--root"),
        (options(world), "give the command to run after --"),
        ([*options(world), "--"], "give the command to run after --"),
        ([*options(world), "--allow-everything", "--", "true"], "--allow-everything"),
        ([*options(world), "--clear", "x", "--", "true"], "--clear"),
        ([*options(world), "true"], "unrecognized arguments: true"),
    ]
    for argv, word in cases:
        assert run(argv) == 2
        assert word in capsys.readouterr().err


def test_hostile_arguments_are_denied_not_crashed(world: ClearedWorld) -> None:
    assert run(["--clearance", "a\0b", "--root", str(world.data), "--trust", str(world.trust), "--", "true"]) == 77
    assert run(["--clearance", str(world.clearance), "--root", "a\0b", "--trust", str(world.trust), "--", "true"]) == 77
    assert run(["--clearance", "/", "--root", "/nowhere", "--trust", str(world.trust), "--", "true"]) == 77


def test_help_needs_no_clearance() -> None:
    done = launch("--help")
    assert done.returncode == 0
    assert "--clearance" in done.stdout


def broken(world: ClearedWorld) -> list[str]:
    """Issue a break-glass clearance under this machine's clock; return the launcher's options."""
    now = dt.datetime.now(dt.UTC)
    times = {
        "issued": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "not_before": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "expires": f"{now + dt.timedelta(hours=24):%Y-%m-%dT%H:%M:%SZ}",
    }
    clearance = broken_clearance(merkle_root(leaves_of(world.data)), **times)
    world.clearance.write_bytes(issue_clearance(clearance, rfc_key(0), rfc_key(1)))
    window = ("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z")
    world.trust.write_bytes(trust_bytes(sample_trust(("issuer",), ("approver",), window=window)))
    (world.folder / "run.yaml").write_bytes(RUN_FILE)
    return options(world)


def test_break_glass_starts_its_run_loudly_and_no_other(world: ClearedWorld) -> None:
    given = broken(world)
    done = launch(*given, "--run", str(world.folder / "run.yaml"), "--", *SAY)
    assert (done.returncode, done.stdout) == (0, "TRAINED []\n")
    assert "provenance: NOT cleared, let start by break-glass, issued by Ada Clearer" in done.stderr
    assert "BREAK-GLASS: this run was NOT cleared (its verdict is BLOCKED)" in done.stderr
    assert "3 finding(s) of C001, D002" in done.stderr
    assert "by Grace Reviewer" in done.stderr
    assert "the customer's demonstration is today" in done.stderr
    assert "\x1b" not in done.stderr, "colour is for terminals"
    (world.folder / "other.yaml").write_bytes(RUN_FILE + b"# another\n")
    for more, reason in (((), "name its file with --run"), (("--run", str(world.folder / "other.yaml")), "is not the one that was cleared")):
        denied = launch(*given, *more, "--", *SAY)
        assert (denied.returncode, denied.stdout) == (77, "")
        assert reason in denied.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_break_glass_is_red_on_a_terminal(world: ClearedWorld) -> None:
    import pty

    given = broken(world)
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "provenance.hooks.launcher", *given, "--run", str(world.folder / "run.yaml"), "--", *SAY]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=follower, check=False, timeout=60)
    os.close(follower)
    text = os.read(leader, 1 << 16).decode()
    os.close(leader)
    assert done.returncode == 0
    assert "\x1b[1;31mBREAK-GLASS: this run was NOT cleared" in text


def test_a_bundle_that_was_changed_after_signing_denies(world: ClearedWorld) -> None:
    clearance = bound_clearance(merkle_root(leaves_of(world.data)), **ALWAYS)
    world.clearance.write_bytes(issue_clearance(clearance, rfc_key()))
    run, policy = world.folder / "run.yaml", world.folder / "policy.yaml"
    run.write_bytes(RUN_FILE)
    policy.write_bytes(POLICY_FILE)
    given = [*options(world), "--run", str(run), "--policy", str(policy)]
    assert launch(*given, "--", *SAY).returncode == 0
    policy.write_bytes(POLICY_FILE.replace(b"1", b"1 "))
    denied = launch(*given, "--", *SAY)
    assert (denied.returncode, denied.stdout) == (77, "")
    assert "policy.yaml did not judge this run as it is now" in denied.stderr
