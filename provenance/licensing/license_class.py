"""What one licence says, on the axes that matter for training, with what it asks and the limits it sets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provenance.licensing.terms import region_matches
from provenance.model.absence import Absence, Permission, TriState, is_absent

USES = ("public-domain", "commercial", "non-commercial", "research-only", "unspecified", "terms-of-use", "UNKNOWN")
"""Classes from the loosest to the least known."""
OUTPUTS_CLAUSES = (
    "free",
    "silent",
    "allowed-with-naming",
    "see-terms",
    "derivative-if-distilled",
    "no-other-llm",
    "no-other-model",
    "no-competing-model",
    "no-foundational-model",
    "no-general-purpose-model",
    "restricted-noncommercial",
    "aup-bound",
    "licensor-owns+no-other-model",
    "unknown",
)
"""What a licence can say on the outputs of a model."""
_HARMLESS_OUTPUTS = frozenset({"free", "silent", "allowed-with-naming", "see-terms"})
"""Clauses on a model's outputs that leave training on them to what else the licence says."""


class Metric(StrEnum):
    """What a limit is measured by."""

    MONTHLY_ACTIVE_USERS = "monthly-active-users"
    REVENUE = "revenue"


class WhenTested(StrEnum):
    """When a limit is tested."""

    RELEASE = "release"
    """Once, on the day the licensed version was released: later growth does not matter, and a number of today says nothing of that day."""
    ALWAYS = "always"
    UNKNOWN = "UNKNOWN"
    """The text that was read does not tell."""


class Coverage(StrEnum):
    """What a licence is for."""

    CONTENTS = "contents"
    DATABASE = "database"
    """The database as such: single contents may carry other rights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A threshold above which a licence asks for more."""

    metric: Metric
    value: int
    """The threshold itself is still below."""
    unit: str
    """``users`` or a currency, ISO 4217."""
    per: str = Absence.UNKNOWN.value
    """``month`` or ``year``."""
    tested_when: WhenTested = WhenTested.UNKNOWN
    effect: str = "extra-licence"
    """Obligation code of what is asked above it: ``extra-licence:…`` or ``ui-badge:…``."""

    @property
    def bars(self) -> bool:
        """Tell whether the licence itself ends above the limit, so that another one is needed."""
        return not self.effect.startswith("ui-badge:")

    @property
    def summary(self) -> str:
        """Return the limit for people: ``above 700 000 000 users a month (tested on the day of release): extra-licence:mau-700m``."""
        when = {
            WhenTested.RELEASE: "tested once, on the day of release",
            WhenTested.ALWAYS: "tested at all times",
            WhenTested.UNKNOWN: "when it is tested is not known",
        }
        period = "" if self.per == Absence.UNKNOWN.value else f" a {self.per}"
        what = "" if self.metric is Metric.MONTHLY_ACTIVE_USERS else " of revenue"
        return f"above {self.value:,} {self.unit}{what}{period} ({when[self.tested_when]}): {self.effect}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Under which licences with share-alike an adaptation of something may be passed on, as far as is known."""

    under: tuple[str, ...] = ()
    """Ids; ``*`` = all but those that ``not_under`` names."""
    not_under: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseClass:
    """What one licence says, on the axes that matter for training."""

    id: str
    use: str = "UNKNOWN"
    attribution: TriState = TriState.UNKNOWN
    share_alike: TriState = TriState.UNKNOWN
    no_derivatives: TriState = TriState.UNKNOWN
    behavioural_restrictions: TriState = TriState.UNKNOWN
    outputs_clause: str = "unknown"
    redistribution: TriState = TriState.UNKNOWN
    """Whether what is licensed may be passed on."""
    covers: Coverage = Coverage.CONTENTS
    duties: tuple[str, ...] = ()
    """Obligation codes beyond the axes: naming, badges, notices."""
    limits: tuple[Limit, ...] = ()
    excluded_regions: tuple[str, ...] = ()
    """Where it grants nothing."""
    partly_excluded_regions: tuple[str, ...] = ()
    """Where it grants nothing in some of what it is given for, such as multimodal models: a name of the licence alone does not tell which is meant."""
    family: bool = False
    """Whether its name stands for several licences, so that nobody knows which is meant."""
    note: str = ""
    confidence: str = "seen"
    basis: str = Absence.UNKNOWN.value

    def permission(self, commercial: TriState, synthetic: TriState = TriState.NO, region: str = Absence.UNKNOWN.value) -> Permission:
        """Return what the class says about training a model for this kind of use (reading rule 17).

        Args:
            commercial: Whether the run is commercial.
            synthetic: Whether a model made the licensed text; unless it did not, what the licence says on outputs counts too.
            region: Where the licensee is; where the licence grants nothing in some regions, one that is not known may be one of them.
        """
        said = self._said(commercial, synthetic)
        if said is Permission.ALLOWED and (self.family or self.may_end_in(region)):
            said = Permission.UNKNOWN
        if not self.excluded_regions or said is Permission.PROHIBITED or not region_matches(self.excluded_regions, region):
            return said
        return Permission.UNKNOWN if is_absent(region) else Permission.PROHIBITED

    def may_end_in(self, region: str) -> bool:
        """Tell whether it may grant nothing in a region, which depends on what was made under it."""
        return bool(self.partly_excluded_regions) and region_matches(self.partly_excluded_regions, region)

    def _said(self, commercial: TriState, synthetic: TriState) -> Permission:
        if synthetic is not TriState.NO and self.outputs_clause not in _HARMLESS_OUTPUTS:
            if self.outputs_clause == "restricted-noncommercial" and commercial is TriState.YES:
                return Permission.PROHIBITED
            if self.outputs_clause != "restricted-noncommercial" or commercial is not TriState.NO:
                return Permission.UNKNOWN
        if self.use in {"public-domain", "commercial"}:
            return Permission.ALLOWED
        if self.use in {"non-commercial", "research-only"}:
            return {TriState.YES: Permission.PROHIBITED, TriState.NO: Permission.ALLOWED}.get(commercial, Permission.UNKNOWN)
        return Permission.UNKNOWN
