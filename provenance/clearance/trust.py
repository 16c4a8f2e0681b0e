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
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from provenance.canonical import canonical_bytes
from provenance.clearance.ed25519 import PUBLIC_KEY_BYTES, is_acceptable_key
from provenance.clearance.strict_json import expect_fields, expect_list, expect_text, load_strict, parse_time
from provenance.errors import TrustFileError
from provenance.fingerprint.persons import count_persons

TRUST_FORMAT: Final = "provenance.trust"
TRUST_VERSION: Final = 2
"""Version 2 can say until when a key signs new things, and who signs revocation lists; what needs neither is written as version 1."""
SYSTEM_TRUST: Final = Path("/etc/provenance/trust.json")
MAX_TRUST_BYTES: Final = 1 << 20
ISSUER_ROLE: Final = "issuer"
"""Every clearance needs signers of this role; a trust file must give its threshold."""
REVIEWER_ROLE: Final = "reviewer"
"""A released REVIEW verdict needs the signature of the named reviewer, whose key must hold this role."""
APPROVER_ROLE: Final = "approver"
"""A signed waiver, and a break-glass clearance, need the signature of the named approver, whose key must hold this role."""


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
    issue_until: str | None = None
    """Last moment at which the key signs anything new; what it signed before counts until ``not_after``. ``None``: the same moment for both."""

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
        if self.issue_until is not None and not start <= parse_time(self.issue_until, where="issue_until") <= end:
            raise ValueError(f"key of {self.name!r}: issue_until {self.issue_until} does not lie between not_before and not_after")

    @property
    def id(self) -> str:
        """SHA-256 of the raw public key, 64 hex digits."""
        return key_id(self.key)

    def window(self) -> tuple[datetime, datetime]:
        """Return the first and the last moment at which what the key signed counts."""
        return parse_time(self.not_before, where="not_before"), parse_time(self.not_after, where="not_after")

    def window_fault(self, signed: datetime, now: datetime, *, skew: timedelta = timedelta()) -> str | None:
        """Return why something signed at one time does not count at another, or ``None`` if both moments lie in the key's windows.

        Args:
            signed: When it was signed, as it says.
            now: The verifier's time.
            skew: How far the clocks of signer and verifier may differ.
        """
        start, end = self.window()
        if not all(start - skew <= moment <= end + skew for moment in (signed, now)):
            return f"the key of {self.name!r} is valid from {self.not_before} to {self.not_after} only"
        if self.issue_until is not None and signed > parse_time(self.issue_until, where="issue_until") + skew:
            return f"the key of {self.name!r} signs nothing new after {self.issue_until}, and this was signed at {signed:%Y-%m-%dT%H:%M:%SZ}"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationSource:
    """Where the revocation list is, and how old it may be."""

    path: str
    """Absolute, or relative to the trust file's folder."""
    max_age_s: int
    role: str | None = None
    """Role of the keys that sign the list; ``None`` where it is protected by who may write it alone."""
    signers: int = 1
    """How many persons of that role must sign it."""
    issued_from: str | None = None
    """A list issued before this moment is refused: whoever got this trust file knows of a later one."""

    def __post_init__(self) -> None:
        """Refuse what cannot be met.

        Raises:
            ValueError: With the reason.
        """
        if self.issued_from is not None:
            parse_time(self.issued_from, where="revocation.issued_from")

    @property
    def is_plain(self) -> bool:
        """Tell whether version 1 of the trust file can say all of it."""
        return self.role is None and self.issued_from is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Keys, thresholds and the revocation list that the gate relies on."""

    keys: tuple[TrustedKey, ...]
    thresholds: tuple[tuple[str, int], ...]
    """(role, number of persons with distinct keys of that role who must sign), sorted by role; every role listed must be met."""
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
            able = self.able(role, needed)
            if not 1 <= needed <= able:
                raise ValueError(f"threshold {needed} for role {role!r} must lie between 1 and its number of keys of different persons, {able}")
        source = self.revocation
        if source is not None and source.role is not None and source.signers > (able := self.able(source.role, source.signers)):
            raise ValueError(f"{source.signers} must sign the revocation list, and {able} persons have keys of role {source.role!r}")

    def able(self, role: str, needed: int = 2) -> int:
        """Return how many persons have keys of a role; where one is enough, keys."""
        names = [k.name for k in self.keys if role in k.roles]
        return count_persons(names) if needed > 1 else len(names)

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
        raw = read_regular(file, MAX_TRUST_BYTES)
    except (OSError, ValueError) as err:
        reason = getattr(err, "strerror", None) or str(err)
        raise TrustFileError(
            f"trust file {file} cannot be relied on: {reason}", hint="name one with --trust; `provenance keys new` makes one"
        ) from err
    return parse_trust(raw, where=str(file))


def read_regular(file: Path, limit: int) -> bytes:
    """Return a regular file's bytes, at most one more than a limit: a FIFO could keep the gate waiting for ever.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is no regular file.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    with os.fdopen(os.open(file, flags), "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("it is not a regular file")
        return stream.read(limit + 1)


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
    """Return the file form of a trust: canonical JSON and a newline, keys sorted by name and id; version 1 where that says all."""
    source = trust.revocation
    is_plain = all(k.issue_until is None for k in trust.keys) and (source is None or source.is_plain)
    names = _REVOCATION_FIELDS[: 2 if is_plain else None]
    wire = {
        "format": TRUST_FORMAT,
        "version": 1 if is_plain else TRUST_VERSION,
        "keys": [key_wire(k, with_issue_until=not is_plain) for k in sorted(trust.keys, key=lambda k: (k.name, k.id))],
        "thresholds": dict(trust.thresholds),
        "revocation": None if source is None else {name: getattr(source, name) for name in names},
    }
    return canonical_bytes(wire) + b"\n"


def key_wire(key: TrustedKey, *, with_issue_until: bool) -> dict[str, object]:
    """Return a key as the trust file has it."""
    fields: dict[str, object] = {
        "id": key.id,
        "key": base64.b64encode(key.key).decode("ascii"),
        "name": key.name,
        "roles": list(key.roles),
        "not_before": key.not_before,
        "not_after": key.not_after,
    }
    return {**fields, "issue_until": key.issue_until} if with_issue_until else fields


def _parse(raw: Any, where: str) -> Trust:
    document = expect_fields(raw, ("format", "version", "keys", "thresholds", "revocation"), where="the document")
    version = document["version"]
    if document["format"] != TRUST_FORMAT or type(version) is not int or not 1 <= version <= TRUST_VERSION:
        raise ValueError(f"expected format {TRUST_FORMAT!r} version 1 or {TRUST_VERSION}, got {document['format']!r:.40} {version!r:.20}")
    keys, thresholds = expect_list(document["keys"], where="keys"), document["thresholds"]
    expect_fields(thresholds, thresholds if isinstance(thresholds, dict) else (), where="thresholds")
    for role, needed in thresholds.items():
        if type(needed) is not int:
            raise ValueError(f"threshold of role {role!r} must be an integer, got {needed!r:.40}")
    return Trust(
        keys=tuple(_parse_key(entry, f"keys[{i}]", version) for i, entry in enumerate(keys)),
        thresholds=tuple(sorted(thresholds.items())),
        revocation=_parse_revocation(document["revocation"], version),
        source=where,
    )


_KEY_FIELDS: Final = ("id", "key", "name", "roles", "not_before", "not_after", "issue_until")
_REVOCATION_FIELDS: Final = ("path", "max_age_s", "role", "signers", "issued_from")


def _parse_key(raw: object, where: str, version: int) -> TrustedKey:
    fields = expect_fields(raw, _KEY_FIELDS if version > 1 else _KEY_FIELDS[:-1], where=where)
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
        issue_until=_optional_text(fields.get("issue_until"), f"{where}.issue_until"),
    )
    if fields["id"] != trusted.id:
        raise ValueError(f"{where}.id is not the SHA-256 of the key: got {fields['id']!r:.80}, expected {trusted.id}")
    return trusted


def _parse_revocation(raw: object, version: int) -> RevocationSource | None:
    if raw is None:
        return None
    fields = expect_fields(raw, _REVOCATION_FIELDS if version > 1 else _REVOCATION_FIELDS[:2], where="revocation")
    for name in ("max_age_s", "signers"):
        number = fields.get(name, 1)
        if type(number) is not int or number < 1:
            raise ValueError(f"revocation.{name} must be a positive integer, got {number!r:.40}")
    return RevocationSource(
        path=expect_text(fields["path"], where="revocation.path"),
        max_age_s=fields["max_age_s"],
        role=_optional_text(fields.get("role"), "revocation.role"),
        signers=fields.get("signers", 1),
        issued_from=_optional_text(fields.get("issued_from"), "revocation.issued_from"),
    )


def _optional_text(value: object, where: str) -> str | None:
    return None if value is None else expect_text(value, where=where)
