"""Waivers, their withdrawals and reviews: the same from every registry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.errors import ConflictError, ManifestError, NotRegisteredError, RegistryError
from provenance.model.waiving import ReviewDecision
from provenance.ports import UnitOfWork
from provenance.registry.integrity import verify_registry
from provenance.registry.session import SqlUnitOfWork
from tests.fakes import values


def test_waivers_come_out_as_they_went_in(units: UnitOfWork) -> None:
    second = values.waiver(2)
    second = replace(second, signature=None, dataset="", waiver=replace(second.waiver, comment="'; DROP TABLE waivers; -- \u202e𝕏 日本"))
    with units.begin(actor="tester", action="waivers add") as registry:
        assert registry.add_waiver(values.waiver(1))
        assert registry.add_waiver(second)
    with units.read() as registry:
        assert list(registry.waivers()) == [values.waiver(1), second]
        assert list(registry.waivers(open_only=True)) == list(registry.waivers())


def test_the_same_waiver_again_changes_nothing_and_another_of_its_id_is_refused(units: UnitOfWork) -> None:
    with units.begin(actor="tester", action="waivers add") as registry:
        registry.add_waiver(values.waiver(1))
    with units.read() as registry:
        head = registry.log_head
    with units.begin(actor="tester", action="waivers add") as registry:
        assert not registry.add_waiver(replace(values.waiver(1), at="2027-01-01T00:00:00Z", actor="other"))
    with units.read() as registry:
        assert registry.log_head == head
        assert list(registry.waivers()) == [values.waiver(1)]
    longer = replace(values.waiver(1), waiver=replace(values.waiver(1).waiver, expires="2027-12-31"))
    with pytest.raises(ConflictError, match="W-1 is recorded already"), units.begin(actor="tester", action="waivers add") as registry:
        registry.add_waiver(longer)


def test_a_withdrawn_waiver_stays_and_can_be_made_again(units: UnitOfWork) -> None:
    with units.begin(actor="tester", action="waivers add") as registry:
        registry.add_waiver(values.waiver(1))
        registry.add_waiver(values.waiver(2))
    with units.begin(actor="tester", action="waivers withdraw") as registry:
        registry.withdraw_waiver("W-1", values.withdrawal())
    with units.read() as registry:
        assert [w.waiver.id for w in registry.waivers(open_only=True)] == ["W-2"]
        assert registry.waivers()[0] == replace(values.waiver(1), withdrawal=values.withdrawal())
    with pytest.raises(ConflictError, match="withdrawn already"), units.begin(actor="tester", action="waivers withdraw") as registry:
        registry.withdraw_waiver("W-1", values.withdrawal())
    with pytest.raises(NotRegisteredError, match="no waiver W-9"), units.begin(actor="tester", action="waivers withdraw") as registry:
        registry.withdraw_waiver("W-9", values.withdrawal())
    with units.begin(actor="tester", action="waivers add") as registry:
        assert registry.add_waiver(values.waiver(1))
    with units.read() as registry:
        assert [w.is_open for w in registry.waivers()] == [False, True, True]


def test_reviews_are_kept_by_audit_record(units: UnitOfWork) -> None:
    first, second = values.review(1), values.review(2, decision=ReviewDecision.REJECTED)
    with units.begin(actor="tester", action="review") as registry:
        registry.add_review(first)
        registry.add_review(second)
    with units.read() as registry:
        assert list(registry.reviews()) == [first, second]
        assert list(registry.reviews(first.record_digest)) == [first]
        assert list(registry.reviews(values.digest(99))) == []


def test_a_reading_unit_records_neither(units: UnitOfWork) -> None:
    with units.read() as registry:
        with pytest.raises(RegistryError, match="reading"):
            registry.add_waiver(values.waiver(1))
        with pytest.raises(RegistryError, match="reading"):
            registry.add_review(values.review(1))
        with pytest.raises(RegistryError, match="reading"):
            registry.withdraw_waiver("W-1", values.withdrawal())


@pytest.mark.parametrize("units", ["sqlite", "postgresql"], indirect=True)
@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
def test_text_that_no_database_holds_is_refused(units: UnitOfWork, text: str) -> None:
    waiver = replace(values.waiver(1), waiver=replace(values.waiver(1).waiver, comment=text))
    with pytest.raises(ManifestError, match="cannot be recorded"), units.begin(actor="tester", action="waivers add") as registry:
        registry.add_waiver(waiver)
    with pytest.raises(ManifestError, match="cannot be recorded"), units.begin(actor="tester", action="review") as registry:
        registry.add_review(replace(values.review(1), comment=text))


@pytest.mark.parametrize("units", ["sqlite", "postgresql"], indirect=True)
def test_the_log_agrees_in_whatever_order_waivers_are_withdrawn(units: SqlUnitOfWork) -> None:
    with units.begin(actor="tester", action="waivers add") as registry:
        for number in (1, 2, 3):
            registry.add_waiver(values.waiver(number))
    for number in (3, 1):
        with units.begin(actor="tester", action="waivers withdraw") as registry:
            registry.withdraw_waiver(f"W-{number}", values.withdrawal())
    with units.read() as registry:
        verify_registry(registry)
