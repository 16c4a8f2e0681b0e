"""Seeds by position: which runs they find, and which rows are looked at closely because of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from provenance.matching import words as words_module
from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.params import MatchParams
from provenance.matching.passages import find_passages
from provenance.matching.seeds import LOOKED_AT, left_out
from provenance.matching.segment import TextSegment
from provenance.matching.words import WordReader, read_words
from provenance.model.reference import ReferenceKind
from tests.fakes.matching import PlainReference, make_batch, make_reference, make_words

Build = Callable[..., CascadeMatcher]


def segment_of(matcher: CascadeMatcher) -> TextSegment:
    (segment,) = matcher._segments
    assert isinstance(segment, TextSegment)
    return segment


def shared_runs(query: list[int], reference: list[int], least: int) -> set[tuple[int, int, int]]:
    """Return all maximal equal runs by comparing every pair of places."""
    found = set()
    for q in range(len(query)):
        for r in range(len(reference)):
            if q and r and query[q - 1] == reference[r - 1]:
                continue
            n = 0
            while q + n < len(query) and r + n < len(reference) and query[q + n] == reference[r + n]:
                n += 1
            if n >= least:
                found.add((q, r, n))
    return found


@pytest.mark.parametrize("every", [1, 2, 4])
def test_each_run_that_must_hold_a_seed_is_found(matcher_over: Build, every: int) -> None:
    chance = random.Random(every)
    reference = [f"w{chance.randrange(60)}" for _ in range(400)]
    rows = []
    for _ in range(40):
        row = [f"v{chance.randrange(1000)}" for _ in range(60)]
        for _ in range(3):
            at, start, length = chance.randrange(50), chance.randrange(380), chance.randrange(3, 20)
            row[at : at + length] = reference[start : start + length]
        rows.append(row)
    matcher = matcher_over(make_reference("r", " ".join(reference)), one_in=every)
    words = read_words(*_buffers(rows))
    found = find_passages(words, matcher._groups[0].probe(words), segment_of(matcher), matcher._params)
    own = segment_of(matcher).words.tolist()
    for number in range(len(rows)):
        low, high = words.offsets[number], words.offsets[number + 1]
        everything = shared_runs(words.words[low:high].tolist(), own, 5)
        ours = {(q - low, r, n) for row, _, q, r, n in found.runs.tolist() if row == number}
        assert ours <= everything
        assert {run for run in everything if run[2] >= 5 + every - 1} <= ours


def _buffers(rows: list[list[str]]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    batch = make_batch([" ".join(row) for row in rows])
    return batch.data, batch.offsets


@pytest.mark.parametrize("every", [1, 2, 4])
def test_rows_that_are_passed_over_would_have_given_nothing(matcher_over: Build, monkeypatch: pytest.MonkeyPatch, every: int) -> None:
    chance = random.Random(100 + every)
    common = [f"c{i}" for i in range(40)]
    works = [[chance.choice(common) if chance.random() < 0.5 else word for word in make_words(600, seed, vocabulary=80)] for seed in range(5)]
    rows = []
    for number in range(300):
        row = [chance.choice(common) if chance.random() < 0.6 else word for word in make_words(chance.randrange(4, 120), number + 50)]
        if number % 3 == 0:
            start, length = chance.randrange(500), chance.randrange(4, 60)
            row[: length // 2] = chance.choice(works)[start : start + length]
        rows.append(" ".join(w if chance.random() > 0.1 else "other" for w in row))
    matcher = matcher_over(*(make_reference(f"r{i}", " ".join(work)) for i, work in enumerate(works)), one_in=every)
    batch = make_batch([*rows, " ".join(works[0][:5])])
    words = read_words(batch.data, batch.offsets)
    live = matcher._live_rows(words, [group.probe(words) for group in matcher._groups])
    closely = matcher.match_batch(batch, path="p")
    monkeypatch.setattr(CascadeMatcher, "_live_rows", lambda _, words, passing: np.ones(len(words.offsets) - 1, dtype=np.bool_))
    assert matcher.match_batch(batch, path="p") == closely
    assert 20 < len({m.record for m in closely}) <= np.count_nonzero(live) < len(rows)


def test_words_read_into_memory_that_is_used_again_are_those_read_afresh() -> None:
    reader = WordReader()
    for texts in (["1. one\n2) two 3 exam-\nple a&amp;b", "", "Ünïcode ﬁne ½ 漢字"], ["x"], ["12. twelve " * 400, "don&#39;t"], []):
        batch = make_batch(texts)
        again, words = reader.read(batch.data, batch.offsets), read_words(batch.data, batch.offsets)
        for name in ("words", "offsets", "start", "end", "ordinal"):
            assert (getattr(again, name) == getattr(words, name)).all()
        skimmed = reader.skim(batch.data, batch.offsets)
        for name in ("words", "offsets", "sums"):
            assert (getattr(skimmed, name) == getattr(words, name)).all()


def _places(text: str, store: ReferenceStore, name: str) -> tuple[TextSegment, list[tuple[int, int]]]:
    store.add(
        name, [PlainReference(make_reference("first", "one two three").record, "one two three"), make_reference("r", text)], kind=ReferenceKind.WORK
    )
    (segment,) = store.open([name]).segments
    assert isinstance(segment, TextSegment)
    starts, ends, _ = segment.read_places(1)
    return segment, list(zip(starts.tolist(), ends.tolist(), strict=True))


@pytest.mark.parametrize(
    "make",
    [
        lambda i: f"word{i} ",
        lambda i: f"{i % 40}. wörd{i}\n",
        lambda i: f"漢字{i} exam-\nple &amp; don&#39;t ",
        lambda i: f"𝔘{i}" + " " * (i % 50),
        lambda i: f"\n{i % 7}) \n  {i % 9}.\n" if i % 2 else f"x{i}",
    ],
)
def test_places_found_nearby_are_those_of_the_whole_text(tmp_path: Path, make: Callable[[int], str]) -> None:
    segment, places = _places("".join(make(i) for i in range(3000)), ReferenceStore(tmp_path), "set")
    base, n = int(segment.ref_offsets[1]), len(places)
    segment._asked.clear()
    for first in (0, 1, 127, 128, 129, 255, 256, 700, n - 130, n - 1):
        for length in (1, 5, 128, 300):
            last = min(first + length, n)
            near = segment._span_nearby(1, first, last, n)
            assert near in (None, (places[first][0], places[last - 1][1]))
            assert segment.word_span(1, base + first, base + last) == (places[first][0], places[last - 1][1])


SPELLINGS = [
    ("have", "haue"),
    ("mind", "minde"),
    ("love", "loue"),
    ("give", "giue"),
    ("never", "neuer"),
    ("self", "selfe"),
    ("evil", "euil"),
]
TYPESET: list[Callable[[str], str]] = [
    lambda word: word[:2] + "-\n" + word[2:],
    lambda word: word[:2] + "\u00ad" + word[2:],
    lambda word: f"{word[:1]}&#{ord(word[1])};{word[2:]}",
    lambda word: "".join(chr(ord(letter) + 0xFEE0) for letter in word),
]


@pytest.mark.parametrize("typeset", TYPESET)
def test_how_one_reference_writes_a_word_says_nothing_of_another(tmp_path: Path, typeset: Callable[[str], str]) -> None:
    chance, modern, old = random.Random(3), [], []
    for i in range(40):
        shared = [f"p{i}x{k}" for k in range(3 + 5 * (i % 5 == 0))]
        pairs = [chance.choice(SPELLINGS) for _ in range(3)]
        modern += [*shared, *(pair[0] for pair in pairs)]
        old += [*shared, *(pair[1] for pair in pairs)]
    other = make_reference("other", " ".join(typeset(pair[0]) for pair in SPELLINGS * 40))
    scores = []
    for name, references in (("alone", []), ("beside", [other])):
        store = ReferenceStore(tmp_path / name)
        store.add("set", [*references, make_reference("work", " ".join(modern))], kind=ReferenceKind.WORK)
        (match,) = open_matcher(store, ["set"]).match_batch(make_batch([" ".join(old)]), path="p")
        assert (match.aligned_words, match.because) == (match.words, None)
        scores.append((match.start, match.end, match.score))
    assert scores[0] == scores[1]


def test_one_matcher_serves_several_threads(matcher_over: Build) -> None:
    work = make_words(3000, 1)
    matcher = matcher_over(make_reference("work", " ".join(work)))
    batches = []
    for i in range(40):
        rows = [" ".join(make_words(400, 1000 + 50 * i + j)) for j in range(30)]
        rows[i % 30] += " " + " ".join(work[20 * i : 20 * i + 60])
        batches.append(make_batch(rows))
    with ThreadPoolExecutor(2) as threads:
        for _ in range(4):
            assert [len(found) for found in threads.map(lambda batch: matcher.match_batch(batch, path="p"), batches)] == [1] * len(batches)


def test_memory_for_a_long_row_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words_module, "_KEPT_WORDS", 1000)
    reader, batch, long = WordReader(), make_batch(["a b c"]), make_batch(["word " * 1001])
    first, second = (reader.read(batch.data, batch.offsets) for _ in range(2))
    assert np.shares_memory(first.start, second.start)
    assert len(reader.read(long.data, long.offsets).words) == 1001
    assert len(reader.skim(long.data, long.offsets).words) == 1001
    assert [len(array) for array in (*reader._read, *reader._skimmed)] == [0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
    assert len(reader.read(batch.data, batch.offsets).words) == 3


def test_seeds_farther_apart_than_is_remembered_lose_no_run_to_a_cap(matcher_over: Build) -> None:
    again = make_words(5, 7)
    work = [*again, *make_words(300, 8), *again, *make_words(300, 9)]
    matcher = matcher_over(make_reference("work", " ".join(work)), one_in=256, params=MatchParams(hits_per_seed=1))
    found = matcher.match_batch(make_batch([" ".join(work)]), path="p")
    assert [(m.longest_run, m.because) for m in found] == [(len(work), None)]


@pytest.mark.parametrize(("others", "stands", "told"), [(70, True, 71), (70, False, 0), (5_000, False, 5_000)])
def test_a_window_behind_many_others_of_its_bucket_is_told_to_be_left_out(others: int, stands: bool, told: int) -> None:
    """Where the window is not there it passed the filter by chance; where a bucket is too long to tell, it is told."""
    words = np.arange(1000, 1005, dtype=np.uint32)
    reference = np.concatenate([np.arange(10_000, 10_000 + others + 5, dtype=np.uint32), words])
    positions = np.array([*range(others), *([others + 5] if stands else [])], dtype=np.uint32)
    assert left_out(words, np.int64(0), np.int64(5), reference, positions, np.int64(0), np.int64(len(positions)), np.int64(LOOKED_AT)) == told
