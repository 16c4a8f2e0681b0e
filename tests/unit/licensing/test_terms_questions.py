"""Dated questions on terms. The answers were read from the catalogued texts and the reading rules as a lawyer reads them, never taken from the program."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run
from provenance.config import shipped
from provenance.licensing.catalog_files import iter_catalog_documents

QUESTIONS_FILE = Path(__file__).parents[2] / "data" / "terms_questions.jsonl"
QUESTIONS: list[dict[str, Any]] = [json.loads(line) for line in QUESTIONS_FILE.read_text(encoding="utf-8").splitlines()]
OURS = frozenset({"expect", "because"})
"""What a question says for this suite; the program is not told."""
USES = frozenset(
    {
        "train_any_model",
        "train_competing",
        "distil",
        "classifier",
        "commercial",
        "distribute_weights",
        "distribute_data",
        "same_family",
        "train_noncommercial",
        "evaluation",
        "collection",
    }
)
OUTCOMES = frozenset({"ALLOWED", "PROHIBITED", "UNKNOWN", "not ALLOWED", "not PROHIBITED"})
"""``not ALLOWED`` stands where the texts leave open which of the two stricter outcomes holds."""


def catalogued() -> dict[str, dict[str, Any]]:
    documents = iter_catalog_documents((shipped("policies") / "terms",), format_name="provenance.terms", version=1, fields=("terms",))
    return {entry["id"]: entry for _, document in documents for entry in document["terms"]}


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("questions")
    asked = folder / "questions.jsonl"
    asked.write_text("".join(json.dumps(_asked(q)) + "\n" for q in QUESTIONS), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return {a["id"]: a for a in _lines(asked)}


def _asked(question: dict[str, Any]) -> dict[str, Any]:
    """Return a question as the program reads it: an approval is recorded with who gave it, when, and where it is kept."""
    asked = {k: v for k, v in question.items() if k not in {*OURS, "approval"}}
    if question.get("approval"):
        letter = {"provider": question["provider"], "who": "legal@example.org", "when": question["from"], "evidence": "letter.pdf"}
        asked["approvals"] = [letter]
    return asked


def _lines(asked: Path) -> list[dict[str, Any]]:
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = run(["terms", "explain", "--batch", str(asked), "-f", "json"])
    assert code == 0
    return [json.loads(line) for line in printed.getvalue().splitlines()]


@pytest.mark.parametrize("question", QUESTIONS, ids=[q["id"] for q in QUESTIONS])
def test_the_program_answers_as_the_texts_do(question: dict[str, Any], answers: dict[str, dict[str, Any]]) -> None:
    answer, expected = answers[question["id"]], question["expect"]
    why = question["because"]
    for use, outcome in expected["outcome"].items():
        assert _agrees(answer["outcome"][use], outcome), f"{use}: {answer['outcome'][use]}, expected {outcome}: {why}"
    codes = [o["code"] for o in answer["obligations"]]
    for code in expected.get("obligations", ()):
        assert any(c == code or c.startswith(f"{code}:") for c in codes), f"{code} is not among {codes}: {why}"
    layers = {layer["terms"] for layer in answer["layers"]}
    assert set(expected.get("layers", ())) <= layers, why
    if "conflicts" in expected:
        assert bool(answer["conflicts"]) is expected["conflicts"], why


def _agrees(outcome: str, expected: str) -> bool:
    return outcome != expected.removeprefix("not ") if expected.startswith("not ") else outcome == expected


def test_there_are_enough_questions_and_each_is_asked_once() -> None:
    ids = [q["id"] for q in QUESTIONS]
    assert len(ids) == len(set(ids)) >= 80
    assert {q["provider"] for q in QUESTIONS} >= {"openai", "anthropic", "google", "meta", "mistral", "aws", "deepseek", "xai", "alibaba"}


@pytest.mark.parametrize("question", QUESTIONS, ids=[q["id"] for q in QUESTIONS])
def test_a_question_is_well_formed_and_rests_on_entries_that_are_there(question: dict[str, Any]) -> None:
    expected = question["expect"]
    assert set(question["use"]) == set(expected["outcome"]) <= USES
    assert set(expected["outcome"].values()) <= OUTCOMES
    assert question["commercial"] in {"YES", "NO", "UNKNOWN"}
    assert question["competing"] in {"YES", "NO", "UNKNOWN"}
    assert question["because"].endswith(".")
    entries = catalogued()
    for terms in expected.get("layers", ()):
        assert terms in entries, terms
        assert entries[terms]["confidence"] in {"seen", "secondary"}
        if "from" in question and entries[terms]["kind"] != "model-licence":
            assert _touches(entries[terms]["version"], question), f"{terms} was not in force then"


def _touches(version: dict[str, str], question: dict[str, Any]) -> bool:
    """Tell whether a version may have been in force on a day of a question: start included, end excluded."""
    start = version.get("effective_from") or version.get("observed_from") or "0001"
    end = version.get("effective_to") or "9999-12-31"
    first, last = dt.date.fromisoformat(question["from"]), dt.date.fromisoformat(question["to"])
    return start <= last.isoformat() and (first.isoformat() < end or first.isoformat().startswith(end))
