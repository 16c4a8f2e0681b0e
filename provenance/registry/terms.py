"""What a dataset is found by: words of its facts, and facets with their values as they are.

Words are runs of letters, digits and underscores after NFKC and case folding, the same on every database.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from provenance.model.absence import is_absent
from provenance.model.dataset import Dataset

NAME_WORD, TITLE_WORD, TEXT_WORD = "word.name", "word.title", "word.text"
WEIGHTS = {NAME_WORD: 8, TITLE_WORD: 4, TEXT_WORD: 1}
"""How much a word counts, by where it stands."""
FACETS = ("license", "source", "language", "tag", "provider", "model", "modality", "domain", "owner", "synthetic")
"""What datasets can be filtered and counted by."""
MAX_WORD = 64
"""Characters of a word that are kept: longer runs are no words."""
MAX_WORDS = 5_000
"""Distinct words kept of one place: a description of a million words must not swell the registry."""
_WORD = re.compile(r"\w+")


def words_of(text: str) -> Iterator[str]:
    """Yield the words of a text, folded."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return (match.group()[:MAX_WORD] for match in _WORD.finditer(folded))


def build_terms(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """Return all (facet, value) of a dataset, sorted, each once."""
    details = dataset.details
    texts = (details.description, *details.creators, details.publisher, *details.identifiers, *details.purposes, *details.content_types)
    texts = (*texts, dataset.domain, dataset.owner, *dataset.tags, *dataset.derived_from, dataset.source.url, dataset.source.collector)
    found = {(facet, value) for facet, value in _facets(dataset) if value}
    for facet, part in ((NAME_WORD, (dataset.name,)), (TITLE_WORD, (dataset.title,)), (TEXT_WORD, texts)):
        found.update((facet, word) for word in _distinct(part))
    return tuple(sorted(found))


def _distinct(texts: Iterable[str]) -> list[str]:
    words: dict[str, None] = {}
    for text in texts:
        for word in words_of(text) if not is_absent(text) else ():
            words[word] = None
            if len(words) >= MAX_WORDS:
                return list(words)
    return list(words)


def _facets(dataset: Dataset) -> Iterator[tuple[str, str]]:
    claims = (dataset.license.declared, dataset.license.concluded, *dataset.license.stated)
    values = {c.value for c in claims if not is_absent(c.value)} or {dataset.license.effective}
    yield from (("license", value) for value in values)
    yield "source", dataset.source.kind.value
    yield from (("language", value) for value in dataset.languages)
    yield from (("tag", value) for value in dataset.tags)
    yield from ((facet, value) for g in dataset.generators for facet, value in (("provider", g.provider), ("model", g.model)))
    yield from (("modality", m.value) for m in dataset.details.modalities)
    yield from (("domain", dataset.domain), ("owner", dataset.owner), ("synthetic", dataset.synthetic.value))
