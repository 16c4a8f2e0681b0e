"""Clearances as a Sigstore bundle, for ``cosign verify-blob-attestation`` and other readers of that format. It is JSON: no package is needed to write it.

A bundle holds one signature and no transparency log entry: its reader is given the public key and told not to look for a log. What a clearance means beyond that one
signature (thresholds, windows, revocation, the data) only the gate checks.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from provenance.canonical import canonical_bytes
from provenance.clearance.envelope import PAYLOAD_TYPE, Envelope, EnvelopeSignature
from provenance.clearance.public_keys import public_key_der

BUNDLE_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"


def sigstore_bundle(envelope: Envelope, signature: EnvelopeSignature, public_key: bytes) -> bytes:
    """Return the bundle of one signature.

    Args:
        envelope: The clearance.
        signature: The one to export: a bundle's envelope must have exactly one.
        public_key: Raw public key it verifies by; the bundle names it by a hint, base64 of the SHA-256 of its SubjectPublicKeyInfo, as cosign does.

    Source:
        Sigstore bundle format v0.3, ``sigstore_bundle.proto`` of sigstore/protobuf-specs.
    """
    hint = base64.b64encode(hashlib.sha256(public_key_der(public_key)).digest()).decode("ascii")
    wire = {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(envelope.payload).decode("ascii"),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"keyid": signature.key_id, "sig": base64.b64encode(signature.signature).decode("ascii")}],
        },
    }
    return canonical_bytes(wire) + b"\n"
