"""What the terminal is given: nothing that could steer it, and no name twice."""

from __future__ import annotations

import pytest

from provenance.cli.output import say_problems, visible
from provenance.model.match import ReadProblem


def test_text_from_corpora_cannot_steer_a_terminal() -> None:
    assert visible("a\x1b[31mb\u202ec\ud800\n") == "a\\u001b[31mb\\u202ec\\ud800\\u000a"


@pytest.mark.parametrize("place", ["", "/data/root/"])
def test_a_problem_names_its_file_once(capsys: pytest.CaptureFixture[str], place: str) -> None:
    say_problems([ReadProblem(path="a/b c.jsonl", line=None, record=None, message=f"{place}a/b c.jsonl: is empty: it has 0 bytes")])
    assert capsys.readouterr().err.splitlines()[0] == "  ! a/b c.jsonl: is empty: it has 0 bytes"


def test_a_message_that_names_another_file_stays_whole(capsys: pytest.CaptureFixture[str]) -> None:
    say_problems([ReadProblem(path="list.csv", line=3, record=None, message="see list.csv: it names a.jsonl")])
    assert capsys.readouterr().err.splitlines()[0] == "  ! list.csv:3: see list.csv: it names a.jsonl"
