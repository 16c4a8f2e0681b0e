"""The interval on a match holds the rate behind it 95 times in a hundred, on real text whose words are edited at a known rate.

The truth is counted apart from the matcher: the whole book is edited again and again at that rate, and its word 5-grams are looked up in Python sets. A
window shares words with its neighbours, so an interval that takes windows for independent holds the truth in 40 to 80 of a hundred cases.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.packfile import add_pack, write_pack
from provenance.model.match import Match
from provenance.model.reference import ReferenceKind
from tests.conftest import ROOT
from tests.fakes.matching import make_batch, make_reference, make_words

NOVEL = ROOT / "examples" / "sample" / "references" / "the-man-who-was-thursday.txt"
PASSAGES = 300
Gram = tuple[str, ...]


def read_plain(path: Path) -> list[str]:
    """The words of a book with nothing between them that a tokeniser could see otherwise."""
    return re.findall(r"[a-z]{1,20}", path.read_text(encoding="utf-8").lower())


def grams(words: Sequence[str]) -> list[Gram]:
    return [tuple(words[i : i + 5]) for i in range(len(words) - 4)]


def edit(words: Sequence[str], rate: float, pool: Sequence[str], chance: random.Random) -> list[str]:
    return [chance.choice(pool) if chance.random() < rate else word for word in words]


def surviving_rate(book: Sequence[str], rate: float, chance: random.Random) -> float:
    """The share of a book's windows that stand in it still after an edit, over 100,000 windows and more."""
    known = set(grams(book))
    every: list[Gram] = []
    while len(every) < 100_000:
        every += grams(edit(book, rate, book, chance))
    return sum(gram in known for gram in every) / len(every)


def alarms_on_passages(matcher: CascadeMatcher, book: Sequence[str], *, rate: float, words: int) -> tuple[list[Match], list[str]]:
    chance = random.Random(f"{rate}/{words}")
    texts = []
    for number in range(PASSAGES):
        at = chance.randrange(len(book) - words)
        passage = edit(book[at : at + words], rate, book, chance)
        texts.append(" ".join(make_words(30, number) + passage + make_words(30, number + PASSAGES)))
    return [m for m in matcher.match_batch(make_batch(texts), path="p") if not m.explained], texts


def least_coverage(trials: int) -> float:
    """What 95 % coverage may come to by chance: three standard errors less."""
    return 0.95 - 3 * math.sqrt(0.95 * 0.05 / trials)


@pytest.fixture
def over_texts(store: ReferenceStore) -> Callable[[Sequence[str]], CascadeMatcher]:
    def build(book: Sequence[str]) -> CascadeMatcher:
        store.add("texts", [make_reference("book", " ".join(book))], kind=ReferenceKind.WORK)
        return open_matcher(store, ["texts"])

    return build


@pytest.mark.parametrize(("rate", "words"), [(0.005, 100), (0.01, 100), (0.05, 50), (0.05, 300), (0.1, 50), (0.1, 300), (0.2, 100)])
def test_intervals_hold_the_rate_at_which_windows_survive(over_texts: Callable[[Sequence[str]], CascadeMatcher], rate: float, words: int) -> None:
    book = read_plain(NOVEL)
    truth = surviving_rate(book, rate, random.Random(1))
    found, _ = alarms_on_passages(over_texts(book), book, rate=rate, words=words)
    assert len(found) >= 0.97 * PASSAGES  # what is found must be no choice of what looks well
    held = sum(m.ci_low <= truth <= m.ci_high for m in found)
    assert held >= least_coverage(len(found)) * len(found)


@pytest.mark.parametrize(("one_in", "rate", "words"), [(2, 0.05, 100), (2, 0.1, 300), (4, 0.02, 100), (4, 0.05, 300), (4, 0.1, 100), (8, 0.02, 300)])
def test_intervals_of_packs_hold_the_rate_and_the_containment_that_a_sample_cannot_show(
    over_texts: Callable[[Sequence[str]], CascadeMatcher], store: ReferenceStore, tmp_path: Path, one_in: int, rate: float, words: int
) -> None:
    book = read_plain(NOVEL)
    truth = surviving_rate(book, rate, random.Random(1))
    over_texts(book)
    write_pack(store, "texts", tmp_path / "book.pack", one_in=one_in)
    add_pack(store, "pack", tmp_path / "book.pack")
    found, texts = alarms_on_passages(open_matcher(store, ["pack"]), book, rate=rate, words=words)
    assert len(found) >= 0.97 * PASSAGES
    known = set(grams(book))
    held = sum(m.ci_low <= truth <= m.ci_high for m in found)
    exact = sum(m.ci_low <= containment(texts[m.record][m.start : m.end], known) <= m.ci_high for m in found)
    assert min(held, exact) >= least_coverage(len(found)) * len(found)


def containment(passage: str, known: set[Gram]) -> float:
    own = set(grams(passage.split()))
    return len(own & known) / len(own)


@pytest.mark.full
def test_intervals_hold_on_a_whole_book_by_another_author(over_texts: Callable[[Sequence[str]], CascadeMatcher], shared: Path) -> None:
    book = read_plain(shared / "data" / "dev" / "works" / "pp_pg.txt")
    matcher, held, trials = over_texts(book), 0, 0
    for rate in (0.01, 0.02, 0.05, 0.1, 0.15, 0.2):
        truth = surviving_rate(book, rate, random.Random(1))
        for words in (50, 100, 300, 1000):
            found, _ = alarms_on_passages(matcher, book, rate=rate, words=words)
            trials += len(found)
            held += sum(m.ci_low <= truth <= m.ci_high for m in found)
    assert held >= least_coverage(trials) * trials
