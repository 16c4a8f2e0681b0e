"""References can be what is registered already: the bytes are those that were registered, and what the registry knows holds for records that say nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.bootstrap import open_workspace
from provenance.cli.main import run
from provenance.model.dataset import Tokenizer
from tests.fakes.matching import make_words

ANSWERS = [" ".join(make_words(60, seed)) for seed in range(3)]


def write(path: Path, *records: dict[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(r) + "\n" for r in records))


@pytest.fixture
def work(tmp_path: Path) -> Path:
    write(tmp_path / "data" / "out" / "a.jsonl", {"output": ANSWERS[0]}, {"output": ANSWERS[1], "model": "nimbus-2"})
    write(tmp_path / "data" / "out" / "b.jsonl", {"output": ANSWERS[2]})
    write(tmp_path / "data" / "run" / "c.jsonl", {"text": f"Before it. {ANSWERS[1]} After it."})
    made = ("--provider", "cumulus", "--model", "nimbus-1", "--channel", "api", "--generated", "2025-03-01..2025-03-31")
    assert run(["-C", str(tmp_path), "-q", "init"]) == 0
    assert run(["-C", str(tmp_path), "-q", "register", "data/out/*.jsonl", "--dataset", "outputs", "--license", "MIT", *made]) == 0
    assert run(["-C", str(tmp_path), "-q", "register", "data/run/*.jsonl", "--dataset", "mine"]) == 0
    return tmp_path


def records(work: Path, name: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    capsys.readouterr()
    assert run(["-C", str(work), "reference", "show", name, "--format", "json"]) == 0
    found: list[dict[str, object]] = json.loads(capsys.readouterr().out)
    return found


def test_a_registered_dataset_is_a_reference_set(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(work), "reference", "add", "known", "--dataset", "outputs"]) == 0
    first, second, third = records(work, "known", capsys)
    for record, model in ((first, "nimbus-1"), (second, "nimbus-2"), (third, "nimbus-1")):
        assert (record["kind"], record["provider"], record["model"], record["license"]) == ("api-output", "cumulus", model, "MIT")
        assert record["generated"] == {"from": "2025-03-01", "to": "2025-03-31"}
        assert str(record["source"]).startswith("outputs@sha256:")
    assert run(["-C", str(work), "-q", "scan", "--reference", "known", "--format", "json"]) == 0
    alarms = {r["path"]: r["alarms"] for r in json.loads(capsys.readouterr().out)}
    assert alarms == {"out/a.jsonl": 2, "out/b.jsonl": 1, "run/c.jsonl": 1}


def test_a_shard_that_is_not_what_was_registered_is_listed_and_left_out(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(work / "data" / "out" / "a.jsonl", {"output": ANSWERS[0][::-1]})
    assert run(["-C", str(work), "reference", "add", "known", "--dataset", "outputs"]) == 4
    assert "out/a.jsonl: is changed since it was registered" in capsys.readouterr().err
    (record,) = records(work, "known", capsys)
    assert record["id"] == "b#0"


def test_what_is_said_on_the_command_line_wins(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(work), "reference", "add", "known", "--dataset", "outputs", "--kind", "background", "--license", "CC0-1.0"]) == 0
    assert {(r["kind"], r["license"], r["provider"]) for r in records(work, "known", capsys)} == {("background", "CC0-1.0", "cumulus")}


def test_files_and_a_dataset_are_not_given_together_and_a_wrong_name_is_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(work), "reference", "add", "known"]) == 2
    assert run(["-C", str(work), "reference", "add", "known", "data/out/a.jsonl", "--dataset", "outputs"]) == 2
    capsys.readouterr()
    assert run(["-C", str(work), "reference", "add", "known", "--dataset", "output"]) == 1
    assert "did you mean 'outputs'?" in capsys.readouterr().err


def test_a_dataset_of_which_only_metadata_is_known_has_no_references(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card = work / "cards" / "told" / "README.md"
    card.parent.mkdir(parents=True)
    card.write_text("---\nlicense: mit\n---\n# Told\n")
    assert run(["-C", str(work), "-q", "import", str(card)]) == 0
    capsys.readouterr()
    assert run(["-C", str(work), "reference", "add", "known", "--dataset", "told"]) == 1
    assert "register its files first" in capsys.readouterr().err


def test_a_users_words_are_not_the_models_output(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked, answered = " ".join(make_words(60, 21)), " ".join(make_words(80, 22))
    turns = [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    write(work / "data" / "chats" / "chat.jsonl", {"messages": turns})
    made = ("--synthetic", "yes", "--provider", "openai", "--model", "gpt-4", "--text-field", "messages")
    assert run(["-C", str(work), "-q", "register", "data/chats/chat.jsonl", "--dataset", "chats", *made]) == 0
    assert run(["-C", str(work), "-q", "reference", "add", "known", "--dataset", "chats"]) == 0
    capsys.readouterr()
    assert run(["-C", str(work), "reference", "export", "known"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["text"], record["prompt"], record["kind"]) == (answered, asked, "api-output")


def test_token_ids_are_no_references(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with open_workspace(work).units.begin(actor="t", action="register") as registry:
        version = registry.dataset_version("outputs")
        tokenizer = Tokenizer(path="t.json", sha256="sha256:" + "1" * 64)
        registry.add_version(replace(version, dataset=replace(version.dataset, tokenizer=tokenizer)))
    assert run(["-C", str(work), "reference", "add", "known", "--dataset", "outputs"]) == 1
    assert "holds token ids: references are texts" in capsys.readouterr().err


def test_works_and_answers_without_a_kind_are_compared_as_what_they_show(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    book = " ".join(make_words(80, 31))
    (tmp_path / "refs").mkdir()
    (tmp_path / "refs" / "book.txt").write_text(book)
    write(tmp_path / "refs" / "log.jsonl", {"instruction": "Say it.", "output": ANSWERS[0], "model": "gpt-4"})
    write(tmp_path / "corpus.jsonl", {"text": f"One. {book} Two."}, {"text": f"One. {ANSWERS[0]} Two."})
    assert run(["match", str(tmp_path / "corpus.jsonl"), "--reference", str(tmp_path / "refs"), "-f", "jsonl", "--jobs", "1"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(m["record"], m["kind"]) for m in found} == {(0, "work"), (1, "api-output")}
