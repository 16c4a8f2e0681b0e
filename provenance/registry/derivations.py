"""The registry's derivations: recorded, found by what was made and by what it was made from, and the bytes that datasets share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased, selectinload

from provenance.canonical import digest_of
from provenance.errors import ManifestError, RegistryError
from provenance.model.lineage import Derivation, DerivationInput, Transform
from provenance.model.wire import to_wire
from provenance.registry.tables import (
    DerivationInputRow,
    DerivationRow,
    DerivationShardRow,
    DerivationStepRow,
    ShardLicenseRow,
    ShardRow,
    VersionRow,
)
from provenance.registry.unit import IDS_PER_QUERY, RegistryUnit, newest_ids

_PARTS = (selectinload(DerivationStepRow.inputs),)
_PAGE = 200  # steps read at a time: each may list many shards


class DerivationRegistry(RegistryUnit):
    """Keeps derivations."""

    def add_derivation(self, derivation: Derivation) -> None:
        """Record a derivation; do nothing if the same one is recorded, whoever recorded it and when.

        Raises:
            ManifestError: If a text cannot be stored.
            RegistryError: In a reading unit.
        """
        self._must_write()
        digest = derivation_digest(derivation)
        known = self.derivations_of((derivation.output,))
        if any(_content(d) == _content(derivation) for d in known):
            return
        self._session.add(_row(derivation))
        self._session.flush()
        self._changed(
            "derivations",
            output=derivation.output,
            root_digest=derivation.root_digest,
            inputs=[i.name for i in derivation.inputs],
            transform=derivation.transform.value,
            digest=digest,
        )

    def derivations_of(self, names: Collection[str]) -> Sequence[Derivation]:
        """Return the derivations that made any version of some datasets, in the order they were recorded."""
        return self._derivations(names, lambda chunk: select(DerivationStepRow.number).where(DerivationStepRow.output.in_(chunk)))

    def derivations_from(self, names: Collection[str]) -> Sequence[Derivation]:
        """Return the derivations that some datasets went into, in the order they were recorded."""
        return self._derivations(names, lambda chunk: select(DerivationInputRow.step_number).where(DerivationInputRow.dataset.in_(chunk)))

    def recorded_derivations(self) -> Iterator[Derivation]:
        """Yield all derivations, in the order they were recorded."""
        after = 0
        query = select(DerivationStepRow).order_by(DerivationStepRow.number).limit(_PAGE).options(*_PARTS)
        while rows := self._session.scalars(query.where(DerivationStepRow.number > after)).all():
            yield from self._values(rows)
            after = rows[-1].number

    def declared_children(self, name: str) -> Sequence[str]:
        """Return the datasets whose newest version says that it is derived from a dataset, any version of it, sorted."""
        pinned = (DerivationRow.value > f"{name}@") & (DerivationRow.value < f"{name}A")
        query = (
            select(VersionRow.name)
            .join(DerivationRow, DerivationRow.version_id == VersionRow.id)
            .where(((DerivationRow.value == name) | pinned) & VersionRow.id.in_(newest_ids()))
        )
        return sorted(set(self._session.scalars(query)))

    def twins(self, name: str, root_digest: str | None = None) -> Sequence[tuple[str, str]]:
        """Return the other datasets that hold, or once held, bytes that a version also holds; the newest version where no digest is given.

        Returns:
            Name and root digest of the last recording of each that holds any, sorted. Empty shards do not count.
        """
        version = self._newest_id(name, root_digest)
        if version is None:
            return []
        other = aliased(ShardRow)
        last = (
            select(func.max(VersionRow.id))
            .join(other, other.version_id == VersionRow.id)
            .join(ShardRow, ShardRow.sha256 == other.sha256)
            .where(ShardRow.version_id == version, ShardRow.size_bytes > 0, VersionRow.name != name)
            .group_by(VersionRow.name)
        )
        rows = self._session.execute(select(VersionRow.name, VersionRow.root_digest).where(VersionRow.id.in_(last)))
        return sorted((found, root) for found, root in rows)

    def holders(self, digests: Collection[str]) -> dict[str, tuple[tuple[str, str], ...]]:
        """Return which datasets hold, or once held, a shard of these digests, by digest: name and root digest of the last recording that does, sorted."""
        last: dict[str, list[int]] = {}
        wanted = sorted(set(digests))
        for start in range(0, len(wanted), IDS_PER_QUERY):
            query = (
                select(ShardRow.sha256, func.max(ShardRow.version_id))
                .join(VersionRow, ShardRow.version_id == VersionRow.id)
                .where(ShardRow.sha256.in_(wanted[start : start + IDS_PER_QUERY]))
                .group_by(ShardRow.sha256, VersionRow.name)
            )
            for digest, version in self._session.execute(query):
                last.setdefault(digest, []).append(version)
        places = self._places({number for numbers in last.values() for number in numbers})
        return {digest: tuple(sorted(places[n] for n in numbers)) for digest, numbers in last.items()}

    def shared_shards(self, name: str, one: str, other: str) -> set[str]:
        """Return the digests of the shards that two versions of a dataset have in common."""
        sides = [select(ShardRow.sha256).where(ShardRow.version_id == self._newest_id(name, root)) for root in (one, other)]
        return set(self._session.scalars(sides[0].intersect(sides[1])))

    def _places(self, versions: Collection[int]) -> dict[int, tuple[str, str]]:
        """Return name and root digest of recordings, by their number."""
        found: dict[int, tuple[str, str]] = {}
        wanted = sorted(versions)
        for start in range(0, len(wanted), IDS_PER_QUERY):
            query = select(VersionRow.id, VersionRow.name, VersionRow.root_digest).where(VersionRow.id.in_(wanted[start : start + IDS_PER_QUERY]))
            found.update((number, (name, root)) for number, name, root in self._session.execute(query))
        return found

    def record_licenses(self, name: str, root_digest: str | None = None, *, shards: Collection[str] = ()) -> Sequence[str]:
        """Return the licences that single records of a version name, of some shards or of all, sorted."""
        version = self._newest_id(name, root_digest)
        query = select(ShardLicenseRow.value).where(ShardLicenseRow.version_id == version, ShardLicenseRow.records > 0).distinct()
        if version is None:
            return []
        if not shards:
            return sorted(self._session.scalars(query))
        found: set[str] = set()
        wanted = sorted(shards)
        joined = query.join(ShardRow, (ShardRow.version_id == ShardLicenseRow.version_id) & (ShardRow.position == ShardLicenseRow.shard))
        for start in range(0, len(wanted), IDS_PER_QUERY):
            found.update(self._session.scalars(joined.where(ShardRow.sha256.in_(wanted[start : start + IDS_PER_QUERY]))))
        return sorted(found)

    def _derivations(self, names: Collection[str], numbers_of: Callable[[list[str]], Select[int]]) -> list[Derivation]:
        found: dict[int, Derivation] = {}
        wanted = sorted(set(names))
        for start in range(0, len(wanted), IDS_PER_QUERY):
            chunk = wanted[start : start + IDS_PER_QUERY]
            query = select(DerivationStepRow).where(DerivationStepRow.number.in_(numbers_of(chunk))).options(*_PARTS)
            rows = self._session.scalars(query).all()
            found.update(zip((row.number for row in rows), self._values(rows), strict=True))
        return [found[number] for number in sorted(found)]

    def _values(self, rows: Sequence[DerivationStepRow]) -> Iterator[Derivation]:
        """Yield derivations; the shards that they list, which may be very many, are read as plain columns."""
        table = DerivationShardRow
        query = select(table.step_number, table.side, table.sha256).order_by(table.step_number, table.side, table.position)
        numbers = [row.number for row in rows]
        listed: dict[int, dict[int, list[str]]] = {}
        for start in range(0, len(numbers), IDS_PER_QUERY):
            for number, side, sha256 in self._session.execute(query.where(table.step_number.in_(numbers[start : start + IDS_PER_QUERY]))):
                listed.setdefault(number, {}).setdefault(side, []).append(sha256)
        return (_value(row, listed.get(row.number, {})) for row in rows)


def derivation_digest(derivation: Derivation) -> str:
    """Return the digest of a derivation, as the log names it.

    Raises:
        ManifestError: If it holds what cannot be stored.
    """
    wire = to_wire(derivation)
    texts = [v for v in wire.values() if isinstance(v, str)] + [i.name for i in derivation.inputs]
    try:
        digest = digest_of(wire)
    except ValueError as err:
        raise ManifestError(f"derivation of {derivation.output!r}: cannot be recorded: {err}") from err
    if any("\x00" in text for text in texts):
        raise ManifestError(f"derivation of {derivation.output!r}: cannot be recorded: a text holds a NUL character")
    return digest


def _content(derivation: Derivation) -> Derivation:
    return replace(derivation, at="", actor="")


def _row(derivation: Derivation) -> DerivationStepRow:
    sides = (derivation.shards, *(i.shards for i in derivation.inputs))
    return DerivationStepRow(
        output=derivation.output,
        root_digest=derivation.root_digest,
        transform=derivation.transform.value,
        tool=derivation.tool,
        tool_version=derivation.tool_version,
        parameters=derivation.parameters,
        note=derivation.note,
        at=derivation.at,
        actor=derivation.actor,
        inputs=[DerivationInputRow(position=i, dataset=d.dataset, root_digest=d.root_digest) for i, d in enumerate(derivation.inputs)],
        shards=[DerivationShardRow(side=side, position=i, sha256=d) for side, digests in enumerate(sides) for i, d in enumerate(digests)],
    )


def _value(row: DerivationStepRow, shards: dict[int, list[str]]) -> Derivation:
    try:
        return _read(row, shards)
    except ValueError as err:
        raise RegistryError(
            f"derivation of {row.output!r}: the registry holds a fact that cannot be read: {err}", hint="run: provenance db check"
        ) from err


def _read(row: DerivationStepRow, shards: dict[int, list[str]]) -> Derivation:
    inputs = tuple(DerivationInput(dataset=i.dataset, root_digest=i.root_digest, shards=tuple(shards.get(i.position + 1, ()))) for i in row.inputs)
    return Derivation(
        output=row.output,
        root_digest=row.root_digest,
        shards=tuple(shards.get(0, ())),
        inputs=inputs,
        transform=Transform(row.transform),
        tool=row.tool,
        tool_version=row.tool_version,
        parameters=row.parameters,
        note=row.note,
        at=row.at,
        actor=row.actor,
    )
