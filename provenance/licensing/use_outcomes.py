"""Outcomes for a row of uses at once: what texts say to those who compare them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from provenance.licensing.resolution import RunUse, TermsAnswer, resolve, resolve_named
from provenance.licensing.terms import TermsCatalog, TermsVersion
from provenance.model.absence import Permission, TriState
from provenance.model.dataset import Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class UseOutcome:
    """What is said of one use."""

    use: str
    outcome: Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class UseAnswer(UseOutcome):
    """What a catalogue says of one use, and which texts it looked at for it."""

    texts: frozenset[str]


THIS_RUN = "this run"
_STRICTNESS = (Permission.ALLOWED, Permission.UNKNOWN, Permission.PROHIBITED)
STANDARD_USES = (
    ("train a competing model for sale", TriState.YES, True),
    ("train another model for sale", TriState.YES, False),
    ("train a competing model, non-commercial", TriState.NO, True),
    ("train another model, non-commercial", TriState.NO, False),
)
"""Use → (commercial, competes with the provider)."""


def entry_outcomes(entry: TermsVersion) -> tuple[UseOutcome, ...]:
    """Return what one text by itself says of the standard uses."""
    alone = TermsCatalog(version="", digest="", entries=(entry,))
    return tuple(
        UseOutcome(use=name, outcome=resolve_named(alone, (entry.id,), _use(commercial, competes=competes)).outcome)
        for name, commercial, competes in STANDARD_USES
    )


def generator_answers(catalog: TermsCatalog, generator: Generator) -> tuple[UseAnswer, ...]:
    """Return what a catalogue says of a generator's outputs, for each of the standard uses."""
    return tuple(_answer(name, resolve(catalog, generator, _use(commercial, competes=competes))) for name, commercial, competes in STANDARD_USES)


def named_answers(catalog: TermsCatalog, terms: Sequence[str]) -> tuple[UseAnswer, ...]:
    """Return what a catalogue says of text under some named terms, for each of the standard uses."""
    return tuple(_answer(name, resolve_named(catalog, terms, _use(commercial, competes=competes))) for name, commercial, competes in STANDARD_USES)


def run_answers(catalog: TermsCatalog, generator: Generator, use: RunUse) -> tuple[UseAnswer, ...]:
    """Return what a catalogue says of a generator's outputs for one run."""
    return (_answer(THIS_RUN, resolve(catalog, generator, use)),)


def run_answers_of_named(catalog: TermsCatalog, terms: Sequence[str], use: RunUse) -> tuple[UseAnswer, ...]:
    """Return what a catalogue says of text under some named terms for one run."""
    return (_answer(THIS_RUN, resolve_named(catalog, terms, use)),)


def _answer(name: str, answer: TermsAnswer) -> UseAnswer:
    return UseAnswer(use=name, outcome=answer.outcome, texts=frozenset(layer.terms for layer in answer.layers))


def is_looser(before: Permission, after: Permission) -> bool:
    """Tell whether an outcome forbids less than another."""
    return _STRICTNESS.index(after) < _STRICTNESS.index(before)


def _use(commercial: TriState, *, competes: bool) -> RunUse:
    return RunUse(commercial=commercial, others_compete=TriState.of(competes))
