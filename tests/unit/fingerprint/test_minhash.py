"""Sketches against datasketch itself and the laws of MinHash."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import datasketch
import numpy as np
import pytest

from provenance.errors import FingerprintError
from provenance.fingerprint.minhash import sketch_rows, sketch_shingles, sketch_tokens
from provenance.fingerprint.scheme import NUM_PERM, SEED, permutations
from provenance.fingerprint.shingles import Shingles, hash_shingles
from provenance.fingerprint.tokens import BLOCK_BYTES, tokenize


def buffers(*texts: str) -> tuple[np.ndarray[tuple[int], np.dtype[np.uint8]], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    raw = [text.encode() for text in texts]
    return np.frombuffer(b"".join(raw), np.uint8), np.cumsum([0, *map(len, raw)], dtype=np.int64)


def by_datasketch(hashes: list[int]) -> list[int]:
    sketch = datasketch.MinHash(num_perm=NUM_PERM, seed=SEED, hashfunc=int, scheme="affine32")
    sketch.update_batch(hashes)
    found: list[int] = sketch.hashvalues.tolist()
    return found


def sets(*texts: str) -> list[list[int]]:
    found = hash_shingles(tokenize(*buffers(*texts)))
    return [found.hashes[a:b].tolist() for a, b in zip(found.offsets[:-1], found.offsets[1:], strict=True)]


def test_permutations_are_datasketch_s() -> None:
    factors, terms = permutations()
    theirs = datasketch.MinHash(num_perm=NUM_PERM, seed=SEED, scheme="affine32").permutations
    assert factors.tolist() == theirs[0].tolist()
    assert terms.tolist() == theirs[1].tolist()
    assert (factors % 2 == 1).all()


@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 9, 16, 255])
def test_sketches_of_any_hashes_are_datasketch_s(n: int) -> None:
    hashes = np.random.default_rng(n).integers(0, 2**32, n, dtype=np.uint32)
    assert sketch_shingles(Shingles(hashes, np.array([0, n]))).tolist() == [by_datasketch(hashes.tolist())]


def test_a_row_holds_one_shingle_for_each_word_from_the_fifth_on() -> None:
    assert [len(s) for s in sets("", "?!", "a", "a b c d", "a b c d e", "a b c d e f g", "")] == [0, 0, 1, 1, 1, 3, 0]


def test_shingles_are_equal_exactly_when_their_words_are() -> None:
    texts = [
        "One two, three four FIVE",
        "one two three four five six",
        "two one three four five",
        "one two three four",
        "one two three",
        "one two three five",
    ]
    first, longer, swapped, four, three, other = sets(*texts)
    assert first[0] == longer[0]
    assert len({first[0], longer[1], swapped[0], four[0], three[0], other[0]}) == 6


def test_a_short_text_and_a_text_of_zero_hashes_differ() -> None:
    assert len({tuple(s) for s in sets("a", "a a", "a a a", "a a a a", "a a a a a")}) == 5


def test_a_batch_gives_what_its_rows_give_however_it_is_cut() -> None:
    words = " ".join(f"word{i % 977}" for i in range(BLOCK_BYTES // 5))
    texts = ["", "short", words, words[: BLOCK_BYTES // 3], words[7:], "", "the same few words again and again"]
    together = sketch_rows(*buffers(*texts))
    assert together.tolist() == [sketch_rows(*buffers(text))[0].tolist() for text in texts]
    assert together.tolist() == sketch_tokens(tokenize(*buffers(*texts))).tolist()
    assert (together[0] == 2**32 - 1).all()


def test_rows_need_not_begin_at_the_first_byte() -> None:
    data, offsets = buffers("one two three four five six", "seven eight nine ten eleven")
    assert sketch_rows(data, offsets[1:]).tolist() == sketch_rows(*buffers("seven eight nine ten eleven")).tolist()
    assert sketch_rows(data, offsets[:1]).shape == (0, NUM_PERM)


def test_bad_offsets_are_refused() -> None:
    with pytest.raises(FingerprintError):
        sketch_rows(np.zeros(4, np.uint8), np.array([0, 9]))


def test_real_text_is_bit_equal_to_datasketch(shared: Path) -> None:
    corpora = shared / "data/dev/corpora"
    texts = [json.loads(line)["text"][:6000] for line in (corpora / "peps.jsonl").read_text("utf-8").splitlines()[:40]]
    texts += [json.loads(line)["text"] for line in gzip.decompress((corpora / "movie_reviews.jsonl.gz").read_bytes()).splitlines()[:40]]
    assert sketch_rows(*buffers(*texts)).tolist() == [by_datasketch(hashes) for hashes in sets(*texts)]
