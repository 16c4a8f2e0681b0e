"""A segment without its texts: sampled windows of five words, where they stand, and what is needed to judge a match with them.

What is in it, and what that gives away (docs/formats/pack.md):
* hashes of word 5-grams, of which one in ``one_in`` is kept, chosen by the hash itself: the same windows whoever samples the same text, so that a second
  pack of a work gives away no more than the first. No hash of a single word is kept, and none of anything shorter than five words;
* the same sample of each prompt, without places; sketches of the sampled windows alone, since a sketch of all of them would give others away;
* digests of whole texts of eight words and more, which say nothing to whoever does not hold the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray

from provenance.errors import ReferenceIndexError
from provenance.fingerprint.jit import kernel
from provenance.fingerprint.minhash import sketch_shingles
from provenance.fingerprint.shingles import Shingles
from provenance.matching.filters import Filter
from provenance.matching.params import IndexParams
from provenance.matching.probing import fill_filter
from provenance.matching.score import SHINGLE
from provenance.matching.seeds import Index, window_hash
from provenance.matching.segment import TextSegment
from provenance.matching.stored import RECORD_COLUMNS, Segment, SegmentEntry
from provenance.matching.windows import KnownWindows, count_new_windows, know_windows
from provenance.model.wire import to_wire

ARRAYS = (
    "hashes",
    "positions",
    "spans",
    "ref_offsets",
    "sizes",
    "bodies",
    "origins",
    "digests",
    "prompt_hashes",
    "prompt_offsets",
    "sketches",
    "sketch_refs",
)
RECORDS_NAME = "records.arrow"
ONE_IN = 4
"""One in how many windows a pack holds where nothing else is asked for."""
DENSEST, SPARSEST = 2, 8
"""Of every window a text could be guessed word by word; of fewer windows next to nothing is found, which would pass for a clean bill."""
WHOLE_WORDS = 8
"""Texts of fewer words have no digest in a pack: whoever guesses may guess all of them."""
WITHHELD = "the reference is a pack: its words are not here"
_SCHEMA = pa.schema(RECORD_COLUMNS)
_SHOWN_AT_LEAST = 0.8
"""Share of the words that evidence from full texts needs which evidence from a pack needs at least, however few it shows."""
_RUN_SHARE = 0.5
_HALF = np.uint64(32)
_CACHED = 16384


def coverage(one_in: int) -> float:
    """Return the share of a shared passage's words that stand in a sampled window: 1 - (1 - 1/n)^5.

    >>> [round(coverage(n), 2) for n in (2, 4, 8, 16)]
    [0.97, 0.76, 0.49, 0.28]
    """
    return float(1.0 - (1.0 - 1.0 / one_in) ** SHINGLE)


def pack_params(params: IndexParams, one_in: int) -> IndexParams:
    """Return the parameters of a pack made of a segment.

    Raises:
        ReferenceIndexError: If the rate is no power of two, keeps every window, or next to none.
    """
    if not DENSEST <= one_in <= SPARSEST or one_in & (one_in - 1):
        raise ReferenceIndexError(
            f"a pack of one in {one_in} windows is refused",
            hint=f"give a power of two from {DENSEST} to {SPARSEST}: of every window a text can be guessed word by word, of fewer nothing is found",
        )
    return replace(params, window=SHINGLE, one_in=one_in)


def sample_words(words: NDArray[np.uint32], offsets: NDArray[np.int64], one_in: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the hashes and first words of the sampled windows of some texts, in order. No window crosses texts."""
    hashes, places = np.empty(len(words), dtype=np.uint64), np.empty(len(words), dtype=np.int64)
    n = _sample(words, offsets, np.uint64(one_in - 1), hashes, places)
    return hashes[:n].copy(), places[:n].copy()


def build_arrays(segment: TextSegment, one_in: int) -> dict[str, NDArray[Any]]:
    """Return a pack's arrays by name."""
    words, offsets = np.asarray(segment.words), np.asarray(segment.ref_offsets)
    hashes, places = sample_words(words, offsets, one_in)
    order = np.lexsort((places, hashes))
    owners = np.searchsorted(places, offsets)
    spans, sizes = _spans(segment, places, owners)
    prompts, prompt_places = sample_words(np.asarray(segment.prompt_words), np.asarray(segment.prompt_offsets), one_in)
    prompt_sets = _distinct(prompts, np.searchsorted(prompt_places, segment.prompt_offsets))
    long_enough = np.diff(offsets)[segment.digests[:, 1].astype(np.int64)] >= WHOLE_WORDS
    refs = np.flatnonzero(np.diff(owners))
    return {
        "hashes": hashes[order],
        "positions": places[order].astype(np.uint32),
        "spans": spans,
        "ref_offsets": offsets,
        "sizes": sizes,
        "bodies": np.asarray(segment.bodies),
        "origins": np.asarray(segment.origins),
        "digests": np.asarray(segment.digests)[long_enough],
        "prompt_hashes": np.concatenate([np.empty(0, np.uint64), *prompt_sets]),
        "prompt_offsets": np.concatenate([[0], np.cumsum([len(s) for s in prompt_sets])]).astype(np.int64),
        "sketches": sketch_sampled(hashes, owners[np.append(refs, len(offsets) - 1)]),
        "sketch_refs": refs.astype(np.uint32),
    }


def sketch_sampled(hashes: NDArray[np.uint64], bounds: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return the sketches of sets of sampled windows: those of text ``i`` are ``hashes[bounds[i]:bounds[i + 1]]``."""
    return sketch_shingles(Shingles((hashes >> _HALF).astype(np.uint32), bounds.astype(np.int64)))


def _spans(segment: TextSegment, places: NDArray[np.int64], owners: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Return the code points of each window, and of each text."""
    spans = np.empty((len(places), 2), dtype=np.uint32)
    sizes = np.empty(segment.entry.references, dtype=np.int64)
    for ref in range(segment.entry.references):
        starts, ends, sizes[ref] = segment.read_places(ref)
        own = slice(owners[ref], owners[ref + 1])
        at = places[own] - segment.ref_offsets[ref]
        spans[own] = np.column_stack([starts[at], ends[at + SHINGLE - 1]])
    return spans, sizes


def _distinct(hashes: NDArray[np.uint64], bounds: NDArray[np.int64]) -> list[NDArray[np.uint64]]:
    return [np.unique(hashes[a:b]) for a, b in pairwise(bounds.tolist())]


def build_records(segment: TextSegment) -> pa.Table:
    """Return ids, digests and records; prompts are left out."""
    lengths = np.diff(segment.ref_offsets).tolist()
    digests = segment.texts.column("sha256").to_pylist()
    records = [replace(segment.read_record(ref), prompt=None, words=0) for ref in range(segment.entry.references)]
    columns: dict[str, list[Any]] = {
        "id": [r.id for r in records],
        "sha256": [digest if words >= WHOLE_WORDS else "" for digest, words in zip(digests, lengths, strict=True)],
        "record": [orjson.dumps(to_wire(r)) for r in records],
    }
    return pa.table(columns, schema=_SCHEMA)


class PackSegment(Segment):
    """A segment that came from a reference pack."""

    table_name = RECORDS_NAME
    schema = _SCHEMA
    has_text = False
    array_names = frozenset(ARRAYS)
    hashes: NDArray[np.uint64]
    positions: NDArray[np.uint32]
    spans: NDArray[np.uint32]
    sizes: NDArray[np.int64]
    prompt_hashes: NDArray[np.uint64]
    prompt_offsets: NDArray[np.int64]

    def __init__(self, folder: Path, entry: SegmentEntry, *, set_name: str) -> None:
        """Look for the files.

        Raises:
            ReferenceIndexError: If a file is missing or of another size.
        """
        super().__init__(folder, entry, set_name=set_name)
        self.sampled = entry.params.one_in
        self.run_share = _RUN_SHARE
        self.shown = max(coverage(self.sampled), _SHOWN_AT_LEAST)
        self._shingles: dict[int, NDArray[np.uint64]] = {}

    @property
    def seeds(self) -> int:
        """How many windows are looked for."""
        return len(self.hashes)

    def fill_filter(self, into: Filter) -> None:
        """Set a filter's bits of all of them."""
        fill_filter(self.hashes, into.arrays)

    @cached_property
    def _by_place(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        order = np.argsort(self.positions, kind="stable")
        return self.positions[order].astype(np.int64), self.hashes[order]

    def windows_between(self, first: int, last: int) -> NDArray[np.uint64]:
        """Return the hashes, in order, of the windows that lie in words ``first`` … ``last - 1``."""
        places, hashes = self._by_place
        low, high = np.searchsorted(places, [first, max(last - SHINGLE + 1, first)]).tolist()
        return hashes[low:high]

    def text_bytes(self, ref: int) -> bytes:
        """Refuse: a pack holds no text."""
        raise ReferenceIndexError(
            f"reference {self.read_record(ref).id!r} of set {self.set_name!r} has no text: {WITHHELD}", hint="ask who made the pack"
        )

    def shingles(self, ref: int) -> NDArray[np.uint64]:
        """Return the sorted distinct sampled word 5-grams of a whole reference."""
        if ref not in self._shingles:
            if len(self._shingles) > _CACHED:
                self._shingles.clear()
            self._shingles[ref] = np.unique(self.windows_between(self.ref_offsets.item(ref), self.ref_offsets.item(ref + 1)))
        return self._shingles[ref]

    def word_span(self, ref: int, first: int, last: int) -> tuple[int, int]:
        """Return the code points from the first to the last sampled window within some words; the whole text where there is none, or where all are meant."""
        places = self._by_place[0]
        low, high = np.searchsorted(places, [first, max(last - SHINGLE + 1, first)]).tolist()
        whole = (first, last) == (self.ref_offsets.item(ref), self.ref_offsets.item(ref + 1))
        return (0, self.sizes.item(ref)) if whole or low == high else (self.spans.item(low, 0), self.spans.item(high - 1, 1))

    def know_prompt(self, ref: int) -> tuple[KnownWindows, int]:
        """Return the sampled windows of the prompt that a reference answers, and of how many words they are."""
        low, high = self.prompt_offsets.item(ref), self.prompt_offsets.item(ref + 1)
        return know_windows(np.asarray(self.prompt_hashes[low:high])), SHINGLE

    def count_new(self, words: NDArray[np.uint32], start: int, end: int, known: KnownWindows, mask: NDArray[np.bool_]) -> int:
        """Return how many sampled windows of a text have all words in ``mask`` and are not in a prompt."""
        return count_new_windows(words, start, end, known, SHINGLE, mask, one_in=self.sampled)

    def count_own(self, ref: int, known: KnownWindows) -> int:
        """Return how many sampled windows of a reference are not in its prompt."""
        return int(np.count_nonzero(~np.isin(self.windows_between(self.ref_offsets.item(ref), self.ref_offsets.item(ref + 1)), known.hashes)))


def count_unseen(segment: PackSegment) -> int:
    """Return how many references with words have neither a sampled window nor a digest: nothing finds them."""
    lengths = np.diff(segment.ref_offsets)
    lengths[segment.sketch_refs] = 0  # these have windows
    lengths[segment.digests[:, 1].astype(np.int64)] = 0
    return int(np.count_nonzero(lengths))


def check_contents(segment: PackSegment) -> None:
    """Look for what no pack of ours holds: packs come from other hands, and kernels trust what they read.

    Raises:
        ReferenceIndexError: If the arrays do not fit together.
    """
    count, refs, words = len(segment.hashes), segment.entry.references, segment.entry.words
    shapes: dict[str, tuple[tuple[int, ...], Any]] = {
        "hashes": ((count,), np.uint64),
        "positions": ((count,), np.uint32),
        "spans": ((count, 2), np.uint32),
        "ref_offsets": ((refs + 1,), np.int64),
        "sizes": ((refs,), np.int64),
        "bodies": ((refs, 2), np.int64),
        "origins": ((refs, 2), np.uint64),
        "digests": ((len(segment.digests), 2), np.uint64),
        "prompt_hashes": ((len(segment.prompt_hashes),), np.uint64),
        "prompt_offsets": ((refs + 1,), np.int64),
        "sketches": ((len(segment.sketch_refs), 128), np.uint32),
        "sketch_refs": ((len(segment.sketch_refs),), np.uint32),
    }
    for name, (shape, kind) in shapes.items():
        array = getattr(segment, name)
        if array.shape != shape or array.dtype != kind:
            raise _unfit(segment, f"{name} is {array.dtype} of shape {array.shape}, expected {np.dtype(kind)} of shape {shape}")
    faults: Sequence[tuple[str, bool]] = (
        ("ref_offsets", _ascend(segment.ref_offsets, words)),
        ("prompt_offsets", _ascend(segment.prompt_offsets, len(segment.prompt_hashes))),
        ("hashes", bool((segment.hashes[1:] >= segment.hashes[:-1]).all())),
        ("hashes", bool((segment.hashes & np.uint64(segment.sampled - 1) == 0).all())),
        ("positions", _inside_references(segment)),
        ("spans", bool((segment.spans[:, 0] < segment.spans[:, 1]).all())),
        ("digests", bool((segment.digests[:, 1] < refs).all() and (segment.digests[1:, 0] >= segment.digests[:-1, 0]).all())),
        ("sketch_refs", bool((segment.sketch_refs < refs).all())),
        ("prompt_hashes", all(bool((p[1:] > p[:-1]).all()) for p in _prompts(segment))),
    )
    for name, fits in faults:
        if not fits:
            raise _unfit(segment, f"{name} does not hold what a pack of these parameters can hold")


def _unfit(segment: PackSegment, why: str) -> ReferenceIndexError:
    return ReferenceIndexError(f"{segment.folder}: the pack is damaged or was not made by this tool: {why}")


def _ascend(offsets: NDArray[np.int64], last: int) -> bool:
    return bool(len(offsets) and offsets[0] == 0 and offsets[-1] == last and (np.diff(offsets) >= 0).all())


def _inside_references(segment: PackSegment) -> bool:
    """Tell whether every window lies within one reference, and no two begin at one word."""
    places = np.sort(segment.positions).astype(np.int64)
    owners = np.searchsorted(segment.ref_offsets, places, side="right") - 1
    inside = places + SHINGLE <= segment.ref_offsets[np.minimum(owners + 1, len(segment.ref_offsets) - 1)]
    return bool(inside.all() and (np.diff(places) > 0).all())


def _prompts(segment: PackSegment) -> list[NDArray[np.uint64]]:
    return [segment.prompt_hashes[a:b] for a, b in pairwise(segment.prompt_offsets.tolist())]


@kernel()
def _sample(words: NDArray[np.uint32], offsets: NDArray[np.int64], mask: np.uint64, hashes: NDArray[np.uint64], places: NDArray[np.int64]) -> Index:
    n = 0
    for row in range(len(offsets) - 1):
        for i in range(offsets[row], offsets[row + 1] - SHINGLE + 1):
            h = window_hash(words, i, SHINGLE)
            if h & mask == 0:
                hashes[n], places[n] = h, i
                n += 1
    return n
