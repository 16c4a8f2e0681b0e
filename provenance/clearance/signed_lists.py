"""Revocation lists as the trust file names them. Signed ones are a DSSE envelope around the list: whoever can write the file cannot un-revoke a key.

A signature counts if its key has the role that the trust file asks for, its window holds the list's ``issued``, and the list itself does not revoke it. An older
list, put back in the place of a newer one, still verifies: its age is bounded by ``max_age_s``, and ``issued_from`` of the trust file refuses all before a moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from provenance.clearance import ed25519
from provenance.clearance.envelope import Envelope, EnvelopeSignature, envelope_bytes, parse_envelope, pre_authentication_encoding
from provenance.clearance.keys import Signer
from provenance.clearance.revocation import CLOCK_SKEW, MAX_REVOCATION_BYTES, RevocationList, parse_revocations, revocation_bytes
from provenance.clearance.strict_json import parse_time
from provenance.clearance.trust import SYSTEM_TRUST, RevocationSource, Trust, TrustedKey, expect_root_owned, key_id, read_regular
from provenance.errors import EnvelopeFormatError, TrustFileError
from provenance.fingerprint.persons import count_persons

REVOCATIONS_TYPE: Final = "application/vnd.provenance.revocations+json"
"""Its own payload type, so that no signature of a list passes for one of a statement, or the other way round."""
SIGNED_VERSION: Final = 2
MAX_SIGNED_BYTES: Final = 2 * MAX_REVOCATION_BYTES
"""Base64 makes four bytes of three."""


def load_revocations(trust: Trust) -> RevocationList | None:
    """Return the revocation list that a trust names; ``None`` if it names none.

    Raises:
        TrustFileError: If the list is missing, malformed, older than the trust file allows, or not signed as it asks.
    """
    source = trust.revocation
    if source is None:
        return None
    file = list_path(trust, source)
    raw = _read(file)
    if source.role is None:
        _expect_protected(file, trust)
        revocations = parse_revocations(raw, where=str(file))
    else:
        revocations = verify_revocations(raw, trust, source, where=f"revocation list {file}")
    earliest = source.issued_from
    if earliest is not None and parse_time(revocations.issued, where="issued") < parse_time(earliest, where="issued_from"):
        raise TrustFileError(
            f"revocation list {file} of {revocations.issued} is older than one that the trust file knows of, of {earliest}",
            hint="an old list was put back, or the new one has not come yet: copy the newest beside the trust file",
        )
    return revocations


def _expect_protected(file: Path, trust: Trust) -> None:
    """Expect that an unsigned list is as hard to change as the system's trust file that names it: an old one put back would make lost keys count again.

    Raises:
        TrustFileError: If others than root can change it.
    """
    if trust.source != str(SYSTEM_TRUST):
        return
    try:
        expect_root_owned(file)
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise TrustFileError(
            f"revocation list {file} is not signed and cannot be relied on: {reason}",
            hint="let root alone write it, or sign it: provenance keys refresh --sign",
        ) from err


def list_path(trust: Trust, source: RevocationSource) -> Path:
    """Return where a trust's revocation list lies."""
    return Path(trust.source).parent / source.path


def _read(file: Path) -> bytes:
    try:
        return read_regular(file, 2 * MAX_REVOCATION_BYTES)
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise TrustFileError(f"revocation list {file} cannot be read: {reason}", hint="the trust file names it, so it must be there") from err


def sign_revocations(revocations: RevocationList, *signers: Signer) -> bytes:
    """Return the file form of a signed revocation list.

    Args:
        revocations: What is revoked.
        *signers: At least one, with distinct keys.
    """
    payload = revocation_bytes(revocations, version=SIGNED_VERSION)
    message = pre_authentication_encoding(payload, payload_type=REVOCATIONS_TYPE)
    signatures = tuple(EnvelopeSignature(key_id=key_id(s.public_key), signature=s.sign(message)) for s in signers)
    return envelope_bytes(Envelope(payload=payload, signatures=signatures), payload_type=REVOCATIONS_TYPE)


def read_signed(raw: bytes, *, where: str = "revocation list") -> tuple[RevocationList, Envelope]:
    """Return what a signed list says. No signature is verified.

    Raises:
        TrustFileError: If it is not exactly a signed revocation list.
    """
    try:
        envelope = parse_envelope(raw, payload_type=REVOCATIONS_TYPE, max_bytes=MAX_SIGNED_BYTES, what="envelope")
    except EnvelopeFormatError as err:
        raise TrustFileError(f"{where}: the trust file asks for a signed list, and this is none: {err}") from err
    revocations = parse_revocations(envelope.payload, where=where, version=SIGNED_VERSION)
    if revocation_bytes(revocations, version=SIGNED_VERSION) != envelope.payload:
        raise TrustFileError(f"{where}: it is not in canonical form (RFC 8785)")
    return revocations, envelope


def verify_revocations(raw: bytes, trust: Trust, source: RevocationSource, *, where: str = "revocation list") -> RevocationList:
    """Return a signed revocation list that holds. Its age is judged apart, by ``stale_reason``.

    Args:
        raw: The file as it is.
        trust: Whose keys count.
        source: What the trust asks of the list; its ``role`` is given.
        where: What the list is called where it is refused.

    Raises:
        TrustFileError: If it is malformed, a signature does not verify or is by a stranger, or too few persons of the role signed.
    """
    revocations, envelope = read_signed(raw, where=where)
    message = pre_authentication_encoding(envelope.payload, payload_type=REVOCATIONS_TYPE)
    signers: list[TrustedKey] = []
    for signature in envelope.signatures:
        key = trust.key(signature.key_id)
        if key is None:
            raise TrustFileError(f"{where}: signed by key {signature.key_id[:16]}…, which is not in the trust file")
        if not ed25519.verify(key.key, message, signature.signature):
            raise TrustFileError(f"{where}: the signature of {key.name!r} does not verify: the list was changed after signing")
        signers.append(key)
    faults = [fault for key in signers if (fault := _signer_fault(key, revocations, source)) is not None]
    able = count_persons(key.name for key in signers if _signer_fault(key, revocations, source) is None)
    if able < source.signers:
        raise TrustFileError(f"{where}: {_short(source, able, faults)}", hint="have it issued anew: provenance keys refresh")
    return revocations


def _short(source: RevocationSource, able: int, faults: Sequence[str]) -> str:
    text = f"{source.signers} person(s) with a key of role {source.role!r} must sign it, {able} did"
    return "; ".join([text, *faults])


def _signer_fault(key: TrustedKey, revocations: RevocationList, source: RevocationSource) -> str | None:
    """Return why a key's signature does not count for a list, or ``None`` if it does."""
    if source.role not in key.roles:
        return f"the key of {key.name!r} has no role {source.role!r}"
    lost = revocations.key(key.id)
    if lost is not None:
        return f"the list itself revokes the key of {key.name!r}"
    issued = parse_time(revocations.issued, where="issued")
    return key.window_fault(issued, issued, skew=CLOCK_SKEW)
