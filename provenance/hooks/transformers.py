"""Hugging Face ``Trainer`` (and TRL, which builds on it): ``Trainer(..., callbacks=[ProvenanceCallback(...)])``.

The callback's constructor is the earliest point that a script reaches: it refuses before a trainer exists. The check is repeated when training begins,
so that data changed in between are found. Flags such as ``should_training_stop`` are not used: trainers run on past them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from provenance.clearance.statement import Clearance
from provenance.hooks.gate import PathText, require_clearance, utc_now

try:
    from transformers import TrainerCallback
except ImportError as err:
    raise ImportError("provenance.hooks.transformers needs the transformers package: pip install 'provenance-audit[transformers]'") from err


class ProvenanceCallback(TrainerCallback):
    """Lets a ``Trainer`` start only under a clearance that holds for the bytes on disk."""

    def __init__(
        self,
        clearance: PathText,
        *,
        roots: Sequence[PathText],
        trust: PathText | None = None,
        manifest: PathText | None = None,
        run_digest: str | None = None,
        policy_digests: Sequence[str] | None = None,
        shard_folders_only: bool = False,
        denial_json: PathText | None = None,
        clock: Callable[[], str] = utc_now,
    ) -> None:
        """Check at once. Arguments are those of ``provenance.hooks.gate.require_clearance``.

        Raises:
            TrainingBlocked: If training may not start.
        """

        def check() -> Clearance:
            return require_clearance(
                clearance,
                roots=roots,
                trust=trust,
                manifest=manifest,
                run_digest=run_digest,
                policy_digests=policy_digests,
                shard_folders_only=shard_folders_only,
                denial_json=denial_json,
                clock=clock,
            )

        self._check = check
        self.clearance = check()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Check again, every byte, just before the first step.

        Raises:
            TrainingBlocked: If the clearance no longer holds or the data have changed since the constructor.
        """
        self.clearance = self._check()
