"""The manifest of a report folder: which files belong to the report, with their digests, and whether all of them were written.

A folder is replaced in this order: a manifest that says *unfinished* and lists what was there and what is to come; what belonged to the report before and does
so no more is removed; the documents; the manifest. Whoever reads the folder at any moment in between sees an unfinished report, never one that looks whole.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from provenance.canonical import canonical_bytes
from provenance.clearance.trust import read_regular
from provenance.errors import ReportError, WireFormatError
from provenance.model.wire import read_value, to_wire

MANIFEST: Final = "manifest.json"
MANIFEST_FORMAT: Final = "provenance.report"
UNFINISHED_FORMAT: Final = "provenance.report.unfinished"
"""Of the manifest that stands in the folder while documents are written: no reader takes it for a whole report."""
MANIFEST_VERSION: Final = 2
"""Version 2 says what kind of report the folder holds."""
FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
_LARGEST_BYTES: Final = 1 << 20


class FolderKind(StrEnum):
    """What a report folder holds."""

    AUDIT = "audit"
    """Views of an audit record: ``provenance report make``."""
    DISCLOSURE = "disclosure"
    """A document that a law asks for: ``report eu``, ``report ab2013``, ``report disclosures``."""
    LETTER = "letter"
    """A letter to a customer: ``report letter``."""
    INDEX = "index"
    """The page over all audits: ``report index``. Reports of single audits may lie in folders below it."""


DOCUMENTS: Final[dict[FolderKind, frozenset[str]]] = {
    FolderKind.AUDIT: frozenset(
        {
            "index.html", "report.pdf", "audit.json", "AUDIT.md", "findings.sarif", "junit.xml", "NOTICES.md", "audit.cdx.json", "audit.spdx.json",
            "findings.csv", "matches.csv", "shards.csv", "runs.csv", "findings.parquet", "datasets.parquet", "shards.parquet", "matches.parquet",
        }
    ),
    FolderKind.DISCLOSURE: frozenset({"index.html", "summary.md", "summary.json", "domains.csv"}),
    FolderKind.LETTER: frozenset({"letter.html", "letter.md", "letter.json", "letter.dsse.json"}),
    FolderKind.INDEX: frozenset({"index.html", "portfolio.json"}),
}  # fmt: skip
"""Every file of a fixed name that a report of each kind can have."""
_OF_DATASETS: Final = ".croissant.json"
"""How the files of an audit end that are named after its datasets."""


def is_document(name: str, kind: FolderKind) -> bool:
    """Tell whether a file of this name could be taken for a part of such a report, whether or not the manifest lists it."""
    return name in DOCUMENTS[kind] or (kind is FolderKind.AUDIT and name.endswith(_OF_DATASETS) and FILE_NAME.fullmatch(name) is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """One file of a report folder."""

    path: str
    sha256: str
    """``sha256:<hex>`` of its bytes."""
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportManifest:
    """What a report folder holds."""

    audit: str
    """Id of the audit record; of an index, empty."""
    files: tuple[ReportFile, ...]
    kind: FolderKind
    format: str = MANIFEST_FORMAT
    version: int = MANIFEST_VERSION

    @property
    def is_finished(self) -> bool:
        """Tell whether all files were written."""
        return self.format == MANIFEST_FORMAT


def manifest_bytes(manifest: ReportManifest) -> bytes:
    """Return the file form of a manifest: canonical JSON and a newline."""
    return canonical_bytes(to_wire(manifest)) + b"\n"


def read_manifest(folder: Path) -> ReportManifest:
    """Return the manifest of a report folder, finished or not. No file that it lists is looked at.

    Raises:
        ReportError: If it is missing or malformed, or of another format or version.
    """
    path = folder / MANIFEST
    try:
        raw = read_regular(path, _LARGEST_BYTES)
    except FileNotFoundError as err:
        raise ReportError(
            f"{path}: cannot be read: there is none, so nobody can tell what belongs to the report",
            hint="it was removed, or this is no report folder; make the report again",
        ) from err
    except (OSError, ValueError) as err:
        raise ReportError(f"{path}: cannot be read: {getattr(err, 'strerror', None) or err}", hint="make the report again") from err
    return parse_manifest(raw, where=str(path))


def parse_manifest(raw: bytes, *, where: str) -> ReportManifest:
    """Return the manifest that bytes hold.

    Raises:
        ReportError: If they hold none, or it lists a file twice or one outside the folder.
    """
    try:
        wire = json.loads(raw) if len(raw) <= _LARGEST_BYTES else None
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as err:
        raise ReportError(f"{where}: not JSON: {err}: cut off, or changed", hint="make the report again") from err
    if (
        not isinstance(wire, dict)
        or wire.get("format") not in (MANIFEST_FORMAT, UNFINISHED_FORMAT)
        or wire.get("version") not in (1, MANIFEST_VERSION)
    ):
        raise ReportError(f"{where}: expected format {MANIFEST_FORMAT!r} version 1 or {MANIFEST_VERSION}, got something else")
    try:
        manifest = read_value(ReportManifest, wire if wire["version"] != 1 else _of_version_1(wire), where=where)
    except WireFormatError as err:
        raise ReportError(str(err)) from err
    if not manifest.files:
        raise ReportError(f"{where}: lists no file")
    names = [file.path for file in manifest.files]
    strange = next((name for name in names if not FILE_NAME.fullmatch(name) or name == MANIFEST), None)
    if strange is not None:
        raise ReportError(f"{where}: file name {strange[:60]!r} leaves the folder or is no plain name")
    if manifest.is_finished and len(set(names)) != len(names):
        raise ReportError(f"{where}: lists a file twice")
    return manifest


def _of_version_1(wire: dict[str, object]) -> dict[str, object]:
    """Return a manifest of version 1, which did not say its kind, with the kind that its files tell."""
    files = wire.get("files")
    names = {file.get("path") for file in files if isinstance(file, dict)} if isinstance(files, list) else set()
    return {**wire, "kind": (FolderKind.DISCLOSURE if "summary.json" in names else FolderKind.AUDIT).value}


def is_foreign(path: Path) -> bool:
    """Tell whether a file of the manifest's name is a whole JSON document of somebody else; one that is cut off is none."""
    try:
        wire = json.loads(read_regular(path, _LARGEST_BYTES))
    except (OSError, ValueError, RecursionError):
        return False
    return not isinstance(wire, dict) or wire.get("format") not in (MANIFEST_FORMAT, UNFINISHED_FORMAT)
