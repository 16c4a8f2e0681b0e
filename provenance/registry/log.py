"""The hash-chained audit log: ``entry_hash = sha256(RFC 8785 of {seq, prev_hash, at, actor, action, reason, payload})``, one row a unit of work.

A chain shows insertion, removal, reordering and editing of rows. It cannot show by itself that its *last* rows were cut off: compare its head with one
printed in a report or a clearance (``expected_head``), and the rows with the facts (``integrity``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provenance.canonical import canonical_bytes, digest_of
from provenance.errors import LogChainError, RegistryError
from provenance.registry.guards import GENESIS


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One row of the log."""

    seq: int
    """1, 2, 3 …"""
    prev_hash: str
    """``entry_hash`` of the row before, ``sha256:000…`` for the first."""
    at: str
    """RFC 3339 UTC."""
    actor: str
    action: str
    reason: str
    payload: str
    """Canonical JSON of what was changed."""
    entry_hash: str

    @property
    def details(self) -> Mapping[str, Any]:
        """Return the payload as values.

        Raises:
            LogChainError: If it is not a JSON object.
        """
        try:
            value = json.loads(self.payload)
        except (ValueError, RecursionError) as err:
            raise _broken(self.seq, f"its payload is not JSON: {err}") from err
        if not isinstance(value, dict):
            raise _broken(self.seq, f"its payload is a {type(value).__name__}, expected an object")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class LogAct:
    """Who did what, why and when: a log row before it is chained."""

    at: str
    actor: str
    action: str
    reason: str
    payload: Mapping[str, Any]


def build_entry(act: LogAct, *, seq: int, prev_hash: str) -> LogEntry:
    """Chain an act to the row before it.

    Raises:
        RegistryError: If the act holds what canonical JSON cannot express.
    """
    try:
        payload = canonical_bytes(dict(act.payload)).decode("utf-8")
        digest = _digest(seq, prev_hash, act, act.payload)
    except ValueError as err:
        raise RegistryError(f"log row {seq} ({act.action}) cannot be written: {err}") from err
    return LogEntry(
        seq=seq, prev_hash=prev_hash, at=act.at, actor=act.actor, action=act.action, reason=act.reason, payload=payload, entry_hash=digest
    )


def verify_log(entries: Iterable[LogEntry], *, expected_head: str | None = None) -> str:
    """Check every link of the chain and return the hash of its last row, ``GENESIS`` for an empty log.

    Args:
        entries: All rows, in the order of ``seq``.
        expected_head: A head known from elsewhere, such as a report: it must be in the chain, which shows whether rows were cut off behind it.

    Raises:
        LogChainError: With the first broken row's ``seq`` in the message and in ``context``.

    Cost:
        One SHA-256 a row, constant memory.
    """
    head, seq, seen = GENESIS, 0, expected_head in {None, GENESIS}
    for entry in entries:
        _verify_entry(entry, seq=seq + 1, prev_hash=head)
        head, seq = entry.entry_hash, entry.seq
        seen = seen or head == expected_head
    if not seen:
        raise _broken(seq + 1, f"the log ends after row {seq} without the expected head {expected_head}: rows were cut off or the log was rewritten")
    return head


def _verify_entry(entry: LogEntry, *, seq: int, prev_hash: str) -> None:
    if entry.seq != seq:
        raise _broken(seq, f"row {entry.seq} stands where row {seq} should: a row was removed, inserted or moved")
    if entry.prev_hash != prev_hash:
        raise _broken(seq, f"its prev_hash is {entry.prev_hash}, expected {prev_hash}: a row was removed, inserted, moved or edited")
    details = entry.details
    act = LogAct(at=entry.at, actor=entry.actor, action=entry.action, reason=entry.reason, payload=details)
    try:
        exact = canonical_bytes(dict(details)).decode("utf-8") == entry.payload
        digest = _digest(entry.seq, entry.prev_hash, act, details)
    except ValueError as err:
        raise _broken(seq, f"it cannot be hashed: {err}") from err
    if not exact or digest != entry.entry_hash:
        raise _broken(seq, f"its entry_hash is {entry.entry_hash}, expected {digest}: the row was edited")


def _digest(seq: int, prev_hash: str, act: LogAct, payload: Mapping[str, Any]) -> str:
    row = {"seq": seq, "prev_hash": prev_hash, "at": act.at, "actor": act.actor, "action": act.action, "reason": act.reason, "payload": dict(payload)}
    return digest_of(row)


def _broken(seq: int, why: str) -> LogChainError:
    return LogChainError(
        f"audit log: row {seq} breaks the chain: {why}",
        hint="the registry was changed outside this tool; restore a backup whose log verifies",
        context={"seq": str(seq)},
    )
