"""The strict verifier: pure, over bytes and values only. It returns the clearance or raises with every reason it has; it never guesses.

Order: form of the envelope; every signature, by keys of the trust file; only then the content, whose faults are collected. Nothing of an
unauthenticated payload is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from provenance.clearance import break_glass, ed25519
from provenance.clearance.binding import UNNAMED_RUN, NamedFile, NamedRun, binding_faults
from provenance.clearance.envelope import Envelope, parse_envelope, pre_authentication_encoding
from provenance.clearance.revocation import CLOCK_SKEW, RevocationList, stale_reason
from provenance.clearance.statement import Clearance, parse_statement, statement_digest
from provenance.clearance.strict_json import parse_time
from provenance.clearance.thresholds import shortfalls
from provenance.clearance.trust import REVIEWER_ROLE, Trust, TrustedKey
from provenance.errors import (
    ClearanceError,
    ExpiredClearanceError,
    RevokedClearanceError,
    SignatureError,
    SubjectMismatchError,
    UntrustedKeyError,
    VerdictError,
)
from provenance.model.verdict import VerdictKind

if TYPE_CHECKING:
    from provenance.clearance.release import ReviewRelease

Fault = tuple[type[ClearanceError], str]

_NAME_THE_RUN: Final = "say which run it is: --run run.yaml"
_HINTS: Final[dict[type[ClearanceError], str]] = {
    ExpiredClearanceError: "run the audit again and have a new clearance issued",
    RevokedClearanceError: "revoked: ask who did it, then audit and clear again; a list too old or missing: provenance keys refresh, and copy it beside the trust file",
    UntrustedKeyError: "have who is missing sign: provenance clearance sign FILE --as NAME; `provenance keys list` shows the keys",
    SubjectMismatchError: "this clearance is for another run: use the one issued for this run",
    VerdictError: "mend what the audit found, audit again and clear",
}


def verify_clearance(
    envelope_bytes: bytes,
    trust: Trust,
    now: str,
    *,
    revocations: RevocationList | None = None,
    run_digest: str | None = None,
    policy_digests: Sequence[str] | None = None,
    run_file: NamedFile | None = None,
    policy_files: Sequence[NamedFile] = (),
) -> Clearance:
    """Return the clearance in an envelope, if it holds at this time.

    Args:
        envelope_bytes: The file as it is.
        trust: Whom to believe.
        now: The verifier's time, RFC 3339 UTC.
        revocations: The list that ``trust.revocation`` asks for.
        run_digest: The run about to start; ``None`` leaves the run unchecked.
        policy_digests: All bundles that judged it, in any order; ``None`` leaves them unchecked.
        run_file: The run file about to start: its bytes must be those that were audited.
        policy_files: Bundles of which each must be among those that judged it, byte by byte. Included bundles, and the baseline, need not be given.

    Raises:
        EnvelopeFormatError: If the envelope or its payload is malformed or surprising.
        SignatureError: If a signature does not verify.
        UntrustedKeyError: If a signer is unknown, or outside its window, or a threshold, the issuer or the reviewer is missing.
        ExpiredClearanceError: If it is not valid now; clocks may differ by 300 s.
        RevokedClearanceError: If it or a signer is revoked, or the revocation list is missing or stale.
        VerdictError: If the verdict permits no run.
        SubjectMismatchError: If it is for another run or policy.
            ``reasons`` of every error lists all faults found; its class is the first one's.
    """
    moment = parse_time(now, where="now")
    asked = NamedRun(run_digest=run_digest, policy_digests=policy_digests, run_file=run_file, policy_files=tuple(policy_files))
    envelope = parse_envelope(envelope_bytes)
    signers = _authenticate(envelope, trust)
    clearance = parse_statement(envelope.payload)
    released, release_faults = _releases(clearance, signers, trust, revocations, now)
    faults: list[Fault] = [
        *_revocation_faults(envelope, signers, trust, revocations, now),
        *_date_faults(clearance, moment),
        *release_faults,
        *_signer_faults(clearance, signers, trust, moment, released=released),
        *_verdict_faults(clearance),
        *_person_faults(clearance),
        *((SubjectMismatchError, text) for text in binding_faults(clearance, asked)),
    ]
    if faults:
        kind, reason = faults[0]
        raise kind(reason, hint=_NAME_THE_RUN if reason == UNNAMED_RUN else _HINTS.get(kind), reasons=tuple(text for _, text in faults))
    return clearance


def verdict_reason(clearance: Clearance) -> str | None:
    """Return why a clearance's verdict permits no run, or ``None`` if it does."""
    if clearance.break_glass is not None:
        return "; ".join(break_glass.content_faults(clearance)) or None
    if clearance.verdict is VerdictKind.CLEARED:
        return None
    if clearance.verdict is VerdictKind.REVIEW:
        return None if clearance.released_by else "the verdict is REVIEW and no reviewer released it"
    return f"the verdict is {clearance.verdict.value}"


def _authenticate(envelope: Envelope, trust: Trust) -> tuple[TrustedKey, ...]:
    """Return the keys that signed. Every signature must be by a trusted key and must verify: a bad one beside a good one is no accident."""
    message = pre_authentication_encoding(envelope.payload)
    signers: dict[bytes, TrustedKey] = {}
    for signature in envelope.signatures:
        key = trust.key(signature.key_id)
        if key is None:
            raise UntrustedKeyError(f"signed by key {signature.key_id[:16]}…, which is not in the trust file", hint=_HINTS[UntrustedKeyError])
        if not ed25519.verify(key.key, message, signature.signature):
            raise SignatureError(
                f"the signature of {key.name!r} (key {key.id[:16]}…) does not verify", hint="the clearance was changed after signing: fetch it anew"
            )
        signers[key.key] = key
    return tuple(signers.values())


def _revocation_faults(envelope: Envelope, signers: Iterable[TrustedKey], trust: Trust, revocations: RevocationList | None, now: str) -> list[Fault]:
    stale = stale_reason(revocations, trust.revocation, now)
    faults: list[Fault] = [] if stale is None else [(RevokedClearanceError, stale)]
    if revocations is None:
        return faults
    gone = revocations.clearance(statement_digest(envelope.payload))
    if gone is not None:
        faults.append((RevokedClearanceError, f"the clearance was revoked: {gone.reason}"))
    for key in signers:
        lost = revocations.key(key.id)
        if lost is not None:
            faults.append((RevokedClearanceError, f"the key of {key.name!r} was revoked: {lost.reason}"))
    return faults


def _date_faults(clearance: Clearance, now: datetime) -> list[Fault]:
    faults: list[Fault] = []
    if now >= parse_time(clearance.expires, where="expires") + CLOCK_SKEW:
        faults.append((ExpiredClearanceError, f"the clearance expired at {clearance.expires}; it is {now:%Y-%m-%dT%H:%M:%SZ}"))
    for name, start in (("not valid before", clearance.not_before), ("issued at", clearance.issued)):
        if now < parse_time(start, where=name) - CLOCK_SKEW:
            faults.append((ExpiredClearanceError, f"the clearance is {name} {start}; this machine's clock says {now:%Y-%m-%dT%H:%M:%SZ}"))
    return faults


def _releases(
    clearance: Clearance, signers: Sequence[TrustedKey], trust: Trust, revocations: RevocationList | None, now: str
) -> tuple[tuple[TrustedKey, ...], list[Fault]]:
    """Return the reviewers whose releases hold, and what is wrong with releases: each must be of this very audit, and together they must cover it."""
    if not clearance.releases:
        return (), []
    from provenance.clearance.release import uncovered, verify_release
    from provenance.fingerprint.persons import is_same_person

    issuers = {k.key for k in signers if k.name == clearance.issuer.name}
    found: list[ReviewRelease] = []
    keys: list[TrustedKey] = []
    faults: list[Fault] = []
    for text in clearance.releases:
        try:
            release, key = verify_release(text.encode("utf-8"), trust, now, revocations=revocations)
        except ClearanceError as err:
            faults.append((type(err), str(err)))
            continue
        if (release.record, release.run_digest) != (clearance.audit, clearance.run_digest):
            faults.append((SubjectMismatchError, f"the release of {release.reviewer!r} is of another audit, {release.record[:19]}…"))
        elif key.key in issuers or is_same_person(key.name, clearance.issuer.name):
            faults.append((UntrustedKeyError, f"{release.reviewer!r} both issued the clearance and released its audit"))
        else:
            found.append(release)
            keys.append(key)
    if not faults and (why := uncovered(found)) is not None:
        faults.append((VerdictError, f"the review is not complete: {why}"))
    return tuple(keys), faults


def _signer_faults(
    clearance: Clearance, signers: Sequence[TrustedKey], trust: Trust, now: datetime, *, released: Sequence[TrustedKey] = ()
) -> list[Fault]:
    faults: list[Fault] = []
    issued = parse_time(clearance.issued, where="issued")
    usable = []
    for key in signers:
        fault = key.window_fault(issued, now, skew=CLOCK_SKEW)
        if fault is None:
            usable.append(key)
        else:
            faults.append((UntrustedKeyError, fault))
    faults += [(UntrustedKeyError, str(lack)) for lack in shortfalls(trust, usable, issued=issued, now=now, released=released)]
    if not _signed_as(usable, clearance.issuer.name, clearance.issuer.role):
        faults.append((UntrustedKeyError, f"the issuer {clearance.issuer.name!r} did not sign in the role {clearance.issuer.role!r}"))
    if clearance.released_by is not None and not _signed_as(released if clearance.releases else usable, clearance.released_by, REVIEWER_ROLE):
        faults.append((UntrustedKeyError, f"the reviewer {clearance.released_by!r} did not sign in the role {REVIEWER_ROLE!r}"))
    lacking = break_glass.signature_fault(clearance, usable, trust)
    return faults if lacking is None else [*faults, (UntrustedKeyError, lacking)]


def _signed_as(signers: Iterable[TrustedKey], name: str, role: str) -> bool:
    return any(key.name == name and role in key.roles for key in signers)


def _verdict_faults(clearance: Clearance) -> list[Fault]:
    if clearance.break_glass is not None:
        return [(VerdictError, text) for text in break_glass.content_faults(clearance)]
    reason = verdict_reason(clearance)
    return [] if reason is None else [(VerdictError, reason)]


def _person_faults(clearance: Clearance) -> list[Fault]:
    """Tell where the reviewer's signature under the clearance itself is the issuer's own by another name; releases are looked at one by one."""
    faults: list[Fault] = [(UntrustedKeyError, text) for text in break_glass.person_faults(clearance)]
    reviewer = clearance.released_by
    if reviewer is None or clearance.releases:
        return faults
    from provenance.fingerprint.persons import is_same_person

    if not is_same_person(reviewer, clearance.issuer.name):
        return faults
    return [*faults, (UntrustedKeyError, f"{reviewer!r} both issued the clearance and released its audit")]
