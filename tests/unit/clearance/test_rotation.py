"""Windows of keys on time lines: rotation, the day after it, and thresholds that count persons."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from provenance.clearance.cosigning import add_signature, check_cosigner, standing
from provenance.clearance.keyring import current_key, find_key, rotated, with_key, with_thresholds
from provenance.clearance.revocation import Revocation, RevocationList
from provenance.clearance.signing import issue_clearance
from provenance.clearance.trust import Trust, TrustedKey, parse_trust, trust_bytes
from provenance.clearance.verification import verify_clearance
from provenance.errors import ClearanceError, ExpiredClearanceError, InputError, RevokedClearanceError, SignatureError, UntrustedKeyError
from tests.fakes.clearances import NOW, rfc_key, sample_clearance, sample_trust

ROTATED = "2026-11-24T12:00:00Z"


def ada(number: int, start: str = ROTATED) -> TrustedKey:
    return rfc_key(number).trusted(name="Ada Clearer", roles=("issuer",), not_before=start, not_after="2028-01-01T00:00:00Z")


def turned(overlap: timedelta = timedelta()) -> Trust:
    trust = sample_trust()
    return rotated(trust, trust.keys[0], ada(1), ROTATED, overlap=overlap)


def holds(trust: Trust, key: int, *, issued: str, now: str) -> bool:
    raw = issue_clearance(sample_clearance(issued=issued, not_before=issued, expires="2027-03-01T00:00:00Z"), rfc_key(key))
    try:
        verify_clearance(raw, trust, now)
    except UntrustedKeyError:
        return False
    return True


BEFORE, LATER = "2026-11-24T11:59:00Z", "2026-11-24T13:00:00Z"
TIMELINE = [
    # key, issued, checked, holds: rotation at 12:00, clocks may differ by 300 s
    (0, BEFORE, ROTATED, True),
    (0, BEFORE, "2026-12-24T00:00:00Z", True),  # just before the rotation: holds as long as it would have
    (0, BEFORE, "2027-02-22T00:00:00Z", True),  # 90 days, the longest that a clearance holds
    (0, BEFORE, "2027-02-22T12:06:00Z", False),
    (0, "2026-11-24T12:04:00Z", LATER, True),  # within the skew of clocks
    (0, "2026-11-24T12:06:00Z", LATER, False),
    (0, LATER, LATER, False),
    (1, LATER, LATER, True),
    (1, BEFORE, LATER, True),  # 60 s before the new key begins: the skew again
    (1, "2026-11-24T11:54:00Z", LATER, False),
]


@pytest.mark.parametrize(("key", "issued", "now", "good"), TIMELINE)
def test_an_old_key_signs_nothing_new_and_what_it_signed_counts_until_it_expires(key: int, issued: str, now: str, good: bool) -> None:
    assert holds(turned(), key, issued=issued, now=now) is good


@pytest.mark.parametrize(("issued", "good"), [("2026-11-26T11:00:00Z", True), ("2026-11-26T12:06:00Z", False)])
def test_with_an_overlap_both_keys_sign_for_a_while(issued: str, good: bool) -> None:
    trust = turned(timedelta(days=2))
    assert holds(trust, 0, issued=issued, now="2026-11-27T00:00:00Z") is good
    assert holds(trust, 1, issued=issued, now="2026-11-27T00:00:00Z")


def test_a_rotated_key_never_lives_longer_than_it_would_have() -> None:
    trust = sample_trust(window=("2026-01-01T00:00:00Z", "2026-12-01T00:00:00Z"))
    old = rotated(trust, trust.keys[0], ada(1), ROTATED, overlap=timedelta(days=30)).key(rfc_key().key_id)
    assert old is not None
    assert (old.issue_until, old.not_after) == ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z")


def test_a_rotated_trust_reads_back_as_version_2() -> None:
    trust = turned()
    document = json.loads(trust_bytes(trust))
    assert (document["version"], {k["issue_until"] for k in document["keys"]}) == (2, {None, ROTATED})
    assert set(parse_trust(trust_bytes(trust)).keys) == set(trust.keys)


def test_an_issue_window_outside_the_keys_own_is_refused() -> None:
    with pytest.raises(ValueError, match="does not lie between"):
        replace(ada(0), issue_until="2028-01-01T00:00:01Z")


def test_a_person_whose_key_has_ended_gets_a_new_one() -> None:
    trust = turned()
    old = trust.key(rfc_key().key_id)
    assert old is not None
    assert rotated(trust, old, ada(2), "2026-11-25T00:00:00Z").keys == (*trust.keys, ada(2))


def test_a_key_that_has_not_begun_or_a_new_one_that_is_there_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to rotate yet"):
        rotated(sample_trust(), sample_trust().keys[0], ada(1), "2025-01-01T00:00:00Z")
    with pytest.raises(InputError, match="in the trust file already"):
        rotated(sample_trust(), sample_trust().keys[0], ada(0), ROTATED)


def test_a_name_means_the_key_that_signs_now() -> None:
    trust = turned()
    assert current_key(trust, "Ada Clearer", LATER).id == rfc_key(1).key_id
    assert current_key(trust, "Ada Clearer", "2029-01-01T00:00:00Z").id == rfc_key(1).key_id
    with pytest.raises(InputError, match="has 2 keys"):
        find_key(trust, "Ada Clearer")
    with pytest.raises(InputError, match="has 2 keys"):
        current_key(turned(timedelta(days=1)), "Ada Clearer", LATER)
    assert find_key(trust, rfc_key(0).key_id[:10]).id == rfc_key(0).key_id
    with pytest.raises(InputError, match="has no key 'Bob'"):
        find_key(trust, "Bob")


def test_one_key_is_not_trusted_under_two_names() -> None:
    with pytest.raises(InputError, match="in the trust file already, as 'Ada Clearer'"):
        with_key(sample_trust(), replace(ada(0), name="Somebody Else"))
    with pytest.raises(InputError, match="has a key of 'Ada Clearer' already"):
        with_key(sample_trust(), replace(ada(1), name="ada  clearer"))


ISSUERS = (("issuer",), ("issuer",), ("issuer",))


def test_two_of_three() -> None:
    trust = sample_trust(*ISSUERS, thresholds=(("issuer", 2),))
    clearance = sample_clearance()
    for others in ((1,), (2,), (1, 2)):
        assert verify_clearance(issue_clearance(clearance, rfc_key(), *map(rfc_key, others)), trust, NOW) == clearance
    with pytest.raises(UntrustedKeyError, match="still to sign: Grace Reviewer or Joan Counsel"):
        verify_clearance(issue_clearance(clearance, rfc_key()), trust, NOW)


def test_one_person_with_two_keys_counts_once() -> None:
    two = sample_trust(*ISSUERS, thresholds=(("issuer", 2),))
    ada_again = replace(two.keys[1], name="A. Clearer")
    trust = replace(two, keys=(two.keys[0], ada_again, two.keys[2]))
    raw = issue_clearance(sample_clearance(), rfc_key(0), rfc_key(1))
    with pytest.raises(UntrustedKeyError, match=r"2 person\(s\) .* 1 did; still to sign: Joan Counsel"):
        verify_clearance(raw, trust, NOW)
    verify_clearance(issue_clearance(sample_clearance(), rfc_key(0), rfc_key(1), rfc_key(2)), trust, NOW)
    with pytest.raises(ValueError, match="of different persons, 2"):
        replace(trust, thresholds=(("issuer", 3),))


def test_thresholds_nobody_can_reach_are_refused() -> None:
    trust = with_thresholds(sample_trust(*ISSUERS), [("issuer", 3)])
    assert trust.thresholds == (("issuer", 3),)
    assert with_thresholds(sample_trust(("issuer",), ("legal",), thresholds=(("issuer", 1), ("legal", 1))), [("legal", 0)]).thresholds == (
        ("issuer", 1),
    )
    for wanted, why in ((("issuer", 4), "persons, 3"), (("legal", 1), "persons, 0"), (("issuer", 0), "must name the role 'issuer'")):
        with pytest.raises(InputError, match=why):
            with_thresholds(trust, [wanted])


SIGN_OFF = sample_trust(("issuer",), ("legal",), ("security",), thresholds=(("issuer", 1), ("legal", 1), ("security", 1)))


def test_named_roles_sign_one_after_the_other() -> None:
    raw = issue_clearance(sample_clearance(), rfc_key())
    assert [lack.role for lack in standing(raw, SIGN_OFF, NOW).lacking] == ["legal", "security"]
    raw = add_signature(raw, rfc_key(1))
    found = standing(raw, SIGN_OFF, NOW)
    assert [(lack.role, lack.can_sign) for lack in found.lacking] == [("security", ("Joan Counsel",))]
    with pytest.raises(UntrustedKeyError, match="role 'security' must sign, 0 did"):
        verify_clearance(raw, SIGN_OFF, NOW)
    raw = add_signature(raw, rfc_key(2))
    assert standing(raw, SIGN_OFF, NOW).lacking == ()
    assert verify_clearance(raw, SIGN_OFF, NOW) == sample_clearance()
    assert raw == issue_clearance(sample_clearance(), rfc_key(2), rfc_key(0), rfc_key(1))


def test_nothing_is_signed_that_does_not_hold_otherwise() -> None:
    raw = issue_clearance(sample_clearance(), rfc_key())
    with pytest.raises(ExpiredClearanceError):
        standing(raw, SIGN_OFF, "2027-01-01T00:00:00Z")
    with pytest.raises(SignatureError):
        standing(_tampered(raw), SIGN_OFF, NOW)
    revoked = RevocationList(issued=NOW, keys=(Revocation(id=rfc_key().key_id, reason="lost"),))
    with pytest.raises(RevokedClearanceError):
        standing(raw, SIGN_OFF, NOW, revocations=revoked)


def _tampered(raw: bytes) -> bytes:
    document = json.loads(raw)
    sig = document["signatures"][0]["sig"]
    return raw.replace(sig.encode(), (("B" if sig[0] == "A" else "A") + sig[1:]).encode())


def test_who_may_not_sign_too_is_told_before() -> None:
    raw = issue_clearance(sample_clearance(), rfc_key())
    found = standing(raw, SIGN_OFF, NOW)
    legal = SIGN_OFF.keys[1]
    check_cosigner(legal, found, NOW)
    with pytest.raises(UntrustedKeyError, match="already, with this very key"):
        check_cosigner(SIGN_OFF.keys[0], found, NOW)
    with pytest.raises(UntrustedKeyError, match="is valid from"):
        check_cosigner(replace(legal, not_before="2026-11-24T11:00:00Z"), found, NOW)
    with pytest.raises(RevokedClearanceError, match="lost"):
        check_cosigner(legal, found, NOW, revocations=RevocationList(issued=NOW, keys=(Revocation(id=legal.id, reason="lost"),)))
    with pytest.raises(ClearanceError, match="at most 16"):
        check_cosigner(legal, replace(found, signers=(SIGN_OFF.keys[0],) * 16), NOW)


def test_only_those_are_named_whose_key_would_count() -> None:
    late = replace(SIGN_OFF.keys[1], not_before="2026-11-24T10:00:00Z")  # after the clearance was issued
    trust = replace(SIGN_OFF, keys=(SIGN_OFF.keys[0], late, SIGN_OFF.keys[2]))
    legal, security = standing(issue_clearance(sample_clearance(), rfc_key()), trust, NOW).lacking
    assert (
        str(legal) == "1 person(s) with a key of role 'legal' must sign, 0 did; nobody else has a key of that role that counts for this time of issue"
    )
    assert security.can_sign == ("Joan Counsel",)
