"""A registration that is killed is gone on with by the next one, which reads no file again that has not changed, and ends as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.bootstrap import open_workspace
from provenance.cli.main import run
from provenance.ingest import listing
from provenance.model.dataset import DatasetVersion
from tests.conftest import ROOT

FILES = 12
VICTIM = """
import os, signal, sys
from provenance.cli.main import main
from provenance.ingest import listing

listing._SETTLED_NS = 0
left, hash_file = int(sys.argv.pop(1)), listing.hash_file

def hash_or_die(path):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return hash_file(path)

listing.hash_file = hash_or_die
sys.exit(main())
"""
REGISTER = ("register", "data", "--dataset", "notes", "--license", "MIT", "--jobs", "1")


def make_workspace(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    for number in range(FILES):
        (folder / "data" / f"{number:02}.jsonl").write_text("".join(json.dumps({"text": f"text {number} {i}"}) + "\n" for i in range(number + 1)))
    assert run(["-C", str(folder), "-q", "init"]) == 0
    return folder


def kill_at(folder: Path, number: int) -> None:
    command = [sys.executable, "-c", VICTIM, str(number), "-C", str(folder), "-q", *REGISTER]
    assert subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode == -signal.SIGKILL


def registered(folder: Path) -> DatasetVersion:
    with open_workspace(folder).units.read() as registry:
        return registry.dataset_version("notes")


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files count as long written, which no test can wait for."""
    monkeypatch.setattr(listing, "_SETTLED_NS", 0)


@pytest.mark.usefixtures("settled")
def test_a_killed_registration_is_gone_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str], loops: int) -> None:
    undisturbed = make_workspace(tmp_path / "undisturbed")
    assert run(["-C", str(undisturbed), "-q", *REGISTER]) == 0
    chance = random.Random(20261130)
    for number in range(2 * loops):
        folder = make_workspace(tmp_path / str(number))
        first, second = sorted(chance.sample(range(1, FILES), 2))
        kill_at(folder, first)
        kill_at(folder, second - first)
        capsys.readouterr()
        assert run(["-C", str(folder), "-q", *REGISTER, "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["resumed"] == second
        assert registered(folder).shards == registered(undisturbed).shards
        assert registered(folder).root_digest == registered(undisturbed).root_digest
        assert list((folder / ".provenance" / "unfinished").iterdir()) == []
        assert run(["-C", str(folder), "-q", "log", "verify"]) == 0


@pytest.mark.usefixtures("settled")
def test_a_file_that_changed_after_the_kill_is_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_workspace(tmp_path / "work")
    kill_at(folder, 8)
    changed = folder / "data" / "03.jsonl"
    before = changed.stat()
    changed.write_text(changed.read_text().replace(" 3 ", " 7 "))
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))  # of the same size, and with its old time of change set back
    capsys.readouterr()
    assert run(["-C", str(folder), *REGISTER]) == 0
    assert "7 files not read again" in capsys.readouterr().out
    undisturbed = make_workspace(tmp_path / "undisturbed")
    (undisturbed / "data" / "03.jsonl").write_text(changed.read_text())
    assert run(["-C", str(undisturbed), "-q", *REGISTER]) == 0
    assert registered(folder).shards == registered(undisturbed).shards


@pytest.mark.usefixtures("settled")
def test_what_was_found_out_in_another_way_is_found_out_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_workspace(tmp_path / "work")
    kill_at(folder, 8)
    capsys.readouterr()
    assert run(["-C", str(folder), "-q", *REGISTER, "--license-field", "license", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["resumed"] == 0
    assert {part["value"] for v in said["versions"] for shard in v["shards"] for part in shard["licenses"]} == {"NOT_STATED"}


def test_a_file_that_was_just_written_is_read_again(tmp_path: Path) -> None:
    folder = make_workspace(tmp_path / "work")
    assert open_workspace(folder).listing.stamp("03.jsonl", root="data") == ""


@pytest.mark.usefixtures("settled")
def test_licences_of_records_are_never_taken_from_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_workspace(tmp_path / "work")
    for number in range(FILES):
        (folder / "data" / f"{number:02}.jsonl").write_text(json.dumps({"text": f"some text {number}", "license": "CC-BY-NC-4.0"}) + "\n")
    command = [sys.executable, "-c", VICTIM, "8", "-C", str(folder), "-q", *REGISTER, "--license-field", "license"]
    assert subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode == -signal.SIGKILL
    for note in (folder / ".provenance" / "unfinished").iterdir():
        assert b"CC-BY-NC" not in note.read_bytes()
    capsys.readouterr()
    assert run(["-C", str(folder), "-q", *REGISTER, "--license-field", "license", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["resumed"] == 0
    assert {part["value"] for v in said["versions"] for shard in v["shards"] for part in shard["licenses"]} == {"CC-BY-NC-4.0"}
