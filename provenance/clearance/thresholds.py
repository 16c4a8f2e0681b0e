"""How many persons of each role must sign, and who of them is still to sign.

Counted are persons with distinct keys: two keys of one name, as after a rotation, or of names that may be one person's, count once for a role. A person who holds
several roles counts for each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from provenance.clearance.revocation import CLOCK_SKEW
from provenance.clearance.trust import REVIEWER_ROLE, Trust, TrustedKey
from provenance.fingerprint.persons import count_persons, is_same_person


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """A role of which too few have signed."""

    role: str
    needed: int
    signed: int
    """How many persons of the role signed."""
    can_sign: tuple[str, ...]
    """Names of those who have not and whose keys of the role would count, sorted."""

    def __str__(self) -> str:
        """Return one sentence."""
        rest = (
            f"; still to sign: {_choice(self.can_sign)}"
            if self.can_sign
            else "; nobody else has a key of that role that counts for this time of issue"
        )
        return f"{self.needed} person(s) with a key of role {self.role!r} must sign, {self.signed} did{rest}"


def shortfalls(
    trust: Trust, signers: Iterable[TrustedKey], *, issued: datetime, now: datetime, released: Iterable[TrustedKey] = ()
) -> tuple[Shortfall, ...]:
    """Return the roles of which too few signed.

    Args:
        trust: How many of which role must sign.
        signers: Keys whose signatures count.
        issued: When the clearance was issued; who is still to sign must have a key that counts for it,
        now: and at the verifier's time.
        released: Keys of reviewers whose releases hold: they count for the role of reviewers, for no other.
    """
    signed, reviewed = list(signers), list(released)
    usable = [key for key in trust.keys if key.window_fault(issued, now, skew=CLOCK_SKEW) is None]
    return tuple(
        lack
        for role, needed in trust.thresholds
        if (lack := _shortfall(usable, role, needed, [*signed, *reviewed] if role == REVIEWER_ROLE else signed)) is not None
    )


def _shortfall(usable: Iterable[TrustedKey], role: str, needed: int, signers: Iterable[TrustedKey]) -> Shortfall | None:
    names = {key.name for key in signers if role in key.roles}
    count = count_persons(names)
    if count >= needed:
        return None
    others = {key.name for key in usable if role in key.roles and not any(is_same_person(key.name, name) for name in names)}
    return Shortfall(role=role, needed=needed, signed=count, can_sign=tuple(sorted(others)))


def _choice(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}" if len(names) > 1 else names[0]
