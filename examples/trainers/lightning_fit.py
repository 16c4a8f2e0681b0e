"""Lightning's Trainer under a clearance: two lines, marked below; or none, where provenance.toml has a table [gate].

python examples/trainers/lightning_fit.py --clearance run.clearance.json --trust trust.json --root data --data data/chat/a.jsonl
"""

from __future__ import annotations

from typing import Any

import lightning
import tiny
import torch
from datasets import load_dataset
from torch.utils.data import DataLoader

from provenance.hooks.lightning import ProvenanceCallback  # line 1

options = tiny.arguments(__doc__)
gate = ProvenanceCallback(options.clearance, roots=[options.root], trust=options.trust)  # refuses here, before anything is read
texts = load_dataset("json", data_files=[str(file) for file in options.data], split="train", cache_dir=str(options.out / "cache"))


class ByteModel(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = torch.nn.Embedding(256, 8), torch.nn.Linear(8, 256)

    def training_step(self, batch: dict[str, list[str]], _: int) -> torch.Tensor:
        ids = torch.tensor([list(text.encode("utf-8")[:16].ljust(17)) for text in batch["text"]])
        return torch.nn.functional.cross_entropy(self.head(self.embed(ids[:, :-1])).flatten(0, 1), ids[:, 1:].flatten())

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=0.1)


trainer = lightning.Trainer(
    max_steps=2,
    accelerator="cpu",
    logger=False,
    enable_checkpointing=False,
    enable_progress_bar=False,
    enable_model_summary=False,
    callbacks=[gate],  # line 2
)
trainer.fit(ByteModel(), DataLoader(texts, batch_size=2))
print(f"trained {trainer.global_step} steps")
