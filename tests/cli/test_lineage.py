"""Deriving, drawing and judging by lineage, as a user does it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from provenance.cli.main import run

RUN = """format: provenance.run
version: 1
model: {name: m, kind: chat-llm, release: {weights: closed}}
purpose: {commercial: true}
organization: {name: E}
data: [{dataset: DATASET}]
policy: [commercial-llm.yaml]
"""
MANIFEST = """format: provenance.datasets
version: 1
defaults: {synthetic: no, license: {declared: CC0-1.0}}
datasets:
  - {name: free, shards: [free.jsonl]}
  - {name: bound, license: {declared: CC-BY-NC-4.0}, shards: [bound-1.jsonl, bound-2.jsonl]}
  - {name: mixed, shards: [mixed-1.jsonl, mixed-2.jsonl]}
"""


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def register(work: Path, manifest: str = MANIFEST) -> None:
    (work / "datasets.yaml").write_text(manifest)
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 0


@pytest.fixture
def work(tmp_path: Path) -> Path:
    assert provenance(tmp_path, "init") == 0
    (tmp_path / "data").mkdir()
    for number, name in enumerate(("free", "bound-1", "bound-2", "mixed-1", "mixed-2")):
        text = " ".join(f"word{number}x{i}" for i in range(40))
        (tmp_path / "data" / f"{name}.jsonl").write_text(json.dumps({"text": text}) + "\n")
    register(tmp_path)
    return tmp_path


def audit(work: Path, dataset: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, Any]]]:
    (work / "run.yaml").write_text(RUN.replace("DATASET", dataset))
    capsys.readouterr()
    code = provenance(work, "audit", "run.yaml", "--no-report", "-f", "json")
    return code, json.loads(capsys.readouterr().out)["findings"]


def test_a_derivation_blocks_what_is_made_of_bound_text_and_says_by_what_way(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not [f for f in audit(work, "mixed", capsys)[1] if str(f["rule"]).startswith("L")]
    assert provenance(work, "datasets", "derive", "mixed", "--from", "bound@newest", "--transform", "translate") == 0
    code, findings = audit(work, "mixed", capsys)
    assert code == 11
    licences = [f for f in findings if str(f["rule"]).startswith("L")]
    assert licences
    summaries = [e["summary"] for f in licences for e in f["evidence"]]
    assert any("from bound@sha256:" in s and "via translate" in s and "CC-BY-NC-4.0" in s for s in summaries)
    assert provenance(work, "log", "verify") == 0


def test_what_was_made_of_something_unregistered_is_not_known(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "datasets", "derive", "mixed", "--from", "nobody-knows", "--transform", "filter") == 0
    code, findings = audit(work, "mixed", capsys)
    assert code == 11
    assert any(f["outcome"] == "UNKNOWN" and f["rule"] == "L001" for f in findings)


@pytest.mark.parametrize("source", ["mixed", "mixed@newest"])
def test_a_dataset_that_would_come_from_itself_is_refused(work: Path, source: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "datasets", "derive", "mixed", "--from", source, "--transform", "filter") == 1
    assert "would come from itself" in capsys.readouterr().err


def test_a_long_cycle_is_refused_with_its_way(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "datasets", "derive", "mixed", "--from", "bound", "--transform", "mix") == 0
    assert provenance(work, "datasets", "derive", "free", "--from", "mixed", "--transform", "filter") == 0
    capsys.readouterr()
    assert provenance(work, "datasets", "derive", "bound", "--from", "free", "--transform", "copy") == 1
    said = capsys.readouterr().err
    assert "bound" in said
    assert said.index("free") < said.index("mixed")
    assert provenance(work, "log", "verify") == 0


def test_a_new_version_may_come_from_the_one_before(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert provenance(work, "datasets", "versions", "mixed", "-f", "json") == 0
    old = json.loads(capsys.readouterr().out)[0]["root_digest"]
    register(work, MANIFEST.replace("mixed-1.jsonl, mixed-2.jsonl", "mixed-1.jsonl"))
    assert provenance(work, "datasets", "derive", "mixed", "--from", f"mixed@{old}", "--transform", "filter") == 0
    assert provenance(work, "datasets", "lineage", "mixed") == 0
    assert "filter" in capsys.readouterr().out


def test_datasets_that_say_they_come_from_one_another_are_refused_at_registration(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    circle = MANIFEST.replace("{name: free,", "{name: free, derived_from: [mixed],").replace("{name: mixed,", "{name: mixed, derived_from: [free],")
    (work / "datasets.yaml").write_text(circle)
    assert provenance(work, "register", "--manifest", "datasets.yaml") == 1
    assert "come from itself" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nobody", "--from", "free"), "not registered"),
        (("mixed", "--from", "free@123456789abc"), "no version"),
        (("mixed", "--from", "free:none/*"), "fits no shard"),
        (("mixed", "--from", "elsewhere:x*"), "not registered"),
        (("mixed", "--from", ""), "names no part"),
        (("mixed", "--from", "free@zzz"), "names no part"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(work: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "datasets", "derive", *arguments, "--transform", "filter") == 1
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_the_tree_fits_eighty_columns_and_names_licence_terms_and_transform(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 150
    register(work, MANIFEST + f"  - {{name: {long}, derived_from: [mixed], shards: [mixed-1.jsonl]}}\n")
    assert provenance(work, "datasets", "derive", "mixed:mixed-1*", "--from", "bound:bound-1*", "--from", "free", "--transform", "mix") == 0
    capsys.readouterr()
    assert provenance(work, "datasets", "lineage", "mixed") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert "came from" in lines
    assert "went into" in lines
    assert any("mix, 1 shard → 1 shard: bound@" in line for line in lines)
    assert any("CC-BY-NC-4.0" in line for line in lines)
    assert provenance(work, "datasets", "lineage", "mixed", "--up") == 0
    assert "went into" not in capsys.readouterr().out
    assert provenance(work, "datasets", "lineage", long, "--depth", "1") == 0
    assert "raise --depth" in capsys.readouterr().out


def test_the_graph_is_json_and_svg(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "datasets", "derive", "mixed", "--from", "bound", "--transform", "mix", "--tool", "</svg><script>x") == 0
    capsys.readouterr()
    assert provenance(work, "datasets", "lineage", "mixed", "-f", "json") == 0
    graph = json.loads(capsys.readouterr().out)
    assert [n["name"] for n in graph["nodes"]] == ["bound", "mixed"]
    assert graph["edges"][0]["transform"] == "mix"
    assert provenance(work, "datasets", "lineage", "mixed", "-f", "svg", "-o", "lineage.svg") == 0
    root = ET.fromstring((work / "lineage.svg").read_text())
    tags = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert "script" not in tags
    assert "</svg><script>x" in "".join(root.itertext())
