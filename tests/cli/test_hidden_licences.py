"""Derivations, versions and copies under which a licence could hide: none of these runs may be cleared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run

RUN = """format: provenance.run
version: 1
model: {name: m, kind: chat-llm, release: {weights: closed}}
purpose: {commercial: true}
organization: {name: E}
data: [{dataset: DATASET}]
policy: [commercial-llm.yaml, distillation.yaml]
"""
HEAD = "format: provenance.datasets\nversion: 1\ndefaults: {synthetic: no, license: {declared: CC0-1.0}}\ndatasets:\n"
FREE = "{name: free, shards: [free.jsonl]}"
BOUND = "{name: bound, license: {declared: CC-BY-NC-4.0}, shards: [bound-1.jsonl, bound-2.jsonl]}"


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def write(work: Path, name: str, *, records: int = 1, **fields: str) -> None:
    lines = [json.dumps({"text": " ".join(f"{name}{r}x{i}" for i in range(40)), **fields}) for r in range(records)]
    (work / "data" / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))


def register(work: Path, *datasets: str) -> None:
    (work / "datasets.yaml").write_text(HEAD + "".join(f"  - {d}\n" for d in datasets))
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0


def derive(work: Path, output: str, *sources: str, transform: str = "filter") -> None:
    wanted = [word for source in sources for word in ("--from", source)]
    assert provenance(work, "datasets", "derive", output, *wanted, "--transform", transform) == 0


def version(work: Path, name: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert provenance(work, "datasets", "show", name, "-f", "json") == 0
    return f"{name}@{json.loads(capsys.readouterr().out)['root_digest']}"


def audit(work: Path, dataset: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    (work / "run.yaml").write_text(RUN.replace("DATASET", f'"{dataset}"'))
    capsys.readouterr()
    code = provenance(work, "audit", "run.yaml", "--no-report", "-f", "json")
    record: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (code == 0) == (record["verdict"] == "CLEARED")
    return record


def rules(record: dict[str, Any]) -> set[str]:
    """Return the rules on licences, terms and derivation that find fault; those on runs and stray files (R…) do not matter here."""
    findings = record["findings"]
    assert isinstance(findings, list)
    return {str(f["rule"]) for f in findings if not f["rule"].startswith("R")}


@pytest.fixture
def work(tmp_path: Path) -> Path:
    assert provenance(tmp_path, "init") == 0
    (tmp_path / "data").mkdir()
    for name in ("free", "bound-1", "bound-2", "made-1", "made-2"):
        write(tmp_path, name)
    return tmp_path


def test_a_run_without_lineage_is_cleared(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, FREE, BOUND, "{name: made, shards: [made-1.jsonl]}")
    assert not rules(audit(work, "made", capsys))


def test_shards_keep_what_was_said_of_them_when_a_version_grows(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, FREE, BOUND, "{name: made, shards: [made-1.jsonl]}")
    derive(work, "made", "bound@newest", transform="translate")
    register(work, FREE, BOUND, "{name: made, shards: [made-1.jsonl, made-2.jsonl]}")
    derive(work, "made", "free@newest", transform="mix")
    assert "L002" in rules(audit(work, "made", capsys))


def test_shards_keep_what_was_listed_of_them_in_an_older_version(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, FREE, BOUND, "{name: made, shards: [made-1.jsonl]}")
    derive(work, "made:made-1.jsonl", "bound@newest", transform="translate")
    register(work, FREE, BOUND, "{name: made, shards: [made-1.jsonl, made-2.jsonl]}")
    derive(work, "made", "free@newest", transform="mix")
    assert "L002" in rules(audit(work, "made", capsys))


def test_an_older_version_is_judged_by_what_is_now_said_of_its_bytes(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, "{name: made, shards: [made-1.jsonl]}")
    first = version(work, "made", capsys)
    register(work, "{name: made, license: {declared: CC-BY-NC-4.0}, shards: [made-1.jsonl, made-2.jsonl]}")
    assert "L002" in rules(audit(work, first, capsys))


def test_an_older_version_of_other_bytes_keeps_its_licence(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, "{name: made, shards: [made-1.jsonl]}")
    first = version(work, "made", capsys)
    register(work, "{name: made, license: {declared: CC-BY-NC-4.0}, shards: [made-2.jsonl]}")
    assert not rules(audit(work, first, capsys))


def test_a_copy_of_what_a_dataset_once_held_keeps_its_licence(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, BOUND)
    register(work, "{name: bound, license: {declared: CC-BY-NC-4.0}, shards: [bound-2.jsonl]}", "{name: made, shards: [bound-1.jsonl]}")
    assert "L002" in rules(audit(work, "made", capsys))


def test_a_dataset_that_once_held_the_bytes_is_judged_by_its_last_word_on_them(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, "{name: old, license: {declared: CC-BY-NC-4.0}, shards: [made-1.jsonl]}")
    register(work, "{name: old, shards: [made-1.jsonl, made-2.jsonl]}", "{name: made, shards: [made-1.jsonl]}")
    assert not rules(audit(work, "made", capsys))


def test_a_copy_of_what_an_ancestor_once_held_keeps_its_licence(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, BOUND)
    register(work, "{name: bound, license: {declared: CC-BY-NC-4.0}, shards: [bound-2.jsonl]}", "{name: copy, shards: [bound-1.jsonl]}")
    register(work, "{name: made, shards: [made-1.jsonl]}")
    derive(work, "made", "copy@newest")
    assert "L002" in rules(audit(work, "made", capsys))


@pytest.mark.parametrize("declared", [True, False])
def test_an_input_without_a_version_may_be_the_strictest_of_them(work: Path, declared: bool, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, BOUND)
    register(work, "{name: bound, shards: [free.jsonl]}")
    register(work, f"{{name: made, shards: [made-1.jsonl]{', derived_from: [bound]' if declared else ''}}}")
    if not declared:
        derive(work, "made", "bound")
    assert "L002" in rules(audit(work, "made", capsys))


def test_an_input_whose_version_is_named_is_judged_by_that_and_by_the_newest(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, BOUND)
    register(work, "{name: bound, shards: [free.jsonl]}", "{name: made, shards: [made-1.jsonl]}")
    derive(work, "made", "bound@newest")
    assert not rules(audit(work, "made", capsys))
    register(work, "{name: bound, license: {declared: CC-BY-NC-4.0}, shards: [made-2.jsonl]}")
    assert "L002" in rules(audit(work, "made", capsys))


def test_an_entry_without_shards_is_no_version_that_text_could_come_from(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "card").mkdir()
    (work / "card" / "README.md").write_text("---\nlicense: cc-by-nc-4.0\n---\n")
    assert provenance(work, "import", "card", "--name", "later") == 0
    register(work, "{name: later, license: {declared: CC0-1.0}, shards: [free.jsonl]}", "{name: made, derived_from: [later], shards: [made-1.jsonl]}")
    assert not rules(audit(work, "made", capsys))


def test_what_a_step_generated_was_made_by_a_model_that_nobody_names(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, FREE, "{name: made, shards: [made-1.jsonl]}", "{name: next, shards: [made-2.jsonl]}")
    derive(work, "made", "free@newest", transform="generate")
    record = audit(work, "made", capsys)
    assert "D001" in rules(record)
    assert [d["synthetic"] for d in record["datasets"]] == ["YES"]
    derive(work, "next", "made@newest", transform="tokenize")
    assert "D001" in rules(audit(work, "next", capsys))


def test_licences_of_records_pass_from_one_version_to_the_next(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(work, "made-1", records=3, license="CC-BY-NC-4.0")
    write(work, "made-2", records=3, license="CC0-1.0")
    named = ("register", "--dataset", "made", "--license", "CC0-1.0", "--synthetic", "no", "--license-field", "license")
    assert provenance(work, *named, str(work / "data" / "made-1.jsonl")) == 0
    first = version(work, "made", capsys)
    assert "L002" in rules(audit(work, "made", capsys))
    assert provenance(work, *named, str(work / "data" / "made-2.jsonl")) == 0
    derive(work, "made", first)
    assert "L002" in rules(audit(work, "made", capsys))


def test_a_step_tells_of_no_other_shards_what_they_were_declared_to_come_from(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parent, made = "{name: parent, shards: [bound-2.jsonl, free.jsonl]}", "{name: made, derived_from: [parent], shards: [made-1.jsonl, made-2.jsonl]}"
    register(work, "{name: bound, license: {declared: CC-BY-NC-4.0}, shards: [bound-1.jsonl]}", FREE, parent, made)
    derive(work, "parent:bound-2.jsonl", "bound@newest")
    derive(work, "parent:free.jsonl", "free@newest")
    derive(work, "made:made-1.jsonl", "parent@newest:free.jsonl")
    findings = audit(work, "made", capsys)["findings"]
    assert isinstance(findings, list)
    said = " ".join(e["summary"] for f in findings if not f["rule"].startswith("R") for e in f["evidence"])
    assert "from bound@sha256:" in said


def test_duties_of_ancestors_are_told_with_where_they_come_from(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(
        work,
        "{name: base, license: {declared: CC-BY-SA-4.0}, shards: [bound-1.jsonl]}",
        "{name: middle, license: {declared: Apache-2.0}, shards: [bound-2.jsonl]}",
        "{name: made, shards: [made-1.jsonl]}",
    )
    derive(work, "middle", "base@newest")
    derive(work, "made", "middle@newest", transform="translate")
    duties = audit(work, "made", capsys)["obligations"]
    assert isinstance(duties, list)
    assert any(d.startswith("attribution") and "CC-BY-SA-4.0" in d and "base@sha256:" in d for d in duties)
    assert any(d.startswith("share-alike") and "CC-BY-SA-4.0" in d and "base@sha256:" in d for d in duties)
    assert any(d.startswith("attribution") and "Apache-2.0" in d and "middle@sha256:" in d for d in duties)
    assert not any("CC0-1.0" in d for d in duties)


def test_findings_name_the_licence_that_decides(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    register(work, BOUND, "{name: made, shards: [made-1.jsonl]}")
    derive(work, "made", "bound@newest")
    findings = audit(work, "made", capsys)["findings"]
    assert isinstance(findings, list)
    told = next(f for f in findings if f["rule"] == "L002")
    assert "CC-BY-NC-4.0" in told["message"]
