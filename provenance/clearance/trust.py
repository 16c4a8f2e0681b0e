"""The trust file: which keys may sign clearances, in which role, when, and how many must (FORMATS, trust file).

It is JSON, because the gate must read it where no YAML reader is installed. It comes from ``--trust`` or from the root-owned system path, never from
beside the clearance and never from an environment variable: whoever may write the clearance must not thereby choose who is trusted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from provenance.canonical import canonical_bytes
from provenance.clearance.ed25519 import PUBLIC_KEY_BYTES, is_acceptable_key
from provenance.clearance.strict_json import expect_fields, expect_list, expect_text, load_strict, parse_time
from provenance.errors import TrustFileError

TRUST_FORMAT: Final = "provenance.trust"
TRUST_VERSION: Final = 1
SYSTEM_TRUST: Final = Path("/etc/provenance/trust.json")
MAX_TRUST_BYTES: Final = 1 << 20
ISSUER_ROLE: Final = "issuer"
"""Every clearance needs signers of this role; a trust file must give its threshold."""
REVIEWER_ROLE: Final = "reviewer"
"""A released REVIEW verdict needs the signature of the named reviewer, whose key must hold this role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedKey:
    """A public key, and what it may sign."""

    key: bytes
    """Raw Ed25519 public key, 32 bytes."""
    name: str
    """Whose it is; ``issuer.name`` and ``released_by`` of a clearance refer to it."""
    roles: tuple[str, ...]
    not_before: str
    not_after: str

    def __post_init__(self) -> None:
        """Refuse keys that cannot be trusted.

        Raises:
            ValueError: With the reason.
        """
        if not is_acceptable_key(self.key):
            raise ValueError(f"key of {self.name!r} is not an acceptable Ed25519 public key of {PUBLIC_KEY_BYTES} bytes")
        expect_text(self.name, where="name")
        if not self.roles or len(set(self.roles)) != len(self.roles):
            raise ValueError(f"key of {self.name!r} must have roles, each once")
        for role in self.roles:
            expect_text(role, where="role")
        start, end = self.window()
        if start >= end:
            raise ValueError(f"key of {self.name!r}: not_after {self.not_after} is not after not_before {self.not_before}")

    @property
    def id(self) -> str:
        """SHA-256 of the raw public key, 64 hex digits."""
        return key_id(self.key)

    def window(self) -> tuple[datetime, datetime]:
        """Return the first and the last moment at which the key may sign."""
        return parse_time(self.not_before, where="not_before"), parse_time(self.not_after, where="not_after")


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationSource:
    """Where the revocation list is, and how old it may be."""

    path: str
    """Absolute, or relative to the trust file's folder."""
    max_age_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Keys, thresholds and the revocation list that the gate relies on."""

    keys: tuple[TrustedKey, ...]
    thresholds: tuple[tuple[str, int], ...]
    """(role, number of distinct keys of that role that must sign), sorted by role; every role listed must be met."""
    revocation: RevocationSource | None = None
    source: str = ""
    """The file it came from; empty if made in memory."""

    def __post_init__(self) -> None:
        """Refuse thresholds that nobody set or nobody can reach.

        Raises:
            ValueError: With the reason.
        """
        if len({k.key for k in self.keys}) != len(self.keys):
            raise ValueError("one public key is listed twice")
        if ISSUER_ROLE not in dict(self.thresholds) or len(dict(self.thresholds)) != len(self.thresholds):
            raise ValueError(f"thresholds must name the role {ISSUER_ROLE!r}, and each role once")
        for role, needed in self.thresholds:
            able = sum(role in k.roles for k in self.keys)
            if not 1 <= needed <= able:
                raise ValueError(f"threshold {needed} for role {role!r} must lie between 1 and its number of keys, {able}")

    def key(self, wanted: str) -> TrustedKey | None:
        """Return the key with this id, if it is trusted."""
        return next((k for k in self.keys if k.id == wanted), None)


def key_id(public_key: bytes) -> str:
    """Return the id of a raw public key: its SHA-256, 64 hex digits."""
    return hashlib.sha256(public_key).hexdigest()


def load_trust(path: str | os.PathLike[str] | None = None) -> Trust:
    """Return the trust that a file gives; without a path, the system's file ``/etc/provenance/trust.json``.

    Raises:
        TrustFileError: If the file is missing or malformed, or the system's file could be changed by somebody other than root.
    """
    file = SYSTEM_TRUST if path is None else Path(path)
    try:
        if path is None:
            expect_root_owned(file)
        with file.open("rb") as stream:
            raw = stream.read(MAX_TRUST_BYTES + 1)
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise TrustFileError(
            f"trust file {file} cannot be relied on: {reason}", hint="name one with --trust; `provenance keys new` makes one"
        ) from err
    return parse_trust(raw, where=str(file))


def expect_root_owned(file: Path) -> None:
    """Expect a file that nobody but root can change or exchange.

    Raises:
        ValueError: If it, or its folder, belongs to somebody else or is writable by others.
        OSError: If it cannot be looked at.
    """
    for path in (file, file.parent):
        status = path.stat()
        if status.st_uid != 0 or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise ValueError(f"{path} must belong to root and be writable by root alone")


def parse_trust(raw: bytes, *, where: str = "trust file") -> Trust:
    """Return the trust that a document gives.

    Raises:
        TrustFileError: With the reason, if the document is not exactly of the form in docs/formats/trust.schema.json.
    """
    try:
        return _parse(load_strict(raw, max_bytes=MAX_TRUST_BYTES), where)
    except ValueError as err:
        raise TrustFileError(f"{where}: {err}") from err


def trust_bytes(trust: Trust) -> bytes:
    """Return the file form of a trust: canonical JSON and a newline, keys sorted by name and id."""
    revocation = None if trust.revocation is None else {"path": trust.revocation.path, "max_age_s": trust.revocation.max_age_s}
    wire = {
        "format": TRUST_FORMAT,
        "version": TRUST_VERSION,
        "keys": [_key_wire(k) for k in sorted(trust.keys, key=lambda k: (k.name, k.id))],
        "thresholds": dict(trust.thresholds),
        "revocation": revocation,
    }
    return canonical_bytes(wire) + b"\n"


def _key_wire(key: TrustedKey) -> dict[str, object]:
    return {
        "id": key.id,
        "key": base64.b64encode(key.key).decode("ascii"),
        "name": key.name,
        "roles": list(key.roles),
        "not_before": key.not_before,
        "not_after": key.not_after,
    }


def _parse(raw: Any, where: str) -> Trust:
    document = expect_fields(raw, ("format", "version", "keys", "thresholds", "revocation"), where="the document")
    if document["format"] != TRUST_FORMAT or type(document["version"]) is not int or document["version"] != TRUST_VERSION:
        raise ValueError(f"expected format {TRUST_FORMAT!r} version {TRUST_VERSION}, got {document['format']!r:.40} {document['version']!r:.20}")
    keys, thresholds = expect_list(document["keys"], where="keys"), document["thresholds"]
    expect_fields(thresholds, thresholds if isinstance(thresholds, dict) else (), where="thresholds")
    for role, needed in thresholds.items():
        if type(needed) is not int:
            raise ValueError(f"threshold of role {role!r} must be an integer, got {needed!r:.40}")
    return Trust(
        keys=tuple(_parse_key(entry, f"keys[{i}]") for i, entry in enumerate(keys)),
        thresholds=tuple(sorted(thresholds.items())),
        revocation=_parse_revocation(document["revocation"]),
        source=where,
    )


def _parse_key(raw: object, where: str) -> TrustedKey:
    fields = expect_fields(raw, ("id", "key", "name", "roles", "not_before", "not_after"), where=where)
    roles = expect_list(fields["roles"], where=f"{where}.roles")
    try:
        key = base64.b64decode(expect_text(fields["key"], where=f"{where}.key").encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as err:
        raise ValueError(f"{where}.key is not base64: {err}") from err
    trusted = TrustedKey(
        key=key,
        name=expect_text(fields["name"], where=f"{where}.name"),
        roles=tuple(expect_text(role, where=f"{where}.roles") for role in roles),
        not_before=expect_text(fields["not_before"], where=f"{where}.not_before"),
        not_after=expect_text(fields["not_after"], where=f"{where}.not_after"),
    )
    if fields["id"] != trusted.id:
        raise ValueError(f"{where}.id is not the SHA-256 of the key: got {fields['id']!r:.80}, expected {trusted.id}")
    return trusted


def _parse_revocation(raw: object) -> RevocationSource | None:
    if raw is None:
        return None
    fields = expect_fields(raw, ("path", "max_age_s"), where="revocation")
    age = fields["max_age_s"]
    if type(age) is not int or age < 1:
        raise ValueError(f"revocation.max_age_s must be a positive integer, got {age!r:.40}")
    return RevocationSource(path=expect_text(fields["path"], where="revocation.path"), max_age_s=age)
