"""The trust file of version 2 and its signed revocation list still count, and are what independent code says they are."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from provenance.clearance.signed_lists import load_revocations
from provenance.clearance.signing import issue_clearance
from provenance.clearance.trust import load_trust
from provenance.clearance.verification import verify_clearance
from tests.fakes.clearances import NOW, rfc_key, sample_clearance
from tests.golden.make_trust import golden_files

FOLDER = Path(__file__).parent / "trust-v2"


def test_the_golden_trust_and_list_still_count() -> None:
    trust = load_trust(FOLDER / "trust.json")
    revocations = load_revocations(trust)
    assert revocations is not None
    assert [(r.id, r.reason) for r in revocations.keys] == [("ab" * 32, "laptop lost")]
    for key in (0, 2):  # the old key in its overlap, and the new one
        verify_clearance(issue_clearance(sample_clearance(), rfc_key(key)), trust, NOW, revocations=revocations)


def test_the_list_is_what_independent_code_makes_of_the_standard() -> None:
    envelope = json.loads((FOLDER / "revoked.json").read_bytes())
    payload = base64.b64decode(envelope["payload"])
    kind = b"application/vnd.provenance.revocations+json"
    key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")  # RFC 8032 section 7.1, test 2
    Ed25519PublicKey.from_public_bytes(key).verify(
        base64.b64decode(envelope["signatures"][0]["sig"]), b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    )
    assert envelope["signatures"][0]["keyid"] == hashlib.sha256(key).hexdigest()
    trust = json.loads((FOLDER / "trust.json").read_bytes())
    assert (trust["version"], json.loads(payload)["version"], trust["revocation"]["issued_from"]) == (2, 2, json.loads(payload)["issued"])


def test_both_are_still_written_byte_for_byte() -> None:
    assert {name: (FOLDER / name).read_bytes() for name in golden_files()} == golden_files()
