"""Private key files, trust files and revocation lists on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from provenance.canonical import canonical_bytes
from provenance.clearance import trust as trust_module
from provenance.clearance.keys import generate_key, key_from_seed, load_key, write_key
from provenance.clearance.revocation import Revocation, RevocationList, parse_revocations, revocation_bytes
from provenance.clearance.signed_lists import load_revocations
from provenance.clearance.trust import RevocationSource, Trust, load_trust, parse_trust, trust_bytes
from provenance.errors import KeyFileError, TrustFileError
from tests.fakes.clearances import SEEDS, rfc_key, sample_trust

FORMATS = Path(__file__).parents[3] / "docs" / "formats"


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_a_key_file_reads_back_and_is_private(tmp_path: Path, passphrase: bytes | None) -> None:
    file, key = tmp_path / "k.pem", generate_key()
    warning = write_key(key, file, passphrase=passphrase)
    assert file.stat().st_mode & 0o777 == 0o600
    assert (warning is None) is (passphrase is not None)
    assert (b"ENCRYPTED" in file.read_bytes()) is (passphrase is not None)
    assert load_key(file, passphrase=passphrase).public_key == key.public_key


def test_public_keys_are_those_of_rfc_8032() -> None:
    assert rfc_key(0).public_key.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert rfc_key(1).public_key.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"


def test_two_fresh_keys_differ() -> None:
    assert generate_key().public_key != generate_key().public_key


def test_the_secret_is_not_in_the_text_form() -> None:
    assert SEEDS[0] not in repr(rfc_key(0))


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    write_key(rfc_key(), tmp_path / "k.pem", passphrase=b"x")
    with pytest.raises(KeyFileError, match="File exists"):
        write_key(generate_key(), tmp_path / "k.pem", passphrase=b"x")
    assert load_key(tmp_path / "k.pem", passphrase=b"x").public_key == rfc_key().public_key


def test_an_empty_passphrase_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="passphrase is empty"):
        write_key(rfc_key(), tmp_path / "k.pem", passphrase=b"")
    assert not (tmp_path / "k.pem").exists()


def test_an_encrypted_key_opens_only_with_its_passphrase(tmp_path: Path) -> None:
    write_key(rfc_key(), tmp_path / "k.pem", passphrase=b"right")
    with pytest.raises(KeyFileError, match="is encrypted"):
        load_key(tmp_path / "k.pem")
    with pytest.raises(KeyFileError, match="wrong passphrase"):
        load_key(tmp_path / "k.pem", passphrase=b"wrong")


def test_a_key_file_open_to_others_is_refused(tmp_path: Path) -> None:
    write_key(rfc_key(), tmp_path / "k.pem", passphrase=None)
    (tmp_path / "k.pem").chmod(0o640)
    with pytest.raises(KeyFileError, match=r"open to other users \(mode 640\)"):
        load_key(tmp_path / "k.pem")


def x25519_pem() -> bytes:
    how = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return X25519PrivateKey.generate().private_bytes(*how)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a PEM file"),
        (b"hello", "not a PEM file"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "damaged file"),
        (b"-----BEGIN " * 10_000, "larger than"),
        (x25519_pem(), "expected an Ed25519 private key"),
    ],
    ids=["empty", "text", "damaged", "huge", "x25519"],
)
def test_what_is_no_key_file_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "k.pem"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(KeyFileError, match=reason):
        load_key(file)


def test_a_missing_key_file_and_a_short_seed_are_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read: No such file"):
        load_key(tmp_path / "none.pem")
    with pytest.raises(KeyFileError, match="32 bytes, got 31"):
        key_from_seed(bytes(31))


def test_a_trust_file_reads_back_and_fits_its_schema(tmp_path: Path) -> None:
    trust = sample_trust(
        ("issuer", "reviewer"), ("counsel",), thresholds=(("counsel", 1), ("issuer", 1)), revocation=RevocationSource(path="r", max_age_s=9)
    )
    file = tmp_path / "trust.json"
    file.write_bytes(trust_bytes(trust))
    read = load_trust(file)
    assert (read.keys, read.thresholds, read.revocation, read.source) == (trust.keys, trust.thresholds, trust.revocation, str(file))
    schema = json.loads((FORMATS / "trust.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(file.read_bytes()))


HOSTILE: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("format",), "provenance.trusts", "expected format"),
    (("version",), 3, "expected format"),
    (("version",), 2, "lacks the field 'issue_until'"),
    (("version",), True, "expected format"),
    (("version",), ..., "lacks the field 'version'"),
    (("comment",), "x", "unknown field 'comment'"),
    (("keys",), {}, "keys must be a list"),
    (("keys",), [], "of different persons, 0"),
    (("keys", 0), "x", "must be an object"),
    (("keys", 0, "id"), "ab" * 32, "not the SHA-256 of the key"),
    (("keys", 0, "id"), 1, "not the SHA-256 of the key"),
    (("keys", 0, "key"), "", "must be non-empty"),
    (("keys", 0, "key"), "!", "not base64"),
    (("keys", 0, "key"), "é", "not base64"),
    (("keys", 0, "key"), "AAAA", "not an acceptable Ed25519"),
    (("keys", 0, "key"), "A" * 43 + "=", "not an acceptable Ed25519"),
    (("keys", 0, "name"), "", "name must be non-empty"),
    (("keys", 0, "roles"), [], "must have roles"),
    (("keys", 0, "roles"), ["issuer", "issuer"], "must have roles, each once"),
    (("keys", 0, "roles"), "issuer", "roles must be a list"),
    (("keys", 0, "roles"), [1], "roles must be non-empty text"),
    (("keys", 0, "not_after"), "2026-01-01T00:00:00Z", "is not after not_before"),
    (("keys", 0, "not_after"), "never", "must be a UTC time"),
    (("keys", 0, "not_before"), None, "must be non-empty text"),
    (("thresholds",), [], "must be an object"),
    (("thresholds",), {}, "must name the role 'issuer'"),
    (("thresholds",), {"reviewer": 1}, "must name the role 'issuer'"),
    (("thresholds", "issuer"), 0, "of different persons, 1"),
    (("thresholds", "issuer"), 2, "of different persons, 1"),
    (("thresholds", "issuer"), True, "must be an integer"),
    (("thresholds", "issuer"), "1", "must be an integer"),
    (("thresholds", "nobody"), 1, "of different persons, 0"),
    (("revocation",), ..., "lacks the field 'revocation'"),
    (("revocation",), "revoked.json", "revocation must be an object"),
    (("revocation",), {"path": "r", "max_age_s": 0}, "positive integer"),
    (("revocation",), {"path": "r", "max_age_s": True}, "positive integer"),
    (("revocation",), {"path": "", "max_age_s": 1}, "must be non-empty"),
]


@pytest.mark.parametrize(("path", "value", "reason"), HOSTILE)
def test_a_malformed_trust_file_trusts_nobody(path: tuple[str | int, ...], value: Any, reason: str) -> None:
    document = json.loads(trust_bytes(sample_trust()))
    place = document
    for step in path[:-1]:
        place = place[step]
    if value is Ellipsis:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    with pytest.raises(TrustFileError, match=reason):
        parse_trust(canonical_bytes(document))


def test_missing_and_broken_trust_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(TrustFileError, match=r"none\.json cannot be relied on: No such file"):
        load_trust(tmp_path / "none.json")
    (tmp_path / "trust.json").write_bytes(b"{")
    with pytest.raises(TrustFileError, match=r"trust\.json: it is not JSON"):
        load_trust(tmp_path / "trust.json")
    with pytest.raises(TrustFileError, match="Is a directory"):
        load_trust(tmp_path)
    with pytest.raises(TrustFileError, match="null byte"):
        load_trust("a\0b")


def fake_stat(uid: int, mode: int) -> os.stat_result:
    return os.stat_result((mode, 0, 0, 1, uid, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(("uid", "mode", "good"), [(0, 0o100644, True), (1000, 0o100644, False), (0, 0o100664, False), (0, 0o100646, False)])
def test_the_system_file_must_be_roots_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, mode: int, good: bool) -> None:
    file = tmp_path / "trust.json"
    file.write_bytes(trust_bytes(sample_trust()))
    monkeypatch.setattr(trust_module, "SYSTEM_TRUST", file)
    monkeypatch.setattr(Path, "stat", lambda self, **_: fake_stat(uid, mode))
    if good:
        assert load_trust().keys == sample_trust().keys
    else:
        with pytest.raises(TrustFileError, match="must belong to root"):
            load_trust()


def test_no_environment_variable_names_the_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust_module, "SYSTEM_TRUST", tmp_path / "none.json")
    (tmp_path / "trust.json").write_bytes(trust_bytes(sample_trust()))
    monkeypatch.chdir(tmp_path)
    for name in ("PROVENANCE_TRUST", "PROVENANCE_TRUST_FILE", "PROVENANCE_DISABLE", "PROVENANCE_SKIP"):
        monkeypatch.setenv(name, str(tmp_path / "trust.json"))
    with pytest.raises(TrustFileError, match=r"none\.json"):
        load_trust()


def trust_with_list(folder: Path) -> Trust:
    file = folder / "trust.json"
    file.write_bytes(trust_bytes(sample_trust(revocation=RevocationSource(path="revoked.json", max_age_s=3600))))
    return load_trust(file)


def test_a_revocation_list_lies_beside_the_trust_file(tmp_path: Path) -> None:
    revoked = RevocationList(
        issued="2026-11-24T11:00:00Z",
        keys=(Revocation(id="ab" * 32, reason="lost"),),
        clearances=(Revocation(id="sha256:" + "cd" * 32, reason="wrong"),),
    )
    (tmp_path / "revoked.json").write_bytes(revocation_bytes(revoked))
    assert load_revocations(trust_with_list(tmp_path)) == revoked
    schema = json.loads((FORMATS / "revocations.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(revocation_bytes(revoked)))


def test_a_revocation_list_that_is_asked_for_must_be_there(tmp_path: Path) -> None:
    assert load_revocations(sample_trust()) is None
    with pytest.raises(TrustFileError, match=r"revocation list .*revoked\.json cannot be read: No such file"):
        load_revocations(trust_with_list(tmp_path))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "x"}, "expected format"),
        ({"version": True}, "expected format"),
        ({"issued": "yesterday"}, "issued must be a UTC time"),
        ({"keys": {}}, "keys must be a list"),
        ({"keys": [{"id": "ab" * 32}]}, r"keys\[0\] lacks the field 'reason'"),
        ({"keys": [{"id": "sha256:" + "ab" * 32, "reason": "x"}]}, "must be named by 64 hex digits"),
        ({"clearances": [{"id": "ab" * 32, "reason": "x"}]}, "must be named by sha256"),
        ({"clearances": [{"id": "sha256:" + "ab" * 32, "reason": ""}]}, "must be non-empty"),
        ({"more": []}, "unknown field 'more'"),
    ],
)
def test_a_malformed_revocation_list_is_refused(changes: dict[str, Any], reason: str) -> None:
    document = json.loads(revocation_bytes(RevocationList(issued="2026-11-24T11:00:00Z"))) | changes
    with pytest.raises(TrustFileError, match=reason):
        parse_revocations(canonical_bytes(document))
