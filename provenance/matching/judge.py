"""Which reference a passage is reported with, and whether it is an alarm.

The rules:
* Each kind of reference is judged by itself: what explains an answer (its prompt, other models) says nothing about the book that holds the same words.
* A passage that any reference alarms for is an alarm, reported with that reference; all others that hold it are named in ``also``.
* Neither the order of sets nor that of segments decides anything: ties go by the names of sets, then by the order in which references were added.
* What is too short to tell, or quoted, is added up over the fields of a record: enough pieces of one reference are an alarm together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from provenance.matching.candidate import Candidate, RowRuns, own_runs
from provenance.matching.evidence import RowText
from provenance.matching.explain import Explainer, StopWindows
from provenance.matching.params import MatchParams
from provenance.matching.stored import Segment
from provenance.model.match import Explanation
from provenance.model.reference import ReferenceKind

_ASKED = 16
"""References of a piece that are asked whether pieces of them add up."""
_STEP = 2
"""Pieces of two fields at most this many words apart in the reference are one stretch of it."""
_STRETCH = 512
"""Words of a row that ``Places`` looks at together."""
_JUDGED_KINDS = (ReferenceKind.WORK, ReferenceKind.API_OUTPUT, ReferenceKind.LICENSE_TEXT)


@dataclass(slots=True)
class Row:
    """One field that shares words with references."""

    text: RowText
    runs: Sequence[RowRuns]
    words: NDArray[np.uint32]
    """Of the whole batch."""
    candidates: Sequence[Candidate]


@dataclass(slots=True)
class Judged:
    """A passage with the reference it is reported with, the others that hold it, and why it is no alarm."""

    row: Row
    best: Candidate
    also: list[Candidate]
    because: Explanation | None
    piece: bool = False
    """Explained as short, or by quotation marks: adds up with others."""


@dataclass(slots=True)
class Pile:
    """The pieces of one reference, or of one work, in one record."""

    pieces: list[tuple[Judged, Candidate]] = field(default_factory=list)

    @property
    def words(self) -> int:
        """Return an upper bound of what they hold."""
        return sum(c.words for _, c in self.pieces)


@dataclass(frozen=True, slots=True)
class Run:
    """An exact run of a piece of a record, in words."""

    piece: int
    row: int
    segment: int
    query: int
    reference: int
    length: int


class Judge:
    """Judges the candidates of one matcher's segments."""

    def __init__(self, segments: Sequence[Segment], kinds: Sequence[ReferenceKind], params: MatchParams, stop: StopWindows) -> None:
        """Keep what is needed to judge; ``stop`` holds sorted sets of stop-passage windows."""
        self._segments, self._kinds, self._params = segments, kinds, params
        self._explainer = Explainer(segments, kinds, params, stop)
        ranked = sorted(range(len(segments)), key=lambda i: (segments[i].set_name, i))
        self._rank = {number: rank for rank, number in enumerate(ranked)}

    def judge(self, rows: Sequence[Row]) -> list[Judged]:
        """Return the passages of one record's fields, each judged."""
        judged = [passage for row in rows for passage in self._judge_row(row)]
        if sum(p.best.words for p in judged if p.piece) >= self._params.least_pieces:
            self._add_up([p for p in judged if p.piece])
        return judged

    def _judge_row(self, row: Row) -> list[Judged]:
        """Judge each kind by itself, then name what holds the same passage together."""
        found: list[Judged] = []
        for kind in _JUDGED_KINDS:
            own = [c for c in row.candidates if self._kinds[c.segment] is kind]
            for best, also in self._group(own):
                found += self._judge_group(row, best, also)
        return self._merge(found) if len(found) > 1 else found

    def _order(self, c: Candidate) -> tuple[int, ...]:
        return -c.score, c.start, self._rank[c.segment], c.ref, c.ref_start

    def _group(self, candidates: Sequence[Candidate]) -> list[tuple[Candidate, list[Candidate]]]:
        """Return one entry a shared passage: the best candidate, and the others of which it holds most."""
        chosen: list[tuple[Candidate, list[Candidate]]] = []
        places = Places()
        for c in sorted(candidates, key=self._order) if len(candidates) > 1 else candidates:
            holder = places.find_holder(c)
            if holder is None:
                places.add(c)
                chosen.append((c, []))
            else:
                chosen[holder][1].append(c)
        return chosen

    def _judge_group(self, row: Row, best: Candidate, also: list[Candidate]) -> list[Judged]:
        """Return a passage as it is reported. Where the best reference does not alarm, each other one is asked: what explains one need not explain all.

        Other places of the same reference are asked too, unless the best place holds too few of its words: that it does not fit elsewhere is no news.
        """
        because, piece = self._explain(row, best)
        if because is None:
            return [Judged(row, best, also, None)]
        explained: list[Candidate] = [best]
        alarms: list[Candidate] = []
        for c in also:
            misfit = because is Explanation.SHORT_PASSAGE and (c.segment, c.ref) == (best.segment, best.ref)
            (explained if misfit or self._explain(row, c)[0] else alarms).append(c)
        found = [Judged(row, c, others, None) for c, others in self._group(alarms)]
        return [*found, Judged(row, best, explained[1:], because, piece)]

    def _explain(self, row: Row, c: Candidate) -> tuple[Explanation | None, bool]:
        """Return why a candidate is no alarm, and whether it is a piece that adds up."""
        because = self._explainer.explain(c, row.runs, row.words)
        if because is None and row.text.is_quotation(c, self._segments[c.segment], self._params.quote_words):
            return Explanation.QUOTATION, True
        return because, because is Explanation.SHORT_PASSAGE

    def _merge(self, found: list[Judged]) -> list[Judged]:
        """Put passages of several kinds together where one holds most of the other: alarms before what is explained, then by score."""
        chosen: list[Judged] = []
        places = Places()
        for judged in sorted(found, key=lambda j: (j.because is not None, j.because is Explanation.LICENSE_TEXT, self._order(j.best))):
            holder = places.find_holder(judged.best)
            if holder is None:
                places.add(judged.best)
                chosen.append(judged)
            else:
                chosen[holder].also += [judged.best, *judged.also]
        return chosen

    def _add_up(self, pieces: Sequence[Judged]) -> None:
        """Turn the pieces of a record that together hold enough words of one reference into alarms."""
        piles: dict[tuple[int, ...], Pile] = {}
        for piece in pieces:
            for owner, c in self._owners(piece):
                piles.setdefault(owner, Pile()).pieces.append((piece, c))
        for pile in piles.values():
            if pile.words >= self._params.least_pieces:
                for piece, c in self._evidence(pile):
                    self._alarm(piece, c)

    def _owners(self, piece: Judged) -> Iterator[tuple[tuple[int, ...], Candidate]]:
        """Yield, for each reference that holds a piece (works by family or title), the best of its places."""
        seen = set()
        for c in [piece.best, *sorted(piece.also, key=self._order)][:_ASKED]:
            work = self._kinds[c.segment] is ReferenceKind.WORK
            owner = (self._segments[c.segment].origins.item(c.ref, 1),) if work else (c.segment, c.ref)
            if owner not in seen and self._kinds[c.segment] is not ReferenceKind.LICENSE_TEXT:
                seen.add(owner)
                yield owner, c

    def _evidence(self, pile: Pile) -> list[tuple[Judged, Candidate]]:
        """Return the pieces that hold long runs of a reference, if these are enough together: distinct words on both sides, common ones left out."""
        pieces = [(p, c) for p, c in pile.pieces if not self._explainer.is_widespread(c, p.row.runs)]
        runs = [Run(i, p.row.text.row, c.segment, *run) for i, (p, c) in enumerate(pieces) for run in own_runs(c, p.row.runs).tolist()]
        held: dict[int, list[NDArray[np.int64]]] = {}
        for run in self._select_long(runs):
            held.setdefault(run.piece, []).append(self._own_words(run, *pieces[run.piece]))
        quoted = any(pieces[i][0].because is Explanation.QUOTATION for i in held)
        if not held or (len(held) == 1 and quoted):
            return []
        least = max(self._params.quote_words + 1 if quoted else 0, self._params.least_pieces)
        total = _count_distinct(np.concatenate([words for parts in held.values() for words in parts]))
        return [pieces[i] for i in held] if total >= least else []

    def _select_long(self, runs: Sequence[Run]) -> list[Run]:
        """Return the long runs; of packs, runs of which enough was seen."""
        shares = sorted({self._segments[run.segment].run_share for run in runs})
        by_share = ([r for r in runs if self._segments[r.segment].run_share == share] for share in shares)
        return [run for share, own in zip(shares, by_share, strict=True) for run in select_long(own, int(self._params.piece_words * share))]

    def _own_words(self, run: Run, piece: Judged, c: Candidate) -> NDArray[np.int64]:
        """Return (n, 4) position in the batch, segment, position in it, and the word with the one before it, of the words that nothing explains."""
        words = piece.row.words[run.query : run.query + run.length].astype(np.int64)
        before = np.concatenate([[0], words[:-1]])
        steps = np.arange(run.length, dtype=np.int64)
        rows = np.column_stack([run.query + steps, np.full(run.length, run.segment), run.reference + steps, ((before >> 1) << 31) ^ words])
        taken = self._explainer.mask_taken(c, piece.row.runs, piece.row.words)
        return rows[~taken[run.query - c.start : run.query - c.start + run.length]]

    def _alarm(self, piece: Judged, c: Candidate) -> None:
        if piece.because is not None:
            others = [o for o in (piece.best, *piece.also) if o is not c]
            piece.best, piece.also, piece.because = c, others, None


class Places:
    """Passages of one row by where they stand, so that each is compared with those near it only: a row of millions of words may hold thousands."""

    def __init__(self) -> None:
        """Begin with none."""
        self._added: list[Candidate] = []
        self._near: dict[int, list[int]] = {}

    def add(self, c: Candidate) -> None:
        """Add a passage."""
        for stretch in range(c.start // _STRETCH, (c.end - 1) // _STRETCH + 1):
            self._near.setdefault(stretch, []).append(len(self._added))
        self._added.append(c)

    def find_holder(self, c: Candidate) -> int | None:
        """Return the number of the first passage added that holds at least half of the words of another, ``None`` where none does."""
        # Who holds half of a stretch of words holds the word in its middle, or one of the two.
        middles = {(c.start + (c.words - 1) // 2) // _STRETCH, (c.start + c.words // 2) // _STRETCH}
        numbers = sorted({number for stretch in middles for number in self._near.get(stretch, ())})
        return next((number for number in numbers if _mostly_inside(c, self._added[number])), None)


def _mostly_inside(c: Candidate, best: Candidate) -> bool:
    return 2 * (min(c.end, best.end) - max(c.start, best.start)) >= c.words


def select_long(runs: Sequence[Run], least: int) -> list[Run]:
    """Return the runs in stretches of at least ``least`` words of a reference: one run, or runs of several fields that go on where another ends."""
    kept: list[Run] = []
    stretch: list[Run] = []
    end = 0
    for run in sorted(runs, key=lambda r: (r.segment, r.reference, r.row, r.query)):
        if stretch and run.segment == stretch[-1].segment and run.reference < end + (_STEP + 1 if run.row != stretch[-1].row else 0):
            stretch.append(run)
            end = max(end, run.reference + run.length)
            continue
        kept += stretch if stretch and end - stretch[0].reference >= least else []
        stretch, end = [run], run.reference + run.length
    return [*kept, *(stretch if stretch and end - stretch[0].reference >= least else [])]


def _count_distinct(words: NDArray[np.int64]) -> int:
    """Return how many distinct words of the reference, at distinct places of the record, ``Judge._own_words`` gave; a line that returns counts once."""
    return min(len(np.unique(words[:, 0])), len(np.unique(words[:, 1:3], axis=0)), len(np.unique(words[:, 3])))
