"""The findings of one rule: each by itself, or, where it finds fault with very many matches or shards, the weightiest by themselves and one for all the others.

Rules of this module, which keep a bounded record as strict as one that lists everything (docs/adr/0015):

* Nothing is dropped: what is not listed is counted in a grouped finding of the same rule, outcome, action and dataset, which is open.
* What a waiver covers is always listed by itself, so that no grouped finding is waived and no waiver covers more than it names.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from provenance.best import Best
from provenance.canonical import canonical_bytes, digest_of
from provenance.model.finding import ClauseCitation, Finding, FindingEvidence, Outcome, Subject, SubjectKind
from provenance.model.wire import to_wire
from provenance.policy import explain
from provenance.policy.facts import FactValue, SubjectFacts
from provenance.policy.rules import Bundle, Rule

FINDINGS_LISTED = 5_000
"""Findings of a rule on the matches or shards of one dataset that are listed by themselves, of either outcome."""
FINDINGS_LISTED_OF_A_RULE = 20_000
"""As many share all datasets of a run that has more than four."""
_OTHERS = "…"
"""Stands in a grouped finding for what differs from one to the other."""

_KEPT = {
    SubjectKind.MATCH: ("matches", "the evidence keeps them"),
    SubjectKind.SHARD: ("shards", "each can be judged again: provenance policy explain"),
}
"""Kind of a grouped finding's evidence, and where what it stands for is found."""

Values = Mapping[str, FactValue]
Inherited = Callable[[Bundle, str], Values]
"""(bundle, dataset) → the values, by full path, that all subjects of a dataset share."""


def room_for(datasets: int, listed: int = FINDINGS_LISTED, of_a_rule: int = FINDINGS_LISTED_OF_A_RULE) -> int:
    """Return how many findings of a rule and outcome are listed of each dataset's matches or shards; never less than one."""
    return max(1, min(listed, of_a_rule // max(datasets, 1)))


class Listing:
    """Takes what one rule finds fault with, and gives the findings at the end."""

    def __init__(self, bundle: Bundle, rule: Rule, inherited: Inherited, *, room: int | None) -> None:
        """Hold nothing.

        Args:
            bundle: The rule's bundle.
            rule: The rule.
            inherited: Gives the values that a dataset's subjects share, by full path.
            room: Open findings of an outcome and dataset that are listed; ``None`` = all.
        """
        self._bundle, self._rule, self._inherited, self._room = bundle, rule, inherited, room
        own = f"{rule.for_each.value}."
        self._shown = tuple(p for p in explain.shown_paths(rule) if p.startswith(own))
        self._all: list[Finding] = []
        self._piles: dict[tuple[Outcome, str], _Pile] = {}

    def add(self, subject: SubjectFacts, own: Values, outcome: Outcome, waiver: str | None) -> None:
        """Take a subject that is VIOLATED or UNKNOWN.

        Args:
            subject: Its facts.
            own: The same by full path.
            outcome: What the rule says of it.
            waiver: Id of the waiver that covers it.
        """
        if self._room is None or waiver is not None:
            self._all.append(self._finding(subject, own, outcome, waiver))
            return
        key = (outcome, subject.dataset)
        if key not in self._piles:
            self._piles[key] = _Pile(listed=Best(self._room))
        pile = self._piles[key]
        pile.digest.update(canonical_bytes([subject.subject.id, subject.subject.digest]) + b"\n")
        pushed_out = pile.listed.add((-subject.weight, subject.subject.digest), subject)
        if pushed_out is not None:
            pile.rest.add(pushed_out, own if pushed_out is subject else _own(self._rule.for_each, pushed_out), self._shown)

    def findings(self) -> Iterator[Finding]:
        """Go through the findings, in no order."""
        yield from self._all
        for (outcome, dataset), pile in self._piles.items():
            for subject in pile.listed.items():
                yield self._finding(subject, _own(self._rule.for_each, subject), outcome, None)
            if pile.rest.count:
                yield self._grouped(pile, outcome, dataset)

    def _finding(self, subject: SubjectFacts, own: Values, outcome: Outcome, waiver: str | None) -> Finding:
        rule = self._rule
        values = {**self._inherited(self._bundle, subject.dataset), **own}
        because = explain.readings(rule, values)
        evidence = explain.cited_evidence(rule, subject)
        return Finding(
            id=digest_of([rule.id, to_wire(subject.subject), to_wire(because), to_wire(evidence)]),
            rule=rule.id,
            title=rule.title,
            bundle=self._bundle.name,
            severity=rule.severity,
            outcome=outcome,
            action=rule.action,
            subject=subject.subject,
            message=explain.render(rule.message, values),
            dataset=subject.dataset,
            because=because,
            clauses=explain.cited_clauses(rule, subject.clauses),
            evidence=evidence,
            remedies=explain.remedies(rule, values, subject.subject.id),
            waiver=waiver,
        )

    def _grouped(self, pile: _Pile, outcome: Outcome, dataset: str) -> Finding:
        rule, rest = self._rule, pile.rest
        values = {**dict.fromkeys(explain.shown_paths(rule), _OTHERS), **self._inherited(self._bundle, dataset), **rest.common}
        because = tuple(r for r in explain.readings(rule, values) if not r.path.startswith(f"{rule.for_each.value}.") or r.path in rest.common)
        digest = "sha256:" + pile.digest.hexdigest()
        subject = Subject(kind=rule.for_each, id=digest, digest=digest)
        kind, where = _KEPT[rule.for_each]
        summary = f"{rest.count} of {rest.count + len(pile.listed)} are not listed by themselves; the digest is over all, and {where}"
        evidence = (FindingEvidence(kind=kind, digest=digest, summary=summary),)
        return Finding(
            id=digest_of([rule.id, outcome.value, dataset, rest.count, to_wire(subject), to_wire(because), to_wire(evidence)]),
            rule=rule.id,
            title=rule.title,
            bundle=self._bundle.name,
            severity=rule.severity,
            outcome=outcome,
            action=rule.action,
            subject=subject,
            message=f"{rest.count} more: {explain.render(rule.message, values)}",
            dataset=dataset,
            because=because,
            clauses=explain.cited_clauses(rule, tuple(rest.clauses)),
            evidence=evidence,
            remedies=tuple(r for r in explain.remedies(rule, values, _OTHERS) if r.kind != "waive"),
            grouped=rest.count,
        )


@dataclass(slots=True)
class _Rest:
    """What is common to all that is not listed."""

    count: int = 0
    common: dict[str, FactValue] = field(default_factory=dict)
    clauses: dict[ClauseCitation, None] = field(default_factory=dict)

    def add(self, subject: SubjectFacts, own: Values, shown: Sequence[str]) -> None:
        if not self.count:
            self.common = {path: own[path] for path in shown}
        elif self.common:
            self.common = {path: value for path, value in self.common.items() if own[path] == value}
        self.clauses.update(dict.fromkeys(subject.clauses))
        self.count += 1


@dataclass(slots=True)
class _Pile:
    """The open findings of one outcome and dataset."""

    listed: Best[SubjectFacts]
    rest: _Rest = field(default_factory=_Rest)
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    """Over id and digest of every subject, listed or not, in the order they come."""


def _own(kind: SubjectKind, subject: SubjectFacts) -> dict[str, FactValue]:
    return {f"{kind.value}.{path}": value for path, value in subject.values}
