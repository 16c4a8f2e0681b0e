"""Whether each document of a report folder is a view of the audit record in that folder: it is rendered again and compared."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from provenance.canonical import digest_bytes
from provenance.errors import ReportError
from provenance.model.audit import AuditRecord
from provenance.model.training import RecordedRun
from provenance.report.folder import FORMATS, ReportManifest, verify_report
from provenance.report.html import HtmlReport
from provenance.report.record_json import JsonReport, read_record
from provenance.report.sidecars import render_sidecars

_RECORD = JsonReport().file_name
_RUNS = "runs.csv"


def verify_views(folder: Path, *, runs: Sequence[RecordedRun] = ()) -> ReportManifest:
    """Return a report folder's manifest after checking its digests and that every document is what the record in it gives.

    The same version of this tool has to check as wrote the folder: another one may word a page otherwise.

    Args:
        folder: Holds ``audit.json`` and the manifest.
        runs: Runs that are known here; asked for only where the folder lists runs, which the record does not hold.

    Raises:
        ReportError: If the manifest does not hold, the record is missing, or names the first document that is no view of the record.
    """
    manifest = verify_report(folder)
    listed = {file.path: file.sha256 for file in manifest.files}
    if _RECORD not in listed:
        raise ReportError(f"{folder / _RECORD}: not in the manifest, so no document can be compared with it", hint="make the report with -f json")
    try:
        raw = (folder / _RECORD).read_bytes()
    except OSError as err:
        raise ReportError(f"{folder / _RECORD}: cannot be read: {err.strerror or err}") from err
    if digest_bytes(raw) != listed[_RECORD]:
        raise ReportError(f"{folder / _RECORD}: changed while it was checked")
    record = read_record(raw, where=str(folder / _RECORD))
    if manifest.audit != record.id:
        raise ReportError(f"{folder}: the manifest is of another audit than {_RECORD}")
    _compare(folder, record, listed, runs if _RUNS in listed else ())
    return manifest


def _compare(folder: Path, record: AuditRecord, listed: dict[str, str], runs: Sequence[RecordedRun]) -> None:
    documents = {f.file_name: f for f in FORMATS.values()} | {HtmlReport().file_name: HtmlReport(runs=tuple(runs))}
    sidecars = render_sidecars(record, runs)
    for name in sorted((set(documents) | set(sidecars)) - set(listed)):
        if name in sidecars or (folder / name).exists() or (folder / name).is_symlink():
            raise ReportError(f"{folder / name}: not in the manifest: missing, or added after the report was written")
    for name, digest in listed.items():
        if name not in documents and name not in sidecars:
            raise ReportError(f"{folder / name}: no document of an audit{', or its runs are not known here' if name == _RUNS else ''}")
        made = sidecars[name] if name in sidecars else documents[name].render(record)
        if digest_bytes(made) != digest:
            raise ReportError(f"{folder / name}: is not what {_RECORD} gives: changed, or written by another version")
