"""From passages in words to matches in characters: spans, exact numbers, and the words behind them. Made for matches only."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.tokens import codepoint_offsets
from provenance.matching.build import encode
from provenance.matching.candidate import Candidate, RowRuns, longest_run
from provenance.matching.explain import EDGE_CHARACTERS, stands_in_quotes
from provenance.matching.measure import Measured
from provenance.matching.score import SHINGLE, containment_interval, estimate_chance_alarms, jaccard_of, shingles
from provenance.matching.stored import Segment
from provenance.matching.windows import know_windows, mark_windows
from provenance.matching.words import Words, read_words
from provenance.model.match import ALSO_LISTED, AlsoIn, Explanation, Match, MatchMethod, MatchText, Span
from provenance.ports import TextBatch

_MARK_WINDOW = 3
"""Words in a row that mark a stretch as shared wherever it stands; single words count only where the two texts run in step."""
BESIDE_BYTES = 4 * (EDGE_CHARACTERS + 1)
"""Bytes on either side of a passage that hold all characters in which its quotation marks are sought, and one that may be cut."""
_STEPWISE_WORDS = 1500
"""Longer passages are marked by windows alone: stepping through both is quadratic."""
Place = tuple[str, str, str]
"""(path, shard digest, scan id) that a match carries."""


class RowText:
    """One row of a batch with where its words stand; characters are counted only when asked for."""

    def __init__(self, batch: TextBatch, row: int, words: Words) -> None:
        """Keep the batch, its words, and which row of it this is."""
        self.batch, self.row, self._words = batch, row, words

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return the code points that the batch's words ``first`` … ``last - 1`` take in the row."""
        start, end = codepoint_offsets(self.batch.data, int(self.batch.offsets[self.row]), self._edges(first, last)).tolist()
        return start, end

    def _has_quotes(self, first: int, last: int) -> bool:
        """Tell whether some words stand in quotation marks; only they and what is next to them is read as text."""
        low, high = self.batch.offsets.item(self.row), self.batch.offsets.item(self.row + 1)
        start, end = self._edges(first, last).tolist()
        before, text, after = (
            self.batch.data[a:b].tobytes() for a, b in ((max(start - BESIDE_BYTES, low), start), (start, end), (end, min(end + BESIDE_BYTES, high)))
        )
        lead = before.decode("utf-8", "replace")
        inside = text.decode("utf-8", "surrogatepass")
        return stands_in_quotes(lead + inside + after.decode("utf-8", "replace"), len(lead), len(lead) + len(inside))

    def _edges(self, first: int, last: int) -> NDArray[np.int64]:
        """Return the first byte of some words, and the byte after them."""
        return np.concatenate([self._words.starts(np.array([first])), self._words.ends(np.array([last - 1]))])

    def is_quotation(self, found: Candidate, segment: Segment, quote_words: int) -> bool:
        """Tell whether a passage is short enough for a quotation and stands in quotation marks that the reference does not have.

        A quotation stands in somebody's text: where it is more than half of a field, the field is that passage, whatever marks are put around it.
        """
        if not segment.has_text:  # whether the reference has marks there cannot be seen
            return False
        length = self._words.offsets.item(self.row + 1) - self._words.offsets.item(self.row)
        if found.words > quote_words or 2 * found.words > length or not self._has_quotes(found.start, found.end):
            return False
        original = segment.text_bytes(found.ref).decode("utf-8", "surrogatepass")
        return not stands_in_quotes(original, *segment.word_span(found.ref, found.ref_start, found.ref_end))

    @property
    def field(self) -> str:
        """Name of the field."""
        return self.batch.field_names[int(self.batch.field_code[self.row])]


@dataclass(frozen=True, slots=True)
class Reported:
    """A judged passage, the reference it is reported with, and where it stands."""

    found: Candidate
    also: Sequence[Candidate]
    because: Explanation | None
    runs: Sequence[RowRuns]
    text: RowText


def build_match(report: Reported, measured: Measured, segments: Sequence[Segment], place: Place, *, index_words: int) -> Match:
    """Return the match that a judged passage is reported as."""
    found, because, text = report.found, report.because, report.text
    segment = segments[found.segment]
    record = segment.record(found.ref)
    ref_start, ref_end = segment.word_span(found.ref, found.ref_start, found.ref_end)
    first_to_last = longest_run(found, report.runs)
    low, high = containment_interval(measured.shared, measured.query, one_in=1 if found.whole else segment.sampled)
    number, line = int(text.batch.record[text.row]), int(text.batch.line[text.row])
    path, shard, scan = place
    return Match(
        scan=scan,
        shard=shard,
        path=path,
        record=number,
        line=line or None,
        doc_id=text.batch.doc_ids[text.row] or f"{path}#{number}",
        field=text.field,
        start=measured.start,
        end=measured.end,
        reference_set=segment.set_name,
        reference=record.id,
        kind=record.kind,
        reference_start=ref_start,
        reference_end=ref_end,
        also=_also(found, report.also, segments),
        method=_method(found),
        words=found.counted,
        aligned_words=found.equal,
        longest_run=first_to_last[1] - first_to_last[0],
        exact_jaccard=jaccard_of(measured.query, measured.reference, measured.shared),
        exact_containment=measured.shared / measured.query if measured.query else 0.0,
        document_jaccard=jaccard_of(measured.row, measured.document, measured.document_shared),
        score=float(found.score),
        chance_alarms_per_million=estimate_chance_alarms(found.score, index_words),
        ci_low=low,
        ci_high=high,
        explained=because is not None,
        because=because,
    )


def _method(found: Candidate) -> MatchMethod:
    if found.whole:
        return MatchMethod.DIGEST
    return MatchMethod.MINHASH if found.near else MatchMethod.PASSAGE


def _also(found: Candidate, others: Iterable[Candidate], segments: Sequence[Segment]) -> tuple[AlsoIn, ...]:
    """Return one entry for every other reference, the best passage of each."""
    best: dict[tuple[int, int], Candidate] = {}
    for c in others:
        key = (c.segment, c.ref)
        if key != (found.segment, found.ref) and (key not in best or c.score > best[key].score):
            best[key] = c
    listed = sorted(best.values(), key=lambda c: (-c.score, segments[c.segment].set_name, c.segment, c.ref))[:ALSO_LISTED]
    entries = []
    for c in listed:
        segment = segments[c.segment]
        start, end = segment.word_span(c.ref, c.ref_start, c.ref_end)
        entries.append(AlsoIn(reference=segment.record(c.ref).id, start=start, end=end, score=float(c.score), reference_set=segment.set_name))
    return tuple(entries)


def show_texts(match: Match, field_text: str, reference_text: str, *, context: int) -> MatchText:
    """Return both passages with context, and the stretches that both hold."""
    text = field_text[match.start : match.end]
    reference = reference_text[match.reference_start : match.reference_end]
    marked, reference_marked = _shared_stretches(text, reference)
    return MatchText(
        before=field_text[max(0, match.start - context) : match.start],
        text=text,
        after=field_text[match.end : match.end + context],
        reference_before=reference_text[max(0, match.reference_start - context) : match.reference_start],
        reference_text=reference,
        reference_after=reference_text[match.reference_end : match.reference_end + context],
        shared=marked,
        reference_shared=reference_marked,
        document_length=len(field_text),
    )


def show_sampled(match: Match, field_text: str, windows: NDArray[np.uint64], *, context: int) -> MatchText:
    """Return the training passage with context, and the stretches in sampled windows that the reference, which is a pack, has too."""
    text = field_text[match.start : match.end]
    words, spans = _words(text)
    mask = np.zeros(len(words), dtype=np.bool_)
    mark_windows(words, 0, len(words), know_windows(windows), SHINGLE, mask)
    return MatchText(
        before=field_text[max(0, match.start - context) : match.start],
        text=text,
        after=field_text[match.end : match.end + context],
        reference_before="",
        reference_text="",
        reference_after="",
        shared=_stretches(mask, spans),
        reference_shared=(),
        document_length=len(field_text),
    )


def _shared_stretches(text: str, reference: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    query, query_spans = _words(text)
    other, other_spans = _words(reference)
    masks = _held_windows(query, other), _held_windows(other, query)
    if max(len(query), len(other)) <= _STEPWISE_WORDS:
        blocks = difflib.SequenceMatcher(None, query.tolist(), other.tolist(), autojunk=False).get_matching_blocks()
        for a, b, size in blocks:
            masks[0][a : a + size] = True
            masks[1][b : b + size] = True
    return _stretches(masks[0], query_spans), _stretches(masks[1], other_spans)


def _words(text: str) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    data = np.frombuffer(encode(text), dtype=np.uint8)
    read = read_words(data, np.array([0, len(data)], dtype=np.int64))
    return read.words, np.column_stack([codepoint_offsets(data, 0, read.start), codepoint_offsets(data, 0, read.end)])


def _held_windows(words: NDArray[np.uint32], held: NDArray[np.uint32]) -> NDArray[np.bool_]:
    """Return which words stand in a window that another text holds."""
    mask = np.zeros(len(words), dtype=np.bool_)
    mark_windows(words, 0, len(words), know_windows(shingles(held, _MARK_WINDOW)), _MARK_WINDOW, mask)
    return mask


def _stretches(mask: NDArray[np.bool_], spans: NDArray[np.int64]) -> tuple[Span, ...]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return tuple(Span(start=int(spans[a, 0]), end=int(spans[b - 1, 1])) for a, b in edges.reshape(-1, 2).tolist())
