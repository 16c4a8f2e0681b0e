"""Progress is one line on a terminal, nothing elsewhere, and never in the way."""

from __future__ import annotations

import io
import sys

import pytest

from provenance.hooks import progress
from provenance.hooks.progress import Progress, progress_line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(progress, "FIRST_S", -1.0)
    monkeypatch.setattr(progress, "EVERY_S", -1.0)
    counter = Progress()
    counter.begin(2, 2_000_000)
    counter.advance(1_000_000)
    counter.end()
    return stderr.getvalue()


def test_a_terminal_sees_a_line_that_is_taken_away_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    said = shown(Terminal(), monkeypatch)
    assert "provenance: checking 2 file(s)  50 % of 2 MB" in said
    assert said.endswith("\r\x1b[K")
    assert "\n" not in said


def test_elsewhere_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(io.StringIO(), monkeypatch) == ""


def test_a_terminal_that_has_gone_does_not_end_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = Terminal()
    monkeypatch.setattr(sys, "stderr", gone)
    monkeypatch.setattr(progress, "FIRST_S", -1.0)
    monkeypatch.setattr(progress, "EVERY_S", -1.0)
    counter = Progress()
    gone.close()
    counter.begin(1, 10)
    counter.advance(5)
    counter.end()


def test_the_line_tells_rate_and_time_left_within_a_terminals_width() -> None:
    assert progress_line(10, 250_000_000, 1_000_000_000, 0.25) == "provenance: checking 10 file(s)  25 % of 1,000 MB  1,000 MB/s  1 s left"
    assert progress_line(1, 1_000_000, 3_601_000_000, 1.0).endswith("1 MB/s  60 min left")
    assert len(progress_line(10**9, 10**15, 10**18, 10.0)) <= 79
