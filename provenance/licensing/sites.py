"""Sites: which catalogued texts bind what was gathered from an address, and what they say about a run.

A site is found by its host: the address is at a host that a text names, or at one below it. What only looks like one (``notnytimes.com``,
``nytimes.com.example``) is another site, and a site that no text names has no answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from urllib.parse import SplitResult, unquote, urlsplit

from provenance.licensing.answers import TermsAnswer
from provenance.licensing.resolution import resolve, strictest
from provenance.licensing.terms_values import TermsCatalog, TermsVersion
from provenance.licensing.uses import RunUse, Use
from provenance.model.absence import Absence, Permission, TriState, is_absent
from provenance.model.claims import DateRange
from provenance.model.dataset import Generator

MAX_ADDRESS = 8192
"""Longest text that is read as addresses, in characters."""
_WAYS = {"dump": "dump", "dumps": "dump", "api": "data-api", "apis": "data-api"} | dict.fromkeys(
    ("crawl", "crawled", "crawler", "crawling", "scrape", "scraped", "scraper", "scraping"), "crawl"
)
_STARTS = re.compile(r"(?=\bhttps?:/)", re.IGNORECASE)
_UNKNOWN = Absence.UNKNOWN.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a page stands: a host in lower case without port and user, and a path."""

    host: str
    path: str = "/"

    def is_at(self, site: str) -> bool:
        """Tell whether it is of a site.

        >>> Address(host="www.nytimes.com").is_at("nytimes.com"), Address(host="notnytimes.com").is_at("nytimes.com")
        (True, False)
        """
        host, _, path = site.partition("/")
        if self.host != host and not self.host.endswith(f".{host}"):
            return False
        return not path or f"{self.path}/".startswith(f"/{path}/")


def addresses_in(text: str) -> tuple[Address, ...]:
    """Return the addresses that a text names, each once: several stand apart by blanks, and that of an archived page holds the page's own.

    >>> [a.host for a in addresses_in("https://me@WWW.NYTimes.com:443/a https://web.archive.org/web/2024/https://bbc.com/")]
    ['www.nytimes.com', 'web.archive.org', 'bbc.com']
    """
    parts = (_split(word.strip(",;<>\"'()[]")) for word in text[:MAX_ADDRESS].split()) if not is_absent(text) else ()
    found = (address for part in parts if part is not None for address in _of_page(part))
    return tuple(dict.fromkeys(found))


def _split(text: str) -> SplitResult | None:
    """Return an address in its parts, ``None`` where it is none; a backslash is read as browsers read it."""
    plain = text.replace("\\", "/")
    try:
        return urlsplit(plain if re.match(r"[a-z][a-z0-9+.-]*://", plain, re.IGNORECASE) else f"//{plain.lstrip('/')}")
    except ValueError:
        return None


def _of_page(page: SplitResult) -> Iterator[Address]:
    host, path = _host(page), re.sub(r"/{2,}", "/", unquote(page.path).lower())
    if host:
        yield Address(host=host, path=path)
    for inner in _STARTS.split(unquote(page.path))[1:]:
        part = _split(re.sub(r"^(https?):/+", r"\1://", inner, flags=re.IGNORECASE))
        if part is not None and (name := _host(part)):
            yield Address(host=name, path=re.sub(r"/{2,}", "/", part.path.lower()))


def _host(page: SplitResult) -> str:
    """Return the host as the name service spells it: lower case, letters of other scripts in punycode."""
    name = unquote(page.netloc.rpartition("@")[2])
    name = re.sub(r":\d*$", "", name)
    try:
        return name.encode("idna").decode("ascii").lower().strip(".")
    except UnicodeError:
        return name.lower().strip(".")


def ways_in(method: str) -> frozenset[str]:
    """Return the ways of access that somebody's words name.

    >>> sorted(ways_in("Official dump of 2024-05"))
    ['dump']
    """
    return frozenset() if is_absent(method) else frozenset(_WAYS[w] for w in re.findall(r"[a-z]+", method.lower()) if w in _WAYS)


def texts_of_site(catalog: TermsCatalog, address: Address) -> tuple[TermsVersion, ...]:
    """Return the site texts that an address falls under; nothing where nobody has catalogued the site.

    A text that names no sites goes with those of its provider that do; where none does, by the host of its own address.
    """
    texts = catalog.of_sites
    providers = {e.provider for e in texts if any(address.is_at(site) for site in e.sites)}
    if not providers:
        naming = {e.provider for e in texts if e.sites}
        providers = {e.provider for e in texts if e.provider not in naming and any(address.is_at(h) for h in _own_host(e))}
    return tuple(e for e in texts if e.provider in providers and (not e.sites or any(address.is_at(site) for site in e.sites)))


def _own_host(entry: TermsVersion) -> tuple[str, ...]:
    return tuple(a.host.removeprefix("www.") for a in addresses_in(entry.url))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """How text was gathered from a site, as far as somebody says."""

    address: Address
    days: DateRange
    certain: bool = True
    """Whether it surely was gathered there."""
    crawled: bool = True
    """Whether it is said to be a crawl."""
    ways: frozenset[str] = frozenset()
    """Ways of access that were named."""

    @property
    def access(self) -> str:
        """Return the one way of access that it can have been, else UNKNOWN."""
        ways = self.ways | ({"crawl"} if self.crawled else frozenset())
        return next(iter(ways)) if len(ways) == 1 else _UNKNOWN


def site_answers(catalog: TermsCatalog, gathering: Gathering, run: RunUse) -> tuple[TermsAnswer, ...]:
    """Return what the terms of the site say about the run and about the means, an answer for each provider; nothing where it is not catalogued."""
    texts = sorted(texts_of_site(catalog, gathering.address), key=_provider)
    return tuple(_answer(catalog, provider, tuple(of_one), gathering, run) for provider, of_one in groupby(texts, key=_provider))


def _provider(entry: TermsVersion) -> str:
    return entry.provider


def _answer(catalog: TermsCatalog, provider: str, texts: tuple[TermsVersion, ...], gathering: Gathering, run: RunUse) -> TermsAnswer:
    site = replace(catalog, entries=texts)
    maker = Generator(provider=provider, channel="site", generated=gathering.days)
    means = (Use.COLLECTION,) if _asks_means(texts, gathering) else ()
    use = replace(run, access=gathering.access, automated=TriState.YES if gathering.crawled else run.automated)
    found = resolve(site, maker, use, also=means)
    barred = _other_way(texts, gathering)
    if barred:
        open_ = TermsAnswer(outcome=Permission.UNKNOWN, layers=(), reasons=(barred,), rules=("RR11",))
        found = strictest((found, open_))
    where = f"{gathering.address.host} is a site of {provider}, whose terms are catalogued"
    if not gathering.certain and found.outcome is Permission.PROHIBITED:
        doubt = "nobody says whether its text was gathered there"
        return replace(found, outcome=Permission.UNKNOWN, reasons=(where, doubt, *found.reasons))
    return replace(found, reasons=(where, *found.reasons))


def _asks_means(texts: Iterable[TermsVersion], gathering: Gathering) -> bool:
    """A dump is handed out by the site itself: silence on gathering by program leaves nothing open there."""
    dumped = gathering.access == "dump" or all(e.access == ("dump",) for e in texts)
    return not dumped or any(e.clause("automated_extraction") is not None for e in texts)


def _other_way(texts: Iterable[TermsVersion], gathering: Gathering) -> str:
    """Return why the way cannot be told to be a permitted one, where a text opens some ways only and none that it governs was named."""
    for entry in texts:
        clause = entry.clause("automated_extraction")
        if clause is not None and clause.permits and not (gathering.ways and gathering.ways <= set(clause.permits)):
            return f"{entry.id}: gathering is allowed through {', '.join(clause.permits)} only, and nobody says that it was done so"
    return ""
