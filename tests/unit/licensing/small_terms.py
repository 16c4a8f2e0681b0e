"""Texts of one or two clauses, and the facts they are judged by, for tests that need no catalogue."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from typing import Any

from provenance.licensing.judging import Judged, judge
from provenance.licensing.terms import Clause, Duty, ExceptionCase, LimitTest, TermsVersion
from provenance.licensing.terms_said import Made
from provenance.licensing.uses import Approval, RunUse, Use
from provenance.model.absence import TriState

YES, NO, UNKNOWN = TriState.YES, TriState.NO, TriState.UNKNOWN
MADE = Made(model="acme-1", channel="api", region="US", access="UNKNOWN")
APPROVED = (Approval(provider="acme", who="legal@example.org", when="2025-01-31", evidence="letter.pdf"),)
START, END = dt.date(2025, 1, 1), dt.date.max


def text(*clauses: Clause, **fields: Any) -> TermsVersion:
    """Return a text of provider acme that holds from 2025 on, with some fields set otherwise."""
    plain = TermsVersion(
        id="acme.1",
        provider="acme",
        service="api",
        kind="service-terms",
        title="Terms",
        url="https://example.org/terms",
        source="https://example.org/terms",
        confidence="seen",
        effective_from="2025-01-01",
        effective_to="UNKNOWN",
        starts_possibly=START,
        starts_surely=START,
        ends_surely=END,
        ends_possibly=END,
        channels=("api",),
        regions=("global",),
        models=("acme-*",),
        not_models=(),
        clauses=clauses,
    )
    return replace(plain, **fields)


def training(value: str, **fields: Any) -> Clause:
    """Return a clause on training."""
    return replace(Clause(name="train_any_model", value=value, quote="You may.", summary="On training."), **fields)


def exceptions(*cases: ExceptionCase, value: str = "several") -> Clause:
    """Return a clause of exceptions."""
    return Clause(name="exceptions", value=value, cases=cases)


def limits(*tests: LimitTest, value: str = "several") -> Clause:
    """Return a clause of limits."""
    return Clause(name="limits", value=value, tests=tests)


def judged(entry: TermsVersion, use: Use = Use.TRAIN_ANY_MODEL, made: Made = MADE, **facts: Any) -> Judged:
    """Return what a text says of a use, by some facts of the run; the others are those of a run of which nothing is said."""
    found = judge(entry, use, RunUse(**facts), made)
    for said in found.said:
        assert said.clause.name
        assert " " in said.reason
        assert all(re.fullmatch(r"RR\d\d", rule) for rule in said.rules)
    return found


def brief(found: Judged) -> tuple[str | None, str, str, str]:
    """Return outcome, rules, missing facts and codes of obligations in short."""
    outcome = None if found.outcome is None else found.outcome.value
    return outcome, " ".join(found.rules), " ".join(found.missing), " ".join(o.code for o in found.obligations)


__all__ = [
    "APPROVED",
    "END",
    "MADE",
    "NO",
    "START",
    "UNKNOWN",
    "YES",
    "Clause",
    "Duty",
    "ExceptionCase",
    "LimitTest",
    "Made",
    "RunUse",
    "TermsVersion",
    "Use",
    "brief",
    "exceptions",
    "judged",
    "limits",
    "text",
    "training",
]
