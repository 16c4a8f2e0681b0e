"""``provenance import``: from files to the registry, hostile ones too, and on to an audit that reads the bytes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run
from tests.unit.registry.test_import_readers import CARD, CROISSANT, dpi_entry

RUN = """format: provenance.run
version: 1
model: {name: m, release: {weights: closed}}
purpose: {commercial: true}
data: [{dataset: notes}]
policy: [baseline.yaml]
"""
TEXT = b'{"id": "a", "text": "Minutes of the meeting, as agreed by everybody present."}\n'


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    assert provenance(tmp_path, "init") == 0
    return tmp_path


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def shown(folder: Path, name: str, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert provenance(folder, "datasets", "show", name, "-f", "json") == 0
    return json.loads(capsys.readouterr().out)


def write_table(folder: Path, *rows: str, name: str = "m.csv") -> None:
    (folder / name).write_text("dataset,path,sha256,size_bytes,license\n" + "".join(f"{r}\n" for r in rows))


def test_a_folder_of_documents_is_imported_and_again_changes_nothing(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "in" / "squad").mkdir(parents=True)
    (work / "in" / "squad" / "README.md").write_text(CARD)
    (work / "in" / "croissant.json").write_text(json.dumps(CROISSANT))
    (work / "in" / "dpi.json").write_text(json.dumps({"alpaca": dpi_entry("alpaca")}))
    (work / "in" / "package.json").write_text("{}")
    assert provenance(work, "import", "in", "-f", "json") == 0
    done = json.loads(capsys.readouterr().out)
    assert sorted((v["dataset"]["name"], v["outcome"]) for v in done["imported"]) == [("alpaca", "new"), ("harbour/notes", "new"), ("squad", "new")]
    assert any("package.json" in n["path"] for n in done["notes"])
    assert provenance(work, "import", "in", "-f", "json") == 0
    assert {v["outcome"] for v in json.loads(capsys.readouterr().out)["imported"]} == {"unchanged"}
    assert provenance(work, "log", "verify") == 0
    assert provenance(work, "db", "check") == 0


def test_one_broken_document_leaves_the_others(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "bad.json").write_text('{"@context": ')
    (work / "good.json").write_text(json.dumps({"alpaca": dpi_entry("alpaca")}))
    assert provenance(work, "import", "bad.json", "missing.json", "good.json") == 4
    found = capsys.readouterr()
    assert "alpaca" in found.out
    assert "bad.json" in found.err
    assert "missing.json" in found.err


def test_a_conflict_is_listed_and_what_was_declared_stays(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "data" / "a.jsonl").write_bytes(TEXT)
    assert provenance(work, "register", str(work / "data/a.jsonl"), "--dataset", "squad", "--license", "MIT", "--synthetic", "no") == 0
    (work / "squad.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    assert provenance(work, "import", "squad.md") == 0
    assert "license.declared: registered MIT (by registrant), imported CC-BY-NC-4.0 (by card); kept: registered" in capsys.readouterr().err
    found = shown(work, "squad", capsys)
    assert found["dataset"]["license"]["declared"]["value"] == "MIT"
    assert [c["value"] for c in found["dataset"]["license"]["stated"]] == ["CC-BY-NC-4.0"]
    assert (found["digests"], len(found["shards"])) == ("read", 1)
    assert provenance(work, "import", "squad.md", "--replace-facts") == 0
    assert shown(work, "squad", capsys)["dataset"]["license"]["declared"]["value"] == "CC-BY-NC-4.0"


def test_metadata_alone_clears_nothing(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "notes.md").write_text("---\nlicense: cc0-1.0\n---\n")
    (work / "run.yaml").write_text(RUN)
    assert provenance(work, "import", "notes.md") == 0
    capsys.readouterr()
    assert provenance(work, "audit", "-f", "json") == 11
    violated = {f["rule"]: f["outcome"] for f in json.loads(capsys.readouterr().out)["findings"]}
    assert violated["E001"] == "VIOLATED"


@pytest.mark.parametrize(("content", "state"), [(TEXT, "SATISFIED"), (TEXT.replace(b"agreed", b"denied"), "VIOLATED"), (None, "VIOLATED")])
def test_stated_digests_are_held_against_the_bytes(work: Path, capsys: pytest.CaptureFixture[str], content: bytes | None, state: str) -> None:
    write_table(work, f"notes,a.jsonl,{hashlib.sha256(TEXT).hexdigest()},{len(TEXT)},CC0-1.0")
    if content is not None:
        (work / "data" / "a.jsonl").write_bytes(content)
    (work / "run.yaml").write_text(RUN)
    assert provenance(work, "import", "m.csv") == 0
    assert shown(work, "notes", capsys)["digests"] == "declared"
    code = provenance(work, "audit", "-f", "json")
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert code != 0
    broken = {f["rule"] for f in findings if f["outcome"] == "VIOLATED" and f["subject"]["kind"] == "shard"}
    assert bool(broken) == (state == "VIOLATED"), findings


def test_a_template_registers_files_with_their_bytes(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in ("law/en/1.jsonl", "law/de/2.jsonl", "news/en/1.jsonl"):
        (work / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (work / "data" / path).write_bytes(TEXT)
    command = ("import", "--template", "{dataset}/{lang}/*.jsonl", "-f", "json")
    assert provenance(work, *command, "--dry-run") == 0
    assert [v["outcome"] for v in json.loads(capsys.readouterr().out)["imported"]] == ["new", "new"]
    for outcome in ("new", "unchanged"):
        assert provenance(work, *command) == 0
        assert [v["outcome"] for v in json.loads(capsys.readouterr().out)["imported"]] == [outcome, outcome]
    found = shown(work, "law", capsys)
    assert (found["digests"], found["dataset"]["languages"]) == ("read", ["de", "en"])
    assert [(s["path"], s["records"]) for s in found["shards"]] == [("law/de/2.jsonl", 1), ("law/en/1.jsonl", 1)]


def test_a_template_that_fits_nothing_is_a_sentence(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "import", "--template", "{dataset}/*.jsonl") == 4
    assert "fits" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [(), ("--from", "template"), ("x", "--template", "{dataset}/*"), ("--template", "{dataset}/*", "--from", "csv")],
)
def test_options_that_contradict_are_a_usage_error(work: Path, arguments: tuple[str, ...]) -> None:
    assert provenance(work, "import", *arguments) == 2


def test_nothing_hostile_reaches_the_terminal(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = dpi_entry("x", **{"Dataset Name": "\x1b]0;owned\x07", "Licenses": [{"License": "\x1b[2J\u202eevil"}]})
    (work / "dpi.json").write_text(json.dumps({"x": entry, "\x1b[31m": 5, "y\n": entry}))
    assert provenance(work, "import", "dpi.json") == 4
    found = capsys.readouterr()
    assert not set("\x1b\x07\u202e") & set(found.out + found.err)
