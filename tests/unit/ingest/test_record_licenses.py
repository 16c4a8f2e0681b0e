"""Records by the licence that a field of theirs names."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.ingest import record_licenses as module
from provenance.ingest.listing import FileListing
from provenance.model.dataset import LicensePart, Shard


def describe(folder: Path, records: list[object], name: str = "a.jsonl", *, field: str = "license") -> Shard:
    (folder / name).write_text("".join(f"{json.dumps(r)}\n" for r in records), encoding="utf-8")
    return FileListing({"data": folder}).describe(name, root="data", license_field=field)


def counts(shard: Shard) -> dict[tuple[str, str], tuple[int, int | None]]:
    return {(p.value, p.original): (p.records, p.words) for p in shard.licenses}


def test_records_and_words_are_counted_by_licence(tmp_path: Path) -> None:
    shard = describe(
        tmp_path,
        [
            {"text": "one two three", "license": "MIT"},
            {"text": "four five", "license": "mit"},
            {"text": "six", "license": "ask me"},
            {"text": "seven"},
            {"text": "eight nine", "license": None},
            {"text": "ten", "license": "  "},
            {"text": "eleven twelve", "license": {"name": "MIT"}},
        ],
    )
    assert counts(shard) == {("MIT", "MIT"): (1, 3), ("MIT", "mit"): (1, 2), ("UNKNOWN", "ask me"): (1, 1), ("NOT_STATED", ""): (4, 6)}
    assert sum(p.records for p in shard.licenses) == shard.records


def test_several_licences_of_one_record_all_apply(tmp_path: Path) -> None:
    shard = describe(
        tmp_path, [{"text": "x", "license": ["MIT", "Apache 2.0"]}, {"text": "y", "license": ["MIT", "who knows"]}, {"text": "z", "license": []}]
    )
    assert {p.value for p in shard.licenses} == {"Apache-2.0 AND MIT", "UNKNOWN", "NOT_STATED"}


def test_lines_that_cannot_be_read_name_no_licence(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a b", "license": "MIT"}\n{broken\n{"text": "c", "license": "MIT"}\n', encoding="utf-8")
    shard = FileListing({"data": tmp_path}).describe("a.jsonl", root="data", license_field="license")
    assert (shard.unread_records, counts(shard)) == (1, {("MIT", "MIT"): (2, 3), ("NOT_STATED", ""): (1, 0)})


def test_without_a_field_nothing_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "a b", "license": "MIT"}\n', encoding="utf-8")
    assert FileListing({"data": tmp_path}).describe("a.jsonl", root="data").licenses == ()


def test_more_wordings_than_are_kept_apart_are_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WORDINGS", 2)
    shard = describe(tmp_path, [{"text": "x", "license": word} for word in ("MIT", "CC0-1.0", "ISC", "Zlib", "MIT")])
    assert counts(shard) == {("MIT", "MIT"): (2, 2), ("CC0-1.0", "CC0-1.0"): (1, 1), ("UNKNOWN", "further wordings"): (2, 2)}


def test_hostile_wordings_are_bounded(tmp_path: Path) -> None:
    shard = describe(tmp_path, [{"text": "x", "license": "A" * 100_000}, {"text": "y", "license": "MI\x00T"}])
    assert all(p.value == "UNKNOWN" and len(p.original) <= module.MAX_CHARACTERS and "\x00" not in p.original for p in shard.licenses)


def test_parquet_columns_are_read_too(tmp_path: Path) -> None:
    rows = [{"text": f"word {i}", "license": ["MIT", None, "cc-by-4.0"][i % 3]} for i in range(3000)]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    shard = FileListing({"data": tmp_path}).describe("a.parquet", root="data", license_field="license")
    assert counts(shard) == {("MIT", "MIT"): (1000, 2000), ("NOT_STATED", ""): (1000, 2000), ("CC-BY-4.0", "cc-by-4.0"): (1000, 2000)}


def test_counts_equal_those_of_a_plain_loop(tmp_path: Path) -> None:
    chance = random.Random(5)
    names = ["MIT", "Apache-2.0", "GPL-3.0-only", None]
    records = [{"text": " ".join(["w"] * chance.randrange(1, 40)), "license": chance.choice(names)} for _ in range(20_000)]
    expected: Counter[tuple[str, int]] = Counter()
    for record in records:
        name = str(record["license"] or "NOT_STATED")
        expected[name, 0] += 1
        expected[name, 1] += str(record["text"]).count("w")
    found = {p.value: p for p in describe(tmp_path, list(records)).licenses}
    assert {(name, i): n for name, p in found.items() for i, n in enumerate((p.records, p.words))} == expected


def test_part_values_are_checked() -> None:
    with pytest.raises(ValueError, match="0 or more"):
        LicensePart(value="MIT", original="", records=-1)
