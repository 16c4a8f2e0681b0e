"""Judge a planned run: check its shards, scan what is not scanned, gather the facts, apply the policy, and write down all of it."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from provenance.audit.facts import GatheredFacts, gather_facts
from provenance.audit.judged import JudgedDataset, JudgedShard, match_id
from provenance.audit.judgements import Catalogs
from provenance.audit.register import leaf_of
from provenance.audit.scan import Finders, ScanOutcome, collect_texts, problems_of, scan_registered, schemes_of, target_of
from provenance.audit.states import ShardState, check_shards, find_unregistered
from provenance.audit.steps import Amounts, propose_steps
from provenance.audit.tools import Tools
from provenance.audit.totals import count_totals, list_obligations, list_terms, mix, summarize_datasets, summarize_shards
from provenance.canonical import canonical_bytes, digest_of
from provenance.config import MIN_WORDS
from provenance.errors import ManifestError, NotRegisteredError
from provenance.fingerprint.digest import merkle_root
from provenance.model.absence import Absence
from provenance.model.audit import NO_ROOT, AuditRecord, MatchEvidence, ReferenceSummary, ToolVersion
from provenance.model.dataset import Dataset, DatasetVersion, Shard
from provenance.model.finding import Finding, VerdictKind, Waiver
from provenance.model.match import Match, MatchText, ReadProblem
from provenance.model.reference import ReferenceRecord
from provenance.model.run import Run
from provenance.model.wire import to_wire
from provenance.policy.bundle import Bundle
from provenance.policy.engine import Evaluation, evaluate
from provenance.ports import Matcher, Registry

AUDIT_SUFFIX = ".audit.json"
TEXTS_SHOWN = 400
"""Matches whose words are read again for the report; the others are listed without their words."""
MATCHES_LISTED = 20_000
"""Alarms listed in a record; beyond it they stand in the evidence files only, and the record's limits say so."""
_PACK_LIMIT = (
    "{name} is a reference pack, in whole or in part: one word sequence in {rate} stands for its texts. On test data such packs touched {share} of the planted "
    "passages, texts 99.8 %; passages of about fifty words, and much changed ones, are missed more often."
)
_PACK_SHARES = {2: "99.2 %", 4: "98.0 %", 8: "92.8 %"}
"""Measured by benchmarks/packs.py (docs/benchmarks.md)."""
EXPLAINED_LISTED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to judge, and by what."""

    run: Run
    bundles: tuple[Bundle, ...]
    waivers: tuple[Waiver, ...]
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
    datasets = _judge_shards(request, matcher, tools)
    lookup = _References(matcher)
    today = tools.clock.now()[:10]
    counts = {r.name: r.references if r.words else 0 for r in request.references}  # texts without a word are nothing to compare with
    gathered = gather_facts(request.run, datasets, request.catalogs, lookup, today=today, reference_counts=counts)
    evaluation = evaluate(request.bundles, gathered.facts, request.waivers, today)
    evidence = _evidence(datasets, evaluation.findings, matcher, gathered, tools)
    schemes = () if matcher is None else schemes_of(Finders(matcher, tools.suspects), tools.reader)
    record = replace(_record(request, datasets, gathered, evaluation, evidence, tools), schemes=schemes)
    raw = canonical_bytes(to_wire(record))
    digest = tools.evidence.put_bytes(raw, suffix=AUDIT_SUFFIX)
    with tools.units.begin(actor=tools.actor, action="audit", reason=request.run.model.name) as registry:
        registry.save_audit(record, digest)
    outcomes = [s.outcome for d in datasets for s in d.shards if s.outcome is not None]
    reused = sum(o.reused for o in outcomes)
    return AuditResult(
        record=record, record_digest=digest, problems=tuple(problems_of(outcomes)), reused_scans=reused, new_scans=len(outcomes) - reused
    )


class _References:
    """Looks references up once each; without a matcher there are none."""

    def __init__(self, matcher: Matcher | None) -> None:
        self._matcher = matcher
        self._known: dict[tuple[str, str], ReferenceRecord] = {}

    def __call__(self, reference_set: str, reference: str) -> ReferenceRecord:
        key = (reference_set, reference)
        if key not in self._known:
            if self._matcher is None:
                raise NotRegisteredError(f"reference {reference!r} of set {reference_set!r} is not at hand")
            self._known[key] = self._matcher.reference(reference_set, reference)
        return self._known[key]


def _judge_shards(request: AuditRequest, matcher: Matcher | None, tools: Tools) -> tuple[JudgedDataset, ...]:
    with tools.units.read() as registry:
        versions = [_version(registry, named.dataset) for named in request.run.data]
        registered = set(registry.registered_paths())
        related = _related(registry, versions)
    sizes = sum(s.size_bytes for v in versions if v is not None for s in v.shards)
    tools.progress.start("checking", sizes)
    checked = [check_shards(v, tools) if v is not None else [] for v in versions]
    strays = [[p for _, p in find_unregistered(v.shards, registered, tools)] if v is not None else [] for v in versions]
    tools.progress.finish()
    outcomes = _scan(
        request, matcher, tools, [(v, c.shard) for v, cs in zip(versions, checked, strict=True) for c in cs if v and c.state is ShardState.UNCHANGED]
    )
    return tuple(
        JudgedDataset(
            named=named,
            name=named.dataset.partition("@")[0],
            version=version,
            shards=tuple(
                JudgedShard(checked=c, outcome=outcomes.get((version.dataset.name, c.shard.path)), references=len(request.run.references))
                for c in found
                if version is not None
            ),
            unregistered=tuple(stray),
            related=others,
            unknown_ancestors=unknown,
        )
        for named, version, found, stray, (others, unknown) in zip(request.run.data, versions, checked, strays, related, strict=True)
    )


def _version(registry: Registry, name: str) -> DatasetVersion | None:
    base, _, pinned = name.partition("@")
    try:
        return registry.dataset_version(base, pinned or None)
    except NotRegisteredError:
        return None


def _related(registry: Registry, versions: Sequence[DatasetVersion | None]) -> list[tuple[tuple[Dataset, ...], tuple[str, ...]]]:
    """Return for every version what else is registered of its text, and the ancestors that are not registered."""
    newest = {v.dataset.name: v.dataset for v in registry.datasets()}
    holders = registry.holders({s.sha256 for v in versions if v is not None for s in v.shards})
    found: list[tuple[tuple[Dataset, ...], tuple[str, ...]]] = []
    for version in versions:
        if version is None:
            found.append(((), ()))
            continue
        own = version.dataset.name
        names, unknown = _ancestors(version.dataset, newest)
        names |= {name for s in version.shards for name in holders.get(s.sha256, ())}
        found.append((tuple(newest[n] for n in sorted(names - {own}) if n in newest), tuple(sorted(unknown))))
    return found


def _ancestors(dataset: Dataset, newest: Mapping[str, Dataset]) -> tuple[set[str], set[str]]:
    """Return the names of all datasets that one derives from, over all generations: those registered, and those not."""
    known: set[str] = set()
    unknown: set[str] = set()
    pending = list(dataset.derived_from)
    while pending:
        name = pending.pop().partition("@")[0]
        if name in known or name in unknown:
            continue
        if name in newest:
            known.add(name)
            pending.extend(newest[name].derived_from)
        else:
            unknown.add(name)
    return known, unknown


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


def _evidence(
    datasets: Sequence[JudgedDataset],
    findings: Sequence[Finding],
    matcher: Matcher | None,
    gathered: GatheredFacts,
    tools: Tools,
) -> tuple[MatchEvidence, ...]:
    """Return the matches worth showing: every alarm, those behind findings first, then some of the explained."""
    if matcher is None:
        return ()
    behind = {f.subject.id for f in findings if f.is_open}
    alarms = ((match_id(d.name, m), d, m) for d in datasets for m in d.matches if not m.explained)
    explained = ((match_id(d.name, m), d, m) for d in datasets for m in d.matches if m.explained)
    chosen = heapq.nsmallest(MATCHES_LISTED, alarms, key=lambda item: (item[0] not in behind, -item[2].aligned_words, item[0]))
    chosen += heapq.nsmallest(EXPLAINED_LISTED, explained, key=lambda item: (-item[2].aligned_words, item[0]))
    texts = _texts([(d, m) for _, d, m in chosen[:TEXTS_SHOWN]], matcher, tools)
    return tuple(
        MatchEvidence(id=key, dataset=d.name, match=m, reference=gathered.matches[key][0].reference, text=texts.get((d.name, m)))
        for key, d, m in chosen
    )


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
    evaluation: Evaluation,
    evidence: tuple[MatchEvidence, ...],
    tools: Tools,
) -> AuditRecord:
    with tools.units.read() as registry:
        revision, head = registry.revision, registry.log_head
    shards = [s for d in datasets for s in d.shards]
    root = _manifest_root(shards)
    totals = count_totals(datasets, gathered, evaluation.findings)
    record = AuditRecord(
        id="",
        created=tools.clock.now(),
        tool=request.tool,
        command=request.command,
        run=request.run,
        registry_revision=revision,
        log_head=head,
        datasets=summarize_datasets(datasets, gathered, evaluation.findings),
        shards=summarize_shards(datasets, evaluation.findings),
        shards_total=len(shards),
        manifest_root=root,
        references=request.references,
        scans=tuple(sorted({s.outcome.result.id for s in shards if s.outcome is not None and s.outcome.result is not None})),
        terms_catalog_version=request.catalogs.terms.version,
        terms_catalog_digest=request.catalogs.terms.digest,
        policy=evaluation.rules,
        facts_digest=gathered.facts.digest,
        totals=totals,
        mixture=mix(datasets, gathered),
        terms_applied=list_terms(datasets, gathered.datasets),
        findings=evaluation.findings,
        evidence=evidence,
        waivers=request.waivers,
        obligations=list_obligations(datasets, gathered),
        steps=propose_steps(
            evaluation.findings, evidence, Amounts(records={d.name: sum(s.checked.shard.records or 0 for s in d.shards) for d in datasets})
        ),
        verdict=VerdictKind.BLOCKED if root == NO_ROOT else evaluation.verdict,
        limits=_limits(request, datasets, totals.alarms, evidence),
        run_file=request.run_file,
    )
    return replace(record, id=_audit_id(record))


def _manifest_root(shards: Sequence[JudgedShard]) -> str:
    """Return the root over all shards of a run. Nothing is never cleared, and neither is a path that stands for two different files."""
    try:
        return merkle_root(leaf_of(s.checked.shard) for s in shards)
    except ManifestError:
        return NO_ROOT


def _audit_id(record: AuditRecord) -> str:
    """Digest of what was judged and found; when, by which command and at which log head do not change it."""
    return digest_of(
        {
            "run": record.run.digest,
            "root": record.manifest_root,
            "facts": record.facts_digest,
            "policy": [p.digest for p in record.policy],
            "terms": record.terms_catalog_digest,
            "references": [r.digest for r in record.references],
            "findings": [f.id for f in record.findings],
            "waived": [f.waiver or "" for f in record.findings],
        }
    )


def _limits(request: AuditRequest, datasets: Sequence[JudgedDataset], alarms: int, evidence: Sequence[MatchEvidence]) -> tuple[str, ...]:
    limits = [
        "Words stand for tokens: no tokenizer is named.",
        "Matching compares words. A paraphrase or a translation shares too few words to be found.",
    ]
    if not request.run.references:
        limits.append("The run names no reference set, so nobody looked for shared text.")
    else:
        total = sum(r.references for r in request.references)
        limits.append(f"Shared text was looked for in {total} references only; what is not among them cannot be found.")
        limits.append(f"Passages of fewer than {request.min_words} words are listed as explained, and are no alarms by themselves.")
        for reference in (r for r in request.references if "/pack-" in r.scheme):
            rate = max(int(found) for found in re.findall(r"/1in(\d+)/", reference.scheme))
            limits.append(_PACK_LIMIT.format(name=reference.name, rate=rate, share=_PACK_SHARES.get(rate, "an unknown share")))
    if _manifest_root([s for d in datasets for s in d.shards]) == NO_ROOT:
        limits.append("The run has no shards, or one path stands for two different files (in two data roots, or in a version that is out of date).")
    unread = sum(s.unread_records for d in datasets for s in d.shards)
    if unread:
        limits.append(f"{unread} records could not be read and were compared with nothing.")
    for name, fields in ((d.name, sorted({f.field for s in d.shards for f in s.left_out})) for d in datasets):
        if fields:
            limits.append(f"{name} names the field that is read. Nobody looked at the long text in: {', '.join(fields)}.")
    dropped = sum(s.outcome.result.dropped_seeds for d in datasets for s in d.shards if s.outcome is not None and s.outcome.result is not None)
    if dropped:
        limits.append(f"{dropped} seed hits on very common text were left out by caps.")
    listed = sum(not e.match.explained for e in evidence)
    if alarms > listed:
        limits.append(f"{listed} of {alarms} shared passages are listed here; the others stand in the evidence files.")
    if request.run.model.release.weights == Absence.UNKNOWN.value:
        limits.append("The run does not say whether the weights will be released.")
    return tuple(limits)
