"""Sets as JSON Lines: what is written is read back as the same references."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provenance.errors import ReferenceIndexError
from provenance.ingest.references import ReferenceOptions, iter_references, stated_kind
from provenance.matching import index as index_module
from provenance.matching.export import iter_exported
from provenance.matching.index import ReferenceStore
from provenance.model.dataset import DateRange
from provenance.model.match import ReadProblem
from provenance.model.reference import ReferenceKind, ReferenceRecord
from tests.fakes.matching import PlainReference, make_reference, make_words

API = ReferenceKind.API_OUTPUT
FULL = ReferenceRecord(
    id='a "quoted" \\ id\n',
    kind=API,
    prompt="What\tis\u2028this?\x00",
    title="T",
    author="A",
    holder="H",
    edition_family="f",
    license="CC0-1.0",
    provider="acme",
    model="m-1",
    channel="api",
    region="EU",
    generated=DateRange(start="2024-03-01", end="2024-05-31"),
    source="https://example.org/?a=1&b=2",
    call="req_1",
)
REFERENCES = [
    PlainReference(FULL, 'One "line"\r\nanother\u2028third </script> naïve \U0001f600 \x01 end'),
    PlainReference(ReferenceRecord(id="7", kind=API, generated=DateRange(start="UNKNOWN", end="NOT_STATED")), "plain text of seven words and more"),
]


def read_back(path: Path, kind: ReferenceKind) -> tuple[list[PlainReference], list[ReadProblem]]:
    problems: list[ReadProblem] = []
    found = iter_references([str(path)], ReferenceOptions(kind=kind), problems=problems)
    return [PlainReference(f.record, f.text) for f in found], problems


def written(store: ReferenceStore, name: str, path: Path) -> Path:
    path.write_bytes(b"".join(iter_exported(store, name)))
    return path


def test_a_round_trip_gives_the_same_records_texts_and_digest(store: ReferenceStore, tmp_path: Path) -> None:
    store.add("set", REFERENCES, kind=API)
    path = written(store, "set", tmp_path / "set.jsonl")
    assert stated_kind([str(path)]) is API
    found, problems = read_back(path, API)
    assert (found, problems) == (REFERENCES, [])
    store.add("again", found, kind=API)
    assert store.show("again").digest == store.show("set").digest
    assert list(iter_exported(store, "again")) == list(iter_exported(store, "set"))


def test_sets_of_many_segments_are_written_in_order(store: ReferenceStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_module, "SEGMENT_TEXT_BYTES", 200)
    references = [make_reference(f"r{i}", " ".join(make_words(30, i))) for i in range(20)]
    store.add("set", references, kind=ReferenceKind.WORK)
    assert store.show("set").segments > 5
    path = written(store, "set", tmp_path / "set.jsonl")
    found, problems = read_back(path, ReferenceKind.WORK)
    assert (found, problems) == (references, [])
    store.add("again", found, kind=ReferenceKind.WORK)
    assert store.show("again").digest == store.show("set").digest


def test_each_line_is_one_json_object_and_lone_surrogates_are_escaped(store: ReferenceStore) -> None:
    store.add("set", [*REFERENCES, make_reference("s", "half \ud800 a pair", kind=API)], kind=API)
    lines = list(iter_exported(store, "set"))
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    assert [json.loads(line)["text"] for line in lines][2] == "half \ud800 a pair"


def test_records_alone_hold_no_text(store: ReferenceStore) -> None:
    store.add("set", REFERENCES, kind=API)
    records = [json.loads(line) for line in iter_exported(store, "set", with_text=False)]
    assert [r["id"] for r in records] == [FULL.id, "7"]
    assert not any("text" in r for r in records)


def test_a_damaged_set_is_not_written(store: ReferenceStore) -> None:
    store.add("set", REFERENCES, kind=API)
    (path,) = (store.folder / "set" / "segments").glob("*/texts.arrow")
    raw = bytearray(path.read_bytes())
    raw[raw.index(b"plain text")] ^= 1
    path.write_bytes(raw)
    with pytest.raises(ReferenceIndexError, match="damaged"):
        list(iter_exported(store, "set"))


def test_a_record_of_another_kind_than_its_set_is_told(tmp_path: Path) -> None:
    path = tmp_path / "mixed.jsonl"
    path.write_text('{"id": "a", "text": "x y", "kind": "work"}\n{"id": "b", "text": "z", "kind": "chat"}\n', encoding="utf-8")
    found, problems = read_back(path, API)
    assert [f.record.kind for f in found] == [API, API]
    assert [(p.line, p.message) for p in problems] == [(1, "says that it is of kind work; kept as api-output, like the set")]
    assert stated_kind([str(tmp_path / "missing.jsonl"), str(path)]) is ReferenceKind.WORK
