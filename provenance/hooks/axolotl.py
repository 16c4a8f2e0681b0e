"""Axolotl's plug-in: ``plugins: [provenance.hooks.axolotl.ProvenancePlugin]`` in the configuration.

``register`` is the earliest safe point: Axolotl calls it before the configuration is validated, and before any data or model is loaded. Every byte is checked
there, and each dataset that the configuration names is resolved to registered shards; ``pre_model_load`` resolves them again, as validated; every byte is
checked again when training begins.

Axolotl goes on without a plug-in that cannot be imported: put ``provenance exec`` before the command, which does not. Built after the contract of Axolotl
0.19 (``axolotl.integrations.base``); not run with Axolotl itself, which cannot be installed beside the tested versions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from provenance.config import GATE_KEYS
from provenance.hooks import last_word
from provenance.hooks.axolotl_data import unregistered_data
from provenance.hooks.configured import ConfiguredGate, gate_from_table, required_gate
from provenance.hooks.gate import TrainingBlocked, announce, end_process_group
from provenance.hooks.trainers import TrainerGate

try:
    from axolotl.integrations.base import BasePlugin
except ImportError as err:
    if "axolotl" in sys.modules:  # Axolotl would print an ImportError and train without the gate
        raise TrainingBlocked((f"the plug-in cannot be loaded: {err}",), hint="see the versions in docs/hooks.md") from err
    raise ImportError("provenance.hooks.axolotl is loaded by Axolotl, which is not installed: pip install axolotl") from err

FRAMEWORK: Final = "axolotl"
ARGUMENTS: Final = "provenance.hooks.axolotl_arguments.ProvenanceArguments"


class ProvenancePlugin(BasePlugin):  # type: ignore[misc]  # Axolotl is not installed where types are checked
    """Lets Axolotl start only under a clearance that holds for the bytes on disk, on datasets that were cleared."""

    def __init__(self) -> None:
        super().__init__()
        self._gate: TrainerGate | None = None

    def get_input_args(self) -> str:
        """Return the class of the configuration's table ``provenance``."""
        return ARGUMENTS

    def register(self, cfg: Mapping[str, Any]) -> None:
        """Check every byte, and the datasets that the configuration names.

        Args:
            cfg: The configuration as it was written. Its table ``provenance`` holds what ``[gate]`` of a workspace may; where there is none, the
                workspace's or the system's is used.

        Raises:
            TrainingBlocked: If training may not start, or no gate is configured.
        """
        try:
            found = _gate_of(cfg)
        except TrainingBlocked as denial:
            last_word.denied(denial.clearance)
            announce(denial)
            end_process_group()
            raise
        self._gate = TrainerGate.configured(found, framework=FRAMEWORK)
        self._check_data(cfg)

    def pre_model_load(self, cfg: Mapping[str, Any]) -> None:
        """Resolve the datasets again, as the validated configuration names them.

        Raises:
            TrainingBlocked: If one was not cleared.
        """
        self._check_data(cfg, prepared=False)

    def add_callbacks_pre_trainer(self, cfg: Mapping[str, Any], model: object) -> list[object]:
        """Return the callback that checks again when training begins, and tells of steps."""
        from provenance.hooks.transformers import ProvenanceCallback

        return [ProvenanceCallback.of(self._passed(), resolve=False)]

    def _check_data(self, cfg: Mapping[str, Any], *, prepared: bool = True) -> None:
        gate = self._passed()
        reasons = unregistered_data(cfg, gate.passed, prepared=prepared)
        if reasons:
            hint = "name files or folders of the registered data roots in the configuration, or register, audit and clear what it names"
            gate.refuse(TrainingBlocked(reasons, hint=hint, kind="SubjectMismatchError"))

    def _passed(self) -> TrainerGate:
        if self._gate is None:
            denial = TrainingBlocked(("the plug-in was never registered, so that nothing was checked",), hint="list it under plugins")
            last_word.denied(denial.clearance)
            announce(denial)
            end_process_group()
            raise denial
        return self._gate


def _gate_of(cfg: Mapping[str, Any]) -> ConfiguredGate:
    table = cfg.get("provenance")
    if table is None:
        return required_gate()
    source = Path(os.fspath(cfg.get("axolotl_config_path") or "the Axolotl configuration"))
    given = {key: table[key] for key in table if table[key] is not None or key not in GATE_KEYS} if isinstance(table, Mapping) else table
    return gate_from_table(given, source=source, folder=Path.cwd())
