"""A floor under the accuracy on real text: a slice of the planted set, scored against its ground truth."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from provenance.matching.cascade import open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.score import wilson_interval
from provenance.model.match import Match
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.ports import TextBatch
from tests.fakes.matching import PlainReference

SLICE = 8
"""One planted document in this many is scanned."""


def rows(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().splitlines():
        yield orjson.loads(line)


def works(dev: Path) -> Iterator[PlainReference]:
    for row in rows(dev / "works" / "index.jsonl"):
        if row["role"] == "reference":
            with (dev / row["file"]).open(encoding="utf-8", newline="") as file:
                yield PlainReference(ReferenceRecord(id=row["ref_id"], kind=ReferenceKind.WORK), file.read())


def answers(dev: Path) -> Iterator[PlainReference]:
    for path in sorted((dev / "api_outputs").glob("*.jsonl")):
        for row in rows(path):
            record = ReferenceRecord(id=row["id"], kind=ReferenceKind.API_OUTPUT, prompt=row["prompt"], provider=row["provider"], model=row["model"])
            yield PlainReference(record, row["output"])


def fields(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if "messages" in row:
        for i, message in enumerate(row["messages"]):
            yield f"messages[{i}].content", message["content"]
    else:
        name = "output" if "output" in row else "text"
        yield name, row[name]


def planted(dev: Path) -> TextBatch:
    names: list[str] = []
    found: list[tuple[str, str]] = []
    for kind in ("text", "chat", "records"):
        for i, row in enumerate(rows(dev / "planted" / f"corpus_{kind}.jsonl")):
            if i % SLICE == 0:
                for name, text in fields(row):
                    names.append(name)
                    found.append((row["doc_id"], text))
    raw = [text.encode() for _, text in found]
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in raw])]).astype(np.int64)
    kinds = sorted(set(names))
    numbers = np.arange(len(raw), dtype=np.int64)
    codes = np.array([kinds.index(n) for n in names], dtype=np.int32)
    data = np.frombuffer(b"".join(raw), dtype=np.uint8)
    ids = [doc for doc, _ in found]
    return TextBatch(data=data, offsets=offsets, record=numbers, line=numbers, field_code=codes, field_names=tuple(kinds), doc_ids=ids)


@pytest.fixture(scope="module")
def scanned(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, list[Match]], list[dict[str, Any]]]:
    dev = shared / "data" / "dev"
    store = ReferenceStore(tmp_path_factory.mktemp("references"))
    store.add("works", works(dev), kind=ReferenceKind.WORK)
    store.add("answers", answers(dev), kind=ReferenceKind.API_OUTPUT)
    batch = planted(dev)
    alarms: dict[str, list[Match]] = collections.defaultdict(list)
    for match in open_matcher(store, ["works", "answers"]).match_batch(batch, path="planted"):
        if not match.explained:
            alarms[match.doc_id].append(match)
    ids = set(batch.doc_ids)
    return alarms, [t for t in rows(dev / "planted" / "truth.jsonl") if t["doc_id"] in ids]


def is_found(span: dict[str, Any], alarms: list[Match]) -> bool:
    right = {span["ref_id"], *(a["ref_id"] for a in span["also_in"])}
    held = [m for m in alarms if m.field == span["field"] and m.reference in right]
    covered = sum(max(0, min(m.end, span["end"]) - max(m.start, span["start"])) for m in held)
    return bool(covered >= 0.5 * (span["end"] - span["start"]))


def test_planted_passages_are_found(scanned: tuple[dict[str, list[Match]], list[dict[str, Any]]]) -> None:
    alarms, truth = scanned
    found = [is_found(s, alarms[t["doc_id"]]) for t in truth if t["label"] == "positive" for s in t["spans"] if not s.get("negative_span")]
    assert len(found) > 300
    assert sum(found) / len(found) >= 0.98


@pytest.mark.parametrize(
    ("kind", "most"),
    [
        ("famous_quotation", 0.02),
        ("licence_text", 0.01),
        ("pg_boilerplate", 0.01),
        ("same_author_other_work", 0.01),
        ("other_translation", 0.10),
        ("same_prompt_other_model", 0.08),
    ],
)
def test_negatives_stay_quiet(scanned: tuple[dict[str, list[Match]], list[dict[str, Any]]], kind: str, most: float) -> None:
    alarms, truth = scanned
    loud = [bool(alarms[t["doc_id"]]) for t in truth if t["label"] == "hard_negative" and t["kind"] == kind]
    assert loud
    assert wilson_interval(sum(loud), len(loud))[0] <= most  # a tenth of the set is looked at here; the whole is in docs/benchmarks.md


def test_a_passage_is_reported_once(scanned: tuple[dict[str, list[Match]], list[dict[str, Any]]]) -> None:
    alarms, truth = scanned
    counts = []
    for t in truth:
        for s in t["spans"]:
            if t["label"] == "positive" and not s.get("negative_span"):
                hits = [
                    m
                    for m in alarms[t["doc_id"]]
                    if m.field == s["field"] and m.reference == s["ref_id"] and m.start < s["end"] and s["start"] < m.end
                ]
                counts += [len(hits)] if hits else []
    assert sum(counts) / len(counts) <= 1.02
