"""DSSE envelopes in one strict profile: one byte string per envelope, so that no byte can change unnoticed.

DSSE 1.0.2 lets readers ignore unknown fields and accept URL-safe base64. This profile takes neither: the envelope must be the RFC 8785 form of
``{payload, payloadType, signatures: [{keyid, sig}]}`` and a newline, signatures sorted by ``keyid``, base64 standard, padded and canonical. Every
envelope of this profile is a valid DSSE envelope.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final

from provenance.canonical import canonical_bytes
from provenance.clearance.ed25519 import SIGNATURE_BYTES
from provenance.clearance.strict_json import expect_fields, expect_list, load_strict
from provenance.errors import EnvelopeFormatError
from provenance.fingerprint.digest import is_digest

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
MAX_ENVELOPE_BYTES: Final = 1 << 20
MAX_SIGNATURES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeSignature:
    """One signature and the key it claims to be made with."""

    key_id: str
    """SHA-256 of the raw public key, 64 hex digits."""
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """A payload and its signatures. Nothing is verified yet."""

    payload: bytes
    signatures: tuple[EnvelopeSignature, ...]


def pre_authentication_encoding(payload: bytes, *, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the bytes that are signed.

    Source:
        DSSE 1.0.2 protocol: ``"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body``.
    """
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def envelope_bytes(envelope: Envelope, *, payload_type: str = PAYLOAD_TYPE) -> bytes:
    """Return the one byte string of an envelope, which ends in a newline."""
    signatures = sorted(envelope.signatures, key=lambda s: s.key_id)
    wire = {
        "payload": base64.b64encode(envelope.payload).decode("ascii"),
        "payloadType": payload_type,
        "signatures": [{"keyid": s.key_id, "sig": base64.b64encode(s.signature).decode("ascii")} for s in signatures],
    }
    return canonical_bytes(wire) + b"\n"


def parse_envelope(
    raw: bytes,
    *,
    payload_type: str = PAYLOAD_TYPE,
    max_bytes: int = MAX_ENVELOPE_BYTES,
    what: str = "clearance envelope",
    writer: str = "provenance clear",
) -> Envelope:
    """Return the envelope that bytes hold.

    Args:
        raw: The file as it is.
        payload_type: The one type of payload that is accepted.
        max_bytes: Larger envelopes are not read.
        what: What the envelope is called where it is refused.
        writer: The command that writes it.

    Raises:
        EnvelopeFormatError: With the reason, for everything that is not exactly an envelope of this profile.
    """
    try:
        envelope = _parse(load_strict(raw, max_bytes=max_bytes), payload_type)
    except ValueError as err:
        raise EnvelopeFormatError(f"{what}: {err}") from err
    if envelope_bytes(envelope, payload_type=payload_type) != raw:
        raise EnvelopeFormatError(f"{what}: it is not in canonical form (RFC 8785 and one newline)", hint=f"use the file as `{writer}` wrote it")
    return envelope


def _parse(raw: Any, payload_type: str) -> Envelope:
    fields = expect_fields(raw, ("payload", "payloadType", "signatures"), where="the envelope")
    if fields["payloadType"] != payload_type:
        raise ValueError(f"payloadType is {fields['payloadType']!r:.80}, expected {payload_type}")
    signatures = expect_list(fields["signatures"], where="signatures")
    if not 1 <= len(signatures) <= MAX_SIGNATURES:
        raise ValueError(f"signatures must be a list of 1 to {MAX_SIGNATURES} entries")
    parsed = tuple(_parse_signature(entry, f"signatures[{i}]") for i, entry in enumerate(signatures))
    if len({s.key_id for s in parsed}) != len(parsed):
        raise ValueError("two signatures name the same key")
    return Envelope(payload=_decode_base64(fields["payload"], "payload"), signatures=parsed)


def _parse_signature(raw: object, where: str) -> EnvelopeSignature:
    fields = expect_fields(raw, ("keyid", "sig"), where=where)
    key_id = fields["keyid"]
    if not isinstance(key_id, str) or not is_digest(f"sha256:{key_id}"):
        raise ValueError(f"{where}.keyid must be 64 hex digits, got {key_id!r:.80}")
    signature = _decode_base64(fields["sig"], f"{where}.sig")
    if len(signature) != SIGNATURE_BYTES:
        raise ValueError(f"{where}.sig must hold {SIGNATURE_BYTES} bytes, got {len(signature)}")
    return EnvelopeSignature(key_id=key_id, signature=signature)


def _decode_base64(value: object, where: str) -> bytes:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{where} must be base64 text, got {type(value).__name__}")
    try:
        decoded = base64.b64decode(value.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as err:
        raise ValueError(f"{where} is not standard base64: {err}") from err
    if base64.b64encode(decoded).decode("ascii") != value:
        raise ValueError(f"{where} is not canonical base64")
    return decoded
