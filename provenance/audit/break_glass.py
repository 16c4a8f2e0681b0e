"""Break-glass: let a run start that its audit did not clear, for at most a day, on the word of a named approver; and find out later that it was done.

Nothing here makes a verdict better: the audit stays as it is, and every report of the run that is made afterwards says what was let pass, by whom and why.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from provenance.audit.exclude import read_line
from provenance.audit.review import Released, needs_review, record_digest
from provenance.clearance.break_glass import MAX_HOURS, break_glass_role
from provenance.clearance.statement import BreakGlass
from provenance.clearance.trust import Trust, TrustedKey
from provenance.errors import InputError, UntrustedKeyError, VerdictError
from provenance.fingerprint.persons import is_same_person
from provenance.model.absence import is_absent
from provenance.model.audit import NO_ROOT, AuditRecord, BrokenGlass
from provenance.model.finding import Action, Finding, VerdictKind, verdict_of
from provenance.ports import Registry

ACTION = "break-glass"
"""What the log calls the unit of work."""
KIND = "break_glass_clearances"
"""What the log's row calls the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlassRequest:
    """Who lets an audit pass, why, and for how long."""

    approver: TrustedKey
    """The key that will sign, as the trust file has it."""
    reason: str
    trust: Trust
    """Says in which role an approver signs."""
    waivable: Collection[str]
    """Ids of the rules, of the bundles that judged the run, that permit exceptions."""
    hours: int = MAX_HOURS
    """1 to 24."""


def let_pass(record: AuditRecord) -> tuple[Finding, ...]:
    """Return the findings that stand between a run and its clearance."""
    return tuple(f for f in record.findings if f.is_open and f.action is not Action.WARN)


def prepare_break_glass(record: AuditRecord, request: BreakGlassRequest, *, issuer: TrustedKey, released: Released | None = None) -> BreakGlass:
    """Return what a clearance says of a break-glass.

    Args:
        record: The audit.
        request: Who lets it pass, and why.
        issuer: Who will issue the clearance.
        released: What reviewers decided of the audit.

    Raises:
        VerdictError: If the audit needs none, a rule permits no exception, a reviewer rejected it, or its shards were not all judged.
        UntrustedKeyError: If the approver's key has not the role, or the approver is the issuer or asked for the run.
        InputError: If no reason is given, or the hours are out of range.
    """
    passed = let_pass(record)
    _check_needed(record, passed, released)
    _check_shards(record)
    barred = sorted({f.rule for f in passed} - set(request.waivable))
    if barred:
        raise VerdictError(
            f"rule {', '.join(barred)} permits no exception, so no break-glass either", hint="mend what it found: provenance findings list"
        )
    _check_persons(record, request, issuer)
    if not 1 <= request.hours <= MAX_HOURS:
        raise InputError(f"a break-glass holds 1 to {MAX_HOURS} hours, not {request.hours}", hint="give fewer: --hours N")
    reason = read_line(request.reason, "reason")
    if not reason:
        raise InputError("a break-glass needs a reason", hint="say it: --reason TEXT")
    return BreakGlass(
        approver=request.approver.name, reason=reason, rules=tuple(sorted({f.rule for f in passed})), findings=sum(f.size for f in passed)
    )


def _check_needed(record: AuditRecord, passed: tuple[Finding, ...], released: Released | None) -> None:
    name = record.run.model.name
    if released is not None and released.rejected is not None:
        raise VerdictError(f"the audit of {name} is not to be cleared: {released.lacking}", hint="mend what was found, and audit again")
    if needs_review(record) and released is not None and released.lacking is None:
        raise VerdictError(f"the audit of {name} is released: no break-glass is needed", hint="leave --break-glass out")
    if {verdict_of(record.findings), record.verdict} == {VerdictKind.CLEARED}:
        raise VerdictError(f"the audit of {name} is CLEARED: no break-glass is needed", hint="leave --break-glass out")
    if not passed:
        raise VerdictError(f"the audit of {name} is {record.verdict}, and no finding says why", hint="audit the run again")


def _check_shards(record: AuditRecord) -> None:
    """Refuse an audit that did not see all the data: nobody can answer for what nobody looked at."""
    totals, named = record.totals, {d.dataset.partition("@")[0] for d in record.run.data}
    changed = sum(s.state != "unchanged" for s in record.shards)
    whole = record.manifest_root != NO_ROOT and named == {d.dataset.name for d in record.datasets}
    if not whole or changed or totals.shards_judged != totals.shards_named or not totals.shards_named:
        raise VerdictError(
            f"{totals.shards_judged:,} of {totals.shards_named:,} shards of {record.run.model.name} were judged: the others changed, are missing or "
            "could not be scanned, and no break-glass lets them pass",
            hint="register the data as they are now, scan them, and audit again",
        )


def _check_persons(record: AuditRecord, request: BreakGlassRequest, issuer: TrustedKey) -> None:
    approver, asked, role = request.approver, record.run.requested_by, break_glass_role(request.trust)
    if role not in approver.roles:
        raise UntrustedKeyError(f"key of {approver.name} has no role {role}", hint=f"make one: provenance keys new NAME --role {role}")
    if approver.key == issuer.key or is_same_person(approver.name, issuer.name):
        raise UntrustedKeyError(
            f"{approver.name} cannot both approve and issue a break-glass", hint="a second person must sign: choose another key with --as"
        )
    if is_absent(asked.strip()):
        raise UntrustedKeyError(
            "the run names nobody who asked for it, so nobody can tell that the approver is somebody else",
            hint="state requested_by in the run file, and audit again",
        )
    if is_same_person(approver.name, asked):
        raise UntrustedKeyError(f"{approver.name} asked for this run, and cannot approve a break-glass for it", hint="somebody else must approve it")


def note_break_glass(registry: Registry, record: AuditRecord, said: BreakGlass, *, expires: str) -> None:
    """Put a break-glass into the log, in a unit of the action ``ACTION``."""
    registry.note(
        KIND,
        audit=record.id,
        record=record_digest(record),
        model=record.run.model.name,
        run_digest=record.run.digest,
        manifest_root=record.manifest_root,
        approver=said.approver,
        reason=said.reason,
        expires=expires,
        rules=" ".join(said.rules),
        findings=str(said.findings),
        finding_ids=" ".join(f.id for f in let_pass(record)),
    )


def find_broken_glass(record: AuditRecord, registry: Registry) -> tuple[BrokenGlass, ...]:
    """Return the break-glass clearances that a registry's log tells of for an audit's run: of this audit and of others of the model's name."""
    return tuple(
        BrokenGlass(
            at=at,
            approver=said["approver"],
            reason=said["reason"],
            audit=said["audit"],
            expires=said["expires"],
            rules=tuple(said["rules"].split()),
            findings=int(said["findings"]),
        )
        for at, said in registry.noted(KIND, action=ACTION)
        if said["model"] == record.run.model.name or said["run_digest"] == record.run.digest
    )
