"""MosaicML Composer's callback: ``Trainer(..., callbacks=[ProvenanceCallback(...)])``.

The constructor is the earliest point. Composer knows its loaders at ``FIT_START``, ``PREDICT_START`` and ``EVAL_START``, each before the first batch: every byte
is checked again there once, by all ranks, and the loaders are resolved to registered shards.

Built after the contract of Composer 0.32 (``composer.core.Callback``); not run with Composer itself, which cannot be installed beside the tested versions.
"""

from __future__ import annotations

from typing import Any, Final, Unpack

from provenance.clearance.statement import Clearance
from provenance.hooks.gate import GateOptions, PathText
from provenance.hooks.observe import RunEnd
from provenance.hooks.trainers import Record, TrainerGate

try:
    from composer.core import Callback
except ImportError as err:
    raise ImportError("provenance.hooks.composer needs Composer: pip install mosaicml") from err

FRAMEWORK: Final = "composer"


class ProvenanceCallback(Callback):  # type: ignore[misc]  # Composer is not installed where types are checked
    """Lets a Composer ``Trainer`` start only under a clearance that holds for the bytes on disk, on data that were cleared."""

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
        super().__init__()
        self.gate = TrainerGate(clearance, framework=FRAMEWORK, denial_json=denial_json, record=record, require_guarded=require_guarded, **options)
        self._fitting = False

    @property
    def clearance(self) -> Clearance:
        """The clearance as it was when it was checked last."""
        return self.gate.passed.clearance

    def fit_start(self, state: Any, logger: Any) -> None:
        """Check every byte again; then resolve what training and evaluation will read."""
        self.gate.check_again()
        self._fitting = True
        self.gate.check_data({"train_dataloader": state.train_dataloader, "evaluators": list(state.evaluators)})

    def epoch_start(self, state: Any, logger: Any) -> None:
        """Resolve a training loader that was exchanged."""
        self.gate.check_data({"train_dataloader": state.train_dataloader})

    def eval_start(self, state: Any, logger: Any) -> None:
        """Resolve what an evaluation will read."""
        self._before_stage(eval_dataloader=state.dataloader)

    def predict_start(self, state: Any, logger: Any) -> None:
        """Resolve what is predicted for."""
        self._before_stage(predict_dataloader=state.dataloader)

    def batch_end(self, state: Any, logger: Any) -> None:
        """Tell what listens of the step."""
        self.gate.step_ended(int(state.timestamp.batch), epoch=float(int(state.timestamp.epoch)))

    def fit_end(self, state: Any, logger: Any) -> None:
        """Tell what listens that the run came to its end."""
        self.gate.run_ended(RunEnd.COMPLETED)

    def close(self, state: Any, logger: Any) -> None:
        """Tell what listens that the trainer is gone: with an error, unless the run had come to its end."""
        if self._fitting:
            self.gate.run_ended(RunEnd.FAILED)

    def _before_stage(self, **given: object) -> None:
        if not self.gate.begun:
            self.gate.check_again()
        self.gate.check_data(given)
