"""References are read with their ids, prompts and facts; what cannot be read is listed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from provenance.errors import ConfigError
from provenance.ingest.references import FrozenReference, ReferenceOptions, iter_references
from provenance.model.dataset import DateRange
from provenance.model.match import ReadProblem
from provenance.model.reference import ReferenceKind

RECORDS: list[dict[str, object]] = [
    {"id": "r1", "output": "An answer.", "prompt": "A question?", "provider": "acme", "model": "m-1", "generated": "2024-03-01..2024-05-31"},
    {"id": 7, "output": "Another.", "instruction": "Do it.", "input": "With this.", "generated": {"from": "2024-06-01"}, "license": None},
]


def read(files: list[Path], **options: Any) -> tuple[list[FrozenReference], list[ReadProblem]]:
    problems: list[ReadProblem] = []
    chosen = ReferenceOptions(**{"kind": ReferenceKind.API_OUTPUT, **options})
    return list(iter_references(map(str, files), chosen, problems=problems)), problems


def write_lines(path: Path, records: list[dict[str, object]]) -> Path:
    raw = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    path.write_bytes(gzip.compress(raw, mtime=0) if path.suffix == ".gz" else raw)
    return path


@pytest.mark.parametrize("ending", ["jsonl", "jsonl.gz", "parquet"])
def test_records_give_their_own_facts_before_the_options(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"outputs.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist([RECORDS[0]]), path)
    else:
        write_lines(path, RECORDS[:1])
    (found,), problems = read([path], provider="other", channel="api", license="LicenseRef-x")
    record = found.record
    assert problems == []
    assert (found.text, record.id, record.prompt, record.kind) == ("An answer.", "r1", "A question?", ReferenceKind.API_OUTPUT)
    assert (record.provider, record.model, record.channel, record.license) == ("acme", "m-1", "api", "LicenseRef-x")
    assert record.generated == DateRange(start="2024-03-01", end="2024-05-31")
    assert (record.title, record.author, record.call) == ("UNKNOWN", "UNKNOWN", None)


def test_instruction_and_input_are_the_prompt_and_numbers_are_ids(tmp_path: Path) -> None:
    (found,), _ = read([write_lines(tmp_path / "a.jsonl", RECORDS[1:])], license="CC0-1.0", generated=DateRange(start="2020-01-01"))
    assert (found.record.id, found.record.prompt, found.record.license) == ("7", "Do it.\n\nWith this.", "CC0-1.0")
    assert found.record.generated == DateRange(start="2024-06-01", end="UNKNOWN")


def test_text_files_are_named_by_stem_and_template(tmp_path: Path) -> None:
    path = tmp_path / "pp_pg.txt"
    path.write_bytes("Chapter 1\r\n\ufeffIt is a truth".encode())
    (found,), _ = read([path], id_template="work:{stem}", title="Pride and Prejudice", author="Jane Austen")
    assert (found.record.id, found.text) == ("work:pp_pg", "Chapter 1\r\n\ufeffIt is a truth")
    assert (found.record.title, found.record.author) == ("Pride and Prejudice", "Jane Austen")


def test_records_without_an_id_are_numbered_and_fields_can_be_named(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "log.jsonl", [{"call": {"answer": "one"}, "q": "why"}, {"call": {"answer": "two"}, "key": "k2"}])
    found, problems = read([path], text_field="call.answer", prompt_field="q", id_field="key")
    assert problems == []
    assert [(f.record.id, f.text, f.record.prompt) for f in found] == [("log#0", "one", "why"), ("k2", "two", None)]


def test_an_id_that_comes_twice_loses_no_text(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [{"id": "x", "text": "one"}, {"id": "x", "text": "two"}])
    found, problems = read([path])
    assert [(f.record.id, f.text) for f in found] == [("x", "one"), ("x#2", "two")]
    assert [(p.line, p.record) for p in problems] == [(2, 1)]


def test_what_cannot_be_read_is_listed_and_the_rest_is_given(tmp_path: Path) -> None:
    good = write_lines(tmp_path / "good.jsonl", [{"id": "g", "text": "fine"}])
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(
        b'{"id": "a", "text": "one"}\n{"id": \n["list"]\n{"id": "b", "title": "no text"}\n{"id": "c", "text": "\\ud800 cut", "generated": "soon"}\n'
    )
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"caf\xe9")
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"")
    found, problems = read([bad, latin, empty, tmp_path / "missing.parquet", tmp_path / "x.png", good])
    assert [(f.record.id, f.text) for f in found] == [("a", "one"), ("c", "\ufffd cut"), ("g", "fine")]
    assert [(Path(p.path).name, p.line) for p in problems] == [
        ("bad.jsonl", 2),
        ("bad.jsonl", 3),
        ("bad.jsonl", 4),
        ("bad.jsonl", 5),
        ("latin.txt", None),
        ("empty.jsonl", None),
        ("missing.parquet", None),
        ("x.png", None),
    ]
    assert found[1].record.generated == DateRange(start="UNREADABLE", end="UNREADABLE")


def test_an_unknown_placeholder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="unknown placeholder"):
        read([tmp_path / "a.txt"], id_template="work:{name}")


def test_real_references_keep_their_ids(shared: Path) -> None:
    folder = shared / "data" / "dev"
    with (folder / "works" / "index.jsonl").open(encoding="utf-8") as lines:
        works = {row["ref_id"]: (folder / row["file"], row["n_chars"]) for row in map(json.loads, lines)}
    found, problems = read([path for path, _ in works.values()], id_template="work:{stem}")
    assert problems == []
    assert {f.record.id: len(f.text) for f in found} == {name: chars for name, (_, chars) in works.items()}
    outputs, problems = read(sorted((folder / "api_outputs").glob("*.jsonl")))
    assert problems == []
    assert len({f.record.id for f in outputs}) == len(outputs) == 9926


@pytest.mark.parametrize(("kind", "text"), [(ReferenceKind.API_OUTPUT, "the answer"), (ReferenceKind.WORK, "the question")])
def test_of_a_gateway_log_the_answer_is_the_output(tmp_path: Path, kind: ReferenceKind, text: str) -> None:
    file = write_lines(tmp_path / "log.jsonl", [{"id": "a", "text": "the question", "output": "the answer"}])
    references, problems = read([file], kind=kind)
    assert ([r.text for r in references], problems) == ([text], [])
