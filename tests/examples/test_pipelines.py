"""DVC, Make, Airflow and Dagster: the audit's codes stop what follows, and training starts on cleared data alone.

Make runs for real. The commands of ``dvc.yaml`` run for real in the order of its graph; DVC, Airflow and Dagster themselves are small fakes.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.examples.conftest import EXAMPLES, PATHS, Workspace, answer_audits, script, shell
from tests.fakes.pipelines import Airflow, Dagster, Failure

DVC_STAGE_FIELDS = {"cmd", "deps", "outs", "always_changed"}
"""Of the fields that the schema of dvc.yaml allows for a stage, those that the example uses."""


def make_train(workspace: Workspace, *, code: int = 0) -> None:
    """Write the training script of the examples: it leaves a model and says so."""
    script(workspace.folder / "train.sh", f"#!/bin/sh\nmkdir -p model && echo trained > model/weights\nexit {code}\n")


def has_trained(workspace: Workspace) -> bool:
    """Whether training ran since the last call."""
    weights = workspace.folder / "model" / "weights"
    ran = weights.is_file()
    weights.unlink(missing_ok=True)
    return ran


def make(workspace: Workspace, bin_folder: Path, target: str) -> subprocess.CompletedProcess[str]:
    arguments = ["make", "-f", str(EXAMPLES / "make" / "provenance.mk"), f"TRUST={workspace.trust}", target]
    env = {"PATH": f"{bin_folder}:{PATHS}", "HOME": str(workspace.folder)}
    return subprocess.run(arguments, cwd=workspace.folder, env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("real", [False, pytest.param(True, marks=pytest.mark.full)])
def test_make_audits_clears_and_trains_cleared_data_and_denies_changed_ones(cleared: Workspace, bin_folder: Path, real: bool) -> None:
    make_train(cleared)
    if not real:
        answer_audits(bin_folder, 0)
    cleared.clearance.unlink()
    denied = make(cleared, bin_folder, "train")
    assert "Error 77" in denied.stderr
    assert not has_trained(cleared)
    assert make(cleared, bin_folder, "clear").returncode == 0
    assert make(cleared, bin_folder, "train").returncode == 0
    assert has_trained(cleared)
    cleared.change()
    assert "Error 77" in make(cleared, bin_folder, "train").stderr
    assert not has_trained(cleared)


@pytest.mark.parametrize("code", [1, 10, 11])
def test_make_signs_nothing_that_is_not_cleared(blocked: Workspace, bin_folder: Path, code: int) -> None:
    answer_audits(bin_folder, code)
    assert f"Error {code}" in make(blocked, bin_folder, "clear").stderr
    assert not blocked.clearance.exists()


def stages() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((EXAMPLES / "dvc" / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return found


def reproduce(workspace: Workspace, bin_folder: Path) -> tuple[list[str], int]:
    """Run the stages as ``dvc repro`` does: in the order of their files, outputs removed first, until a command fails or an output is missing."""
    ran: list[str] = []
    for name, stage in stages().items():
        outputs = [next(iter(out)) if isinstance(out, dict) else out for out in stage["outs"]]
        missing = [dep for dep in stage["deps"] if not (workspace.folder / dep).exists()]
        assert not missing, (name, missing)
        for output in outputs:
            shell(f"rm -rf {output}", folder=workspace.folder, bin_folder=bin_folder)
        command = stage["cmd"].replace("provenance exec ", f"provenance exec --trust {workspace.trust} ")
        ended = shell(command, folder=workspace.folder, bin_folder=bin_folder)
        if ended.returncode:
            return ran, ended.returncode
        ran.append(name)
        assert all((workspace.folder / output).exists() for output in outputs)
    return ran, 0


@pytest.mark.parametrize("real", [False, pytest.param(True, marks=pytest.mark.full)])
def test_dvc_trains_cleared_data(cleared: Workspace, bin_folder: Path, real: bool) -> None:
    make_train(cleared)
    if not real:
        answer_audits(bin_folder, 0)
    assert reproduce(cleared, bin_folder) == (["audit", "clear", "train"], 0)
    assert has_trained(cleared)
    cleared.change()
    stage = stages()["train"]["cmd"].replace("provenance exec ", f"provenance exec --trust {cleared.trust} ")
    assert shell(stage, folder=cleared.folder, bin_folder=bin_folder).returncode == 77
    assert not has_trained(cleared)


@pytest.mark.parametrize("code", [1, 10, 11])
def test_dvc_stops_before_it_signs(blocked: Workspace, bin_folder: Path, code: int) -> None:
    make_train(blocked)
    answer_audits(bin_folder, code)
    assert reproduce(blocked, bin_folder) == ([], code)
    assert not blocked.clearance.exists()
    assert not has_trained(blocked)


def test_dvc_knows_what_every_stage_reads_and_asks_again_each_time() -> None:
    assert list(stages()) == ["audit", "clear", "train"]
    assert all(set(stage) <= DVC_STAGE_FIELDS for stage in stages().values())
    assert stages()["audit"]["always_changed"] is True
    assert stages()["train"]["always_changed"] is True, "DVC would take an expired clearance for unchanged"
    for name, stage in stages().items():
        assert set(re.findall(r"[\w.-]+\.(?:clearance\.json|sh|yaml)", stage["cmd"])) <= {*stage["deps"], *(next(iter(o)) for o in stage["outs"])}, (
            name
        )


def load_example(path: Path, modules: dict[str, Any], monkeypatch: pytest.MonkeyPatch, workspace: Workspace, bin_folder: Path) -> None:
    """Run an example's module on fakes of its framework, in the workspace."""
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setenv("PATH", f"{bin_folder}:{os.environ['PATH']}")
    text = path.read_text(encoding="utf-8").replace("/srv/helpdesk-7b", str(workspace.folder))
    copied = workspace.folder / path.name
    copied.write_text(text.replace("/etc/provenance/trust.json", str(workspace.trust)), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("example_of_a_pipeline", copied)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def airflow(monkeypatch: pytest.MonkeyPatch, workspace: Workspace, bin_folder: Path) -> tuple[Airflow, str]:
    fake = Airflow()
    load_example(EXAMPLES / "airflow" / "train_dag.py", fake.modules(), monkeypatch, workspace, bin_folder)
    return fake, fake.run()


def test_airflow_trains_cleared_data_and_denies_changed_ones_for_good(cleared: Workspace, bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_train(cleared)
    answer_audits(bin_folder, 0)
    assert airflow(monkeypatch, cleared, bin_folder)[1] == "success"
    assert has_trained(cleared)
    cleared.change()
    fake, state = airflow(monkeypatch, cleared, bin_folder)
    assert (state, fake.tries, has_trained(cleared)) == ("failed", {"audit": 1, "train": 1}, False)
    assert json.loads((cleared.folder / "denial.json").read_bytes())["exit_code"] == 77


@pytest.mark.parametrize(("code", "tries"), [(10, 1), (11, 1), (1, 3)])
def test_airflow_takes_no_other_verdict_for_success_and_retries_only_what_is_no_verdict(
    cleared: Workspace, bin_folder: Path, monkeypatch: pytest.MonkeyPatch, code: int, tries: int
) -> None:
    make_train(cleared)
    answer_audits(bin_folder, code)
    fake, state = airflow(monkeypatch, cleared, bin_folder)
    assert (state, fake.states, fake.tries) == ("failed", {"audit": "failed", "train": "upstream_failed"}, {"audit": tries})
    assert not has_trained(cleared)


def dagster(monkeypatch: pytest.MonkeyPatch, workspace: Workspace, bin_folder: Path) -> Dagster:
    fake = Dagster()
    load_example(EXAMPLES / "dagster" / "definitions.py", fake.modules(), monkeypatch, workspace, bin_folder)
    return fake


def test_dagster_trains_cleared_data_and_denies_changed_ones_for_good(cleared: Workspace, bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_train(cleared)
    answer_audits(bin_folder, 0)
    assert dagster(monkeypatch, cleared, bin_folder).materialize() == ["training_data", "helpdesk_7b"]
    assert has_trained(cleared)
    cleared.change()
    with pytest.raises(Failure, match="denied by provenance") as denied:
        dagster(monkeypatch, cleared, bin_folder).materialize()
    assert (denied.value.allow_retries, has_trained(cleared)) == (False, False)


def test_dagster_retries_a_training_that_failed(cleared: Workspace, bin_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_train(cleared, code=9)
    answer_audits(bin_folder, 0)
    with pytest.raises(Failure, match=r"training failed \(exit code 9\)") as failed:
        dagster(monkeypatch, cleared, bin_folder).materialize()
    assert failed.value.allow_retries is True


@pytest.mark.parametrize("code", [1, 10, 11])
def test_a_check_of_dagster_that_is_not_cleared_has_not_passed_and_blocks(
    cleared: Workspace, bin_folder: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    make_train(cleared)
    answer_audits(bin_folder, code)
    fake = dagster(monkeypatch, cleared, bin_folder)
    assert fake.materialize() == ["training_data"]
    assert [result.passed for result in fake.results] == [False]
    assert not has_trained(cleared)
