"""What stands in a licence file beside the licences that are stated there, and is not plainly harmless.

A condition can be written in any language and any words, so no list of conditions is ever whole. Here the list is of what may stand there: lines of copyright,
titles, headings, names, addresses, dates, files, pointers, disclaimers. Whatever else is found makes the terms of the file unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from provenance.licensing.statements import Statement
from provenance.matching.license_changes import says_nothing
from provenance.matching.license_compare import FoundText
from provenance.matching.license_harmless import is_copyright, is_harmless
from provenance.matching.license_reading import Reading

_TAG = re.compile(
    r"</?(?:html|head|body|meta|link|title|p|br|hr|div|span|a|b|i|u|em|strong|code|pre|tt|font|center|small|big|sup|sub|img|h[1-6]|s|ul|ol|li|dl|dt|dd"
    r"|table|thead|tbody|tr|td|th|blockquote|section|article|header|footer|main|nav|details|summary|style|script)\b[^<>\n]{0,300}>|<!DOCTYPE[^<>\n]{0,200}>",
    re.IGNORECASE,
)
_PARAGRAPH = re.compile(r"\n[ \t]*\n")
_WORD = re.compile(r"[^\W_]+")
_SENTENCE_END = re.compile(r"[.!?](?=[\"'\u201d\u2019)\]*_]{0,3}(?:\s|$))|[\u3002\uff01\uff1f\u0964]")
_ABBREVIATED = re.compile(r"(?:^|[\s(])(?:[A-Z]|Inc|Ltd|Co|Corp|Dr|Prof|Mr|Mrs|Ms|Jr|Sr|St|No|vs|cf|e\.g|i\.e|etc|al)$")
_LONGEST_MARK = 8
"""Characters before a full stop in which an abbreviation is looked for."""


def find_beside(reading: Reading, stated: Iterable[Statement], texts: Sequence[FoundText], spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the spans of lines and sentences that neither a licence nor the list of harmless things explains; neighbours are not joined.

    Args:
        reading: The text; what is covered already, such as notices that licences tell people to use, counts as explained.
        stated: Where licences are stated; sentences that grant are explained, of a name only itself.
        texts: Licences' texts in it.
        spans: Code points that other findings explain.

    Cost: linear in the text.
    """
    covered = reading.covered.copy()
    for start, end in [*(reading.sentence(s) if s.granting else (s.start, s.end) for s in stated), *spans]:
        covered[start:end] = True
    plain = _TAG.sub(lambda tag: " " * len(tag.group()), reading.text)
    inside, loose = _inside(reading, texts)
    bounds = sorted({at for found in texts for at in reading.span(found)})
    found = []
    continues, last = False, 0
    for start, end, whole in _units(plain, bounds):
        left = _left(plain, covered, start, end)
        said = plain[start:end].strip()
        continues, last = continues and not _PARAGRAPH.search(plain, last, start), end
        if left is None:
            continue
        partly = _is_partly(plain, covered, start, end)
        if inside[start] and not is_copyright(said) and (partly or not (whole or loose[left[0] : left[1]].all())):
            continue  # what differs inside a text was weighed when it was compared
        shown = said if not partly or is_copyright(said) else _bracketed(plain, *left)
        harmless = is_harmless(shown, after_copyright=continues)
        continues = (continues or is_copyright(said)) and harmless
        if not harmless:
            found.append((left[0], left[1]))
    return found


def _inside(reading: Reading, texts: Sequence[FoundText]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which code points lie within licences' texts, and which of them where nothing of the licence is left out: words put in."""
    inside = np.zeros(len(reading.text) + 1, np.bool_)
    loose = np.zeros(len(reading.text) + 1, np.bool_)
    for found in texts:
        start, end = reading.span(found)
        inside[start:end] = True
        for gap in found.alignment.gaps():
            low, high = gap.start, gap.end
            if high > low and bool(found.text.optional[gap.ref_start : gap.ref_end].all()):
                loose[reading.places[low, 0] : reading.places[high - 1, 1]] = True
    return inside, loose


def _units(text: str, bounds: Sequence[int]) -> Iterator[tuple[int, int, bool]]:
    """Yield pieces of lines up to ends of sentences and borders of licences' texts, and whether each is a sentence or paragraph of its own."""
    cuts = iter([*bounds, len(text) + 1])
    border = next(cuts)
    at, fresh = 0, True
    while at < len(text):
        line_end = text.find("\n", at)
        line_end = len(text) if line_end < 0 else line_end
        ends = [*_sentence_ends(text, at, line_end), line_end]
        for end in ends:
            while border < end:
                if border > at:
                    yield at, border, fresh
                    at, fresh = border, True
                border = next(cuts)
            if end > at:
                closed = (
                    end < line_end or not text[end + 1 : end + 120].split("\n", 1)[0].strip() or _SENTENCE_END.search(text, end - 1, end) is not None
                )
                yield at, end, fresh and closed
                fresh = closed
            at = end
        at = line_end + 1


def _sentence_ends(text: str, start: int, end: int) -> Iterator[int]:
    for stop in _SENTENCE_END.finditer(text, start, end):
        if not _ABBREVIATED.search(text[max(stop.start() - _LONGEST_MARK, start) : stop.start()]):
            yield stop.end()


def _left(text: str, covered: NDArray[np.bool_], start: int, end: int) -> tuple[int, int] | None:
    """Return the span from the first to the last word of a piece that says something and is not explained."""
    words = [w.span() for w in _WORD.finditer(text, start, end) if not covered[w.start()] and not says_nothing(w.group())]
    return (words[0][0], words[-1][1]) if words else None


def _bracketed(text: str, start: int, end: int) -> str:
    """Return a span of a text with the bracket right before it and the one behind."""
    return text[start - (start > 0 and text[start - 1] in "<[{") : end + (text[end : end + 1] in {">", "]", "}"})]


def _is_partly(text: str, covered: NDArray[np.bool_], start: int, end: int) -> bool:
    return any(covered[w.start()] for w in _WORD.finditer(text, start, end))
