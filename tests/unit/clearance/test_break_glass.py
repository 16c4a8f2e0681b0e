"""Break-glass: the verifier itself holds it to one run, one day, a second person and version 3."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provenance.clearance.binding import NamedFile
from provenance.clearance.signing import issue_clearance
from provenance.clearance.statement import BreakGlass, Issuer
from provenance.clearance.verification import verify_clearance
from provenance.errors import ClearanceError, SubjectMismatchError, UntrustedKeyError, VerdictError
from provenance.hooks.break_glass import warning_lines
from provenance.model.finding import VerdictKind
from tests.fakes.clearances import (
    NOW,
    RUN_DIGEST,
    RUN_FILE,
    bound_clearance,
    broken_clearance,
    released_clearance,
    rfc_key,
    sample_basis,
    sample_clearance,
    sample_trust,
)
from tests.unit.clearance.test_verification import refused, sign_anything

TRUST = sample_trust(("issuer",), ("approver",))
RUN = NamedFile.of("run.yaml", RUN_FILE)
SAID = BreakGlass(approver="Grace Reviewer", reason="why", rules=("C001",), findings=1)


def test_it_passes_for_its_run_until_its_hour() -> None:
    clearance = broken_clearance()
    raw = issue_clearance(clearance, rfc_key(0), rfc_key(1))
    assert verify_clearance(raw, TRUST, NOW, run_file=RUN) == clearance
    assert verify_clearance(raw, TRUST, NOW, run_digest=RUN_DIGEST) == clearance
    assert verify_clearance(raw, TRUST, "2026-11-25T08:04:59Z", run_file=RUN) == clearance
    assert "expired" in str(refused(raw, TRUST, now="2026-11-25T08:05:00Z", run_file=RUN))


def test_the_gate_must_be_told_which_run_it_is() -> None:
    raw = issue_clearance(broken_clearance(), rfc_key(0), rfc_key(1))
    for given, reason in (
        ({}, "the gate was not told which run this is"),
        ({"run_file": NamedFile.of("other.yaml", RUN_FILE + b"\n")}, "the run file other.yaml is not the one that was cleared"),
        ({"run_digest": "sha256:" + "99" * 32}, "this run is sha256:999"),
        ({"run_digest": RUN_DIGEST, "run_file": NamedFile.of("other.yaml", b"")}, "the run file other.yaml is not"),
    ):
        error = refused(raw, TRUST, **given)
        assert isinstance(error, SubjectMismatchError)
        assert [reason in r for r in error.reasons] == [True]


FAULTS: list[tuple[dict[str, Any], type[ClearanceError], str]] = [
    ({"expires": "2026-11-25T08:00:01Z"}, VerdictError, "holds at most 24 hours; this one is from 2026-11-24T08:00:00Z to 2026-11-25T08:00:01Z"),
    ({"verdict": VerdictKind.CLEARED}, VerdictError, "the verdict is CLEARED, so there is nothing to let pass"),
    ({"verdict": VerdictKind.REVIEW, "released_by": "Joan Counsel"}, VerdictError, "rests on no reviewer's release"),
    ({"issuer": Issuer(name="Grace Reviewer", role="issuer")}, UntrustedKeyError, "'Grace Reviewer' both issued the clearance and approved"),
    ({"break_glass": replace(SAID, approver="ada.clearer@example.org")}, UntrustedKeyError, "both issued the clearance and approved"),
    ({"rests_on": sample_basis(requested_by="Grace Reviewer <grace@example.org>")}, UntrustedKeyError, "asked for the run and approved"),
    ({"rests_on": sample_basis(requested_by="NOT_STATED")}, UntrustedKeyError, "names nobody who asked for it"),
    ({"break_glass": replace(SAID, approver="Joan Counsel")}, UntrustedKeyError, "the approver 'Joan Counsel' did not sign in the role 'approver'"),
]


@pytest.mark.parametrize(("changes", "kind", "reason"), FAULTS, ids=[reason for _, _, reason in FAULTS])
def test_the_verifier_refuses_what_no_honest_issuer_signs(changes: dict[str, Any], kind: type[ClearanceError], reason: str) -> None:
    error = refused(sign_anything(broken_clearance(**changes), rfc_key(0), rfc_key(1)), TRUST, run_file=RUN)
    assert any(reason in r for r in error.reasons)
    if reason != FAULTS[2][2]:
        assert isinstance(error, kind)
    if kind is VerdictError or "did not sign" not in reason:
        with pytest.raises((VerdictError, UntrustedKeyError), match="no clearance can be issued"):
            issue_clearance(broken_clearance(**changes), rfc_key(0), rfc_key(1))


@pytest.mark.parametrize("signers", [(0,), (1,)])
def test_both_must_sign(signers: tuple[int, ...]) -> None:
    assert isinstance(refused(sign_anything(broken_clearance(), *map(rfc_key, signers)), TRUST, run_file=RUN), UntrustedKeyError)


def test_the_role_is_approver_unless_the_trust_file_names_keys_for_break_glass() -> None:
    raw = issue_clearance(broken_clearance(), rfc_key(0), rfc_key(1))
    for trust, lacking in (
        (sample_trust(("issuer",), ("reviewer",)), "in the role 'approver'"),
        (sample_trust(("issuer",), ("approver",), ("break-glass",)), "in the role 'break-glass'"),
        (sample_trust(("issuer",), ("break-glass",)), None),
    ):
        if lacking is None:
            verify_clearance(raw, trust, NOW, run_file=RUN)
        else:
            assert f"the approver 'Grace Reviewer' did not sign {lacking}" in refused(raw, trust, run_file=RUN).reasons


def test_a_key_outside_its_window_approves_nothing() -> None:
    late = replace(TRUST, keys=(TRUST.keys[0], replace(TRUST.keys[1], not_before="2026-11-24T12:06:00Z")))
    error = refused(issue_clearance(broken_clearance(), rfc_key(0), rfc_key(1)), late, run_file=RUN)
    assert "the approver 'Grace Reviewer' did not sign in the role 'approver'" in error.reasons


def test_versions_before_3_have_none() -> None:
    for version, clearance in ((1, sample_clearance()), (2, released_clearance())):
        changed = replace(clearance, verdict=VerdictKind.BLOCKED, break_glass=BreakGlass(approver="Grace Reviewer", reason="y"))
        error = refused(sign_anything(changed, rfc_key(0), rfc_key(1)), sample_trust(("issuer",), ("approver", "reviewer")), run_digest=RUN_DIGEST)
        assert any(f"not accepted in version {version}" in reason for reason in error.reasons)


def test_the_warning_says_what_passes_who_let_it_and_why_in_characters_that_steer_nothing() -> None:
    assert warning_lines(bound_clearance()) == ()
    hostile = replace(SAID, approver="Grace \x1b[2J", reason="word\n" * 60, rules=("C001", "D\u202e"), findings=2)
    lines = warning_lines(broken_clearance(break_glass=hostile))
    text = "\n".join(lines)
    assert all(len(line) <= 78 and (line.isprintable()) for line in lines)
    assert "NOT cleared (its verdict is BLOCKED)" in text
    assert all(part in text for part in ("C001, D\\u202e", "Grace \\x1b[2J", "word\\n", "2026-11-25T08:00:00Z"))
