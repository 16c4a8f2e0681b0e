"""Record datasets: find their files, hash and count them, and keep the result as an immutable version."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from provenance import __version__
from provenance.audit.tools import Tools
from provenance.canonical import digest_of
from provenance.errors import IngestError, LocationError, ManifestError
from provenance.fingerprint.digest import ShardLeaf, merkle_root
from provenance.model.dataset import Dataset, DatasetVersion, Shard
from provenance.model.match import ReadProblem
from provenance.model.wire import to_wire
from provenance.ports import Progress, ShardListing
from provenance.ports.journal import OpenJournal

DatasetPlan = tuple[Dataset, tuple[str, ...], str]
"""A dataset, the patterns of its shards, and the name of the data root they are relative to."""
UNREAD_LISTED = 10
"""Unread records of one shard whose lines a registration names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """What a registration recorded, and what it could not."""

    versions: tuple[DatasetVersion, ...]
    problems: tuple[ReadProblem, ...]
    """Files that could not be read at all, and datasets of which nothing could be read. A shard read in part is registered and says so."""
    unread: tuple[ReadProblem, ...] = ()
    """The first records that could not be read of each shard read in part, with their lines."""
    resumed: int = 0
    """Files that were not read again, since a registration that did not end had described them and they have not changed."""


def register(plans: Sequence[DatasetPlan], tools: Tools, *, claimed: Mapping[tuple[str, str], ShardLeaf] | None = None) -> Registration:
    """Register datasets, one unit of work each: what is recorded when the process dies stays recorded, and what is not is gone on with by the next registration.

    Args:
        plans: What to register.
        tools: Finds and describes files, opens the registry, dates the versions.
        claimed: What a shard list states, by (root, path): a file that is not that is not registered.

    Raises:
        ManifestError: If a dataset would come from itself; nothing is registered then.
    """
    _refuse_cycles([dataset for dataset, _, _ in plans], tools)
    with tools.units.begin(actor=tools.actor, action="register"):
        pass  # where nothing can be recorded it is said now, not after hours of reading
    going = _Going(tools, dict(claimed or {}))
    for plan in plans:
        going.register(plan)
    versions = tuple(going.versions)
    unread = tuple(p for v in versions for p in _unread(v, tools))
    return Registration(versions=versions, problems=tuple(going.problems), unread=unread, resumed=going.resumed)


def _refuse_cycles(datasets: Sequence[Dataset], tools: Tools) -> None:
    with tools.units.read() as registry:
        parents = {v.dataset.name: v.dataset.derived_from for v in registry.datasets()}
    parents |= {d.name: d.derived_from for d in datasets}
    for dataset in datasets:
        refuse_cycle(dataset, lambda name: parents.get(name, ()))


def refuse_cycle(dataset: Dataset, parents: Callable[[str], tuple[str, ...]]) -> None:
    """Refuse a dataset that would come from itself.

    Args:
        dataset: What is to be registered; ``parents`` knows what it says it is derived from.
        parents: Returns what a dataset says it is derived from, nothing for one that is not known.

    Raises:
        ManifestError: If it would; the message says by what way.
    """
    way = _way_back(dataset.name, parents)
    if way:
        raise ManifestError(
            f"dataset {dataset.name!r} would come from itself: {' ← '.join(way)}",
            hint="mend derived_from; what a version was made of is said with: provenance datasets derive",
        )


def _way_back(name: str, parents: Callable[[str], tuple[str, ...]]) -> tuple[str, ...]:
    """Return the way from a dataset over what it says it is derived from back to itself; nothing where there is none."""
    before: dict[str, str] = {}
    pending = [name]
    for here in pending:  # grows while it is gone through
        for said in parents(here):
            parent, _, pin = said.partition("@")
            if parent == name and not pin:
                return (*_way_to(here, before), name)
            if parent not in before:
                before[parent] = here
                pending.append(parent)
    return ()


def _way_to(name: str, before: Mapping[str, str]) -> tuple[str, ...]:
    way = [name]
    while way[-1] in before and before[way[-1]] not in way:
        way.append(before[way[-1]])
    return tuple(reversed(way))


def _unread(version: DatasetVersion, tools: Tools) -> list[ReadProblem]:
    """Read shards with unread records again, for where these are: a version keeps only how many."""
    found: list[ReadProblem] = []
    for shard in version.shards:
        if shard.unread_records:
            try:
                location, dataset = tools.listing.locate(shard.path, root=shard.root), version.dataset
                stream = tools.reader.open(location, text_field=dataset.text_field, tokenizer=dataset.tokenizer)
                deque(stream, maxlen=0)
            except IngestError:
                continue  # it changed since it was registered, which the audit will say
            found.extend(replace(p, path=shard.path) for p in stream.problems[:UNREAD_LISTED])
    return found


def leaf_of(shard: Shard) -> ShardLeaf:
    """Return the manifest line of a shard."""
    return ShardLeaf(path=shard.path, sha256=shard.sha256, size_bytes=shard.size_bytes)


@dataclass(frozen=True, slots=True)
class Described:
    """What one file is, or why that cannot be told."""

    shard: Shard | str
    stamp: str
    """What the file bore before it was read; empty where nothing tells it from another."""


@dataclass(frozen=True, slots=True)
class Description:
    """Hashes and counts one file; what it needs can be sent to another process."""

    listing: ShardListing
    dataset: Dataset
    root: str

    def __call__(self, path: str, progress: Progress) -> Described:
        """Return the shard, or why it cannot be described."""
        progress.note(path)
        stamp = self.listing.stamp(path, root=self.root)  # first, so that one of a file that changes meanwhile fits no later state
        return Described(self._describe(path, progress), stamp)

    def _describe(self, path: str, progress: Progress) -> Shard | str:
        try:
            dataset = self.dataset
            shard = self.listing.describe(
                path, root=self.root, text_field=dataset.text_field, tokenizer=dataset.tokenizer, license_field=dataset.details.license_field
            )
        except IngestError as err:
            return _with_hint(err)
        progress.advance(shard.size_bytes)
        return shard


class _Going:
    """A registration that goes on."""

    def __init__(self, tools: Tools, claimed: dict[tuple[str, str], ShardLeaf]) -> None:
        self._tools, self._claimed = tools, claimed
        self.versions: list[DatasetVersion] = []
        self.problems: list[ReadProblem] = []
        self.resumed = 0

    def register(self, plan: DatasetPlan) -> None:
        """Register one dataset."""
        dataset, patterns, root = plan
        tools = self._tools
        with tools.journal.open(_way_of_reading(dataset, root, tools)) as journal:
            shards = self._describe(dataset, _expand(dataset, patterns, root, tools=tools, problems=self.problems), root, journal)
            if not shards:
                message = "nothing registered: none of its files could be read"
                self.problems.append(ReadProblem(path=dataset.name, line=None, record=None, message=message))
                return
            version = DatasetVersion(dataset=dataset, root_digest=merkle_root(map(leaf_of, shards)), shards=shards, created=tools.clock.now())
            with tools.units.begin(actor=tools.actor, action="register", reason=dataset.name) as registry:
                registry.add_version(version)
            self.versions.append(version)
            journal.close()

    def _describe(self, dataset: Dataset, paths: list[str], root: str, journal: OpenJournal) -> tuple[Shard, ...]:
        """Return the shards of a dataset in the order of their paths; what cannot be one is a problem."""
        listing, engine = self._tools.listing, self._tools.engine
        # An audit reads digests and counts again, the licences of records it does not: these come from the records alone.
        keeps = dataset.details.license_field is None
        known = {p: journal.recall(p, listing.stamp(p, root=root)) for p in paths if keeps and journal.knows(p)}
        done: dict[str, Shard | str] = {path: shard for path, shard in known.items() if shard is not None}
        self.resumed += len(done)
        left = [path for path in paths if path not in done]
        sizes = [listing.size(path, root=root) for path in left]
        for number, found in engine.run(Description(listing, dataset, root), left, sizes, self._tools.progress):
            if keeps and isinstance(found, Described) and isinstance(found.shard, Shard):
                journal.note(left[number], found.stamp, found.shard)
            done[left[number]] = found.shard if isinstance(found, Described) else str(found)
        return tuple(shard for path in paths if (shard := self._admit(path, root, done[path])) is not None)

    def _admit(self, path: str, root: str, found: Shard | str) -> Shard | None:
        """Return a shard that is what a shard list states, where one states something; else keep why not."""
        if isinstance(found, Shard):
            if self._claimed.get((root, path), leaf_of(found)) == leaf_of(found):
                return found
            found = f"is not the file that the shard list states: {found.sha256}, {found.size_bytes} bytes; mend the list or restore the file"
        self.problems.append(ReadProblem(path=path, line=None, record=None, message=found))
        return None


def _way_of_reading(dataset: Dataset, root: str, tools: Tools) -> str:
    """Return the digest of all that decides what is found out of a file, but its bytes."""
    tokenizer, details = dataset.tokenizer, dataset.details
    read_as = {"text_field": dataset.text_field, "tokenizer": to_wire(tokenizer), "license_field": details.license_field}
    return digest_of({"root": root, "reader": tools.reader.scheme, "version": __version__, **read_as})


def _expand(dataset: Dataset, patterns: tuple[str, ...], root: str, *, tools: Tools, problems: list[ReadProblem]) -> list[str]:
    """Return the files that patterns name; one that names nothing is a problem, and the others are registered all the same."""
    passed_over: list[ManifestError] = []
    found, faults = list[str](), list[IngestError | ManifestError | LocationError]()
    try:
        found = tools.listing.expand(patterns, root=root, passed_over=passed_over)
    except (ManifestError, LocationError, IngestError) as err:
        if len(patterns) > 1:
            return sorted({path for pattern in patterns for path in _expand(dataset, (pattern,), root, tools=tools, problems=problems)})
        faults = [err]
    problems.extend(ReadProblem(path=dataset.name, line=None, record=None, message=_with_hint(err)) for err in passed_over or faults)
    return found


def _with_hint(err: IngestError | ManifestError | LocationError) -> str:
    return f"{err}; {err.hint}" if err.hint else str(err)
