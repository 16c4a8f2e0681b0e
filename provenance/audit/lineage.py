"""What a dataset's text comes from, over all generations, shard by shard where derivations say so. In doubt more is inherited, never less.

Rules: a shard that a derivation of this very version lists (or that lists none, so means all) comes from that derivation's inputs, and only from the shards
these list. A shard that none covers comes from all inputs of all derivations of the dataset. What a dataset says it is derived from counts whole, unless a
derivation of this very version names that dataset. An input is judged by its newest facts and by those of the version that was named. What holds the same
bytes counts too, and what that was made of, unless it was itself made of the dataset in question.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from provenance.errors import NotRegisteredError
from provenance.model.absence import Absence
from provenance.model.dataset import Dataset, DatasetVersion
from provenance.model.lineage import Derivation, DerivationInput
from provenance.ports import Registry

ANY = Absence.UNKNOWN.value
"""In the place of a version: any of them."""
DECLARED = "declared"
"""In the place of a transform: the dataset says so, and nobody recorded how."""
SAME_BYTES = "same bytes"
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
    def key(self) -> tuple[str, str, frozenset[str] | None]:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Whose facts count for a dataset version."""

    whole: Inheritance
    """For all of it."""
    by_shard: Mapping[str, Inheritance]
    """For single shards, by digest; a shard that is not named inherits all."""


class Tracer:
    """Follows lineage upwards in one registry; what it has read it remembers."""

    def __init__(self, registry: Registry) -> None:
        """Take a reading unit's registry."""
        self._registry = registry
        self._newest = {v.dataset.name: v for v in registry.datasets()}
        self._pinned: dict[tuple[str, str], DatasetVersion | None] = {}
        self._steps: dict[str, Sequence[Derivation]] = {}

    def trace(self, version: DatasetVersion) -> Lineage:
        """Return whose facts count for a version and for each of its shards."""
        name, root = version.dataset.name, version.root_digest
        around = [*self._declared(name, root, (version.dataset,), ()), *self._same_bytes(version)]
        groups = self._groups(version)
        inherited = {g: self._collect([*around, *_inputs(g, ())], name) for g in set(groups.values())}
        whole = self._collect([*around, *(p for g in inherited for p in _inputs(g, ()))], name)
        found = {group: self._inheritance(reached, version) for group, reached in inherited.items()}
        by_shard = {} if len(found) == 1 else {digest: found[group] for digest, group in groups.items()}
        return Lineage(whole=self._inheritance(whole, version), by_shard=by_shard)

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
        steps, version = self.steps(part.name), self.version(part)
        facts = tuple(v.dataset for v in (self._newest.get(part.name), version) if v is not None)
        exact = [s for s in steps if s.root_digest == part.root_digest]
        if part.root_digest == ANY or not exact:
            used = list(steps)
        elif part.shards is None:
            used = exact if any(not s.shards for s in exact) else list(steps)
        else:
            covered = [[s for s in exact if not s.shards or digest in s.shards] for digest in part.shards]
            used = list({id(s): s for found in covered for s in found or steps}.values())
        return [*_inputs(used, part.via), *self._declared(part.name, part.root_digest, facts, part.via)]

    def steps(self, name: str) -> Sequence[Derivation]:
        """Return the derivations that made any version of a dataset."""
        if name not in self._steps:
            self._steps[name] = self._registry.derivations_of((name,))
        return self._steps[name]

    def version(self, part: Part) -> DatasetVersion | None:
        """Return the recording that a part is of, without shards; the newest where no version is named, ``None`` where there is none."""
        if part.root_digest == ANY:
            return self._newest.get(part.name)
        key = (part.name, part.root_digest)
        if key not in self._pinned:
            found = [v for v in self._registry.versions(part.name) if v.root_digest == part.root_digest]
            self._pinned[key] = found[-1] if found else None
        return self._pinned[key]

    def _declared(self, name: str, root: str, facts: Iterable[Dataset], via: tuple[str, ...]) -> list[Part]:
        """Return what a dataset says it is derived from, but for what a derivation of this very version tells more exactly."""
        told = {i.dataset for s in self.steps(name) if s.root_digest == root for i in s.inputs}
        parts = []
        for said in dict.fromkeys(parent for d in facts for parent in d.derived_from):
            parent, _, pin = said.partition("@")
            if parent not in told:
                parts.append(Part(name=parent, root_digest=pin if _PINNED.fullmatch(pin) else ANY, via=(*via, DECLARED)))
        return parts

    def _groups(self, version: DatasetVersion) -> dict[str, tuple[Derivation, ...]]:
        """Return which derivations each shard comes from, by digest."""
        steps = tuple(self.steps(version.dataset.name))
        exact = [s for s in steps if s.root_digest == version.root_digest]
        everywhere = [s for s in exact if not s.shards]
        listed: dict[str, list[Derivation]] = {}
        for step in exact:
            for digest in step.shards:
                listed.setdefault(digest, []).append(step)
        rest = tuple(everywhere) or steps
        return {s.sha256: (*everywhere, *listed[s.sha256]) if s.sha256 in listed else rest for s in version.shards}

    def _same_bytes(self, version: DatasetVersion) -> list[Part]:
        """Return the datasets that hold bytes of a version, by these bytes."""
        found: dict[str, set[str]] = {}
        for digest, names in self._registry.holders({s.sha256 for s in version.shards}).items():
            for name in names:
                found.setdefault(name, set()).add(digest)
        found.pop(version.dataset.name, None)
        return [
            Part(name=n, root_digest=self._newest[n].root_digest, shards=frozenset(found[n]), via=(SAME_BYTES,))
            for n in sorted(found)
            if n in self._newest
        ]

    def _collect(self, parts: Sequence[Part], owner: str) -> list[Part]:
        """Return parts and all they come from, and what holds the bytes of ancestors."""
        reached: dict[tuple[str, str, frozenset[str] | None], Part] = {}
        for part in parts:
            found = list(self.reach((part,)))
            if part.via == (SAME_BYTES,) and any(p.name == owner for p in found):
                found = [part]  # it was made of what is judged: what else it was made of is not in these bytes
            for other in found:
                reached.setdefault(other.key, other)
        for part in list(reached.values()):
            for twin in self._twins_of(part, owner):
                reached.setdefault(twin.key, twin)
        return list(reached.values())

    def _twins_of(self, part: Part, owner: str) -> Iterator[Part]:
        """Yield what holds bytes of an ancestor, with all it comes from, unless that was made of the ancestor or of what is judged."""
        version = self.version(part)
        if version is None or part.via == (SAME_BYTES,) or part.name == owner:
            return
        if part.shards is None:
            names: Collection[str] = self._registry.twins(part.name, version.root_digest)
        else:
            names = {n for held in self._registry.holders(part.shards).values() for n in held} - {part.name}
        for name in sorted(set(names) - {owner}):
            found = list(self.reach((Part(name=name, via=(*part.via, SAME_BYTES)),)))
            if not {part.name, owner} & {p.name for p in found}:
                yield from found

    def _inheritance(self, parts: Sequence[Part], judged: DatasetVersion) -> Inheritance:
        ancestors: dict[tuple[str, str], Ancestor] = {}
        unknown: set[str] = set()
        for part in parts:
            newest, named = self._newest.get(part.name), self.version(part)
            if named is None:
                unknown.add(part.name if part.root_digest == ANY or newest is None else f"{part.name}@{part.root_digest}")
            for version in (named, newest):
                if version is not None and version.dataset != judged.dataset:
                    self._add(ancestors, version, part, named)
        ordered = sorted(ancestors.items())
        return Inheritance(ancestors=tuple(a for _, a in ordered), unknown=tuple(sorted(unknown)))

    def _add(self, ancestors: dict[tuple[str, str], Ancestor], version: DatasetVersion, part: Part, named: DatasetVersion | None) -> None:
        name, root = version.dataset.name, version.root_digest
        # A version's shards say what they say of their records; the newest facts of another version say nothing of the records that went in.
        root_read = root if version is named or named is None else ""
        said = self._registry.record_licenses(name, root_read, shards=part.shards or ()) if root_read else ()
        known = ancestors.get((name, root))
        if known is None:
            known = Ancestor(dataset=version.dataset, root_digest=root, via=part.via)
        ancestors[name, root] = replace(known, record_licenses=tuple(sorted({*known.record_licenses, *said})))


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
