"""Read the records of shards once for their addresses, ids, names and digests. What was read is kept under all it depends on, so it is never read twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from provenance.audit.scan import ShardToScan
from provenance.audit.tools import Tools
from provenance.canonical import digest_of
from provenance.errors import IngestError, RegistryError
from provenance.fingerprint.wanted import Wanted
from provenance.model.dataset import ShardFormat
from provenance.model.exclusion import RecordIndexFacts
from provenance.ports import Clock, Progress, ShardListing, WorkerLostError
from provenance.ports.evidence import EvidenceStore
from provenance.ports.records import RecordReader

_NOT_READ = "nobody has read its records"


@dataclass(frozen=True, slots=True)
class Indexed:
    """The index of one shard, or why there is none."""

    facts: RecordIndexFacts | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class IndexTask:
    """A shard to read."""

    key: str
    target: ShardToScan


@dataclass(frozen=True, slots=True)
class ShardIndexing:
    """Reads the records of one shard; what it needs can be sent to another process."""

    records: RecordReader
    listing: ShardListing
    evidence: EvidenceStore
    clock: Clock

    def __call__(self, task: IndexTask, progress: Progress) -> Indexed:
        """Read a shard, and make sure that these were its registered bytes."""
        target, shard = task.target, task.target.shard
        progress.note(shard.path)
        with self.evidence.writing_records() as writer:
            try:
                stream = self.records.open_records(target.location, text_field=target.dataset.text_field, tokenizer=target.dataset.tokenizer)
                for keys in stream:
                    writer.add(keys)
                now = [self.listing.digest(s.path, root=s.root)[0] for s in (shard, *target.beside)]
            except IngestError as err:
                return Indexed(None, f"cannot be read: {err}")
            if now != [s.sha256 for s in (shard, *target.beside)]:
                return Indexed(None, "is not the file that was registered any more")
            digest = writer.publish()
        progress.advance(shard.size_bytes)
        told = stream.told
        return Indexed(
            RecordIndexFacts(
                key=task.key,
                shard=shard.sha256,
                evidence=digest,
                records=stream.records,
                unread=stream.unread,
                with_host=told.get("host", 0),
                with_page=told.get("page", 0),
                with_id=told.get("id", 0),
                with_author=told.get("author", 0),
                with_text=told.get("text", 0),
                at=self.clock.now(),
            )
        )


def index_key(target: ShardToScan, scheme: str) -> str:
    """Return the digest of everything that the index of a shard depends on."""
    shard, path = target.shard, PurePosixPath(target.shard.path)
    tokenizer = target.dataset.tokenizer
    return digest_of(
        {
            "shard": shard.sha256,
            "beside": [s.sha256 for s in target.beside],
            "format": shard.format.value,
            "ending": "".join(path.suffixes[-2:]).lower(),
            "name": path.name if shard.format is ShardFormat.TEXT else "",  # it names the one document
            "text_field": target.dataset.text_field or "",
            "tokenizer": "" if tokenizer is None else tokenizer.sha256,
            "scheme": scheme,
        }
    )


def index_records(targets: Sequence[ShardToScan], tools: Tools, *, read: bool = True) -> dict[str, Indexed]:
    """Return the index of each shard by its key, reading what has none. Each shard is one unit of work: a kill loses at most the shards in hand.

    Args:
        targets: The shards.
        tools: Opens shards and the registry, keeps the indexes, and runs the reading.
        read: Read what has no index; otherwise such a shard has an error.
    """
    keyed = {index_key(target, tools.records.scheme): target for target in targets}
    with tools.units.read() as registry:
        known = registry.record_indexes(keyed)
    found = {key: Indexed(facts) for key, facts in known.items() if is_kept(facts, tools)}
    missing = [IndexTask(key, target) for key, target in keyed.items() if key not in found]
    if not read:
        return found | {task.key: Indexed(None, _NOT_READ) for task in missing}
    return found | dict(_read(missing, tools))


def is_kept(facts: RecordIndexFacts, tools: Tools) -> bool:
    """Tell whether the file of an index is still there, whole; where it is not, the shard is read again."""
    try:
        tools.evidence.find_records(facts.evidence, Wanted())
    except RegistryError:
        return False
    return True


def _read(missing: Sequence[IndexTask], tools: Tools) -> Iterator[tuple[str, Indexed]]:
    if not missing:
        return
    tools.evidence.sweep()
    sizes = [task.target.shard.size_bytes for task in missing]
    work = ShardIndexing(records=tools.records, listing=tools.listing, evidence=tools.evidence, clock=tools.clock)
    tools.progress.start("reading records", sum(sizes))
    for number, done in tools.engine.run(work, missing, sizes, tools.progress):
        task = missing[number]
        if isinstance(done, WorkerLostError):
            yield task.key, Indexed(None, f"{done}; check again to retry")
            continue
        if done.facts is not None:
            with tools.units.begin(actor=tools.actor, action="read records", reason=task.target.shard.path) as registry:
                registry.save_record_index(done.facts)
        yield task.key, done
    tools.progress.finish()
