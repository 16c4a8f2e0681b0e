"""Sentences that only disclaim warranty and liability, in the words in which the licences of the SPDX list do."""

from __future__ import annotations

import re
from functools import cache

from provenance.licensing.flat import flat_words
from provenance.matching.license_changes import CONDITIONS, DISCLAIMING
from provenance.matching.license_texts import DISCLAIMS, shipped_texts

_MODELS = ("MIT", "BSD-3-Clause", "Apache-2.0", "GPL-2.0-only", "ISC", "Zlib", "CC-BY-4.0", "BSL-1.0", "MIT-0", "NTP", "curl", "Unlicense")
"""Licences whose disclaimers give the words."""
_OTHERS = frozenset(
    {"comes", "absolutely", "risk", "own", "your", "you", "at", "use", "guarantee", "guarantees", "useful", "hope", "will", "be", "that", "it"}
)


def disclaims_only(text: str) -> bool:
    """Tell whether a sentence says nothing but that there is no warranty or liability."""
    if not DISCLAIMS.search(text) or re.search(r"\d", text):
        return False
    words = set(flat_words(text))
    return not (CONDITIONS - DISCLAIMING) & words and words <= _vocabulary()


@cache
def _vocabulary() -> frozenset[str]:
    texts = shipped_texts()
    chosen = [texts.text(texts.ids.index(key)) for key in _MODELS]
    said = {word for text in chosen for word, marked in zip(text.spelled, text.disclaims.tolist(), strict=True) if marked}
    return frozenset(said | _OTHERS) - (CONDITIONS - DISCLAIMING)
