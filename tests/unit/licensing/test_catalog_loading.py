"""Entries that people write: every slip is told in one sentence with file, line and column, and none is taken for something else."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from provenance.bootstrap import Workspace
from provenance.config import default_settings
from provenance.errors import TermsDocumentError
from provenance.licensing.terms import TermsCatalog, load_terms

ENTRY = """format: provenance.terms
version: 1
release: example.1
terms:
  - id: acme.2025
    provider: acme
    version: {effective_from: 2025-01-31, effective_to: 2026-02}
    applies_to: {channels: [api], regions: [global], models: ["*"]}
    clauses:
      train_any_model: {value: allowed, quote: "You may."}
    source: [{where: "https://example.org/terms"}]
    confidence: seen
"""


def workspace(folder: Path) -> Workspace:
    from dataclasses import replace

    return Workspace(replace(default_settings(folder), terms=(folder / "own",)))


def load(folder: Path, text: str | bytes, name: str = "own.yaml") -> TermsCatalog:
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own" / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return workspace(folder).terms


def refused(folder: Path, text: str | bytes, name: str = "own.yaml") -> TermsDocumentError:
    with pytest.raises(TermsDocumentError) as caught:
        load(folder, text, name)
    assert "\n" not in str(caught.value)
    return caught.value


def place_of(text: str, marker: str) -> str:
    """Return line and column of a marker, counted by hand."""
    before = text[: text.index(marker)]
    return f":{before.count(chr(10)) + 1}:{len(before) - (before.rfind(chr(10)) + 1) + 1}: "


def test_a_right_file_loads_and_its_dates_stay_as_written(tmp_path: Path) -> None:
    entry = load(tmp_path, ENTRY).get("acme.2025")
    assert entry is not None
    assert (entry.effective_from, entry.effective_to) == ("2025-01-31", "2026-02")


def test_a_year_that_yaml_reads_as_a_number_is_a_year(tmp_path: Path) -> None:
    entry = load(tmp_path, ENTRY.replace("2025-01-31", "2025")).get("acme.2025")
    assert entry is not None
    assert entry.effective_from == "2025"


@pytest.mark.parametrize(
    ("old", "new", "marker", "says"),
    [
        ("channels:", "chanels:", "chanels", "unknown name 'chanels'"),
        ("effective_from", "efective_from", "efective_from", "unknown name 'efective_from'"),
        ("train_any_model", "train_any_modle", "train_any_modle", "unknown name 'train_any_modle'"),
        ("confidence: seen", "confidence: seen\n    confidance: seen", "confidance", "unknown field 'confidance'"),
        ("2025-01-31", "2025-02-30", "effective_from", "'2025-02-30' is no date"),
        ("2025-01-31", "31.1.2025", "effective_from", "'31.1.2025' is no date"),
        ("quote: ", "qoute: ", "qoute", "unknown name 'qoute'"),
        ("You may.", " ".join(["word"] * 26), "train_any_model|quote:", "more than 25 words"),
        ("source: [{where:", "source: [{were:", "were:", "unknown name 'were'"),
        ("clauses:\n", "clauses: {}\n    clauses:\n", "clauses:\n", "key 'clauses' is given twice"),
        ("provider: acme", "provider: &a acme", "&a", "anchors and aliases are not allowed"),
        ("version: 1\n", "version: 1\nversions: 2\n", "versions", "unknown name 'versions'"),
    ],
)
def test_a_slip_is_told_with_its_place(tmp_path: Path, old: str, new: str, marker: str, says: str) -> None:
    text = ENTRY.replace(old, new, 1)
    message = str(refused(tmp_path, text))
    places = tuple(f"{tmp_path / 'own' / 'own.yaml'}{place_of(text, m)}" for m in marker.split("|"))
    assert message.startswith(places), message
    assert says in message


def test_the_nearest_name_is_offered(tmp_path: Path) -> None:
    assert "'channels'" in str(refused(tmp_path, ENTRY.replace("channels:", "chanels:")).hint)


def as_json(text: str = ENTRY) -> str:
    import yaml

    return json.dumps(yaml.load(text, yaml.BaseLoader) | {"version": 1}, indent=2)


def test_json_loads_as_yaml_does(tmp_path: Path) -> None:
    one, other = load(tmp_path, ENTRY).get("acme.2025"), None
    (tmp_path / "own" / "own.yaml").unlink()
    other = load(tmp_path, as_json(), "own.json").get("acme.2025")
    assert one is not None
    assert one == other


@pytest.mark.parametrize(
    ("old", "new", "marker", "says"),
    [
        ('"provider": "acme"', '"provider": "acme", "provider": "else"', '"provider": "else"', "key 'provider' is given twice"),
        ('"version": 1', '"version": NaN', "NaN", "NaN is no number of JSON"),
        ('"version": 1', '"version": -Infinity', "-Infinity", "-Infinity is no number of JSON"),
        ('"channels"', '"chanels"', '"chanels"', "unknown name 'chanels'"),
        ('"quote"', '"qoute"', '"qoute"', "unknown name 'qoute'"),
        ('"acme",', '"acme"', '"version": {', "not JSON"),
        ("2025-01-31", "2025-02-30", '"effective_from"', "'2025-02-30' is no date"),
    ],
)
def test_a_slip_in_json_is_told_with_its_place(tmp_path: Path, old: str, new: str, marker: str, says: str) -> None:
    text = as_json().replace(old, new, 1)
    message = str(refused(tmp_path, text, "own.json"))
    assert message.startswith(f"{tmp_path / 'own' / 'own.json'}{place_of(text, marker)}"), message
    assert says in message


def test_places_in_json_survive_escapes_and_nesting(tmp_path: Path) -> None:
    from provenance.licensing.catalog_json import mark_json_places

    text = '{"a": [1, {"b\\"c": "x\\u007d"}],\n "d": {"e": [ ]}, "f": -1.5e3, "g": null}'
    places = mark_json_places(text)
    assert {path: places[path] for path in (("a",), ("a", 1), ("a", 1, 'b"c'), ("d", "e"), ("f",), ("g",))} == {
        ("a",): (1, 2),
        ("a", 1): (1, 11),
        ("a", 1, 'b"c'): (1, 12),
        ("d", "e"): (2, 8),
        ("f",): (2, 19),
        ("g",): (2, 32),
    }
    assert len(places) == 9  # the document, a, its two items, b"c, d, e, f, g


@pytest.mark.parametrize("name", ["own.yaml", "own.json"])
@pytest.mark.parametrize("raw", ["format: x".encode("utf-16"), b"format: caf\xe9"])
def test_another_encoding_is_told(tmp_path: Path, name: str, raw: bytes) -> None:
    assert "not UTF-8" in str(refused(tmp_path, raw, name))


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert load(tmp_path, b"\xef\xbb\xbf" + ENTRY.encode()).get("acme.2025") is not None
    assert load(tmp_path, b"\xef\xbb\xbf" + as_json(ENTRY.replace("acme.2025", "acme.2026")).encode(), "b.json").get("acme.2026") is not None


def test_an_alias_bomb_is_refused_at_once(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n" for n in range(20))
    assert "anchors and aliases are not allowed" in str(refused(tmp_path, bomb))


@pytest.mark.parametrize("name", ["own.yaml", "own.json"])
def test_a_file_nested_without_end_is_refused(tmp_path: Path, name: str) -> None:
    assert "nested deeper than" in str(refused(tmp_path, "[" * 100_000, name))


@pytest.mark.parametrize("name", ["own.yaml", "own.json"])
def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    with (tmp_path / "own" / name).open("wb") as file:
        file.truncate((32 << 20) + 1)  # a hole: it takes no room
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read"))
    with pytest.raises(TermsDocumentError, match="more than the limit"):
        load_terms((tmp_path / "own",))


@pytest.mark.parametrize(
    "text", ["", "[]", "terms: []\n", ENTRY.replace("provenance.terms", "provenance.term"), ENTRY.replace("version: 1", "version: 2")]
)
def test_another_format_or_version_is_told(tmp_path: Path, text: str) -> None:
    assert re.search("not a document of format provenance.terms|version 2, this program reads version 1", str(refused(tmp_path, text)))


def test_an_id_given_twice_in_a_folder_is_refused(tmp_path: Path) -> None:
    load(tmp_path, ENTRY, "a.yaml")
    message = str(refused(tmp_path, ENTRY, "b.yaml"))
    assert "entry 'acme.2025' is given twice" in message
    assert message.startswith(f"{tmp_path / 'own' / 'b.yaml'}:5:")
    assert str(tmp_path / "own" / "a.yaml") in message


def test_an_id_of_an_earlier_folder_is_an_override(tmp_path: Path) -> None:
    for name, value in (("one", "allowed"), ("two", "prohibited")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "own.yaml").write_text(ENTRY.replace("value: allowed", f"value: {value}"))
    found = [load_terms(tuple(tmp_path / n for n in names)).entries[0].clause("train_any_model") for names in (("one", "two"), ("two", "one"))]
    assert [c.value for c in found if c is not None] == ["prohibited", "allowed"]


def test_a_fault_of_an_override_is_told_where_the_override_stands(tmp_path: Path) -> None:
    from dataclasses import replace

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "own.yaml").write_text(ENTRY if name == "one" else ENTRY.replace("2025-01-31", "2025-02-30"))
    with pytest.raises(TermsDocumentError) as caught:
        _ = Workspace(replace(default_settings(tmp_path), terms=(tmp_path / "one", tmp_path / "two"))).terms
    assert str(caught.value).startswith(f"{tmp_path / 'two' / 'own.yaml'}{place_of(ENTRY, 'effective_from')}")


def test_a_single_file_is_a_catalogue_too(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(ENTRY)
    assert [e.id for e in load_terms((tmp_path / "own.yaml",)).entries] == ["acme.2025"]
    (tmp_path / "own.txt").write_text(ENTRY)
    with pytest.raises(TermsDocumentError, match="neither YAML nor JSON"):
        load_terms((tmp_path / "own.txt",))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TermsDocumentError, match="no such folder"):
        load_terms((tmp_path / "nowhere",))


def test_a_licence_catalogue_is_told_of_with_places_too(tmp_path: Path) -> None:
    from dataclasses import replace

    text = "format: provenance.licenses\nversion: 1\nlicenses:\n  - {id: LicenseRef-x, use: comercial}\n"
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "l.yaml").write_text(text)
    with pytest.raises(TermsDocumentError) as caught:
        _ = Workspace(replace(default_settings(tmp_path), licenses=(tmp_path / "own",))).licenses
    assert str(caught.value).startswith(f"{tmp_path / 'own' / 'l.yaml'}{place_of(text, 'use:')}")


def test_the_digest_of_a_catalogue_tells_what_it_says_and_not_where_it_stands(tmp_path: Path) -> None:
    before = load(tmp_path, ENTRY).digest
    (tmp_path / "own" / "own.yaml").rename(tmp_path / "own" / "other.yaml")
    assert workspace(tmp_path).terms.digest == before
    assert load(tmp_path, ENTRY.replace("You may.", "You might."), "other.yaml").digest != before
