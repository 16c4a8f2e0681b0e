"""Ray Train: what the wrapper and ``fit`` do without a cluster, and, in the full tier, a real run of two workers on the CPU."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provenance.hooks import ray as hooks
from provenance.hooks.gate import TrainingBlocked
from tests.fakes.clearances import ClearedWorld
from tests.fakes.launching import REPOSITORY, lasting_world

pytestmark = pytest.mark.torch


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    return lasting_world(tmp_path)


def options(world: ClearedWorld) -> dict[str, Any]:
    return {"roots": [world.data], "trust": world.trust}


def test_a_gated_loop_runs_with_what_it_is_given(world: ClearedWorld) -> None:
    alone = hooks.gated(lambda: 7, world.clearance, **options(world))
    assert len(inspect.signature(alone).parameters) == 0  # by which Ray tells whether to give it a configuration
    assert alone() == 7
    assert hooks.gated(lambda configuration: configuration["a"], world.clearance, **options(world))({"a": 8}) == 8


@pytest.mark.parametrize("loop", [lambda: pytest.fail("it trained"), lambda configuration: pytest.fail("it trained")])
def test_a_gated_loop_never_begins_on_changed_data(world: ClearedWorld, loop: Callable[..., Any]) -> None:
    (world.data / "human.txt").write_bytes(b"changed")
    with pytest.raises(hooks.DeniedInWorkerError, match=r"human\.txt: changed") as caught:
        hooks.gated(loop, world.clearance, **options(world))(*([] if loop.__code__.co_argcount == 0 else [{}]))
    assert pickle.loads(pickle.dumps(caught.value)).reasons == caught.value.reasons


class Trainer:
    """As ``ray.train.torch.TorchTrainer``: ``fit`` returns a result or raises what workers raised, as Ray carries it."""

    def __init__(self, error: Exception | None = None, *, loop: Callable[..., Any] | None = None) -> None:
        self.error = error
        self.train_loop_per_worker = loop or hooks.gated(lambda: None, "run.clearance.json", roots=["data"])
        self.began = False

    def fit(self) -> str:
        self.began = True
        if self.error is not None:
            raise self.error
        return "result"


def test_the_driver_is_denied_before_workers_get_anything(world: ClearedWorld) -> None:
    trainer = Trainer()
    (world.data / "human.txt").write_bytes(b"changed")
    with pytest.raises(TrainingBlocked):
        hooks.fit(trainer, world.clearance, **options(world))
    assert not trainer.began


def test_a_loop_that_is_not_gated_is_not_started(world: ClearedWorld) -> None:
    trainer = Trainer(loop=lambda: None)
    with pytest.raises(TrainingBlocked, match="not gated"):
        hooks.fit(trainer, world.clearance, **options(world))
    assert not trainer.began


def test_a_workers_denial_is_the_drivers(world: ClearedWorld, tmp_path: Path) -> None:
    from ray.train import WorkerGroupError

    denied = hooks.DeniedInWorkerError(("rank 1: human.txt: changed",), "mend it", "run.clearance.json", "SubjectMismatchError")
    trainer = Trainer(WorkerGroupError("text", {0: ValueError("x"), 1: denied}))
    with pytest.raises(TrainingBlocked) as caught:
        hooks.fit(trainer, world.clearance, denial_json=tmp_path / "denial.json", **options(world))
    assert (caught.value.code, caught.value.reasons) == (77, denied.reasons)
    assert json.loads((tmp_path / "denial.json").read_text())["reasons"] == list(denied.reasons)


def test_any_other_error_stays_what_it_is_and_a_result_is_handed_on(world: ClearedWorld) -> None:
    with pytest.raises(ValueError, match="their own"):
        hooks.fit(Trainer(ValueError("their own")), world.clearance, **options(world))
    handed: Any = hooks.fit(Trainer(), world.clearance, **options(world))
    assert handed == "result"


def test_a_worker_process_without_a_configured_gate_may_not_train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(hooks.DeniedInWorkerError, match="no gate is configured"):
        hooks.setup()


SCRIPT = """
import json, sys
from pathlib import Path
folder, driver, workers = (Path(a) for a in sys.argv[1:4])
import ray
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchConfig, TorchTrainer
from provenance.hooks.ray import fit, gated

def loop(config):
    import ray.train, torch
    rank = ray.train.get_context().get_world_rank()
    torch.nn.Linear(4, 1)(torch.ones(4)).sum().backward()
    (Path(config["notes"]) / f"trained-{rank}").write_text("")

ray.init(num_cpus=2, include_dashboard=False)
gate = {"trust": folder / "trust.json"}
trainer = TorchTrainer(
    gated(loop, str(folder / "run.clearance.json"), roots=[str(workers)], trust=str(folder / "trust.json")),
    train_loop_config={"notes": str(folder)},
    scaling_config=ScalingConfig(num_workers=2),
    torch_config=TorchConfig(backend="gloo"),
    run_config=RunConfig(storage_path=str(folder / "ray"), name="run"),
)
try:
    fit(trainer, folder / "run.clearance.json", roots=[driver], **gate)
except Exception as err:
    print("swallowed", type(err))
"""


@pytest.mark.full
@pytest.mark.parametrize("changed", [False, True])
def test_two_workers_train_on_cleared_data_alone(world: ClearedWorld, changed: bool) -> None:
    script = world.folder / "train.py"
    script.write_text(SCRIPT, encoding="utf-8")
    workers = world.folder / "workers"
    for file in world.data.rglob("*"):
        if file.is_file():
            (workers / file.relative_to(world.data)).parent.mkdir(parents=True, exist_ok=True)
            (workers / file.relative_to(world.data)).write_bytes(file.read_bytes())
    if changed:
        (workers / "human.txt").write_bytes(b"!" + (workers / "human.txt").read_bytes()[1:])
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(world.folder), str(world.data), str(workers)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment, cwd=world.folder)
    assert done.returncode == (77 if changed else 0), done.stderr
    assert sorted(f.name for f in world.folder.glob("trained-*")) == ([] if changed else ["trained-0", "trained-1"])
    assert "swallowed" not in done.stdout
