"""The HTML audit on paper: printed by a Chromium of the machine, with page numbers, tags for screen readers, an outline and a fixed date.

The same record gives the same bytes where Chromium, its version, and the installed fonts are the same: these write the file, not this package.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from provenance.errors import ReportError
from provenance.model.audit import AuditRecord
from provenance.model.report_look import ReportLook
from provenance.report.beside import Beside
from provenance.report.html import render_html

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
"""Programs that print a page in the same way, looked for in this order."""
_PLACES = (Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"), Path("/Applications/Chromium.app/Contents/MacOS/Chromium"))
TIMEOUT_S = 180.0
_DATE = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}[^)]{0,10}\)")
_SCRIPT_SOURCE = re.compile(rb"script-src &#39;sha256-[A-Za-z0-9+/=]{44}&#39;")
_TAG = re.compile(rb"\(node(\d{8})\)")
_NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)
_FLAGS = (
    "--headless", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking", "--disable-sync", "--no-pdf-header-footer",
    "--generate-pdf-document-outline", "--force-color-profile=srgb", "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PdfReport:
    """Writes the audit as PDF."""

    name: str = "pdf"
    file_name: str = "report.pdf"
    suffix: str = ".pdf"
    beside: Beside = field(default_factory=Beside)
    look: ReportLook = field(default_factory=ReportLook)

    def render(self, record: AuditRecord) -> bytes:
        """Return the audit page printed on A4.

        Raises:
            ReportError: If no Chromium is there, or it cannot print.
        """
        return print_page(render_html(record, beside=self.beside, look=self.look), at=record.created)


def find_browser() -> str:
    """Return the program that prints pages.

    Raises:
        ReportError: If none is there.
    """
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None) or next((str(p) for p in _PLACES if p.is_file()), None)
    if found is None:
        raise ReportError(
            "format pdf: no Chromium or Chrome is installed, which prints the page",
            hint="install one (such as: apt install chromium), or open the HTML report in any browser and print it there",
        )
    return found


def print_page(page: bytes, *, at: str) -> bytes:
    """Return a page of ours as tagged PDF with an outline.

    Args:
        page: As ``render_page`` returns it. Its script does not run: on paper nothing is sorted or copied.
        at: RFC 3339: the date that the document tells as its own.

    Raises:
        ReportError: If no Chromium is there, or it cannot print.
    """
    browser = find_browser()
    try:
        with tempfile.TemporaryDirectory(prefix="provenance-pdf-") as folder:
            place = Path(folder)
            (place / "page.html").write_bytes(_SCRIPT_SOURCE.sub(b"script-src &#39;none&#39;", page, count=1))
            return with_own_numbers(with_date(_print(browser, place), at))
    except OSError as err:
        raise ReportError(f"format pdf: {browser} cannot be run: {err.strerror or err}") from err


def _print(browser: str, place: Path) -> bytes:
    # Chromium refuses to run as root in its sandbox; nothing of the page runs anyway, by its policy.
    alone = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    target = place / "page.pdf"
    command = [browser, *_FLAGS, *alone, f"--user-data-dir={place / 'profile'}", f"--print-to-pdf={target}", (place / "page.html").as_uri()]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False, cwd=place)  # noqa: S603 - no shell, a program found on the path
    except subprocess.TimeoutExpired as err:
        raise ReportError(
            f"format pdf: {browser} did not end within {TIMEOUT_S:.0f} s", hint="open the HTML report in a browser and print it there"
        ) from err
    raw = target.read_bytes() if target.is_file() else b""
    if not raw.startswith(b"%PDF-"):
        raise ReportError(
            f"format pdf: {browser} wrote no PDF (exit code {done.returncode})", hint="open the HTML report in a browser and print it there"
        )
    return raw


def with_own_numbers(raw: bytes) -> bytes:
    """Return a PDF whose tags are numbered from one in their order.

    Chromium numbers them by nodes of its own, and may count one more from one time to the next. Digits and order stay, so that offsets and sorted name trees stay right.
    """
    found = sorted(set(_TAG.findall(raw)))
    own = {number: b"%08d" % place for place, number in enumerate(found, 1)}
    return _TAG.sub(lambda tag: b"(node" + own[tag.group(1)] + b")", raw)


def with_date(raw: bytes, at: str) -> bytes:
    """Return a PDF that tells another date, of the same length, so that every offset in it stays right."""
    try:
        moment = datetime.fromisoformat(at).astimezone(UTC)
    except ValueError:
        moment = _NO_DATE
    stamp = f"D:{moment:%Y%m%d%H%M%S}+00'00'".encode()

    def dated(found: re.Match[bytes]) -> bytes:
        told = b"/" + found.group(1) + b" (" + stamp + b")"
        return told if len(told) == len(found.group()) else found.group()

    return _DATE.sub(dated, raw)
