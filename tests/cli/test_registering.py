"""Registering refuses what would silently mean something else, and matches are judged by every kind of reference that holds the passage."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance.cli.main import run

MANIFEST = """format: provenance.datasets
version: 1
{roots}datasets:
  - name: notes
    license: {{declared: CC0-1.0}}
    synthetic: no
    shards: {shards}
"""
RUN = """format: provenance.run
version: 1
model: {name: m, release: {weights: closed}}
purpose: {commercial: true}
data: [{dataset: notes}]
references: [outputs, books]
policy: [baseline.yaml]
"""
PASSAGE = (
    "On the third evening the harbour master counted the lanterns again and found one too many, which troubled him more than a missing one would have, "
    "because a lamp that nobody owns is a lamp that somebody brought, and nobody rows out in November without a reason that he would rather not tell."
)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    text = f"Minutes of the meeting, as agreed by everybody present. {PASSAGE} After that the chair was put back and we all went home."
    (tmp_path / "data" / "a.jsonl").write_text(json.dumps({"id": "a", "text": text}) + "\n")
    assert provenance(tmp_path, "init") == 0
    return tmp_path


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def write_manifest(folder: Path, *, roots: str = "", shards: str = "[a.jsonl]") -> None:
    (folder / "datasets.yaml").write_text(MANIFEST.format(roots=roots, shards=shards))


def test_a_manifest_that_means_another_folder_by_a_root_is_refused(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_manifest(work, roots="roots: {data: elsewhere}\n")
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 1
    assert "data root 'data'" in capsys.readouterr().err


def test_a_file_that_a_shard_list_states_otherwise_is_not_registered(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "list.csv").write_text(f"path,sha256,size_bytes\na.jsonl,sha256:{'0' * 64},5\n")
    write_manifest(work, shards="{list: list.csv}")
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 4
    assert "not the file that the shard list states" in capsys.readouterr().err
    assert provenance(work, "datasets", "show", "notes") == 1


def test_the_first_key_of_a_trust_file_is_an_issuer(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "keys", "new", "rev", "--role", "reviewer", "--no-passphrase") == 1
    assert "a first key must be an issuer's" in capsys.readouterr().err
    assert not list((work / ".provenance" / "keys").glob("*.pem"))


@pytest.mark.parametrize("book_is_longer", [True, False])
def test_a_book_does_not_hide_the_api_output_that_holds_the_same_passage(
    work: Path, capsys: pytest.CaptureFixture[str], *, book_is_longer: bool
) -> None:
    more = " After that the chair was put back and we all went home."
    output = {
        "id": "o1",
        "output": PASSAGE + ("" if book_is_longer else more),
        "provider": "nobody",
        "model": "m-1",
        "prompt": "Tell me about boats.",
    }
    (work / "o.jsonl").write_text(json.dumps(output) + "\n")
    (work / "b.txt").write_text(PASSAGE + (more if book_is_longer else ""))
    write_manifest(work)
    (work / "run.yaml").write_text(RUN)
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    assert provenance(work, "reference", "add", "outputs", "o.jsonl", "--kind", "api-output", "--text-field", "output") == 0
    assert provenance(work, "reference", "add", "books", "b.txt", "--kind", "work", "--license", "LicenseRef-all-rights-reserved") == 0
    capsys.readouterr()
    assert provenance(work, "audit", "run.yaml", "-f", "json") == 11
    record = json.loads(capsys.readouterr().out)
    assert {f["rule"] for f in record["findings"]} == {"C001", "D002"}
    assert len(record["evidence"]) == 1


def test_the_next_step_names_the_run_file_only_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text('{"text": "one"}\n')
    assert run(["-C", str(tmp_path), "-q", "init"]) == 0
    command = ["-C", str(tmp_path), "register", "data/a.jsonl", "--dataset", "a", "--license", "CC0-1.0", "--synthetic", "no"]
    assert run(command) == 0
    assert "Next: write run.yaml" in capsys.readouterr().err
    assert run(["-C", str(tmp_path), "audit"]) != 0
    said = capsys.readouterr().err
    assert "there is no such run file" in said
    assert "provenance check FOLDER" in said
    (tmp_path / "run.yaml").write_text("format: provenance.run\n")
    assert run(command) == 0
    assert "Next: provenance audit" in capsys.readouterr().err


def test_the_licences_of_records_are_counted_and_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    rows = [{"text": "a human wrote this", "license": "MIT"}, {"text": "and this", "license": "CC BY-NC 4.0"}]
    (tmp_path / "data" / "a.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    assert provenance(tmp_path, "init") == 0
    words = ("register", str(tmp_path / "data/a.jsonl"), "--dataset", "notes", "--license", "MIT", "--license-field", "license", "--synthetic", "no")
    assert provenance(tmp_path, *words) == 0
    capsys.readouterr()
    assert provenance(tmp_path, "datasets", "show", "notes", "-f", "json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(p["value"], p["records"], p["words"]) for p in shown["shards"][0]["licenses"]] == [("CC-BY-NC-4.0", 1, 2), ("MIT", 1, 4)]
    (tmp_path / "run.yaml").write_text(
        RUN.replace("references: [outputs, books]\n", "").replace("[baseline.yaml]", "[baseline.yaml, commercial-llm.yaml]")
    )
    assert provenance(tmp_path, "audit", "run.yaml", "-f", "json") == 11
    found = json.loads(capsys.readouterr().out)
    (finding,) = [f for f in found["findings"] if f["rule"] == "L002"]
    assert finding["outcome"] == "VIOLATED"
    assert any("CC-BY-NC-4.0 1" in e["summary"] for e in finding["evidence"])
