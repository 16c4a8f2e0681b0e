"""The best of many are the first of the sorted ones, and everything else comes out again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from provenance.best import Best


@given(st.lists(st.integers(0, 8), max_size=40), st.integers(0, 45))
def test_what_is_kept_is_what_a_stable_sort_puts_first(keys: list[int], room: int) -> None:
    best: Best[tuple[int, int]] = Best(room)
    out = [dropped for place, key in enumerate(keys) if (dropped := best.add(key, (key, place))) is not None]
    ordered = sorted(((key, place) for place, key in enumerate(keys)), key=lambda item: item[0])
    assert best.items() == ordered[:room]
    assert sorted(out) == sorted(ordered[room:])
    assert len(best) == min(room, len(keys))
    assert best.accepts(9) == (len(keys) < room)
