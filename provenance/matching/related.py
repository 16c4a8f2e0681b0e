"""Which references are one text in several forms: editions, extracts, copies under other ids. They are one witness, not several.

Adding a book once more must never make a passage of it look like common property.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provenance.matching.build import plain_name
from provenance.matching.score import compute_overlap
from provenance.matching.stored import Segment, compared_shingles
from provenance.model.reference import ReferenceRecord

RELATED_SHARE = 0.3
"""Two references of which one holds this share of the other's 5-grams are one text in two forms. Editions of one book share 0.9 and more, another
translator's Genesis 0.15, two books by one author next to nothing (measured on the test data)."""
ASKED = 16
"""Holders of a passage that are compared; those beyond count as related, so that the cost is bounded and too many explain nothing."""
_SAMPLED, _SAMPLE = 4096, 15
"""Sets larger than this are compared by one 5-gram in sixteen."""
_CACHED = 65536
Place = tuple[int, int]
"""(segment, reference)."""


class Relations:
    """Counts unrelated texts among the references of one matcher."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        """Keep the segments; pairs are compared when first asked for."""
        self._segments = segments
        self._known: dict[tuple[Place, Place], bool] = {}

    def count_unrelated(self, places: Iterable[Place], *, enough: int) -> int:
        """Return how many unrelated texts some references are, at most ``enough``.

        Cost: a comparison of two sorted sets for each pair of references, once; at most ``ASKED`` references are looked at.
        """
        groups: list[list[Place]] = []
        for place in list(places)[:ASKED]:
            apart = [g for g in groups if not any(self._are_related(place, other) for other in g)]
            joined = [place, *(p for g in groups if g not in apart for p in g)]
            groups = [*apart, joined]
        return min(len(groups), enough)

    def _are_related(self, a: Place, b: Place) -> bool:
        key = (a, b) if a <= b else (b, a)
        if key not in self._known:
            if len(self._known) > _CACHED:
                self._known.clear()
            self._known[key] = _same_names(self._record(a), self._record(b)) or self._share_text(a, b)
        return self._known[key]

    def _record(self, place: Place) -> ReferenceRecord:
        return self._segments[place[0]].record(place[1])

    def _share_text(self, a: Place, b: Place) -> bool:
        few, many = sorted(compared_shingles(self._segments, a, b), key=len)
        if len(many) > _SAMPLED:
            few, many = few[few & _SAMPLE == 0], many[many & _SAMPLE == 0]
        return compute_overlap(few, many) >= RELATED_SHARE * len(few)


def _same_names(a: ReferenceRecord, b: ReferenceRecord) -> bool:
    pairs = ((a.edition_family, b.edition_family), (a.title, b.title), (a.author, b.author))
    return any(plain_name(x) and plain_name(x) == plain_name(y) for x, y in pairs)
