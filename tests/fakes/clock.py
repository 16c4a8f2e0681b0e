"""Clocks for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FixedClock:
    """Always tells the same time."""

    def __init__(self, at: str = "2026-03-01T12:00:00Z") -> None:
        self.at = at

    def now(self) -> str:
        return self.at


class TickingClock:
    """Goes on by one second whenever it is asked."""

    def __init__(self, start: str = "2026-03-01T12:00:00Z") -> None:
        self._next = datetime.fromisoformat(start)

    def now(self) -> str:
        at = self._next
        self._next += timedelta(seconds=1)
        return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
