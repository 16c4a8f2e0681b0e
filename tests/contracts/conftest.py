"""Every registry there is, empty, for the contract suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provenance.ports import UnitOfWork
from provenance.registry.session import SqlUnitOfWork
from provenance.registry.upgrade import upgrade
from tests.fakes.clock import TickingClock
from tests.fakes.postgres import fresh_database
from tests.fakes.registry import InMemoryUnitOfWork


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/state/registry.db"
    return fresh_database(request.getfixturevalue("postgres"))


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def units(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[UnitOfWork]:
    """An empty registry."""
    if request.param == "memory":
        yield InMemoryUnitOfWork(TickingClock())
        return
    url = f"sqlite:///{tmp_path}/registry.db"
    if request.param == "postgresql":
        url = fresh_database(request.getfixturevalue("postgres"))
    upgrade(url)
    sql = SqlUnitOfWork(url, TickingClock())
    yield sql
    sql.close()
