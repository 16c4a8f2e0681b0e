"""Turn an audit into a clearance: for exactly these shards, this run and this policy, until a day."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from provenance.audit.break_glass import BreakGlassRequest, prepare_break_glass
from provenance.audit.lineage import Tracer
from provenance.audit.register import leaf_of
from provenance.audit.review import Released, needs_review
from provenance.audit.tools import Tools
from provenance.canonical import digest_of
from provenance.clearance.check import default_manifest_path
from provenance.clearance.keys import Signer
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import NO_LEAVE, Basis, Clearance, GateLeave, Issuer
from provenance.clearance.trust import ISSUER_ROLE, TrustedKey
from provenance.errors import SubjectMismatchError, UntrustedKeyError, VerdictError
from provenance.fingerprint.digest import ShardLeaf, manifest_bytes, merkle_root
from provenance.fingerprint.persons import is_same_person
from provenance.model.absence import Absence, is_absent
from provenance.model.audit import NO_ROOT, AuditRecord
from provenance.model.finding import Action, VerdictKind, Waiver, verdict_of
from provenance.model.wire import to_wire

_TIME = "%Y-%m-%dT%H:%M:%SZ"
_LAST_DAY = dt.date.max.isoformat()
"""What people write for never: no day comes after it."""
MAX_AUDIT_AGE = dt.timedelta(days=30)
"""An older audit is not cleared: terms, waivers and data have moved on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedClearance:
    """A clearance ready to be signed, and the manifest it is about."""

    clearance: Clearance
    leaves: tuple[ShardLeaf, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """What a run would be judged by now: an audit that rests on anything else is out of date."""

    indexes: tuple[str, ...]
    """Digests of the run's reference sets."""
    terms: str
    """Digest of the terms catalogue."""
    licenses: str
    """Digest of the licence catalogue."""
    policies: tuple[str, ...]
    """Digests of the bundles."""
    waivers: tuple[Waiver, ...] = ()
    """Those of the run, as they stand now."""
    exclusions: str = ""
    """Digest of the demands that something be kept out, empty where none holds."""
    schemes: tuple[str, ...] = ()
    """Names of the rules by which text is read and compared."""
    waivable: frozenset[str] = frozenset()
    """Ids of the rules of the bundles that permit exceptions: only of these a break-glass lets findings pass."""


def prepare_clearance(
    record: AuditRecord,
    tools: Tools,
    *,
    issuer: TrustedKey,
    days: int,
    in_force: InForce,
    released: Released | None = None,
    gate: GateLeave = NO_LEAVE,
    break_glass: BreakGlassRequest | None = None,
) -> PreparedClearance:
    """Return the clearance that an audit permits.

    Args:
        record: The audit.
        tools: Opens the registry, tells the time.
        issuer: The key that will sign, as the trust file has it.
        days: How long it holds.
        in_force: References, terms and policy as they are now.
        released: The signed releases of this very record that hold, for a REVIEW verdict.
        gate: What the gate may do beside hashing every byte.
        break_glass: Who lets a verdict pass that permits none; its hours then count, and not the days.

    Raises:
        VerdictError: If the verdict permits none, the record is not one that this registry holds, or it is out of date.
        UntrustedKeyError: If the key may not issue, or a break-glass's approver may not approve.
        SubjectMismatchError: If the registry no longer holds the shards or the facts that were judged.
    """
    said = None if break_glass is None else prepare_break_glass(record, break_glass, issuer=issuer, released=released)
    if said is None:
        _check_verdict(record, released, issuer)
    _check_registered(record, tools)
    _check_in_force(record, in_force)
    if ISSUER_ROLE not in issuer.roles:
        raise UntrustedKeyError(f"key of {issuer.name!r} has no role {ISSUER_ROLE!r}", hint="make one: provenance keys new NAME --role issuer")
    leaves = _leaves(record, tools)
    license_end = _check_lineage(record, tools)
    now = _moment(tools.clock.now())
    if now - _moment(record.created) > MAX_AUDIT_AGE:
        raise VerdictError(f"the audit of {record.created} is older than {MAX_AUDIT_AGE.days} days", hint="run the audit again")
    lasts = dt.timedelta(days=days) if break_glass is None else dt.timedelta(hours=break_glass.hours)
    reviewed = released if released is not None and said is None and needs_review(record) else None
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
        expires=_expiry(record, now + lasts, now, license_end).strftime(_TIME),
        issuer=Issuer(name=issuer.name, role=ISSUER_ROLE),
        released_by=None if reviewed is None else reviewed.reviewer,
        releases=() if reviewed is None else reviewed.envelopes,
        break_glass=said,
        rests_on=_basis(record),
        gate=gate,
    )
    return PreparedClearance(clearance=clearance, leaves=leaves)


def _basis(record: AuditRecord) -> Basis:
    used = {f.waiver for f in record.findings if f.waiver is not None}
    return Basis(
        audit_id=record.id,
        requested_by=record.run.requested_by.strip() or Absence.NOT_STATED.value,
        run_file_digest=record.run.file_digest or None,
        licenses_catalog_digest=record.licenses_digest,
        scans_digest=digest_of(list(record.scans)),
        findings_digest=digest_of(to_wire(record.findings)),
        waiver_digests=tuple(sorted({digest_of(to_wire(w)) for w in record.waivers if w.id in used})),
    )


def _moment(text: str) -> dt.datetime:
    return dt.datetime.strptime(text, _TIME).replace(tzinfo=dt.UTC)


def _end_of_day(day: str) -> dt.datetime:
    if day >= _LAST_DAY:
        return dt.datetime.max.replace(tzinfo=dt.UTC)
    return _moment(f"{day}T00:00:00Z") + dt.timedelta(days=1)


def _expiry(record: AuditRecord, latest: dt.datetime, now: dt.datetime, license_end: dt.datetime | None) -> dt.datetime:
    """Return when the clearance ends: it outlives no waiver that the verdict rests on and no licence of the data, which hold to the end of their day."""
    used = {f.waiver for f in record.findings if f.waiver is not None}
    ends = [_end_of_day(w.expires) for w in record.waivers if w.id in used] + ([license_end] if license_end else [])
    end = min([latest, *ends])
    if end <= now:
        raise VerdictError("a waiver that the verdict rests on, or a licence of the data, has expired", hint="run the audit again")
    return end


def _check_verdict(record: AuditRecord, released: Released | None, issuer: TrustedKey) -> None:
    """Take the verdict from the findings, never from the word alone: a record is a file, and files can be edited."""
    verdict = verdict_of(record.findings) if record.manifest_root != NO_ROOT else VerdictKind.BLOCKED
    if VerdictKind.BLOCKED in {verdict, record.verdict}:
        rules = ", ".join(sorted({f.rule for f in record.findings if f.is_open and f.action is Action.DENY})) or "its shards"
        raise VerdictError(
            f"the audit of {record.run.model.name} is BLOCKED by {rules}", hint="mend what it found and audit again: provenance findings list"
        )
    if released is not None and released.rejected is not None:
        raise VerdictError(
            f"the audit of {record.run.model.name} is not to be cleared: {released.lacking}", hint="mend what was found, and audit again"
        )
    if VerdictKind.REVIEW not in {verdict, record.verdict}:
        return
    lacking = (released or Released()).lacking
    if lacking is not None:
        raise VerdictError(
            f"the audit of {record.run.model.name} needs a review: {lacking}",
            hint=f"have a reviewer read it and sign: provenance review release {record.id.removeprefix('sha256:')[:10]} --key KEY --comment WHY",
        )
    if released is not None and any(key.key == issuer.key or is_same_person(key.name, issuer.name) for key in released.keys):
        raise VerdictError(f"{issuer.name} released the review and cannot issue the clearance too", hint="a second person must sign: --as KEY")


def _check_registered(record: AuditRecord, tools: Tools) -> None:
    """Refuse a record that this registry did not make, and one that a later audit of the same run has overtaken."""
    digest = digest_of(to_wire(record))
    with tools.units.read() as registry:
        audits = registry.audits()
    if digest not in {row[4] for row in audits}:
        raise VerdictError("this record is not an audit of this registry", hint="audit the run here: provenance audit run.yaml")
    newest = next(row for row in audits if row[2] == record.run.model.name)
    if newest[4] != digest and newest[0] != record.id:
        raise VerdictError(
            f"a later audit of {record.run.model.name}, of {newest[1]}, says {newest[3]}", hint="clear the latest one: provenance clear latest"
        )


def _check_in_force(record: AuditRecord, in_force: InForce) -> None:
    if record.exclusions != in_force.exclusions:
        raise VerdictError(
            f"demands that something be kept out were recorded or withdrawn since the audit of {record.created}", hint="run the audit again"
        )
    pairs = (
        ("reference sets", {r.digest for r in record.references}, set(in_force.indexes)),
        ("terms catalogue", {record.terms_catalog_digest}, {in_force.terms}),
        ("licence catalogue", {record.licenses_digest}, {in_force.licenses}),
        ("policy", {p.digest for p in record.policy}, set(in_force.policies)),
        ("way in which text is read, compared or looked at for patterns", set(record.schemes), set(in_force.schemes)),
    )
    for what, then, now in pairs:
        if then != now:
            raise VerdictError(f"the {what} changed since the audit of {record.created}", hint="run the audit again")
    used = {f.waiver for f in record.findings if f.waiver is not None}
    gone = sorted(w.id for w in record.waivers if w.id in used and w not in in_force.waivers)
    if gone:
        raise VerdictError(f"waiver {gone[0]}, on which the verdict rests, was withdrawn or changed since the audit", hint="run the audit again")


def _check_lineage(record: AuditRecord, tools: Tools) -> dt.datetime | None:
    """Refuse where something was recorded since of the data, of what they come from, or of how they were made.

    Returns:
        When the first of their licences ends; ``None`` where none is known to.
    """
    ends: list[str] = []
    with tools.units.read() as registry:
        changed = registry.changed_since(record.log_head)
        if changed is None:
            raise VerdictError("the log does not hold the row at which the audit was made", hint="run: provenance log verify, then audit again")
        versions, outputs = changed
        pinned = _pinned(record)
        tracer = Tracer(registry)
        for summary in record.datasets:
            name = summary.dataset.name
            whole = tracer.trace(registry.dataset_version(name, summary.root_digest)).whole
            sources = {*(a.dataset.name for a in whole.ancestors), *(u.partition("@")[0] for u in whole.unknown)}
            own = {n for n, root in versions if n == name and (name not in pinned or root == summary.root_digest)}
            if since := sorted(own | (sources & {n for n, _ in versions}) | ({name, *sources} & set(outputs))):
                raise SubjectMismatchError(
                    f"{name}, or where it comes from, is told anew since the audit: see {since[0]}", hint="run the audit again"
                )
            ends += [d.license.expires for d in (summary.dataset, *(a.dataset for a in whole.ancestors)) if not is_absent(d.license.expires)]
    return min(map(_end_of_day, ends), default=None)


def _leaves(record: AuditRecord, tools: Tools) -> tuple[ShardLeaf, ...]:
    pinned = _pinned(record)
    found: list[ShardLeaf] = []
    with tools.units.read() as registry:
        for summary in record.datasets:
            name = summary.dataset.name
            version = registry.dataset_version(name, summary.root_digest if name in pinned else None)
            if version.root_digest != summary.root_digest or version.dataset != summary.dataset:
                raise SubjectMismatchError(f"dataset {name} was registered anew since the audit", hint="run the audit again")
            found.extend(map(leaf_of, version.shards))
    if not found or merkle_root(found) != record.manifest_root:
        raise SubjectMismatchError("the registry's shards are not the ones that were judged", hint="run the audit again")
    return tuple(found)


def _pinned(record: AuditRecord) -> set[str]:
    """Return the datasets of which the run names the version."""
    return {d.dataset.partition("@")[0] for d in record.run.data if "@" in d.dataset}


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
