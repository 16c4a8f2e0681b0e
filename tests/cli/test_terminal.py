"""How the registry looks on a terminal of eighty columns: long names, wide names, what is near, what is inherited."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from provenance.columns import width
from tests.cli.test_looking import provenance, said, work

__all__ = ["work"]


LONG = "organisation/a-name-that-nobody-would-type-but-hubs-have-them-all-the-same-2024-11-30-v2-final"
WIDE = "日本語の大きな対話データセット二〇二四年版"
MANY = f"""format: provenance.datasets
version: 1
defaults: {{synthetic: no, license: {{declared: CC-BY-NC-SA-4.0}}, owner: data-team@example.org, source: {{kind: public-dataset}}}}
datasets:
  - {{name: {LONG}, shards: [a.jsonl]}}
  - {{name: {WIDE}, title: {WIDE * 3}, shards: [b.jsonl]}}
  - {{name: планы-обучения, title: "x \\e]0;owned\\a", shards: [c.jsonl]}}
  - {{name: child_of_Gpt4, derived_from: [{LONG}], shards: [d.jsonl]}}
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Datasets with long and wide names that were made of one another."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "data").mkdir()
    for name in "abcd":
        (folder / "data" / f"{name}.jsonl").write_text(json.dumps({"text": f"text {name} " * 30}) + "\n")
    (folder / "datasets.yaml").write_text(MANY)
    assert provenance(folder, "init") == 0
    assert provenance(folder, "register", "--manifest", "datasets.yaml") == 0
    assert (
        provenance(folder, "datasets", "derive", WIDE, "--from", f"{LONG}@newest", "--from", "nowhere", "--transform", "translate", "--tool", "nllb")
        == 0
    )
    assert provenance(folder, "datasets", "derive", "планы-обучения:c.jsonl", "--from", f"{WIDE}@newest:b.jsonl", "--transform", "filter") == 0
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ("datasets", "list"),
        ("datasets", "search", "a"),
        ("datasets", "show", LONG),
        ("datasets", "show", WIDE),
        ("datasets", "show", "планы-обучения"),
        ("datasets", "versions", LONG),
        ("datasets", "diff", LONG, WIDE),
        ("datasets", "lineage", LONG),
        ("datasets", "lineage", WIDE),
        ("datasets", "lineage", "планы-обучения"),
        ("log", "show"),
        ("sql", "SELECT * FROM dataset_overview"),
        ("sql", "SELECT dataset, words FROM dataset_overview"),
    ],
)
def test_on_a_terminal_long_and_wide_names_take_eighty_columns(
    many: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    capsys.readouterr()
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert provenance(many, *command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    # A name longer than a line stands whole on one of its own, so that it can be copied.
    assert not [line for line in lines if width(line) > 80 and line.partition("@")[0] != LONG]
    assert not [line for line in lines if "\x1b" in line or "\x07" in line]


def test_what_is_shown_says_what_a_dataset_inherits_and_from_where(many: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(many, capsys, "datasets", "show", "планы-обучения")
    assert "1 shard filter, from" in text
    assert "licence CC-BY-NC-SA-4.0" in text
    assert "via filter" in " ".join(text.split())
    assert "nowhere is not registered" in " ".join(text.split())
    found = json.loads(said(many, capsys, "datasets", "show", "планы-обучения", "-f", "json"))["inherited"]
    assert {(a["name"], tuple(a["via"])) for a in found["ancestors"]} == {(WIDE, ("filter",)), (LONG, ("filter", "translate"))}
    assert found["unknown"] == ["nowhere"]


def test_the_other_versions_of_a_dataset_that_went_into_something_are_named(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = json.loads(said(work, capsys, "datasets", "show", "poems~1", "-f", "json"))["root_digest"]
    assert provenance(work, "datasets", "derive", "chats", "--from", "poems~1", "--transform", "mix") == 0
    assert provenance(work, "datasets", "derive", "chats", "--from", "poems~2", "--transform", "mix") == 1
    assert provenance(work, "datasets", "derive", "chats", "--from", "poem~1", "--transform", "mix") == 1
    assert f"poems@{first[7:19]}" in said(work, capsys, "datasets", "lineage", "poems")
    assert json.loads(said(work, capsys, "datasets", "lineage", "poems", "-f", "json"))["elsewhere"] == [first]
    for name in ("poems~1", f"poems@{first[7:14]}"):
        graph = json.loads(said(work, capsys, "datasets", "lineage", name, "-f", "json"))
        assert [n["name"] for n in graph["nodes"]] == ["poems", "chats"]
        assert graph["elsewhere"] == []
    assert "an older version" in said(work, capsys, "datasets", "show", "poems~1")
    rows = said(work, capsys, "datasets", "versions", "poems").splitlines()
    assert [row.split()[0] for row in rows] == ["recording", "~1", "newest"]


def test_what_is_near_is_proposed(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command, hint in (
        (("datasets", "lineage", "poem"), "did you mean 'poems'?"),
        (("datasets", "diff", "poems", "chat"), "did you mean 'chats'?"),
        (("datasets", "diff", "chats"), "was recorded once"),
        (("datasets", "list", "--license", "CCO-1.0"), "did you mean 'CC0-1.0'?"),
        (("log", "show", "--action", "regster"), "there are"),
        (("datasets", "derive", "poems", "--from", "chats@newest", "--from", "chatz", "--transform", "mix"), "did you mean 'chats'?"),
    ):
        capsys.readouterr()
        provenance(work, *command)
        printed = capsys.readouterr()
        assert hint in printed.out + printed.err, command


def test_a_lineage_is_written_as_its_ending_says(many: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, options in (("a.svg", ()), ("a.json", ("-f", "json")), ("a.txt", ())):
        assert said(many, capsys, "datasets", "lineage", WIDE, "-o", name, *options) == ""
    assert (many / "a.svg").read_text().startswith("<svg")
    assert json.loads((many / "a.json").read_text())["root"][0] == WIDE
    assert WIDE in (many / "a.txt").read_text().splitlines()[0]


def test_symbols_have_plain_forms_where_a_stream_cannot_write_them(many: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(raw, encoding="ascii"))
    assert provenance(many, "datasets", "lineage", "child_of_Gpt4") == 0
    sys.stdout.flush()
    assert b"`- declared: organisation" in raw.getvalue()
    assert b"\\u2" not in raw.getvalue()


def test_faults_of_a_document_are_told_one_a_line(many: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (many / "bad.yaml").write_text(MANY.replace("name: child_of_Gpt4", 'name: "a b"').replace(f"name: {WIDE}", 'name: "c d"'))
    capsys.readouterr()
    assert provenance(many, "register", "--manifest", "bad.yaml") == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("       ")
    assert "\\u000a" not in "".join(lines)


@pytest.mark.parametrize(
    ("words", "found"),
    [(["gpt"], ["child_of_Gpt4"]), (["of_g"], ["child_of_Gpt4"]), (["pt4"], []), (["child", "GPT4"], ["child_of_Gpt4"])],
)
def test_words_of_a_name_may_be_joined_by_underscores(many: Path, words: list[str], found: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.loads(said(many, capsys, "datasets", "search", *words, "-f", "json"))
    assert [d["dataset"]["name"] for d in answer["datasets"]] == found


def test_a_slip_in_the_name_of_an_input_is_refused_since_derivations_stay(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    slip = ("datasets", "derive", "chats", "--from", "poemss", "--transform", "label")
    before = len(json.loads(said(work, capsys, "datasets", "show", "chats", "-f", "json"))["derivations"])
    assert provenance(work, *slip) == 1
    assert "--unregistered" in capsys.readouterr().err
    assert len(json.loads(said(work, capsys, "datasets", "show", "chats", "-f", "json"))["derivations"]) == before
    assert provenance(work, *slip, "--unregistered") == 0
    assert "poemss is not registered" in capsys.readouterr().err
    assert len(json.loads(said(work, capsys, "datasets", "show", "chats", "-f", "json"))["derivations"]) == before + 1


@pytest.mark.parametrize("command", [("list",), ("list", "--rule", "R003"), ("show",)])
def test_findings_take_eighty_columns(
    many: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (many / "run.yaml").write_text(
        "format: provenance.run\nversion: 1\nmodel: {name: m}\npurpose: {commercial: true}\ndata: [{dataset: child_of_Gpt4}]\npolicy: [strict]\n"
    )
    assert provenance(many, "audit", "run.yaml", "--no-report") == 11
    capsys.readouterr()
    assert provenance(many, "findings", "list", "-f", "json") == 0
    found = json.loads(capsys.readouterr().out)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    for name in [f["id"].removeprefix("sha256:") for f in found] if command == ("show",) else [""]:
        assert provenance(many, "findings", *command, *([name] if name else [])) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert not [line for line in lines if width(line) > 80]
