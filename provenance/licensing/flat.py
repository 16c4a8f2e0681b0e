r"""Text as a plain line of words in which licence names are easy to find: lower case, one spelling, one space, without markup or punctuation.

``GNU Lesser General\n * Public Licence, v2.1+`` becomes ``gnu lesser general public license 2.1 or later``. Each word remembers where it stood.
"""

from __future__ import annotations

import bisect
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

STOP = "."
"""The word that stands for the end of a sentence."""
BREAK = "|"
"""The word that stands for a blank line."""
_TOKENS = re.compile(
    r"(?P<version>\b[vV](?:er(?:s(?:ion)?)?)?\.(?=\s*\d))|(?P<word>[^\W_]+(?:\.[0-9]+)*\+*)|(?P<stop>[.!?](?=[\"'\u201d\u2019)\]*_]{0,3}(?:\s|$)))|(?P<gap>\n(?=[^\w\n]*\n))"
)
_MARKUP = re.compile(r"</?[A-Za-z!][^<>\n]{0,300}>")
_GLUED = re.compile(r"([a-z]+?)v?(\d(?:\.\d+)*)")
_GLUED_NAMES = frozenset(
    {"gpl", "lgpl", "agpl", "gfdl", "mpl", "epl", "apache", "asl", "cddl", "osl", "afl", "eupl", "lppl", "artistic", "v", "version"}
)
"""Names that are written in one word with their version: GPLv2, LGPL2.1, MPL2."""
_VERSION_WORDS = frozenset({"version", "versions", "ver", "v"})
_SPELLINGS: dict[str, tuple[str, ...]] = {
    "licence": ("license",),
    "licences": ("licenses",),
    "licenced": ("licensed",),
    "noncommercial": ("non", "commercial"),
    "noncommercially": ("non", "commercially"),
    "sharealike": ("share", "alike"),
    "noderivatives": ("no", "derivatives"),
    "noderivs": ("no", "derivatives"),
    "noderivative": ("no", "derivatives"),
    "derivs": ("derivatives",),
    "nc": ("nc",),
}


@dataclass(frozen=True, slots=True)
class Flat:
    """The words of a text.

    ``starts`` and ``ends`` are code points of the text; ``places`` is where each word begins in ``line``.
    """

    words: Sequence[str]
    starts: Sequence[int]
    ends: Sequence[int]
    places: Sequence[int]
    line: str

    def at(self, place: int) -> int:
        """Return the number of the word that begins at or covers a place of the line."""
        return bisect.bisect_right(self.places, place) - 1

    def span(self, first: int, last: int) -> tuple[int, int]:
        """Return the code points from word ``first`` to word ``last - 1``."""
        return self.starts[first], self.ends[last - 1]


def flatten(text: str) -> Flat:
    """Return the words of a text."""
    words: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for word, start, end in _without_version_words(_iter_words(blank_markup(text))):
        words.append(word)
        starts.append(start)
        ends.append(end)
    places = list(accumulate((len(w) + 1 for w in words), initial=0))[:-1]
    return Flat(words, starts, ends, places, " ".join(words))


def blank_markup(text: str) -> str:
    """Return the text with blanks for tags and ``<placeholders>``: as long as before."""
    return _MARKUP.sub(lambda tag: " " * len(tag.group()), text)


def _iter_words(text: str) -> Iterator[tuple[str, int, int]]:
    for token in _TOKENS.finditer(text):
        start, end = token.span()
        if token.lastgroup == "word":
            for word in _normal(token.group()):
                yield word, start, end
        elif token.lastgroup != "version":
            yield STOP if token.lastgroup == "stop" else BREAK, start, end


def _normal(token: str) -> tuple[str, ...]:
    word = token.lower() if token.isascii() else unicodedata.normalize("NFKC", token).casefold()
    later = word.endswith("+") and word[:-1].replace(".", "").isalnum() and any(c.isdigit() for c in word)
    word = word.rstrip("+") if later else word
    glued = _GLUED.fullmatch(word)
    if glued is not None and glued[1] in _GLUED_NAMES:
        parts: tuple[str, ...] = (glued[2],) if glued[1] in _VERSION_WORDS else (glued[1], glued[2])
    else:
        parts = _SPELLINGS.get(word, (word,))
    return (*parts, "or", "later") if later else parts


def _without_version_words(words: Iterator[tuple[str, int, int]]) -> Iterator[tuple[str, int, int]]:
    """Drop ``version`` before a number, and write ``2`` for ``2.0``-less numbers as they are."""
    held: tuple[str, int, int] | None = None
    for item in words:
        if held is not None and not item[0][0].isdigit():
            yield held
        held = None
        if item[0] in _VERSION_WORDS:
            held = item
        else:
            yield item
    if held is not None:
        yield held


def flat_words(text: str) -> tuple[str, ...]:
    """Return the words of a name, without ends of sentences.

    >>> flat_words("GNU Lesser General Public Licence, v2.1+")
    ('gnu', 'lesser', 'general', 'public', 'license', '2.1', 'or', 'later')
    """
    return tuple(word for word in flatten(text).words if word not in {STOP, BREAK})
