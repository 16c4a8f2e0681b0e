"""Verification against RFC 8032's vectors, Wycheproof's hostile ones, and ``cryptography`` as a second implementation."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.clearance import ed25519
from provenance.clearance.ed25519 import is_acceptable_key, verify, verify_pure

Verify = Callable[[bytes, bytes, bytes], bool]
WYCHEPROOF = Path(__file__).parents[2] / "fixtures" / "ed25519" / "wycheproof_ed25519_test.json"
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493

# RFC 8032 section 7.1: public key, message, signature of tests 1, 2, 3 and SHA(abc).
RFC_8032 = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]
both = pytest.mark.parametrize("check", [verify, verify_pure], ids=["library", "pure"])


@both
@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_rfc_8032_vectors_verify(check: Verify, key: str, message: str, signature: str) -> None:
    assert check(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))


@both
@pytest.mark.parametrize(("key", "message", "signature"), RFC_8032)
def test_another_message_or_key_does_not_verify(check: Verify, key: str, message: str, signature: str) -> None:
    assert not check(bytes.fromhex(key), bytes.fromhex(message) + b"\x00", bytes.fromhex(signature))
    other = next(k for k, _, _ in RFC_8032 if k != key)
    assert not check(bytes.fromhex(other), bytes.fromhex(message), bytes.fromhex(signature))


@both
def test_wycheproof_vectors_are_judged_as_published(check: Verify) -> None:
    vectors = json.loads(WYCHEPROOF.read_text(encoding="utf-8"))
    judged = [
        (test["tcId"], test["result"], check(bytes.fromhex(group["publicKey"]["pk"]), bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"])))
        for group in vectors["testGroups"]
        for test in group["tests"]
    ]
    assert len(judged) == vectors["numberOfTests"] == 151
    assert [case for case in judged if case[2] != (case[1] == "valid")] == []


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=80), st.integers(0, 64 * 8 - 1), st.booleans())
@settings(deadline=None, max_examples=60)
def test_both_ways_agree_on_true_and_flipped_signatures(seed: bytes, message: bytes, bit: int, flip: bool) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    key = private.public_key().public_bytes_raw()
    signature = int.from_bytes(private.sign(message), "little") ^ (flip << bit)
    raw = signature.to_bytes(64, "little")
    assert verify(key, message, raw) is verify_pure(key, message, raw) is not flip


@both
def test_s_beyond_the_group_order_is_refused(check: Verify) -> None:
    key, message, signature = (bytes.fromhex(part) for part in RFC_8032[1])
    s = int.from_bytes(signature[32:], "little")
    assert check(key, message, signature)
    assert not check(key, message, signature[:32] + (s + L).to_bytes(32, "little"))


@both
@pytest.mark.parametrize("length", [0, 31, 63, 65, 128])
def test_signatures_and_keys_of_other_lengths_are_refused(check: Verify, length: int) -> None:
    key, message, signature = (bytes.fromhex(part) for part in RFC_8032[1])
    assert not check(key, message, (signature * 2)[:length])
    assert not check((key * 5)[:length], message, signature)


def small_order_points() -> list[bytes]:
    """The eight points of the torsion subgroup: the multiples of one of order 8, which is [L]Q for almost any point Q."""
    base = ed25519._BASE
    for y in range(2, 50):
        point = ed25519._decode(y.to_bytes(32, "little"))
        if point is None:
            continue
        torsion = ed25519._double_multiply(L, point, 0, base)
        multiples = {ed25519._encode(ed25519._double_multiply(n, torsion, 0, base)) for n in range(8)}
        if len(multiples) == 8:
            return sorted(multiples)
    raise AssertionError("no point of order 8 found")


def test_every_small_order_key_is_refused_in_every_encoding() -> None:
    encodings = set(small_order_points())
    assert len(encodings) == 8
    for encoded in list(encodings):
        number = int.from_bytes(encoded, "little")
        y, sign = number & (2**255 - 1), number >> 255
        encodings.add((y | (1 - sign) << 255).to_bytes(32, "little"))
        if y + P < 2**255:
            encodings.add((y + P | sign << 255).to_bytes(32, "little"))
    for encoded in encodings:
        assert not is_acceptable_key(encoded)
        # Under the identity, R = identity with S = 0 would fit every message.
        for check in (verify, verify_pure):
            assert not check(encoded, b"anything", (1).to_bytes(32, "little") + bytes(32))


def test_keys_of_non_canonical_encoding_or_off_the_curve_are_refused() -> None:
    assert not is_acceptable_key((P + 3).to_bytes(32, "little"))
    assert not is_acceptable_key((2).to_bytes(32, "little")), "y = 2 is no point: (y² - 1)/(dy² + 1) has no root"
    assert is_acceptable_key(bytes.fromhex(RFC_8032[0][0]))


def test_verify_works_where_cryptography_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in sys.modules if n.startswith("cryptography")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    key, message, signature = (bytes.fromhex(part) for part in RFC_8032[2])
    assert verify(key, message, signature)
    assert not verify(key, message + b"x", signature)
