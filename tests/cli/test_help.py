"""Every command explains itself in 80 columns, and every listing speaks JSON."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from provenance.cli.main import COMMANDS, cli, run

SAMPLE = Path(__file__).parent.parent.parent / "examples" / "sample"
ROOT = Path(__file__).parent.parent.parent


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below a group, groups included, with the words that name it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands(cli))
JSON_COMMANDS = sorted(path for path, c in ALL.items() if any(p.name == "output" and "json" in getattr(p.type, "choices", ()) for p in c.params))


@pytest.mark.parametrize("path", [(), *ALL], ids=" ".join)
def test_help_fits_eighty_columns(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*path, "--help"]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(f"Usage: provenance {' '.join(path)}".rstrip())
    assert [line for line in printed.out.splitlines() if len(line) > 80] == []
    assert printed.err == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_command_table_is_the_commands_own_first_line(name: str) -> None:
    help_text = ALL[name,].help
    assert help_text is not None
    assert help_text.split("\n\n")[0].replace("\n", " ") == COMMANDS[name][1]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_and_every_option_says_what_it_is(path: tuple[str, ...]) -> None:
    command = ALL[path]
    assert command.help
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert [o.name for o in options if not o.help] == []


@pytest.mark.parametrize(
    ("argv", "words"), [(["bogus"], "No such command"), (["audit", "--bogus"], "No such option"), (["match"], "Missing argument")]
)
def test_wrong_usage_is_exit_two_and_says_what_is_wrong(argv: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv) == 2
    assert words in capsys.readouterr().err


def test_no_command_is_named_in_a_hint_that_does_not_exist() -> None:
    """Every ``provenance …`` that the code tells people to type begins with the words of a real command."""
    told = set()
    for file in sorted((ROOT / "provenance").rglob("*.py")):
        for words in re.findall(r"provenance ((?:[a-z]+(?:-[a-z]+)* ?){1,2})(?=[-A-Z\"'…{.;,:)]|$)", file.read_text(encoding="utf-8")):
            told.add(tuple(words.split()))
    typed = {words for words in told if words[0] in COMMANDS}
    assert len(typed) > 15
    groups = {path[0] for path, command in ALL.items() if isinstance(command, click.Group)}
    assert {words for words in typed if words[0] in groups and len(words) > 1 and words[:2] not in ALL} == set()


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with an audited run, a key and a clearance file to look at."""
    folder = tmp_path_factory.mktemp("help") / "sample"
    shutil.copytree(SAMPLE, folder)
    outputs = ("references/cumulus-outputs.jsonl", "--kind", "api-output", "--text-field", "output")
    (folder / "README.md").write_text("---\nlicense: mit\nlanguage: en\n---\n# Notes\n", encoding="utf-8")
    shutil.copy(ROOT / "tests" / "golden" / "clearance-v1" / "run.clearance.json", folder / "any.clearance.json")
    for argv, code in (
        (("init",), 0),
        (("register", "--manifest", "datasets.yaml"), 0),
        (("reference", "add", "known-outputs", *outputs), 0),
        (("reference", "add", "novels", "references/the-man-who-was-thursday.txt", "--title", "The Man Who Was Thursday"), 0),
        (("audit", "run.yaml", "--no-report"), 11),
        (("keys", "new", "officer", "--no-passphrase"), 0),
        (("exclude", "add", "--domain", "example.com", "--by", "somebody", "--basis", "opt-out"), 0),
        *((("waivers", "add", "--subject", "dataset:forum-notes", *WAIVED, "--id", name), 0) for name in ("W-1", "W-2")),
    ):
        assert run(["-C", str(folder), "-q", *argv]) == code
    return folder


WAIVED = (
    *("--rule", "L001", "--reason", "licensed", "--requested-by", "data@example.org", "--approved-by", "legal@example.org"),
    *("--expires", (dt.datetime.now(dt.UTC) + dt.timedelta(days=30)).date().isoformat()),
)
ARGUMENTS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("register",): ("--manifest", "datasets.yaml"),
    ("audit",): ("run.yaml", "--no-report"),
    ("datasets", "show"): ("public-prose",),
    ("datasets", "versions"): ("public-prose",),
    ("datasets", "lineage"): ("public-prose",),
    ("datasets", "evidence"): ("public-prose",),
    ("datasets", "diff"): ("public-prose", "public-prose"),
    ("sql",): ("SELECT dataset FROM dataset_overview",),
    ("reference", "show"): ("novels",),
    ("findings", "show"): ("FINDING",),
    ("report", "diff"): ("latest",),
    ("report", "letter"): ("--to", "Customer AG"),
    ("policy", "show"): ("baseline",),
    ("policy", "diff"): ("baseline", "distillation"),
    ("policy", "explain"): ("E001", "dataset:forum-notes"),
    ("policy", "why-not"): ("R003", "run:helpdesk-7b"),
    ("terms", "show"): ("cumulus.service.2025",),
    ("terms", "on"): ("2025-03-01",),
    ("terms", "diff"): ("cumulus.service.2025", "cumulus.service.2025"),
    ("terms", "impact"): ("terms/cumulus.yaml",),
    ("terms", "explain"): ("--provider", "cumulus", "--model", "nimbus-1", "--channel", "api", "--generated", "2025-03-01"),
    ("licenses", "show"): ("CC BY 4.0",),
    ("licenses", "explain"): ("CC BY 4.0",),
    ("licenses", "combine"): ("CC BY-SA 4.0", "GPL-2.0-only"),
    ("licenses", "detect"): ("README.md",),
    ("import",): ("README.md", "--dry-run"),
    ("clearance", "inspect"): ("any.clearance.json",),
    ("exclude", "add"): ("--domain", "nowhere.test", "--by", "somebody", "--basis", "opt-out"),
    ("exclude", "show"): ("DEMAND",),
    ("waivers", "add"): ("--subject", "dataset:forum-notes", *WAIVED, "--id", "W-3"),
    ("waivers", "show"): ("W-1",),
    ("waivers", "withdraw"): ("W-2", "--reason", "no more"),
    ("policy", "new"): ("ours",),
    ("keys", "new"): ("second", "--no-passphrase"),
    ("keys", "trust"): ("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", "--name", "third", "--role", "legal"),
    ("keys", "rotate"): ("officer", "--no-passphrase"),
    ("keys", "refresh"): ("--as", "officer"),
    ("keys", "revoke"): ("ab" * 32, "--reason", "lost", "--as", "officer"),
    ("clearance", "revoke"): ("cd" * 32, "--reason", "wrong", "--as", "officer"),
    ("review", "reject"): ("--reviewer", "somebody", "--reason", "no"),
}
CODES: dict[tuple[str, ...], int] = {
    ("audit",): 11,
    ("exclude", "check"): 10,
    ("report", "letter"): 11,
    ("report", "ab2013"): 11,
    ("report", "disclosures"): 11,
    ("report", "eu"): 11,
}


EMPTY = {("matches", "suspects"), ("review", "list"), ("remedy", "notices"), ("runs", "list")}
"""Nothing in the sample speaks as an assistant or asks for a notice, no audit of it waits for a review, and no run of it was made."""
ELSEWHERE = {
    ("review", "release"),
    ("clear",),
    ("clearance", "verify"),
    ("report", "verify"),
    ("clearance", "sign"),
    *(("runs", verb) for verb in ("import", "show", "verify", "seal")),
}
"""Tested where an audit needs a review, or is cleared."""


@pytest.mark.parametrize("path", [p for p in JSON_COMMANDS if p not in ELSEWHERE], ids=" ".join)
def test_json_is_one_valid_document(path: tuple[str, ...], work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = list(ARGUMENTS.get(path, ()))
    if "FINDING" in arguments:
        assert run(["-C", str(work), "findings", "list", "-f", "json"]) == 0
        arguments = [json.loads(capsys.readouterr().out)[0]["id"]]
    if "DEMAND" in arguments:
        assert run(["-C", str(work), "exclude", "list", "-f", "json"]) == 0
        arguments = [json.loads(capsys.readouterr().out)[0]["demand"]["id"]]
    assert run(["-C", str(work), *path, *arguments, "--format", "json"]) == CODES.get(path, 0)
    document = json.loads(capsys.readouterr().out)
    assert document or path in EMPTY


def test_every_listing_and_every_show_speaks_json() -> None:
    silent = {path for path in ALL if path[-1] in {"list", "show", "versions", "inspect", "explain"} and path not in JSON_COMMANDS}
    assert silent == set()
