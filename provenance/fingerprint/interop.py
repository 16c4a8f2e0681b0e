"""Sketches to and from datasketch. Nothing is converted: the minima are the same numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from provenance.errors import SchemeMismatchError
from provenance.fingerprint.scheme import NUM_PERM, SEED

if TYPE_CHECKING:
    from datasketch import LeanMinHash, MinHash

DATASKETCH_SCHEME = "affine32"
"""What datasketch calls the permutations that ours are equal to."""


def to_minhash(sketch: NDArray[np.uint32]) -> MinHash:
    """Return a sketch as a ``datasketch.MinHash``. Its hash function is the identity: update it with 32-bit shingle hashes of ours.

    Raises:
        SchemeMismatchError: If the sketch does not have 128 minima of 32 bits.
    """
    from datasketch import MinHash

    return MinHash(seed=SEED, hashvalues=_checked(sketch), hashfunc=int, scheme=DATASKETCH_SCHEME)


def to_lean_minhash(sketch: NDArray[np.uint32]) -> LeanMinHash:
    """Return a sketch as a ``datasketch.LeanMinHash``.

    Raises:
        SchemeMismatchError: If the sketch does not have 128 minima of 32 bits.
    """
    from datasketch import LeanMinHash

    return LeanMinHash(seed=SEED, hashvalues=_checked(sketch), scheme=DATASKETCH_SCHEME)


def from_minhashes(minhashes: Iterable[MinHash]) -> NDArray[np.uint32]:
    """Return the (n, 128) sketches of ``MinHash`` or ``LeanMinHash`` objects.

    They are comparable with ours if they were fed with our shingle hashes, which their values cannot show: that is the caller's promise.

    Raises:
        SchemeMismatchError: If one has another scheme, seed or number of permutations.
    """
    rows = []
    for number, given in enumerate(minhashes):
        if (given.scheme, given.seed, len(given.hashvalues)) != (DATASKETCH_SCHEME, SEED, NUM_PERM):
            raise SchemeMismatchError(
                f"sketch {number} is {given.scheme}, seed {given.seed}, {len(given.hashvalues)} permutations; "
                f"expected {DATASKETCH_SCHEME}, seed {SEED}, {NUM_PERM}"
            )
        rows.append(np.asarray(given.hashvalues, dtype=np.uint32))
    return np.array(rows, dtype=np.uint32).reshape(-1, NUM_PERM)


def _checked(sketch: NDArray[np.uint32]) -> NDArray[np.uint32]:
    if sketch.shape != (NUM_PERM,) or sketch.dtype != np.uint32:
        raise SchemeMismatchError(f"sketch has shape {sketch.shape} of {sketch.dtype}, expected ({NUM_PERM},) of uint32")
    return sketch
