"""The unit of work: one transaction and at most one log row a use case."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from provenance.ports import Clock
from provenance.registry.engine import LOCK_TIMEOUT_S, NOTICE_S, Waiting, lock_log, open_engine, sqlite_file, transaction
from provenance.registry.repository import SqlRegistry
from provenance.registry.upgrade import check_engine
from provenance.registry.witness import keep_head, kept_head


class SqlUnitOfWork:
    """Implements ``ports.UnitOfWork`` on SQLite or PostgreSQL. May be shared by threads and inherited by forks: connections are not."""

    def __init__(
        self, url: str, clock: Clock, *, lock_timeout_s: float = LOCK_TIMEOUT_S, why: str = "", notify: Callable[[str], None] | None = None
    ) -> None:
        """Prepare a registry; nothing is opened yet.

        Args:
            url: SQLAlchemy URL of a SQLite file or a PostgreSQL database.
            clock: Where the log's times come from.
            lock_timeout_s: How long a writing unit waits for another.
            why: What the user says of the reason, for every log row.
            notify: Told in a sentence where a writing unit has to wait for long.

        Raises:
            ConfigError: If the URL cannot be used.
        """
        self._engine = open_engine(url, lock_timeout_s=lock_timeout_s)
        self._clock = clock
        self._why, self._notify = why, notify
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
        head = None
        with (
            transaction(self._engine, write=True, lock=lock_log, waiting=self._waiting()) as connection,
            Session(connection, autoflush=False) as session,
        ):
            registry = SqlRegistry(session, writable=True)
            yield registry
            told = " · ".join(part for part in (reason, self._why) if part)
            head = registry.append_log(at=self._clock.now(), actor=actor, action=action, reason=told)
            session.flush()
        if head is not None:
            keep_head(sqlite_file(self._engine.url), head)

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

    def kept_head(self) -> str | None:
        """Return the head of the log that the last writer left beside the database, ``None`` where there is none. Ask before a unit is opened."""
        return kept_head(sqlite_file(self._engine.url))

    def close(self) -> None:
        """Close idle connections."""
        self._engine.dispose()

    def _waiting(self) -> Waiting:
        """Return what tells of a long wait, once."""
        told = False

        def tell(waited_s: float) -> None:
            nonlocal told
            if self._notify is not None and not told and waited_s >= NOTICE_S:
                told = True
                self._notify(f"another process is writing to the registry: waiting for it, {LOCK_TIMEOUT_S / 60:.0f} minutes at most")

        return tell

    def _check(self) -> None:
        if not self._checked:
            check_engine(self._engine)
            self._checked = True
