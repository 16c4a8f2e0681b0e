"""What every command gets: where it works and how it speaks."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from provenance.bootstrap import Workspace
    from provenance.cli.progress import BarProgress
    from provenance.storage.stores import Stores
    from provenance.storage.urls import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandContext:
    """Global options. Heavy parts are made when asked for."""

    start: Path
    quiet: bool
    debug: bool
    database: str | None = None
    """URL of the registry, in the place of the one in the settings."""
    why: str = ""
    """What the user says of the reason, for the log."""

    def workspace(self) -> Workspace:
        """Open the workspace that ``start`` lies in.

        Raises:
            ConfigError: If there is none.
        """
        from provenance.bootstrap import open_workspace
        from provenance.cli.output import say

        return open_workspace(self.start, database=self.database, why=self.why, notify=lambda sentence: say(sentence, err=True))

    def progress(self) -> BarProgress:
        """Return a progress display: bars on a terminal's stderr, silence elsewhere."""
        from provenance.cli.progress import BarProgress

        return BarProgress(quiet=self.quiet)

    @property
    def actor(self) -> str:
        """The name that goes into the log."""
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            return "UNKNOWN"

    @property
    def stores(self) -> Stores:
        """What opens URLs, as the settings of this folder say."""
        from provenance.bootstrap import any_workspace

        return any_workspace(self.start).stores

    def place(self, given: Place) -> Place:
        """Return a path as ``path`` does, a URL as it is."""
        return self.path(given) if isinstance(given, Path) else given

    def path(self, given: Path) -> Path:
        """Return a path the user gave, relative to the folder worked in."""
        return given if given.is_absolute() else self.start / given
