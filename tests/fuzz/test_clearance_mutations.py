"""Sign, change any byte, and verification must fail: 2,000 mutations of every version in the short tier, 100,000 in the full one.

With ``cryptography`` and without it: the pure check takes some milliseconds a signature, so it sees a fifth as many.
"""

from __future__ import annotations

import base64
import json
import random
from typing import Any

import pytest

from provenance.clearance import ed25519
from provenance.clearance.binding import NamedFile
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import Clearance
from provenance.clearance.trust import parse_trust, trust_bytes
from provenance.clearance.verification import verify_clearance
from provenance.errors import ClearanceError, TrustFileError
from tests.fakes.clearances import NOW, RUN_FILE, bound_clearance, broken_clearance, released_clearance, rfc_key, sample_clearance, sample_trust

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


RUN = NamedFile.of("run.yaml", RUN_FILE)
VERSIONS = {
    "v1": (sample_clearance(), ("issuer", "reviewer")),
    "v2": (released_clearance(), ("issuer", "reviewer")),
    "v3": (bound_clearance(), ("issuer", "approver")),
    "v3 break-glass": (broken_clearance(), ("issuer", "approver")),
}
"""Each with the roles of the two keys that sign it."""


def survivors(clearance: Clearance, roles: tuple[str, str], *, rounds: int) -> list[bytes]:
    """Return the mutations of a clearance that verify all the same."""
    rng = random.Random(20261124)
    trust = sample_trust(*((role,) for role in roles))
    raw = issue_clearance(clearance, rfc_key(0), rfc_key(1))
    given: dict[str, Any] = {"run_file": RUN} if clearance.version == 3 else {}
    assert verify_clearance(raw, trust, NOW, **given) == clearance
    found = []
    for _ in range(rounds):
        changed = mutate(raw, rng)
        if changed == raw:
            continue
        try:
            verify_clearance(changed, trust, NOW, **given)
        except ClearanceError:
            continue
        found.append(changed)
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_no_mutation_of_a_clearance_verifies(version: str, loops: int) -> None:
    clearance, roles = VERSIONS[version]
    assert survivors(clearance, roles, rounds=SHORT_TIER if loops == 1 else FULL_TIER) == []


@pytest.mark.parametrize("version", ["v1", "v3 break-glass"])
def test_nor_does_one_where_cryptography_is_missing(version: str, loops: int, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def pure(key: bytes, message: bytes, signature: bytes) -> bool:
        calls.append(key)
        return ed25519.verify_pure(key, message, signature)

    monkeypatch.setattr(ed25519, "verify", pure)
    clearance, roles = VERSIONS[version]
    assert survivors(clearance, roles, rounds=(SHORT_TIER if loops == 1 else FULL_TIER) // 5) == []
    assert len(calls) > 2, "the pure check was asked"


@pytest.mark.parametrize("clearance", [sample_clearance(), bound_clearance()], ids=["v1", "v3"])
def test_every_single_byte_of_a_clearance_counts(clearance: Clearance) -> None:
    trust = sample_trust()
    raw = issue_clearance(clearance, rfc_key())
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
