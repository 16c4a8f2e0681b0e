"""Hugging Face Trainer under a clearance: two lines, marked below.

python examples/trainers/huggingface.py --clearance run.clearance.json --trust trust.json --root data --data data/chat/a.jsonl
"""

from __future__ import annotations

import tiny
from datasets import load_dataset
from transformers import Trainer, TrainingArguments

from provenance.hooks.transformers import ProvenanceCallback  # line 1

options = tiny.arguments(__doc__)
gate = ProvenanceCallback(options.clearance, roots=[options.root], trust=options.trust)  # refuses here, before anything is read
texts = load_dataset("json", data_files=[str(file) for file in options.data], split="train", cache_dir=str(options.out / "cache"))
words = tiny.tokenizer()


def tokens(record: dict[str, str]) -> dict[str, list[int]]:
    ids = words(record["text"], truncation=True, max_length=32, padding="max_length")["input_ids"]
    return {"input_ids": ids, "labels": ids}


trainer = Trainer(
    model=tiny.model(),
    args=TrainingArguments(str(options.out), max_steps=2, per_device_train_batch_size=2, use_cpu=True, report_to=[], disable_tqdm=True),
    train_dataset=texts.map(tokens, remove_columns=texts.column_names),
    callbacks=[gate],  # line 2
)
trainer.train()  # checks every byte again, and what train_dataset was made from
print(f"trained {trainer.state.global_step} steps")
