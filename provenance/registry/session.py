"""The unit of work: one transaction and at most one log row a use case."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from provenance.ports import Clock
from provenance.registry.engine import LOCK_TIMEOUT_S, lock_log, open_engine, transaction
from provenance.registry.repository import SqlRegistry
from provenance.registry.upgrade import check_engine


class SqlUnitOfWork:
    """Implements ``ports.UnitOfWork`` on SQLite or PostgreSQL. May be shared by threads and inherited by forks: connections are not."""

    def __init__(self, url: str, clock: Clock, *, lock_timeout_s: float = LOCK_TIMEOUT_S) -> None:
        """Prepare a registry; nothing is opened yet.

        Args:
            url: SQLAlchemy URL of a SQLite file or a PostgreSQL database.
            clock: Where the log's times come from.
            lock_timeout_s: How long a writing unit waits for another.

        Raises:
            ConfigError: If the URL cannot be used.
        """
        self._engine = open_engine(url, lock_timeout_s=lock_timeout_s)
        self._clock = clock
        self._checked = False

    @contextmanager
    def begin(self, *, actor: str, action: str, reason: str = "") -> Iterator[SqlRegistry]:
        """Open a writing unit: commits at the end, rolls back on an exception, and leaves one log row if it changed something.

        Raises:
            SchemaVersionError: If the database is missing or of another version.
            ConflictError: If another writer held the database too long.
            RegistryError: If the database cannot be used.
        """
        self._check()
        with transaction(self._engine, write=True) as connection:
            lock_log(connection)
            with Session(connection, autoflush=False) as session:
                registry = SqlRegistry(session, writable=True)
                yield registry
                registry.append_log(at=self._clock.now(), actor=actor, action=action, reason=reason)
                session.flush()

    @contextmanager
    def read(self) -> Iterator[SqlRegistry]:
        """Open a reading unit: sees one consistent state.

        Raises:
            SchemaVersionError: If the database is missing or of another version.
            RegistryError: If the database cannot be used.
        """
        self._check()
        with transaction(self._engine, write=False) as connection, Session(connection, autoflush=False) as session:
            yield SqlRegistry(session, writable=False)

    def close(self) -> None:
        """Close idle connections."""
        self._engine.dispose()

    def _check(self) -> None:
        if not self._checked:
            check_engine(self._engine)
            self._checked = True
