"""Laws of matching: spans hold the matched words, whatever the text around them is made of."""

from __future__ import annotations

import tempfile
import unicodedata
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provenance.fingerprint.tokens import normalize_word
from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.words import read_words
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import make_batch, make_reference, make_words

PASSAGE = make_words(40, 1)
MARKS = st.text(st.sampled_from(" \n\t.,;:!?…—–-*_#()[]«»“”„\u00a0\u2003\u3000、。"), max_size=3)
NOISE = st.text(st.characters(blacklist_categories=["Cs"]), max_size=80)
SETTINGS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def open_once() -> CascadeMatcher:
    folder = Path(tempfile.mkdtemp())
    store = ReferenceStore(folder)
    store.add("s", [make_reference("r", " ".join([*make_words(50, 2), *PASSAGE, *make_words(50, 3)]))], kind=ReferenceKind.WORK)
    return open_matcher(store, ["s"])


MATCHER: list[CascadeMatcher] = []


def matcher() -> CascadeMatcher:
    if not MATCHER:
        MATCHER.append(open_once())
    return MATCHER[0]


def words_of(text: str) -> list[int]:
    batch = make_batch([text])
    return [int(w) for w in read_words(batch.data, batch.offsets).words]


@given(before=NOISE, after=NOISE, gaps=st.lists(MARKS, min_size=39, max_size=39))
@SETTINGS
def test_the_span_cut_from_the_original_holds_the_matched_words(before: str, after: str, gaps: list[str]) -> None:
    text = before + "\n;" + "".join(w + " " + g for w, g in zip(PASSAGE, [*gaps, ""], strict=True)) + "; " + after
    matches = matcher().match_batch(make_batch([text]), path="p")
    assert len(matches) == 1
    match = matches[0]
    held = words_of(text[match.start : match.end])
    assert match.words == match.aligned_words == len(held) == 40
    assert held == words_of(" ".join(PASSAGE))
    assert text[match.start :].startswith(PASSAGE[0])
    assert text[: match.end].endswith(PASSAGE[-1])


@given(texts=st.lists(st.text(st.characters(blacklist_categories=["Cs"]), max_size=200), max_size=5))
@SETTINGS
def test_any_text_at_all_gives_ordered_spans_within_it(texts: list[str]) -> None:
    rows = [t + " " + " ".join(PASSAGE[i : i + 20]) for i, t in enumerate(texts)] + texts
    matches = matcher().match_batch(make_batch(rows), path="p")
    assert [(m.record, m.start) for m in matches] == sorted((m.record, m.start) for m in matches)
    for match in matches:
        assert 0 <= match.start < match.end <= len(rows[match.record])
        assert match.aligned_words <= match.words
        assert match.longest_run <= match.words
        assert 0.0 <= match.ci_low <= match.exact_containment <= match.ci_high <= 1.0


@given(st.text(st.characters(blacklist_categories=["Cs"]), max_size=60))
@SETTINGS
def test_a_text_matches_itself_wholly_or_has_too_few_words(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    store = ReferenceStore(Path(tempfile.mkdtemp()))
    store.add("s", [make_reference("r", text)], kind=ReferenceKind.WORK)
    matches = open_matcher(store, ["s"]).match_batch(make_batch([text]), path="p")
    if len(words_of(text)) >= 4:
        assert [m.aligned_words for m in matches] == [len(words_of(text))]
        assert matches[0].document_jaccard == 1.0
        assert normalize_word(text[matches[0].start :])
    else:
        assert matches == []
