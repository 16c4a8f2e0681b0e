"""Public Ed25519 keys as people hand them over: base64, a PEM file, or the JSON row that ``provenance keys export`` prints. Standard library only."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Final

from provenance.clearance.ed25519 import PUBLIC_KEY_BYTES, is_acceptable_key
from provenance.clearance.strict_json import expect_text, load_strict
from provenance.clearance.trust import TrustedKey, key_id
from provenance.errors import KeyFileError

MAX_PUBLIC_KEY_BYTES: Final = 1 << 16
_DER_HEAD: Final = bytes.fromhex("302a300506032b6570032100")
"""What stands before the 32 bytes of a key in its SubjectPublicKeyInfo (RFC 8410 section 4)."""
_PEM: Final = re.compile(rb"-----BEGIN PUBLIC KEY-----\s+([A-Za-z0-9+/=\s]+?)-----END PUBLIC KEY-----")
_SPOKEN_DIGITS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferedKey:
    """A public key that somebody handed over, and what they say of it. Nothing of it is believed yet."""

    key: bytes
    """Raw public key, 32 bytes."""
    name: str | None = None
    roles: tuple[str, ...] = ()
    not_before: str | None = None
    not_after: str | None = None


def parse_public_key(raw: bytes, *, where: str = "public key") -> OfferedKey:
    """Return the public key that text or a file holds.

    Raises:
        KeyFileError: With the reason: no key, a private key, one of another kind, one of small order, or an id that is not the key's.
    """
    text = raw.strip()
    if len(text) > MAX_PUBLIC_KEY_BYTES:
        raise KeyFileError(f"{where} is larger than {MAX_PUBLIC_KEY_BYTES} bytes")
    if b"PRIVATE KEY" in text:
        raise KeyFileError(
            f"{where} holds a private key, which nobody else may have",
            hint="give its public half: provenance keys export NAME; if the private key has left its owner, make a new one",
        )
    try:
        offered = _from_row(text) if text.startswith(b"{") else OfferedKey(key=_from_pem(text) if b"-----BEGIN" in text else _from_base64(text))
    except ValueError as err:
        raise KeyFileError(f"{where}: {err}", hint="give what this prints: provenance keys export NAME") from err
    if not is_acceptable_key(offered.key):
        raise KeyFileError(f"{where}: it is no acceptable Ed25519 public key: not on the curve, not canonical or of small order")
    return offered


def public_key_pem(key: bytes) -> str:
    """Return the PEM form of a raw public key (RFC 8410), as cosign and openssl read it."""
    return f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(public_key_der(key)).decode('ascii')}\n-----END PUBLIC KEY-----\n"


def public_key_der(key: bytes) -> bytes:
    """Return the SubjectPublicKeyInfo of a raw public key."""
    return _DER_HEAD + key


def spoken_fingerprint(key: bytes) -> str:
    """Return a key's id in groups of four digits, to be compared by voice.

    >>> spoken_fingerprint(bytes(32))[:19]
    '6668 7aad f862 bd77'
    """
    digits = key_id(key)
    return " ".join(digits[i : i + _SPOKEN_DIGITS] for i in range(0, len(digits), _SPOKEN_DIGITS))


def _from_base64(text: bytes) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as err:
        raise ValueError(f"it is no base64 of a key, no PEM file and no JSON row: {err}") from err
    if len(key) != PUBLIC_KEY_BYTES:
        raise ValueError(f"a public key has {PUBLIC_KEY_BYTES} bytes, got {len(key)}")
    return key


def _from_pem(text: bytes) -> bytes:
    found = _PEM.fullmatch(text)
    if found is None:
        raise ValueError("it is no PEM file of one public key")
    try:
        der = base64.b64decode(b"".join(found.group(1).split()), validate=True)
    except binascii.Error as err:
        raise ValueError(f"its PEM is damaged: {err}") from err
    if not der.startswith(_DER_HEAD) or len(der) != len(_DER_HEAD) + PUBLIC_KEY_BYTES:
        raise ValueError("it holds no Ed25519 key; keys of other kinds are not used")
    return der[len(_DER_HEAD) :]


def _from_row(text: bytes) -> OfferedKey:
    row = load_strict(text, max_bytes=MAX_PUBLIC_KEY_BYTES)
    key = _from_base64(expect_text(row.get("key"), where='the row\'s "key"').encode("utf-8"))
    if row.get("id", key_id(key)) != key_id(key):
        raise ValueError("its id is not the SHA-256 of its key: the row was changed or mistyped")
    roles = row.get("roles", [])
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise ValueError("its roles must be a list of text")
    said = {name: row.get(name) for name in ("name", "not_before", "not_after")}
    for name, value in said.items():
        if value is not None and not isinstance(value, str):
            raise ValueError(f"its {name} must be text, got {value!r:.40}")
    return OfferedKey(key=key, roles=tuple(roles), **said)


def row_of(key: TrustedKey) -> dict[str, object]:
    """Return the JSON row of a trusted key, which ``parse_public_key`` reads."""
    return {
        "id": key.id,
        "key": base64.b64encode(key.key).decode("ascii"),
        "name": key.name,
        "roles": list(key.roles),
        "not_before": key.not_before,
        "not_after": key.not_after,
    }
