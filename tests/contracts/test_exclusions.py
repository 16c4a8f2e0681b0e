"""Demands that something be kept out, their withdrawals and the indexes of records: the same from every registry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.errors import ConflictError, ManifestError, NotRegisteredError, RegistryError
from provenance.model.exclusion import RecordedDemand
from provenance.ports import UnitOfWork
from provenance.registry.integrity import verify_registry
from provenance.registry.session import SqlUnitOfWork
from tests.fakes import values


def test_demands_come_out_as_they_went_in(units: UnitOfWork) -> None:
    first, second = values.demand(1), replace(values.demand(2), comment="'; DROP TABLE exclusions; -- \u202e𝕏 日本", dataset="crawl")
    with units.begin(actor="tester", action="exclude add") as registry:
        assert registry.add_demand(first)
        assert registry.add_demand(second)
    with units.read() as registry:
        assert list(registry.demands()) == [RecordedDemand(demand=first), RecordedDemand(demand=second)]
        assert list(registry.demands(open_only=True)) == list(registry.demands())


def test_a_demand_that_holds_already_changes_nothing(units: UnitOfWork) -> None:
    with units.begin(actor="tester", action="exclude add") as registry:
        registry.add_demand(values.demand(1))
    with units.read() as registry:
        head = registry.log_head
    with units.begin(actor="tester", action="exclude add") as registry:
        assert not registry.add_demand(values.demand(1))
    with units.read() as registry:
        assert registry.log_head == head
        assert len(registry.demands()) == 1


def test_a_withdrawn_demand_stays_and_can_be_made_again(units: UnitOfWork) -> None:
    demand = values.demand(1)
    with units.begin(actor="tester", action="exclude add") as registry:
        registry.add_demand(values.demand(2))
        registry.add_demand(demand)
    with units.begin(actor="tester", action="exclude withdraw") as registry:
        registry.withdraw_demand(demand.id, values.withdrawal())
    with units.read() as registry:
        assert [d.demand for d in registry.demands(open_only=True)] == [values.demand(2)]
        assert registry.demands()[1] == RecordedDemand(demand=demand, withdrawal=values.withdrawal())
    with pytest.raises(ConflictError, match="withdrawn already"), units.begin(actor="tester", action="exclude withdraw") as registry:
        registry.withdraw_demand(demand.id, values.withdrawal())
    with units.begin(actor="tester", action="exclude add") as registry:
        assert registry.add_demand(demand)
    with units.begin(actor="tester", action="exclude withdraw") as registry:
        registry.withdraw_demand(values.demand(2).id, values.withdrawal())
    with units.read() as registry:
        assert [d.is_open for d in registry.demands()] == [False, False, True]


def test_what_was_never_demanded_cannot_be_withdrawn(units: UnitOfWork) -> None:
    with pytest.raises(NotRegisteredError, match="no demand"), units.begin(actor="tester", action="exclude withdraw") as registry:
        registry.withdraw_demand(values.demand(1).id, values.withdrawal())


def test_the_last_record_index_of_a_key_counts(units: UnitOfWork) -> None:
    first, again = values.record_index(1), replace(values.record_index(1), evidence=values.digest(77))
    for facts in (first, values.record_index(2), again):
        with units.begin(actor="tester", action="read records") as registry:
            registry.save_record_index(facts)
    with units.read() as registry:
        assert registry.record_indexes([first.key, values.digest(99)]) == {first.key: again}
        assert registry.record_indexes([]) == {}


def test_a_reading_unit_records_no_demand(units: UnitOfWork) -> None:
    with units.read() as registry:
        with pytest.raises(RegistryError, match="reading"):
            registry.add_demand(values.demand(1))
        with pytest.raises(RegistryError, match="reading"):
            registry.save_record_index(values.record_index(1))


@pytest.mark.parametrize("units", ["sqlite", "postgresql"], indirect=True)
def test_text_that_no_database_holds_is_refused(units: UnitOfWork) -> None:
    for text in ("a\x00b", "\ud800"):
        with pytest.raises(ManifestError, match="cannot be recorded"), units.begin(actor="tester", action="exclude add") as registry:
            registry.add_demand(replace(values.demand(1), comment=text))


@pytest.mark.parametrize("units", ["sqlite", "postgresql"], indirect=True)
def test_the_log_agrees_in_whatever_order_demands_are_withdrawn(units: SqlUnitOfWork) -> None:
    with units.begin(actor="tester", action="exclude add") as registry:
        for number in (1, 2, 3):
            registry.add_demand(values.demand(number))
    for number in (3, 1):
        with units.begin(actor="tester", action="exclude withdraw") as registry:
            registry.withdraw_demand(values.demand(number).id, values.withdrawal())
    with units.read() as registry:
        verify_registry(registry)
