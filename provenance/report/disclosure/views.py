"""Views of a disclosure document: JSON, which is the truth, Markdown, HTML and the list of domains; and the folder that holds them with a manifest."""

from __future__ import annotations

import json
import re
from pathlib import Path

from provenance.errors import ReportError
from provenance.model.wire import to_wire
from provenance.report.disclosure.values import DISCLOSURE_FORMAT, DISCLOSURE_VERSION, Change, Disclosure, Entry, State
from provenance.report.folder import write_files
from provenance.report.html import render_page
from provenance.report.manifest import FolderKind, ReportManifest
from provenance.report.record_json import read_format
from provenance.report.wording import count, csv_cell, visible

_MARKDOWN = re.compile(r"([\\`*_\[\]|<>~&]|^[-+#]|(?<=^\d)[.)](?=\s)|(?<=^\d\d)[.)](?=\s))")
"""What Markdown reads as a mark: everywhere, or at the beginning of a line alone."""
SCOPE = "Computed and drafted answers cover the data of the audited run only. Data of other stages of training are in this document only where a person added them."
"""Stands in every document."""
STATE_WORDS = {
    State.COMPUTED: "computed from recorded facts",
    State.DRAFTED: "draft, to be confirmed",
    State.ANSWERED: "answered",
    State.NOT_KNOWN: "not known",
    State.NOT_APPLICABLE: "not applicable",
    State.LEFT_OPEN: "optional",
    State.MISSING: "answer missing",
    State.CONTRADICTED: "contradicted, to be put right before this is filed",
}
DATA_FILE = "summary.json"
DOMAINS_FILE = "domains.csv"
_LARGEST = 64 << 20


def write_disclosure(document: Disclosure, folder: Path, *, templates: Path | None = None) -> ReportManifest:
    """Write a folder with index.html, summary.md, summary.json, domains.csv where there are domains, and the manifest last.

    Raises:
        ReportError: If a page cannot be made or the folder cannot be written.
    """
    return write_files(disclosure_files(document, templates=templates), folder, audit=document.audit, kind=FolderKind.DISCLOSURE)


def disclosure_files(document: Disclosure, *, templates: Path | None = None) -> dict[str, bytes]:
    """Return the documents of a disclosure's folder by file name: all of them are views of the value alone.

    Raises:
        ReportError: If a page cannot be made.
    """
    made = {
        "index.html": render_disclosure_html(document, templates=templates),
        "summary.md": render_disclosure_markdown(document),
        DATA_FILE: render_disclosure_json(document),
    }
    return made | ({DOMAINS_FILE: render_domains(document)} if document.domains else {})


def render_disclosure_json(document: Disclosure) -> bytes:
    """Return the document as JSON: keys sorted, UTF-8."""
    return (json.dumps(to_wire(document), ensure_ascii=False, sort_keys=True, indent=2) + "\n").encode("utf-8", "replace")


def read_disclosure(path: Path) -> Disclosure:
    """Return the document that a JSON file holds.

    Raises:
        ReportError: If the file is missing or malformed, or of another format or version.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST)
    except OSError as err:
        raise ReportError(f"{path}: cannot be read: {err.strerror or err}") from err
    return parse_disclosure(raw, where=str(path))


def parse_disclosure(raw: bytes, *, where: str) -> Disclosure:
    """Return the document that JSON bytes hold.

    Raises:
        ReportError: If they are malformed, or of another format or version.
    """
    return read_format(Disclosure, raw, name=DISCLOSURE_FORMAT, version=DISCLOSURE_VERSION, where=where)


def changes_between(before: Disclosure, entries: tuple[Entry, ...]) -> tuple[Change, ...]:
    """Return the fields whose answers differ, in the order of the new document; fields that are gone come last."""
    old, new = {e.id: e.lines for e in before.entries}, {e.id: e.lines for e in entries}
    return tuple(
        Change(field=key, before=old.get(key, ()), after=new.get(key, ())) for key in dict.fromkeys((*new, *old)) if old.get(key) != new.get(key)
    )


def render_domains(document: Disclosure) -> bytes:
    """Return the domains as CSV, the largest first; no cell is a formula."""
    cells = ("domain", *(csv_cell(name) for name in document.domains))
    return ("\r\n".join('"' + c.replace('"', '""') + '"' if re.search(r'[",\r\n]', c) else c for c in cells) + "\r\n").encode("utf-8", "replace")


def standing(document: Disclosure) -> str:
    """Return in a sentence whether the document can be filed."""
    if document.problems:
        return f"Not to be filed: {count(len(document.problems), 'contradiction')} to put right"
    gaps, drafts = document.count(State.MISSING), document.count(State.DRAFTED)
    parts = [count(gaps, "answer") + " missing"] if gaps else []
    parts += [count(drafts, "draft") + " to confirm"] if drafts else []
    return f"Not finished: {', '.join(parts)}" if parts else "Complete"


def backing(entry: Entry) -> str:
    """Return where an answer is from, in a line."""
    parts = [STATE_WORDS[entry.state]]
    if entry.by:
        parts.append(f"by {entry.by} on {entry.on}")
    if entry.evidence:
        parts.append(f"evidence: {entry.evidence}")
    if entry.because and entry.state is not State.NOT_APPLICABLE and not any(entry.because in line for line in entry.lines):
        parts.append(entry.because)
    return "; ".join(parts)


def notes_of(entry: Entry) -> tuple[str, ...]:
    """Return what stands beside an answer: the answer of a contradicted field, and what recorded facts say where the answer is another."""
    said = "\n".join(entry.lines)
    notes = [("It said", entry.claimed), ("Recorded facts say", entry.recorded if entry.recorded != entry.claimed else ())]
    told = [(words, lines) for words, lines in notes if lines and lines != entry.lines and not all(line in said for line in lines)]
    return tuple(f"{words}: {'; '.join(line.rstrip('.') for line in lines)}." for words, lines in told)


def render_disclosure_html(document: Disclosure, *, templates: Path | None = None) -> bytes:
    """Return the page: one file, complete without JavaScript.

    Raises:
        ReportError: If a template is missing, broken, or uses a name that does not exist.
    """
    values = {
        "document": document,
        "standing": standing(document),
        "backing": backing,
        "notes_of": notes_of,
        "scope": SCOPE,
        "domains_file": DOMAINS_FILE,
    }
    return render_page("disclosure.html.j2", values, foot="Summary of training data", templates=templates)


def render_disclosure_markdown(document: Disclosure) -> bytes:
    """Return the document as Markdown; hostile text stays text."""
    out = [f"# {_md(document.name)}", "", f"Model {_md(document.model)} · {_md(standing(document))}.", ""]
    out += [
        f"Version {_md(document.document_version)}, last update {document.updated}"
        + (f", next update due {document.due}, or sooner if further training changes the data materially" if document.due else "")
        + "."
    ]
    out += ["", f"Template: {_md(document.release)}. Audit: {_md(document.audit)}.", "", _md(SCOPE), ""]
    if document.problems:
        out += ["## Contradictions", ""]
        out += [f"- {_md(p.field)}: {_md(p.message)} (evidence: {_md(', '.join(p.evidence))})" for p in document.problems]
        out += [""]
    for section in document.sections:
        out += ["#" * min(2 + section.id.count("."), 6) + f" {_md(section.id)} {_md(section.title)}", ""]
        for entry in section.entries:
            out += [f"**{_md(entry.id)} {_md(entry.label)}**", ""]
            out += [f"- {_md(line)}" for line in entry.lines]
            out += ["", f"*{_md(backing(entry))}*", ""]
            out += [f"*{_md(note)}*\n" for note in notes_of(entry)]
    if document.supersedes is not None:
        out += ["## Changes", "", *_changes(document), ""]
    out += ["## Source of the template", "", _md(document.source), "", _md(document.notice), ""]
    return "\n".join(out).encode("utf-8", "replace")


def _changes(document: Disclosure) -> list[str]:
    before = document.supersedes
    if before is None:
        return []
    said = [f"This version supersedes {_md(before.version)} ({_md(before.place)}).", ""]
    if before.changes is None:
        return [*said, "What changed is not known: the version before was named by its address alone."]
    rows = [
        f"- {_md(c.field)}: was {_md('; '.join(c.before) or 'not a field')}, is {_md('; '.join(c.after) or 'not a field')}" for c in before.changes
    ]
    return [*said, *(rows or ["No answer changed."])]


def _md(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", visible(text).replace("\n", " "))
