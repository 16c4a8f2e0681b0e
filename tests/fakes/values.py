"""Model values for tests of the registry: small, valid, and with every field set where it matters."""

from __future__ import annotations

import dataclasses

from provenance.fingerprint.digest import ShardLeaf, merkle_root
from provenance.model.absence import Absence, TriState
from provenance.model.audit import AuditRecord, ToolVersion, Totals
from provenance.model.dataset import (
    Dataset,
    DatasetVersion,
    DateRange,
    Evidence,
    Generator,
    LicenseClaim,
    LicenseFacts,
    LicensePart,
    Obtained,
    Shard,
    ShardDigests,
    ShardFormat,
    Source,
    SourceKind,
    Tokenizer,
)
from provenance.model.details import (
    Collection,
    Crawler,
    Details,
    Modality,
    OptOutCheck,
    OptOutSignal,
    PersonalData,
    Rights,
    TermsAcceptance,
    TokenCount,
)
from provenance.model.exclusion import Demand, DemandBasis, DemandKind, RecordIndexFacts, Withdrawal
from provenance.model.finding import Subject, SubjectKind, VerdictKind, Waiver
from provenance.model.lineage import Derivation, DerivationInput, Transform
from provenance.model.match import LeftOut, ReadProblem, ScanResult, SuspectCount
from provenance.model.run import ModelPlan, Organization, Purpose, Run, RunData
from provenance.model.training import DatasetReads, RecordedRun
from provenance.model.waiving import ApprovalSignature, RecordedWaiver, Review, ReviewDecision

CREATED = "2026-03-01T11:00:00Z"


def digest(number: int) -> str:
    """Return a made-up digest."""
    return f"sha256:{number:064x}"


def shards(count: int, *, start: int = 0) -> tuple[Shard, ...]:
    """Return shards whose facts differ."""
    return tuple(
        Shard(path=f"chat/{i:06}.jsonl.zst", sha256=digest(i), size_bytes=1000 + i, records=i, words=None if i % 3 else 20 * i, unread_records=i % 2)
        for i in range(start, start + count)
    )


def version(dataset: Dataset, files: tuple[Shard, ...], *, created: str = CREATED) -> DatasetVersion:
    """Return a version with the right root digest."""
    root = merkle_root(ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in files)
    return DatasetVersion(dataset=dataset, root_digest=root, shards=files, created=created)


def full_dataset(name: str = "chat-distilled") -> Dataset:
    """Return a dataset with no field left at its default."""
    evidence = Evidence(url="https://example.org/LICENSE", fetched_at="2026-01-02T03:04:05Z", sha256=digest(7), snapshot="snapshots/7")
    return Dataset(
        name=name,
        title="Support chats – «answers»",
        source=Source(
            kind=SourceKind.SYNTHETIC, url="https://example.org", collected=DateRange(start="2024-03-01", end="2024-05-31"), collector="data-team"
        ),
        obtained=Obtained.OWN_ACCOUNT,
        license=LicenseFacts(
            declared=LicenseClaim(value="CC-BY-4.0", original="CC BY 4.0", by="publisher", evidence=evidence),
            detected=LicenseClaim(value="CC-BY-NC-4.0", original="Attribution-NonCommercial", by="detector", evidence=evidence),
            concluded=LicenseClaim(value=Absence.NOT_STATED.value, original="", by="legal", evidence=Evidence()),
            stated=(
                LicenseClaim(value="CC-BY-4.0", original="cc-by-4.0", by="card", evidence=evidence),
                LicenseClaim(value="CC-BY-NC-4.0", original="Attribution-NonCommercial 4.0", by="file:LICENSE", evidence=Evidence()),
            ),
            expires="2027-12-31",
        ),
        terms=("openai/business-terms@2023-11-14", "openai/usage@2024-01-10"),
        generators=(
            Generator(
                provider="openai",
                model="gpt-4-0613",
                channel="api",
                region="US",
                generated=DateRange(start="2024-03-01", end="2024-05-31"),
                role="generate",
                prompt_source="own",
            ),
            Generator(provider="openai", model="gpt-3.5-turbo", role="label"),
        ),
        synthetic=TriState.YES,
        domain="customer-support",
        languages=("en", "de", "NO"),
        derived_from=("support-tickets",),
        owner="data-team@example.org",
        text_field="messages",
        tags=("b", "a"),
        tokenizer=Tokenizer(path="tokenizers/helpdesk.json", sha256=digest(7), field="input_ids"),
        details=full_details(evidence),
    )


def full_details(evidence: Evidence) -> Details:
    """Return details with no field left at its default."""
    return Details(
        description="What customers asked – «and» what was answered.",
        version="1.2",
        identifiers=("hf:example/chats", "doi:10.1000/1"),
        creators=("A. Person", "B. Person"),
        publisher="Example Ltd",
        published="2024-06-01",
        modalities=(Modality.TEXT, Modality.CODE),
        content_types=("customer-support",),
        purposes=("training helpdesk models",),
        processing=("deduplicated", "filtered"),
        citation="@misc{x}",
        collection=Collection(
            method="exported",
            ongoing=TriState.NO,
            geography=("DE", "FR"),
            crawlers=(Crawler(name="bot", user_agent="bot/1.0", operator="Example Ltd", purpose="training"),),
            opt_outs=(OptOutCheck(signal=OptOutSignal.ROBOTS_TXT, honoured=TriState.YES, evidence=evidence),),
        ),
        personal_data=PersonalData(
            present=TriState.YES, sensitive=TriState.NO, categories=("names",), measures=("pseudonymised",), legal_basis="legitimate interest"
        ),
        rights=Rights(
            copyright=TriState.YES, trademark=TriState.NO, patent=TriState.NO, public_domain=TriState.NO, holders=("Example Ltd",), notice="© Example"
        ),
        confidentiality="internal",
        token_counts=(TokenCount(tokens=12_345, tokenizer="o200k_base", by="registrant"),),
        license_field="license",
        conclusion="read by a person",
        container_license=LicenseClaim(value="ODC-By-1.0", original="ODC-By", by="card", evidence=evidence),
        metadata_license=LicenseClaim(value="CC0-1.0", original="CC0", by="card", evidence=evidence),
        accepted=(TermsAcceptance(terms="openai/business-terms@2023-11-14", accepted_at="2023-12-01", by="legal", evidence=evidence),),
        notes="none",
    )


def full_version(name: str = "chat-distilled", count: int = 5) -> DatasetVersion:
    """Return a version of ``full_dataset`` that holds every shard format."""
    files = shards(count)
    formats = tuple(ShardFormat)
    mixed = tuple(
        Shard(
            path=s.path,
            root="data" if i % 2 else "raw",
            sha256=s.sha256,
            size_bytes=s.size_bytes,
            records=s.records,
            format=formats[i % len(formats)],
            licenses=_parts(i) if i % 2 else (),
        )
        for i, s in enumerate(files)
    )
    return dataclasses.replace(version(full_dataset(name), mixed), digests=ShardDigests.DECLARED)


def _parts(number: int) -> tuple[LicensePart, ...]:
    known = LicensePart(value="CC-BY-4.0", original="cc by 4.0", records=number, words=70)
    return (known, LicensePart(value=Absence.UNKNOWN.value, original="ask <me>", records=1))


def scan(name: str = "scan-1", *, alarms: int = 2, finished: str = CREATED) -> ScanResult:
    """Return a scan result with problems."""
    return ScanResult(
        id=name,
        path="chat/000001.jsonl.zst",
        shard=digest(1),
        index_digests=(digest(100), digest(99)),
        scheme="passage/n=6",
        records=10,
        documents=30,
        words=4000,
        text_bytes=2**40,
        matches=3,
        alarms=alarms,
        dropped_seeds=1,
        left_out=(LeftOut(field="meta[*].note", records=4), LeftOut(field="title", records=9)),
        suspected_records=3,
        suspects=(
            SuspectCount(pattern="as-an-ai", kind="self-identification", records=2),
            SuspectCount(pattern="chat-template", kind="template", records=1),
        ),
        suspects_evidence="sha256:" + "7" * 64,
        frame=digest(51),
        segments=digest(52),
        touched=digest(53),
        problems=(
            ReadProblem(path="chat/000001.jsonl.zst", line=7, record=6, message="not JSON"),
            ReadProblem(path="chat/000001.jsonl.zst", line=None, record=None, message="truncated"),
        ),
        finished=finished,
    )


def audit(name: str = "audit-1", *, verdict: VerdictKind = VerdictKind.BLOCKED, created: str = CREATED) -> AuditRecord:
    """Return the smallest audit record."""
    run = Run(model=ModelPlan(name="helpdesk-7b"), purpose=Purpose(), organization=Organization(), data=(RunData(dataset="d"),))
    counts = {f.name: 0 for f in dataclasses.fields(Totals)}
    return AuditRecord(
        id=name,
        created=created,
        tool=ToolVersion(version="0"),
        command="provenance audit",
        run=run,
        registry_revision=digest(1),
        log_head=digest(2),
        datasets=(),
        shards=(),
        shards_total=0,
        manifest_root=digest(3),
        references=(),
        scans=(),
        terms_catalog_version="0",
        terms_catalog_digest=digest(4),
        policy=(),
        facts_digest=digest(5),
        totals=Totals(**counts),
        mixture=(),
        terms_applied=(),
        findings=(),
        evidence=(),
        waivers=(),
        obligations=(),
        steps=(),
        verdict=verdict,
        limits=(),
    )


def derivation(output: str = "chat-distilled", *, root: int = 1, source: str = "support-tickets") -> Derivation:
    """Return a derivation with no field left at its default."""
    return Derivation(
        output=output,
        root_digest=digest(root),
        shards=(digest(2), digest(3)),
        inputs=(
            DerivationInput(dataset=source, root_digest=digest(4), shards=(digest(5), digest(6))),
            DerivationInput(dataset="unversioned"),
        ),
        transform=Transform.TRANSLATE,
        tool="translator",
        tool_version="1.2",
        parameters="--to de",
        note="with «glossary»",
        at=CREATED,
        actor="tester",
    )


def demand(number: int = 1) -> Demand:
    """Return a demand with every field set."""
    return Demand(
        id=digest(1000 + number),
        kind=DemandKind.DOMAIN,
        value=f"site{number}.example.com",
        given=f"Site{number}.Example.COM.",
        demanded_by="Example House",
        received="2026-02-28",
        basis=DemandBasis.OPT_OUT,
        ticket=f"LEGAL-{number}",
        evidence_url="https://example.org/letter.pdf",
        evidence_sha256=digest(500 + number),
        comment="by mail",
        at="2026-03-01T12:00:00Z",
        actor="tester",
    )


def waiver(number: int = 1) -> RecordedWaiver:
    """Return a recorded waiver with every field set."""
    return RecordedWaiver(
        waiver=Waiver(
            id=f"W-{number}",
            rule="L001",
            subject=Subject(kind=SubjectKind.DATASET, id=f"set{number}", digest=digest(700 + number)),
            reason="licensed",
            comment="agreement 12",
            requested_by="data@example.org",
            approved_by="legal@example.org",
            created="2026-03-01",
            expires="2026-12-31",
        ),
        signature=ApprovalSignature(keyid="ab" * 32, sig="c2ln"),
        dataset=f"set{number}",
        at="2026-03-01T12:00:00Z",
        actor="tester",
    )


def review(number: int = 1, *, decision: ReviewDecision = ReviewDecision.RELEASED) -> Review:
    """Return a decision on an audit."""
    return Review(
        record_digest=digest(20 + number),
        decision=decision,
        reviewer="Grace Reviewer",
        comment="read",
        envelope="{}" if decision is ReviewDecision.RELEASED else "",
        at="2026-03-01T12:00:00Z",
        actor="tester",
    )


def training_run(number: int = 1, *, signed: bool = True) -> RecordedRun:
    """Return a run with every field set."""
    reads = tuple(
        DatasetReads(
            dataset=f"set{i}",
            root_digest=digest(i),
            shards=4,
            shards_read=i,
            size_bytes=100,
            bytes_read=50 * i,
            first_read="2026-03-01T12:00:01Z" if i else "",
            last_read="2026-03-01T12:10:00Z" if i else "",
        )
        for i in range(3)
    )
    return RecordedRun(
        id=f"{number:032x}",
        model="helpdesk-7b",
        clearance=digest(40 + number),
        audit=digest(20 + number),
        audit_id=f"audit-{number}",
        verdict="CLEARED",
        run_digest=digest(50 + number),
        manifest_root=digest(3),
        framework="transformers",
        began="2026-03-01T12:00:00Z",
        ended="2026-03-01T13:00:00Z",
        end="completed",
        steps=1000,
        size_bytes=300,
        covered_bytes=150,
        unseen=TriState.UNKNOWN,
        signed_by="node-7" if signed else "",
        keyid="ab" * 32 if signed else "",
        content_digest=digest(60 + number),
        file_digest=digest(70 + number + 1000 * signed),
        at="2026-03-01T14:00:00Z",
        actor="tester",
        reads=reads,
    )


def withdrawal() -> Withdrawal:
    """Return a withdrawal."""
    return Withdrawal(reason="they agreed", at="2026-03-02T12:00:00Z", actor="tester")


def record_index(number: int = 1) -> RecordIndexFacts:
    """Return what a pass over a shard's records told."""
    return RecordIndexFacts(
        key=digest(2000 + number),
        shard=digest(number),
        evidence=digest(3000 + number),
        records=10,
        unread=1,
        with_host=9,
        with_page=8,
        with_id=7,
        with_author=6,
        with_text=5,
        at="2026-03-01T12:00:00Z",
    )
