"""Every registry there is, empty, for the contract suite."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from provenance.ports import UnitOfWork
from provenance.registry.session import SqlUnitOfWork
from provenance.registry.upgrade import upgrade
from tests.fakes.clock import TickingClock
from tests.fakes.postgres import PostgresMissingError, postgres_server
from tests.fakes.registry import InMemoryUnitOfWork

_NUMBERS = itertools.count()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A running server's URL; the test says that it did not run where there is none."""
    server = postgres_server()
    try:
        url = server.__enter__()
    except PostgresMissingError as err:
        if os.environ.get("CI"):
            pytest.fail(f"did not run on PostgreSQL: {err}")
        pytest.skip(f"did not run on PostgreSQL: {err}")
    try:
        yield url
    finally:
        server.__exit__(None, None, None)


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


def fresh_database(server: str) -> str:
    """The URL of a new, empty database on a server."""
    name = f"registry{next(_NUMBERS)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.replace("/postgres?", f"/{name}?")
