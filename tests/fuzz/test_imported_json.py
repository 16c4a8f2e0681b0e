"""Mutated metadata never makes a reader fail otherwise than with a sentence, and what it returns can be recorded."""

from __future__ import annotations

import contextlib
import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import ManifestError
from provenance.exchange.croissant import read_croissant
from provenance.exchange.dpi import read_dpi
from provenance.exchange.hf_card import read_card
from provenance.exchange.sources import SourceRead, source_of
from provenance.ingest.reader import format_of
from provenance.model.dataset import ShardDigests
from provenance.registry.digests import facts_digest, verify_facts
from tests.unit.registry.test_import_readers import CARD, CROISSANT, dpi_entry

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.just("x" * 20_000),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["@id", "@type", "@value", "name", "url", "License", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, inner in items for place in places(inner, (*path, key)))]


def mutated(document: Any, draw: Any) -> Any:
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(changed)))
        if not path:
            continue
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = draw(JSON)
    return changed


def check(read: SourceRead) -> None:
    for found in read.datasets:
        verify_facts(found.dataset, "2026-01-01T00:00:00Z")
        facts_digest(found.dataset, tuple(found.shards()) if found.shards else (), ShardDigests.DECLARED)
        json.dumps(repr(found.dataset)).encode()
    for problem in (*read.problems, *read.notes):
        assert problem.message
        assert len(problem.message) < 1000


@settings(max_examples=300)
@given(st.data())
def test_croissant(data: st.DataObject) -> None:
    raw = json.dumps(mutated(CROISSANT, data.draw)).encode()
    check(read_croissant(source_of(raw, "c.json"), format_of=format_of, root="data"))


@settings(max_examples=300)
@given(st.data())
def test_collections(data: st.DataObject) -> None:
    check(read_dpi(source_of(json.dumps(mutated({"notes": dpi_entry(), "b": dpi_entry("b")}, data.draw)).encode(), "d.json")))


@settings(max_examples=300)
@given(raw=st.binary(max_size=60), at=st.integers(0, len(CARD)), cut=st.integers(0, 40))
def test_cards(raw: bytes, at: int, cut: int) -> None:
    card = CARD.encode()
    check(read_card(source_of(card[:at] + raw + card[at + cut :], "a/README.md")))


@settings(max_examples=300)
@given(raw=st.binary(max_size=200))
def test_bytes(raw: bytes) -> None:
    for read in (lambda f: read_croissant(f, format_of=format_of, root="data"), read_dpi):
        with contextlib.suppress(ManifestError):
            check(read(source_of(raw, "x.json")))
