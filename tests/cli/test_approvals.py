"""A run that learns from a provider whose terms ask for an approval: blocked, until the approval is recorded in the run file, and by no other one."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run

LETTER = b"We agree that Example Ltd trains its model on what ours wrote."
DIGEST = f"sha256:{hashlib.sha256(LETTER).hexdigest()}"
EVIDENCE = f"evidence: {{file: letter.txt, sha256: '{DIGEST}'}}"
RUN = """format: provenance.run
version: 1
model: {{name: m, kind: chat-llm, release: {{weights: closed}}}}
purpose: {{commercial: true{purpose}}}
data: [{{dataset: chats}}]
references: [books]
policy: [baseline.yaml]
{approvals}
"""
IMITATES = ", imitates: [{provider: anthropic, value: true}]"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.jsonl").write_text(
        json.dumps({"id": "r", "text": "The hall had been let to the choir, so the meeting closed at nine."}) + "\n"
    )
    (tmp_path / "book.txt").write_text(
        "Somewhere else entirely the story had begun, on an evening in November when nobody rowed out to the lanterns."
    )
    (tmp_path / "letter.txt").write_bytes(LETTER)
    (tmp_path / "datasets.yaml").write_text(
        "format: provenance.datasets\nversion: 1\nroots: {data: data/}\ndatasets:\n  - name: chats\n    license: CC0-1.0\n    source: {kind: synthetic}\n"
        "    generators: [{provider: anthropic, model: claude-sonnet-4, channel: api, region: US, from: 2025-10-01, to: 2025-10-02}]\n    shards: [a.jsonl]\n"
    )
    assert provenance(tmp_path, "init") == 0
    assert provenance(tmp_path, "reference", "add", "books", "book.txt", "--kind", "work", "--license", "LicenseRef-all-rights-reserved") == 0
    assert provenance(tmp_path, "register", "--manifest", "datasets.yaml") == 0
    return tmp_path


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def audit(folder: Path, capsys: pytest.CaptureFixture[str], *approvals: str, purpose: str = IMITATES) -> tuple[int, dict[str, Any]]:
    listed = f"approvals: [{', '.join(approvals)}]" if approvals else ""
    (folder / "run.yaml").write_text(RUN.format(purpose=purpose, approvals=listed))
    capsys.readouterr()
    code = provenance(folder, "audit", "run.yaml", "-f", "json", "--no-report")
    return code, json.loads(capsys.readouterr().out)


def rules(record: dict[str, Any]) -> set[str]:
    return {f["rule"] for f in record["findings"] if f["waiver"] is None}


def approval(of: str = "provider: anthropic", more: str = EVIDENCE, day: str = "2025-09-20") -> str:
    return f"{{{of}, who: legal@example.org, day: {day}, {more}}}"


def test_a_bar_stands_until_the_approval_is_recorded_and_says_how(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, record = audit(work, capsys)
    assert (code, rules(record)) == (11, {"D001"})
    said = [r["summary"] for f in record["findings"] for r in f["remedies"] if r["kind"] == "license"]
    assert len(said) == 1
    assert "written approval of anthropic" in said[0]
    assert "approvals: [{provider: anthropic, who: …, day: …, evidence: {file: …, sha256: …}}]" in said[0]
    assert not any("written-approval" in text for text in record["obligations"])


def test_a_recorded_approval_lifts_the_bar_and_stands_in_the_record(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, record = audit(work, capsys, approval())
    assert (code, rules(record)) == (0, set())
    asked = {(d["code"], d["asked_by"]) for d in record["duties"]}
    assert ("written-approval", "anthropic.aup.2025-09-15") in asked
    assert ("written-approval", "anthropic.commercial.2025-06-17") in asked
    assert any(text.startswith("written-approval: ") for text in record["obligations"])
    assert record["run"]["approvals"][0]["evidence"] == {"url": "NOT_STATED", "file": "letter.txt", "sha256": DIGEST}
    assert [text for text in record["limits"] if "approval of anthropic of 2025-09-20" in text and "letter.txt" in text]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (approval(of="provider: openai"), ""),
        (approval(of="terms: anthropic.commercial.2025-06-17"), ""),
        (approval(of="terms: anthropic.aup.2024-06-06"), ""),
        (approval(of="provider: anthropic, model: claude-opus-4"), ""),
        (approval(of="provider: anthropic, scope: [evaluation]"), ""),
        (approval(more="evidence: UNKNOWN"), "does not count: it has no evidence"),
        (approval(more="evidence: {file: letter.txt}"), "does not count: its evidence has no sha256"),
        (approval(day="2999-01-01"), "does not count: its day 2999-01-01 is not past yet"),
    ],
)
def test_an_approval_of_something_else_or_without_evidence_lifts_nothing(
    work: Path, capsys: pytest.CaptureFixture[str], given: str, said: str
) -> None:
    code, record = audit(work, capsys, given)
    assert (code, rules(record)) == (11, {"D001"})
    assert any(said in text for text in record["limits"])


def test_a_changed_letter_stops_the_audit(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit(work, capsys, approval())[0] == 0
    (work / "letter.txt").write_bytes(b"We do not agree.")
    assert provenance(work, "audit", "run.yaml", "-f", "json", "--no-report") == 1
    assert "letter.txt is not the file that was recorded" in capsys.readouterr().err


def test_what_lacks_on_terms_is_named_with_what_states_it(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (work / "datasets.yaml").read_text()
    other = text.replace("provider: anthropic, model: claude-sonnet-4", "provider: deepseek, model: deepseek-chat").replace("2025-10-0", "2025-03-0")
    (work / "datasets.yaml").write_text(other)
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    code, record = audit(work, capsys, purpose=", distribute_data: UNKNOWN")
    (finding,) = [f for f in record["findings"] if f["rule"] == "D001"]
    assert (code, finding["outcome"]) == (11, "UNKNOWN")
    assert [m["supply"] for m in finding["missing"] if m["path"] == "run.purpose.distribute_data"] == [
        "state in the run file whether the text is handed to others: purpose: {distribute_data: true or false}"
    ]
    assert audit(work, capsys, purpose=", distribute_data: false")[0] == 0
    assert audit(work, capsys, purpose="")[0] == 0


def test_where_the_terms_name_no_approval_none_is_proposed(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (work / "datasets.yaml").read_text()
    (work / "datasets.yaml").write_text(
        text.replace("provider: anthropic, model: claude-sonnet-4", "provider: openai, model: gpt-4-0613").replace("2025-10-0", "2023-08-0")
    )
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0
    for approvals in ((), (approval(of="provider: openai", day="2023-08-01"),)):
        code, record = audit(work, capsys, *approvals)
        assert (code, rules(record)) == (11, {"D001"})
        said = [r["summary"] for f in record["findings"] for r in f["remedies"] if r["kind"] == "license"]
        assert len(said) == 1
        assert said[0].startswith("these terms name no approval: obtain an agreement of openai")
