"""Evaluates rules on facts: outcomes, findings, waivers, verdict.

Rules of this module, which make an unknown fact never better than a known one (docs/adr/0005):

* A condition *holds* if it is true for the facts as they are **and** for every value that an unknown fact it reads might have; it *fails* if it is
  false for all of them; else it is *open*. A condition that cannot be evaluated is open.
* ``applies`` fails: NOT_APPLICABLE. Else ``require`` holds: SATISFIED; ``require`` fails and ``applies`` holds: VIOLATED; else UNKNOWN.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from provenance.canonical import digest_of
from provenance.errors import PolicyDocumentError
from provenance.model.audit import PolicyUsed, RuleUsed
from provenance.model.finding import Action, Finding, Outcome, Reading, Severity, SubjectKind, VerdictKind, Waiver, verdict_of
from provenance.model.wire import to_wire
from provenance.policy import explain
from provenance.policy.bundle import Bundle, Check, Rule
from provenance.policy.facts import (
    UNKNOWN,
    FactField,
    Facts,
    FactType,
    FactValue,
    SubjectFacts,
    is_unknown,
    schema_paths,
    validate_facts,
    validate_subject,
)
from provenance.policy.waivers import WaiverUse, apply_waivers, waiver_facts

MAX_COMPLETIONS = 512
"""Most combinations of values tried for unknown facts; beyond it a condition is open."""
NO_SUBJECTS = "E000"
"""Id of the engine's own finding: nothing was judged, and nothing is never cleared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a policy decided."""

    findings: tuple[Finding, ...]
    """VIOLATED and UNKNOWN ones, waived ones included, worst first."""
    rules: tuple[PolicyUsed, ...]
    waivers: tuple[WaiverUse, ...]
    verdict: VerdictKind


class Holding(Enum):
    """What is known of a condition."""

    HOLDS = "holds"
    FAILS = "fails"
    OPEN = "open"


def evaluate(bundles: Sequence[Bundle], facts: Facts, waivers: Sequence[Waiver], today: str) -> Evaluation:
    """Judge a run.

    Args:
        bundles: What must hold; at least one.
        facts: Everything known, checked strictly.
        waivers: As loaded; expired, refused and unused ones are judged by the rules for waivers.
        today: ``YYYY-MM-DD``, UTC.

    Raises:
        PolicyDocumentError: If there is no bundle, or the facts do not fit the schema.

    Cost:
        One evaluation for every distinct combination of the facts that a rule reads.
    """
    if not bundles:
        raise PolicyDocumentError("no policy bundle was given", hint="name at least one, such as policies/bundles/baseline.yaml")
    validate_facts(facts)
    parents = _parents(facts)
    subjects = {
        SubjectKind.RUN: (facts.run,),
        SubjectKind.DATASET: facts.datasets,
        SubjectKind.SHARD: facts.shards,
        SubjectKind.DOMAIN: facts.domains,
        SubjectKind.MATCH: facts.matches,
    }
    judged = {(b.digest, r.id): _judge_rule(b, r, subjects[r.for_each], parents) for b in bundles for r in b.rules if r.for_each in subjects}
    rules = {r.id: r for b in bundles for r in b.rules}
    findings, uses = apply_waivers(tuple(itertools.chain.from_iterable(j.findings for j in judged.values())), waivers, rules=rules, today=today)
    waived = waiver_facts(uses)
    for item in waived:
        validate_subject(item, SubjectKind.WAIVER)
    late = {(b.digest, r.id): _judge_rule(b, r, waived, parents) for b in bundles for r in b.rules if r.for_each is SubjectKind.WAIVER}
    judged.update(late)
    listed = (*findings, *itertools.chain.from_iterable(j.findings for j in late.values()), *_nothing_judged(facts))
    ordered = tuple(sorted(listed, key=_worst_first))
    used = tuple(_policy_used(bundle, judged) for bundle in bundles)
    return Evaluation(findings=ordered, rules=used, waivers=uses, verdict=verdict_of(ordered))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judged:
    findings: tuple[Finding, ...]
    counts: Counter[Outcome]


def _judge_rule(bundle: Bundle, rule: Rule, subjects: Iterable[SubjectFacts], parents: Mapping[str, Mapping[str, FactValue]]) -> _Judged:
    fields = schema_paths(rule.for_each)
    params: dict[str, FactValue] = {f"params.{name}": value for name, value in bundle.params}
    cache: dict[tuple[FactValue, ...], Outcome] = {}
    read = tuple(dict.fromkeys((*rule.reads, *_companions(rule.reads, fields))))
    counts: Counter[Outcome] = Counter()
    findings = []
    for subject in subjects:
        values = _values(rule.for_each, subject, parents, params)
        key = tuple(values[path] for path in read)
        if key not in cache:
            cache[key] = judge(rule, dict(zip(read, key, strict=True)), fields)
        outcome = cache[key]
        counts[outcome] += 1
        if outcome in {Outcome.VIOLATED, Outcome.UNKNOWN}:
            findings.append(_finding(bundle, rule, subject, values, outcome))
    return _Judged(findings=tuple(findings), counts=counts)


def judge(rule: Rule, values: Mapping[str, FactValue], fields: Mapping[str, FactField]) -> Outcome:
    """Return one rule's outcome on the values of the paths it reads."""
    applies = _holding(rule.applies, values, fields) if rule.applies else Holding.HOLDS
    if applies is Holding.FAILS:
        return Outcome.NOT_APPLICABLE
    require = _holding(rule.require, values, fields)
    if require is Holding.HOLDS:
        return Outcome.SATISFIED
    return Outcome.VIOLATED if require is Holding.FAILS and applies is Holding.HOLDS else Outcome.UNKNOWN


def _holding(check: Check, values: Mapping[str, FactValue], fields: Mapping[str, FactField]) -> Holding:
    given = {path: values[path] for path in check.condition.paths}
    results = {check.compiled.holds(given)}
    choices = _choices(check, values, fields)
    if choices is None:
        return Holding.OPEN
    for combination in itertools.product(*choices.values()):
        results.add(check.compiled.holds({**given, **dict(zip(choices, combination, strict=True))}))
        if len(results) > 1:
            return Holding.OPEN
    if results == {True}:
        return Holding.HOLDS
    return Holding.FAILS if results == {False} else Holding.OPEN


def _choices(check: Check, values: Mapping[str, FactValue], fields: Mapping[str, FactField]) -> dict[str, tuple[FactValue, ...]] | None:
    """Return the values to try for every unknown fact, ``None`` where they cannot all be tried."""
    unknown = [p for p in check.condition.paths if p in fields and is_unknown(fields[p], values[p], values, p.partition(".")[0])]
    open_ended = [fields[p].type is FactType.TEXT for p in unknown if not fields[p].values]
    if len(open_ended) != len(set(open_ended)):
        return None  # two unknown facts may be compared with one another, which constants do not cover
    others = [values[p] for p in check.condition.paths if p not in unknown]
    choices = {p: _values_to_try(fields[p], check, others) for p in unknown}
    return choices if math.prod(len(c) for c in choices.values()) <= MAX_COMPLETIONS else None


def _values_to_try(field: FactField, check: Check, others: Sequence[FactValue]) -> tuple[FactValue, ...]:
    """Return one value of every class that comparisons with the condition's constants can tell apart."""
    if field.values:
        return tuple(v for v in field.values if v != UNKNOWN)
    if field.type is FactType.TEXT:
        texts = {*check.condition.texts, *(o for o in others if isinstance(o, str))}
        return tuple(sorted({"", "\U0010ffff" * 4, *texts, *(t + "\x00" for t in texts)}))
    numbers = {*check.condition.numbers, *(float(o) for o in others if isinstance(o, int | float))}
    if field.type is FactType.INT:
        return tuple(sorted({0, 2**53, *(math.floor(n) + step for n in numbers for step in (-1, 0, 1, 2))}))
    around = {f(n) for n in numbers for f in (float, lambda x: math.nextafter(x, math.inf), lambda x: math.nextafter(x, -math.inf))}
    return tuple(sorted({0.0, 1.0, *around}))


def _companions(paths: Iterable[str], fields: Mapping[str, FactField]) -> tuple[str, ...]:
    return tuple(f"{path.partition('.')[0]}.{fields[path].known_by}" for path in paths if path in fields and fields[path].known_by)


def _parents(facts: Facts) -> dict[str, dict[str, FactValue]]:
    """Return the prefixed values of the run (under the empty name) and of every dataset."""
    run = {f"run.{path}": value for path, value in facts.run.values}
    return {"": run, **{item.subject.id: {f"dataset.{path}": value for path, value in item.values} for item in facts.datasets}}


def _values(
    kind: SubjectKind, subject: SubjectFacts, parents: Mapping[str, Mapping[str, FactValue]], params: Mapping[str, FactValue]
) -> dict[str, FactValue]:
    values: dict[str, FactValue] = {**params, **parents[""]}
    if kind in {SubjectKind.SHARD, SubjectKind.MATCH}:
        if subject.dataset not in parents or not subject.dataset:
            raise PolicyDocumentError(f"facts of {kind.value} {subject.subject.id!r} name dataset {subject.dataset!r}, which has none")
        values.update(parents[subject.dataset])
    values.update({f"{kind.value}.{path}": value for path, value in subject.values})
    return values


def _finding(bundle: Bundle, rule: Rule, subject: SubjectFacts, values: Mapping[str, FactValue], outcome: Outcome) -> Finding:
    because = explain.readings(rule, values)
    evidence = explain.cited_evidence(rule, subject)
    return Finding(
        id=digest_of([rule.id, to_wire(subject.subject), to_wire(because), to_wire(evidence)]),
        rule=rule.id,
        title=rule.title,
        bundle=bundle.name,
        severity=rule.severity,
        outcome=outcome,
        action=rule.action,
        subject=subject.subject,
        message=explain.render(rule.message, values),
        dataset=subject.dataset,
        because=because,
        clauses=explain.cited_clauses(rule, subject),
        evidence=evidence,
        remedies=explain.remedies(rule, values, subject.subject.id),
    )


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


def _worst_first(finding: Finding) -> tuple[int, int, int, str, str, str, str]:
    return (
        0 if finding.is_open else 1,
        list(Action).index(finding.action),
        list(Severity).index(finding.severity),
        finding.rule,
        finding.dataset,
        finding.subject.id,
        finding.id,
    )


def _policy_used(bundle: Bundle, judged: Mapping[tuple[str, str], _Judged]) -> PolicyUsed:
    return PolicyUsed(
        bundle=bundle.name,
        version=bundle.release,
        digest=bundle.digest,
        rules=tuple(_rule_used(rule, judged[bundle.digest, rule.id].counts) for rule in bundle.rules),
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
