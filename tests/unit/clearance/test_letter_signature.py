"""The signature of a letter: it holds for exactly the files, signer and time that it names, and only while nothing of it is revoked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provenance.clearance.envelope import Envelope, EnvelopeSignature, envelope_bytes, parse_envelope, pre_authentication_encoding
from provenance.clearance.keys import SigningKey, key_from_seed
from provenance.clearance.letter_signature import (
    LetterSignature,
    SignedFile,
    letter_statement,
    parse_letter_signature,
    sign_letter,
    verify_letter_signature,
)
from provenance.clearance.revocation import Revocation, RevocationList
from provenance.clearance.trust import RevocationSource, Trust
from provenance.errors import (
    ClearanceError,
    EnvelopeFormatError,
    RevokedClearanceError,
    SignatureError,
    SubjectMismatchError,
    UntrustedKeyError,
)

ADA, EVE = key_from_seed(bytes(32)), key_from_seed(bytes([1]) * 32)
NOW = "2026-12-01T08:00:00Z"
FILES = {"letter.html": "sha256:" + "1" * 64, "letter.json": "sha256:" + "2" * 64}
SIGNED = LetterSignature(
    files=tuple(SignedFile(name=n, digest=d) for n, d in FILES.items()),
    audit="sha256:" + "a" * 64,
    clearance="sha256:" + "c" * 64,
    to="Customer AG",
    model="m",
    signer="Ada",
    role="issuer",
    signed="2026-11-30T08:00:00Z",
)
FRESH = RevocationList(issued="2026-11-30T00:00:00Z")
SCHEMA = Path(__file__).parents[3] / "docs" / "formats" / "letter-signature.schema.json"


def trust(*, roles: tuple[str, ...] = ("issuer",), until: str = "2027-01-01T00:00:00Z", key: SigningKey = ADA) -> Trust:
    keys = [key.trusted(name="Ada", roles=roles, not_before="2026-01-01T00:00:00Z", not_after=until)]
    if "issuer" not in roles:
        keys.append(EVE.trusted(name="Eve", roles=("issuer",), not_before="2026-01-01T00:00:00Z", not_after=until))
    return Trust(keys=tuple(keys), thresholds=(("issuer", 1),), revocation=RevocationSource(path="revoked.json", max_age_s=30 * 86400))


def verify(
    raw: bytes, by: Trust | None = None, now: str = NOW, files: dict[str, str] | None = None, revocations: RevocationList | None = FRESH
) -> None:
    verify_letter_signature(raw, by or trust(), now, files=FILES if files is None else files, revocations=revocations)


def test_it_holds_and_says_who_signed_what() -> None:
    found, key = verify_letter_signature(sign_letter(SIGNED, ADA), trust(), NOW, files=FILES, revocations=FRESH)
    assert (found, key.name) == (SIGNED, "Ada")
    assert parse_letter_signature(sign_letter(SIGNED, ADA))[0] == SIGNED


def test_the_payload_is_as_its_schema_says() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    wire = json.loads(letter_statement(SIGNED))
    validator.validate(wire)
    assert not validator.is_valid(wire | {"predicateType": "https://provenance-audit.dev/clearance/v3"})
    assert not validator.is_valid(wire | {"predicate": {k: v for k, v in wire["predicate"].items() if k != "signed"}})


@pytest.mark.parametrize(
    "files", [{}, {"letter.html": FILES["letter.html"]}, FILES | {"x": FILES["letter.html"]}, FILES | {"letter.json": FILES["letter.html"]}]
)
def test_other_files_than_were_signed_are_refused(files: dict[str, str]) -> None:
    with pytest.raises(SubjectMismatchError):
        verify(sign_letter(SIGNED, ADA), files=files)


def test_a_stranger_a_name_that_is_another_s_and_a_role_that_may_not_are_refused() -> None:
    with pytest.raises(UntrustedKeyError, match="not in the trust file"):
        verify(sign_letter(SIGNED, EVE))
    for changed in (replace(SIGNED, signer="Eve"), replace(SIGNED, role="reviewer")):
        with pytest.raises(UntrustedKeyError, match="did not sign"):
            verify(sign_letter(changed, ADA))
    with pytest.raises(UntrustedKeyError, match="did not sign"):
        verify(sign_letter(SIGNED, ADA), trust(roles=("reviewer",)))


def test_times_outside_the_key_s_window_and_in_the_future_are_refused() -> None:
    with pytest.raises(UntrustedKeyError, match="valid from"):
        verify(sign_letter(SIGNED, ADA), trust(until="2026-11-30T12:00:00Z"))
    with pytest.raises(UntrustedKeyError, match="future"):
        verify(sign_letter(replace(SIGNED, signed="2026-12-01T09:00:00Z"), ADA))


def test_what_is_revoked_or_not_known_is_refused() -> None:
    raw = sign_letter(SIGNED, ADA)
    for revocations, said in (
        (replace(FRESH, keys=(Revocation(id=ADA.key_id, reason="lost"),)), "was revoked: lost"),
        (replace(FRESH, clearances=(Revocation(id=SIGNED.clearance, reason="wrong"),)), "clearance that the letter tells of was revoked: wrong"),
        (replace(FRESH, issued="2026-10-01T00:00:00Z"), "not known: .* older than"),
        (None, "not known: .* there is none"),
    ):
        with pytest.raises(RevokedClearanceError, match=said):
            verify(raw, revocations=revocations)


def test_every_changed_byte_is_refused() -> None:
    raw = sign_letter(SIGNED, ADA)
    verify(raw)
    for at in range(0, len(raw), 7):
        with pytest.raises(ClearanceError):
            verify(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
    with pytest.raises(EnvelopeFormatError):
        verify(raw[:-1])


def test_a_changed_payload_under_the_old_signature_and_two_signatures_are_refused() -> None:
    envelope = parse_envelope(sign_letter(SIGNED, ADA))
    with pytest.raises(SignatureError):
        verify(envelope_bytes(replace(envelope, payload=letter_statement(replace(SIGNED, to="Somebody else")))))
    other = EnvelopeSignature(key_id=EVE.key_id, signature=EVE.sign(pre_authentication_encoding(envelope.payload)))
    with pytest.raises(EnvelopeFormatError, match="one signature"):
        verify(envelope_bytes(Envelope(payload=envelope.payload, signatures=(*envelope.signatures, other))))


@pytest.mark.parametrize("field", ["to", "model", "signer", "role", "signed", "audit", "clearance", "files"])
def test_values_that_nobody_can_have_signed_are_refused(field: str) -> None:
    bad: Any = () if field == "files" else "nonsense\x00" if field in {"audit", "clearance", "signed"} else ""
    with pytest.raises(ValueError, match=r"\w"):
        replace(SIGNED, **{field: bad})
