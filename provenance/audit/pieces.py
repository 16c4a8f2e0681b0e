"""What short and quoted passages, each harmless alone, give away together.

Sums are exact, and made over columns of numbers: there may be millions of pieces, of as many outputs.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from provenance.audit.judgements import MatchJudgement
from provenance.canonical import canonical_bytes, digest_of
from provenance.model.absence import Permission
from provenance.model.finding import FindingEvidence
from provenance.model.match import Explanation, Match
from provenance.model.reference import ReferenceKind

_GIVEN_AWAY, _MANY, _EXACT = 0.5, 250, 20
"""An output is given away by short passages that hold this share of its words, or so many; or by one with so many words exactly as it has them."""
_PIECES = frozenset({Explanation.SHORT_PASSAGE, Explanation.QUOTATION})
_KEY = np.dtype([("high", "<u8"), ("low", "<u8")])
_KEY_BYTES = _KEY.itemsize
"""References are told apart by 128 bits of SHA-256."""
Place = tuple[str, str]
"""(reference set, reference)."""
_Span = tuple[int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """What explained passages of one dataset, each harmless alone, give away together."""

    words: int
    """Most words of one unlicensed work."""
    outputs: int
    """API outputs under terms that do not allow this use of which at least half is given away, or many words, or a long exact run."""
    output_words: int
    """Words that are given away of these."""
    evidence: tuple[FindingEvidence, ...]


class PieceSums:
    """Adds up the distinct words of the short and quoted passages of a dataset, by work and by API output.

    Boilerplate, licence texts, prompts and what models say alike is nobody's in particular and is left out. Of an output that shares only a phrase here and
    there nothing is given away: any two answers to one question do. Nobody hits on twenty words in a row.
    """

    def __init__(self) -> None:
        """Hold none."""
        self._works, self._outputs = _Spans(), _Spans()
        self._named: dict[bytes, Place] = {}
        """Works only: of outputs, only the number is told."""

    def add(self, match: Match, judgements: Iterable[MatchJudgement]) -> None:
        """Take a match."""
        if match.because not in _PIECES:
            return
        for judgement in judgements:
            if judgement.kind is ReferenceKind.WORK and judgement.license is not Permission.ALLOWED:
                place, span = place_of(match, judgement)
                self._named.setdefault(self._works.add(place, span, 0), place)
            elif judgement.kind is ReferenceKind.API_OUTPUT and judgement.terms.outcome is not Permission.ALLOWED:
                place, span = place_of(match, judgement)
                self._outputs.add(place, span, judgement.reference.words, is_exact=match.longest_run >= _EXACT)

    def total(self, dataset: str) -> Pieces:
        """Return what is given away.

        Args:
            dataset: Whose pieces these are, for the evidence.
        """
        most = max(((_distinct_words(found.spans), self._named[found.key], len(found.spans)) for found in self._works.by_reference()), default=None)
        words, (_, work), passages = most or (0, ("", ""), 0)
        given = [(len(found.spans), count) for found in self._outputs.by_reference() if (count := _given_away(found)) is not None]
        output_words = sum(count for _, count in given)
        evidence = []
        if words:
            text = f"{passages} short or quoted passages give away {words} words of {work}"
            evidence.append(FindingEvidence(kind="pieces", digest=digest_of([dataset, text]), summary=text))
        if given:
            pieces = sum(count for count, _ in given)
            text = f"{pieces} passages, each too short to count alone, give away {output_words} words of {len(given)} API outputs"
            evidence.append(FindingEvidence(kind="pieces", digest=digest_of([dataset, text]), summary=text))
        return Pieces(words=words, outputs=len(given), output_words=output_words, evidence=tuple(evidence))


def place_of(match: Match, judgement: MatchJudgement) -> tuple[Place, _Span]:
    """Return the reference that a judgement is about, and where the passage stands in it: code points, and how many words are shared."""
    name = judgement.reference.id
    for also in match.also if match.kind is not judgement.kind else ():
        if also.reference == name:
            return (also.reference_set or match.reference_set, name), (also.start, also.end, match.aligned_words)
    return (match.reference_set, name), (match.reference_start, match.reference_end, match.aligned_words)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reference:
    """The pieces of one reference."""

    key: bytes
    spans: list[_Span]
    length: int
    is_exact: bool


class _Spans:
    """Pieces as columns: 41 bytes each."""

    def __init__(self) -> None:
        self._keys = bytearray()
        self._spans, self._lengths, self._exact = array("q"), array("q"), bytearray()

    def add(self, place: Place, span: _Span, length: int, *, is_exact: bool = False) -> bytes:
        """Take a piece of a reference of so many words; return the reference's key."""
        key = hashlib.sha256(canonical_bytes(place)).digest()[:_KEY_BYTES]
        self._keys += key
        self._spans.extend(span)
        self._lengths.append(length)
        self._exact.append(is_exact)
        return key

    def by_reference(self) -> Iterator[_Reference]:
        """Go through the references, in the order of their keys."""
        if not self._keys:
            return
        keys = np.frombuffer(self._keys, _KEY)
        spans = np.frombuffer(self._spans, np.int64).reshape(-1, 3)
        lengths, exact = np.frombuffer(self._lengths, np.int64), np.frombuffer(self._exact, np.uint8)
        order = np.lexsort((keys["low"], keys["high"]))
        starts = np.flatnonzero(np.concatenate(([True], keys[order][1:] != keys[order][:-1])))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(order)], strict=True):
            rows = order[start:end]
            yield _Reference(
                key=keys[rows[0]].tobytes(),
                spans=[(a, b, c) for a, b, c in spans[rows].tolist()],
                length=int(lengths[rows[-1]]),
                is_exact=bool(exact[rows].any()),
            )


def _given_away(found: _Reference) -> int | None:
    """Return the words that are given away of an output, ``None`` where too few are."""
    count = _distinct_words(found.spans)
    return count if found.is_exact or count >= min(_MANY, _GIVEN_AWAY * found.length) else None


def _distinct_words(spans: list[_Span]) -> int:
    """Return about how many different words of a text the passages cover: a passage that stands twice counts once."""
    covered = reach = 0
    for start, end, _ in sorted(spans):
        covered += max(end - max(start, reach), 0)
        reach = max(reach, end)
    length = sum(end - start for start, end, _ in spans)
    return round(sum(words for _, _, words in spans) * covered / length) if length else 0
