"""Clearances of every released format still verify, and are what independent code says they are."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from provenance.clearance.binding import AskedRun
from provenance.clearance.check import check_gate
from provenance.clearance.statement import GateLeave
from provenance.clearance.trust import load_trust
from provenance.model.finding import VerdictKind

GOLDEN = Path(__file__).parent
VERSIONS = sorted(p.name for p in GOLDEN.glob("clearance-v*"))


def test_there_is_a_golden_clearance() -> None:
    assert VERSIONS == ["clearance-v1", "clearance-v2", "clearance-v3"]


@pytest.mark.parametrize("version", VERSIONS)
def test_golden_clearances_pass_the_gate(version: str) -> None:
    folder = GOLDEN / version
    clearance = check_gate(
        folder / "run.clearance.json", roots=[folder / "data"], trust=load_trust(folder / "trust.json"), now="2026-11-24T12:00:00Z"
    )
    assert (clearance.verdict, len(clearance.releases)) == ((VerdictKind.REVIEW, 1) if version == "clearance-v2" else (VerdictKind.CLEARED, 0))
    assert clearance.issuer.name == "Ada Clearer"


def test_version_3_is_bound_to_the_files_beside_it() -> None:
    folder = GOLDEN / "clearance-v3"
    run = AskedRun(run_file=folder / "run.yaml", policy_files=[folder / "policy.yaml"])
    given: dict[str, Any] = {"roots": [folder / "data"], "trust": load_trust(folder / "trust.json"), "now": "2026-11-24T12:00:00Z", "run": run}
    clearance = check_gate(folder / "run.clearance.json", **given)
    assert (clearance.version, clearance.gate) == (3, GateLeave(digest_cache=True))
    broken = check_gate(folder / "break-glass.clearance.json", manifest_path=folder / "run.manifest.jsonl", **given)
    assert broken.break_glass is not None
    assert (broken.verdict, broken.break_glass.approver) == (VerdictKind.BLOCKED, "Grace Reviewer")
    predicate = json.loads(base64.b64decode(json.loads((folder / "run.clearance.json").read_bytes())["payload"]))["predicate"]
    assert predicate["rests_on"]["run_file_digest"] == f"sha256:{hashlib.sha256((folder / 'run.yaml').read_bytes()).hexdigest()}"
    assert f"sha256:{hashlib.sha256((folder / 'policy.yaml').read_bytes()).hexdigest()}" in predicate["policy_digests"]


def test_version_1_is_what_independent_code_makes_of_the_standards() -> None:
    folder = GOLDEN / "clearance-v1"
    envelope = json.loads((folder / "run.clearance.json").read_bytes())
    payload = base64.b64decode(envelope["payload"])
    key = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")  # RFC 8032 section 7.1, test 1
    signed = b" ".join([b"DSSEv1", b"28", b"application/vnd.in-toto+json", str(len(payload)).encode(), payload])
    Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)
    assert envelope["signatures"][0]["keyid"] == hashlib.sha256(key).hexdigest()
    a, b, c = (hashlib.sha256(b"\x00" + line).digest() for line in (folder / "run.manifest.jsonl").read_bytes().splitlines())
    root = hashlib.sha256(b"\x01" + hashlib.sha256(b"\x01" + a + b).digest() + c).hexdigest()
    assert json.loads(payload)["subject"] == [{"name": "shard-manifest", "digest": {"sha256": root}}]


def test_the_newest_format_is_still_written_byte_for_byte() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.golden.make_clearance", "--check"], capture_output=True, text=True, check=False, cwd=GOLDEN.parents[1]
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
