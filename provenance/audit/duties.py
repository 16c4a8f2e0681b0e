"""What licences and terms ask in return: credit, the same licence, a name, a notice, restrictions to pass on. Duties come along with text, whatever was made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from provenance.licensing.classes import LicenseCatalog
from provenance.licensing.license_uses import Circumstances, LicenseUse
from provenance.licensing.permissions import permissions
from provenance.licensing.resolution import TermsAnswer
from provenance.licensing.terms_duties import merged_obligations
from provenance.model.absence import TriState, is_absent
from provenance.model.audit import AskedDuty

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
