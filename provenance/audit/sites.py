"""Sites that a dataset's text was gathered from, by what its registrant says, and what their catalogued terms say about the run.

The address of a crawl, and of the robots.txt that it read, is where pages were gathered. Where nobody says how text came about, its address may be where;
that bars nothing for certain and allows nothing unseen. The address of a public, licensed, own or synthetic dataset is where it is had from, and so is one at
a hub, where people hand out sets made of other sites' text.
"""

from __future__ import annotations

from collections.abc import Iterator

from provenance.licensing.answers import TermsAnswer
from provenance.licensing.sites import Address, Gathering, addresses_in, site_answers, ways_in
from provenance.licensing.terms_values import TermsCatalog
from provenance.licensing.uses import RunUse
from provenance.model.dataset import Dataset, SourceKind
from provenance.model.details import OptOutSignal

_PERHAPS = frozenset({SourceKind.OTHER, SourceKind.UNKNOWN})
_HUBS = ("github.com", "githubusercontent.com", "huggingface.co", "hf.co")
_HANDED_OUT = ("huggingface.co/datasets", "hf.co/datasets")
"""Pages where a hub hands out data sets: nobody crawls them for their words."""


def answers_of_sites(dataset: Dataset, catalog: TermsCatalog, use: RunUse) -> tuple[TermsAnswer, ...]:
    """Return what the terms of each site say that a dataset was, or may have been, gathered from, each answer once."""
    crawled = dataset.source.kind is SourceKind.WEB_CRAWL
    gatherings = (
        Gathering(address=address, days=dataset.source.collected, certain=crawled, crawled=crawled, ways=ways_in(dataset.details.collection.method))
        for address in dict.fromkeys(_gathered_at(dataset))
    )
    return tuple(dict.fromkeys(a for gathering in gatherings for a in site_answers(catalog, gathering, use)))


def _gathered_at(dataset: Dataset) -> Iterator[Address]:
    kind = dataset.source.kind
    if kind is SourceKind.WEB_CRAWL:
        yield from _but(_HANDED_OUT, addresses_in(dataset.source.url))
        for check in dataset.details.collection.opt_outs:
            if check.signal is OptOutSignal.ROBOTS_TXT:
                yield from _but(_HANDED_OUT, addresses_in(check.evidence.url))
    elif kind in _PERHAPS:
        yield from _but(_HUBS, addresses_in(dataset.source.url))


def _but(sites: tuple[str, ...], addresses: tuple[Address, ...]) -> Iterator[Address]:
    return (a for a in addresses if not any(a.is_at(site) for site in sites))
