"""Public keys as people hand them over: every form, and everything that is none."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from provenance.clearance.keyring import MAX_NAME, check_name
from provenance.clearance.public_keys import OfferedKey, parse_public_key, public_key_pem, row_of, spoken_fingerprint
from provenance.errors import InputError, KeyFileError
from tests.fakes.clearances import rfc_key, sample_trust

KEY = rfc_key().public_key
TEXT = base64.b64encode(KEY)
# Examples of RFC 8410 section 10: a public key, and a private one.
RFC_8410_PUBLIC = b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n"
RFC_8410_PRIVATE = b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n"


def library_pem(key: Any) -> bytes:
    pem: bytes = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem


def test_every_form_gives_the_key() -> None:
    row = row_of(sample_trust().keys[0])
    for form in (TEXT, b"  " + TEXT + b"\n", library_pem(Ed25519PublicKey.from_public_bytes(KEY)), json.dumps(row).encode()):
        assert parse_public_key(form).key == KEY
    said = parse_public_key(json.dumps(row).encode())
    assert said == OfferedKey(key=KEY, name="Ada Clearer", roles=("issuer",), not_before="2026-01-01T00:00:00Z", not_after="2027-12-31T00:00:00Z")


def test_the_pem_form_is_that_of_rfc_8410() -> None:
    key = parse_public_key(RFC_8410_PUBLIC).key
    assert key.hex() == "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1"
    assert public_key_pem(key).encode() == RFC_8410_PUBLIC
    assert public_key_pem(KEY).encode() == library_pem(Ed25519PublicKey.from_public_bytes(KEY))


def test_a_fingerprint_is_the_id_in_groups() -> None:
    spoken = spoken_fingerprint(KEY)
    assert spoken.replace(" ", "") == rfc_key().key_id
    assert {len(group) for group in spoken.split(" ")} == {4}


RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)
ROW = row_of(sample_trust().keys[0])
REFUSED: list[tuple[str, bytes, str]] = [
    ("empty", b"", "has 32 bytes, got 0"),
    ("text", b"Ada's key!", "no base64 of a key"),
    ("short", base64.b64encode(KEY[:31]), "has 32 bytes, got 31"),
    ("url-safe", b"_" * 43 + b"=", "no base64 of a key"),
    ("hex", KEY.hex().encode(), "got 48"),
    ("small order", base64.b64encode(bytes(32)), "of small order"),
    ("small order, one", base64.b64encode(b"\x01" + bytes(31)), "of small order"),
    ("not canonical", base64.b64encode(b"\xee" + b"\xff" * 30 + b"\x7f"), "not canonical"),
    ("private", RFC_8410_PRIVATE, "holds a private key"),
    ("encrypted private", rfc_key().pem(b"x"), "holds a private key"),
    ("rsa", library_pem(RSA.public_key()), "holds no Ed25519 key"),
    ("ec", library_pem(ec.generate_private_key(ec.SECP256R1()).public_key()), "holds no Ed25519 key"),
    ("cut pem", RFC_8410_PUBLIC[:60], "no PEM file of one public key"),
    ("two pems", RFC_8410_PUBLIC * 2, "no PEM file of one public key"),
    ("damaged pem", RFC_8410_PUBLIC.replace(b"uE=", b"uE"), "its PEM is damaged"),
    ("huge", b"A" * 70_000, "larger than 65536 bytes"),
    ("not json", b"{", "it is not JSON"),
    ("no key", b"{}", "must be non-empty text"),
    ("number", b'{"key": 1}', "must be non-empty text"),
    ("twice", b'{"key": "a", "key": "b"}', "twice"),
    ("wrong id", json.dumps({**ROW, "id": "ab" * 32}).encode(), "its id is not the SHA-256"),
    ("roles", json.dumps({**ROW, "roles": "issuer"}).encode(), "roles must be a list of text"),
    ("name", json.dumps({**ROW, "name": 1}).encode(), "its name must be text"),
]


@pytest.mark.parametrize(("raw", "reason"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_is_no_public_key_is_refused_in_one_sentence(raw: bytes, reason: str) -> None:
    with pytest.raises(KeyFileError, match=reason) as caught:
        parse_public_key(raw, where="ada.pub")
    assert str(caught.value).startswith("ada.pub")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", " ", " ada", "ada ", "a\nb", "a\x1b[31m", "\u202eada", "...", "a" * (MAX_NAME + 1), "\ud800"])
def test_names_that_cannot_be_read_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="key name"):
        check_name(name)


@pytest.mark.parametrize("name", ["Ada Clearer", "ada@example.org", "Łukasz", "李", "../../etc/passwd"])
def test_names_of_people_are_taken(name: str) -> None:
    assert check_name(name) == name


def test_key_files_of_other_kinds_are_named(tmp_path: Path) -> None:
    from provenance.clearance.keys import load_key

    how = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    openssh = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption())
    for pem, reason in (
        (RSA.private_bytes(*how), "RSA"),
        (RSA.private_bytes(*openssh), "OpenSSH"),
        (rfc_key().pem(b"x")[:90], "damaged file"),
        (rfc_key().pem(None)[:-40], "damaged file"),
        (RFC_8410_PUBLIC, "holds no private key"),
    ):
        (tmp_path / "k.pem").write_bytes(pem)
        (tmp_path / "k.pem").chmod(0o600)
        with pytest.raises(KeyFileError, match=reason) as caught:
            load_key(tmp_path / "k.pem", passphrase=b"x")
        assert "\n" not in str(caught.value)


def test_a_passphrase_that_is_too_long_is_refused(tmp_path: Path) -> None:
    from provenance.clearance.keys import write_key

    with pytest.raises(KeyFileError, match="passphrase has 5000 bytes, at most 1000"):
        write_key(rfc_key(), tmp_path / "k.pem", passphrase=b"x" * 5000)
    assert not (tmp_path / "k.pem").exists()
