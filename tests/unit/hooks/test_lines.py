"""What the gate says fits a terminal, and stays whole everywhere else."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.columns import width
from provenance.hooks.gate import TrainingBlocked, denial_lines
from provenance.hooks.lines import fitting

REASON = "shard chats/part-00.jsonl: its bytes are not those that were cleared: expected sha256:0123456789abcdef, got sha256:fedcba9876543210 on this machine"
DENIAL = TrainingBlocked(
    [REASON, "日本語の" * 30, "short"], hint="audit again: provenance audit run.yaml, then provenance clear", clearance="/runs/" + "a" * 90
)


class Terminal(io.StringIO):
    """A terminal that does not tell its size."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError("no number")


def test_a_log_keeps_whole_lines() -> None:
    lines = denial_lines(DENIAL)
    assert fitting(lines, io.StringIO()) == lines
    closed = io.StringIO()
    closed.close()
    assert fitting(lines, closed) == lines


def test_on_a_terminal_lines_fit_and_go_on_below_their_text() -> None:
    lines = denial_lines(DENIAL)
    made = fitting(lines, Terminal())
    assert [line for line in made if width(line) > 80 and len(line.split()) > 2] == []  # a label and a path that is longer than a line
    assert made[0] == lines[0]
    (first,) = [i for i, line in enumerate(made) if line.startswith("  because    ")]
    assert all(line.startswith(" " * 13) for line in made[first + 1 : first + 3])
    assert " ".join(" ".join(made).split()) == " ".join(" ".join(lines).split())


@given(st.lists(st.text(alphabet="ab 日=", max_size=200), max_size=5))
def test_wrapping_loses_no_word(lines: list[str]) -> None:
    made = fitting(lines, Terminal())
    assert " ".join(made).split() == " ".join(lines).split() or any(set(line) == {"="} and len(line) > 80 for line in lines)
    assert all(width(line) <= 80 or " " not in line.strip() for line in made)


_SAY = "from provenance.hooks.gate import announce, TrainingBlocked; announce(TrainingBlocked([{reason!r}], hint='mend it', clearance='c'))"


@pytest.mark.parametrize(("columns", "widest"), [(60, 60), (80, 80), (20, 40)])
def test_a_real_terminal_of_some_width(columns: int, widest: int) -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-c", _SAY.format(reason=REASON)]
    subprocess.run(command, stderr=theirs, check=True, cwd=Path(__file__).parents[3], env=os.environ | {"COLUMNS": "200"})
    os.close(theirs)
    told = os.read(ours, 10_000).decode().splitlines()
    os.close(ours)
    assert max(map(width, told)) <= widest
    assert told[0] == told[-1] == "=" * min(78, widest)
