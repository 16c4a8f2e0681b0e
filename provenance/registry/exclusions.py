"""The registry's demands that something be kept out: received, withdrawn, and the record indexes by which it is looked for. Nothing is ever removed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from provenance.canonical import digest_of
from provenance.errors import ConflictError, NotRegisteredError, RegistryError
from provenance.model.exclusion import Demand, RecordedDemand, RecordIndexFacts, Withdrawal
from provenance.model.wire import read_value, to_wire
from provenance.registry.row_digest import row_digest
from provenance.registry.tables import ExclusionRow, ExclusionWithdrawalRow, RecordIndexRow
from provenance.registry.unit import IDS_PER_QUERY, RegistryUnit

_PAGE = 1_000  # rows read at a time
_DEMAND = tuple(Demand.__dataclass_fields__)
_INDEX = tuple(RecordIndexFacts.__dataclass_fields__)


class ExclusionRegistry(RegistryUnit):
    """Keeps demands and record indexes."""

    def add_demand(self, demand: Demand) -> bool:
        """Record a demand; do nothing if an open one has its id. Tell whether it is new.

        Raises:
            ManifestError: If a text cannot be stored.
            RegistryError: In a reading unit.
        """
        self._must_write()
        digest = demand_digest(demand)
        newest = self._newest_demand(demand.id)
        if newest is not None and newest.withdrawal is None:
            return False
        self._session.add(ExclusionRow(**to_wire(demand)))
        self._session.flush()
        self._changed("exclusions", id=demand.id, names=demand.kind.value, value=demand.value, basis=demand.basis.value, digest=digest)
        return True

    def withdraw_demand(self, demand_id: str, withdrawal: Withdrawal) -> None:
        """Record that a demand no longer holds.

        Raises:
            NotRegisteredError: If there is none.
            ConflictError: If it is withdrawn already.
            ManifestError: If a text cannot be stored.
            RegistryError: In a reading unit.
        """
        self._must_write()
        digest = withdrawal_digest(demand_id, withdrawal)
        row = self._newest_demand(demand_id)
        if row is None:
            raise NotRegisteredError(f"no demand {demand_id} is recorded", hint="see: provenance exclude list --all")
        if row.withdrawal is not None:
            raise ConflictError(f"demand {demand_id} was withdrawn already, at {row.withdrawal.at}", hint="see: provenance exclude show")
        self._session.add(ExclusionWithdrawalRow(exclusion_number=row.number, **to_wire(withdrawal)))
        self._session.flush()
        self._session.expire(row)
        self._changed("withdrawals", id=demand_id, digest=digest)

    def demands(self, *, open_only: bool = False) -> Sequence[RecordedDemand]:
        """Return all demands in the order they were recorded, or those that hold."""
        return [d for d in self._recorded() if d.is_open or not open_only]

    def _recorded(self) -> Iterator[RecordedDemand]:
        after = 0
        query = select(ExclusionRow).order_by(ExclusionRow.number).limit(_PAGE).options(selectinload(ExclusionRow.withdrawal))
        while rows := self._session.scalars(query.where(ExclusionRow.number > after)).all():
            yield from map(_recorded, rows)
            after = rows[-1].number

    def recorded_withdrawals(self) -> Iterator[tuple[str, Withdrawal]]:
        """Yield (id of the demand, withdrawal), ordered by when the withdrawal was made and by the demand."""
        query = select(ExclusionRow.id, ExclusionWithdrawalRow).join(
            ExclusionWithdrawalRow, ExclusionWithdrawalRow.exclusion_number == ExclusionRow.number
        )
        rows = self._session.execute(query).all()
        yield from ((demand_id, Withdrawal(reason=row.reason, at=row.at, actor=row.actor)) for demand_id, row in rows)

    def save_record_index(self, facts: RecordIndexFacts) -> None:
        """Record what a pass over a shard's records told; the last one recorded for a key counts.

        Raises:
            RegistryError: In a reading unit.
        """
        self._must_write()
        self._session.add(RecordIndexRow(**to_wire(facts)))
        self._session.flush()
        self._changed("readings", key=facts.key, shard=facts.shard, evidence=facts.evidence, digest=index_digest(facts))

    def record_indexes(self, keys: Collection[str]) -> dict[str, RecordIndexFacts]:
        """Return what is recorded of some keys; those without a record are left out."""
        found: dict[str, RecordIndexFacts] = {}
        wanted = sorted(set(keys))
        for start in range(0, len(wanted), IDS_PER_QUERY):
            query = select(RecordIndexRow).where(RecordIndexRow.key.in_(wanted[start : start + IDS_PER_QUERY])).order_by(RecordIndexRow.number)
            found.update((row.key, _index(row)) for row in self._session.scalars(query))
        return found

    def recorded_indexes(self) -> Iterator[RecordIndexFacts]:
        """Yield every recording, in the order they were made."""
        after = 0
        query = select(RecordIndexRow).order_by(RecordIndexRow.number).limit(_PAGE)
        while rows := self._session.scalars(query.where(RecordIndexRow.number > after)).all():
            yield from map(_index, rows)
            after = rows[-1].number

    def _newest_demand(self, demand_id: str) -> ExclusionRow | None:
        query = select(ExclusionRow).where(ExclusionRow.id == demand_id).order_by(ExclusionRow.number.desc()).limit(1)
        return self._session.scalars(query.options(selectinload(ExclusionRow.withdrawal))).first()


def demand_digest(demand: Demand) -> str:
    """Return the digest of a demand, as the log names it.

    Raises:
        ManifestError: If it holds what cannot be stored.
    """
    return row_digest(to_wire(demand), f"demand on {demand.kind} {demand.given[:80]!r}")


def withdrawal_digest(demand_id: str, withdrawal: Withdrawal) -> str:
    """Return the digest of a withdrawal, as the log names it.

    Raises:
        ManifestError: If it holds what cannot be stored.
    """
    return row_digest({"id": demand_id, **to_wire(withdrawal)}, f"withdrawal of {demand_id}")


def index_digest(facts: RecordIndexFacts) -> str:
    """Return the digest of what is recorded of a record index, as the log names it."""
    return digest_of(to_wire(facts))


def _recorded(row: ExclusionRow) -> RecordedDemand:
    try:
        demand = read_value(Demand, {name: getattr(row, name) for name in _DEMAND})
    except ValueError as err:
        raise RegistryError(f"demand {row.id}: the registry holds a fact that cannot be read: {err}", hint="run: provenance db check") from err
    gone = row.withdrawal
    return RecordedDemand(demand=demand, withdrawal=None if gone is None else Withdrawal(reason=gone.reason, at=gone.at, actor=gone.actor))


def _index(row: RecordIndexRow) -> RecordIndexFacts:
    return RecordIndexFacts(**{name: getattr(row, name) for name in _INDEX})
