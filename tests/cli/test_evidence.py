"""What backs a claim: the document's bytes are kept and given out again, and each claim says who made it and since when it is recorded."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from provenance.audit import backing
from provenance.cli.main import run
from provenance.columns import width
from tests.unit.matching.test_license_detection import MIT

CARD = b"---\nlicense: mit\npretty_name: Notes\n---\n# Notes\n"
TERMS = b"You may do this, and not that.\n"
ROBOTS = b"User-agent: GPTBot\nDisallow: /\n"
MANIFEST = """format: provenance.datasets
version: 1
datasets:
  - name: crawl
    source: {{kind: web-crawl, collector: crawl-team}}
    license: {{declared: LicenseRef-own, by: legal, url: "https://example.org/terms", fetched_at: "2026-01-02", snapshot: {snapshot}{more}}}
    shards: [a.jsonl]
    details:
      collection: {{opt_outs: [{{signal: robots.txt, honoured: yes, evidence: {{url: "https://example.org/robots.txt", snapshot: kept/robots.txt}}}}]}}
"""


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def digest_of(raw: bytes) -> str:
    return f"sha256:{hashlib.sha256(raw).hexdigest()}"


def claims(folder: Path, name: str, capsys: pytest.CaptureFixture[str], *, code: int = 0) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert provenance(folder, "datasets", "evidence", name, "-f", "json") == code
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def stored(folder: Path, raw: bytes) -> Path:
    name = hashlib.sha256(raw).hexdigest()
    return folder / ".provenance" / "evidence" / name[:2] / f"{name}.snapshot"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    assert provenance(tmp_path, "init") == 0
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "README.md").write_bytes(CARD)
    (tmp_path / "data").mkdir(exist_ok=True)
    (tmp_path / "data" / "a.jsonl").write_text('{"text": "good evening"}\n')
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "terms.txt").write_bytes(TERMS)
    (tmp_path / "kept" / "robots.txt").write_bytes(ROBOTS)
    return tmp_path


def described(folder: Path, snapshot: str, more: str = "") -> None:
    (folder / "datasets.yaml").write_text(MANIFEST.format(snapshot=snapshot, more=more))


def test_the_bytes_of_an_imported_card_are_kept_and_given_out(work: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert provenance(work, "import", "notes") == 0
    (work / "notes" / "README.md").unlink()  # what the user has of it is not needed any more
    capfdbinary.readouterr()
    assert provenance(work, "datasets", "evidence", "notes", digest_of(CARD)[:20]) == 0
    assert capfdbinary.readouterr().out == CARD
    assert provenance(work, "datasets", "evidence", "notes", digest_of(CARD), "-o", "card.md") == 0
    assert (work / "card.md").read_bytes() == CARD


def test_bytes_that_would_steer_a_terminal_are_escaped_there_and_kept_elsewhere(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = CARD + b"\x1b]0;owned\x07 \xff\n\xc2\x9b2J\n"
    (work / "notes" / "README.md").write_bytes(hostile)
    assert provenance(work, "import", "notes") == 0
    assert provenance(work, "datasets", "evidence", "notes", digest_of(hostile), "-o", "card.md") == 0
    assert (work / "card.md").read_bytes() == hostile
    capsys.readouterr()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert provenance(work, "datasets", "evidence", "notes", digest_of(hostile)) == 0
    shown = capsys.readouterr().out
    assert not set(shown) & set("\x1b\x07\x9b")
    assert "\\u001b]0;owned\\u0007" in shown
    assert "license: mit\n" in shown


def test_on_a_terminal_claims_and_licences_fit_eighty_columns(
    work: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"https://example.org/{'terms/' * 30}"
    (work / "datasets.yaml").write_text(MANIFEST.format(snapshot="kept/terms.txt", more="").replace("https://example.org/terms", address))
    (work / "LICENSE").write_text(MIT.replace("without restriction", "for purposes of peace and of friendship among all peoples of this earth only"))
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    for stream in ("stdout", "stderr"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: True)
    for command in (("log", "verify"), ("datasets", "evidence", "crawl"), ("licenses", "detect", str(work / "LICENSE")), ("import", "notes")):
        capsys.readouterr()
        assert provenance(work, *command) == 0
        told = capsys.readouterr()
        lines = [*told.out.splitlines(), *told.err.splitlines()]
        assert lines
        assert [line for line in lines if width(line) > 80] == []


def test_each_claim_says_who_made_it_and_who_recorded_it_when(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "import", "notes") == 0
    declared, stated = claims(work, "notes", capsys)
    assert (declared["claim"]["fact"], declared["claim"]["value"], declared["claim"]["by"]) == ("licence declared", "MIT", "card")
    assert declared["claim"]["evidence"]["sha256"] == digest_of(CARD)
    assert (declared["kept"], stated["kept"]) == ("kept", "kept")
    assert provenance(work, "log", "show", "-f", "json") == 0
    rows = json.loads(capsys.readouterr().out)
    row = next(r for r in rows if r["action"] == "import")
    assert (declared["log_seq"], declared["recorded_by"]) == (row["seq"], row["actor"])
    assert declared["recorded_at"] <= row["at"]


def test_a_claim_keeps_the_day_it_was_first_recorded(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "import", "notes") == 0
    before = claims(work, "notes", capsys)
    (work / "notes" / "README.md").write_bytes(CARD.replace(b"mit", b"cc0-1.0"))
    assert provenance(work, "import", "notes") == 0
    after = claims(work, "notes", capsys)
    first = [c for c in after if c["claim"]["value"] == "MIT" and c["claim"]["fact"] == "licence declared"]
    assert first == [before[0]]
    assert [c["kept"] for c in after] == ["kept"] * 3
    assert next(c for c in after if c["claim"]["value"] == "CC0-1.0")["log_seq"] > before[0]["log_seq"]


def test_files_that_a_manifest_names_are_kept(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    described(work, "kept/terms.txt")
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    found = {c["claim"]["fact"]: c for c in claims(work, "crawl", capsys)}
    assert found["licence declared"]["claim"]["evidence"]["sha256"] == digest_of(TERMS)
    assert (found["opt-out robots.txt"]["claim"]["by"], found["opt-out robots.txt"]["kept"]) == ("crawl-team", "kept")
    assert stored(work, TERMS).read_bytes() == TERMS
    assert stored(work, ROBOTS).read_bytes() == ROBOTS


@pytest.mark.parametrize(
    ("snapshot", "more", "says"),
    [
        ("kept/gone.txt", "", "snapshot 'kept/gone.txt' cannot be read: No such file"),
        ("kept", "", "snapshot 'kept' cannot be read: Is a directory"),
        ("kept/terms.txt", f', sha256: "sha256:{"0" * 64}"', f"has the digest {digest_of(TERMS)}, and sha256 says sha256:0000"),
    ],
)
def test_a_snapshot_that_is_not_there_or_another_file_is_refused(
    work: Path, snapshot: str, more: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    described(work, snapshot, more)
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 1
    assert says in capsys.readouterr().err


def test_an_address_of_a_copy_elsewhere_is_no_file(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    described(work, '"https://web.archive.org/web/2026/https://example.org/terms"')
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    assert [c["kept"] for c in claims(work, "crawl", capsys)] == ["no digest", "kept"]


def test_damaged_and_lost_evidence_is_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "import", "notes") == 0
    stored(work, CARD).write_bytes(CARD + b"x")
    assert {c["kept"] for c in claims(work, "notes", capsys, code=4)} == {"damaged"}
    assert provenance(work, "datasets", "evidence", "notes", digest_of(CARD)) == 1
    assert "the evidence was changed" in capsys.readouterr().err
    stored(work, CARD).unlink()
    assert {c["kept"] for c in claims(work, "notes", capsys)} == {"not kept"}
    assert provenance(work, "import", "notes") == 0  # nothing new is said, and the bytes are kept again
    assert {c["kept"] for c in claims(work, "notes", capsys)} == {"kept"}


def test_a_dry_run_keeps_nothing(work: Path) -> None:
    assert provenance(work, "import", "notes", "--dry-run") == 0
    assert not stored(work, CARD).exists()


def test_what_is_too_large_is_told_and_its_facts_are_recorded(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(backing, "MAX_SNAPSHOT", 10)
    assert provenance(work, "import", "notes") == 4
    assert "not kept as evidence: 48 bytes, more than the limit of 10" in capsys.readouterr().err
    assert {c["kept"] for c in claims(work, "notes", capsys)} == {"not kept"}


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, "no-digest"])
def test_a_digest_that_no_claim_names_is_told(work: Path, digest: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "import", "notes") == 0
    assert provenance(work, "datasets", "evidence", "notes", digest) == 1
    assert "no claim of dataset 'notes' goes back to" in capsys.readouterr().err


def test_evidence_on_paper_is_within_80_columns_and_names_the_file(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "import", "notes") == 0
    capsys.readouterr()
    assert provenance(work, "datasets", "evidence", "notes") == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"    document  notes/README.md {digest_of(CARD)[7:19]} kept, digest checked" in lines
    assert all(len(line) <= 80 for line in lines[1:])
    assert lines[-1] == "2 claims: 2 kept"


def test_tables_of_others_are_kept_too(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "list.csv").write_text("dataset,license\npoems,CC0-1.0\n")
    assert provenance(work, "import", "list.csv") == 0
    assert {c["kept"] for c in claims(work, "poems", capsys)} == {"kept"}
