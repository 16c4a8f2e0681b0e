"""MosaicML Composer's Trainer under a clearance: two lines, marked below.

python examples/trainers/composer_fit.py --clearance run.clearance.json --trust trust.json --root data --data data/chat/a.jsonl
"""

from __future__ import annotations

import tiny
from composer import Trainer
from composer.models import HuggingFaceModel
from datasets import load_dataset
from torch.utils.data import DataLoader

from provenance.hooks.composer import ProvenanceCallback  # line 1

options = tiny.arguments(__doc__)
gate = ProvenanceCallback(options.clearance, roots=[options.root], trust=options.trust)  # refuses here, before anything is read
texts = load_dataset("json", data_files=[str(file) for file in options.data], split="train", cache_dir=str(options.out / "cache"))
words = tiny.tokenizer()


def tokens(record: dict[str, str]) -> dict[str, list[int]]:
    ids = words(record["text"], truncation=True, max_length=32, padding="max_length")["input_ids"]
    return {"input_ids": ids, "labels": ids}


records = texts.map(tokens, remove_columns=texts.column_names).with_format("torch")
trainer = Trainer(
    model=HuggingFaceModel(tiny.model(), tokenizer=words),
    train_dataloader=DataLoader(records, batch_size=2),
    max_duration="2ba",
    device="cpu",
    callbacks=[gate],  # line 2
)
trainer.fit()
print(f"trained {int(trainer.state.timestamp.batch)} steps")
