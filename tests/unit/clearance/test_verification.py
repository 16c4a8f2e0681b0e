"""The strict verifier: every way a clearance can fail to hold, each with its error class and its reason."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from provenance.canonical import canonical_bytes
from provenance.clearance.envelope import Envelope, EnvelopeSignature, envelope_bytes, parse_envelope, pre_authentication_encoding
from provenance.clearance.keys import SigningKey
from provenance.clearance.revocation import Revocation, RevocationList
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import BreakGlass, Clearance, Issuer, statement_bytes, statement_digest
from provenance.clearance.trust import RevocationSource, Trust, parse_trust, trust_bytes
from provenance.clearance.verification import verify_clearance
from provenance.errors import (
    ClearanceError,
    EnvelopeFormatError,
    ExpiredClearanceError,
    RevokedClearanceError,
    SignatureError,
    SubjectMismatchError,
    TrustFileError,
    UntrustedKeyError,
    VerdictError,
)
from provenance.model.finding import VerdictKind
from tests.fakes.clearances import NOW, POLICY_DIGEST, RUN_DIGEST, rfc_key, sample_clearance, sample_trust

ISSUER = ("issuer",)
REVIEWER = ("reviewer",)
COUNSEL = ("counsel",)


def sign_anything(clearance: Clearance, *keys: SigningKey) -> bytes:
    """Sign what ``issue_clearance`` would refuse, as a hostile or older signer might."""
    return sign_bytes(statement_bytes(clearance), *keys)


def sign_bytes(payload: bytes, *keys: SigningKey) -> bytes:
    signatures = tuple(EnvelopeSignature(key_id=k.key_id, signature=k.sign(pre_authentication_encoding(payload))) for k in keys)
    return envelope_bytes(Envelope(payload=payload, signatures=signatures))


def refused(raw: bytes, trust: Trust | None = None, now: str = NOW, **given: Any) -> ClearanceError:
    with pytest.raises(ClearanceError) as caught:
        verify_clearance(raw, trust or sample_trust(), now, **given)
    return caught.value


def test_a_good_clearance_is_returned() -> None:
    clearance = sample_clearance()
    raw = issue_clearance(clearance, rfc_key())
    assert verify_clearance(raw, sample_trust(), NOW, run_digest=RUN_DIGEST, policy_digests=[POLICY_DIGEST]) == clearance


def test_issuing_is_deterministic() -> None:
    assert issue_clearance(sample_clearance(), rfc_key()) == issue_clearance(sample_clearance(), rfc_key())


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        ("2026-12-24T08:04:59Z", None),
        ("2026-12-24T08:05:00Z", "expired at 2026-12-24T08:00:00Z"),
        ("2027-06-01T00:00:00Z", "expired at"),
        ("2026-11-24T07:55:00Z", None),
        ("2026-11-24T07:54:59Z", "not valid before 2026-11-24T08:00:00Z"),
        ("2026-02-01T00:00:00Z", "not valid before"),
    ],
)
def test_dates_hold_to_five_minutes(now: str, reason: str | None) -> None:
    raw = issue_clearance(sample_clearance(), rfc_key())
    if reason is None:
        verify_clearance(raw, sample_trust(), now)
    else:
        error = refused(raw, now=now)
        assert isinstance(error, ExpiredClearanceError)
        assert reason in str(error)


def test_a_clock_set_back_before_the_issue_is_noticed() -> None:
    clearance = sample_clearance(not_before="2026-01-02T00:00:00Z")
    error = refused(issue_clearance(clearance, rfc_key()), now="2026-01-03T00:00:00Z")
    assert isinstance(error, ExpiredClearanceError)
    assert "issued at 2026-11-24T08:00:00Z; this machine's clock says 2026-01-03T00:00:00Z" in str(error)


@pytest.mark.parametrize("now", ["", "now", "2026-11-24", "2026-11-24T12:00:00", "2026-11-24T12:00:00+00:00"])
def test_a_time_in_another_form_is_a_fault_of_the_caller(now: str) -> None:
    with pytest.raises(ValueError, match="now must be a UTC time"):
        verify_clearance(issue_clearance(sample_clearance(), rfc_key()), sample_trust(), now)


def test_a_signature_of_another_message_is_refused() -> None:
    good = parse_envelope(issue_clearance(sample_clearance(), rfc_key()))
    forged = Envelope(payload=statement_bytes(sample_clearance("sha256:" + "cd" * 32)), signatures=good.signatures)
    error = refused(envelope_bytes(forged))
    assert isinstance(error, SignatureError)
    assert "'Ada Clearer'" in str(error)


def test_the_content_of_an_unsigned_payload_is_never_looked_at() -> None:
    good = parse_envelope(issue_clearance(sample_clearance(), rfc_key()))
    assert isinstance(refused(envelope_bytes(Envelope(payload=b"not json", signatures=good.signatures))), SignatureError)
    assert isinstance(refused(sign_bytes(b"not json", rfc_key())), EnvelopeFormatError)


def test_an_unknown_key_is_refused_even_beside_a_good_one() -> None:
    assert isinstance(refused(issue_clearance(sample_clearance(), rfc_key(1))), UntrustedKeyError)
    error = refused(issue_clearance(sample_clearance(), rfc_key(0), rfc_key(1)))
    assert isinstance(error, UntrustedKeyError)
    assert "not in the trust file" in str(error)


def test_two_signatures_of_which_one_is_bad_are_refused() -> None:
    good = parse_envelope(issue_clearance(sample_clearance(), rfc_key(0), rfc_key(1)))
    other = parse_envelope(sign_anything(sample_clearance("sha256:" + "cd" * 32), rfc_key(1)))
    mixed = Envelope(payload=good.payload, signatures=(*(s for s in good.signatures if s.key_id == rfc_key(0).key_id), *other.signatures))
    assert isinstance(refused(envelope_bytes(mixed), sample_trust(ISSUER, ISSUER)), SignatureError)


def test_a_key_of_another_role_does_not_count() -> None:
    trust = sample_trust(REVIEWER, ISSUER)
    error = refused(issue_clearance(sample_clearance(), rfc_key()), trust)
    assert isinstance(error, UntrustedKeyError)
    assert error.reasons == (
        "1 person(s) with a key of role 'issuer' must sign, 0 did; still to sign: Grace Reviewer",
        "the issuer 'Ada Clearer' did not sign in the role 'issuer'",
    )


def test_a_threshold_counts_distinct_keys() -> None:
    trust = sample_trust(ISSUER, ISSUER, ISSUER, thresholds=(("issuer", 2),))
    error = refused(issue_clearance(sample_clearance(), rfc_key()), trust)
    assert "2 person(s) with a key of role 'issuer' must sign, 1 did; still to sign: Grace Reviewer or Joan Counsel" in error.reasons
    assert verify_clearance(issue_clearance(sample_clearance(), rfc_key(0), rfc_key(2)), trust, NOW) == sample_clearance()


def test_every_role_with_a_threshold_must_sign() -> None:
    trust = sample_trust(ISSUER, ISSUER, COUNSEL, thresholds=(("counsel", 1), ("issuer", 1)))
    assert (
        "1 person(s) with a key of role 'counsel' must sign, 0 did; still to sign: Joan Counsel"
        in refused(issue_clearance(sample_clearance(), rfc_key()), trust).reasons
    )
    verify_clearance(issue_clearance(sample_clearance(), rfc_key(0), rfc_key(2)), trust, NOW)


def test_one_key_under_two_ids_never_reaches_two() -> None:
    key = rfc_key()
    payload = statement_bytes(sample_clearance())
    signature = key.sign(pre_authentication_encoding(payload))
    for ids in ((key.key_id, key.key_id), (key.key_id, "ab" * 32)):
        raw = envelope_bytes(Envelope(payload=payload, signatures=tuple(EnvelopeSignature(key_id=i, signature=signature) for i in ids)))
        assert isinstance(refused(raw, sample_trust(ISSUER, ISSUER, thresholds=(("issuer", 2),))), EnvelopeFormatError | UntrustedKeyError)
    document = json.loads(trust_bytes(sample_trust()))
    document["thresholds"] = {"issuer": 2}
    for second_id in (key.key_id, "ab" * 32):
        document["keys"] = [document["keys"][0], document["keys"][0] | {"id": second_id, "name": "Eve"}]
        with pytest.raises(TrustFileError, match=r"listed twice|not the SHA-256"):
            parse_trust(canonical_bytes(document))
    entry = sample_trust().keys[0]
    with pytest.raises(ValueError, match="listed twice"):
        Trust(keys=(entry, replace(entry, name="Eve")), thresholds=(("issuer", 2),))


@pytest.mark.parametrize(
    "window",
    [("2026-01-01T00:00:00Z", "2026-11-24T07:00:00Z"), ("2026-11-24T12:06:00Z", "2027-01-01T00:00:00Z")],
    ids=["ended before the issue", "begins after now"],
)
def test_a_key_outside_its_window_does_not_count(window: tuple[str, str]) -> None:
    error = refused(issue_clearance(sample_clearance(), rfc_key()), sample_trust(window=window))
    assert isinstance(error, UntrustedKeyError)
    assert f"valid from {window[0]} to {window[1]} only" in str(error)


def test_a_key_that_ended_after_the_issue_does_not_count_any_more() -> None:
    trust = sample_trust(window=("2026-01-01T00:00:00Z", "2026-11-24T09:00:00Z"))
    assert isinstance(refused(issue_clearance(sample_clearance(), rfc_key()), trust), UntrustedKeyError)


def test_the_issuer_named_must_be_the_one_who_signed() -> None:
    for issuer in (Issuer(name="Somebody Else", role="issuer"), Issuer(name="Ada Clearer", role="counsel")):
        error = refused(issue_clearance(sample_clearance(issuer=issuer), rfc_key()))
        assert isinstance(error, UntrustedKeyError)
        assert "did not sign in the role" in str(error)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"verdict": VerdictKind.BLOCKED}, "the verdict is BLOCKED"),
        ({"verdict": VerdictKind.BLOCKED, "released_by": "Ada Clearer"}, "the verdict is BLOCKED"),
        ({"verdict": VerdictKind.REVIEW}, "the verdict is REVIEW and no reviewer released it"),
        ({"break_glass": BreakGlass(approver="x", reason="y")}, "break-glass clearances are not accepted"),
        ({"verdict": VerdictKind.BLOCKED, "break_glass": BreakGlass(approver="x", reason="y")}, "break-glass clearances are not accepted"),
    ],
)
def test_other_verdicts_are_neither_issued_nor_accepted(changes: dict[str, Any], reason: str) -> None:
    clearance = sample_clearance(**changes)
    with pytest.raises(VerdictError, match=reason):
        issue_clearance(clearance, rfc_key())
    trust = sample_trust(("issuer", "reviewer"))
    error = refused(sign_anything(clearance, rfc_key()), trust)
    assert isinstance(error, VerdictError)
    assert reason in str(error)


def test_a_review_is_released_by_the_reviewers_own_signature() -> None:
    trust = sample_trust(ISSUER, REVIEWER)
    released = sample_clearance(verdict=VerdictKind.REVIEW, released_by="Grace Reviewer")
    assert verify_clearance(issue_clearance(released, rfc_key(0), rfc_key(1)), trust, NOW) == released
    assert "the reviewer 'Grace Reviewer' did not sign in the role 'reviewer'" in refused(issue_clearance(released, rfc_key()), trust).reasons
    by_issuer = sample_clearance(verdict=VerdictKind.REVIEW, released_by="Ada Clearer")
    assert isinstance(refused(issue_clearance(by_issuer, rfc_key(0), rfc_key(1)), trust), UntrustedKeyError)


def test_another_run_or_policy_is_refused() -> None:
    raw = issue_clearance(sample_clearance(), rfc_key())
    error = refused(raw, run_digest="sha256:" + "99" * 32)
    assert isinstance(error, SubjectMismatchError)
    assert "for run sha256:" in str(error)
    for digests in ([], ["sha256:" + "99" * 32], [POLICY_DIGEST, "sha256:" + "99" * 32]):
        error = refused(raw, policy_digests=digests)
        assert isinstance(error, SubjectMismatchError)
        assert "under policy sha256:" in str(error)


def revocations(**changes: Any) -> RevocationList:
    return replace(RevocationList(issued="2026-11-24T11:00:00Z"), **changes)


def test_a_revoked_clearance_or_key_is_refused() -> None:
    payload = statement_bytes(sample_clearance())
    raw = issue_clearance(sample_clearance(), rfc_key())
    verify_clearance(raw, sample_trust(), NOW, revocations=revocations())
    for revoked in (
        revocations(clearances=(Revocation(id=statement_digest(payload), reason="wrong data"),)),
        revocations(keys=(Revocation(id=rfc_key().key_id, reason="laptop stolen"),)),
    ):
        error = refused(raw, revocations=revoked)
        assert isinstance(error, RevokedClearanceError)
        assert "was revoked: " in str(error)


@pytest.mark.parametrize(
    ("issued", "reason"),
    [
        (None, "there is none"),
        ("2026-11-24T10:54:59Z", "older than 3600 s"),
        ("2026-11-24T12:05:01Z", "in the future"),
        ("2026-11-24T10:55:00Z", None),
        ("2026-11-24T12:05:00Z", None),
    ],
)
def test_a_revocation_list_that_is_missing_stale_or_of_the_future_is_a_refusal(issued: str | None, reason: str | None) -> None:
    trust = sample_trust(revocation=RevocationSource(path="revoked.json", max_age_s=3600))
    raw = issue_clearance(sample_clearance(), rfc_key())
    given = None if issued is None else revocations(issued=issued)
    if reason is None:
        verify_clearance(raw, trust, NOW, revocations=given)
    else:
        error = refused(raw, trust, revocations=given)
        assert isinstance(error, RevokedClearanceError)
        assert reason in str(error)


def test_all_reasons_are_collected() -> None:
    error = refused(issue_clearance(sample_clearance(), rfc_key()), now="2028-06-01T00:00:00Z", run_digest="sha256:" + "99" * 32)
    assert isinstance(error, ExpiredClearanceError)
    assert len(error.reasons) == 5, "expired; key window; threshold; issuer; run"


def test_signers_must_be_given_each_once() -> None:
    for keys in ((), (rfc_key(), rfc_key())):
        with pytest.raises(ClearanceError, match="at least one signing key, each once"):
            issue_clearance(sample_clearance(), *keys)


def test_verification_changes_none_of_its_arguments() -> None:
    raw, trust = issue_clearance(sample_clearance(), rfc_key()), sample_trust()
    before = bytes(raw), trust_bytes(trust)
    verify_clearance(raw, trust, NOW)
    assert (raw, trust_bytes(trust)) == before
