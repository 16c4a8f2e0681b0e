"""A stand-in that keeps to the documented contract of Axolotl 0.19's plug-ins: what is called when, and that one which cannot be imported is passed over."""

from __future__ import annotations

import importlib
from typing import Any


class BasePlugin:
    """Methods not overridden do nothing."""

    def __init__(self) -> None: ...
    def register(self, cfg: dict[str, Any]) -> None: ...
    def get_input_args(self) -> str | None: ...
    def pre_model_load(self, cfg: dict[str, Any]) -> None: ...
    def add_callbacks_pre_trainer(self, cfg: dict[str, Any], model: Any) -> list[Any]:
        return []


def load_plugins(cfg: dict[str, Any]) -> list[BasePlugin]:
    """Import the plug-ins that a configuration lists, then register each with the configuration as written."""
    plugins = []
    for name in cfg.get("plugins") or []:
        module, _, kind = name.rpartition(".")
        try:
            plugins.append(getattr(importlib.import_module(module), kind)())
        except ImportError as err:
            print(f"Error: {err}")  # noqa: T201 – as Axolotl does
    for plugin in plugins:
        plugin.register(cfg)
    return plugins
