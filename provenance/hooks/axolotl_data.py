"""The datasets that an Axolotl configuration names, resolved to registered shards. Nothing of Axolotl is imported.

Written after how Axolotl 0.19 loads data (``axolotl.utils.data``): a path that exists on this machine is read from there, and all else would be fetched. Data
that an earlier run prepared are loaded in place of what the configuration names, from ``dataset_prepared_path`` or ``last_run_prepared``, and thus judged too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from provenance.clearance.check import GatePass
from provenance.hooks.paths import UnregisteredPathError, registered_shards
from provenance.storage.urls import is_url

LISTS: Final = ("datasets", "test_datasets", "pretraining_dataset")
DEFAULT_PREPARED: Final = "last_run_prepared"
BUILDERS: Final = frozenset({"json", "csv", "parquet", "arrow", "text", "webdataset"})
"""Formats that stand in the place of a path where Axolotl streams."""


def unregistered_data(cfg: Mapping[str, Any], passed: GatePass, *, prepared: bool = True) -> tuple[str, ...]:
    """Return why a configuration's data are not those that were cleared; empty if they are.

    Args:
        cfg: The configuration, as written or as validated.
        passed: What the gate verified.
        prepared: Look at data that an earlier run prepared, too; not after this run may have prepared its own.
    """
    entries = [(name, entry) for name in LISTS for entry in _entries(cfg.get(name))]
    reasons = [reason for name, entry in entries for reason in _faults(name, entry, passed, streamed=_is_streamed(name, cfg))]
    if not entries:
        reasons.append("the configuration names no dataset, so nothing that is read can be resolved")
    if cfg.get("push_dataset_to_hub"):
        reasons.append(f"push_dataset_to_hub: prepared data would be loaded from {cfg.get('push_dataset_to_hub')}, which is no registered shard")
    if prepared:
        reasons.extend(_prepared_faults(Path(str(cfg.get("dataset_prepared_path") or DEFAULT_PREPARED)), passed))
    return tuple(reasons)


def _entries(value: object) -> list[object]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _is_streamed(name: str, cfg: Mapping[str, Any]) -> bool:
    return name == "pretraining_dataset" or (name == "datasets" and bool(cfg.get("streaming")) and bool(cfg.get("sample_packing")))


def _faults(name: str, entry: object, passed: GatePass, *, streamed: bool) -> Iterator[str]:
    """Yield what is wrong with one entry of a list of datasets."""
    table = entry if isinstance(entry, Mapping) else {"path": entry}
    path, files = table.get("path"), [f for value in _entries(table.get("data_files")) for f in _file_names(value)]
    if not isinstance(path, str) or not path:
        yield f"{name}: an entry names no path"
        return
    is_format = streamed and path in BUILDERS and bool(files)
    if not is_format and not is_url(path) and not Path(path).exists():
        yield f"{name}: {path} is nowhere on this machine, so it would be fetched from a hub, where nothing is registered"
        return
    for read in files or [path]:
        try:
            registered_shards(str(read), passed)
        except UnregisteredPathError as err:
            yield f"{name}: {err}"


def _file_names(value: object) -> list[object]:
    """Return the files in ``data_files``: one, or those of each split."""
    return [f for part in value.values() for f in _entries(part)] if isinstance(value, Mapping) else [value]


def _prepared_faults(folder: Path, passed: GatePass) -> Iterator[str]:
    """Yield what is wrong with data that an earlier run prepared; its own notes beside them are no data."""
    if not folder.is_dir():
        return
    for prepared in sorted(place for place in folder.iterdir() if place.is_dir()):
        if not any(prepared.iterdir()):
            continue
        try:
            registered_shards(str(prepared), passed)
        except UnregisteredPathError as err:
            yield f"data prepared before would be loaded: {err}; take {folder} away, or register it as derived from its sources"
