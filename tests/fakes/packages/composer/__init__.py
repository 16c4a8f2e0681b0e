"""A stand-in that keeps to the documented contract of Composer 0.32: which events a ``Trainer`` runs, in which order, and what ``State`` holds then."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import torch

from .core import Callback, Evaluator, State


class Trainer:
    """Runs INIT before it knows its loaders, FIT_START once it does, and ``close`` however it ends."""

    def __init__(
        self,
        *,
        model: Any,
        train_dataloader: Iterable[Any] | None = None,
        eval_dataloader: Iterable[Any] | None = None,
        max_duration: str = "1ba",
        device: str = "cpu",
        callbacks: Sequence[Callback] = (),
    ) -> None:
        self.model, self.callbacks, self.batches = model, callbacks, int(max_duration.removesuffix("ba"))
        self.state = State(timestamp=SimpleNamespace(batch=0, epoch=0))
        self._run("init")
        self.state.train_dataloader = self.state.dataloader = train_dataloader
        self.state.evaluators = [] if eval_dataloader is None else [Evaluator(eval_dataloader)]

    def fit(self) -> None:
        try:
            self._run("fit_start")
            self._run("epoch_start")
            optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
            for batch in self.state.train_dataloader or ():
                if self.state.timestamp.batch == self.batches:
                    break
                self.model(batch).backward()
                optimizer.step()
                self.state.timestamp.batch += 1
                self._run("batch_end")
            self._run("fit_end")
        finally:
            self._run("close")

    def eval(self, loader: Iterable[Any]) -> None:
        self._run("eval_standalone_start")
        self._stage("eval_start", loader)

    def predict(self, loader: Iterable[Any]) -> None:
        self._stage("predict_start", loader)

    def _stage(self, event: str, loader: Iterable[Any]) -> None:
        self.state.dataloader = loader
        self._run(event)
        for batch in loader:
            self.model(batch)

    def _run(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self.state, SimpleNamespace())
