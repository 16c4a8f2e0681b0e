"""Turn an audit into a clearance: for exactly these shards, this run and this policy, until a day."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from provenance.audit.register import leaf_of
from provenance.audit.tools import Tools
from provenance.canonical import digest_of
from provenance.clearance.check import default_manifest_path
from provenance.clearance.keys import Signer
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import Clearance, Issuer
from provenance.clearance.trust import ISSUER_ROLE, TrustedKey
from provenance.errors import SubjectMismatchError, UntrustedKeyError, VerdictError
from provenance.fingerprint.digest import ShardLeaf, manifest_bytes, merkle_root
from provenance.model.audit import AuditRecord
from provenance.model.finding import Action, VerdictKind
from provenance.model.wire import to_wire

_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedClearance:
    """A clearance ready to be signed, and the manifest it is about."""

    clearance: Clearance
    leaves: tuple[ShardLeaf, ...]


def prepare_clearance(record: AuditRecord, tools: Tools, *, issuer: TrustedKey, days: int, released_by: str | None) -> PreparedClearance:
    """Return the clearance that an audit permits.

    Args:
        record: The audit.
        tools: Opens the registry, tells the time.
        issuer: The key that will sign, as the trust file has it.
        days: How long it holds.
        released_by: Name of the reviewer who releases a REVIEW verdict.

    Raises:
        VerdictError: If the verdict permits none.
        UntrustedKeyError: If the key may not issue.
        SubjectMismatchError: If the registry no longer holds the shards that were judged.
    """
    _check_verdict(record, released_by)
    if ISSUER_ROLE not in issuer.roles:
        raise UntrustedKeyError(f"key of {issuer.name!r} has no role {ISSUER_ROLE!r}", hint="make one: provenance keys new NAME --role issuer")
    leaves = _leaves(record, tools)
    now = dt.datetime.strptime(tools.clock.now(), _TIME).replace(tzinfo=dt.UTC)
    clearance = Clearance(
        manifest_root=merkle_root(leaves),
        audit=digest_of(to_wire(record)),
        run_digest=record.run.digest,
        policy_digests=tuple(sorted({p.digest for p in record.policy})),
        terms_catalog_digest=record.terms_catalog_digest,
        index_digests=tuple(sorted({r.digest for r in record.references})),
        verdict=record.verdict,
        conditions=record.obligations,
        issued=now.strftime(_TIME),
        not_before=now.strftime(_TIME),
        expires=(now + dt.timedelta(days=days)).strftime(_TIME),
        issuer=Issuer(name=issuer.name, role=ISSUER_ROLE),
        released_by=released_by,
    )
    return PreparedClearance(clearance=clearance, leaves=leaves)


def _check_verdict(record: AuditRecord, released_by: str | None) -> None:
    if record.verdict is VerdictKind.BLOCKED:
        rules = ", ".join(sorted({f.rule for f in record.findings if f.is_open and f.action is Action.DENY}))
        raise VerdictError(
            f"the audit of {record.run.model.name} is BLOCKED by {rules}", hint="mend what it found and audit again: provenance findings list"
        )
    if record.verdict is VerdictKind.REVIEW and not released_by:
        raise VerdictError(f"the audit of {record.run.model.name} needs a review", hint="have a reviewer read it and sign: --released-by KEY")


def _leaves(record: AuditRecord, tools: Tools) -> tuple[ShardLeaf, ...]:
    found: list[ShardLeaf] = []
    with tools.units.read() as registry:
        for summary in record.datasets:
            found.extend(map(leaf_of, registry.dataset_version(summary.dataset.name, summary.root_digest).shards))
    if not found or merkle_root(found) != record.manifest_root:
        raise SubjectMismatchError("the registry's shards are not the ones that were judged", hint="run the audit again")
    return tuple(found)


def write_clearance(prepared: PreparedClearance, signers: Sequence[Signer], target: Path) -> Path:
    """Sign and write ``X.clearance.json`` and ``X.manifest.jsonl``, the manifest first. Returns the manifest's path."""
    manifest = default_manifest_path(target)
    _write(manifest, manifest_bytes(prepared.leaves))
    _write(target, issue_clearance(prepared.clearance, *signers))
    return manifest


def _write(path: Path, raw: bytes) -> None:
    part = path.with_name(path.name + ".part")
    with part.open("wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
