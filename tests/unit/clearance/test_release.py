"""Releases of reviews: signed by the reviewer, of one audit record, complete, and carried in a clearance to the gate."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from provenance.clearance.release import Covered, ReviewRelease, parse_release, release_statement, sign_release, uncovered, verify_release
from provenance.clearance.revocation import Revocation, RevocationList
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import Issuer
from provenance.clearance.trust import RevocationSource, Trust
from provenance.clearance.verification import verify_clearance
from provenance.errors import ClearanceError, EnvelopeFormatError, RevokedClearanceError, SignatureError, UntrustedKeyError, VerdictError
from provenance.model.finding import VerdictKind
from tests.fakes.clearances import NOW, released_clearance, rfc_key, sample_clearance, sample_release, sample_trust

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "formats" / "release.schema.json").read_text(encoding="utf-8"))
ONE, TWO = "sha256:" + "88" * 32, "sha256:" + "99" * 32
TRUST = sample_trust(("issuer",), ("reviewer",), ("counsel",))


def some(*findings: str) -> ReviewRelease:
    return sample_release(covers=Covered.SOME, findings=findings)


@pytest.mark.parametrize("release", [sample_release(), some(ONE)])
def test_a_release_comes_back_as_it_was_signed(release: ReviewRelease) -> None:
    raw = sign_release(release, rfc_key(1))
    assert parse_release(raw)[0] == release
    assert verify_release(raw, TRUST, NOW)[0] == release
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(release_statement(release)))


def test_a_release_is_what_independent_code_makes_of_the_standards() -> None:
    envelope = json.loads(sign_release(sample_release(), rfc_key(1)))
    payload = base64.b64decode(envelope["payload"])
    key = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")  # RFC 8032 section 7.1, test 2
    signed = b" ".join([b"DSSEv1", b"28", b"application/vnd.in-toto+json", str(len(payload)).encode(), payload])
    Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(envelope["signatures"][0]["sig"]), signed)
    assert json.loads(payload)["subject"] == [{"name": "audit-record", "digest": {"sha256": "33" * 32}}]
    assert json.loads(payload)["predicate"]["of"] == "sha256:" + hashlib.sha256(f'["{ONE}","{TWO}"]'.encode()).hexdigest()


@pytest.mark.parametrize(
    "changes",
    [
        {"comment": " "},
        {"reviewer": ""},
        {"record": "sha256:1"},
        {"findings": (ONE,)},
        {"covers": Covered.SOME},
        {"covers": Covered.SOME, "findings": (TWO, ONE)},
        {"covers": Covered.SOME, "findings": (ONE, ONE)},
        {"released": "2026-11-24"},
    ],
)
def test_what_no_reviewer_can_have_said_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        sample_release(**changes)


def test_every_changed_byte_is_found() -> None:
    raw = sign_release(sample_release(), rfc_key(1))
    for place in range(0, len(raw), 7):
        changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
        with pytest.raises(ClearanceError):
            verify_release(changed, TRUST, NOW)


def test_only_the_named_reviewers_trusted_key_counts() -> None:
    for signer, trust, said in (
        (0, TRUST, "did not sign the release in the role"),
        (2, TRUST, "did not sign the release in the role"),
        (1, sample_trust(("issuer",)), "not in the trust file"),
        (1, sample_trust(("issuer",), ("approver",)), "did not sign the release in the role"),
        (1, sample_trust(("issuer",), ("reviewer",), window=("2026-01-01T00:00:00Z", "2026-11-24T08:00:00Z")), "is valid from"),
    ):
        with pytest.raises(UntrustedKeyError, match=said):
            verify_release(sign_release(sample_release(), rfc_key(signer)), trust, NOW)
    with pytest.raises(UntrustedKeyError, match="lies in the future"):
        verify_release(sign_release(sample_release(released="2026-11-25T00:00:00Z"), rfc_key(1)), TRUST, NOW)


def test_a_revoked_key_releases_nothing() -> None:
    trust = sample_trust(("issuer",), ("reviewer",), revocation=RevocationSource(path="r.json", max_age_s=86_400))
    raw = sign_release(sample_release(), rfc_key(1))
    revoked = RevocationList(issued=NOW, keys=(Revocation(id=rfc_key(1).key_id, reason="lost"),))
    for revocations in (None, revoked):
        with pytest.raises(RevokedClearanceError):
            verify_release(raw, trust, NOW, revocations=revocations)
    assert verify_release(raw, trust, NOW, revocations=RevocationList(issued=NOW))[0] == sample_release()


def test_a_clearance_or_a_waiver_is_no_release() -> None:
    with pytest.raises(EnvelopeFormatError, match="predicateType"):
        parse_release(issue_clearance(sample_clearance(), rfc_key(1)))
    with pytest.raises(EnvelopeFormatError):
        verify_clearance(sign_release(sample_release(), rfc_key()), TRUST, NOW)


def test_releases_cover_what_they_name_and_no_more() -> None:
    assert uncovered([]) == "no reviewer released it"
    assert uncovered([sample_release()]) is None
    assert "not all" in str(uncovered([some(ONE)]))
    assert uncovered([some(ONE), some(TWO)]) is None
    assert uncovered([some(ONE, TWO)]) is None
    assert "different audits" in str(uncovered([sample_release(), sample_release(of=ONE)]))


def test_the_gate_takes_a_review_with_releases_in_the_place_of_the_reviewers_signature() -> None:
    for clearance in (released_clearance(), released_clearance(some(ONE), some(TWO))):
        assert verify_clearance(issue_clearance(clearance, rfc_key()), TRUST, NOW) == clearance


def test_the_gate_counts_releases_for_the_threshold_of_reviewers_alone() -> None:
    raw = issue_clearance(released_clearance(), rfc_key())
    both = sample_trust(("issuer",), ("issuer", "reviewer"), thresholds=(("issuer", 1), ("reviewer", 1)))
    assert verify_clearance(raw, both, NOW)
    with pytest.raises(UntrustedKeyError, match="2 person"):
        verify_clearance(raw, sample_trust(("issuer",), ("issuer", "reviewer"), thresholds=(("issuer", 2),)), NOW)


@pytest.mark.parametrize(
    ("clearance", "kind", "said"),
    [
        (released_clearance(sample_release(record=ONE)), ClearanceError, "is of another audit"),
        (released_clearance(sample_release(run_digest=ONE)), ClearanceError, "is of another audit"),
        (released_clearance(some(ONE)), VerdictError, "the review is not complete"),
        (released_clearance(signer=2), UntrustedKeyError, "did not sign the release"),
        (released_clearance(signer=0), UntrustedKeyError, "did not sign the release"),
        (released_clearance(released_by="Joan Counsel"), UntrustedKeyError, "the reviewer 'Joan Counsel' did not sign"),
        (released_clearance(releases=("{}",)), EnvelopeFormatError, "review release"),
    ],
)
def test_the_gate_refuses_other_releases(clearance: Any, kind: type[ClearanceError], said: str) -> None:
    with pytest.raises(kind) as caught:
        verify_clearance(issue_clearance(clearance, rfc_key()), TRUST, NOW)
    assert any(said in reason for reason in caught.value.reasons)


def test_who_issues_does_not_release() -> None:
    trust: Trust = sample_trust(("issuer", "reviewer"))
    own = released_clearance(sample_release(reviewer="Ada Clearer"), signer=0, released_by="Ada Clearer")
    with pytest.raises(UntrustedKeyError, match="both issued the clearance and released"):
        verify_clearance(issue_clearance(own, rfc_key()), trust, NOW)


def test_one_person_with_two_keys_does_not_issue_and_release() -> None:
    """Two keys, two spellings, one person: the gate tells, whoever signed the clearance."""
    issuer = rfc_key(0).trusted(name="Ann Smith", roles=("issuer",), not_before="2026-01-01T00:00:00Z", not_after="2027-12-31T00:00:00Z")
    reviewer = rfc_key(1).trusted(
        name="ann.smith@example.org", roles=("reviewer",), not_before="2026-01-01T00:00:00Z", not_after="2027-12-31T00:00:00Z"
    )
    trust = Trust(keys=(issuer, reviewer), thresholds=(("issuer", 1),))
    changes: dict[str, Any] = {"issuer": Issuer(name="Ann Smith", role="issuer"), "released_by": reviewer.name}
    own = released_clearance(sample_release(reviewer=reviewer.name), **changes)
    co_signed = sample_clearance(verdict=VerdictKind.REVIEW, **changes)
    for raw in (issue_clearance(own, rfc_key()), issue_clearance(co_signed, rfc_key(0), rfc_key(1))):
        with pytest.raises(UntrustedKeyError) as caught:
            verify_clearance(raw, trust, NOW)
        assert any("both issued the clearance and released" in reason for reason in caught.value.reasons)


def test_a_release_whose_signature_was_swapped_is_refused() -> None:
    one, two = (json.loads(sign_release(r, rfc_key(1))) for r in (sample_release(), sample_release(comment="other")))
    one["signatures"] = two["signatures"]
    raw = json.dumps(one, separators=(",", ":"), sort_keys=True).encode() + b"\n"
    with pytest.raises(SignatureError):
        verify_release(raw, TRUST, NOW)
