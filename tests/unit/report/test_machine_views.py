"""Markdown of an audit, and folders whose documents are compared with the record."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from provenance.audit.impact import IssuedClearance
from provenance.canonical import digest_bytes
from provenance.errors import ReportError
from provenance.model.audit import AuditRecord
from provenance.report.folder import write_report
from provenance.report.markdown import MarkdownReport
from provenance.report.markdown_text import cell_span, code_span, phrase, table
from provenance.report.views import verify_views
from tests.fakes import records


def test_every_total_of_the_markdown_is_that_of_the_record() -> None:
    record = records.blocked_record()
    text = MarkdownReport().render(record).decode()
    listed = text.partition("| Total | Count |")[2].partition("## Findings")[0]
    found = {
        name.replace(" ", "_"): int(value.replace("\u202f", ""))
        for name, value in re.findall(r"^\| ([a-z ]+) \| ([\d\u202f]+) \|$", listed, re.MULTILINE)
    }
    assert found == dataclasses.asdict(record.totals)


def test_a_clearance_that_was_revoked_is_told() -> None:
    given = IssuedClearance(
        audit="sha256:a", manifest_root="sha256:b", issued="2026-12-01T00:00:00Z", expires="2026-12-15T00:00:00Z", revoked="2026-12-02T00:00:00Z"
    )
    text = MarkdownReport(clearances=(given,)).render(records.cleared_record()).decode()
    assert "The clearance was revoked on 2026-12-02: no trainer accepts it." in text
    assert "provenance clear" not in text
    assert "is not known to this document" in MarkdownReport().render(records.cleared_record()).decode()


@pytest.mark.parametrize("record", [records.blocked_record(), records.review_record(), records.cleared_record(), records.hostile_record()])
def test_every_row_has_the_cells_of_its_head(record: AuditRecord) -> None:
    head = 0
    for line in MarkdownReport().render(record).decode().splitlines():
        cells = line.count("|") - 1 if line.startswith("|") else 0
        assert not head or not cells or cells == head, line
        head = cells


def test_what_every_finding_says_and_offers_is_in_the_markdown() -> None:
    record = records.blocked_record()
    text = MarkdownReport().render(record).decode()
    for finding in record.findings[:1]:
        assert finding.message in text
        assert all(c.quote in text and c.source in text for c in finding.clauses)
        assert all(r.summary in text for r in finding.remedies)
    assert all(f.rule in text for f in record.findings)
    assert all(d.dataset.name in text for d in record.datasets)


@pytest.mark.parametrize("text", ["a|b", "a\\|b", "`|`", "|"])
def test_no_text_ends_its_cell(text: str) -> None:
    (row,) = list(table(["only"], [[cell_span(text)]]))[2:]
    assert row.count("|") == 2
    assert "U+007C" in row


@pytest.mark.parametrize(
    "text",
    [
        "www.example.org",
        "http://x",
        "@lead",
        "a_b_c",
        "*a*",
        "<b>",
        "[a](b)",
        "#1",
        "a&amp;b",
        "~a~",
        "$a$",
        "- a",
        "a.b",
        ":tada:",
        "a\nb",
        "1. a",
        "2) a",
        "",
    ],
)
def test_text_that_could_mean_something_is_no_phrase(text: str) -> None:
    assert phrase(text).startswith("`")


def test_plain_words_are_phrases() -> None:
    assert phrase("13 records, 10.6 % of it") == "13 records, 10.6 % of it"
    assert phrase("Outputs whose terms forbid this use: 3 (of 18).") == "Outputs whose terms forbid this use: 3 (of 18)."


def test_hostile_text_stays_inside_code_spans() -> None:
    text = MarkdownReport().render(records.hostile_record()).decode()
    outside = re.sub(r"(?<!`)(`+)(?!`)(.*?)(?<!`)\1(?!`)", "", text)
    assert "<" not in outside
    assert not re.search("[\x00\x1b\u202e\u200b]", text)
    assert len(text) < 1_000_000


@pytest.mark.parametrize(("text", "span"), [("a", "`a`"), ("a`b", "``a`b``"), ("`", "`` ` ``"), ("a\n# b", "`a⏎# b`")])
def test_code_span_follows_commonmark(text: str, span: str) -> None:
    assert code_span(text) == span


def _forge(folder: Path, name: str, raw: bytes) -> None:
    """Change a file and make the manifest fit."""
    (folder / name).write_bytes(raw)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for file in manifest["files"]:
        if file["path"] == name:
            file.update(sha256=digest_bytes(raw), size_bytes=len(raw))
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_page_forged_together_with_its_manifest_is_found(tmp_path: Path) -> None:
    write_report(records.blocked_record(), tmp_path, ["html", "json", "markdown"])
    verify_views(tmp_path)
    _forge(tmp_path, "index.html", (tmp_path / "index.html").read_bytes().replace(b"BLOCKED", b"CLEARED"))
    with pytest.raises(ReportError, match=r"index\.html: is not what"):
        verify_views(tmp_path)


def test_document_added_beside_the_manifest_is_found(tmp_path: Path) -> None:
    write_report(records.cleared_record(), tmp_path, ["json"])
    (tmp_path / "index.html").write_text("CLEARED")
    with pytest.raises(ReportError, match="not in the manifest"):
        verify_views(tmp_path)


def test_folder_without_a_record_cannot_be_compared(tmp_path: Path) -> None:
    write_report(records.cleared_record(), tmp_path, ["markdown"])
    with pytest.raises(ReportError, match=r"audit\.json: not in the manifest"):
        verify_views(tmp_path)


_RENDER = """
import sys
from pathlib import Path
from provenance.report.folder import FORMATS, write_report
from tests.fakes import records
write_report(records.blocked_record(), Path(sys.argv[1]), sorted(FORMATS))
"""


@pytest.mark.full
def test_all_formats_have_the_same_bytes_in_processes_with_other_surroundings(tmp_path: Path) -> None:
    root = Path(__file__).parents[3]
    surroundings = (
        {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C", "SOURCE_DATE_EPOCH": "0"},
        {"PYTHONHASHSEED": "2", "TZ": "Asia/Kathmandu", "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": "1700000000"},
    )
    for number, changed in enumerate(surroundings):
        subprocess.run([sys.executable, "-c", _RENDER, str(tmp_path / str(number))], env=os.environ | changed, cwd=root, check=True)
    first, second = ({p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("0", "1"))
    assert first == second
    assert {"AUDIT.md", "index.html", "audit.json", "findings.sarif"} <= set(first)
