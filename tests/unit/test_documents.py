"""Strict YAML: what is read, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.documents import load_document, nearest, parse_document
from provenance.errors import DocumentError


def test_scalars_are_read_without_yaml_surprises() -> None:
    raw = b"day: 2024-03-01\nanswer: yes\nmany: 7e9\nshare: 0.7\ncount: 12\nnothing:\ntime: 1:30\nhex: 0x10\noctal: 010\non: off\nflag: true\n"
    assert parse_document(raw, where="f") == {
        "day": "2024-03-01",
        "answer": "yes",
        "many": 7e9,
        "share": 0.7,
        "count": 12,
        "nothing": None,
        "time": "1:30",
        "hex": "0x10",
        "octal": "010",
        "on": "off",
        "flag": True,
    }


@pytest.mark.parametrize(
    ("raw", "place", "reason"),
    [
        (b"a: 1\na: 2", "f:2:1", "given twice"),
        (b"a: &x [1]\nb: [*x, *x]", "f:1:4", "aliases"),
        (b"a: !!python/object:os.system x", "f:1:4", "tag"),
        (b"a: [", "f:1:5", "expected"),
        (b"a: 1\n--- \nb: 2", "f:2:1", "another document"),
        (b"? [1]\n: 2", "f:1:3", "plain text"),
        (b"[" * 5000, "f:1:41", "nested deeper"),
        (b"a: 1e999", "f:1:4", "range"),
        (b"a: " + b"9" * 5000, "f:1:4", "digits"),
        (b"a: \xff", "f", "UTF-8"),
    ],
)
def test_what_is_refused_names_its_place(raw: bytes, place: str, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason) as caught:
        parse_document(raw, where="f")
    assert str(caught.value).startswith(place)


def test_a_missing_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match=r"none\.yaml: cannot be read"):
        load_document(tmp_path / "none.yaml")
    (tmp_path / "big.yaml").write_bytes(b"#" * 100)
    with pytest.raises(DocumentError, match="more than the limit of 10"):
        load_document(tmp_path / "big.yaml", max_bytes=10)


def test_merge_keys_are_plain_keys() -> None:
    assert parse_document(b"<<: {a: 1}", where="f") == {"<<": {"a": 1}}


def test_an_empty_document_is_none() -> None:
    assert parse_document(b"", where="f") is None


def test_near_spellings_are_offered() -> None:
    assert nearest("licence", ["license", "source"]) == "did you mean 'license'?"
    assert nearest("zzz", ["license", "source"]) == "known: license, source"


def test_a_control_character_is_refused_in_a_sentence() -> None:
    with pytest.raises(DocumentError, match=r"x\.yaml: .*#x0000"):
        parse_document(b"a: \x00", where="x.yaml")
