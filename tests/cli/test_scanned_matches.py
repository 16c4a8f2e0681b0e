"""Matches of scans can be looked at without a run and an audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from provenance.cli.main import run
from tests.fakes.matching import make_words

ANSWERS = [" ".join(make_words(60, seed)) for seed in range(2)]
SCAN = ("-q", "scan", "--jobs", "1")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    (tmp_path / "known.jsonl").write_text(
        "".join(json.dumps({"id": f"k{n}", "text": text, "title": "Known"}) + "\n" for n, text in enumerate(ANSWERS))
    )
    (tmp_path / "data" / "a.jsonl").write_text(json.dumps({"text": f"Before it. {ANSWERS[1]} After it."}) + "\n")
    (tmp_path / "data" / "b.jsonl").write_text(json.dumps({"text": "Nothing that anybody else has said before."}) + "\n")
    here = ("-C", str(tmp_path), "-q")
    assert run([*here, "init"]) == 0
    assert run([*here, "register", "data/*.jsonl", "--dataset", "mine"]) == 0
    assert run([*here, "reference", "add", "known", str(tmp_path / "known.jsonl"), "--kind", "work"]) == 0
    return tmp_path


def listed(work: Path, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert run(["-C", str(work), "matches", "list", "--scans", "--format", "json", *options]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_matches_of_scans_are_listed_and_shown_with_their_words(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(work), "scan", "--jobs", "1"]) == 0
    assert "Next: provenance matches list --scans\n" in capsys.readouterr().err
    (found,) = listed(work, capsys)
    assert (found["dataset"], found["match"]["path"], found["match"]["aligned_words"]) == ("mine", "a.jsonl", 60)
    assert (found["reference"]["id"], found["reference"]["title"]) == ("k1", "Known")
    assert run(["-C", str(work), "matches", "list", "--scans"]) == 0
    assert "k1" in capsys.readouterr().out
    assert run(["-C", str(work), "matches", "show", "--scans", found["id"][7:15]]) == 0
    said = capsys.readouterr().out
    assert "60 words shared in a passage of 60" in said
    assert ANSWERS[1].split()[30] in said
    assert listed(work, capsys, "--reference", "k0") == []


def test_shards_without_a_current_scan_are_told(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(work), "matches", "list", "--scans"]) == 1
    assert "no shard has a current scan against known" in capsys.readouterr().err
    assert run(["-C", str(work), *SCAN]) == 0
    (work / "data" / "c.jsonl").write_text(json.dumps({"text": ANSWERS[0]}) + "\n")
    assert run(["-C", str(work), "-q", "register", "data/*.jsonl", "--dataset", "mine"]) == 0
    assert [m["match"]["path"] for m in listed(work, capsys)] == ["a.jsonl"]
    assert run(["-C", str(work), "matches", "list", "--scans"]) == 0
    assert "1 shard of 3 not scanned against known: their matches are not known" in capsys.readouterr().err


def test_scans_against_some_sets_are_named(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (work / "other.txt").write_text(" ".join(make_words(80, 9)))
    assert run(["-C", str(work), *SCAN]) == 0
    assert run(["-C", str(work), "-q", "reference", "add", "other", str(work / "other.txt")]) == 0
    assert run(["-C", str(work), "matches", "list", "--scans"]) == 1
    assert [m["reference"]["id"] for m in listed(work, capsys, "--against", "known")] == ["k1"]


def test_words_of_a_shard_that_changed_are_not_at_hand(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(work), *SCAN]) == 0
    (work / "data" / "a.jsonl").write_text(json.dumps({"text": f"Before it! {ANSWERS[1]} After it."}) + "\n")
    capsys.readouterr()
    assert run(["-C", str(work), "matches", "show", "--scans"]) == 0
    assert "the words are not at hand" in capsys.readouterr().out


def test_what_cannot_be_meant_is_refused(work: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["-C", str(work), *SCAN]) == 0
    for wrong in (("--against", "known"), ("abc", "--scans"), ("--scans", "--finding", "C001")):
        assert run(["-C", str(work), "matches", "list", *wrong]) == 2
    capsys.readouterr()
    assert run(["-C", str(work), "matches", "list"]) == 1
    assert "for scans without an audit add --scans" in capsys.readouterr().err
