"""What licences and terms ask in return: credit, the same licence, a name, a notice, restrictions to pass on. Duties come along with text, whatever was made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provenance.audit.naming import base_licenses
from provenance.licensing.classes import LicenseCatalog
from provenance.licensing.license_uses import Circumstances, LicenseUse
from provenance.licensing.permissions import permissions
from provenance.licensing.resolution import TermsAnswer
from provenance.licensing.terms import TermsCatalog
from provenance.licensing.terms_duties import merged_obligations
from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AskedDuty
from provenance.model.run import Run

_ELSEWHERE = ("exception", "approval", "distribute-data", "collection")
"""When a duty of a model's licence concerns other things than a model made from it."""
_AXES = frozenset({"attribution:required", "share-alike", "flow-down:use-restrictions"})
"""Duties of which a licence may leave open whether it asks for them: rules judge that. Of others the threshold is open."""
_USES = (LicenseUse.TRAIN, LicenseUse.DISTRIBUTE_WEIGHTS)


def license_duties(value: str, catalog: LicenseCatalog, commercial: TriState) -> Iterator[AskedDuty]:
    """Yield what a licence surely asks, or may ask by its threshold; what is not known to be asked is a matter of rules, not of duties."""
    if is_absent(value):
        return
    answers = permissions(catalog, value, Circumstances(commercial=commercial), uses=_USES).answers
    for duty in dict.fromkeys(d for answer in answers for d in answer.duties):
        if duty.certain is TriState.YES or (duty.certain is TriState.UNKNOWN and duty.code not in _AXES):
            yield AskedDuty(code=duty.code, summary=duty.text, asked_by=duty.license, due=duty.certain)


def terms_duties(answers: Iterable[TermsAnswer]) -> Iterator[AskedDuty]:
    """Yield what terms ask of those who use outputs or pages: naming, badges, notices, passing on, thresholds."""
    for duty in merged_obligations(o for answer in answers for o in answer.obligations):
        yield AskedDuty(code=duty.code, summary=duty.summary, asked_by=duty.terms, source=duty.source, due=duty.due, tested_when=duty.tested_when)


def base_duties(run: Run, catalog: TermsCatalog) -> Iterator[AskedDuty]:
    """Yield what the licence of the model asks that training starts from: what comes out of it holds the licensed material."""
    released = {"open": TriState.YES, "closed": TriState.NO}.get(run.model.release.weights, TriState.UNKNOWN)
    due = {"distribute-weights": released, "commercial": run.purpose.commercial, **dict.fromkeys(_ELSEWHERE, TriState.NO)}
    for entry in base_licenses(run.model.base, catalog):
        for duty in entry.duties:
            state = due.get(duty.when, TriState.YES)
            if state is not TriState.NO:
                yield AskedDuty(
                    code=duty.code,
                    summary=duty.summary,
                    asked_by=entry.id,
                    source=entry.source,
                    due=state,
                    tested_when=duty.tested_when,
                    place="the model that training starts from",
                    dataset=str(run.model.base),
                )
