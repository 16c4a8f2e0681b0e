"""Tells whether two texts name one person, so that nobody approves what they asked for under another spelling. Standard library only.

In doubt two names are one person: a second pair of eyes that is refused costs a line, one that was never there costs the check.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from provenance.fingerprint.confusables import FILLERS, LOOK_ALIKES

_ADDRESS: Final = re.compile(r"(?:mailto:)?([^\s<>()\[\],;:\"']+)@([^\s<>()\[\],;:\"']+)")
_BRACKETS: Final = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\{[^{}]*\}")
_WORD: Final = re.compile(r"[^\W_]+")
_TOP_DOTLESS: Final = frozenset({"gmail.com", "googlemail.com"})
_LATIN: Final = str.maketrans(LOOK_ALIKES)
_UNSEEN: Final = frozenset({"Mn", "Mc", "Me", "Cf", "Cc"})
_LEAST_WORDS: Final = 2
"""Words by which the part of an address before the @ is taken for a name, as in ada.lovelace@."""
_MOST_JOINED: Final = 5
"""Words that are tried in every order where the other text writes them as one."""
_TITLES: Final = frozenset(
    _WORD.findall("dr prof professor mr mrs ms miss mx sir dame herr frau mme mlle hon rev phd msc bsc ba ma md jd llm llb mba esq jr sr ii iii")
)
_ROLES: Final = frozenset(
    _WORD.findall(
        "approver audit auditor ceo chief ciso clo compliance counsel cto data dept department director dpo engineer engineering finance head it lawyer "
        "lead legal manager ml officer ops owner privacy product requester research reviewer risk science scientist security senior staff team the of and"
    )
)
"""What stands behind a comma and is no given name: bob, legal."""


def is_same_person(one: str, other: str) -> bool:
    """Tell whether two texts name, or may well name, one person: by name, by address, or by a name spelt in an address.

    A text in brackets, behind a comma, and titles say nothing of who it is. A name that holds all words of the other is its name in full, and a letter
    stands for a word that begins with it.
    """
    if is_same_name(one, other):
        return True
    first, second = _read(one), _read(other)
    if any(_may_be(a, b) for a in first.names for b in second.names):
        return True
    if first.is_full and second.is_full:  # two full names that differ: that both have the mailbox bob@ somewhere says nothing
        return False
    return any(_may_be(a, b) for a in (*first.names, *first.boxes) for b in (*second.names, *second.boxes))


def is_same_name(one: str, other: str) -> bool:
    """Tell whether two texts are spellings of one name or address: what to ask where it counts that it is this person and nobody else."""
    return bool(_keys(one) & _keys(other))


def count_persons(names: Iterable[str]) -> int:
    """Return how many persons names stand for at least: no two of those counted may be one person.

    A name that may be several people, such as "bob" beside two of them, gives way to these. Cost: quadratic in the number of different names.
    """
    different = sorted(set(names))
    alike = {name: [other for other in different if other != name and is_same_person(name, other)] for name in different}
    counted: set[str] = set()
    for name in sorted(different, key=lambda n: (len(alike[n]), n)):
        if not counted.intersection(alike[name]):
            counted.add(name)
    return len(counted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Naming:
    """By what a text names somebody."""

    names: tuple[tuple[str, ...], ...]
    """Words of names, in order."""
    boxes: tuple[tuple[str, ...], ...]
    """Parts of addresses before the @ that are one word."""
    is_full: bool
    """A name of several words is among them."""


@lru_cache(1 << 10)
def _read(text: str) -> _Naming:
    folded = _folded(text)
    locals_ = [tuple(_WORD.findall(_local(local, host.strip(".")))) for local, host in _ADDRESS.findall(folded)]
    spoken = _name_words(_ADDRESS.sub(" ", folded))
    names = [words for words in (spoken, *(w for w in locals_ if len(w) >= _LEAST_WORDS)) if words]
    boxes = tuple(words for words in locals_ if len(words) == 1)
    return _Naming(names=tuple(names), boxes=boxes, is_full=any(len(words) >= _LEAST_WORDS for words in names))


def _name_words(text: str) -> tuple[str, ...]:
    """Return the words of a name without what is said of the person."""
    bare = text
    while (less := _BRACKETS.sub(" ", bare)) != bare:
        bare = less
    head, comma, tail = (bare if _WORD.search(bare) else text).partition(",")
    words, more = _WORD.findall(head), _WORD.findall(tail)
    if comma and len(words) <= 1 and not all(word in _ROLES or word in _TITLES for word in more):
        words += more  # Lovelace, Ada
    return tuple(word for word in words if word not in _TITLES) or tuple(words)


def _may_be(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Tell whether words may name one person: those of one are all among the other's, or are written as one word there."""
    if "".join(one) == "".join(other):
        return True
    few, many = sorted((one, other), key=len)
    if len(few) == 1 and 1 < len(many) <= _MOST_JOINED and _is_joined(few[0], many, whole=False):
        return True
    return _is_among(few, many)


def _is_joined(text: str, words: tuple[str, ...], *, whole: bool) -> bool:
    """Tell whether a text is these words in some order, each in full or by its first letter, at least one in full: bsmith."""
    if not words:
        return whole and not text
    for i, word in enumerate(words):
        rest = words[:i] + words[i + 1 :]
        if text.startswith(word) and _is_joined(text[len(word) :], rest, whole=whole or len(word) > 1):
            return True
        if text.startswith(word[0]) and _is_joined(text[1:], rest, whole=whole):
            return True
    return False


def _is_among(few: tuple[str, ...], many: tuple[str, ...]) -> bool:
    """Tell whether each word is one of the others or an initial of one; a single letter alone names nobody."""
    left, others = Counter(few) - Counter(many), Counter(many) - Counter(few)
    shared = (Counter(few) & Counter(many)).keys()
    if not any(len(word) > 1 for word in shared) and len(few) < _LEAST_WORDS:
        return False
    for letter in {word[0] for word in left}:
        short, long = _by_length(left.elements(), letter)
        other_short, other_long = _by_length(others.elements(), letter)
        if short > other_long or long > other_short:
            return False
    return True


def _by_length(words: Iterable[str], letter: str) -> tuple[int, int]:
    """Return how many words with this first letter are the letter alone, and how many are longer."""
    lengths = [len(word) for word in words if word[0] == letter]
    return lengths.count(1), len(lengths) - lengths.count(1)


@lru_cache(1 << 10)
def _keys(text: str) -> frozenset[str]:
    """Return all that a text names: addresses, the words of names in one order, and the whole as it looks."""
    folded = _folded(text)
    keys = {"".join(c for c in folded if unicodedata.category(c)[0] not in {"C", "Z"})}
    for local, host in _ADDRESS.findall(folded):
        keys |= _of_address(local, host.strip("."))
    name = " ".join(sorted(_WORD.findall(_ADDRESS.sub(" ", folded))))
    return frozenset(keys | ({name} if name else set()))


def _of_address(local: str, host: str) -> set[str]:
    host = "gmail.com" if host in _TOP_DOTLESS else host
    local = _local(local, host)
    words = sorted(_WORD.findall(local))
    named = {" ".join(words)} if len(words) >= _LEAST_WORDS else set()
    return {f"{local}@{host}", *named}


def _local(local: str, host: str) -> str:
    local = local.partition("+")[0]
    return local.replace(".", "") if host in _TOP_DOTLESS else local


def _folded(text: str) -> str:
    """Return a text as people read it: case, width, accents and letters of other scripts that look alike make nobody somebody else."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).translate(_LATIN).casefold())
    return "".join(c for c in plain if c not in FILLERS and unicodedata.category(c) not in _UNSEEN).translate(_LATIN)
