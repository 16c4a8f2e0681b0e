"""Exports that somebody edited on the way: what only they state of content clears nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run
from provenance.exchange.exports import FORMATS
from provenance.model.claims import Evidence, LicenseClaim, LicenseFacts
from provenance.model.dataset import Dataset
from provenance.registry.session import SqlUnitOfWork
from tests.fakes.clock import FixedClock
from tests.fakes.values import shards, version

RUN = """format: provenance.run
version: 1
model: {name: m, release: {weights: closed}}
purpose: {commercial: true}
data: [{dataset: NAME}]
policy: [baseline.yaml]
"""
ROWS = "".join(f'{{"text": "The harbour master counted the lanterns, night {n}.", "license": "CC-BY-NC-4.0"}}\n' for n in range(3))
REGISTER = ("register", "data/a.jsonl", "--dataset", "words", "--license", "CC0-1.0", "--synthetic", "no", "--license-field", "license")
Edit = Callable[[dict[str, Any]], None]


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def workspace(folder: Path, rows: str = ROWS) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "a.jsonl").write_text(rows, encoding="utf-8")
    assert provenance(folder, "init") == 0
    return folder


def edited(folder: Path, edit: Edit, rows: str = ROWS, register: tuple[str, ...] = REGISTER) -> Path:
    """Return the native export of a registry of the same rows, of which somebody edited every line."""
    elsewhere = workspace(folder / "elsewhere", rows)
    assert provenance(elsewhere, *register) == 0
    assert provenance(elsewhere, "export", "-f", "native", "-o", str(folder / "x.jsonl")) == 0
    lines = [json.loads(line) for line in (folder / "x.jsonl").read_text(encoding="utf-8").splitlines()]
    for line in lines:
        edit(line)
    (folder / "x.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return folder / "x.jsonl"


def audited(folder: Path, capsys: pytest.CaptureFixture[str], name: str = "words") -> Any:
    (folder / "run.yaml").write_text(RUN.replace("NAME", name), encoding="utf-8")
    capsys.readouterr()
    provenance(folder, "audit", "run.yaml", "-f", "json")
    return json.loads(capsys.readouterr().out)


def open_rules(record: Any) -> set[str]:
    return {f["rule"] for f in record["findings"] if f["outcome"] != "SATISFIED"}


def no_licenses(line: dict[str, Any]) -> None:
    if "licenses" in line:
        line["licenses"] = []


def free_licenses(line: dict[str, Any]) -> None:
    for part in line.get("licenses", []):
        part["value"] = "CC0-1.0"


@pytest.mark.parametrize("edit", [no_licenses, free_licenses])
def test_licences_of_records_that_only_an_import_states_clear_nothing(tmp_path: Path, edit: Edit, capsys: pytest.CaptureFixture[str]) -> None:
    export = edited(tmp_path, edit)
    here = workspace(tmp_path / "here")
    assert provenance(here, "import", str(export)) == 0
    record = audited(here, capsys)
    assert record["verdict"] == "BLOCKED"
    assert "L001" in open_rules(record)
    told = [e["summary"] for f in record["findings"] for e in f["evidence"]]
    assert any("register the files: provenance register" in text for text in told)


def test_registering_the_files_reads_what_an_import_stated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    free = ROWS.replace("CC-BY-NC-4.0", "CC0-1.0")
    export = edited(tmp_path, lambda line: None, free)
    here = workspace(tmp_path / "here", free)
    assert provenance(here, "import", str(export)) == 0
    assert "L001" in open_rules(audited(here, capsys))
    assert provenance(here, *REGISTER) == 0
    assert open_rules(audited(here, capsys)) == {"R003"}  # the run names no reference set


@pytest.mark.parametrize("rows", [ROWS, ROWS.replace("CC-BY-NC-4.0", "CC0-1.0")])
def test_bytes_that_were_read_here_need_no_word_of_an_import(tmp_path: Path, rows: str, capsys: pytest.CaptureFixture[str]) -> None:
    export = edited(tmp_path, lambda line: None, rows)
    here = workspace(tmp_path / "here", rows)
    assert provenance(here, "register", "data/a.jsonl", "--dataset", "mine", *REGISTER[4:]) == 0
    alone = open_rules(audited(here, capsys, "mine"))
    assert provenance(here, "import", str(export)) == 0
    assert open_rules(audited(here, capsys, "mine")) == alone


def test_what_is_made_of_an_import_inherits_that_nobody_knows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = edited(tmp_path, no_licenses)
    here = workspace(tmp_path / "here")
    assert provenance(here, "import", str(export)) == 0
    (here / "data" / "b.jsonl").write_text('{"text": "Lanterns were counted at the harbour."}\n', encoding="utf-8")
    assert provenance(here, "register", "data/b.jsonl", "--dataset", "made", "--license", "CC0-1.0", "--synthetic", "no") == 0
    assert "L001" not in open_rules(audited(here, capsys, "made"))
    assert provenance(here, "datasets", "derive", "made", "--from", "words", "--transform", "translate") == 0
    assert "L001" in open_rules(audited(here, capsys, "made"))


def test_words_that_only_an_import_states_count_for_no_share(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def edit(line: dict[str, Any]) -> None:
        if "words" in line:
            line["words"] = 1

    export = edited(tmp_path, edit, register=REGISTER[:-2])
    here = workspace(tmp_path / "here")
    assert provenance(here, "import", str(export)) == 0
    imported = audited(here, capsys)
    assert imported["totals"]["words"] == 0
    assert provenance(here, *REGISTER[:-2]) == 0
    assert audited(here, capsys)["totals"]["words"] == 3 * 8


GPL = ("register", "data/a.jsonl", "--dataset", "words", "--license", "GPL-3.0-only", "--synthetic", "no")
EVIDENCE = {"url": "NOT_STATED", "fetched_at": "2026-01-15", "sha256": "UNKNOWN", "snapshot": "UNKNOWN"}
WHOLE = {"value": "CC0-1.0", "original": "", "by": "legal", "evidence": EVIDENCE}


def concluding(claim: dict[str, Any], because: str = "read the contract") -> Edit:
    def edit(line: dict[str, Any]) -> None:
        if "dataset" in line:
            line["dataset"].setdefault("license", {})["concluded"] = claim
            line["dataset"].setdefault("details", {})["conclusion"] = because

    return edit


def license_here(folder: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    capsys.readouterr()
    assert provenance(folder, "datasets", "show", "words", "-f", "json") == 0
    return json.loads(capsys.readouterr().out)["dataset"]["license"]


@pytest.mark.parametrize(
    ("claim", "because", "lacks"),
    [
        ({**WHOLE, "by": ""}, "read", "by"),
        ({**WHOLE, "by": " "}, "read", "by"),
        ({**WHOLE, "by": "UNKNOWN"}, "read", "by"),
        ({**WHOLE, "evidence": {**EVIDENCE, "fetched_at": "UNKNOWN"}}, "read", "at"),
        ({**WHOLE, "evidence": {**EVIDENCE, "fetched_at": "2026-13-01"}}, "read", "at"),
        (WHOLE, "", "because"),
        (WHOLE, "NOT_STATED", "because"),
        ({**WHOLE, "by": "", "evidence": {**EVIDENCE, "fetched_at": ""}}, "", "by, at, because"),
    ],
)
def test_a_conclusion_that_nobody_stands_for_overrules_nothing(
    tmp_path: Path, claim: dict[str, Any], because: str, lacks: str, capsys: pytest.CaptureFixture[str]
) -> None:
    export = edited(tmp_path, concluding(claim, because), register=GPL)
    here = workspace(tmp_path / "here")
    for options in ((), ("--replace-facts",)):
        assert provenance(here, "import", str(export), *options) == 4
        assert f"is not taken, it lacks {lacks}: a conclusion needs" in capsys.readouterr().err
        facts = license_here(here, capsys)
        assert (facts["declared"]["value"], facts["concluded"]["value"]) == ("GPL-3.0-only", "UNKNOWN")
        assert [c["value"] for c in facts["stated"]] == ["CC0-1.0"]
        assert "L004" in open_rules(audited(here, capsys))


def test_a_conclusion_that_somebody_stands_for_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export = edited(tmp_path, concluding(WHOLE), register=GPL)
    here = workspace(tmp_path / "here")
    assert provenance(here, "import", str(export)) == 0
    assert license_here(here, capsys)["concluded"]["value"] == "CC0-1.0"


def test_exports_of_other_formats_are_held_to_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    elsewhere, here = workspace(tmp_path / "elsewhere"), workspace(tmp_path / "here")
    baseless = LicenseClaim(value="CC0-1.0", by="", evidence=Evidence())
    facts = LicenseFacts(declared=LicenseClaim(value="GPL-3.0-only", by="registrant"), concluded=baseless)
    units = SqlUnitOfWork(f"sqlite:///{elsewhere / '.provenance' / 'registry.db'}", FixedClock())
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(version(Dataset(name="words", license=facts), shards(1)))
    units.close()
    for form in ("csv", *FORMATS):
        target = tmp_path / f"x-{form}.{'csv' if form == 'csv' else 'md' if form == 'hf-card' else 'json'}"
        assert provenance(elsewhere, "export", "words", "-f", form, "-o", str(target)) == 0
        assert provenance(here, "import", str(target)) == 4, form
        assert "is not taken, it lacks by, at, because" in capsys.readouterr().err
        found = license_here(here, capsys)
        assert (found["declared"]["value"], found["concluded"]["value"]) == ("GPL-3.0-only", "UNKNOWN")


def test_records_that_contradict_what_is_declared_go_to_review(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    free = ROWS.replace("CC-BY-NC-4.0", "CC-BY-4.0")
    here = workspace(tmp_path / "here", free)
    assert provenance(here, *REGISTER) == 0
    assert "L004" in open_rules(audited(here, capsys))
    (here / "data" / "a.jsonl").write_text(free.replace("CC-BY-4.0", "CC0-1.0"), encoding="utf-8")
    assert provenance(here, *REGISTER) == 0
    assert "L004" not in open_rules(audited(here, capsys))
