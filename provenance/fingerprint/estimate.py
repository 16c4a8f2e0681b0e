"""What two sketches say of the similarity of two texts, and how sure that is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from provenance.errors import SchemeMismatchError
from provenance.fingerprint.scheme import NUM_PERM


def estimate_jaccard(sketches: NDArray[np.uint32], others: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return the estimated Jaccard similarity of the shingle sets behind each pair of sketches: the share of equal minima.

    Unbiased, up to chance collisions of 2^-32; the standard error is ``standard_error``. Two texts without words are estimated at 1, as in datasketch.

    Args:
        sketches: (n, 128), or (128,) for one against many.
        others: (n, 128) or (128,).

    Shapes:
        result: (n,), or () for two single sketches.

    Raises:
        SchemeMismatchError: If a sketch does not have 128 minima of 32 bits.

    Source: Broder 1997, On the resemblance and containment of documents.
    """
    for given in (sketches, others):
        if given.dtype != np.uint32 or given.shape[-1:] != (NUM_PERM,):
            raise SchemeMismatchError(f"sketches have shape {given.shape} of {given.dtype}, expected (…, {NUM_PERM}) of uint32")
    return np.asarray((sketches == others).mean(axis=-1), dtype=np.float64)


def standard_error(jaccard: float, num_perm: int = NUM_PERM) -> float:
    """Return the standard error of an estimate where the true similarity is ``jaccard``: √(J(1-J)/k).

    >>> [round(standard_error(j), 3) for j in (0.5, 0.8, 0.95)]
    [0.044, 0.035, 0.019]
    """
    return math.sqrt(jaccard * (1.0 - jaccard) / num_perm)
