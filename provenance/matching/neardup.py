"""Near-duplicates: whole fields of which MinHash bands say that they may equal a whole reference, verified exactly.

The sketches are of the word 5-grams of this room (words without the numbers of list items), so that what is estimated and what is verified are the same
sets. Texts of which the sentences were shuffled leave no passage long enough; bands find them, and what shares no seed where seeds are sparser than one in four.

Whether a field is a near-duplicate of a reference depends on these two and on the other references of its segment, never on other segments, nor on the other
fields of the batch: ``matching.touched`` relies on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.fingerprint.lsh import BandTable, build_bands, find_candidates
from provenance.fingerprint.minhash import sketch_shingles
from provenance.fingerprint.shingles import Shingles
from provenance.matching.score import SHINGLE, compute_jaccard, shingles
from provenance.matching.seeds import window_hash
from provenance.matching.words import Words

if TYPE_CHECKING:
    from provenance.matching.segment import TextSegment

NEAR_ARRAYS = ("sketches", "sketch_refs", "band_buckets", "band_entries")
NEAR_JACCARD = 0.5
"""Exact Jaccard similarity of word 5-grams from which a field is a near-duplicate of a reference."""
NEAR_WORDS = 24
"""Fields of fewer words are left to the other stages."""
_CANDIDATES = 256
"""References looked at per field."""
NEAR_RUN = 8
"""Words of a run that holds a seed for certain where no row but such with runs is sketched; a row that holds one is never passed over (``anchor_score``)."""
_HELD_SHARE = 0.25
"""Share of a field's words in runs of ``NEAR_RUN`` below which it is no near-duplicate, if it does not repeat itself.

Similarity of one half asks for 3 I >= A + B, of I shared windows, A of the field and B of the reference. p runs of together S words share S - 4p windows, A is n - 4 for n
words, and B is at least S - 4, so that 2S >= n + 12p - 8. Where k of the runs have at most seven words and the q others L words together, k <= (n - L) / 7, and
12L >= 5n + 84q - 56 follows: five words in twelve stand in runs of ``NEAR_RUN``. A field that says a few words over and over has fewer distinct windows
than words, and may be missed; its passages are not."""
_HALF = np.uint64(32)


def sketch_words(words: NDArray[np.uint32], offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return the (n, 128) sketches of the word 5-grams of some rows of at least five words each."""
    lengths = offsets[rows + 1] - offsets[rows] - (SHINGLE - 1)
    bounds = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(lengths, out=bounds[1:])
    hashes = np.empty(int(bounds[-1]), dtype=np.uint32)
    _hash_rows(words, offsets, rows, bounds, hashes)
    return sketch_shingles(Shingles(hashes, bounds))


def near_arrays(words: NDArray[np.uint32], ref_offsets: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Return what a segment keeps for this stage: sketches of its references of at least five words, their numbers, and the table of bands.

    Cost: 644 bytes a reference, and the time to sketch it.
    """
    refs = np.flatnonzero(np.diff(ref_offsets) >= SHINGLE)
    sketches = sketch_words(words, ref_offsets, refs)
    table = build_bands(sketches)
    return {"sketches": sketches, "sketch_refs": refs.astype(np.uint32), "band_buckets": table.buckets, "band_entries": table.entries}


def sketched_rows(words: Words, runs: NDArray[np.int64], *, every_row: bool) -> NDArray[np.int64]:
    """Return the rows worth comparing with a segment: long enough, and sharing enough words with its references unless ``every_row``.

    Args:
        words: The batch.
        runs: (n, 5) exact runs with the segment: row, reference, query position, reference position, length.
        every_row: Seeds are so sparse that a near-duplicate may have no run.
    """
    lengths = np.diff(words.offsets)
    worth = lengths >= NEAR_WORDS
    if not every_row:
        long = runs[runs[:, 4] >= NEAR_RUN]
        worth &= np.bincount(long[:, 0], weights=long[:, 4], minlength=len(lengths)) >= _HELD_SHARE * lengths
    return np.flatnonzero(worth)


def find_near_duplicates(words: Words, rows: NDArray[np.int64], sketches: NDArray[np.uint32], segment: TextSegment) -> list[tuple[int, int]]:
    """Return (row, reference) for each field whose exact Jaccard similarity with a whole reference is at least one half.

    Args:
        words: The batch.
        rows: Rows that are sketched.
        sketches: Their sketches.
        segment: The references.
    """
    table = BandTable(segment.band_buckets, segment.band_entries)
    confirmed = []
    own: dict[int, NDArray[np.uint64]] = {}
    for query, entry in find_candidates(sketches, table, segment.sketches, cap=_CANDIDATES).tolist():
        row, ref = int(rows[query]), int(segment.sketch_refs[entry])
        if row not in own:
            own[row] = shingles(words.words[words.offsets[row] : words.offsets[row + 1]])
        if compute_jaccard(own[row], segment.shingles(ref)) >= NEAR_JACCARD:
            confirmed.append((row, ref))
    return confirmed


@kernel()
def _hash_rows(
    words: NDArray[np.uint32], offsets: NDArray[np.int64], rows: NDArray[np.int64], bounds: NDArray[np.int64], out: NDArray[np.uint32]
) -> None:
    for k in range(len(rows)):
        first, base = offsets[rows[k]], bounds[k]
        for i in range(bounds[k + 1] - base):
            out[base + i] = np.uint32(window_hash(words, first + i, SHINGLE) >> _HALF)
