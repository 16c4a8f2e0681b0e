"""MinHash sketches, bit-identical to datasketch's ``affine32`` over the same 32-bit shingle hashes.

A sketch holds, for each permutation k, the least ``a_k * mix(h) + b_k (mod 2^32)`` over the shingle hashes h of a text: ``mix`` is murmur3's finaliser and
a_k is odd, so each step is a bijection and brings no collisions of its own. The sketch of nothing is all ones, as in datasketch. Sketches do not depend
on the order or number of equal shingles, and the element-wise minimum of two is the sketch of the union.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.jit import kernel
from provenance.fingerprint.scheme import NUM_PERM, permutations
from provenance.fingerprint.shingles import Shingles, hash_shingles
from provenance.fingerprint.tokens import Tokens, checked_offsets, iter_tokens

_U32 = np.uint32
_EMPTY = _U32(0xFFFFFFFF)
_MURMUR_1, _MURMUR_2 = _U32(0x85EBCA6B), _U32(0xC2B2AE35)
_13, _16 = _U32(13), _U32(16)

_cached_permutations = cache(permutations)


def sketch_rows(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return the sketch of each text.

    Args:
        data: (n_bytes,) UTF-8 of all rows.
        offsets: (n_rows + 1,) row boundaries.

    Shapes:
        result: (n_rows, 128) uint32; rows without words are all ones.

    Raises:
        FingerprintError: If the offsets do not ascend within ``data``.

    Cost: 512 bytes a row, and about 9 bytes of memory per byte of the longest row or of 1 MiB, whichever is more.
    """
    out = np.empty((len(checked_offsets(data, offsets)) - 1, NUM_PERM), dtype=np.uint32)
    for first, last, tokens in iter_tokens(data, offsets):
        _sketch_into(hash_shingles(tokens), out[first:last])
    return out


def sketch_tokens(tokens: Tokens) -> NDArray[np.uint32]:
    """Return the (n_rows, 128) sketches of texts that are tokenised already."""
    return sketch_shingles(hash_shingles(tokens))


def sketch_shingles(shingles: Shingles) -> NDArray[np.uint32]:
    """Return the (n_rows, 128) sketches of sets of 32-bit hashes."""
    out = np.empty((len(shingles.offsets) - 1, NUM_PERM), dtype=np.uint32)
    _sketch_into(shingles, out)
    return out


def _sketch_into(shingles: Shingles, out: NDArray[np.uint32]) -> None:
    factors, terms = _cached_permutations()
    _fold_rows(shingles.hashes, shingles.offsets, factors, terms, out)


@kernel()
def _mix(value: np.uint32) -> np.uint32:
    """Return murmur3's 32-bit finaliser of a value. Products are cut to 32 bits at once: numba computes them in 64."""
    value ^= value >> _16
    value = _U32(value * _MURMUR_1)
    value ^= value >> _13
    value = _U32(value * _MURMUR_2)
    return _U32(value ^ (value >> _16))


@kernel()
def _fold_rows(
    hashes: NDArray[np.uint32], offsets: NDArray[np.int64], factors: NDArray[np.uint32], terms: NDArray[np.uint32], out: NDArray[np.uint32]
) -> None:
    """Fold the hashes of each row into its sketch.

    The permutations are the inner loop and are of a fixed number, so that it becomes SIMD code over uint32 lanes; eight hashes are folded a pass, so that
    factors, terms and minima are loaded once for all of them. The last pass repeats the row's last hash, which changes no minimum.
    """
    for row in range(len(offsets) - 1):
        least = out[row]
        for k in range(NUM_PERM):
            least[k] = _EMPTY
        last = offsets[row + 1] - 1
        for i in range(offsets[row], last + 1, 8):
            h0, h1 = _mix(hashes[i]), _mix(hashes[min(i + 1, last)])
            h2, h3 = _mix(hashes[min(i + 2, last)]), _mix(hashes[min(i + 3, last)])
            h4, h5 = _mix(hashes[min(i + 4, last)]), _mix(hashes[min(i + 5, last)])
            h6, h7 = _mix(hashes[min(i + 6, last)]), _mix(hashes[min(i + 7, last)])
            for k in range(NUM_PERM):
                a, b = factors[k], terms[k]
                low = min(least[k], _U32(a * h0 + b), _U32(a * h1 + b), _U32(a * h2 + b), _U32(a * h3 + b))
                least[k] = min(low, _U32(a * h4 + b), _U32(a * h5 + b), _U32(a * h6 + b), _U32(a * h7 + b))
