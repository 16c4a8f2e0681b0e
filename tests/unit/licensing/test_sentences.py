"""Sentences beside a licence: exceptions that it bears and limits that it sets, each with the place where it stands; and texts that disagree."""

from __future__ import annotations

import pytest

from provenance.licensing.disagreements import Conflict, candidate_conflict, layer_conflicts
from provenance.licensing.exceptions import read_exceptions
from provenance.licensing.flat import flatten
from provenance.licensing.restrictions import COMMONS_CLAUSE, NO_TRAINING, NON_COMMERCIAL, OTHER, RESEARCH_ONLY, find_restrictions
from provenance.licensing.uses import Use
from provenance.model.absence import Permission
from tests.unit.licensing.small_terms import judged, text, training


@pytest.mark.parametrize(
    ("written", "words", "expression", "family"),
    [
        ("Apache 2.0, *with* the LLVM exceptions.", "with* the LLVM exceptions", "LLVM-exception", "Apache"),
        ("GPL 2 and\nthe Classpath exception", "and\nthe Classpath exception", "Classpath-exception-2.0", "GPL"),
        (
            "the permissions described in the GCC Runtime Library Exception",
            "permissions described in the GCC Runtime Library Exception",
            "GCC-exception-3.1",
            "GPL",
        ),
    ],
)
def test_an_exception_is_known_by_its_name(written: str, words: str, expression: str, family: str) -> None:
    (found,) = read_exceptions(flatten(f"Here is a text. {written}"))
    assert (found.start, found.expression, found.family) == (f"Here is a text. {written}".index(words), expression, family)


def test_every_place_of_an_exception_is_told_and_other_words_are_none() -> None:
    both = "with LLVM exception; and with the LLVM exception"
    assert [e.start for e in read_exceptions(flatten(both))] == [0, both.rindex("with")]
    assert list(read_exceptions(flatten("with the exception of LLVM"))) == []


@pytest.mark.parametrize(
    ("sentence", "words", "expression"),
    [
        ("It is for non-commercial use.", "non-commercial use", NON_COMMERCIAL),
        ("Commercial use is strictly prohibited.", "Commercial use is strictly prohibited", NON_COMMERCIAL),
        ("You get it for research purposes only.", "for research purposes only", RESEARCH_ONLY),
        ("It is under the Commons Clause.", "Commons Clause", COMMONS_CLAUSE),
        ("You may not use it to train any model.", "not use it to train any model", NO_TRAINING),
        ("It may not be redistributed.", "may not be redistributed", OTHER),
        ("Die kommerzielle Nutzung ist untersagt.", "kommerzielle Nutzung ist untersagt", NON_COMMERCIAL),
    ],
)
def test_a_sentence_that_sets_a_limit_is_found_where_it_stands(sentence: str, words: str, expression: str) -> None:
    written = f"MIT. {sentence} Bye."
    found = [(written[r.start : r.end], r.expression) for r in find_restrictions(flatten(written))]
    assert (words, expression) in found


def test_what_sets_no_limit_is_none_and_repetitions_are_bounded() -> None:
    assert list(find_restrictions(flatten("You may use it for commercial purposes and redistribute it."))) == []
    assert len(list(find_restrictions(flatten("Commons Clause. " * 199)))) == 199
    assert len(list(find_restrictions(flatten("Commons Clause. " * 300)))) == 200
    mixed = list(find_restrictions(flatten("Commons Clause. " * 300 + "It may not be sold.")))
    assert [r.expression for r in mixed[200:]] == [OTHER]


# -- texts that disagree ---------------------------------------------------------------------------------------------------------------------------------

FREE, BARRED, OPEN = (judged(text(training(v), id=n)) for v, n in (("allowed", "free"), ("prohibited", "barred"), ("nonsense", "open")))
MUTE = judged(text(id="mute"))
ARTICLE = judged(text(training("allowed"), id="article", kind="help-article"))


def test_texts_that_allow_and_forbid_one_use_are_a_conflict() -> None:
    (found,) = layer_conflicts(Use.DISTIL, (BARRED, MUTE, FREE, OPEN))
    assert found == Conflict(
        kind="layers",
        summary="free would allow it, barred forbids it: the strictest counts",
        terms=("free", "barred"),
        use="distil",
        rule="RR03",
    )
    for agreed in ((FREE, OPEN, MUTE), (BARRED, OPEN), (FREE, FREE), ()):
        assert list(layer_conflicts(Use.DISTIL, agreed)) == []


def test_an_article_that_would_allow_stands_against_what_does_not() -> None:
    (found,) = layer_conflicts(Use.COMMERCIAL, (ARTICLE, OPEN, BARRED))
    assert found == Conflict(
        kind="no-contract",
        summary="article would allow it, but is no contract and never loosens one",
        terms=("article", "barred", "open"),
        use="commercial",
        rule="RR16",
    )
    assert [c.terms for c in layer_conflicts(Use.COMMERCIAL, (ARTICLE, FREE))] == [("article",)]


def test_readings_that_agree_are_no_conflict() -> None:
    same = [("api", Permission.ALLOWED), ("chat", Permission.ALLOWED)]
    assert list(candidate_conflict(Use.DISTIL, same)) == []
    assert list(candidate_conflict(Use.DISTIL, [])) == []
    (found,) = candidate_conflict(Use.DISTIL, [*same, ("host", Permission.UNKNOWN)])
    assert (found.kind, found.terms, found.use, found.rule) == ("candidates", (), "distil", "RR05")
    assert found.summary == "readings of what is not known disagree: api: ALLOWED; chat: ALLOWED; host: UNKNOWN"
