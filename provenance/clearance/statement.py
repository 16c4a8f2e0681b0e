"""What a clearance says: an in-toto Statement v1 whose one subject is the Merkle root of the shard manifest (FORMATS, clearance).

The statement's bytes are RFC 8785 canonical JSON, so one clearance has one form, and ``parse_statement(statement_bytes(c)) == c``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from typing import Any, Final

from provenance.canonical import canonical_bytes, digest_bytes
from provenance.clearance.strict_json import expect_fields, expect_text, load_strict, parse_time
from provenance.errors import EnvelopeFormatError, WireFormatError
from provenance.fingerprint.digest import is_digest
from provenance.model.verdict import VerdictKind
from provenance.model.wire import read_value, to_wire

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "https://provenance-audit.dev/clearance/v1"
RELEASED_TYPE: Final = "https://provenance-audit.dev/clearance/v2"
"""Version 2 has one field more, ``releases``."""
BOUND_TYPE: Final = "https://provenance-audit.dev/clearance/v3"
"""Version 3 also says what the audit rests on (``rests_on``) and what the gate may do (``gate``). It is what is written; the others are only read."""
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
    """Who let a run start that its audit did not clear, and why. Accepted in version 3 alone; see ``break_glass``."""

    approver: str
    reason: str
    rules: tuple[str, ...] = ()
    """Rules whose open findings it lets pass, sorted; before version 3 none were named."""
    findings: int = 0
    """How many findings it lets pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What the audit behind a clearance rests on, beside what every version names."""

    audit_id: str
    """The audit's id, which the same input gives again; ``Clearance.audit`` is the digest of its record."""
    requested_by: str
    """Who asked for the run, as its run file says."""
    run_file_digest: str | None
    """SHA-256 of the run file's bytes; ``None`` where the audit had no run file."""
    licenses_catalog_digest: str
    scans_digest: str
    """Of the RFC 8785 form of the ids of the scans that were judged, as the audit record lists them."""
    findings_digest: str
    """Of the RFC 8785 form of the audit record's findings."""
    waiver_digests: tuple[str, ...]
    """Of the RFC 8785 form of each waiver that the verdict rests on, sorted."""

    def __post_init__(self) -> None:
        """Refuse what no audit can have said.

        Raises:
            ValueError: With the field at fault.
        """
        for name in ("audit_id", "run_file_digest", "licenses_catalog_digest", "scans_digest", "findings_digest"):
            _check_digest(getattr(self, name), f"rests_on.{name}", optional=name == "run_file_digest")
        _check_sorted(self.waiver_digests, "rests_on.waiver_digests")
        for digest in self.waiver_digests:
            _check_digest(digest, "rests_on.waiver_digests")
        expect_text(self.requested_by, where="rests_on.requested_by")


@dataclass(frozen=True, slots=True, kw_only=True)
class GateLeave:
    """What a clearance lets the gate do beside hashing every byte before the start. Nothing where it does not say so."""

    digest_cache: bool = False
    """Take a digest that was computed before for a file whose inode, size and times are as they were then, where the user asks for it."""
    ranks_verify: bool = False
    """Leave the hashing to the ranks, where the user declares a hook."""


NO_LEAVE: Final = GateLeave()
"""The launcher hashes every byte."""


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
    rests_on: Basis | None = None
    """``None`` in versions 1 and 2, which did not tell."""
    gate: GateLeave = NO_LEAVE

    @property
    def version(self) -> int:
        """The predicate's version that the clearance is written in."""
        if self.rests_on is not None:
            return 3
        return 2 if self.releases else 1

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
        _check_version(self)


BOUND_FIELDS: Final = tuple(f.name for f in fields(Clearance) if f.name != "manifest_root")
RELEASED_FIELDS: Final = tuple(name for name in BOUND_FIELDS if name not in {"rests_on", "gate"})
PREDICATE_FIELDS: Final = tuple(name for name in RELEASED_FIELDS if name != "releases")
_FIELDS_OF: Final = {PREDICATE_TYPE: PREDICATE_FIELDS, RELEASED_TYPE: RELEASED_FIELDS, BOUND_TYPE: BOUND_FIELDS}
_TYPE_OF: Final = {1: PREDICATE_TYPE, 2: RELEASED_TYPE, 3: BOUND_TYPE}
_TOLD_OF_BREAK_GLASS: Final = ("approver", "reason")
"""What versions 1 and 2 say of it."""
_ANY_VERSION: Final = re.compile(r"https://provenance-audit\.dev/clearance/v([1-9][0-9]{0,5})")
MAX_RELEASES: Final = 8


def statement_bytes(clearance: Clearance) -> bytes:
    """Return the canonical bytes of the in-toto statement, which is what gets signed."""
    wire, kind = to_wire(clearance), _TYPE_OF[clearance.version]
    if kind != BOUND_TYPE and clearance.break_glass is not None:
        wire["break_glass"] = {name: wire["break_glass"][name] for name in _TOLD_OF_BREAK_GLASS}
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
    _check_type(kind)
    root = _parse_subject(statement["subject"])
    predicate = expect_fields(statement["predicate"], _FIELDS_OF[kind], where="the predicate")
    if kind == BOUND_TYPE:
        _check_bound(predicate)
    try:
        return read_value(Clearance, {**predicate, "manifest_root": root}, where="predicate")
    except WireFormatError as err:
        raise ValueError(str(err)) from err


def _check_type(kind: object) -> None:
    if isinstance(kind, str) and kind in _FIELDS_OF:
        return
    later = _ANY_VERSION.fullmatch(kind) if isinstance(kind, str) else None
    if later is not None:
        raise ValueError(f"it is of version {later[1]}, and this program reads up to version {max(_TYPE_OF)}: update provenance-audit")
    raise ValueError(f"predicateType is {kind!r:.80}, expected {BOUND_TYPE}")


def _check_bound(predicate: dict[str, Any]) -> None:
    """Refuse parts of a version 3 that lack what a value could be read without."""
    expect_fields(predicate["rests_on"], tuple(f.name for f in fields(Basis)), where="rests_on")
    expect_fields(predicate["gate"], tuple(f.name for f in fields(GateLeave)), where="gate")
    if predicate["break_glass"] is not None:
        expect_fields(predicate["break_glass"], tuple(f.name for f in fields(BreakGlass)), where="break_glass")


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


def _check_version(clearance: Clearance) -> None:
    """Refuse what the version cannot say, or must."""
    said = clearance.break_glass
    if clearance.rests_on is None:
        if clearance.gate != NO_LEAVE or (said is not None and (said.rules or said.findings)):
            raise ValueError("gate, and the findings of break_glass, go with rests_on")
        return
    for name in ("policy_digests", "index_digests"):
        _check_sorted(getattr(clearance, name), name)
    if said is not None:
        _check_sorted(said.rules, "break_glass.rules")
        if not said.rules or said.findings < len(said.rules):
            raise ValueError("break_glass must name the rules whose findings it lets pass, and count each finding")


def _check_sorted(values: tuple[str, ...], name: str) -> None:
    if list(values) != sorted(set(values)):
        raise ValueError(f"{name} must be sorted, each once")


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
        pairs += [("break_glass.rules", rule) for rule in clearance.break_glass.rules]
    return pairs
