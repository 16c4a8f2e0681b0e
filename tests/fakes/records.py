"""Audit records for tests of the reports: blocked, review, cleared, huge and hostile. Every value is made here; nothing is read from disk."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from provenance.audit.identity import audit_id
from provenance.fingerprint.digest import ShardLeaf, merkle_root
from provenance.model.absence import TriState
from provenance.model.audit import (
    NO_ROOT,
    AskedDuty,
    AuditRecord,
    DatasetSummary,
    MatchEvidence,
    MixtureShare,
    PolicyUsed,
    ReferenceSummary,
    RuleUsed,
    ShardSummary,
    Step,
    TermsApplied,
    ToolVersion,
    Totals,
)
from provenance.model.dataset import Dataset, DateRange, Evidence, Generator, LicenseClaim, LicenseFacts, Obtained, Source, SourceKind
from provenance.model.finding import (
    Action,
    ClauseCitation,
    Finding,
    FindingEvidence,
    Outcome,
    Reading,
    Remedy,
    Severity,
    Subject,
    SubjectKind,
    VerdictKind,
    Waiver,
)
from provenance.model.match import AlsoIn, Explanation, Match, MatchMethod, MatchText, Span
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.run import CompetesWith, ModelPlan, Organization, Purpose, Release, Run, RunData

WORK_REFERENCE = (
    "Call me Ishmael. Some years ago—never mind how long precisely—having little or no money in my purse, and nothing particular to "
    "interest me on shore, I thought I would sail about a little and see the watery part of the world. It is a way I have of driving off "
    "the spleen and regulating the circulation. Whenever I find myself growing grim about the mouth; whenever it is a damp, drizzly "
    "November in my soul; whenever I find myself involuntarily pausing before coffin warehouses, and bringing up the rear of every funeral "
    "I meet; and especially whenever my hypos get such an upper hand of me, that it requires a strong moral principle to prevent me from "
    "deliberately stepping into the street, and methodically knocking people’s hats off—then, I account it high time to get to sea as soon "
    "as I can."
)
WORK_TRAINING = (
    "Call me Ishmael. Some years ago - never mind how long precisely - having little or no money in my purse, and nothing particular to "
    "interest me ashore, I thought I would sail about a little and see the watery part of the world. It is a way I have of driving off "
    "the spleen and regulating the circulation. Whenever I find myself growing grim about the mouth; whenever it is a damp, drizzly "
    "November in my soul; and especially whenever my hypos get such an upper hand of me, that it requires a strong moral principle to "
    "prevent me from deliberately stepping into the street, then I account it high time to get to sea as soon as I can."
)
API_REFERENCE = (
    "To reset the router, first unplug the power cable and wait for thirty seconds. While you wait, check that the network cable is seated "
    "firmly in the WAN port. Plug the power back in and hold the recessed button for ten seconds, until the status light blinks amber. When "
    "the light turns solid green, the device has returned to its factory settings and you can sign in with the password printed on the label."
)
API_TRAINING = (
    "Sure! To reset the router, first unplug the power cable and wait for about thirty seconds. While you wait, check that the network cable "
    "is seated firmly in the WAN port. Then plug the power back in and hold the recessed button for ten seconds, until the status light "
    "blinks amber. When the light turns solid green, the device has returned to its factory settings."
)
_WORD = re.compile(r"\w+")
MARKETS = ("EU", "US-CA")


def sha(text: str) -> str:
    """Return a digest of the right form that depends on ``text`` only."""
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def match_text(training: str, reference: str, *, before: str = "", after: str = "", length: int | None = None) -> MatchText:
    """Return passages with their shared stretches found by difflib: at least three words in a row."""
    left, right = list(_WORD.finditer(training)), list(_WORD.finditer(reference))
    blocks = difflib.SequenceMatcher(
        None, [m.group().lower() for m in left], [m.group().lower() for m in right], autojunk=False
    ).get_matching_blocks()
    kept = [b for b in blocks if b.size >= 3]
    return MatchText(
        before=before,
        text=training,
        after=after,
        reference_before=before,
        reference_text=reference,
        reference_after=after,
        shared=tuple(Span(start=left[b.a].start(), end=left[b.a + b.size - 1].end()) for b in kept),
        reference_shared=tuple(Span(start=right[b.b].start(), end=right[b.b + b.size - 1].end()) for b in kept),
        document_length=length if length is not None else len(before) + len(training) + len(after),
    )


def make_match(
    *,
    path: str,
    record: int,
    reference: str,
    kind: ReferenceKind,
    words: int,
    start: int = 120,
    length: int = 600,
    explained: bool = False,
    because: Explanation | None = None,
    also: tuple[AlsoIn, ...] = (),
) -> Match:
    """Return a match with plausible numbers."""
    return Match(
        scan=sha("scan " + path),
        shard=sha(path),
        path=path,
        record=record,
        line=record + 1,
        doc_id=f"{path}#{record}",
        field="messages[1].content" if kind is ReferenceKind.API_OUTPUT else "text",
        start=start,
        end=start + length,
        reference_set="known-outputs" if kind is ReferenceKind.API_OUTPUT else "licensed-books",
        reference=reference,
        kind=kind,
        reference_start=0,
        reference_end=length + 12,
        also=also,
        method=MatchMethod.PASSAGE,
        words=words,
        aligned_words=words - 6,
        longest_run=max(words // 2, 1),
        exact_jaccard=0.71,
        exact_containment=0.83,
        document_jaccard=0.12,
        score=words * 0.8,
        chance_alarms_per_million=0.0004,
        ci_low=0.74,
        ci_high=0.89,
        explained=explained,
        because=because,
    )


BOOK = ReferenceRecord(
    id="work:moby-dick-harbour-2019",
    kind=ReferenceKind.WORK,
    title="Moby-Dick, annotated",
    author="Herman Melville",
    holder="Harbour Press (fictitious)",
    license="LicenseRef-all-rights-reserved",
    source="pages 1–2",
)
CALL = ReferenceRecord(
    id="call-000412",
    kind=ReferenceKind.API_OUTPUT,
    prompt="How do I reset my router?",
    provider="lumen-ai",
    model="lumen-2-chat",
    channel="api",
    region="US",
    generated=DateRange(start="2024-03-05", end="2024-03-05"),
    call="req_7Q2M",
)
CLAUSE = ClauseCitation(
    terms="lumen-ai/2024-01-15",
    clause="3.2(c)",
    quote="You may not use Output to develop or train models that compete with Lumen.",
    source="https://lumen.example/terms/2024-01-15",
    value="prohibited-if-competing",
    effective_from="2024-01-15",
    effective_to="2024-11-30",
)


def make_dataset(name: str, *, kind: SourceKind, license_value: str, title: str = "", generator: Generator | None = None) -> Dataset:
    """Return a dataset with facts of each kind."""
    evidence = Evidence(url=f"https://data.example/{name}", fetched_at="2026-11-20T08:00:00Z", sha256=sha("card " + name))
    claim = LicenseClaim(value=license_value, original=license_value, by="registrant", evidence=evidence)
    return Dataset(
        name=name,
        title=title or name.replace("-", " "),
        source=Source(kind=kind, url=f"https://data.example/{name}", collected=DateRange(start="2024-03-01", end="2024-05-31")),
        obtained=Obtained.OWN_ACCOUNT if generator else Obtained.UNKNOWN,
        license=LicenseFacts(declared=claim),
        generators=(generator,) if generator else (),
        synthetic=TriState.YES if generator else TriState.NO,
        domain="customer-support",
        languages=("en",),
        owner="data-team@example.org",
    )


def make_summary(dataset: Dataset, *, weight: float, shards: int, words: int, alarms: int = 0, matched: int = 0, found: int = 0) -> DatasetSummary:
    """Return a dataset as judged."""
    return DatasetSummary(
        dataset=dataset,
        root_digest=sha("root " + dataset.name),
        shards=shards,
        size_bytes=words * 6,
        records=words // 90,
        words=words,
        unread_records=0,
        weight=weight,
        license_use="UNKNOWN" if dataset.license.effective == "NOT_STATED" else "commercial",
        synthetic=dataset.synthetic,
        matches=alarms + (1 if alarms else 0),
        alarms=alarms,
        matched_words=matched,
        open_findings=found,
    )


def make_shard(dataset: str, path: str, *, words: int, alarms: int = 0, state: str = "unchanged") -> ShardSummary:
    """Return a shard as judged."""
    return ShardSummary(
        dataset=dataset,
        path=path,
        sha256=sha(path),
        size_bytes=words * 6,
        records=words // 90,
        words=words,
        state=state,
        alarms=alarms,
        matched_words=alarms * 60,
    )


def make_finding(
    rule: str,
    title: str,
    *,
    subject: Subject,
    message: str,
    dataset: str,
    action: Action = Action.DENY,
    outcome: Outcome = Outcome.VIOLATED,
    severity: Severity = Severity.HIGH,
    because: tuple[Reading, ...] = (),
    clauses: tuple[ClauseCitation, ...] = (),
    evidence: tuple[FindingEvidence, ...] = (),
    remedies: tuple[Remedy, ...] = (),
    waiver: str | None = None,
) -> Finding:
    """Return a finding whose id depends on rule and subject."""
    return Finding(
        id=sha(f"{rule} {subject.id}"),
        rule=rule,
        title=title,
        bundle="commercial-llm",
        severity=severity,
        outcome=outcome,
        action=action,
        subject=subject,
        message=message,
        dataset=dataset,
        because=because,
        clauses=clauses,
        evidence=evidence,
        remedies=remedies,
        waiver=waiver,
    )


def make_run(name: str = "helpdesk-7b", data: Sequence[tuple[str, float]] = (("support-tickets", 1.0),)) -> Run:
    """Return a run as its file describes it."""
    return Run(
        model=ModelPlan(
            name=name,
            base="meta-llama/Llama-3.1-8B",
            kind="chat-llm",
            parameters=7e9,
            release=Release(weights="open", markets=MARKETS, date="2026-12-01"),
        ),
        purpose=Purpose(
            commercial=TriState.YES, use="customer support", competes_with=(CompetesWith(provider="lumen-ai", value=True, who="legal@example.org"),)
        ),
        organization=Organization(name="Example Ltd", monthly_active_users=120_000, established_in="DE"),
        data=tuple(RunData(dataset=n, weight=w) for n, w in data),
        references=("known-outputs", "licensed-books"),
        policy=("policies/bundles/commercial-llm.yaml",),
        requested_by="training-lead@example.org",
        digest=sha("run " + name),
    )


def _rule(rule: str, title: str, *, require: str, for_each: str, action: str, counts: tuple[int, int, int, int]) -> RuleUsed:
    satisfied, violated, unknown, not_applicable = counts
    return RuleUsed(
        id=rule,
        title=title,
        for_each=for_each,
        require=require,
        action=Action(action),
        severity=Severity.HIGH,
        judged=sum(counts),
        satisfied=satisfied,
        violated=violated,
        unknown=unknown,
        not_applicable=not_applicable,
    )


D001, C002 = "Outputs whose terms forbid this use", "Unlicensed text of a work"
L001, S001 = "Licence must be known", "Synthetic share above the cap"
POLICY = PolicyUsed(
    bundle="commercial-llm",
    version="1.0.0",
    digest=sha("bundle"),
    params=(Reading(path="max_synthetic", value=0.3), Reading(path="min_words", value=24)),
    rules=(
        _rule("D001", D001, require='shard.terms.this_use == "ALLOWED"', for_each="shard", action="deny", counts=(2, 18, 0, 20)),
        _rule("C002", C002, require="match.words < params.min_words", for_each="match", action="deny", counts=(31, 2, 0, 0)),
        _rule("L001", L001, require='shard.license.use != "UNKNOWN"', for_each="shard", action="review", counts=(38, 0, 2, 0)),
        _rule("S001", S001, require="domain.synthetic_share <= params.max_synthetic", for_each="domain", action="warn", counts=(0, 1, 0, 0)),
        _rule(
            "R001", "Shards are registered and unchanged", require="shard.state == 'unchanged'", for_each="shard", action="deny", counts=(40, 0, 0, 0)
        ),
    ),
)
REFERENCES = (
    ReferenceSummary(name="known-outputs", digest=sha("known"), kind="api-output", references=12_840, words=2_310_442, scheme="words-5-affine32"),
    ReferenceSummary(name="licensed-books", digest=sha("books"), kind="work", references=1_240, words=98_112_004, scheme="words-5-affine32"),
)
LIMITS = (
    "Passages under 24 words are listed as explained, not as alarms.",
    "Images, audio and code comments in other files were not read.",
    "12 records of forum-dump could not be read: line 88 is not JSON.",
)


def settled(record: AuditRecord) -> AuditRecord:
    """Return a record whose counts, roots and id are those of what it lists, as in a record that an audit made: others are refused where it is read."""
    listed = Counter[tuple[str, Outcome]]()
    actions, pending = Counter[Action](), Counter[str]()
    for f in record.findings:
        listed[f.rule, f.outcome] += f.size
        if f.is_open:
            actions[f.action] += f.size
            pending[f.dataset] += f.size
    datasets = tuple(dataclasses.replace(_summed(record, d), open_findings=pending[d.dataset.name]) for d in record.datasets)
    sums = {name: sum(getattr(d, name) for d in datasets) for name in ("records", "words", "matches", "alarms", "matched_words")}
    shards = sum(d.shards for d in datasets)
    judged = sum(s.state == "unchanged" for s in record.shards) if len(record.shards) == shards else shards
    named = shards + len(record.run.data) - len(datasets)
    totals = dataclasses.replace(
        record.totals,
        **sums,
        explained=sums["matches"] - sums["alarms"],
        datasets=len(record.run.data),
        shards_named=named,
        shards_judged=min(record.totals.shards_judged, judged),
        words_with_known_license=min(record.totals.words_with_known_license, sums["words"]),
        words_with_known_terms=min(record.totals.words_with_known_terms, sums["words"]),
        deny=actions[Action.DENY],
        review=actions[Action.REVIEW],
        warn=actions[Action.WARN],
        waived=sum(f.waiver is not None for f in record.findings),
    )
    policy = tuple(dataclasses.replace(p, rules=tuple(_counted(r, listed) for r in p.rules)) for p in record.policy)
    made = _rooted(dataclasses.replace(record, datasets=datasets, totals=totals, policy=policy, shards_total=shards))
    return dataclasses.replace(made, id=audit_id(made))


def _rooted(record: AuditRecord) -> AuditRecord:
    """Return a record with the roots of its shards, where it lists all of them."""
    if len(record.shards) != record.shards_total or not record.shards or record.manifest_root == NO_ROOT:
        return record
    datasets = tuple(
        dataclasses.replace(d, root_digest=_root(mine)) if (mine := [s for s in record.shards if s.dataset == d.dataset.name]) else d
        for d in record.datasets
    )
    return dataclasses.replace(record, datasets=datasets, manifest_root=_root(record.shards))


def _root(shards: Iterable[ShardSummary]) -> str:
    return merkle_root(ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in shards)


def _summed(record: AuditRecord, summary: DatasetSummary) -> DatasetSummary:
    """Return a dataset with the numbers of its shards, where the record lists all of them."""
    mine = [s for s in record.shards if s.dataset == summary.dataset.name]
    if len(mine) != summary.shards or len(record.shards) != record.shards_total:
        return summary
    sums: dict[str, Any] = {name: sum(getattr(s, name) or 0 for s in mine) for name in ("size_bytes", "records", "alarms", "matched_words")}
    return dataclasses.replace(summary, **sums, matches=sums["alarms"] + summary.matches - summary.alarms)


def _counted(rule: RuleUsed, listed: Counter[tuple[str, Outcome]]) -> RuleUsed:
    violated, unknown = listed[rule.id, Outcome.VIOLATED], listed[rule.id, Outcome.UNKNOWN]
    satisfied = rule.satisfied + max(0, rule.violated - violated) + max(0, rule.unknown - unknown)
    judged = satisfied + violated + unknown + rule.not_applicable
    return dataclasses.replace(rule, satisfied=satisfied, violated=violated, unknown=unknown, judged=judged)


def _record(**changes: Any) -> AuditRecord:
    base = AuditRecord(
        id="",
        created="2026-11-24T04:12:09Z",
        tool=ToolVersion(version="0.1.0", commit="e1f028a"),
        command="provenance audit run.yaml",
        run=make_run(),
        registry_revision=sha("revision"),
        log_head=sha("log"),
        datasets=(),
        shards=(),
        shards_total=0,
        manifest_root=sha("manifest"),
        references=REFERENCES,
        scans=(sha("scan a"), sha("scan b")),
        terms_catalog_version="2026-11-01",
        terms_catalog_digest=sha("terms"),
        policy=(POLICY,),
        facts_digest=sha("facts"),
        totals=ZERO_TOTALS,
        mixture=(),
        terms_applied=(),
        findings=(),
        evidence=(),
        waivers=(),
        obligations=(),
        steps=(),
        verdict=VerdictKind.CLEARED,
        limits=LIMITS[:2],
    )
    return settled(dataclasses.replace(base, **changes))


ZERO_TOTALS = Totals(
    datasets=0,
    shards_named=0,
    shards_judged=0,
    records=0,
    words=0,
    words_with_known_license=0,
    words_with_known_terms=0,
    matches=0,
    alarms=0,
    explained=0,
    matched_words=0,
    words_shared_unlicensed=0,
    deny=0,
    review=0,
    warn=0,
    waived=0,
)
LUMEN = Generator(provider="lumen-ai", model="lumen-2-chat", channel="api", region="US", generated=DateRange(start="2024-03-01", end="2024-05-31"))


def _shard_subject(path: str) -> Subject:
    return Subject(kind=SubjectKind.SHARD, id=path, digest=sha(path))


def _chat_evidence() -> tuple[MatchEvidence, ...]:
    text = match_text(API_TRAINING, API_REFERENCE, before="My router keeps dropping the connection. ", after=" Anything else?", length=3_900)
    return tuple(
        MatchEvidence(
            id=sha(f"match chat {i}"),
            dataset="chat-distilled",
            match=make_match(
                path=f"chat/part-{i:02}.jsonl",
                record=31 + i,
                reference=CALL.id,
                kind=ReferenceKind.API_OUTPUT,
                words=66 + 3 * i,
                start=1_200 + 90 * i,
                length=len(API_TRAINING),
                also=(AlsoIn(reference="call-000977", start=4, end=380, score=41.0),) if i == 0 else (),
            ),
            reference=CALL,
            text=text if i != 3 else None,
        )
        for i in range(18)
    )


def _book_evidence() -> tuple[MatchEvidence, ...]:
    text = match_text(
        WORK_TRAINING, WORK_REFERENCE, before="Chapter 1. Loomings. ", after=" This is my substitute for pistol and ball.", length=24_000
    )
    matches = [
        make_match(path="crawl/0007.jsonl.zst", record=4_120, reference=BOOK.id, kind=ReferenceKind.WORK, words=112, start=8_400, length=640),
        make_match(path="crawl/0009.jsonl.zst", record=17, reference=BOOK.id, kind=ReferenceKind.WORK, words=58, start=60, length=320),
        make_match(
            path="crawl/0009.jsonl.zst",
            record=902,
            reference=BOOK.id,
            kind=ReferenceKind.WORK,
            words=19,
            start=60,
            length=90,
            explained=True,
            because=Explanation.SHORT_PASSAGE,
        ),
    ]
    return tuple(
        MatchEvidence(id=sha(f"match book {i}"), dataset="web-crawl", match=m, reference=BOOK, text=text if i < 2 else None)
        for i, m in enumerate(matches)
    )


def _blocked_findings(chat: Sequence[MatchEvidence], books: Sequence[MatchEvidence]) -> tuple[Finding, ...]:
    drop = Remedy(kind="drop", summary="Drop 412 records of chat-distilled", effect="0.3 % of tokens; clears D001")
    buy = Remedy(kind="license", summary="Obtain written permission of lumen-ai", effect="clears D001")
    terms = tuple(
        make_finding(
            "D001",
            D001,
            subject=_shard_subject(e.match.path),
            message=f"{e.match.path}: lumen-ai terms of 2024-01-15 do not allow training helpdesk-7b on these outputs",
            dataset="chat-distilled",
            severity=Severity.CRITICAL,
            because=(
                Reading(path="shard.synthetic", value="YES"),
                Reading(path="shard.terms.this_use", value="PROHIBITED"),
                Reading(path="run.purpose.competes_with.lumen-ai", value=True),
            ),
            clauses=(CLAUSE,),
            evidence=(FindingEvidence(kind="match", digest=e.id, summary=f"{e.match.words} words of call-000412"),),
            remedies=(drop, buy, Remedy(kind="waive", summary="Ask for a waiver of D001 on this shard")),
        )
        for e in chat
    )
    works = tuple(
        make_finding(
            "C002",
            C002,
            subject=Subject(kind=SubjectKind.MATCH, id=e.id, digest=e.id),
            message=f"{e.match.path} record {e.match.record} shares {e.match.words} words with “Moby-Dick, annotated”; the policy allows 24",
            dataset="web-crawl",
            because=(Reading(path="match.words", value=e.match.words), Reading(path="match.reference.licensed", value="NO")),
            evidence=(FindingEvidence(kind="match", digest=e.id, summary=f"{e.match.words} words of Moby-Dick, annotated"),),
            remedies=(Remedy(kind="drop", summary="Drop record", effect="0.0 % of tokens"), Remedy(kind="license", summary="License the work")),
        )
        for e in books[:2]
    )
    unknown = tuple(
        make_finding(
            "L001",
            L001,
            subject=_shard_subject(path),
            message=f"{path}: the licence is not known; the card names none",
            dataset="forum-dump",
            action=Action.REVIEW,
            outcome=Outcome.UNKNOWN,
            severity=Severity.MEDIUM,
            because=(Reading(path="shard.license.declared", value="NOT_STATED"), Reading(path="shard.license.use", value="UNKNOWN")),
            remedies=(Remedy(kind="declare", summary="Say it in datasets.yaml, with the page that states it"),),
            waiver="W-2026-014" if path.endswith("1.jsonl") else None,
        )
        for path in ("forum/part-0.jsonl", "forum/part-1.jsonl")
    )
    share = make_finding(
        "S001",
        S001,
        subject=Subject(kind=SubjectKind.DOMAIN, id="customer-support", digest=sha("domain")),
        message="31 % of customer-support is synthetic; the cap is 30 %",
        dataset="",
        action=Action.WARN,
        severity=Severity.LOW,
        because=(Reading(path="domain.synthetic_share", value=0.31), Reading(path="params.max_synthetic", value=0.3)),
        remedies=(Remedy(kind="reweight", summary="Lower the weight of chat-distilled to 0.29", effect="synthetic share 29 %"),),
    )
    return (*terms, *works, *unknown, share)


BLOCKED_MIXTURE = (
    MixtureShare(grouping="source", label="own", share=0.42, synthetic=TriState.NO),
    MixtureShare(grouping="source", label="synthetic", share=0.31, synthetic=TriState.YES),
    MixtureShare(grouping="source", label="web-crawl", share=0.22, synthetic=TriState.NO),
    MixtureShare(grouping="source", label="UNKNOWN", share=0.05),
    MixtureShare(grouping="license", label="LicenseRef-proprietary", share=0.73),
    MixtureShare(grouping="license", label="CC-BY-4.0", share=0.22),
    MixtureShare(grouping="license", label="NOT_STATED", share=0.05),
    MixtureShare(grouping="provider", label="no generator", share=0.64),
    MixtureShare(grouping="provider", label="lumen-ai", share=0.31),
    MixtureShare(grouping="provider", label="UNKNOWN", share=0.05),
    MixtureShare(grouping="language", label="en", share=0.95),
    MixtureShare(grouping="language", label="UNKNOWN", share=0.05),
    MixtureShare(grouping="synthetic", label="NO", share=0.64, synthetic=TriState.NO),
    MixtureShare(grouping="synthetic", label="YES", share=0.31, synthetic=TriState.YES),
    MixtureShare(grouping="synthetic", label="UNKNOWN", share=0.05),
    MixtureShare(grouping="domain", label="customer-support", share=0.78, synthetic=TriState.NO),
    MixtureShare(grouping="domain", label="general", share=0.22, synthetic=TriState.NO),
)


def _terms() -> tuple[TermsApplied, ...]:
    first = TermsApplied(
        dataset="chat-distilled",
        provider="lumen-ai",
        terms="lumen-ai/2024-01-15",
        title="Lumen AI terms of use, 15 January 2024",
        effective_from="2024-01-15",
        effective_to="2024-04-30",
        generated_from="2024-03-01",
        generated_to="2024-05-31",
        outcome="PROHIBITED",
        clauses=(CLAUSE,),
    )
    second = dataclasses.replace(
        first,
        terms="lumen-ai/2024-05-01",
        title="Lumen AI terms of use, 1 May 2024",
        effective_from="2024-05-01",
        effective_to="UNKNOWN",
        clauses=(),
    )
    return (first, second)


DUTIES = (
    AskedDuty(
        code="attribution:required", summary="Name the authors", asked_by="CC-BY-4.0", source="https://license.example/by", dataset="web-crawl"
    ),
    AskedDuty(code="name-prefix:Llama", summary="Begin the model's name with “Llama”", asked_by="Llama 3.1 licence", dataset=""),
    AskedDuty(
        code="notice:required",
        summary="Show a badge",
        asked_by="lumen-ai/2024-05-01",
        due=TriState.UNKNOWN,
        tested_when="2026-12-01",
        place="chat-source, via rewrite",
        dataset="chat-distilled",
    ),
)


def blocked_record() -> AuditRecord:
    """Return a blocked run: 18 chat shards with API outputs, two passages of a book, an unknown licence (one waived), too much synthetic text."""
    chat, books = _chat_evidence(), _book_evidence()
    own = make_dataset("support-tickets", kind=SourceKind.OWN, license_value="LicenseRef-proprietary", title="Support tickets 2019–2025")
    distilled = make_dataset(
        "chat-distilled",
        kind=SourceKind.SYNTHETIC,
        license_value="LicenseRef-proprietary",
        title="Support chats, answers by Lumen 2",
        generator=LUMEN,
    )
    crawl = make_dataset("web-crawl", kind=SourceKind.WEB_CRAWL, license_value="CC-BY-4.0", title="Pages about networking")
    forum = make_dataset("forum-dump", kind=SourceKind.UNKNOWN, license_value="NOT_STATED", title="Forum archive")
    forum = dataclasses.replace(forum, derived_from=("forum-raw",))
    shards = [make_shard("chat-distilled", e.match.path, words=41_000, alarms=1) for e in chat]
    shards += [make_shard("web-crawl", f"crawl/{i:04}.jsonl.zst", words=110_000, alarms=1 if i in {7, 9} else 0) for i in range(10)]
    shards += [make_shard("support-tickets", f"tickets/{year}.parquet", words=220_000) for year in range(2016, 2026)]
    shards += [make_shard("forum-dump", f"forum/part-{i}.jsonl", words=96_000) for i in range(2)]
    return _record(
        run=make_run(data=(("support-tickets", 0.42), ("chat-distilled", 0.31), ("web-crawl", 0.22), ("forum-dump", 0.05))),
        datasets=(
            make_summary(distilled, weight=0.31, shards=18, words=738_000, alarms=18, matched=1_647, found=18),
            make_summary(forum, weight=0.05, shards=2, words=192_000, found=1),
            make_summary(own, weight=0.42, shards=10, words=2_200_000),
            make_summary(crawl, weight=0.22, shards=10, words=1_100_000, alarms=2, matched=170, found=2),
        ),
        shards=tuple(shards),
        shards_total=40,
        totals=Totals(
            datasets=4,
            shards_named=40,
            shards_judged=40,
            records=47_000,
            words=4_230_000,
            words_with_known_license=4_038_000,
            words_with_known_terms=4_038_000,
            matches=33,
            alarms=20,
            explained=13,
            matched_words=1_817,
            words_shared_unlicensed=170,
            deny=20,
            review=1,
            warn=1,
            waived=1,
            words_under_terms=930_000,
            words_under_known_terms=738_000,
        ),
        mixture=BLOCKED_MIXTURE,
        terms_applied=_terms(),
        findings=_blocked_findings(chat, books),
        evidence=(*chat, *books),
        waivers=(
            Waiver(
                id="W-2026-014",
                rule="L001",
                subject=_shard_subject("forum/part-1.jsonl"),
                reason="license-confirmed-out-of-band",
                comment="Operator confirmed by e-mail; the page is being mended.",
                requested_by="data-team@example.org",
                approved_by="legal@example.org",
                created="2026-11-02",
                expires="2027-02-01",
            ),
        ),
        obligations=("Attribute web-crawl under CC-BY-4.0 in NOTICE.", "The model name begins with “Llama” (Llama 3.1 licence, base model)."),
        duties=DUTIES,
        steps=(
            Step(summary="Drop 412 records of chat-distilled", effect="0.3 % of tokens; 18 findings close", clears=("D001",)),
            Step(
                summary="Drop 2 records of web-crawl, or license “Moby-Dick, annotated”", effect="0.0 % of tokens; 2 findings close", clears=("C002",)
            ),
            Step(summary="State the licence of forum-dump in datasets.yaml", effect="1 finding closes", clears=("L001",)),
        ),
        verdict=VerdictKind.BLOCKED,
        limits=LIMITS,
    )


def review_record() -> AuditRecord:
    """Return a run that needs a reviewer: one unknown licence is all that is open."""
    blocked = blocked_record()
    kept = tuple(f for f in blocked.findings if f.action is Action.REVIEW)
    totals = dataclasses.replace(blocked.totals, deny=0, warn=0, review=1, waived=1, words_shared_unlicensed=0)
    return settled(dataclasses.replace(blocked, verdict=VerdictKind.REVIEW, findings=kept, totals=totals, steps=blocked.steps[2:]))


def cleared_record() -> AuditRecord:
    """Return a cleared run without findings and without a single match."""
    own = make_dataset("support-tickets", kind=SourceKind.OWN, license_value="LicenseRef-proprietary", title="Support tickets 2019–2025")
    return _record(
        datasets=(make_summary(own, weight=1.0, shards=10, words=2_200_000),),
        shards=tuple(make_shard("support-tickets", f"tickets/{year}.parquet", words=220_000) for year in range(2016, 2026)),
        shards_total=10,
        totals=dataclasses.replace(
            ZERO_TOTALS,
            datasets=1,
            shards_named=10,
            shards_judged=10,
            records=24_444,
            words=2_200_000,
            words_with_known_license=2_200_000,
            words_with_known_terms=2_200_000,
            words_under_terms=0,
            words_under_known_terms=0,
        ),
        mixture=(MixtureShare(grouping="source", label="own", share=1.0, synthetic=TriState.NO),),
    )


def empty_record() -> AuditRecord:
    """Return a record in which every list is empty and every number zero: nothing is never cleared."""
    return _record(run=make_run(data=()), references=(), scans=(), policy=(), limits=(), manifest_root=NO_ROOT, verdict=VerdictKind.BLOCKED)


_HUGE_RULES = tuple(
    _rule(f"H{i:03}", C002, require="true", for_each="shard", action=(Action.DENY, Action.REVIEW, Action.WARN)[i % 3].value, counts=(0, 0, 0, 0))
    for i in range(6)
)
"""The actions of the findings of a huge record, in their order, come round with them."""


def huge_record(*, datasets: int = 100, findings: int = 2_000) -> AuditRecord:
    """Return a record with many datasets and as many distinct findings as asked, every second one with a passage."""
    names = [f"set-{i:03}" for i in range(datasets)]
    kinds = [k for k in SourceKind if k is not SourceKind.UNKNOWN]
    made = [make_dataset(n, kind=kinds[i % len(kinds)], license_value=("CC-BY-4.0", "MIT", "NOT_STATED")[i % 3]) for i, n in enumerate(names)]
    evidence, found, shards = [], [], []
    for i in range(findings):
        name, path = names[i % datasets], f"{names[i % datasets]}/part-{i:05}.jsonl.zst"
        shards.append(make_shard(name, path, words=90_000, alarms=1))
        book = dataclasses.replace(BOOK, id=f"work:{i % 90:03}", title=f"Work number {i % 90}")
        item = MatchEvidence(
            id=sha(f"match huge {i}"),
            dataset=name,
            match=make_match(path=path, record=i, reference=book.id, kind=ReferenceKind.WORK, words=25 + (i * 37) % 400),
            reference=book,
            text=match_text(WORK_TRAINING, WORK_REFERENCE, length=9_000) if i < 40 else _HUGE_TEXT,
        )
        evidence.append(item)
        found.append(
            make_finding(
                f"H{i % len(_HUGE_RULES):03}",
                C002,
                subject=_shard_subject(path),
                message=f"{path} shares {item.match.words} words with “{book.title}”; reason {i % 211}",
                dataset=name,
                action=(Action.DENY, Action.REVIEW, Action.WARN)[i % 3],
                because=(Reading(path="shard.overlap.words", value=item.match.words),),
                evidence=(FindingEvidence(kind="match", digest=item.id, summary=f"{item.match.words} words"),),
                remedies=(Remedy(kind="drop", summary=f"Drop {path}", effect="0.0 % of tokens"),),
            )
        )
    share = 1 / datasets
    total = findings * 5 // datasets * datasets
    for i in range(findings, min(total, 1000)):
        shards.append(make_shard(names[i % datasets], f"{names[i % datasets]}/part-{i:05}.jsonl.zst", words=90_000))
    return _record(
        run=make_run(data=tuple((name, share) for name in names)),
        datasets=tuple(make_summary(d, weight=share, shards=findings * 5 // datasets, words=1_800_000, alarms=20, found=20) for d in made),
        shards=tuple(shards[:1000]),
        shards_total=findings * 5,
        totals=dataclasses.replace(
            ZERO_TOTALS,
            datasets=datasets,
            shards_named=findings * 5,
            shards_judged=findings * 5 - 3,
            records=2_000_000,
            words=180_000_000,
            words_with_known_terms=171_000_001,
            matches=findings,
            alarms=findings,
            matched_words=400_000,
            words_shared_unlicensed=400_000,
            deny=sum(f.action is Action.DENY for f in found),
            review=sum(f.action is Action.REVIEW for f in found),
            warn=sum(f.action is Action.WARN for f in found),
        ),
        mixture=tuple(MixtureShare(grouping="license", label=f"LicenseRef-{i}", share=share) for i in range(datasets)),
        findings=tuple(found),
        evidence=tuple(evidence),
        verdict=VerdictKind.BLOCKED,
        policy=(dataclasses.replace(POLICY, rules=(*POLICY.rules, *_HUGE_RULES)),),
    )


_HUGE_TEXT = match_text(WORK_TRAINING[:400], WORK_REFERENCE[:400], length=9_000)
HOSTILE = "<script>window.pwned=1</script></style><img src=x onerror=alert(1)>\u202egnp.exe\u202c\u200b\x00\x1b[31m\ud800&amp;\"'"
LONG_WORD = "A" * 100_000


def hostile_record() -> AuditRecord:
    """Return a blocked record in which every text that comes from outside is an attack."""
    base = blocked_record()
    training = HOSTILE + " " + API_TRAINING + " " + LONG_WORD
    text = match_text(training, API_REFERENCE, before=HOSTILE, after=HOSTILE, length=200_000)
    first = base.evidence[0]
    reference = dataclasses.replace(first.reference, title=HOSTILE, model=HOSTILE, provider=HOSTILE, call=HOSTILE, id=HOSTILE)
    match = dataclasses.replace(first.match, path=HOSTILE, doc_id="=cmd|'/c calc'!A1", field=HOSTILE, reference=HOSTILE)
    finding = dataclasses.replace(
        base.findings[0],
        title=HOSTILE,
        message=HOSTILE + LONG_WORD,
        rule="=1+1",
        clauses=(dataclasses.replace(CLAUSE, quote=HOSTILE, source="javascript:alert(1)", clause=HOSTILE),),
        because=(Reading(path=HOSTILE, value=HOSTILE),),
        remedies=(Remedy(kind=HOSTILE, summary=HOSTILE, effect=HOSTILE),),
        subject=Subject(kind=SubjectKind.SHARD, id=HOSTILE, digest=HOSTILE),
    )
    datasets = (
        dataclasses.replace(base.datasets[0], dataset=dataclasses.replace(base.datasets[0].dataset, name=HOSTILE, title=LONG_WORD, owner=HOSTILE)),
    )
    made = dataclasses.replace(
        base,
        id=HOSTILE,
        created=HOSTILE,
        command=HOSTILE,
        run=dataclasses.replace(base.run, model=dataclasses.replace(base.run.model, name=HOSTILE), requested_by=HOSTILE),
        datasets=datasets,
        mixture=(MixtureShare(grouping="source", label=HOSTILE, share=0.5), MixtureShare(grouping=HOSTILE, label=LONG_WORD, share=0.5)),
        terms_applied=(dataclasses.replace(base.terms_applied[0], terms=HOSTILE, title=HOSTILE, dataset=HOSTILE),),
        findings=(finding, *base.findings[18:]),
        evidence=(dataclasses.replace(first, match=match, reference=reference, text=text), *base.evidence[18:]),
        obligations=(HOSTILE, LONG_WORD),
        limits=(HOSTILE,),
        steps=(Step(summary=HOSTILE, effect=LONG_WORD, clears=(HOSTILE,)),),
        shards=tuple(dataclasses.replace(s, dataset=HOSTILE) for s in base.shards[:18]),
        shards_total=18,
    )
    return dataclasses.replace(settled(made), id=HOSTILE)
