"""What training text is compared with: known API outputs, works, licence texts, background."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from provenance.model.absence import Absence
from provenance.model.dataset import DateRange


class ReferenceKind(StrEnum):
    """What a reference is, which decides what a match with it means."""

    API_OUTPUT = "api-output"
    WORK = "work"
    LICENSE_TEXT = "license-text"
    BACKGROUND = "background"
    """Text that explains matches away; it never raises an alarm."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRecord:
    """One reference without its text: who, what, under which licence or by which model."""

    id: str
    kind: ReferenceKind
    prompt: str | None = None
    title: str = Absence.UNKNOWN.value
    author: str = Absence.UNKNOWN.value
    holder: str = Absence.UNKNOWN.value
    """Who holds the rights; ``PUBLIC-DOMAIN`` where nobody does."""
    edition_family: str | None = None
    license: str = Absence.UNKNOWN.value
    provider: str = Absence.UNKNOWN.value
    model: str = Absence.UNKNOWN.value
    channel: str = Absence.UNKNOWN.value
    region: str = Absence.UNKNOWN.value
    generated: DateRange = field(default_factory=DateRange)
    source: str = Absence.UNKNOWN.value
    call: str | None = None
    """The gateway log's id of the API call."""
    words: int = 0
    """Words of its text; 0 where nobody has counted them."""
