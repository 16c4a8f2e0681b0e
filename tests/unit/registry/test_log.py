"""The chain shows every change, and names the first broken row."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

import pytest

from provenance.errors import LogChainError, RegistryError
from provenance.registry.guards import GENESIS, POSTGRES_LINK, SQLITE_LINK
from provenance.registry.log import LogAct, LogEntry, build_entry, verify_log


def chain(count: int) -> list[LogEntry]:
    entries: list[LogEntry] = []
    head = GENESIS
    for i in range(count):
        act = LogAct(at="2026-03-01T12:00:00Z", actor="ä", action="register", reason="", payload={"b": [i], "a": {"z": None, "é": "x"}})
        entries.append(build_entry(act, seq=i + 1, prev_hash=head))
        head = entries[-1].entry_hash
    return entries


def broken_at(entries: list[LogEntry], *, head: str | None = None) -> int:
    with pytest.raises(LogChainError) as caught:
        verify_log(entries, expected_head=head)
    seq = int(caught.value.context["seq"])
    assert f"row {seq} breaks the chain" in str(caught.value)
    return seq


def test_an_entry_hash_is_the_sha256_of_the_canonical_row() -> None:
    entry = chain(1)[0]
    # RFC 8785 by hand: keys sorted, no spaces, UTF-8 unescaped.
    row = (
        '{"action":"register","actor":"ä","at":"2026-03-01T12:00:00Z","payload":{"a":{"z":null,"é":"x"},"b":[0]},'
        '"prev_hash":"sha256:' + "0" * 64 + '","reason":"","seq":1}'
    )
    assert entry.entry_hash == "sha256:" + hashlib.sha256(row.encode()).hexdigest()
    assert entry.payload == json.dumps(json.loads(row)["payload"], ensure_ascii=False, separators=(",", ":"))


def test_a_whole_chain_verifies_to_its_head() -> None:
    entries = chain(5)
    assert verify_log(entries) == entries[-1].entry_hash
    assert verify_log(entries, expected_head=entries[2].entry_hash) == entries[-1].entry_hash
    assert verify_log([]) == GENESIS


@pytest.mark.parametrize("name", ["at", "actor", "action", "reason", "entry_hash"])
def test_an_edited_row_is_named(name: str) -> None:
    entries = chain(5)
    changed: dict[str, Any] = {name: "sha256:" + "f" * 64}
    entries[2] = replace(entries[2], **changed)
    assert broken_at(entries) == 3


@pytest.mark.parametrize(
    "payload", ['{"a":{"z":null,"é":"x"},"b":[7]}', '{"b":[2],"a":{"z":null,"é":"x"}}', '{"a": 1}', "[]", "x", '{"a":1e999}', ""]
)
def test_an_edited_payload_is_named_even_if_it_means_the_same(payload: str) -> None:
    entries = chain(5)
    entries[2] = replace(entries[2], payload=payload)
    assert broken_at(entries) == 3


@pytest.mark.parametrize("removed", [0, 1, 3])
def test_a_removed_row_is_named(removed: int) -> None:
    entries = chain(5)
    del entries[removed]
    assert broken_at(entries) == removed + 1


def test_an_inserted_row_is_named() -> None:
    entries = chain(5)
    entries.insert(2, entries[1])
    assert broken_at(entries) == 3


def test_swapped_rows_are_named() -> None:
    entries = chain(5)
    entries[1], entries[2] = entries[2], entries[1]
    assert broken_at(entries) == 2


def test_an_edited_row_with_a_new_hash_breaks_the_next_link() -> None:
    entries = chain(5)
    act = LogAct(at="2026-03-01T12:00:00Z", actor="mallory", action="register", reason="", payload={})
    entries[2] = build_entry(act, seq=3, prev_hash=entries[1].entry_hash)
    assert broken_at(entries) == 4


def test_a_log_cut_off_at_its_end_is_found_with_a_known_head() -> None:
    entries = chain(5)
    head = entries[-1].entry_hash
    assert verify_log(entries[:3]) == entries[2].entry_hash
    assert broken_at(entries[:3], head=head) == 4
    assert broken_at([], head=head) == 1


def test_what_canonical_json_cannot_hold_is_refused() -> None:
    act = LogAct(at="t", actor="\ud800", action="a", reason="", payload={})
    with pytest.raises(RegistryError, match="cannot be written"):
        build_entry(act, seq=1, prev_hash=GENESIS)


def test_the_triggers_know_the_same_beginning() -> None:
    assert f"'{GENESIS}'" in SQLITE_LINK
    assert f"'{GENESIS}'" in POSTGRES_LINK
