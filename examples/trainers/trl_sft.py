"""TRL's SFTTrainer under a clearance: two lines, marked below. Its other trainers take the same callback.

python examples/trainers/trl_sft.py --clearance run.clearance.json --trust trust.json --root data --data data/chat/a.jsonl
"""

from __future__ import annotations

import tiny
from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

from provenance.hooks.transformers import ProvenanceCallback  # line 1

options = tiny.arguments(__doc__)
gate = ProvenanceCallback(options.clearance, roots=[options.root], trust=options.trust)  # refuses here, before anything is read
texts = load_dataset("json", data_files=[str(file) for file in options.data], split="train", cache_dir=str(options.out / "cache"))
gate.check(train_dataset=texts)  # optional: SFTTrainer tokenizes in its constructor; this refuses other data before that
trainer = SFTTrainer(
    model=tiny.model(),
    args=SFTConfig(
        str(options.out), max_steps=2, per_device_train_batch_size=2, max_length=32, use_cpu=True, bf16=False, report_to=[], disable_tqdm=True
    ),
    processing_class=tiny.tokenizer(),
    train_dataset=texts,
    callbacks=[gate],  # line 2
)
trainer.train()
print(f"trained {trainer.state.global_step} steps")
