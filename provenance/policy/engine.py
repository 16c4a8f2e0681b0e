"""Evaluates rules on facts: outcomes, findings, waivers, verdict. Of matches and shards there may be millions: they are judged one by one, and none is kept but what is listed."""

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
from provenance.policy.facts import Facts, FactsDigest, SubjectFacts, validate_facts, validate_subject
from provenance.policy.judges import Bench, Found, RuleJudge, Scope
from provenance.policy.listing import room_for
from provenance.policy.rules import ENGINE, NO_SUBJECTS, Bundle, Rule
from provenance.policy.waivers import WaiverBook, WaiverUse, is_told, waiver_facts

MANY = frozenset({SubjectKind.MATCH, SubjectKind.SHARD})
"""Kinds of subjects of which a run may have millions."""


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


def evaluate(bundles: Sequence[Bundle], facts: Facts, waivers: Sequence[Waiver], today: str, *, room: int | None = None) -> Evaluation:
    """Judge a run.

    Args:
        bundles: What must hold; at least one.
        facts: Everything known, checked strictly.
        waivers: As loaded; expired, refused and unused ones are judged by the rules for waivers.
        today: ``YYYY-MM-DD``, UTC.
        room: Open findings of a rule, outcome and dataset on matches or shards that are listed by themselves; by default ``listing.room_for`` decides.

    Raises:
        PolicyDocumentError: If there is no bundle, or the facts do not fit the schema.

    Cost:
        One evaluation for every distinct combination of the facts that a rule reads; matches and shards are gone through once each.
    """
    judging = Judging(bundles, facts, waivers, today, room=room)
    for match in facts.matches:
        judging.take(match)
    return judging.finish()


class Judging:
    """Judges a run: its matches one by one as they are taken, all else at the end."""

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
        scope = Scope(facts)
        room = room_for(len(facts.datasets)) if room is None else room
        self._judges = {
            (b.digest, r.id): RuleJudge(b, r, scope, self._book, room=room if r.for_each in MANY else None) for b in bundles for r in b.rules
        }
        self._benches = {kind: Bench(kind, [j for j in self._judges.values() if j.rule.for_each is kind], scope) for kind in SubjectKind}

    def take(self, match: SubjectFacts) -> tuple[Found, ...]:
        """Judge the next match by every rule for matches, and return what they find fault with.

        Raises:
            PolicyDocumentError: If its facts do not fit the schema.
        """
        validate_subject(match, SubjectKind.MATCH)
        self._digest.add(match)
        return self._benches[SubjectKind.MATCH].take(match)

    def finish(self) -> Evaluation:
        """Judge all else and return the whole: waivers last, since it must be known what became of them."""
        facts = self._facts
        subjects: dict[SubjectKind, Iterable[SubjectFacts]] = {
            SubjectKind.RUN: (facts.run,),
            SubjectKind.DATASET: facts.datasets,
            SubjectKind.SHARD: self._checked(facts.shards),
            SubjectKind.DOMAIN: facts.domains,
        }
        shards = 0
        for kind, items in subjects.items():
            judged = self._judge(kind, items)
            shards = judged if kind is SubjectKind.SHARD else shards
        uses = tuple(use for use in self._book.uses() if is_told(use, quiet=self._quiet))
        waived = waiver_facts(uses)
        for item in waived:
            validate_subject(item, SubjectKind.WAIVER)
        self._judge(SubjectKind.WAIVER, waived)
        for bench in self._benches.values():
            bench.count()
        listed = itertools.chain(() if shards else (_nothing_judged(facts),), *(j.findings() for j in self._judges.values()))
        ordered = tuple(sorted(listed, key=_worst_first))
        return Evaluation(
            findings=ordered,
            rules=tuple(_policy_used(bundle, self._judges) for bundle in self._bundles),
            waivers=uses,
            verdict=verdict_of(ordered),
            facts_digest=self._digest.finish(),
        )

    def _checked(self, shards: Iterable[SubjectFacts]) -> Iterator[SubjectFacts]:
        """Go through shards, check each and take it into the digest."""
        for shard in shards:
            validate_subject(shard, SubjectKind.SHARD)
            self._digest.add_shard(shard)
            yield shard

    def _judge(self, kind: SubjectKind, subjects: Iterable[SubjectFacts]) -> int:
        """Judge subjects by every rule for their kind; return how many there were."""
        take, count = self._benches[kind].take, 0
        for subject in subjects:
            take(subject)
            count += 1
        return count


def _nothing_judged(facts: Facts) -> Finding:
    subject = facts.run.subject
    return Finding(
        id=digest_of([NO_SUBJECTS, to_wire(subject)]),
        rule=NO_SUBJECTS,
        title="A run without data is never cleared",
        bundle=ENGINE,
        severity=Severity.CRITICAL,
        outcome=Outcome.VIOLATED,
        action=Action.DENY,
        subject=subject,
        message="the run's datasets hold no shard: nothing was judged",
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


def _policy_used(bundle: Bundle, judges: Mapping[tuple[str, str], RuleJudge]) -> PolicyUsed:
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
        action=rule.action,
        severity=rule.severity,
        judged=counts.total(),
        satisfied=counts[Outcome.SATISFIED],
        violated=counts[Outcome.VIOLATED],
        unknown=counts[Outcome.UNKNOWN],
        not_applicable=counts[Outcome.NOT_APPLICABLE],
    )
