"""One immutable segment of a reference set that holds its texts: memory-mapped arrays, the texts, and their digests."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from provenance.errors import ReferenceIndexError
from provenance.fingerprint.tokens import character_starts, codepoint_offsets
from provenance.matching.filters import Filter
from provenance.matching.kept import KeptArrays
from provenance.matching.neardup import NEAR_ARRAYS
from provenance.matching.probing import filter_seeds
from provenance.matching.score import shingles
from provenance.matching.spelling import look_up_codes
from provenance.matching.stored import RECORD_COLUMNS, Segment, SegmentEntry
from provenance.matching.windows import KnownWindows, count_new_windows, know_windows
from provenance.matching.words import read_words

_BASE_ARRAYS = (
    "words",
    "ref_offsets",
    "buckets",
    "positions",
    "bodies",
    "prompt_words",
    "prompt_offsets",
    "origins",
    "digests",
    "vocabulary",
    "spellings",
    "other_words",
    "other_spellings",
    "anchors",
)
ARRAYS = (*_BASE_ARRAYS, *NEAR_ARRAYS)
TEXTS_NAME = "texts.arrow"
ANCHOR_WORDS = 128
"""Of every 128th word of a reference it is kept where it stands, so that a passage is found in its text without reading all of it."""
_PIECE_COST = 4096
"""Words of a reference that are read in the time that finding one piece of it takes. Once a reference was asked for so often that reading all of it would have cost
no more, it is, and where its words stand is kept: never twice the work of who knew beforehand."""
PROMPT_WINDOW = 4
"""Words in an n-gram that counts as taken from the prompt."""
_COLUMNS: dict[str, pa.DataType] = {**RECORD_COLUMNS, "text": pa.large_binary()}
TEXTS_SCHEMA = pa.schema(_COLUMNS)
_KEPT_BYTES = 128 << 20
"""Of 5-grams of references, and again of places of their words, that are kept before they are made anew: both of a segment of 128 MB of text, nearly."""


def _rank_bits(count: int) -> int:
    """Return by how many top bits a sorted set of so many hashes is entered: one or two members for each."""
    return max(count.bit_length() - 1, 1)


class TextSegment(Segment):
    """A segment with the words and texts of its references."""

    table_name = TEXTS_NAME
    schema = TEXTS_SCHEMA
    has_text = True

    array_names = frozenset(ARRAYS)
    words: NDArray[np.uint32]
    buckets: NDArray[np.uint32]
    positions: NDArray[np.uint32]
    prompt_words: NDArray[np.uint32]
    prompt_offsets: NDArray[np.int64]
    band_buckets: NDArray[np.uint32]
    band_entries: NDArray[np.uint32]
    vocabulary: NDArray[np.uint32]
    spellings: NDArray[np.uint16]
    other_words: NDArray[np.uint32]
    other_spellings: NDArray[np.uint16]
    anchors: NDArray[np.uint32]

    def __init__(self, folder: Path, entry: SegmentEntry, *, set_name: str) -> None:
        """Look for the files.

        Raises:
            ReferenceIndexError: If a file is missing or of another size.
        """
        super().__init__(folder, entry, set_name=set_name)
        self._shingles, self._places = KeptArrays(_KEPT_BYTES), KeptArrays(_KEPT_BYTES)
        self._asked: Counter[int] = Counter()
        self._codes: NDArray[np.uint16] = np.empty(entry.words, dtype=np.uint16)  # takes memory only where something is written
        self._spelled: NDArray[np.bool_] = np.zeros(entry.references, dtype=np.bool_)

    def _check_lengths(self) -> None:
        super()._check_lengths()
        if len(self.words) != self.entry.words:
            raise ReferenceIndexError(
                f"{self.folder}: holds {len(self.words)} words, its manifest says {self.entry.words}", hint="run: provenance reference verify"
            )

    @property
    def bucket_shift(self) -> np.uint64:
        """Return by how many bits a window hash is shifted to give its bucket."""
        return np.uint64(64 - int(len(self.buckets) - 1).bit_length() + 1)

    @property
    def seeds(self) -> int:
        """How many windows are looked for."""
        return len(self.positions)

    def fill_filter(self, into: Filter) -> None:
        """Set a filter's bits of all of them."""
        filter_seeds(self.words, self.ref_offsets, self.params.window, self.params.one_in, into.arrays)

    def text_bytes(self, ref: int) -> bytes:
        """Return a reference's UTF-8 text."""
        raw: bytes = self.texts.column("text")[ref].as_py()
        return raw

    def shingles(self, ref: int) -> NDArray[np.uint64]:
        """Return the sorted distinct word 5-grams of a whole reference."""
        known: NDArray[np.uint64] = self._shingles.get(ref, self._rank_shingles)[0]
        return known

    def ranked_shingles(self, ref: int) -> tuple[NDArray[np.uint64], NDArray[np.uint32], np.uint64]:
        """Return a reference's shingles, where those begin whose top bits are 0, 1, 2 …, and by how many bits a hash is shifted to give its top bits."""
        known, ranks = self._shingles.get(ref, self._rank_shingles)
        return known, ranks, np.uint64(64 - _rank_bits(len(known)))

    def _rank_shingles(self, ref: int) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        known = shingles(np.asarray(self.words[self.ref_offsets[ref] : self.ref_offsets[ref + 1]]))
        bits = _rank_bits(len(known))
        firsts = np.arange(2**bits, dtype=np.uint64) << np.uint64(64 - bits)
        return known, np.append(np.searchsorted(known, firsts), len(known)).astype(np.uint32)

    def word_span(self, ref: int, first: int, last: int) -> tuple[int, int]:
        """Return the code points that words ``first`` … ``last - 1`` (positions in the segment) take in their text.

        Raises:
            ReferenceIndexError: If the text does not hold the words that were indexed.
        """
        base, length = int(self.ref_offsets[ref]), int(self.ref_offsets[ref + 1] - self.ref_offsets[ref])
        self._asked[ref] += 1
        if self._asked[ref] * _PIECE_COST <= length:
            near = self._span_nearby(ref, first - base, last - base, length)
            if near is not None:
                return near
        starts, ends = self._places.get(ref, self._word_places)
        return int(starts[first - base]), int(ends[last - 1 - base])

    def _word_places(self, ref: int) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        starts, ends, _ = self.read_places(ref)
        return starts.astype(np.uint32), ends.astype(np.uint32)  # a text has fewer characters than 2³²: its words are that few

    def _span_nearby(self, ref: int, first: int, last: int, length: int) -> tuple[int, int] | None:
        """Return what ``word_span`` does from a piece of the text around the words; ``None`` where it gives other words than the whole does."""
        low, high = max(first // ANCHOR_WORDS - 1, 0), last // ANCHOR_WORDS + 1  # a piece more before: what counts list items looks back
        anchors = self.anchors[self._anchor_offsets[ref] : self._anchor_offsets[ref + 1]]
        at, characters = anchors[low - 1].tolist() if low else (0, 0)
        text = self._text_view(ref)
        data = text[at : anchors.item(high - 1, 0) if high <= len(anchors) else len(text)]
        read = read_words(data, np.array([0, len(data)], dtype=np.int64))
        base = int(self.ref_offsets[ref])
        if not np.array_equal(read.words, self.words[base + low * ANCHOR_WORDS : base + min(high * ANCHOR_WORDS, length)]):
            return None
        edges = np.array([read.start[first - low * ANCHOR_WORDS], read.end[last - 1 - low * ANCHOR_WORDS]], dtype=np.int64)
        start, end = codepoint_offsets(data, 0, edges).tolist()
        return characters + start, characters + end

    @cached_property
    def _anchor_offsets(self) -> NDArray[np.int64]:
        """Where the anchors of each reference begin."""
        return np.concatenate([[0], np.cumsum(np.maximum(np.diff(self.ref_offsets) - 1, 0) // ANCHOR_WORDS)])

    @cached_property
    def _vocabulary_ranks(self) -> tuple[NDArray[np.uint32], np.uint32]:
        """Where the words begin whose top bits are 0, 1, 2 …, and by how many bits a word is shifted to give its top bits."""
        bits = max(len(self.vocabulary).bit_length() - 1, 1)
        firsts = (np.arange(2**bits, dtype=np.uint64) << np.uint64(32 - bits)).astype(np.uint32)
        return np.append(np.searchsorted(self.vocabulary, firsts), len(self.vocabulary)).astype(np.uint32), np.uint32(32 - bits)

    def spelled_codes(self, refs: NDArray[np.int64]) -> NDArray[np.uint16]:
        """Return an array of the spelling codes of all words of the segment (``spelling``), of which those of some references are filled in."""
        for ref in refs[~self._spelled[refs]].tolist():
            low, high = self.ref_offsets[ref], self.ref_offsets[ref + 1]
            look_up_codes(self.words[low:high], self.vocabulary, self.spellings, *self._vocabulary_ranks, self._codes[low:high])
            first, last = np.searchsorted(self.other_words, [low, high])
            self._codes[self.other_words[first:last]] = self.other_spellings[first:last]
            self._spelled[ref] = True
        return self._codes

    def _text_view(self, ref: int) -> NDArray[np.uint8]:
        return np.frombuffer(self.texts.column("text")[ref].as_buffer(), dtype=np.uint8)

    def read_places(self, ref: int) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
        """Return the code points at which a reference's words begin and end, and how many its text has; nothing is kept.

        Raises:
            ReferenceIndexError: If the text does not hold the words that were indexed.
        """
        data = self._text_view(ref)
        read = read_words(data, np.array([0, len(data)], dtype=np.int64))
        if len(read.words) != self.ref_offsets[ref + 1] - self.ref_offsets[ref]:
            raise ReferenceIndexError(f"{self.folder}: the text of reference {ref} does not give the indexed words")
        starts, ends = (codepoint_offsets(data, 0, places) for places in (read.start, read.end))
        return starts, ends, int(np.count_nonzero(character_starts(data)))

    def know_prompt(self, ref: int) -> tuple[KnownWindows, int]:
        """Return the windows of the prompt that a reference answers, and of how many words they are."""
        low, high = self.prompt_offsets.item(ref), self.prompt_offsets.item(ref + 1)
        return know_windows(shingles(self.prompt_words[low:high], PROMPT_WINDOW)), PROMPT_WINDOW

    def count_new(self, words: NDArray[np.uint32], start: int, end: int, known: KnownWindows, mask: NDArray[np.bool_]) -> int:
        """Return how many windows of a text have all words in ``mask`` and are not in a prompt."""
        return count_new_windows(words, start, end, known, PROMPT_WINDOW, mask)

    def count_own(self, ref: int, known: KnownWindows) -> int:
        """Return how many windows of a reference are not in its prompt."""
        low, high = self.ref_offsets.item(ref), self.ref_offsets.item(ref + 1)
        return count_new_windows(self.words, low, high, known, PROMPT_WINDOW, np.ones(high - low, dtype=np.bool_))
