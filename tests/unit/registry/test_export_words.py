"""No fact stands only in the JSON text that our own import reads: whatever fact differs, the rest of the document differs."""

from __future__ import annotations

import csv
import dataclasses
import functools
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from provenance.exchange import export_csv
from provenance.exchange.export_facts import prepare
from provenance.exchange.exports import FORMATS
from provenance.model.dataset import Dataset, DatasetVersion, Obtained, Shard, ShardFormat, SourceKind
from provenance.model.details import Modality, OptOutSignal
from provenance.model.wire import read_value, to_wire
from tests.fakes.values import full_version, version

NAMES = (*sorted(FORMATS), "csv")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_ANOTHER: dict[str, str] = {
    "YES": "NO", "NO": "YES", SourceKind.SYNTHETIC: SourceKind.OWN, Obtained.OWN_ACCOUNT: Obtained.THIRD_PARTY, Modality.CODE: Modality.AUDIO,
    Modality.TEXT: Modality.IMAGE, OptOutSignal.ROBOTS_TXT: OptOutSignal.AI_TXT, "generate": "rewrite", "label": "rewrite",
}  # fmt: skip
_LISTED_NOWHERE = {"dta", "hf-card"}
"""Formats without room for files: of these, sums and the root over all of them are said."""


def public_text(name: str, facts: DatasetVersion) -> str:
    """Return a document without the JSON text for our own import, and without ids, which change with any fact."""
    if name == "csv":
        raw = b"".join(export_csv.render([(prepare(facts, max_inline=0), functools.partial(getattr, facts, "shards"))])).decode()
        rows = list(csv.DictReader(io.StringIO(raw, newline="")))
        return json.dumps([{k: v for k, v in row.items() if k not in {"dataset_facts", "shard_facts"}} for row in rows])
    text = FORMATS[name].render([prepare(facts)]).decode()
    if name == "hf-card":
        head, body = text.removeprefix("---\n").split("\n---\n", 1)
        return _UUID.sub("ID", yaml.safe_dump({k: v for k, v in yaml.safe_load(head).items() if k != "x-provenance"}) + body)
    document = json.loads(text, object_hook=_without_facts)
    return _UUID.sub("ID", json.dumps(document))


def _without_facts(value: dict[str, Any]) -> dict[str, Any]:
    if "provenance:facts" in value.values():  # a property of CycloneDX or SPDX
        return {}
    return {k: v for k, v in value.items() if k not in {"provenance:facts", "facts"}}


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the paths of all values that are no mappings and no lists."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))
        else:
            yield (*path, key)


def changed(value: Any, path: tuple[str | int, ...]) -> Any:
    """Return a wire form with another value at a path."""
    copy = json.loads(json.dumps(value))
    parent = copy
    for part in path[:-1]:
        parent = parent[part]
    parent[path[-1]] = _another(parent[path[-1]])
    return copy


def _another(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    if value is None:
        return 77
    if value in _ANOTHER:
        return _ANOTHER[value]
    if re.fullmatch(r"\d{4}-\d\d-\d\d.*", value):
        return value.replace("2", "1", 1)
    if value.startswith("sha256:"):
        return "sha256:" + "e" * 64
    return f"{value}x"


FACTS = to_wire(full_version().dataset)


@pytest.mark.parametrize("name", NAMES)
def test_each_fact_of_a_dataset_is_in_the_words_of_each_format(name: str) -> None:
    facts = full_version()
    usual = public_text(name, facts)
    unsaid = []
    for path in places(FACTS):
        other: Dataset = read_value(Dataset, changed(FACTS, path))
        if public_text(name, dataclasses.replace(facts, dataset=other)) == usual:
            unsaid.append(path)
    assert unsaid == []


@pytest.mark.parametrize("name", NAMES)
def test_each_fact_of_a_shard_is_in_the_words_of_the_formats_that_list_files(name: str) -> None:
    facts = full_version()
    number = next(i for i, s in enumerate(facts.shards) if s.licenses)
    shard = dataclasses.replace(facts.shards[number], format=ShardFormat.JSONL)
    unsaid = set()
    for path in places(to_wire(shard)):
        if path == ("format",):
            continue  # told by the media type, which several formats share
        other: Shard = read_value(Shard, changed(to_wire(shard), path))
        texts = [public_text(name, version(facts.dataset, (*facts.shards[:number], s))) for s in (shard, other)]
        if texts[0] == texts[1]:
            unsaid.add(path[-1])
    # Words of another shard have not been counted, so that their sum is not known.
    assert unsaid == ({"root", "words"} if name in _LISTED_NOWHERE else set())


@pytest.mark.parametrize("name", NAMES)
def test_declared_digests_are_told_from_those_that_were_read(name: str) -> None:
    facts = full_version()
    assert "nobody has read the bytes" in public_text(name, facts)
    assert "nobody has read the bytes" not in public_text(name, version(facts.dataset, facts.shards))


@pytest.mark.parametrize("name", NAMES)
def test_records_by_licence_are_added_up(name: str) -> None:
    assert "4 records, 140 words" in public_text(name, full_version()).replace("\\", "")
    facts = prepare(full_version())
    # shards 1 and 3 of the five name CC-BY-4.0 for 1 and 3 records, and 70 words each; one record each says to ask
    assert [(p.value, p.records, p.words) for p in facts.totals.licenses] == [("CC-BY-4.0", 4, 140), ("UNKNOWN", 2, None)]
