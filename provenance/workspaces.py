"""Makes workspaces: a lasting one with its settings file and registry, or one for a single check."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from provenance.bootstrap import SystemClock, Workspace
from provenance.config import SETTINGS_NAME, default_settings, load_settings, with_database
from provenance.errors import ConfigError
from provenance.registry.upgrade import UpgradeNote, upgrade
from provenance.storage.options import StorageOptions
from provenance.storage.urls import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What ``init_workspace`` found and made."""

    workspace: Workspace
    is_new: bool
    """The settings file was made."""
    had_registry: bool
    was_used: bool
    """Whether anything that commands leave lay in it already."""


def init_workspace(folder: Path, *, database: str | None = None, actor: str = "UNKNOWN", why: str = "") -> Made:
    """Make a workspace: settings file and an empty registry; one that is there is brought to this version's schema.

    Args:
        folder: Of the workspace.
        database: URL of the registry; kept in a new settings file.
        actor: Who does it, for the log.
        why: What the user says of the reason, for the log.
    """
    file = folder / SETTINGS_NAME
    is_new = not file.exists()
    chosen = None if database is None else default_settings(folder, database=database).database
    line = "" if chosen is None else f"database = {json.dumps(chosen)}\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if is_new:
            text = f'# Where this workspace keeps its things; paths are relative to this file.\n{line}[roots]\ndata = "data"\n'
            file.write_text(text, encoding="utf-8")
    except OSError as err:
        raise ConfigError(f"{folder}: cannot make a workspace: {err.strerror}") from err
    settings = with_database(load_settings(folder), database, folder=folder.absolute())
    was_used = any(place.exists() for place in (settings.unfinished.parent, settings.evidence, settings.references))
    before = upgrade(settings.database, note=UpgradeNote(at=SystemClock().now(), actor=actor, reason=why))
    return Made(workspace=Workspace(settings, why=why), is_new=is_new, had_registry=before is not None, was_used=was_used)


def temporary_workspace(folder: Path, *, data: Place, storage: StorageOptions) -> Workspace:
    """Make a workspace in ``folder`` whose only data root is ``data``: for a cold start."""
    settings = replace(default_settings(folder), roots=(("data", data.absolute() if isinstance(data, Path) else data),), storage=storage)
    upgrade(settings.database)
    return Workspace(settings)
