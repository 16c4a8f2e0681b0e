"""Addresses are compared as those who publish and those who crawl mean them, however they are written."""

from __future__ import annotations

import pytest

from provenance.fingerprint.addresses import is_public_suffix, parents_of, read_address, read_host


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
