"""Prove for demands and dataset versions whether what must go is still inside, by the indexes of records and by current scans.

A version that was made of another which held it inherits that: where what was done may have changed ids, words or addresses, its own records prove nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from provenance.audit.lineage import ANY, SAME_BYTES, Part, Tracer
from provenance.audit.presence import Held, Inspected, PlaceTakers, find_in_facts, find_in_records, look_for, looked_at, targets_with_records
from provenance.audit.presence_works import Shared, WorkDemands, find_in_scans, find_references, judge_work
from provenance.audit.record_index import Indexed, index_key, index_records
from provenance.audit.scan import ShardToScan, target_of
from provenance.audit.tools import Tools
from provenance.model.dataset import DatasetVersion
from provenance.model.exclusion import Demand, DemandKind, DemandState, ExclusionReport, Looked, Place, Presence
from provenance.model.lineage import Transform

_KEEPING = frozenset({Transform.FILTER, Transform.MIX, Transform.DEDUPLICATE, Transform.LABEL, Transform.COPY, SAME_BYTES})
"""What leaves ids, words and addresses of the records that stay as they were."""
_WORKS = frozenset({DemandKind.WORK, DemandKind.AUTHOR})
Key = tuple[str, str]
"""(dataset, root digest)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionToCheck:
    """A dataset version to look at."""

    version: DatasetVersion
    """With its shards."""
    on_disk: bool = True
    """Its files should still be there: the newest version. Of an older one only what was read of it is asked."""
    gone: Mapping[str, str] = field(default_factory=dict)
    """Why shards are not the registered ones any more, by path, where the caller has hashed them."""
    hashed: bool = False
    """The caller has."""

    @property
    def key(self) -> Key:
        """Return what names it."""
        return self.version.dataset.name, self.version.root_digest


@dataclass(frozen=True, slots=True)
class _Teller:
    take: Callable[[str, Place], None]
    demand: str

    def add(self, place: Place) -> None:
        self.take(self.demand, place)


@dataclass(frozen=True, slots=True)
class _Tellers:
    take: Callable[[str, Place], None]

    def __getitem__(self, demand: str) -> _Teller:
        return _Teller(self.take, demand)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """One version's states, and where demands are inside."""

    states: tuple[DemandState, ...]
    held: Mapping[str, Held]


class Checker:
    """Looks for some demands in dataset versions; what it has looked at it remembers."""

    def __init__(self, demands: Sequence[Demand], tools: Tools, *, read: bool = True) -> None:
        """Take what is looked for.

        Args:
            demands: Those that hold.
            tools: Opens shards and the registry, keeps indexes and matches.
            read: Read the records of shards that have no index yet; otherwise they count as not looked at.
        """
        self._demands, self._tools, self._read = tuple(demands), tools, read
        self._works: WorkDemands | None = None
        self._checked: dict[Key, _Checked] = {}
        self._from: dict[Key, frozenset[str]] = {}
        """Datasets of which records of a version may come, where a demand is limited to one."""

    def check(self, versions: Sequence[VersionToCheck]) -> list[DemandState]:
        """Return the state of every demand that concerns each version, in the order of versions and demands."""
        self._learn_sources(versions)
        indexed = self._index(versions, read=self._read)
        for item in versions:
            self._checked[item.key] = self._look(item, indexed)
        with self._tools.units.read() as registry:
            tracer = Tracer(registry)
            ways = {item.key: _ancestors(tracer, item.version) for item in versions}
        self._look_at_ancestors([part for parts in ways.values() for part in parts])
        return [state for item in versions for state in self._inherit(item.key, ways[item.key])]

    def _learn_sources(self, versions: Iterable[VersionToCheck]) -> None:
        if not any(d.dataset for d in self._demands):
            return
        with self._tools.units.read() as registry:
            tracer = Tracer(registry)
            self._from |= {v.key: _sources(tracer, v.version) for v in versions if v.key not in self._from}

    def _concerning(self, version: DatasetVersion) -> list[Demand]:
        """Return the demands that concern a version. One that is limited to a dataset concerns its copies too, and whatever else was made of it."""
        names = self._from.get((version.dataset.name, version.root_digest), frozenset())
        return [d for d in self._demands if not d.dataset or d.dataset == version.dataset.name or d.dataset in names]

    def _index(self, versions: Iterable[VersionToCheck], *, read: bool) -> dict[str, Indexed]:
        if not self._demands:
            return {}
        with_files = [t for v in versions if v.on_disk for t in self._targets(v.version) if t.shard.path not in v.gone]
        older = [t for v in versions for t in self._targets(v.version) if not v.on_disk or t.shard.path in v.gone]
        found = index_records(older, self._tools, read=False)
        return {k: v for k, v in found.items() if v.facts is not None} | index_records(with_files, self._tools, read=read)

    def _targets(self, version: DatasetVersion) -> tuple[ShardToScan, ...]:
        return targets_with_records(target_of(version, s, self._tools.listing) for s in version.shards)

    def _look(self, item: VersionToCheck, indexed: Mapping[str, Indexed]) -> _Checked:
        inspected = self._inspect(item, indexed)
        held: dict[str, Held] = defaultdict(Held)
        lost, shared = self._find(inspected, held)
        judge = _Judge(inspected, {**inspected.trouble(), **lost}, self._find_works(), shared)
        states = tuple(judge.state(d, held.get(d.id)) for d in self._concerning(item.version))
        return _Checked(states=states, held=held)

    def _inspect(self, item: VersionToCheck, indexed: Mapping[str, Indexed]) -> Inspected:
        targets, scheme = self._targets(item.version), self._tools.records.scheme
        own = {key: indexed.get(key, Indexed(None, _NOT_READ_OLDER)) for key in (index_key(t, scheme) for t in targets)}
        gone = dict(item.gone) if item.hashed or not item.on_disk else _changed_sizes(targets, own, scheme, self._tools)
        return Inspected(version=item.version, targets=targets, indexed=own, scheme=scheme, gone=gone)

    def _find(self, inspected: Inspected, held: PlaceTakers) -> tuple[dict[str, str], Shared]:
        demands = self._concerning(inspected.version)
        lost = find_in_records(inspected, look_for(demands), self._tools, held)
        find_in_facts(inspected.version, demands, held)
        return lost, find_in_scans(inspected, self._find_works(), self._tools, held)

    def each_place(self, item: VersionToCheck, take: Callable[[str, Place], None]) -> None:
        """Tell of every place in a version, not only of the first ones; what has no index or scan is passed over.

        Args:
            item: The version.
            take: Takes (demand, place).
        """
        self._learn_sources([item])
        self._find(self._inspect(item, self._index([item], read=False)), _Tellers(take))

    def _find_works(self) -> WorkDemands:
        if self._works is None:
            self._works = find_references(self._demands, self._tools)
        return self._works

    def _look_at_ancestors(self, parts: Iterable[Part]) -> None:
        """Look at what versions were made of, by what is at hand of it: nothing is read for it."""
        wanted = {(p.name, p.root_digest) for p in parts}
        items = []
        with self._tools.units.read() as registry:
            for name, root in sorted(wanted):
                roots = [v.root_digest for v in registry.versions(name)] if root == ANY else [root]
                known = {v.root_digest for v in registry.versions(name)}
                items += [
                    VersionToCheck(version=registry.dataset_version(name, r), on_disk=False)
                    for r in dict.fromkeys(roots)
                    if r in known and (name, r) not in self._checked
                ]
        self._learn_sources(items)
        indexed = self._index(items, read=False)
        for item in items:
            self._checked[item.key] = self._look(item, indexed)

    def _inherit(self, key: Key, parts: Sequence[Part]) -> list[DemandState]:
        """Return a version's states with what it inherits."""
        return [self._inherited(state, parts) for state in self._checked[key].states]

    def _inherited(self, state: DemandState, parts: Sequence[Part]) -> DemandState:
        if state.state is Presence.STILL_INSIDE:
            return state
        notes, reasons = dict.fromkeys(state.notes), dict.fromkeys(state.reasons)
        for part in parts:
            for name, root in self._recordings(part):
                held = self._checked[name, root].held.get(state.demand)
                if held is None or not held.count or not _is_in(held, part):
                    continue
                way = " of ".join(part.via) or "declared"
                notes[f"came from {name}@{root[7:19]} ({way}), which held it"] = None
                if not set(part.via) <= _KEEPING:
                    reasons[f"made of {name}@{root[7:19]}, which held it, by {way}: its own records cannot prove that it is gone"] = None
        unknown = bool(reasons)
        return replace(state, state=Presence.UNKNOWN if unknown else state.state, notes=tuple(notes), reasons=tuple(reasons))

    def _recordings(self, part: Part) -> list[Key]:
        return [key for key in self._checked if key[0] == part.name and part.root_digest in {ANY, key[1]}]


_NOT_READ_OLDER = "nobody has read its records, and an older version is not read any more"


def _sources(tracer: Tracer, version: DatasetVersion) -> frozenset[str]:
    """Return the datasets of which any version may be in a version, by lineage or by the same bytes; also those that nobody registered."""
    found = tracer.trace_whole(version)
    return frozenset((*(a.dataset.name for a in found.ancestors), *(name.partition("@")[0] for name in found.unknown)))


def _is_in(held: Held, part: Part) -> bool:
    """Tell whether what went in held it: some shards, or all."""
    return part.shards is None or held.whole or bool(held.shards & part.shards)


def _ancestors(tracer: Tracer, version: DatasetVersion) -> list[Part]:
    name, root = version.dataset.name, version.root_digest
    own = Part(name=name, root_digest=root)
    return [p for p in tracer.reach((own,)) if p.key != own.key and p.name != name]


def _changed_sizes(targets: Iterable[ShardToScan], indexed: Mapping[str, Indexed], scheme: str, tools: Tools) -> dict[str, str]:
    """Return the shards whose files are not there any more, or of another size, without reading them: those just read are known to be the registered ones."""
    found = {}
    for t in targets:
        if indexed[index_key(t, scheme)].facts is not None:
            size = tools.listing.size(t.shard.path, root=t.shard.root)
            if size != t.shard.size_bytes:
                found[t.shard.path] = "is not the file that was registered any more" if size else "is not there any more, or is empty"
    return found


def _notes(demand: Demand, found: Held, looked: Looked, reasons: Sequence[str]) -> Iterator[str]:
    if found.count and reasons:
        yield f"there may be more: {reasons[0]}"
    if demand.kind is DemandKind.AUTHOR and looked.sets and not found.count:
        yield "only those works of theirs were looked for that are in a reference set"


class _Judge:
    """Decides what is known of the demands in one version."""

    def __init__(self, inspected: Inspected, trouble: Mapping[str, str], works: WorkDemands, shared: Shared) -> None:
        self._inspected, self._trouble, self._works, self._shared = inspected, trouble, works, shared
        self._by_kind: dict[DemandKind, tuple[Looked, tuple[str, ...]]] = {}

    def state(self, demand: Demand, held: Held | None) -> DemandState:
        """Return a demand's state."""
        looked, reasons = self._judged(demand)
        state = Presence.UNKNOWN if reasons else Presence.NOT_FOUND
        version = self._inspected.version
        found = held if held is not None and held.count else Held()
        return DemandState(
            demand=demand.id,
            dataset=version.dataset.name,
            root_digest=version.root_digest,
            state=Presence.STILL_INSIDE if found.count else state,
            count=found.count,
            places=tuple(found.places),
            explained=self._shared.explained.get(demand.id, 0),
            looked=looked,
            reasons=() if found.count else reasons,
            notes=tuple(_notes(demand, found, looked, reasons)),
        )

    def _judged(self, demand: Demand) -> tuple[Looked, tuple[str, ...]]:
        if demand.kind not in _WORKS:
            return self._records(demand.kind)
        looked, reasons = judge_work(demand, self._inspected, self._works, self._shared)
        if demand.kind is not DemandKind.AUTHOR:
            return looked, reasons
        # Works that no set holds may be in records that name nobody, and who is named may have copied: only both answers together suffice.
        named, silent = self._records(demand.kind)
        both = replace(
            named,
            shards_read=min(named.shards_read, looked.shards_read),
            unread=max(named.unread, looked.unread),
            references=looked.references,
            sets=looked.sets,
        )
        return both, tuple(dict.fromkeys((*reasons, *silent)))

    def _records(self, kind: DemandKind) -> tuple[Looked, tuple[str, ...]]:
        if kind not in self._by_kind:
            self._by_kind[kind] = looked_at(self._inspected, kind, self._trouble)
        return self._by_kind[kind]


def check_demands(demands: Sequence[Demand], versions: Sequence[VersionToCheck], tools: Tools, *, read: bool = True) -> ExclusionReport:
    """Look for demands in dataset versions.

    Args:
        demands: Those that hold.
        versions: What to look at.
        tools: Opens shards and the registry, keeps indexes and matches.
        read: Read the records of shards that have no index yet.
    """
    with tools.units.read() as registry:
        head = registry.log_head
    states = Checker(demands, tools, read=read).check(versions)
    return ExclusionReport(created=tools.clock.now(), log_head=head, scheme=tools.records.scheme, demands=tuple(demands), states=tuple(states))
