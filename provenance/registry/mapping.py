"""Rows to model values and back. Reading is strict: a row that holds what no value can hold raises ``RegistryError``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from provenance.canonical import canonical_bytes
from provenance.errors import RegistryError, WireFormatError
from provenance.model.absence import TriState
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
from provenance.model.details import Details
from provenance.model.match import LeftOut, ReadProblem, ScanResult, SuspectCount
from provenance.model.wire import read_value, to_wire
from provenance.registry.log import LogEntry
from provenance.registry.tables import (
    DerivationRow,
    DetailsRow,
    GeneratorRow,
    LanguageRow,
    LicenseRow,
    LogRow,
    ScanFrameRow,
    ScanIndexRow,
    ScanLeftOutRow,
    ScanProblemRow,
    ScanRow,
    ScanSuspectRow,
    ScanSuspicionRow,
    ShardLicenseRow,
    ShardRow,
    StatedLicenseRow,
    TagRow,
    TermsRow,
    TokenizerRow,
    VersionRow,
)

SHARD_COLUMNS = (
    ShardRow.path,
    ShardRow.root,
    ShardRow.sha256,
    ShardRow.size_bytes,
    ShardRow.records,
    ShardRow.words,
    ShardRow.format,
    ShardRow.unread_records,
)
"""The columns that ``shard_value`` takes, in this order."""

_FORMATS = {f.value: f for f in ShardFormat}


def version_row(version: DatasetVersion, *, facts_digest: str) -> VersionRow:
    """Return the rows of a version's facts, without its shards."""
    dataset, source = version.dataset, version.dataset.source
    return VersionRow(
        name=dataset.name,
        root_digest=version.root_digest,
        facts_digest=facts_digest,
        created=version.created,
        title=dataset.title,
        source_kind=source.kind.value,
        source_url=source.url,
        collected_from=source.collected.start,
        collected_to=source.collected.end,
        collector=source.collector,
        obtained=dataset.obtained.value,
        synthetic=dataset.synthetic.value,
        domain=dataset.domain,
        owner=dataset.owner,
        text_field=dataset.text_field,
        licenses=_license_rows(dataset.license),
        generators=[_generator_row(i, g) for i, g in enumerate(dataset.generators)],
        terms=[TermsRow(position=i, value=v) for i, v in enumerate(dataset.terms)],
        languages=[LanguageRow(position=i, value=v) for i, v in enumerate(dataset.languages)],
        derivations=[DerivationRow(position=i, value=v) for i, v in enumerate(dataset.derived_from)],
        tags=[TagRow(position=i, value=v) for i, v in enumerate(dataset.tags)],
        tokenizer=None if dataset.tokenizer is None else _tokenizer_row(dataset.tokenizer),
        details=_details_row(version),
        stated=[_stated_row(i, claim) for i, claim in enumerate(dataset.license.stated)],
    )


def shard_rows(version_id: int, shards: Sequence[Shard], *, start: int) -> list[dict[str, Any]]:
    """Return shards as parameters of a bulk insert; ``start`` is the position of the first."""
    return [
        {
            "version_id": version_id,
            "position": position,
            "path": s.path,
            "root": s.root,
            "sha256": s.sha256,
            "size_bytes": s.size_bytes,
            "records": s.records,
            "words": s.words,
            "format": s.format.value,
            "unread_records": s.unread_records,
        }
        for position, s in enumerate(shards, start=start)
    ]


def shard_license_rows(version_id: int, shards: Sequence[Shard], *, start: int) -> list[dict[str, Any]]:
    """Return the licences of shards' records as parameters of a bulk insert; ``start`` is the position of the first shard."""
    return [
        {
            "version_id": version_id,
            "shard": shard,
            "position": position,
            "value": part.value,
            "original": part.original,
            "records": part.records,
            "words": part.words,
        }
        for shard, s in enumerate(shards, start=start)
        for position, part in enumerate(s.licenses)
    ]


def version_value(row: VersionRow, shards: tuple[Shard, ...] = ()) -> DatasetVersion:
    """Return the version that rows describe.

    Raises:
        RegistryError: If a column holds a word that this version of the package does not know.
    """
    try:
        dataset = _dataset(row)
    except (ValueError, KeyError, WireFormatError) as err:
        raise RegistryError(f"dataset {row.name!r}: the registry holds a fact that cannot be read: {err}", hint="run: provenance db check") from err
    digests = ShardDigests.READ if row.details is None else ShardDigests(row.details.digests)
    return DatasetVersion(dataset=dataset, root_digest=row.root_digest, shards=shards, created=row.created, digests=digests)


def license_part(row: ShardLicenseRow) -> LicensePart:
    """Return the part of a shard's records that a row describes."""
    return LicensePart(value=row.value, original=row.original, records=row.records, words=row.words)


def shard_value(columns: Sequence[Any], licenses: tuple[LicensePart, ...] = ()) -> Shard:
    """Return the shard that a row of ``SHARD_COLUMNS`` describes.

    Raises:
        RegistryError: If its format is not known.
    """
    path, root, sha256, size_bytes, records, words, form, unread = columns
    if form not in _FORMATS:
        raise RegistryError(f"shard {path!r}: format {form!r} is not known", hint="run: provenance db check")
    return Shard(
        path=path,
        root=root,
        sha256=sha256,
        size_bytes=size_bytes,
        records=records,
        words=words,
        format=_FORMATS[form],
        unread_records=unread,
        licenses=licenses,
    )


def scan_row(result: ScanResult, *, evidence: str, result_digest: str) -> ScanRow:
    """Return the rows of a scan result."""
    return ScanRow(
        id=result.id,
        result_digest=result_digest,
        evidence=evidence,
        path=result.path,
        shard=result.shard,
        scheme=result.scheme,
        records=result.records,
        documents=result.documents,
        words=result.words,
        text_bytes=result.text_bytes,
        matches=result.matches,
        alarms=result.alarms,
        dropped_seeds=result.dropped_seeds,
        suspicion=ScanSuspicionRow(records=result.suspected_records, evidence=result.suspects_evidence) if result.suspected_records else None,
        frame=ScanFrameRow(frame=result.frame, segments=result.segments, touched=result.touched) if result.frame else None,
        finished=result.finished,
        indexes=[ScanIndexRow(position=i, digest=d) for i, d in enumerate(result.index_digests)],
        left_out=[ScanLeftOutRow(position=i, field=f.field, records=f.records) for i, f in enumerate(result.left_out)],
        suspects=[ScanSuspectRow(position=i, pattern=c.pattern, kind=c.kind, records=c.records) for i, c in enumerate(result.suspects)],
        problems=[ScanProblemRow(position=i, path=p.path, line=p.line, record=p.record, message=p.message) for i, p in enumerate(result.problems)],
    )


def scan_value(row: ScanRow) -> ScanResult:
    """Return the scan result that rows describe."""
    return ScanResult(
        id=row.id,
        path=row.path,
        shard=row.shard,
        index_digests=tuple(i.digest for i in row.indexes),
        scheme=row.scheme,
        records=row.records,
        documents=row.documents,
        words=row.words,
        text_bytes=row.text_bytes,
        matches=row.matches,
        alarms=row.alarms,
        dropped_seeds=row.dropped_seeds,
        suspected_records=row.suspicion.records if row.suspicion else 0,
        suspects_evidence=row.suspicion.evidence if row.suspicion else "",
        suspects=tuple(SuspectCount(pattern=c.pattern, kind=c.kind, records=c.records) for c in row.suspects),
        left_out=tuple(LeftOut(field=f.field, records=f.records) for f in row.left_out),
        problems=tuple(ReadProblem(path=p.path, line=p.line, record=p.record, message=p.message) for p in row.problems),
        frame=row.frame.frame if row.frame else "",
        segments=row.frame.segments if row.frame else "",
        touched=row.frame.touched if row.frame else "",
        finished=row.finished,
    )


def log_value(row: LogRow) -> LogEntry:
    """Return the log entry that a row holds, unchecked."""
    return LogEntry(
        seq=row.seq,
        prev_hash=row.prev_hash,
        at=row.at,
        actor=row.actor,
        action=row.action,
        reason=row.reason,
        payload=row.payload,
        entry_hash=row.entry_hash,
    )


def _license_rows(facts: LicenseFacts) -> list[LicenseRow]:
    return [
        LicenseRow(
            standing=standing,
            value=claim.value,
            original=claim.original,
            claimed_by=claim.by,
            evidence_url=claim.evidence.url,
            evidence_fetched_at=claim.evidence.fetched_at,
            evidence_sha256=claim.evidence.sha256,
            evidence_snapshot=claim.evidence.snapshot,
        )
        for standing, claim in _claims(facts)
    ]


def _claims(facts: LicenseFacts) -> Iterator[tuple[str, LicenseClaim]]:
    yield "declared", facts.declared
    yield "detected", facts.detected
    yield "concluded", facts.concluded


def _generator_row(position: int, generator: Generator) -> GeneratorRow:
    return GeneratorRow(
        position=position,
        provider=generator.provider,
        model=generator.model,
        channel=generator.channel,
        region=generator.region,
        generated_from=generator.generated.start,
        generated_to=generator.generated.end,
        role=generator.role,
        prompt_source=generator.prompt_source,
    )


def _details_row(version: DatasetVersion) -> DetailsRow | None:
    dataset, digests = version.dataset, version.digests
    if (dataset.details, dataset.license.expires, digests) == (Details(), LicenseFacts().expires, ShardDigests.READ):
        return None
    return DetailsRow(details=canonical_bytes(to_wire(dataset.details)).decode(), license_expires=dataset.license.expires, digests=digests.value)


def _details(row: DetailsRow | None) -> Details:
    """Return the details that a row holds; fields that a later version added are left alone."""
    return Details() if row is None else read_value(Details, orjson.loads(row.details), where="details", ignore_unknown=True)


def _stated_row(position: int, claim: LicenseClaim) -> StatedLicenseRow:
    return StatedLicenseRow(
        position=position,
        value=claim.value,
        original=claim.original,
        claimed_by=claim.by,
        evidence_url=claim.evidence.url,
        evidence_fetched_at=claim.evidence.fetched_at,
        evidence_sha256=claim.evidence.sha256,
        evidence_snapshot=claim.evidence.snapshot,
    )


def _tokenizer_row(tokenizer: Tokenizer) -> TokenizerRow:
    return TokenizerRow(path=tokenizer.path, sha256=tokenizer.sha256, field=tokenizer.field)


def _dataset(row: VersionRow) -> Dataset:
    claims = {r.standing: _claim(r) for r in row.licenses}
    source = Source(
        kind=SourceKind(row.source_kind),
        url=row.source_url,
        collected=DateRange(start=row.collected_from, end=row.collected_to),
        collector=row.collector,
    )
    return Dataset(
        name=row.name,
        title=row.title,
        source=source,
        obtained=Obtained(row.obtained),
        license=LicenseFacts(
            declared=claims["declared"],
            detected=claims["detected"],
            concluded=claims["concluded"],
            stated=tuple(_claim(r) for r in row.stated),
            expires=LicenseFacts().expires if row.details is None else row.details.license_expires,
        ),
        terms=tuple(r.value for r in row.terms),
        generators=tuple(_generator(r) for r in row.generators),
        synthetic=TriState(row.synthetic),
        domain=row.domain,
        languages=tuple(r.value for r in row.languages),
        derived_from=tuple(r.value for r in row.derivations),
        owner=row.owner,
        text_field=row.text_field,
        tags=tuple(r.value for r in row.tags),
        tokenizer=None if row.tokenizer is None else Tokenizer(path=row.tokenizer.path, sha256=row.tokenizer.sha256, field=row.tokenizer.field),
        details=_details(row.details),
    )


def _claim(row: LicenseRow | StatedLicenseRow) -> LicenseClaim:
    evidence = Evidence(url=row.evidence_url, fetched_at=row.evidence_fetched_at, sha256=row.evidence_sha256, snapshot=row.evidence_snapshot)
    return LicenseClaim(value=row.value, original=row.original, by=row.claimed_by, evidence=evidence)


def _generator(row: GeneratorRow) -> Generator:
    return Generator(
        provider=row.provider,
        model=row.model,
        channel=row.channel,
        region=row.region,
        generated=DateRange(start=row.generated_from, end=row.generated_to),
        role=row.role,
        prompt_source=row.prompt_source,
    )
