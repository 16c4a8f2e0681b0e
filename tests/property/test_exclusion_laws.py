"""Laws of demands: what a domain covers, and that an index finds what a look at every record finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from provenance.fingerprint.addresses import parents_of, read_address, read_host
from provenance.fingerprint.names import person_key, person_keys
from provenance.fingerprint.wanted import KeyRole, Wanted

LABEL = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=8)
TOP = st.sampled_from(["com", "org", "de", "example"])
DOMAIN = st.builds("{}.{}".format, LABEL, TOP)
PATH = st.text("abcXYZ0123456789-._~/", max_size=20)
SCHEME = st.sampled_from(["http://", "HTTPS://", "//", "https:/", "ftp://"])


def who(domain: str, url: str) -> bool:
    address = read_address(url)
    assert address is not None
    return list(Wanted(domains={domain: ("d",)}).who(KeyRole.ADDRESS, address.key, address.host)) == ["d"]


@given(DOMAIN, st.lists(LABEL, max_size=3), SCHEME, PATH)
def test_a_domain_covers_itself_and_every_name_below(domain: str, below: list[str], scheme: str, path: str) -> None:
    assert who(domain, f"{scheme}{'.'.join([*below, domain])}/{path}")


@given(DOMAIN, LABEL, SCHEME)
def test_a_domain_does_not_cover_a_name_that_only_ends_like_it(domain: str, more: str, scheme: str) -> None:
    assert not who(domain, f"{scheme}{more}{domain}/")
    assert not who(domain, f"{scheme}{domain}.{more}x.test/")


@given(DOMAIN, DOMAIN, PATH)
def test_a_domain_in_path_query_user_or_fragment_is_not_the_host(domain: str, other: str, path: str) -> None:
    if other != domain and not other.endswith(f".{domain}"):
        for url in (f"https://{other}/{domain}", f"https://{other}/?{domain}", f"https://{domain}@{other}/{path}", f"https://{other}#{domain}"):
            assert not who(domain, url)


@given(DOMAIN, st.integers(1, 65535), PATH)
def test_how_an_address_is_written_does_not_change_its_key(domain: str, port: int, path: str) -> None:
    plain = read_address(f"https://{domain}/{path}")
    for url in (f"HTTP://{domain.upper()}:{port}/{path}", f"//me:secret@{domain}./{path}#x", f"https://www.{domain}/{path}/"):
        other = read_address(url)
        assert plain is not None
        assert other is not None
        assert other.key == plain.key


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader_and_a_key_is_its_own_key(text: str) -> None:
    address = read_address(text)
    if address is not None:
        again = read_address(f"https://{address.key}")
        assert again is not None
        assert again.key == address.key
        assert address.host in parents_of(address.host)
    host = read_host(text)
    assert host is None or read_host(host) == host


@given(DOMAIN, st.lists(st.text("abc", min_size=1, max_size=3), min_size=1, max_size=4))
def test_all_below_a_page_are_covered_and_its_neighbours_are_not(domain: str, parts: list[str]) -> None:
    wanted = Wanted(below={f"{domain}/{parts[0]}": ("d",)})
    key = f"{domain}/{'/'.join(parts)}"
    assert list(wanted.who(KeyRole.ADDRESS, key, domain)) == ["d"]
    assert list(wanted.who(KeyRole.ADDRESS, f"{key}?q=1", domain)) == ["d"]
    assert list(wanted.who(KeyRole.ADDRESS, f"{domain}/{parts[0]}x/{parts[-1]}", domain)) == []


WORD = st.text("abcdefghijklmnopqrstuvwxyzäéß", min_size=2, max_size=8).filter(lambda word: word not in {"and", "et", "und"})


@given(st.lists(WORD, min_size=2, max_size=4))
def test_a_name_is_known_in_any_order_case_and_punctuation(words: list[str]) -> None:
    name = " ".join(words)
    turned = f"{words[-1].upper()}, {' '.join(words[:-1])}"
    assert person_key(name) == person_key(turned)
    assert person_key(name) in person_keys(f"Somebody Else and {name}; Third Person")
    assert person_key(name) in person_keys(f"Somebody Else, {name}")
