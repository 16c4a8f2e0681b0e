"""A reviewer's signed release of an audit that needs a review: an in-toto Statement v1 about one audit record, in the envelope of clearances.

It says which findings were read: all that ask for a review, or some of them by id. ``of`` is the digest of all, so that whoever holds the releases can tell
whether together they cover every one, without the audit at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Final

from provenance.canonical import canonical_bytes, digest_of
from provenance.clearance import ed25519
from provenance.clearance.envelope import Envelope, EnvelopeSignature, envelope_bytes, parse_envelope, pre_authentication_encoding
from provenance.clearance.keys import Signer
from provenance.clearance.revocation import CLOCK_SKEW, RevocationList, stale_reason
from provenance.clearance.statement import STATEMENT_TYPE
from provenance.clearance.strict_json import expect_fields, expect_text, load_strict, parse_time
from provenance.clearance.trust import REVIEWER_ROLE, Trust, TrustedKey, key_id
from provenance.errors import EnvelopeFormatError, RevokedClearanceError, SignatureError, UntrustedKeyError, WireFormatError
from provenance.fingerprint.digest import is_digest
from provenance.model.wire import read_value, to_wire

RELEASE_TYPE: Final = "https://provenance-audit.dev/review-release/v1"
SUBJECT_NAME: Final = "audit-record"
MAX_RELEASE_BYTES: Final = 1 << 18
MAX_FINDINGS: Final = 1_000
"""Findings that a release names one by one; one that covers all names none."""


class Covered(StrEnum):
    """How much of what asks for a review a release covers."""

    ALL = "all"
    SOME = "some"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRelease:
    """That a reviewer read findings of one audit record and lets them pass."""

    record: str
    """Digest of the audit record."""
    audit: str
    """Id of the audit."""
    run_digest: str
    reviewer: str
    comment: str
    """Why."""
    covers: Covered
    findings: tuple[str, ...]
    """Ids of those that are covered, sorted; empty where all are."""
    of: str
    """``findings_digest`` of all that ask for a review."""
    released: str
    """RFC 3339 UTC."""

    def __post_init__(self) -> None:
        """Refuse what no reviewer can have said.

        Raises:
            ValueError: With the field at fault.
        """
        for name in ("record", "audit", "run_digest", "of"):
            if not is_digest(getattr(self, name)):
                raise ValueError(f"{name} must be sha256:<64 hex digits>, got {getattr(self, name)!r:.80}")
        for name in ("reviewer", "comment"):
            expect_text(getattr(self, name), where=name)
        parse_time(self.released, where="released")
        if list(self.findings) != sorted(set(self.findings)) or not all(map(is_digest, self.findings)) or len(self.findings) > MAX_FINDINGS:
            raise ValueError(f"findings must be at most {MAX_FINDINGS:,} digests, sorted, each once")
        if bool(self.findings) != (self.covers is Covered.SOME):
            raise ValueError("findings are named where some are covered, and none where all are")


def findings_digest(ids: Iterable[str]) -> str:
    """Return the digest that stands for a set of findings."""
    return digest_of(sorted(set(ids)))


def sign_release(release: ReviewRelease, signer: Signer) -> bytes:
    """Return the envelope of a release."""
    payload = release_statement(release)
    signature = EnvelopeSignature(key_id=key_id(signer.public_key), signature=signer.sign(pre_authentication_encoding(payload)))
    return envelope_bytes(Envelope(payload=payload, signatures=(signature,)))


def release_statement(release: ReviewRelease) -> bytes:
    """Return the canonical bytes of the statement that is signed."""
    wire = to_wire(release)
    return canonical_bytes(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": SUBJECT_NAME, "digest": {"sha256": release.record.removeprefix("sha256:")}}],
            "predicateType": RELEASE_TYPE,
            "predicate": {name: wire[name] for name in _PREDICATE},
        }
    )


_PREDICATE: Final = tuple(f.name for f in fields(ReviewRelease) if f.name != "record")


def parse_release(raw: bytes) -> tuple[ReviewRelease, Envelope]:
    """Return what an envelope says. Nothing is verified.

    Raises:
        EnvelopeFormatError: If it is not exactly a release.
    """
    try:
        envelope = parse_envelope(raw)
        release = _parse(load_strict(envelope.payload, max_bytes=MAX_RELEASE_BYTES))
        exact = release_statement(release) == envelope.payload and len(envelope.signatures) == 1
    except (ValueError, EnvelopeFormatError) as err:  # WireFormatError is a ValueError too
        raise EnvelopeFormatError(f"review release: {err}") from err
    if not exact:
        raise EnvelopeFormatError("review release: it is not in canonical form (RFC 8785) with one signature")
    return release, envelope


def _parse(raw: Any) -> ReviewRelease:
    statement = expect_fields(raw, ("_type", "subject", "predicateType", "predicate"), where="the statement")
    if (statement["_type"], statement["predicateType"]) != (STATEMENT_TYPE, RELEASE_TYPE):
        raise ValueError(f"predicateType is {statement['predicateType']!r:.80}, expected {RELEASE_TYPE}")
    subject = statement["subject"]
    if not isinstance(subject, list) or len(subject) != 1:
        raise ValueError("subject must be a list of exactly one entry")
    named = expect_fields(subject[0], ("name", "digest"), where="the subject")
    if named["name"] != SUBJECT_NAME:
        raise ValueError(f"the subject is {named['name']!r:.80}, expected {SUBJECT_NAME!r}")
    digest = expect_fields(named["digest"], ("sha256",), where="the subject's digest")["sha256"]
    predicate = expect_fields(statement["predicate"], _PREDICATE, where="the predicate")
    try:
        return read_value(ReviewRelease, {**predicate, "record": f"sha256:{digest}"}, where="predicate")
    except WireFormatError as err:
        raise ValueError(str(err)) from err


def verify_release(raw: bytes, trust: Trust, now: str, *, revocations: RevocationList | None = None) -> tuple[ReviewRelease, TrustedKey]:
    """Return a release and the key that signed it, if it holds at this time.

    Args:
        raw: The envelope.
        trust: Whom to believe.
        now: The verifier's time, RFC 3339 UTC.
        revocations: The list that ``trust.revocation`` asks for.

    Raises:
        EnvelopeFormatError: If it is malformed.
        SignatureError: If its signature does not verify.
        UntrustedKeyError: If the key is unknown, has no role of reviewers, is not the named reviewer's, or is outside its window.
        RevokedClearanceError: If the key is revoked, or the revocation list is missing or stale.
    """
    release, envelope = parse_release(raw)
    signature = envelope.signatures[0]
    key = trust.key(signature.key_id)
    if key is None:
        raise UntrustedKeyError(f"the release is signed by key {signature.key_id[:16]}…, which is not in the trust file")
    if not ed25519.verify(key.key, pre_authentication_encoding(envelope.payload), signature.signature):
        raise SignatureError(f"the signature of {key.name!r} under the release does not verify")
    if REVIEWER_ROLE not in key.roles or key.name != release.reviewer:
        raise UntrustedKeyError(f"the reviewer {release.reviewer!r} did not sign the release in the role {REVIEWER_ROLE!r}")
    released, moment = parse_time(release.released, where="released"), parse_time(now, where="now")
    fault = key.window_fault(released, moment, skew=CLOCK_SKEW)
    if fault is not None:
        raise UntrustedKeyError(fault)
    if released > moment + CLOCK_SKEW:
        raise UntrustedKeyError(f"the release of {release.released} lies in the future of this machine's clock, {now}")
    _check_revoked(key, trust, revocations, now)
    return release, key


def _check_revoked(key: TrustedKey, trust: Trust, revocations: RevocationList | None, now: str) -> None:
    stale = stale_reason(revocations, trust.revocation, now)
    if stale is not None:
        raise RevokedClearanceError(stale)
    lost = None if revocations is None else revocations.key(key.id)
    if lost is not None:
        raise RevokedClearanceError(f"the key of {key.name!r} was revoked: {lost.reason}")


def uncovered(releases: Sequence[ReviewRelease]) -> str | None:
    """Return why releases of one audit record together do not cover all that asks for a review, or ``None`` if they do."""
    if not releases:
        return "no reviewer released it"
    if len({(r.record, r.of) for r in releases}) != 1:
        return "its releases are of different audits"
    named = {finding for r in releases for finding in r.findings}
    if any(r.covers is Covered.ALL for r in releases) or findings_digest(named) == releases[0].of:
        return None
    return f"{len(named)} findings were released, and these are not all that ask for a review"
