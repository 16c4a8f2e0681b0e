"""Text is measured by the columns that it takes on a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from provenance.columns import cut, cut_middle, pad, width, wrap

texts = st.text(alphabet="abé日本語كلمةи\u0301 ", max_size=60)


def test_widths_are_those_of_terminals() -> None:
    assert [width(t) for t in ("plan", "Планы", "日本語", "e\u0301", "\u200d")] == [4, 5, 6, 1, 0]


@given(texts, st.integers(2, 40))
def test_what_is_cut_or_padded_fits(text: str, columns: int) -> None:
    assert width(cut(text, columns)) <= columns
    assert width(cut_middle(text, columns)) <= columns
    assert width(pad(text, columns)) == width(pad(text, columns, right=True)) == columns
    if width(text) <= columns:
        assert cut(text, columns) == cut_middle(text, columns) == text


@given(texts, st.integers(2, 40))
def test_wrapped_lines_fit_and_lose_nothing(text: str, columns: int) -> None:
    lines = list(wrap(text, columns))
    assert all(width(line) <= columns for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_a_name_keeps_both_its_ends() -> None:
    assert cut_middle("organisation/a-long-name-v2-final", 15) == "organis…2-final"
