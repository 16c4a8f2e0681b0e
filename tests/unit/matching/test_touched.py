"""What a segment finds in a row depends on the two alone: ``matching.touched`` rests on it, and so does every scan that rests on an earlier one."""

from __future__ import annotations

from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest

from provenance.matching import passages
from provenance.matching.cascade import CascadeMatcher, open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.packfile import add_pack, write_pack
from provenance.matching.rows import take_rows
from provenance.model.match import Match
from provenance.model.reference import ReferenceKind
from provenance.ports import TextBatch
from tests.fakes.hostile import KINDS, RATES, make_corpus
from tests.fakes.matching import PlainReference, make_batch, make_reference, make_words

Found = dict[tuple[int, str], list[tuple[int, ...]]]


def open_sets(folder: Path, seed: int) -> tuple[CascadeMatcher, list[str]]:
    """Return a matcher over sets of every rate and a pack, and training texts."""
    corpus, store, held = make_corpus(seed), ReferenceStore(folder / "references"), list[PlainReference]()
    for number, rate in enumerate(RATES):
        kind = corpus.chance.choice(KINDS)
        own = [corpus.reference(f"{number}-{i}", kind) for i in range(corpus.chance.randrange(1, 6))]
        store.add(f"s{number}", own, kind=kind, one_in=rate)
        held += own
    aside = ReferenceStore(folder / "aside")
    aside.add("p", [corpus.reference(f"p-{i}", ReferenceKind.WORK) for i in range(3)], kind=ReferenceKind.WORK)
    write_pack(aside, "p", folder / "p.pack", one_in=2)
    add_pack(store, "p", folder / "p.pack", kind=ReferenceKind.WORK)
    return open_matcher(store, [s.name for s in store.sets()]), [corpus.text(held) for _ in range(30)]


def candidates_of(matcher: CascadeMatcher, batch: TextBatch) -> tuple[Found, dict[str, int]]:
    """Return the candidates by record and set, where they stand counted from the row's first word, and what caps left out by set."""
    shared = matcher._share(batch)
    names = [s.set_name for s in matcher._segments]
    found: Found = {}
    for row, some in shared.candidates.items():
        first = int(shared.words.offsets[row])
        for c in some:
            own = replace(c, segment=0, start=c.start - first, end=c.end - first, run=None)
            found.setdefault((int(shared.batch.record[row]), names[c.segment]), []).append(astuple(own))
    return {key: sorted(some) for key, some in found.items()}, dict(zip(names, (f.dropped for f in shared.found), strict=True))


def one_row(batch: TextBatch, row: int) -> TextBatch:
    mask = np.arange(len(batch)) == row
    return take_rows(batch, mask)


@pytest.mark.parametrize("seed", range(20))
def test_what_a_segment_finds_in_a_row_depends_on_the_two_alone(tmp_path: Path, seed: int, loops: int) -> None:
    for number in range(loops):
        matcher, texts = open_sets(tmp_path / str(number), 1000 * number + seed)
        batch = make_batch(texts)
        together, dropped = candidates_of(matcher, batch)
        apart: Found = {}
        lost = dict.fromkeys(dropped, 0)
        for i in range(len(matcher.segments)):
            for row in range(len(batch)):
                found, left_out = candidates_of(matcher._part((i,)), one_row(batch, row))
                apart |= found
                lost |= {name: lost[name] + n for name, n in left_out.items()}
        assert together == apart
        assert dropped == lost


@pytest.mark.parametrize("seed", range(20))
def test_a_record_has_the_same_matches_whatever_stands_beside_it(tmp_path: Path, seed: int) -> None:
    matcher, texts = open_sets(tmp_path, 50_000 + seed)
    batch = make_batch(texts)
    together, apart = matcher.match_batch(batch, path="p"), list[Match]()
    for row in range(len(batch)):
        apart += matcher.match_batch(one_row(batch, row), path="p")
    assert together == apart


def test_a_row_of_short_runs_alone_is_no_near_duplicate_in_any_company(tmp_path: Path) -> None:
    # All its windows are those of the reference, in runs too short to be looked at closely where nearly nothing else is shared.
    reference = make_reference("r", "ha ha ha ha ha")
    store = ReferenceStore(tmp_path)
    store.add("s", [reference, make_reference("other", " ".join(make_words(400, 1)))], kind=ReferenceKind.WORK)
    matcher = open_matcher(store, ["s"])
    row = "ha " * 40
    company = [row, *(" ".join(make_words(400, i)) for i in range(10, 20))]
    crowd = [row, *([" ".join(make_words(400, 1))] * 20)]
    found = [[m for m in matcher.match_batch(make_batch(texts), path="p") if m.record == 0] for texts in ([row], company, crowd)]
    assert found[0] == found[1] == found[2]


def exhausting(folder: Path, count: int) -> tuple[list[str], CascadeMatcher]:
    """Return words of which every window stands in many references, between other words each time.

    No run reaches an anchor, and together they cost more than a text may.
    """
    words, texts = make_words(count, 1), []
    for k in range(60):
        apart = make_words(count, 100 + k)
        texts.append(" ".join(" ".join([*words[i : i + 5], apart[i]]) for i in range(count - 5)))
    store = ReferenceStore(folder)
    store.add("s", [make_reference(f"r{i}", text) for i, text in enumerate(texts)], kind=ReferenceKind.WORK)
    return words, open_matcher(store, ["s"])


def test_a_row_that_uses_up_its_budget_is_looked_at_closely(tmp_path: Path) -> None:
    words, matcher = exhausting(tmp_path, 400)
    row = " ".join(words)
    alone = candidates_of(matcher, make_batch([row]))[1]
    beside = candidates_of(matcher, make_batch([row, *(" ".join(make_words(4000, i)) for i in range(500, 505))]))[1]
    assert alone == beside
    assert alone["s"] > 0


def test_windows_that_pass_a_filter_by_chance_are_not_counted_as_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Which these are depends on the other segments that the filter is made for; here all windows pass it.
    words, matcher = exhausting(tmp_path, 800)
    batch = make_batch([" ".join([*words, *make_words(100, 9)])])
    dropped = candidates_of(matcher, batch)[1]
    monkeypatch.setattr(passages, "narrow_windows", lambda batch, passing, segment: np.arange(len(batch.words) - 4))
    assert candidates_of(matcher, batch)[1] == dropped
    assert dropped["s"] > 0
