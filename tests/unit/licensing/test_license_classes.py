"""Licence names, expressions and classes. Expected classes follow from the licences' own words and reading rule 17."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance.errors import TermsDocumentError
from provenance.licensing.classes import load_licenses, normalize, shipped_licenses
from provenance.model.absence import Permission, TriState

LICENSES = shipped_licenses()


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("MIT", "MIT"),
        ("mit", "MIT"),
        ("CC BY 4.0", "CC-BY-4.0"),
        ("cc-by-nc-4.0", "CC-BY-NC-4.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("0bsd", "0BSD"),
        ("MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("LicenseRef-proprietary", "LicenseRef-proprietary"),
        ("NOT_STATED", "NOT_STATED"),
        ("", "NOT_STATED"),
        ("ask Bob", "UNKNOWN"),
        ("(MIT", "UNKNOWN"),
        ("MIT OR Foo-1.0", "UNKNOWN"),
        ("a" * 100_000, "UNKNOWN"),
    ],
)
def test_names_become_expressions_or_named_absences(written: str, value: str) -> None:
    assert normalize(written) == (value, written)


@pytest.mark.parametrize(
    ("expression", "commercial", "expected"),
    [
        ("MIT", TriState.YES, "ALLOWED"),
        ("CC-BY-NC-4.0", TriState.YES, "PROHIBITED"),
        ("CC-BY-NC-4.0", TriState.NO, "ALLOWED"),
        ("CC-BY-NC-4.0", TriState.UNKNOWN, "UNKNOWN"),
        ("MIT AND CC-BY-NC-4.0", TriState.YES, "PROHIBITED"),
        ("MIT OR CC-BY-NC-4.0", TriState.YES, "ALLOWED"),
        ("MIT AND LicenseRef-whatever", TriState.YES, "UNKNOWN"),
        ("CC-BY-NC-4.0 AND LicenseRef-whatever", TriState.NO, "UNKNOWN"),
        ("MIT OR LicenseRef-whatever", TriState.YES, "ALLOWED"),
        ("GPL-3.0-only OR GPL-3.0-or-later", TriState.YES, "ALLOWED"),
        ("GPL-3.0-only", TriState.YES, "ALLOWED"),
        ("0BSD", TriState.YES, "UNKNOWN"),
        ("UNKNOWN", TriState.NO, "UNKNOWN"),
        ("NOT_STATED", TriState.NO, "UNKNOWN"),
        ("UNREADABLE", TriState.NO, "UNKNOWN"),
    ],
)
def test_expressions_permit_what_their_parts_permit(expression: str, commercial: TriState, expected: str) -> None:
    assert LICENSES.assess(expression, commercial).this_use == expected


def test_a_model_licence_that_bars_outputs_does_not_clear_synthetic_text() -> None:
    for name in ("LicenseRef-llama3", "LicenseRef-scancode-llama-2-license-2023"):
        assert LICENSES.assess(name, TriState.YES, synthetic=TriState.YES).this_use is Permission.UNKNOWN
        assert LICENSES.assess(name, TriState.YES, synthetic=TriState.UNKNOWN).this_use is Permission.UNKNOWN
    assert LICENSES.assess("MIT", TriState.YES, synthetic=TriState.YES).this_use is Permission.ALLOWED


def test_share_alike_of_a_part_binds_the_whole() -> None:
    assert LICENSES.assess("MIT AND CC-BY-SA-4.0", TriState.YES).share_alike is TriState.YES
    assert LICENSES.assess("MIT OR CC-BY-SA-4.0", TriState.YES).share_alike is TriState.NO


def write(folder: Path, **entry: str) -> Path:
    licenses = [{"id": "LicenseRef-ours", "use": "commercial", "confidence": "seen", **entry}]
    (folder / "ours.json").write_text(json.dumps({"format": "provenance.licenses", "version": 1, "licenses": licenses}))
    return folder


def test_an_unverified_licence_decides_nothing(tmp_path: Path) -> None:
    assert load_licenses((write(tmp_path),)).assess("LicenseRef-ours", TriState.YES).this_use is Permission.ALLOWED
    hearsay = load_licenses((write(tmp_path, confidence="unverified"),))
    assert hearsay.assess("LicenseRef-ours", TriState.YES).this_use is Permission.UNKNOWN


@pytest.mark.parametrize("fault", [{"use": "comercial"}, {"share_alike": "no"}, {"licence": "x"}])
def test_a_malformed_entry_is_refused(tmp_path: Path, fault: dict[str, str]) -> None:
    with pytest.raises(TermsDocumentError, match="LicenseRef-ours"):
        load_licenses((write(tmp_path, **fault),))


def test_the_catalogue_digest_follows_what_decides(tmp_path: Path) -> None:
    first = load_licenses((write(tmp_path),)).digest
    assert load_licenses((write(tmp_path, use="non-commercial"),)).digest != first


def test_an_spdx_id_stays_what_it_is() -> None:
    from provenance.licensing.classes import _spdx_ids

    assert [i for i in _spdx_ids().values() if normalize(i)[0] != i] == []
