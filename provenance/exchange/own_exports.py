"""Reading back what ``export`` wrote in formats of others: the facts in it are taken whole, if the document is still what they make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provenance.audit.imports import ImportedDataset
from provenance.errors import ManifestError
from provenance.exchange.export_csv import COLUMNS
from provenance.exchange.exports import FORMATS, read_export
from provenance.exchange.manifest import DATASET_NAME
from provenance.exchange.sources import Reading, SourceRead, collected, load_source, path_fault
from provenance.model.dataset import DatasetVersion

_HEAD = ",".join(COLUMNS).encode()
_NO_OTHERS = frozenset({"spdx", "cyclonedx", "dta"})
"""Formats of which only our own documents are read."""


def own_format(value: Any) -> str:
    """Return which of the formats that only we are read of a parsed document is, empty if none."""
    if not isinstance(value, dict):
        return ""
    if value.get("bomFormat") == "CycloneDX":
        return "cyclonedx"
    if isinstance(value.get("@graph"), list) and "spdx" in str(value.get("@context", "")):
        return "spdx"
    return "dta" if {"source", "provenance", "use"} <= set(value) else ""


def read_own(path: Path, form: str, *, name: str) -> SourceRead | None:
    """Return the datasets of a document that ``export`` wrote, ``None`` where somebody else wrote it and another reader takes it.

    Raises:
        ManifestError: If it was changed after the export, its shard list is missing, or it is of a format of which only our own documents are read.
    """
    if form not in {*FORMATS, "csv"} or not _may_be_ours(path, form):
        return None
    versions = read_export(form, load_source(path, name=name).raw, where=name, lists=lambda listed: _lines(path.parent / listed))
    if not versions and form in _NO_OTHERS:
        raise ManifestError(f"{name}: holds no facts of ours: of {form}, only documents that provenance export wrote are read")
    reading = Reading(name)
    return collected([reading], [_imported(version, name, reading) for version in versions]) if versions else None


def _may_be_ours(path: Path, form: str) -> bool:
    """Tell by its text, so that documents of others are left to their readers, whatever is wrong with them."""
    try:
        with path.open("rb") as file:
            head = file.read(len(_HEAD))
            if form == "csv":
                return head == _HEAD
            return form in _NO_OTHERS or b"provenance.facts" in head + file.read()
    except OSError as err:
        raise ManifestError(f"{path}: cannot be read: {err.strerror or err}") from err


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except OSError as err:
        raise ManifestError(f"{path}: the list of shards cannot be read: {err.strerror or err}", hint="keep it beside the document") from err


def _imported(version: DatasetVersion, name: str, reading: Reading) -> ImportedDataset:
    if DATASET_NAME.fullmatch(version.dataset.name) is None:
        raise ManifestError(f"{name}: {version.dataset.name[:60]!r} is no dataset name")
    for shard in version.shards:
        if fault := path_fault(shard.path):
            raise ManifestError(f"{name}: shard {shard.path[:80]!r} {fault}")
    ordered = tuple(sorted(version.shards, key=lambda s: (s.path, s.root)))
    return ImportedDataset(dataset=reading.concluded(version.dataset), where=name, shards=(lambda: ordered) if ordered else None)
