"""How many words of works that nobody licensed a dataset, or a whole run, holds: each work by itself, all passages together.

Alarms count, and quotations and short passages too: ten quotations of one book are a part of that book. Boilerplate, licence texts, prompts and what models
say alike are left out, they are nobody's in particular. A work is one record of a reference set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from provenance.audit.judgements import MatchJudgement
from provenance.audit.pieces import place_of
from provenance.canonical import digest_of
from provenance.model.absence import Permission
from provenance.model.finding import FindingEvidence
from provenance.model.match import Explanation, Match
from provenance.model.reference import ReferenceKind
from provenance.policy.facts import FactValue

_COUNTED = frozenset({None, Explanation.QUOTATION, Explanation.SHORT_PASSAGE})
_KEPT = 64
"""Passages of a work that are kept before those that overlap are joined."""
_NEARLY = 0.9
"""Another reference that holds a passage with this share of the best one's score holds all of it; a translation that shares phrases does not."""
LEAST = 20
"""Words of a work that must be held before its share counts: a proverb is soon held by half, and nobody hits on twenty words in a row."""
_NAMED = 5
"""Works that the evidence names."""
Place = tuple[str, str]
"""(reference set, reference)."""


@dataclass(slots=True)
class _Held:
    """What is held of one work."""

    length: int = 0
    """Words of the work; 0 where nobody counted."""
    words: int = 0
    """Words of all passages, those that stand twice counted twice."""
    characters: int = 0
    spans: list[tuple[int, int]] = field(default_factory=list)
    """Where in the work; joined now and then."""
    joined: int = 0
    holders: tuple[str, ...] = ()
    """Datasets that hold some of it, where several were joined."""

    def add(self, spans: Iterable[tuple[int, int]], words: int, characters: int) -> None:
        self.spans.extend(spans)
        self.words += words
        self.characters += characters
        if len(self.spans) > 2 * self.joined + _KEPT:
            self.spans = list(_join(self.spans))
            self.joined = len(self.spans)

    @property
    def distinct(self) -> int:
        """Words of the work that are held at least once."""
        covered = sum(end - start for start, end in _join(self.spans))
        return round(self.words * covered / self.characters) if self.characters else self.words


class WorkSums:
    """Adds up words by work."""

    def __init__(self) -> None:
        """Hold none."""
        self.held: dict[Place, _Held] = {}
        """By work."""

    def add(self, match: Match, judgements: Iterable[MatchJudgement]) -> None:
        """Take a match."""
        if match.because not in _COUNTED:
            return
        for judgement in judgements:
            if judgement.kind is ReferenceKind.WORK and judgement.license is not Permission.ALLOWED:
                for place, (start, end), length in _places(match, judgement):
                    self.held.setdefault(place, _Held(length=length)).add(((start, end),), match.aligned_words, end - start)

    def join(self, name: str, other: WorkSums) -> None:
        """Take all that a dataset holds."""
        for place, found in other.held.items():
            held = self.held.setdefault(place, _Held(length=found.length))
            held.add(found.spans, found.words, found.characters)
            held.holders = (*held.holders, name)

    def total(self, name: str) -> Works:
        """Return what is held of which works.

        Args:
            name: Of the dataset or run, for the evidence.
        """
        counts = {place: held.distinct for place, held in self.held.items()}
        many = {place: held for place, held in self.held.items() if counts[place] >= LEAST}
        shares = {place: min(1.0, counts[place] / held.length) for place, held in many.items() if held.length}
        return Works(
            unlicensed=len(counts),
            words=max(counts.values(), default=0),
            share=max(shares.values(), default=0.0),
            share_known=len(shares) == len(many),
            evidence=tuple(_evidence(name, counts, shares, {place: held.holders for place, held in self.held.items()})),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Works:
    """What is held of works that nobody licensed."""

    unlicensed: int = 0
    words: int = 0
    """Most words of one."""
    share: float = 0.0
    """Largest share of one whose words are counted."""
    share_known: bool = True
    evidence: tuple[FindingEvidence, ...] = ()

    @property
    def values(self) -> dict[str, FactValue]:
        """Return the facts."""
        return {
            "works.unlicensed": self.unlicensed,
            "works.words": self.words,
            "works.share": self.share if self.share_known else 0.0,
            "works.share_known": "YES" if self.share_known else "NO",
        }


def _places(match: Match, judgement: MatchJudgement) -> Iterator[tuple[Place, tuple[int, int], int]]:
    """Yield each work that holds a passage, where, and its words: two editions hold it both, or each would seem to hold a half of what is shared."""
    (reference_set, name), (start, end, _) = place_of(match, judgement)
    yield (reference_set, name), (start, end), judgement.reference.words
    lengths = {record.id: record.words for record in judgement.others}
    for also in match.also:
        place = (also.reference_set or match.reference_set, also.reference)
        if also.reference in lengths and place != (reference_set, name) and also.score >= _NEARLY * match.score:
            yield place, (also.start, also.end), lengths[also.reference]


def _evidence(name: str, counts: dict[Place, int], shares: dict[Place, float], holders: dict[Place, tuple[str, ...]]) -> Iterator[FindingEvidence]:
    by_words = sorted(counts, key=lambda place: (-counts[place], place))
    by_share = sorted(shares, key=lambda place: (-shares[place], place))
    for place in dict.fromkeys((*by_words[:_NAMED], *by_share[:_NAMED])):
        part = f", {shares[place]:.1%} of it" if place in shares else ", of a length that nobody counted" if counts[place] >= LEAST else ""
        where = f", in {', '.join(holders[place][:_NAMED])}" if holders[place] else ""
        text = f"{counts[place]} words of {place[1]} in set {place[0]}{part}{where}"
        yield FindingEvidence(kind="works", digest=digest_of([name, text]), summary=text)


def _join(spans: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield spans that do not overlap and cover the same."""
    begin = reach = -1
    for start, end in sorted(spans):
        if start > reach:
            if reach > begin:
                yield begin, reach
            begin, reach = start, end
        reach = max(reach, end)
    if reach > begin:
        yield begin, reach
