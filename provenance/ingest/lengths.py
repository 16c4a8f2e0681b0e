"""How many words a string must hold to matter: enough for a passage, or enough for a passage that stands on its own.

The rules are regular expressions that Python and Arrow read alike, so that every format gives the same rows. They count nearly as the matcher does: a
word is a run of letters and digits, whatever stands between two of them. Where they differ they err on the side of reading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from provenance.fingerprint.bounds import bound_words

PASSAGE_WORDS = 8
"""Fewer words are no passage: the matcher reports none below (``MatchParams.floor_words``)."""
ALONE_WORDS = 24
"""From here on a string carries its own alarm (``MatchParams.min_words``); shorter ones are also read together with their neighbours."""
SURE_LENGTH = 1_000
"""Code points from which a string counts as a passage whatever it holds: nobody need look for words in it."""
_SHORTEST = 2 * PASSAGE_WORDS - 1
"""Code points of ASCII that so many words take."""
_GAP, _NO_APOSTROPHE = r"\x00-/:-@\[-`{-\x7f", r"\x00-&(-/:-@\[-`{-\x7f"
_LETTERS = (
    "0-9A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"  # Latin
    "\u0391-\u03ce\u0400-\u0481\u048a-\u052f\u05d0-\u05ea"  # Greek, Cyrillic, Hebrew
    "\u0620-\u064a\u0671-\u06d3\u0904-\u0939\uac00-\ud7a3"  # Arabic, Devanagari, Hangul
)
"""Letters and digits for certain; what else lies outside ASCII may be punctuation."""
_IDEOGRAPHS = "\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Kana and Chinese characters, each of which is a word."""

# In both patterns there is one way only to match each character: time grows with the length, never with its square.
_PASSAGE = rf"\A[{_GAP}]*(?:[0-9A-Za-z]+[{_GAP}]+|[0-9A-Za-z]*[^\x00-\x7f][{_GAP}]*){{{PASSAGE_WORDS - 1}}}[^{_GAP}]"
"""Counts no fewer words than there are: each character outside ASCII counts as one."""
_START, _REST, _FILL = rf"[{_LETTERS}]", rf"[^{_NO_APOSTROPHE}{_IDEOGRAPHS}]*", rf"[^{_LETTERS}{_IDEOGRAPHS}]*"
_ALONE = (
    rf"\A{_FILL}(?:{_START}{_REST}[{_NO_APOSTROPHE}]{_FILL}|(?:{_START}{_REST})?[{_IDEOGRAPHS}]{_FILL}){{{ALONE_WORDS - 1}}}[{_LETTERS}{_IDEOGRAPHS}]"
)
"""Counts no more words than there are: a word starts with a certain letter and ends at a gap in ASCII."""
_LETTER_OR_DIGIT = np.array([chr(byte).isascii() and chr(byte).isalnum() for byte in range(256)])
_match_passage, _match_alone = re.compile(_PASSAGE).match, re.compile(_ALONE).match


def is_passage(text: str) -> bool:
    """Tell whether a string has room for a passage: ``PASSAGE_WORDS`` words, or ``SURE_LENGTH`` code points of anything."""
    length = len(text)
    if length < _SHORTEST and (length < PASSAGE_WORDS or text.isascii()):
        return False
    return length >= SURE_LENGTH or _match_passage(text) is not None


def may_be_passage(texts: Sequence[str]) -> list[bool]:
    """Tell of each of many strings, faster, whether ``is_passage`` need be asked: ``False`` only where it would say no."""
    joined = "\x00".join(("", *texts))
    if not joined.isascii():
        return [len(text) >= PASSAGE_WORDS for text in texts]
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    letters = _LETTER_OR_DIGIT[np.frombuffer(joined.encode(), np.uint8)]
    first_letters = np.flatnonzero(letters[:-1] < letters[1:])  # of a word each; positions are those of ``texts`` joined without the first NUL
    ends = np.cumsum(lengths + 1)
    counts = np.searchsorted(first_letters, ends) - np.searchsorted(first_letters, ends - lengths - 1)
    maybe: list[bool] = ((counts >= PASSAGE_WORDS) | (lengths >= SURE_LENGTH)).tolist()
    return maybe


def is_alone(text: str) -> bool:
    """Tell whether a string has ``ALONE_WORDS`` words, however long it is: what pads it makes no words."""
    return len(text) >= ALONE_WORDS and _match_alone(text) is not None


def are_passages(texts: pa.LargeStringArray) -> NDArray[np.bool_]:
    """Return ``is_passage`` of each string of an array without nulls. Shapes: (n,) bool."""
    lengths = _numbers(pc.utf8_length(texts))
    if lengths.max(initial=0) < PASSAGE_WORDS:
        return np.zeros(len(texts), np.bool_)
    mask: NDArray[np.bool_] = (lengths >= SURE_LENGTH) | _numbers(pc.match_substring_regex(texts, _PASSAGE))
    return mask


def are_alone(texts: pa.LargeStringArray) -> NDArray[np.bool_]:
    """Return ``is_alone`` of each string of an array without nulls. Shapes: (n,) bool."""
    least, most = _bound_words(texts).T
    mask: NDArray[np.bool_] = least >= ALONE_WORDS
    unsure = np.flatnonzero(~mask & (most >= ALONE_WORDS))
    if len(unsure):
        mask[unsure] = _numbers(pc.match_substring_regex(texts.take(unsure), _ALONE))
    return mask


def _bound_words(texts: pa.LargeStringArray) -> NDArray[np.int64]:
    """Return bounds of the words that the expression finds in each string: many times faster, and equal where there is but plain ASCII. Shapes: (n, 2) int64."""
    _, offset_buffer, data_buffer = texts.buffers()
    offsets = np.frombuffer(memoryview(offset_buffer or bytes(8)), np.int64)[texts.offset : texts.offset + len(texts) + 1]
    bounds = np.empty((len(texts), 2), np.int64)
    bound_words(np.frombuffer(memoryview(data_buffer or b""), np.uint8), offsets, ALONE_WORDS, bounds)
    return bounds


def _numbers(values: Any) -> NDArray[Any]:
    numbers: NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return numbers
