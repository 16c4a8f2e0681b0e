"""Run records for tests: passes of the gate over given shards, and records as a recorder would leave them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from provenance.clearance.check import GatePass
from provenance.clearance.keys import SigningKey
from provenance.clearance.shards import ShardCheck, VerifiedFile
from provenance.clearance.trust import Trust
from provenance.fingerprint.digest import ShardLeaf, merkle_root
from provenance.model.absence import Absence, TriState
from provenance.model.training import RecordGaps, RunEnd, RunRecord, ShardReads
from tests.fakes.clearances import rfc_key, sample_clearance

LEAVES = tuple(ShardLeaf(path=f"chat/{i}.jsonl", sha256=f"sha256:{i:064x}", size_bytes=1000 * (i + 1)) for i in range(4))
WINDOW = ("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z")


def passed_gate(*leaves: ShardLeaf, **changes: Any) -> GatePass:
    """Return a pass over shards that are nowhere."""
    shown = leaves or LEAVES
    verified = tuple(VerifiedFile(place=f"/data/{leaf.path}", leaf=leaf, identity=None) for leaf in shown)
    check = ShardCheck(shards=len(shown), size_bytes=sum(leaf.size_bytes for leaf in shown), problems=(), verified=verified)
    return GatePass(clearance=sample_clearance(merkle_root(shown), **changes), shards=check)


def recorder_key() -> SigningKey:
    """Return the key of the recorder in ``recorder_trust``."""
    return rfc_key(1)


def recorder_trust(*roles: str, window: tuple[str, str] = WINDOW, **changes: Any) -> Trust:
    """Trust an issuer, and a recorder's key by the roles given."""
    issuer = rfc_key(0).trusted(name="Ada Clearer", roles=("issuer",), not_before=WINDOW[0], not_after=WINDOW[1])
    recorder = recorder_key().trusted(name="node-7", roles=roles or ("recorder",), not_before=window[0], not_after=window[1])
    return Trust(keys=(issuer, recorder), thresholds=(("issuer", 1),), **changes)


def run_record(**changes: Any) -> RunRecord:
    """Return the record of a run that read the first shard twice, the second in part, and the others never."""
    reads = {0: (2000, "2026-11-24T12:00:05Z", "2026-11-24T12:10:00Z"), 1: (500, "2026-11-24T12:01:00Z", "2026-11-24T12:01:00Z")}
    shards = tuple(
        ShardReads(path=leaf.path, sha256=leaf.sha256, size_bytes=leaf.size_bytes, bytes_read=size, first_read=first, last_read=last)
        for i, leaf in enumerate(LEAVES)
        for size, first, last in (reads.get(i, (0, None, None)),)
    )
    record = RunRecord(
        id="ab" * 16,
        clearance="sha256:" + "77" * 32,
        audit="sha256:" + "33" * 32,
        run_digest="sha256:" + "11" * 32,
        manifest_root=merkle_root(LEAVES),
        framework="transformers",
        versions=(),
        hosts=(Absence.NOT_STATED.value,),
        world_size=1,
        processes=2,
        began="2026-11-24T12:00:00Z",
        ended="2026-11-24T12:30:00Z",
        end=RunEnd.COMPLETED,
        steps=1000,
        epochs="1.5",
        shards=shards,
        unseen=TriState.UNKNOWN,
        stops=(),
        gaps=RecordGaps(torn_lines=0, missing_ranks=(), unended_ranks=()),
    )
    return replace(record, **changes)
