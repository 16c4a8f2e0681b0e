"""The example scripts of Hugging Face's and TRL's trainers, run for real on the CPU: denied before the model sees a byte, allowed once the data are mended."""

from __future__ import annotations

import json

import pytest

from tests.fakes.clearances import ClearedWorld
from tests.fakes.training import EXAMPLES, Played, Scene, play_once

pytestmark = pytest.mark.torch

TAMPER = """
import os, pathlib
file = pathlib.Path("data/chat/b.jsonl")
good, status = file.read_bytes(), file.stat()
pathlib.Path("good").write_bytes(good)
file.write_bytes(good.replace(b"press", b"prest", 1))
os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
"""
MEND = "import pathlib; pathlib.Path('data/chat/b.jsonl').write_bytes(pathlib.Path('good').read_bytes())"
OTHER = "import pathlib; pathlib.Path('other.jsonl').write_text('{\"text\": \"not registered\"}\\n' * 8)"
CHANGE_LATER = """
import pathlib, transformers
begin = transformers.Trainer.create_optimizer
def change(self, *a, **k):
    transformers.Trainer.create_optimizer = begin
    file = pathlib.Path("data/human.txt")
    pathlib.Path("good").write_bytes(file.read_bytes())
    file.write_bytes(b"!" + file.read_bytes()[1:])
    return begin(self, *a, **k)
transformers.Trainer.create_optimizer = change
"""
MEND_HUMAN = "import pathlib; pathlib.Path('data/human.txt').write_bytes(pathlib.Path('good').read_bytes())"
CONFIGURE = """
import pathlib
pathlib.Path("provenance.toml").write_text('[gate]\\nclearance = "run.clearance.json"\\ntrust = "trust.json"\\nrecord = "runs"\\n')
"""

# What scripts do besides training: each way of using the callback, by name.
WAYS = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
import tiny
from datasets import load_dataset
from tests.fakes.observer import KeptObserver
from transformers import Trainer, TrainerCallback, TrainingArguments
from provenance.hooks.transformers import ProvenanceCallback

kept, words, way = KeptObserver(), tiny.tokenizer(), sys.argv[1]
if way == "configured":
    gate = ProvenanceCallback.configured()
else:
    gate = ProvenanceCallback("run.clearance.json", roots=["data"], trust="trust.json", record=kept, require_guarded="guarded" in way)

def load(file, **more):
    texts = load_dataset("json", data_files=[file], split="train", cache_dir="out/cache", **more)
    def tokens(record):
        ids = words(record["text"], truncation=True, max_length=32, padding="max_length")["input_ids"]
        return {"input_ids": ids, "labels": ids}
    return texts.map(tokens, remove_columns=["text"])

good = load("data/chat/b.jsonl")
other = load("other.jsonl") if way in {"removed", "evaluate", "evaluate watched", "exchanged"} else None

class LateAdder(TrainerCallback):
    def on_epoch_begin(self, *_, **__):
        Path("data/human.txt").write_text("changed")
        trainer.add_callback(gate)

def make(train, evaluation=None, **more):
    arguments = dict(max_steps=2, per_device_train_batch_size=2, use_cpu=True, report_to=[], disable_tqdm=True, save_strategy="no") | more
    callbacks = [LateAdder()] if way == "late" else [gate]
    return Trainer(model=tiny.model(), args=TrainingArguments("out", **arguments), train_dataset=train, eval_dataset=evaluation, callbacks=callbacks)

if way == "observed":
    trainer = gate.watch(make(good, good.select(range(4)), eval_strategy="steps", eval_steps=1))
elif way == "streamed":
    trainer = make(load("data/chat/*.jsonl", streaming=True))
elif way == "streamed other":
    trainer = make(load("other.jsonl", streaming=True))
elif way == "guarded":
    from provenance.hooks.torch import guard
    def read(shard):
        ids = [words(json.loads(line)["text"], truncation=True, max_length=32, padding="max_length")["input_ids"] for line in shard]
        return [{"input_ids": i, "labels": i} for i in ids]
    trainer = make(guard(["data/chat/b.jsonl"], clearance="run.clearance.json", roots=["data"], trust="trust.json", read=read, observer=kept))
elif way == "from a list":
    from datasets import Dataset
    trainer = make(Dataset.from_list([good[i] for i in range(8)]))
elif way in {"preferences", "preferences other"}:
    from trl import DPOConfig, DPOTrainer
    texts = load_dataset("json", data_files=["other.jsonl" if "other" in way else "data/chat/b.jsonl"], split="train", cache_dir="out/cache")
    pairs = texts.map(lambda record: {"prompt": "how?", "chosen": record["text"], "rejected": "no"}, remove_columns=["text"])
    config = DPOConfig("out", max_steps=1, per_device_train_batch_size=2, max_length=32, use_cpu=True, bf16=False, report_to=[], disable_tqdm=True)
    trainer = DPOTrainer(model=tiny.model(), ref_model=tiny.model(), args=config, processing_class=words, train_dataset=pairs, callbacks=[gate])
elif way == "unseen" or way == "guarded only":
    trainer = make([good[i] for i in range(8)])
elif way == "removed":
    trainer = gate.watch(make(good))
    trainer.remove_callback(gate)
    trainer.train_dataset = other
elif way == "evaluate watched":
    trainer = make(good, good)
    gate.watch(trainer)
    trainer.evaluate(other)
elif way == "evaluate":
    trainer = make(good)
    trainer.evaluate(other)
elif way == "exchanged":
    trainer = make(good)
    trainer.train_dataset = other
elif way == "resumed":
    trainer = make(good, save_strategy="steps", save_steps=1)
    trainer.train()
    Path("data/human.txt").write_text("changed")
    trainer.train(resume_from_checkpoint=True)
else:
    trainer = make(good)
trainer.train()
print(json.dumps({"steps": kept.steps, "ends": kept.ends, "reads": kept.bytes_read()}))
"""


def scenes(world: ClearedWorld) -> dict[str, Scene]:
    ways = world.folder / "ways.py"
    ways.write_text(WAYS, encoding="utf-8")
    keep = "import pathlib; pathlib.Path('good').write_bytes(pathlib.Path('data/human.txt').read_bytes())"

    def way(name: str, before: str = keep) -> Scene:
        return Scene(script=ways, more=(name, str(EXAMPLES)), before=before)

    return {
        "tampered": Scene(script="huggingface.py", before=TAMPER, swallow=True),
        "mended": Scene(script="huggingface.py", before=MEND),
        "unregistered": Scene(script="huggingface.py", before=OTHER, data="other.jsonl", swallow=True),
        "changed before training": Scene(script="huggingface.py", before=CHANGE_LATER),
        "sft": Scene(script="trl_sft.py", before=MEND_HUMAN),
        "sft unregistered": Scene(script="trl_sft.py", data="other.jsonl"),
        "observed": way("observed"),
        "streamed": way("streamed"),
        "streamed other": way("streamed other"),
        "guarded": way("guarded"),
        "from a list": way("from a list"),
        "preferences": way("preferences"),
        "preferences other": way("preferences other"),
        "configured": way("configured", CONFIGURE),
        "configured again": way("configured"),
        "unseen": way("unseen"),
        "guarded only": way("guarded only"),
        "removed": way("removed"),
        "exchanged": way("exchanged"),
        "evaluate watched": way("evaluate watched"),
        "evaluate": way("evaluate"),
        "resumed": way("resumed"),
        "late": way("late", MEND_HUMAN),
        "sft tampered": Scene(script="trl_sft.py", before=MEND_HUMAN + TAMPER, swallow=True),
    }


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play_once(tmp_path_factory, "transformers", scenes)


@pytest.mark.parametrize("name", ["tampered", "sft tampered"])
def test_changed_data_deny_before_the_first_byte_though_the_script_swallows_errors(played: Played, name: str) -> None:
    end = played.ends[name]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "chat/b.jsonl: changed" in end.err


@pytest.mark.parametrize("name", ["mended", "sft"])
def test_mended_data_are_trained_on(played: Played, name: str) -> None:
    end = played.ends[name]
    assert (end.code, end.out.splitlines()[-1:]) == (0, ["trained 2 steps"]), end.err
    assert end.forward > 0
    assert end.fetched >= 2


@pytest.mark.parametrize("name", ["unregistered", "sft unregistered"])
def test_a_dataset_that_was_never_registered_is_denied_before_the_first_batch(played: Played, name: str) -> None:
    end = played.ends[name]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "other.jsonl" in end.err


def test_data_changed_between_constructor_and_training_are_denied(played: Played) -> None:
    end = played.ends["changed before training"]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "human.txt: changed" in end.err


def test_steps_epochs_end_and_shards_are_told(played: Played) -> None:
    end = played.ends["observed"]
    assert end.code == 0, end.err
    told = json.loads(end.out.splitlines()[-1])
    assert [step for step, _ in told["steps"]] == [1, 2]
    assert [epoch for _, epoch in told["steps"]] == [pytest.approx(2 / 100), pytest.approx(4 / 100)]  # two of the 100 records a step
    assert told["ends"] == ["completed"]
    assert told["reads"] == {"chat/b.jsonl": 100 * len('{"text": "press and hold the button"}\n')}


def test_a_streamed_dataset_is_trained_on_where_every_file_it_reads_is_registered(played: Played) -> None:
    end = played.ends["streamed"]
    assert end.code == 0, end.err
    assert set(json.loads(end.out.splitlines()[-1])["reads"]) == {"chat/a.jsonl", "chat/b.jsonl"}


@pytest.mark.parametrize(
    ("name", "reason"), [("streamed other", "other.jsonl"), ("from a list", "came from memory"), ("preferences other", "other.jsonl")]
)
def test_data_from_elsewhere_are_denied_however_they_came(played: Played, name: str, reason: str) -> None:
    end = played.ends[name]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert reason in end.err


def test_preferences_are_trained_on_by_trl(played: Played) -> None:
    end = played.ends["preferences"]
    assert end.code == 0, end.err
    assert json.loads(end.out.splitlines()[-1])["steps"] == [[1, pytest.approx(2 / 100)]]


def test_a_configured_gate_keeps_a_run_record_for_each_run(played: Played) -> None:
    for name in ("configured", "configured again"):
        assert played.ends[name].code == 0, played.ends[name].err
    records = [json.loads(file.read_text(encoding="utf-8")) for file in (played.folder / "runs").glob("*/run-record.json")]
    assert len(records) == 2
    for record in records:
        assert (record["framework"], record["steps"], record["end"]) == ("transformers", 2, "completed")
        read = {shard["path"]: shard["bytes_read"] for shard in record["shards"]}
        assert read == {"chat/a.jsonl": 0, "chat/b.jsonl": 3800, "human.txt": 0}  # 100 lines of 38 bytes


def test_a_dataset_of_the_users_own_is_said_to_be_unseen_once(played: Played) -> None:
    end = played.ends["unseen"]
    assert end.code == 0, end.err
    assert end.err.count("nobody follows what list reads") == 1


def test_a_dataset_that_nobody_follows_is_denied_where_that_is_asked_for(played: Played) -> None:
    end = played.ends["guarded only"]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "require_guarded is set" in end.err


def test_a_guarded_dataset_is_trained_on_where_nothing_else_is_allowed(played: Played) -> None:
    end = played.ends["guarded"]
    assert end.code == 0, end.err
    assert set(json.loads(end.out.splitlines()[-1])["reads"]) == {"chat/b.jsonl"}
    assert "nobody follows" not in end.err


@pytest.mark.parametrize("name", ["removed", "exchanged", "evaluate watched"])
def test_other_data_given_later_are_denied_before_their_first_batch(played: Played, name: str) -> None:
    end = played.ends[name]
    assert (end.code, end.forward, end.fetched) == (77, 0, 0)
    assert "other.jsonl" in end.err


def test_an_evaluation_nobody_watches_is_denied_after_its_first_batch(played: Played) -> None:
    end = played.ends["evaluate"]
    assert (end.code, end.fetched) == (77, 1)
    assert "other.jsonl" in end.err


def test_resuming_checks_again(played: Played) -> None:
    end = played.ends["resumed"]
    assert (end.code, end.fetched) == (77, 3)  # two steps before, and the batch that accelerate looks ahead
    assert "human.txt: changed" in end.err


def test_a_callback_added_after_training_began_checks_before_the_next_step(played: Played) -> None:
    end = played.ends["late"]
    assert (end.code, end.forward) == (77, 0)
    assert "human.txt: changed" in end.err


def test_the_process_itself_ends_with_77(played: Played) -> None:
    assert played.code == 77
