"""Names for what is not known. ``None`` never means "fine"."""

from __future__ import annotations

from enum import StrEnum


class Absence(StrEnum):
    """Why a fact has no value."""

    NOT_STATED = "NOT_STATED"
    """Somebody looked, and the source says nothing."""
    UNREADABLE = "UNREADABLE"
    """Something is there, and it could not be read."""
    UNKNOWN = "UNKNOWN"
    """Nobody has looked, or looking did not tell."""


ABSENCES: frozenset[str] = frozenset(Absence)
"""The reserved strings: a text field that holds one of these holds no value."""


class TriState(StrEnum):
    """A yes-or-no fact that may be unknown."""

    YES = "YES"
    NO = "NO"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def of(cls, value: bool | None) -> TriState:
        """Return YES, NO, or UNKNOWN for ``None``."""
        return cls.UNKNOWN if value is None else cls.YES if value else cls.NO


class Permission(StrEnum):
    """What terms or a licence say about one use."""

    ALLOWED = "ALLOWED"
    PROHIBITED = "PROHIBITED"
    UNKNOWN = "UNKNOWN"


def is_absent(value: str | None) -> bool:
    """Tell whether a text fact has no value."""
    return value is None or value == "" or value in ABSENCES
