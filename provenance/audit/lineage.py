"""What a dataset's text comes from, over all generations, shard by shard where derivations say so. In doubt more is inherited, never less.

Rules: a shard that a derivation of this very version lists (or that lists none, so means all) comes from that derivation's inputs, and only from the shards
these list; what a derivation of another version says of the same bytes stays true. A shard that none of this version covers comes from all inputs of all
derivations of the dataset. What a dataset says it is derived from counts whole, unless a derivation of this very version that covers the shard names that
dataset. An input is judged by its newest facts and by those of the version that was named; where none is named, by those of every version. What holds the same
bytes counts too, or last held them, and what that was made of, unless it was itself made of the dataset in question.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from provenance.audit.licenses import has_unread_licenses
from provenance.errors import NotRegisteredError
from provenance.fingerprint.digest import EMPTY_ROOT
from provenance.model.absence import Absence, is_absent
from provenance.model.dataset import Dataset, DatasetVersion, ShardDigests
from provenance.model.lineage import Derivation, DerivationInput, Transform
from provenance.ports import Registry

ANY = Absence.UNKNOWN.value
"""In the place of a version: any of them."""
DECLARED = "declared"
"""In the place of a transform: the dataset says so, and nobody recorded how."""
SAME_BYTES = "same bytes"
EMPTY_SHARD = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""Of no bytes: that two datasets hold an empty file says nothing of either."""
_PartKey = tuple[str, str, frozenset[str] | None]
"""Name, root digest, shards."""
_PINNED = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Some shards of one dataset version."""

    name: str
    root_digest: str = ANY
    shards: frozenset[str] | None = None
    """Digests; ``None`` = all."""
    via: tuple[str, ...] = ()
    """The transforms between it and what is judged, the last one first."""

    @property
    def key(self) -> _PartKey:
        """Return what makes it the same part, however it was reached."""
        return self.name, self.root_digest, self.shards


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """A dataset whose facts count for what was made of it."""

    dataset: Dataset
    root_digest: str
    """Of the recording that the facts are from."""
    via: tuple[str, ...]
    record_licenses: tuple[str, ...] = ()
    """What the records of the shards that went in say of their licences."""

    @property
    def summary(self) -> str:
        """Return where it stands, for people: ``support-tickets@sha256:…, via translate``."""
        return f"{self.dataset.name}@{self.root_digest}, via {' of '.join(self.via) or DECLARED}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inheritance:
    """Whose facts count for some shards."""

    ancestors: tuple[Ancestor, ...] = ()
    """Ordered by name and version, each recording once."""
    unknown: tuple[str, ...] = ()
    """What they come from and the registry does not hold, sorted."""
    generated: tuple[str, ...] = ()
    """Datasets among them, or themselves, of which a step says that a model wrote them, and whose facts name no model; sorted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Whose facts count for a dataset version."""

    whole: Inheritance
    """For all of it."""
    by_shard: Mapping[str, Inheritance]
    """For single shards, by digest; a shard that is not named inherits all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    """What shards have in common whose lineage is told alike. Told apart by identity: hashing it would mean hashing the digests that derivations list."""

    steps: tuple[Derivation, ...]
    told: frozenset[str]
    """Datasets that a derivation which covers them names: what is declared of these is told more exactly."""
    twins: tuple[Part, ...] = ()
    """What holds their bytes."""


class Tracer:
    """Follows lineage upwards in one registry; what it has read it remembers."""

    def __init__(self, registry: Registry) -> None:
        """Take a reading unit's registry."""
        self._registry = registry
        self._recorded: dict[str, Sequence[DatasetVersion]] = {}
        self._steps: dict[str, Sequence[Derivation]] = {}
        self._shared: dict[tuple[str, str, str], frozenset[str]] = {}
        self._listed: dict[tuple[int, str], frozenset[str]] = {}
        self._held: dict[_PartKey, frozenset[tuple[str, str]]] = {}
        self._said: dict[_PartKey, Sequence[str]] = {}

    def trace(self, version: DatasetVersion) -> Lineage:
        """Return whose facts count for a version and for each of its shards."""
        groups = self._groups(version)
        found = {group: self._inherited([group], version) for group in set(groups.values())}
        whole = self._inherited(list(found) or [_Group(steps=(), told=frozenset())], version)
        return Lineage(whole=whole, by_shard={} if len(found) == 1 else {digest: found[group] for digest, group in groups.items()})

    def trace_whole(self, version: DatasetVersion) -> Inheritance:
        """Return whose facts count for a version, of which the shards need not be at hand: at most more than ``trace`` finds."""
        name, root = version.dataset.name, version.root_digest
        group = self._used(Part(name=name, root_digest=root))
        twins = tuple(Part(name=other, root_digest=held, via=(SAME_BYTES,)) for other, held in self._registry.twins(name, root))
        return self._inherited([replace(group, twins=twins)], version)

    def reach(self, parts: Iterable[Part]) -> Iterator[Part]:
        """Yield parts and all that they come from by derivations and declarations, each once, the nearest first."""
        pending, seen = list(parts), set()
        for part in pending:  # grows while it is gone through
            if part.key not in seen:
                seen.add(part.key)
                yield part
                pending += self.sources(part)

    def sources(self, part: Part) -> list[Part]:
        """Return what a part comes from directly."""
        group = self._used(part)
        return [*_inputs(group.steps, part.via), *self._declared(group.told, (v.dataset for v in self._counting(part)), part.via)]

    def steps(self, name: str) -> Sequence[Derivation]:
        """Return the derivations that made any version of a dataset."""
        if name not in self._steps:
            self._steps[name] = self._registry.derivations_of((name,))
        return self._steps[name]

    def version(self, part: Part) -> DatasetVersion | None:
        """Return the recording that a part is of, without shards; the newest where no version is named, ``None`` where there is none."""
        named = self._named(part)
        return named[0] if named else None

    def facts(self, part: Part) -> list[Dataset]:
        """Return what is recorded of a part, in every version that it may be of, and newest."""
        return [v.dataset for v in self._counting(part)]

    def twins(self, part: Part) -> list[tuple[str, str]]:
        """Return other datasets that hold bytes of a part, or last held them: name and root digest, sorted."""
        if part.key not in self._held:
            self._held[part.key] = frozenset(self._holding(part))
        return sorted(self._held[part.key])

    def _recordings(self, name: str) -> Sequence[DatasetVersion]:
        """Return all recordings of a dataset, oldest first."""
        if name not in self._recorded:
            self._recorded[name] = self._registry.versions(name)
        return self._recorded[name]

    def _newest(self, name: str) -> DatasetVersion | None:
        recordings = self._recordings(name)
        return recordings[-1] if recordings else None

    def _named(self, part: Part) -> list[DatasetVersion]:
        """Return the last recording of the version that a part is of; where none is named, that of every version that holds shards, the newest first."""
        last = {v.root_digest: v for v in self._recordings(part.name)}
        if part.root_digest != ANY:
            return [last[part.root_digest]] if part.root_digest in last else []
        newest = self._newest(part.name)
        if newest is None:
            return []
        return [newest, *(v for v in reversed(last.values()) if v.root_digest not in {EMPTY_ROOT, newest.root_digest})]

    def _counting(self, part: Part) -> list[DatasetVersion]:
        """Return the recordings whose facts count for a part: of the versions that it may be of, and the newest."""
        named, newest = self._named(part), self._newest(part.name)
        return named if newest is None or newest in named else [*named, newest]

    def _used(self, part: Part) -> _Group:
        """Return the derivations that a part comes from; where its shards differ, those of all of them."""
        steps = tuple(self.steps(part.name))
        exact = [s for s in steps if s.root_digest == part.root_digest]
        if part.shards is not None and exact:
            groups = [self._covering(part.name, part.root_digest, digest) for digest in sorted(part.shards)]
            used = {id(s): s for g in groups for s in g.steps}
            return _Group(steps=tuple(used.values()), told=frozenset.intersection(*(g.told for g in groups)))
        whole = [s for s in exact if not s.shards]
        if not whole:
            return _Group(steps=steps, told=frozenset())
        kept = [s for s in steps if s.root_digest != part.root_digest and self._bytes_of(s, part.root_digest)]
        return _Group(steps=(*exact, *kept), told=_names_of(whole))

    def _covering(self, name: str, root: str, digest: str) -> _Group:
        """Return the derivations that a shard of a version comes from."""
        steps = tuple(self.steps(name))
        exact = [s for s in steps if s.root_digest == root and (not s.shards or digest in self._bytes_of(s, root))]
        if not exact:
            return _Group(steps=steps, told=frozenset())
        kept = [s for s in steps if s.root_digest != root and digest in self._bytes_of(s, root)]
        return _Group(steps=(*exact, *kept), told=_names_of(exact))

    def _bytes_of(self, step: Derivation, root: str) -> frozenset[str]:
        """Return the shards of a version that a derivation lists, or, where it is of another version, that it made."""
        listed = (id(step), root)  # steps are kept as long as this is
        if listed not in self._listed:
            found = frozenset(step.shards)
            if step.root_digest != root:
                shared = self._shared_with(step, root)
                found = found & shared if found else shared
            self._listed[listed] = found
        return self._listed[listed]

    def _shared_with(self, step: Derivation, root: str) -> frozenset[str]:
        key = (step.output, step.root_digest, root)
        if key not in self._shared:
            self._shared[key] = frozenset(self._registry.shared_shards(*key)) - {EMPTY_SHARD}
        return self._shared[key]

    def _declared(self, told: Collection[str], facts: Iterable[Dataset], via: tuple[str, ...]) -> list[Part]:
        """Return what a dataset says it is derived from, but for what is told more exactly."""
        parts = []
        for said in dict.fromkeys(parent for d in facts for parent in (*d.derived_from, *self._prompts(d))):
            parent, _, pin = said.partition("@")
            if parent not in told:
                parts.append(Part(name=parent, root_digest=pin if _PINNED.fullmatch(pin) else ANY, via=(*via, DECLARED)))
        return parts

    def _prompts(self, dataset: Dataset) -> Iterator[str]:
        """Yield the registered datasets that a generator's prompts are from: seed rows bind what was made of them. Other words name no dataset."""
        for name in dict.fromkeys(g.prompt_source for g in dataset.generators):
            if not is_absent(name) and name.partition("@")[0] != dataset.name and self._newest(name.partition("@")[0]) is not None:
                yield name

    def _groups(self, version: DatasetVersion) -> dict[str, _Group]:
        """Return how the lineage of each shard is told, by digest; shards of which the same is told share one value."""
        name, root = version.dataset.name, version.root_digest
        twins = self._same_bytes(version)
        listed = frozenset[str]().union(*(self._bytes_of(s, root) for s in self.steps(name)))
        rest = self._covering(name, root, "")  # what is told of a shard that no derivation lists
        known: dict[tuple[object, ...], _Group] = {}
        groups = {}
        for digest in (s.sha256 for s in version.shards):
            told = self._covering(name, root, digest) if digest in listed else rest
            held = tuple(t for t in twins if t.shards is not None and digest in t.shards)
            key = (tuple(map(id, told.steps)), told.told, tuple(map(id, held)))
            groups[digest] = known.setdefault(key, replace(told, twins=held))
        return groups

    def _same_bytes(self, version: DatasetVersion) -> list[Part]:
        """Return the datasets that hold bytes of a version, or last held them in another version, by these bytes."""
        found: dict[tuple[str, str], set[str]] = {}
        for digest, places in self._registry.holders({s.sha256 for s in version.shards} - {EMPTY_SHARD}).items():
            for place in places:
                found.setdefault(place, set()).add(digest)
        found.pop((version.dataset.name, version.root_digest), None)
        return [Part(name=name, root_digest=root, shards=frozenset(held), via=(SAME_BYTES,)) for (name, root), held in sorted(found.items())]

    def _inherited(self, groups: Sequence[_Group], version: DatasetVersion) -> Inheritance:
        """Return whose facts count for shards of some groups."""
        parts = [p for g in groups for p in (*self._declared(g.told, (version.dataset,), ()), *g.twins, *_inputs(g.steps, ()))]
        reached = self._collect(list({p.key: p for p in reversed(parts)}.values())[::-1], version.dataset.name)
        generated = {p.name for p in reached if self._is_generated(self._used(p).steps, (v.dataset for v in self._counting(p)))}
        if self._is_generated((s for g in groups for s in g.steps), (version.dataset,)):
            generated.add(version.dataset.name)
        return replace(self._inheritance(reached, version), generated=tuple(sorted(generated)))

    @staticmethod
    def _is_generated(steps: Iterable[Derivation], facts: Iterable[Dataset]) -> bool:
        return any(s.transform is Transform.GENERATE for s in steps) and any(not d.writers for d in facts)

    def _collect(self, parts: Sequence[Part], owner: str) -> list[Part]:
        """Return parts and all they come from, and what holds the bytes of ancestors."""
        reached: dict[_PartKey, Part] = {}
        for part in parts:
            found = list(self.reach((part,)))
            if part.via == (SAME_BYTES,) and any(p.name == owner for p in found[1:]):
                found = [part]  # it was made of what is judged: what else it was made of is not in these bytes
            for other in found:
                reached.setdefault(other.key, other)
        for part in list(reached.values()):
            for twin in self._twins_of(part, owner):
                reached.setdefault(twin.key, twin)
        return list(reached.values())

    def _twins_of(self, part: Part, owner: str) -> Iterator[Part]:
        """Yield what holds bytes of an ancestor, with all it comes from, unless that was made of the ancestor or of what is judged."""
        if part.via == (SAME_BYTES,) or part.name == owner:
            return
        for name, root in (p for p in self.twins(part) if p[0] not in {owner, part.name}):
            found = list(self.reach((Part(name=name, root_digest=root, via=(*part.via, SAME_BYTES)),)))
            if not {part.name, owner} & {p.name for p in found}:
                yield from found

    def _holding(self, part: Part) -> Iterator[tuple[str, str]]:
        """Yield the versions that hold bytes of a part: name and root digest."""
        if part.shards is None:
            for version in self._named(part):
                yield from self._registry.twins(part.name, version.root_digest)
        else:
            for places in self._registry.holders(part.shards - {EMPTY_SHARD}).values():
                yield from places

    def _inheritance(self, parts: Sequence[Part], judged: DatasetVersion) -> Inheritance:
        ancestors: dict[tuple[str, str], Ancestor] = {}
        unknown: set[str] = set()
        for part in parts:
            named, newest = self._named(part), self._newest(part.name)
            if not named:
                unknown.add(part.name if part.root_digest == ANY or newest is None else f"{part.name}@{part.root_digest}")
            for version in self._counting(part):
                if (version.dataset, version.root_digest) != (judged.dataset, judged.root_digest):
                    self._add(ancestors, version, part, self._said_of(version, part, judged) if version in named else ())
        ordered = sorted(ancestors.items())
        return Inheritance(ancestors=tuple(a for _, a in ordered), unknown=tuple(sorted(unknown)))

    def _said_of(self, version: DatasetVersion, part: Part, judged: DatasetVersion) -> Sequence[str]:
        """Return the licences that records of the shards that went in name, ``UNKNOWN`` among them where only an import states them.

        A version's shards say what they say of their records; the newest facts of another version say nothing of the records that went in.
        """
        said = self._licenses_said((version.dataset.name, version.root_digest, part.shards))
        column = judged.dataset.details.license_field
        is_read = part.via == (SAME_BYTES,) and judged.digests is ShardDigests.READ and column == version.dataset.details.license_field
        return said if is_read or not has_unread_licenses(version.dataset, version.digests) else (*said, Absence.UNKNOWN.value)

    @staticmethod
    def _add(ancestors: dict[tuple[str, str], Ancestor], version: DatasetVersion, part: Part, said: Sequence[str]) -> None:
        name, root = version.dataset.name, version.root_digest
        # Versions of which the same is known are told once.
        key = next((k for k, a in ancestors.items() if k[0] == name and a.dataset == version.dataset), (name, root))
        known = ancestors.get(key)
        if known is None:
            known = Ancestor(dataset=version.dataset, root_digest=root, via=part.via)
        ancestors[key] = replace(known, record_licenses=tuple(sorted({*known.record_licenses, *said})))

    def _licenses_said(self, key: _PartKey) -> Sequence[str]:
        """Return the licences that records of some shards of a version name."""
        if key not in self._said:
            name, root, shards = key
            self._said[key] = self._registry.record_licenses(name, root, shards=shards or ())
        return self._said[key]


def _names_of(steps: Iterable[Derivation]) -> frozenset[str]:
    return frozenset(i.dataset for s in steps for i in s.inputs)


def _inputs(steps: Iterable[Derivation], via: tuple[str, ...]) -> list[Part]:
    return [part_of(i, (*via, step.transform.value)) for step in steps for i in step.inputs]


def part_of(source: DerivationInput, via: tuple[str, ...] = ()) -> Part:
    """Return the part that an input of a derivation is."""
    return Part(name=source.dataset, root_digest=source.root_digest, shards=frozenset(source.shards) or None, via=via)


def find_cycle(tracer: Tracer, output: Part, inputs: Iterable[Part]) -> tuple[str, ...]:
    """Return the way from an output over its inputs back to itself, as names; nothing where there is none.

    An input of which no version is named may be any of them. Shards are not looked at: the way is that of versions.
    """
    ways: list[tuple[Part, tuple[str, ...]]] = [(replace(i, shards=None, via=()), (_written(output),)) for i in inputs]
    seen = set()
    for part, way in ways:  # grows while it is gone through
        here = (*way, _written(part))
        if part.name == output.name and (ANY in {part.root_digest, output.root_digest} or part.root_digest == output.root_digest):
            return here
        if part.key not in seen:
            seen.add(part.key)
            ways += [(replace(p, shards=None, via=()), here) for p in tracer.sources(part)]
    return ()


def _written(part: Part) -> str:
    return part.name if part.root_digest == ANY else f"{part.name}@{part.root_digest[:19]}…"


def find_version(registry: Registry, name: str) -> DatasetVersion | None:
    """Return the version that NAME or NAME@sha256:… names, ``None`` where the registry does not hold it."""
    base, _, pinned = name.partition("@")
    try:
        return registry.dataset_version(base, pinned or None)
    except NotRegisteredError:
        return None
