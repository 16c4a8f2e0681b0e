"""Names of people and titles of works in the one form in which demands, records and references are compared. Standard library only."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from typing import Final

MAX_NAME: Final = 1_000
"""Characters of a name or title that is looked at; what is longer is none."""
MAX_ID: Final = 1_024
"""Characters of an id; a longer one is kept as its digest."""
_BETWEEN: Final = re.compile(r"\s*(?:;|&|\band\b|\bund\b|\bet\b|\by\b|\|)\s*", re.IGNORECASE)
_WORD: Final = re.compile(r"[^\W_]+")
_LEAST_WORDS: Final = 2
_ONE_WORD: Final = """
    admin administrator anon anonim anonimo anonym anonyme anonymous anónimo author authors creator deleted desconocido editor editorial editors empty guest
    inconnu misc missing multiple na nan nil no nobody none null redacted removed sconosciuto several staff tba tbd test unbekannt undefined unknown unnamed
    unspecified user username various webmaster writer x xx xxx неизвестно
"""
_WORDS_MORE: Final = ("n a", "n n", "no author", "no data", "no name", "not applicable", "not available", "not given", "not known", "not stated")
_NOBODY: Final = frozenset((*_ONE_WORD.split(), *(" ".join(sorted(words.split())) for words in _WORDS_MORE)))
"""What is written where nobody is named, as keys."""
_OPEN: Final = re.compile(
    r"\bet\.?\s+al(?:ii)?\b|\b(?:anonymous|deleted|others|unbekannt|unknown|unspecified|various)\b|\bn\s?/\s?a\b", re.IGNORECASE
)
"""Leaves open who else it was."""


@lru_cache(1 << 14)
def title_key(text: str) -> str:
    """Return what two spellings of one title have in common: its words, folded, in their order; empty where there is none."""
    return " ".join(_words(text))


@lru_cache(1 << 14)
def person_key(text: str) -> str:
    """Return what two spellings of one name have in common: its words in one order, so that ``Chesterton, G. K.`` is ``G.K. Chesterton``."""
    return " ".join(sorted(_words(text)))


def person_keys(text: str) -> tuple[str, ...]:
    """Return the keys of all whom a field of authors may name: the whole, and its parts between semicolons, ``and`` or commas."""
    if len(text) > MAX_NAME:
        return ()
    parts = [text, *_BETWEEN.split(text)]
    parts += [p for part in parts for p in part.split(",") if sum(len(word) > 1 for word in _words(p)) and len(_words(p)) >= _LEAST_WORDS]
    return tuple(dict.fromkeys(key for p in parts if (key := person_key(p))))


def names_all(text: str) -> bool:
    """Tell whether a field of authors names them: not where it holds a mere placeholder, a number, or leaves somebody out."""
    if len(text) > MAX_NAME or _OPEN.search(unicodedata.normalize("NFKC", text)):
        return False
    keys = [key for part in _BETWEEN.split(text) if (key := person_key(part))]
    return bool(keys) and not any(key in _NOBODY or all(word in _NOBODY or word.isdecimal() for word in key.split()) for key in keys)


def id_key(text: str) -> str:
    """Return the key of an id: itself in NFC without blanks around it, or the digest of a very long one."""
    text = text.strip() if text.isascii() else unicodedata.normalize("NFC", text.strip())
    return text if len(text) <= MAX_ID else "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _words(text: str) -> list[str]:
    if len(text) > MAX_NAME:
        return []
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _WORD.findall(folded)
