"""Evaluates rules on facts: outcomes, findings, waivers, verdict. Of matches there may be millions: they are judged one by one, and none is kept but what is listed."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from provenance.canonical import digest_of
from provenance.errors import PolicyDocumentError
from provenance.model.audit import PolicyUsed, RuleUsed
from provenance.model.finding import Action, Finding, Outcome, Reading, Severity, SubjectKind, VerdictKind, Waiver, verdict_of
from provenance.model.wire import to_wire
from provenance.policy.bundle import Bundle, Rule
from provenance.policy.facts import SCHEMA, Facts, FactsDigest, FactValue, SubjectFacts, schema_paths, validate_facts, validate_subject
from provenance.policy.listing import Listing, room_for
from provenance.policy.outcomes import judge, read_paths
from provenance.policy.waivers import WaiverBook, WaiverUse, is_told, waiver_facts

NO_SUBJECTS = "E000"
"""Id of the engine's own finding: nothing was judged, and nothing is never cleared."""
_REMEMBERED = 50_000
"""Combinations of facts of which a rule's outcome is remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a policy decided."""

    findings: tuple[Finding, ...]
    """VIOLATED and UNKNOWN ones, waived ones included, worst first."""
    rules: tuple[PolicyUsed, ...]
    waivers: tuple[WaiverUse, ...]
    verdict: VerdictKind
    facts_digest: str
    """Of all facts that were judged, as ``Facts.digest`` gives it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a rule finds fault with in one match, listed or not."""

    rule: str
    outcome: Outcome
    action: Action
    waiver: str | None


def evaluate(bundles: Sequence[Bundle], facts: Facts, waivers: Sequence[Waiver], today: str, *, room: int | None = None) -> Evaluation:
    """Judge a run.

    Args:
        bundles: What must hold; at least one.
        facts: Everything known, checked strictly.
        waivers: As loaded; expired, refused and unused ones are judged by the rules for waivers.
        today: ``YYYY-MM-DD``, UTC.
        room: Open findings of a rule, outcome and dataset on matches that are listed by themselves; by default ``listing.room_for`` decides.

    Raises:
        PolicyDocumentError: If there is no bundle, or the facts do not fit the schema.

    Cost:
        One evaluation for every distinct combination of the facts that a rule reads; matches are gone through once.
    """
    judging = Judging(bundles, facts, waivers, today, room=room)
    for match in facts.matches:
        judging.take(match)
    return judging.finish()


class Judging:
    """Judges a run: all but its matches at once, these one by one."""

    def __init__(
        self,
        bundles: Sequence[Bundle],
        facts: Facts,
        waivers: Sequence[Waiver],
        today: str,
        *,
        room: int | None = None,
        refused: Mapping[str, str] | None = None,
        quiet: Collection[str] = (),
    ) -> None:
        """Begin. Arguments and errors are those of ``evaluate``; the facts' matches are left to ``take``.

        ``refused`` says of waivers, by id, why they do not count; those in ``quiet`` are told of only where they were applied.
        """
        if not bundles:
            raise PolicyDocumentError("no policy bundle was given", hint="name at least one, such as policies/bundles/baseline.yaml")
        validate_facts(facts)
        self._bundles, self._facts, self._digest = tuple(bundles), facts, FactsDigest(facts)
        self._book = WaiverBook(waivers, rules={r.id: r for b in bundles for r in b.rules}, today=today, refused=refused)
        self._quiet = frozenset(quiet)
        scope = _Scope(facts)
        room = room_for(len(facts.datasets)) if room is None else room
        self._judges = {
            (b.digest, r.id): _RuleJudge(b, r, scope, self._book, room=room if r.for_each is SubjectKind.MATCH else None)
            for b in bundles
            for r in b.rules
        }
        self._of_matches = [j for j in self._judges.values() if j.rule.for_each is SubjectKind.MATCH]

    def take(self, match: SubjectFacts) -> tuple[Found, ...]:
        """Judge the next match by every rule for matches, and return what they find fault with.

        Raises:
            PolicyDocumentError: If its facts do not fit the schema.
        """
        validate_subject(match, SubjectKind.MATCH)
        self._digest.add(match)
        own = _own_values(match, SubjectKind.MATCH)
        return tuple(found for j in self._of_matches if (found := j.take(match, own)) is not None)

    def finish(self) -> Evaluation:
        """Judge all else and return the whole: waivers last, since it must be known what became of them."""
        facts = self._facts
        subjects: dict[SubjectKind, Iterable[SubjectFacts]] = {
            SubjectKind.RUN: (facts.run,),
            SubjectKind.DATASET: facts.datasets,
            SubjectKind.SHARD: facts.shards,
            SubjectKind.DOMAIN: facts.domains,
        }
        for kind, items in subjects.items():
            self._judge(kind, items)
        uses = tuple(use for use in self._book.uses() if is_told(use, quiet=self._quiet))
        waived = waiver_facts(uses)
        for item in waived:
            validate_subject(item, SubjectKind.WAIVER)
        self._judge(SubjectKind.WAIVER, waived)
        listed = itertools.chain(_nothing_judged(facts), *(j.findings() for j in self._judges.values()))
        ordered = tuple(sorted(listed, key=_worst_first))
        return Evaluation(
            findings=ordered,
            rules=tuple(_policy_used(bundle, self._judges) for bundle in self._bundles),
            waivers=uses,
            verdict=verdict_of(ordered),
            facts_digest=self._digest.finish(),
        )

    def _judge(self, kind: SubjectKind, subjects: Iterable[SubjectFacts]) -> None:
        judges = [j for j in self._judges.values() if j.rule.for_each is kind]
        for subject in subjects:
            own = _own_values(subject, kind)
            for rule_judge in judges:
                rule_judge.take(subject, own)


class _Scope:
    """Values that many subjects share: those of the run and of their dataset, and the parameters of a bundle."""

    def __init__(self, facts: Facts) -> None:
        self._run = _own_values(facts.run, SubjectKind.RUN)
        self._datasets = {item.subject.id: _own_values(item, SubjectKind.DATASET) for item in facts.datasets}

    def check(self, kind: SubjectKind, subject: SubjectFacts) -> None:
        """Refuse a shard or match of no dataset."""
        if kind in {SubjectKind.SHARD, SubjectKind.MATCH} and (subject.dataset not in self._datasets or not subject.dataset):
            raise PolicyDocumentError(f"facts of {kind.value} {subject.subject.id!r} name dataset {subject.dataset!r}, which has none")

    def inherited(self, bundle: Bundle, dataset: str) -> dict[str, FactValue]:
        """Return them by full path."""
        params: dict[str, FactValue] = {f"params.{name}": value for name, value in bundle.params}
        return {**params, **self._run, **self._datasets.get(dataset, {})}


class _RuleJudge:
    """Judges subjects by one rule, the same combination of facts once."""

    def __init__(self, bundle: Bundle, rule: Rule, scope: _Scope, book: WaiverBook, *, room: int | None) -> None:
        self.rule = rule
        self.counts: Counter[Outcome] = Counter()
        self._bundle, self._scope, self._book = bundle, scope, book
        self._fields = schema_paths(rule.for_each)
        paths, own = read_paths(rule, self._fields), _NAMES[rule.for_each].values()
        self._own = tuple(p for p in paths if p in own)
        self._inherited = tuple(p for p in paths if p not in own)
        self._shared: dict[str, tuple[FactValue, ...]] = {}
        self._known: dict[tuple[FactValue, ...], Outcome] = {}
        self._listing = Listing(bundle, rule, scope.inherited, room=room)

    def take(self, subject: SubjectFacts, own: Mapping[str, FactValue]) -> Found | None:
        """Judge a subject whose own values are given by full path."""
        outcome = self._outcome(subject, own)
        self.counts[outcome] += 1
        if outcome not in {Outcome.VIOLATED, Outcome.UNKNOWN}:
            return None
        waiver = self._book.find(self.rule.id, subject.subject) if self.rule.for_each is not SubjectKind.WAIVER else None
        self._listing.add(subject, own, outcome, waiver)
        return Found(rule=self.rule.id, outcome=outcome, action=self.rule.action, waiver=waiver)

    def findings(self) -> Iterator[Finding]:
        """Go through what it finds fault with."""
        return self._listing.findings()

    def _outcome(self, subject: SubjectFacts, own: Mapping[str, FactValue]) -> Outcome:
        if subject.dataset not in self._shared:
            self._scope.check(self.rule.for_each, subject)
            inherited = self._scope.inherited(self._bundle, subject.dataset)
            self._shared[subject.dataset] = tuple(inherited[p] for p in self._inherited)
        key = (*self._shared[subject.dataset], *(own[p] for p in self._own))
        outcome = self._known.get(key)
        if outcome is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            outcome = judge(self.rule, dict(zip((*self._inherited, *self._own), key, strict=True)), self._fields)
            self._known[key] = outcome
        return outcome


_NAMES = {kind: {field.path: f"{kind.value}.{field.path}" for field in fields} for kind, fields in SCHEMA.items()}


def _own_values(subject: SubjectFacts, kind: SubjectKind) -> dict[str, FactValue]:
    names = _NAMES[kind]
    return {names[path]: value for path, value in subject.values}


def _nothing_judged(facts: Facts) -> tuple[Finding, ...]:
    if facts.shards:
        return ()
    subject = facts.run.subject
    return (
        Finding(
            id=digest_of([NO_SUBJECTS, to_wire(subject)]),
            rule=NO_SUBJECTS,
            title="A run without data is never cleared",
            bundle="engine",
            severity=Severity.CRITICAL,
            outcome=Outcome.VIOLATED,
            action=Action.DENY,
            subject=subject,
            message="the run's datasets hold no shard: nothing was judged",
        ),
    )


def _worst_first(finding: Finding) -> tuple[int, int, int, str, str, int, str, str]:
    return (
        0 if finding.is_open else 1,
        list(Action).index(finding.action),
        list(Severity).index(finding.severity),
        finding.rule,
        finding.dataset,
        finding.grouped,
        finding.subject.id,
        finding.id,
    )


def _policy_used(bundle: Bundle, judges: Mapping[tuple[str, str], _RuleJudge]) -> PolicyUsed:
    return PolicyUsed(
        bundle=bundle.name,
        version=bundle.release,
        digest=bundle.digest,
        rules=tuple(_rule_used(rule, judges[bundle.digest, rule.id].counts) for rule in bundle.rules),
        params=tuple(Reading(path=f"params.{name}", value=value) for name, value in bundle.params if not isinstance(value, tuple)),
    )


def _rule_used(rule: Rule, counts: Counter[Outcome]) -> RuleUsed:
    return RuleUsed(
        id=rule.id,
        title=rule.title,
        for_each=rule.for_each.value,
        require=rule.require.condition.text,
        action=rule.action.value,
        severity=rule.severity.value,
        judged=counts.total(),
        satisfied=counts[Outcome.SATISFIED],
        violated=counts[Outcome.VIOLATED],
        unknown=counts[Outcome.UNKNOWN],
        not_applicable=counts[Outcome.NOT_APPLICABLE],
    )
