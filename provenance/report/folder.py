"""A report as a folder: its documents, the tables beside them, and a manifest of their digests that is written last.

A report that is written into the folder of an earlier one takes its place wholly: what belonged to the earlier one alone is removed. Files that no report of ours
wrote are never removed, and the folder of a report of another kind is not written into.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from provenance.canonical import digest_bytes
from provenance.errors import ReportError
from provenance.model.audit import AuditRecord
from provenance.model.report_look import ReportLook
from provenance.model.training import RecordedRun
from provenance.report.attribution import Ancestry
from provenance.report.beside import Beside
from provenance.report.croissant import CroissantReport
from provenance.report.cyclonedx import CycloneDxReport
from provenance.report.folder_check import digest_of_file
from provenance.report.folder_check import verify_report as verify_report  # noqa: PLC0414 - whoever writes a folder verifies it too
from provenance.report.html import HtmlReport
from provenance.report.interface import ReportFormat, ReportSet
from provenance.report.junit import JunitReport
from provenance.report.manifest import (
    MANIFEST,
    UNFINISHED_FORMAT,
    FolderKind,
    ReportFile,
    ReportManifest,
    is_document,
    is_foreign,
    manifest_bytes,
    read_manifest,
)
from provenance.report.markdown import MarkdownReport
from provenance.report.notices import NoticesReport
from provenance.report.parquet import ParquetReport
from provenance.report.pdf import PdfReport
from provenance.report.record_json import JsonReport
from provenance.report.sarif import SarifReport
from provenance.report.sidecars import render_sidecars
from provenance.report.spdx import SpdxReport

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
_LEFT_OVER = re.compile(r"\.(.+)\.[a-z0-9_]{8}\.part")
"""What a write that was killed leaves behind."""


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
        out_dir: Made where it does not exist; an earlier report in it is replaced.
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
    documents = formats_of(known, style, ancestors)
    wanted = list(dict.fromkeys(formats))
    made = {documents[name].file_name: documents[name].render(record) for name in wanted if name in documents}
    for name in wanted:
        made |= SETS[name].render(record) if name in SETS else {}
    return write_files(made | render_sidecars(record, known.runs), out_dir, audit=record.id, kind=FolderKind.AUDIT)


def formats_of(beside: Beside, look: ReportLook, ancestors: Mapping[str, Sequence[Ancestry]] | None) -> dict[str, ReportFormat]:
    """Return every format of one document by its name, with what is known beside the record.

    Args:
        beside: Runs, lineage and clearances.
        look: Templates and brand of the pages.
        ancestors: What each dataset comes from; ``None`` where nobody looked.
    """
    issued, compared = beside.clearances, beside.is_compared
    return {
        **FORMATS,
        "html": HtmlReport(beside=beside, look=look),
        "pdf": PdfReport(beside=beside, look=look),
        "markdown": MarkdownReport(is_compared=compared, clearances=issued),
        "sarif": SarifReport(clearances=issued, is_compared=compared),
        "junit": JunitReport(clearances=issued, is_compared=compared),
        "cyclonedx": CycloneDxReport(clearances=issued, is_compared=compared),
        "spdx": SpdxReport(clearances=issued, is_compared=compared),
        "notices": NoticesReport(ancestors=ancestors),
    }


def file_names(record: AuditRecord, name: str) -> tuple[str, ...]:
    """Return the files of a format, in the order in which they are told of.

    Args:
        record: What they are views of.
        name: Of ``FORMATS`` or ``SETS``, or ``TABLES``.
    """
    if name in SETS:
        return SETS[name].file_names(record)
    return tuple(sorted(render_sidecars(record))) if name == TABLES else (FORMATS[name].file_name,)


def write_files(made: Mapping[str, bytes], out_dir: Path, *, audit: str, kind: FolderKind) -> ReportManifest:
    """Write finished documents into a folder, and last the manifest of their digests, which it returns.

    Args:
        made: Bytes by file name, one of ``DOCUMENTS`` each.
        out_dir: Made where it does not exist; an earlier report in it is replaced, whole.
        audit: Id of the audit record that they are views of.
        kind: What the folder will hold.

    Raises:
        ReportError: If the folder cannot be written, or holds a report of another kind, or somebody else's ``manifest.json``.
    """
    files = tuple(ReportFile(path=name, sha256=digest_bytes(made[name]), size_bytes=len(made[name])) for name in sorted(made))
    manifest = ReportManifest(audit=audit.encode("utf-8", "replace").decode(), files=files, kind=kind)
    before = _earlier(out_dir, kind)
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        _write(out_dir / MANIFEST, manifest_bytes(replace(manifest, files=(*files, *before), format=UNFINISHED_FORMAT)))
        _remove_earlier(out_dir, kind, before, made)
        for name, raw in sorted(made.items()):
            _write(out_dir / name, raw)
        _write(out_dir / MANIFEST, manifest_bytes(manifest))
    except OSError as err:
        raise ReportError(f"report folder {out_dir}: cannot be written: {err.strerror or err}") from err
    return manifest


def _earlier(folder: Path, kind: FolderKind) -> tuple[ReportFile, ...]:
    """Return the files of the report that a folder holds, of an unfinished one too; none where there is none, or its manifest is damaged.

    Raises:
        ReportError: If the folder is that of something else.
    """
    try:
        manifest = read_manifest(folder)
    except ReportError as err:
        if (folder / MANIFEST).is_file() and is_foreign(folder / MANIFEST):
            raise ReportError(f"{folder / MANIFEST}: is not of a report and would be overwritten", hint="choose another folder: --out") from err
        return ()
    if manifest.kind is not kind:
        raise ReportError(f"{folder}: holds a report of another kind, {manifest.kind.value}, not {kind.value}", hint="choose another folder: --out")
    return tuple(file for file in manifest.files if is_document(file.path, kind))


def _remove_earlier(folder: Path, kind: FolderKind, before: Sequence[ReportFile], made: Mapping[str, bytes]) -> None:
    """Remove what an earlier report wrote and this one does not, unless somebody changed it since, and what killed writes left behind."""
    for file in before:
        path = folder / file.path
        if file.path not in made and not path.is_symlink() and path.is_file() and digest_of_file(path) == file.sha256:
            path.unlink()
    for path in folder.iterdir():
        left = _LEFT_OVER.fullmatch(path.name)
        if left is not None and (left.group(1) == MANIFEST or is_document(left.group(1), kind)) and not path.is_symlink() and path.is_file():
            path.unlink()


def _write(target: Path, raw: bytes) -> None:
    """Replace a file at once: a reader sees the old bytes or the new ones."""
    with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", suffix=".part", delete=False) as file:
        try:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).chmod(0o644)
            Path(file.name).replace(target)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
