"""Why shared text is no alarm: how much of the evidence is left once the prompt, other models' answers and boilerplate are taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.matching.params import MatchParams
from provenance.matching.score import SHINGLE, compute_overlap, shingles
from provenance.matching.seeds import window_hash
from provenance.matching.segment import Segment
from provenance.model.match import Explanation
from provenance.model.reference import ReferenceKind

PROMPT_WINDOW = 4
"""Words in an n-gram that counts as taken from the prompt."""
SAME_TEXT = 0.8
"""Two references of which one holds this share of the other's 5-grams are one text: neither explains the other away."""
_SIZE_RATIO = 4
"""The longer of them may have this many times the 5-grams of the shorter."""
_CACHED = 65536
"""Entries a cache holds before it starts anew."""
_OPEN, _CLOSE = "\"'“‘«„‹「『‟‛", "\"'”’»“›」』‘"
_PUNCTUATION = ".,;:!?…)]—–-*_"
_ONE, _BYTE = np.uint64(1), np.uint64(63)
_EDGE_CHARACTERS = 8
"""Code points after a passage in which its closing quotation mark is sought."""


StopWindows = Sequence[tuple[Explanation, NDArray[np.uint64]]]
"""Sorted sets of 5-word windows, each with what it explains."""


@dataclass(slots=True)
class Candidate:
    """A passage that one text shares with one reference, in words of the batch and of the segment."""

    segment: int
    ref: int
    start: int
    end: int
    ref_start: int
    ref_end: int
    score: int
    equal: int
    loose: int = 0
    """Words that only one of the two texts has, within what could be aligned."""
    counted: int = 0
    """Words of the training side, numbers of list items included."""
    whole: bool = False
    """The whole text equals the whole reference."""
    near: bool = False
    """The whole text is a near-duplicate of the whole reference, verified exactly."""
    run: tuple[int, int] | None = None
    """Where ``longest_run`` found the longest run, once it has looked."""

    @property
    def words(self) -> int:
        """Return the words of the training side."""
        return self.end - self.start

    @property
    def density(self) -> float:
        """Return how much of the passage is copied word by word, 0 … 1 and below.

        Who copies and edits replaces words one by one: a replaced word counts half against. Who retells or translates anew builds other sentences: an
        unpaired word counts four times against.
        """
        return (self.equal - 0.5 * (self.words - self.equal) - 4.0 * self.loose) / self.words


@dataclass(frozen=True, slots=True)
class RowRuns:
    """Exact runs of one row with one segment: (n, 5) as in ``passages.Found``."""

    segment: int
    runs: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KnownWindows:
    """A sorted set of window hashes, and one bit for each in a filter: of other windows, one in sixteen is looked for in vain."""

    hashes: NDArray[np.uint64]
    bits: NDArray[np.uint64]

    @property
    def shift(self) -> np.uint64:
        """By how many bits a hash is shifted to give its word of the filter."""
        return np.uint64(65 - len(self.bits).bit_length())


def know_windows(hashes: NDArray[np.uint64]) -> KnownWindows:
    """Return a sorted set of window hashes with its filter."""
    bits = np.zeros(2 ** max((16 * len(hashes) // 64).bit_length(), 1), dtype=np.uint64)
    known = KnownWindows(hashes, bits)
    np.bitwise_or.at(bits, hashes >> known.shift, np.uint64(1) << (hashes & _BYTE))
    return known


def mark_windows(words: NDArray[np.uint32], start: int, end: int, known: KnownWindows, n: int, mask: NDArray[np.bool_]) -> None:
    """Set ``mask[i]`` for the words of ``words[start:end]`` that stand in a known window of ``n`` words."""
    if len(known.hashes):
        _mark_windows(words, start, end, known.hashes, known.bits, known.shift, n, mask)


@kernel()
def _mark_windows(
    words: NDArray[np.uint32],
    start: int,
    end: int,
    known: NDArray[np.uint64],
    bits: NDArray[np.uint64],
    shift: np.uint64,
    n: int,
    mask: NDArray[np.bool_],
) -> None:
    for i in range(start, end - n + 1):
        h = window_hash(words, i, n)
        if bits[h >> shift] >> (h & _BYTE) & _ONE:
            at = np.searchsorted(known, h)
            if at < len(known) and known[at] == h:
                for j in range(i, i + n):
                    mask[j - start] = True


@kernel()
def mark_runs(runs: NDArray[np.int64], refs: NDArray[np.bool_], start: int, end: int, mask: NDArray[np.bool_]) -> None:
    """Set ``mask`` for the words of [start, end) in a run with a reference of which ``refs`` is true (by run)."""
    for k in range(len(runs)):
        if refs[k]:
            for q in range(max(runs[k, 2], start), min(runs[k, 2] + runs[k, 4], end)):
                mask[q - start] = True


@kernel()
def _mark_own(runs: NDArray[np.int64], ref: int, start: int, end: int, mask: NDArray[np.bool_]) -> int:
    """Set ``mask`` for the words of [start, end) in a run with one reference; return in how many such runs they are."""
    held = 0
    for k in range(len(runs)):
        if runs[k, 1] == ref:
            first, last = max(runs[k, 2], start), min(runs[k, 2] + runs[k, 4], end)
            held += first < last
            for q in range(first, last):
                mask[q - start] = True
    return held


@kernel()
def _mark_others(
    runs: NDArray[np.int64], origins: NDArray[np.uint64], origin: np.uint64, start: int, end: int, mask: NDArray[np.bool_], held: NDArray[np.bool_]
) -> None:
    """Set ``mask`` for the words of [start, end) in a run with a reference of another origin, and ``held`` for such runs."""
    for k in range(len(runs)):
        first, last = max(runs[k, 2], start), min(runs[k, 2] + runs[k, 4], end)
        held[k] = first < last and origins[runs[k, 1], 0] != origin
        if held[k]:
            for q in range(first, last):
                mask[q - start] = True


@kernel()
def _longest_inside(runs: NDArray[np.int64], ref: int, start: int, end: int) -> tuple[int, int]:
    best_start, best_end = start, start
    for k in range(len(runs)):
        if runs[k, 1] == ref:
            first, last = max(runs[k, 2], start), min(runs[k, 2] + runs[k, 4], end)
            if last - first > best_end - best_start:
                best_start, best_end = first, last
    return best_start, best_end


def longest_run(found: Candidate, runs: Sequence[RowRuns]) -> tuple[int, int]:
    """Return the words of the longest exact run with the reference, within the passage; all of a whole equal text.

    Args:
        found: The passage; remembers the answer.
        runs: The row's runs, one entry a segment, in the order of the segments.
    """
    if found.whole:
        return found.start, found.end
    if found.run is None:
        found.run = _longest_inside(runs[found.segment].runs, found.ref, found.start, found.end)
    return found.run


class Explainer:
    """Judges candidates of one matcher's segments."""

    def __init__(self, segments: Sequence[Segment], kinds: Sequence[ReferenceKind], params: MatchParams, stop: StopWindows) -> None:
        """Keep what is needed to judge; ``stop`` holds sorted sets of stop-passage windows."""
        self._segments, self._kinds, self._params = segments, kinds, params
        self._stop = tuple((reason, know_windows(hashes)) for reason, hashes in stop)
        self._same: dict[tuple[int, int, int, int], bool] = {}
        self._prompts: dict[tuple[int, int], KnownWindows] = {}

    def explain(self, found: Candidate, runs: Sequence[RowRuns], words: NDArray[np.uint32]) -> Explanation | None:
        """Return why a passage is no alarm, or ``None`` if it is one; marks of quotation are looked at apart."""
        params = self._params
        if self._kinds[found.segment] is ReferenceKind.LICENSE_TEXT:
            return Explanation.LICENSE_TEXT
        if self._outside_body(found):
            return Explanation.BOILERPLATE
        longest = longest_run(found, runs)
        if self._is_short(found, longest[1] - longest[0]):
            return Explanation.SHORT_PASSAGE
        # Nobody says 24 words exactly as another answer has them, from the first to the last, because a prompt or a habit made him.
        if found.whole and not self._is_stop(found, words):
            return None
        because = self._subtract(found, runs, words, longest)
        if because is None and found.words <= params.quote_words and self._holders(found, runs) >= params.widespread:
            return Explanation.QUOTATION
        return because

    def _is_short(self, found: Candidate, longest: int) -> bool:
        params = self._params
        # A short text that the training text repeats is no long passage: the shorter side counts.
        counted = found.counted + min(0, found.ref_end - found.ref_start - found.words)
        if counted < params.min_words or found.whole:
            return counted < params.min_words
        return longest < params.min_words and (found.density < params.min_density or found.score < params.min_score)

    def _is_stop(self, found: Candidate, words: NDArray[np.uint32]) -> bool:
        mask = np.zeros(found.words, dtype=np.bool_)
        for _, known in self._stop:
            mark_windows(words, found.start, found.end, known, SHINGLE, mask)
        return not self._left(found, mask)

    def _subtract(self, found: Candidate, runs: Sequence[RowRuns], words: NDArray[np.uint32], longest: tuple[int, int]) -> Explanation | None:
        """Take away what explains the passage, step by step, and return what left too little."""
        own = self._own_mask(found, runs)
        taken = np.zeros(found.words, dtype=np.bool_)
        for reason, known in (*self._stop, (Explanation.PROMPT, self._prompt(found))):
            mark_windows(words, found.start, found.end, known, PROMPT_WINDOW if reason is Explanation.PROMPT else SHINGLE, taken)
            if not self._left(found, taken & own):
                return reason
        taken |= self._common_mask(found, runs, taken & own, own)
        return None if self._left(found, taken & own) or self._is_singular(found, runs, longest) else Explanation.COMMON_TO_MODELS

    def _left(self, found: Candidate, taken: NDArray[np.bool_]) -> bool:
        return found.equal - int(np.count_nonzero(taken)) >= self._params.min_novel

    def _is_singular(self, found: Candidate, runs: Sequence[RowRuns], longest: tuple[int, int]) -> bool:
        """Tell whether a long exact run is this provider's own: others' phrases may cover it piece by piece, but no other provider's answer holds it."""
        start, end = longest
        if end - start < self._params.min_words:
            return False
        provider = self._segments[found.segment].origins[found.ref, 1]
        for row in runs:
            inside = np.minimum(row.runs[:, 2] + row.runs[:, 4], end) - np.maximum(row.runs[:, 2], start)
            others = (inside > 0) & (self._segments[row.segment].origins[row.runs[:, 1], 1] != provider)
            held = np.bincount(row.runs[others, 1], weights=inside[others]) if others.any() else np.zeros(1)
            for ref in np.flatnonzero(held >= self._params.common_share * (end - start)).tolist():
                held_mask = np.zeros(end - start, dtype=np.bool_)
                mark_runs(row.runs, row.runs[:, 1] == ref, start, end, held_mask)
                holds = int(np.count_nonzero(held_mask)) >= self._params.common_share * (end - start)
                if holds and not self._same_text(found, row.segment, ref):
                    return False
        return True

    def _outside_body(self, found: Candidate) -> bool:
        bodies = self._segments[found.segment].bodies
        start, end = bodies.item(found.ref, 0), bodies.item(found.ref, 1)
        inside = min(found.ref_end, end) - max(found.ref_start, start)
        return inside < 0.5 * (found.ref_end - found.ref_start)

    def _own_mask(self, found: Candidate, runs: Sequence[RowRuns]) -> NDArray[np.bool_]:
        own = np.zeros(found.words, dtype=np.bool_)
        held = _mark_own(runs[found.segment].runs, found.ref, found.start, found.end, own)
        return own if held else ~own

    def _prompt(self, found: Candidate) -> KnownWindows:
        """Return the windows of the prompt that the reference answers."""
        key = (found.segment, found.ref)
        if key not in self._prompts:
            segment = self._segments[found.segment]
            if len(self._prompts) > _CACHED:
                self._prompts.clear()
            low, high = segment.prompt_offsets.item(found.ref), segment.prompt_offsets.item(found.ref + 1)
            self._prompts[key] = know_windows(shingles(segment.prompt_words[low:high], PROMPT_WINDOW))
        return self._prompts[key]

    def _common_mask(self, found: Candidate, runs: Sequence[RowRuns], taken: NDArray[np.bool_], own: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Mark what other models say too: leave-one-out, and not counting references that are the same text.

        Which these are is asked only where it matters: where too little of the passage is left with them counted.
        """
        mask = np.zeros(found.words, dtype=np.bool_)
        if self._kinds[found.segment] is not ReferenceKind.API_OUTPUT:
            return self._background_mask(found, runs, mask)
        origin = self._segments[found.segment].origins[found.ref, 0]
        speaking = [r for r in runs if self._kinds[r.segment] in (ReferenceKind.API_OUTPUT, ReferenceKind.BACKGROUND) and len(r.runs)]
        others = []
        for row in speaking:
            others.append(np.empty(len(row.runs), dtype=np.bool_))
            _mark_others(row.runs, self._segments[row.segment].origins, origin, found.start, found.end, mask, others[-1])
        if self._left(found, taken | (mask & own)):
            return mask
        mask[:] = False
        for row, held in zip(speaking, others, strict=True):
            same = [ref for ref in set(row.runs[held, 1].tolist()) if self._same_text(found, row.segment, ref)]
            mark_runs(row.runs, held & ~np.isin(row.runs[:, 1], same) if same else held, found.start, found.end, mask)
        return mask

    def _background_mask(self, found: Candidate, runs: Sequence[RowRuns], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        for row in runs:
            if self._kinds[row.segment] is ReferenceKind.BACKGROUND:
                mark_runs(row.runs, np.ones(len(row.runs), dtype=np.bool_), found.start, found.end, mask)
        return mask

    def _same_text(self, found: Candidate, segment: int, ref: int) -> bool:
        key = (found.segment, found.ref, segment, ref)
        if key not in self._same:
            if len(self._same) > _CACHED:
                self._same.clear()
            a, b = self._segments[found.segment].shingles(found.ref), self._segments[segment].shingles(ref)
            least = min(len(a), len(b))
            self._same[key] = least > 0 and max(len(a), len(b)) <= _SIZE_RATIO * least and compute_overlap(a, b) >= SAME_TEXT * least
        return self._same[key]

    def _holders(self, found: Candidate, runs: Sequence[RowRuns]) -> int:
        """Return how many unrelated origins hold most of the passage."""
        origins: set[int] = set()
        for row in runs:
            inside = np.minimum(row.runs[:, 2] + row.runs[:, 4], found.end) - np.maximum(row.runs[:, 2], found.start)
            table = self._segments[row.segment].origins
            origins.update(table.item(ref, 0) for ref in set(row.runs[inside >= found.words // 2, 1].tolist()))
        return len(origins)


def stands_in_quotes(text: str, start: int, end: int) -> bool:
    """Tell whether the code points [start, end) stand in quotation marks: an opening one right before, a closing one right after, within the paragraph."""
    if start == 0 or text[start - 1] not in _OPEN or (start > 1 and text[start - 2].isalnum()):
        return False
    after = text[end : end + _EDGE_CHARACTERS]
    rest = after.lstrip(_PUNCTUATION)
    return bool(rest) and rest[0] in _CLOSE
