"""What an audit would say after remedies, before anything is done: the same shards, scans and rules, with the changes that a remedy file describes.

Nothing is recorded, and no clearance can come of it. Where the effect cannot be told without doing it, the finding stays open: a preview promises too
little rather than too much.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from provenance.audit.admitting import Admitted
from provenance.audit.audit import AuditRequest, References, begin_judging, gather, judge_shards
from provenance.audit.exclusion_check import Checker, VersionToCheck
from provenance.audit.exclusion_facts import DemandedDatasets, look_for_demands
from provenance.audit.judged import JudgedDataset, JudgedShard
from provenance.audit.matches import JudgedMatches
from provenance.audit.terms_facts import completed
from provenance.audit.tools import Tools
from provenance.canonical import digest_of
from provenance.errors import RemedyError
from provenance.licensing.classes import LicenseCatalog
from provenance.model.absence import is_absent
from provenance.model.claims import LicenseClaim
from provenance.model.exclusion import Demand, DemandState, Place, Presence
from provenance.model.finding import Finding, SubjectKind, VerdictKind, Waiver
from provenance.model.match import Match
from provenance.model.remedy import LicenseObtained, RemedyPlan
from provenance.model.run import Run
from provenance.policy.engine import Evaluation, Judging
from provenance.ports import Matcher

Records = Mapping[tuple[str, str], frozenset[int]]
"""Records to leave out, by dataset and path."""
DEMANDS_INSIDE = "X001"
"""The rule whose findings are met by leaving out what somebody has demanded to be kept out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """How many open findings of a rule a dataset has now, and would have."""

    rule: str
    dataset: str
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The verdict now and after."""

    plan: str
    """Digest of the remedy file."""
    before: VerdictKind
    after: VerdictKind
    changes: tuple[Change, ...]
    """Every rule and dataset with an open finding before or after."""
    left: tuple[Finding, ...]
    """What would still be open, worst first."""
    records_dropped: int
    """Records that would be left out for shared text."""
    notes: tuple[str, ...] = ()
    """What the preview cannot tell."""


@dataclass(frozen=True, slots=True)
class _Gathered:
    """What both verdicts rest on."""

    request: AuditRequest
    datasets: tuple[JudgedDataset, ...]
    demands: tuple[Demand, ...]


@dataclass(frozen=True, slots=True)
class _WithoutRecords:
    """The matches of a shard but for those in some records."""

    matches: Iterable[Match]
    records: frozenset[int]

    def __iter__(self) -> Iterator[Match]:
        return (m for m in self.matches if m.record not in self.records)


def preview(request: AuditRequest, plan: RemedyPlan, matcher: Matcher | None, tools: Tools) -> Preview:
    """Return the verdict before and after what a remedy file describes.

    Args:
        request: What would be judged now.
        plan: What somebody thinks of doing.
        matcher: Opened on the run's reference sets; ``None`` where it names none.
        tools: Opens shards and the registry. Shards without a current scan are scanned unless ``request.rescan`` is off, and these scans are kept.

    Raises:
        RemedyError: If the plan names a dataset or a rule that the run does not have, or a licence that the catalogue does not know.
    """
    _check_names(plan, request)
    demanded = look_for_demands(judge_shards(request, matcher, tools), tools, read=request.rescan)
    now = _Gathered(request, demanded.datasets, demanded.demands)
    lookup = References(matcher)
    before, _ = _evaluate(now, lookup, tools, rules=())
    changed = _changed(now, plan, tools)
    after, records = _evaluate(changed, lookup, tools, rules=plan.drop)
    records = _unpinned(records, changed.datasets)
    if records:
        after, _ = _evaluate(replace(changed, datasets=_without(changed.datasets, records)), lookup, tools, rules=())
    return Preview(
        plan=plan.digest,
        before=before.verdict,
        after=after.verdict,
        changes=tuple(_compare(before.findings, after.findings)),
        left=tuple(f for f in after.findings if f.is_open),
        records_dropped=sum(map(len, records.values())),
        notes=tuple(_notes(plan, records, now.datasets)),
    )


def apply_to_run(run: Run, plan: RemedyPlan) -> Run:
    """Return a run with what a plan changes in its file."""
    weights = {w.dataset: w.weight for w in plan.weights}
    data = tuple(
        replace(d, weight=weights[_name(d.dataset)], epochs=None) if weights else d for d in run.data if _name(d.dataset) not in plan.leave_out
    )
    model, purpose = run.model, run.purpose
    if plan.run.model_name:
        model = replace(model, name=plan.run.model_name)
    if plan.run.release_weights:
        model = replace(model, release=replace(model.release, weights=plan.run.release_weights))
    if plan.run.commercial is not None:
        purpose = replace(purpose, commercial=plan.run.commercial)
    changed = replace(run, data=data, model=model, purpose=purpose)
    return run if changed == run else replace(changed, digest=_other(run.digest, plan.digest), file_digest="")


def _other(digest: str, plan: str) -> str:
    """Return the digest of what would be something else by then: it is not known, and no waiver of what it is now covers it."""
    return digest_of({"what-if": plan, "instead-of": digest})


def _name(dataset: str) -> str:
    return dataset.partition("@")[0]


def _check_names(plan: RemedyPlan, request: AuditRequest) -> None:
    names = [_name(d.dataset) for d in request.run.data]
    left = {n for n in names if n not in plan.leave_out}
    given = {"leave_out": plan.leave_out, "weights": [w.dataset for w in plan.weights], "licenses": [item.dataset for item in plan.licenses]}
    for what, datasets in given.items():
        for name in datasets:
            if name not in names:
                raise RemedyError(f"{what}: the run names no dataset {name!r}", hint=f"it names: {', '.join(names)}")
    if plan.weights and {w.dataset for w in plan.weights} != left:
        raise RemedyError(
            "weights: give the share of every dataset that is left in the run, and of no other", hint=f"these are: {', '.join(sorted(left))}"
        )
    rules = {rule.id: rule for bundle in request.bundles for rule in bundle.rules}
    for rule in plan.drop:
        if rule not in rules:
            raise RemedyError(f"drop: no bundle of the run has a rule {rule!r}", hint="see: provenance findings list")
        if rule != DEMANDS_INSIDE and rules[rule].for_each is not SubjectKind.MATCH:
            raise RemedyError(
                f"drop: {rule} does not judge shared text, so no record can be left out for it", hint="use leave_out, licenses or weights"
            )


def _changed(now: _Gathered, plan: RemedyPlan, tools: Tools) -> _Gathered:
    run = apply_to_run(now.request.run, plan)
    named = {_name(d.dataset): d for d in run.data}
    obtained = {item.dataset: item for item in plan.licenses}
    catalog = now.request.catalogs.licenses
    datasets = tuple(_licensed(replace(d, named=named[d.name]), obtained.get(d.name), catalog) for d in now.datasets if d.name in named)
    if DEMANDS_INSIDE in plan.drop:
        datasets = _with_demands_met(datasets, now.demands, tools)
    return _Gathered(replace(now.request, run=run, waivers=_with_waivers(now.request.waivers, plan.waivers)), datasets, now.demands)


def _with_waivers(admitted: Admitted, more: Sequence[Waiver]) -> Admitted:
    known = {w.id for w in admitted.waivers}
    if repeated := sorted({w.id for w in more} & known):
        raise RemedyError(f"waivers: there is a waiver {repeated[0]!r} already", hint="give it another id")
    return replace(admitted, waivers=(*admitted.waivers, *more))


def _licensed(judged: JudgedDataset, obtained: LicenseObtained | None, catalog: LicenseCatalog) -> JudgedDataset:
    if obtained is None or judged.version is None:
        return judged
    value, original = catalog.normalize(obtained.license)
    if is_absent(value):
        raise RemedyError(f"licenses: {judged.name}: {obtained.license!r} names no licence", hint="see: provenance licenses list")
    dataset = judged.version.dataset
    claim = LicenseClaim(value=value, original=original, by=obtained.by)
    return replace(judged, version=replace(judged.version, dataset=replace(dataset, license=replace(dataset.license, concluded=claim))))


def _with_demands_met(datasets: tuple[JudgedDataset, ...], demands: Sequence[Demand], tools: Tools) -> tuple[JudgedDataset, ...]:
    """Return datasets as they would be without the records that demands name. What names a whole version cannot be met by leaving records out."""
    unmet: set[tuple[str, str]] = set()
    checker = Checker(demands, tools, read=False)
    for judged in datasets:
        if judged.version is None or not any(s.state is Presence.STILL_INSIDE for s in judged.exclusions):
            continue
        if _is_pinned(judged):
            unmet.update((judged.name, s.demand) for s in judged.exclusions)
            continue

        def take(demand: str, place: Place, name: str = judged.name) -> None:
            if not place.path:
                unmet.add((name, demand))

        checker.each_place(VersionToCheck(version=judged.version, on_disk=False), take)
    return tuple(_remade(d, replace(d, exclusions=tuple(_met(s, unmet) for s in d.exclusions))) for d in datasets)


def _met(state: DemandState, unmet: Collection[tuple[str, str]]) -> DemandState:
    if state.state is not Presence.STILL_INSIDE or (state.dataset, state.demand) in unmet:
        return state
    return replace(state, state=Presence.UNKNOWN if state.reasons else Presence.NOT_FOUND, count=0, places=())


def _is_pinned(judged: JudgedDataset) -> bool:
    """Tell whether the run names one version: without some records it would be another, which the run does not name."""
    return "@" in judged.named.dataset


def _unpinned(records: Records, datasets: Iterable[JudgedDataset]) -> Records:
    pinned = {d.name for d in datasets if _is_pinned(d)}
    return {place: found for place, found in records.items() if place[0] not in pinned}


def _without(datasets: tuple[JudgedDataset, ...], records: Records) -> tuple[JudgedDataset, ...]:
    return tuple(_remade(d, replace(d, shards=tuple(_thinned(d.name, s, records) for s in d.shards))) for d in datasets)


def _remade(before: JudgedDataset, after: JudgedDataset) -> JudgedDataset:
    """Return a dataset that loses records as another version, whose digest nobody knows yet."""
    if before == after or after.version is None:
        return after
    return replace(after, version=replace(after.version, root_digest=_other(after.version.root_digest, "records dropped")))


def _thinned(name: str, shard: JudgedShard, records: Records) -> JudgedShard:
    left_out = records.get((name, shard.checked.shard.path))
    if left_out is None or shard.outcome is None:
        return shard
    file = replace(shard.checked.shard, sha256=_other(shard.checked.shard.sha256, "records dropped"))
    outcome = replace(shard.outcome, matches=_WithoutRecords(shard.outcome.matches, left_out))
    return replace(shard, checked=replace(shard.checked, shard=file), outcome=outcome)


def _evaluate(gathered: _Gathered, lookup: References, tools: Tools, *, rules: Collection[str]) -> tuple[Evaluation, Records]:
    """Judge a run, and return with it the records behind open findings of some rules on shared text."""
    request, today = gathered.request, tools.clock.now()[:10]
    facts = gather(request, DemandedDatasets(gathered.datasets, gathered.demands), lookup, today=today)
    judging = begin_judging(request, facts, today=today)
    records = _judge_matches(facts.matches, judging, rules)
    evaluation = judging.finish()
    return replace(evaluation, findings=completed(evaluation.findings, facts.datasets)), records


def _judge_matches(matches: JudgedMatches, judging: Judging, rules: Collection[str]) -> Records:
    hits: dict[tuple[str, str], set[int]] = {}
    for item in matches:
        found = [f for facts in item.facts for f in judging.take(facts)]
        if any(f.waiver is None and f.rule in rules for f in found):
            hits.setdefault((item.dataset, item.match.path), set()).add(item.match.record)
    return {place: frozenset(found) for place, found in hits.items()}


def _compare(before: Iterable[Finding], after: Iterable[Finding]) -> Iterator[Change]:
    old, new = _counted(before), _counted(after)
    for rule, dataset in dict.fromkeys((*old, *new)):
        yield Change(rule=rule, dataset=dataset, before=old[rule, dataset], after=new[rule, dataset])


def _counted(findings: Iterable[Finding]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for finding in findings:
        if finding.is_open:
            counts[finding.rule, finding.dataset] += finding.size
    return counts


def _notes(plan: RemedyPlan, records: Records, datasets: Iterable[JudgedDataset]) -> Iterator[str]:
    pinned = [d.name for d in datasets if _is_pinned(d)]
    if plan.drop and pinned:
        yield f"the run names one version of {', '.join(pinned)}: records can be left out of it, but the run file then has to name the new version"
    if plan.leave_out and not plan.weights:
        yield "where the run file gives weights, what is left needs new ones: their sum must be 1"
    if records or DEMANDS_INSIDE in plan.drop:
        yield "words of records that would be left out still count in the shares of the mixture"
    if plan.licenses:
        yield "a licence counts once a person has concluded it, with its evidence: the preview takes it as given"
    if plan.waivers:
        yield "waivers are taken as approved"
