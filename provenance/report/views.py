"""Whether each document of a report folder is a view of the one that holds the truth there: it is rendered again and compared, byte by byte."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from provenance.canonical import digest_bytes
from provenance.clearance.letter_signature import SIGNATURE_FILE
from provenance.errors import ReportError
from provenance.model.audit import AuditRecord
from provenance.model.report_look import ReportLook
from provenance.report.attribution import Ancestry
from provenance.report.beside import NOT_COMPARED, Beside
from provenance.report.disclosure.views import DATA_FILE as SUMMARY
from provenance.report.disclosure.views import disclosure_files, parse_disclosure
from provenance.report.folder import FORMATS, SETS, formats_of
from provenance.report.folder_check import verify_report
from provenance.report.html import HtmlReport
from provenance.report.interface import ReportFormat
from provenance.report.letter import DATA_FILE as LETTER
from provenance.report.letter import letter_files, read_letter
from provenance.report.manifest import FolderKind, ReportManifest
from provenance.report.markdown import MarkdownReport
from provenance.report.notices import NoticesReport
from provenance.report.pdf import PdfReport
from provenance.report.portfolio import DATA_FILE as PORTFOLIO
from provenance.report.portfolio import FILE_NAME as PORTFOLIO_PAGE
from provenance.report.portfolio import read_portfolio, render_portfolio, render_portfolio_json
from provenance.report.record_json import JsonReport, read_record
from provenance.report.sidecars import render_sidecars
from provenance.report.wording import short_digest

_RECORD, _RUNS = JsonReport().file_name, "runs.csv"
_MACHINE = tuple(FORMATS[name].file_name for name in ("sarif", "junit", "cyclonedx", "spdx"))
"""Views for machines that tell of clearances as well."""
_PAGE, _TEXT, _NOTICES, _PDF = HtmlReport().file_name, MarkdownReport().file_name, NoticesReport().file_name, PdfReport().file_name
_VERSION = "changed, or written by another version"
_BROWSER = "its bytes are those of one version of the browser and of its fonts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What documents show besides the one that they are views of."""

    beside: Beside | None = None
    """What is known beside an audit record; ``None`` where there is no workspace to ask."""
    look: ReportLook | None = None
    ancestors: Mapping[str, Sequence[Ancestry]] | None = None
    """What each dataset comes from, for the notices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What was compared in a folder."""

    manifest: ReportManifest
    truth: str
    """The file that the others are views of."""
    same: tuple[str, ...]
    """Files whose bytes are those that it gives, itself among them, sorted."""
    not_compared: tuple[tuple[str, str], ...]
    """The others, each with the reason."""


Maker = Callable[[], bytes]
"""Makes a document again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Views:
    """The documents that a folder's truth gives."""

    truth: str
    audit: str
    """Id of the audit that it is about, empty of an index."""
    makers: Mapping[str, Maker]
    """Makes each document again."""
    causes: Mapping[str, str]
    """Why a document may be another one, where that is more than a change or another version."""
    unseen: Mapping[str, str]
    """Files that cannot be made again, with the reason."""
    always: frozenset[str] = frozenset()
    """Documents that are always written."""


def verify_views(
    folder: Path,
    *,
    beside: Beside | None = None,
    look: ReportLook | None = None,
    ancestors: Mapping[str, Sequence[Ancestry]] | None = None,
) -> ReportManifest:
    """Return a report folder's manifest after checking its digests and that every document is what the truth in it gives; see ``compare_views``."""
    return compare_views(folder, Known(beside=beside, look=look, ancestors=ancestors)).manifest


def compare_views(folder: Path, known: Known) -> Comparison:
    """Compare every document of a folder with what the one that holds the truth gives: ``audit.json``, ``summary.json``, ``letter.json`` or ``portfolio.json``.

    The same version of this tool has to check as wrote the folder: another one may word a page otherwise.

    Raises:
        ReportError: If the manifest does not hold, the truth is missing or contradicts itself, or with every document that is no view of it.
    """
    manifest = verify_report(folder)
    listed = {file.path: file.sha256 for file in manifest.files}
    views = _READERS[manifest.kind](folder, listed, known)
    if views.audit != manifest.audit:
        raise ReportError(f"{folder}: the manifest is of another audit than {views.truth}")
    missing = [f"{folder / name}: not in the manifest, and every such report has it" for name in sorted(views.always - set(listed))]
    if missing:
        raise ReportError("\n".join(missing), hint="make the report again")
    faults: list[str] = []
    same, skipped = [], []
    for name, digest in sorted(listed.items()):
        if name in views.unseen:
            skipped.append((name, views.unseen[name]))
        elif name not in views.makers:
            faults.append(f"{folder / name}: no document of {views.truth}{views.causes.get(name, '')}")
        elif digest_bytes(views.makers[name]()) == digest:
            same.append(name)
        else:
            faults.append(f"{folder / name}: is not what {views.truth} gives: {views.causes.get(name, _VERSION)}")
    if faults:
        raise ReportError("\n".join(faults), hint=f"make it again from {views.truth} or the workspace, and compare")
    return Comparison(manifest=manifest, truth=views.truth, same=tuple(same), not_compared=tuple(skipped))


def _truth(folder: Path, listed: Mapping[str, str], name: str, *, hint: str) -> bytes:
    """Return the bytes of the document that holds the truth.

    Raises:
        ReportError: If the manifest does not list it, or it changes while it is read.
    """
    path = folder / name
    if name not in listed:
        raise ReportError(f"{path}: not in the manifest, so no document can be compared with it", hint=hint)
    try:
        raw = path.read_bytes()
    except OSError as err:
        raise ReportError(f"{path}: cannot be read: {err.strerror or err}") from err
    if digest_bytes(raw) != listed[name]:
        raise ReportError(f"{path}: changed while it was checked")
    return raw


def _audit(folder: Path, listed: Mapping[str, str], known: Known) -> _Views:
    record = read_record(_truth(folder, listed, _RECORD, hint="make the report with -f json"), where=str(folder / _RECORD))
    beside, look = known.beside or Beside(), known.look or ReportLook()
    beside = beside if _RUNS in listed else replace(beside, runs=())
    sidecars = render_sidecars(record, beside.runs)
    kept, believed = (formats_of(replace(beside, is_compared=is_kept), look, known.ancestors) for is_kept in (True, False))
    documents: dict[str, ReportFormat] = {
        f.file_name: believed[name] if _says(folder, f.file_name, listed, NOT_COMPARED) else f for name, f in kept.items()
    }
    makers: dict[str, Maker] = {name: partial(document.render, record) for name, document in documents.items()}
    makers |= {name: _constant(raw) for name, raw in sidecars.items()} | _of_sets(record)
    since = "something that it shows beside the record was recorded since"
    alone = "it may show what a workspace knows beside the record, and there is none here: verify it in the workspace that made it"
    cause = f"{alone if known.beside is None else since}, or it was {_VERSION}"
    causes = {
        _PAGE: f"{cause}, or with other templates",
        _TEXT: cause,
        _NOTICES: cause,
        **dict.fromkeys(_MACHINE, cause),
        _RUNS: ", or its runs are not known here",
    }
    return _Views(truth=_RECORD, audit=record.id, makers=makers, causes=causes, unseen={_PDF: _BROWSER}, always=frozenset(sidecars) - {_RUNS})


def _of_sets(record: AuditRecord) -> dict[str, Maker]:
    """Return what makes each file of the formats of several files; a format's files are made together, once."""
    made: dict[str, Maker] = {}
    for one in SETS.values():
        whole = cache(partial(one.render, record))
        made |= {name: partial(_member, whole, name) for name in one.file_names(record)}
    return made


def _member(whole: Callable[[], Mapping[str, bytes]], name: str) -> bytes:
    return whole()[name]


def _says(folder: Path, name: str, listed: Mapping[str, str], text: str) -> bool:
    """Tell whether a document holds a sentence: one that says more than it has to is none that was forged."""
    return name in listed and text.encode() in (folder / name).read_bytes()


def _disclosure(folder: Path, listed: Mapping[str, str], known: Known) -> _Views:  # noqa: ARG001 - readers of all kinds take the same
    document = parse_disclosure(_truth(folder, listed, SUMMARY, hint="write it again: provenance report eu"), where=str(folder / SUMMARY))
    return _from_files(SUMMARY, document.audit, disclosure_files(document))


def _letter(folder: Path, listed: Mapping[str, str], known: Known) -> _Views:  # noqa: ARG001 - readers of all kinds take the same
    letter = read_letter(_truth(folder, listed, LETTER, hint="write it again: provenance report letter"), where=str(folder / LETTER))
    views = _from_files(LETTER, letter.audit, letter_files(letter))
    return replace(views, unseen={SIGNATURE_FILE: "it is verified with the trust file"})


def _index(folder: Path, listed: Mapping[str, str], known: Known) -> _Views:
    portfolio = read_portfolio(_truth(folder, listed, PORTFOLIO, hint="write it again: provenance report index"), where=str(folder / PORTFOLIO))
    audits = [model.newest.id for model in portfolio.models]
    links = {audit: f"{name}/{_PAGE}" for audit in audits if (folder / (name := short_digest(audit)) / _PAGE).is_file()}
    page = render_portfolio(portfolio, links=links, look=known.look)
    views = _from_files(PORTFOLIO, "", {PORTFOLIO: render_portfolio_json(portfolio), PORTFOLIO_PAGE: page})
    return replace(views, causes={PORTFOLIO_PAGE: f"a report that it links to came or went since, or it was {_VERSION}, or with other templates"})


def _from_files(truth: str, audit: str, made: Mapping[str, bytes]) -> _Views:
    makers = {name: _constant(raw) for name, raw in made.items()}
    return _Views(truth=truth, audit=audit, makers=makers, causes={}, unseen={}, always=frozenset(made))


def _constant(raw: bytes) -> Maker:
    return lambda: raw


_READERS: Mapping[FolderKind, Callable[[Path, Mapping[str, str], Known], _Views]] = {
    FolderKind.AUDIT: _audit,
    FolderKind.DISCLOSURE: _disclosure,
    FolderKind.LETTER: _letter,
    FolderKind.INDEX: _index,
}
