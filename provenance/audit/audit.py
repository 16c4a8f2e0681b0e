"""Judge a planned run: check its shards, scan what is not scanned, gather the facts, apply the policy, and write down all of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from provenance.audit.admitting import Admitted
from provenance.audit.duties import base_duties
from provenance.audit.exclude import demands_digest
from provenance.audit.exclusion_facts import DemandedDatasets, look_for_demands
from provenance.audit.facts import GatheredFacts, gather_facts
from provenance.audit.generations import count_generations
from provenance.audit.identity import audit_id
from provenance.audit.judged import JudgedDataset, JudgedShard
from provenance.audit.judgements import Catalogs, ReferenceLookup
from provenance.audit.kept_audits import AUDIT_SUFFIX
from provenance.audit.ledger import MATCHES_LISTED, MatchLedger, Shown, judge_matches
from provenance.audit.limits import Scope, list_limits, manifest_root
from provenance.audit.lineage import Lineage, Tracer, find_version
from provenance.audit.remedy_plan import new_weights
from provenance.audit.scan import Finders, ScanOutcome, collect_texts, problems_of, scan_registered, schemes_of, target_of
from provenance.audit.states import CheckedShard, ShardState, check_shards, find_strays
from provenance.audit.steps import Amounts, propose_steps
from provenance.audit.terms_facts import completed
from provenance.audit.tools import Tools
from provenance.audit.totals import count_totals, list_duties, list_obligations, list_terms, mix, summarize_datasets, summarize_shards
from provenance.canonical import canonical_bytes
from provenance.config import MIN_WORDS
from provenance.errors import NotRegisteredError
from provenance.model.audit import NO_ROOT, AuditRecord, MatchEvidence, ReferenceSummary, ToolVersion
from provenance.model.dataset import DatasetVersion, Shard
from provenance.model.finding import SubjectKind, VerdictKind
from provenance.model.match import Match, MatchText, ReadProblem
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.run import Run, RunData
from provenance.model.wire import to_wire
from provenance.policy.bundle import Bundle
from provenance.policy.engine import Evaluation, Judging
from provenance.ports import Matcher

TEXTS_SHOWN = 400
"""Matches whose words are read again for the report; the others are listed without their words."""
REFERENCES_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to judge, and by what."""

    run: Run
    bundles: tuple[Bundle, ...]
    waivers: Admitted
    catalogs: Catalogs
    references: tuple[ReferenceSummary, ...]
    tool: ToolVersion
    command: str
    run_file: str = ""
    """Where the run file is."""
    min_words: int = MIN_WORDS
    """Shorter passages are no alarms; the record's limits say so."""
    rescan: bool = True
    """Scan what has no current result; otherwise it counts as not scanned."""
    findings_listed: int | None = None
    """Open findings of a rule, outcome and dataset on matches or shards that are listed by themselves; by default ``policy.listing.room_for`` decides."""
    matches_listed: int = MATCHES_LISTED
    """Alarms that the record lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """An audit's record and what could not be read on the way."""

    record: AuditRecord
    record_digest: str
    problems: tuple[ReadProblem, ...]
    reused_scans: int
    new_scans: int


def run_audit(request: AuditRequest, matcher: Matcher | None, tools: Tools) -> AuditResult:
    """Judge a run and keep the record.

    Args:
        request: What to judge.
        matcher: Opened on the run's reference sets; ``None`` where it names none.
        tools: Opens shards and the registry, keeps evidence.
    """
    with tools.units.read() as registry:
        revision, head = registry.revision, registry.log_head
    today = tools.clock.now()[:10]
    demanded, gathered = _gather(request, matcher, tools, today=today)
    datasets = demanded.datasets
    found = replace(_judge(request, gathered, tools, today=today), revision=revision, log_head=head)
    evidence = _evidence(datasets, found.ledger.shown(), matcher, tools)
    schemes = () if matcher is None else schemes_of(Finders(matcher, tools.suspects), tools.reader)
    record = _record(request, datasets, gathered, found, evidence, tools)
    record = replace(record, schemes=schemes, exclusions=demands_digest(demanded.demands))
    raw = canonical_bytes(to_wire(record))
    digest = tools.evidence.put_bytes(raw, suffix=AUDIT_SUFFIX)
    with tools.units.begin(actor=tools.actor, action="audit", reason=request.run.model.name) as registry:
        registry.save_audit(record, digest)
    outcomes = [s.outcome for d in datasets for s in d.shards if s.outcome is not None]
    reused = sum(o.reused for o in outcomes)
    unreachable = [
        ReadProblem(path=s.checked.shard.path, line=None, record=None, message=s.checked.reason)
        for d in datasets
        for s in d.shards
        if s.checked.reason
    ]
    problems = (*unreachable, *problems_of(outcomes))
    return AuditResult(record=record, record_digest=digest, problems=problems, reused_scans=reused, new_scans=len(outcomes) - reused)


def gather_run(request: AuditRequest, matcher: Matcher | None, tools: Tools) -> GatheredFacts:
    """Return the facts that an audit would judge, and keep nothing. Arguments are those of ``run_audit``."""
    return _gather(request, matcher, tools, today=tools.clock.now()[:10])[1]


def _gather(request: AuditRequest, matcher: Matcher | None, tools: Tools, *, today: str) -> tuple[DemandedDatasets, GatheredFacts]:
    demanded = look_for_demands(judge_shards(request, matcher, tools), tools, read=request.rescan)
    return demanded, gather(request, demanded, References(matcher), today=today)


def gather(request: AuditRequest, demanded: DemandedDatasets, lookup: ReferenceLookup, *, today: str) -> GatheredFacts:
    """Return the facts of datasets as they stand in a run."""
    counts = {r.name: r.references if r.words else 0 for r in request.references}  # texts without a word are nothing to compare with
    works = sum(r.kind == ReferenceKind.WORK.value and counts[r.name] > 0 for r in request.references)
    return gather_facts(
        request.run,
        demanded.datasets,
        request.catalogs,
        lookup,
        today=today,
        reference_counts=counts,
        work_sets=works,
        demands=demanded.demands,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _JudgedRun:
    """What the rules say, and what is kept of matches."""

    today: str
    evaluation: Evaluation
    ledger: MatchLedger
    match_findings: str
    revision: str = ""
    log_head: str = ""
    """The registry before anything of it was read: what is recorded while an audit runs comes after it."""


def begin_judging(request: AuditRequest, gathered: GatheredFacts, *, today: str) -> Judging:
    """Return what judges a run, with the waivers that count in it."""
    admitted, rules = request.waivers, [r.id for b in request.bundles for r in b.rules]
    return Judging(
        request.bundles,
        gathered.facts,
        admitted.waivers,
        today,
        room=request.findings_listed,
        refused=admitted.doubtful(gathered.facts) | admitted.refused_for(request.run.requested_by),
        quiet=admitted.elsewhere(gathered.facts, rules),
    )


def _judge(request: AuditRequest, gathered: GatheredFacts, tools: Tools, *, today: str) -> _JudgedRun:
    """Apply the policy. Findings on matches are kept in the evidence where the record cannot hold all of them with their matches."""
    judging = begin_judging(request, gathered, today=today)
    with tools.evidence.writing_findings() as writer:
        ledger = MatchLedger(writer, alarms_listed=request.matches_listed)
        judge_matches(gathered.matches, judging, ledger)
        evaluation = judging.finish()
        evaluation = replace(evaluation, findings=completed(evaluation.findings, gathered.datasets))
        is_whole = ledger.with_findings == sum(s.is_found for s in ledger.shown()) and not any(
            f.grouped and f.subject.kind is SubjectKind.MATCH for f in evaluation.findings
        )
        return _JudgedRun(today=today, evaluation=evaluation, ledger=ledger, match_findings="" if is_whole else writer.publish())


class References:
    """Looks references up, the last ones once each; without a matcher there are none."""

    def __init__(self, matcher: Matcher | None) -> None:
        self._matcher = matcher
        self._known: dict[tuple[str, str], ReferenceRecord] = {}

    def __call__(self, reference_set: str, reference: str) -> ReferenceRecord:
        """Return a reference.

        Raises:
            NotRegisteredError: If there is no matcher, or the set does not hold it.
        """
        key = (reference_set, reference)
        if key not in self._known:
            if self._matcher is None:
                raise NotRegisteredError(f"reference {reference!r} of set {reference_set!r} is not at hand")
            if len(self._known) >= REFERENCES_REMEMBERED:
                self._known.clear()
            self._known[key] = self._matcher.reference(reference_set, reference)
        return self._known[key]


def judge_shards(request: AuditRequest, matcher: Matcher | None, tools: Tools) -> tuple[JudgedDataset, ...]:
    """Return the datasets of a run with the state of their shards, scanned where they are unchanged, and with all that they come from."""
    with tools.units.read() as registry:
        versions = [find_version(registry, named.dataset) for named in request.run.data]
        tracer = Tracer(registry)
        lineages = [None if v is None else tracer.trace(v) for v in versions]
        depths = [None if v is None else count_generations(tracer, v) for v in versions]
    sizes = sum(s.size_bytes for v in versions if v is not None for s in v.shards)
    tools.progress.start("checking", sizes)
    checked = [check_shards(v, tools) if v is not None else [] for v in versions]
    strays = find_strays(versions, tools)
    tools.progress.finish()
    outcomes = _scan(
        request, matcher, tools, [(v, c.shard) for v, cs in zip(versions, checked, strict=True) for c in cs if v and c.state is ShardState.UNCHANGED]
    )
    found = zip(request.run.data, versions, lineages, depths, checked, strays, strict=True)
    references = len(request.run.references)
    return tuple(
        JudgedDataset(named=named, name=named.dataset.partition("@")[0], version=None)
        if version is None or lineage is None or depth is None
        else replace(_judged(named, version, lineage, _judged_shards(version, lineage, states, outcomes, references), stray), generations=depth)
        for named, version, lineage, depth, states, stray in found
    )


def _judged_shards(
    version: DatasetVersion, lineage: Lineage, states: Sequence[CheckedShard], outcomes: Mapping[tuple[str, str], ScanOutcome], references: int
) -> tuple[JudgedShard, ...]:
    return tuple(
        JudgedShard(
            checked=c,
            outcome=outcomes.get((version.dataset.name, c.shard.path)),
            references=references,
            inheritance=lineage.by_shard.get(c.shard.sha256),
            digests=version.digests,
        )
        for c in states
    )


def _judged(named: RunData, version: DatasetVersion, lineage: Lineage, shards: tuple[JudgedShard, ...], strays: Sequence[str]) -> JudgedDataset:
    return JudgedDataset(
        named=named,
        name=named.dataset.partition("@")[0],
        version=version,
        shards=shards,
        unregistered=tuple(strays),
        related=tuple(a.dataset for a in lineage.whole.ancestors),
        unknown_ancestors=lineage.whole.unknown,
        generated=lineage.whole.generated,
        ancestors=lineage.whole.ancestors,
    )


def _scan(
    request: AuditRequest, matcher: Matcher | None, tools: Tools, shards: Sequence[tuple[DatasetVersion, Shard]]
) -> dict[tuple[str, str], ScanOutcome]:
    if matcher is None:
        return {}
    finders = Finders(matcher, tools.suspects)
    targets = [target_of(v, s, tools.listing) for v, s in shards]
    tools.progress.start("scanning", sum(s.size_bytes for _, s in shards))
    outcomes = scan_registered(targets, finders, tools, rescan=request.rescan)
    tools.progress.finish()
    return {(o.target.dataset.name, o.target.shard.path): o for o in outcomes}


def _evidence(datasets: Sequence[JudgedDataset], shown: Sequence[Shown], matcher: Matcher | None, tools: Tools) -> tuple[MatchEvidence, ...]:
    """Return matches for the record, the first of them with their words."""
    if matcher is None:
        return ()
    by_name = {d.name: d for d in datasets}
    texts = _texts([(by_name[s.dataset], s.match) for s in shown[:TEXTS_SHOWN]], matcher, tools)
    return tuple(MatchEvidence(id=s.id, dataset=s.dataset, match=s.match, reference=s.reference, text=texts.get((s.dataset, s.match))) for s in shown)


def _texts(chosen: Iterable[tuple[JudgedDataset, Match]], matcher: Matcher, tools: Tools) -> dict[tuple[str, Match], MatchText]:
    wanted: dict[tuple[str, str], list[Match]] = {}
    by_name = {}
    for judged, match in chosen:
        by_name[judged.name] = judged
        wanted.setdefault((judged.name, match.path), []).append(match)
    texts: dict[tuple[str, Match], MatchText] = {}
    for (name, path), matches in wanted.items():
        judged = by_name[name]
        shard = next(s.checked.shard for s in judged.shards if s.checked.shard.path == path)
        if judged.version is not None:
            target = target_of(judged.version, shard, tools.listing)
            texts.update({(name, m): text for m, text in collect_texts(tools.reader, matcher, target, matches).items()})
    return texts


def _record(
    request: AuditRequest,
    datasets: tuple[JudgedDataset, ...],
    gathered: GatheredFacts,
    found: _JudgedRun,
    evidence: tuple[MatchEvidence, ...],
    tools: Tools,
) -> AuditRecord:
    shards = [s for d in datasets for s in d.shards]
    root, findings = manifest_root(shards), found.evaluation.findings
    duties = (*list_duties(datasets, gathered), *base_duties(request.run, request.catalogs.terms))
    totals = count_totals(datasets, gathered, findings)
    summaries = summarize_datasets(datasets, gathered, findings)
    weights, weighed = new_weights(summaries, found.evaluation.rules)
    amounts = Amounts(
        records={d.name: sum(s.checked.shard.records or 0 for s in d.shards) for d in datasets},
        dropped=found.ledger.records,
        weights=weights,
        weighed=weighed,
    )
    scope = Scope(run=request.run, references=request.references, datasets=datasets, min_words=request.min_words, today=found.today)
    record = AuditRecord(
        id="",
        created=tools.clock.now(),
        tool=request.tool,
        command=request.command,
        run=request.run,
        registry_revision=found.revision,
        log_head=found.log_head,
        datasets=summaries,
        shards=summarize_shards(datasets, gathered.survey, findings),
        shards_total=len(shards),
        manifest_root=root,
        references=request.references,
        scans=tuple(sorted({s.outcome.result.id for s in shards if s.outcome is not None and s.outcome.result is not None})),
        terms_catalog_version=request.catalogs.terms.version,
        terms_catalog_digest=request.catalogs.terms.digest,
        licenses_digest=request.catalogs.licenses.digest,
        licenses_version=request.catalogs.licenses.version,
        policy=found.evaluation.rules,
        facts_digest=found.evaluation.facts_digest,
        totals=totals,
        mixture=mix(datasets, gathered),
        terms_applied=list_terms(datasets, gathered.datasets),
        findings=findings,
        evidence=evidence,
        waivers=tuple(use.waiver for use in found.evaluation.waivers),
        obligations=list_obligations(duties),
        duties=duties,
        steps=propose_steps(findings, amounts),
        verdict=VerdictKind.BLOCKED if root == NO_ROOT else found.evaluation.verdict,
        limits=list_limits(scope, alarms=totals.alarms, evidence=evidence, findings=findings),
        match_findings=found.match_findings,
        run_file=request.run_file,
    )
    return replace(record, id=audit_id(record))
