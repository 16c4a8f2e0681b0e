"""What a clearance says: an in-toto Statement v1 whose one subject is the Merkle root of the shard manifest (FORMATS, clearance).

The statement's bytes are RFC 8785 canonical JSON, so one clearance has one form, and ``parse_statement(statement_bytes(c)) == c``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from provenance.canonical import canonical_bytes, digest_bytes
from provenance.clearance.strict_json import expect_fields, expect_text, load_strict, parse_time
from provenance.errors import EnvelopeFormatError, WireFormatError
from provenance.fingerprint.digest import is_digest
from provenance.model.finding import VerdictKind
from provenance.model.wire import read_value, to_wire

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://provenance-audit.dev/clearance/v1"
RELEASED_TYPE: Final = "https://provenance-audit.dev/clearance/v2"
"""Version 2 has one field more, ``releases``; a clearance without any is written as version 1, which verifiers of every release read."""
SUBJECT_NAME: Final = "shard-manifest"
MAX_STATEMENT_BYTES: Final = 1 << 19
"""A clearance names digests, not files: 0.5 MiB is 300 times what a typical one takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who issued a clearance, and in which role."""

    name: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakGlass:
    """Who let a run start that its audit did not clear, and why. Verifiers of version 1 accept none."""

    approver: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearance:
    """A verdict that held for exactly these shards, this run and this policy at this time."""

    manifest_root: str
    """Merkle root of the shard manifest, ``sha256:<hex>``."""
    audit: str
    """Digest of the audit record."""
    run_digest: str
    policy_digests: tuple[str, ...]
    """Digests of the bundles' bytes, sorted; at least one."""
    terms_catalog_digest: str
    index_digests: tuple[str, ...]
    """Digests of the reference sets that the data were compared with."""
    verdict: VerdictKind
    conditions: tuple[str, ...]
    """Obligations that the run accepted."""
    issued: str
    not_before: str
    expires: str
    issuer: Issuer
    released_by: str | None = None
    """Name of the reviewer who released a REVIEW verdict: the same reviewer's key must sign, the clearance or one of its releases."""
    break_glass: BreakGlass | None = None
    replaces: str | None = None
    """``statement_digest`` of an earlier clearance."""
    releases: tuple[str, ...] = ()
    """Envelopes of the reviewers' signed releases of the audit, as text."""

    def __post_init__(self) -> None:
        """Refuse what no audit can have said.

        Raises:
            ValueError: With the field at fault.
        """
        for name in ("manifest_root", "audit", "run_digest", "terms_catalog_digest", "replaces"):
            _check_digest(getattr(self, name), name, optional=name == "replaces")
        for name in ("policy_digests", "index_digests"):
            for digest in getattr(self, name):
                _check_digest(digest, name)
        if not self.policy_digests:
            raise ValueError("policy_digests is empty: without a policy nothing was judged")
        for name, text in _names(self):
            expect_text(text, where=name)
        if len(self.releases) > MAX_RELEASES or (self.releases and self.released_by is None):
            raise ValueError(f"releases must be at most {MAX_RELEASES}, and go with released_by")
        issued, start, end = (parse_time(getattr(self, n), where=n) for n in ("issued", "not_before", "expires"))
        if not (start < end and issued < end):
            raise ValueError(f"expires {self.expires} is not after not_before {self.not_before} and issued {self.issued}")


PREDICATE_FIELDS: Final = tuple(f.name for f in fields(Clearance) if f.name not in {"manifest_root", "releases"})
RELEASED_FIELDS: Final = (*PREDICATE_FIELDS, "releases")
_FIELDS_OF: Final = {PREDICATE_TYPE: PREDICATE_FIELDS, RELEASED_TYPE: RELEASED_FIELDS}
MAX_RELEASES: Final = 8


def statement_bytes(clearance: Clearance) -> bytes:
    """Return the canonical bytes of the in-toto statement, which is what gets signed."""
    wire, kind = to_wire(clearance), RELEASED_TYPE if clearance.releases else PREDICATE_TYPE
    return canonical_bytes(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": SUBJECT_NAME, "digest": {"sha256": clearance.manifest_root.removeprefix("sha256:")}}],
            "predicateType": kind,
            "predicate": {name: wire[name] for name in _FIELDS_OF[kind]},
        }
    )


def statement_digest(payload: bytes) -> str:
    """Return the digest by which revocation lists and ``replaces`` name a clearance: of the statement's bytes, without signatures."""
    return digest_bytes(payload)


def parse_statement(payload: bytes) -> Clearance:
    """Return the clearance that a statement's bytes hold.

    Raises:
        EnvelopeFormatError: If anything is missing, unknown, repeated, of another type, of another predicate version, or not in canonical form.
    """
    try:
        clearance = _parse(load_strict(payload, max_bytes=MAX_STATEMENT_BYTES))
        exact = statement_bytes(clearance) == payload
    except ValueError as err:  # WireFormatError is one too
        raise EnvelopeFormatError(f"clearance statement: {err}") from err
    if not exact:
        raise EnvelopeFormatError("clearance statement: it is not in canonical form (RFC 8785)")
    return clearance


def _parse(raw: Any) -> Clearance:
    statement = expect_fields(raw, ("_type", "subject", "predicateType", "predicate"), where="the statement")
    if statement["_type"] != STATEMENT_TYPE:
        raise ValueError(f"_type is {statement['_type']!r:.80}, expected {STATEMENT_TYPE}")
    kind = statement["predicateType"]
    if not isinstance(kind, str) or kind not in _FIELDS_OF:
        raise ValueError(f"predicateType is {kind!r:.80}, expected {PREDICATE_TYPE} or {RELEASED_TYPE}")
    root = _parse_subject(statement["subject"])
    predicate = expect_fields(statement["predicate"], _FIELDS_OF[kind], where="the predicate")
    try:
        return read_value(Clearance, {**predicate, "manifest_root": root}, where="predicate")
    except WireFormatError as err:
        raise ValueError(str(err)) from err


def _parse_subject(raw: object) -> str:
    if not isinstance(raw, list) or len(raw) != 1:
        raise ValueError("subject must be a list of exactly one entry")
    subject = expect_fields(raw[0], ("name", "digest"), where="the subject")
    if subject["name"] != SUBJECT_NAME:
        raise ValueError(f"the subject is {subject['name']!r:.80}, expected {SUBJECT_NAME!r}")
    digest = expect_fields(subject["digest"], ("sha256",), where="the subject's digest")["sha256"]
    if not isinstance(digest, str) or not is_digest(f"sha256:{digest}"):
        raise ValueError(f"the subject's digest must be 64 hex digits, got {digest!r:.80}")
    return f"sha256:{digest}"


def _check_digest(value: str | None, name: str, *, optional: bool = False) -> None:
    if value is None and optional:
        return
    if value is None or not is_digest(value):
        raise ValueError(f"{name} must be sha256:<64 hex digits>, got {value!r:.80}")


def _names(clearance: Clearance) -> list[tuple[str, str]]:
    pairs = [("issuer.name", clearance.issuer.name), ("issuer.role", clearance.issuer.role)]
    pairs += [("conditions", text) for text in clearance.conditions] + [("releases", text) for text in clearance.releases]
    if clearance.released_by is not None:
        pairs.append(("released_by", clearance.released_by))
    if clearance.break_glass is not None:
        pairs += [("break_glass.approver", clearance.break_glass.approver), ("break_glass.reason", clearance.break_glass.reason)]
    return pairs
