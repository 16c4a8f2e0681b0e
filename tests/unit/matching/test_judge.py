"""What explains shared text, and what must not: by kind of reference, by who holds it too, and over the fields of a record."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.matching.candidate import Candidate
from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.judge import Places, Run, select_long
from provenance.matching.params import MatchParams
from provenance.model.match import Explanation, Match
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.wire import read_value, to_wire
from tests.fakes.matching import PlainReference, make_answer, make_batch, make_reference, make_words

Build = Callable[..., CascadeMatcher]
BOOK = make_words(2000, 1)


def text(*parts: Sequence[str]) -> str:
    return " ".join(word for part in parts for word in part)


def book(at: int, length: int) -> list[str]:
    return BOOK[at : at + length]


def noise(seed: int, length: int = 80) -> list[str]:
    return make_words(length, 1000 + seed)


def scan(matcher: CascadeMatcher, *fields: str, together: bool = False) -> list[Match]:
    batch = make_batch(fields)
    if together:
        batch = replace(batch, record=np.zeros(len(fields), dtype=np.int64))
    return matcher.match_batch(batch, path="p")


def alarms(matches: Sequence[Match]) -> set[str]:
    return {m.reference for m in matches if not m.explained}


def held(match: Match) -> set[str]:
    return {match.reference, *(a.reference for a in match.also)}


def work(name: str, words: Sequence[str], **facts: str) -> PlainReference:
    return renamed(make_reference(name, " ".join(words)), facts)


def renamed(reference: PlainReference, facts: dict[str, str]) -> PlainReference:
    return PlainReference(read_value(ReferenceRecord, to_wire(reference.record) | facts), reference.text)


# kinds


@pytest.mark.parametrize("order", list(itertools.permutations(["answers", "novels", "licences"])))
def test_no_order_of_sets_hides_a_book_that_two_models_quote(store: ReferenceStore, order: Sequence[str]) -> None:
    passage = book(500, 100)
    answers = [make_answer(f"a{i}", text(noise(i), passage), model=f"m{i}") for i in range(2)]
    store.add("answers", answers, kind=ReferenceKind.API_OUTPUT)
    store.add("novels", [work("novel", BOOK)], kind=ReferenceKind.WORK)
    store.add("licences", [make_reference("l", text(passage, noise(3)), kind=ReferenceKind.LICENSE_TEXT)], kind=ReferenceKind.LICENSE_TEXT)
    matches = scan(open_matcher(store, order), text(noise(5), passage, noise(6)))
    assert [(m.reference_set, m.reference, m.because) for m in matches] == [("novels", "novel", None)]
    assert held(matches[0]) == {"a0", "a1", "novel", "l"}
    matches = scan(open_matcher(store, [name for name in order if name != "licences"]), text(noise(5), passage, noise(6)))
    assert [(m.reference_set, m.reference, m.because) for m in matches] == [("answers", "a0", None)]
    assert held(matches[0]) == {"a0", "a1", "novel"}


def test_what_explains_an_answer_does_not_explain_the_book(matcher_over: Build) -> None:
    passage = book(500, 36)
    answers = [make_answer(f"a{i}", text(noise(i), passage, noise(10 + i)), prompt=f"Go on: {text(passage)}", model=f"m{i}") for i in range(4)]
    (match,) = scan(matcher_over(*answers, work("novel", BOOK)), text(noise(20), passage, noise(21)))
    assert (match.reference, match.because) == ("novel", None)
    assert held(match) == {"novel", "a0", "a1", "a2", "a3"}
    (match,) = scan(matcher_over(*answers, work("novel", BOOK)), text(noise(20), book(500, 20), noise(21)))
    assert match.because is Explanation.SHORT_PASSAGE


def test_a_passage_within_a_longer_one_that_is_explained_is_its_own_alarm(matcher_over: Build) -> None:
    common = [w for i in range(12) for w in (*make_words(15, 300 + i), f"own{i}")]
    answers = [make_answer(f"a{i}", text(common[:90], book(500, 36), common[90:], noise(i)), model=f"m{i}") for i in range(3)]
    matches = scan(matcher_over(*answers, work("novel", BOOK)), text(common[:90], book(500, 36), [w for w in common[90:] if "own" not in w]))
    assert "novel" in alarms(matches) | {r for m in matches if not m.explained for r in held(m)}


def test_a_licence_reference_explains_what_a_model_recites_but_no_book(matcher_over: Build) -> None:
    terms = make_words(60, 30)
    reference = make_reference("l", text(terms), kind=ReferenceKind.LICENSE_TEXT)
    matches = scan(matcher_over(make_answer("a", text(noise(1), terms)), reference), text(terms, noise(2)))
    assert {m.because for m in matches} == {Explanation.LICENSE_TEXT}
    (match,) = scan(matcher_over(work("novel", [*noise(3), *terms]), reference), text(terms, noise(2)))
    assert (match.reference, match.because) == ("novel", None)


def test_adding_a_reference_of_another_kind_turns_no_alarm_off(tmp_path: Path) -> None:
    passage = book(100, 30)
    others = [
        make_answer("a", text(passage, noise(1)), prompt=f"Say: {text(passage)}"),
        make_answer("b", text(passage), model="m2"),
        make_reference("l", text(passage), kind=ReferenceKind.LICENSE_TEXT),
    ]
    for count in range(len(others) + 1):
        for chosen in itertools.combinations(others, count):
            store = ReferenceStore(tmp_path / "-".join(["s", *(r.record.id for r in chosen)]))
            for reference in (work("novel", BOOK), *chosen):
                store.add(reference.record.kind.value, [reference], kind=reference.record.kind)
            matches = scan(open_matcher(store, [info.name for info in store.sets()]), text(noise(9), passage))
            assert any("novel" in held(m) for m in matches if not m.explained)


# common to models


@pytest.mark.parametrize(("length", "because"), [(30, Explanation.COMMON_TO_MODELS), (40, Explanation.COMMON_TO_MODELS), (41, None), (60, None)])
def test_two_providers_explain_one_another_up_to_forty_words(matcher_over: Build, length: int, because: Explanation | None) -> None:
    shared = make_words(length, 40)
    answers = [make_answer(f"a{i}", text(shared, noise(i, 150)), model=f"m{i}") for i in range(2)]
    (match,) = scan(matcher_over(*answers), text(shared, noise(7)))
    assert match.because is because
    assert held(match) == {"a0", "a1"}


def test_a_shared_source_with_a_word_changed_here_and_there_is_no_habit(matcher_over: Build) -> None:
    shared = [w for i in range(6) for w in (*make_words(15, 50 + i), "and")]
    edited = [w for i in range(6) for w in (*make_words(15, 50 + i), "or")]
    answers = [make_answer(f"a{i}", text(shared, noise(i, 200)), model=f"m{i}") for i in range(2)]
    (match,) = scan(matcher_over(*answers), text(edited, noise(7)))
    assert (match.longest_run, match.because) == (15, None)


def test_background_explains_at_any_length(matcher_over: Build) -> None:
    shared = make_words(60, 40)
    background = make_reference("bg", text(shared, noise(2, 200)), kind=ReferenceKind.BACKGROUND)
    (match,) = scan(matcher_over(make_answer("a", text(shared, noise(1, 200))), background), text(shared, noise(7)))
    assert match.because is Explanation.COMMON_TO_MODELS


@pytest.mark.parametrize(
    "facts",
    [
        {"model": "UNKNOWN", "provider": "UNKNOWN"},
        {"model": "m", "provider": "UNKNOWN"},
        {"model": "M ", "provider": "another host"},
        {"model": "UNKNOWN", "provider": "maker of m"},
    ],
)
def test_who_is_not_known_to_be_another_model_explains_nothing(matcher_over: Build, facts: dict[str, str]) -> None:
    shared = make_words(30, 40)
    first, second = (make_answer(f"a{i}", text(shared, noise(i, 150)), model="m") for i in range(2))
    (match,) = scan(matcher_over(first, renamed(second, facts)), text(shared, noise(7)))
    assert match.because is None


# widely held


def test_three_unrelated_works_make_a_short_passage_common_property(matcher_over: Build) -> None:
    quoted = make_words(30, 60)
    works = [work(f"w{i}", [*noise(i, 300), *quoted, *noise(10 + i, 300)]) for i in range(3)]
    (match,) = scan(matcher_over(*works[:2]), text(noise(20), quoted, noise(21)))
    assert match.because is None
    (match,) = scan(matcher_over(*works), text(noise(20), quoted, noise(21)))
    assert match.because is Explanation.QUOTATION


@pytest.mark.parametrize("count", [3, 5])
def test_editions_of_one_book_are_one_holder(matcher_over: Build, count: int) -> None:
    editions = [work(f"ed{i}", ["edition", str(i), *BOOK[: 1500 + 100 * i]]) for i in range(count)]
    for length in (30, 50):
        (match,) = scan(matcher_over(*editions), text(noise(20), book(500, length), noise(21)))
        assert match.because is None
        assert len(held(match)) == count


@pytest.mark.parametrize("facts", [{"title": "Emma"}, {"author": "Jane Austen"}, {"edition_family": "emma"}])
def test_references_of_one_name_are_one_holder(matcher_over: Build, facts: dict[str, str]) -> None:
    quoted = make_words(30, 60)
    works = [work(f"w{i}", [*noise(i, 300), *quoted], **facts) for i in range(4)]
    (match,) = scan(matcher_over(*works), text(noise(20), quoted, noise(21)))
    assert match.because is None


def test_what_answers_quote_does_not_make_a_book_common_property(matcher_over: Build) -> None:
    quoted = book(500, 30)
    answers = [make_answer(f"a{i}", text(noise(i), quoted), model=f"m{i}") for i in range(5)]
    (match,) = scan(matcher_over(work("novel", BOOK), *answers), text(noise(20), quoted, noise(21)))
    assert (match.reference, match.because) == ("novel", None)


# pieces


def test_pieces_over_the_turns_of_a_chat_add_up(matcher_over: Build) -> None:
    matcher = matcher_over(work("novel", BOOK))
    turns = [text(book(300 + 20 * i, 20)) for i in range(40)]
    assert {m.because for m in scan(matcher, *turns)} == {Explanation.SHORT_PASSAGE}
    assert [(m.reference, m.because) for m in scan(matcher, *turns, together=True)] == [("novel", None)] * 40


@pytest.mark.parametrize(("count", "because"), [(2, Explanation.SHORT_PASSAGE), (3, None)])
def test_pieces_alarm_from_forty_eight_words_on(matcher_over: Build, count: int, because: Explanation | None) -> None:
    fields = [text(noise(i), book(300 + 200 * i, 16), noise(10 + i)) for i in range(count)]
    assert {m.because for m in scan(matcher_over(work("novel", BOOK)), *fields, together=True)} == {because}


@pytest.mark.parametrize(("least", "because"), [(24, None), (60, None), (61, Explanation.SHORT_PASSAGE), (1000, Explanation.SHORT_PASSAGE)])
def test_one_passage_is_as_long_as_the_bound_asks_for(matcher_over: Build, least: int, because: Explanation | None) -> None:
    matcher = matcher_over(work("novel", BOOK), params=MatchParams(min_words=least))
    (match,) = scan(matcher, text(noise(1), book(300, 60), noise(2)))
    assert (match.words, match.because) == (60, because)


@pytest.mark.parametrize(("count", "because"), [(4, Explanation.SHORT_PASSAGE), (5, None)])
def test_pieces_together_are_held_to_a_longer_bound_too(matcher_over: Build, count: int, because: Explanation | None) -> None:
    matcher = matcher_over(work("novel", BOOK), params=MatchParams(min_words=100))
    fields = [text(noise(i), book(300 + 200 * i, 20), noise(10 + i)) for i in range(count)]
    assert {m.because for m in scan(matcher, *fields, together=True)} == {because}


def test_pieces_too_small_to_count_add_up_where_they_follow_one_another(matcher_over: Build) -> None:
    matcher = matcher_over(work("novel", BOOK))
    assert {m.because for m in scan(matcher, *(text(book(300 + 10 * i, 10)) for i in range(60)), together=True)} == {None}
    scattered = [text(noise(i), book(300 + 90 * i, 10), noise(50 + i)) for i in range(15)]
    assert {m.because for m in scan(matcher, *scattered, together=True)} == {Explanation.SHORT_PASSAGE}


def test_runs_with_filler_between_them_add_up_within_one_field(matcher_over: Build) -> None:
    matcher = matcher_over(work("novel", BOOK))
    matches = scan(matcher, text(*(part for i in range(20) for part in (book(300 + 22 * i, 22), noise(i, 30)))))
    assert {m.because for m in matches} == {None}


def test_one_line_said_again_and_again_does_not_add_up(matcher_over: Build) -> None:
    line, verses = make_words(16, 70), [noise(i, 40) for i in range(20)]
    song = [w for verse in verses for w in (*verse, *line)]
    matches = scan(matcher_over(work("song", song)), *(text(noise(50 + i), line, noise(80 + i)) for i in range(20)), together=True)
    assert {m.because for m in matches} == {Explanation.SHORT_PASSAGE}


def test_the_same_passage_twice_in_a_record_still_adds_up(matcher_over: Build) -> None:
    fields = [text(book(300 + 20 * (i % 10), 20)) for i in range(20)]
    assert {m.because for m in scan(matcher_over(work("novel", BOOK)), *fields, together=True)} == {None}


def test_pieces_of_different_answers_do_not_add_up(matcher_over: Build) -> None:
    answers = [make_answer(f"a{i}", text(make_words(20, 200 + i), noise(i))) for i in range(10)]
    fields = [text(make_words(20, 200 + i), noise(50 + i)) for i in range(10)]
    assert {m.because for m in scan(matcher_over(*answers), *fields, together=True)} == {Explanation.SHORT_PASSAGE}


def test_pieces_that_the_prompt_has_do_not_add_up(matcher_over: Build) -> None:
    said = make_words(200, 90)
    answer = make_answer("a", text(said, noise(1)), prompt=f"Say this: {text(said)}")
    fields = [text(said[20 * i : 20 * i + 20], noise(10 + i)) for i in range(10)]
    assert {m.because for m in scan(matcher_over(answer), *fields, together=True)} == {Explanation.SHORT_PASSAGE}


def test_quotations_of_one_book_add_up_beyond_what_one_quotation_may_have(matcher_over: Build) -> None:
    matcher = matcher_over(work("novel", BOOK))
    fields = [text(noise(i), [f"“{text(book(300 + 55 * i, 55))}”"], noise(10 + i)) for i in range(4)]
    assert {m.because for m in scan(matcher, *fields)} == {Explanation.QUOTATION}
    assert {m.because for m in scan(matcher, *fields, together=True)} == {None}
    small = [text(noise(i), [f"“{text(book(300 + 100 * i, 28))}”"], noise(10 + i)) for i in range(2)]
    assert {m.because for m in scan(matcher, *small, together=True)} == {Explanation.QUOTATION}


def test_a_field_that_is_nothing_but_a_quotation_quotes_nothing(matcher_over: Build) -> None:
    matcher = matcher_over(work("novel", BOOK))
    (match,) = scan(matcher, f"“{text(book(300, 55))}”")
    assert match.because is None


def test_stretches_go_on_from_field_to_field_but_not_within_one() -> None:
    def run(row: int, query: int, reference: int, length: int, segment: int = 0) -> Run:
        return Run(row, row, segment, query, reference, length)

    assert select_long([run(0, 0, 0, 12), run(1, 50, 100, 11)], 12) == [run(0, 0, 0, 12)]
    assert select_long([run(0, 0, 0, 6), run(1, 9, 8, 6)], 12) == [run(0, 0, 0, 6), run(1, 9, 8, 6)]
    assert select_long([run(0, 0, 0, 6), run(1, 9, 9, 6)], 12) == []
    assert select_long([run(0, 0, 0, 6), run(0, 9, 6, 6)], 12) == []
    assert select_long([run(0, 0, 0, 6), run(1, 9, 6, 6, 1)], 12) == []
    assert select_long([], 12) == []


# whole answers and prompts


@pytest.mark.parametrize(
    ("answer", "because"),
    [
        (make_words(21, 95), None),
        (make_words(8, 95), None),
        (make_words(7, 95), Explanation.SHORT_PASSAGE),
        (["it", "is", "so", "as", "we", "do", "on", "it"], Explanation.SHORT_PASSAGE),
    ],
    ids=["21 words", "8 words", "7 words", "few characters"],
)
def test_a_whole_answer_is_an_alarm_from_eight_words_on(matcher_over: Build, answer: list[str], because: Explanation | None) -> None:
    (match,) = scan(matcher_over(make_answer("a", text(answer))), text(answer))
    assert match.because is because
    assert match.aligned_words == len(answer)


def test_a_short_answer_that_two_providers_give_is_generic(matcher_over: Build) -> None:
    answer = text(make_words(14, 95))
    (match,) = scan(matcher_over(make_answer("a", answer), make_answer("c", answer, model="m1")), answer)
    assert match.because is None
    (match,) = scan(matcher_over(make_answer("a", answer), make_answer("b", f"{answer} {text(noise(1))}", model="m2")), answer)
    assert match.because is Explanation.SHORT_PASSAGE


def test_a_short_answer_in_the_words_of_its_prompt_is_no_alarm(matcher_over: Build) -> None:
    answer = text(make_words(14, 95))
    (match,) = scan(matcher_over(make_answer("a", answer, prompt=f"Say: {answer}")), answer)
    assert match.because is Explanation.SHORT_PASSAGE


@pytest.mark.parametrize("added", [[], ["Thanks."]], ids=["exact", "with a word more"])
def test_an_echo_of_the_prompt_is_the_users_own_text(matcher_over: Build, added: list[str]) -> None:
    output = make_words(100, 96)
    (match,) = scan(matcher_over(make_answer("a", text(output), prompt=f"Improve this text: {text(output)}")), text(output, added))
    assert match.because is Explanation.PROMPT


@pytest.mark.parametrize("added", [[], ["Thanks."]], ids=["exact", "with a word more"])
@pytest.mark.parametrize("change", ["words", "order"])
def test_an_answer_that_changes_its_prompt_is_an_alarm_exact_or_nearly(matcher_over: Build, change: str, added: list[str]) -> None:
    asked = make_words(100, 96)
    output = [f"better{i}" if i % 25 == 12 else w for i, w in enumerate(asked)] if change == "words" else [*asked[50:], *asked[:50]]
    matcher = matcher_over(make_answer("a", text(output), prompt=f"Improve this text: {text(asked)}"))
    assert alarms(scan(matcher, text(output, added))) == {"a"}
    assert {m.because for m in scan(matcher, text(asked, added))} == {Explanation.PROMPT}


def plain_holder(chosen: Sequence[Candidate], c: Candidate) -> int | None:
    """Compare with every one, in order."""
    return next((n for n, best in enumerate(chosen) if 2 * (min(c.end, best.end) - max(c.start, best.start)) >= c.words), None)


SPANS = st.tuples(st.integers(0, 3000), st.one_of(st.integers(1, 40), st.integers(1, 2000)))


@given(st.lists(SPANS, max_size=40))
def test_who_holds_most_of_a_passage_is_found_as_by_comparing_with_all(spans: list[tuple[int, int]]) -> None:
    places, chosen = Places(), list[Candidate]()
    for start, words in spans:
        c = Candidate(segment=0, ref=0, start=start, end=start + words, ref_start=0, ref_end=words, score=1, equal=words)
        holder = places.find_holder(c)
        assert holder == plain_holder(chosen, c)
        if holder is None:
            places.add(c)
            chosen.append(c)
