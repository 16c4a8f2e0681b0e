"""Answers on terms: what each layer says, what holds for each use, and what that asks in return."""

from __future__ import annotations

from dataclasses import dataclass

from provenance.licensing.disagreements import Conflict
from provenance.licensing.splits import Split
from provenance.licensing.terms_duties import Obligation
from provenance.licensing.terms_nearby import Nearby
from provenance.licensing.terms_values import Clause
from provenance.licensing.uses import Use
from provenance.model.absence import Permission
from provenance.model.finding import ClauseCitation


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsLayer:
    """One version that applied, or may have, with what it says about what was asked."""

    terms: str
    title: str
    provider: str
    effective_from: str
    effective_to: str
    outcome: Permission | None
    """The strictest of what it says about the uses asked; ``None`` = the text is silent."""
    clauses: tuple[ClauseCitation, ...]
    reason: str
    duties: tuple[Clause, ...] = ()
    """What it asks in return, in its own words: names, badges, notices, passing on."""
    why: str = ""
    """Why it applies."""
    applies: str = "surely"
    """``surely`` or ``possibly``."""
    says: tuple[tuple[str, Permission | None], ...] = ()
    """Use → what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseAnswer:
    """What all layers together say about one use."""

    use: Use
    outcome: Permission
    layers: tuple[tuple[str, Permission | None], ...]
    """Terms id → what it says; ``None`` = silent."""
    clauses: tuple[ClauseCitation, ...]
    rules: tuple[str, ...]
    reasons: tuple[str, ...]
    obligations: tuple[Obligation, ...]
    conflicts: tuple[Conflict, ...]
    missing: tuple[str, ...]
    """Names of facts that would settle it, such as ``competing``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TermsAnswer:
    """What all layers together say."""

    outcome: Permission
    layers: tuple[TermsLayer, ...]
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    """Reading rules that the answer rests on, such as ``RR03``."""
    uses: tuple[UseAnswer, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    splits: tuple[Split, ...] = ()
    """Parts of the interval with an outcome of their own, where they differ (RR04)."""
    missing: tuple[str, ...] = ()
    nearby: tuple[Nearby, ...] = ()
    """Texts beside the days that none covers; they decide nothing."""

    @property
    def clauses(self) -> tuple[ClauseCitation, ...]:
        """Return the citations of the layers that decided; where what a run may do decides, of those that would bar it."""
        deciding = [layer for layer in self.layers if layer.outcome is self.outcome]
        barring = [layer for layer in self.layers if layer.outcome is Permission.PROHIBITED and self.outcome is Permission.UNKNOWN]
        return tuple(c for layer in (*deciding, *barring) for c in layer.clauses)
