"""How long a passage must be for an alarm: set in provenance.toml or for one command, told in the audit record, refused where it makes no sense."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from provenance.cli.main import run

NOVEL = Path(__file__).parent.parent.parent / "examples" / "sample" / "references" / "the-man-who-was-thursday.txt"
RUN = "format: provenance.run\nversion: 1\nmodel: {name: m}\ndata: [{dataset: d}]\nreferences: [novel]\npolicy: [baseline.yaml]\n"


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A workspace with two records: one shares 30 words with a novel, the other 20."""
    words = re.findall(r"[A-Za-z]+", NOVEL.read_text(encoding="utf-8"))
    texts = [f"What was said on that day? {' '.join(words[at : at + length])} So much for that." for at, length in ((5000, 30), (9000, 20))]
    assert provenance(tmp_path, "init") == 0
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "d.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    (tmp_path / "run.yaml").write_text(RUN, encoding="utf-8")
    assert provenance(tmp_path, "reference", "add", "novel", str(NOVEL), "--kind", "work") == 0
    return tmp_path


def provenance(folder: Path, *arguments: str) -> int:
    return run(["-C", str(folder), "-q", *arguments])


def set_bound(folder: Path, value: str) -> None:
    (folder / "provenance.toml").write_text(f'[roots]\ndata = "data"\n[matching]\nmin_words = {value}\n', encoding="utf-8")


def reasons(work: Path, capsys: pytest.CaptureFixture[str], *options: str, reference: str = "novel") -> list[str | None]:
    """Why each record's passage is no alarm, ``None`` where it is one."""
    capsys.readouterr()
    assert provenance(work, "match", "data/d.jsonl", "--reference", reference, "-f", "jsonl", *options) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [m["record"] for m in found] == [0, 1]
    return [m["because"] for m in found]


@pytest.mark.parametrize("reference", ["novel", str(NOVEL)])
def test_the_bound_is_24_words_or_what_the_settings_say_or_the_command(work: Path, capsys: pytest.CaptureFixture[str], reference: str) -> None:
    assert reasons(work, capsys, reference=reference) == [None, "short-passage"]
    assert reasons(work, capsys, "--min-words", "40", reference=reference) == ["short-passage", "short-passage"]
    set_bound(work, "18")
    assert reasons(work, capsys, reference=reference) == [None, None]
    assert reasons(work, capsys, "--min-words", "24", reference=reference) == [None, "short-passage"]


def test_an_audit_keeps_to_the_bound_and_names_it_and_another_bound_scans_anew(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert provenance(work, "register", "data/d.jsonl", "--dataset", "d") == 0

    def audit() -> tuple[list[int], list[str]]:
        capsys.readouterr()
        provenance(work, "audit", "run.yaml", "-f", "json")
        record = json.loads(capsys.readouterr().out)
        loud = [e["match"]["record"] for e in record["evidence"] if not e["match"]["explained"]]
        return loud, [limit for limit in record["limits"] if "fewer than" in limit]

    assert audit() == ([0], ["Passages of fewer than 24 words are listed as explained, and are no alarms by themselves."])
    set_bound(work, "15")
    assert audit() == ([0, 1], ["Passages of fewer than 15 words are listed as explained, and are no alarms by themselves."])


@pytest.mark.parametrize("value", ["14", "25", "200", "1001", "24.5", "true", '"24"'])
def test_a_bound_that_makes_no_sense_or_hides_passages_from_the_rules_is_refused(work: Path, capsys: pytest.CaptureFixture[str], value: str) -> None:
    assert provenance(work, "register", "data/d.jsonl", "--dataset", "d", "--license", "CC0-1.0", "--synthetic", "no") == 0
    set_bound(work, value)
    for command in (("match", "data/d.jsonl", "--reference", "novel"), ("audit", "run.yaml", "--no-report")):
        capsys.readouterr()
        assert provenance(work, *command) == 1
        said = capsys.readouterr().err
        assert "provenance.toml: min_words is" in said
        assert "expected a whole number from 15 to 24" in said
        assert "provenance match --min-words" in said


def test_a_misspelt_bound_is_refused(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "provenance.toml").write_text("[matching]\nminwords = 24\n", encoding="utf-8")
    capsys.readouterr()
    assert provenance(work, "audit", "run.yaml") == 1
    assert "min_words and nothing else" in capsys.readouterr().err
