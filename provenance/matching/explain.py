"""Why shared text is no alarm: how much of the evidence is left once the prompt, other models' answers and boilerplate are taken away.

What explains must speak about the reference at hand. Other models' answers and the prompt say nothing about a book; books say nothing about how common an
answer is; and no number of holders explains more than ``MatchParams.common_words`` words, since nobody hits on so many by himself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from provenance.matching.candidate import Candidate, RowRuns, longest_run, mark_others, mark_own, mark_runs
from provenance.matching.pack import PackSegment
from provenance.matching.params import MatchParams
from provenance.matching.related import Place, Relations
from provenance.matching.sampled import is_short_sample
from provenance.matching.score import SHINGLE, compute_overlap
from provenance.matching.stored import Segment, compared_shingles
from provenance.matching.windows import KnownWindows, know_windows, mark_windows
from provenance.model.match import Explanation
from provenance.model.reference import ReferenceKind

SAME_TEXT = 0.8
"""Two references of which one holds this share of the other's 5-grams are one text: neither explains the other away."""
NEARLY_ALL = 0.8
"""A passage that takes this share of a reference is that reference."""
_SIZE_RATIO = 4
"""The longer of them may have this many times the 5-grams of the shorter."""
_CACHED = 65536
"""Entries a cache holds before it starts anew."""
_API, _BACKGROUND = ReferenceKind.API_OUTPUT, ReferenceKind.BACKGROUND
_OPEN, _CLOSE = "\"'“‘«„‹「『‟‛", "\"'”’»“›」』‘"
_PUNCTUATION = ".,;:!?…)]—–-*_"
EDGE_CHARACTERS = 8
"""Code points after a passage in which its closing quotation mark is sought."""


StopWindows = Sequence[tuple[Explanation, NDArray[np.uint64]]]
"""Sorted sets of 5-word windows, each with what it explains."""
Mask = NDArray[np.bool_]
"""One flag a word of the passage."""


class Explainer:
    """Judges candidates of one matcher's segments, each by itself."""

    def __init__(self, segments: Sequence[Segment], kinds: Sequence[ReferenceKind], params: MatchParams, stop: StopWindows) -> None:
        """Keep what is needed to judge; ``stop`` holds sorted sets of stop-passage windows."""
        self._segments, self._kinds, self._params = segments, kinds, params
        self._stop = tuple((reason, know_windows(hashes)) for reason, hashes in stop)
        self._novel = [params.min_novel * segment.shown for segment in segments]
        self._same: dict[tuple[int, int, int, int], bool] = {}
        self._prompts: dict[tuple[int, int], tuple[KnownWindows, int]] = {}
        self._relations = Relations(segments)
        knowingly = (ReferenceKind.BACKGROUND, ReferenceKind.LICENSE_TEXT)
        self._speaks = [segment.has_text or kind in knowingly for segment, kind in zip(segments, kinds, strict=True)]
        """Whether what a segment holds may explain: nobody can read what is in a pack, so it explains only where the user says that it is there for that."""

    def explain(self, found: Candidate, runs: Sequence[RowRuns], words: NDArray[np.uint32]) -> Explanation | None:
        """Return why a passage is no alarm, or ``None`` if it is one; marks of quotation are looked at apart."""
        if self._kinds[found.segment] is ReferenceKind.LICENSE_TEXT:
            return Explanation.LICENSE_TEXT
        if self._outside_body(found):
            return Explanation.BOILERPLATE
        longest = longest_run(found, runs)
        if self._is_short(found, longest[1] - longest[0], words):
            return None if self._is_short_answer(found, runs, words) else Explanation.SHORT_PASSAGE
        because = self._subtract(found, runs, words, longest)
        if because is None and not found.whole and found.words <= self._params.common_words and self.is_widespread(found, runs):
            return Explanation.QUOTATION
        return because

    def mask_taken(self, found: Candidate, runs: Sequence[RowRuns], words: NDArray[np.uint32]) -> Mask:
        """Mark the words of a passage that prove nothing: stop passages, the prompt, background, what other models say."""
        taken = np.zeros(found.words, dtype=np.bool_)
        for _ in self._mark_known(found, runs, words, taken):
            pass
        return taken | self._common_mask(found, runs, taken, np.ones_like(taken), (_API, _BACKGROUND))

    def is_widespread(self, found: Candidate, runs: Sequence[RowRuns]) -> bool:
        """Tell whether enough unrelated texts hold most of the passage. What answers quote makes no book common property: for works, works are asked."""
        enough = self._params.widespread
        places = self._holders(found, runs)
        return len(places) >= enough and self._relations.count_unrelated(places, enough=enough) >= enough

    def _is_short(self, found: Candidate, longest: int, words: NDArray[np.uint32]) -> bool:
        params, segment = self._params, self._segments[found.segment]
        if isinstance(segment, PackSegment) and not found.whole:
            return is_short_sample(found, longest, words, segment, params)
        # A short text that the training text repeats is no long passage: the shorter side counts.
        counted = found.counted + min(0, found.ref_end - found.ref_start - found.words)
        if counted < params.min_words or found.whole:
            return counted < params.min_words
        return longest < params.min_words and (found.density < params.min_density or found.score < params.min_score)

    def _is_short_answer(self, found: Candidate, runs: Sequence[RowRuns], words: NDArray[np.uint32]) -> bool:
        """Tell whether a short whole field is a whole reference that nobody else gives, in words that neither its prompt nor a stop passage has."""
        params = self._params
        if not found.whole or found.words < params.answer_words or found.characters < params.answer_characters:
            return False
        taken = np.zeros(found.words, dtype=np.bool_)
        for _ in self._mark_known(found, runs, words, taken):
            pass
        own = found.words - int(np.count_nonzero(taken))
        return own >= params.answer_words and not self._is_held_elsewhere(found, runs, (found.start, found.end), 1.0)

    def _mark_known(self, found: Candidate, runs: Sequence[RowRuns], words: NDArray[np.uint32], taken: Mask) -> Iterator[Explanation]:
        """Mark step by step what explains regardless of how much it is; yield the reason after each step."""
        for reason, known in self._stop:
            mark_windows(words, found.start, found.end, known, SHINGLE, taken)
            yield reason
        if self._kinds[found.segment] is _API:  # a model may recite a licence; a book that holds one is still that book
            for row in runs:
                if self._kinds[row.segment] is ReferenceKind.LICENSE_TEXT:
                    mark_runs(row.runs, np.ones(len(row.runs), dtype=np.bool_), found.start, found.end, taken)
            yield Explanation.LICENSE_TEXT
        mark_windows(words, found.start, found.end, *self._prompt(found), taken)
        yield Explanation.PROMPT

    def _subtract(self, found: Candidate, runs: Sequence[RowRuns], words: NDArray[np.uint32], longest: tuple[int, int]) -> Explanation | None:
        """Take away what explains the passage, step by step, and return what left too little."""
        own = self._own_mask(found, runs)
        taken = np.zeros(found.words, dtype=np.bool_)
        edited = False
        for reason in self._mark_known(found, runs, words, taken):
            if self._left(found, taken & own):
                continue
            edited = reason is Explanation.PROMPT and self._holds_edits(found, own, words)
            if not edited:
                return reason
        # Nobody says 24 words exactly as another answer has them, from the first to the last, because a habit made him.
        if found.whole or edited:
            return None
        taken |= self._common_mask(found, runs, taken & own, own, (_BACKGROUND,))
        if not self._left(found, taken & own):
            return Explanation.COMMON_TO_MODELS
        if self._long_words(found, runs, taken) > self._params.common_words * self._segments[found.segment].shown:
            return None
        taken |= self._common_mask(found, runs, taken & own, own, (_API, _BACKGROUND))
        return None if self._left(found, taken & own) or self._is_singular(found, runs, longest) else Explanation.COMMON_TO_MODELS

    def _left(self, found: Candidate, taken: Mask) -> bool:
        return found.equal - int(np.count_nonzero(taken)) >= self._novel[found.segment]

    def _long_words(self, found: Candidate, runs: Sequence[RowRuns], taken: Mask) -> int:
        """Return the words in long exact runs with the reference that are not taken yet."""
        long = np.zeros(found.words, dtype=np.bool_)
        least = int(self._params.piece_words * self._segments[found.segment].run_share)
        mark_own(runs[found.segment].runs, found.ref, found.start, found.end, least, long)
        return int(np.count_nonzero(long & ~taken))

    def _holds_edits(self, found: Candidate, own: Mask, words: NDArray[np.uint32]) -> bool:
        """Tell whether a passage is an answer that mostly repeats its prompt, with what the model changed in it.

        The words that the prompt has are the user's own. The model's are the windows that the prompt lacks: words it changed, sentences it put in another
        order. Who has nearly the whole answer with more than half of these has the answer. An answer that changes nothing is no model's text.
        """
        segment, (known, _) = self._segments[found.segment], self._prompt(found)
        low, high = segment.ref_offsets.item(found.ref), segment.ref_offsets.item(found.ref + 1)
        if found.ref_end - found.ref_start < NEARLY_ALL * (high - low):
            return False
        return 2 * segment.count_new(words, found.start, found.end, known, own) > segment.count_own(found.ref, known)

    def _is_singular(self, found: Candidate, runs: Sequence[RowRuns], longest: tuple[int, int]) -> bool:
        """Tell whether a long exact run is this provider's own: others' phrases may cover it piece by piece, but no other provider's answer holds it."""
        least = self._params.min_words * self._segments[found.segment].run_share
        return longest[1] - longest[0] >= least and not self._is_held_elsewhere(found, runs, longest, self._params.common_share)

    def _is_held_elsewhere(self, found: Candidate, runs: Sequence[RowRuns], place: tuple[int, int], share: float) -> bool:
        """Tell whether another provider's text holds this share of some words of the passage; for works, whether background does."""
        start, end = place
        speaking = (_API, _BACKGROUND) if self._kinds[found.segment] is _API else (_BACKGROUND,)
        for row in runs:
            if self._kinds[row.segment] not in speaking or not len(row.runs) or not self._may_speak(found, row):
                continue
            inside = np.minimum(row.runs[:, 2] + row.runs[:, 4], end) - np.maximum(row.runs[:, 2], start)
            others = (inside > 0) & self._are_others(found, row)
            held = np.bincount(row.runs[others, 1], weights=inside[others]) if others.any() else np.zeros(1)
            for ref in np.flatnonzero(held >= share * (end - start)).tolist():
                held_mask = np.zeros(end - start, dtype=np.bool_)
                mark_runs(row.runs, row.runs[:, 1] == ref, start, end, held_mask)
                holds = int(np.count_nonzero(held_mask)) >= share * (end - start)
                if holds and (found.whole or not self._same_text(found, row.segment, ref)):
                    return True
        return False

    def _may_speak(self, found: Candidate, row: RowRuns) -> bool:
        """Tell whether a segment may explain a passage of a reference: a pack explains what is its own, at the most."""
        return self._speaks[row.segment] or row.segment == found.segment

    def _are_others(self, found: Candidate, row: RowRuns) -> Mask:
        """Tell of each run whether its reference is another provider's and another model's. Who is not known is nobody else."""
        model, provider = self._segments[found.segment].origins[found.ref]
        origins = self._segments[row.segment].origins[row.runs[:, 1]]
        same_model = (origins[:, 0] == model) & (model != 0)
        if self._kinds[row.segment] is _BACKGROUND:
            return np.asarray(~same_model)
        return np.asarray(~same_model & (origins[:, 1] != provider) & (origins[:, 1] != 0) & (provider != 0))

    def _outside_body(self, found: Candidate) -> bool:
        bodies = self._segments[found.segment].bodies
        start, end = bodies.item(found.ref, 0), bodies.item(found.ref, 1)
        inside = min(found.ref_end, end) - max(found.ref_start, start)
        return inside < 0.5 * (found.ref_end - found.ref_start)

    def _own_mask(self, found: Candidate, runs: Sequence[RowRuns]) -> Mask:
        own = np.zeros(found.words, dtype=np.bool_)
        if found.whole:
            return ~own
        held = mark_own(runs[found.segment].runs, found.ref, found.start, found.end, 1, own)
        return own if held else ~own

    def _prompt(self, found: Candidate) -> tuple[KnownWindows, int]:
        """Return the windows of the prompt that the reference answers, and of how many words they are."""
        key = (found.segment, found.ref)
        if key not in self._prompts:
            if len(self._prompts) > _CACHED:
                self._prompts.clear()
            self._prompts[key] = self._segments[found.segment].know_prompt(found.ref)
        return self._prompts[key]

    def _common_mask(self, found: Candidate, runs: Sequence[RowRuns], taken: Mask, own: Mask, kinds: Collection[ReferenceKind]) -> Mask:
        """Mark what other models say too: leave-one-out, and not counting references that are the same text. Nothing but background speaks about a work.

        Which these are is asked only where it matters: where too little of the passage is left with them counted.
        """
        mask = np.zeros(found.words, dtype=np.bool_)
        if self._kinds[found.segment] is not _API:
            return self._background_mask(found, runs, mask)
        origin = self._segments[found.segment].origins[found.ref]
        speaking = [r for r in runs if self._kinds[r.segment] in kinds and len(r.runs) and self._may_speak(found, r)]
        others = []
        for row in speaking:
            others.append(np.empty(len(row.runs), dtype=np.bool_))
            everyone = int(self._kinds[row.segment] is _BACKGROUND)
            mark_others(row.runs, self._segments[row.segment].origins, origin, everyone, found.start, found.end, mask, others[-1])
        if self._left(found, taken | (mask & own)):
            return mask
        mask[:] = False
        for row, held in zip(speaking, others, strict=True):
            same = [ref for ref in set(row.runs[held, 1].tolist()) if self._same_text(found, row.segment, ref)]
            mark_runs(row.runs, held & ~np.isin(row.runs[:, 1], same) if same else held, found.start, found.end, mask)
        return mask

    def _background_mask(self, found: Candidate, runs: Sequence[RowRuns], mask: Mask) -> Mask:
        for row in runs:
            if self._kinds[row.segment] is _BACKGROUND:
                mark_runs(row.runs, np.ones(len(row.runs), dtype=np.bool_), found.start, found.end, mask)
        return mask

    def _same_text(self, found: Candidate, segment: int, ref: int) -> bool:
        key = (found.segment, found.ref, segment, ref)
        if key not in self._same:
            if len(self._same) > _CACHED:
                self._same.clear()
            a, b = compared_shingles(self._segments, (found.segment, found.ref), (segment, ref))
            least = min(len(a), len(b))
            self._same[key] = least > 0 and max(len(a), len(b)) <= _SIZE_RATIO * least and compute_overlap(a, b) >= SAME_TEXT * least
        return self._same[key]

    def _holders(self, found: Candidate, runs: Sequence[RowRuns]) -> list[Place]:
        """Return one reference of each origin that holds most of the passage; the passage's own comes first."""
        kind = self._kinds[found.segment]
        held = {self._owner(found.segment, found.ref): (found.segment, found.ref)}
        for row in runs:
            if (kind is not _API and self._kinds[row.segment] not in (kind, _BACKGROUND)) or not self._may_speak(found, row):
                continue
            inside = np.minimum(row.runs[:, 2] + row.runs[:, 4], found.end) - np.maximum(row.runs[:, 2], found.start)
            for ref in sorted(set(row.runs[inside >= found.words // 2, 1].tolist())):
                held.setdefault(self._owner(row.segment, ref), (row.segment, ref))
        held.pop(0, None)
        return list(held.values())

    def _owner(self, segment: int, ref: int) -> int:
        return self._segments[segment].origins.item(ref, 1)


def stands_in_quotes(text: str, start: int, end: int) -> bool:
    """Tell whether the code points [start, end) stand in quotation marks: an opening one right before, a closing one right after, within the paragraph."""
    if start == 0 or text[start - 1] not in _OPEN or (start > 1 and text[start - 2].isalnum()):
        return False
    after = text[end : end + EDGE_CHARACTERS]
    rest = after.lstrip(_PUNCTUATION)
    return bool(rest) and rest[0] in _CLOSE
