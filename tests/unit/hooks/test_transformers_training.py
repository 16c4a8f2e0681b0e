"""A real training run, tiny and on the CPU: denied before the model sees a byte, allowed once the data are mended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.clearance.trust import trust_bytes
from tests.fakes.clearances import ClearedWorld, cleared_world, sample_trust

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[3]
ALWAYS = {"issued": "2020-01-01T00:00:00Z", "not_before": "2020-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z"}

# The training script: a randomly initialised GPT-2 of two layers on the bytes of the shards. It counts what the data set gave out, how often the
# model ran, and how many steps were made, and writes the counts when the process ends, however it ends.
SCRIPT = """
import atexit, json, pathlib, sys

folder, hook, when = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
counts = {"items": 0, "forward": 0, "steps": 0, "trainer": 0}
atexit.register(lambda: (folder / "counts.json").write_text(json.dumps(counts)))

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

class Shards(torch.utils.data.Dataset):
    def __init__(self):
        self.files = sorted(p for p in (folder / "data").rglob("*") if p.is_file())

    def __len__(self):
        return 8

    def __getitem__(self, index):
        counts["items"] += 1
        raw = self.files[index % len(self.files)].read_bytes()[:16].ljust(16)
        ids = torch.tensor(list(raw))
        return {"input_ids": ids, "labels": ids}

class Counter(TrainerCallback):
    def on_step_end(self, args, state, control, **kwargs):
        counts["steps"] += 1

def callbacks():
    if hook == "none":
        return [Counter()]
    from provenance.hooks.transformers import ProvenanceCallback
    gate = ProvenanceCallback(folder / "run.clearance.json", roots=[folder / "data"], trust=folder / "trust.json", denial_json=folder / "denial.json")
    return [Counter(), gate]

def train():
    model = GPT2LMHeadModel(GPT2Config(vocab_size=256, n_positions=16, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0))
    model.register_forward_pre_hook(lambda *_: counts.__setitem__("forward", counts["forward"] + 1))
    arguments = TrainingArguments(
        output_dir=str(folder / "out"), max_steps=3, per_device_train_batch_size=2, use_cpu=True, report_to=[], save_strategy="no", disable_tqdm=True
    )
    trainer = Trainer(model=model, args=arguments, train_dataset=Shards(), callbacks=callbacks())
    counts["trainer"] += 1
    if when == "change-before-train":
        file = folder / "data" / "human.txt"
        file.write_bytes(b"!" + file.read_bytes()[1:])
    trainer.train()

try:
    train()
except Exception as err:
    print("swallowed", type(err).__name__, err)
"""


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    made = cleared_world(tmp_path, **ALWAYS)
    made.trust.write_bytes(trust_bytes(sample_trust(window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
    (tmp_path / "train.py").write_text(SCRIPT, encoding="utf-8")
    return made


def train(world: ClearedWorld, *, hook: str = "callback", when: str = "", prefix: tuple[str, ...] = ()) -> tuple[int, dict[str, int], str]:
    """Return the exit code, the counts, and what was printed on stderr; counts are empty where the script never started."""
    counts = world.folder / "counts.json"
    counts.unlink(missing_ok=True)
    command = [*prefix, sys.executable, str(world.folder / "train.py"), str(world.folder), hook, when]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment, cwd=world.folder)
    assert "swallowed" not in done.stdout, done.stdout
    return done.returncode, json.loads(counts.read_text(encoding="utf-8")) if counts.exists() else {}, done.stderr


def tamper(world: ClearedWorld) -> bytes:
    """Change one byte of a shard, size and times kept; return what was there."""
    file = world.data / "chat" / "b.jsonl"
    good, status = file.read_bytes(), file.stat()
    file.write_bytes(good.replace(b"press", b"prest", 1))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    return good


def test_the_callback_denies_before_the_first_byte_and_allows_after_mending(world: ClearedWorld) -> None:
    good = tamper(world)
    code, counts, err = train(world)
    assert (code, counts) == (77, {"items": 0, "forward": 0, "steps": 0, "trainer": 0})
    assert "TRAINING BLOCKED" in err
    assert "chat/b.jsonl: changed" in err
    assert json.loads((world.folder / "denial.json").read_text(encoding="utf-8"))["kind"] == "SubjectMismatchError"
    (world.data / "chat" / "b.jsonl").write_bytes(good)
    code, counts, err = train(world)
    assert (code, counts["steps"], counts["trainer"]) == (0, 3, 1), err
    assert counts["items"] >= 6
    assert counts["forward"] == 3


@pytest.mark.full  # the examples of trainers run the same scene
def test_a_right_clearance_for_the_changed_data_allows_the_run(world: ClearedWorld) -> None:
    tamper(world)
    world.reissue(**ALWAYS)
    code, counts, err = train(world)
    assert (code, counts["steps"]) == (0, 3), err


@pytest.mark.full  # the examples of trainers run the same scene
def test_data_changed_between_constructor_and_training_are_denied(world: ClearedWorld) -> None:
    code, counts, err = train(world, when="change-before-train")
    assert (code, counts) == (77, {"items": 0, "forward": 0, "steps": 0, "trainer": 1})
    assert "human.txt: changed" in err


@pytest.mark.full  # test_ranks_training and the examples start behind the prefix too
def test_the_launcher_prefix_denies_before_the_script_starts_and_allows_after_mending(world: ClearedWorld) -> None:
    gate = ("--clearance", str(world.clearance), "--root", str(world.data), "--trust", str(world.trust))
    prefix = (sys.executable, "-m", "provenance.hooks.launcher", *gate, "--")
    good = tamper(world)
    code, counts, err = train(world, hook="none", prefix=prefix)
    assert (code, counts) == (77, {})
    assert "TRAINING BLOCKED" in err
    (world.data / "chat" / "b.jsonl").write_bytes(good)
    code, counts, err = train(world, hook="none", prefix=prefix)
    assert (code, counts["steps"]) == (0, 3), err
    assert "provenance: cleared by Ada Clearer" in err
