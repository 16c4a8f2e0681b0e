"""California's summary through the command: questions, answers, contradictions, changes, and what a wrong file says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from provenance.cli.main import run
from provenance.report.record_json import render_json
from tests.fakes import records

Desk = Callable[..., tuple[int, str, str]]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A folder with the record of a blocked audit and no workspace. Calls give the exit code and both outputs."""
    (tmp_path / "audit.json").write_bytes(render_json(records.blocked_record()))

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["-C", str(tmp_path), "-q", "report", "ab2013", "audit.json", *arguments])
        return (code, *capsys.readouterr())

    return call


def test_the_way_from_questions_to_a_posted_summary(desk: Desk, tmp_path: Path) -> None:
    code, out, _ = desk("--out", "one")
    assert code == 10
    assert "Not finished" in out
    assert {f.name for f in (tmp_path / "one").iterdir()} == {"index.html", "summary.md", "summary.json", "manifest.json"}
    code, out, _ = desk("--questions", "-f", "yaml")
    assert code == 10
    (tmp_path / "answers.yaml").write_text(out)
    assert desk("--answers", "answers.yaml", "--out", "two")[0] == 10, "nobody put a name to it"
    (tmp_path / "answers.yaml").write_text(
        out.replace(" value: null\n", " value: null\n        because: the notes on it are lost\n")
        .replace("by: null", "by: Ada Legal")
        .replace("on: null", 'on: "2026-12-01"')
    )
    code, out, err = desk("--answers", "answers.yaml", "--out", "two", "--supersedes", "one/summary.json", "-f", "json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["document_version"] == "2"
    assert "X.1" in {c["field"] for c in document["supersedes"]["changes"]}
    assert "own words" in (tmp_path / "two" / "index.html").read_text()


def test_an_answer_against_the_evidence_is_code_11_and_names_it(desk: Desk, tmp_path: Path) -> None:
    said = '{"5.a": {value: "yes", by: Ada, on: "2026-12-01"}, "12.a": {value: "no", by: Ada, on: "2026-12-01"}}'
    (tmp_path / "answers.yaml").write_text(
        "format: provenance.answers\nversion: 1\ndocuments:\n  - document: ca-ab2013\n    model: helpdesk-7b\n    fields: " + said + "\n"
    )
    code, out, _ = desk("--answers", "answers.yaml", "--out", "out")
    assert code == 11
    assert "passages of works" in out
    assert "12.a" in out


@pytest.mark.parametrize(("content", "told"), [("fields: [", "answers.yaml"), ("format: provenance.answers\nversion: 9\n", "version 1")])
def test_a_wrong_file_of_answers_is_one_sentence_and_code_1(desk: Desk, tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "answers.yaml").write_text(content)
    code, _, err = desk("--answers", "answers.yaml", "--out", "out")
    assert code == 1
    assert told in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_a_version_before_that_is_not_there_is_code_1(desk: Desk) -> None:
    code, _, err = desk("--supersedes", "gone.json", "--out", "out")
    assert (code, "gone.json" in err) == (1, True)
    assert desk("--supersedes", "https://example.org/summary", "--out", "out")[0] == 10


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["http://example.org/summary"], "no public https address"),
        (["https://localhost/summary"], "no public https address"),
        (["htps://example.org/summary"], "no public https address"),
        (["https://exa mple.org/summary"], "no public https address"),
        (["https://example.org/1", "https://example.org/2"], "at most one folder or file, and one address"),
        (["of-the-union"], "which this one cannot supersede"),
        (["of-another-model"], "expected 'helpdesk-7b'"),
        (["changed-by-hand"], "changed-by-hand/summary.json"),
    ],
)
def test_what_is_superseded_has_to_be_a_version_before(desk: Desk, tmp_path: Path, given: list[str], told: str) -> None:
    assert desk("--out", "one")[0] == 10
    page = (tmp_path / "one" / "summary.json").read_text()
    for name, text in (("of-the-union", page.replace('"ca-ab2013"', '"eu-2025-8311"')), ("of-another-model", page.replace("helpdesk-7b", "other"))):
        (tmp_path / name).write_text(text)
    (tmp_path / "changed-by-hand").mkdir()
    for file in (tmp_path / "one").iterdir():
        (tmp_path / "changed-by-hand" / file.name).write_bytes(file.read_bytes() + (b" " if file.name == "summary.json" else b""))
    code, _, err = desk(*(word for place in given for word in ("--supersedes", place)), "--out", "out")
    assert code == 1
    assert told in err
    assert not (tmp_path / "out").exists()


def test_a_folder_tells_the_changes_and_an_address_the_link(desk: Desk) -> None:
    desk("--out", "one")
    code, out, _ = desk("--supersedes", "one", "--supersedes", "https://example.org/summary-1.html", "--out", "two", "-f", "json")
    document = json.loads(out)
    assert (code, document["document_version"]) == (10, "2")
    assert document["supersedes"] == {"changes": [], "place": "https://example.org/summary-1.html", "version": f"version 1 of {document['updated']}"}
