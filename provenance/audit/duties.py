"""What licences and terms ask in return: credit, the same licence, a name, a notice, restrictions to pass on. Duties come along with text, whatever was made of it."""

from __future__ import annotations

from collections.abc import Iterator

from provenance.licensing.classes import LicenseAssessment
from provenance.licensing.resolution import TermsLayer
from provenance.model.absence import TriState


def license_duties(value: str, found: LicenseAssessment) -> Iterator[str]:
    """Yield what one licence asks; what is not known to be asked is a matter of rules, not of duties."""
    if found.attribution is TriState.YES:
        yield f"attribution: keep the credit that {value} asks for"
    if found.share_alike is TriState.YES:
        yield f"share-alike: {value} binds adaptations"
    if found.behavioural_restrictions is TriState.YES:
        yield f"flow-down: pass the use restrictions of {value} on"


def terms_duties(layer: TermsLayer) -> Iterator[str]:
    """Yield what one text asks of those who use outputs: naming, badges, notices, passing on."""
    for clause in layer.duties:
        quote = f', "{clause.quote}"' if clause.quote else ""
        yield f"{clause.value}: {layer.terms} asks for it{quote}"
