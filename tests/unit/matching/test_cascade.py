"""What the matcher reports on small texts, against texts that were put there or counted by brute force."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from provenance.errors import ReferenceIndexError
from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.params import MatchParams
from provenance.model.match import Explanation, Match, MatchMethod
from provenance.model.reference import ReferenceKind
from provenance.ports import Matcher
from tests.fakes.matching import make_answer, make_batch, make_reference, make_words

Build = Callable[..., CascadeMatcher]
PASSAGE = " ".join(make_words(60, 1))
NOISE = " ".join(make_words(300, 2))
BOOK = " ".join([*make_words(400, 3), PASSAGE, *make_words(400, 4)])


def found(matcher: CascadeMatcher, *texts: str) -> list[Match]:
    return matcher.match_batch(make_batch(texts), path="corpus.jsonl", shard="sha256:" + "0" * 64, scan="s1")


def test_a_matcher_is_a_matcher(matcher_over: Build) -> None:
    matcher: Matcher = matcher_over(make_reference("b", BOOK))
    assert matcher.match_batch(make_batch([NOISE]), path="p") == []
    assert matcher.words_seen == 300


def test_a_planted_passage_is_found_with_its_exact_spans(matcher_over: Build) -> None:
    text = f"{NOISE}\n\n{PASSAGE}\n\n{NOISE}"
    (match,) = found(matcher_over(make_reference("book", BOOK)), text)
    assert text[match.start : match.end] == PASSAGE
    assert BOOK[match.reference_start : match.reference_end] == PASSAGE
    assert (match.words, match.aligned_words, match.longest_run, match.score) == (60, 60, 60, 60.0)
    assert (match.exact_jaccard, match.exact_containment) == (1.0, 1.0)
    assert not match.explained
    assert match.because is None
    assert match.method is MatchMethod.PASSAGE
    assert (match.path, match.record, match.line, match.doc_id, match.field) == ("corpus.jsonl", 0, 1, "corpus.jsonl#0", "text")
    assert (match.reference_set, match.reference, match.kind) == ("work", "book", ReferenceKind.WORK)


def test_document_jaccard_is_that_of_the_whole_texts(matcher_over: Build) -> None:
    text = f"{NOISE} {PASSAGE}"
    (match,) = found(matcher_over(make_reference("book", BOOK)), text)
    grams = [{tuple(w[i : i + 5]) for i in range(len(w) - 4)} for w in (text.split(), BOOK.split())]
    assert match.document_jaccard == pytest.approx(len(grams[0] & grams[1]) / len(grams[0] | grams[1]))


def test_offsets_are_code_points_on_both_sides(matcher_over: Build) -> None:
    text, book = f"naïve 日本 😀 {NOISE}. {PASSAGE}", f"Ünïcödé 😀😀 {PASSAGE} é"
    (match,) = found(matcher_over(make_reference("book", book)), text)
    assert text[match.start : match.end] == PASSAGE
    assert book[match.reference_start : match.reference_end] == PASSAGE


@pytest.mark.parametrize(
    "edit",
    [
        str.upper,
        str.title,
        lambda t: t.replace(" ", "\n\n"),
        lambda t: t.replace(" ", ", "),
        lambda t: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in t),
        lambda t: t.replace("w", "w\u200b"),
        lambda t: t.replace(" ", "** _", 9),
    ],
    ids=["upper", "title", "reflowed", "punctuation", "full-width", "zero-width", "markdown"],
)
def test_edits_of_form_change_nothing(matcher_over: Build, edit: Callable[[str], str]) -> None:
    (match,) = found(matcher_over(make_reference("book", BOOK)), f"{NOISE} {edit(PASSAGE)} {NOISE}")
    assert (match.aligned_words, match.exact_jaccard) == (60, 1.0)


def test_replaced_words_are_bridged_in_one_match(matcher_over: Build) -> None:
    words = PASSAGE.split()
    edited = [f"other{i}" if i % 7 == 6 else w for i, w in enumerate(words)]
    (match,) = found(matcher_over(make_reference("book", BOOK)), " ".join([NOISE, *edited, NOISE]))
    replaced = sum(i % 7 == 6 for i in range(60))
    assert match.words in (59, 60)  # a replaced word at the end is outside
    assert match.aligned_words == 60 - replaced
    assert match.longest_run == 6
    assert not match.explained


def test_inserted_and_dropped_words_are_bridged_in_one_match(matcher_over: Build) -> None:
    words = PASSAGE.split()
    edited = [*words[:15], "one", "two", *words[15:30], *words[32:45], "three", *words[45:]]
    (match,) = found(matcher_over(make_reference("book", BOOK)), " ".join([NOISE, *edited, NOISE]))
    assert (match.words, match.aligned_words, match.score) == (61, 58, 58 - 2 * 5)


def test_reordered_sentences_are_one_match(matcher_over: Build) -> None:
    words = PASSAGE.split()
    moved = [*words[40:], *words[:20], *words[20:40]]
    (match,) = found(matcher_over(make_reference("book", BOOK)), " ".join([NOISE, *moved, NOISE]))
    assert (match.words, match.aligned_words) == (60, 60)
    assert BOOK[match.reference_start : match.reference_end] == PASSAGE


def test_numbers_of_list_items_do_not_hide_a_list(matcher_over: Build) -> None:
    items = [" ".join(make_words(4, 50 + i)) for i in range(8)]
    listed = "\n".join(f"{i + 1}. {item}" for i, item in enumerate(items))
    (match,) = found(matcher_over(make_answer("a", listed)), NOISE + "\n" + "\n".join(items))
    assert match.aligned_words == 32
    assert not match.explained


def test_old_spelling_counts_as_the_same_word(matcher_over: Build) -> None:
    modern = (
        "and have ever loved the heaven above us with one only mind of all the things that are and will never give up what even joy gave us to keep"
    )
    folio = "and haue euer loued the heauen aboue vs with one onely minde of all the things that are and will neuer giue vp what euen ioy gaue vs to keepe"
    book = " ".join([*make_words(50, 8), modern, *make_words(50, 9)])
    (match,) = found(matcher_over(make_reference("play", book), params=MatchParams(min_words=20)), folio)
    assert match.aligned_words == len(folio.split())
    assert match.longest_run == 8
    assert match.exact_containment < 0.5


def test_a_short_run_is_reported_and_explained(matcher_over: Build) -> None:
    quoted = " ".join(PASSAGE.split()[:20])
    (match,) = found(matcher_over(make_reference("book", BOOK)), f"{NOISE} {quoted} {NOISE}")
    assert match.explained
    assert match.because is Explanation.SHORT_PASSAGE
    assert match.words == 20


def test_runs_below_the_floor_are_not_reported(matcher_over: Build) -> None:
    assert found(matcher_over(make_reference("book", BOOK)), f"{NOISE} {' '.join(PASSAGE.split()[:7])} {NOISE}") == []


def test_a_repeated_short_line_is_no_long_passage(matcher_over: Build) -> None:
    line = " ".join(make_words(12, 5))
    (match,) = found(matcher_over(make_reference("line", line)), " ".join([line] * 50))
    assert match.because is Explanation.SHORT_PASSAGE


def test_words_put_into_quotation_marks_are_a_quotation(matcher_over: Build) -> None:
    quoted = " ".join(PASSAGE.split()[:40])
    matcher = matcher_over(make_reference("book", BOOK))
    (match,) = found(matcher, f"{NOISE}, who said: “{quoted}.” {NOISE}")
    assert match.because is Explanation.QUOTATION
    (match,) = found(matcher, f"{NOISE} said it.”\n\n{quoted}\n\n“So {NOISE}")
    assert match.because is None


def test_dialogue_that_is_quoted_in_the_reference_too_is_an_alarm(matcher_over: Build) -> None:
    speech = f"“{' '.join(make_words(40, 6))}.”"
    (match,) = found(matcher_over(make_reference("book", f"{NOISE} {speech} {NOISE}x")), f"some words before {speech} and after")
    assert match.because is None


def test_a_whole_equal_text_is_found_by_digest(matcher_over: Build) -> None:
    (match,) = found(matcher_over(make_answer("a1", PASSAGE)), PASSAGE.upper())
    assert match.method is MatchMethod.DIGEST
    assert match.document_jaccard == 1.0
    assert not match.explained


def test_a_short_whole_answer_is_reported_as_explained(matcher_over: Build) -> None:
    matcher = matcher_over(make_answer("a1", "It is Paris, I think."))
    (match,) = found(matcher, "It is Paris, I think.")
    assert (match.method, match.because) == (MatchMethod.DIGEST, Explanation.SHORT_PASSAGE)
    assert found(matcher, "Yes.") == []


def test_what_the_prompt_says_is_no_evidence(matcher_over: Build) -> None:
    prompt = " ".join(make_words(50, 11))
    answer = f"{prompt} {' '.join(make_words(50, 12))}"
    (match,) = found(matcher_over(make_answer("a1", answer, prompt=f"Continue: {prompt}")), f"{prompt} {' '.join(make_words(50, 13))}")
    assert match.because is Explanation.PROMPT
    (match,) = found(matcher_over(make_answer("a1", answer, prompt=f"Continue: {prompt}")), answer + " and so on")
    assert match.because is None


def test_what_other_models_say_too_is_no_evidence(matcher_over: Build) -> None:
    common = " ".join(make_words(40, 14))
    answers = [make_answer(f"a{i}", f"{common} {' '.join(make_words(60, 20 + i))}", model=f"m{i}") for i in range(3)]
    matcher = matcher_over(*answers)
    (match,) = found(matcher, f"{common} {' '.join(make_words(60, 30))}")
    assert match.because is Explanation.COMMON_TO_MODELS
    assert len(match.also) == 2
    (match,) = found(matcher, f"Sure! {answers[1].text}")
    assert (match.because, match.reference) == (None, "a1")


def test_background_explains_and_never_alarms(matcher_over: Build) -> None:
    common = " ".join(make_words(40, 14))
    background = make_reference("bg", f"{common} {' '.join(make_words(40, 15))}", kind=ReferenceKind.BACKGROUND)
    matcher = matcher_over(make_answer("a1", f"{common} {' '.join(make_words(60, 16))}"), background)
    (match,) = found(matcher, f"{common} {NOISE}")
    assert (match.reference, match.because) == ("a1", Explanation.COMMON_TO_MODELS)
    assert found(matcher, f"{NOISE} {' '.join(make_words(40, 15))}") == []


def test_the_same_answer_of_two_models_does_not_explain_itself_away(matcher_over: Build) -> None:
    matcher = matcher_over(make_answer("a1", PASSAGE, model="m1"), make_answer("a2", PASSAGE + " indeed", model="m2"))
    (match,) = found(matcher, f"Here it is. {PASSAGE}")
    assert not match.explained
    assert {match.reference, *(a.reference for a in match.also)} == {"a1", "a2"}


def test_matter_outside_the_work_is_boilerplate(matcher_over: Build) -> None:
    notice = " ".join(make_words(80, 17))
    book = f"{notice}\n*** START OF THIS PROJECT GUTENBERG EBOOK X ***\n{BOOK}\n*** END OF THIS PROJECT GUTENBERG EBOOK X ***\n{notice}x"
    matcher = matcher_over(make_reference("book", book))
    (match,) = found(matcher, f"{NOISE} {notice} {NOISE}")
    assert match.because is Explanation.BOILERPLATE
    (match,) = found(matcher, f"{NOISE} {PASSAGE} {NOISE}")
    assert match.because is None


def test_licence_notices_are_licence_text(matcher_over: Build) -> None:
    notice = (
        "Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the "
        '"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish'
    )
    (match,) = found(matcher_over(make_answer("code", f"# {notice}\n{NOISE}")), f"{notice} {PASSAGE}")
    assert match.because is Explanation.LICENSE_TEXT


def test_licence_references_never_alarm(matcher_over: Build) -> None:
    (match,) = found(matcher_over(make_reference("l", PASSAGE, kind=ReferenceKind.LICENSE_TEXT)), f"{PASSAGE} {NOISE}")
    assert match.because is Explanation.LICENSE_TEXT


def test_two_sources_in_one_text_are_two_matches_in_order(matcher_over: Build) -> None:
    other = " ".join(make_words(50, 18))
    matcher = matcher_over(make_reference("b1", BOOK), make_reference("b2", f"{other} {NOISE}y"))
    matches = found(matcher, f"{other} some {' '.join(make_words(100, 19))} {PASSAGE}")
    assert [(m.reference, m.explained) for m in matches] == [("b2", False), ("b1", False)]


def test_the_words_behind_a_match_can_be_shown(matcher_over: Build) -> None:
    matcher = matcher_over(make_reference("book", BOOK))
    text = f"{NOISE} {PASSAGE} {NOISE}"
    (match,) = found(matcher, text)
    shown = matcher.match_text(match, text, context=10)
    assert (shown.text, shown.reference_text) == (PASSAGE, PASSAGE)
    assert (shown.before, shown.after) == (text[match.start - 10 : match.start], text[match.end : match.end + 10])
    assert [(s.start, s.end) for s in shown.shared] == [(0, len(PASSAGE))]
    assert shown.document_length == len(text)
    assert matcher.reference("work", "book").id == "book"


def test_a_reference_that_is_not_there_is_named(matcher_over: Build) -> None:
    with pytest.raises(ReferenceIndexError, match="no reference 'nobody'"):
        matcher_over(make_reference("book", BOOK)).reference("work", "nobody")


def test_order_of_rows_and_batches_does_not_matter(matcher_over: Build) -> None:
    matcher = matcher_over(make_reference("book", BOOK))
    texts = [NOISE, f"{PASSAGE} {NOISE}", "", "one", f"x {PASSAGE}"]
    together = found(matcher, *texts)
    apart = [m for t in texts for m in found(matcher, t)]
    assert [(m.start, m.end, m.score) for m in together] == [(m.start, m.end, m.score) for m in apart]
    assert [m.record for m in together] == [1, 4]


def test_many_segments_find_what_one_finds(store: ReferenceStore) -> None:
    references = [make_reference(f"r{i}", " ".join(make_words(200, 100 + i))) for i in range(12)]
    for reference in references:
        store.add("many", [reference], kind=ReferenceKind.WORK)
    store.add("one", references, kind=ReferenceKind.WORK)
    text = " ".join(" ".join(r.text.split()[50:90]) + " " + NOISE for r in references)
    many, one = (open_matcher(store, [name]) for name in ("many", "one"))
    assert len(store.open(["many"]).segments) == 12
    key = [(m.reference, m.start, m.end, m.score, m.because) for m in found(one, text)]
    assert [(m.reference, m.start, m.end, m.score, m.because) for m in found(many, text)] == key
    assert len(key) == 12


def test_sampled_seeds_find_long_passages(matcher_over: Build) -> None:
    long = " ".join(make_words(200, 7))
    text = f"{NOISE} {long} {NOISE}"
    (match,) = found(matcher_over(make_reference("book", f"{BOOK} {long} {BOOK}"), one_in=16), text)
    assert text[match.start : match.end] == long


def test_scheme_and_digests_name_what_was_used(matcher_over: Build, store: ReferenceStore) -> None:
    matcher = matcher_over(make_reference("book", BOOK))
    assert "window5/1in1" in matcher.scheme
    assert matcher.index_digests == (store.show("work").digest,)
    assert open_matcher(store, ["work"], MatchParams(min_words=30)).scheme != matcher.scheme
