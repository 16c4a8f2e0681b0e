"""Signed waivers: the approver's Ed25519 signature over the canonical waiver, as DSSE signs it.

Signed is the pre-authentication encoding of an in-toto Statement v1 whose predicate is the waiver and whose predicate type is its own, so that no signature of a
waiver passes for one of a clearance or a release. The statement follows from the waiver, so only the signature is kept.
"""

from __future__ import annotations

import base64
import binascii
from datetime import timedelta
from typing import Final

from provenance.canonical import canonical_bytes, digest_of
from provenance.clearance import ed25519
from provenance.clearance.envelope import pre_authentication_encoding
from provenance.clearance.keys import Signer
from provenance.clearance.revocation import RevocationList, stale_reason
from provenance.clearance.statement import STATEMENT_TYPE
from provenance.clearance.strict_json import parse_time
from provenance.clearance.trust import APPROVER_ROLE, Trust, TrustedKey, key_id
from provenance.fingerprint.persons import is_same_name, is_same_person
from provenance.model.finding import Waiver
from provenance.model.waiving import ApprovalSignature
from provenance.model.wire import to_wire

WAIVER_TYPE: Final = "https://provenance-audit.dev/waiver/v1"
_A_DAY: Final = timedelta(days=1)


def sign_waiver(waiver: Waiver, signer: Signer) -> ApprovalSignature:
    """Return the signature of a waiver."""
    sig = signer.sign(pre_authentication_encoding(waiver_statement(waiver)))
    return ApprovalSignature(keyid=key_id(signer.public_key), sig=base64.b64encode(sig).decode("ascii"))


def waiver_statement(waiver: Waiver) -> bytes:
    """Return the canonical bytes of the statement that is signed."""
    wire = to_wire(waiver)
    return canonical_bytes(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": "waiver", "digest": {"sha256": digest_of(wire).removeprefix("sha256:")}}],
            "predicateType": WAIVER_TYPE,
            "predicate": wire,
        }
    )


def approval_fault(waiver: Waiver, signature: ApprovalSignature, trust: Trust, now: str, *, revocations: RevocationList | None = None) -> str | None:
    """Return why a signature does not count, or ``None`` if the named approver signed exactly this waiver.

    Args:
        waiver: As it stands now.
        signature: What is said to be its approver's.
        trust: Whom to believe.
        now: The verifier's time, RFC 3339 UTC.
        revocations: The list that ``trust.revocation`` asks for.
    """
    key = trust.key(signature.keyid)
    if key is None:
        return f"signed by key {signature.keyid[:16]}…, which is not in the trust file"
    try:
        raw = base64.b64decode(signature.sig.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        return "its signature is not base64"
    if not ed25519.verify(key.key, pre_authentication_encoding(waiver_statement(waiver)), raw):
        return f"the signature of {key.name!r} does not verify: the waiver was changed after signing"
    return _key_fault(waiver, key, now) or _revocation_fault(key, trust, revocations, now)


def _key_fault(waiver: Waiver, key: TrustedKey, now: str) -> str | None:
    if APPROVER_ROLE not in key.roles:
        return f"the key of {key.name!r} has no role {APPROVER_ROLE!r}"
    if not is_same_name(key.name, waiver.approved_by):
        return f"signed by {key.name!r}, and {waiver.approved_by!r} is named as its approver"
    if is_same_person(key.name, waiver.requested_by):
        return f"signed by {key.name!r}, who asked for it"
    # A waiver tells the day of its making, not the second: in doubt it was made when the key began, or before it ended.
    day, start = parse_time(f"{waiver.created[:10]}T00:00:00Z", where="created"), key.window()[0]
    created = start if start - _A_DAY < day < start else day
    return key.window_fault(created, parse_time(now, where="now"))


def _revocation_fault(key: TrustedKey, trust: Trust, revocations: RevocationList | None, now: str) -> str | None:
    stale = stale_reason(revocations, trust.revocation, now)
    if stale is not None or revocations is None:
        return stale
    lost = revocations.key(key.id)
    return None if lost is None else f"the key of {key.name!r} was revoked: {lost.reason}"
