"""From a licence expression to permissions, duties and limits for each use.

AND takes the strictest part and the duties of all. OR lets the licensee choose: for each use the alternative that permits most and asks for least, which is
named. WITH adds an exception, which is not counted on: it only ever permits more, and words that are no exception of the SPDX list make the licence unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from provenance.licensing.classes import ALL_RIGHTS_RESERVED, LicenseCatalog
from provenance.licensing.compatibility import Compatibility, CompatibilityTable
from provenance.licensing.conclusion import UNRECOGNISED
from provenance.licensing.expression import AllOf, AnyOf, Expression, OneLicense, iter_licenses, parse_expression, render
from provenance.licensing.license_class import USES
from provenance.licensing.license_uses import Circumstances, LicenseReason, LicenseUse, Permissions, UseAnswer
from provenance.licensing.single import STRICTNESS, judge
from provenance.model.absence import Absence, Permission, TriState, is_absent

_MADE_OF_IT = frozenset({LicenseUse.DISTRIBUTE_ADAPTED_DATA, LicenseUse.DISTRIBUTE_WEIGHTS})
_LABEL = 400
"""Characters of an expression that a reason names."""
_ABSENT = {
    Absence.NOT_STATED.value: "no licence is stated, and without one there is no permission",
    Absence.UNREADABLE.value: "a licence is stated and could not be read",
}


def permissions(
    catalog: LicenseCatalog, expression: str, asked: Circumstances, *, uses: Iterable[LicenseUse] = tuple(LicenseUse), also: Sequence[str] = ()
) -> Permissions:
    """Return what an expression says about each use.

    Args:
        catalog: The licences known.
        expression: As ``LicenseCatalog.normalize`` returns it: an SPDX expression or a named absence. What does not parse is UNKNOWN.
        asked: The circumstances.
        uses: What is asked about.
        also: Further expressions and absences, all of which apply beside it; together they may be longer than one expression.

    Cost: parts of the expression × uses; an expression is at most 4,096 characters and 40 levels.
    """
    parsed = _all_of((expression, *also)) if also else _parsed(expression)
    if isinstance(parsed, str):
        return Permissions(expression=expression, circumstances=asked, answers=tuple(_unknown(use, expression, parsed) for use in uses))
    named = {render(one): catalog.find(one) for one in iter_licenses(parsed)}
    return Permissions(
        expression=expression,
        circumstances=asked,
        answers=tuple(_fitting(catalog, parsed, _answer(catalog, parsed, use, asked)) for use in uses),
        unknown_ids=tuple(sorted(name for name, found in named.items() if found is None and name != ALL_RIGHTS_RESERVED)),
        notes=tuple(sorted((name, found.note) for name, found in named.items() if found is not None and found.note)),
    )


def _parsed(expression: str) -> Expression | str:
    """Return the value of an expression, or why there is none."""
    if is_absent(expression):
        return _ABSENT.get(expression, "nobody knows which licence applies")
    try:
        return parse_expression(expression)
    except ValueError as err:
        return str(err)


def _all_of(expressions: Sequence[str]) -> Expression:
    """Return the expression that all apply; one that nobody can read stays as terms that are not known, beside which what is known still counts."""
    parts = [_parsed(e) for e in dict.fromkeys(expressions)]
    return AllOf(parts=tuple(OneLicense(id=UNRECOGNISED) if isinstance(p, str) else p for p in parts))


def _unknown(use: LicenseUse, name: str, text: str) -> UseAnswer:
    reason = LicenseReason(license=name, outcome=Permission.UNKNOWN, text=text, rules=("RR02",))
    return UseAnswer(use=use, outcome=Permission.UNKNOWN, reasons=(reason,))


def _fitting(catalog: LicenseCatalog, expression: Expression, answer: UseAnswer) -> UseAnswer:
    """Return the answer on what is made of the data, where several licences apply that may have no common way out."""
    if answer.use not in _MADE_OF_IT or answer.outcome is Permission.PROHIBITED or isinstance(expression, OneLicense):
        return answer
    state = CompatibilityTable.of(catalog).targets_of(expression).compatibility
    weights = answer.use is LicenseUse.DISTRIBUTE_WEIGHTS
    if state is Compatibility.COMPATIBLE or (weights and state is Compatibility.UNKNOWN):
        return answer
    outcome = Permission.PROHIBITED if state is Compatibility.EXCLUDED and not weights else Permission.UNKNOWN
    known = "exclude each other" if state is Compatibility.EXCLUDED else "are not known to fit"
    reach = "; whether share-alike reaches weights is unsettled" if weights else ""
    reason = LicenseReason(
        license=render(expression), outcome=outcome, text=f"its licences {known} for what is made of the data{reach}", rules=("RR17",)
    )
    return replace(answer, outcome=outcome, reasons=(*answer.reasons, reason))


def _answer(catalog: LicenseCatalog, expression: Expression, use: LicenseUse, asked: Circumstances) -> UseAnswer:
    if isinstance(expression, AllOf):
        return strictest_answer(use, [_answer(catalog, part, use, asked) for part in expression.parts])
    if isinstance(expression, AnyOf):
        return _loosest(use, [(part, _answer(catalog, part, use, asked)) for part in expression.parts])
    return _one(catalog, expression, use, asked)


def _one(catalog: LicenseCatalog, license_: OneLicense, use: LicenseUse, asked: Circumstances) -> UseAnswer:
    if license_.id == ALL_RIGHTS_RESERVED:
        reason = LicenseReason(license=license_.id, outcome=Permission.PROHIBITED, text="the holder grants nothing")
        return UseAnswer(use=use, outcome=Permission.PROHIBITED, reasons=(reason,))
    return judge(catalog.find(license_), render(license_), use, asked)


def strictest_answer(use: LicenseUse, parts: Sequence[UseAnswer]) -> UseAnswer:
    """Return what licences that all apply say together; their order does not matter."""
    return UseAnswer(
        use=use,
        outcome=max((p.outcome for p in parts), key=STRICTNESS.index),
        reasons=tuple(sorted({r for p in parts for r in p.reasons}, key=lambda r: (r.license, r.text))),
        duties=tuple(sorted({d for p in parts for d in p.duties}, key=lambda d: (d.code, d.license, d.text))),
        limits=tuple(sorted({x for p in parts for x in p.limits}, key=lambda x: (x.license, x.limit.summary))),
        chosen=tuple(sorted({c for p in parts for c in p.chosen})),
    )


def _loosest(use: LicenseUse, parts: Sequence[tuple[Expression, UseAnswer]]) -> UseAnswer:
    """Return the alternative that permits most, then the one of which most is known, then the one that asks for least."""
    part, answer = min(parts, key=_looseness)
    name = render(part)
    return UseAnswer(
        use=use,
        outcome=answer.outcome,
        reasons=answer.reasons,
        duties=answer.duties,
        limits=answer.limits,
        chosen=tuple(sorted({name, *answer.chosen})),
    )


def _looseness(alternative: tuple[Expression, UseAnswer]) -> tuple[int, int, int, int, str]:
    part, answer = alternative
    unsure = sum(d.certain is TriState.UNKNOWN for d in answer.duties)
    strictest_class = max(USES.index(r.license_class) for r in answer.reasons)
    return STRICTNESS.index(answer.outcome), unsure, len(answer.duties), strictest_class, render(part)
