"""The licence texts that a text is compared with: the SPDX list's, as words, and which of them hold a part of it.

Some words of a licence's text need not be there: its title, the line of the copyright holder, advice on how to apply it.
"""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from provenance.config import shipped
from provenance.errors import TermsDocumentError
from provenance.licensing.flat import blank_markup, flat_words
from provenance.licensing.spdx import listed_licenses
from provenance.matching.license_changes import CONDITIONS, TITLE_WORDS
from provenance.matching.score import SHINGLE, hash_windows, shingles
from provenance.matching.words import Words, read_words

TEXTS_FORMAT, TEXTS_VERSION = "provenance.license-texts", 1
_HEADING = re.compile(
    r"\s*(?:\W*copyright\b.*|.*\(c\).*|.*©.*|.*all rights reserved.*|.*\b(?:licen[cs]e|version|domain|v[0-9]).*|https?:.*|[\W_]*)\s*", re.IGNORECASE
)
_HEAD_WORDS = 14
"""A line of more words is no heading."""
_COPYRIGHT_LINE = re.compile(r"(?im)^\W*(?:copyright\s*(?:\(c\)|©|<|\[|[0-9]{4})|\(c\)\s*[0-9<\[]|©).*$")
_CC_BEGIN = re.compile(r"By exercising (?:the Licensed R|any r)ights|THE WORK \(AS DEFINED BELOW\)|Statement of Purpose", re.IGNORECASE)
_ADVICE = re.compile(
    r"(?im)^[ \t]*(?:END OF TERMS AND CONDITIONS|APPENDIX: How to apply|How to Apply These Terms|ADDENDUM: How to use|Creative Commons is not a party"
    r"|Creative Commons Notice|Creative Commons Corporation is not|Exhibit [AB]\b.*(?:Notice|License).*"
    r"|This software consists of voluntary contributions made by many individuals)"
)
_LATE = 0.6
"""Advice stands behind this share of a text."""
_SENTENCE = re.compile(r"(?:[^.\n]|\.(?=\S)|\n(?!\s*\n))+(?:\.|\n\s*\n|$)")
DISCLAIMS = re.compile(
    r"\bwarrant(?:y|ies)\b|\bliab(?:le|ility|ilities)\b|\bdamages?\b|\bmerchantab|[\"“'`]as[- ]is\b|\brepresentations? about\b", re.IGNORECASE
)
_GRANTS = re.compile(r"\bpermission\b|\bgrant(?:s|ed)?\b|\bpermitted\b|\bredistribut|\bcondition", re.IGNORECASE)
_NAME_WORDS = 4
"""Capitalised words beside a name that belong to it, at most."""
_CLAUSE = "Neither the name of the copyright holder nor the names of its contributors may be used"
_PREAMBLE = (
    "By obtaining, using, and/or copying this software and/or its associated documentation, you agree that you have read, understood, and will comply "
    "with the following terms and conditions:"
)
_VARIANTS = (
    ("BSD-3-Clause", _CLAUSE, "The name of the author may not be used"),
    ("BSD-3-Clause", _CLAUSE, "The names of the contributors may not be used"),
    ("MIT-CMU", _PREAMBLE, ""),
    ("MIT", "this permission notice shall be included", "this permission notice (including the next paragraph) shall be included"),
    ("BSD-4-Clause", _CLAUSE, "The name of the author may not be used"),
)
"""Wordings that mean the same and are as common as the listed one: id, listed words, others."""


@dataclass(frozen=True, slots=True)
class LicenseText:
    """One text, as words.

    Shapes:
        words: (n,) uint32.
        optional: (n,) bool, words that need not be there.
        disclaims: (n,) bool, words of sentences on warranty and liability.
        names: (n,) bool, words of the names of people and bodies.
    """

    id: str
    words: NDArray[np.uint32]
    optional: NDArray[np.bool_]
    disclaims: NDArray[np.bool_]
    names: NDArray[np.bool_]
    spelled: tuple[str, ...]
    title: frozenset[str]
    """The words of its name, and of titles in general."""

    @property
    def needed(self) -> int:
        """The number of words that must be there."""
        return int(len(self.optional) - self.optional.sum())


class LicenseTexts:
    """All texts, and the sets of their word 5-grams."""

    def __init__(self, texts: Sequence[tuple[str, str]], *, release: str) -> None:
        """Cut (id, text) into words."""
        self.release = release
        self.ids = tuple(key for key, _ in texts)
        self._raw = tuple(blank_markup(text) for _, text in texts)
        data, offsets = joined(self._raw)
        self._bytes = offsets
        self._words = read_words(data, offsets)
        sets = [shingles(self._words.words[low:high]) for low, high in zip(self._words.offsets[:-1], self._words.offsets[1:], strict=True)]
        self._sizes = np.array([len(s) for s in sets], np.int64)
        known, owners = np.concatenate(sets), np.repeat(np.arange(len(sets), dtype=np.int32), self._sizes)
        order = np.argsort(known, kind="stable")
        self._known, self._owners = known[order], owners[order]
        self._names = _name_words(self._words)
        self._made: dict[int, LicenseText] = {}

    def shared(self, windows: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return how many 5-grams of each text a sorted set holds, and how many each text has: both (n_texts,).

        Cost: windows times the logarithm of all texts' 5-grams: a short text is compared with hundreds of licences in well under a millisecond.
        """
        low, high = (np.searchsorted(self._known, windows, side=side) for side in ("left", "right"))
        held = high > low
        low, count = low[held], (high - low)[held]
        step = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        owners = self._owners[np.repeat(low, count) + step]
        return np.bincount(owners, minlength=len(self.ids)).astype(np.int64), self._sizes

    def in_notices(self, words: NDArray[np.uint32]) -> NDArray[np.bool_]:
        """Return which words stand in a 5-gram of the notices that the texts advise to use: (n,)."""
        mark = np.zeros(len(words), np.bool_)
        if len(words) >= SHINGLE:
            held = np.flatnonzero(np.isin(hash_windows(words, SHINGLE), self._notices))
            for k in range(SHINGLE):
                mark[held + k] = True
        return mark

    @cached_property
    def _notices(self) -> NDArray[np.uint64]:
        """The 5-grams of the advice at the ends of the texts."""
        advised = [raw[found.start() :] for raw in self._raw if (found := _ADVICE.search(raw, int(len(raw) * _LATE))) is not None]
        return np.unique(np.concatenate([shingles(words_of(text).words) for text in dict.fromkeys(advised)]))

    def text(self, number: int) -> LicenseText:
        """Return one text."""
        if number not in self._made:
            self._made[number] = self._make(number)
        return self._made[number]

    def _make(self, number: int) -> LicenseText:
        raw, (low, high) = self._raw[number], self._words.offsets[number : number + 2]
        place = [self._words.start[low:high] - self._bytes[number], self._words.end[low:high] - self._bytes[number]]
        encoded = raw.encode()
        optional, disclaims = (_mark(raw, place, spans) for spans in (_optional_parts(raw), _disclaimers(raw)))
        spelled = tuple(encoded[a:b].decode("utf-8", "replace").lower() for a, b in zip(*place, strict=True))
        listed = listed_licenses().get(self.ids[number])
        title = TITLE_WORDS | ({*flat_words(listed.name)} - CONDITIONS if listed else set())
        return LicenseText(self.ids[number], self._words.words[low:high], optional, disclaims, self._names[low:high], spelled, frozenset(title))


_UPPER, _LOWER = (65, 90), (97, 122)
"""Bytes of ASCII letters."""
_IN_ADDRESSES = np.frombuffer(b"@/._-:", np.uint8)


def _name_words(words: Words) -> NDArray[np.bool_]:
    """Return which words are names: those never written small in any licence outside addresses, and the capitalised words right beside them."""
    data = np.concatenate([words.data, np.zeros(2, np.uint8)])
    first, second, before, behind = data[words.start], data[words.start + 1], data[words.start - 1], data[words.end]
    small = (first >= _LOWER[0]) & (first <= _LOWER[1]) & ~np.isin(before, _IN_ADDRESSES) & ~np.isin(behind, _IN_ADDRESSES[:2])
    capital = (first >= _UPPER[0]) & (first <= _UPPER[1])
    capitalised = capital & (second >= _LOWER[0]) & (second <= _LOWER[1])
    named: NDArray[np.bool_] = capital & ~np.isin(words.words, np.unique(words.words[small]))
    close = np.concatenate([words.start[1:] - words.end[:-1] == 1, [False]])
    for _ in range(_NAME_WORDS):
        named[1:] |= capitalised[1:] & named[:-1] & close[:-1]
        named[:-1] |= capitalised[:-1] & named[1:] & close[:-1]
    return named


def _mark(text: str, place: Sequence[NDArray[np.int64]], spans: Iterable[tuple[int, int]]) -> NDArray[np.bool_]:
    """Return which words lie in some spans of code points."""
    marked = np.zeros(len(place[0]), np.bool_)
    for start, end in spans:
        first, last = len(text[:start].encode()), len(text[:end].encode())
        marked |= (place[0] >= first) & (place[1] <= last)
    return marked


def _disclaimers(text: str) -> Iterator[tuple[int, int]]:
    """Yield the sentences on warranty and liability."""
    for sentence in _SENTENCE.finditer(text):
        if DISCLAIMS.search(sentence.group()) and not _GRANTS.search(sentence.group()):
            yield sentence.span()


def _optional_parts(text: str) -> Iterator[tuple[int, int]]:
    """Yield the code points of a licence text that others may leave out."""
    yield 0, _head_end(text)
    for line in _COPYRIGHT_LINE.finditer(text):
        yield line.span()
    if "creative commons" in text[:4000].lower():
        begin = _CC_BEGIN.search(text)
        if begin is not None:
            yield 0, begin.start()
    advice = _ADVICE.search(text, int(len(text) * _LATE))
    if advice is not None:
        yield advice.start(), len(text)


def _head_end(text: str) -> int:
    """Return where the headings and copyright lines at the top of a text end."""
    at = 0
    for paragraph in re.finditer(r"(?:[^\n]*\S[^\n]*\n?)+\s*|\s+", text):
        if not _is_heading(paragraph.group().strip().splitlines()):
            break
        at = paragraph.end()
    return at if at < len(text) else 0


def _is_heading(lines: Sequence[str]) -> bool:
    if any(len(line.split()) > _HEAD_WORDS for line in lines):
        return False
    return all(_HEADING.fullmatch(line) for line in lines) or (len(lines) == 1 and lines[0][-1:] not in {".", ":", ";", ","})


def _reworded(text: str, old: str, new: str) -> str:
    """Return a text with other words, wherever its lines break."""
    return re.sub(r"\s+".join(map(re.escape, old.split())), new, text)


def joined(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return texts as one buffer of UTF-8 and the offsets of its rows."""
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    return np.frombuffer(b"".join(parts), np.uint8), np.cumsum([0, *(len(p) for p in parts)], dtype=np.int64)


def words_of(text: str) -> Words:
    """Return the words of one text."""
    return read_words(*joined([text]))


@cache
def shipped_texts() -> LicenseTexts:
    """Return the texts that ship with the package.

    Raises:
        TermsDocumentError: If their file is damaged.

    Cost: half a second and 30 MB, once a process.
    """
    path = shipped("policies") / "licenses" / "spdx" / "texts.json.xz"
    try:
        document = json.loads(lzma.decompress(path.read_bytes()))
    except (OSError, lzma.LZMAError, ValueError) as err:
        raise TermsDocumentError(f"{path}: cannot be read: {err}", hint="install the package again") from err
    if document.get("format") != TEXTS_FORMAT or document.get("version") != TEXTS_VERSION:
        raise TermsDocumentError(f"{path}: not a document of format {TEXTS_FORMAT}, version {TEXTS_VERSION}", hint="install the package again")
    listed = list(document["texts"].items())
    variants = [(key, _reworded(document["texts"][key], old, new)) for key, old, new in _VARIANTS]
    return LicenseTexts([*listed, *variants], release=document["release"])
