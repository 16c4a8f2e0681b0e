"""Findings on terms, with the facts of the run that would settle them, and with the approval that would lift a bar."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from provenance.audit.judgements import DatasetJudgement
from provenance.licensing.answers import TermsAnswer
from provenance.model.absence import Permission
from provenance.model.finding import Finding, MissingFact, Outcome, Remedy, SubjectKind
from provenance.policy.supply import OF_TERMS, with_missing

_FACT = ".terms.this_use"
_LICENSE = "license"


def completed(findings: Iterable[Finding], judgements: Mapping[str, DatasetJudgement]) -> tuple[Finding, ...]:
    """Return findings that say what they lack and how to supply it; those on the terms of a dataset by what the answer on these terms lacks.

    Args:
        findings: What rules found.
        judgements: What terms say of each dataset.
    """
    told = map(with_missing, findings)
    return tuple(_with_facts(f, judgements[f.dataset].terms) if _is_on_terms(f) and f.dataset in judgements else f for f in told)


def _is_on_terms(finding: Finding) -> bool:
    return (
        finding.outcome in {Outcome.UNKNOWN, Outcome.VIOLATED}
        and finding.subject.kind in {SubjectKind.DATASET, SubjectKind.SHARD}
        and any(r.path.endswith(_FACT) for r in finding.because)
    )


def _with_facts(finding: Finding, answer: TermsAnswer) -> Finding:
    missing = [MissingFact(path=path, supply=supply) for path, supply in _supplies(answer)] if finding.outcome is Outcome.UNKNOWN else []
    known = {m.path for m in missing}
    remedies = finding.remedies
    if settling := _lifted_by(answer) or _agreed_with(answer):
        others = [r for r in remedies if r.kind != _LICENSE]
        remedies = (*others[:1], settling, *others[1:])
    return replace(finding, missing=(*missing, *(m for m in finding.missing if m.path not in known)), remedies=remedies)


def _supplies(answer: TermsAnswer) -> Iterable[tuple[str, str]]:
    return dict.fromkeys(OF_TERMS[name] for name in answer.missing if name in OF_TERMS)


def _agreed_with(answer: TermsAnswer) -> Remedy | None:
    """Return what is left where texts bar a use and name no approval that would lift the bar: recording one would close nothing."""
    barring = dict.fromkeys(layer.provider for layer in answer.layers if layer.outcome is Permission.PROHIBITED)
    if not barring:
        return None
    summary = f"these terms name no approval: obtain an agreement of {' and '.join(barring)} that stands in their place, and have it waived with that as evidence"
    return Remedy(kind=_LICENSE, summary=summary, effect="closes this finding until the waiver expires")


def _lifted_by(answer: TermsAnswer) -> Remedy | None:
    """Return how an approval is recorded, where one would lift a bar (reading rule 8)."""
    barring = [layer for layer in answer.layers if layer.outcome is not Permission.ALLOWED]
    providers = dict.fromkeys(layer.provider for layer in barring if any("approval" in c.value for c in layer.clauses))
    if "approval" not in answer.missing or not providers:
        return None
    names = " and ".join(providers)
    entries = ", ".join(f"{{provider: {p}, who: …, day: …, evidence: {{file: …, sha256: …}}}}" for p in providers)
    return Remedy(kind=_LICENSE, summary=f"obtain the written approval of {names}, and record it in the run file: approvals: [{entries}]")
