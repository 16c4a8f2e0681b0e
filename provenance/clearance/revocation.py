"""Revocation lists: keys and clearances that no longer count. A list that is missing or too old is a refusal, never a pass.

Its path stands in the trust file, which also says who must sign it. Without that, version 1, the list is protected as the trust file is: by who may write it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from provenance.canonical import canonical_bytes
from provenance.clearance.strict_json import expect_fields, expect_list, expect_text, load_strict, parse_time
from provenance.clearance.trust import RevocationSource
from provenance.errors import TrustFileError
from provenance.fingerprint.digest import is_digest

REVOCATION_FORMAT: Final = "provenance.revocations"
REVOCATION_VERSION: Final = 1
MAX_REVOCATION_BYTES: Final = 16 << 20
CLOCK_SKEW: Final = timedelta(seconds=300)
"""How far the clocks of signer and verifier may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """One key or clearance that no longer counts."""

    id: str
    """Key id (64 hex digits), or ``statement_digest`` of a clearance."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """All that is revoked, as of a time."""

    issued: str
    keys: tuple[Revocation, ...] = ()
    clearances: tuple[Revocation, ...] = ()

    def __post_init__(self) -> None:
        """Refuse entries that could never apply.

        Raises:
            ValueError: With the entry at fault.
        """
        parse_time(self.issued, where="issued")
        for entry in self.keys:
            if not is_digest(f"sha256:{entry.id}"):
                raise ValueError(f"revoked key must be named by 64 hex digits, got {entry.id!r:.80}")
        for entry in self.clearances:
            if not is_digest(entry.id):
                raise ValueError(f"revoked clearance must be named by sha256:<64 hex digits>, got {entry.id!r:.80}")

    def key(self, wanted: str) -> Revocation | None:
        """Return the revocation of a key, if there is one."""
        return next((r for r in self.keys if r.id == wanted), None)

    def clearance(self, wanted: str) -> Revocation | None:
        """Return the revocation of a clearance, if there is one."""
        return next((r for r in self.clearances if r.id == wanted), None)


def parse_revocations(raw: bytes, *, where: str = "revocation list", version: int = REVOCATION_VERSION) -> RevocationList:
    """Return the revocation list that a document holds.

    Args:
        raw: The document: the file of an unsigned list, the payload of a signed one.
        where: What it is called where it is refused.
        version: The one version that is accepted: 1 unsigned, 2 signed.

    Raises:
        TrustFileError: With the reason, if the document is malformed.
    """
    try:
        return _parse(load_strict(raw, max_bytes=MAX_REVOCATION_BYTES), version)
    except ValueError as err:
        raise TrustFileError(f"{where}: {err}") from err


def revocation_bytes(revocations: RevocationList, *, version: int = REVOCATION_VERSION) -> bytes:
    """Return the file form of an unsigned revocation list, or the payload of a signed one: canonical JSON and a newline."""
    wire = {
        "format": REVOCATION_FORMAT,
        "version": version,
        "issued": revocations.issued,
        "keys": [{"id": r.id, "reason": r.reason} for r in revocations.keys],
        "clearances": [{"id": r.id, "reason": r.reason} for r in revocations.clearances],
    }
    return canonical_bytes(wire) + b"\n"


def stale_reason(revocations: RevocationList | None, source: RevocationSource | None, now: str) -> str | None:
    """Return why a revocation list cannot be relied on now, or ``None`` if it can, or none is asked for.

    Args:
        revocations: The list at hand.
        source: What the trust file asks for.
        now: The verifier's time.
    """
    if source is None:
        return None
    if revocations is None:
        return "the trust file asks for a revocation list and there is none"
    age = parse_time(now, where="now") - parse_time(revocations.issued, where="issued")
    if age < -CLOCK_SKEW:
        return f"the revocation list of {revocations.issued} lies in the future of this machine's clock, {now}"
    if age > timedelta(seconds=source.max_age_s) + CLOCK_SKEW:
        return f"the revocation list of {revocations.issued} is older than {source.max_age_s} s"
    return None


def _parse(raw: Any, version: int) -> RevocationList:
    document = expect_fields(raw, ("format", "version", "issued", "keys", "clearances"), where="the document")
    if document["format"] != REVOCATION_FORMAT or type(document["version"]) is not int or document["version"] != version:
        raise ValueError(f"expected format {REVOCATION_FORMAT!r} version {version}")
    return RevocationList(
        issued=expect_text(document["issued"], where="issued"),
        keys=_parse_entries(document["keys"], "keys"),
        clearances=_parse_entries(document["clearances"], "clearances"),
    )


def _parse_entries(raw: object, where: str) -> tuple[Revocation, ...]:
    entries = []
    for i, item in enumerate(expect_list(raw, where=where)):
        fields = expect_fields(item, ("id", "reason"), where=f"{where}[{i}]")
        entries.append(
            Revocation(id=expect_text(fields["id"], where=f"{where}[{i}].id"), reason=expect_text(fields["reason"], where=f"{where}[{i}].reason"))
        )
    return tuple(entries)
