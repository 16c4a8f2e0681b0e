"""Break-glass: a run that its audit did not clear is started all the same, on the word of a named approver, for at most a day.

Rules, which the verifier enforces and not only who issues:
* Only version 3 of the predicate has it: it says who asked for the run, and which rules' findings are let pass.
* It holds for one run alone: the gate must be told which run starts, by its file or its digest.
* It ends at most 24 hours after it was issued.
* The approver's own key signs, and the approver is neither the issuer nor who asked for the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from provenance.clearance.statement import Clearance
from provenance.clearance.strict_json import parse_time
from provenance.clearance.trust import APPROVER_ROLE, Trust, TrustedKey
from provenance.model.absence import is_absent
from provenance.model.verdict import VerdictKind

BREAK_GLASS_ROLE: Final = "break-glass"
"""Where the trust file gives any key this role, only such keys approve; else those of the role ``approver`` do."""
MAX_HOURS: Final = 24
_LONGEST: Final = timedelta(hours=MAX_HOURS)


def break_glass_role(trust: Trust) -> str:
    """Return the role in which a break-glass approver must sign."""
    return BREAK_GLASS_ROLE if any(BREAK_GLASS_ROLE in key.roles for key in trust.keys) else APPROVER_ROLE


def content_faults(clearance: Clearance) -> tuple[str, ...]:
    """Return why what a break-glass clearance says permits no run, by itself: nothing where it does, or where it is none."""
    if clearance.break_glass is None:
        return ()
    if clearance.rests_on is None:
        return (f"break-glass clearances are not accepted in version {clearance.version}, which does not say who asked for the run",)
    faults = []
    if clearance.verdict is VerdictKind.CLEARED:
        faults.append("the verdict is CLEARED, so there is nothing to let pass by break-glass")
    if clearance.released_by is not None or clearance.releases:
        faults.append("a break-glass clearance rests on no reviewer's release")
    if parse_time(clearance.expires, where="expires") - parse_time(clearance.issued, where="issued") > _LONGEST:
        faults.append(f"a break-glass clearance holds at most {MAX_HOURS} hours; this one is from {clearance.issued} to {clearance.expires}")
    return tuple(faults)


def person_faults(clearance: Clearance) -> tuple[str, ...]:
    """Return why the approver is not a second person; nothing where the clearance is no break-glass."""
    if clearance.break_glass is None or clearance.rests_on is None:
        return ()
    from provenance.fingerprint.persons import is_same_person

    approver, asked = clearance.break_glass.approver, clearance.rests_on.requested_by
    faults = []
    if is_same_person(approver, clearance.issuer.name):
        faults.append(f"{approver!r} both issued the clearance and approved the break-glass")
    if is_absent(asked.strip()):
        faults.append("the run names nobody who asked for it, so nobody can tell that the approver is somebody else")
    elif is_same_person(approver, asked):
        faults.append(f"{approver!r} asked for the run and approved the break-glass")
    return tuple(faults)


def signature_fault(clearance: Clearance, signers: Sequence[TrustedKey], trust: Trust) -> str | None:
    """Return why the approver's signature is missing, ``None`` where it is there or the clearance is no break-glass.

    Args:
        clearance: What was signed.
        signers: The keys whose signatures verify and count now.
        trust: Whom to believe.
    """
    if clearance.break_glass is None or clearance.rests_on is None:
        return None
    approver, role = clearance.break_glass.approver, break_glass_role(trust)
    if any(key.name == approver and role in key.roles for key in signers):
        return None
    return f"the approver {approver!r} did not sign in the role {role!r}"
