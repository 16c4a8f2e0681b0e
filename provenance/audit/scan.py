"""Compare shards with reference sets. ``scan_shard`` is the unit of work; its result is keyed by what it depends on, so it is never done twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from provenance.audit.tools import ReadingTools, Tools
from provenance.canonical import digest_of
from provenance.errors import IngestError, RegistryError
from provenance.model.dataset import Dataset, Shard
from provenance.model.match import LeftOut, Match, MatchText, ReadProblem, ScanResult
from provenance.ports import Matcher, ShardReader

Sink = Callable[[Sequence[Match]], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardToScan:
    """A shard and where its bytes are."""

    dataset: Dataset
    shard: Shard
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanOutcome:
    """One shard's scan: its result and its matches, or why there is none."""

    target: ShardToScan
    result: ScanResult | None
    matches: tuple[Match, ...]
    reused: bool
    """The shard, the references and the scheme were the same as in an earlier scan."""
    error: str | None = None


def scan_id(target: ShardToScan, matcher: Matcher, reader: ShardReader) -> str:
    """Return the digest of everything a scan's result depends on: the bytes, how they become rows, and what the rows are compared with."""
    return digest_of(
        {
            "shard": target.shard.sha256,
            "format": target.shard.format.value,
            "ending": "".join(PurePosixPath(target.shard.path).suffixes[-2:]).lower(),
            "rows": reader.scheme,
            "text_field": target.dataset.text_field or "",
            "indexes": list(matcher.index_digests),
            "scheme": matcher.scheme,
        }
    )


def scan_shard(matcher: Matcher, sink: Sink, target: ShardToScan, tools: ReadingTools) -> ScanResult:
    """Stream one shard through the matcher.

    Args:
        matcher: Finds shared text.
        sink: Takes each batch's matches.
        target: The shard and where its bytes are.
        tools: Opens the shard, dates the result, is told of every byte.

    Raises:
        ShardReadError: If nothing of the shard can be read.
    """
    shard, text_field = target.shard, target.dataset.text_field
    stream = tools.reader.open(target.location, text_field=text_field)
    scan = scan_id(target, matcher, tools.reader)
    documents = text_bytes = matches = alarms = taken = 0
    words, dropped = matcher.words_seen, matcher.dropped_seeds
    for batch in stream:
        found = matcher.match_batch(batch, path=shard.path, shard=shard.sha256, scan=scan)
        sink(found)
        documents += len(batch)
        text_bytes += int(batch.offsets[-1] - batch.offsets[0])
        matches += len(found)
        alarms += sum(not m.explained for m in found)
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
        matches=matches,
        alarms=alarms,
        dropped_seeds=matcher.dropped_seeds - dropped,
        left_out=tuple(LeftOut(field=name, records=count) for name, count in sorted(stream.left_out.items())),
        problems=tuple(stream.problems),
        finished=tools.clock.now(),
    )


def scan_registered(targets: Iterable[ShardToScan], matcher: Matcher, tools: Tools, *, rescan: bool = True) -> list[ScanOutcome]:
    """Scan registered shards, reusing what is current. Each shard is one unit of work: a kill loses at most the shard in hand.

    Args:
        targets: The shards.
        matcher: Opened on the reference sets.
        tools: Opens shards and the registry, keeps the matches.
        rescan: Scan what has no current result; otherwise such a shard's outcome has an error.
    """
    keyed = [(scan_id(target, matcher, tools.reader), target) for target in targets]
    with tools.units.read() as registry:
        results = dict(registry.scan_results({key for key, _ in keyed}))
    nothing = tools.evidence.put_matches(()) if results else ""
    outcomes = []
    for key, target in keyed:
        tools.progress.note(target.shard.path)
        known = results.get(key)
        found = None if known is None else _recorded(known[1], nothing, tools)
        if known is not None and found is not None:
            result, digest = known
            found = _moved(found, target.shard.path)
            outcomes.append(ScanOutcome(target=target, result=_result_of(result, target), matches=found, reused=True))
            tools.progress.advance(target.shard.size_bytes)
        elif not rescan:
            outcomes.append(ScanOutcome(target=target, result=None, matches=(), reused=False, error="no current scan result"))
        else:
            outcome, digest = _scan_one(target, matcher, tools)
            outcomes.append(outcome)
            if outcome.result is not None:
                results[key] = outcome.result, digest
    return outcomes


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
    """Return matches under the path a shard has now: equal bytes under another name share one scan."""
    return tuple(m if m.path == path else replace(m, path=path, doc_id=_renamed(m, path)) for m in matches)


def _renamed(match: Match, path: str) -> str:
    return f"{path}#{match.record}" if match.doc_id == f"{match.path}#{match.record}" else match.doc_id


def _scan_one(target: ShardToScan, matcher: Matcher, tools: Tools) -> tuple[ScanOutcome, str]:
    """Return a shard's outcome and the digest of its evidence file, empty where there is none."""
    found: list[Match] = []
    try:
        result = scan_shard(matcher, found.extend, target, tools)
        now, _ = tools.listing.digest(target.shard.path, root=target.shard.root)
    except IngestError as err:
        return ScanOutcome(target=target, result=None, matches=(), reused=False, error=str(err)), ""
    if now != target.shard.sha256:  # a result is kept under the digest, so it must be of exactly these bytes
        changed = f"{target.shard.path} changed while it was scanned"
        return ScanOutcome(target=target, result=None, matches=(), reused=False, error=changed), ""
    digest = tools.evidence.put_matches(found)
    with tools.units.begin(actor=tools.actor, action="scan", reason=target.shard.path) as registry:
        registry.save_scan(result, digest)
    return ScanOutcome(target=target, result=result, matches=tuple(found), reused=False), digest


def collect_texts(reader: ShardReader, matcher: Matcher, target: ShardToScan, matches: Sequence[Match]) -> dict[Match, MatchText]:
    """Return the words behind matches of one shard, read again from the shard.

    A match whose words are gone, since the shard changed, is left out.
    """
    wanted: dict[tuple[int, str], list[Match]] = {}
    for match in matches:
        wanted.setdefault((match.record, match.field), []).append(match)
    texts: dict[Match, MatchText] = {}
    try:
        for batch in reader.open(target.location, text_field=target.dataset.text_field):
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
