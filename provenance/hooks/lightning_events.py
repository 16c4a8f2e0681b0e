"""The events of a Lightning ``Trainer``, for both of its packages (``lightning.pytorch`` and ``pytorch_lightning``); neither is imported here.

The callback's constructor is the earliest point that a script reaches. ``setup`` comes when the processes are up, before the module's ``setup`` and before any
loader is made: every byte is checked there again. A ``LightningDataModule`` has prepared its data by then, from files that the constructor had verified.
Loaders exist at the start of each stage and are resolved there, before their first batch reaches the model.
"""

from __future__ import annotations

import os
import sys
from typing import Any, Final, Self, TypeVar, Unpack

from provenance.clearance.statement import Clearance
from provenance.hooks import last_word
from provenance.hooks.configured import ConfiguredGate, find_gate, required_gate
from provenance.hooks.gate import GateOptions, PathText, TrainingBlocked, announce, end_process_group
from provenance.hooks.observe import RunEnd
from provenance.hooks.trainers import Record, TrainerGate

FRAMEWORK: Final = "lightning"
NOT_CONFIGURED: Final = "provenance: no [gate] is configured for this folder, so no clearance is asked for (docs/hooks.md)\n"
_told: list[str] = []
_Events = TypeVar("_Events", bound="LightningEvents")


class LightningEvents:
    """What a callback does at each event. Classes of both packages inherit it before their own ``Callback``."""

    gate: TrainerGate
    _step = 0

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
    def configured(cls, start: str | os.PathLike[str] | None = None) -> Self:
        """Return the callback of the gate that the workspace or the system configures. Arguments are those of ``find_gate``.

        Raises:
            TrainingBlocked: If none is configured, or training may not start.
        """
        try:
            return cls.of(required_gate(start))
        except TrainingBlocked as denial:
            _refuse(denial)
            raise

    @classmethod
    def of(cls, found: ConfiguredGate) -> Self:
        """Return the callback of a configured gate. Errors are those of the constructor."""
        made = cls.__new__(cls)
        made.gate = TrainerGate.configured(found, framework=FRAMEWORK)
        return made

    @property
    def clearance(self) -> Clearance:
        """The clearance as it was when it was checked last."""
        return self.gate.passed.clearance

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Check again, every byte, together with the other processes: fit, validate, test and predict all begin here."""
        self.gate.check_again()

    def on_sanity_check_start(self, trainer: Any, pl_module: Any) -> None:
        """Resolve what the validation before the first step will read, where its loaders exist already."""
        self.gate.check_data({"val_dataloaders": trainer.val_dataloaders})

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Resolve what training and validation will read."""
        self.gate.check_data({"train_dataloader": trainer.train_dataloader, "val_dataloaders": trainer.val_dataloaders})

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """Resolve loaders that were made anew for this epoch."""
        self.gate.check_data({"train_dataloader": trainer.train_dataloader})

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Resolve what validation will read."""
        self.gate.check_data({"val_dataloaders": trainer.val_dataloaders})

    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        """Resolve what the test will read."""
        self.gate.check_data({"test_dataloaders": trainer.test_dataloaders})

    def on_predict_start(self, trainer: Any, pl_module: Any) -> None:
        """Resolve what is predicted for."""
        self.gate.check_data({"predict_dataloaders": trainer.predict_dataloaders})

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Tell what listens of the step, if this batch ended one."""
        if trainer.global_step != self._step:
            self._step = trainer.global_step
            self.gate.step_ended(trainer.global_step, epoch=float(trainer.current_epoch))

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        """Tell what listens that the run came to its end."""
        self.gate.run_ended(RunEnd.COMPLETED)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Tell what listens that an error ended the run."""
        self.gate.failed(exception)


def configured_callbacks(kind: type[_Events]) -> list[_Events]:
    """Return the callback of the configured gate, as a list; an empty one where nobody configured a gate, which is said once a process.

    Args:
        kind: The package's callback.

    Raises:
        TrainingBlocked: If the configuration cannot be understood, or training may not start.
    """
    try:
        found = find_gate()
    except TrainingBlocked as denial:
        _refuse(denial)
        raise
    if found is not None:
        return [kind.of(found)]
    if not _told:
        _told.append(NOT_CONFIGURED)
        _say_on_first_rank(NOT_CONFIGURED)
    return []


def _say_on_first_rank(line: str) -> None:
    from lightning_utilities.core.rank_zero import rank_zero_only  # both packages need it, and keep there what rank they are

    if getattr(rank_zero_only, "rank", 0) in {None, 0}:
        sys.stderr.write(line)


def _refuse(denial: TrainingBlocked) -> None:
    last_word.denied(denial.clearance)
    announce(denial)
    end_process_group()
