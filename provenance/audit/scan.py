"""Compare shards with reference sets. ``scan_shard`` is the unit of work; its result is keyed by what it depends on, so it is never done twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import starmap
from pathlib import PurePosixPath

from provenance.audit.findings import Findings, Gathered, KeptMatches, Tally
from provenance.audit.rescan import (
    EARLIER_SCANS,
    SEGMENTS_SUFFIX,
    Basis,
    CarriedScan,
    Earlier,
    NewScan,
    Place,
    Step,
    UnfitBasisError,
    find_basis,
    write_segments,
)
from provenance.audit.tools import ReadingTools, Tools
from provenance.canonical import digest_of
from provenance.errors import IngestError, RegistryError
from provenance.memory import keep_freed_memory
from provenance.model.dataset import Dataset, DatasetVersion, Shard, ShardFormat
from provenance.model.match import LeftOut, Match, MatchText, ReadProblem, ScanResult, Suspect
from provenance.ports import Clock, Matcher, Progress, ShardListing, ShardReader, SuspectFinder, WorkerLostError
from provenance.ports.evidence import EvidenceStore

MEGATRON_INDEX_ENDING = ".idx"


@dataclass(frozen=True, slots=True)
class Finders:
    """What a shard is looked at with."""

    matcher: Matcher
    suspects: SuspectFinder


def schemes_of(finders: Finders, reader: ShardReader) -> tuple[str, ...]:
    """Return the names of all rules that a scan's result depends on."""
    return reader.scheme, finders.matcher.scheme, finders.suspects.scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardToScan:
    """A shard and where its bytes are."""

    dataset: Dataset
    shard: Shard
    location: str
    beside: tuple[Shard, ...] = ()
    """Shards that say how this one is read, on which its result depends too: the index of a Megatron ``.bin``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOutcome:
    """One shard's scan: its result and its matches, or why there is none."""

    target: ShardToScan
    result: ScanResult | None
    matches: Iterable[Match]
    """Read from the evidence each time they are gone through."""
    reused: bool
    """The shard, the references and the scheme were the same as in an earlier scan."""
    updated: bool = False
    """It was scanned now, but only for what changed in the references since an earlier scan."""
    error: str | None = None


def target_of(version: DatasetVersion, shard: Shard, listing: ShardListing) -> ShardToScan:
    """Return a shard of a version with what must be known to scan it."""
    beside: tuple[Shard, ...] = ()
    if shard.format is ShardFormat.MEGATRON:
        index = PurePosixPath(shard.path).with_suffix(MEGATRON_INDEX_ENDING).as_posix()
        beside = tuple(s for s in version.shards if (s.root, s.path) == (shard.root, index))
    return ShardToScan(dataset=version.dataset, shard=shard, location=listing.locate(shard.path, root=shard.root), beside=beside)


def scan_id(target: ShardToScan, finders: Finders, reader: ShardReader) -> str:
    """Return the digest of everything a scan's result depends on: the bytes, how they become rows, and what is looked for in them."""
    matcher = finders.matcher
    looked_for = {"indexes": list(matcher.index_digests), "sets": list(matcher.reference_sets), "scheme": matcher.scheme}
    return digest_of({**_rows_of(target, finders, reader), **looked_for})


def frame_of(target: ShardToScan, finders: Finders, reader: ShardReader) -> str:
    """Return the digest of everything a scan's result depends on but the references: scans in one frame can rest on one another."""
    return digest_of({**_rows_of(target, finders, reader), "rules": finders.matcher.rules})


def _rows_of(target: ShardToScan, finders: Finders, reader: ShardReader) -> dict[str, str | list[str]]:
    tokenizer = target.dataset.tokenizer
    return {
        "shard": target.shard.sha256,
        "beside": [shard.sha256 for shard in target.beside],
        "tokenizer": "" if tokenizer is None else tokenizer.sha256,
        "tokens": "" if tokenizer is None else tokenizer.field or "",
        "format": target.shard.format.value,
        "ending": "".join(PurePosixPath(target.shard.path).suffixes[-2:]).lower(),
        "rows": reader.scheme,
        "text_field": target.dataset.text_field or "",
        "suspects": finders.suspects.scheme,
    }


def scan_shard(finders: Finders, target: ShardToScan, tools: ReadingTools, found: Findings, basis: Basis | None = None) -> ScanResult:
    """Stream one shard past the finders.

    Args:
        finders: What to look for.
        target: The shard and where its bytes are.
        tools: Opens the shard, dates the result, is told of every byte.
        found: Takes what is found.
        basis: An earlier scan to carry over.

    Raises:
        ShardReadError: If nothing of the shard can be read.
        UnfitBasisError: If the earlier scan is of other rows.
    """
    keep_freed_memory()
    shard, dataset, matcher = target.shard, target.dataset, finders.matcher
    stream = tools.reader.open(target.location, text_field=dataset.text_field, tokenizer=dataset.tokenizer)
    place, tally = Place(shard.path, shard.sha256, scan_id(target, finders, tools.reader)), Tally(found)
    step: Step = NewScan(matcher, finders.suspects, place, tally) if basis is None else CarriedScan(matcher, basis, place, tally)
    documents = text_bytes = taken = 0
    for batch in stream:
        step.take(batch)
        documents += len(batch)
        text_bytes += int(batch.offsets[-1] - batch.offsets[0])
        tools.progress.advance(stream.bytes_read - taken)
        taken = stream.bytes_read
    step.end()
    if basis is not None and (stream.records, documents, text_bytes) != (basis.result.records, basis.result.documents, basis.result.text_bytes):
        raise UnfitBasisError("the shard gives other rows")
    return ScanResult(
        id=place.scan,
        path=shard.path,
        shard=shard.sha256,
        index_digests=matcher.index_digests,
        scheme=matcher.scheme,
        records=stream.records,
        documents=documents,
        words=step.words,
        text_bytes=text_bytes,
        matches=tally.matches,
        alarms=tally.alarms,
        dropped_seeds=tally.dropped,
        left_out=tuple(LeftOut(field=name, records=count) for name, count in sorted(stream.left_out.items())),
        suspected_records=tally.suspected_records,
        suspects=tally.suspects,
        problems=tuple(stream.problems),
        finished=tools.clock.now(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What became of one shard; ``result`` is ``None`` where there is an error."""

    result: ScanResult | None = None
    matches: tuple[Match, ...] = ()
    """Of a file that no registry knows, as are the suspects; else they are in the evidence."""
    suspects: tuple[Suspect, ...] = ()
    evidence: str = ""
    """Digest of the file that keeps the matches."""
    updated: bool = False
    """An earlier scan was carried over."""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class FileScan:
    """Scans one file that no registry knows; what it needs can be sent to another process."""

    finders: Finders
    reader: ShardReader
    clock: Clock

    def __call__(self, target: ShardToScan, progress: Progress) -> Scanned:
        """Scan a file."""
        progress.note(target.shard.path)
        found = Gathered()
        try:
            result = scan_shard(self.finders, target, ReadingTools(reader=self.reader, clock=self.clock, progress=progress), found)
        except IngestError as err:
            return Scanned(error=f"{err}; {err.hint}" if err.hint else str(err))
        return Scanned(result=result, matches=tuple(found.matches), suspects=tuple(found.suspects))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanTask:
    """A shard to scan, and earlier scans that this one may rest on."""

    target: ShardToScan
    frame: str
    earlier: tuple[Earlier, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardScan:
    """Scans one shard of a registry and keeps its findings; what it needs can be sent to another process."""

    finders: Finders
    reader: ShardReader
    listing: ShardListing
    evidence: EvidenceStore
    clock: Clock
    segments: str
    """Digest of the file that lists the matcher's segments."""

    def __call__(self, task: ScanTask, progress: Progress) -> Scanned:
        """Scan a shard."""
        target = task.target
        if target.shard.format is ShardFormat.MEGATRON and not target.beside:
            return Scanned(error=f"{target.shard.path}: the {MEGATRON_INDEX_ENDING} beside it is not registered; register both")
        progress.note(target.shard.path)
        basis = find_basis(task.earlier, self.finders.matcher.segments, self.evidence, path=target.shard.path)
        if basis is not None:
            with suppress(UnfitBasisError):
                return self._scan(task, progress, basis)
        return self._scan(task, progress, None)

    def _scan(self, task: ScanTask, progress: Progress, basis: Basis | None) -> Scanned:
        target = task.target
        tools = ReadingTools(reader=self.reader, clock=self.clock, progress=progress)
        depends_on = (target.shard, *target.beside)
        with self.evidence.writing_scan() as writer:
            try:
                result = scan_shard(self.finders, target, tools, writer, basis)
                now = [self.listing.digest(shard.path, root=shard.root)[0] for shard in depends_on]
            except IngestError as err:
                return Scanned(error=str(err))
            if now != [shard.sha256 for shard in depends_on]:  # a result is kept under the digests, so it must be of exactly these bytes
                return Scanned(error=f"{target.shard.path} changed while it was scanned")
            files = writer.publish()
        result = replace(result, suspects_evidence=files.suspects, frame=task.frame, segments=self.segments, touched=files.touched)
        return Scanned(result=result, evidence=files.matches, updated=basis is not None)


def scan_registered(targets: Iterable[ShardToScan], finders: Finders, tools: Tools, *, rescan: bool = True) -> list[ScanOutcome]:
    """Scan registered shards, reusing what is current. Each shard is one unit of work: a kill loses at most the shards in hand.

    Args:
        targets: The shards.
        finders: What to look for.
        tools: Opens shards and the registry, keeps the matches, and runs the scans.
        rescan: Scan what has no current result; otherwise such a shard's outcome has an error.
    """
    if rescan:
        tools.evidence.sweep()
    keyed = [(scan_id(target, finders, tools.reader), target) for target in targets]
    known = _reusable({key for key, _ in keyed}, tools)
    missing: dict[str, ShardToScan] = {}
    for key, target in keyed:
        if key not in known:
            missing.setdefault(key, target)
    done = dict(_scan_missing(missing, finders, tools)) if rescan else {}
    outcomes = []
    for key, target in keyed:
        if missing.get(key) is target and rescan:
            outcomes.append(_outcome(done[key], target, tools, reused=False))
            continue
        scanned = known.get(key) or done.get(key) or Scanned(error="no current scan result")
        outcomes.append(_outcome(scanned, target, tools, reused=scanned.result is not None))
        tools.progress.advance(target.shard.size_bytes if scanned.result is not None else 0)
    return outcomes


def _reusable(keys: set[str], tools: Tools) -> dict[str, Scanned]:
    """Return the earlier scans of which the matches are still there."""
    with tools.units.read() as registry:
        results = registry.scan_results(keys)
    return {key: Scanned(result=result, evidence=digest) for key, (result, digest) in results.items() if _are_kept(result, digest, tools)}


def _scan_missing(missing: Mapping[str, ShardToScan], finders: Finders, tools: Tools) -> Iterator[tuple[str, Scanned]]:
    """Scan shards and record each as soon as it is done."""
    if not missing:
        return
    segments = tools.evidence.put_bytes(write_segments(finders.matcher.segments), suffix=SEGMENTS_SUFFIX)
    work = ShardScan(finders=finders, reader=tools.reader, listing=tools.listing, evidence=tools.evidence, clock=tools.clock, segments=segments)
    keys, tasks = list(missing), _tasks(missing.values(), finders, tools)
    for number, scanned in tools.engine.run(work, tasks, [t.target.shard.size_bytes for t in tasks], tools.progress):
        path = tasks[number].target.shard.path
        if isinstance(scanned, WorkerLostError):
            yield keys[number], Scanned(error=f"{path}: {scanned}; scan again to retry")
            continue
        if scanned.result is None:
            yield keys[number], scanned
            continue
        with tools.units.begin(actor=tools.actor, action="scan", reason=path) as registry:
            registry.save_scan(scanned.result, scanned.evidence)
        yield keys[number], scanned


def _tasks(targets: Iterable[ShardToScan], finders: Finders, tools: Tools) -> list[ScanTask]:
    framed = [(target, frame_of(target, finders, tools.reader)) for target in targets]
    with tools.units.read() as registry:
        earlier = registry.scans_in({frame for _, frame in framed}, newest=EARLIER_SCANS)
    return [ScanTask(target=target, frame=frame, earlier=tuple(starmap(Earlier, earlier.get(frame, ())))) for target, frame in framed]


def _outcome(scanned: Scanned, target: ShardToScan, tools: Tools, *, reused: bool) -> ScanOutcome:
    """Return a scan under the path that the shard has now: equal bytes under another name share one scan."""
    if scanned.result is None:
        return ScanOutcome(target=target, result=None, matches=(), reused=False, error=scanned.error)
    matches = KeptMatches(tools.evidence, scanned.evidence, target.shard.path) if scanned.result.matches else ()
    return ScanOutcome(
        target=target, result=_result_of(scanned.result, target), matches=matches, reused=reused, updated=scanned.updated and not reused
    )


def _are_kept(result: ScanResult, matches: str, tools: Tools) -> bool:
    """Tell whether what an earlier scan found is still there, whole; where it is not, the shard is scanned again."""
    try:
        if result.matches:
            tools.evidence.iter_matches(matches)
        if result.suspects_evidence:
            tools.evidence.iter_suspects(result.suspects_evidence)
    except RegistryError:
        return False
    return True


def _result_of(result: ScanResult, target: ShardToScan) -> ScanResult:
    """Return a result under the path its shard has now."""
    if result.path == target.shard.path:
        return result
    return replace(result, path=target.shard.path, problems=tuple(replace(p, path=target.location) for p in result.problems))


def collect_texts(reader: ShardReader, matcher: Matcher, target: ShardToScan, matches: Iterable[Match]) -> dict[Match, MatchText]:
    """Return the words behind matches of one shard, read again from the shard.

    A match whose words are gone, since the shard changed, is left out.
    """
    wanted: dict[tuple[int, str], list[Match]] = {}
    for match in matches:
        wanted.setdefault((match.record, match.field), []).append(match)
    texts: dict[Match, MatchText] = {}
    try:
        for batch in reader.open(target.location, text_field=target.dataset.text_field, tokenizer=target.dataset.tokenizer):
            for row in range(len(batch)):
                key = (int(batch.record[row]), batch.field_names[batch.field_code[row]])
                if key in wanted:
                    text = batch.text(row)
                    texts.update({m: matcher.match_text(m, text) for m in wanted.pop(key) if m.end <= len(text)})
            if not wanted:
                break
    except IngestError:
        return texts
    return texts


def problems_of(outcomes: Iterable[ScanOutcome]) -> list[ReadProblem]:
    """Return everything that could not be read, whole shards included."""
    problems: list[ReadProblem] = []
    for outcome in outcomes:
        if outcome.error is not None:
            problems.append(ReadProblem(path=outcome.target.shard.path, line=None, record=None, message=outcome.error))
        elif outcome.result is not None:
            problems.extend(outcome.result.problems)
    return problems
