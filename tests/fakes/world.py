"""A world in memory for the use cases of ``audit``: files, a reader, a matcher that finds what was planted, evidence, and a registry."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from provenance.audit.judged import JudgedDataset, JudgedShard
from provenance.audit.kept_audits import AUDIT_SUFFIX
from provenance.audit.scan import ScanOutcome, ShardToScan
from provenance.audit.states import CheckedShard, ShardState
from provenance.audit.tools import Tools
from provenance.canonical import digest_bytes
from provenance.engines.serial import SerialEngine
from provenance.errors import ManifestError, NoFilesError, NotRegisteredError, RegistryError, ShardReadError
from provenance.fingerprint.digest import ShardLeaf, merkle_root
from provenance.fingerprint.wanted import RecordHit, Wanted
from provenance.matching.suspects import Pattern, PatternFinder
from provenance.model.absence import TriState
from provenance.model.audit import AuditRecord, MatchFinding
from provenance.model.dataset import Dataset, DatasetVersion, DateRange, Generator, LicenseClaim, LicenseFacts, Shard, ShardFormat, Tokenizer
from provenance.model.match import AlsoIn, Match, MatchMethod, MatchText, ReadProblem, ScanResult, Suspect
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.run import CompetesWith, ModelPlan, Organization, Purpose, Release, Run, RunData
from provenance.model.wire import to_wire
from provenance.ports import OpenSegmentKey, TextBatch, Touched
from provenance.ports.evidence import KeptTouched, ScanFiles
from provenance.ports.records import RecordKeys
from tests.fakes.clock import FixedClock
from tests.fakes.journal import MemoryJournal
from tests.fakes.matching import make_batch
from tests.fakes.registry import InMemoryUnitOfWork

UNREADABLE = b"!"
"""A line that begins so cannot be read."""


class MemoryStream:
    """One record a line; a line that begins with ``!`` is a problem. Satisfies ``ports.ShardStream``."""

    format = ShardFormat.JSONL

    def __init__(self, path: str, raw: bytes, on_end: Callable[[], None]) -> None:
        self._path, self._raw, self._on_end = path, raw, on_end
        self.problems: list[ReadProblem] = []
        self.left_out: dict[str, int] = {}
        self.records = 0
        self.bytes_read = 0

    @property
    def unread(self) -> int:
        return len(self.problems)

    def __iter__(self) -> Iterator[TextBatch]:
        lines = self._raw.splitlines()
        good: list[tuple[int, str]] = []
        for number, line in enumerate(lines):
            if line.startswith(UNREADABLE):
                self.problems.append(ReadProblem(path=self._path, line=number + 1, record=number, message="cannot be read"))
            else:
                good.append((number, line.decode()))
        if not good:
            raise ShardReadError(f"{self._path}: nothing could be read")
        batch = make_batch([text for _, text in good])
        batch.record[:] = [number for number, _ in good]
        batch.line[:] = [number + 1 for number, _ in good]
        self.records, self.bytes_read = len(lines), len(self._raw)
        yield batch
        self._on_end()


class MemoryFiles:
    """Files as a mapping; ``ports.ShardListing``, ``ports.ShardReader`` and ``ports.ShardRewriter`` over it. ``/``-joined root and path is the location."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self.files: dict[str, bytes] = {f"data/{path}": raw for path, raw in (files or {}).items()}
        self.opened: list[str] = []
        self.after_reading: Callable[[], None] = lambda: None
        self.scheme = "memory-1"

    def expand(self, patterns: Sequence[str], *, root: str, passed_over: list[ManifestError] | None = None) -> list[str]:
        names = [f.removeprefix(f"{root}/") for f in self.files if f.startswith(f"{root}/")]
        found: set[str] = set()
        for pattern in patterns:
            matched = {n for n in names if fnmatch.fnmatchcase(n, pattern) and n.count("/") == pattern.count("/")}
            if not matched:
                raise NoFilesError(f"{pattern!r} names no data file")
            found |= matched
        return sorted(found)

    def locate(self, path: str, *, root: str) -> str:
        return f"{root}/{path}"

    def digest(self, path: str, *, root: str) -> tuple[str, int]:
        raw = self._bytes(self.locate(path, root=root))
        return digest_bytes(raw), len(raw)

    def size(self, path: str, *, root: str) -> int:
        return len(self.files.get(self.locate(path, root=root), b""))

    def stamp(self, path: str, *, root: str) -> str:
        return self.digest(path, root=root)[0]

    def describe(
        self, path: str, *, root: str, text_field: str | None = None, tokenizer: Tokenizer | None = None, license_field: str | None = None
    ) -> Shard:
        stream = self.open(self.locate(path, root=root), text_field=text_field, tokenizer=tokenizer)
        words = sum(len(batch.text(row).split()) for batch in stream for row in range(len(batch)))
        digest, size_bytes = self.digest(path, root=root)
        return Shard(
            path=path,
            root=root,
            sha256=digest,
            size_bytes=size_bytes,
            records=stream.records,
            words=words,
            unread_records=len(stream.problems),
        )

    def open(self, location: str, *, text_field: str | None = None, tokenizer: Tokenizer | None = None) -> MemoryStream:
        del text_field, tokenizer
        self.opened.append(location)
        return MemoryStream(location, self._bytes(location), self.after_reading)

    def _bytes(self, location: str) -> bytes:
        if location not in self.files:
            raise ShardReadError(f"{location}: no such file")
        return self.files[location]


@dataclass(frozen=True)
class Planted:
    """A text that the matcher finds wherever it stands."""

    phrase: str
    record: ReferenceRecord
    reference_set: str = "known"
    also: tuple[AlsoIn, ...] = ()
    explained: bool = False


class PlantedMatcher:
    """Finds planted phrases, and nothing else. Satisfies ``ports.Matcher``."""

    def __init__(self, *planted: Planted, scheme: str = "planted-1", indexes: tuple[str, ...] = ("sha256:" + "1" * 64,)) -> None:
        self.planted, self.scheme, self.index_digests = planted, scheme, indexes
        self.reference_sets: tuple[str, ...] = ("set",)
        self.words_seen = 0
        self.dropped_seeds = 0

    @property
    def rules(self) -> str:
        return self.scheme

    @property
    def segments(self) -> tuple[OpenSegmentKey, ...]:
        return tuple(OpenSegmentKey(digest=digest, words=1) for digest in self.index_digests)

    def trace_batch(self, batch: TextBatch, *, path: str, shard: str, scan: str) -> tuple[list[Match], Touched]:
        """Say of each record with matches that it touches all segments."""
        matches = self.match_batch(batch, path=path, shard=shard, scan=scan)
        pairs = [(record, i) for record in sorted({m.record for m in matches}) for i in range(len(self.segments))]
        columns = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return matches, Touched(columns[:, 0], columns[:, 1].astype(np.int32), (0,) * len(self.segments))

    def find_touched(self, batch: TextBatch, *, added: Sequence[int], reported: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[int, ...]]:
        del reported
        return np.unique(batch.record), (0,) * len(added)

    def chance_alarms(self, score: float) -> float:
        del score
        return 0.0

    def match_batch(self, batch: TextBatch, *, path: str, shard: str = "", scan: str = "") -> list[Match]:
        found = []
        for row in range(len(batch)):
            text = batch.text(row)
            self.words_seen += len(text.split())
            found += [self._match(p, text, batch, row, (path, shard, scan)) for p in self.planted if p.phrase in text]
        return found

    def _match(self, planted: Planted, text: str, batch: TextBatch, row: int, where: tuple[str, str, str]) -> Match:
        start, record = text.index(planted.phrase), int(batch.record[row])
        return plain_match(
            planted.record,
            path=where[0],
            shard=where[1],
            scan=where[2],
            record=record,
            start=start,
            end=start + len(planted.phrase),
            words=len(planted.phrase.split()),
            reference_set=planted.reference_set,
            also=planted.also,
            explained=planted.explained,
        )

    def reference(self, reference_set: str, reference: str) -> ReferenceRecord:
        for planted in self.planted:
            if (planted.reference_set, planted.record.id) == (reference_set, reference):
                return planted.record
        raise NotRegisteredError(f"no reference {reference!r}")

    def match_text(self, match: Match, field_text: str, *, context: int = 240) -> MatchText:
        passage = field_text[match.start : match.end]
        return MatchText(
            before=field_text[max(0, match.start - context) : match.start],
            text=passage,
            after=field_text[match.end : match.end + context],
            reference_before="",
            reference_text=passage,
            reference_after="",
            shared=(),
            reference_shared=(),
            document_length=len(field_text),
        )


def plain_match(
    reference: ReferenceRecord,
    *,
    path: str = "a.jsonl",
    shard: str = "sha256:" + "a" * 64,
    scan: str = "",
    record: int = 0,
    start: int = 0,
    end: int = 100,
    words: int = 60,
    reference_set: str = "known",
    also: tuple[AlsoIn, ...] = (),
    explained: bool = False,
) -> Match:
    """Return a match with one reference."""
    return Match(
        scan=scan,
        shard=shard,
        path=path,
        record=record,
        line=record + 1,
        doc_id=f"{path}#{record}",
        field="text",
        start=start,
        end=end,
        reference_set=reference_set,
        reference=reference.id,
        kind=reference.kind,
        reference_start=0,
        reference_end=end - start,
        also=also,
        method=MatchMethod.PASSAGE,
        words=words,
        aligned_words=words,
        longest_run=words,
        exact_jaccard=1.0,
        exact_containment=1.0,
        document_jaccard=0.1,
        score=float(words),
        chance_alarms_per_million=0.0,
        ci_low=0.9,
        ci_high=1.0,
        explained=explained,
    )


class MemoryWriter:
    """Satisfies ``ports.ScanWriter``."""

    def __init__(self, evidence: MemoryEvidence) -> None:
        self._evidence = evidence
        self._matches: list[Match] = []
        self._suspects: list[Suspect] = []
        self._pairs: list[tuple[int, int]] = []
        self._dropped: tuple[int, ...] = ()

    def add_matches(self, matches: Sequence[Match]) -> None:
        self._matches += matches

    def add_suspects(self, suspects: Sequence[Suspect]) -> None:
        self._suspects += suspects

    def add_touched(self, touched: Touched) -> None:
        self._pairs += zip(touched.records.tolist(), touched.segments.tolist(), strict=True)
        before = self._dropped or (0,) * len(touched.dropped)
        self._dropped = tuple(a + b for a, b in zip(before, touched.dropped, strict=True))

    def publish(self) -> ScanFiles:
        digest = digest_bytes(repr((self._dropped, self._pairs)).encode())
        self._evidence.touched[digest] = (self._dropped, tuple(self._pairs))
        suspects = self._evidence.put_suspects(self._suspects) if self._suspects else ""
        return ScanFiles(matches=self._evidence.put_matches(self._matches), suspects=suspects, touched=digest)


class MemoryFindingsWriter:
    """Satisfies ``ports.FindingsWriter``."""

    def __init__(self, evidence: MemoryEvidence) -> None:
        self._evidence = evidence
        self._rows: list[MatchFinding] = []

    def add(self, rows: Sequence[MatchFinding]) -> None:
        self._rows += rows

    def publish(self) -> str:
        digest = digest_bytes(repr(self._rows).encode())
        self._evidence.findings[digest] = self._rows
        return digest


class MemoryEvidence:
    """Satisfies ``ports.EvidenceStore``."""

    def __init__(self) -> None:
        self.findings: dict[str, list[MatchFinding]] = {}
        self.matches: dict[str, list[Match]] = {}
        self.suspects: dict[str, list[Suspect]] = {}
        self.touched: dict[str, tuple[tuple[int, ...], tuple[tuple[int, int], ...]]] = {}
        self.blobs: dict[str, bytes] = {}
        self.records: dict[str, list[RecordKeys]] = {}

    @contextmanager
    def writing_scan(self) -> Iterator[MemoryWriter]:
        yield MemoryWriter(self)

    @contextmanager
    def writing_findings(self) -> Iterator[MemoryFindingsWriter]:
        yield MemoryFindingsWriter(self)

    def iter_findings(self, digest: str) -> Iterator[MatchFinding]:
        if digest not in self.findings:
            raise RegistryError(f"evidence {digest} is lost")
        return iter(list(self.findings[digest]))

    @contextmanager
    def writing_records(self) -> Iterator[MemoryRecordWriter]:
        yield MemoryRecordWriter(self)

    def find_records(self, digest: str, wanted: Wanted) -> Iterator[RecordHit]:
        if digest not in self.records:
            raise RegistryError(f"evidence {digest} is lost")
        return _hits(self.records[digest], wanted)

    def sweep(self) -> None:
        """Nothing is ever half written."""

    def iter_matches(self, digest: str) -> Iterator[Match]:
        return iter(self.get_matches(digest))

    def iter_suspects(self, digest: str) -> Iterator[Suspect]:
        return iter(self.get_suspects(digest))

    def get_touched(self, digest: str) -> KeptTouched:
        if digest not in self.touched:
            raise RegistryError(f"evidence {digest} is lost")
        dropped, pairs = self.touched[digest]
        return KeptTouched(dropped, iter(pairs))

    def put_matches(self, matches: Iterable[Match]) -> str:
        kept = list(matches)
        digest = digest_bytes(repr(kept).encode())
        self.matches[digest] = kept
        return digest

    def get_matches(self, digest: str) -> list[Match]:
        if digest not in self.matches:
            raise RegistryError(f"evidence {digest} is lost")
        return list(self.matches[digest])

    def put_suspects(self, suspects: Iterable[Suspect]) -> str:
        kept = list(suspects)
        digest = digest_bytes(repr(kept).encode())
        self.suspects[digest] = kept
        return digest

    def get_suspects(self, digest: str) -> list[Suspect]:
        if digest not in self.suspects:
            raise RegistryError(f"evidence {digest} is lost")
        return list(self.suspects[digest])

    def lose_everything(self) -> None:
        self.matches.clear()

    def put_bytes(self, raw: bytes, *, suffix: str) -> str:
        digest = digest_bytes(raw)
        self.blobs[digest + suffix] = raw
        return digest

    def put_file(self, path: Path, *, suffix: str) -> str:
        return self.put_bytes(path.read_bytes(), suffix=suffix)

    def has(self, digest: str, *, suffix: str) -> bool:
        return digest + suffix in self.blobs

    def get_bytes(self, digest: str, *, suffix: str) -> bytes:
        if digest + suffix not in self.blobs:
            raise RegistryError(f"evidence {digest} is lost")
        return self.blobs[digest + suffix]


class MemoryRecordWriter:
    """Satisfies ``ports.evidence.RecordIndexWriter``."""

    def __init__(self, evidence: MemoryEvidence) -> None:
        self._evidence = evidence
        self._keys: list[RecordKeys] = []

    def add(self, keys: RecordKeys) -> None:
        self._keys.append(keys)

    def publish(self) -> str:
        digest = digest_bytes(repr(self._keys).encode())
        self._evidence.records[digest] = self._keys
        return digest


def _hits(batches: Iterable[RecordKeys], wanted: Wanted) -> Iterator[RecordHit]:
    for keys in batches:
        for role, key, host, path, record, line in zip(keys.role, keys.key, keys.host, keys.path, keys.record, keys.line, strict=True):
            for wanter in wanted.who(role, key, host):
                yield RecordHit(wanter=wanter, role=role, record=record, line=line or None, field=path, key=key)


@dataclass
class CountingProgress:
    """Satisfies ``ports.Progress`` and adds up."""

    done: int = 0
    stages: list[tuple[str, int]] = field(default_factory=list)

    def start(self, label: str, total_bytes: int) -> None:
        self.stages.append((label, total_bytes))

    def advance(self, n_bytes: int) -> None:
        self.done += n_bytes

    def note(self, text: str) -> None:
        del text

    def finish(self) -> None:
        pass


SELF_NAMING = Pattern(
    id="names-itself",
    kind="self-identification",
    title="names itself",
    regex="i am the oracle",
    needles=("the oracle",),
    examples=("I am the Oracle",),
)


@dataclass(frozen=True)
class MemoryRecords:
    """Satisfies ``ports.records.RecordReader``: records that say nothing of themselves."""

    disk: MemoryFiles
    scheme: str = "memory-records-1"

    def open_records(self, location: str, *, text_field: str | None = None, tokenizer: Tokenizer | None = None) -> MemoryRecordStream:
        del text_field, tokenizer
        return MemoryRecordStream(self.disk.open(location))


@dataclass(frozen=True)
class MemoryRecordStream:
    """Satisfies ``ports.records.RecordStream``."""

    stream: MemoryStream
    told: Mapping[str, int] = field(default_factory=dict)

    @property
    def records(self) -> int:
        return self.stream.records

    @property
    def unread(self) -> int:
        return self.stream.unread

    @property
    def problems(self) -> Sequence[ReadProblem]:
        return self.stream.problems

    def __iter__(self) -> Iterator[RecordKeys]:
        for _ in self.stream:
            yield RecordKeys()


class NoReferences:
    """Satisfies ``ports.records.ReferenceSource``: there are none."""

    def set_digests(self) -> dict[str, str]:
        return {}

    def iter_references(self, name: str) -> Iterator[ReferenceRecord]:
        raise NotRegisteredError(name)

    def open_matcher(self, names: Sequence[str]) -> PlantedMatcher:
        raise NotRegisteredError(", ".join(names))


class World:
    """Files, registry, evidence and clock together."""

    def __init__(self, files: Mapping[str, bytes] | None = None, *, now: str = "2026-03-01T12:00:00Z") -> None:
        self.disk = MemoryFiles(files)
        self.evidence = MemoryEvidence()
        self.progress = CountingProgress()
        self.clock = FixedClock(now)
        self.units = InMemoryUnitOfWork(self.clock)
        self.journal = MemoryJournal()
        self.tools = Tools(
            reader=self.disk,
            clock=self.clock,
            progress=self.progress,
            listing=self.disk,
            units=self.units,
            evidence=self.evidence,
            actor="tester",
            journal=self.journal,
            suspects=PatternFinder((SELF_NAMING,)),
            records=MemoryRecords(self.disk),
            references=NoReferences(),
            engine=SerialEngine(),
        )

    def register(self, dataset: Dataset, *paths: str) -> DatasetVersion:
        """Record files as they are now."""
        made = version_of(dataset, *(self.disk.describe(path, root="data") for path in paths))
        with self.units.begin(actor="tester", action="register") as registry:
            registry.add_version(made)
        return made


def version_of(dataset: Dataset, *shards: Shard, created: str = "2026-03-01T11:00:00Z") -> DatasetVersion:
    """Return a version with the right root digest."""
    leaves = [ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in shards]
    return DatasetVersion(dataset=dataset, root_digest=merkle_root(leaves), shards=shards, created=created)


def plain_dataset(
    name: str = "notes", *, license_text: str = "CC0-1.0", synthetic: TriState = TriState.NO, generators: tuple[Generator, ...] = ()
) -> Dataset:
    """Return a dataset of which nothing bad is known."""
    facts = LicenseFacts(declared=LicenseClaim(value=license_text, original=license_text))
    return Dataset(name=name, license=facts, synthetic=synthetic, generators=generators, domain="general")


def plain_shard(path: str = "a.jsonl", *, words: int | None = 100, unread: int = 0, digit: str = "a") -> Shard:
    """Return a shard that need not exist."""
    return Shard(path=path, sha256="sha256:" + digit * 64, size_bytes=1000, records=10, words=words, unread_records=unread)


def plain_run(
    *data: RunData, commercial: TriState = TriState.YES, weights: str = "closed", references: tuple[str, ...] = (), friends: tuple[str, ...] = ()
) -> Run:
    """Return a run file's content; ``friends`` are providers that the model does not compete with."""
    competes = tuple(CompetesWith(provider=p, value=False, who="legal", why="another market") for p in friends)
    return Run(
        model=ModelPlan(name="m", release=Release(weights=weights)),
        purpose=Purpose(commercial=commercial, competes_with=competes),
        organization=Organization(),
        data=data or (RunData(dataset="notes", weight=1.0),),
        references=references,
        digest="sha256:" + "d" * 64,
    )


def judged(
    dataset: Dataset | None,
    *shards: Shard,
    name: str = "notes",
    weight: float | None = 1.0,
    epochs: float | None = None,
    state: ShardState = ShardState.UNCHANGED,
    matches: tuple[Match, ...] = (),
    references: int = 0,
    unregistered: tuple[str, ...] = (),
) -> JudgedDataset:
    """Return a dataset as an audit found it; with references named, its shards have a scan that found ``matches`` in the first of them."""
    called = dataset.name if dataset is not None else name
    named = RunData(dataset=called, weight=weight, epochs=epochs)
    if dataset is None:
        return JudgedDataset(named=named, name=called, version=None)
    chosen = shards or (plain_shard(),)
    found = tuple(
        JudgedShard(
            checked=CheckedShard(shard=s, state=state),
            outcome=scan_of(dataset, s, matches if i == 0 else ()) if references and state is ShardState.UNCHANGED else None,
            references=references,
        )
        for i, s in enumerate(chosen)
    )
    return JudgedDataset(named=named, name=called, version=version_of(dataset, *chosen), shards=found, unregistered=unregistered)


def scan_of(dataset: Dataset, shard: Shard, matches: tuple[Match, ...], *, problems: tuple[ReadProblem, ...] = ()) -> ScanOutcome:
    """Return a scan of a shard."""
    result = ScanResult(
        id="sha256:" + "5" * 64,
        path=shard.path,
        shard=shard.sha256,
        index_digests=("sha256:" + "1" * 64,),
        scheme="planted-1",
        records=shard.records or 0,
        documents=shard.records or 0,
        words=shard.words or 0,
        text_bytes=shard.size_bytes,
        matches=len(matches),
        alarms=sum(not m.explained for m in matches),
        problems=problems,
    )
    return ScanOutcome(target=ShardToScan(dataset=dataset, shard=shard, location=shard.path), result=result, matches=matches, reused=False)


def work_reference(
    name: str = "work:book", *, license_text: str = "LicenseRef-all-rights-reserved", holder: str = "Example House"
) -> ReferenceRecord:
    """Return a work."""
    return ReferenceRecord(id=name, kind=ReferenceKind.WORK, title=f"The {name}", holder=holder, license=license_text)


def output_reference(name: str = "call-1", *, provider: str = "cumulus", model: str = "nimbus-1", day: str = "2025-03-01") -> ReferenceRecord:
    """Return an API output, by default of the sample's fictitious provider under terms that forbid competing models."""
    return ReferenceRecord(
        id=name,
        kind=ReferenceKind.API_OUTPUT,
        provider=provider,
        model=model,
        channel="api",
        region="EU",
        generated=DateRange(start=day, end=day),
    )


class LineRewriter:
    """Leaves lines out of a local file, as ``ports.ShardRewriter`` asks; may be told to die before it replaces anything."""

    def __init__(self, *, dies: bool = False) -> None:
        self.dies = dies

    def without(self, source: str, target: str, *, records: frozenset[int], lines: frozenset[int]) -> int:
        del records
        kept = Path(source).read_bytes().splitlines(keepends=True)
        if self.dies:
            raise KeyboardInterrupt
        part = Path(target + ".part")
        part.write_bytes(b"".join(line for number, line in enumerate(kept, 1) if number not in lines))
        part.replace(target)
        return len(lines)


def kept_audits(world: World, *records: AuditRecord) -> None:
    """Keep audit records as an audit does: in the evidence, with a row in the registry."""
    for record in records:
        digest = world.evidence.put_bytes(json.dumps(to_wire(record)).encode(), suffix=AUDIT_SUFFIX)
        with world.units.begin(actor="tester", action="audit") as registry:
            registry.save_audit(record, digest)
