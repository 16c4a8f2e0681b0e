"""What ``provenance terms`` refuses, and that the rest goes on: lines that are no question, channels and globs that mean nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance.cli.main import run


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"id": "\\ud800", "provider": "openai"}', "half a character"),
        (b'{"id": "a", "provider": "\\udfff"}', "half a character"),
        (b'{"id": "a", "\\ud800": 1}', "half a character"),
        (b'{"id": "a", "revenue": ' + b"9" * 5000 + b"}", "too many digits"),
        (b"[" * 100_000, "nested too deeply"),
        ('{"id": "a"}'.encode("utf-16"), "not UTF-8"),
        (b'{"id": "a\xff"}', "not UTF-8"),
        (b"{id: 1}", "no JSON"),
        (b"[]", "one JSON object"),
    ],
    ids=["surrogate", "surrogate-value", "surrogate-key", "digits", "nested", "utf-16", "latin", "json", "list"],
)
def test_a_line_that_is_no_question_is_told_in_words_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: bytes, said: str
) -> None:
    good = b'{"id": "good", "provider": "openai", "model": "gpt-4", "from": "2024-03-01"}'
    (tmp_path / "asked.jsonl").write_bytes(line.replace(b"\n", b" ") + b"\n" + good + b"\n")
    assert run(["terms", "explain", "--batch", "asked.jsonl"]) == 4
    first, second = (json.loads(text) for text in capsys.readouterr().out.splitlines())
    assert first["line"] == 1
    assert said in first["error"]
    assert not any(word in first["error"] for word in ("codec", "recursion", "Exceeds"))
    assert second["id"] == "good"
    assert set(second["outcome"].values()) <= {"ALLOWED", "PROHIBITED", "UNKNOWN"}


@pytest.mark.parametrize("command", [("terms", "on", "2024-03-01"), ("terms", "list")])
@pytest.mark.parametrize(("option", "value", "said"), [("--channel", "apo", "'api'"), ("--region", "Germania", "country code")])
def test_a_channel_or_region_that_nobody_knows_is_refused(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...], option: str, value: str, said: str
) -> None:
    assert run([*command, option, value]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("glob", "told"), [("gpt-[4*", True), ("acme/gpt", True), ("my model*", True), ("gpt-[1-9]*", False), ("gpt*", False)])
def test_a_glob_that_can_never_match_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], glob: str, told: bool) -> None:
    entry = {
        "id": "acme.1",
        "provider": "acme",
        "kind": "service-terms",
        "confidence": "seen",
        "version": {"effective_from": "2025-01-01"},
        "applies_to": {"channels": ["api"], "models": [glob]},
        "clauses": {"train_any_model": {"value": "allowed"}},
        "source": [{"where": "letter"}],
    }
    (tmp_path / "acme.json").write_text(json.dumps({"format": "provenance.terms", "version": 1, "terms": [entry]}))
    run(["terms", "check", "acme.json"])
    assert ("can match" in capsys.readouterr().out) is told


def test_days_in_force_are_counted_and_the_end_is_not_included(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("terms", "explain", "--provider", "mistral", "--model", "mistral-small", "--channel", "api", "--region", "FR")
    assert run([*asked, "--from", "2024-02-20", "--to", "2024-03-05"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    # mistral.tos.2024-02-26 was replaced on the next day: it held on one of the fifteen days.
    assert "from 2024-02-26 until 2024-02-27, on 1 of 15 days" in printed
    assert "OpenTermsArchive/" in printed


def test_an_answer_cites_what_was_read(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("terms", "explain", "--provider", "mistral", "--model", "mistral-small", "--channel", "api", "--region", "FR", "--from", "2024-02-26")
    assert run([*asked, "-f", "json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (layer,) = (found for found in answer["layers"] if found["terms"] == "mistral.tos.2024-02-26")
    assert "@" in layer["source"]
    assert layer["url"] == "https://mistral.ai/terms/"
    sources = {clause["source"] for use in answer["uses"].values() for clause in use["clauses"]}
    assert sources
    assert not any(source.startswith("http") for source in sources)
