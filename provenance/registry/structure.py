"""Finds rows that no recording can have left: under a parent that is not there, or numbered with a gap. A digest over facts cannot show them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import ForeignKeyConstraint, Select, Table, and_, func, or_, select

from provenance.registry.tables import Base, DerivationInputRow, DerivationShardRow, ShardLicenseRow, ShardRow
from provenance.registry.unit import RegistryUnit

Query = Select[*tuple[Any, ...]]
_POSITION = "position"


class StructureRegistry(RegistryUnit):
    """The part of the registry that looks at how its rows hang together."""

    def loose_rows(self) -> Iterator[str]:
        """Yield a sentence for each kind of row that hangs together with nothing; nothing for an untouched registry.

        Cost:
            One pass over each table.
        """
        for told, query in _queries():
            found = self._session.execute(query.limit(1)).first()
            if found is not None:
                yield f"{told} ({', '.join(str(v) for v in found)})"


def _queries() -> Iterator[tuple[str, Query]]:
    for table in Base.metadata.sorted_tables:
        for key in table.foreign_key_constraints:
            yield f"a row of {table.name} belongs to no row of {key.referred_table.name}", _orphans(key)
        if _POSITION in table.primary_key.columns:
            yield f"the rows of {table.name} are not numbered from 0 without a gap", _gaps(table)
    shard = and_(ShardRow.version_id == ShardLicenseRow.version_id, ShardRow.position == ShardLicenseRow.shard)
    of_shards = select(ShardLicenseRow.version_id, ShardLicenseRow.shard).outerjoin(ShardRow, shard).where(ShardRow.version_id.is_(None))
    yield "a row of shard_licenses belongs to no shard", of_shards
    # Side 0 is the output, each further side the input before its number.
    side = and_(DerivationInputRow.step_number == DerivationShardRow.step_number, DerivationInputRow.position == DerivationShardRow.side - 1)
    without = and_(DerivationInputRow.step_number.is_(None), DerivationShardRow.side != 0)
    of_inputs = select(DerivationShardRow.step_number, DerivationShardRow.side).outerjoin(DerivationInputRow, side).where(without)
    yield "a row of derivation_shards belongs to no input", of_inputs


def _orphans(key: ForeignKeyConstraint) -> Query:
    parent = key.referred_table
    pairs = [(e.parent, e.column) for e in key.elements]
    return select(*(c for c, _ in pairs)).outerjoin(parent, and_(*(c == p for c, p in pairs))).where(pairs[0][1].is_(None))


def _gaps(table: Table) -> Query:
    parents = [c for c in table.primary_key if c.name != _POSITION]
    position = table.c[_POSITION]
    return select(*parents).group_by(*parents).having(or_(func.min(position) != 0, func.max(position) != func.count() - 1))
