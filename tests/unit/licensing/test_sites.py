"""Which site an address is of, and what the terms of that site say about text gathered there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.config import shipped
from provenance.errors import TermsDocumentError
from provenance.licensing.answers import TermsAnswer
from provenance.licensing.sites import Gathering, addresses_in, site_answers, texts_of_site, ways_in
from provenance.licensing.terms import TermsCatalog, load_terms
from provenance.licensing.terms_values import TermsVersion
from provenance.licensing.uses import RunUse
from provenance.model.absence import Permission, TriState
from provenance.model.claims import DateRange

RUN = RunUse(commercial=TriState.YES, distribute_weights=TriState.NO, others_compete=TriState.YES)


@cache
def catalog() -> TermsCatalog:
    return load_terms((shipped("policies") / "terms",))


def providers(address: str) -> set[str]:
    return {e.provider for a in addresses_in(address) for e in texts_of_site(catalog(), a)}


def answers(
    address: str, first: str = "UNKNOWN", last: str = "", *, method: str = "", crawled: bool = True, terms: TermsCatalog | None = None
) -> list[TermsAnswer]:
    days = DateRange(start=first, end=last or first)
    return [
        answer
        for a in addresses_in(address)
        for answer in site_answers(terms or catalog(), Gathering(address=a, days=days, certain=crawled, crawled=crawled, ways=ways_in(method)), RUN)
    ]


def outcome(address: str, first: str = "UNKNOWN", last: str = "", *, method: str = "", crawled: bool = True) -> Permission:
    (answer,) = answers(address, first, last, method=method, crawled=crawled)
    return answer.outcome


@pytest.mark.parametrize(
    "address",
    [
        "https://nytimes.com",
        "https://www.nytimes.com/2024/05/01/world/x.html",
        "http://cooking.nytimes.com/",
        "https://a.b.c.nytimes.com/",
        "HTTPS://WWW.NYTIMES.COM/",
        "https://www.nytimes.com:443/section/",
        "https://reader:secret@www.nytimes.com:8443/",
        "https://evil.example@www.nytimes.com/",
        "https://www.nytimes.com./",
        "www.nytimes.com/section",
        "//www.nytimes.com/section",
        "nytimes.com:443",
        "https://*.nytimes.com/*",
        "https://www.nytimes%2Ecom/",
        "https://www.nytimes.com\\@other.example/",
        "https://www\N{IDEOGRAPHIC FULL STOP}nytimes\N{FULLWIDTH FULL STOP}com/",
        "https://www.\N{FULLWIDTH LATIN SMALL LETTER N}ytimes.com/",
        "https://other.example/, https://www.nytimes.com/",
        "https://web.archive.org/web/20240101000000/https://www.nytimes.com/section",
        "https://web.archive.org/web/2024/https:/www.nytimes.com/section",
        "s3://nytimes.com/pages",
    ],
)
def test_an_address_is_of_the_site_whatever_its_spelling(address: str) -> None:
    assert providers(address) == {"nyt"}


@pytest.mark.parametrize(
    "address",
    [
        "https://notnytimes.com/",
        "https://nytimes.com.example/",
        "https://nytimes.org/",
        "https://www.nytimes.com@other.example/",
        "https://other.example/nytimes.com/",
        "https://other.example/?from=https://www.nytimes.com/",
        "https://other.example/#https://www.nytimes.com/",
        "https://n\N{CYRILLIC SMALL LETTER U}times.com/",
        "https://xn--ntimes-7ye.com/",
        "https://nytimes-com.example/",
        "https://com/",
        "https://[::1]/",
        "https://[nytimes.com/",
        "https://fox.com/",
        "https://reddit.com.br/",
        "https://www.ncbi.nlm.nih.gov/pubmed/1",
        "https://www.ncbi.nlm.nih.gov/pmcs",
        "UNKNOWN",
        "NOT_STATED",
        "",
        "//",
        "https://",
        ".",
    ],
)
def test_what_only_looks_like_a_site_is_another_one(address: str) -> None:
    assert providers(address) == set()


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("https://www.bbc.co.uk/news", "bbc"),
        ("https://www.bbc.com/news", "bbc"),
        ("https://www.theguardian.com/uk", "guardian"),
        ("https://old.reddit.com/r/x", "reddit"),
        ("https://mobile.twitter.com/a", "x"),
        ("https://x.com/a", "x"),
        ("https://de.wikipedia.org/wiki/A", "wikimedia"),
        ("https://dumps.wikimedia.org/enwiki/", "wikimedia"),
        ("https://stackoverflow.com/q/1", "stackexchange"),
        ("https://cooking.stackexchange.com/q/1", "stackexchange"),
        ("https://youtu.be/x", "youtube"),
        ("https://raw.githubusercontent.com/a/b/main/c", "github"),
        ("https://export.arxiv.org/abs/1", "arxiv"),
        ("https://www.quora.com/", "quora"),
        ("https://www.ncbi.nlm.nih.gov//PMC/articles/1", "pubmed-pmc"),
        ("https://www.ncbi.nlm.nih.gov/%70mc", "pubmed-pmc"),
    ],
)
def test_the_shipped_sites_are_found_by_their_hosts(address: str, provider: str) -> None:
    assert providers(address) == {provider}


def test_every_shipped_text_of_a_site_names_its_hosts() -> None:
    assert [e.id for e in catalog().entries if e.kind == "site-terms" and not e.sites] == []


@pytest.mark.parametrize(
    ("address", "days", "found"),
    [
        # nyt.tos.2021-09-01: no data mining or scraping; nyt.tos.2025-06-09: no training.
        ("https://www.nytimes.com/", ("2022-01-01", "2022-02-01"), Permission.PROHIBITED),
        ("https://www.nytimes.com/", ("2025-07-01", "2025-08-01"), Permission.PROHIBITED),
        # x.tos.2023-09-29: silent on training, and no crawling.
        ("https://x.com/", ("2024-01-01", "2024-02-01"), Permission.PROHIBITED),
        # Silence on training is no permission (RR02), although robots.txt lets crawl.
        ("https://www.reddit.com/", ("2024-01-01", "2024-02-01"), Permission.UNKNOWN),
        ("https://www.quora.com/", ("2024-01-01", "2024-02-01"), Permission.PROHIBITED),
        ("https://en.wikipedia.org/", ("2024-01-01", "2024-02-01"), Permission.ALLOWED),
        ("https://arxiv.org/", ("2024-01-01", "2024-02-01"), Permission.ALLOWED),
        # No text of those days is catalogued (RR04).
        ("https://en.wikipedia.org/", ("2022-01-01", "2022-02-01"), Permission.UNKNOWN),
        ("https://www.quora.com/", ("2023-07-01", "2023-08-01"), Permission.PROHIBITED),
        # Days unknown: quora.tos.2023-07-24 and whatever was before need not agree (RR05).
        ("https://en.wikipedia.org/", ("UNKNOWN", "UNKNOWN"), Permission.UNKNOWN),
        # stackexchange.aup.2025-11-18 bars, the text before leaves training to a licence: nobody says which held.
        ("https://stackoverflow.com/", ("UNKNOWN", "UNKNOWN"), Permission.UNKNOWN),
        ("https://stackoverflow.com/", ("2026-01-01", "2026-02-01"), Permission.PROHIBITED),
        ("https://example.com/", ("2024-01-01", "2024-02-01"), None),
    ],
)
def test_the_texts_of_the_days_decide(address: str, days: tuple[str, str], found: Permission | None) -> None:
    assert [a.outcome for a in answers(address, *days)] == ([] if found is None else [found])


def test_a_bar_on_gathering_is_cited() -> None:
    (answer,) = answers("https://www.nytimes.com/", "2022-01-01", "2022-02-01")
    assert ("nyt.tos.2021-09-01", "automated_extraction") in {(c.terms, c.clause) for c in answer.clauses}
    assert "RR11" in answer.rules
    assert answer.reasons[0] == "www.nytimes.com is a site of nyt, whose terms are catalogued"


def test_what_a_site_asks_in_return_comes_along() -> None:
    (answer,) = answers("https://en.wikipedia.org/", "2024-01-01", "2024-02-01")
    assert {"attribution", "robots-txt"} <= {o.code.partition(":")[0] for o in answer.obligations}


def test_a_dump_is_judged_by_the_text_on_dumps_and_a_crawl_never_by_it_alone() -> None:
    days = ("2024-08-01", "2024-09-01")
    assert (
        outcome("https://archive.stackexchange.com/", *days, method="dump", crawled=False) is Permission.UNKNOWN
    )  # barred if it was a dump from there
    assert outcome("https://dumps.wikimedia.org/", *days, method="dump") is Permission.ALLOWED
    assert outcome("https://commoncrawl.org/", *days) is Permission.ALLOWED


def test_pages_crawled_where_only_dumps_and_an_interface_are_open_are_not_allowed() -> None:
    days = ("2024-08-01", "2024-09-01")
    assert outcome("https://pmc.ncbi.nlm.nih.gov/", *days) is Permission.UNKNOWN
    assert outcome("https://pmc.ncbi.nlm.nih.gov/", *days, method="OAI API") is Permission.ALLOWED
    assert outcome("https://pmc.ncbi.nlm.nih.gov/", *days, method="crawled, no API") is Permission.UNKNOWN


def test_a_site_of_which_nobody_says_that_it_was_crawled_is_not_barred_for_certain() -> None:
    (answer,) = answers("https://www.quora.com/", "2024-01-01", crawled=False)
    assert answer.outcome is Permission.UNKNOWN
    assert "nobody says whether its text was gathered there" in answer.reasons


def own(folder: Path, *entries: Mapping[str, object]) -> TermsCatalog:
    base: dict[str, object] = {
        "provider": "acme",
        "kind": "site-terms",
        "version": {"effective_from": "2020-01-01"},
        "clauses": {"train_any_model": {"value": "prohibited"}},
        "confidence": "seen",
    }
    document = {"format": "provenance.terms", "version": 1, "terms": [{**base, **e} for e in entries]}
    (folder / "own.json").write_text(json.dumps(document))
    return load_terms((folder,))


def ids(found: tuple[TermsVersion, ...]) -> list[str]:
    return [e.id for e in found]


def test_a_text_without_sites_goes_with_its_provider_or_by_its_own_address(tmp_path: Path) -> None:
    named = {"id": "a", "applies_to": {"channels": ["site"], "sites": ["acme.example"]}}
    bare = {"id": "b", "applies_to": {"channels": ["site"]}, "url": "https://help.other.example/terms"}
    (page,), (other,) = addresses_in("https://www.acme.example/"), addresses_in("https://help.other.example/x")
    both = own(tmp_path, named, bare)
    assert (ids(texts_of_site(both, page)), ids(texts_of_site(both, other))) == (["a", "b"], [])
    alone = own(tmp_path, bare)
    assert (ids(texts_of_site(alone, page)), ids(texts_of_site(alone, other))) == ([], ["b"])


def test_a_text_known_by_hearsay_leaves_a_site_open(tmp_path: Path) -> None:
    terms = own(tmp_path, {"id": "a", "confidence": "unverified", "applies_to": {"channels": ["site"], "sites": ["acme.example"]}})
    (answer,) = answers("https://acme.example/", "2024-01-01", terms=terms)
    assert answer.outcome is Permission.UNKNOWN


@pytest.mark.parametrize("site", ["https://acme.example", "Acme.example", "www.acme.example", "acme", "*.acme.example", "acme.example/", ""])
def test_a_site_in_another_spelling_than_a_host_is_refused(tmp_path: Path, site: str) -> None:
    with pytest.raises(TermsDocumentError, match="no host"):
        own(tmp_path, {"id": "a", "applies_to": {"channels": ["site"], "sites": [site]}})


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_addresses(text: str) -> None:
    for address in addresses_in(f"https://{text}") + addresses_in(text):
        assert address.host
