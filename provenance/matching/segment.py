"""One immutable segment of a reference set that holds its texts: memory-mapped arrays, the texts, and their digests."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from provenance.canonical import digest_of
from provenance.errors import ReferenceIndexError
from provenance.fingerprint.digest import hash_file
from provenance.fingerprint.tokens import character_starts, codepoint_offsets
from provenance.matching.candidates import digest_rows
from provenance.matching.frontmatter import body_span
from provenance.matching.kept import KeptArrays
from provenance.matching.neardup import NEAR_ARRAYS, near_arrays
from provenance.matching.params import IndexParams
from provenance.matching.score import shingles
from provenance.matching.seeds import count_seeds, fill_seeds
from provenance.matching.spelling import look_up_codes, spelling_codes
from provenance.matching.stored import RECORD_COLUMNS, FileEntry, Segment, SegmentEntry, load_array, segment_digest
from provenance.matching.windows import KnownWindows, count_new_windows, know_windows
from provenance.matching.words import read_words
from provenance.model.absence import is_absent
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.wire import to_wire

_BASE_ARRAYS = (
    "words",
    "ref_offsets",
    "buckets",
    "positions",
    "filter",
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
MIN_FILTER_BITS, MAX_FILTER_BITS = 16, 28
FILTER_SPREAD = 4
"""log2 of filter bits a seed: of other windows, about one in a hundred passes by chance."""
_COLUMNS: dict[str, pa.DataType] = {**RECORD_COLUMNS, "text": pa.large_binary()}
_SCHEMA = pa.schema(_COLUMNS)
_KEPT_BYTES = 128 << 20
"""Of 5-grams of references, and again of places of their words, that are kept before they are made anew: both of a segment of 128 MB of text, nearly."""


@dataclass(frozen=True, slots=True)
class Draft:
    """References gathered for one segment."""

    records: Sequence[ReferenceRecord]
    texts: Sequence[str]
    digests: Sequence[str]


def write_segment(folder: Path, draft: Draft, params: IndexParams) -> SegmentEntry:
    """Build a segment's files in an existing empty folder, synced to disk, and return its manifest entry.

    Raises:
        ReferenceIndexError: If the folder cannot be written.
    """
    arrays = build_arrays(draft, params)
    try:
        for name in ARRAYS:
            with (folder / f"{name}.npy").open("wb") as file:
                np.save(file, arrays[name], allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        _write_texts(folder / TEXTS_NAME, draft)
        files = tuple(_describe(folder / name) for name in (*(f"{a}.npy" for a in ARRAYS), TEXTS_NAME))
    except OSError as err:
        raise ReferenceIndexError(f"{folder}: cannot write a segment: {err}") from err
    return SegmentEntry(digest=segment_digest(params, files), references=len(draft.records), words=len(arrays["words"]), params=params, files=files)


def _describe(path: Path) -> FileEntry:
    sha256, size = hash_file(path)
    return FileEntry(name=path.name, sha256=sha256, size_bytes=size)


def _write_texts(path: Path, draft: Draft) -> None:
    table = pa.table(
        {
            "id": [r.id for r in draft.records],
            "sha256": list(draft.digests),
            "record": [orjson.dumps(to_wire(r)) for r in draft.records],
            "text": [encode(t) for t in draft.texts],
        },
        schema=_SCHEMA,
    )
    with path.open("wb") as file:
        with pa.ipc.new_file(file, _SCHEMA) as writer:
            writer.write_table(table)
        file.flush()
        os.fsync(file.fileno())


def encode(text: str) -> bytes:
    """Return UTF-8; lone surrogates travel as three bytes, so that no text is refused."""
    return text.encode("utf-8", "surrogatepass")


def as_buffers(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return texts as one UTF-8 buffer and its (n + 1) offsets."""
    raw = [encode(t) for t in texts]
    offsets = np.zeros(len(raw) + 1, dtype=np.int64)
    np.cumsum([len(r) for r in raw], out=offsets[1:])
    return np.frombuffer(b"".join(raw), dtype=np.uint8), offsets


def build_arrays(draft: Draft, params: IndexParams) -> dict[str, NDArray[Any]]:
    """Return a segment's arrays by name."""
    data, offsets = as_buffers(draft.texts)
    read = read_words(data, offsets)
    words, ref_offsets = read.words, read.offsets
    if len(words) >= 2**32 - 1:
        raise ReferenceIndexError(f"{len(words)} words exceed what one segment holds", hint="add the references in several steps")
    prompts = read_words(*as_buffers([r.prompt or "" for r in draft.records]))
    starts = read.start - np.repeat(offsets[:-1], np.diff(ref_offsets))
    codes = np.empty(len(words), dtype=np.uint16)
    spelling_codes(data, read.start, read.end, codes)
    return {
        "words": words,
        "ref_offsets": ref_offsets,
        "bodies": _bodies(draft.texts, starts, ref_offsets),
        "prompt_words": prompts.words,
        "prompt_offsets": prompts.offsets,
        "origins": _origins(draft.records),
        "digests": _digest_table(words, ref_offsets),
        **_spellings(words, codes),
        "anchors": _anchors(data, offsets, read.start, ref_offsets),
        **_seed_table(words, ref_offsets, params),
        **near_arrays(words, ref_offsets),
    }


def _spellings(words: NDArray[np.uint32], codes: NDArray[np.uint16]) -> dict[str, NDArray[Any]]:
    """Return the words with the code that most of their places have, and the other places: one word may be written in several ways (``exam-`` + ``ple``).

    Every place keeps the code of what stands there: what else is in the segment must not matter.
    """
    pairs, counts = np.unique(words.astype(np.uint64) << np.uint64(16) | codes, return_counts=True)
    pairs = pairs[np.lexsort((-counts, pairs >> np.uint64(16)))]
    vocabulary, firsts = np.unique((pairs >> np.uint64(16)).astype(np.uint32), return_index=True)
    spellings = (pairs[firsts] & np.uint64(0xFFFF)).astype(np.uint16)
    others = np.flatnonzero(spellings[np.searchsorted(vocabulary, words)] != codes)
    return {"vocabulary": vocabulary, "spellings": spellings, "other_words": others.astype(np.uint32), "other_spellings": codes[others]}


def _anchors(data: NDArray[np.uint8], offsets: NDArray[np.int64], start: NDArray[np.int64], ref_offsets: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return (n, 2): byte and code point at which every ``ANCHOR_WORDS``-th word of each reference begins in its text, the first one left out."""
    anchors = []
    for ref in range(len(offsets) - 1):
        places = start[ref_offsets[ref] + ANCHOR_WORDS : ref_offsets[ref + 1] : ANCHOR_WORDS]
        if len(places):
            anchors.append(np.column_stack([places - offsets[ref], codepoint_offsets(data, int(offsets[ref]), places)]))
    return np.concatenate([np.empty((0, 2), dtype=np.int64), *anchors]).astype(np.uint32)


def _bodies(texts: Sequence[str], starts: NDArray[np.int64], ref_offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    bodies = np.empty((len(texts), 2), dtype=np.int64)
    for i, text in enumerate(texts):
        first, last = ref_offsets[i], ref_offsets[i + 1]
        start, end = body_span(text)
        if (start, end) == (0, len(text)):
            bodies[i] = first, last
            continue
        edges = [len(encode(text[:start])), len(encode(text[:end]))]
        bodies[i] = first + np.searchsorted(starts[first:last], edges)
    return bodies


def stable_hash(text: str) -> int:
    """Return a 64-bit hash of text that is the same everywhere."""
    return int(digest_of(text).removeprefix("sha256:")[:16], 16)


def _origins(records: Sequence[ReferenceRecord]) -> NDArray[np.uint64]:
    """Return (n, 2): which model made it (or which work it is), and whose model that is (or the work again). 0 where nobody knows."""
    origins = np.zeros((len(records), 2), dtype=np.uint64)
    for i, record in enumerate(records):
        origins[i] = [stable_hash(name) if name else 0 for name in _origin_names(record)]
    return origins


def _origin_names(record: ReferenceRecord) -> tuple[str, str]:
    model, provider = plain_name(record.model), plain_name(record.provider)
    if record.kind is ReferenceKind.API_OUTPUT or (record.kind is ReferenceKind.BACKGROUND and (model or provider)):
        return model and f"model\x00{model}", provider and f"provider\x00{provider}"
    title, author = plain_name(record.title), plain_name(record.author)
    named = f"family\x00{record.edition_family}" if record.edition_family else f"title\x00{title}\x00{author}" if title else f"id\x00{record.id}"
    return named, named


def plain_name(name: str | None) -> str:
    """Return a name in the form in which names are compared, empty where it says nothing."""
    return "" if is_absent(name) else " ".join((name or "").split()).casefold()


def _digest_table(words: NDArray[np.uint32], ref_offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return (n, 2) uint64: digest of each reference's words, and its number; ordered by digest. Empty references are left out."""
    filled = np.flatnonzero(np.diff(ref_offsets))
    table = np.column_stack([digest_rows(words, ref_offsets)[filled], filled.astype(np.uint64)])
    return table[np.argsort(table[:, 0], kind="stable")]


def _seed_table(words: NDArray[np.uint32], ref_offsets: NDArray[np.int64], params: IndexParams) -> dict[str, NDArray[Any]]:
    expected = max(len(words) // params.one_in, 1)
    bucket_bits = min(max(int(expected - 1).bit_length() - 1, 4), 30)
    filter_bits = min(max(int(expected - 1).bit_length() + FILTER_SPREAD, MIN_FILTER_BITS), MAX_FILTER_BITS)
    shifts = np.array([64 - bucket_bits, 64 - (filter_bits - 6)], dtype=np.uint64)
    buckets = np.zeros(2**bucket_bits + 1, dtype=np.uint32)
    total = count_seeds(words, ref_offsets, params.window, params.one_in, shifts[0], buckets)
    np.cumsum(buckets, out=buckets)
    positions = np.empty(total, dtype=np.uint32)
    bits = np.zeros(2 ** (filter_bits - 6), dtype=np.uint64)
    fill_seeds(words, ref_offsets, params.window, params.one_in, shifts, buckets[:-1].copy(), positions, bits)
    return {"buckets": buckets, "positions": positions, "filter": bits}


def _rank_bits(count: int) -> int:
    """Return by how many top bits a sorted set of so many hashes is entered: one or two members for each."""
    return max(count.bit_length() - 1, 1)


def filter_shift(bits: NDArray[np.uint64]) -> np.uint64:
    """Return by how many bits a window hash is shifted to give its word of a filter."""
    return np.uint64(64 - (len(bits).bit_length() - 1))


class TextSegment(Segment):
    """A segment with the words and texts of its references."""

    table_name = TEXTS_NAME
    schema = _SCHEMA
    has_text = True

    def __init__(self, folder: Path, entry: SegmentEntry, *, set_name: str) -> None:
        """Map the files.

        Raises:
            ReferenceIndexError: If a file is missing, of another size, or no array.
        """
        super().__init__(folder, entry, set_name=set_name)
        arrays = {name: load_array(folder / f"{name}.npy") for name in ARRAYS}
        self.words: NDArray[np.uint32] = arrays["words"]
        self.ref_offsets = arrays["ref_offsets"]
        self.buckets: NDArray[np.uint32] = arrays["buckets"]
        self.positions: NDArray[np.uint32] = arrays["positions"]
        self.filter = arrays["filter"]
        self.bodies = arrays["bodies"]
        self.prompt_words: NDArray[np.uint32] = arrays["prompt_words"]
        self.prompt_offsets: NDArray[np.int64] = arrays["prompt_offsets"]
        self.origins = arrays["origins"]
        self.digests = arrays["digests"]
        self.sketches = arrays["sketches"]
        self.sketch_refs = arrays["sketch_refs"]
        self.band_buckets: NDArray[np.uint32] = arrays["band_buckets"]
        self.band_entries: NDArray[np.uint32] = arrays["band_entries"]
        if len(self.ref_offsets) != entry.references + 1 or len(self.words) != entry.words:
            raise ReferenceIndexError(
                f"{folder}: holds {len(self.words)} words, its manifest says {entry.words}", hint="run: provenance reference verify"
            )
        self._shingles, self._places = KeptArrays(_KEPT_BYTES), KeptArrays(_KEPT_BYTES)
        self._asked: Counter[int] = Counter()
        self.vocabulary: NDArray[np.uint32] = arrays["vocabulary"]
        self.spellings: NDArray[np.uint16] = arrays["spellings"]
        self.other_words: NDArray[np.uint32] = arrays["other_words"]
        self.other_spellings: NDArray[np.uint16] = arrays["other_spellings"]
        self.anchors: NDArray[np.uint32] = arrays["anchors"]
        self._codes: NDArray[np.uint16] = np.empty(len(self.words), dtype=np.uint16)  # takes memory only where something is written
        self._spelled: NDArray[np.bool_] = np.zeros(entry.references, dtype=np.bool_)

    @property
    def bucket_shift(self) -> np.uint64:
        """Return by how many bits a window hash is shifted to give its bucket."""
        return np.uint64(64 - int(len(self.buckets) - 1).bit_length() + 1)

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
