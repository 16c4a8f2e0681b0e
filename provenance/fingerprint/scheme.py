"""What a sketch is made of: every number that changes its values, and the name that records them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provenance.fingerprint.tokens import SCHEME as TOKEN_SCHEME

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHINGLE_WORDS = 5
"""Words in a shingle; a shorter text is one shingle of all its words."""
NUM_PERM = 128
"""Permutations, and so 32-bit minima, in a sketch."""
SEED = 1
"""Seed of the permutations: datasketch's default."""
SHINGLE_SCHEME = f"{TOKEN_SCHEME}/shingle{SHINGLE_WORDS}"
"""Name of the set of 32-bit hashes that a sketch is of."""
SKETCH_SCHEME = f"{SHINGLE_SCHEME}/affine32-{NUM_PERM}-seed{SEED}"
"""Name of the sketches: two sketches can be compared exactly when these names are equal."""


def permutations() -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
    """Return the (NUM_PERM,) odd factors and the (NUM_PERM,) offsets of the permutations.

    Source: the ``affine32`` scheme of datasketch 2.0, drawn here so that a stored sketch never depends on which datasketch is installed; a test
    compares the two.
    """
    import numpy as np

    generator = np.random.RandomState(SEED)  # its stream is frozen, and it is the one datasketch draws from
    factors = generator.randint(0, 1 << 31, NUM_PERM, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return factors, generator.randint(0, 1 << 32, NUM_PERM, dtype=np.uint32)
