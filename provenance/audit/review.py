"""Audits that need a reviewer: list them, release them under a reviewer's signature, reject them. A release is of one audit record and carries over to no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from provenance.audit.admitting import Verifier
from provenance.audit.exclude import read_line
from provenance.audit.tools import Tools
from provenance.canonical import digest_of
from provenance.clearance.keys import Signer
from provenance.clearance.release import MAX_FINDINGS, Covered, ReviewRelease, findings_digest, sign_release, uncovered, verify_release
from provenance.clearance.statement import MAX_RELEASES
from provenance.clearance.trust import REVIEWER_ROLE, TrustedKey
from provenance.errors import ClearanceError, ConflictError, InputError, NotRegisteredError, UntrustedKeyError, VerdictError
from provenance.fingerprint.persons import is_same_person
from provenance.model.absence import is_absent
from provenance.model.audit import NO_ROOT, AuditRecord
from provenance.model.finding import Action, Finding, VerdictKind, verdict_of
from provenance.model.waiving import Review, ReviewDecision
from provenance.model.wire import to_wire
from provenance.ports import Registry

FEWEST_DIGITS = 6
"""Digits by which a finding is named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseFields:
    """What a reviewer says."""

    reviewer: str
    comment: str
    findings: tuple[str, ...] = ()
    """First digits of those that were read; empty where all were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The releases of an audit record that hold, and why others do not."""

    envelopes: tuple[str, ...] = ()
    releases: tuple[ReviewRelease, ...] = ()
    keys: tuple[TrustedKey, ...] = ()
    faults: tuple[str, ...] = ()
    rejected: Review | None = None
    """The last rejection of this audit, also where it was made anew and found the same: it ends the matter."""
    earlier: Review | None = None
    """The last rejection of another audit of the run: a release says why this one may pass."""

    @property
    def lacking(self) -> str | None:
        """Why the audit is not released, ``None`` if it is."""
        if self.rejected is not None:
            return f"{self.rejected.reviewer} rejected it at {self.rejected.at}: {self.rejected.comment}"
        why = uncovered(self.releases)
        return why if why is None or not self.faults else f"{why}; {'; '.join(self.faults)}"

    @property
    def reviewer(self) -> str:
        """Who released it last."""
        return self.releases[-1].reviewer if self.releases else ""


def open_reviews(record: AuditRecord) -> tuple[Finding, ...]:
    """Return the findings that ask for a review."""
    return tuple(f for f in record.findings if f.is_open and f.action is Action.REVIEW)


def needs_review(record: AuditRecord) -> bool:
    """Tell whether an audit can be cleared by a reviewer, and only so. Taken from the findings, never from the word alone."""
    verdicts = {verdict_of(record.findings), record.verdict}
    return record.manifest_root != NO_ROOT and VerdictKind.BLOCKED not in verdicts and VerdictKind.REVIEW in verdicts


def record_digest(record: AuditRecord) -> str:
    """Return the digest by which reviews name an audit record."""
    return digest_of(to_wire(record))


def find_reviews(record: AuditRecord, registry: Registry, verifier: Verifier) -> Released:
    """Return what a registry holds that was decided of an audit, and of others of its run.

    A release is of one record. A rejection is of what was found: it stands for every audit with the same id, and is told of in later audits of the run.
    """
    found = find_released(record, registry.reviews(record_digest(record)), verifier)
    audits, rejections = registry.audits(), [r for r in registry.reviews() if r.decision is ReviewDecision.REJECTED]
    same = {row[4] for row in audits if row[0] == record.id}
    of_run = {row[4] for row in audits if row[2] == record.run.model.name} - same
    rejected = next((r for r in reversed(rejections) if r.record_digest in same), found.rejected)
    return replace(found, rejected=rejected, earlier=next((r for r in reversed(rejections) if r.record_digest in of_run), None))


def find_released(record: AuditRecord, reviews: Sequence[Review], verifier: Verifier) -> Released:
    """Return which releases of an audit record hold now, by what was decided of this very record.

    Args:
        record: The audit.
        reviews: What the registry holds of it.
        verifier: Judges signatures.
    """
    digest, rejected = record_digest(record), None
    held, faults = list[tuple[str, ReviewRelease, TrustedKey]](), list[str]()
    for review in reviews:
        if review.record_digest != digest:
            continue
        if review.decision is ReviewDecision.REJECTED:
            rejected = review
            continue
        try:
            held.append((review.envelope, *_verified(review, record, digest, verifier)))
        except ClearanceError as err:
            faults.append(str(err))
    whole = [item for item in held if item[1].covers is Covered.ALL]
    envelopes, releases, keys = zip(*(whole[-1:] or held[-MAX_RELEASES:]), strict=True) if held else ((), (), ())
    return Released(envelopes=envelopes, releases=releases, keys=keys, faults=tuple(faults), rejected=rejected)


def _verified(review: Review, record: AuditRecord, digest: str, verifier: Verifier) -> tuple[ReviewRelease, TrustedKey]:
    if verifier.trust is None:
        raise UntrustedKeyError("there is no trust file that says whose key signed the release")
    release, key = verify_release(review.envelope.encode("utf-8", "replace"), verifier.trust, verifier.now, revocations=verifier.revocations)
    of = findings_digest(f.id for f in open_reviews(record))
    if (release.record, release.audit, release.run_digest, release.of) != (digest, record.id, record.run.digest, of):
        raise VerdictError(f"the release of {release.reviewer!r} is of another audit")
    _check_person(release.reviewer, record)
    return release, key


def release_audit(
    record: AuditRecord, fields: ReleaseFields, *, signer: Signer, trusted: TrustedKey, verifier: Verifier, tools: Tools
) -> ReviewRelease:
    """Sign and record a release, in one unit of work.

    Args:
        record: The audit that was read.
        fields: What the reviewer says.
        signer: The reviewer's key.
        trusted: The same as the trust file has it.
        verifier: Judges what was signed, as ``clear`` will.
        tools: Opens the registry, tells the time.

    Raises:
        VerdictError: If the audit needs no review, or a finding denies.
        UntrustedKeyError: If the key may not review, or is somebody else's.
        InputError: If a finding is not one that asks for a review, or the reviewer asked for the run.
        ConflictError: If it was rejected, or is released already.
    """
    _check_verdict(record)
    if REVIEWER_ROLE not in trusted.roles:
        raise UntrustedKeyError(
            f"key of {trusted.name} has no role {REVIEWER_ROLE}", hint=f"make one: provenance keys new NAME --role {REVIEWER_ROLE}"
        )
    reviewer = read_line(fields.reviewer, "reviewer") or trusted.name
    if reviewer != trusted.name:
        raise UntrustedKeyError(f"the key is of {trusted.name!r}, and {reviewer!r} is named as the reviewer", hint="sign with the reviewer's own key")
    _check_person(reviewer, record)
    comment = read_line(fields.comment, "comment")
    if not comment:
        raise InputError("a release needs a word of why", hint="such as: --comment 'read all findings; the licence is on file'")
    release = _build(record, reviewer, comment, fields.findings, tools.clock.now())
    envelope = sign_release(release, signer).decode("ascii")
    now = tools.clock.now()
    review = Review(
        record_digest=release.record,
        decision=ReviewDecision.RELEASED,
        reviewer=reviewer,
        comment=comment,
        envelope=envelope,
        at=now,
        actor=tools.actor,
    )
    _verified(review, record, release.record, verifier)
    with tools.units.begin(actor=tools.actor, action="review release", reason=f"{record.run.model.name}: {comment}"[:200]) as registry:
        before = find_reviews(record, registry, verifier)
        if before.rejected is not None:
            raise ConflictError(f"the audit was rejected: {before.lacking}", hint="mend what was found, and audit again")
        if before.lacking is None:
            raise ConflictError(f"the audit is released already, by {before.reviewer}", hint="sign the clearance: provenance clear")
        registry.add_review(review)
    return release


def reject_audit(record: AuditRecord, *, reviewer: str, reason: str, tools: Tools) -> Review:
    """Record that an audit must not be cleared. It needs no signature: whoever objects, the run waits for a new audit.

    Raises:
        InputError: If nobody is named, or no reason is given.
        ConflictError: If it was rejected already.
    """
    named, said = read_line(reviewer, "reviewer"), read_line(reason, "reason")
    if not named or not said:
        raise InputError("a rejection needs a name and a reason", hint="such as: --reviewer NAME --reason 'the licence is not on file'")
    digest = record_digest(record)
    review = Review(record_digest=digest, decision=ReviewDecision.REJECTED, reviewer=named, comment=said, at=tools.clock.now(), actor=tools.actor)
    with tools.units.begin(actor=tools.actor, action="review reject", reason=f"{record.run.model.name}: {said}"[:200]) as registry:
        of_record = {digest, *(row[4] for row in registry.audits() if row[0] == record.id)}
        earlier = [r for r in registry.reviews() if r.decision is ReviewDecision.REJECTED and r.record_digest in of_record]
        if earlier:
            raise ConflictError(f"the audit was rejected already, by {earlier[-1].reviewer}", hint="mend what was found, and audit again")
        registry.add_review(review)
    return review


def _check_verdict(record: AuditRecord) -> None:
    if needs_review(record):
        return
    denied = sorted({f.rule for f in record.findings if f.is_open and f.action is Action.DENY})
    if denied or record.verdict is VerdictKind.BLOCKED or record.manifest_root == NO_ROOT:
        raise VerdictError(
            f"the audit of {record.run.model.name} is BLOCKED by {', '.join(denied) or 'its shards'}, and no review releases what denies",
            hint="mend what it found and audit again",
        )
    raise VerdictError(f"the audit of {record.run.model.name} is {record.verdict} and needs no review", hint="sign the clearance: provenance clear")


def _check_person(reviewer: str, record: AuditRecord) -> None:
    asked = record.run.requested_by
    if is_absent(asked.strip()):
        raise UntrustedKeyError(
            "the run names nobody who asked for it, so nobody can tell that the reviewer is somebody else",
            hint="state requested_by in the run file, and audit again",
        )
    if is_same_person(reviewer, asked):
        raise UntrustedKeyError(f"{reviewer} asked for this run, and cannot release it", hint="somebody else must read it")


def _build(record: AuditRecord, reviewer: str, comment: str, names: Sequence[str], now: str) -> ReviewRelease:
    every = {f.id: f for f in open_reviews(record)}
    chosen = sorted({_named(name, every) for name in names})
    if len(chosen) > MAX_FINDINGS:
        raise InputError(f"{len(chosen):,} findings are named, and a release names at most {MAX_FINDINGS:,}", hint="release all: leave --finding out")
    is_all = not chosen or len(chosen) == len(every)
    return ReviewRelease(
        record=record_digest(record),
        audit=record.id,
        run_digest=record.run.digest,
        reviewer=reviewer,
        comment=comment,
        covers=Covered.ALL if is_all else Covered.SOME,
        findings=() if is_all else tuple(chosen),
        of=findings_digest(every),
        released=now,
    )


def _named(name: str, findings: Mapping[str, Finding]) -> str:
    digits = name.strip().lower().removeprefix("sha256:")
    found = [key for key in findings if key.removeprefix("sha256:").startswith(digits)] if len(digits) >= FEWEST_DIGITS else []
    if len(found) != 1:
        raise NotRegisteredError(
            f"{len(found) or 'no'} findings that ask for a review begin with {name[:80]!r}", hint="see: provenance review show AUDIT"
        )
    return found[0]
