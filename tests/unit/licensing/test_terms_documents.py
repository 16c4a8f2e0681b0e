"""What people misspell in a terms or licence catalogue is refused: it would leave a text wider or more silent than it is."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from provenance.errors import TermsDocumentError
from provenance.licensing.classes import load_licenses
from provenance.licensing.terms import load_terms

ENTRY: dict[str, Any] = {
    "id": "p.service.2025",
    "provider": "p",
    "version": {"effective_from": "2025-01-15"},
    "applies_to": {"channels": ["api"], "models": ["*"]},
    "clauses": {"train_any_model": {"value": "allowed", "quote": "You may."}},
    "source": [{"where": "here"}],
    "confidence": "seen",
}


def load(folder: Path, entry: object) -> None:
    document = {"format": "provenance.terms", "version": 1, "terms": [entry]}
    (folder / "t.json").write_text(json.dumps(document), encoding="utf-8")
    load_terms((folder,))


def test_a_right_entry_loads(tmp_path: Path) -> None:
    load(tmp_path, ENTRY)


@pytest.mark.parametrize(
    ("place", "right", "wrong"),
    [
        ("applies_to", "channels", "channel"),
        ("applies_to", "models", "model"),
        ("version", "effective_from", "efective_from"),
        ("clauses", "train_any_model", "train_any_modle"),
    ],
)
def test_a_misspelt_name_inside_an_entry_is_refused_with_the_right_one(tmp_path: Path, place: str, right: str, wrong: str) -> None:
    entry = copy.deepcopy(ENTRY)
    entry[place][wrong] = entry[place].pop(right)
    with pytest.raises(TermsDocumentError, match=wrong) as caught:
        load(tmp_path, entry)
    assert right in str(caught.value.hint)


@pytest.mark.parametrize(
    ("place", "value"),
    [("version", "2025"), ("applies_to", []), ("clauses", ["allowed"]), ("clauses", {"limits": "none"}), ("source", "here"), ("source", ["x"])],
)
def test_a_value_of_another_shape_is_refused(tmp_path: Path, place: str, value: object) -> None:
    with pytest.raises(TermsDocumentError, match=f"p.service.2025: {place}"):
        load(tmp_path, {**ENTRY, place: value})


@pytest.mark.parametrize("wrong", [{"license": []}, {"licenses": 5}, {"licenses": {}, "alias": {}}, {"aliases": ["x"]}])
def test_a_licence_catalogue_of_another_shape_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    (tmp_path / "l.json").write_text(json.dumps({"format": "provenance.licenses", "version": 1, **wrong}), encoding="utf-8")
    with pytest.raises(TermsDocumentError):
        load_licenses((tmp_path,))
