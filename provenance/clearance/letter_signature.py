"""The signature of a customer letter: an in-toto Statement v1 about its files, in the envelope of clearances. A customer checks it with the trust file alone.

It names each file of the letter by digest, the audit and clearance that the letter tells of, who signed, as what, and when. One person signs: the thresholds of a
trust file are for clearances, which start runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from provenance.canonical import canonical_bytes
from provenance.clearance import ed25519
from provenance.clearance.envelope import Envelope, EnvelopeSignature, envelope_bytes, parse_envelope, pre_authentication_encoding
from provenance.clearance.keys import Signer
from provenance.clearance.revocation import CLOCK_SKEW, RevocationList, stale_reason
from provenance.clearance.statement import STATEMENT_TYPE
from provenance.clearance.strict_json import expect_fields, expect_list, expect_text, load_strict, parse_time
from provenance.clearance.trust import ISSUER_ROLE, Trust, TrustedKey, key_id
from provenance.errors import EnvelopeFormatError, RevokedClearanceError, SignatureError, SubjectMismatchError, UntrustedKeyError, WireFormatError
from provenance.fingerprint.digest import is_digest
from provenance.model.wire import read_value, to_wire

LETTER_TYPE: Final = "https://provenance-audit.dev/letter/v1"
SIGNATURE_FILE: Final = "letter.dsse.json"
MAX_LETTER_STATEMENT_BYTES: Final = 1 << 16
MAX_FILES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedFile:
    """A file that the signature covers."""

    name: str
    digest: str
    """``sha256:<hex>`` of its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterSignature:
    """What the signer of a letter vouches for."""

    files: tuple[SignedFile, ...]
    """The letter's files, sorted by name."""
    audit: str
    """Id of the audit that it tells of."""
    clearance: str
    """``statement_digest`` of the clearance that it tells of, empty where it tells of none."""
    to: str
    model: str
    signer: str
    """Whose key it is, as the trust file names it."""
    role: str
    signed: str
    """RFC 3339 UTC."""

    def __post_init__(self) -> None:
        """Refuse what nobody can have signed.

        Raises:
            ValueError: With the field at fault.
        """
        for name in ("to", "model", "signer", "role"):
            expect_text(getattr(self, name), where=name)
        if not is_digest(self.audit) or (self.clearance and not is_digest(self.clearance)):
            raise ValueError("audit and clearance must be sha256:<64 hex digits>")
        parse_time(self.signed, where="signed")
        names = [file.name for file in self.files]
        if not 1 <= len(names) <= MAX_FILES or names != sorted(set(names)) or not all(is_digest(file.digest) for file in self.files):
            raise ValueError(f"1 to {MAX_FILES} files must be named with their digests, sorted, each once")


def sign_letter(signature: LetterSignature, signer: Signer) -> bytes:
    """Return the envelope of a letter's signature."""
    payload = letter_statement(signature)
    made = EnvelopeSignature(key_id=key_id(signer.public_key), signature=signer.sign(pre_authentication_encoding(payload)))
    return envelope_bytes(Envelope(payload=payload, signatures=(made,)))


def letter_statement(signature: LetterSignature) -> bytes:
    """Return the canonical bytes of the statement that is signed."""
    wire = to_wire(signature)
    return canonical_bytes(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": f.name, "digest": {"sha256": f.digest.removeprefix("sha256:")}} for f in signature.files],
            "predicateType": LETTER_TYPE,
            "predicate": {name: wire[name] for name in _PREDICATE},
        }
    )


_PREDICATE: Final = tuple(f.name for f in fields(LetterSignature) if f.name != "files")


def parse_letter_signature(raw: bytes) -> tuple[LetterSignature, Envelope]:
    """Return what an envelope says. Nothing is verified.

    Raises:
        EnvelopeFormatError: If it is not exactly the signature of a letter.
    """
    try:
        envelope = parse_envelope(raw, what="envelope", writer="provenance report letter")
        signature = _parse(load_strict(envelope.payload, max_bytes=MAX_LETTER_STATEMENT_BYTES))
        exact = letter_statement(signature) == envelope.payload and len(envelope.signatures) == 1
    except (ValueError, EnvelopeFormatError) as err:  # WireFormatError is a ValueError too
        raise EnvelopeFormatError(f"letter signature: {err}", hint="use the file as it was sent, or ask for the letter again") from err
    if not exact:
        raise EnvelopeFormatError("letter signature: it is not in canonical form (RFC 8785) with one signature")
    return signature, envelope


def _parse(raw: Any) -> LetterSignature:
    statement = expect_fields(raw, ("_type", "subject", "predicateType", "predicate"), where="the statement")
    if (statement["_type"], statement["predicateType"]) != (STATEMENT_TYPE, LETTER_TYPE):
        raise ValueError(f"predicateType is {statement['predicateType']!r:.80}, expected {LETTER_TYPE}")
    files = []
    for i, item in enumerate(expect_list(statement["subject"], where="subject")):
        named = expect_fields(item, ("name", "digest"), where=f"subject[{i}]")
        digest = expect_fields(named["digest"], ("sha256",), where=f"subject[{i}].digest")["sha256"]
        files.append({"name": expect_text(named["name"], where=f"subject[{i}].name"), "digest": f"sha256:{digest}"})
    predicate = expect_fields(statement["predicate"], _PREDICATE, where="the predicate")
    try:
        return read_value(LetterSignature, {**predicate, "files": files}, where="predicate")
    except WireFormatError as err:
        raise ValueError(str(err)) from err


def verify_letter_signature(
    raw: bytes, trust: Trust, now: str, *, files: Mapping[str, str], revocations: RevocationList | None = None
) -> tuple[LetterSignature, TrustedKey]:
    """Return what was signed and the key that signed, if the signature holds at this time for these files.

    Args:
        raw: The envelope.
        trust: Whom to believe.
        now: The verifier's time, RFC 3339 UTC.
        files: ``sha256:<hex>`` by name of all files of the letter as they are now.
        revocations: The list that ``trust.revocation`` asks for.

    Raises:
        EnvelopeFormatError: If it is malformed.
        SignatureError: If the signature does not verify.
        UntrustedKeyError: If the key is unknown, is not the named signer's, may not issue, or is outside its window.
        RevokedClearanceError: If the key, or the clearance that the letter tells of, is revoked, or the revocation list is missing or stale.
        SubjectMismatchError: If a file is another one than was signed.
    """
    signature, envelope = parse_letter_signature(raw)
    made = envelope.signatures[0]
    key = trust.key(made.key_id)
    if key is None:
        raise UntrustedKeyError(
            f"the letter is signed by key {made.key_id[:16]}…, which is not in the trust file",
            hint="ask the sender for the trust file, and compare its keys",
        )
    if not ed25519.verify(key.key, pre_authentication_encoding(envelope.payload), made.signature):
        raise SignatureError(
            f"the signature of {key.name!r} under the letter does not verify", hint="it was changed after signing: ask for the letter again"
        )
    _check_signer(signature, key, now)
    check_not_revoked(key, trust, revocations, now, clearance=signature.clearance)
    signed = {file.name: file.digest for file in signature.files}
    differing = sorted(name for name in signed.keys() | files.keys() if signed.get(name) != files.get(name))
    if differing:
        raise SubjectMismatchError(
            f"{', '.join(differing)}: not what {key.name!r} signed: missing, added or changed since", hint="ask the sender for the letter again"
        )
    return signature, key


def _check_signer(signature: LetterSignature, key: TrustedKey, now: str) -> None:
    if key.name != signature.signer or signature.role != ISSUER_ROLE or ISSUER_ROLE not in key.roles:
        raise UntrustedKeyError(f"{signature.signer!r} did not sign the letter in the role {ISSUER_ROLE!r}")
    signed, moment = parse_time(signature.signed, where="signed"), parse_time(now, where="now")
    fault = key.window_fault(signed, moment, skew=CLOCK_SKEW)
    if fault is not None:
        raise UntrustedKeyError(fault, hint="ask the sender for a letter that is signed with a key that counts now")
    if signed > moment + CLOCK_SKEW:
        raise UntrustedKeyError(
            f"the letter was signed at {signature.signed}, in the future of this machine's clock, {now}", hint="set the clock right"
        )


def check_not_revoked(key: TrustedKey, trust: Trust, revocations: RevocationList | None, now: str, *, clearance: str = "") -> None:
    """Expect that the list a trust asks for can be relied on now, and revokes neither a key nor a clearance.

    Raises:
        RevokedClearanceError: If it is missing or stale, or revokes one of them.
    """
    stale = stale_reason(revocations, trust.revocation, now)
    if stale is not None:
        raise RevokedClearanceError(
            f"whether the key of {key.name!r} was revoked is not known: {stale}",
            hint="get the newest list: provenance keys refresh, and copy it beside the trust file",
        )
    if revocations is None:
        return
    lost = revocations.key(key.id)
    if lost is not None:
        raise RevokedClearanceError(f"the key of {key.name!r} was revoked: {lost.reason}", hint="nothing that it signed counts: ask for a new letter")
    gone = revocations.clearance(clearance) if clearance else None
    if gone is not None:
        raise RevokedClearanceError(f"the clearance that the letter tells of was revoked: {gone.reason}", hint="the letter counts no more")
