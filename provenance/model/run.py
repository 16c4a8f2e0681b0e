"""A planned training run, as its run file describes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from provenance.model.absence import Absence, TriState, is_absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """How the model will be released."""

    weights: str = Absence.UNKNOWN.value
    """``open``, ``closed`` or a named absence."""
    markets: tuple[str, ...] = ()
    date: str = Absence.UNKNOWN.value
    license: str = Absence.UNKNOWN.value
    """Licence under which the weights will be released: an SPDX expression, ``LicenseRef-…`` or a common name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPlan:
    """The model to be trained."""

    name: str
    base: str | None = None
    """Model that training starts from, ``none`` where it starts from nothing; ``None`` where nobody says."""
    kind: str = Absence.UNKNOWN.value
    parameters: float | None = None
    release: Release = field(default_factory=Release)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompetesWith:
    """A statement on whether the model competes with one provider's."""

    provider: str
    value: bool
    who: str = Absence.NOT_STATED.value
    why: str = Absence.NOT_STATED.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Imitates:
    """A statement on whether the model is to behave like one provider's."""

    provider: str
    value: TriState
    who: str = Absence.NOT_STATED.value
    why: str = Absence.NOT_STATED.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """What the model is for."""

    commercial: TriState = TriState.UNKNOWN
    use: str = Absence.UNKNOWN.value
    competes_with: tuple[CompetesWith, ...] = ()
    """Providers not listed count as competed with."""
    imitates: tuple[Imitates, ...] = ()
    """Of providers not listed nobody knows it."""
    distribute_data: str = Absence.NOT_STATED.value
    """Whether the text itself is handed to others: ``YES``, ``NO`` or a named absence. A run that does not state it keeps its data to itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyrightPolicy:
    """Where an organisation says how it complies with copyright law (AI Act, Article 53(1)(c))."""

    url: str = Absence.UNKNOWN.value
    date: str = Absence.UNKNOWN.value
    """Day from which it holds."""


class Period(StrEnum):
    """The time in which a revenue was earned."""

    YEAR = "year"
    MONTH = "month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revenue:
    """What an organisation earns."""

    amount: float
    currency: str
    """Three capital letters of ISO 4217."""
    period: Period
    as_of: str = Absence.UNKNOWN.value
    """Last day of the period."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsersOn:
    """How many people used what an organisation offers in the month that ends with a day."""

    date: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """Who trains."""

    name: str = Absence.UNKNOWN.value
    monthly_active_users: int | None = None
    monthly_active_users_at: tuple[UsersOn, ...] = ()
    """Counts of other days, for texts that test the count of one day for ever."""
    revenue: Revenue | None = None
    established_in: str = Absence.UNKNOWN.value
    copyright_policy: CopyrightPolicy = field(default_factory=CopyrightPolicy)
    contact: str = Absence.UNKNOWN.value
    """Where holders of rights can turn to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalEvidence:
    """Where an approval can be read."""

    url: str = Absence.NOT_STATED.value
    file: str = Absence.NOT_STATED.value
    """Relative to the run file, whose reader holds it against ``sha256``."""
    sha256: str = Absence.NOT_STATED.value

    @property
    def place(self) -> str:
        """Return where it is; empty where nobody says."""
        return next((p for p in (self.file, self.url) if not is_absent(p)), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderApproval:
    """A permission that a provider gave in writing (reading rule 8)."""

    provider: str = Absence.NOT_STATED.value
    terms: str = Absence.NOT_STATED.value
    """Id of the one terms version that it is given under; give this or the provider."""
    model: str = Absence.NOT_STATED.value
    """The provider's model whose outputs it is for; not stated = all."""
    scope: tuple[str, ...] = ()
    """Uses that it permits; none named = whatever its bar forbids."""
    who: str = Absence.NOT_STATED.value
    """Who recorded it."""
    day: str = Absence.NOT_STATED.value
    """Day on which it was given."""
    evidence: ApprovalEvidence = field(default_factory=ApprovalEvidence)

    @property
    def of(self) -> str:
        """Return the provider, or the terms, that it is of."""
        return self.provider if is_absent(self.terms) else self.terms

    def lacks(self, today: str) -> tuple[str, ...]:
        """Return why it does not count on a day; nothing where it does."""
        found = (
            ("nobody says who recorded it", is_absent(self.who)),
            ("it has no day", is_absent(self.day)),
            (f"its day {self.day} is not past yet", not is_absent(self.day) and self.day > today),
            ("it has no evidence (url or file)", not self.evidence.place),
            ("its evidence has no sha256", bool(self.evidence.place) and is_absent(self.evidence.sha256)),
        )
        return tuple(words for words, is_so in found if is_so)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunData:
    """One dataset of the mixture. ``weight`` is the share of sampled tokens; give weights or epochs, never both."""

    dataset: str
    """Name, or ``name@sha256:<root>`` to pin a version."""
    weight: float | None = None
    epochs: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A parsed run file."""

    model: ModelPlan
    purpose: Purpose
    organization: Organization
    data: tuple[RunData, ...]
    references: tuple[str, ...] = ()
    """Names of reference sets."""
    policy: tuple[str, ...] = ()
    """Paths of policy bundles, as written."""
    waivers: str | None = None
    approvals: tuple[ProviderApproval, ...] = ()
    requested_by: str = Absence.NOT_STATED.value
    digest: str = ""
    """``sha256:<hex>`` of the canonical run document."""
    file_digest: str = ""
    """``sha256:<hex>`` of the run file's bytes; empty where there was no file, or its run was changed since it was read."""
