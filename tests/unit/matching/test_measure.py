"""Exact numbers on matches against Python sets of word tuples."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from provenance.matching.cascade import CascadeMatcher
from provenance.matching.measure import LONG_REFERENCE
from provenance.model.match import Match
from tests.fakes.matching import make_batch, make_reference

Build = Callable[..., CascadeMatcher]
Gram = tuple[str, ...]


def grams(text: str) -> set[Gram]:
    words = text.split()
    n = min(5, len(words))
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)} if words else set()


def jaccard(a: set[Gram], b: set[Gram]) -> float:
    return len(a & b) / len(a | b)


def check(match: Match, text: str, reference: str) -> None:
    query, other = grams(text[match.start : match.end]), grams(reference[match.reference_start : match.reference_end])
    assert match.exact_jaccard == pytest.approx(jaccard(query, other))
    assert match.exact_containment == pytest.approx(len(query & other) / len(query))
    assert match.document_jaccard == pytest.approx(jaccard(grams(text), grams(reference)))


@pytest.mark.parametrize("length", [60, 400, LONG_REFERENCE, LONG_REFERENCE + 1, 3 * LONG_REFERENCE])
def test_similarities_are_those_of_sets_of_words(matcher_over: Build, length: int) -> None:
    chance = random.Random(length)
    vocabulary = [f"wört{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(300)]
    reference = [chance.choice(vocabulary) for _ in range(length)]
    reference[30:40] = reference[10:20]  # repeats count once
    passage = reference[5:55]
    passage[20] = "other"
    text = " ".join(["naïve", *chance.choices(vocabulary, k=40), *passage, *passage[:12], *chance.choices(vocabulary, k=40)])
    whole = " ".join(reference)
    matches = matcher_over(make_reference("r", whole)).match_batch(make_batch(["nothing here", text]), path="p")
    assert matches
    for match in matches:
        check(match, text, whole)


def test_short_equal_texts_are_wholly_alike(matcher_over: Build) -> None:
    (match,) = matcher_over(make_reference("r", "only four words here")).match_batch(make_batch(["Only four words, here!"]), path="p")
    assert (match.exact_jaccard, match.exact_containment, match.document_jaccard) == (1.0, 1.0, 1.0)


def test_a_row_with_many_passages_of_many_references_is_measured_like_any_other(matcher_over: Build) -> None:
    chance = random.Random(7)
    vocabulary = [f"wört{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(600)]
    references = {f"r{n}": chance.choices(vocabulary, k=length) for n, length in enumerate((80, 300, 3 * LONG_REFERENCE, 3 * LONG_REFERENCE))}
    parts = []
    for _ in range(12):
        source = references[chance.choice(sorted(references))]
        at = chance.randrange(len(source) - 60)
        parts += [*source[at : at + 60], *(f"é{chance.randrange(10**6)}" for _ in range(30))]
    text = " ".join(parts)
    matcher = matcher_over(*(make_reference(name, " ".join(words)) for name, words in references.items()))
    for rows in ([text], [text, " ".join(parts[90:])]):
        matches = matcher.match_batch(make_batch(rows), path="p")
        assert len(matches) >= 8 * len(rows)
        for match in matches:
            check(match, rows[match.record], " ".join(references[match.reference]))
