"""Shards of token ids pass through every command like text, and never pass unread."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.cli.main import run
from tests.fakes.tokenizers import NOVEL, encode, saved, write_megatron

RUN = """format: provenance.run
version: 1
model: {name: m, release: {weights: closed}}
purpose: {commercial: true}
data: [{dataset: a}]
references: [books]
policy: [baseline.yaml]
"""
PLAIN = "The committee thanked the treasurer, approved the minutes and closed at nine, since the hall had been let to the choir."
PASSAGE = " ".join(NOVEL.split()[3_000:3_080])
FACTS = ("--dataset", "a", "--license", "CC0-1.0", "--synthetic", "no")
STOLEN = encode("byte-level", f"{PLAIN} {PASSAGE}")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "data").mkdir(parents=True)
    (folder / "book.txt").write_text(NOVEL)
    (folder / "run.yaml").write_text(RUN)
    Path(saved(folder).path).rename(folder / "tokenizer.json")
    assert provenance(folder, "init") == 0
    assert provenance(folder, "reference", "add", "books", "book.txt", "--kind", "work", "--license", "LicenseRef-all-rights-reserved") == 0
    return folder


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def audit(folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, set[str], list[dict[str, object]]]:
    """Return the exit code, the rules with open findings, and the matches."""
    capsys.readouterr()
    code = provenance(folder, "audit", "run.yaml", "-f", "json", "--no-report")
    record = json.loads(capsys.readouterr().out)
    return code, {f["rule"] for f in record["findings"] if f["waiver"] is None}, [e["match"] for e in record["evidence"]]


def test_a_megatron_pair_is_registered_whole_and_audited(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_megatron(work / "data/a.bin", [[encode("byte-level", PLAIN)], [STOLEN]])
    assert provenance(work, "register", "data/a.bin", *FACTS, "--tokenizer", "tokenizer.json") == 0
    capsys.readouterr()
    assert provenance(work, "datasets", "show", "a", "-f", "json") == 0
    shown = capsys.readouterr().out
    assert '"path": "tokenizer.json"' in shown
    assert "a.idx" in shown
    code, rules, (match,) = audit(work, capsys)
    assert (code, rules) == (11, {"C001"})
    start = len(encode("byte-level", PLAIN))
    assert (match["record"], match["field"], match["token_start"], match["token_end"]) == (1, "tokens", start, len(STOLEN))
    assert provenance(work, "matches", "show") == 0
    out = capsys.readouterr().out
    assert f"tokens {start} to {len(STOLEN)}" in out
    assert NOVEL.split()[3_040] in out


def test_another_index_means_another_scan_and_a_lone_bin_is_not_cleared(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = encode("byte-level", PASSAGE)
    halves = [[[i] for i in ids]]
    write_megatron(work / "data/a.bin", [[[i]] for i in ids])  # one document a token: nothing can be found
    assert provenance(work, "register", "data/a.bin", *FACTS, "--tokenizer", "tokenizer.json") == 0
    assert audit(work, capsys)[0] == 0
    write_megatron(work / "data/a.bin", halves)  # the same bytes, as one document
    assert provenance(work, "register", "data/a.bin", *FACTS, "--tokenizer", "tokenizer.json") == 0
    assert audit(work, capsys)[:2] == (11, {"C001"})
    (work / "data/a.idx").unlink()
    code, rules, _ = audit(work, capsys)
    assert (code, "R001" in rules) == (11, True)


def test_a_workspace_takes_its_tokenizer_along_and_a_changed_one_is_refused(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(work / "data/a.npy", np.array([STOLEN], np.uint16))
    assert provenance(work, "register", "data/a.npy", *FACTS, "--tokenizer", "tokenizer.json") == 0
    moved = work.parent / "moved"
    shutil.move(work, moved)
    assert audit(moved, capsys)[:2] == (11, {"C001"})
    (moved / "tokenizer.json").write_text("{}")
    shutil.rmtree(moved / ".provenance" / "evidence", ignore_errors=True)
    (moved / "book.txt").write_text(NOVEL + " One more line that makes another reference set of it.")
    arguments = ("books2", "book.txt", "--kind", "work", "--license", "LicenseRef-all-rights-reserved")
    assert provenance(moved, "reference", "add", *arguments) == 0
    (moved / "run.yaml").write_text(RUN.replace("[books]", "[books2]"))
    code, rules, _ = audit(moved, capsys)
    assert code != 0
    assert rules
    capsys.readouterr()
    assert provenance(moved, "scan") == 4
    assert "is not the one that was named" in capsys.readouterr().err


def test_datasets_yaml_names_tokenizer_and_field(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"ids": [STOLEN], "text": [PLAIN]}), work / "data/a.parquet")
    (work / "datasets.yaml").write_text(
        "format: provenance.datasets\nversion: 1\ndatasets:\n  - {name: a, license: CC0-1.0, synthetic: no, shards: [a.parquet],\n"
        "     fields: {tokenizer: tokenizer.json, tokens: ids}}\n"
    )
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    code, rules, (match,) = audit(work, capsys)
    assert (code, rules, match["field"]) == (11, {"C001"}, "ids")


def test_a_sample_reads_tokens_too(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(work / "data/a.npy", np.array([STOLEN] * 20, np.uint16))
    assert provenance(work, "register", "data/a.npy", *FACTS, "--tokenizer", "tokenizer.json") == 0
    capsys.readouterr()
    assert provenance(work, "scan", "--sample", "100%", "-f", "json") == 0
    assert '"sharing": 20' in capsys.readouterr().out


def test_tokens_without_a_tokenizer_are_not_registered(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"input_ids": [STOLEN], "id": [1]}), work / "data/a.parquet")
    assert provenance(work, "register", "data/a.parquet", *FACTS) == 4
    said = capsys.readouterr().err
    assert "holds token ids in column 'input_ids' and no text" in said
    assert "--tokenizer" in said
    assert provenance(work, "match", "data/a.parquet", "-r", "book.txt") == 1
    assert "no tokenizer is named" in capsys.readouterr().err


def test_tokens_beside_text_go_to_review_where_nobody_reads_them(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pq.write_table(pa.table({"input_ids": [STOLEN], "text": [PLAIN]}), work / "data/a.parquet")
    assert provenance(work, "register", "data/a.parquet", *FACTS) == 0
    assert audit(work, capsys)[:2] == (10, {"R004"})
    assert provenance(work, "match", "data/a.parquet", "-r", "book.txt") == 0
    assert "input_ids: its text or token ids in 1 record were compared with nothing" in capsys.readouterr().err
    assert provenance(work, "register", "data/a.parquet", *FACTS, "--tokenizer", "tokenizer.json") == 0
    assert audit(work, capsys)[:2] == (11, {"C001"})


def test_match_and_check_take_a_tokenizer(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(work / "data/a.npy", np.array([STOLEN], np.uint16))
    write_megatron(work / "data/b.bin", [[STOLEN]])
    capsys.readouterr()
    assert provenance(work, "match", "data", "-r", "book.txt", "--tokenizer", "tokenizer.json", "-f", "jsonl") == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [Path(m["path"]).name for m in found] == ["a.npy", "b.bin"]
    assert {m["token_end"] for m in found} == {len(STOLEN)}
    assert provenance(work, "check", "data", "-r", "book.txt", "--kind", "work", "--tokenizer", "tokenizer.json") == 11
    assert provenance(work, "check", "data", "-r", "book.txt", "--kind", "work") == 11
    assert "no tokenizer is named" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["register", "match"])
def test_a_tokenizer_that_is_not_there_is_one_sentence(work: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    np.save(work / "data/a.npy", np.array([STOLEN], np.uint16))
    arguments = FACTS if command == "register" else ("-r", "book.txt")
    assert provenance(work, command, "data/a.npy", *arguments, "--tokenizer", "gpt2") == 1
    said = capsys.readouterr().err
    assert "gpt2: cannot be read: No such file" in said
    assert "nothing is downloaded" in said
    assert provenance(work, command, "data/a.npy", *arguments, "--tokens-field", "ids") == 2
    assert "give --tokenizer FILE" in capsys.readouterr().err


def test_a_wrong_tokenizer_is_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(work / "data/a.npy", np.array([[60_000, 1, 2]], np.uint16))
    assert provenance(work, "register", "data/a.npy", *FACTS, "--tokenizer", "tokenizer.json") == 4
    said = capsys.readouterr().err
    assert "holds token id 60,000 at token 0" in said
    assert "name the tokenizer that made these tokens" in said


def test_special_tokens_are_no_residue_of_an_assistant(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain, end = encode("byte-level", PLAIN), 0
    np.save(work / "data/a.npy", np.array([*plain, end] * 5, np.uint16))
    assert provenance(work, "register", "data/a.npy", *FACTS, "--tokenizer", "tokenizer.json") == 0
    assert audit(work, capsys)[:2] == (0, set())
    said = encode("byte-level", "As an AI language model, I cannot do that. " + PLAIN)
    np.save(work / "data/a.npy", np.array([*said, end] * 5, np.uint16))
    assert provenance(work, "register", "data/a.npy", *FACTS, "--tokenizer", "tokenizer.json") == 0
    assert audit(work, capsys)[:2] == (10, {"A001"})
