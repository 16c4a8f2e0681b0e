"""Reference sets that leave the workspace and come back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance.cli.main import run

OUTPUTS = Path(__file__).parent.parent.parent / "examples" / "sample" / "references" / "cumulus-outputs.jsonl"
NOVEL = OUTPUTS.with_name("the-man-who-was-thursday.txt")
PASSAGE = max((json.loads(line)["output"] for line in OUTPUTS.read_text(encoding="utf-8").splitlines()), key=len)


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


@pytest.fixture
def packed(work: Path) -> Path:
    assert provenance(work, "reference", "pack", "outputs") == 0
    (work / "corpus.jsonl").write_text(json.dumps({"id": "d", "text": "So it began. " + PASSAGE + " That is all."}) + "\n", encoding="utf-8")
    return work


def test_a_pack_is_written_added_listed_and_holds_no_text(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert PASSAGE.split(". ")[0].encode() not in (packed / "outputs.pack").read_bytes()
    assert provenance(packed, "reference", "add", "theirs", "outputs.pack") == 0
    found = sets(packed, capsys)
    assert (found["theirs"]["kind"], found["theirs"]["references"]) == ("api-output", found["outputs"]["references"])
    assert str(found["theirs"]["scheme"]).endswith("pack-1")
    assert provenance(packed, "reference", "verify") == 0
    assert provenance(packed, "reference", "show", "theirs") == 0
    capsys.readouterr()
    assert provenance(packed, "reference", "export", "theirs") == 1
    assert "its words are not here" in capsys.readouterr().err
    assert provenance(packed, "reference", "pack", "outputs", "--one-in", "1") == 1
    assert "refused" in capsys.readouterr().err


def test_match_takes_packs_alone_beside_files_and_in_folders(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def alarms(*references: str) -> list[tuple[str, str]]:
        capsys.readouterr()
        given = [part for name in references for part in ("--reference", name)]
        assert provenance(packed, "match", "corpus.jsonl", *given, "-f", "jsonl") == 0
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        return [(m["reference_set"], m["doc_id"]) for m in found if not m["explained"]]

    assert alarms("outputs.pack") == [("outputs", "d")]
    assert alarms("outputs.pack", str(NOVEL)) == [("outputs", "d")]
    (packed / "folder").mkdir()
    (packed / "outputs.pack").rename(packed / "folder" / "outputs.pack")
    assert alarms("folder") == [("outputs", "d")]
    (packed / "broken.pack").write_bytes(b"nothing")
    assert provenance(packed, "match", "corpus.jsonl", "--reference", "broken.pack") == 1
    assert "not a reference pack" in capsys.readouterr().err


def test_check_takes_a_pack_again_and_again(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (packed / "data").mkdir()
    (packed / "corpus.jsonl").rename(packed / "data" / "corpus.jsonl")
    for _ in range(2):
        provenance(packed, "check", "data", "--reference", "outputs.pack")
        assert "D002" in capsys.readouterr().out


def test_an_audit_shows_what_a_pack_found_and_says_that_its_words_are_not_here(packed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(packed, "reference", "add", "theirs", "outputs.pack") == 0
    (packed / "data").mkdir()
    (packed / "corpus.jsonl").rename(packed / "data" / "corpus.jsonl")
    (packed / "datasets.yaml").write_text(
        "format: provenance.datasets\nversion: 1\nroots: {data: data/}\ndatasets:\n  - {name: d, shards: ['*.jsonl']}\n", encoding="utf-8"
    )
    (packed / "run.yaml").write_text(
        "format: provenance.run\nversion: 1\nmodel: {name: m}\npurpose: {commercial: true}\norganization: {name: X}\n"
        "data: [{dataset: d}]\nreferences: [theirs]\npolicy: [baseline.yaml]\nrequested_by: me\n",
        encoding="utf-8",
    )
    assert provenance(packed, "register", "--manifest", "datasets.yaml") == 0
    capsys.readouterr()
    assert provenance(packed, "audit", "run.yaml", "-f", "json") == 11
    record = json.loads(capsys.readouterr().out)
    assert any("theirs is a reference pack" in limit for limit in record["limits"])
    (found,) = [e for e in record["evidence"] if not e["match"]["explained"]]
    assert (found["text"]["reference_text"], bool(found["text"]["shared"])) == ("", True)
    assert provenance(packed, "matches", "show", found["id"][7:15]) == 0
    assert "the reference is a pack: its words are not here" in capsys.readouterr().out
    assert provenance(packed, "report", "make", "-o", "report") == 0
    assert "The reference is a pack: its words are not here." in (packed / "report" / "index.html").read_text(encoding="utf-8")
