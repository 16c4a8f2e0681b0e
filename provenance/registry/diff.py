"""What changed between two recordings: shards by set operations of the database, facts field by field."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from provenance.model.dataset import DatasetVersion
from provenance.model.wire import to_wire
from provenance.registry.catalog import CatalogRegistry, VersionTotals
from provenance.registry.tables import ShardRow

_SHOWN = (ShardRow.root, ShardRow.path, ShardRow.sha256, ShardRow.size_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffShard:
    """A shard of one side."""

    root: str
    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardChange:
    """A shard of both sides: another content under one path (changed), or one content under another path (moved)."""

    old: DiffShard
    new: DiffShard


@dataclass(frozen=True, slots=True, kw_only=True)
class FactChange:
    """A fact that differs."""

    field: str
    """Where it stands, such as ``license.declared.value``."""
    old: Any
    new: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionSide:
    """One side of a comparison."""

    name: str
    root_digest: str
    created: str
    totals: VersionTotals


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionDiff:
    """What changed from one recording to another. Lists are ordered by root and path."""

    old: VersionSide
    new: VersionSide
    equal: bool
    """No shard and no fact differs."""
    added: tuple[DiffShard, ...]
    removed: tuple[DiffShard, ...]
    changed: tuple[ShardChange, ...]
    moved: tuple[ShardChange, ...]
    facts: tuple[FactChange, ...]


class DiffRegistry(CatalogRegistry):
    """Compares recordings."""

    def diff(self, old: tuple[int, DatasetVersion], new: tuple[int, DatasetVersion]) -> VersionDiff:
        """Compare two recordings, given by their number and their facts.

        Cost:
            The shards that differ, and one pass of the database over both sides where the root digests do.
        """
        removed, added = ([], []) if old[1].root_digest == new[1].root_digest else (self._only(old[0], new[0]), self._only(new[0], old[0]))
        changed, moved, gone, come = _match(removed, added)
        facts = tuple(diff_facts(old[1], new[1]))
        totals = self._side(old), self._side(new)
        return VersionDiff(
            old=totals[0],
            new=totals[1],
            equal=not (removed or added or facts or totals[0].totals != totals[1].totals),
            added=tuple(come),
            removed=tuple(gone),
            changed=tuple(changed),
            moved=tuple(moved),
            facts=facts,
        )

    def _side(self, side: tuple[int, DatasetVersion]) -> VersionSide:
        number, version = side
        return VersionSide(name=version.dataset.name, root_digest=version.root_digest, created=version.created, totals=self.totals_of(number))

    def _only(self, one: int, other: int) -> list[DiffShard]:
        query = select(*_SHOWN).where(ShardRow.version_id == one).except_(select(*_SHOWN).where(ShardRow.version_id == other))
        found = [DiffShard(root=root, path=path, sha256=sha256, size_bytes=size) for root, path, sha256, size in self._session.execute(query)]
        return sorted(found, key=lambda s: (s.root, s.path))


def _match(removed: Sequence[DiffShard], added: Sequence[DiffShard]) -> tuple[list[ShardChange], list[ShardChange], list[DiffShard], list[DiffShard]]:
    """Return (changed, moved, gone, come): a path on both sides has changed; a content on both sides, each counted once, has moved."""
    by_path = {(s.root, s.path): s for s in removed}
    changed = [ShardChange(old=by_path[s.root, s.path], new=s) for s in added if (s.root, s.path) in by_path]
    settled = {(c.new.root, c.new.path) for c in changed}
    left: dict[str, list[DiffShard]] = {}
    for shard in reversed([s for s in removed if (s.root, s.path) not in settled]):
        left.setdefault(shard.sha256, []).append(shard)
    moved, come = [], []
    for shard in (s for s in added if (s.root, s.path) not in settled):
        if left.get(shard.sha256):
            moved.append(ShardChange(old=left[shard.sha256].pop(), new=shard))
        else:
            come.append(shard)
    gone = sorted((s for shards in left.values() for s in shards), key=lambda s: (s.root, s.path))
    return changed, moved, gone, come


def diff_facts(old: DatasetVersion, new: DatasetVersion) -> Iterator[FactChange]:
    """Yield the facts that differ, in the order of their names; lists are compared whole."""
    before, after = (dict(_flat(to_wire(v.dataset), "")) | {"digests": v.digests.value} for v in (old, new))
    for field in sorted(before.keys() | after.keys()):
        if before.get(field) != after.get(field):
            yield FactChange(field=field, old=before.get(field), new=after.get(field))


def _flat(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(inner, f"{path}.{name}" if path else str(name))
    else:
        yield path, value
