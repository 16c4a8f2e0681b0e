"""What one clause of one text says about one use, and what it would have to know to say more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provenance.licensing.terms_names import glob_matches
from provenance.licensing.terms_values import Clause, TermsVersion
from provenance.licensing.uses import RunUse, Use
from provenance.model.absence import Permission, TriState, is_absent


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """How text came about, as far as one candidate reading of the facts goes."""

    model: str
    channel: str
    region: str
    access: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One clause's answer."""

    clause: Clause
    outcome: Permission | None
    """``None`` = it decides nothing (RR02)."""
    reason: str
    rules: tuple[str, ...]
    missing: tuple[str, ...] = ()
    """Names of facts that would settle it."""
    duties: tuple[str, ...] = ()
    """Codes of what it asks in return: ``no-distribution`` or ``written-approval``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """One text, one use, and the facts it is judged by."""

    entry: TermsVersion
    use: Use
    run: RunUse
    made: Made

    @property
    def competes(self) -> TriState:
        """Tell whether the model competes with the text's provider."""
        return self.run.competes(self.entry.provider)

    @property
    def has_approval(self) -> bool:
        """Tell whether an approval of the text's provider is recorded that reaches the model and the use, and is not older than the text (RR08)."""
        entry = self.entry
        found = self.run.approval(terms=entry.id, provider=entry.provider, model=self.made.model, use=self.use, since=entry.starts_possibly)
        return found is not None

    def is_same_family(self, names: Sequence[str]) -> TriState:
        """Tell whether the model is of the family that a text frees."""
        if self.run.same_family is not TriState.UNKNOWN:
            return self.run.same_family
        if is_absent(self.run.family):
            return TriState.UNKNOWN
        globs = (*(n.lower().replace(" ", "-") for n in names), *(m for m in self.entry.models if m != "*"))
        return TriState.of(glob_matches(globs, self.entry.not_models, self.run.family))


def neutral(clause: Clause, reason: str, *rules: str) -> Said:
    """Return an answer that decides nothing."""
    return Said(clause=clause, outcome=None, reason=reason, rules=rules)


def allowed(clause: Clause, reason: str, *rules: str, duties: tuple[str, ...] = ()) -> Said:
    """Return a permission."""
    return Said(clause=clause, outcome=Permission.ALLOWED, reason=reason, rules=rules, duties=duties)


def unknown(clause: Clause, reason: str, *rules: str, missing: tuple[str, ...] = ()) -> Said:
    """Return an answer that waits for a fact."""
    return Said(clause=clause, outcome=Permission.UNKNOWN, reason=reason, rules=rules, missing=missing)


def prohibited(clause: Clause, reason: str, *rules: str, missing: tuple[str, ...] = ()) -> Said:
    """Return a bar; facts that are missing might lift it."""
    return Said(clause=clause, outcome=Permission.PROHIBITED, reason=reason, rules=rules, missing=missing)
