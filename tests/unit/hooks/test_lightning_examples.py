"""The example script of Lightning's Trainer, and both of its packages without a line of code, run for real on the CPU."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from tests.fakes.clearances import ClearedWorld
from tests.fakes.training import ROOT, Played, Scene, play_once

pytestmark = pytest.mark.torch
INSTALLED = Path("installed")
LIGHTNING_PACKAGES = ["lightning.pytorch", "pytorch_lightning"]

TAMPER = """
import pathlib
file = pathlib.Path("data/chat/b.jsonl")
pathlib.Path("good").write_bytes(file.read_bytes())
file.write_bytes(file.read_bytes().replace(b"press", b"prest", 1))
"""
MEND = "import pathlib; pathlib.Path('data/chat/b.jsonl').write_bytes(pathlib.Path('good').read_bytes())"
OTHER = "import pathlib; pathlib.Path('other.jsonl').write_text('{\"text\": \"not registered\"}\\n' * 8)"
CHANGE_LATER = """
import lightning, pathlib
fit = lightning.Trainer.fit
def change(self, *a, **k):
    lightning.Trainer.fit = fit
    pathlib.Path("data/human.txt").write_text("changed")
    return fit(self, *a, **k)
pathlib.Path("human").write_bytes(pathlib.Path("data/human.txt").read_bytes())
lightning.Trainer.fit = change
"""
MEND_HUMAN = "import pathlib; pathlib.Path('data/human.txt').write_bytes(pathlib.Path('human').read_bytes())"
CONFIGURE = "import pathlib; pathlib.Path('provenance.toml').write_text('[gate]\\nclearance = \"run.clearance.json\"\\ntrust = \"trust.json\"\\n')"
MISTAKE = "import pathlib; pathlib.Path('provenance.toml').write_text('[gate]\\nclearence = \"run.clearance.json\"\\n')"
UNCONFIGURE = "import pathlib; pathlib.Path('provenance.toml').unlink()"

# A training as people write it. Where a way of using the callback is named, it is used; else nothing here knows of provenance.
PLAIN = """
import importlib, json, sys
import torch
from torch.utils.data import DataLoader

package, way = sys.argv[1], sys.argv[2]
pl = importlib.import_module(package)

class Model(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, _):
        if way == "fails":
            raise RuntimeError("out of memory")
        return self.layer(batch).mean()

    def validation_step(self, batch, _):
        self.layer(batch)

    test_step = predict_step = validation_step

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

class Own(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.ones(4)

callbacks = []
if way != "nothing":
    from datasets import load_dataset
    from provenance.hooks.configured import find_gate
    from tests.fakes.observer import KeptObserver
    hook = importlib.import_module("provenance.hooks." + package.split(".")[0])
    kept = KeptObserver()
    gate = hook.ProvenanceCallback("run.clearance.json", roots=["data"], trust="trust.json", record=kept)
    callbacks = [gate]

def loader():
    return DataLoader(Own(), batch_size=2)

def other():
    return DataLoader(load_dataset("json", data_files=["other.jsonl"], split="train", cache_dir="out/cache"), batch_size=2)

def trainer():
    quiet = dict(logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False)
    return pl.Trainer(max_epochs=2, accelerator="cpu", callbacks=callbacks, **quiet)

try:
    if way == "validation":
        trainer().fit(Model(), loader(), other())
    elif way in {"validate", "test", "predict"}:
        getattr(trainer(), way)(Model(), other(), verbose=False) if way != "predict" else trainer().predict(Model(), other())
    else:
        trainer().fit(Model(), loader())
        print("trained")
        if way == "nothing":
            trainer()
finally:
    if way != "nothing":
        print(json.dumps({"steps": kept.steps, "ends": kept.ends}))
"""


def scenes(world: ClearedWorld) -> dict[str, Scene]:
    installed(world.folder / INSTALLED)
    plain = world.folder / "plain.py"
    plain.write_text(PLAIN, encoding="utf-8")

    def way(package: str, name: str, before: str = "") -> Scene:
        return Scene(script=plain, more=(package, name), before=before)

    made = {
        "tampered": Scene(script="lightning_fit.py", before=TAMPER, swallow=True),
        "mended": Scene(script="lightning_fit.py", before=MEND),
        "unregistered": Scene(script="lightning_fit.py", before=OTHER, data="other.jsonl", swallow=True),
        "changed before training": Scene(script="lightning_fit.py", before=CHANGE_LATER),
    }
    made |= {f"{package} observed": way(package, "observed", MEND_HUMAN) for package in LIGHTNING_PACKAGES}
    made |= {name: way("lightning.pytorch", name) for name in ("fails", "validation", "validate", "test", "predict")}
    for package in LIGHTNING_PACKAGES:
        made |= {
            f"{package} not configured": way(package, "nothing"),
            f"{package} configured": way(package, "nothing", CONFIGURE),
            f"{package} mistake": way(package, "nothing", MISTAKE),
            f"{package} configured and tampered": way(package, "nothing", CONFIGURE + "\n" + TAMPER),
            f"{package} not configured again": way(package, "nothing", MEND + "\n" + UNCONFIGURE),
        }
    made["last"] = Scene(script="lightning_fit.py", before=TAMPER)
    return made


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play_once(tmp_path_factory, "lightning", scenes, path=[INSTALLED])


def installed(folder: Path) -> None:
    """Make a folder that tells Python of the entry points of pyproject.toml, as an installation does."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    told = folder / "provenance_audit-0.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 0\n", encoding="utf-8")
    lines = [f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in names.items()) for group, names in project["entry-points"].items()]
    (told / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")


def test_changed_data_deny_before_the_first_byte_though_the_script_swallows_errors(played: Played) -> None:
    end = played.ends["tampered"]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "chat/b.jsonl: changed" in end.err


def test_mended_data_are_trained_on(played: Played) -> None:
    end = played.ends["mended"]
    assert (end.code, end.out.splitlines()[-1:]) == (0, ["trained 2 steps"]), end.err
    assert end.forward > 0


def test_a_dataset_that_was_never_registered_is_denied_before_the_first_batch(played: Played) -> None:
    end = played.ends["unregistered"]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "other.jsonl" in end.err


def test_data_changed_between_constructor_and_training_are_denied(played: Played) -> None:
    end = played.ends["changed before training"]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "human.txt: changed" in end.err


@pytest.mark.parametrize("package", LIGHTNING_PACKAGES)
def test_steps_epochs_and_the_end_are_told_by_both_packages(played: Played, package: str) -> None:
    end = played.ends[f"{package} observed"]
    assert end.code == 0, end.err
    # Two epochs of four records in batches of two.
    assert json.loads(end.out.splitlines()[-1]) == {"steps": [[1, 0.0], [2, 0.0], [3, 1.0], [4, 1.0]], "ends": ["completed"]}
    assert end.err.count("nobody follows what Own reads") == 1


def test_a_run_that_fails_is_told_as_failed(played: Played) -> None:
    end = played.ends["fails"]
    assert end.code == 1
    assert json.loads(end.out.splitlines()[-1])["ends"] == ["failed"]


@pytest.mark.parametrize("name", ["validation", "validate", "test", "predict"])
def test_other_data_for_an_evaluation_are_denied_before_their_first_batch(played: Played, name: str) -> None:
    end = played.ends[name]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "other.jsonl" in end.err


@pytest.mark.parametrize("package", LIGHTNING_PACKAGES)
def test_a_configured_gate_holds_without_a_line_of_code(played: Played, package: str) -> None:
    denied = played.ends[f"{package} configured and tampered"]
    assert (denied.code, denied.forward, denied.fetched) == (77, 0, 0)
    assert "chat/b.jsonl: changed" in denied.err
    allowed = played.ends[f"{package} configured"]
    assert (allowed.code, allowed.out) == (0, "trained\n"), allowed.err


@pytest.mark.parametrize("package", LIGHTNING_PACKAGES)
def test_a_configuration_with_a_mistake_is_a_denial(played: Played, package: str) -> None:
    end = played.ends[f"{package} mistake"]
    assert (end.code, end.forward) == (77, 0)
    assert "'clearence'" in end.err


def test_where_nobody_configured_a_gate_training_goes_on_and_it_is_said_once_a_process(played: Played) -> None:
    unconfigured = [end for name, end in played.ends.items() if "not configured" in name]
    assert [(end.code, end.out) for end in unconfigured] == [(0, "trained\n")] * 4
    assert sum(end.err.count("no [gate] is configured") for end in played.ends.values()) == 1


def test_the_process_itself_ends_with_77(played: Played) -> None:
    assert played.code == 77
