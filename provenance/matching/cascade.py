"""The cascade: batches of text in, matches out. Python objects appear only for matches."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from provenance.collector import collector_paused
from provenance.errors import ReferenceIndexError
from provenance.fingerprint.tokens import codepoint_offsets
from provenance.matching.candidate import Candidate, RowRuns
from provenance.matching.candidates import digest_rows, equal_rows
from provenance.matching.evidence import Place, Reported, RowText, build_match, show_sampled, show_texts
from provenance.matching.index import OpenIndex, OpenSegment, ReferenceStore
from provenance.matching.judge import Judge, Row
from provenance.matching.long import LongWords, is_long, read_long
from provenance.matching.measure import Measured, measure_matches
from provenance.matching.neardup import NEAR_RUN, NEAR_WORDS, find_near_duplicates, sketch_words, sketched_rows
from provenance.matching.pack import PackSegment
from provenance.matching.params import MatchParams
from provenance.matching.passages import Found, SegmentGroup, find_passages, group_segments, mark_live_rows
from provenance.matching.rows import take_rows
from provenance.matching.sampled import equal_digests, find_sampled, mark_hit_rows, measure_sampled
from provenance.matching.score import SHINGLE, estimate_chance_alarms
from provenance.matching.segment import TextSegment
from provenance.matching.stopwords import stop_name, stop_windows
from provenance.matching.stored import Segment
from provenance.matching.touched import segment_key, touched_records, trace_segments
from provenance.matching.windows import know_windows, mark_windows
from provenance.matching.words import WordReader, WordRows, Words, share_of
from provenance.model.match import Match, MatchText
from provenance.model.reference import ReferenceRecord
from provenance.ports import OpenSegmentKey, TextBatch, Touched

_WHOLE_WORDS = 4
"""A whole field that equals a whole reference is reported from this length on, below ``floor_words`` too."""
_WHOLE_CAP = 64
_MOSTLY_COPIES = 0.1
"""Share of a batch's windows in references from which on looking for rows without any would find few."""
_WORTH_TAKING = 0.5
"""Share of a batch's words below which rows that can share something are looked at apart from the others."""


def open_matcher(store: ReferenceStore, names: Sequence[str], params: MatchParams | None = None) -> CascadeMatcher:
    """Open reference sets and return a matcher over them.

    Raises:
        ReferenceIndexError: If a set is missing or damaged.
        SchemeMismatchError: If a set was built by another tokeniser.
    """
    return CascadeMatcher(store.open(names), params or MatchParams(), origin=(store, tuple(names)))


def _open_again(store: ReferenceStore, names: Sequence[str], params: MatchParams, digests: tuple[str, ...]) -> CascadeMatcher:
    """Open in another process what was open in this one.

    Raises:
        ReferenceIndexError: If a set is not what it was.
    """
    matcher = open_matcher(store, names, params)
    if matcher.index_digests != digests:
        raise ReferenceIndexError("a reference set was changed while it was in use", hint="run the command again")
    return matcher


_NOTHING = Found(np.empty((0, 9), dtype=np.int64), np.empty((0, 5), dtype=np.int64), 0)


@dataclass(frozen=True, slots=True)
class _Shared:
    """What some segments share with a batch, or with those of its rows that can share anything."""

    batch: TextBatch
    words: Words
    found: Sequence[Found]
    candidates: dict[int, list[Candidate]]


class CascadeMatcher:
    """Implements ``ports.Matcher`` over an open index."""

    def __init__(self, index: OpenIndex, params: MatchParams, *, origin: tuple[ReferenceStore, tuple[str, ...]] | None = None) -> None:
        """Keep the index open; ``origin`` tells where another process finds it."""
        self._index, self._params, self._origin = index, params, origin
        self._segments = index.segments
        kinds = {manifest.name: manifest.kind for manifest, _ in index.sets}
        self._kinds = [kinds[s.set_name] for s in self._segments]
        self._words_seen = self._dropped = 0
        self._of_thread = threading.local()
        self._parts: dict[tuple[int, ...], CascadeMatcher] = {}

    def __reduce__(self) -> tuple[object, ...]:
        """Return what opens the same sets in another process."""
        if self._origin is None:
            raise TypeError("a matcher that was not opened by open_matcher cannot be sent to another process")
        return _open_again, (*self._origin, self._params, self.index_digests)

    @cached_property
    def _judge(self) -> Judge:
        """Made on first use: reading the stop passages loads compiled code, and who only asks for the scheme needs none."""
        return Judge(self._segments, self._kinds, self._params, stop_windows())

    @cached_property
    def _groups(self) -> tuple[SegmentGroup, ...]:
        return group_segments(self._segments)

    @cached_property
    def scheme(self) -> str:
        """A name that records every parameter that can change a result; asked for once a shard, as the next one is."""
        return "+".join([*sorted({s.entry.scheme for s in self._segments}), self.rules])

    @cached_property
    def rules(self) -> str:
        """A name that records every parameter that holds for all segments."""
        return f"{self._params.name}+{stop_name()}"

    @property
    def segments(self) -> tuple[OpenSegmentKey, ...]:
        """What is compared with, in order."""
        return tuple(segment_key(segment, kind) for segment, kind in zip(self._segments, self._kinds, strict=True))

    @property
    def index_digests(self) -> tuple[str, ...]:
        """Digests of the reference sets, in the order given."""
        return self._index.digests

    @property
    def reference_sets(self) -> tuple[str, ...]:
        """Their names, which matches carry and digests do not tell."""
        return tuple(manifest.name for manifest, _ in self._index.sets)

    @property
    def words_seen(self) -> int:
        """Words tokenised so far."""
        return self._words_seen

    @property
    def dropped_seeds(self) -> int:
        """Seed hits that caps have left out so far."""
        return self._dropped

    @property
    def reference_words(self) -> int:
        """Words of all references together."""
        return self._index.words

    def reference(self, reference_set: str, reference: str) -> ReferenceRecord:
        """Return who and what a reference is."""
        segment, ref = self._index.find(reference_set, reference)
        return segment.record(ref)

    def match_batch(self, batch: TextBatch, *, path: str, shard: str = "", scan: str = "") -> list[Match]:
        """Return the matches of a batch, explained ones included, ordered by row and position."""
        with collector_paused():
            return self._match(batch, (path, shard, scan))[0]

    def trace_batch(self, batch: TextBatch, *, path: str, shard: str, scan: str) -> tuple[list[Match], Touched]:
        """Return the matches of a batch as ``match_batch`` does, and which segments they may depend on."""
        with collector_paused():
            matches, shared = self._match(batch, (path, shard, scan))
            return matches, trace_segments(shared.batch, matches, shared.found, shared.candidates)

    def find_touched(self, batch: TextBatch, *, added: Sequence[int], reported: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[int, ...]]:
        """Return the records of a batch of which the matches may differ from what they are without the ``added`` segments (``matching.touched``)."""
        with collector_paused():
            return self._part(tuple(added)).touch(batch, reported)

    def touch(self, batch: TextBatch, reported: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[int, ...]]:
        """Return the records of a batch of which the matches may differ from what they are without all segments, and what caps left out in each."""
        shared = self._share(batch, wanted=np.isin(batch.record, reported))
        return touched_records(shared.batch, shared.found, shared.candidates, self._kinds, reported)

    def chance_alarms(self, score: float) -> float:
        """Return how many alarms of at least this score chance gives, per million documents of 1,500 words."""
        return estimate_chance_alarms(score, self._index.words)

    def _part(self, numbers: tuple[int, ...]) -> CascadeMatcher:
        """Return a matcher over some of the segments."""
        if numbers not in self._parts:
            chosen = {id(self._segments[i]) for i in numbers}
            sets = [(manifest, tuple(s for s in segments if id(s) in chosen)) for manifest, segments in self._index.sets]
            self._parts[numbers] = CascadeMatcher(OpenIndex(sets), self._params)
        return self._parts[numbers]

    def _match(self, batch: TextBatch, place: Place) -> tuple[list[Match], _Shared]:
        shared = self._share(batch)
        self._dropped += sum(f.dropped for f in shared.found)
        reports = self._reports(shared)
        measured = self._measure(shared.batch, shared.words, reports)
        matches = [
            (
                r.text.row,
                build_match(r, m, self._segments, place, index_words=self._index.words),
            )
            for r, m in zip(reports, measured, strict=True)
        ]
        ordered = sorted(matches, key=lambda x: (x[0], x[1].start, x[1].end, x[1].reference_set, x[1].reference))
        return [m for _, m in ordered], shared

    def _share(self, batch: TextBatch, *, wanted: NDArray[np.bool_] | None = None) -> _Shared:
        """Return what the segments share with a batch; rows without a candidate may be left out, but for those that are ``wanted``."""
        skimmed = self._skim(batch)
        self._words_seen += len(skimmed.words)
        passing = [group.probe(skimmed) for group in self._groups]
        live = self._live_rows(skimmed, passing)
        if wanted is not None:
            live |= wanted
        if share_of(skimmed, live) < _WORTH_TAKING:
            batch = take_rows(batch, live)
            passing = []
        words = self._read(batch, skimmed)
        del skimmed
        if not live.any():
            return _Shared(batch, words, [_NOTHING] * len(self._segments), {})
        passing = passing or [group.probe(words) for group in self._groups]
        found = self._find(words, passing)
        candidates = self._candidates(words, found)
        self._add_near_duplicates(words, found, candidates)
        return _Shared(batch, words, found, candidates)

    def _reports(self, shared: _Shared) -> list[Reported]:
        """Judge the candidates of each record."""
        batch, words, found, candidates = shared.batch, shared.words, shared.found, shared.candidates
        bounds = [np.searchsorted(f.runs[:, 2], words.offsets).tolist() for f in found]
        records: dict[int, list[Row]] = {}
        for row in sorted(candidates):
            runs = [RowRuns(i, f.runs[bounds[i][row] : bounds[i][row + 1]]) for i, f in enumerate(found)]
            records.setdefault(int(batch.record[row]), []).append(Row(RowText(batch, row, words), runs, words.words, candidates[row]))
        judged = [passage for rows in records.values() for passage in self._judge.judge(rows)]
        return [Reported(j.best, j.also, j.because, j.row.runs, j.row.text) for j in judged]

    def _measure(self, batch: TextBatch, words: Words, reports: Sequence[Reported]) -> list[Measured]:
        """Return the exact numbers on each report, counted by segment."""
        by_segment: dict[int, list[int]] = {}
        for i, report in enumerate(reports):
            by_segment.setdefault(report.found.segment, []).append(i)
        measured: dict[int, Measured] = {}
        for segment, numbers in by_segment.items():
            pairs = [(reports[i].text.row, reports[i].found) for i in numbers]
            measured.update(zip(numbers, _measured(batch, words, pairs, self._segments[segment]), strict=True))
        return [measured[i] for i in range(len(reports))]

    @property
    def _reader(self) -> WordReader:
        """Each thread reads into memory of its own."""
        if not hasattr(self._of_thread, "reader"):
            self._of_thread.reader = WordReader()
        reader: WordReader = self._of_thread.reader
        return reader

    def _skim(self, batch: TextBatch) -> WordRows:
        """Return the words of a batch, where they stand only if a row is so long that they are read piece by piece."""
        if is_long(batch.offsets):
            return read_long(self._reader, batch.data, batch.offsets)
        return self._reader.skim(batch.data, batch.offsets)

    def _read(self, batch: TextBatch, skimmed: WordRows) -> Words:
        """Return the words of a batch, or of some of its rows, with where they stand; ``skimmed`` are those of the batch."""
        if not is_long(batch.offsets):
            return self._reader.read(batch.data, batch.offsets)
        return skimmed if isinstance(skimmed, LongWords) and skimmed.data is batch.data else read_long(self._reader, batch.data, batch.offsets)

    def _live_rows(self, words: WordRows, passing: Sequence[NDArray[np.int64]]) -> NDArray[np.bool_]:
        """Return which rows can share anything: in all data but copies these are few, and only they are looked at closely."""
        live = np.zeros(len(words.offsets) - 1, dtype=np.bool_)
        if max(map(len, passing), default=0) > _MOSTLY_COPIES * len(words.words):
            return ~live
        digests = digest_rows(words.words, words.offsets)
        for group, windows in zip(self._groups, passing, strict=True):
            for i in group.members:
                segment = self._segments[i]
                if isinstance(segment, PackSegment):
                    mark_hit_rows(words, windows, segment, live)
                else:
                    mark_live_rows(words, windows, segment, self._params, live)
                live |= _are_among(digests, self._digests[i])
        if any(map(_is_sparse, self._segments)):
            live |= np.diff(words.offsets) >= NEAR_WORDS
        return live

    @cached_property
    def _digests(self) -> list[NDArray[np.uint64]]:
        """Digests of whole references by segment, ascending."""
        return [segment.digests[:, 0].copy() for segment in self._segments]

    def _find(self, words: Words, passing: Sequence[NDArray[np.int64]]) -> list[Found]:
        """Return what each segment shares with a batch."""
        found: dict[int, Found] = {}
        for group, windows in zip(self._groups, passing, strict=True):
            for i in group.members:
                found[i] = _found(words, windows, self._segments[i], self._params)
        return [found[i] for i in range(len(self._segments))]

    def _candidates(self, words: Words, found: Sequence[Found]) -> dict[int, list[Candidate]]:
        rows: dict[int, list[Candidate]] = {}
        digests = digest_rows(words.words, words.offsets)
        for i, (segment, result) in enumerate(zip(self._segments, found, strict=True)):
            whole = set()
            for row, ref in _equal(words, digests, segment):
                length = int(words.offsets[row + 1] - words.offsets[row])
                held = (int(words.offsets[row]), int(words.offsets[row + 1]), int(segment.ref_offsets[ref]), int(segment.ref_offsets[ref + 1]))
                (first,), (last,) = words.starts(np.array(held[:1])), words.ends(np.array([held[1] - 1]))
                (characters,) = codepoint_offsets(words.data, int(first), np.array([last], dtype=np.int64)).tolist()
                counted = words.count(held[0], held[1])
                rows.setdefault(row, []).append(Candidate(i, ref, *held, length, length, counted=counted, whole=True, characters=characters))
                whole.add((row, ref))
            passages = result.passages
            passages = passages[np.minimum(passages[:, 7], passages[:, 3] - passages[:, 2]) >= self._params.floor_words]
            counts = words.ordinals(passages[:, 3] - 1) - words.ordinals(passages[:, 2]) + 1
            for (row, ref, start, end, ref_start, ref_end, score, same, loose), count in zip(passages.tolist(), counts.tolist(), strict=True):
                if (row, ref) not in whole:
                    rows.setdefault(row, []).append(Candidate(i, ref, start, end, ref_start, ref_end, score, same, loose, count))
        return rows

    def _add_near_duplicates(self, words: Words, found: Sequence[Found], candidates: dict[int, list[Candidate]]) -> None:
        """Mark the passages of whole near-duplicates, and add those that left no passage."""
        worth = [
            sketched_rows(words, result.runs, every_row=_is_sparse(segment)) if segment.has_text else np.empty(0, dtype=np.int64)
            for segment, result in zip(self._segments, found, strict=True)
        ]
        rows = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *worth]))
        if not len(rows) and not any(result.near for result in found):
            return
        sketches = sketch_words(words.words, words.offsets, rows)
        for i, (segment, own) in enumerate(zip(self._segments, worth, strict=True)):
            sketched = sketches[np.searchsorted(rows, own)]
            near = find_near_duplicates(words, own, sketched, segment) if isinstance(segment, TextSegment) else found[i].near
            for row, ref in near:
                known = [c for c in candidates.get(row, ()) if (c.segment, c.ref) == (i, ref)]
                for c in known:
                    c.near = True
                if not known:
                    candidates.setdefault(row, []).append(near_candidate(words, row, i, segment, ref))

    def match_text(self, match: Match, field_text: str, *, context: int = 240) -> MatchText:
        """Return the words behind a match, given the whole training field."""
        segment, ref = self._index.find(match.reference_set, match.reference)
        if isinstance(segment, PackSegment):
            return show_sampled(match, field_text, segment.shingles(ref), context=context)
        return show_texts(match, field_text, segment.text_bytes(ref).decode("utf-8", "surrogatepass"), context=context)


def _are_among(values: NDArray[np.uint64], ascending: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not len(ascending):
        return np.zeros(len(values), dtype=np.bool_)
    found: NDArray[np.bool_] = ascending[np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)] == values
    return found


def _is_sparse(segment: Segment) -> bool:
    """Tell whether a near-duplicate may hold no seed of a reference."""
    return segment.has_text and segment.params.window + segment.params.one_in - 1 > NEAR_RUN


def _found(words: Words, passing: NDArray[np.int64], segment: OpenSegment, params: MatchParams) -> Found:
    if isinstance(segment, PackSegment):
        return find_sampled(words, passing, segment, params)
    return find_passages(words, passing, segment, params)


def _measured(batch: TextBatch, words: Words, found: Sequence[tuple[int, Candidate]], segment: OpenSegment) -> list[Measured]:
    if isinstance(segment, PackSegment):
        return measure_sampled(batch, words, found, segment)
    return measure_matches(batch, words, found, segment)


def _equal(words: Words, digests: NDArray[np.uint64], segment: OpenSegment) -> list[tuple[int, int]]:
    if isinstance(segment, PackSegment):
        return equal_digests(words, digests, segment, least_words=_WHOLE_WORDS, cap=_WHOLE_CAP)
    table = np.asarray(segment.digests)
    equal = equal_rows(words.words, words.offsets, digests, table, segment.words, segment.ref_offsets, _WHOLE_WORDS, _WHOLE_CAP)
    return [(row, ref) for row, ref in equal.tolist()]


def near_candidate(words: Words, row: int, number: int, segment: Segment, ref: int) -> Candidate:
    """Return a whole field as a passage shared with a whole reference. Words in a 5-gram that both hold count as equal, every other one against it."""
    low, high = int(words.offsets[row]), int(words.offsets[row + 1])
    shared = np.zeros(high - low, dtype=np.bool_)
    mark_windows(words.words, low, high, know_windows(segment.shingles(ref)), SHINGLE, shared)
    equal = int(np.count_nonzero(shared))
    spans = (low, high, int(segment.ref_offsets[ref]), int(segment.ref_offsets[ref + 1]))
    return Candidate(number, ref, *spans, max(2 * equal - (high - low), 0), equal, counted=words.count(low, high), near=True)
