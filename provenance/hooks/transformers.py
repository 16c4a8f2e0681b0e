"""Hugging Face ``Trainer`` (and TRL, which builds on it): ``Trainer(..., callbacks=[ProvenanceCallback(...)])``.

The callback's constructor is the earliest point that a script reaches: it refuses before a trainer exists. The check is repeated when training begins,
so that data changed in between are found. Flags such as ``should_training_stop`` are not used: trainers run on past them.
"""

from __future__ import annotations

from typing import Any, Unpack

from provenance.clearance.statement import Clearance
from provenance.hooks.gate import GateOptions, PathText, require_clearance

try:
    from transformers import TrainerCallback
except ImportError as err:
    raise ImportError("provenance.hooks.transformers needs the transformers package: pip install 'provenance-audit[transformers]'") from err


class ProvenanceCallback(TrainerCallback):
    """Lets a ``Trainer`` start only under a clearance that holds for the bytes on disk."""

    def __init__(self, clearance: PathText, *, denial_json: PathText | None = None, **options: Unpack[GateOptions]) -> None:
        """Check at once. Arguments are those of ``provenance.hooks.gate.require_clearance``.

        Raises:
            TrainingBlocked: If training may not start.
        """

        def check() -> Clearance:
            return require_clearance(clearance, denial_json=denial_json, **options)

        self._check = check
        self.clearance = check()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Check again, every byte, just before the first step.

        Raises:
            TrainingBlocked: If the clearance no longer holds or the data have changed since the constructor.
        """
        self.clearance = self._check()
