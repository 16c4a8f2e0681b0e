"""Which records a segment can have changed anything for, so that a scan can rest on an earlier one.

What a segment finds in a row depends on the two alone: on no other segment, and on no other row of the batch. This holds for exact runs, passages, whole equal
texts, near-duplicates (``neardup``) and for what caps leave out; the filter that segments share lets other windows pass by chance, which find and count nothing, and a row that is
passed over (``CascadeMatcher._live_rows``) has no candidate and loses nothing to caps, so it does not matter whether it was. Only what is judged goes beyond a
row: the rows of a record together, with the candidates and runs of all segments in them. From this follows, with the earlier scan's matches at hand:

* A record with matches is as it was if no segment that came has a run or a candidate in it, and none that went had one in a row with candidates: explanations,
  other references that hold a passage, how many unrelated ones do, and pieces that add up are all taken from these.
* A record without matches had no candidate of a kind that is judged. It stays so whatever goes; of what comes, such a candidate alone changes it.
* ``Match.chance_alarms_per_million`` depends on the words of all references, and on nothing else that a match does not say.

Two things must not change with the segments: the order of those that stay, since ties go by it, and the rows of a record that stand in one batch, since
pieces add up over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from provenance.canonical import digest_of
from provenance.matching.candidate import Candidate
from provenance.matching.passages import Found
from provenance.matching.stored import Segment
from provenance.model.match import Match
from provenance.model.reference import ReferenceKind
from provenance.ports import OpenSegmentKey, TextBatch, Touched


def segment_key(segment: Segment, kind: ReferenceKind) -> OpenSegmentKey:
    """Return what names a segment in its set."""
    facts = {"set": segment.set_name, "kind": kind.value, "segment": segment.entry.digest, "scheme": segment.entry.scheme}
    return OpenSegmentKey(digest=digest_of(facts), words=segment.entry.words)


def touched_records(
    batch: TextBatch,
    found: Sequence[Found],
    candidates: Mapping[int, Sequence[Candidate]],
    kinds: Sequence[ReferenceKind],
    reported: NDArray[np.int64],
) -> tuple[NDArray[np.int64], tuple[int, ...]]:
    """Return the records of which the matches may differ from what they are without some segments, ascending, and what caps left out in each segment.

    Args:
        batch: The rows that can hold a candidate, and those of ``reported`` records.
        found: What each of the segments shares with them.
        candidates: Of these segments, by row.
        kinds: What each segment holds.
        reported: Records that have matches without them.
    """
    has_matches = np.isin(batch.record, reported)
    changed = np.zeros(len(batch), dtype=np.bool_)
    for result in found:
        changed[result.runs[:, 0]] = True
    changed &= has_matches
    for row, some in candidates.items():
        changed[row] |= has_matches[row] or any(kinds[c.segment] is not ReferenceKind.BACKGROUND for c in some)
    return np.unique(batch.record[changed]), tuple(f.dropped for f in found)


def trace_segments(batch: TextBatch, matches: Sequence[Match], found: Sequence[Found], candidates: Mapping[int, Sequence[Candidate]]) -> Touched:
    """Return with which segments the rows of records with matches share words, of those rows that have candidates: runs in others judge nothing."""
    dropped = tuple(f.dropped for f in found)
    reported = np.unique(np.array([m.record for m in matches], dtype=np.int64))
    rows = np.array(sorted(candidates), dtype=np.int64)
    rows = rows[np.isin(batch.record[rows], reported)]
    place = np.full(len(batch), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    touched = np.zeros((len(rows), len(found)), dtype=np.bool_)
    for i, result in enumerate(found):
        own = place[result.runs[:, 0]]
        touched[own[own >= 0], i] = True
    for at, row in enumerate(rows.tolist()):
        touched[at, [c.segment for c in candidates[row]]] = True
    places, segments = np.nonzero(touched)
    pairs = np.unique(np.column_stack([batch.record[rows[places]], segments]), axis=0)
    return Touched(pairs[:, 0], pairs[:, 1].astype(np.int32), dropped)
