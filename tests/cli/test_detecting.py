"""``provenance licenses detect --dataset``: what files say beside what was declared, on to rule L004; the Alpaca case of the Data Provenance Initiative."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from provenance.audit import backing
from provenance.cli.main import run
from tests.conftest import ROOT

RUN = """format: provenance.run
version: 1
model: {{name: m, release: {{weights: closed}}}}
purpose: {{commercial: true}}
data: [{{dataset: {name}}}]
policy: [baseline.yaml]
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "files").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text('{"text": "The harbour master counted the lanterns again."}\n', encoding="utf-8")
    assert provenance(tmp_path, "init") == 0
    assert provenance(tmp_path, "register", "data/a.jsonl", "--dataset", "words", "--license", "CC-BY-4.0", "--synthetic", "no") == 0
    return tmp_path


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def license_of(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert provenance(folder, "datasets", "show", name, "-f", "json") == 0
    return json.loads(capsys.readouterr().out)["dataset"]["license"]


def findings_of(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    (folder / "run.yaml").write_text(RUN.format(name=name), encoding="utf-8")
    capsys.readouterr()
    provenance(folder, "audit", "run.yaml", "-f", "json")
    record = json.loads(capsys.readouterr().out)
    return {f["rule"] for f in record["findings"] if f["outcome"] != "SATISFIED"}


def test_a_file_that_says_otherwise_becomes_a_fact_and_a_finding(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "L004" not in findings_of(work, "words", capsys)
    (work / "files" / "LICENSE").write_text("This dataset is released under CC BY-NC 4.0.\n", encoding="utf-8")
    assert provenance(work, "licenses", "detect", "files", "--dataset", "words") == 0
    facts = license_of(work, "words", capsys)
    assert (facts["declared"]["value"], facts["detected"]["value"]) == ("CC-BY-4.0", "CC-BY-NC-4.0")
    assert [(claim["by"], claim["value"]) for claim in facts["stated"]] == [("file:LICENSE", "CC-BY-NC-4.0")]
    assert "L004" in findings_of(work, "words", capsys)


def test_looking_again_replaces_what_the_files_said_before(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("Released under CC BY-NC 4.0.\n", "Released under CC BY 4.0.\n"):
        (work / "files" / "LICENSE").write_text(text, encoding="utf-8")
        assert provenance(work, "licenses", "detect", "files", "--dataset", "words") == 0
    assert [claim["value"] for claim in license_of(work, "words", capsys)["stated"]] == ["CC-BY-4.0"]
    assert "L004" not in findings_of(work, "words", capsys)
    assert provenance(work, "log", "verify") == 0


def test_a_dataset_that_nobody_registered_is_an_error(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "files" / "LICENSE").write_text("MIT License\n", encoding="utf-8")
    assert provenance(work, "licenses", "detect", "files", "--dataset", "nobody") == 1
    assert "'nobody' is not registered" in capsys.readouterr().err


def test_alpaca_as_imported_and_with_its_own_files_conflicts(work: Path, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "import", str(shared / "fixtures/dpi/Alpaca.json")) == 0
    (work / "files" / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n# Alpaca\n", encoding="utf-8")
    (work / "files" / "LICENSE").write_text((ROOT / "LICENSE").read_text(encoding="utf-8"), encoding="utf-8")
    assert provenance(work, "licenses", "detect", "files", "--dataset", "alpaca") == 0
    facts = license_of(work, "alpaca", capsys)
    said = {(claim["by"], claim["value"]) for claim in facts["stated"]}
    assert {
        ("dpi:github", "Apache-2.0"),
        ("dpi:huggingface", "CC-BY-NC-4.0"),
        ("file:LICENSE", "Apache-2.0"),
        ("file:README.md", "CC-BY-NC-4.0"),
    } <= said
    assert facts["declared"]["value"] == "CC-BY-NC-4.0"


def evidence_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert provenance(folder, "datasets", "evidence", "words", "-f", "json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return [c for c in found if c["claim"]["by"].startswith("file")]


def test_the_bytes_of_a_file_are_kept_and_given_out_when_the_file_is_gone(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    raw = b"Released under CC BY-NC 4.0.\n"
    (work / "files" / "LICENSE").write_bytes(raw)
    assert provenance(work, "licenses", "detect", "files", "--dataset", "words") == 0
    (work / "files" / "LICENSE").unlink()
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    for claim in evidence_of(work, capsys):
        assert (claim["kept"], claim["claim"]["evidence"]["sha256"], claim["claim"]["evidence"]["snapshot"]) == ("kept", digest, "LICENSE")
    assert provenance(work, "datasets", "evidence", "words", digest, "-o", "back.txt") == 0
    assert (work / "back.txt").read_bytes() == raw


def test_what_several_files_say_together_goes_back_to_a_list_of_them(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts = {"LICENSE": b"Released under CC BY-NC 4.0.\n", "sub/LICENSE": b"Released under CC BY 4.0.\n"}
    (work / "files" / "sub").mkdir()
    for name, raw in texts.items():
        (work / "files" / name).write_bytes(raw)
    assert provenance(work, "licenses", "detect", "files", "--dataset", "words") == 0
    claims = evidence_of(work, capsys)
    assert [c["kept"] for c in claims] == ["kept"] * 3
    whole = next(c["claim"]["evidence"]["sha256"] for c in claims if c["claim"]["by"] == "files")
    assert provenance(work, "datasets", "evidence", "words", whole, "-o", "list.json") == 0
    listed = json.loads((work / "list.json").read_bytes())["files"]
    assert {f["path"]: f["sha256"] for f in listed} == {name: f"sha256:{hashlib.sha256(raw).hexdigest()}" for name, raw in texts.items()}


def test_a_file_too_large_to_keep_is_told_and_what_it_says_is_recorded(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backing, "MAX_SNAPSHOT", 5)
    (work / "files" / "LICENSE").write_text("Released under CC BY-NC 4.0.\n", encoding="utf-8")
    assert provenance(work, "licenses", "detect", "files", "--dataset", "words") == 4
    assert "LICENSE: not kept as evidence" in capsys.readouterr().err
    assert license_of(work, "words", capsys)["detected"]["value"] == "CC-BY-NC-4.0"
