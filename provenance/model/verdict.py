"""What an audit decides. A module of its own, since the gate needs it and nothing else of what findings are."""

from __future__ import annotations

from enum import StrEnum


class VerdictKind(StrEnum):
    """What an audit decides."""

    CLEARED = "CLEARED"
    REVIEW = "REVIEW"
    BLOCKED = "BLOCKED"
