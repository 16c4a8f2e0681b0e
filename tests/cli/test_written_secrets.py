"""Free text that is kept for ever takes no credential: the log and the facts cannot be changed afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.cli.main import run

AWS_KEY, HUB_TOKEN = "AKIA" + "IOSFODNN7EXAMPLE", "hf_" + "abc123def456ghi789jkl012"
PASSWORD = "hunter22"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--reason", f"{AWS_KEY} {HUB_TOKEN}", "register", "--dataset", "notes", "a.jsonl"),
        ("datasets", "derive", "notes", "--from", "other", "--parameters", f"HF_TOKEN={HUB_TOKEN}"),
        ("datasets", "derive", "notes", "--from", "other", "--note", f"password={PASSWORD}"),
        ("exclude", "add", "--domain", "example.org", "--comment", f"password={PASSWORD}"),
        ("exclude", "add", "--domain", "example.org", "--ticket", AWS_KEY),
    ],
)
def test_a_credential_in_free_text_is_refused_and_not_repeated(
    arguments: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "one"}\n')
    assert run(["-C", str(tmp_path), "init"]) == 0
    before = {p.name: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    capsys.readouterr()
    assert run(["-C", str(tmp_path), *arguments]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("error: argument ")
    assert not any(secret in said.out + said.err for secret in (AWS_KEY, HUB_TOKEN, PASSWORD))
    assert {p.name: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == before


def test_ordinary_reasons_are_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text('{"text": "one"}\n')
    assert run(["-C", str(tmp_path), "init"]) == 0
    assert run(["-C", str(tmp_path), "--reason", "password reset tickets", "register", "--dataset", "notes", str(tmp_path / "data" / "a.jsonl")]) == 0
    assert run(["-C", str(tmp_path), "log", "show"]) == 0
    assert "password reset" in capsys.readouterr().out
