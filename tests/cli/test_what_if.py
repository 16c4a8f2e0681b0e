"""A preview says what the audit says once the remedies are done, records nothing, and refuses a remedy file that it cannot believe."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from provenance.documents import load_document
from tests.cli.test_main_path import NOVEL, SAMPLE, provenance


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, registered and audited: blocked by shared text and an unknown licence."""
    folder = tmp_path_factory.mktemp("what-if") / "sample"
    shutil.copytree(SAMPLE, folder)
    outputs = [f"references/{name}-outputs.jsonl" for name in ("cumulus", "stratus")]
    novel = "references/the-man-who-was-thursday.txt"
    assert provenance(folder, "init") == 0
    assert provenance(folder, "register", "--manifest", "datasets.yaml") == 0
    assert provenance(folder, "reference", "add", "known-outputs", *outputs, "--kind", "api-output", "--text-field", "output") == 0
    assert provenance(folder, "reference", "add", "novels", novel, "--kind", "work", "--id-template", "work:{stem}", *NOVEL) == 0
    assert provenance(folder, "audit", "--no-report") == 11
    return folder


@pytest.fixture
def copied(audited: Path, tmp_path: Path) -> Path:
    shutil.copytree(audited, tmp_path / "copy")
    return tmp_path / "copy"


def printed(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str, code: int) -> Any:
    capsys.readouterr()
    assert provenance(folder, *arguments, "-f", "json") == code
    return json.loads(capsys.readouterr().out)


def document(path: Path) -> Any:
    return load_document(path)[0]


def test_the_proposed_plan_clears_the_run_and_doing_it_does_too(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(copied, "remedy", "plan", "-o", "remedy.yaml") == 0
    plan = document(copied / "remedy.yaml")
    assert plan["drop"] == ["C001", "D002"]
    assert plan["leave_out"] == ["forum-notes"]
    before = printed(copied, capsys, "log", "verify", code=0)
    found = printed(copied, capsys, "audit", "--what-if", "remedy.yaml", code=0)
    assert (found["before"], found["after"], found["left"]) == ("BLOCKED", "CLEARED", [])
    assert printed(copied, capsys, "log", "verify", code=0) == before

    run = document(copied / "run.yaml")
    run["data"] = [{"dataset": name, "weight": weight} for name, weight in plan["weights"].items()]
    (copied / "run.yaml").write_text(json.dumps(run))
    assert provenance(copied, "remedy", "drop", *(part for rule in plan["drop"] for part in ("--rule", rule)), "--apply") == 0
    record = printed(copied, capsys, "audit", code=0)
    assert record["verdict"] == found["after"]


@pytest.mark.parametrize(
    ("remedies", "verdict", "closed"),
    [
        ({}, "BLOCKED", set()),
        ({"drop": ["C001"]}, "BLOCKED", {"C001"}),
        ({"drop": ["C001", "D002"]}, "BLOCKED", {"C001", "D002"}),
        ({"leave_out": ["helpdesk-chats"]}, "BLOCKED", {"C001", "D002"}),
        ({"leave_out": ["helpdesk-chats", "forum-notes"]}, "CLEARED", {"C001", "D002", "L001"}),
        ({"licenses": [{"dataset": "forum-notes", "license": "CC-BY-4.0", "by": "l@example.org", "why": "agreement 7"}]}, "BLOCKED", {"L001"}),
        ({"licenses": [{"dataset": "forum-notes", "license": "CC-BY-NC-4.0", "by": "l@example.org", "why": "no"}]}, "BLOCKED", {"L001"}),
    ],
)
def test_each_remedy_closes_what_it_is_for(
    audited: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], remedies: dict[str, object], verdict: str, closed: set[str]
) -> None:
    path = tmp_path / "remedy.yaml"
    path.write_text(json.dumps({"format": "provenance.remedy", "version": 1, **remedies}))
    found = printed(audited, capsys, "audit", "--what-if", str(path), code=0 if verdict == "CLEARED" else 11)
    assert found["after"] == verdict
    assert {c["rule"] for c in found["changes"] if not c["after"]} == closed
    if "NC" in str(remedies):
        assert [c for c in found["changes"] if c["rule"] == "L002"] == [{"rule": "L002", "dataset": "forum-notes", "before": 0, "after": 1}]


def test_a_run_without_data_is_never_cleared(audited: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "remedy.yaml"
    path.write_text("format: provenance.remedy\nversion: 1\nleave_out: [helpdesk-chats, forum-notes, public-prose]\n")
    found = printed(audited, capsys, "audit", "--what-if", str(path), code=11)
    assert found["after"] == "BLOCKED"
    assert "E000" in {f["rule"] for f in found["left"]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected format"),
        ("[]", "expected format"),
        ("format: provenance.remedy\nversion: 2\n", "expected format"),
        ("format: provenance.remedy\nversion: 1\nleave: [a]\n", "did you mean 'leave_out'"),
        ("format: provenance.remedy\nversion: 1\nleave_out: [a]\nleave_out: [b]\n", "given twice"),
        ("format: provenance.remedy\nversion: 1\nleave_out: [nobody]\n", "no dataset 'nobody'"),
        ("format: provenance.remedy\nversion: 1\nleave_out: forum-notes\n", "leave_out"),
        ("format: provenance.remedy\nversion: 1\ndrop: [C999]\n", "no bundle of the run has a rule 'C999'"),
        ("format: provenance.remedy\nversion: 1\ndrop: [L001]\n", "does not judge shared text"),
        ("format: provenance.remedy\nversion: 1\nweights: {public-prose: 1.0}\n", "every dataset that is left"),
        ("format: provenance.remedy\nversion: 1\nweights: {public-prose: 0.9, forum-notes: 0.2}\n", "sum to 1.1"),
        ("format: provenance.remedy\nversion: 1\nweights: {public-prose: yes}\n", "not a number"),
        ("format: provenance.remedy\nversion: 1\nlicenses: [{dataset: forum-notes, license: MIT}]\n", "by"),
        ("format: provenance.remedy\nversion: 1\nlicenses: [{dataset: forum-notes, license: NOT_STATED, by: a, why: b}]\n", "names no licence"),
        ("format: provenance.remedy\nversion: 1\nrun: {release_weights: ajar}\n", "open or closed"),
        ("format: provenance.remedy\nversion: 1\nrun: {model_nam: x}\n", "did you mean 'model_name'"),
        ("format: provenance.remedy\nversion: 1\nwaivers: [{id: w}]\n", "expires is missing"),
        ("format: provenance.remedy\nversion: 1\na: &a [1]\nb: *a\n", "aliases are not allowed"),
    ],
)
def test_a_remedy_file_that_cannot_be_believed_is_one_clear_error(
    audited: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    path = tmp_path / "remedy.yaml"
    path.write_text(text)
    capsys.readouterr()
    assert provenance(audited, "audit", "--what-if", str(path)) == 1
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told
    assert len(told.strip().splitlines()) <= 3


def test_a_pinned_version_stays_as_it_is(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    versions = printed(copied, capsys, "datasets", "versions", "helpdesk-chats", code=0)
    run = document(copied / "run.yaml")
    run["data"][1]["dataset"] = f"helpdesk-chats@{versions[0]['root_digest']}"
    (copied / "run.yaml").write_text(json.dumps(run))
    (copied / "remedy.yaml").write_text("format: provenance.remedy\nversion: 1\ndrop: [C001, D002]\nleave_out: [forum-notes]\n")
    found = printed(copied, capsys, "audit", "--what-if", "remedy.yaml", code=11)
    assert {f["rule"] for f in found["left"]} == {"C001", "D002"}
    assert any("has to name the new version" in note for note in found["notes"])


@pytest.mark.parametrize(
    ("subject", "rule", "remedies"), [("run", "S001", {"run": {"model_name": "other-name"}}), ("dataset", "L001", {"drop": ["C001"]})]
)
def test_a_waiver_of_what_would_be_something_else_falls(
    copied: Path, capsys: pytest.CaptureFixture[str], subject: str, rule: str, remedies: dict[str, object]
) -> None:
    text = (copied / "datasets.yaml").read_text()
    text = text.replace("synthetic: no", "synthetic: UNKNOWN") if subject == "run" else text.replace("LicenseRef-Example-Ltd-own", "NOT_STATED")
    (copied / "datasets.yaml").write_text(text)
    assert provenance(copied, "register", "--manifest", "datasets.yaml") == 0
    record = printed(copied, capsys, "audit", "--no-report", code=11)
    found = next(f for f in record["findings"] if f["rule"] == rule and f["dataset"] in {"", "helpdesk-chats"})
    people = ("--requested-by", "ann@example.org", "--approved-by", "carl@example.org", "--expires", "2027-01-31")
    said = ("--reason", "risk-accepted", "--comment", "for this test")
    assert provenance(copied, "waivers", "add", "--rule", rule, "--subject", found["id"], *said, *people) == 0
    (copied / "remedy.yaml").write_text(json.dumps({"format": "provenance.remedy", "version": 1}))
    kept = printed(copied, capsys, "audit", "--what-if", "remedy.yaml", code=11)
    assert (rule, found["dataset"]) not in {(f["rule"], f["dataset"]) for f in kept["left"]}
    (copied / "remedy.yaml").write_text(json.dumps({"format": "provenance.remedy", "version": 1, **remedies}))
    lost = printed(copied, capsys, "audit", "--what-if", "remedy.yaml", code=11)
    assert (rule, found["dataset"]) in {(f["rule"], f["dataset"]) for f in lost["left"]}


def test_a_preview_is_no_document_for_a_pipeline(audited: Path, tmp_path: Path) -> None:
    (tmp_path / "remedy.yaml").write_text("format: provenance.remedy\nversion: 1\n")
    assert provenance(audited, "audit", "--what-if", str(tmp_path / "remedy.yaml"), "-f", "junit") == 2


@pytest.mark.parametrize("name", ["sarif", "junit"])
def test_an_audit_is_printed_for_pipelines(audited: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    capsys.readouterr()
    assert provenance(audited, "audit", "-f", name, "--no-report") == 11
    document = capsys.readouterr().out
    assert ("error" if name == "sarif" else "<failure") in document
    assert "L001" in document


def test_the_brief_shows_the_three_worst_and_names_the_others(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = document(copied / "run.yaml")
    run["references"] = []
    run["data"].append({"dataset": "nobody-registered-it"})
    for item in run["data"]:
        item.pop("weight", None)
    (copied / "run.yaml").write_text(json.dumps(run))
    with (copied / "data" / "prose" / "prose.jsonl").open("ab") as file:
        file.write(b"\n")
    capsys.readouterr()
    assert provenance(copied, "audit", "--no-report") == 11
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith((" ✗", " ?", " !")) for line in lines) == 3
    told = " ".join(" ".join(lines).split())
    assert " findings more of " in told
    assert "provenance findings list --open What to do:" in told
    assert all(len(line) <= 80 for line in lines)
