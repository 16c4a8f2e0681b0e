"""Signed revocation lists: stale, missing, truncated, older than before, signed by the wrong people."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from provenance.clearance.envelope import Envelope, EnvelopeSignature, envelope_bytes, pre_authentication_encoding
from provenance.clearance.keyring import DEFAULT_MAX_AGE, knows_list, with_list, with_revoked
from provenance.clearance.revocation import Revocation, RevocationList, revocation_bytes, stale_reason
from provenance.clearance.signed_lists import REVOCATIONS_TYPE, load_revocations, sign_revocations, verify_revocations
from provenance.clearance.signing import issue_clearance
from provenance.clearance.trust import RevocationSource, Trust, load_trust, trust_bytes
from provenance.clearance.verification import verify_clearance
from provenance.errors import InputError, RevokedClearanceError, TrustFileError
from tests.fakes.clearances import NOW, rfc_key, sample_clearance, sample_trust

FORMATS = Path(__file__).parents[3] / "docs" / "formats"
ISSUED = "2026-11-24T11:00:00Z"
ROLES = (("issuer",), ("revoker",), ("revoker",))
SOURCE = RevocationSource(path="revoked.json", max_age_s=3600, role="revoker")
LIST = RevocationList(issued=ISSUED, keys=(Revocation(id=rfc_key(0).key_id, reason="laptop lost"),))


@pytest.fixture
def place(tmp_path: Path) -> Callable[..., Trust]:
    """Write a trust file and its list; return the trust as the gate loads it."""

    def put(raw: bytes | None, source: RevocationSource = SOURCE) -> Trust:
        (tmp_path / "trust.json").write_bytes(trust_bytes(sample_trust(*ROLES, revocation=source)))
        if raw is not None:
            (tmp_path / "revoked.json").write_bytes(raw)
        return load_trust(tmp_path / "trust.json")

    return put


Place = Callable[..., Trust]


def test_a_signed_list_revokes(place: Place) -> None:
    trust = place(sign_revocations(LIST, rfc_key(1)))
    assert load_revocations(trust) == LIST
    with pytest.raises(RevokedClearanceError, match="laptop lost"):
        verify_clearance(issue_clearance(sample_clearance(), rfc_key()), trust, NOW, revocations=load_revocations(trust))


def test_the_signature_is_what_dsse_says_by_independent_code() -> None:
    document = json.loads(sign_revocations(LIST, rfc_key(1)))
    payload = base64.b64decode(document["payload"])
    signed = b" ".join([b"DSSEv1", str(len(REVOCATIONS_TYPE)).encode(), REVOCATIONS_TYPE.encode(), str(len(payload)).encode(), payload])
    Ed25519PublicKey.from_public_bytes(rfc_key(1).public_key).verify(base64.b64decode(document["signatures"][0]["sig"]), signed)
    schema = json.loads((FORMATS / "revocations.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(payload))


def test_a_trust_that_asks_for_signed_lists_fits_its_schema_and_reads_back(tmp_path: Path) -> None:
    source = replace(SOURCE, signers=2, issued_from=ISSUED)
    raw = trust_bytes(sample_trust(*ROLES, revocation=source))
    schema = json.loads((FORMATS / "trust.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(json.loads(raw))
    (tmp_path / "t").write_bytes(raw)
    assert load_trust(tmp_path / "t").revocation == source


OTHER = replace(LIST, keys=())
HOSTILE: list[tuple[str, bytes | None, str]] = [
    ("missing", None, "cannot be read: No such file"),
    ("empty", b"", "it is not JSON"),
    ("truncated", sign_revocations(LIST, rfc_key(1))[:-9], "asks for a signed list, and this is none"),
    ("unsigned", revocation_bytes(OTHER), "asks for a signed list, and this is none"),
    ("unsigned payload of version 2", revocation_bytes(OTHER, version=2), "asks for a signed list, and this is none"),
    ("by an issuer", sign_revocations(OTHER, rfc_key(0)), "has no role 'revoker'"),
    ("another role beside", sign_revocations(LIST, rfc_key(0)), r"1 person\(s\) with a key of role 'revoker' must sign it, 0 did"),
    ("a clearance", issue_clearance(sample_clearance(), rfc_key(1)), "payloadType is"),
]


@pytest.mark.parametrize(("raw", "reason"), [h[1:] for h in HOSTILE], ids=[h[0] for h in HOSTILE])
def test_a_list_that_is_not_signed_as_asked_denies(place: Place, raw: bytes | None, reason: str) -> None:
    with pytest.raises(TrustFileError, match=reason):
        load_revocations(place(raw))


def forged(payload: bytes, *, kind: str = REVOCATIONS_TYPE, signed_kind: str = REVOCATIONS_TYPE, signed: bytes | None = None) -> bytes:
    key = rfc_key(1)
    message = pre_authentication_encoding(payload if signed is None else signed, payload_type=signed_kind)
    return envelope_bytes(
        Envelope(payload=payload, signatures=(EnvelopeSignature(key_id=key.key_id, signature=key.sign(message)),)), payload_type=kind
    )


PAYLOAD = revocation_bytes(LIST, version=2)
FORGED: list[tuple[str, bytes, str]] = [
    ("an entry taken out", forged(revocation_bytes(OTHER, version=2), signed=PAYLOAD), "does not verify"),
    ("signed as a statement", forged(PAYLOAD, signed_kind="application/vnd.in-toto+json"), "does not verify"),
    ("version 1 inside", forged(revocation_bytes(LIST)), "expected format 'provenance.revocations' version 2"),
    ("not canonical", forged(PAYLOAD.replace(b":", b": ", 1)), "not in canonical form"),
    ("stranger", sign_revocations(LIST, rfc_key(0)).replace(rfc_key(0).key_id.encode(), b"ab" * 32), "not in the trust file"),
]


@pytest.mark.parametrize(("raw", "reason"), [f[1:] for f in FORGED], ids=[f[0] for f in FORGED])
def test_a_forged_list_denies(place: Place, raw: bytes, reason: str) -> None:
    with pytest.raises(TrustFileError, match=reason):
        load_revocations(place(raw))


def test_every_byte_of_a_signed_list_counts() -> None:
    trust, raw = sample_trust(*ROLES), sign_revocations(LIST, rfc_key(1))
    for at in range(0, len(raw), 3):
        changed = raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]
        with pytest.raises(TrustFileError):
            verify_revocations(changed, trust, SOURCE)


def test_a_key_does_not_vouch_for_a_list_that_revokes_it(place: Place) -> None:
    own = replace(LIST, keys=(*LIST.keys, Revocation(id=rfc_key(1).key_id, reason="stolen")))
    with pytest.raises(TrustFileError, match="the list itself revokes the key of 'Grace Reviewer'"):
        load_revocations(place(sign_revocations(own, rfc_key(1))))
    assert load_revocations(place(sign_revocations(own, rfc_key(2)))) == own


def test_two_persons_may_be_asked_for(place: Place) -> None:
    source = replace(SOURCE, signers=2)
    with pytest.raises(TrustFileError, match=r"2 person\(s\) .* 1 did"):
        load_revocations(place(sign_revocations(LIST, rfc_key(1)), source))
    assert load_revocations(place(sign_revocations(LIST, rfc_key(1), rfc_key(2)), source)) == LIST
    with pytest.raises(ValueError, match="3 must sign the revocation list, and 2 persons"):
        sample_trust(*ROLES, revocation=replace(SOURCE, signers=3))
    with pytest.raises(ValueError, match="0 persons"):
        sample_trust(*ROLES, revocation=replace(SOURCE, role="nobody"))


def test_a_list_signed_outside_the_keys_window_denies(place: Place) -> None:
    with pytest.raises(TrustFileError, match="is valid from"):
        load_revocations(place(sign_revocations(replace(LIST, issued="2028-06-01T00:00:00Z"), rfc_key(1))))


def test_an_older_list_put_back_denies_where_a_newer_one_is_known(place: Place) -> None:
    newer = with_revoked(LIST, "2026-11-24T11:30:00Z", clearances=[Revocation(id="sha256:" + "ab" * 32, reason="wrong")])
    trust = knows_list(place(sign_revocations(newer, rfc_key(1))), newer)
    source = trust.revocation
    assert source is not None
    assert source.issued_from == "2026-11-24T11:30:00Z"
    assert load_revocations(place(sign_revocations(newer, rfc_key(1)), source)) == newer
    with pytest.raises(TrustFileError, match="is older than one that the trust file knows of"):
        load_revocations(place(sign_revocations(LIST, rfc_key(1)), source))


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ("2026-11-24T12:00:00Z", None),
        ("2026-11-24T12:05:00Z", None),
        ("2026-11-24T12:05:01Z", "older than 3600 s"),
        ("2026-11-24T10:54:59Z", "in the future of this machine's clock"),
        ("2026-11-24T10:55:00Z", None),
    ],
)
def test_a_list_ages_and_a_clock_set_back_denies(now: str, why: str | None) -> None:
    found = stale_reason(LIST, SOURCE, now)
    assert (found is None) if why is None else (found is not None and why in found)


def test_lists_grow_and_move_forward_only() -> None:
    again = with_revoked(LIST, ISSUED)
    assert (again.issued, again.keys) == ("2026-11-24T11:00:01Z", LIST.keys)
    assert with_revoked(None, NOW) == RevocationList(issued=NOW)
    with pytest.raises(InputError, match="is revoked already: laptop lost"):
        with_revoked(LIST, NOW, keys=[Revocation(id=rfc_key(0).key_id, reason="again")])
    with pytest.raises(RevokedClearanceError, match="this machine's clock says"):
        with_revoked(LIST, "2026-11-24T10:00:00Z")


def test_a_trust_names_a_list_and_who_signs_it() -> None:
    made = with_list(sample_trust(*ROLES), is_signed=True).revocation
    assert made == RevocationSource(path="revoked.json", max_age_s=int(DEFAULT_MAX_AGE.total_seconds()), role="revoker")
    alone = with_list(sample_trust(), is_signed=True, max_age=timedelta(days=2)).revocation
    assert (alone.role, alone.max_age_s) == ("issuer", 172_800) if alone else False
    plain = RevocationSource(path="r", max_age_s=9)
    assert with_list(sample_trust(revocation=plain), is_signed=False).revocation == plain


def broken(**changes: Any) -> bytes:
    document = json.loads(trust_bytes(sample_trust(*ROLES, revocation=SOURCE)))
    document["revocation"] |= changes
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"signers": 0}, "positive integer"),
        ({"signers": True}, "positive integer"),
        ({"issued_from": "now"}, "UTC time"),
        ({"role": ""}, "non-empty"),
    ],
)
def test_malformed_words_about_lists_trust_nobody(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    (tmp_path / "t").write_bytes(broken(**changes))
    with pytest.raises(TrustFileError, match=reason):
        load_trust(tmp_path / "t")
