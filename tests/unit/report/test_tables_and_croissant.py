"""Parquet tables and Croissant documents of an audit: each number and word is the record's, other readers take them, and a forged one is found."""

from __future__ import annotations

import importlib
import io
import json
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from provenance.canonical import digest_bytes
from provenance.cli.main import run
from provenance.errors import ReportError
from provenance.exchange.croissant import read_croissant
from provenance.exchange.export_check import check_document
from provenance.exchange.sources import load_source
from provenance.fingerprint.digest import ShardLeaf, merkle_root
from provenance.ingest.reader import format_of
from provenance.model.audit import AuditRecord
from provenance.model.wire import to_wire
from provenance.report.croissant import CroissantReport
from provenance.report.folder import SETS, verify_report, write_report
from provenance.report.parquet import ParquetReport
from provenance.report.parquet_columns import TABLES
from provenance.report.record_json import render_json
from provenance.report.views import verify_views
from tests.fakes import records
from tests.golden.make_reports import read_records

DOCS = Path(__file__).parents[3] / "docs"
MOMENT = "2026-11-24T04:12:09Z"
RECORDS: tuple[Callable[[], AuditRecord], ...] = (records.blocked_record, records.review_record, records.cleared_record, records.huge_record)


def hostile() -> AuditRecord:
    """Return the record full of hostile text with a time: without one, machine formats refuse it."""
    return replace(records.hostile_record(), created=MOMENT)


def rows_of(record: AuditRecord) -> dict[str, list[dict[str, Any]]]:
    """Return every table as another reader sees it."""
    return {name.removesuffix(".parquet"): pq.read_table(io.BytesIO(raw)).to_pylist() for name, raw in ParquetReport().render(record).items()}


def unicode_only(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@pytest.mark.parametrize("make", [*RECORDS, records.empty_record, records.hostile_record], ids=lambda f: f.__name__)
def test_every_row_holds_what_the_record_says(make: Callable[[], AuditRecord]) -> None:
    record = make()
    wire: Any = to_wire(record)
    found = rows_of(record)
    same = {
        "findings": ("id", "rule", "title", "bundle", "severity", "outcome", "action", "waiver", "dataset", "message", "clauses", "evidence", "remedies", "missing"),
        "datasets": ("root_digest", "shards", "size_bytes", "records", "words", "unread_records", "weight", "license_use", "synthetic", "matches",
                     "alarms", "matched_words", "open_findings"),
        "shards": ("dataset", "path", "sha256", "size_bytes", "records", "words", "state", "alarms", "matched_words", "scan"),
    }  # fmt: skip
    for table, names in same.items():
        assert [{n: row[n] for n in names} for row in found[table]] == [_clean({n: item[n] for n in names}) for item in wire[table]]
    assert [(r["id"], r["dataset"]) for r in found["matches"]] == [(unicode_only(e["id"]), unicode_only(e["dataset"])) for e in wire["evidence"]]
    own = {"id", "dataset", "title", "author", "holder", "license", "provider", "model"}
    for row, item in zip(found["matches"], wire["evidence"], strict=True):
        assert {n: v for n, v in row.items() if n not in own} == _clean({n: item["match"][n] for n in row if n not in own})
        assert {n: row[n] for n in own - {"id", "dataset"}} == _clean({n: item["reference"][n] for n in own - {"id", "dataset"}})


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return unicode_only(value)
    if isinstance(value, dict):
        return {k: _clean(v) for k, v in value.items()}
    return [_clean(v) for v in value] if isinstance(value, list) else value


def test_the_sums_of_the_tables_are_the_totals_of_the_record() -> None:
    record = records.blocked_record()
    found, totals = rows_of(record), record.totals
    open_ = [row for row in found["findings"] if row["open"]]
    assert {a: sum(r["stands_for"] for r in open_ if r["action"] == a) for a in ("deny", "review", "warn")} == {
        "deny": totals.deny,
        "review": totals.review,
        "warn": totals.warn,
    }
    assert sum(r["waiver"] is not None for r in found["findings"]) == totals.waived
    assert sum(r["words"] for r in found["datasets"]) == totals.words
    assert {r["subject"] for r in found["findings"]} == {f.subject.id for f in record.findings}
    because = next(r["because"] for r in found["findings"] if r["because"])
    reading = next(f for f in record.findings if f.because).because[0]
    assert json.loads(because[0]["value"]) == reading.value


def test_every_column_is_typed_and_documented() -> None:
    said = (DOCS / "formats" / "report-tables.md").read_text(encoding="utf-8")
    for table, columns in TABLES.items():
        section = said.split(f"## {table}.parquet\n", 1)[1].split("\n## ", 1)[0]
        told = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", section, re.MULTILINE)
        assert told == [(field.name, _type_name(field)) for field, _ in columns]


def _type_name(field: Any) -> str:
    name = (
        "list"
        if str(field.type).startswith("list")
        else {"string": "text", "int64": "integer", "double": "number", "bool": "true or false"}[str(field.type)]
    )
    return f"{name}, or null" if field.nullable else name


@pytest.mark.parametrize("name", sorted(SETS))
def test_the_same_record_gives_the_same_bytes(name: str) -> None:
    assert SETS[name].render(records.blocked_record()) == SETS[name].render(records.blocked_record())


def test_a_number_that_no_column_takes_is_refused_in_words() -> None:
    record = records.blocked_record()
    broken = replace(record, datasets=(replace(record.datasets[0], words=2**63),))
    with pytest.raises(ReportError, match="its datasets cannot be written as Parquet"):
        ParquetReport().render(broken)


def test_a_forged_table_is_found(tmp_path: Path) -> None:
    record = records.blocked_record()
    manifest = write_report(record, tmp_path, ["json", "parquet", "croissant", "csv"])
    assert {"findings.parquet", "datasets.parquet", "shards.parquet", "matches.parquet"} < {f.path for f in manifest.files}
    assert len([f for f in manifest.files if f.path.endswith(".croissant.json")]) == len(record.datasets)
    verify_views(tmp_path)
    raw = ParquetReport().render(records.cleared_record())["findings.parquet"]
    (tmp_path / "findings.parquet").write_bytes(raw)
    told = json.loads((tmp_path / "manifest.json").read_bytes())
    next(f for f in told["files"] if f["path"] == "findings.parquet").update(sha256=digest_bytes(raw), size_bytes=len(raw))
    (tmp_path / "manifest.json").write_text(json.dumps(told))
    verify_report(tmp_path)
    with pytest.raises(ReportError, match=r"findings\.parquet: is not what"):
        verify_views(tmp_path)


def test_a_table_added_beside_the_manifest_is_found(tmp_path: Path) -> None:
    write_report(records.cleared_record(), tmp_path, ["json"])
    (tmp_path / "findings.parquet").write_bytes(ParquetReport().render(records.cleared_record())["findings.parquet"])
    with pytest.raises(ReportError, match="not in the manifest"):
        verify_views(tmp_path)


@pytest.mark.parametrize("make", [*RECORDS[:3], hostile], ids=lambda f: f.__name__)
def test_croissant_holds_all_that_the_standard_requires(make: Callable[[], AuditRecord]) -> None:
    record = make()
    made = CroissantReport().render(record)
    assert {fault for raw in made.values() for fault in check_document("croissant", raw)} == set()
    assert len({name.casefold() for name in made}) == len(record.datasets)
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}", name) for name in made)


def test_mlcroissant_reads_every_document_and_finds_the_same_files(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the packages that it imports
        mlc = importlib.import_module("mlcroissant")
        for record in (records.blocked_record(), hostile()):
            for (name, raw), summary in zip(CroissantReport().render(record).items(), record.datasets, strict=True):
                (tmp_path / name).write_bytes(raw)
                read = mlc.Dataset(jsonld=str(tmp_path / name)).metadata
                assert not read.ctx.issues.errors
                digests = {s.path: s.sha256.removeprefix("sha256:") for s in record.shards if s.dataset == summary.dataset.name}
                if len(digests) == summary.shards:
                    assert {f.name: f.sha256 for f in read.distribution} == digests
                else:
                    assert [type(f).__name__ for f in read.distribution] == ["FileSet"]
                assert f"The verdict on the whole run is {record.verdict.value}." in read.data_limitations[0]


def test_what_the_audit_found_stands_in_each_document() -> None:
    record = records.blocked_record()
    for raw, summary in zip(CroissantReport().render(record).values(), record.datasets, strict=True):
        document = json.loads(raw)
        counted = {p["name"]: p["value"] for p in document["provenance:audit"]}
        assert (counted["provenance:verdictOnTheRun"], counted["provenance:auditId"]) == (record.verdict.value, record.id)
        assert int(counted["provenance:words"]) == summary.words
        assert int(counted["provenance:openFindings"]) == summary.open_findings
        own = [f for f in record.findings if f.dataset == summary.dataset.name]
        assert [p["value"] for p in document.get("provenance:finding", [])] == [f.message for f in own]
        assert "provenance:facts" not in document


def test_our_import_reads_datasets_licences_and_digests_back(tmp_path: Path) -> None:
    record = records.blocked_record()
    for (name, raw), summary in zip(CroissantReport().render(record).items(), record.datasets, strict=True):
        (tmp_path / name).write_bytes(raw)
        (found,) = read_croissant(load_source(tmp_path / name, name=name), format_of=format_of, root="data").datasets
        assert found.dataset.name == summary.dataset.name
        assert found.dataset.license.declared.value == summary.dataset.license.effective
        assert found.shards is not None
        told = {(s.path, s.sha256, s.size_bytes) for s in record.shards if s.dataset == summary.dataset.name}
        assert {(s.path, s.sha256, s.size_bytes) for s in found.shards()} == told


def test_the_root_of_the_listed_files_is_that_of_the_audit() -> None:
    for record in read_records().values():
        for raw, summary in zip(CroissantReport().render(record).values(), record.datasets, strict=True):
            files = [
                ShardLeaf(path=f["contentUrl"], sha256=f"sha256:{f['sha256']}", size_bytes=int(f["contentSize"].removesuffix(" B")))
                for f in json.loads(raw)["distribution"]
            ]
            assert merkle_root(files) == summary.root_digest


def test_shards_of_which_the_record_tells_a_part_only_are_not_listed() -> None:
    record = records.blocked_record()
    (one, *_) = CroissantReport().render(replace(record, shards=record.shards[:1])).values()
    (files,) = json.loads(one)["distribution"]
    assert files["@type"] == "cr:FileSet"
    assert record.datasets[0].root_digest in files["description"]


def test_a_record_without_a_dataset_is_refused_in_words() -> None:
    with pytest.raises(ReportError, match="names no dataset"):
        CroissantReport().render(records.empty_record())


@pytest.mark.parametrize("names", [("Data", "data"), ("a/b", "a-b"), ("…", "===")])
def test_datasets_with_like_names_have_files_of_their_own(names: tuple[str, str]) -> None:
    record = records.blocked_record()
    like = tuple(replace(record.datasets[0], dataset=replace(record.datasets[0].dataset, name=name)) for name in names)
    assert len({n.casefold() for n in CroissantReport().render(replace(record, datasets=like))}) == 2


def test_report_make_names_every_file_that_it_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = records.blocked_record()
    (tmp_path / "audit.json").write_bytes(render_json(record))
    wanted = ["-f", "json", "-f", "parquet", "-f", "croissant", "-f", "csv", "-f", "csv"]
    assert run(["-C", str(tmp_path), "report", "make", str(tmp_path / "audit.json"), "-o", str(tmp_path / "out"), *wanted]) == 0
    told = [line.rpartition("/")[2] for line in capsys.readouterr().out.splitlines()]
    assert sorted(told) == sorted(f.name for f in (tmp_path / "out").iterdir() if f.name != "manifest.json")
    assert run(["-C", str(tmp_path), "report", "verify", str(tmp_path / "out")]) == 0
