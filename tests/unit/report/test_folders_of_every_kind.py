"""Folders of every kind of report: whole as written, and each way of tampering is named; a later report replaces an earlier one; a kill never leaves one that looks whole."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provenance.audit.portfolio import AuditPoint, ModelHistory, Portfolio
from provenance.canonical import digest_bytes
from provenance.clearance.keys import key_from_seed
from provenance.clearance.letter_signature import SIGNATURE_FILE, LetterSignature, SignedFile, sign_letter
from provenance.errors import ReportError
from provenance.report.disclosure.answers import Answers
from provenance.report.disclosure.california import california_document
from provenance.report.disclosure.combined import combine
from provenance.report.disclosure.eu import make_eu_summary
from provenance.report.disclosure.sources import gather
from provenance.report.disclosure.values import Change, Disclosure, Entry, EntrySection, Problem, State, Supersedes
from provenance.report.disclosure.views import write_disclosure
from provenance.report.folder import FORMATS, SETS, verify_report, write_files, write_report
from provenance.report.folder_check import check_folder
from provenance.report.letter import build_letter, letter_files
from provenance.report.manifest import DOCUMENTS, MANIFEST, FolderKind, is_document
from provenance.report.portfolio import DATA_FILE, FILE_NAME, render_portfolio, render_portfolio_json
from provenance.report.schema import disclosure_schema, portfolio_schema, report_schema
from provenance.report.sidecars import render_sidecars
from provenance.report.views import Known, compare_views
from tests.fakes import records

FORMATS_FOLDER = Path(__file__).parents[3] / "docs" / "formats"
KINDS = ("audit", "eu", "ab2013", "disclosures", "letter", "index")
TRUTHS = {"audit": "audit.json", "letter": "letter.json", "index": "portfolio.json"}
"""The document that the others are views of; summary.json of those that laws ask for."""
NOW = "2026-12-01T08:00:00Z"


def _letter(folder: Path) -> None:
    made = build_letter(records.cleared_record(), to="Customer AG")
    files = letter_files(made)
    signature = LetterSignature(
        files=tuple(SignedFile(name=name, digest=digest_bytes(raw)) for name, raw in sorted(files.items())),
        audit=made.audit,
        clearance="",
        to=made.to,
        model=made.model,
        signer="Ada",
        role="issuer",
        signed=NOW,
    )
    write_files(files | {SIGNATURE_FILE: sign_letter(signature, key_from_seed(bytes(32)))}, folder, audit=made.audit, kind=FolderKind.LETTER)


def portfolio() -> Portfolio:
    record = records.cleared_record()
    point = AuditPoint(id=record.id, created=record.created, verdict=record.verdict, deny=0, review=0, warn=0, waived=0)
    history = ModelHistory(model="m", audits=(point,), datasets=(), terms_changed=False, clearance=None)
    return Portfolio(as_of=NOW, models=(history,), waivers=(), terms=(), problems=())


def _index(folder: Path) -> None:
    found = portfolio()
    made = {DATA_FILE: render_portfolio_json(found), FILE_NAME: render_portfolio(found, links={})}
    write_files(made, folder, audit="", kind=FolderKind.INDEX)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of each kind, written once."""
    base, record = tmp_path_factory.mktemp("kinds"), records.blocked_record()
    union = make_eu_summary(record, gather(record, None), Answers())
    california = california_document(record, {}, Answers())
    write_report(records.cleared_record(), base / "audit", ("html", "json", "markdown"))
    write_disclosure(union, base / "eu")
    write_disclosure(california, base / "ab2013")
    write_disclosure(combine(union, california), base / "disclosures")
    _letter(base / "letter")
    _index(base / "index")
    return base


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def folder(made: Path, kind: str, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made / kind, tmp_path / kind))


def test_every_document_of_every_format_has_its_name_among_those_of_its_kind() -> None:
    record = records.blocked_record()
    named = (
        {f.file_name for f in FORMATS.values()}
        | set(SETS["parquet"].file_names(record))
        | set(render_sidecars(records.empty_record()))
        | {"runs.csv"}
    )
    assert DOCUMENTS[FolderKind.AUDIT] == named
    assert all(is_document(name, FolderKind.AUDIT) for one in SETS.values() for name in one.file_names(record))
    assert not is_document("notes.croissant.json/..", FolderKind.AUDIT)
    assert not is_document("notes.txt", FolderKind.AUDIT)
    assert DOCUMENTS[FolderKind.LETTER] == {*letter_files(build_letter(records.cleared_record(), to="A")), SIGNATURE_FILE}


def test_a_folder_is_whole_as_written_and_deep_names_what_the_documents_are_views_of(folder: Path, kind: str) -> None:
    found = check_folder(folder)
    assert (found.faults, found.others, found.reports) == ((), (), ())
    compared = compare_views(folder, Known())
    assert compared.truth == TRUTHS.get(kind, "summary.json")
    listed = {file.path for file in found.manifest.files}
    assert set(compared.same) == listed - {SIGNATURE_FILE}


def test_a_changed_byte_a_removed_file_and_an_added_one_are_each_named(folder: Path) -> None:
    names = [file.path for file in verify_report(folder).files]
    changed, removed = names[0], names[-1]
    raw = (folder / changed).read_bytes()
    (folder / changed).write_bytes(raw[:-2] + bytes([raw[-2] ^ 1]) + raw[-1:])
    (folder / removed).unlink()
    (folder / "notes.txt").write_text("beside it")
    (folder / ".hidden").write_text("beside it")
    found = check_folder(folder)
    assert {f.path: f.reason.partition(" ")[0] for f in found.faults} == {changed: "expected", removed: "missing,"}
    assert found.others == (".hidden", "notes.txt")
    with pytest.raises(ReportError) as refused:
        verify_report(folder)
    assert f"{changed}: expected" in str(refused.value)
    assert f"{removed}: missing" in str(refused.value)


def test_a_document_that_the_manifest_does_not_list_could_be_taken_for_a_part_of_the_report(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    hidden = manifest["files"].pop()["path"]
    (folder / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ReportError, match=f"{hidden}: not in the manifest"):
        verify_report(folder)
    (folder / hidden).unlink()
    if hidden != SIGNATURE_FILE:
        with pytest.raises(ReportError, match="not in the manifest"):
            compare_views(folder, Known())


@pytest.mark.parametrize("cut", [0, 1, 40, -2])
def test_a_truncated_manifest_is_one_sentence(folder: Path, cut: int) -> None:
    (folder / MANIFEST).write_bytes((folder / MANIFEST).read_bytes()[:cut])
    with pytest.raises(ReportError, match="cut off"):
        verify_report(folder)


def test_a_removed_manifest_is_told_and_so_is_a_pipe_in_its_place(folder: Path) -> None:
    (folder / MANIFEST).unlink()
    with pytest.raises(ReportError, match="there is none"):
        verify_report(folder)
    os.mkfifo(folder / MANIFEST)
    with pytest.raises(ReportError, match="not a regular file"):
        verify_report(folder)


def test_a_page_forged_together_with_its_manifest_is_found_by_deep_with_its_cause(folder: Path, kind: str) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    page = next(f for f in manifest["files"] if f["path"].endswith(".html"))
    raw = (folder / page["path"]).read_bytes().replace(b"</html>", b" </html>")
    (folder / page["path"]).write_bytes(raw)
    page.update(sha256=digest_bytes(raw), size_bytes=len(raw))
    (folder / MANIFEST).write_text(json.dumps(manifest))
    assert check_folder(folder).faults == ()
    with pytest.raises(ReportError) as refused:
        compare_views(folder, Known())
    assert f"{page['path']}: is not what {TRUTHS.get(kind, 'summary.json')} gives" in str(refused.value)


def test_a_manifest_of_version_1_is_still_read(made: Path, tmp_path: Path) -> None:
    for kind in ("audit", "eu"):
        folder = Path(shutil.copytree(made / kind, tmp_path / kind))
        wire = json.loads((folder / MANIFEST).read_text()) | {"version": 1}
        del wire["kind"]
        (folder / MANIFEST).write_text(json.dumps(wire))
        assert verify_report(folder).kind is (FolderKind.AUDIT if kind == "audit" else FolderKind.DISCLOSURE)


def test_a_later_report_replaces_an_earlier_one_and_touches_nothing_else(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made / "audit", tmp_path / "r"))
    (folder / "notes.txt").write_text("of the officer")
    (folder / "AUDIT.md").write_text("the officer wrote into it")
    write_report(records.blocked_record(), folder, ("json", "sarif"))
    names = {p.name for p in folder.iterdir()}
    assert "index.html" not in names
    assert {"notes.txt", "findings.sarif"} <= names
    assert [(f.path, f.reason[:19]) for f in check_folder(folder).faults] == [("AUDIT.md", "not in the manifest")], (
        "kept, since somebody changed it, and named"
    )


def test_a_report_is_not_written_over_one_of_another_kind_or_over_what_is_not_ours(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made / "audit", tmp_path / "r"))
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    with pytest.raises(ReportError, match="another kind, audit, not letter"):
        _letter(folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    site = tmp_path / "site"
    site.mkdir()
    (site / MANIFEST).write_text('{"name": "my web app"}')
    with pytest.raises(ReportError, match="not of a report"):
        _letter(site)
    assert (site / MANIFEST).read_text() == '{"name": "my web app"}'


def _killed_at(step: int, write: Callable[[], object]) -> bool:
    """Write in a child that dies before its system call of this number that changes the folder; tell whether it lived to the end."""
    child = os.fork()
    if child == 0:
        left = [step]
        for name in ("replace", "unlink"):
            real = getattr(os, name)

            def counted(*given: object, real: Callable[..., object] = real, **named: object) -> object:
                if left[0] == 0:
                    os._exit(9)
                left[0] -= 1
                return real(*given, **named)

            setattr(os, name, counted)
        try:
            write()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _state(folder: Path) -> str:
    """Return the audit whose whole report a folder holds, or why it holds none."""
    try:
        return verify_report(folder).audit
    except ReportError as err:
        return str(err).partition(": ")[2].partition(":")[0]


def test_a_kill_at_any_moment_leaves_the_old_report_or_one_that_is_called_unfinished(tmp_path: Path) -> None:
    folder, old, new = tmp_path / "r", records.review_record(), records.blocked_record()
    write_report(old, folder, ("json", "markdown"))
    seen, step, lived = [], 0, False
    while not lived:
        lived = _killed_at(step, lambda: write_report(new, folder, ("json", "junit")))
        seen.append(_state(folder))
        step += 1
    assert step > 6
    assert seen == [old.id, *["the report is not finished"] * (step - 2), new.id]
    assert {p.name for p in folder.iterdir()} == {MANIFEST, "audit.json", "junit.xml", "findings.csv", "matches.csv", "shards.csv"}


def _schema(name: str) -> dict[str, Any]:
    return dict(json.loads((FORMATS_FOLDER / f"{name}.schema.json").read_text(encoding="utf-8")))


def test_the_published_schemas_are_the_values_own_and_take_what_is_written(made: Path) -> None:
    for name, own, files in (
        ("disclosure", disclosure_schema(), [made / kind / "summary.json" for kind in ("eu", "ab2013", "disclosures")]),
        ("portfolio", portfolio_schema(), [made / "index" / "portfolio.json"]),
        ("report", report_schema(), [made / kind / MANIFEST for kind in KINDS]),
    ):
        assert _schema(name) == own
        validator = jsonschema.Draft202012Validator(own)
        for file in files:
            wire = json.loads(file.read_text(encoding="utf-8"))
            validator.validate(wire)
            for broken in (
                {**wire, "version": 99},
                {**wire, "format": "other"},
                *({k: v for k, v in wire.items() if k != f} for f in own["required"]),
            ):
                assert not validator.is_valid(broken)


def test_the_page_of_the_format_names_every_field_and_state_of_a_disclosure() -> None:
    text = (FORMATS_FOLDER / "disclosure.md").read_text(encoding="utf-8")
    named = set(re.findall(r"\w[\w-]*", " ".join(re.findall(r"`([^`]*)`", text))))
    assert {f.name for kind in (Disclosure, Entry, EntrySection, Problem, Supersedes, Change) for f in fields(kind)} <= named
    assert {state.value for state in State} <= named
    folders = (FORMATS_FOLDER / "report-folders.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in folders for names in DOCUMENTS.values() for name in names)
