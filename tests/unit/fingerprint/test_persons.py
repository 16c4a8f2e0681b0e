"""Nobody is somebody else by another spelling, and different people stay different."""

from __future__ import annotations

import pytest

from provenance.fingerprint.persons import is_same_person


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.org", "ADA@Example.ORG"),
        ("ada@example.org", "Ada Lovelace <ada@example.org>"),
        ("ada@example.org", "mailto:ada+waivers@example.org"),
        ("a.d.a@gmail.com", "ada@googlemail.com"),
        ("Ada Lovelace", "LOVELACE, Ada"),
        ("Ada Lovelace", "ada.lovelace@example.org"),
        ("Ada Lovelace", "A\u0301da\u00a0 Lovelace\u200b"),
        ("Ada Lovelace", "\u0410da Lovelace"),  # Cyrillic A
        ("Ada Lovelace", "\uff21da Lovelace"),  # full width
        ("legal-team", "legal\u2011team"),
        ("x", "X "),
    ],
)
def test_one_person_under_two_spellings(one: str, other: str) -> None:
    assert is_same_person(one, other)
    assert is_same_person(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ada@example.org", "ada@example.com"),
        ("ada@example.org", "grace@example.org"),
        ("Ada Lovelace", "Ada Byron"),
        ("data-team@example.org", "legal@example.org"),
        ("data@x", "data2@x"),
        ("Ada", "Grace"),
    ],
)
def test_two_people_stay_two(one: str, other: str) -> None:
    assert not is_same_person(one, other)
