"""Run records of every released format are still read, verified and written, and are what independent code says they are."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from provenance.clearance.run_record import parse_record, verify_record
from provenance.clearance.trust import load_trust
from provenance.errors import SignatureError
from tests.fakes.runs import run_record

FOLDER = Path(__file__).parent / "run-record-v1"
SCHEMA = Path(__file__).parents[2] / "docs" / "formats" / "run-record.schema.json"


def test_golden_records_are_read_and_verified() -> None:
    trust = load_trust(FOLDER / "trust.json")
    signed, unsigned = (parse_record((FOLDER / f"{name}.run-record.json").read_bytes()) for name in ("signed", "unsigned"))
    assert signed.record == unsigned.record == run_record()
    assert verify_record(signed, trust, "2026-11-25T00:00:00Z").name == "node-7"
    with pytest.raises(SignatureError, match="nobody signed"):
        verify_record(unsigned, trust, "2026-11-25T00:00:00Z")


def test_the_signed_one_is_what_independent_code_makes_of_the_standards() -> None:
    envelope = json.loads((FOLDER / "signed.run-record.json").read_bytes())
    payload = base64.b64decode(envelope["payload"])
    key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")  # RFC 8032 section 7.1, test 2
    signed = b" ".join([b"DSSEv1", b"28", b"application/vnd.in-toto+json", str(len(payload)).encode(), payload])
    Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)
    statement: dict[str, Any] = json.loads(payload)
    assert statement["predicateType"] == "https://provenance-audit.dev/run-record/v1"
    leaves = [
        json.dumps({n: s[n] for n in ("path", "sha256", "size_bytes")}, sort_keys=True, separators=(",", ":")).encode()
        for s in statement["predicate"]["shards"]
    ]
    a, b, c, d = (hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves)
    root = hashlib.sha256(b"\x01" + hashlib.sha256(b"\x01" + a + b).digest() + hashlib.sha256(b"\x01" + c + d).digest()).hexdigest()
    assert statement["subject"] == [{"name": "shard-manifest", "digest": {"sha256": root}}]
    assert statement["predicate"]["manifest_root"] == f"sha256:{root}"


def test_the_record_fits_its_schema_and_a_field_nobody_knows_does_not() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_bytes()))
    document = json.loads((FOLDER / "unsigned.run-record.json").read_bytes())
    assert list(validator.iter_errors(document)) == []
    for place in (document, document["gaps"], document["shards"][0]):
        place["more"] = 1
        assert list(validator.iter_errors(document))
        del place["more"]
    document["shards"][0]["bytes_read"] = -1
    assert list(validator.iter_errors(document))


def test_the_newest_format_is_still_written_byte_for_byte() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden.make_run_record", "--check"], capture_output=True, text=True, check=False, cwd=FOLDER.parents[2]
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
