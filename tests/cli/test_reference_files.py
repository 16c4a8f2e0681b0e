"""Reference sets that leave the workspace and come back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance.cli.main import run

OUTPUTS = Path(__file__).parent.parent.parent / "examples" / "sample" / "references" / "cumulus-outputs.jsonl"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    assert provenance(tmp_path, "init") == 0
    assert provenance(tmp_path, "reference", "add", "outputs", str(OUTPUTS), "--kind", "api-output") == 0
    return tmp_path


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def sets(folder: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    capsys.readouterr()
    assert provenance(folder, "reference", "list", "-f", "json") == 0
    return {s["name"]: s for s in json.loads(capsys.readouterr().out)}


def test_an_exported_set_is_added_again_without_a_word_of_explanation(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "reference", "export", "outputs", "-o", "outputs.jsonl") == 0
    assert provenance(work, "reference", "add", "again", "outputs.jsonl") == 0
    found = sets(work, capsys)
    assert (found["again"]["digest"], found["again"]["kind"]) == (found["outputs"]["digest"], "api-output")
    assert [p.name for p in work.iterdir() if p.name.startswith(".outputs")] == []


def test_standard_output_takes_what_a_file_takes(work: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert provenance(work, "reference", "export", "outputs", "-o", "outputs.jsonl") == 0
    capfdbinary.readouterr()
    assert provenance(work, "reference", "export", "outputs") == 0
    assert capfdbinary.readouterr().out == (work / "outputs.jsonl").read_bytes()
    assert provenance(work, "reference", "export", "outputs", "--no-text") == 0
    assert b'"text"' not in capfdbinary.readouterr().out


def test_a_file_that_cannot_be_written_is_one_sentence(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "reference", "export", "outputs", "-o", "no/such/folder/x.jsonl") == 1
    assert "cannot be written" in capsys.readouterr().err
    assert provenance(work, "reference", "export", "nobody") == 1
