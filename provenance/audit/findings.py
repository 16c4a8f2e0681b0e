"""What is found in a shard, counted as it is found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from provenance.model.match import Match, Suspect, SuspectCount
from provenance.ports import Touched
from provenance.ports.evidence import EvidenceStore


class Findings(Protocol):
    """Takes what is found."""

    def add_matches(self, matches: Sequence[Match]) -> None:
        """Take matches, in order."""

    def add_suspects(self, suspects: Sequence[Suspect]) -> None:
        """Take suspects, in order."""

    def add_touched(self, touched: Touched) -> None:
        """Take what records touch, in order."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Keeps what is found in lists. Which segments records touch is of no use without a registry, and forgotten."""

    matches: list[Match] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)

    def add_matches(self, matches: Sequence[Match]) -> None:
        """Keep matches."""
        self.matches.extend(matches)

    def add_suspects(self, suspects: Sequence[Suspect]) -> None:
        """Keep suspects."""
        self.suspects.extend(suspects)

    def add_touched(self, touched: Touched) -> None:
        """Forget it."""
        del touched


@dataclass(frozen=True, slots=True)
class KeptMatches:
    """The matches that the evidence keeps of one shard, read anew each time they are gone through: there may be millions."""

    evidence: EvidenceStore
    digest: str
    path: str
    """Where the shard is now: equal bytes under another name share one scan."""

    def __iter__(self) -> Iterator[Match]:
        """Yield them in order, 20,000 in memory at a time.

        Raises:
            RegistryError: If the evidence was lost or changed since it was looked for.
        """
        for match in self.evidence.iter_matches(self.digest):
            yield match if match.path == self.path else replace(match, path=self.path, doc_id=_renamed(match, self.path))


def _renamed(match: Match, path: str) -> str:
    return f"{path}#{match.record}" if match.doc_id == f"{match.path}#{match.record}" else match.doc_id


class Seen:
    """A set of records, one bit each up to the highest: they come in no order, and there may be very many."""

    def __init__(self) -> None:
        """Hold none."""
        self._bits = bytearray()

    def add(self, record: int) -> bool:
        """Put a record in; tell whether it is new."""
        place, bit = record >> 3, 1 << (record & 7)
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1 - len(self._bits) + len(self._bits) // 8))
        is_new = not self._bits[place] & bit
        self._bits[place] |= bit
        return is_new


@dataclass(slots=True)
class Tally:
    """Counts what is found and passes it on."""

    findings: Findings
    matches: int = 0
    alarms: int = 0
    dropped: int = 0
    suspected_records: int = 0
    _counts: dict[str, SuspectCount] = field(default_factory=dict)
    _seen: dict[str, Seen] = field(default_factory=dict)
    """Records of each pattern; the empty one stands for all together."""

    def add_matches(self, matches: Sequence[Match]) -> None:
        """Count matches and pass them on."""
        self.matches += len(matches)
        self.alarms += sum(not m.explained for m in matches)
        self.findings.add_matches(matches)

    def add_touched(self, touched: Touched) -> None:
        """Count dropped seeds and pass on what is touched."""
        self.dropped += sum(touched.dropped)
        self.findings.add_touched(touched)

    def add_suspects(self, suspects: Sequence[Suspect]) -> None:
        """Count the records of each pattern, and pass the suspects on."""
        for s in suspects:
            self.suspected_records += self._seen.setdefault("", Seen()).add(s.record)
            if self._seen.setdefault(s.pattern, Seen()).add(s.record):
                before = self._counts.get(s.pattern)
                self._counts[s.pattern] = SuspectCount(pattern=s.pattern, kind=s.kind, records=1 if before is None else before.records + 1)
        self.findings.add_suspects(suspects)

    @property
    def suspects(self) -> tuple[SuspectCount, ...]:
        """In how many records each pattern was found."""
        return tuple(self._counts[name] for name in sorted(self._counts))


def add_counts(counts: Iterable[SuspectCount]) -> tuple[SuspectCount, ...]:
    """Return the counts of several shards together."""
    total: dict[str, SuspectCount] = {}
    for count in counts:
        before = total.get(count.pattern)
        total[count.pattern] = count if before is None else replace(count, records=count.records + before.records)
    return tuple(total[name] for name in sorted(total))
