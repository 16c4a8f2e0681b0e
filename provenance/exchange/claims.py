"""Licence statements of foreign sources: the original wording, what it means, and the strictest of several."""

from __future__ import annotations

import re
from collections.abc import Iterable

from provenance.licensing.classes import LicenseAssessment, shipped_licenses
from provenance.licensing.license_class import USES
from provenance.model.absence import Absence, Permission, TriState, is_absent
from provenance.model.claims import Evidence, LicenseClaim, LicenseFacts

_IDENTIFIER_URL = re.compile(
    r"https?://(?:www\.)?(?:choosealicense\.com/licenses|spdx\.org/licenses|opensource\.org/licenses?)/([A-Za-z0-9.+-]+?)(?:\.html|\.json|/)?$"
)
"""Sites whose addresses end in the licence's identifier."""
_PERMISSIONS = (Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED)
_SPDX_WORDS = {"NOASSERTION": Absence.UNKNOWN.value, "NONE": Absence.NOT_STATED.value}
"""SPDX's words for what is not known and for what is not stated: they are no licences."""
_NAMELESS = frozenset({"unknown", "unspecified", "undefined"})


def claim_of(original: str, *, by: str, evidence: Evidence) -> LicenseClaim:
    """Return what somebody says of a licence, in their words and normalised."""
    if original == Absence.UNREADABLE:
        return LicenseClaim(value=Absence.UNREADABLE.value, by=by, evidence=evidence)
    if original in _SPDX_WORDS:
        return LicenseClaim(value=_SPDX_WORDS[original], original=original, by=by, evidence=evidence)
    value = shipped_licenses().normalize(original)[0]
    found = _IDENTIFIER_URL.match(original)
    if value == Absence.UNKNOWN and found is not None and found[1].lower() not in _NAMELESS:
        value = shipped_licenses().normalize(found[1])[0]
    return LicenseClaim(value=value, original=original, by=by, evidence=evidence)


def facts_of(stated: Iterable[LicenseClaim], *, by: str, evidence: Evidence) -> LicenseFacts:
    """Return licence facts of all that a source states: the strictest licence is the declared one.

    Args:
        stated: Every statement. A source that was read and states none is ``NOT_STATED``.
        by: Who was read.
        evidence: What was read.
    """
    claims = tuple(dict.fromkeys(stated))
    if not claims:
        return LicenseFacts(declared=LicenseClaim(value=Absence.NOT_STATED.value, by=by, evidence=evidence))
    return LicenseFacts(declared=max(claims, key=_strictness), stated=claims)


def _strictness(claim: LicenseClaim) -> tuple[int, int, int]:
    """Order claims: a licence before none at all, then by what it forbids and demands."""
    found = shipped_licenses().assess(claim.value, TriState.YES)
    return int(not is_absent(claim.value)), _PERMISSIONS.index(found.this_use), USES.index(found.use) * 8 + _duties(found)


def _duties(found: LicenseAssessment) -> int:
    duties = (found.attribution, found.share_alike, found.no_derivatives, found.behavioural_restrictions)
    return sum(d is not TriState.NO for d in duties)
