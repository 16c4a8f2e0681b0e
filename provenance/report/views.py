"""Whether each document of a report folder is a view of the audit record in that folder: it is rendered again and compared."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from provenance.canonical import digest_bytes
from provenance.errors import ReportError
from provenance.model.report_look import ReportLook
from provenance.report.attribution import Ancestry
from provenance.report.beside import Beside
from provenance.report.folder import FORMATS, SETS, ReportManifest, verify_report
from provenance.report.html import HtmlReport
from provenance.report.interface import ReportFormat
from provenance.report.notices import NoticesReport
from provenance.report.pdf import PdfReport
from provenance.report.record_json import JsonReport, read_record
from provenance.report.sidecars import render_sidecars

_RECORD = JsonReport().file_name
_RUNS = "runs.csv"


def verify_views(
    folder: Path,
    *,
    beside: Beside | None = None,
    look: ReportLook | None = None,
    ancestors: Mapping[str, Sequence[Ancestry]] | None = None,
) -> ReportManifest:
    """Return a report folder's manifest after checking its digests and that every document is what the record in it gives.

    The same version of this tool has to check as wrote the folder: another one may word a page otherwise.

    Args:
        folder: Holds ``audit.json`` and the manifest.
        beside: What is known here beside the record: the page shows it, and what was recorded since makes another page.
        look: Templates and brand that the page was made with.
        ancestors: What each dataset comes from, for the notices.

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
    known, style = beside or Beside(), look or ReportLook()
    known = known if _RUNS in listed else replace(known, runs=())
    sidecars = render_sidecars(record, known.runs)
    sets = {name: one for one in SETS.values() for name in one.file_names(record)}
    pages: dict[str, ReportFormat] = {
        HtmlReport().file_name: HtmlReport(beside=known, look=style),
        NoticesReport().file_name: NoticesReport(ancestors=ancestors),
    }
    documents = {f.file_name: f for f in FORMATS.values()} | pages
    _check_names(folder, listed, known=documents.keys() | sets.keys(), always=sidecars)
    made = dict(sidecars)
    for one in {id(sets[name]): sets[name] for name in listed if name in sets}.values():
        made |= one.render(record)
    for name, digest in listed.items():
        if name != PdfReport().file_name:  # its bytes are those of one version of the browser and of its fonts
            _compare(folder / name, made[name] if name in made else documents[name].render(record), digest)
    return manifest


def _check_names(folder: Path, listed: Mapping[str, str], *, known: Collection[str], always: Mapping[str, bytes]) -> None:
    for name in sorted({*known, *always} - listed.keys()):
        if name in always or (folder / name).exists() or (folder / name).is_symlink():
            raise ReportError(f"{folder / name}: not in the manifest: missing, or added after the report was written")
    for name in listed:
        if name not in known and name not in always:
            raise ReportError(f"{folder / name}: no document of an audit{', or its runs are not known here' if name == _RUNS else ''}")


def _compare(path: Path, made: bytes, digest: str) -> None:
    if digest_bytes(made) != digest:
        since = ", something that it shows was recorded since" if path.name in {HtmlReport().file_name, NoticesReport().file_name} else ""
        raise ReportError(f"{path}: is not what {_RECORD} gives: changed{since}, or written by another version")
