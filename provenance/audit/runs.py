"""Runs that were made: take over their records, and tell which runs really read a dataset, and when it was first used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.audit.impact import IssuedClearance
from provenance.audit.kept_audits import AUDIT_SUFFIX, read_audit
from provenance.audit.register import leaf_of
from provenance.audit.tools import Tools
from provenance.canonical import digest_bytes
from provenance.clearance.revocation import CLOCK_SKEW, RevocationList
from provenance.clearance.run_record import SealedRecord, parse_record, verify_record
from provenance.clearance.strict_json import parse_time
from provenance.clearance.trust import Trust
from provenance.errors import ClearanceError, NotRegisteredError, RunRecordError
from provenance.model.audit import AuditRecord
from provenance.model.training import DatasetReads, RecordedRun, RunRecord, ShardReads
from provenance.ports import Registry
from provenance.ports.evidence import EvidenceStore

RUN_SUFFIX: Final = ".run.json"
NO_RECORD: Final = "not known – no run record"
UNSEEN: Final = "not known – runs had it to read, and no read of it was seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Believed:
    """Whom a record is checked against."""

    trust: Trust | None
    """``None`` = there is no trust file, so no signature counts."""
    revocations: RevocationList | None
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A record and what its signature is worth."""

    sealed: SealedRecord
    signed_by: str
    """Empty = nobody whose signature counts."""
    fault: str
    """Why it does not; empty where it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRun:
    """A record that was taken over."""

    run: RecordedRun
    new: bool
    fault: str
    """Why its signature does not count; empty where it does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetUse:
    """One run that had a version of a dataset to read."""

    run: RecordedRun
    reads: DatasetReads

    @property
    def is_read(self) -> bool:
        """Tell whether a read of it was seen."""
        return bool(self.reads.first_read)


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstUse:
    """When a dataset was first and last used to train, by the records that are known."""

    dataset: str
    uses: tuple[DatasetUse, ...]
    """Every run that had it to read, by the first read, those without one last."""

    @property
    def seen(self) -> tuple[DatasetUse, ...]:
        """The runs that read it."""
        return tuple(u for u in self.uses if u.is_read)

    @property
    def first(self) -> DatasetUse | None:
        """The run that read it first."""
        return self.seen[0] if self.seen else None

    @property
    def last_read(self) -> str:
        """When it was read last, empty where no read is known."""
        return max((u.reads.last_read for u in self.seen), default="")

    @property
    def sentence(self) -> str:
        """When it was first used, or why nobody knows; never empty."""
        if self.first is None:
            return UNSEEN if self.uses else NO_RECORD
        return f"{self.first.reads.first_read[:10]}, by {self.first.run.model}, run {self.first.run.id[:12]} ({signature_words(self.first.run)})"


def signature_words(run: RecordedRun) -> str:
    """Return who signed a run's record, or that nobody did."""
    return f"signed by {run.signed_by}" if run.is_signed else "UNSIGNED"


def first_use(registry: Registry, dataset: str, root_digest: str | None = None) -> FirstUse:
    """Return when a dataset, or one version of it, was first used to train, and by which runs."""
    uses = [
        DatasetUse(run=run, reads=reads)
        for run in registry.training_runs(dataset)
        for reads in run.reads
        if reads.dataset == dataset and root_digest in {None, reads.root_digest}
    ]
    return FirstUse(dataset=dataset, uses=tuple(sorted(uses, key=lambda u: (not u.is_read, u.reads.first_read, u.run.began, u.run.id))))


def check_run(raw: bytes, believed: Believed) -> Checked:
    """Return a record and what its signature is worth.

    Raises:
        EnvelopeFormatError: If it is no run record.
    """
    sealed = parse_record(raw)
    if believed.trust is None:
        return Checked(sealed=sealed, signed_by="", fault="there is no trust file, so no signature counts")
    try:
        key = verify_record(sealed, believed.trust, believed.now, revocations=believed.revocations)
    except ClearanceError as err:
        return Checked(sealed=sealed, signed_by="", fault=str(err))
    return Checked(sealed=sealed, signed_by=key.name, fault="")


def import_run(raw: bytes, checked: Checked, issued: Iterable[IssuedClearance], tools: Tools) -> ImportedRun:
    """Take a record over into the registry, under the clearance that its log tells of. Keeping the same one again changes nothing.

    Args:
        raw: The file.
        checked: What ``check_run`` said of it.
        issued: Clearances that the log tells of.
        tools: Opens the registry and the evidence, tells the time.

    Raises:
        NotRegisteredError: If the registry holds no audit or clearance that it ran under.
        RunRecordError: If it is not of the run that was audited, or began outside the clearance's time.
        ConflictError: If another record of the same run is known.
    """
    record = checked.sealed.record
    audit = _audit(record, issued, tools)
    with tools.units.read() as registry:
        reads = tuple(_dataset_reads(record, audit, registry))
    run = _recorded(raw, checked, audit, tools, reads)
    tools.evidence.put_bytes(raw, suffix=RUN_SUFFIX)
    with tools.units.begin(actor=tools.actor, action="runs import", reason=record.id) as registry:
        is_new = registry.add_run(run)
    return ImportedRun(run=run, new=is_new, fault=checked.fault)


def load_run_record(run: RecordedRun, evidence: EvidenceStore) -> RunRecord:
    """Return the record behind a run of the registry."""
    return parse_record(evidence.get_bytes(run.file_digest, suffix=RUN_SUFFIX)).record


def find_run(registry: Registry, name: str) -> RecordedRun:
    """Return a run by its id or the first digits of it, or the ``latest`` taken over.

    Raises:
        NotRegisteredError: If there is none, or more than one begins so.
    """
    runs = registry.training_runs()
    found = list(runs[-1:]) if name == "latest" else [r for r in runs if r.id.startswith(name.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        raise NotRegisteredError(f"run {name!r} is not unique: {len(found)} begin so", hint="give more digits")
    raise NotRegisteredError(f"no run {name!r} is known" if runs else "no run record is known here yet", hint="provenance runs import FILE")


def _audit(record: RunRecord, issued: Iterable[IssuedClearance], tools: Tools) -> AuditRecord:
    with tools.units.read() as registry:
        row = next((r for r in registry.audits() if r[4] == record.audit), None)
    if row is None:
        raise NotRegisteredError(
            f"run {record.id} went by audit record {record.audit[:19]}…, which this registry does not hold",
            hint="take the record over where the run was audited and cleared",
        )
    found = [c for c in issued if c.audit == row[0] and c.manifest_root == record.manifest_root and c.statement in {"", record.clearance}]
    if not found:
        raise NotRegisteredError(
            f"run {record.id} went by clearance {record.clearance[:19]}…, of which this registry's log does not tell",
            hint="see the clearances that were issued: provenance log show",
        )
    began = parse_time(record.began, where="began")
    if not any(parse_time(c.issued, where="issued") - CLOCK_SKEW <= began <= parse_time(c.expires, where="expires") + CLOCK_SKEW for c in found):
        raise RunRecordError(
            f"run {record.id} began at {record.began}, and its clearance held from {found[-1].issued} to {found[-1].expires}",
            hint="a clock on the machine that trained was wrong, or the record is not of this run",
        )
    return _check_audit(record, read_audit(tools.evidence.get_bytes(record.audit, suffix=AUDIT_SUFFIX), where=f"audit {row[0]}"))


def _check_audit(record: RunRecord, audit: AuditRecord) -> AuditRecord:
    for what, told, known in (("run", record.run_digest, audit.run.digest), ("shards", record.manifest_root, audit.manifest_root)):
        if told != known:
            raise RunRecordError(f"run {record.id} is not of the {what} that were audited: {told[:19]}…, audited {known[:19]}…")
    return audit


def _dataset_reads(record: RunRecord, audit: AuditRecord, registry: Registry) -> Iterator[DatasetReads]:
    """Yield what was read of each dataset version of the audit. A shard that two of them hold counts for both."""
    by_path = {s.path: s for s in record.shards}
    for summary in audit.datasets:
        version = registry.dataset_version(summary.dataset.name, summary.root_digest)
        paths = {leaf_of(shard).path for shard in version.shards}
        yield _sum(summary.dataset.name, summary.root_digest, [by_path[path] for path in paths if path in by_path])


def _sum(dataset: str, root_digest: str, shards: Sequence[ShardReads]) -> DatasetReads:
    read = [s for s in shards if s.first_read is not None]
    return DatasetReads(
        dataset=dataset,
        root_digest=root_digest,
        shards=len(shards),
        shards_read=len(read),
        size_bytes=sum(s.size_bytes for s in shards),
        bytes_read=sum(s.bytes_read for s in shards),
        first_read=min((str(s.first_read) for s in read), default=""),
        last_read=max((str(s.last_read) for s in read), default=""),
    )


def _recorded(raw: bytes, checked: Checked, audit: AuditRecord, tools: Tools, reads: tuple[DatasetReads, ...]) -> RecordedRun:
    record, envelope = checked.sealed.record, checked.sealed.envelope
    return RecordedRun(
        id=record.id,
        model=audit.run.model.name,
        clearance=record.clearance,
        audit=record.audit,
        audit_id=audit.id,
        verdict=audit.verdict.value,
        run_digest=record.run_digest,
        manifest_root=record.manifest_root,
        framework=record.framework,
        began=record.began,
        ended=record.ended,
        end=record.end.value,
        steps=record.steps,
        size_bytes=record.size_bytes,
        covered_bytes=record.covered_bytes,
        unseen=record.unseen,
        signed_by=checked.signed_by,
        keyid=envelope.signatures[0].key_id if envelope is not None and checked.signed_by else "",
        content_digest=checked.sealed.content_digest,
        file_digest=digest_bytes(raw),
        at=tools.clock.now(),
        actor=tools.actor,
        reads=reads,
    )
