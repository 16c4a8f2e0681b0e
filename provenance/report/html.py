"""The HTML audit: one self-contained file under a strict content security policy, complete without JavaScript, and never larger than two megabytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from provenance.model.audit import AuditRecord
from provenance.model.report_look import ReportLook
from provenance.model.training import RecordedRun
from provenance.report import page as page_content
from provenance.report.beside import Beside
from provenance.report.groups import Room
from provenance.report.templating import render_page

__all__ = ["LARGEST_BYTES", "HtmlReport", "page_foot", "render_html", "render_page"]

LARGEST_BYTES = 2_000_000
"""Of a page, so that it opens at once."""
_TEMPLATE = "audit.html.j2"
_SAFE_ID = re.compile(r"(?:sha256:)?([0-9a-f]{8,64})")
_ATTEMPTS = 6
"""How often a page that is too large is made again with half the room."""


@dataclass(frozen=True, slots=True)
class HtmlReport:
    """Writes the self-contained HTML audit."""

    name: str = "html"
    file_name: str = "index.html"
    suffix: str = ".html"
    beside: Beside = field(default_factory=Beside)
    """What is known beside the record."""
    look: ReportLook = field(default_factory=ReportLook)
    """Templates and brand."""

    def render(self, record: AuditRecord) -> bytes:
        """Return the page as UTF-8."""
        return render_html(record, beside=self.beside, look=self.look)


def render_html(
    record: AuditRecord,
    *,
    runs: Sequence[RecordedRun] = (),
    beside: Beside | None = None,
    look: ReportLook | None = None,
    templates: Path | None = None,
) -> bytes:
    """Return the HTML audit of a record: the same record gives the same bytes.

    Args:
        record: What was established.
        runs: What is known of runs that were made.
        beside: All that is known beside the record, ``runs`` added.
        look: Templates and brand.
        templates: A folder whose files take the place of ours, name by name.

    Raises:
        ReportError: If a template is missing, broken, or uses a name that does not exist.

    Cost:
        About a second, most of it for the charts; at most 2 MB, since what is shown is capped and counted. Where long texts make it larger it is made again
        with half the room.
    """
    known = beside or Beside()
    known = replace(known, runs=(*known.runs, *runs))
    used = look or ReportLook()
    room, raw = Room(), b""
    for _ in range(_ATTEMPTS):
        values = {"record": record, "page": page_content.build_page(record, known, room)}
        raw = render_page(_TEMPLATE, values, foot=page_foot(record), templates=templates or used.templates, brand=used.brand)
        if len(raw) <= LARGEST_BYTES:
            break
        room = room.halved()
    return raw


def page_foot(record: AuditRecord) -> str:
    """Return the text at the foot of printed pages."""
    match = _SAFE_ID.fullmatch(record.id)
    return f"Training data audit {match.group(1)[:12]}" if match else "Training data audit"
