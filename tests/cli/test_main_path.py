"""The job end to end on the sample: blocked with reasons, mended, cleared, and shut again when a byte changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run

SAMPLE = Path(__file__).parent.parent.parent / "examples" / "sample"
NOVEL = ("--title", "The Man Who Was Thursday", "--holder", "Example House", "--license", "LicenseRef-all-rights-reserved")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("work") / "sample"
    shutil.copytree(SAMPLE, folder)
    return folder


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def test_the_sample_is_blocked_mended_cleared_and_guarded(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "init") == 0
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    outputs = [f"references/{name}-outputs.jsonl" for name in ("cumulus", "stratus")]
    assert provenance(work, "reference", "add", "known-outputs", *outputs, "--kind", "api-output", "--text-field", "output") == 0
    novel = "references/the-man-who-was-thursday.txt"
    assert provenance(work, "reference", "add", "novels", novel, "--kind", "work", "--id-template", "work:{stem}", *NOVEL) == 0
    capsys.readouterr()
    assert provenance(work, "audit", "run.yaml", "-f", "json") == 11
    record = json.loads(capsys.readouterr().out)
    assert record["verdict"] == "BLOCKED"
    assert {f["rule"] for f in record["findings"]} == {"D002", "C001", "L001"}
    planted = json.loads((SAMPLE / "planted.json").read_text())
    items = planted if isinstance(planted, list) else planted["planted"]
    found = {e["match"]["record"] for e in record["evidence"] if not e["match"]["explained"]}
    assert found == {p["record"] for p in items}
    assert provenance(work, "clear") == 1
    assert provenance(work, "remedy", "drop", "--apply") == 0
    shutil.copy(work / "mended" / "datasets.yaml", work / "datasets.yaml")
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    assert provenance(work, "audit", "run.yaml") == 0
    key = printed(work, capsys, "keys", "new", "officer", "--no-passphrase")
    assert (key["name"], key["roles"], Path(key["private"]).is_file()) == ("officer", ["issuer"], True)
    cleared = printed(work, capsys, "clear")
    assert (cleared["model"], cleared["clearance"]["verdict"], cleared["clearance"]["issuer"]["name"]) == ("helpdesk-7b", "CLEARED", "officer")
    assert [Path(cleared[name]).name for name in ("file", "manifest")] == ["helpdesk-7b.clearance.json", "helpdesk-7b.manifest.jsonl"]
    gate = ("clearance", "verify", "helpdesk-7b.clearance.json", "--trust", "trust.json")
    assert provenance(work, *gate) == 0
    passed = printed(work, capsys, *gate)
    assert (passed["holds"], passed["clearance"], cleared["lacking"]) == (True, cleared["clearance"], [])
    sign_off(work, capsys, gate)
    assert provenance(work, "log", "verify") == 0
    with (work / "data" / "prose" / "prose.jsonl").open("ab") as file:
        file.write(b"\n")
    assert provenance(work, *gate) == 77
    denied = printed(work, capsys, *gate, code=77)
    assert denied["holds"] is False
    assert any("prose.jsonl" in reason for reason in denied["reasons"])
    assert provenance(work, "audit", "run.yaml") == 11


def printed(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert provenance(folder, *arguments, "-f", "json") == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.jsonl", None, "no such file"),
        ("empty.jsonl", b"", "is empty"),
        ("wide.jsonl", "{}".encode("utf-16"), "UTF-16"),
        ("nofield.jsonl", b'{"a": 1}\n', "text"),
        ("cut.parquet", b"PAR1abc", "parquet"),
    ],
)
def test_bad_files_give_one_sentence_and_no_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    (tmp_path / "ref.txt").write_text("some words that nobody will find anywhere else in this world of ours")
    assert run(["-C", str(tmp_path), "match", name, "--reference", "ref.txt"]) == 1
    printed = capsys.readouterr()
    assert words.lower() in printed.err.lower()
    assert "Traceback" not in printed.err


def test_a_misspelt_field_of_a_run_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(tmp_path), "-q", "init"]) == 0
    (tmp_path / "run.yaml").write_text(
        "format: provenance.run\nversion: 1\nmodel: {name: m}\npurpos: {}\ndata: [{dataset: d}]\npolicy: [baseline.yaml]\n"
    )
    assert run(["-C", str(tmp_path), "audit", "run.yaml"]) == 1
    assert "purpos" in capsys.readouterr().err


def test_a_scan_says_which_shards_were_scanned_updated_or_current(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    novel = (SAMPLE / "references" / "the-man-who-was-thursday.txt").read_text(encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text(json.dumps({"text": novel[5000:5600]}) + "\n")
    for i in range(2):
        (tmp_path / f"book-{i}.txt").write_text(novel[i * 50_000 : (i + 1) * 50_000])
    assert provenance(tmp_path, "init") == 0
    assert provenance(tmp_path, "register", "data/a.jsonl", "--dataset", "a", "--license", "CC0-1.0", "--synthetic", "no") == 0

    def scanned() -> tuple[str, str]:
        capsys.readouterr()
        assert provenance(tmp_path, "scan", "-f", "json") == 0
        (result,) = json.loads(capsys.readouterr().out)
        assert run(["-C", str(tmp_path), "scan"]) == 0
        return result["scanned"], capsys.readouterr().err

    assert provenance(tmp_path, "reference", "add", "one", "book-0.txt", "--kind", "work") == 0
    assert scanned()[0] == "now"
    assert provenance(tmp_path, "reference", "add", "two", "book-1.txt", "--kind", "work") == 0
    how, told = scanned()
    assert how == "updated"
    assert "0 scanned, 0 updated for references that came or went, 1 scanned before" in told
    assert provenance(tmp_path, "reference", "remove", "two", "--yes") == 0
    assert scanned()[0] == "before"


def sign_off(work: Path, capsys: pytest.CaptureFixture[str], gate: tuple[str, ...]) -> None:
    """Ask for a lawyer's signature: clear, see who is missing, have them sign; and take the threshold back."""
    assert provenance(work, "keys", "new", "lawyer", "--role", "legal", "--no-passphrase") == 0
    assert provenance(work, "keys", "trust", "--threshold", "legal=1") == 0
    lacking = printed(work, capsys, "clear", "--as", "officer")["lacking"]
    assert lacking == [{"role": "legal", "needed": 1, "signed": 0, "can_sign": ["lawyer"]}]
    assert provenance(work, *gate) == 77
    assert "1 person(s) with a key of role 'legal' must sign, 0 did; still to sign: lawyer" in capsys.readouterr().err
    assert provenance(work, "clearance", "sign", gate[2], "--as", "lawyer", "--yes") == 0
    assert provenance(work, *gate) == 0
    assert provenance(work, "keys", "trust", "--threshold", "legal=0") == 0
