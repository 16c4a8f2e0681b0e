"""Where texts, readings of the facts or obligations disagree: listed, never resolved silently (RR03, RR05, RR16)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from provenance.licensing.judging import Judged
from provenance.licensing.terms_duties import Obligation, contradictions
from provenance.licensing.uses import Use
from provenance.model.absence import Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Things that do not go together."""

    kind: str
    """``layers``, ``no-contract``, ``candidates`` or ``obligations``."""
    summary: str
    terms: tuple[str, ...]
    use: str = ""
    """Use it concerns; empty = all of them."""
    rule: str = "RR03"


def layer_conflicts(use: Use, judged: Sequence[Judged]) -> Iterator[Conflict]:
    """Yield the texts that answer one use differently, and a text that is no contract and would allow what another does not."""
    by_outcome = {o: tuple(j.entry.id for j in judged if j.outcome is o) for o in (Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED)}
    if by_outcome[Permission.ALLOWED] and by_outcome[Permission.PROHIBITED]:
        allow, bar = by_outcome[Permission.ALLOWED], by_outcome[Permission.PROHIBITED]
        summary = f"{', '.join(allow)} would allow it, {', '.join(bar)} forbids it: the strictest counts"
        yield Conflict(kind="layers", summary=summary, terms=(*allow, *bar), use=use.value)
    strict = (*by_outcome[Permission.PROHIBITED], *by_outcome[Permission.UNKNOWN])
    for loose in (j for j in judged if j.loosens):
        summary = f"{loose.entry.id} would allow it, but is no contract and never loosens one"
        yield Conflict(kind="no-contract", summary=summary, terms=(loose.entry.id, *strict), use=use.value, rule="RR16")


def candidate_conflict(use: Use, outcomes: Iterable[tuple[str, Permission]]) -> Iterator[Conflict]:
    """Yield one conflict where readings of an unknown fact do not agree.

    Args:
        use: What is asked.
        outcomes: Reading → what it comes to.
    """
    found = dict(outcomes)
    if len(set(found.values())) > 1:
        summary = f"readings of what is not known disagree: {'; '.join(f'{name}: {outcome}' for name, outcome in found.items())}"
        yield Conflict(kind="candidates", summary=summary, terms=(), use=use.value, rule="RR05")


def obligation_conflicts(found: Iterable[Obligation]) -> tuple[Conflict, ...]:
    """Return the obligations that cannot be kept together: those of one text, of one generator, or of everything that goes into a run."""
    pairs = contradictions(tuple(found))
    return tuple(Conflict(kind="obligations", summary=f"{why} ({a.terms}, {b.terms})", terms=(a.terms, b.terms)) for a, b, why in pairs)
