"""Text made to hurt: repetitive, huge, or hardly text. The matcher stays correct, and its time and memory bounded."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from provenance.matching.cascade import CascadeMatcher
from provenance.matching.explain import stands_in_quotes
from provenance.matching.frontmatter import body_span
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import make_batch, make_reference, make_words

Build = Callable[..., CascadeMatcher]
LINE = "the quick brown fox jumps over the lazy dog and runs far away from home\n"
BUDGET_S = 20.0
"""Far above what the machine at hand needs (about 1 s), far below what quadratic work would take (hours)."""


@pytest.fixture(autouse=True)
def _warm(matcher_over: Build) -> None:
    """Compile the kernels outside of what is timed."""
    matcher_over(make_reference("warm", LINE * 3, kind=ReferenceKind.LICENSE_TEXT)).match_batch(make_batch([LINE * 3, LINE]), path="p")


def test_identical_lines_on_both_sides_take_bounded_time(matcher_over: Build) -> None:
    repeats = 20_000
    text = LINE * repeats
    matcher = matcher_over(make_reference("lines", text))
    start = time.perf_counter()
    (match,) = matcher.match_batch(make_batch([text + "and more"]), path="p")
    assert time.perf_counter() - start < BUDGET_S
    assert match.aligned_words >= 14 * repeats * 0.99
    assert matcher.dropped_seeds > 0


def test_identical_lines_on_both_sides_are_shown_in_bounded_time(matcher_over: Build) -> None:
    text = LINE * 20_000
    matcher = matcher_over(make_reference("lines", text))
    (match,) = matcher.match_batch(make_batch([text]), path="p")
    start = time.perf_counter()
    shown = matcher.match_text(match, text)
    assert time.perf_counter() - start < BUDGET_S
    assert [(s.start, s.end) for s in shown.shared] == [(s.start, s.end) for s in shown.reference_shared] == [(0, len(text) - 1)]


def test_one_word_repeated_takes_bounded_time(matcher_over: Build) -> None:
    text = "buffalo " * 50_000
    start = time.perf_counter()
    (match,) = matcher_over(make_reference("b", text)).match_batch(make_batch([text]), path="p")
    assert time.perf_counter() - start < BUDGET_S
    assert match.words == 50_000


def test_two_words_in_turn_take_bounded_time(matcher_over: Build) -> None:
    start = time.perf_counter()
    matcher_over(make_reference("b", "to be " * 30_000)).match_batch(make_batch(["be to " * 30_000]), path="p")
    assert time.perf_counter() - start < BUDGET_S


def test_combining_marks_do_not_hide_a_passage(matcher_over: Build) -> None:
    passage = " ".join(make_words(40, 1))
    text = "x" + "\u0301" * 100_000 + " " + passage.replace(" ", " \u0301")
    (match,) = matcher_over(make_reference("b", passage)).match_batch(make_batch([text]), path="p")
    assert match.aligned_words == 40
    assert match.end == len(text)


def test_nul_and_control_characters_separate_words(matcher_over: Build) -> None:
    words = make_words(40, 2)
    (match,) = matcher_over(make_reference("b", " ".join(words))).match_batch(make_batch(["\0".join(words)]), path="p")
    assert match.aligned_words == 40


def test_lone_surrogates_pass_through_both_sides(matcher_over: Build) -> None:
    passage = " ".join(make_words(40, 3))
    text, book = f"\ud83d {passage} \udc00", f"\udfff {passage}"
    matcher = matcher_over(make_reference("b", book))
    (match,) = matcher.match_batch(make_batch([text]), path="p")
    assert text[match.start : match.end] == passage
    assert matcher.match_text(match, text).reference_text == passage


def test_a_huge_single_line_is_scanned(matcher_over: Build) -> None:
    passage = " ".join(make_words(40, 4))
    text = " ".join(make_words(400_000, 5, vocabulary=200_000)) + " " + passage
    (match,) = matcher_over(make_reference("b", passage)).match_batch(make_batch([text]), path="p")
    assert text[match.start : match.end] == passage


def test_empty_batches_and_rows_give_nothing(matcher_over: Build) -> None:
    matcher = matcher_over(make_reference("b", LINE * 3))
    assert matcher.match_batch(make_batch([]), path="p") == []
    assert matcher.match_batch(make_batch(["", " ", "…"]), path="p") == []


def test_many_equal_references_stay_one_alarm(matcher_over: Build) -> None:
    passage = " ".join(make_words(60, 6))
    matcher = matcher_over(*(make_reference(f"r{i:03}", passage) for i in range(300)))
    (match,) = matcher.match_batch(make_batch([f"Look: {passage} So it was."]), path="p")
    assert match.reference == "r000"
    assert len(match.also) == 50
    assert matcher.dropped_seeds > 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He said “x y”.", True),
        ('He said "x y," and', True),
        ("«x y»", True),
        ("x y", False),
        ("“x y", False),
        ("x y”", False),
        ('it"x y" z', False),
        ('so."\n\nx y\n\n"But', False),
    ],
)
def test_quotation_marks_must_open_right_before_and_close_right_after(text: str, expected: bool) -> None:
    at = text.index("x y")
    assert stands_in_quotes(text, at, at + 3) is expected


@pytest.mark.parametrize(
    ("text", "body"),
    [
        ("plain text", "plain text"),
        ("head\n*** START OF THE PROJECT GUTENBERG EBOOK A B ***body *** END OF THE PROJECT GUTENBERG EBOOK A B *** tail", "body "),
        (f"head *** START OF THIS PROJECT GUTENBERG EBOOK A\nB ***{'body ' * 20}\nEnd of Project Gutenberg's A, by B\ntail", f"{'body ' * 20}\n"),
        ("***START OF THE PROJECT GUTENBERG EBOOK A***only a start, and a long text after it, so that the marker stands in the first half", None),
        ("", ""),
    ],
)
def test_the_body_lies_between_the_markers(text: str, body: str | None) -> None:
    start, end = body_span(text)
    assert text[start:end] == (text[text.index("only") :] if body is None else body)
