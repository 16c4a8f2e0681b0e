"""What somebody says of content: dates, evidence, and licence claims of several parties kept apart."""

from __future__ import annotations

from dataclasses import dataclass, field

from provenance.model.absence import Absence, is_absent


@dataclass(frozen=True, slots=True, kw_only=True)
class DateRange:
    """An inclusive range of days, ISO 8601; an absent end is ``UNKNOWN``."""

    start: str = field(default=Absence.UNKNOWN.value, metadata={"wire": "from"})
    """First day, ``YYYY-MM-DD``, or a named absence."""
    end: str = field(default=Absence.UNKNOWN.value, metadata={"wire": "to"})
    """Last day, included."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What backs a claim: the document it was read in, and the address it speaks of."""

    url: str = Absence.NOT_STATED.value
    """The address that the claim speaks of. Where ``fetched_at`` is known, the document is what was there; else it may only name the address."""
    fetched_at: str = Absence.UNKNOWN.value
    """When the address was fetched."""
    sha256: str = Absence.UNKNOWN.value
    """Digest of the document that was read: its bytes are kept under it beside the registry."""
    snapshot: str = Absence.UNKNOWN.value
    """What the document was called, or where a copy is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseClaim:
    """One party's statement of a licence: normalised, with the original wording kept."""

    value: str = Absence.UNKNOWN.value
    """SPDX expression, ``LicenseRef-…``, or a named absence."""
    original: str = ""
    """What the source said, before normalisation."""
    by: str = Absence.UNKNOWN.value
    """Who says so: ``registrant``, ``card``, ``file``, ``publisher``, a person …"""
    evidence: Evidence = field(default_factory=Evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseFacts:
    """Declared, detected and concluded licence, kept apart."""

    declared: LicenseClaim = field(default_factory=LicenseClaim)
    detected: LicenseClaim = field(default_factory=LicenseClaim)
    concluded: LicenseClaim = field(default_factory=LicenseClaim)
    stated: tuple[LicenseClaim, ...] = ()
    """What each place that was looked at says, in its own words: cards, licence files, record columns, catalogues. They may contradict one another."""
    expires: str = Absence.NOT_STATED.value
    """Last day on which the effective licence holds, ``YYYY-MM-DD``."""

    @property
    def effective(self) -> str:
        """Return the concluded licence, else the declared one, else why there is none. A detected one never loosens a declared one."""
        return self.declared.value if is_absent(self.concluded.value) else self.concluded.value
