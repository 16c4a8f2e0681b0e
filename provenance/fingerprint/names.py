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


def id_key(text: str) -> str:
    """Return the key of an id: itself in NFC without blanks around it, or the digest of a very long one."""
    text = text.strip() if text.isascii() else unicodedata.normalize("NFC", text.strip())
    return text if len(text) <= MAX_ID else "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _words(text: str) -> list[str]:
    if len(text) > MAX_NAME:
        return []
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _WORD.findall(folded)
