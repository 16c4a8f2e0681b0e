"""Record datasets: find their files, hash and count them, and keep the result as an immutable version."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from provenance.audit.tools import Tools
from provenance.errors import IngestError, LocationError, ManifestError
from provenance.fingerprint.digest import ShardLeaf, merkle_root
from provenance.model.dataset import Dataset, DatasetVersion, Shard
from provenance.model.match import ReadProblem
from provenance.ports import Progress, ShardListing

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


def register(plans: Sequence[DatasetPlan], tools: Tools, *, claimed: Mapping[tuple[str, str], ShardLeaf] | None = None) -> Registration:
    """Register datasets, one unit of work each: what is recorded when the process dies stays recorded.

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
    versions: list[DatasetVersion] = []
    problems: list[ReadProblem] = []
    for dataset, patterns, root in plans:
        shards = _describe(dataset, patterns, root, tools=tools, problems=problems, claimed=claimed or {})
        if not shards:
            problems.append(ReadProblem(path=dataset.name, line=None, record=None, message="nothing registered: none of its files could be read"))
            continue
        version = DatasetVersion(dataset=dataset, root_digest=merkle_root(map(leaf_of, shards)), shards=shards, created=tools.clock.now())
        with tools.units.begin(actor=tools.actor, action="register", reason=dataset.name) as registry:
            registry.add_version(version)
        versions.append(version)
    return Registration(versions=tuple(versions), problems=tuple(problems), unread=tuple(p for v in versions for p in _unread(v, tools)))


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
class Description:
    """Hashes and counts one file; what it needs can be sent to another process."""

    listing: ShardListing
    dataset: Dataset
    root: str

    def __call__(self, path: str, progress: Progress) -> Shard | str:
        """Return the shard, or why it cannot be described."""
        progress.note(path)
        try:
            dataset = self.dataset
            shard = self.listing.describe(
                path, root=self.root, text_field=dataset.text_field, tokenizer=dataset.tokenizer, license_field=dataset.details.license_field
            )
        except IngestError as err:
            return _with_hint(err)
        progress.advance(shard.size_bytes)
        return shard


def _describe(
    dataset: Dataset, patterns: tuple[str, ...], root: str, *, tools: Tools, problems: list[ReadProblem], claimed: Mapping[tuple[str, str], ShardLeaf]
) -> tuple[Shard, ...]:
    """Return the shards of a dataset in the order of their paths; what cannot be one is a problem."""
    paths = _expand(dataset, patterns, root, tools=tools, problems=problems)
    sizes = [tools.listing.size(path, root=root) for path in paths]
    done = dict(tools.engine.run(Description(tools.listing, dataset, root), paths, sizes, tools.progress))
    shards = []
    for number, path in enumerate(paths):
        shard = done[number]
        if isinstance(shard, Shard) and claimed.get((root, path), leaf_of(shard)) != leaf_of(shard):
            shard = f"is not the file that the shard list states: {shard.sha256}, {shard.size_bytes} bytes; mend the list or restore the file"
        if isinstance(shard, Shard):
            shards.append(shard)
        else:
            problems.append(ReadProblem(path=path, line=None, record=None, message=str(shard)))
    return tuple(shards)


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
