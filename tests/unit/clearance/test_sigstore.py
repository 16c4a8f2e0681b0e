"""What others make of our envelopes: DSSE's own vector, securesystemslib, and the models of Sigstore bundles."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from provenance.clearance.envelope import parse_envelope, pre_authentication_encoding
from provenance.clearance.public_keys import public_key_pem
from provenance.clearance.signed_lists import REVOCATIONS_TYPE
from provenance.clearance.signing import issue_clearance
from provenance.clearance.sigstore import sigstore_bundle
from tests.fakes.clearances import rfc_key, sample_clearance

RAW = issue_clearance(sample_clearance(), rfc_key(0), rfc_key(1))
ENVELOPE = parse_envelope(RAW)
SIGNATURE = next(s for s in ENVELOPE.signatures if s.key_id == rfc_key(0).key_id)
BUNDLE = sigstore_bundle(ENVELOPE, SIGNATURE, rfc_key(0).public_key)


def test_the_encoding_is_that_of_the_vector_in_the_dsse_specification() -> None:
    """secure-systems-lab/dsse, protocol.md, test vectors: payload, type, key and signature are given there."""
    message = pre_authentication_encoding(b"hello world", payload_type="http://example.com/HelloWorld")
    assert message == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    x, y = (
        46950820868899156662930047687818585632848591499744589407958293238635476079160,
        5640078356564379163099075877009565129882514886557779369047442380624545832820,
    )
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    # The vector's signature is r and s of 32 bytes each, one after the other.
    raw = base64.b64decode("A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA==")
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key.verify(der, message, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(der, pre_authentication_encoding(b"hello world", payload_type=REVOCATIONS_TYPE), ec.ECDSA(hashes.SHA256()))


def test_securesystemslib_verifies_both_signatures() -> None:
    from securesystemslib import dsse
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer._key import SSlibKey

    keys: list[Any] = [SSlibKey(k.key_id, "ed25519", "ed25519", {"public": k.public_key.hex()}) for k in map(rfc_key, (0, 1, 2))]
    envelope = dsse.Envelope.from_dict(json.loads(RAW))
    assert set(envelope.verify(keys, 2)) == {rfc_key(0).key_id, rfc_key(1).key_id}
    with pytest.raises(VerificationError):
        envelope.verify(keys, 3)
    changed = json.loads(RAW)
    changed["payload"] = base64.b64encode(ENVELOPE.payload.replace(b"CLEARED", b"BLOCKED")).decode()
    with pytest.raises(VerificationError):
        dsse.Envelope.from_dict(changed).verify(keys, 1)


def test_the_models_of_sigstore_read_the_bundle_and_its_signature_verifies() -> None:
    from sigstore.dsse import Envelope
    from sigstore_models.bundle import v1 as models

    bundle: Any = models.Bundle.from_json(BUNDLE)
    assert bundle.media_type == "application/vnd.dev.sigstore.bundle.v0.3+json"
    assert bundle.dsse_envelope is not None
    pem = public_key_pem(rfc_key(0).public_key).encode()
    key = serialization.load_pem_public_key(pem)
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    assert bundle.verification_material.public_key.hint == base64.b64encode(hashlib.sha256(der).digest()).decode()
    envelope = Envelope._from_json(json.dumps(json.loads(BUNDLE)["dsseEnvelope"]))  # its reader takes exactly one signature
    assert isinstance(key, Ed25519PublicKey)
    key.verify(envelope.signature, envelope.pae())
    assert envelope.pae() == pre_authentication_encoding(ENVELOPE.payload)
    with pytest.raises(InvalidSignature):
        key.verify(envelope.signature, envelope.pae() + b" ")


def test_sigstore_refuses_what_the_export_therefore_does_not_write() -> None:
    """An envelope of two signatures is none of a bundle, and the client of sigstore-python wants a certificate: docs/keys.md says both."""
    from sigstore.dsse import Envelope, InvalidEnvelope
    from sigstore.models import Bundle, InvalidBundle

    with pytest.raises(InvalidEnvelope, match="exactly one signature"):
        Envelope._from_json(RAW)
    with pytest.raises(InvalidBundle, match="expected certificate"):
        Bundle.from_json(BUNDLE)


def test_the_statement_is_one_of_in_toto() -> None:
    from sigstore.dsse import Statement

    statement = Statement(ENVELOPE.payload)
    assert statement._contents == ENVELOPE.payload
