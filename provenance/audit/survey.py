"""What must be known of all matches of a run before the first can be judged: counts, what pieces give away together, and the words of each record.

Matches are gone through once, and none is kept.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from provenance.audit.judged import JudgedDataset, JudgedShard, match_id
from provenance.audit.judgements import MatchJudgement
from provenance.audit.pieces import Pieces, PieceSums
from provenance.audit.works import Works, WorkSums
from provenance.model.absence import Permission
from provenance.model.match import Match
from provenance.model.reference import ReferenceKind

_KINDS = {kind: 1 << bit for bit, kind in enumerate(ReferenceKind)}
_ID_BYTES = 16
_ID = np.dtype([("high", "<u8"), ("low", "<u8")])
"""Matches are told apart by 128 bits of their ids."""
Judge = Callable[[Match], tuple[MatchJudgement, ...]]
Unit = tuple[str, str]
"""(dataset, path): matches of one of them are never those of another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchCounts:
    """Matches of a shard, those of them that are alarms, and the words of these."""

    matches: int = 0
    alarms: int = 0
    words: int = 0
    output_words: int = 0
    """Of the words, those that API outputs hold."""
    output_words_known: int = 0
    """Of these, the ones under terms whose outcome for the run is known."""

    @classmethod
    def sum(cls, counts: Iterable[MatchCounts]) -> MatchCounts:
        """Return several counts together."""
        items = list(counts)
        return cls(**{name: sum(getattr(c, name) for c in items) for name in cls.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchSurvey:
    """What all matches of a run come to."""

    shards: tuple[tuple[MatchCounts, ...], ...]
    """Of each dataset that the run names, in its order, the counts of each shard."""
    pieces: tuple[Pieces, ...]
    """Of each dataset."""
    works: tuple[Works, ...]
    """What each dataset holds of works that nobody licensed."""
    all_works: Works
    """What all of them hold together."""
    unlicensed_words: int
    """Aligned words of alarms that are works whose licence does not allow the use."""
    records: Mapping[Unit, UnitRecords]

    def is_repeated(self, unit: Unit, key: str) -> bool:
        """Tell whether a match may come more than once: then it counts the first time."""
        return key[-2 * _ID_BYTES :] in self.records[unit].repeated if unit in self.records else False

    def record_words(self, unit: Unit, match: Match, kind: ReferenceKind) -> int:
        """Return the words of all alarms in a match's record that some kind of reference holds."""
        found = self.records[unit].words.get(kind) if unit in self.records else None
        if found is not None and (total := found.get(match.record)) is not None:
            return total
        return 0 if match.explained else match.words  # it is alone in its record


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRecords:
    """What is unlike the rest in one unit."""

    words: Mapping[ReferenceKind, Sums]
    """Words of the alarms of each kind, in records that hold more than one match."""
    repeated: frozenset[str]
    """Last digits of the ids of matches that may come more than once."""


@dataclass(frozen=True, slots=True)
class Sums:
    """A sum for some records, sixteen bytes each."""

    records: array[int]
    """Ascending."""
    sums: array[int]

    def get(self, record: int) -> int | None:
        """Return a record's sum, ``None`` where it has none."""
        at = bisect_left(self.records, record)
        return self.sums[at] if at < len(self.records) and self.records[at] == record else None


def survey_matches(datasets: Sequence[JudgedDataset], judge: Judge) -> MatchSurvey:
    """Go through all matches of a run.

    Args:
        datasets: The datasets that it names, in its order.
        judge: Says what may be done with the text of a match.

    Cost:
        33 bytes for each match of one shard at a time, 41 for each piece of a dataset, 16 for each record with several matches.
    """
    often = Counter((d.name, s.checked.shard.path) for d in datasets for s in d.shards)
    surveyor = _Surveyor(judge, frozenset(unit for unit, times in often.items() if times > 1))
    shards, pieces, works, everything = [], [], [], WorkSums()
    for judged in datasets:
        sums, held = PieceSums(), WorkSums()
        shards.append(tuple(surveyor.take(judged, shard, sums, held) for shard in judged.shards))
        pieces.append(sums.total(judged.name))
        works.append(held.total(judged.name))
        everything.join(judged.name, held)
    return MatchSurvey(
        shards=tuple(shards),
        pieces=tuple(pieces),
        works=tuple(works),
        all_works=everything.total(""),
        unlicensed_words=surveyor.unlicensed_words,
        records=surveyor.finish(),
    )


@dataclass(slots=True)
class _Surveyor:
    judge: Judge
    visited_again: frozenset[Unit]
    unlicensed_words: int = 0
    _records: dict[Unit, UnitRecords] = field(default_factory=dict)
    _open: dict[Unit, _Columns] = field(default_factory=dict)

    def take(self, judged: JudgedDataset, shard: JudgedShard, sums: PieceSums, works: WorkSums) -> MatchCounts:
        unit = (judged.name, shard.checked.shard.path)
        columns = self._open.setdefault(unit, _Columns())
        matches = alarms = words = output_words = known = 0
        for match in shard.matches:
            judgements = self.judge(match)
            sums.add(match, judgements)
            works.add(match, judgements)
            columns.add(match_id(judged.name, match), match, judgements)
            matches += 1
            if not match.explained:
                alarms += 1
                words += match.words
                self.unlicensed_words += match.aligned_words if _is_unlicensed_work(judgements) else 0
                terms = [j.terms.outcome for j in judgements if j.kind is ReferenceKind.API_OUTPUT]
                output_words += match.words if terms else 0
                known += match.words if terms and Permission.UNKNOWN not in terms else 0
        if unit not in self.visited_again:
            self._close(unit)
        return MatchCounts(matches=matches, alarms=alarms, words=words, output_words=output_words, output_words_known=known)

    def finish(self) -> dict[Unit, UnitRecords]:
        for unit in list(self._open):
            self._close(unit)
        return self._records

    def _close(self, unit: Unit) -> None:
        found = self._open.pop(unit).records()
        if found.words or found.repeated:
            self._records[unit] = found


def _is_unlicensed_work(judgements: Iterable[MatchJudgement]) -> bool:
    return any(j.kind is ReferenceKind.WORK and j.license is not Permission.ALLOWED for j in judgements)


class _Columns:
    """The matches of one unit as numbers."""

    def __init__(self) -> None:
        self._ids, self._kinds = bytearray(), bytearray()
        self._records, self._words = array("q"), array("q")

    def add(self, key: str, match: Match, judgements: Iterable[MatchJudgement]) -> None:
        """Take a match."""
        self._ids += bytes.fromhex(key[-2 * _ID_BYTES :])
        self._records.append(match.record)
        self._words.append(0 if match.explained else match.words)
        self._kinds.append(sum(_KINDS[j.kind] for j in judgements))

    def records(self) -> UnitRecords:
        """Return what is unlike the rest."""
        if not self._ids:
            return UnitRecords(words={}, repeated=frozenset())
        is_first, repeated = self._repeats()
        records = np.frombuffer(self._records, np.int64)[is_first]
        words = np.frombuffer(self._words, np.int64)[is_first]
        kinds = np.frombuffer(self._kinds, np.uint8)[is_first]
        _, inverse, times = np.unique(records, return_inverse=True, return_counts=True)
        several = times[inverse] > 1
        sums = {kind: _sums(records[chosen], words[chosen]) for kind, bit in _KINDS.items() if (chosen := several & (kinds & bit > 0)).any()}
        return UnitRecords(words=sums, repeated=repeated)

    def _repeats(self) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], frozenset[str]]:
        """Tell which matches come for the first time, and which ids come more than once."""
        ids = np.frombuffer(self._ids, _ID)
        order = np.lexsort((ids["low"], ids["high"]))  # stable: of equal ones the first stays the first
        ordered = ids[order]
        is_again = np.concatenate(([False], ordered[1:] == ordered[:-1]))
        is_first = np.ones(len(ids), np.bool_)
        is_first[order[is_again]] = False
        return is_first, frozenset(item.tobytes().hex() for item in ordered[is_again])


def _sums(records: np.ndarray[tuple[int], np.dtype[np.int64]], words: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Sums:
    unique, inverse = np.unique(records, return_inverse=True)
    totals = np.zeros(len(unique), np.int64)
    np.add.at(totals, inverse, words)
    return Sums(array("q", unique.tobytes()), array("q", totals.tobytes()))
