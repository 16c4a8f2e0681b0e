"""Progress bars: bytes, rate and time left, on stderr, only where it is a terminal."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from provenance.cli.output import visible


class BarProgress:
    """Draws ``ports.Progress``."""

    def __init__(self, *, quiet: bool) -> None:
        """Make a display that is silent when asked to be, or where stderr is no terminal."""
        self._shown = not quiet and sys.stderr.isatty()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def start(self, label: str, total_bytes: int) -> None:
        """Begin a stage."""
        self.finish()
        if not self._shown:
            return
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bar.add_task(label, total=total_bytes or None, note="")
        self._bar.start()

    def advance(self, n_bytes: int) -> None:
        """Add bytes done."""
        if self._bar is not None and self._task is not None:
            self._bar.advance(self._task, n_bytes)

    def note(self, text: str) -> None:
        """Name the thing in hand."""
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, note=visible(text)[-24:])

    def finish(self) -> None:
        """End the stage."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
