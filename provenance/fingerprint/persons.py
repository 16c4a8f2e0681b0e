"""Tells whether two texts name one person, so that nobody approves what they asked for under another spelling. Standard library only.

In doubt two names are one person: a second pair of eyes that is refused costs a line, one that was never there costs the check.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from provenance.fingerprint.confusables import FILLERS, LOOK_ALIKES

_ADDRESS: Final = re.compile(r"(?:mailto:)?([^\s<>()\[\],;:\"']+)@([^\s<>()\[\],;:\"']+)")
_WORD: Final = re.compile(r"[^\W_]+")
_TOP_DOTLESS: Final = frozenset({"gmail.com", "googlemail.com"})
_LATIN: Final = str.maketrans(LOOK_ALIKES)
_UNSEEN: Final = frozenset({"Mn", "Mc", "Me", "Cf", "Cc"})
_LEAST_WORDS: Final = 2
"""Words by which the part of an address before the @ is taken for a name, as in ada.lovelace@."""


def is_same_person(one: str, other: str) -> bool:
    """Tell whether two texts name, or may well name, one person: by name, by address, or by a name spelt in an address."""
    return bool(_keys(one) & _keys(other))


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
    local = local.partition("+")[0]
    if host in _TOP_DOTLESS:
        local, host = local.replace(".", ""), "gmail.com"
    words = sorted(_WORD.findall(local))
    named = {" ".join(words)} if len(words) >= _LEAST_WORDS else set()
    return {f"{local}@{host}", *named}


def _folded(text: str) -> str:
    """Return a text as people read it: case, width, accents and letters of other scripts that look alike make nobody somebody else."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).translate(_LATIN).casefold())
    return "".join(c for c in plain if c not in FILLERS and unicodedata.category(c) not in _UNSEEN).translate(_LATIN)
