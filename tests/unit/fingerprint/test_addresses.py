"""Addresses are compared as those who publish and those who crawl mean them, however they are written."""

from __future__ import annotations

import time

import pytest

from provenance.fingerprint.addresses import is_public_suffix, iter_addresses, parents_of, read_address, read_host


@pytest.mark.parametrize(
    ("text", "host", "key"),
    [
        ("https://example.com/a/b", "example.com", "example.com/a/b"),
        ("HTTP://EXAMPLE.COM./a/b/", "example.com", "example.com/a/b"),
        ("//example.com/a/b#part", "example.com", "example.com/a/b"),
        ("example.com/a/b", "example.com", "example.com/a/b"),
        ("https://www.example.com/a/b", "www.example.com", "example.com/a/b"),
        ("https://user:pa@ss@example.com:8443/a/b", "example.com", "example.com/a/b"),
        ("https://example.com/x/../a/./b", "example.com", "example.com/a/b"),
        ("https://example.com//a//b", "example.com", "example.com/a/b"),
        ("https://ex%61mple.com/%61/b", "example.com", "example.com/a/b"),
        ("https:\\\\example.com\\a\\b", "example.com", "example.com/a/b"),
        ("https:example.com/a/b", "example.com", "example.com/a/b"),
        ("https://exam\nple.com/a/b", "example.com", "example.com/a/b"),
        ("  https://example.com/a/b\t", "example.com", "example.com/a/b"),
        ("<https://example.com/a/b>", "example.com", "example.com/a/b"),
        ("https://example\uff0ecom/a/b", "example.com", "example.com/a/b"),
        ("https://ｅｘａｍｐｌｅ.com/a/b", "example.com", "example.com/a/b"),
        ("https://exam\u00adple.com/a/b", "example.com", "example.com/a/b"),
        ("https://example.com/a/b?x=1&y=%2F", "example.com", "example.com/a/b?x=1&y=%2F"),
        ("https://example.com?x=1", "example.com", "example.com?x=1"),
        ("https://bücher.example/ü", "xn--bcher-kva.example", "xn--bcher-kva.example/%C3%BC"),
        ("https://xn--bcher-kva.example/%c3%bc", "xn--bcher-kva.example", "xn--bcher-kva.example/%C3%BC"),
        ("https://BU\u0308CHER.example/", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("http://192.0.2.7:80/a", "192.0.2.7", "192.0.2.7/a"),
        ("http://[2001:DB8::1]:80/a", "[2001:db8::1]", "[2001:db8::1]/a"),
        ("https://example.com\\@evil.test/", "example.com", "example.com/@evil.test"),
        ("https://evil.test#@example.com/", "evil.test", "evil.test"),
        ("https://evil.test/?u=https://example.com/", "evil.test", "evil.test?u=https://example.com/"),
    ],
)
def test_one_page_has_one_key(text: str, host: str, key: str) -> None:
    address = read_address(text)
    assert address is not None
    assert (address.host, address.key) == (host, key)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "wikitext2",
        "a b",
        "javascript:alert(1)",
        "mailto:me@example.com",
        "me@example.com",
        "s3://example.com/x",
        "https://",
        "https:///",
        "https://a..example.com/",
        "https://exa mple.com/",
        "https://example.com\x00/",
        "http://\u202eexample.com/",
        "http://[::1/x",
        "http://999.1.1.1/",
        "https://" + "a" * 64 + ".com/",
        "https://" + "a." * 130 + "com/",
        "https://example.com/" + "x" * 10_000,
        "3.14",
        "abc/science.txt",
    ],
)
def test_what_is_no_address_is_none(text: str) -> None:
    assert read_address(text) is None


def test_an_address_without_a_scheme_says_so() -> None:
    plain, marked = read_address("example.com/x"), read_address("//example.com/x")
    assert plain is not None
    assert marked is not None
    assert (plain.has_scheme, marked.has_scheme) == (False, True)


@pytest.mark.parametrize("host", ["com", "de", "co.uk", "com.au", "localhost", "ac.jp"])
def test_what_everybody_registers_below_is_a_suffix(host: str) -> None:
    assert is_public_suffix(host)


@pytest.mark.parametrize("host", ["example.com", "go.com", "bbc.co.uk", "192.0.2.7", "[::1]", "co.example", "id.me", "t.co"])
def test_what_somebody_holds_is_none(host: str) -> None:
    assert not is_public_suffix(host)


def test_a_host_lies_in_its_parents_and_numbers_in_none() -> None:
    assert parents_of("a.b.example.com") == ["a.b.example.com", "b.example.com", "example.com", "com"]
    assert parents_of("192.0.2.7") == ["192.0.2.7"]
    assert read_host("EXAMPLE.com.") == "example.com"


@pytest.mark.parametrize(
    "text",
    [
        "https://web.archive.org/web/2020/https://victim.com/page",
        "https://web.archive.org/web/20200102030405id_/http:/victim.com:80/page",
        "https://web.archive.org/web/2020/victim.com/page",
        "https://web.archive.org/web/2020/https://web.archive.org/web/2019/https://www.victim.com/page",
        "https://a.test/x https://victim.com/page",
        "https://a.test/x,https://victim.com/page",
        "https://a.test/x\nhttps://victim.com/page",
        '["https://a.test/x", "https://victim.com/page"]',
        "a.test/x victim.com/page",
        "https://a.test/go?u=https%3A%2F%2Fvictim.com%2Fpage",
        "https://a.test/go?u=https%253a%252f%252fVICTIM.com%252fpage",
        "https://a.test/go?u=https://victim.com/page&x=1",
        "https://a.test/go?x=1&url=victim.com/page",
        "https://a.test/go?to=//victim.com/page",
        "https://www.google.com/amp/s/victim.com/page",
        "https://a.test/#!https://victim.com/page",
        "https%3A%2F%2Fvictim.com%2Fpage",
        "view-source:https://victim.com/page",
    ],
)
def test_an_address_within_or_beside_another_is_found(text: str) -> None:
    assert ("victim.com", "victim.com/page") in {(a.host.removeprefix("www."), a.page) for a in iter_addresses(text)}


@pytest.mark.parametrize(
    "text",
    [
        "https://a.test/whois/victim.com",
        "https://a.test/?q=victim.com",
        "https://a.test/politics/victim,123.html",
        "https://victim.com@a.test/",
        "https://a.test/victim.com%2Fpage",
        "https://a.test/My%20victim.com",
    ],
)
def test_a_name_in_a_path_is_no_address_of_its_own(text: str) -> None:
    assert {a.key for a in iter_addresses(text)} == {a.key for a in [read_address(text)] if a is not None}


@pytest.mark.parametrize("text", ["," * 8_192, "%" * 8_192, "https://a.test/" + "%25" * 2_700, "https://" * 1_024, "x" * 10_000_000, "=//" * 2_700])
def test_hostile_texts_of_addresses_end_soon(text: str) -> None:
    started = time.process_time()
    for _, _ in zip(range(257), iter_addresses(text), strict=False):
        pass
    assert time.process_time() - started < 5
