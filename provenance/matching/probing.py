"""Kernels that look word windows up in filters: of a text's windows, those that no reference holds are told apart first, nearly all.

The hash of a window is linear in its words but for a last step, so that any window's is the difference of two sums (``words.add_words``), two products instead of
six. What costs is memory: a filter of millions of windows fits no cache. A smaller one, which nearly does, is asked first; six
windows in seven end there. No look-up waits for another one (``_fetch``): measured, that and the second bit of the smaller filter make it 1.4 times as fast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.matching.seeds import FACTOR, Index, hash_at, mix_window

_ONE, _SIX, _BYTE = np.uint64(1), np.uint64(6), np.uint64(63)
_EIGHT, _FOURTEEN, _TWENTY, _26, _32 = (np.uint64(bits) for bits in (8, 14, 20, 26, 32))
_BLOCK = 256
_Filter = tuple[NDArray[np.uint64], np.uint64, NDArray[np.uint64], np.uint64]
"""Of ``filters.Filter``: bits, shift, coarse, coarse shift."""


@kernel(_nrt=False)
def _three_bits(h: np.uint64) -> np.uint64:
    """Return the three bits that a window sets in its word of the filter (a Bloom filter of one cache line a window: Putze et al. 2009)."""
    return (_ONE << ((h >> _EIGHT) & _BYTE)) | (_ONE << ((h >> _FOURTEEN) & _BYTE)) | (_ONE << ((h >> _TWENTY) & _BYTE))


@kernel(_nrt=False)
def _two_bits(h: np.uint64) -> np.uint64:
    """Return the two bits, others than those three, that a window sets in its word of the coarse filter."""
    return (_ONE << ((h >> _26) & _BYTE)) | (_ONE << ((h >> _32) & _BYTE))


@kernel(_nrt=False)
def _set(h: np.uint64, into: _Filter) -> None:
    bits, shift, coarse, coarse_shift = into
    bits[h >> shift] |= _three_bits(h)
    if len(coarse):
        coarse[h >> coarse_shift] |= _two_bits(h)


@kernel(_nrt=False)
def _hash_block(sums: NDArray[np.uint64], first: Index, count: Index, n: int, room: NDArray[np.uint64]) -> None:
    """Put the hashes of some windows from ``first`` on into ``room``, as ``seeds.window_hash`` gives them."""
    power = np.uint64(1)
    for _ in range(n):
        power *= FACTOR
    length = power * np.uint64(n)
    before, behind = sums[first : first + count], sums[first + n : first + n + count]
    for k in range(count):
        room[k] = mix_window(behind[k] - power * before[k] + length)


@kernel(_nrt=False)
def _fetch(room: NDArray[np.uint64], count: Index, table: NDArray[np.uint64], shift: np.uint64, held: NDArray[np.uint64]) -> None:
    """Put the words of a filter that the windows in ``room`` set into ``held``.

    No look-up waits for what comes of another one: so the memory is asked for as many lines at a time as it can give.
    """
    for k in range(count):
        held[k] = table[room[k] >> shift]


@kernel(_nrt=False)
def _pass_coarse(room: NDArray[np.uint64], count: Index, held: NDArray[np.uint64], at: NDArray[np.int64]) -> Index:
    """Write which of the windows in ``room`` may pass, and move their hashes to its beginning; return how many."""
    found = np.int64(0)
    for k in range(count):
        h = room[k]
        two = _two_bits(h)
        at[found], room[found] = k, h
        found += np.int64(held[k] & two == two)
    return found


@kernel()
def probe(sums: NDArray[np.uint64], offsets: NDArray[np.int64], n: int, filtered: _Filter, out: NDArray[np.int64]) -> int:
    """Write the positions of windows that pass a filter; return how many. ``out`` must hold one a word and one more."""
    bits, shift, coarse, coarse_shift = filtered
    found = np.int64(0)
    room, held, at = np.empty(_BLOCK, dtype=np.uint64), np.empty(_BLOCK, dtype=np.uint64), np.arange(_BLOCK + 1)
    end = len(sums) - n
    for first in range(0, end, _BLOCK):
        count: Index = min(_BLOCK, end - first)
        _hash_block(sums, first, count, n, room)
        if len(coarse):
            _fetch(room, count, coarse, coarse_shift, held)
            count = _pass_coarse(room, count, held, at)
        _fetch(room, count, bits, shift, held)
        for k in range(count):
            three = _three_bits(room[k])
            out[found] = first + at[k]
            found += np.int64(held[k] & three == three)
    return int(_within_rows(offsets, n, out, found))


@kernel(_nrt=False)
def _within_rows(offsets: NDArray[np.int64], n: int, out: NDArray[np.int64], found: Index) -> Index:
    """Keep those of the windows that lie within one row; return how many."""
    row, kept = 0, np.int64(0)
    for k in range(found):
        while offsets[row + 1] <= out[k]:
            row += 1
        out[kept] = out[k]
        kept += out[k] + n <= offsets[row + 1]
    return kept


@kernel()
def narrow(
    words: NDArray[np.uint32], passing: NDArray[np.int64], n: int, mask: np.uint64, shift: np.uint64, bits: NDArray[np.uint64], out: NDArray[np.int64]
) -> int:
    """Write those of the ``passing`` windows whose hash ``mask`` leaves no bit of and that pass another filter; return how many."""
    found = np.int64(0)
    room, held = np.empty(_BLOCK, dtype=np.uint64), np.empty(_BLOCK, dtype=np.uint64)
    for first in range(0, len(passing), _BLOCK):
        count: Index = min(_BLOCK, len(passing) - first)
        for k in range(count):
            room[k] = hash_at(words, passing[first + k], n)
        _fetch(room, count, bits, shift, held)
        for k in range(count):
            three = _three_bits(room[k])
            out[found] = passing[first + k]
            found += np.int64(held[k] & three == three) * np.int64(room[k] & mask == 0)
    return int(found)


@kernel()
def fill_filter(hashes: NDArray[np.uint64], into: _Filter) -> None:
    """Set the filter's bits of some windows."""
    for h in hashes:
        _set(h, into)


@kernel()
def filter_seeds(words: NDArray[np.uint32], offsets: NDArray[np.int64], n: int, every: int, into: _Filter) -> None:
    """Set the filter's bits of the seeds of the references; hashed ahead by the block, so that one write need not wait for another."""
    room = np.empty(_BLOCK, dtype=np.uint64)
    for row in range(len(offsets) - 1):
        end = offsets[row + 1] - n + 1
        for first in range(offsets[row], end, _BLOCK * every):
            count = min((end - first + every - 1) // every, _BLOCK)
            for k in range(count):
                room[k] = hash_at(words, first + k * every, n)
            for k in range(count):
                _set(room[k], into)
