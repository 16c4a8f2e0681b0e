"""The number that tells how far terms are known: of what it is, and that nothing unknown passes for known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.report.figures import known_terms, terms_line
from tests.fakes.records import ZERO_TOTALS


@pytest.mark.parametrize(
    ("words", "under", "known", "value", "detail", "line"),
    [
        (0, 0, 0, "–", "no words were counted", "no words were counted"),
        (100, 0, 0, "0", "of 100 words: none needs a provider’s terms", "no words came from a model or a service"),
        (
            100,
            40,
            0,
            "0\u202f%",
            "0 of 40 words from models and services; 40 have none, or no known maker",
            "0 of 40 words from models, services or unknown makers",
        ),
        (
            100,
            40,
            30,
            "75\u202f%",
            "30 of 40 words from models and services; 10 have none, or no known maker",
            "30 of 40 words from models, services or unknown makers",
        ),
        (100, 40, 40, "100\u202f%", "40 of 40 words from models and services", "40 of 40 words from models, services or unknown makers"),
        (100, None, None, "90\u202f%", "90 of 100 words; this record does not tell the two apart", "90 of 100 words, those of no model among them"),
    ],
)
def test_known_terms_are_told_of_the_words_that_need_them(
    words: int, under: int | None, known: int | None, value: str, detail: str, line: str
) -> None:
    totals = replace(ZERO_TOTALS, words=words, words_with_known_terms=words * 9 // 10, words_under_terms=under, words_under_known_terms=known)
    figure = known_terms(totals)
    assert (figure.value, figure.detail, terms_line(totals)) == (value, detail, f"terms known: {line}")
    assert figure.alert == (known != under or (words > 0 and under is None))
