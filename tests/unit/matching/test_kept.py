"""What is kept takes no more memory than was allowed, and what is not kept is made again, the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.matching import segment
from provenance.matching.cascade import open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.kept import Arrays, KeptArrays
from provenance.model.match import Match
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import make_batch, make_reference, make_words

LIMIT = 1000


@given(asked=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 100)), max_size=60))
def test_what_is_asked_for_is_given_and_never_more_than_the_limit_is_held(asked: list[tuple[int, int]]) -> None:
    kept, sizes = KeptArrays(LIMIT), dict(asked)
    made: dict[int, int] = {}

    def make(number: int) -> Arrays:
        """What is dropped is dropped altogether: all that is held was made since the last time that something was made again."""
        array = np.full(sizes[number], number, dtype=np.uint32)
        if number in made or sum(made.values()) + array.nbytes > LIMIT:
            made.clear()
        made[number] = array.nbytes
        return (array,)

    for number, _ in asked:
        assert kept.get(number, make)[0].tolist() == [number] * sizes[number]
        assert number in made
        assert sum(made.values()) <= LIMIT


def test_what_fits_is_made_once_and_so_is_what_is_larger_than_the_limit_alone() -> None:
    kept, made = KeptArrays(LIMIT), []

    def make(number: int) -> Arrays:
        made.append(number)
        return (np.zeros(number, dtype=np.uint8),)

    for number in (300, 700, 300, 700, 5000, 5000, 300):
        assert len(kept.get(number, make)[0]) == number
    assert made == [300, 700, 5000, 300]


def test_matches_are_the_same_where_nothing_can_be_kept(store: ReferenceStore, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [" ".join(make_words(3000, seed)) for seed in range(4)]
    store.add("set", [make_reference(f"r{i}", t) for i, t in enumerate(texts)], kind=ReferenceKind.WORK)
    rows = [" ".join(t.split()[at : at + 200]) for at in (5, 900) for t in texts] + texts

    def find() -> list[Match]:
        return open_matcher(store, ["set"]).match_batch(make_batch(rows), path="p")

    kept = find()
    assert {(m.record, m.reference) for m in kept} == {(i, f"r{i % 4}") for i in range(len(rows))}
    monkeypatch.setattr(segment, "_KEPT_BYTES", 0)
    assert find() == kept


def test_many_long_references_do_not_pile_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    real = segment.TextSegment.read_places

    def read(self: segment.TextSegment, ref: int) -> object:
        made.append(ref)
        return real(self, ref)

    monkeypatch.setattr(segment.TextSegment, "read_places", read)
    monkeypatch.setattr(segment, "_PIECE_COST", 1 << 40)
    monkeypatch.setattr(segment, "_KEPT_BYTES", 10 * 3000 * 8)  # the places of ten texts of 3,000 words: two numbers of four bytes each
    texts = [" ".join(make_words(3000, seed)) for seed in range(20)]
    store = ReferenceStore(tmp_path)
    store.add("set", [make_reference(f"r{i:02}", t) for i, t in enumerate(texts)], kind=ReferenceKind.WORK)
    rows = make_batch([" ".join(t.split()[100:300]) for t in texts])
    matcher = open_matcher(store, ["set"])
    assert [len(matcher.match_batch(rows, path="p")) for _ in range(2)] == [20, 20]
    assert made == [*range(20), *range(20)]
