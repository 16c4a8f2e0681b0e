"""The gate of the hooks: it denies with a ``SystemExit`` that nothing swallows, says why, and lets a cleared run through in silence."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import Clearance
from provenance.clearance.trust import trust_bytes
from provenance.errors import ProvenanceError
from provenance.fingerprint.digest import merkle_root
from provenance.hooks import gate
from provenance.hooks.gate import TrainingBlocked, denial_lines, require_clearance
from tests.fakes.clearances import NOW, RUN_FILE, ClearedWorld, broken_clearance, cleared_world, leaves_of, rfc_key, sample_trust


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    return cleared_world(tmp_path)


def ask(world: ClearedWorld, **given: Any) -> Clearance:
    arguments: dict[str, Any] = {"roots": [world.data], "trust": world.trust, "clock": lambda: NOW}
    return require_clearance(world.clearance, **(arguments | given))


def test_a_cleared_run_passes_in_silence(world: ClearedWorld, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask(world).issuer.name == "Ada Clearer"
    assert capsys.readouterr() == ("", "")


def test_a_break_glass_is_told_of_and_needs_its_run(world: ClearedWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world.clearance.write_bytes(issue_clearance(broken_clearance(merkle_root(leaves_of(world.data))), rfc_key(0), rfc_key(1)))
    world.trust.write_bytes(trust_bytes(sample_trust(("issuer",), ("approver",))))
    run = tmp_path / "run.yaml"
    run.write_bytes(RUN_FILE)
    assert ask(world, run_file=run).break_glass is not None
    err = capsys.readouterr().err
    assert "BREAK-GLASS: this run was NOT cleared (its verdict is BLOCKED)" in err
    assert "3 finding(s) of C001, D002" in err
    with pytest.raises(TrainingBlocked, match="not told which run this is"):
        ask(world)


def test_a_denial_is_exit_77_outside_the_error_tree() -> None:
    denial = TrainingBlocked(["because"])
    assert denial.code == 77
    assert isinstance(denial, SystemExit)
    assert not isinstance(denial, Exception)
    assert not issubclass(TrainingBlocked, ProvenanceError)
    assert str(denial) == "training blocked: because"


def test_except_exception_does_not_swallow_a_denial(world: ClearedWorld) -> None:
    (world.data / "extra").write_bytes(b"x")

    with pytest.raises(TrainingBlocked), contextlib.suppress(Exception):
        ask(world)


def test_a_denial_prints_one_block_and_writes_json(world: ClearedWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (world.data / "extra.txt").write_bytes(b"x")
    file = tmp_path / "denial.json"
    with pytest.raises(TrainingBlocked) as caught:
        ask(world, denial_json=file)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[1] == "TRAINING BLOCKED by provenance (exit 77)"
    assert "extra.txt: not among the files that were cleared" in err
    assert err.count("=" * 78) == 2
    document = json.loads(file.read_text(encoding="utf-8"))
    assert (document["format"], document["version"], document["exit_code"], document["kind"]) == ("provenance.denial", 1, 77, "SubjectMismatchError")
    assert document["reasons"] == list(caught.value.reasons)
    assert document["clearance"] == str(world.clearance)


def test_a_denial_that_cannot_be_written_is_a_denial_still(world: ClearedWorld, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrainingBlocked):
        ask(world, roots=[], denial_json=tmp_path / "none" / "denial.json")
    assert "could not be written" in capsys.readouterr().err


def test_many_reasons_are_counted_not_listed() -> None:
    lines = denial_lines(TrainingBlocked([f"reason {i}" for i in range(1020)], hint="mend it", clearance="c"))
    assert len(lines) < 30
    assert any("and 1,000 more" in line for line in lines)


def test_hostile_names_cannot_write_on_the_terminal() -> None:
    assert all(line.isprintable() for line in denial_lines(TrainingBlocked(["\x1b[2J\r\nCLEARED\u202e"], hint="\x07", clearance="a\nb")))


@pytest.mark.parametrize("missing", ["clearance", "manifest", "trust", "data"])
def test_whatever_is_missing_is_a_denial(world: ClearedWorld, missing: str, capsys: pytest.CaptureFixture[str]) -> None:
    path: Path = getattr(world, missing)
    path.rename(path.with_name("moved"))
    with pytest.raises(TrainingBlocked) as caught:
        ask(world)
    assert caught.value.reasons
    assert "to do" in capsys.readouterr().err


def test_a_fault_of_the_check_itself_is_a_denial(world: ClearedWorld, capsys: pytest.CaptureFixture[str]) -> None:
    def broken_clock() -> str:
        raise ZeroDivisionError("clock")

    for clock in (broken_clock, lambda: "noon"):
        with pytest.raises(TrainingBlocked) as caught:
            ask(world, clock=clock)
        assert caught.value.reasons[0].startswith("the check itself failed: ")
    assert "please report it" in capsys.readouterr().err


def test_no_environment_variable_switches_the_gate_off(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    (world.data / "extra").write_bytes(b"x")
    for name in ("PROVENANCE_DISABLE", "PROVENANCE_SKIP", "PROVENANCE_GATE", "PROVENANCE_ALLOW", "PROVENANCE_FULL", "DISABLE_PROVENANCE"):
        for value in ("0", "1", "off", "true"):
            monkeypatch.setenv(name, value)
            with pytest.raises(TrainingBlocked):
                ask(world)


def test_the_sources_of_the_gate_read_no_environment() -> None:
    """But the one that reads the address of a launcher that watches, which only adds a report: tests/unit/hooks/test_ranks_verify.py."""
    for folder in ("hooks", "clearance"):
        for file in (Path(gate.__file__).parents[1] / folder).glob("*.py"):
            if file.name == "obligation.py":
                assert set(re.findall(r"os\.environ\b(?:\.get)?(?:\(\w+\))?", file.read_text(encoding="utf-8"))) == {
                    "os.environ.get(ADDRESS)",
                    "os.environ",
                }
                continue
            assert "environ" not in file.read_text(encoding="utf-8").replace("environment", ""), file
            assert "getenv" not in file.read_text(encoding="utf-8"), file


@pytest.mark.parametrize(("available", "initialized", "ends"), [(True, True, True), (True, False, False), (False, True, False)])
def test_a_rank_of_a_running_group_ends_at_once(
    world: ClearedWorld, monkeypatch: pytest.MonkeyPatch, available: bool, initialized: bool, ends: bool
) -> None:
    ended: list[int] = []
    group = SimpleNamespace(is_available=lambda: available, is_initialized=lambda: initialized)
    monkeypatch.setitem(sys.modules, "torch.distributed", group)
    monkeypatch.setattr(os, "_exit", ended.append)
    with pytest.raises(TrainingBlocked):
        ask(world, roots=[])
    assert ended == ([77] if ends else [])
