"""``provenance policy``: what it prints as JSON, its exit codes, and that it explains what an audit decides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run
from provenance.config import shipped

RUN = """format: provenance.run
version: 1
model: {name: m, release: {weights: closed}}
purpose: {commercial: true}
data: [{dataset: words}, {dataset: ghost}]
policy: [ours, commercial-llm]
"""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name in ("a", "b"):
        (tmp_path / "data" / f"{name}.jsonl").write_text(f'{{"text": "The harbour master counted the {name} lanterns."}}\n', encoding="utf-8")
    assert provenance(tmp_path, "init") == 0
    assert provenance(tmp_path, "register", "data", "--dataset", "words", "--license", "CC-BY-NC-4.0", "--synthetic", "no") == 0
    assert provenance(tmp_path, "policy", "new", "ours", "-f", "json") == 0
    (tmp_path / "run.yaml").write_text(RUN)
    return tmp_path


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def printed(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    capsys.readouterr()
    assert provenance(folder, *arguments, "-f", "json") == code
    return json.loads(capsys.readouterr().out)


def refused(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 1) -> str:
    capsys.readouterr()
    assert provenance(folder, *arguments) == code
    found = capsys.readouterr()
    assert "Traceback" not in found.err
    return found.err


def test_a_new_bundle_passes_its_tests_and_lint_and_is_listed_and_shown(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "policy", "test", "ours") == 0
    assert printed(work, capsys, "policy", "lint", "ours")[0]["remarks"] == []
    listed = printed(work, capsys, "policy", "list")
    assert {b["name"]: b["shipped"] for b in listed["bundles"]}["ours"] is False
    assert {b["name"] for b in listed["bundles"] if b["shipped"]} == {p.stem for p in (shipped("policies") / "bundles").glob("*.yaml")}
    shown = printed(work, capsys, "policy", "show", "ours", "own-001")
    assert (shown["id"], shown["for_each"], len(shown["tests"])) == ("OWN-001", "dataset", 3)
    assert len(printed(work, capsys, "policy", "show", "ours")["rules"]) == 2
    assert "is there already" in refused(work, capsys, "policy", "new", "ours")
    assert "shipped bundle" in refused(work, capsys, "policy", "new", "baseline", code=2)
    assert "lower case" in refused(work, capsys, "policy", "new", "../x", code=2)


def test_what_is_wrong_has_its_exit_code(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ours = work / "ours.yaml"
    text = ours.read_text()
    ours.write_text(text.replace("expect: {OWN-002: VIOLATED}", "expect: {OWN-002: SATISFIED}"))
    assert [f["rule"] for f in printed(work, capsys, "policy", "test", "ours", code=11)[0]["failed"]] == ["OWN-002"]
    assert [r["is_fault"] for r in printed(work, capsys, "policy", "lint", "ours", code=11)[0]["remarks"]] == [True]
    ours.write_text(text.replace("dataset.share <=", "dataset.shar <="))
    line = next(n for n, row in enumerate(text.splitlines(), start=1) if "dataset.share <=" in row)
    assert f"ours.yaml:{line}:14: rule OWN-001: require: unknown fact 'dataset.shar'" in refused(work, capsys, "policy", "test", "ours")
    broken = printed(work, capsys, "policy", "list", code=4)["broken"]
    assert [Path(b["path"]).name for b in broken] == ["ours.yaml"]
    assert "R001" in refused(work, capsys, "policy", "show", "baseline", "R01")
    assert "looked in" in refused(work, capsys, "policy", "show", "nowhere")


def test_a_file_named_like_a_shipped_bundle_clears_nothing(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    harmless = (work / "ours.yaml").read_text()
    (work / "run.yaml").write_text(RUN.replace(", {dataset: ghost}", "").replace("[ours, commercial-llm]", "[commercial-llm]"))
    assert provenance(work, "audit", "run.yaml", "--no-report") == 11
    for name, file in (("commercial-llm", "commercial-llm"), ("other", "commercial-llm")):
        (work / f"{file}.yaml").write_text(harmless.replace("name: ours", f"name: {name}"))
        assert "has the name of the shipped one" in refused(work, capsys, "audit", "run.yaml", "--no-report")
        assert "has the name of the shipped one" in refused(work, capsys, "policy", "show", "commercial-llm")
        remarks = printed(work, capsys, "policy", "lint", "commercial-llm.yaml", code=11)[0]["remarks"]
        assert [r["message"] for r in remarks if r["is_fault"]] == [
            "commercial-llm is the name of a shipped bundle, and this one has other content: no run may name it"
        ]
    (work / "commercial-llm.yaml").write_bytes((shipped("policies") / "bundles" / "commercial-llm.yaml").read_bytes())
    assert provenance(work, "audit", "run.yaml", "--no-report") == 11


def test_findings_of_a_rule_that_judged_nothing_are_no_empty_list(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "audit", "run.yaml", "--no-report") == 11
    assert "did you mean 'E001'?" in refused(work, capsys, "findings", "list", "--rule", "E01")
    assert "no rule 'E01' judged this run" in refused(work, capsys, "findings", "list", "--rule", "E01", "-f", "json")
    assert {f["rule"] for f in printed(work, capsys, "findings", "list", "--rule", "E001")} == {"E001"}
    assert printed(work, capsys, "findings", "list", "--rule", "D002") == []


def test_each_look_at_findings_says_what_to_do_next(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "audit", "run.yaml", "--no-report") == 11
    first = printed(work, capsys, "findings", "list")[0]
    name = first["id"].removeprefix("sha256:")[:10]
    for command, step in (
        (("findings", "list"), f"provenance findings show {name}"),
        (("findings", "list", "--rule", "D002"), "provenance report make"),
        (("findings", "show", name), f"provenance policy show {first['bundle']} {first['rule']}"),
        (("policy", "explain", "L001", "words"), "provenance policy why-not L001 words"),
        (("policy", "why-not", "L001", "words"), "provenance policy show baseline L001"),
    ):
        capsys.readouterr()
        assert run(["-C", str(work), *command]) == 0
        assert f"Next: {step}\n" in capsys.readouterr().err


def test_a_looser_bundle_is_called_looser(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (work / "ours.yaml").read_text()
    (work / "later.yaml").write_text(text.replace("max_share: 0.5", "max_share: 0.6").replace("action: deny", "action: review"))
    found = printed(work, capsys, "policy", "diff", "ours", "later")
    assert {r["rule"]: r["change"] for r in found["rules"]} == {"OWN-001": "looser", "OWN-002": "looser"}
    assert found["params"] == [{"name": "max_share", "old": 0.5, "new": 0.6}]
    back = printed(work, capsys, "policy", "diff", "later", "ours")
    assert {r["change"] for r in back["rules"]} == {"stricter"}
    assert printed(work, capsys, "policy", "diff", "ours", "ours")["rules"] == []


def test_explanations_say_what_the_audit_says_of_every_open_finding(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "data" / "b.jsonl").write_text('{"text": "changed"}\n', encoding="utf-8")
    record = printed(work, capsys, "audit", "--no-report", code=11)
    for finding in record["findings"]:
        subject = f"{finding['subject']['kind']}:{finding['subject']['id']}"
        (found,) = printed(work, capsys, "policy", "explain", finding["rule"], subject)
        assert (found["outcome"], found["message"]) == (finding["outcome"], finding["message"])
        values = {r["path"]: r["value"] for r in found["reads"]}
        assert {b["path"]: b["value"] for b in finding["because"]}.items() <= values.items()
        assert found["needed"], finding["rule"]
        assert found["require"]["is"] != "true"


def test_an_explanation_says_which_part_decided_and_how_to_supply_what_is_missing(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run_fact,) = printed(work, capsys, "policy", "why-not", "R003", "m")
    assert [(p["text"], p["decided"]) for p in run_fact["require"]["parts"]] == [("run.references > 0", True), ("run.references_empty == 0", False)]
    assert run_fact["needed"][0]["facts"] == [{"path": "run.references", "values": [1]}]
    (ghost,) = printed(work, capsys, "policy", "why-not", "L001", "dataset:ghost")
    (read,) = ghost["reads"]
    assert (read["known"], read["value"]) == (False, "UNKNOWN")
    assert "licenses detect FOLDER --dataset ghost" in read["supply"]
    assert {(n["facts"][0]["path"], n["outcome"]) for n in printed(work, capsys, "policy", "why-not", "D001", "ghost")[0]["needed"]} == {
        ("dataset.terms.this_use", "SATISFIED"),
        ("dataset.outputs", "NOT_APPLICABLE"),
    }
    (fine,) = printed(work, capsys, "policy", "explain", "R001", "a.jsonl")
    assert (fine["outcome"], fine["needed"], fine["remedies"]) == ("SATISFIED", [], [])


def test_a_rule_or_subject_that_is_not_there_is_one_sentence(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "R001" in refused(work, capsys, "policy", "explain", "R01", "a.jsonl")
    assert "there are: words, ghost" in refused(work, capsys, "policy", "explain", "L001", "nobody")
    assert "judges waivers" in refused(work, capsys, "policy", "explain", "W001", "w")
    assert "no workspace" not in refused(work, capsys, "policy", "why-not", "R001", "none.jsonl")


def test_what_is_printed_fits_and_steers_no_terminal(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (work / "ours.yaml").read_text()
    (work / "ours.yaml").write_text(
        text.replace("No dataset is more", "No \\u001b[31mdataset\\u202e is more")
        .replace("title: No", 'title: "No')
        .replace("half of the run\n    for", 'half of the run"\n    for')
    )
    for arguments in (
        ("show", "ours"),
        ("show", "ours", "OWN-001"),
        ("list",),
        ("lint",),
        ("test",),
        ("diff", "baseline", "ours"),
        ("explain", "OWN-001", "ghost"),
        ("why-not", "OWN-001", "ghost"),
    ):
        capsys.readouterr()
        assert provenance(work, "policy", *arguments) == 0, arguments
        out = capsys.readouterr().out
        assert "\x1b" not in out
        assert "\u202e" not in out
