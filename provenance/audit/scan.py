"""Compare shards with reference sets. ``scan_shard`` is the unit of work; its result is keyed by what it depends on, so it is never done twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from provenance.audit.tools import ReadingTools, Tools
from provenance.canonical import digest_of
from provenance.errors import IngestError, RegistryError
from provenance.model.dataset import Dataset, DatasetVersion, Shard, ShardFormat
from provenance.model.match import LeftOut, Match, MatchText, ReadProblem, ScanResult, Suspect, SuspectCount
from provenance.ports import Clock, EvidenceStore, Matcher, Progress, ShardListing, ShardReader, SuspectFinder, WorkerLostError

MEGATRON_INDEX_ENDING = ".idx"


@dataclass(frozen=True, slots=True)
class Finders:
    """What a shard is looked at with."""

    matcher: Matcher
    suspects: SuspectFinder


def schemes_of(finders: Finders, reader: ShardReader) -> tuple[str, ...]:
    """Return the names of all rules that a scan's result depends on."""
    return reader.scheme, finders.matcher.scheme, finders.suspects.scheme


@dataclass(slots=True)
class Findings:
    """What is found in a shard, as it is found."""

    matches: list[Match] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)


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
    matches: tuple[Match, ...]
    reused: bool
    """The shard, the references and the scheme were the same as in an earlier scan."""
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
    tokenizer = target.dataset.tokenizer
    return digest_of(
        {
            "shard": target.shard.sha256,
            "beside": [shard.sha256 for shard in target.beside],
            "tokenizer": "" if tokenizer is None else tokenizer.sha256,
            "tokens": "" if tokenizer is None else tokenizer.field or "",
            "format": target.shard.format.value,
            "ending": "".join(PurePosixPath(target.shard.path).suffixes[-2:]).lower(),
            "rows": reader.scheme,
            "text_field": target.dataset.text_field or "",
            "indexes": list(finders.matcher.index_digests),
            "sets": list(finders.matcher.reference_sets),
            "scheme": finders.matcher.scheme,
            "suspects": finders.suspects.scheme,
        }
    )


def scan_shard(finders: Finders, target: ShardToScan, tools: ReadingTools, found: Findings) -> ScanResult:
    """Stream one shard past the finders.

    Args:
        finders: What to look for.
        target: The shard and where its bytes are.
        tools: Opens the shard, dates the result, is told of every byte.
        found: Takes what is found.

    Raises:
        ShardReadError: If nothing of the shard can be read.
    """
    shard, dataset, matcher = target.shard, target.dataset, finders.matcher
    stream = tools.reader.open(target.location, text_field=dataset.text_field, tokenizer=dataset.tokenizer)
    scan = scan_id(target, finders, tools.reader)
    documents = text_bytes = taken = 0
    words, dropped = matcher.words_seen, matcher.dropped_seeds
    for batch in stream:
        matches = matcher.match_batch(batch, path=shard.path, shard=shard.sha256, scan=scan)
        found.matches += matches if batch.tokens is None else batch.tokens.locate(matches)
        looked = batch if batch.tokens is None else batch.tokens.without_special(batch)
        found.suspects += finders.suspects.find(looked, path=shard.path, shard=shard.sha256, scan=scan)
        documents += len(batch)
        text_bytes += int(batch.offsets[-1] - batch.offsets[0])
        tools.progress.advance(stream.bytes_read - taken)
        taken = stream.bytes_read
    return ScanResult(
        id=scan,
        path=shard.path,
        shard=shard.sha256,
        index_digests=matcher.index_digests,
        scheme=matcher.scheme,
        records=stream.records,
        documents=documents,
        words=matcher.words_seen - words,
        text_bytes=text_bytes,
        matches=len(found.matches),
        alarms=sum(not m.explained for m in found.matches),
        dropped_seeds=matcher.dropped_seeds - dropped,
        left_out=tuple(LeftOut(field=name, records=count) for name, count in sorted(stream.left_out.items())),
        suspected_records=len({s.record for s in found.suspects}),
        suspects=count_suspects(found.suspects),
        problems=tuple(stream.problems),
        finished=tools.clock.now(),
    )


def count_suspects(suspects: Iterable[Suspect]) -> tuple[SuspectCount, ...]:
    """Return in how many records each pattern was found."""
    kinds: dict[str, str] = {}
    records: dict[str, set[tuple[str, int]]] = {}
    for s in suspects:
        kinds[s.pattern] = s.kind
        records.setdefault(s.pattern, set()).add((s.path, s.record))
    return tuple(SuspectCount(pattern=name, kind=kinds[name], records=len(records[name])) for name in sorted(records))


def add_counts(counts: Iterable[SuspectCount]) -> tuple[SuspectCount, ...]:
    """Return the counts of several shards together."""
    total: dict[str, SuspectCount] = {}
    for count in counts:
        before = total.get(count.pattern)
        total[count.pattern] = count if before is None else replace(count, records=count.records + before.records)
    return tuple(total[name] for name in sorted(total))


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """What became of one shard; ``result`` is ``None`` where there is an error."""

    result: ScanResult | None = None
    matches: tuple[Match, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    """Of a scan made now; of an earlier one they are in the file that the result names."""
    evidence: str = ""
    """Digest of the file that keeps the matches."""
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
        found = Findings()
        try:
            result = scan_shard(self.finders, target, ReadingTools(reader=self.reader, clock=self.clock, progress=progress), found)
        except IngestError as err:
            return Scanned(error=f"{err}; {err.hint}" if err.hint else str(err))
        return Scanned(result=result, matches=tuple(found.matches), suspects=tuple(found.suspects))


@dataclass(frozen=True, slots=True)
class ShardScan:
    """Scans one shard of a registry and keeps its matches; what it needs can be sent to another process."""

    finders: Finders
    reader: ShardReader
    listing: ShardListing
    evidence: EvidenceStore
    clock: Clock

    def __call__(self, target: ShardToScan, progress: Progress) -> Scanned:
        """Scan a shard."""
        if target.shard.format is ShardFormat.MEGATRON and not target.beside:
            return Scanned(error=f"{target.shard.path}: the {MEGATRON_INDEX_ENDING} beside it is not registered; register both")
        progress.note(target.shard.path)
        tools = ReadingTools(reader=self.reader, clock=self.clock, progress=progress)
        found = Findings()
        depends_on = (target.shard, *target.beside)
        try:
            result = scan_shard(self.finders, target, tools, found)
            now = [self.listing.digest(shard.path, root=shard.root)[0] for shard in depends_on]
        except IngestError as err:
            return Scanned(error=str(err))
        if now != [shard.sha256 for shard in depends_on]:  # a result is kept under the digests, so it must be of exactly these bytes
            return Scanned(error=f"{target.shard.path} changed while it was scanned")
        if found.suspects:
            result = replace(result, suspects_evidence=self.evidence.put_suspects(found.suspects))
        return Scanned(result=result, matches=tuple(found.matches), evidence=self.evidence.put_matches(found.matches))


def scan_registered(targets: Iterable[ShardToScan], finders: Finders, tools: Tools, *, rescan: bool = True) -> list[ScanOutcome]:
    """Scan registered shards, reusing what is current. Each shard is one unit of work: a kill loses at most the shards in hand.

    Args:
        targets: The shards.
        finders: What to look for.
        tools: Opens shards and the registry, keeps the matches, and runs the scans.
        rescan: Scan what has no current result; otherwise such a shard's outcome has an error.
    """
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
            outcomes.append(_outcome(done[key], target, reused=False))
            continue
        scanned = known.get(key) or done.get(key) or Scanned(error="no current scan result")
        outcomes.append(_outcome(scanned, target, reused=scanned.result is not None))
        tools.progress.advance(target.shard.size_bytes if scanned.result is not None else 0)
    return outcomes


def _reusable(keys: set[str], tools: Tools) -> dict[str, Scanned]:
    """Return the earlier scans of which the matches are still there."""
    with tools.units.read() as registry:
        results = registry.scan_results(keys)
    nothing = tools.evidence.put_matches(()) if results else ""
    found = {}
    for key, (result, digest) in results.items():
        matches = _recorded(digest, nothing, tools)
        if matches is not None and _are_kept(result, tools):
            found[key] = Scanned(result=result, matches=tuple(matches), evidence=digest)
    return found


def _scan_missing(missing: Mapping[str, ShardToScan], finders: Finders, tools: Tools) -> Iterator[tuple[str, Scanned]]:
    """Scan shards and record each as soon as it is done."""
    work = ShardScan(finders, tools.reader, tools.listing, tools.evidence, tools.clock)
    keys, targets = list(missing), list(missing.values())
    for number, scanned in tools.engine.run(work, targets, [t.shard.size_bytes for t in targets], tools.progress):
        if isinstance(scanned, WorkerLostError):
            yield keys[number], Scanned(error=f"{targets[number].shard.path}: {scanned}; scan again to retry")
            continue
        if scanned.result is not None:
            with tools.units.begin(actor=tools.actor, action="scan", reason=targets[number].shard.path) as registry:
                registry.save_scan(scanned.result, scanned.evidence)
        yield keys[number], scanned


def _outcome(scanned: Scanned, target: ShardToScan, *, reused: bool) -> ScanOutcome:
    """Return a scan under the path that the shard has now: equal bytes under another name share one scan."""
    if scanned.result is None:
        return ScanOutcome(target=target, result=None, matches=(), reused=False, error=scanned.error)
    matches = _moved(scanned.matches, target.shard.path)
    return ScanOutcome(target=target, result=_result_of(scanned.result, target), matches=matches, reused=reused)


def _are_kept(result: ScanResult, tools: Tools) -> bool:
    """Tell whether the list of suspects of an earlier scan is still there."""
    try:
        return not result.suspects_evidence or bool(tools.evidence.get_suspects(result.suspects_evidence))
    except RegistryError:
        return False


def _recorded(digest: str, nothing: str, tools: Tools) -> Sequence[Match] | None:
    """Return the matches of an earlier scan; ``None`` where its evidence file is lost or damaged, so that the shard is scanned again."""
    try:
        return () if digest == nothing else tools.evidence.get_matches(digest)
    except RegistryError:
        return None


def _result_of(result: ScanResult, target: ShardToScan) -> ScanResult:
    """Return a result under the path its shard has now."""
    if result.path == target.shard.path:
        return result
    return replace(result, path=target.shard.path, problems=tuple(replace(p, path=target.location) for p in result.problems))


def _moved(matches: Iterable[Match], path: str) -> tuple[Match, ...]:
    """Return matches under the path a shard has now."""
    return tuple(m if m.path == path else replace(m, path=path, doc_id=_renamed(m, path)) for m in matches)


def _renamed(match: Match, path: str) -> str:
    return f"{path}#{match.record}" if match.doc_id == f"{match.path}#{match.record}" else match.doc_id


def collect_texts(reader: ShardReader, matcher: Matcher, target: ShardToScan, matches: Sequence[Match]) -> dict[Match, MatchText]:
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
