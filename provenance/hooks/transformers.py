"""Hugging Face ``Trainer`` (and TRL, which builds on it): ``Trainer(..., callbacks=[ProvenanceCallback(...)])``.

The callback's constructor is the earliest point that a script reaches: it refuses before a trainer exists. The check is repeated when training begins,
so that data changed in between are found; then the trainer's own dataset is resolved to registered shards, before the first batch. Flags such as
``should_training_stop`` are not used: trainers run on past them.

A trainer tells its callbacks of evaluation data only after the first batch of them, and a callback that was removed is told nothing. ``watch`` closes both:
the trainer's loaders are then looked into whenever it makes one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, TypeVar, Unpack

from provenance.clearance.statement import Clearance
from provenance.hooks import last_word
from provenance.hooks.configured import required_gate
from provenance.hooks.gate import GateOptions, PathText, TrainingBlocked, announce, end_process_group
from provenance.hooks.observe import RunEnd
from provenance.hooks.trainers import Record, TrainerGate

try:
    from transformers import TrainerCallback
except ImportError as err:
    raise ImportError("provenance.hooks.transformers needs the transformers package: pip install 'provenance-audit[transformers]'") from err

FRAMEWORK: Final = "transformers"
LOADER_MAKERS: Final = ("get_train_dataloader", "get_eval_dataloader", "get_test_dataloader")
"""Methods that a trainer offers for overriding, through which all its data come."""
_Trainer = TypeVar("_Trainer")


class ProvenanceCallback(TrainerCallback):
    """Lets a ``Trainer`` start only under a clearance that holds for the bytes on disk, on data that were cleared."""

    gate: TrainerGate
    resolve = True
    """Resolve the trainer's datasets."""

    def __init__(
        self,
        clearance: PathText,
        *,
        denial_json: PathText | None = None,
        record: Record | None = None,
        require_guarded: bool = False,
        **options: Unpack[GateOptions],
    ) -> None:
        """Check at once. Arguments are those of ``provenance.hooks.trainers.TrainerGate``.

        Raises:
            TrainingBlocked: If training may not start.
        """
        self.gate = TrainerGate(clearance, framework=FRAMEWORK, denial_json=denial_json, record=record, require_guarded=require_guarded, **options)

    @classmethod
    def of(cls, gate: TrainerGate, *, resolve: bool = True) -> ProvenanceCallback:
        """Return the callback of a gate that was passed already.

        Args:
            gate: The gate.
            resolve: Resolve the trainer's datasets; not where whoever made them has resolved what they were made from.
        """
        made = cls.__new__(cls)
        made.gate, made.resolve = gate, resolve
        return made

    @classmethod
    def configured(cls, start: str | os.PathLike[str] | None = None) -> ProvenanceCallback:
        """Return the callback of the gate that the workspace or the system configures. Arguments are those of ``find_gate``.

        Raises:
            TrainingBlocked: If none is configured, or training may not start.
        """
        try:
            found = required_gate(start)
        except TrainingBlocked as denial:
            last_word.denied(denial.clearance)
            announce(denial)
            end_process_group()
            raise
        return cls.of(TrainerGate.configured(found, framework=FRAMEWORK))

    @property
    def clearance(self) -> Clearance:
        """The clearance as it was when it was checked last."""
        return self.gate.passed.clearance

    def check(self, **datasets: object) -> None:
        """Resolve datasets to registered shards now, such as before a trainer's constructor tokenizes them.

        Raises:
            TrainingBlocked: If one was made from data that were not cleared.
        """
        self.gate.check_data(datasets)

    def watch(self, trainer: _Trainer) -> _Trainer:
        """Return a trainer whose datasets were resolved, and every loader of which will be, whether or not the callback stays with it.

        Raises:
            TrainingBlocked: If a dataset was made from data that were not cleared.
        """
        self._resolve(train_dataset=getattr(trainer, "train_dataset", None), eval_dataset=getattr(trainer, "eval_dataset", None))
        for name in LOADER_MAKERS:
            maker = getattr(trainer, name, None)
            if maker is not None:
                setattr(trainer, name, self._checked(name.removeprefix("get_"), maker))
        return trainer

    def on_train_begin(self, *_: Any, **given: Any) -> None:
        """Check again, every byte, just before the first step; then resolve the trainer's data.

        Raises:
            TrainingBlocked: If the clearance no longer holds, the data have changed since the constructor, or the trainer was given other data.
        """
        self._begin(given)

    def on_step_begin(self, *_: Any, **given: Any) -> None:
        """Check now, if this callback was added after training began.

        Raises:
            TrainingBlocked: As ``on_train_begin``.
        """
        if not self.gate.begun:
            self._begin(given)

    def on_prediction_step(self, *_: Any, **given: Any) -> None:
        """Resolve the data of an evaluation that ``watch`` has not seen: after its first batch, and before any result of it.

        Raises:
            TrainingBlocked: If they were not made from data that were cleared.
        """
        self._check_once()
        self._resolve(eval_dataloader=given.get("eval_dataloader"))

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Tell what listens of the step."""
        self.gate.step_ended(state.global_step, epoch=state.epoch)

    def on_train_end(self, *_: Any, **__: Any) -> None:
        """Tell what listens that the run came to its end."""
        self.gate.run_ended(RunEnd.COMPLETED)

    def _begin(self, given: dict[str, Any]) -> None:
        self.gate.check_again()
        self._resolve(train_dataloader=given.get("train_dataloader"), eval_dataloader=given.get("eval_dataloader"))

    def _check_once(self) -> None:
        """Check every byte again, where an evaluation comes without training or before it."""
        if not self.gate.begun:
            self.gate.check_again()

    def _resolve(self, **given: object) -> None:
        if self.resolve:
            self.gate.check_data(given)

    def _checked(self, name: str, maker: Callable[..., object]) -> Callable[..., object]:
        def make(*arguments: Any, **named: Any) -> object:
            loader = maker(*arguments, **named)
            if name != "train_dataloader":  # training checks by itself
                self._check_once()
            self._resolve(**{name: loader})
            return loader

        return make
