"""Scan a shard anew, or carry an earlier scan over to the references of today: what they cannot have changed is taken from it.

An earlier scan serves if it is of the same shard read in the same way and judged by the same rules, if the segments that are in both stand in the same order,
and if all that it left is whole. Then only the segments that came are looked for, and only those records are matched in full that they touch, or that touched
segments which went (``matching.touched`` says why that is all). The result is the same, to the byte, as that of a new scan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from provenance.audit.findings import Tally
from provenance.canonical import canonical_bytes
from provenance.errors import RegistryError
from provenance.matching.rows import take_rows
from provenance.model.match import Match, ScanResult, Suspect
from provenance.ports import Matcher, OpenSegmentKey, SuspectFinder, TextBatch, Touched
from provenance.ports.evidence import EvidenceStore, KeptTouched

EARLIER_SCANS = 4
"""Earlier scans of a shard among which the nearest is chosen."""
SEGMENTS_SUFFIX = ".segments.json"
_FORMAT = {"format": "provenance.segments", "version": 1}
Item = TypeVar("Item")


class UnfitBasisError(Exception):
    """An earlier scan turned out not to be of these rows; never leaves ``audit``: the shard is scanned anew."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a match says of where it was found."""

    path: str
    shard: str
    scan: str


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier scan and the digest of its matches."""

    result: ScanResult
    matches: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """An earlier scan that serves, opened."""

    result: ScanResult
    matches: Iterator[Match]
    suspects: Iterator[Suspect]
    touched: KeptTouched
    added: tuple[int, ...]
    """Segments that came."""
    renumbered: Mapping[int, int]
    """What number each segment has today that stayed; those that went have none."""


class Step(Protocol):
    """What is done with each batch of a shard."""

    def take(self, batch: TextBatch) -> None:
        """Find what is in a batch."""

    def end(self) -> None:
        """Do what is left once the shard is read."""

    @property
    def words(self) -> int:
        """Words of the shard."""


def write_segments(segments: Sequence[OpenSegmentKey]) -> bytes:
    """Return the file that lists what a scan compares with."""
    return canonical_bytes({**_FORMAT, "segments": [{"digest": s.digest, "words": s.words} for s in segments]})


def read_segments(raw: bytes) -> tuple[OpenSegmentKey, ...]:
    """Return what such a file lists.

    Raises:
        RegistryError: If it is none.
    """
    try:
        document = orjson.loads(raw)
        if {name: document[name] for name in _FORMAT} != _FORMAT:
            raise RegistryError(f"a list of segments is of format {document['format']} {document['version']}")
        return tuple(OpenSegmentKey(digest=str(s["digest"]), words=int(s["words"])) for s in document["segments"])
    except (ValueError, TypeError, KeyError) as err:
        raise RegistryError(f"a list of segments cannot be read: {err}") from err


def find_basis(earlier: Sequence[Earlier], segments: Sequence[OpenSegmentKey], evidence: EvidenceStore, *, path: str) -> Basis | None:
    """Return the earlier scan that is nearest to one with these segments, ``None`` where none serves."""
    plans = []
    for number, scan in enumerate(earlier):
        plan = _plan(scan, segments, evidence) if scan.result.path == path else None
        if plan is not None:
            plans.append((plan[0], number, plan[1]))
    for _, number, renumbered in sorted(plans, key=lambda plan: plan[:2]):
        basis = _open(earlier[number], renumbered, len(segments), evidence)
        if basis is not None:
            return basis
    return None


def _plan(scan: Earlier, segments: Sequence[OpenSegmentKey], evidence: EvidenceStore) -> tuple[int, Mapping[int, int]] | None:
    """Return the words of the segments that came and went, and what became of the numbers of those that stayed."""
    try:
        before = read_segments(evidence.get_bytes(scan.result.segments, suffix=SEGMENTS_SUFFIX))
    except RegistryError:
        return None
    numbers = {s.digest: i for i, s in enumerate(segments)}
    renumbered = {i: numbers[s.digest] for i, s in enumerate(before) if s.digest in numbers}
    is_repeated = len(numbers) < len(segments) or len({s.digest for s in before}) < len(before)
    if is_repeated or not renumbered or list(renumbered.values()) != sorted(renumbered.values()):
        return None
    stayed = set(renumbered.values())
    came = sum(s.words for i, s in enumerate(segments) if i not in stayed)
    return came + sum(s.words for i, s in enumerate(before) if i not in renumbered), renumbered


def _open(scan: Earlier, renumbered: Mapping[int, int], segments: int, evidence: EvidenceStore) -> Basis | None:
    result, stayed = scan.result, set(renumbered.values())
    try:
        touched = evidence.get_touched(result.touched)
        if sum(touched.dropped) != result.dropped_seeds or max(renumbered) >= len(touched.dropped):
            return None
        return Basis(
            result=result,
            matches=_from_basis(evidence.iter_matches(scan.matches)),
            suspects=_from_basis(evidence.iter_suspects(result.suspects_evidence)) if result.suspects_evidence else iter(()),
            touched=touched,
            added=tuple(i for i in range(segments) if i not in stayed),
            renumbered=renumbered,
        )
    except RegistryError:
        return None


def _from_basis(items: Iterator[Item]) -> Iterator[Item]:
    """Yield what an earlier scan left; where it cannot be read to its end, that scan is unfit, and nothing else is wrong."""
    try:
        yield from items
    except RegistryError as err:
        raise UnfitBasisError(str(err)) from err


class NewScan:
    """Matches every record of a shard in full. Satisfies ``Step``."""

    def __init__(self, matcher: Matcher, suspects: SuspectFinder, place: Place, tally: Tally) -> None:
        self._matcher, self._suspects, self._place, self._tally = matcher, suspects, place, tally
        self._words = matcher.words_seen

    def take(self, batch: TextBatch) -> None:
        """Find what is in a batch."""
        at = self._place
        matches, touched = self._matcher.trace_batch(batch, path=at.path, shard=at.shard, scan=at.scan)
        self._tally.add_matches(matches if batch.tokens is None else batch.tokens.locate(matches))
        self._tally.add_touched(touched)
        looked = batch if batch.tokens is None else batch.tokens.without_special(batch)
        self._tally.add_suspects(self._suspects.find(looked, path=at.path, shard=at.shard, scan=at.scan))

    def end(self) -> None:
        """Nothing is left."""

    @property
    def words(self) -> int:
        """Words of the shard so far."""
        return self._matcher.words_seen - self._words


class CarriedScan:
    """Carries an earlier scan over. Satisfies ``Step``."""

    def __init__(self, matcher: Matcher, basis: Basis, place: Place, tally: Tally) -> None:
        self._matcher, self._basis, self._place, self._tally = matcher, basis, place, tally
        self._matches, self._pairs = _Ahead(basis.matches), _Ahead(_from_basis(basis.touched.pairs))
        self._last = -1
        dropped = [0] * len(matcher.segments)
        for before, today in basis.renumbered.items():
            dropped[today] = basis.touched.dropped[before]
        tally.add_touched(_as_touched([], dropped))

    def take(self, batch: TextBatch) -> None:
        """Take what the batch's records had, but for those that must be matched again.

        Raises:
            UnfitBasisError: If the earlier scan is of other rows.
        """
        if len(batch):
            self._check_order(batch)
            self._take(batch)

    def _take(self, batch: TextBatch) -> None:
        last = self._last = int(batch.record.max())
        had = self._matches.take(lambda m: m.record <= last)
        pairs = self._pairs.take(lambda pair: pair[0] <= last)
        reported = np.unique(np.array([m.record for m in had], dtype=np.int64))
        again = self._find_again(batch, reported, pairs)
        matches, touched = self._match_again(batch, again) if again else ([], [])
        stayed = [self._carry(m) for m in had if m.record not in again]
        touched += [(record, self._basis.renumbered[segment]) for record, segment in pairs if record not in again]
        every = _in_order([*stayed, *matches], batch)
        if every is None and batch.tokens is not None:  # what is told of documents cut over batches can be asked for once only
            raise UnfitBasisError("fields of one record bear one name, beside tokens")
        if every is None:
            every, touched = self._match_again(batch, set(batch.record.tolist()))
        self._tally.add_matches(every)
        self._tally.add_touched(_as_touched(sorted(touched), [0] * len(self._matcher.segments)))

    def end(self) -> None:
        """Take the suspects, which no reference changes.

        Raises:
            UnfitBasisError: If the earlier scan found something beyond the last row.
        """
        if self._matches.take(lambda _: True):
            raise UnfitBasisError("a record with matches is not there")
        for suspect in self._basis.suspects:
            self._tally.add_suspects([replace(suspect, scan=self._place.scan)])

    @property
    def words(self) -> int:
        """Words of the shard."""
        return self._basis.result.words

    def _check_order(self, batch: TextBatch) -> None:
        """Refuse rows of which it cannot be told which earlier matches are theirs: only documents of tokens go on in another batch."""
        first = int(batch.record.min())
        if first < self._last or (first == self._last and batch.tokens is None):
            raise UnfitBasisError("records are out of order")

    def _find_again(self, batch: TextBatch, reported: NDArray[np.int64], pairs: Sequence[tuple[int, int]]) -> set[int]:
        """Return the records that must be matched again."""
        again = {record for record, segment in pairs if segment not in self._basis.renumbered}
        if batch.tokens is not None:  # the first and the last one may be in another batch too, and matches do not tell batches apart
            again |= {int(batch.record.min()), int(batch.record.max())}
        if self._basis.added:
            touched, dropped = self._matcher.find_touched(batch, added=self._basis.added, reported=reported)
            again.update(touched.tolist())
            every = dict(zip(self._basis.added, dropped, strict=True))
            self._tally.add_touched(_as_touched([], [every.get(i, 0) for i in range(len(self._matcher.segments))]))
        return again

    def _match_again(self, batch: TextBatch, records: set[int]) -> tuple[list[Match], list[tuple[int, int]]]:
        at = self._place
        rows = take_rows(batch, np.isin(batch.record, np.array(sorted(records), dtype=np.int64)))
        matches, touched = self._matcher.trace_batch(rows, path=at.path, shard=at.shard, scan=at.scan)
        pairs = list(zip(touched.records.tolist(), touched.segments.tolist(), strict=True))
        return (matches if batch.tokens is None else batch.tokens.locate(matches)), pairs

    def _carry(self, match: Match) -> Match:
        return replace(match, scan=self._place.scan, chance_alarms_per_million=self._matcher.chance_alarms(match.score))


class _Ahead(Generic[Item]):
    """An iterator of which the next item can be looked at."""

    def __init__(self, items: Iterator[Item]) -> None:
        self._items, self._next = items, next(items, None)

    def take(self, is_wanted: Callable[[Item], bool]) -> list[Item]:
        """Return the items up to the first that is not wanted."""
        taken = []
        while self._next is not None and is_wanted(self._next):
            taken.append(self._next)
            self._next = next(self._items, None)
        return taken


def _in_order(matches: list[Match], batch: TextBatch) -> list[Match] | None:
    """Return matches in the order of their rows; those of one row are in order already.

    Returns:
        ``None`` where fields of one record bear one name, such as two strings of JSON inside a text: a match does not tell these apart.

    Raises:
        UnfitBasisError: If a match is of no row of the batch.
    """
    rows: dict[tuple[int, str], int] = {}
    own = np.flatnonzero(np.isin(batch.record, np.array([m.record for m in matches], dtype=np.int64)))
    for row, record, code in zip(own.tolist(), batch.record[own].tolist(), batch.field_code[own].tolist(), strict=True):
        rows[record, batch.field_names[code]] = row
    if any((m.record, m.field) not in rows for m in matches):
        raise UnfitBasisError("matches and rows do not belong together")
    return sorted(matches, key=lambda m: rows[m.record, m.field]) if len(rows) == len(own) else None


def _as_touched(pairs: Sequence[tuple[int, int]], dropped: Sequence[int]) -> Touched:
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return Touched(columns[:, 0], columns[:, 1].astype(np.int32), tuple(dropped))
