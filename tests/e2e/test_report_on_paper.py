"""The PDF: whole, tagged, numbered, in its language, with text that can be read out, and the same bytes each time."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from provenance.errors import ReportError
from provenance.report import pdf
from provenance.report.html import render_html
from tests.fakes import records
from tests.fakes.watching import Watched

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def printed() -> bytes:
    """The blocked audit as PDF."""
    return pdf.PdfReport().render(records.blocked_record())


def flat(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("\u202f", " "))


def test_pdf_has_title_language_tags_outline_and_the_records_date(printed: bytes) -> None:
    reader: Any = PdfReader(io.BytesIO(printed))
    root = reader.trailer["/Root"]
    assert reader.metadata.title == "BLOCKED: helpdesk-7b – training data audit"
    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert reader.metadata["/CreationDate"] == reader.metadata["/ModDate"] == "D:20261124041209+00'00'"
    titles = [item.title for item in reader.outline[1] if not isinstance(item, list)]
    assert [t for t in titles if t in {"Findings", "Lineage", "Obligations", "Waivers", "Sign-off"}] == [
        "Findings", "Lineage", "Obligations", "Waivers", "Sign-off",
    ]  # fmt: skip


def test_every_page_has_its_number_and_the_records_numbers_can_be_read_out(printed: bytes) -> None:
    reader: Any = PdfReader(io.BytesIO(printed))
    texts = [flat(p.extract_text()) for p in reader.pages]
    for number, text in enumerate(texts, 1):
        assert f"{number} / {len(texts)}" in text
        assert "Training data audit" in text
    whole = " ".join(texts)
    totals = records.blocked_record().totals
    assert "BLOCKED" in texts[0]
    assert f"of {totals.shards_named} named by the run" in whole
    assert "738 000 of 930 000 words from models and services" in whole
    assert all(f"{year}.parquet" in whole.replace(" ", "") for year in range(2016, 2026)), "closed lists are open on paper"
    assert records.sha("log").removeprefix("sha256:") in whole.replace(" ", ""), "digests are whole on paper"


def test_the_same_record_prints_the_same_bytes(printed: bytes) -> None:
    assert pdf.PdfReport().render(records.blocked_record()) == printed


def test_no_table_is_cut_at_the_edge_of_the_paper(browser: Any, pages: dict[str, Path]) -> None:
    for name in ("blocked", "portfolio"):
        with Watched(browser, pages[name], width=680) as seen:  # A4 less its margins
            seen.page.emulate_media(media="print")
            wide = seen.page.evaluate(
                "[...document.querySelectorAll('table, svg.chart, pre')].filter(e => e.getClientRects().length && e.getBoundingClientRect().right > 681)"
                ".map(e => [e.tagName, e.caption ? e.caption.textContent : '', e.getBoundingClientRect().right])"
            )
            assert wide == []
            assert seen.page.evaluate("document.documentElement.scrollWidth") <= 681


def test_hostile_text_prints_and_runs_nothing() -> None:
    page = render_html(records.hostile_record())
    assert pdf.print_page(page, at="not a date").startswith(b"%PDF-")
    assert b"script-src &#39;none&#39;" in pdf._SCRIPT_SOURCE.sub(b"script-src &#39;none&#39;", page)


def test_without_a_browser_one_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReportError, match="no Chromium or Chrome is installed") as raised:
        pdf.PdfReport().render(records.empty_record())
    assert "print it there" in (raised.value.hint or "")


def test_a_browser_that_prints_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "chromium").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "chromium").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ReportError, match="wrote no PDF"):
        pdf.PdfReport().render(records.empty_record())


def test_tags_are_numbered_by_their_order_and_keep_their_places() -> None:
    one, other = (
        b"%%PDF-1.7 /ID (node%08d) /Headers [(node%08d)] /Names [(node%08d) (node%08d)]" % numbers for numbers in ((12, 7, 7, 12), (13, 8, 8, 13))
    )
    assert one != other
    made = pdf.with_own_numbers(one)
    assert made == pdf.with_own_numbers(other)
    assert made == b"%PDF-1.7 /ID (node00000002) /Headers [(node00000001)] /Names [(node00000001) (node00000002)]"
    assert len(made) == len(one)


def test_only_dates_of_the_same_length_are_replaced() -> None:
    raw = b"/CreationDate (D:20261201020904+00'00')\n/ModDate (D:20261201020904Z)"
    assert pdf.with_date(raw, "2024-02-03T04:05:06Z") == b"/CreationDate (D:20240203040506+00'00')\n/ModDate (D:20261201020904Z)"
