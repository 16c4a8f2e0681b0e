"""Commands that must not pass in silence: references nobody could read, damaged indexes, options that belong to somebody else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from provenance.cli.main import run

TEXT = "On the third evening the harbour master counted the lanterns again and found one too many, which troubled him more than a missing one would have."


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), *arguments])


def test_match_says_when_its_references_cannot_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text(json.dumps({"text": TEXT}) + "\n")
    (tmp_path / "bad.jsonl").write_text("{broken\n")
    assert provenance(tmp_path, "match", "a.jsonl", "-r", "bad.jsonl") == 1
    assert "none of the references could be read" in capsys.readouterr().err
    (tmp_path / "half.jsonl").write_text(json.dumps({"id": "x", "text": "quite other words that nobody has written in the file"}) + "\n{broken\n")
    assert provenance(tmp_path, "match", "a.jsonl", "-r", "half.jsonl") == 4
    assert "half.jsonl:2" in capsys.readouterr().err


def test_a_damaged_reference_set_does_not_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "book.txt").write_text(TEXT)
    assert provenance(tmp_path, "-q", "init") == 0
    assert provenance(tmp_path, "-q", "reference", "add", "books", "book.txt", "--kind", "work") == 0
    assert provenance(tmp_path, "reference", "verify") == 0
    (file,) = (tmp_path / ".provenance" / "references").rglob("texts.arrow")
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(bytes(raw))
    capsys.readouterr()
    assert provenance(tmp_path, "reference", "verify") == 1
    assert "✗ books" in capsys.readouterr().out


def test_check_counts_every_file_once_and_forgets_earlier_references(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = tmp_path / "data"
    (data / "sub").mkdir(parents=True)
    for name in ("a.jsonl", "sub/b.jsonl"):
        (data / name).write_text(json.dumps({"text": f"{name} {TEXT}"}) + "\n")
    (tmp_path / "book.txt").write_text(TEXT)
    assert provenance(tmp_path, "check", "data", "-r", "book.txt") == 11
    assert "in 2 shards" in capsys.readouterr().err
    (tmp_path / "book.txt").write_text(TEXT + " And more.")
    assert provenance(tmp_path, "check", "data", "-r", "book.txt") == 11
    capsys.readouterr()
    assert provenance(tmp_path, "check", "data", "-r", "nosuch.txt") == 1
    assert "nosuch.txt" in capsys.readouterr().err


def test_an_unknown_licence_is_said_with_the_nearest_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text(json.dumps({"text": TEXT}) + "\n")
    assert provenance(tmp_path, "-q", "init") == 0
    assert provenance(tmp_path, "register", "data/a.jsonl", "--dataset", "a", "--license", "Apche 2.0") == 0
    said = capsys.readouterr().err
    assert "'Apche 2.0' is not known" in said
    assert "apache 2.0" in said.lower()
    assert provenance(tmp_path, "register", "data/a.jsonl", "--dataset", "a\nCLEARED", "--license", "MIT") == 2


def test_options_of_the_training_command_are_not_the_gates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sample = Path(__file__).parent.parent / "golden" / "clearance-v1"
    shutil.copytree(sample, tmp_path / "g")
    (tmp_path / "other").mkdir()
    clearance = next((tmp_path / "g").glob("*.clearance.json"))
    trust = next((tmp_path / "g").glob("*trust*.json"))
    (tmp_path / "g" / "data" / "extra").write_bytes(b"x")
    gate = ("exec", "--clearance", str(clearance), "--trust", str(trust), "--root", str(tmp_path / "g" / "data"))
    assert provenance(tmp_path, *gate, "echo", "STARTED", "--root", str(tmp_path / "other")) == 77
    assert "STARTED" not in capsys.readouterr().out
