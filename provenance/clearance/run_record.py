"""Run records: their one form, signed by a recorder's key or not, read and verified strictly.

A signed record is an envelope of the profile of clearances around an in-toto Statement v1: predicate type ``https://provenance-audit.dev/run-record/v1``, the one subject
``shard-manifest``. One that nobody signed is the record's canonical JSON and a newline. Both list every shard, and the Merkle root of what they list must be the manifest root.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from provenance.canonical import MAX_SAFE_INTEGER, canonical_bytes, digest_bytes
from provenance.clearance import ed25519
from provenance.clearance.envelope import Envelope, EnvelopeSignature, envelope_bytes, parse_envelope, pre_authentication_encoding
from provenance.clearance.keys import Signer
from provenance.clearance.revocation import CLOCK_SKEW, RevocationList, stale_reason
from provenance.clearance.statement import STATEMENT_TYPE, SUBJECT_NAME
from provenance.clearance.strict_json import expect_fields, expect_text, load_strict, parse_time, printable
from provenance.clearance.trust import ISSUER_ROLE, Trust, TrustedKey, key_id
from provenance.errors import (
    EnvelopeFormatError,
    ManifestError,
    RevokedClearanceError,
    SignatureError,
    UntrustedKeyError,
    WireFormatError,
)
from provenance.fingerprint.digest import ShardLeaf, is_digest, merkle_root
from provenance.model.absence import Absence
from provenance.model.training import RUN_RECORD_FORMAT, RUN_RECORD_VERSION, RunRecord, ShardReads
from provenance.model.wire import read_value, to_wire

RUN_RECORD_TYPE: Final = "https://provenance-audit.dev/run-record/v1"
RECORDER_ROLE: Final = "recorder"
"""Run records are signed by keys of this role. They lie on machines that train, so they may hold no role that lets a run start."""
RELEASING_ROLES: Final = frozenset({ISSUER_ROLE, "reviewer", "approver"})
MAX_RECORD_BYTES: Final = 64 << 20
"""About 200,000 shards."""
_WHAT: Final = "run record"
_ID: Final = re.compile(r"[0-9a-f]{32}")
EPOCHS: Final = re.compile(r"(0|[1-9][0-9]{0,8})(\.[0-9]{1,6})?")
"""How passes over the data are written."""
_HINT: Final = "use the file as the recorder or `provenance runs seal` wrote it"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRecord:
    """A run record as its file holds it. Nothing is verified yet."""

    record: RunRecord
    envelope: Envelope | None
    """``None`` = nobody signed it."""

    @property
    def content_digest(self) -> str:
        """Digest of the record, signed or not."""
        return digest_bytes(canonical_bytes(to_wire(self.record)))


def record_bytes(record: RunRecord, signer: Signer | None = None) -> bytes:
    """Return a record's file: an envelope where there is a signer, else its canonical JSON and a newline.

    Raises:
        EnvelopeFormatError: If it cannot have been a run, or is too large to be read again.
    """
    try:
        check_record(record)
    except ValueError as err:
        raise EnvelopeFormatError(f"{_WHAT}: {err}") from err
    if signer is None:
        raw = canonical_bytes(to_wire(record)) + b"\n"
    else:
        payload = _statement(record)
        signature = EnvelopeSignature(key_id=key_id(signer.public_key), signature=signer.sign(pre_authentication_encoding(payload)))
        raw = envelope_bytes(Envelope(payload=payload, signatures=(signature,)))
    if len(raw) > MAX_RECORD_BYTES:
        raise EnvelopeFormatError(f"{_WHAT}: {len(record.shards):,} shards make {len(raw):,} bytes, at most {MAX_RECORD_BYTES:,} are read")
    return raw


def parse_record(raw: bytes) -> SealedRecord:
    """Return what a file says. Nothing is verified.

    Raises:
        EnvelopeFormatError: If it is not exactly a run record of this version, signed or not.
    """
    try:
        document = load_strict(raw, max_bytes=MAX_RECORD_BYTES)
        if isinstance(document, dict) and "payload" in document:
            envelope = parse_envelope(raw, max_bytes=MAX_RECORD_BYTES, what=f"{_WHAT}'s envelope", writer="provenance runs seal")
            record = _read_statement(envelope.payload)
            exact = _statement(record) == envelope.payload and len(envelope.signatures) == 1
        else:
            envelope, record = None, _read(document)
            exact = canonical_bytes(to_wire(record)) + b"\n" == raw
    except ValueError as err:  # WireFormatError is one too
        raise EnvelopeFormatError(f"{_WHAT}: {printable(str(err))}", hint=_HINT) from err
    if not exact:
        raise EnvelopeFormatError(f"{_WHAT}: it is not in canonical form (RFC 8785 and one newline) with one signature at most", hint=_HINT)
    return SealedRecord(record=record, envelope=envelope)


def verify_record(sealed: SealedRecord, trust: Trust, now: str, *, revocations: RevocationList | None = None) -> TrustedKey:
    """Return the key that signed a record, if the signature holds at this time.

    Args:
        sealed: The record with its signature.
        trust: Whom to believe.
        now: The verifier's time, RFC 3339 UTC.
        revocations: The list that ``trust.revocation`` asks for.

    Raises:
        SignatureError: If there is no signature, or it does not verify.
        UntrustedKeyError: If the key is unknown, is no recorder's, may let runs start, or is outside its window.
        RevokedClearanceError: If the key is revoked, or the revocation list is missing or stale.
    """
    if sealed.envelope is None:
        raise SignatureError("nobody signed the run record", hint="have it sealed with a recorder's key: provenance runs seal FOLDER --key KEY")
    signature = sealed.envelope.signatures[0]
    key = trust.key(signature.key_id)
    if key is None:
        raise UntrustedKeyError(
            f"the run record is signed by key {signature.key_id[:16]}…, which is not in the trust file", hint="see: provenance keys list"
        )
    if not ed25519.verify(key.key, pre_authentication_encoding(sealed.envelope.payload), signature.signature):
        raise SignatureError(
            f"the signature of {key.name!r} under the run record does not verify", hint="it was changed after signing: fetch it anew"
        )
    check_recorder(key)
    ended, moment = parse_time(sealed.record.ended, where="ended"), parse_time(now, where="now")
    if ended > moment + CLOCK_SKEW:
        raise UntrustedKeyError(f"the run ended at {sealed.record.ended}, which lies in the future of this machine's clock, {now}")
    fault = key.window_fault(ended, moment, skew=CLOCK_SKEW)
    if fault is not None:
        raise UntrustedKeyError(fault)
    stale = stale_reason(revocations, trust.revocation, now)
    if stale is not None:
        raise RevokedClearanceError(stale)
    lost = None if revocations is None else revocations.key(key.id)
    if lost is not None:
        raise RevokedClearanceError(f"the key of {key.name!r} was revoked: {lost.reason}")
    return key


def check_recorder(key: TrustedKey) -> None:
    """Refuse a key that may not sign run records.

    Raises:
        UntrustedKeyError: If it has not the role ``recorder``, or one by which runs are let start: such a key has no place on a machine that trains.
    """
    mixed = sorted(RELEASING_ROLES & set(key.roles))
    if mixed:
        raise UntrustedKeyError(
            f"the key of {key.name!r} has the role {mixed[0]!r} and must not be on machines that train",
            hint=f"make one of its own: provenance keys new NAME --role {RECORDER_ROLE}",
        )
    if RECORDER_ROLE not in key.roles:
        raise UntrustedKeyError(
            f"the key of {key.name!r} has no role {RECORDER_ROLE!r}", hint=f"make one: provenance keys new NAME --role {RECORDER_ROLE}"
        )


def check_record(record: RunRecord) -> None:
    """Refuse what no run can have been.

    Raises:
        ValueError: With the first fault.
    """
    _check_ids(record)
    for name in ("world_size", "processes"):
        _check_count(getattr(record, name), name, least=1)
    _check_count(record.steps, "steps")
    if record.epochs != Absence.UNKNOWN and not EPOCHS.fullmatch(record.epochs):
        raise ValueError(f"epochs must be a decimal number or UNKNOWN, got {record.epochs!r:.60}")
    if isinstance(record.end, Absence) and record.end is not Absence.UNKNOWN:
        raise ValueError(f"end must be how the run ended, or UNKNOWN, got {record.end!r:.60}")
    if not record.hosts:
        raise ValueError("hosts is empty: where no name is told it holds NOT_STATED")
    for name, text in (*(("hosts", h) for h in record.hosts), *(("stops", s.reason) for s in record.stops)):
        expect_text(text, where=name)
    began, ended = parse_time(record.began, where="began"), parse_time(record.ended, where="ended")
    if ended < began:
        raise ValueError(f"it ended at {record.ended}, before it began at {record.began}")
    for stop in record.stops:
        parse_time(stop.at, where="stops.at")
    _check_gaps(record)
    _check_shards(record)


def _check_ids(record: RunRecord) -> None:
    if not _ID.fullmatch(record.id):
        raise ValueError(f"id must be 32 hex digits, got {record.id!r:.60}")
    for name in ("clearance", "audit", "run_digest", "manifest_root"):
        if not is_digest(getattr(record, name)):
            raise ValueError(f"{name} must be sha256:<64 hex digits>, got {getattr(record, name)!r:.80}")


def _check_count(value: int, name: str, *, least: int = 0) -> None:
    if not least <= value <= MAX_SAFE_INTEGER:
        raise ValueError(f"{name} must be a number from {least}, got {value!r:.60}")


def _check_gaps(record: RunRecord) -> None:
    _check_count(record.gaps.torn_lines, "gaps.torn_lines")
    for name in ("missing_ranks", "unended_ranks"):
        ranks = getattr(record.gaps, name)
        if list(ranks) != sorted(set(ranks)) or not all(0 <= rank < record.world_size for rank in ranks):
            raise ValueError(f"gaps.{name} must be ranks below {record.world_size}, ascending, each once")


def _check_shards(record: RunRecord) -> None:
    paths = [s.path for s in record.shards]
    if paths != sorted(set(paths)):
        raise ValueError("shards must be in ascending order of their paths, each once")
    for shard in record.shards:
        _check_shard(shard, record)
    try:
        root = merkle_root(ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in record.shards)
    except ManifestError as err:
        raise ValueError(str(err)) from err
    if root != record.manifest_root:
        raise ValueError(f"the shards listed are not those of manifest {record.manifest_root[:19]}…: their root is {root[:19]}…")


def _check_shard(shard: ShardReads, record: RunRecord) -> None:
    where = f"shard {shard.path!r:.200}"
    _check_count(shard.size_bytes, f"{where}: size_bytes")
    _check_count(shard.bytes_read, f"{where}: bytes_read")
    first, last = shard.first_read, shard.last_read
    if (first is None) != (last is None) or (first is None and shard.bytes_read):
        raise ValueError(f"{where}: bytes, first and last read go together")
    if first is None or last is None:
        return
    one, other = parse_time(first, where=f"{where}: first_read"), parse_time(last, where=f"{where}: last_read")
    if not parse_time(record.began, where="began") <= one <= other <= parse_time(record.ended, where="ended"):
        raise ValueError(f"{where}: read from {first} to {last}, the run went on from {record.began} to {record.ended}")


def _statement(record: RunRecord) -> bytes:
    return canonical_bytes(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": SUBJECT_NAME, "digest": {"sha256": record.manifest_root.removeprefix("sha256:")}}],
            "predicateType": RUN_RECORD_TYPE,
            "predicate": to_wire(record),
        }
    )


def _read_statement(payload: bytes) -> RunRecord:
    statement = expect_fields(
        load_strict(payload, max_bytes=MAX_RECORD_BYTES), ("_type", "subject", "predicateType", "predicate"), where="the statement"
    )
    if (statement["_type"], statement["predicateType"]) != (STATEMENT_TYPE, RUN_RECORD_TYPE):
        raise ValueError(f"predicateType is {statement['predicateType']!r:.80}, expected {RUN_RECORD_TYPE}")
    return _read(statement["predicate"])


def _read(document: Any) -> RunRecord:
    if not isinstance(document, dict) or document.get("format") != RUN_RECORD_FORMAT:
        raise ValueError(f"format is not {RUN_RECORD_FORMAT!r}")
    if type(document.get("version")) is not int or document["version"] != RUN_RECORD_VERSION:
        raise ValueError(f"it is of version {document.get('version')!r:.20}, this program reads version {RUN_RECORD_VERSION}")
    try:
        record = read_value(RunRecord, document, where=_WHAT)
    except WireFormatError as err:
        raise ValueError(str(err)) from err
    check_record(record)
    return record
