"""What licences are asked about, and what they answer: uses, the circumstances of a use, and outcomes with the licence and the reason they rest on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from provenance.licensing.license_class import Limit
from provenance.model.absence import Absence, Permission, TriState


class LicenseUse(StrEnum):
    """What may be done with licensed text; each is judged apart."""

    TRAIN = "train"
    """Train a model for the purpose that the question states."""
    COMMERCIAL = "commercial"
    """Train a model for commercial use."""
    TRAIN_NONCOMMERCIAL = "train_noncommercial"
    DISTRIBUTE_WEIGHTS = "distribute_weights"
    """Pass on the weights of a model that was trained on it."""
    DISTRIBUTE_DATA = "distribute_data"
    """Pass the data on as they are, alone or in a collection."""
    DISTRIBUTE_ADAPTED_DATA = "distribute_adapted_data"
    """Pass on what was made of the data: filtered, translated, merged into one."""
    TRAIN_ON_OUTPUTS = "train_on_outputs"
    """Train other models on what a model writes that is under this licence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What decides whether a use is permitted. What is not known stays UNKNOWN."""

    commercial: TriState = TriState.UNKNOWN
    synthetic: TriState = TriState.NO
    """Whether a model made the licensed text."""
    competes: TriState = TriState.UNKNOWN
    """Whether the model competes with the licensor's."""
    region: str = Absence.UNKNOWN.value
    monthly_active_users: int | None = None
    """Of the licensee now; ``None`` = not known."""
    share_alike_reaches_weights: bool = False
    """The stricter reading of rule 17: share-alike leaves distribution of weights UNKNOWN whatever the licence says on outputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseReason:
    """Why one licence says what it says."""

    license: str
    outcome: Permission
    text: str
    rules: tuple[str, ...] = ()
    """Reading rules that it rests on."""
    license_class: str = "UNKNOWN"
    """Class of the licence, such as ``commercial``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What a licence asks in return."""

    code: str
    """As ``docs/licences.md`` lists them: ``attribution:required``, ``share-alike``, ``flow-down:use-restrictions``, ``name-prefix:…`` …"""
    license: str
    text: str
    certain: TriState = TriState.YES
    """UNKNOWN where nobody knows whether the licence asks for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LicenseLimit:
    """A threshold of one licence."""

    license: str
    limit: Limit
    exceeded: TriState
    """UNKNOWN where no number is given, or it is not of the day on which the limit is tested."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseAnswer:
    """What an expression says about one use."""

    use: LicenseUse
    outcome: Permission
    reasons: tuple[LicenseReason, ...] = ()
    """Of the licences that apply, those chosen; sorted by licence."""
    duties: tuple[Duty, ...] = ()
    limits: tuple[LicenseLimit, ...] = ()
    chosen: tuple[str, ...] = ()
    """The alternatives that were chosen where licences offer a choice."""

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the reading rules that the answer rests on."""
        return tuple(sorted({rule for reason in self.reasons for rule in reason.rules}))

    @property
    def decisive(self) -> tuple[LicenseReason, ...]:
        """Return the reasons that make the outcome what it is."""
        return tuple(r for r in self.reasons if r.outcome is self.outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """What an expression says about every use."""

    expression: str
    circumstances: Circumstances
    answers: tuple[UseAnswer, ...]
    unknown_ids: tuple[str, ...] = ()
    """Licences that no catalogue describes."""
    notes: tuple[tuple[str, str], ...] = field(default=())
    """(licence, what to know of it), sorted."""

    def answer(self, use: LicenseUse) -> UseAnswer:
        """Return the answer for one use."""
        return next(a for a in self.answers if a.use is use)
