"""What detections say together."""

from __future__ import annotations

from collections.abc import Iterable

from provenance.licensing.expression import AllOf, Expression, parse_expression, render
from provenance.model.absence import Absence, is_absent
from provenance.model.license_detection import DetectionMethod, LicenseDetection

UNRECOGNISED = "LicenseRef-unrecognised-terms"
"""Stands in an expression for words that nobody could read as a licence: what they permit is not known."""


def conclude(detections: Iterable[LicenseDetection]) -> str:
    """Return the expression of all licences found, joined by AND: ``NOT_STATED`` without any, ``UNKNOWN`` or ``UNREADABLE`` where none could be told.

    An acknowledgement tells the licence of some part: alone it leaves that of the whole unknown.
    """
    found = list(detections)
    partial = [d for d in found if d.method is DetectionMethod.ACKNOWLEDGEMENT]
    rest = [Absence.UNKNOWN.value] if partial and len(partial) == len(found) else []
    return join_all([*(d.expression for d in found), *rest])


def join_all(expressions: Iterable[str]) -> str:
    """Return expressions and named absences joined by AND; an absence beside others counts as terms that are not known, ``NOT_STATED`` as nothing.

    >>> join_all(["MIT", "CC-BY-NC-4.0 OR MIT", "MIT"]), join_all(["MIT", "UNKNOWN"]), join_all(["UNKNOWN"]), join_all([])
    ('MIT AND (CC-BY-NC-4.0 OR MIT)', 'MIT AND LicenseRef-unrecognised-terms', 'UNKNOWN', 'NOT_STATED')
    """
    distinct = [e for e in dict.fromkeys(expressions) if e != Absence.NOT_STATED]
    known = [e for e in distinct if not is_absent(e)]
    if not known:
        return next((e for e in (Absence.UNKNOWN.value, Absence.UNREADABLE.value) if e in distinct), Absence.NOT_STATED.value)
    if len(known) < len(distinct):
        known = list(dict.fromkeys([*known, UNRECOGNISED]))
    if len(known) == 1:
        return known[0]
    parts: list[Expression] = []
    for parsed in map(parse_expression, known):
        parts += parsed.parts if isinstance(parsed, AllOf) else [parsed]
    return render(AllOf(parts=tuple(dict.fromkeys(parts))))
