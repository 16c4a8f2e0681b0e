"""A report as a folder: its documents, the tables beside them, and a manifest of their digests that is written last."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from provenance.canonical import canonical_bytes, digest_bytes
from provenance.errors import ReportError, WireFormatError
from provenance.model.audit import AuditRecord
from provenance.model.report_look import ReportLook
from provenance.model.training import RecordedRun
from provenance.model.wire import read_value, to_wire
from provenance.report.attribution import Ancestry
from provenance.report.beside import Beside
from provenance.report.croissant import CroissantReport
from provenance.report.cyclonedx import CycloneDxReport
from provenance.report.html import HtmlReport
from provenance.report.interface import ReportFormat, ReportSet
from provenance.report.junit import JunitReport
from provenance.report.markdown import MarkdownReport
from provenance.report.notices import NoticesReport
from provenance.report.parquet import ParquetReport
from provenance.report.pdf import PdfReport
from provenance.report.record_json import JsonReport
from provenance.report.sarif import SarifReport
from provenance.report.sidecars import render_sidecars
from provenance.report.spdx import SpdxReport

MANIFEST = "manifest.json"
MANIFEST_FORMAT = "provenance.report"
MANIFEST_VERSION = 1
FORMATS: dict[str, ReportFormat] = {
    f.name: f
    for f in (
        HtmlReport(),
        PdfReport(),
        JsonReport(),
        MarkdownReport(),
        SarifReport(),
        JunitReport(),
        NoticesReport(),
        CycloneDxReport(),
        SpdxReport(),
    )
}
"""Every format of one document by its name on the command line."""
SETS: dict[str, ReportSet] = {s.name: s for s in (ParquetReport(), CroissantReport())}
"""Every format of several files by its name on the command line."""
TABLES = "csv"
"""What the tables that stand beside every report are called on the command line."""
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
_CHUNK_BYTES = 1 << 20
_LARGEST_MANIFEST_BYTES = 1 << 20


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
    """Id of the audit record."""
    files: tuple[ReportFile, ...]
    format: str = MANIFEST_FORMAT
    version: int = MANIFEST_VERSION


def write_report(
    record: AuditRecord,
    out_dir: Path,
    formats: Sequence[str] = ("html", "json"),
    *,
    runs: Sequence[RecordedRun] = (),
    beside: Beside | None = None,
    look: ReportLook | None = None,
    ancestors: Mapping[str, Sequence[Ancestry]] | None = None,
) -> ReportManifest:
    """Write a report folder and return its manifest. Nothing is written before every document is made; the manifest comes last.

    Args:
        record: What was established.
        out_dir: Made where it does not exist; files of the same names are replaced.
        formats: Names of ``FORMATS`` and ``SETS``, or ``TABLES``: findings.csv, matches.csv and shards.csv are always written.
        runs: What is known of runs that were made; runs.csv lists those that had the audited data to read.
        beside: All that is known beside the record, ``runs`` added.
        look: Templates and brand of the pages.
        ancestors: What each dataset comes from, for the notices; ``None`` where nobody looked.

    Raises:
        ReportError: If a format is unknown, a document cannot be made, or the folder cannot be written.
    """
    every = {*FORMATS, *SETS, TABLES}
    unknown = sorted(set(formats) - every)
    if unknown or not formats:
        raise ReportError(f"report format {(unknown or ['(none)'])[0]!r}: not known", hint=f"known formats: {', '.join(sorted(every))}")
    known = beside or Beside()
    known, style = replace(known, runs=(*known.runs, *runs)), look or ReportLook()
    documents: dict[str, ReportFormat] = {
        **FORMATS,
        "html": HtmlReport(beside=known, look=style),
        "pdf": PdfReport(beside=known, look=style),
        "notices": NoticesReport(ancestors=ancestors),
    }
    wanted = list(dict.fromkeys(formats))
    made = {documents[name].file_name: documents[name].render(record) for name in wanted if name in documents}
    for name in wanted:
        made |= SETS[name].render(record) if name in SETS else {}
    return write_files(made | render_sidecars(record, known.runs), out_dir, audit=record.id)


def file_names(record: AuditRecord, name: str) -> tuple[str, ...]:
    """Return the files of a format, in the order in which they are told of.

    Args:
        record: What they are views of.
        name: Of ``FORMATS`` or ``SETS``, or ``TABLES``.
    """
    if name in SETS:
        return SETS[name].file_names(record)
    return tuple(sorted(render_sidecars(record))) if name == TABLES else (FORMATS[name].file_name,)


def write_files(made: Mapping[str, bytes], out_dir: Path, *, audit: str) -> ReportManifest:
    """Write finished documents into a folder, and last the manifest of their digests, which it returns.

    Args:
        made: Bytes by file name.
        out_dir: Made where it does not exist; files of the same names are replaced.
        audit: Id of the audit record that they are views of.

    Raises:
        ReportError: If the folder cannot be written.
    """
    files = tuple(ReportFile(path=name, sha256=digest_bytes(made[name]), size_bytes=len(made[name])) for name in sorted(made))
    manifest = ReportManifest(audit=audit.encode("utf-8", "replace").decode(), files=files)
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for name, raw in sorted(made.items()):
            _write(out_dir / name, raw)
        _write(out_dir / MANIFEST, canonical_bytes(to_wire(manifest)) + b"\n")
    except OSError as err:
        raise ReportError(f"report folder {out_dir}: cannot be written: {err.strerror or err}") from err
    return manifest


def _write(target: Path, raw: bytes) -> None:
    """Replace a file at once: a reader sees the old bytes or the new ones."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        try:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(target)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise


def verify_report(folder: Path) -> ReportManifest:
    """Return a report folder's manifest after checking every file that it lists, in order.

    Files that the manifest does not list are not judged: a folder may hold a clearance or notes beside the report.

    Raises:
        ReportError: If the manifest is missing or malformed, or names the first file that is missing, is no plain file, or has other bytes.
    """
    manifest = _read_manifest(folder / MANIFEST)
    for file in manifest.files:
        _check(folder, file)
    return manifest


def _read_manifest(path: Path) -> ReportManifest:
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_MANIFEST_BYTES)
        wire = json.loads(raw)
    except OSError as err:
        raise ReportError(f"{path}: cannot be read: {err.strerror or err}", hint="make the report again: provenance report make") from err
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as err:
        raise ReportError(f"{path}: not JSON: {err}") from err
    if not isinstance(wire, dict) or wire.get("format") != MANIFEST_FORMAT or wire.get("version") != MANIFEST_VERSION:
        raise ReportError(f"{path}: expected format {MANIFEST_FORMAT!r} version {MANIFEST_VERSION}, got something else")
    try:
        manifest = read_value(ReportManifest, wire, where=str(path))
    except WireFormatError as err:
        raise ReportError(str(err)) from err
    if not manifest.files:
        raise ReportError(f"{path}: lists no file")
    return manifest


def _check(folder: Path, file: ReportFile) -> None:
    path = folder / file.path
    if not _FILE_NAME.fullmatch(file.path):
        raise ReportError(f"{folder / MANIFEST}: file name {file.path[:60]!r} leaves the folder or is no plain name")
    if path.is_symlink() or not path.is_file():
        raise ReportError(f"{path}: missing, or no plain file")
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as err:
        raise ReportError(f"{path}: cannot be read: {err.strerror or err}") from err
    got = f"sha256:{digest.hexdigest()}"
    if got != file.sha256:
        raise ReportError(f"{path}: expected {file.sha256[:19]}…, got {got[:19]}…: changed after it was written")
