"""Which texts may be similar: sketches cut into bands, and a compact table of the references that hold each band.

Two texts become candidates if one of ``BANDS`` bands of ``ROWS`` minima is the same in both, which happens with ``1 - (1 - J^ROWS)^BANDS`` where J is
their Jaccard similarity. A candidate is a candidate only: whoever asks verifies it exactly. Texts without
words all have one sketch, so leave them out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from provenance.errors import FingerprintError
from provenance.fingerprint.jit import kernel

Int = int | np.signedinteger[Any]
ROWS, BANDS = 4, 32
"""P(candidate) = .87 at J = .5, .99 at .6, .05 at .2; all 128 minima are used. Eight rows of sixteen bands would find .06 at J = .5."""
_U64 = np.uint64
_START, _FACTOR, _MIX = _U64(0x9E3779B97F4A7C15), _U64(0xD6E8FEB86659FD93), _U64(0xFF51AFD7ED558CCD)
_29, _32, _TAG = _U64(29), _U64(32), _U64(255)
_Entries = tuple[NDArray[np.uint32], NDArray[np.uint8]]
_TOP = 64
_ROOM = 256
"""Entries of buckets that are looked up at a time."""


@dataclass(frozen=True, slots=True)
class BandTable:
    """References by band.

    Shapes:
        buckets: (2^bits + 1,) uint32, entries of bucket ``b`` are ``buckets[b]:buckets[b + 1]``.
        entries: (n_references * BANDS,) uint32, row numbers of references; ascending within a bucket.
        tags: (n_references * BANDS,) uint8, eight bits more of each entry's hash, so that few sketches are looked at in vain; empty where a table is read from a
            file, which holds none.
    """

    buckets: NDArray[np.uint32]
    entries: NDArray[np.uint32]
    tags: NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, dtype=np.uint8))


def candidate_probability(jaccard: float, *, rows: int = ROWS, bands: int = BANDS) -> float:
    """Return the chance that two texts of a similarity become candidates: 1 - (1 - J^rows)^bands.

    >>> round(candidate_probability(0.5), 3), round(candidate_probability(0.2), 3)
    (0.873, 0.05)

    Source: Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4.2.
    """
    return 1.0 - (1.0 - jaccard**rows) ** bands


def build_bands(sketches: NDArray[np.uint32]) -> BandTable:
    """Return the table of some references' sketches.

    Raises:
        FingerprintError: If there are more than 2^27 - 1 references, which 32-bit positions cannot number.

    Cost: 160 bytes a reference, and 4 bytes a bucket of one or two entries.
    """
    total = len(sketches) * BANDS
    if total >= 2**32:
        raise FingerprintError(f"{len(sketches)} references exceed what one band table holds")
    bits = max(int(max(total, 1) - 1).bit_length() - 1, 4)
    buckets = np.zeros(2**bits + 1, dtype=np.uint32)
    entries = np.empty(total, dtype=np.uint32)
    tags = np.empty(total, dtype=np.uint8)
    _fill_table(np.ascontiguousarray(sketches), _U64(_TOP - bits), buckets, entries, tags)
    return BandTable(buckets, entries, tags)


def find_candidates(queries: NDArray[np.uint32], table: BandTable, sketches: NDArray[np.uint32], *, cap: int = 1 << 20) -> NDArray[np.int64]:
    """Return the pairs (query, reference) that share a band, each once, ordered by both.

    Args:
        queries: (n, 128) sketches.
        table: Table of the references.
        sketches: (n_references, 128) the references' sketches, as they were when the table was built.
        cap: References looked at per query; of a band that more hold, the first in order count.

    Shapes:
        result: (n_pairs, 2) int64.

    Cost: 32 look-ups a query, and one comparison of 16 bytes an entry found.
    """
    shift = _U64(_TOP - (len(table.buckets) - 1).bit_length() + 1)
    room = 4 * len(queries) + 64
    while True:
        out = np.empty((room, 2), dtype=np.int64)
        found = int(_query_table(queries, shift, table.buckets, (table.entries, table.tags), sketches, cap, out))
        if found <= room:
            pairs = out[:found]
            return pairs[np.argsort(pairs[:, 0] * len(sketches) + pairs[:, 1], kind="stable")]
        room = found


@kernel(_nrt=False)
def band_key(sketch: NDArray[np.uint32], band: Int) -> np.uint64:
    """Return a 64-bit hash of one band of a sketch; the band's number counts."""
    key = _U64(band + 1) * _START
    for i in range(band * ROWS, band * ROWS + ROWS):
        key = (key ^ _U64(sketch[i])) * _FACTOR
        key ^= key >> _29
    key *= _MIX
    return key ^ (key >> _32)


@kernel()
def _fill_table(
    sketches: NDArray[np.uint32], shift: np.uint64, buckets: NDArray[np.uint32], entries: NDArray[np.uint32], tags: NDArray[np.uint8]
) -> None:
    keys, own_tags = np.empty((len(sketches), BANDS), dtype=np.uint32), np.empty((len(sketches), BANDS), dtype=np.uint8)
    for row in range(len(sketches)):
        for band in range(BANDS):
            key = band_key(sketches[row], band)
            bucket = np.int64(key >> shift)
            keys[row, band], own_tags[row, band] = bucket, key & _TAG
            buckets[bucket + 1] += np.uint32(1)
    for at in range(1, len(buckets)):
        buckets[at] += buckets[at - 1]
    cursor = buckets[:-1].copy()
    for row in range(len(sketches)):
        for band in range(BANDS):
            own = np.int64(keys[row, band])
            slot = np.int64(cursor[own])
            entries[slot], tags[slot] = row, own_tags[row, band]
            cursor[own] += np.uint32(1)


@kernel(_nrt=False)
def _same_band(sketch: NDArray[np.uint32], other: NDArray[np.uint32], band: Int) -> bool:
    same = True
    for i in range(band * ROWS, band * ROWS + ROWS):
        same &= sketch[i] == other[i]
    return same


@kernel(_nrt=False)
def _shares_earlier(sketch: NDArray[np.uint32], other: NDArray[np.uint32], band: Int) -> bool:
    """Tell whether two sketches share a band before this one."""
    earlier = 0
    while earlier < band and (sketch[earlier * ROWS] != other[earlier * ROWS] or not _same_band(sketch, other, earlier)):
        earlier += 1
    return bool(earlier < band)


@kernel(_nrt=False)
def _look_up(query: NDArray[np.uint32], shift: np.uint64, buckets: NDArray[np.uint32], bounds: NDArray[np.int64]) -> None:
    """Put where the bucket of each band begins and ends, and the band's tag, into ``bounds``."""
    for band in range(BANDS):
        key = band_key(query, band)
        bucket = np.int64(key >> shift)
        bounds[0, band], bounds[1, band], bounds[2, band] = np.int64(buckets[bucket]), np.int64(buckets[bucket + 1]), np.int64(key & _TAG)


@kernel(_nrt=False)
def _gather(bounds: NDArray[np.int64], band: Int, table: _Entries, sketches: NDArray[np.uint32], room: NDArray[np.int64]) -> tuple[Int, Int]:
    """Take the next entries of the buckets from a band on, and begin each bucket behind what is taken of it; return how many, and the band to go on from.

    Args:
        bounds: As ``_look_up`` gives them.
        band: The first band.
        table: Entries and tags.
        sketches: Of the references.
        room: (3, n) takes reference, band, and the first minimum of the band in the reference's sketch. No look-up waits for what comes of another one: so the
            memory is asked for many lines at a time.
    """
    entries, tags = table
    count, size = 0, room.shape[1]
    while band < BANDS and count < size:
        last = min(bounds[1, band], bounds[0, band] + size - count)
        for slot in range(bounds[0, band], last):
            room[0, count], room[1, count] = np.int64(entries[slot]), band
            count += len(tags) == 0 or np.int64(tags[slot]) == bounds[2, band]
        bounds[0, band] = last
        band += last == bounds[1, band]
    for k in range(count):
        room[2, k] = np.int64(sketches[room[0, k], room[1, k] * ROWS])
    return count, band


@kernel(_nrt=False)
def _write_pairs(
    queries: NDArray[np.uint32],
    row: Int,
    bounds: NDArray[np.int64],
    table: _Entries,
    sketches: NDArray[np.uint32],
    cap: int,
    room: NDArray[np.int64],
    out: NDArray[np.int64],
    found: Int,
) -> Int:
    """Write the pairs of one query behind ``found`` others; return how many there are then."""
    query = queries[row]
    taken = 0
    going: Int = 0
    last, last_band = np.int64(-1), np.int64(-1)
    while going < BANDS:
        count, going = _gather(bounds, going, table, sketches, room)
        for k in range(count):
            reference, band = room[0, k], room[1, k]
            again = reference == last and band == last_band  # it comes again right away where two of its bands fell into this bucket
            if np.int64(query[band * ROWS]) != room[2, k] or again or taken >= cap or not _same_band(query, sketches[reference], band):
                continue
            last, last_band = reference, band
            if _shares_earlier(query, sketches[reference], band):
                continue
            taken += 1
            if found < len(out):
                out[found, 0], out[found, 1] = row, reference
            found += 1
    return found


@kernel()
def _query_table(
    queries: NDArray[np.uint32],
    shift: np.uint64,
    buckets: NDArray[np.uint32],
    table: _Entries,
    sketches: NDArray[np.uint32],
    cap: int,
    out: NDArray[np.int64],
) -> int:
    """Write each pair at the first band that it shares; return how many there are, of which those within ``out`` are written."""
    bounds, room = np.empty((3, BANDS), dtype=np.int64), np.empty((3, _ROOM), dtype=np.int64)
    found: Int = 0
    for row in range(len(queries) if len(sketches) else 0):
        _look_up(queries[row], shift, buckets, bounds)
        found = _write_pairs(queries, row, bounds, table, sketches, cap, room, out, found)
    return int(found)
