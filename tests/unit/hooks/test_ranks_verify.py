"""Hashing left to the ranks: the launcher stays, and nothing that the command does or leaves out makes less of the check than an end with 77."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from provenance.clearance.statement import GateLeave
from provenance.hooks.obligation import ADDRESS, Obligation, cover_digest, report_cover, report_denial
from tests.fakes.clearances import ClearedWorld, leaves_of, sample_clearance
from tests.fakes.launching import REPOSITORY, lasting_world, launch, options

SCHEMAS = Path(__file__).parents[3] / "docs" / "formats"
ALLOWED = GateLeave(ranks_verify=True)


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    return lasting_world(tmp_path, gate=ALLOWED)


def watched(world: ClearedWorld, *command: str, within: float = 30) -> subprocess.CompletedProcess[str]:
    return launch(*options(world), "--ranks-verify", "--ranks-verify-within", str(within), "--", *command)


def hooked(world: ClearedWorld, after: str = "", before: str = "") -> tuple[str, ...]:
    """Return a training script that calls the gate."""
    call = f"require_clearance({str(world.clearance)!r}, roots=[{str(world.data)!r}], trust={str(world.trust)!r})"
    return (
        sys.executable,
        "-c",
        f"import os, sys, time\n{before}\nfrom provenance.hooks.gate import require_clearance\n{call}\nprint('TRAINED', flush=True)\n{after}",
    )


def test_a_hook_that_hashes_everything_lets_the_command_end_as_it_likes(world: ClearedWorld) -> None:
    done = watched(world, *hooked(world, "sys.exit(3)"))
    assert (done.returncode, done.stdout) == (3, "TRAINED\n"), done.stderr
    assert "bytes not yet verified" in done.stderr
    assert "the ranks have 30 s to hash 3 file(s)" in done.stderr
    assert watched(world, *hooked(world, "os.kill(os.getpid(), 9)")).returncode == 128 + 9


@pytest.mark.parametrize("code", [0, 5])
def test_a_command_that_calls_no_hook_is_denied_loudly(world: ClearedWorld, code: int) -> None:
    done = watched(world, sys.executable, "-c", f"raise SystemExit({code})")
    assert done.returncode == 77
    assert f"the command ended with exit code {code}, and no rank reported that it had hashed the data" in done.stderr
    assert "TRAINING BLOCKED" in done.stderr


def test_a_command_that_goes_on_without_a_hook_is_ended_with_all_it_started(world: ClearedWorld, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    stubborn = "import os, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nos.setsid()\n"
    stubborn += f"open({str(pids)!r}, 'a').write(f'{{os.getpid()}}\\n')\ntime.sleep(600)"
    script = f"import subprocess, sys, time\nsubprocess.Popen([sys.executable, '-c', {stubborn!r}])\ntime.sleep(600)"
    start = time.monotonic()
    done = watched(world, sys.executable, "-c", script, within=1)
    assert done.returncode == 77
    assert "1 s have passed, and no rank reported" in done.stderr
    assert time.monotonic() - start < 20
    left = int(pids.read_text(encoding="utf-8"))
    with pytest.raises(ProcessLookupError):
        os.kill(left, 0)


def test_changed_bytes_are_found_by_the_hook_and_end_the_job(world: ClearedWorld) -> None:
    file = world.data / "human.txt"
    file.write_bytes(file.read_bytes().swapcase())
    # torchrun makes 1 of its workers' 77 and may start them again; here the parent goes on as if nothing had happened
    worker = hooked(world)
    script = f"import subprocess, time\nsubprocess.run({list(worker)!r})\ntime.sleep(600)"
    done = watched(world, sys.executable, "-c", script)
    assert (done.returncode, done.stdout) == (77, "")
    assert "a rank of the job was denied" in done.stderr
    assert "human.txt: changed" in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        lambda data: (data / "extra").write_bytes(b"x"),
        lambda data: (data / "human.txt").unlink(),
        lambda data: (data / "human.txt").write_bytes(b"short"),
        lambda data: (data / "out").symlink_to("/etc"),
    ],
)
def test_everything_but_the_bytes_is_checked_before_the_command_starts(world: ClearedWorld, change: object, tmp_path: Path) -> None:
    assert callable(change)
    change(world.data)
    marker = tmp_path / "started"
    assert watched(world, "touch", str(marker)).returncode == 77
    assert not marker.exists()


def test_a_clearance_that_does_not_allow_it_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "started"
    for number, gate in enumerate((None, GateLeave(digest_cache=True))):
        done = watched(lasting_world(tmp_path / str(number), gate=gate), "touch", str(marker))
        assert done.returncode == 77
        assert "the clearance does not allow that" in done.stderr
    assert not marker.exists()


@pytest.mark.parametrize("lost", [f"os.environ.pop({ADDRESS!r})", f"os.environ[{ADDRESS!r}] = '/nowhere'", f"os.environ[{ADDRESS!r}] = ''"])
def test_a_lost_or_false_address_denies_and_never_checks_less(world: ClearedWorld, lost: str) -> None:
    done = watched(world, *hooked(world, before=lost))
    assert done.returncode == 77
    assert "no rank reported" in done.stderr
    file = world.data / "human.txt"
    file.write_bytes(file.read_bytes().swapcase())
    done = watched(world, *hooked(world, before=lost))
    assert (done.returncode, done.stdout) == (77, "")
    assert "human.txt: changed" in done.stderr


def test_hashing_something_else_does_not_meet_the_obligation(world: ClearedWorld, tmp_path: Path) -> None:
    other = lasting_world(tmp_path / "other")
    done = watched(world, *hooked(other))
    assert done.returncode == 77
    assert "what its ranks hashed is not what was cleared" in done.stderr


def test_an_old_report_does_not_count(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [(str(world.data / leaf.path), leaf) for leaf in leaves_of(world.data)]
    first, second = (Obligation(cover_digest(sample_clearance(), places)) for _ in range(2))
    monkeypatch.setenv(ADDRESS, str(first.folder))
    assert report_cover(sample_clearance(), reversed(places)) == []
    assert (first.is_met(), second.is_met()) == (True, False)
    for file in first.folder.glob("cover-*"):
        (second.folder / file.name).write_bytes(file.read_bytes())
    assert (second.is_met(), second.has_other_cover()) == (False, True)
    first.close()
    second.close()
    assert not first.folder.exists()


def test_a_part_of_the_files_is_no_cover(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [(str(world.data / leaf.path), leaf) for leaf in leaves_of(world.data)]
    wanted = Obligation(cover_digest(sample_clearance(), places))
    monkeypatch.setenv(ADDRESS, str(wanted.folder))
    report_cover(sample_clearance(), places[:2])
    report_cover(sample_clearance(), [*places, places[0]])
    report_cover(sample_clearance(audit="sha256:" + "66" * 32), places)
    assert not wanted.is_met()
    for damaged in (b"", b"[]", b"{", b"\xff"):
        (wanted.folder / f"cover-{len(damaged)}.json").write_bytes(damaged)
    (wanted.folder / "cover-link.json").symlink_to("/dev/zero")
    os.mkfifo(wanted.folder / "cover-fifo.json")
    assert not wanted.is_met()
    report_cover(sample_clearance(), places)
    assert wanted.is_met()
    assert wanted.denial() is None
    report_denial("damaged")
    assert wanted.denial() == ("a rank was denied, and did not say why",)
    wanted.close()


def test_reports_are_as_their_schema_says(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = Obligation(cover_digest(sample_clearance(), []))
    monkeypatch.setenv(ADDRESS, str(wanted.folder))
    report_cover(sample_clearance(), [])
    schema = jsonschema.Draft202012Validator(json.loads((SCHEMAS / "obligation.schema.json").read_text(encoding="utf-8")))
    files = [wanted.folder / "obligation.json", *wanted.folder.glob("cover-*")]
    assert len(files) == 2
    for file in files:
        schema.validate(json.loads(file.read_text(encoding="utf-8")))
    wanted.close()


def test_signals_go_on_to_the_command_and_stdin_too(world: ClearedWorld) -> None:
    talk = "import signal\nsignal.signal(signal.SIGUSR1, lambda *_: os.write(1, b'USR1\\n'))\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(9))\n"
    talk += "print(sys.stdin.readline().strip(), flush=True)\nwhile True: time.sleep(0.05)"
    line = [sys.executable, "-m", "provenance.hooks.launcher", *options(world), "--ranks-verify", "--", *hooked(world, talk)]
    pipe = subprocess.PIPE
    with subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=REPOSITORY) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "TRAINED\n"
        process.stdin.write("hello\n")
        process.stdin.flush()
        assert process.stdout.readline() == "hello\n"
        process.send_signal(signal.SIGUSR1)
        assert process.stdout.readline() == "USR1\n"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert process.returncode == 9


def test_a_command_that_cannot_start_is_1_and_usage_is_2(world: ClearedWorld) -> None:
    done = watched(world, "no-such-command-anywhere")
    assert (done.returncode, "could not be started" in done.stderr) == (1, True)
    for more in (["--digest-cache", "x"], ["--ranks-verify-within", "0"], ["--ranks-verify-within", "nan"]):
        assert launch(*options(world), "--ranks-verify", *more, "--", "true").returncode == 2


def test_where_nobody_watches_nothing_is_written(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ADDRESS, raising=False)
    assert report_cover(sample_clearance(), []) == []
    report_denial("{}")
