"""What run records tell: the same from every registry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.errors import ConflictError, ManifestError, RegistryError
from provenance.ports import UnitOfWork
from tests.fakes import values


def test_runs_come_out_as_they_went_in(units: UnitOfWork) -> None:
    second = replace(values.training_run(2), model="'; DROP TABLE training_runs; -- \u202e𝕏 日本", reads=())
    with units.begin(actor="tester", action="runs import") as registry:
        assert registry.add_run(values.training_run(1))
        assert registry.add_run(second)
    with units.read() as registry:
        assert list(registry.training_runs()) == [values.training_run(1), second]
        assert list(registry.training_runs("set0")) == [values.training_run(1)]
        assert list(registry.training_runs("set9")) == []


def test_the_same_record_again_changes_nothing_and_another_of_its_run_is_refused(units: UnitOfWork) -> None:
    with units.begin(actor="tester", action="runs import") as registry:
        registry.add_run(values.training_run(1))
    with units.read() as registry:
        head = registry.log_head
    with units.begin(actor="tester", action="runs import") as registry:
        assert not registry.add_run(replace(values.training_run(1), at="2027-01-01T00:00:00Z", actor="other"))
        assert not registry.add_run(values.training_run(1, signed=False))
    with units.read() as registry:
        assert registry.log_head == head
    other = replace(values.training_run(1), content_digest=values.digest(99))
    with pytest.raises(ConflictError, match="another record of run"), units.begin(actor="tester", action="runs import") as registry:
        registry.add_run(other)


def test_one_that_is_signed_later_counts_from_then_on(units: UnitOfWork) -> None:
    for signed in (False, True):
        with units.begin(actor="tester", action="runs import") as registry:
            assert registry.add_run(values.training_run(1, signed=signed))
    with units.read() as registry:
        assert [run.is_signed for run in registry.training_runs()] == [True]


def test_a_reading_unit_takes_none_over(units: UnitOfWork) -> None:
    with units.read() as registry, pytest.raises(RegistryError, match="reading"):
        registry.add_run(values.training_run())


@pytest.mark.parametrize("units", ["sqlite", "postgresql"], indirect=True)
def test_text_that_no_database_holds_is_refused(units: UnitOfWork) -> None:
    for text in ("a\x00b", "\ud800"):
        with pytest.raises(ManifestError, match="cannot be recorded"), units.begin(actor="tester", action="runs import") as registry:
            registry.add_run(replace(values.training_run(), framework=text))
