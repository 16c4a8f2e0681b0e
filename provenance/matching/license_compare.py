"""Which licences' texts a text holds, and whether each stands there as it is or with changes.

Changes of names, addresses and single words are let pass. Anything else makes it another licence: words that set conditions, and more words than a name has,
put in or left out. A licence with a condition more must never be taken for the one without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from provenance.matching.license_align import Alignment, Gap, align_license
from provenance.matching.license_changes import HOLDERS, URL_PARTS, Change, is_same, is_title, says_nothing
from provenance.matching.license_texts import LicenseText, LicenseTexts
from provenance.matching.score import shingles

LEAST_COVERAGE, _LEAST_OF_SHORT, _SHORT = 0.5, 0.75, 120
"""Share of a licence's binding words from which on a text counts as that licence, changed; of licences of fewer than so many words more."""
_LEAST_SHARED = 0.25
"""Share of a licence's 5-grams below which it is not aligned."""
_LEAST_WINDOWS = 4
_ALIGNED = 16
"""Licences that are aligned for one place: those that share most."""
MOST_TEXTS = 400
"""Licence texts looked for in one text."""
_BLOCK, _OVERLAP = 40_000, 12_000
"""Words of a text that are searched at once, and words of two such blocks that are the same: no licence has so many."""
_WHOLE = 0.93
"""Share of the needed words that an unchanged text has."""
_LEAST_CHANGES, _CHANGES = 6, 0.08
"""Words that may differ, names apart: so many, or this share of the licence."""
_NAME_BEFORE = 8
"""Words beside a name in a clause on names."""
_AFTER = 3
"""Words behind a licence whose disclaimer is left out from which on they may stand in its place."""
_BETWEEN = 2
"""Equal words between two differences that do not part them."""


@dataclass(frozen=True, slots=True)
class FoundText:
    """A licence's text in a text."""

    text: LicenseText
    start: int
    """First word."""
    end: int
    """Word after the last."""
    alignment: Alignment
    changes: tuple[Change, ...]
    """The differences that count."""
    weight: float
    """What all differences weigh."""
    coverage: float
    score: float

    @property
    def unchanged(self) -> bool:
        """Tell whether it is the licence as it is."""
        return not self.changes

    def moved(self, by: int) -> FoundText:
        """Return it as it lies in a text of which the words read began at word ``by``."""
        places = self.alignment.places + np.array([by, 0], np.int64)
        return replace(self, start=self.start + by, end=self.end + by, alignment=Alignment(places, self.alignment.ref_words))


class Explained:
    """Which words of a text are explained by something else than licence texts, such as a notice between two paragraphs."""

    def __init__(self, words: NDArray[np.bool_], spelled: Sequence[str]) -> None:
        """Take a mark and the spelling of each word."""
        self.words, self.spelled = words, spelled

    def part(self, start: int, end: int) -> Explained:
        """Return what is explained of some words."""
        return Explained(self.words[start:end], self.spelled[start:end])

    def left(self, start: int, end: int) -> list[str]:
        """Return the spelling of the words of a gap that nothing explains; numbers and letters of list items say nothing."""
        return [word for i in range(start, end) if not self.words[i] and not says_nothing(word := self.spelled[i])]


def find_texts(words: NDArray[np.uint32], explained: Explained, texts: LicenseTexts) -> list[FoundText]:
    """Return the licence texts that a text holds, in order; at most ``MOST_TEXTS``.

    Cost: linear in the text: it is read in blocks that overlap by more than the longest licence.
    """
    rest = words.copy()
    found: list[FoundText] = []
    at, end = 0, 0
    while end < len(words) and len(found) < MOST_TEXTS:
        end = min(at + _BLOCK, len(words))
        sure = end - at if end == len(words) else _BLOCK - _OVERLAP
        here = _find_in(rest[at:end].copy(), explained.part(at, end), texts, MOST_TEXTS - len(found))
        whole = [f for f in here if f.end <= sure or f.start < _BLOCK - 2 * _OVERLAP]
        for one in whole:
            rest[at + one.alignment.places[:, 0]] = 0  # no word's hash: no window of a licence has it
        found += [one.moved(at) for one in whole]
        at += min([sure, *(f.start for f in here if f.end > sure and f.start >= _BLOCK - 2 * _OVERLAP)])
    return sorted(found, key=lambda f: (f.start, f.end))


def _find_in(rest: NDArray[np.uint32], explained: Explained, texts: LicenseTexts, most: int) -> list[FoundText]:
    """Return the licence texts in a block of words, best first; the words that they take become 0."""
    found: list[FoundText] = []
    while len(found) < most:
        best = _best(rest, explained, texts)
        if best is None:
            break
        found.append(best)
        rest[best.alignment.places[:, 0]] = 0
    return found


def _best(rest: NDArray[np.uint32], explained: Explained, texts: LicenseTexts) -> FoundText | None:
    shared, sizes = texts.shared(shingles(rest))
    likely = np.flatnonzero((shared >= _LEAST_SHARED * sizes) & (shared >= np.minimum(_LEAST_WINDOWS, sizes)) & (shared > 0))
    likely = likely[np.argsort(-(1.5 * shared[likely] - 0.5 * sizes[likely]), kind="stable")][:_ALIGNED]
    best: FoundText | None = None
    for number in likely.tolist():
        text = texts.text(number)
        if best is not None and len(text.words) < _rank(best)[0]:
            continue  # no more of its words can be equal than it has
        found = _compare(rest, text, explained)
        if found is not None and (best is None or _rank(found) > _rank(best)):
            best = found
    return best


def _rank(found: FoundText) -> tuple[float, float]:
    """Order by how much of the text is explained, less what differs: what counts twice, names and the like less."""
    return len(found.alignment.places) - found.weight, found.score


def _compare(rest: NDArray[np.uint32], text: LicenseText, explained: Explained) -> FoundText | None:
    alignment = align_license(rest, text.words)
    if alignment is None:
        return None
    held = np.zeros(len(text.words), np.bool_)
    held[alignment.places[:, 1]] = True
    needed = ~text.optional
    binding = needed & ~text.disclaims  # other words of a disclaimer permit and require the same
    coverage = float((held & binding).sum()) / max(int(binding.sum()), 1)
    if coverage < (LEAST_COVERAGE if text.needed >= _SHORT else _LEAST_OF_SHORT):
        return None
    changes = _changes(alignment, text, explained, len(rest))
    lost = sum(len(change.missing) for change in changes if not change.harmless)
    coverage = max(1.0 - lost / max(int((binding & ~text.names).sum()), 1), coverage)
    equal, missing = int(held.sum()), int((needed & ~held).sum())
    score = equal / (equal + missing + sum(len(change.added) for change in changes))
    counting = [change for change in changes if change.counts]
    if coverage < _WHOLE or sum(change.size for change in changes) > max(_LEAST_CHANGES, _CHANGES * text.needed):
        counting = changes
    weight = sum(change.weight for change in changes)
    return FoundText(text, alignment.start, alignment.end, alignment, tuple(counting), weight, coverage, score)


def _changes(alignment: Alignment, text: LicenseText, explained: Explained, n_words: int) -> list[Change]:
    """Return the differences; those with hardly a word between them are one. A disclaimer that is left out at the end of a text is none."""
    joined: list[list[Gap]] = []
    for gap in alignment.gaps():
        if is_same(explained.spelled[gap.start : gap.end], text.spelled[gap.ref_start : gap.ref_end]):
            continue
        if gap.ref_end == alignment.ref_words and gap.start >= n_words - _AFTER and _disclaims([gap], text):
            continue
        last = joined[-1][-1] if joined else None
        near = last is not None and gap.start - last.end <= _BETWEEN and gap.ref_start - last.ref_end <= _BETWEEN
        if near and _disclaims([gap], text) == _disclaims(joined[-1], text):
            joined[-1].append(gap)
        else:
            joined.append([gap])
    changes = [_change(gaps, text, explained) for gaps in joined]
    return [change for change in changes if (change.added or change.missing) and not is_same(change.added, change.missing)]


def _change(gaps: Sequence[Gap], text: LicenseText, explained: Explained) -> Change:
    added = tuple(word for gap in gaps for word in explained.left(gap.start, gap.end))
    needed = [i for gap in gaps for i in range(gap.ref_start, gap.ref_end) if not text.optional[i] and not says_nothing(text.spelled[i])]
    missing = tuple(text.spelled[i] for i in needed)
    named = any(text.names[i] for i in needed) and all(text.names[i] or text.spelled[i] in HOLDERS | URL_PARTS for i in needed)
    return Change(added, missing, _names(gaps, text), _disclaims(gaps, text), named, is_title(added, missing, text.title))


def _names(gaps: Sequence[Gap], text: LicenseText) -> bool:
    """Tell whether words differ between "the name of" and "used": any name may stand there."""
    start, end = gaps[0].ref_start, gaps[-1].ref_end
    return bool({"name", "names"} & set(text.spelled[max(start - _NAME_BEFORE, 0) : start])) and "used" in text.spelled[end : end + _NAME_BEFORE]


def _disclaims(gaps: Sequence[Gap], text: LicenseText) -> bool:
    low, high = gaps[0].ref_start, gaps[-1].ref_end
    if low == high:  # words put in: what stands around them tells
        low, high = max(low - 1, 0), min(high + 1, len(text.disclaims))
    return high > low and bool(text.disclaims[low:high].all())
