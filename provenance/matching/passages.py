"""The passage stages in order: filter, table, exact runs, extension, chaining, alignment. Arrays in, arrays out, one segment at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.matching.align import extend_runs
from provenance.matching.chains import chain_groups, measure_chains
from provenance.matching.filters import MOST_SEEDS, Filter, make_filter
from provenance.matching.params import MatchParams
from provenance.matching.probing import narrow, probe
from provenance.matching.seeds import exact_runs, mark_live
from provenance.matching.segment import TextSegment
from provenance.matching.stored import Segment
from provenance.matching.words import WordRows, Words, add_words

_BUDGET = 256
"""Words of exact extension that a text may cost per word of its own: bounds texts that repeat themselves."""
_QUERY_BITS = 28
_PROBED_AT_A_TIME = 1 << 22
"""Words: more than a batch has but for one with a huge row."""
GROUP_SIZE = 32
"""Segments that may share a filter: each looks at all windows that pass it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What one segment shares with a batch.

    Shapes:
        passages: (n, 9) row, reference, query start and end, reference start and end (words), score, equal words, unpaired words; ordered by row.
        runs: (m, 5) row, reference, query position, reference position, length: all exact runs, ordered by row and query position.
    """

    passages: NDArray[np.int64]
    runs: NDArray[np.int64]
    dropped: int
    near: tuple[tuple[int, int], ...] = ()
    """(row, reference) of whole fields that a pack shows to be near-duplicates; of texts the bands say it (``neardup``)."""


@dataclass(frozen=True, slots=True)
class SegmentGroup:
    """Segments of one window length that share a filter, so that a batch is probed once for all of them."""

    members: tuple[int, ...]
    """Their numbers among the matcher's segments."""
    window: int
    filter: Filter

    def probe(self, batch: WordRows) -> NDArray[np.int64]:
        """Return the windows of a batch that may be in one of the segments."""
        if len(batch.words) > _PROBED_AT_A_TIME:
            return np.concatenate([self._probe_part(batch, first) for first in range(0, len(batch.words), _PROBED_AT_A_TIME)])
        passing = np.empty(len(batch.words) + 1, dtype=np.int64)
        return passing[: probe(batch.sums, batch.offsets, self.window, self.filter.arrays, passing)]

    def _probe_part(self, batch: WordRows, first: int) -> NDArray[np.int64]:
        """Return which of the windows that begin at a stretch of words pass: what is summed up for it takes twice the words' own memory."""
        words = batch.words[first : first + _PROBED_AT_A_TIME + self.window - 1]
        passing = np.empty(len(words) + 1, dtype=np.int64)
        rows = np.unique(np.clip(batch.offsets - first, 0, len(words)))
        return passing[: probe(add_words(words), rows, self.window, self.filter.arrays, passing)] + first


def group_segments(segments: Sequence[Segment]) -> tuple[SegmentGroup, ...]:
    """Return the segments in groups that share a filter.

    Raises:
        ReferenceIndexError: If a segment is damaged.
    """
    gathered: list[list[int]] = []
    for window in sorted({s.params.window for s in segments}):
        members: list[int] = []
        for number in (i for i, s in enumerate(segments) if s.params.window == window):
            if not members or len(members) == GROUP_SIZE or sum(segments[i].seeds for i in (*members, number)) > MOST_SEEDS:
                members = []
                gathered.append(members)
            segments[number].check()
            members.append(number)
    return tuple(_group(members, segments) for members in gathered)


def _group(members: Sequence[int], segments: Sequence[Segment]) -> SegmentGroup:
    first = segments[members[0]]
    shared = first.filter if len(members) == 1 else make_filter([segments[i] for i in members])
    return SegmentGroup(tuple(members), first.params.window, shared)


def find_passages(batch: Words, passing: NDArray[np.int64], segment: TextSegment, params: MatchParams) -> Found:
    """Return the passages of at least ``floor_words`` score that a segment shares with the rows of a batch."""
    runs, dropped = _runs(batch, passing, segment, params)
    if not len(runs):
        return Found(np.empty((0, 9), dtype=np.int64), runs, dropped)
    stretches = np.empty((len(runs), 7), dtype=np.int64)
    n = extend_runs(batch.words, batch.offsets, segment.words, segment.ref_offsets, runs, params.x_drop, stretches)
    passages = _chain(batch, segment, stretches[:n], params)
    return Found(passages, runs[np.argsort(runs[:, 2], kind="stable")], dropped)


def narrow_windows(batch: WordRows, passing: NDArray[np.int64], segment: Segment) -> NDArray[np.int64]:
    """Return those of the windows that pass a group's filter which may be in one of its segments."""
    own = np.empty(len(passing) + 1, dtype=np.int64)
    own_filter = segment.filter
    return own[: narrow(batch.words, passing, segment.params.window, np.uint64(segment.sampled - 1), own_filter.shift, own_filter.bits, own)]


def mark_live_rows(batch: WordRows, passing: NDArray[np.int64], segment: TextSegment, params: MatchParams, live: NDArray[np.bool_]) -> None:
    """Set ``live`` for the rows of a batch that can share a passage with a segment: a passage has a stretch of at least ``anchor_score``."""
    index, own = segment.params, narrow_windows(batch, passing, segment)
    settings = [index.window, index.one_in, int(segment.bucket_shift), params.hits_per_seed, _BUDGET, params.anchor_score, params.x_drop]
    tables = (segment.words, segment.ref_offsets, segment.buckets, segment.positions)
    mark_live(batch.words, batch.offsets, own, *tables, np.array(settings, dtype=np.int64), live)


def _runs(batch: Words, passing: NDArray[np.int64], segment: TextSegment, params: MatchParams) -> tuple[NDArray[np.int64], int]:
    """Return exact runs, each once, ordered by diagonal and query position."""
    index, own = segment.params, narrow_windows(batch, passing, segment)
    settings = np.array([index.window, index.one_in, int(segment.bucket_shift), params.hits_per_seed, _BUDGET], dtype=np.int64)
    room = 2 * len(own) + 1024
    while True:
        out = np.empty((room, 5), dtype=np.int64)
        tables = (segment.words, segment.ref_offsets, segment.buckets, segment.positions)
        found, dropped, _ = exact_runs(batch.words, batch.offsets, own, *tables, settings, out)
        if found <= room:
            break
        room = found
    runs = out[:found]
    key = ((runs[:, 3] - runs[:, 2]) << _QUERY_BITS) + runs[:, 2]
    order = np.argsort(key, kind="stable")
    key, runs = key[order], runs[order]
    return runs[np.concatenate([[True], key[1:] != key[:-1]])] if found else runs, dropped


def _chain(batch: Words, segment: TextSegment, stretches: NDArray[np.int64], params: MatchParams) -> NDArray[np.int64]:
    members, starts = gather_stretches(stretches, segment.entry.references, len(batch.words), params)
    passages = np.empty((len(starts) - 1, 9), dtype=np.int64)
    codes = segment.spelled_codes(np.unique(members[:, 1]))
    measure_chains(batch.words, batch.spelled, batch.offsets, segment.words, codes, segment.ref_offsets, members, starts, passages)
    passages = passages[(passages[:, 6] >= params.floor_words)]
    return passages[np.argsort(passages[:, 0], kind="stable")]


def gather_stretches(stretches: NDArray[np.int64], references: int, words: int, params: MatchParams) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the stretches that make up passages, ordered by passage and query position, and where each passage begins among them.

    Args:
        stretches: (n, 6 and more) row, reference, query start, query end, reference start, score.
        references: References of the segment.
        words: Words of the batch.
        params: How far apart stretches of one passage may be.
    """
    pair = stretches[:, 0] * references + stretches[:, 1]
    ordered = stretches[np.lexsort((stretches[:, 2], -stretches[:, 5], pair))]
    pair = ordered[:, 0] * references + ordered[:, 1]
    bounds = np.concatenate([[0], np.flatnonzero(np.diff(pair)) + 1, [len(pair)]]).astype(np.int64)
    settings = np.array([params.floor_words, params.anchor_score, params.join_words, params.reorder_words], dtype=np.int64)
    chain_of = np.empty(len(ordered), dtype=np.int64)
    chains = chain_groups(ordered, bounds, np.zeros(words, dtype=np.int64), settings, chain_of)
    members = np.flatnonzero(chain_of >= 0)
    members = members[np.lexsort((ordered[members, 2], chain_of[members]))]
    return ordered[members], np.searchsorted(chain_of[members], np.arange(chains + 1)).astype(np.int64)
