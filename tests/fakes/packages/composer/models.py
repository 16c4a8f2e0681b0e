"""A model of transformers whose loss Composer asks for."""

from __future__ import annotations

from typing import Any

import torch


class HuggingFaceModel(torch.nn.Module):
    def __init__(self, model: Any, tokenizer: Any = None) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Any) -> Any:
        return self.model(**batch).loss
