"""The committed sample is what its README and its ground truth say, judged without the package's own matcher."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SAMPLE = Path(__file__).parents[2] / "examples" / "sample"
WORK = "work:the-man-who-was-thursday"
MIN_SHARED_5GRAMS = {
    "verbatim": 1.0,
    "lower-cased, markdown stripped": 0.85,
    "truncated to 60 %": 1.0,
    "8 % of the words substituted": 0.45,
}
"""Share of the passage's word 5-grams that stand in its reference. Independent edits of 8 % leave .92^5 = .66; evenly spread ones break more windows."""
PLANTED = json.loads((SAMPLE / "planted.json").read_bytes())


def read_lines(path: Path) -> list[dict[str, Any]]:
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return [json.loads(line) for line in data.decode().splitlines()]


def words_of(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def grams(text: str, n: int) -> set[tuple[str, ...]]:
    words = words_of(text)
    return {tuple(words[i : i + n]) for i in range(len(words) - n + 1)}


@cache
def references() -> dict[str, str]:
    outputs = [r for name in ("cumulus", "stratus") for r in read_lines(SAMPLE / "references" / f"{name}-outputs.jsonl")]
    return {r["id"]: r["output"] for r in outputs} | {WORK: (SAMPLE / "references" / "the-man-who-was-thursday.txt").read_text(encoding="utf-8")}


@cache
def chats() -> list[dict[str, Any]]:
    return read_lines(SAMPLE / "data" / "helpdesk" / "chats.jsonl")


def field_of(record: dict[str, Any], field: str) -> str:
    found = re.fullmatch(r"messages\[(\d+)\]\.content", field)
    assert found is not None
    return str(record["messages"][int(found[1])]["content"])


def test_the_sample_is_small() -> None:
    assert sum(p.stat().st_size for p in SAMPLE.rglob("*") if p.is_file()) <= 2_000_000


@pytest.mark.parametrize(
    ("path", "records", "fields"),
    [
        ("data/prose/prose.jsonl", 250, {"doc_id", "text", "title", "source"}),
        ("data/helpdesk/chats.jsonl", 123, {"id", "messages"}),
        ("data/forum/notes.jsonl.gz", 42, {"id", "title", "text"}),
        ("references/cumulus-outputs.jsonl", 60, {"id", "prompt", "output", "provider", "model", "channel", "region", "generated", "call"}),
        ("references/stratus-outputs.jsonl", 15, {"id", "prompt", "output", "provider", "model", "channel", "region", "generated", "call"}),
    ],
)
def test_every_file_holds_the_stated_records(path: str, records: int, fields: set[str]) -> None:
    rows = read_lines(SAMPLE / path)
    assert len(rows) == records
    assert all(set(r) == fields for r in rows)
    key = "doc_id" if "doc_id" in fields else "id"
    assert len({r[key] for r in rows}) == records


def test_conversations_alternate_and_have_text() -> None:
    for record in chats():
        assert [m["role"] for m in record["messages"]] == (["user", "assistant"] * len(record["messages"]))[: len(record["messages"])]
        assert all(m["content"].strip() for m in record["messages"])


def test_outputs_are_of_the_length_of_an_answer_and_stratus_answers_the_same_prompts() -> None:
    cumulus, stratus = (read_lines(SAMPLE / "references" / f"{n}-outputs.jsonl") for n in ("cumulus", "stratus"))
    assert all(60 <= len(r["output"].split()) <= 180 for r in cumulus)
    assert {r["prompt"] for r in stratus} <= {r["prompt"] for r in cumulus}
    assert all("2025-03-01" <= r["generated"]["from"] <= r["generated"]["to"] <= "2025-03-31" for r in cumulus)


def test_two_models_share_no_more_than_a_turn_of_phrase() -> None:
    cumulus = set().union(*(grams(text, 12) for ref, text in references().items() if ref.startswith("cumulus")))
    assert not any(grams(text, 12) & cumulus for ref, text in references().items() if ref.startswith("stratus"))


def test_nine_outputs_and_four_pages_are_planted() -> None:
    kinds = sorted((p["kind"], p["edit"]) for p in PLANTED)
    assert kinds == sorted(
        [("api-output", e) for e, n in zip(MIN_SHARED_5GRAMS, (3, 2, 2, 2), strict=True) for _ in range(n)] + [("work", "verbatim")] * 4
    )


@pytest.mark.parametrize("plant", PLANTED, ids=lambda p: f"{p['id']}-{p['reference']}")
def test_a_planted_passage_stands_in_its_reference(plant: dict[str, Any]) -> None:
    record = chats()[plant["record"]]
    assert record["id"] == plant["id"]
    text = field_of(record, plant["field"])
    text = text.split("\n\n", 1)[1] if plant["kind"] == "work" else text
    reference = references()[plant["reference"]]
    assert len(words_of(text)) == plant["words"]
    assert plant["words"] >= 60
    mine = grams(text, 5)
    assert len(mine & grams(reference, 5)) >= MIN_SHARED_5GRAMS[plant["edit"]] * len(mine)


@pytest.mark.parametrize("path", ["data/prose/prose.jsonl", "data/helpdesk/chats.jsonl", "data/forum/notes.jsonl.gz"])
def test_everything_else_shares_no_run_of_twelve_words_with_a_reference(path: str) -> None:
    known = set().union(*(grams(text, 12) for text in references().values()))
    planted = {(p["id"], int(p["field"][9])) for p in PLANTED}
    for record in read_lines(SAMPLE / path):
        texts = [m["content"] for m in record["messages"]] if "messages" in record else [record["text"]]
        for at, text in enumerate(texts):
            if (record.get("id"), at) not in planted:
                assert not grams(text, 12) & known, (record, at)


def test_the_readme_gives_source_and_licence_of_every_file() -> None:
    rows = [line for line in (SAMPLE / "README.md").read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    listed = {re.findall(r"`([^`]+)`", row)[0]: row.split("|")[3] for row in rows}
    files = {p.relative_to(SAMPLE).as_posix() for p in SAMPLE.rglob("*") if p.is_file()} - {"README.md"}
    assert set(listed) == files
    assert all("CC0-1.0" in text or "public domain" in text for text in listed.values())
