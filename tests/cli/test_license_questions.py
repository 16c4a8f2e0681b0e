"""``provenance licenses list|show|explain|combine|check``: what they print, what they refuse, and that a script can read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run

RUN = """format: provenance.run
version: 1
model: {name: m, release: {weights: open}}
purpose: {commercial: true}
data: [{dataset: words, weight: 0.9}, {dataset: seeds, weight: 0.1}]
policy: [baseline.yaml]
"""


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), *arguments])


def asked(folder: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert provenance(folder, "licenses", *arguments, "-f", "json") == 0
    return json.loads(capsys.readouterr().out)


def test_list_shows_what_fits_every_filter(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(tmp_path, capsys, "list", "--use", "non-commercial", "--share-alike", "yes")
    assert {item["licence"] for item in found} == {"CC-BY-NC-SA-2.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0"}
    assert {item["licence"] for item in asked(tmp_path, capsys, "list", "--redistribution", "no")} == {
        "LicenseRef-scancode-nvidia-model-training-2025"
    }
    assert provenance(tmp_path, "licenses", "list", "--use", "comercial") == 2


def test_show_answers_every_use_with_duties(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(tmp_path, capsys, "show", "cc by-nc 4.0", "--non-commercial")
    outcomes = {a["use"]: a["outcome"] for a in found["permissions"]["answers"]}
    assert found["license"] == "CC-BY-NC-4.0"
    assert (outcomes["train"], outcomes["commercial"], outcomes["distribute_weights"]) == ("ALLOWED", "PROHIBITED", "UNKNOWN")
    assert provenance(tmp_path, "licenses", "show", "odbl", "--use", "distribute_weights") == 0
    printed = capsys.readouterr()
    assert "distribute_weights  UNKNOWN" in printed.out
    assert "attribution:required" in printed.out
    assert "not legal advice" in printed.err


def test_explain_names_the_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (answer,) = asked(tmp_path, capsys, "explain", "llama3", "--use", "train_on_outputs", "--monthly-active-users", "9")["answers"]
    assert (answer["outcome"], answer["rules"]) == ("PROHIBITED", ["RR09", "RR17"])
    assert provenance(tmp_path, "licenses", "explain", "MIT OR cc-by-nc-4.0", "--use", "train") == 0
    assert "chosen of several: MIT" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("MIT AND", "AND requires two or more"),
        ("MIT AND Foo-1.0", "'Foo-1.0'"),
        ("(" * 30 + "MIT", "no licence expression"),
        (" OR ".join(["MIT"] * 700), "characters are no licence expression"),
        ("(ISC AND (MIT OR " * 60 + "MIT" + "))" * 60, "nested deeper than 40"),
    ],
)
def test_what_is_written_as_an_expression_and_is_none_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    for command in ("show", "explain", "combine"):
        assert provenance(tmp_path, "licenses", command, text) == 1
        error = capsys.readouterr().err
        assert message in error
        assert "Traceback" not in error
        assert len(error.strip().splitlines()) <= 3


def test_a_name_that_nobody_knows_is_unknown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for text in ("ask Bob", "NOASSERTION", "\x1b[31mred", "LicenseRef-x"):
        found = asked(tmp_path, capsys, "show", text)
        assert {a["outcome"] for a in found["permissions"]["answers"]} == {"UNKNOWN"}
    assert provenance(tmp_path, "licenses", "show", "\x1b[31mred") == 0
    assert "\x1b[31m" not in capsys.readouterr().out


def test_combine_names_pairs_and_what_to_leave_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(tmp_path, capsys, "combine", "cc-by-sa-4.0", "gpl-2.0-only", "mit", "--use", "distribute_adapted_data")
    assert (found["compatible"], found["outcomes"]) == ("NO", {"distribute_adapted_data": "PROHIBITED"})
    assert [c["datasets"] for c in found["mixture"]["conflicts"]] == [["cc-by-sa-4.0", "gpl-2.0-only"]]
    assert len(found["mixture"]["leave_out"]) == 1
    assert provenance(tmp_path, "licenses", "combine", "cc-by-sa-4.0", "gpl-2.0-only") == 0
    assert "→ leave out" in capsys.readouterr().out
    assert provenance(tmp_path, "licenses", "combine") == 2
    assert provenance(tmp_path, "licenses", "combine", "mit", "--run", "run.yaml") == 2


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "run.yaml").write_text(RUN, encoding="utf-8")
    (tmp_path / "data").mkdir()
    for name, word in (("a", "lantern"), ("b", "harbour")):
        (tmp_path / "data" / f"{name}.jsonl").write_text(json.dumps({"text": f"The {word} keeper counted again."}) + "\n", encoding="utf-8")
    assert provenance(tmp_path, "-q", "init") == 0
    assert provenance(tmp_path, "-q", "register", "data/b.jsonl", "--dataset", "seeds", "--license", "CC-BY-NC-4.0", "--synthetic", "no") == 0
    manifest = """format: provenance.datasets
version: 1
datasets:
  - name: words
    synthetic: no
    license: {declared: MIT, database: ODbL-1.0, metadata: CC-BY-NC-4.0}
    derived_from: [seeds]
    shards: [a.jsonl]
"""
    (tmp_path / "datasets.yaml").write_text(manifest, encoding="utf-8")
    assert provenance(tmp_path, "-q", "register", "--manifest", "datasets.yaml") == 0
    return tmp_path


def test_a_run_is_combined_with_all_that_its_datasets_are_made_of(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = asked(work, capsys, "combine", "--run", "run.yaml")
    words = next(d for d in found["datasets"] if d["name"] == "words")
    assert [words["expression"], *words["also"]] == [
        "MIT",
        "ODbL-1.0",
        "CC-BY-NC-4.0",
    ]  # the metadata's licence is the same and counts once, for the seeds
    assert found["outcomes"] == {"train": "PROHIBITED", "distribute_weights": "PROHIBITED"}
    assert found["mixture"]["leave_out"] == ["seeds", "words"]
    assert provenance(work, "licenses", "combine", "--run", "run.yaml", "--non-commercial") == 2
    assert provenance(work, "licenses", "combine", "--run", "nowhere.yaml") == 1


def test_the_page_of_a_dataset_tells_the_three_licences_apart(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert provenance(work, "datasets", "show", "words") == 0
    printed = capsys.readouterr().out
    assert "licence declared   MIT" in printed
    assert printed.count("ODbL-1.0") >= 1
    assert printed.count("CC-BY-NC-4.0") >= 2  # of the seeds and of the metadata


def test_an_audit_reads_the_licence_of_the_database_and_whether_all_fit(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rule = """format: provenance.policy
version: 1
name: fit
release: 1.0.0
rules:
  - {id: Z001, title: Licences fit, for_each: run, require: 'run.license.compatible == "YES"', action: deny, remedies: [], message: 'they do not'}
  - {id: Z002, title: No flow-down, for_each: dataset, require: 'dataset.license.flow_down == "NO"', action: deny, remedies: [], message: 'it asks'}
  - {id: Z003, title: Database, for_each: dataset, require: 'dataset.license.database == "ODbL-1.0"', action: warn, remedies: [], message: 'other'}
"""
    (work / "fit.yaml").write_text(rule, encoding="utf-8")
    (work / "run.yaml").write_text(RUN.replace("baseline.yaml", "fit.yaml"), encoding="utf-8")
    capsys.readouterr()
    assert provenance(work, "audit", "run.yaml", "--no-report", "-f", "json") == 11
    record = json.loads(capsys.readouterr().out)
    outcomes = {(f["rule"], f["subject"]["id"]): f["outcome"] for f in record["findings"]}
    listed = {key: outcome for key, outcome in outcomes.items() if key[0].startswith("Z")}
    assert listed == {("Z001", "m"): "VIOLATED", ("Z003", "seeds"): "UNKNOWN"}  # what is satisfied is not listed


def test_check_lists_faults_with_their_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    assert provenance(tmp_path, "licenses", "check", "mine") == 3
    assert provenance(tmp_path, "licenses", "check", "nowhere") == 1
    (folder / "a.yaml").write_text("format: provenance.licenses\nversion: 1\nlicenses:\n  - {id: LicenseRef-a, use: comercial}\n", encoding="utf-8")
    capsys.readouterr()
    assert provenance(tmp_path, "licenses", "check", "mine") == 4
    assert "a.yaml:4:24: licence LicenseRef-a: use is 'comercial'" in capsys.readouterr().out
    (folder / "a.yaml").write_text("format: provenance.licenses\nversion: 1\nlicenses:\n  - {id: LicenseRef-a, use: commercial}\n", encoding="utf-8")
    assert asked(tmp_path, capsys, "check", "mine")["faults"] == []
