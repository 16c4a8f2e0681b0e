"""One text that is searched for licences: its words in both forms, and which of its characters are explained already."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from provenance.fingerprint.tokens import codepoint_offsets
from provenance.licensing.flat import BREAK, STOP, Flat, blank_markup, flat_words, flatten
from provenance.licensing.statements import Statement
from provenance.matching.license_changes import CONDITIONS
from provenance.matching.license_compare import Explained, FoundText
from provenance.matching.license_texts import LicenseTexts, words_of
from provenance.matching.words import Words

_LICENSE_FILE = re.compile(r"(?:^|[/\\])[^/\\]*(?:licen[cs]e|copying|copyright|legal|terms)[^/\\]*$", re.IGNORECASE)
_CODE_FILE = re.compile(r"\.(?:py|js|ts|c|h|cc|cpp|java|go|rs|rb|sh|pl|cs|php)$", re.IGNORECASE)
_HARMLESS = frozenset({"may", "subject", "provided", "permitted", "condition", "conditions", "only", "permission"})
"""Words of condition that a notice may hold and still change nothing in the licence that it stands in."""
_TERMS = CONDITIONS | frozenset(
    {"license", "licensed", "licensee", "licenses", "terms", "rights", "grant", "granted", "copyright", "use", "distribute"}
)
_BINDING = CONDITIONS - frozenset(
    {"may", "subject", "provided", "permitted", "permit", "permits", "permission", "condition", "conditions", "agreement", "exception", "limited"}
    | {"good", "model", "models", "machine", "training", "trained", "research", "education", "educational", "academic", "personal", "government"}
    | {"attribution", "advertising", "acknowledgment", "acknowledgement", "approval", "users", "employees", "none", "nothing"}
)
"""Words of condition that make a sentence of few words a condition."""
_LEAST_BINDING, _BINDING_SHARE, _LEAST_RUN = 3, 0.5, 6
"""Words of a sentence from which on it may set a condition, the share of them that nothing explains, and words in a row that are enough."""
_COPYRIGHT = re.compile(r"(?im)^\W*(?:copyright|\(c\)|©)[^\n]{0,300}|all rights reserved\.?")
_UNEXPLAINED_SHARE = 0.5
"""Share of a paragraph's words that are explained by nothing."""


def is_license_file(name: str) -> bool:
    """Tell from a file's name whether the whole of it is about licences.

    >>> is_license_file("data/LICENSE.txt"), is_license_file("README.md"), is_license_file("license_check.py")
    (True, False, False)
    """
    return bool(_LICENSE_FILE.search(name)) and not _CODE_FILE.search(name)


@dataclass(frozen=True, slots=True)
class Reading:
    """One text on its way."""

    text: str
    flat: Flat
    words: Words
    spelled: Sequence[str]
    """The words of ``words``, lower case."""
    places: NDArray[np.int64]
    """(n, 2) code points of each word of ``words``."""
    covered: NDArray[np.bool_]
    """(n_code_points,) what is explained; filled step by step."""

    @classmethod
    def of(cls, text: str) -> Reading:
        """Return a text's words."""
        words = words_of(blank_markup(text))
        data = words.data.tobytes()
        spelled = [data[a:b].decode("utf-8", "replace").lower() for a, b in zip(words.start.tolist(), words.end.tolist(), strict=True)]
        places = np.stack([codepoint_offsets(words.data, 0, words.start), codepoint_offsets(words.data, 0, words.end)], axis=1)
        return cls(text, flatten(text), words, spelled, places, np.zeros(len(text), np.bool_))

    def span(self, found: FoundText) -> tuple[int, int]:
        """Return the code points of a licence's text."""
        return int(self.places[found.start, 0]), int(self.places[found.end - 1, 1])

    def explained(self, statements: Iterable[Statement]) -> Explained:
        """Return which words stand in sentences that only put something under a licence."""
        mark = np.zeros(len(self.words.words), np.bool_)
        for statement in statements:
            if statement.granting:
                start, end = self.sentence(statement)
                low, high = np.searchsorted(self.places[:, 0], [start, end])
                if not (CONDITIONS - _HARMLESS) & set(self.spelled[low:high]):
                    mark[low:high] = True
        return Explained(mark, self.spelled)

    def sentence(self, statement: Statement) -> tuple[int, int]:
        """Return the code points of the sentence in which a licence is stated."""
        words = self.flat.words
        low = int(np.searchsorted(self.flat.starts, statement.start))
        high = int(np.searchsorted(self.flat.starts, statement.end))
        while low > 0 and words[low - 1] not in {STOP, BREAK}:
            low -= 1
        while high < len(words) and words[high] not in {STOP, BREAK}:
            high += 1
        return self.flat.span(low, max(high, low + 1))

    def cover_texts(self, texts: Iterable[FoundText]) -> None:
        """Mark the words that belong to licences' texts."""
        for found in texts:
            for start, end in self.places[found.alignment.places[:, 0]].tolist():
                self.covered[start:end] = True

    def cover_spans(self, spans: Iterable[tuple[int, int]]) -> None:
        """Mark spans of code points."""
        for start, end in spans:
            self.covered[start:end] = True

    def cover_statements(self, statements: Iterable[Statement]) -> None:
        """Mark the sentences in which licences are stated, and copyright lines."""
        self.cover_spans(self.sentence(s) for s in statements)
        self.cover_spans(line.span() for line in _COPYRIGHT.finditer(self.text) if not _BINDING & set(flat_words(line.group())))

    def is_covered(self, start: int, end: int) -> bool:
        """Tell whether most words of a span are explained."""
        low, high = np.searchsorted(self.places[:, 0], [start, end])
        starts = self.places[low:high, 0]
        return bool(len(starts)) and bool(self.covered[starts].mean() > _UNEXPLAINED_SHARE)

    def cover_notices(self, texts: LicenseTexts) -> None:
        """Mark the words of the notices that licences' own texts tell people to use, such as what the GPL has said on warranty."""
        for start, end in self.places[texts.in_notices(self.words.words)].tolist():
            self.covered[start:end] = True

    def unexplained(self, least: int) -> list[tuple[int, int]]:
        """Return the spans of paragraphs that read like terms and are not explained, and of sentences that set a condition; neighbours as one.

        Args:
            least: Words that must be unexplained in a paragraph.
        """
        spans: list[tuple[int, int]] = []
        again = False
        for low, high in self._paragraphs():
            odd = self._odd(low, high)
            whole = len(odd) >= least and len(odd) > _UNEXPLAINED_SHARE * (high - low) and bool(_TERMS & {self.flat.words[i] for i in odd})
            parts = [(low, high)] if whole else [(a, b) for a, b in self._sentences(low, high) if self._binds(a, b)]
            for first, last in parts:
                start, end = self.flat.span(first, last)
                spans = [*spans[:-1], (spans[-1][0], end)] if again and spans else [*spans, (start, end)]
                again = True
            again = bool(parts) and (whole or parts[-1][1] == high)
        return spans

    def _odd(self, low: int, high: int) -> list[int]:
        """Return the words of a stretch that nothing explains."""
        return [i for i in range(low, high) if not self.covered[self.flat.starts[i]] and self.flat.words[i] != STOP]

    def _binds(self, low: int, high: int) -> bool:
        """Tell whether a sentence sets a condition: with its unexplained words, or with a run of them that has no stop before it."""
        odd = self._odd(low, high)
        if len(odd) >= max(_LEAST_BINDING, _BINDING_SHARE * (high - low)) and _BINDING & {self.flat.words[i] for i in odd}:
            return True
        runs = np.split(np.array(odd, np.int64), np.flatnonzero(np.diff(odd) > 1) + 1)
        return any(len(run) >= _LEAST_RUN and _BINDING & {self.flat.words[i] for i in run.tolist()} for run in runs)

    def _sentences(self, low: int, high: int) -> Iterable[tuple[int, int]]:
        first = low
        for at in range(low, high + 1):
            if at == high or self.flat.words[at] == STOP:
                if at > first:
                    yield first, at
                first = at + 1

    def _paragraphs(self) -> Iterable[tuple[int, int]]:
        low = 0
        for at, word in enumerate([*self.flat.words, BREAK]):
            if word == BREAK:
                if at > low:
                    yield low, at
                low = at + 1
