"""``provenance terms explain``: one question, and many."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance.cli.main import run

OPENAI = ("--provider", "openai", "--model", "gpt-4o", "--channel", "api", "--region", "EU")
MISTRAL = ("--provider", "mistral", "--model", "mistral-large", "--channel", "api", "--from", "2024-02-26", "--to", "2024-02-28")


def explain(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", "terms", "explain", *arguments])


def test_the_chain_of_reasons_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(tmp_path, *MISTRAL, "--use", "train-competing", "--use", "distil") == 0
    text = capsys.readouterr().out
    for part in (
        "PROHIBITED  train_competing",
        "mistral.tos.2024-02-26",
        "in force  from 2024-02-26 until 2024-02-27",
        "train_any_model = prohibited-if-competing",
        '"Not use Outputs to develop model(s) that directly compete with Mistral AI and/or to reverse-engineer Our Services"',
        "Split by day (RR04)",
        "2024-02-27 to 2024-02-28: train_competing ALLOWED",
        "RR07: ",
    ):
        assert part in text


def test_days_that_no_text_covers_name_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    days = ("--from", "2024-03-01", "--to", "2024-05-31")
    assert explain(tmp_path, *OPENAI, *days, "--use", "train-competing", "-f", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outcome"] == {"train_competing": "UNKNOWN"}
    assert [m["fact"] for m in found["missing"]] == ["text"]
    assert found["layers"] == []


def test_json_has_exactly_the_documented_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(tmp_path, *MISTRAL, "--competing", "yes", "-f", "json") == 0
    found = json.loads(capsys.readouterr().out)
    keys = {"question", "outcome", "layers", "obligations", "conflicts", "rules", "reasons", "uses", "splits", "nearby", "missing", "catalog"}
    assert set(found) == keys
    assert len(found["outcome"]) == 11
    assert set(found["uses"]["distil"]) == {"outcome", "layers", "clauses", "rules", "reasons", "obligations", "missing"}
    assert found["catalog"]["digest"].startswith("sha256:")


def test_the_older_options_still_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    day = ("--generated", "2025-07-01..2025-07-31")
    assert explain(tmp_path, *OPENAI, *day, "--commercial", "--not-competing", "--imitates", "no", "--use", "train_any_model", "-f", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outcome"] == {"train_any_model": "ALLOWED"}
    assert (found["question"]["from"], found["question"]["to"]) == ("2025-07-01", "2025-07-31")


def test_an_approval_is_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--provider", "anthropic", "--model", "claude-sonnet-4", "--channel", "api", "--from", "2025-10-01", "--use", "train-any-model")
    assert explain(tmp_path, *given, "--approval", "anthropic,legal@example.org,2026-01-31,letter.pdf", "-f", "json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outcome"] == {"train_any_model": "ALLOWED"}
    assert "written-approval" in {o["code"] for o in found["obligations"]}


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (("--provider", "openai", "--from", "2024-05-31", "--to", "2024-03-01"), "the days run backwards", 1),
        (("--provider", "openai", "--from", "2024-03"), "from '2024-03' is no day", 1),
        (("--provider", "openai", "--from", "2024-03-01T00:00:00"), "is no day", 1),
        (("--provider", "openai", "--from", "2024-02-30"), "no day of the calendar", 1),
        (("--provider", "openai", "--use", "train_any_modle"), "did you mean 'train_any_model'", 1),
        (("--provider", "openai", "--channel", "apy"), "did you mean 'api'", 1),
        (("--provider", "openai", "--region", "Europa"), "region 'Europa' is not known", 1),
        (("--provider", "openai", "--model-kind", "clasifier"), "did you mean 'classifier'", 1),
        (("--model", "gpt-4o"), "give --provider", 2),
        (("--provider", "openai", "--from", "2024-03-01", "--generated", "2024-03-01"), "not both", 2),
        (("--provider", "openai", "--approval", "openai,me"), "WHAT,WHO,DAY,EVIDENCE", 2),
        (("--provider", "openai", "--batch", "q.jsonl"), "not both", 2),
        (("--batch", "q.jsonl"), "cannot be read", 1),
    ],
)
def test_what_is_wrong_with_a_question_is_said_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str, code: int
) -> None:
    assert explain(tmp_path, *arguments) == code
    printed = capsys.readouterr()
    assert words in printed.err
    assert "Traceback" not in printed.err


def test_many_questions_are_answered_in_order_and_a_bad_line_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = {"provider": "mistral", "model": "mistral-large", "channel": "api", "from": "2024-02-27", "use": "train-competing"}
    lines = [
        json.dumps({"id": 1, **good}),
        "",
        json.dumps({"id": "typo", **good, "modle": "x"}),
        "{not json",
        '{"id": "twice", "provider": "x", "provider": "y"}',
        "[]",
        "[" * 5000,
        json.dumps({"id": "number", **good, "revenue": "much"}),
        json.dumps({"id": "hostile", **good, "provider": "\u001b[31mred"}),
        json.dumps({"id": "last", **good, "from": "2024-02-26"}),
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert explain(tmp_path, "--batch", "q.jsonl") == 4
    printed = capsys.readouterr()
    found = [json.loads(line) for line in printed.out.splitlines()]
    assert [f.get("id") for f in found] == [1, "typo", None, None, None, None, "number", "hostile", "last"]
    assert [f.get("line") for f in found] == [None, 3, 4, 5, 6, 7, 8, None, None]
    assert found[0]["outcome"] == {"train_competing": "ALLOWED"}
    assert found[-1]["outcome"] == {"train_competing": "PROHIBITED"}
    assert "did you mean 'model'" in found[1]["error"]
    assert found[7]["outcome"] == {"train_competing": "UNKNOWN"}
    assert "6 of the questions" in printed.err


def test_a_model_nobody_knows_is_unknown_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ("--provider", "openai", "--model", "\u001b[2Jnothing", "--channel", "api", "--from", "2025-07-01", "--use", "train-any-model")
    assert explain(tmp_path, *given) == 0
    text = capsys.readouterr().out
    assert text.startswith("UNKNOWN     train_any_model")
    assert "no catalogued terms of openai cover model" in text
    assert "\u001b" not in text
