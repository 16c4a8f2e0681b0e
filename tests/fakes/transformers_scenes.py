"""Runs under Hugging Face's and TRL's trainers; those of ``contract_scenes`` are played before them in the same process, which loads torch once."""

from __future__ import annotations

import pytest

from tests.fakes.clearances import ClearedWorld
from tests.fakes.contract_scenes import MEND, MEND_HUMAN, OTHER, STAND_INS, contract_scenes
from tests.fakes.training import EXAMPLES, Played, Scene, play_once

TAMPER = """
import os, pathlib
file = pathlib.Path("data/chat/b.jsonl")
good, status = file.read_bytes(), file.stat()
pathlib.Path("good").write_bytes(good)
file.write_bytes(good.replace(b"press", b"prest", 1))
os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
"""
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
        "tampered": Scene(script="huggingface.py", before=MEND_HUMAN + TAMPER, swallow=True),
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


def play_transformers(factory: pytest.TempPathFactory) -> Played:
    """Return what all of them came to."""
    return play_once(factory, "transformers", lambda world: contract_scenes(world) | scenes(world), path=[STAND_INS, EXAMPLES])
