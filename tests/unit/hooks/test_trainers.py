"""What every trainer's adapter does, without a trainer."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from provenance.clearance.check import GatePass
from provenance.errors import RunRecordError
from provenance.hooks import ranks, trainers
from provenance.hooks.gate import TrainingBlocked, examine
from provenance.hooks.observe import RunEnd, RunObserver
from provenance.hooks.trainers import TrainerGate
from tests.fakes.clearances import NOW, ClearedWorld, cleared_world
from tests.fakes.observer import KeptObserver


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    return cleared_world(tmp_path)


def gate(world: ClearedWorld, **more: Any) -> TrainerGate:
    return TrainerGate(world.clearance, framework="test", roots=[world.data], trust=world.trust, clock=lambda: NOW, **more)


def guarded_by(passed: GatePass) -> object:
    dataset = type("GuardedDataset", (), {"__module__": "provenance.hooks.torch"})()
    dataset.guarded = SimpleNamespace(passed=passed)
    return dataset


class Breaks:
    """A dataset that cannot be looked into."""

    @property
    def dataset(self) -> object:
        raise ZeroDivisionError("no")


def test_a_guard_of_the_same_clearance_is_accepted_and_of_another_denied(world: ClearedWorld, tmp_path: Path) -> None:
    made = gate(world)
    made.check_data({"train": guarded_by(made.passed)})
    (tmp_path / "other").mkdir()
    other = cleared_world(tmp_path / "other")
    (other.data / "human.txt").write_bytes(b"other")
    other.reissue()
    with pytest.raises(TrainingBlocked, match="read under another clearance"):
        made.check_data({"train": guarded_by(examine(other.clearance, roots=[other.data], trust=other.trust, clock=lambda: NOW))})


def test_a_shard_that_changes_under_other_readers_ends_the_run_at_a_step(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(trainers, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    kept = KeptObserver()
    made = gate(world, record=kept)
    made.step_ended(1)
    file = world.data / "human.txt"
    status = file.stat()
    file.write_bytes(b"!" + file.read_bytes()[1:])
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    made.step_ended(2)  # not yet looked at again
    clock[0] += trainers.LOOK_EVERY_S
    with pytest.raises(TrainingBlocked, match=r"human\.txt: changed"):
        made.step_ended(3)
    assert kept.steps[-1][0] == 2
    assert kept.end is RunEnd.DENIED


def test_every_check_of_a_trainers_gate_is_made_by_all_ranks(world: ClearedWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    together: list[float] = []
    plain = ranks.pass_gate_together

    def counted(*arguments: Any, **named: Any) -> GatePass:
        together.append(named["wait_s"])
        return plain(*arguments, **named)

    monkeypatch.setattr(ranks, "pass_gate_together", counted)
    made = gate(world, wait_s=7)
    assert together == [7]
    made.check_again()
    assert together == [7, 7]


def test_a_denial_that_was_swallowed_is_met_again_at_the_next_step_until_a_check_is_passed(world: ClearedWorld) -> None:
    made = gate(world)
    with pytest.raises(TrainingBlocked):
        made.check_data(
            {"train_dataset": guarded_by(replace(made.passed, clearance=replace(made.passed.clearance, manifest_root="sha256:" + "0" * 64)))}
        )
    with pytest.raises(TrainingBlocked, match="under another clearance"):
        made.step_ended(1)
    made.check_again()
    made.step_ended(2)


def test_what_cannot_be_looked_into_is_a_denial_in_one_sentence(world: ClearedWorld, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(TrainingBlocked, match="cannot be looked into: ZeroDivisionError: no"):
        gate(world).check_data({"train": Breaks()})
    assert "Traceback" not in capsys.readouterr().err


def test_a_denial_names_the_clearance_goes_to_the_file_and_ends_the_run_record(world: ClearedWorld, tmp_path: Path) -> None:
    kept = KeptObserver()
    made = gate(world, record=kept, denial_json=tmp_path / "denial.json")
    made.check_again()
    made.step_ended(1)
    with pytest.raises(TrainingBlocked) as denied:
        made.check_data({"train": Breaks()})
    assert denied.value.clearance == str(world.clearance)
    assert kept.end is RunEnd.DENIED
    assert (tmp_path / "denial.json").exists()


def test_hostile_names_cannot_write_on_the_terminal(world: ClearedWorld, capsys: pytest.CaptureFixture[str]) -> None:
    gate(world).check_data({"train\x1b[2J\r": [1, 2]})
    assert capsys.readouterr().err.rstrip("\n").isprintable()


@pytest.mark.parametrize(
    ("error", "end"),
    [
        (RuntimeError("out of memory"), RunEnd.FAILED),
        (KeyboardInterrupt(), RunEnd.STOPPED),
        (SystemExit(3), RunEnd.STOPPED),
        (TrainingBlocked(["changed"]), RunEnd.DENIED),
    ],
)
def test_an_error_that_ends_a_run_is_told_by_its_kind(world: ClearedWorld, error: BaseException, end: RunEnd) -> None:
    kept = KeptObserver()
    gate(world, record=kept).failed(error)
    assert kept.ends == [end]


def test_what_listens_may_be_made_of_what_was_verified(world: ClearedWorld) -> None:
    kept: list[KeptObserver] = []

    def make(passed: GatePass) -> RunObserver:
        assert passed.shards.shards == 3
        kept.append(KeptObserver())
        return kept[-1]

    made = gate(world, record=make)
    assert kept == []  # nothing listens before the run begins
    made.step_ended(1)
    made.step_ended(2)
    assert [one.steps for one in kept] == [[(1, None), (2, None)]]


def test_a_record_that_cannot_be_kept_is_a_denial(world: ClearedWorld) -> None:
    def fail(_: GatePass) -> RunObserver:
        raise RunRecordError("the disk is full", hint="make room")

    with pytest.raises(TrainingBlocked, match="no run record can be kept: the disk is full"):
        gate(world, record=fail).step_ended(1)
