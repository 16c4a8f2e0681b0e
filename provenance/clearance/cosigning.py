"""Further signatures under a clearance that is there: each by somebody who may add it, over the very same statement."""

from __future__ import annotations

from dataclasses import dataclass, replace

from provenance.clearance.envelope import MAX_SIGNATURES, EnvelopeSignature, envelope_bytes, parse_envelope, pre_authentication_encoding
from provenance.clearance.keys import Signer
from provenance.clearance.release import verify_release
from provenance.clearance.revocation import CLOCK_SKEW, RevocationList
from provenance.clearance.statement import Clearance, parse_statement
from provenance.clearance.strict_json import parse_time
from provenance.clearance.thresholds import Shortfall, shortfalls
from provenance.clearance.trust import ISSUER_ROLE, Trust, TrustedKey, key_id
from provenance.clearance.verification import verify_clearance
from provenance.errors import ClearanceError, RevokedClearanceError, UntrustedKeyError


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A clearance that holds but for signatures, who signed it, and who is still to sign."""

    clearance: Clearance
    signers: tuple[TrustedKey, ...]
    lacking: tuple[Shortfall, ...]


def standing(raw: bytes, trust: Trust, now: str, *, revocations: RevocationList | None = None) -> Standing:
    """Return what a clearance says and which signatures it lacks, if everything else about it holds.

    Args:
        raw: The envelope.
        trust: Whom to believe.
        now: The verifier's time, RFC 3339 UTC.
        revocations: The list that ``trust.revocation`` asks for.

    Raises:
        ClearanceError: As ``verify_clearance`` does, but for thresholds that are not met.
    """
    envelope = parse_envelope(raw)
    run_digest = parse_statement(envelope.payload).run_digest  # whoever signs too starts no run: it is for the run that it names
    some = replace(trust, thresholds=((ISSUER_ROLE, 1),))
    clearance = verify_clearance(raw, some, now, revocations=revocations, run_digest=run_digest)
    signers = tuple(key for s in envelope.signatures if (key := trust.key(s.key_id)) is not None)
    released = tuple(verify_release(text.encode("utf-8"), trust, now, revocations=revocations)[1] for text in clearance.releases)
    issued, moment = parse_time(clearance.issued, where="issued"), parse_time(now, where="now")
    return Standing(clearance=clearance, signers=signers, lacking=shortfalls(trust, signers, issued=issued, now=moment, released=released))


def check_cosigner(key: TrustedKey, found: Standing, now: str, *, revocations: RevocationList | None = None) -> None:
    """Refuse a signature that could not count.

    Raises:
        UntrustedKeyError: If the key signed already, or is outside its window at the clearance's issue or now.
        RevokedClearanceError: If it is revoked.
        ClearanceError: If there is room for no more signatures.
    """
    if key in found.signers:
        raise UntrustedKeyError(f"{key.name!r} has signed this clearance already, with this very key")
    issued, moment = parse_time(found.clearance.issued, where="issued"), parse_time(now, where="now")
    fault = key.window_fault(issued, moment, skew=CLOCK_SKEW)
    if fault is not None:
        raise UntrustedKeyError(
            f"{fault}; the clearance is of {found.clearance.issued}", hint="clear again, so that its day lies in the window of all who sign"
        )
    lost = None if revocations is None else revocations.key(key.id)
    if lost is not None:
        raise RevokedClearanceError(f"the key of {key.name!r} was revoked: {lost.reason}")
    if len(found.signers) >= MAX_SIGNATURES:
        raise ClearanceError(f"a clearance holds at most {MAX_SIGNATURES} signatures")


def add_signature(raw: bytes, signer: Signer) -> bytes:
    """Return the envelope with one signature more. Nothing is verified: see ``standing`` and ``check_cosigner``."""
    envelope = parse_envelope(raw)
    added = EnvelopeSignature(key_id=key_id(signer.public_key), signature=signer.sign(pre_authentication_encoding(envelope.payload)))
    return envelope_bytes(replace(envelope, signatures=(*envelope.signatures, added)))
