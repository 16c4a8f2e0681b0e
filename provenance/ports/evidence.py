"""The store of bulky results beside the database, and what a scan leaves in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from provenance.fingerprint.wanted import RecordHit, Wanted
    from provenance.model.audit import MatchFinding
    from provenance.model.match import Match, Suspect
    from provenance.ports import Touched
    from provenance.ports.records import RecordKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFiles:
    """Digests of the files that keep what a scan found."""

    matches: str
    suspects: str
    """Empty where there are none."""
    touched: str


class ScanWriter(Protocol):
    """Takes what a scan finds as it is found, so that no shard's findings are in memory at once."""

    def add_matches(self, matches: Sequence[Match]) -> None:
        """Take matches, in order."""

    def add_suspects(self, suspects: Sequence[Suspect]) -> None:
        """Take suspects, in order."""

    def add_touched(self, touched: Touched) -> None:
        """Take what records touch, in order."""

    def publish(self) -> ScanFiles:
        """Store all of it."""


class RecordIndexWriter(Protocol):
    """Takes the keys of a shard's records as they are read."""

    def add(self, keys: RecordKeys) -> None:
        """Take keys, in order."""

    def publish(self) -> str:
        """Store all of them and return the digest."""


class FindingsWriter(Protocol):
    """Takes what rules find of matches as they are judged."""

    def add(self, rows: Sequence[MatchFinding]) -> None:
        """Take findings, in order."""

    def publish(self) -> str:
        """Store all of them and return the digest."""


@dataclass(frozen=True, slots=True)
class KeptTouched:
    """What an earlier scan tells of the segments its records touch."""

    dropped: tuple[int, ...]
    """Seed hits that caps left out, by segment."""
    pairs: Iterator[tuple[int, int]]
    """(record, number of a segment) of all records with matches, ordered."""


class EvidenceStore(Protocol):
    """Content-addressed store of bulky results beside the database."""

    def writing_scan(self) -> AbstractContextManager[ScanWriter]:
        """Give what takes the findings of a scan; what is not published at the end is gone."""

    def writing_findings(self) -> AbstractContextManager[FindingsWriter]:
        """Give what takes an audit's findings on matches; what is not published at the end is gone."""

    def iter_findings(self, digest: str) -> Iterator[MatchFinding]:
        """Verify stored findings on matches against their digest at once, and return what yields them."""

    def writing_records(self) -> AbstractContextManager[RecordIndexWriter]:
        """Give what takes the keys of a shard's records; what is not published at the end is gone."""

    def find_records(self, digest: str, wanted: Wanted) -> Iterator[RecordHit]:
        """Verify a record index against its digest at once, and return what yields the keys that somebody looks for."""

    def sweep(self) -> None:
        """Remove what processes that were killed left half written; what others are writing stays."""

    def iter_matches(self, digest: str) -> Iterator[Match]:
        """Verify stored matches against their digest at once, and return what yields them."""

    def iter_suspects(self, digest: str) -> Iterator[Suspect]:
        """Verify stored suspects against their digest at once, and return what yields them."""

    def get_touched(self, digest: str) -> KeptTouched:
        """Verify what says which segments a scan's records touch, and return what yields it."""

    def put_matches(self, matches: Iterable[Match]) -> str:
        """Store matches as Parquet and return the digest."""

    def get_matches(self, digest: str) -> list[Match]:
        """Return stored matches, verified against their digest."""

    def put_suspects(self, suspects: Iterable[Suspect]) -> str:
        """Store suspects as Parquet and return the digest."""

    def get_suspects(self, digest: str) -> list[Suspect]:
        """Return stored suspects, verified against their digest."""

    def put_bytes(self, raw: bytes, *, suffix: str) -> str:
        """Store bytes and return their digest."""

    def put_file(self, path: Path, *, suffix: str) -> str:
        """Store a copy of a file and return its digest; ``OSError`` where the file cannot be read."""

    def has(self, digest: str, *, suffix: str) -> bool:
        """Tell whether something of that digest was stored, without looking whether it is whole."""

    def get_bytes(self, digest: str, *, suffix: str) -> bytes:
        """Return stored bytes, verified against their digest."""
