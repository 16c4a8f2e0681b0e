"""What could not be read: stored up to a limit, counted without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from provenance.model.match import ReadProblem

MAX_STORED_PROBLEMS = 1_000
"""A file of broken lines must not fill the memory; the count goes on."""


class ProblemLog:
    """The problems of one shard, in the order they were met."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._stored: list[ReadProblem] = []
        self._count = 0

    def add(self, message: str, *, line: int | None = None, record: int | None = None) -> None:
        """Note that a part could not be read.

        Args:
            message: What was found and what was expected, lower case.
            line: 1-based line, ``None`` where the format has no lines.
            record: 0-based record, ``None`` where it is not about one record.
        """
        self._count += 1
        if len(self._stored) < MAX_STORED_PROBLEMS:
            self._stored.append(ReadProblem(path=self._path, line=line, record=record, message=message))

    @property
    def count(self) -> int:
        """Problems met, those beyond the stored ones included."""
        return self._count

    @property
    def items(self) -> Sequence[ReadProblem]:
        """The stored problems; where more were met, a last one says how many."""
        more = self._count - len(self._stored)
        if not more:
            return tuple(self._stored)
        return (*self._stored, ReadProblem(path=self._path, line=None, record=None, message=f"and {more:,} more problems that are not listed"))


def json_kind(value: object) -> str:
    """Return what a JSON value is, with its article, for messages."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null", int: "a number", float: "a number"}
    return names.get(type(value), "a value")


def list_names(names: Mapping[str, object]) -> str:
    """Return up to twelve field names for a message, or that there are none."""
    shown = [repr(name[:40]) for name in list(names)[:12]]
    more = len(names) - len(shown)
    return (", ".join(shown) + (f" and {more} more" if more > 0 else "")) or "none"
