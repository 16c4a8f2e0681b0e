"""What a policy's rules found, and the verdict that follows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from provenance.model.verdict import VerdictKind as VerdictKind  # noqa: PLC0414 - readers of findings take it from here


class Outcome(StrEnum):
    """One rule's judgement on one subject."""

    SATISFIED = "SATISFIED"
    VIOLATED = "VIOLATED"
    UNKNOWN = "UNKNOWN"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class Action(StrEnum):
    """What follows when a rule is not satisfied."""

    DENY = "deny"
    REVIEW = "review"
    WARN = "warn"


class Severity(StrEnum):
    """Harm if the finding is true."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class SubjectKind(StrEnum):
    """What a rule is evaluated for."""

    SHARD = "shard"
    DATASET = "dataset"
    DOMAIN = "domain"
    RUN = "run"
    MATCH = "match"
    WAIVER = "waiver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a finding is about."""

    kind: SubjectKind
    id: str
    """Dataset name, shard path, domain name, run digest, match id or waiver id."""
    digest: str
    """``sha256:<hex>`` of the subject's bytes or facts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A fact that a rule read, and the value it had."""

    path: str
    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseCitation:
    """A clause of dated terms, as quoted in a finding."""

    terms: str
    """Id of the terms version."""
    clause: str
    quote: str
    """At most 25 words, verbatim."""
    source: str
    value: str = ""
    """The clause's value in the catalogue's vocabulary, such as ``prohibited-if-competing``."""
    effective_from: str = "UNKNOWN"
    effective_to: str = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingEvidence:
    """What backs a finding."""

    kind: str
    """``match``, ``matches`` or ``shards`` (of a grouped finding), ``license``, ``terms``, ``digest``, ``scan``, ``share``, ``suspects`` or ``exclusions``."""
    digest: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """A way out, with its effect."""

    kind: str
    """``drop``, ``license``, ``declare``, ``reweight``, ``rescan``, ``register`` or ``waive``."""
    summary: str
    effect: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingFact:
    """A fact that is not known, so that a rule could not be decided."""

    path: str
    supply: str
    """What to write where, or what to run, so that it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One rule's judgement on one subject, with all that led to it."""

    id: str
    """Digest of rule, subject and evidence."""
    rule: str
    title: str
    bundle: str
    severity: Severity
    outcome: Outcome
    action: Action
    subject: Subject
    message: str
    dataset: str = ""
    """Name of the dataset the subject belongs to, where there is one."""
    because: tuple[Reading, ...] = ()
    clauses: tuple[ClauseCitation, ...] = ()
    evidence: tuple[FindingEvidence, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    waiver: str | None = None
    """Id of the waiver that covers it."""
    missing: tuple[MissingFact, ...] = ()
    """Of a finding that is UNKNOWN: the facts that lack, and how to supply them."""
    grouped: int = 0
    """Findings on matches that this one stands for, since too many are alike to be listed; 0 where it stands for itself. No waiver covers such a one."""

    @property
    def size(self) -> int:
        """How many findings it counts as."""
        return self.grouped or 1

    @property
    def is_open(self) -> bool:
        """Tell whether the finding counts towards the verdict."""
        return self.waiver is None and self.outcome in {Outcome.VIOLATED, Outcome.UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A named, justified, approved, expiring exception to one rule on one subject."""

    id: str
    rule: str
    subject: Subject
    reason: str
    comment: str
    requested_by: str
    approved_by: str
    created: str
    expires: str
    """``YYYY-MM-DD``; the waiver holds until the end of that UTC day."""


def verdict_of(findings: tuple[Finding, ...]) -> VerdictKind:
    """Return the verdict that open findings lead to: any deny blocks, any review asks, warnings are only listed."""
    actions = {f.action for f in findings if f.is_open}
    if Action.DENY in actions:
        return VerdictKind.BLOCKED
    return VerdictKind.REVIEW if Action.REVIEW in actions else VerdictKind.CLEARED
