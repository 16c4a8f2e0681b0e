"""What is asked of terms: the uses, each judged apart, and the facts of the run that they depend on. A fact that nobody states is UNKNOWN."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from provenance.licensing.terms_names import normalize_model, normalize_provider
from provenance.model.absence import Absence, Permission, TriState, is_absent
from provenance.model.run import Revenue, UsersOn


class Use(StrEnum):
    """One thing that somebody may want to do with text."""

    TRAIN_ANY_MODEL = "train_any_model"
    """Train the model that the run describes."""
    TRAIN_COMPETING = "train_competing"
    """Train a model that competes with the provider, whatever the run says."""
    DISTIL = "distil"
    """Imitate the provider's model."""
    CLASSIFIER = "classifier"
    """Train what only classifies, labels, ranks or embeds."""
    COMMERCIAL = "commercial"
    """Train for a commercial purpose."""
    DISTRIBUTE_WEIGHTS = "distribute_weights"
    """Train a model and hand its weights to others."""
    DISTRIBUTE_DATA = "distribute_data"
    """Hand the text itself to others."""
    SAME_FAMILY = "same_family"
    """Train a model of the family that made the text."""
    TRAIN_NONCOMMERCIAL = "train_noncommercial"
    """Train for a purpose that is not commercial."""
    EVALUATION = "evaluation"
    """Measure models with it, train none."""
    COLLECTION = "collection"
    """The means: whether the text was obtained in a permitted way."""


TRAINING = frozenset(Use) - {Use.DISTRIBUTE_DATA, Use.EVALUATION, Use.COLLECTION}
"""Uses that train a model."""
MODEL_KINDS = ("llm", "classifier", "embedding", "other")
"""Kinds of model that a bar's object may or may not name."""
STRICTNESS = (Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED)
"""From the loosest answer to the strictest (RR03)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A permission that a provider gave in writing, as somebody recorded it. Without a person, a day and evidence it counts for nothing (RR08)."""

    terms: str = ""
    """Id of the terms version that it is given under; empty = all of the provider's."""
    provider: str = ""
    who: str = ""
    when: str = ""
    evidence: str = ""
    model: str = ""
    """The provider's model whose outputs it is for; empty = all."""
    uses: frozenset[Use] = frozenset()
    """What it permits; empty = whatever its bar forbids."""

    @property
    def is_complete(self) -> bool:
        """Tell whether all that an approval needs is there."""
        return bool((self.terms or self.provider) and self.who and self.when and self.evidence)

    def reaches(self, *, terms: str, provider: str, model: str, use: Use) -> bool:
        """Tell whether it is for a text, a model that it governs, and a use."""
        of_text = self.terms == terms if self.terms else normalize_provider(self.provider) == provider
        of_model = not self.model or (not is_absent(model) and normalize_model(self.model) == normalize_model(model))
        return self.is_complete and of_text and of_model and (not self.uses or use in self.uses)

    def is_given_by(self, last: dt.date) -> bool:
        """Tell whether it was given on a day or before it."""
        return not dt.date.fromisoformat(self.when) > last

    def is_given_since(self, first: dt.date) -> bool:
        """Tell whether it was given on a day or after it; one whose day cannot be read was not."""
        try:
            return dt.date.fromisoformat(self.when) >= first
        except ValueError:
            return False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunUse:
    """What a run does, as far as terms care."""

    commercial: TriState = TriState.UNKNOWN
    distribute_weights: TriState = TriState.UNKNOWN
    distribute_data: TriState = TriState.NO
    """A training run keeps its data to itself unless it says otherwise."""
    not_competing_with: tuple[str, ...] = ()
    """Providers with which the model does not compete, by somebody's statement."""
    competing_with: tuple[str, ...] = ()
    others_compete: TriState = TriState.UNKNOWN
    """What holds for every other provider; an audit takes YES, as docs/formats/run.md says."""
    kind: str = Absence.UNKNOWN.value
    """One of ``MODEL_KINDS``; a run that does not say counts as what a bar names."""
    family: str = Absence.UNKNOWN.value
    """Family of the model that is trained, such as ``llama-3``."""
    same_family: TriState = TriState.UNKNOWN
    """YES = the model is of the family that made the text, whichever that is."""
    imitates: TriState = TriState.UNKNOWN
    """Whether the model is to behave like the one that made the text, where the two lists below do not say."""
    imitating: tuple[str, ...] = ()
    """Providers whose models the model is to behave like."""
    not_imitating: tuple[str, ...] = ()
    """Providers whose models it is not to behave like, by somebody's statement."""
    similar: TriState = TriState.UNKNOWN
    """Whether the model is similar to the service that made the text; some texts bar that beside what competes."""
    grounded: TriState = TriState.UNKNOWN
    """Whether the outputs rest on search results."""
    automated: TriState = TriState.UNKNOWN
    """Whether the text was gathered by program."""
    output_type: str = "text"
    """``text``, ``image``, ``voice`` …: this program reads text."""
    access: str = Absence.UNKNOWN.value
    """Of a site: ``crawl``, ``data-api`` or ``dump``."""
    obtained: str = Absence.UNKNOWN.value
    """``own-account`` or ``third-party``; it never loosens anything."""
    release_date: str = Absence.UNKNOWN.value
    """Day on which users were counted; a count without one is taken as of the day that the text tests."""
    monthly_active_users: int | None = None
    users_on: tuple[UsersOn, ...] = ()
    """Counts of users of single days."""
    revenue: Revenue | None = None
    approvals: tuple[Approval, ...] = ()

    def competes(self, provider: str) -> TriState:
        """Tell whether the model competes with a provider."""
        name = normalize_provider(provider)
        if name in {normalize_provider(p) for p in self.competing_with}:
            return TriState.YES
        return TriState.NO if name in {normalize_provider(p) for p in self.not_competing_with} else self.others_compete

    def approval(self, *, terms: str, provider: str, model: str, use: Use, since: dt.date = dt.date.min) -> Approval | None:
        """Return a recorded approval that reaches a use of what a model made under a text: one given before the text began speaks of another text (RR08)."""
        found = (a for a in self.approvals if a.is_given_since(since))
        return next((a for a in found if a.reaches(terms=terms, provider=provider, model=model, use=use)), None)

    def toward(self, provider: str, speaking: Iterable[str]) -> RunUse:
        """Return the run as it stands to what made one text: it may imitate the models of one provider and not those of another.

        Args:
            provider: Who made the text; empty where nobody says.
            speaking: Providers whose texts over it speak of imitating. That none of theirs is imitated has to be stated of each.
        """
        if not self.imitating and not self.not_imitating:
            return self
        asked = {self._imitates(p) for p in (set(speaking) or {provider})}
        found = TriState.YES if TriState.YES in asked | {self._imitates(provider)} else TriState.NO if asked == {TriState.NO} else TriState.UNKNOWN
        return replace(self, imitates=found, imitating=(), not_imitating=())

    def _imitates(self, provider: str) -> TriState:
        name = normalize_provider(provider)
        if name in {normalize_provider(p) for p in self.imitating}:
            return TriState.YES
        return TriState.NO if name in {normalize_provider(p) for p in self.not_imitating} else self.imitates


def as_use(run: RunUse, use: Use) -> RunUse:
    """Return the run as a use supposes it to be: each use is the run with one fact taken as given."""
    if use is Use.TRAIN_COMPETING:
        return replace(run, competing_with=(), not_competing_with=(), others_compete=TriState.YES)
    if use is Use.CLASSIFIER:
        return replace(run, kind=run.kind if run.kind in {"classifier", "embedding"} else "classifier")
    supposed = _SUPPOSED.get(use)
    return run if supposed is None else supposed(run)


_SUPPOSED: Mapping[Use, Callable[[RunUse], RunUse]] = {
    Use.SAME_FAMILY: lambda run: replace(run, same_family=TriState.YES),
    Use.DISTIL: lambda run: replace(run, imitates=TriState.YES),
    Use.DISTRIBUTE_WEIGHTS: lambda run: replace(run, distribute_weights=TriState.YES),
    Use.COMMERCIAL: lambda run: replace(run, commercial=TriState.YES),
    Use.TRAIN_NONCOMMERCIAL: lambda run: replace(run, commercial=TriState.NO),
}
"""Use → the run with the one fact that the use takes as given."""


def uses_of(run: RunUse) -> tuple[tuple[Use, bool], ...]:
    """Return the uses that a run makes, each with whether that is certain: what it may do counts too, but cannot be held against it as done."""
    facts = (
        (Use.COMMERCIAL, run.commercial),
        (Use.DISTRIBUTE_WEIGHTS, run.distribute_weights),
        (Use.DISTRIBUTE_DATA, run.distribute_data),
        (Use.DISTIL, run.imitates),
    )
    return ((Use.TRAIN_ANY_MODEL, True), *((use, fact is TriState.YES) for use, fact in facts if fact is not TriState.NO))


def strictest_of(outcomes: list[Permission]) -> Permission:
    """Return the strictest answer; none at all is UNKNOWN.

    >>> strictest_of([Permission.ALLOWED, Permission.UNKNOWN]).value
    'UNKNOWN'
    """
    return max(outcomes, key=STRICTNESS.index, default=Permission.UNKNOWN)


def both(first: TriState, second: TriState) -> TriState:
    """Return whether two things hold together."""
    if TriState.NO in {first, second}:
        return TriState.NO
    return TriState.YES if first is second is TriState.YES else TriState.UNKNOWN
