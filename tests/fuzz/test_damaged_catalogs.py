"""Catalogue files damaged at random load, or are refused in one sentence that names the file: 800 of each format in the short tier, twenty times that in the full one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from provenance.errors import TermsDocumentError
from provenance.licensing.catalog_places import telling_places
from provenance.licensing.terms import load_terms
from provenance.licensing.terms_check import check_terms
from tests.fuzz.test_clearance_mutations import mutate
from tests.unit.licensing.test_catalog_loading import ENTRY, as_json

ROUNDS = 800
_VALUES = [b"null", b"[]", b"{}", b"5", b"-1e999", b"true", b'"x"', b"[[1]]", b"{a: {b: c}}", b"2025-99", b"\xff"]


@pytest.mark.parametrize("name", ["own.yaml", "own.json"])
def test_damage_is_told_or_harmless(tmp_path: Path, name: str, loops: int) -> None:
    rng = random.Random(20261130)
    raw = (ENTRY if name.endswith("yaml") else as_json()).encode()
    shipped, own = tmp_path / "shipped", tmp_path / "own" / name
    shipped.mkdir()
    own.parent.mkdir()
    refused = 0
    for _ in range(ROUNDS if loops == 1 else ROUNDS * 20):
        own.write_bytes(damage(raw, rng))
        told = refusal(own.parent)
        refused += bool(told)
        assert not told or (told.startswith(str(own)) and "\n" not in told), told
        check_terms((own.parent,), shipped=shipped)
    assert refused > ROUNDS // 3


def refusal(folder: Path) -> str:
    """Return why a folder does not load, empty where it does."""
    try:
        with telling_places((folder,)):
            load_terms((folder,))
    except TermsDocumentError as err:
        return str(err)
    return ""


def damage(raw: bytes, rng: random.Random) -> bytes:
    """Return a document with one thing changed at random, or a whole value replaced by one of another shape."""
    if rng.random() < 0.6:
        return mutate(raw, rng)
    starts = [i for i in range(len(raw)) if raw[i - 1 : i + 1] == b" " + raw[i : i + 1] and raw[i - 2 : i - 1] == b":"]
    at = rng.choice(starts)
    end = min((raw.find(stop, at) for stop in (b",", b"\n", b"}") if raw.find(stop, at) >= 0), default=len(raw))
    return raw[:at] + rng.choice(_VALUES) + raw[end:]
