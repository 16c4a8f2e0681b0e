"""Laws of sketches: order and repeats do not count, merging is the union, and formatting is not text."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from provenance.fingerprint.estimate import estimate_jaccard
from provenance.fingerprint.minhash import sketch_rows, sketch_shingles
from provenance.fingerprint.shingles import Shingles

HASHES = st.lists(st.integers(0, 2**32 - 1), max_size=40)
WORDS = st.lists(st.text(alphabet="abcdeé中w9", min_size=1, max_size=12), min_size=5, max_size=30)


def sketch_of(hashes: list[int]) -> NDArray[np.uint32]:
    found: NDArray[np.uint32] = sketch_shingles(Shingles(np.array(hashes, dtype=np.uint32), np.array([0, len(hashes)])))[0]
    return found


def sketch_text(text: str) -> list[int]:
    raw = text.encode()
    found: list[int] = sketch_rows(np.frombuffer(raw, np.uint8), np.array([0, len(raw)]))[0].tolist()
    return found


@given(HASHES)
@settings(deadline=None)
def test_order_and_repeats_do_not_count(hashes: list[int]) -> None:
    shuffled = sorted(hashes + hashes[: len(hashes) // 2], key=lambda h: (h * 2654435761) % 2**32)
    assert sketch_of(hashes).tolist() == sketch_of(shuffled).tolist()


@given(HASHES, HASHES)
@settings(deadline=None)
def test_the_least_of_two_sketches_is_the_sketch_of_the_union(one: list[int], other: list[int]) -> None:
    assert np.minimum(sketch_of(one), sketch_of(other)).tolist() == sketch_of(one + other).tolist()


@given(HASHES)
@settings(deadline=None)
def test_a_sketch_equals_itself(hashes: list[int]) -> None:
    assert float(estimate_jaccard(sketch_of(hashes), sketch_of(list(reversed(hashes))))) == 1.0


@given(WORDS, st.sampled_from([" ", ", ", "\n\n", " — ", "; ", "\u00a0", " | ", "**"]))
@settings(deadline=None)
def test_what_stands_between_words_does_not_count(words: list[str], between: str) -> None:
    assert sketch_text(" ".join(words)) == sketch_text(between.join(words)) == sketch_text("(" + between.join(words).upper() + ")")
