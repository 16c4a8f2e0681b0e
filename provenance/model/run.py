"""A planned training run, as its run file describes it."""

from __future__ import annotations

from dataclasses import dataclass, field

from provenance.model.absence import Absence, TriState


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
class Purpose:
    """What the model is for."""

    commercial: TriState = TriState.UNKNOWN
    use: str = Absence.UNKNOWN.value
    competes_with: tuple[CompetesWith, ...] = ()
    """Providers not listed count as competed with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyrightPolicy:
    """Where an organisation says how it complies with copyright law (AI Act, Article 53(1)(c))."""

    url: str = Absence.UNKNOWN.value
    date: str = Absence.UNKNOWN.value
    """Day from which it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """Who trains."""

    name: str = Absence.UNKNOWN.value
    monthly_active_users: int | None = None
    established_in: str = Absence.UNKNOWN.value
    copyright_policy: CopyrightPolicy = field(default_factory=CopyrightPolicy)
    contact: str = Absence.UNKNOWN.value
    """Where holders of rights can turn to."""


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
    requested_by: str = Absence.NOT_STATED.value
    digest: str = ""
    """``sha256:<hex>`` of the canonical run document."""
