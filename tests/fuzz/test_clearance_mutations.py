"""Sign, change any byte, and verification must fail: 2,000 mutations in the short tier, 100,000 in the full one."""

from __future__ import annotations

import base64
import json
import random

import pytest

from provenance.clearance.signing import issue_clearance
from provenance.clearance.trust import parse_trust, trust_bytes
from provenance.clearance.verification import verify_clearance
from provenance.errors import ClearanceError, TrustFileError
from tests.fakes.clearances import NOW, rfc_key, sample_clearance, sample_trust

SHORT_TIER, FULL_TIER = 2_000, 100_000


def mutate(raw: bytes, rng: random.Random) -> bytes:
    """Return ``raw`` with one thing changed: a byte, a bit, a piece cut out, doubled, put in or moved."""
    at, other = rng.randrange(len(raw)), rng.randrange(len(raw))
    low, high = min(at, other), min(max(at, other), min(at, other) + 40)
    kind = rng.randrange(6)
    if kind == 0:
        return raw[:at] + bytes([rng.randrange(256)]) + raw[at + 1 :]
    if kind == 1:
        return raw[:at] + bytes([raw[at] ^ 1 << rng.randrange(8)]) + raw[at + 1 :]
    if kind == 2:
        return raw[:low] + raw[high:]
    if kind == 3:
        return raw[:low] + raw[low:high] * 2 + raw[high:]
    if kind == 4:
        return raw[:at] + rng.choice([b" ", b"\n", b"\t", b"\x00", b",", b'"', b"}", b"\xc2\xa0", b"="]) + raw[at:]
    return raw[:at]


def test_no_mutation_of_a_clearance_verifies(loops: int) -> None:
    rng = random.Random(20261124)
    trust = sample_trust(("issuer",), ("reviewer",))
    raw = issue_clearance(sample_clearance(), rfc_key(0), rfc_key(1))
    assert verify_clearance(raw, trust, NOW) == sample_clearance()
    survivors = []
    rounds = SHORT_TIER if loops == 1 else FULL_TIER
    for _ in range(rounds):
        changed = mutate(raw, rng)
        if changed == raw:
            continue
        try:
            verify_clearance(changed, trust, NOW)
        except ClearanceError:
            continue
        survivors.append(changed)
    assert survivors == []


def test_every_single_byte_of_a_clearance_counts() -> None:
    trust = sample_trust()
    raw = issue_clearance(sample_clearance(), rfc_key())
    for at in range(len(raw)):
        changed = raw[:at] + bytes([raw[at] ^ 0x01]) + raw[at + 1 :]
        with pytest.raises(ClearanceError):
            verify_clearance(changed, trust, NOW)


def test_every_bit_of_a_signature_counts() -> None:
    trust = sample_trust()
    document = json.loads(issue_clearance(sample_clearance(), rfc_key()))
    signature = int.from_bytes(base64.b64decode(document["signatures"][0]["sig"]), "big")
    for bit in range(512):
        document["signatures"][0]["sig"] = base64.b64encode((signature ^ 1 << bit).to_bytes(64, "big")).decode()
        raw = json.dumps(document, separators=(",", ":"), sort_keys=True).encode() + b"\n"
        with pytest.raises(ClearanceError, match="does not verify"):
            verify_clearance(raw, trust, NOW)


def test_garbage_raises_only_our_own_errors(loops: int) -> None:
    rng = random.Random(6)
    trust, document = sample_trust(), trust_bytes(sample_trust())
    for _ in range(200 * loops):
        noise = rng.randbytes(rng.randrange(200))
        with pytest.raises(ClearanceError):
            verify_clearance(noise, trust, NOW)
        with pytest.raises(TrustFileError):
            parse_trust(noise)
        changed = mutate(document, rng)
        try:
            parse_trust(changed)
        except TrustFileError:
            continue
