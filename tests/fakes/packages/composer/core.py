"""What a callback inherits and is given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any


@dataclass
class State:
    timestamp: SimpleNamespace
    train_dataloader: Iterable[Any] | None = None
    dataloader: Iterable[Any] | None = None
    evaluators: list[Any] = field(default_factory=list)


class Evaluator:
    """Keeps its loader in a ``DataSpec``."""

    def __init__(self, loader: Iterable[Any]) -> None:
        self.label = "eval"
        self.dataloader = SimpleNamespace(dataloader=loader)


class Callback:
    """Each event is a method of ``(state, logger)``; those not overridden do nothing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None: ...
    def init(self, state: State, logger: Any) -> None: ...
    def fit_start(self, state: State, logger: Any) -> None: ...
    def epoch_start(self, state: State, logger: Any) -> None: ...
    def batch_end(self, state: State, logger: Any) -> None: ...
    def fit_end(self, state: State, logger: Any) -> None: ...
    def eval_standalone_start(self, state: State, logger: Any) -> None: ...
    def eval_start(self, state: State, logger: Any) -> None: ...
    def predict_start(self, state: State, logger: Any) -> None: ...
    def close(self, state: State, logger: Any) -> None: ...
