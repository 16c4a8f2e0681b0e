"""Sketches that travel to datasketch and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from datasketch import LeanMinHash, MinHash, MinHashLSH

from provenance.errors import SchemeMismatchError
from provenance.fingerprint.interop import from_minhashes, to_lean_minhash, to_minhash
from provenance.fingerprint.minhash import sketch_rows, sketch_shingles
from provenance.fingerprint.shingles import Shingles

TEXT = b"it was the best of times it was the worst of times it was the age of wisdom"


def one_sketch(raw: bytes = TEXT) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    row: np.ndarray[tuple[int], np.dtype[np.uint32]] = sketch_rows(np.frombuffer(raw, np.uint8), np.array([0, len(raw)]))[0]
    return row


def test_there_and_back_is_the_same_sketch() -> None:
    sketch = one_sketch()
    back = from_minhashes([to_minhash(sketch), to_lean_minhash(sketch)])
    assert back.tolist() == [sketch.tolist()] * 2
    assert from_minhashes([]).shape == (0, 128)


def test_an_exported_sketch_goes_on_like_ours() -> None:
    hashes = np.random.default_rng(1).integers(0, 2**32, 50, dtype=np.uint32)
    first = sketch_shingles(Shingles(hashes[:20], np.array([0, 20])))[0]
    exported = to_minhash(first)
    exported.update_batch(hashes[20:].tolist())
    assert exported.hashvalues.tolist() == sketch_shingles(Shingles(hashes, np.array([0, 50])))[0].tolist()


def test_lean_bytes_and_lsh_of_datasketch_take_it() -> None:
    lean = to_lean_minhash(one_sketch())
    raw = bytearray(lean.bytesize("<"))
    lean.serialize(raw, "<")
    assert LeanMinHash.deserialize(raw, "<") == lean
    index = MinHashLSH(threshold=0.5, num_perm=128)
    index.insert("a", to_lean_minhash(one_sketch()))
    assert index.query(to_minhash(one_sketch(TEXT + b" it was"))) == ["a"]


@pytest.mark.parametrize(
    "other", [MinHash(num_perm=128, seed=2), MinHash(num_perm=64), MinHash(num_perm=128, scheme="legacy"), MinHash(num_perm=128, scheme="affine64")]
)
def test_other_schemes_are_refused(other: MinHash) -> None:
    with pytest.raises(SchemeMismatchError):
        from_minhashes([other])


def test_what_is_no_sketch_is_refused() -> None:
    shapes: tuple[Any, ...] = (np.zeros(64, np.uint32), np.zeros((1, 128), np.uint32), np.zeros(128, np.int64))
    for wrong in shapes:
        with pytest.raises(SchemeMismatchError):
            to_minhash(wrong)
        with pytest.raises(SchemeMismatchError):
            to_lean_minhash(wrong)
