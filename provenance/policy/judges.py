"""Judge subjects by rules, the same combination of facts once.

Of a million shards most are alike in all that rules read. So rules that read the same numbers and free texts are asked together: one look-up for each subject says
what all of them find, and how often each combination came is counted at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from provenance.canonical import digest_of
from provenance.errors import PolicyDocumentError
from provenance.model.finding import Action, Finding, Outcome, SubjectKind
from provenance.policy import outcomes
from provenance.policy.facts import SCHEMA, Facts, FactValue, SubjectFacts, schema_paths
from provenance.policy.listing import Listing
from provenance.policy.outcomes import read_paths
from provenance.policy.rules import Bundle, Rule
from provenance.policy.waivers import WaiverBook

REMEMBERED = 50_000
"""Combinations of facts of which outcomes are remembered."""
_NAMES = {kind: {f.path: f"{kind.value}.{f.path}" for f in fields} for kind, fields in SCHEMA.items()}
_OF_THE_MIXTURE = ("dataset.share", "dataset.share_known")
"""What a dataset's own digest says nothing of: the rest of the run decides it."""
_OF_A_DATASET = frozenset({SubjectKind.SHARD, SubjectKind.MATCH})
_AT_FAULT = frozenset({Outcome.VIOLATED, Outcome.UNKNOWN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a rule finds fault with in one subject, listed or not."""

    rule: str
    outcome: Outcome
    action: Action
    waiver: str | None


def own_values(subject: SubjectFacts, kind: SubjectKind) -> dict[str, FactValue]:
    """Return a subject's own values by full path."""
    names = _NAMES[kind]
    return {names[path]: value for path, value in subject.values}


class Scope:
    """Values that many subjects share: those of the run and of their dataset, and the parameters of a bundle."""

    def __init__(self, facts: Facts) -> None:
        """Take them from a run's facts."""
        self._run = own_values(facts.run, SubjectKind.RUN)
        self._datasets = {item.subject.id: own_values(item, SubjectKind.DATASET) for item in facts.datasets}

    def check(self, kind: SubjectKind, subject: SubjectFacts) -> None:
        """Refuse a shard or match of no dataset.

        Raises:
            PolicyDocumentError: If its dataset has no facts.
        """
        if kind in _OF_A_DATASET and (subject.dataset not in self._datasets or not subject.dataset):
            raise PolicyDocumentError(f"facts of {kind.value} {subject.subject.id!r} name dataset {subject.dataset!r}, which has none")

    def inherited(self, bundle: Bundle, dataset: str) -> dict[str, FactValue]:
        """Return them by full path."""
        params: dict[str, FactValue] = {f"params.{name}": value for name, value in bundle.params}
        return {**params, **self._run, **self._datasets.get(dataset, {})}


class RuleJudge:
    """Judges subjects by one rule, and keeps what it finds fault with."""

    def __init__(self, bundle: Bundle, rule: Rule, scope: Scope, book: WaiverBook, *, room: int | None) -> None:
        """Begin.

        Args:
            bundle: The rule's bundle.
            rule: The rule.
            scope: What subjects inherit.
            book: The waivers.
            room: Findings listed by themselves, as ``Listing`` takes it.
        """
        self.rule = rule
        self.counts: Counter[Outcome] = Counter()
        self._bundle, self._scope, self._book = bundle, scope, book
        self._fields = schema_paths(rule.for_each)
        paths, own = read_paths(rule, self._fields), _NAMES[rule.for_each].values()
        self.own_paths = tuple(p for p in paths if p in own)
        self._inherited = tuple(p for p in paths if p not in own)
        self._shared: dict[str, dict[str, FactValue]] = {}
        self._known: dict[tuple[FactValue, ...], Outcome] = {}
        self._listing = Listing(bundle, rule, scope.inherited, room=room)

    @property
    def wide_paths(self) -> frozenset[str]:
        """Return the subject's own facts that it reads and that have no closed vocabulary: most subjects differ in these."""
        return frozenset(p for p in self.own_paths if not self._fields[p].values)

    def outcome(self, dataset: str, own: Mapping[str, FactValue]) -> Outcome:
        """Return what the rule says of a subject of a dataset, whose own values are given by full path."""
        if dataset not in self._shared:
            inherited = self._scope.inherited(self._bundle, dataset)
            self._shared[dataset] = {p: inherited[p] for p in self._inherited}
        values = {**self._shared[dataset], **{p: own[p] for p in self.own_paths}}
        key = tuple(values.values())
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[key] = outcomes.judge(self.rule, values, self._fields)
        return found

    def add(self, subject: SubjectFacts, own: Mapping[str, FactValue], outcome: Outcome) -> Found:
        """Keep a subject that is at fault."""
        subject = self._bound(subject, own)
        waiver = self._book.find(self.rule.id, subject.subject) if self.rule.for_each is not SubjectKind.WAIVER else None
        self._listing.add(subject, own, outcome, waiver)
        return Found(rule=self.rule.id, outcome=outcome, action=self.rule.action, waiver=waiver)

    def _bound(self, subject: SubjectFacts, own: Mapping[str, FactValue]) -> SubjectFacts:
        """Return a dataset bound to its share too where the rule reads that, so that no waiver outlives a change of it."""
        shares = {path: repr(own[path]) for path in _OF_THE_MIXTURE if path in self.own_paths}
        if not shares:
            return subject
        digest = digest_of({"dataset": subject.subject.digest, **shares})
        return replace(subject, subject=replace(subject.subject, digest=digest))

    def findings(self) -> Iterator[Finding]:
        """Go through what it finds fault with."""
        return self._listing.findings()


@dataclass(slots=True)
class _Combination:
    """What the judges of a panel say of subjects that are alike."""

    outcomes: tuple[Outcome, ...]
    faults: tuple[tuple[int, RuleJudge, Outcome], ...]
    """(place in the order of rules, judge, outcome) of those at fault."""
    subjects: int = 0


@dataclass(slots=True)
class _Panel:
    """Judges that read the same of a subject's numbers and free texts."""

    judges: tuple[tuple[int, RuleJudge], ...]
    paths: tuple[str, ...]
    known: dict[tuple[FactValue, ...], _Combination] = field(default_factory=dict)

    def faults(self, dataset: str, own: Mapping[str, FactValue]) -> tuple[tuple[int, RuleJudge, Outcome], ...]:
        """Count a subject, and return who finds fault with it."""
        key = (dataset, *[own[p] for p in self.paths])
        found = self.known.get(key)
        if found is None:
            if len(self.known) >= REMEMBERED:
                self.count()
            found = self.known[key] = self._judged(dataset, own)
        found.subjects += 1
        return found.faults

    def _judged(self, dataset: str, own: Mapping[str, FactValue]) -> _Combination:
        said = tuple(judge.outcome(dataset, own) for _, judge in self.judges)
        faults = tuple((n, judge, o) for (n, judge), o in zip(self.judges, said, strict=True) if o in _AT_FAULT)
        return _Combination(outcomes=said, faults=faults)

    def count(self) -> None:
        """Add what was seen to the judges' counts, and forget it."""
        for found in self.known.values():
            for (_, judge), outcome in zip(self.judges, found.outcomes, strict=True):
                judge.counts[outcome] += found.subjects
        self.known.clear()


class Bench:
    """All judges of one kind of subjects."""

    def __init__(self, kind: SubjectKind, judges: Sequence[RuleJudge], scope: Scope) -> None:
        """Seat judges that read the same together."""
        self._kind, self._scope = kind, scope
        self._checked: set[str] = set()
        seats: dict[frozenset[str], list[tuple[int, RuleJudge]]] = {}
        for number, judge in enumerate(judges):
            seats.setdefault(judge.wide_paths, []).append((number, judge))
        self._panels = [_Panel(judges=tuple(s), paths=tuple(sorted({p for _, j in s for p in j.own_paths}))) for s in seats.values()]

    def take(self, subject: SubjectFacts) -> tuple[Found, ...]:
        """Judge the next subject, and return what rules find fault with, in the order of the rules.

        Raises:
            PolicyDocumentError: If it belongs to no dataset, where it has to.
        """
        dataset = subject.dataset
        if dataset not in self._checked:
            self._scope.check(self._kind, subject)
            self._checked.add(dataset)
        if not self._panels:
            return ()
        own = own_values(subject, self._kind)
        faults = [fault for panel in self._panels for fault in panel.faults(dataset, own)]
        if not faults:
            return ()
        return tuple(judge.add(subject, own, outcome) for _, judge, outcome in sorted(faults, key=lambda f: f[0]))

    def count(self) -> None:
        """Finish the judges' counts."""
        for panel in self._panels:
            panel.count()
