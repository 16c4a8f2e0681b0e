"""Report folders: digests that hold, tables that no spreadsheet runs, and a record that reads back."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from provenance.errors import ReportError
from provenance.model.audit import AuditRecord
from provenance.model.finding import VerdictKind
from provenance.report.folder import verify_report, write_report
from provenance.report.record_json import read_record, render_json
from provenance.report.schema import audit_schema
from provenance.report.sidecars import render_sidecars
from tests.fakes import records

SCHEMA = Path(__file__).parents[3] / "docs" / "formats" / "audit.schema.json"


def test_written_folder_verifies_and_says_what_it_holds(tmp_path: Path) -> None:
    manifest = write_report(records.blocked_record(), tmp_path / "out")
    assert [f.path for f in manifest.files] == ["audit.json", "findings.csv", "index.html", "matches.csv", "shards.csv"]
    assert verify_report(tmp_path / "out") == manifest


@pytest.mark.parametrize("name", ["index.html", "audit.json", "findings.csv"])
def test_changed_or_missing_file_is_named(tmp_path: Path, name: str) -> None:
    write_report(records.cleared_record(), tmp_path)
    raw = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(raw[:-1] + b"!")
    with pytest.raises(ReportError, match=name):
        verify_report(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ReportError, match=name):
        verify_report(tmp_path)


def test_link_in_place_of_a_file_is_refused(tmp_path: Path) -> None:
    write_report(records.cleared_record(), tmp_path / "a", formats=["json"])
    target = tmp_path / "a" / "audit.json"
    target.rename(tmp_path / "elsewhere.json")
    target.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(ReportError, match="plain file"):
        verify_report(tmp_path / "a")


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"\xff", b'{"format":"provenance.report","version":2}', b'{"format":"provenance.report","version":1,"audit":"","files":[]}']
)
def test_broken_manifest_is_one_clear_error(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(raw)
    with pytest.raises(ReportError, match=r"manifest\.json"):
        verify_report(tmp_path)


def test_manifest_cannot_name_a_file_outside(tmp_path: Path) -> None:
    write_report(records.cleared_record(), tmp_path / "r", formats=["json"])
    manifest = tmp_path / "r" / "manifest.json"
    manifest.write_text(manifest.read_text().replace("audit.json", "../audit.json"))
    with pytest.raises(ReportError, match="leaves the folder"):
        verify_report(tmp_path / "r")


def test_unknown_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="docx"):
        write_report(records.cleared_record(), tmp_path / "r", formats=["docx"])
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("make", [records.blocked_record, records.cleared_record, records.empty_record])
def test_record_reads_back_equal(make: Callable[[], AuditRecord]) -> None:
    assert read_record(render_json(make())) == make()


def test_newer_version_is_refused() -> None:
    wire = json.loads(render_json(records.empty_record()))
    with pytest.raises(ReportError, match="version 2"):
        read_record(json.dumps(wire | {"version": 2}).encode())


def test_committed_schema_is_the_code_and_accepts_real_records() -> None:
    assert json.loads(SCHEMA.read_text()) == audit_schema()
    validator = jsonschema.Draft202012Validator(audit_schema())
    real = {k: v for k, v in json.loads(render_json(records.cleared_record())).items() if k in {"id", "created"}}
    for make in (records.blocked_record, records.cleared_record, records.hostile_record):
        validator.validate(json.loads(render_json(make())) | real)
    for wrong in ({"verdict": "FINE"}, {"created": "yesterday"}, {"id": "../../x"}):
        with pytest.raises(jsonschema.ValidationError):
            validator.validate(json.loads(render_json(records.empty_record())) | wrong)


def test_no_cell_begins_like_a_formula() -> None:
    for raw in render_sidecars(records.hostile_record()).values():
        rows = list(csv.reader(io.StringIO(raw.decode())))
        assert len({len(r) for r in rows}) == 1
        for row in rows[1:]:
            for cell in row:
                number = cell.replace(".", "").replace("-", "").replace("e", "").isdigit()
                assert number or cell[:1] not in set("=+-@\t\r"), cell


def test_record_that_calls_cleared_what_its_findings_deny_is_refused() -> None:
    forged = render_json(dataclasses.replace(records.blocked_record(), verdict=VerdictKind.CLEARED))
    with pytest.raises(ReportError, match="says CLEARED, its findings say BLOCKED"):
        read_record(forged)
    assert read_record(render_json(records.cleared_record())).verdict is VerdictKind.CLEARED
