"""Connections to the two databases, so set that both behave alike: one writer at a time, readers see one consistent state, foreign keys hold.

SQLite: write-ahead log, ``BEGIN IMMEDIATE`` for writers, a busy timeout. PostgreSQL: writers take an exclusive lock on the log, readers a snapshot.
A writer looks for its turn again and again, so that it can say that it waits and be interrupted, until ``LOCK_TIMEOUT_S``.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from provenance.errors import ConfigError, RegistryError
from provenance.registry.faults import READ_ONLY_HINT, is_locked, is_undecodable, place_of, translated
from provenance.storage.secrets import remember

LOCK_TIMEOUT_S: Final = 600.0
"""How long a writer waits for others before it gives up: longer than a million shards take to record."""
NOTICE_S: Final = 5.0
"""How long a writer waits without a word."""
_TRY_S: Final = 1.0
"""How long one look for the lock takes at most: so soon an interrupt is heeded."""
_CONNECT_S: Final = 10
"""How long a PostgreSQL server may take to answer, where neither URL nor environment say otherwise."""
_READ_BUSY_S: Final = 30.0
"""How long a reader of SQLite waits: only for recovery after a crash, or for a tool that locks the whole file."""
_WRITE, _TIMEOUT = "provenance_write", "provenance_lock_timeout_s"
_POSTGRES = frozenset({"postgres", "postgresql"})

Waiting = Callable[[float], None]
"""Told how many seconds a writer has waited, again and again while it waits."""


def parse_url(url: str) -> URL:
    """Return a database URL; PostgreSQL without a driver means psycopg.

    Raises:
        ConfigError: If it is no URL of SQLite or PostgreSQL, or names no place that lasts.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as err:
        raise ConfigError("the database URL cannot be read", hint="such as: sqlite:///.provenance/registry.db or postgresql://host/name") from err
    if parsed.drivername in _POSTGRES:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ConfigError(f"database {parsed.get_backend_name()!r} is not supported: expected sqlite or postgresql")
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise ConfigError("an in-memory SQLite database keeps nothing", hint="name a file: sqlite:///.provenance/registry.db")
    if "@" in (parsed.host or ""):
        raise ConfigError(
            "the database URL cannot be read: more than one @", hint="write an @ in a name or password as %40, or leave it to PGPASSWORD"
        )
    remember(_secrets_of(parsed))
    return parsed


def _secrets_of(url: URL) -> Iterator[str]:
    """Yield what a URL holds of passwords, so that no error repeats it, whoever words it."""
    if url.password:
        yield from (str(url.password), quote(str(url.password), safe=""), quote_plus(str(url.password)))
    for name, value in url.query.items():
        if "password" in name.lower():
            yield from (value,) if isinstance(value, str) else value


def sqlite_file(url: URL) -> Path | None:
    """Return the file of a SQLite URL, ``None`` for PostgreSQL."""
    return Path(url.database or "") if url.get_backend_name() == "sqlite" else None


def open_engine(url: str, *, lock_timeout_s: float = LOCK_TIMEOUT_S) -> Engine:
    """Return an engine for a database URL; nothing is connected yet.

    Raises:
        ConfigError: If the URL or its driver cannot be used.
    """
    parsed = parse_url(url)
    file = sqlite_file(parsed)
    try:
        engine = create_engine(parsed, poolclass=NullPool, **_connecting(parsed, file))  # a unit a connection: nothing idle, safe to fork
    except (ModuleNotFoundError, NoSuchModuleError, ArgumentError) as err:
        raise ConfigError(f"the driver of {parsed.drivername!r} is missing: {err}", hint="for PostgreSQL: pip install 'psycopg[binary]'") from err
    if file is not None:
        event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_postgres if file is None else _begin_sqlite)
    return engine.execution_options(**{_TIMEOUT: lock_timeout_s})


def read_only_uri(file: Path) -> str:
    """Return what opens a SQLite file for reading and nothing else.

    A write-ahead log needs files beside the database. Where none can be made and none is there, as on a read-only disk, nobody can be writing either.
    """
    wal = file.with_name(file.name + "-wal")
    alone = not os.access(file.parent, os.W_OK) and not (wal.exists() and wal.stat().st_size)
    return f"{file.absolute().as_uri()}?mode=ro{'&immutable=1' if alone else ''}"


@contextmanager
def transaction(
    engine: Engine, *, write: bool, lock: Callable[[Connection], None] | None = None, waiting: Waiting | None = None
) -> Iterator[Connection]:
    """Open a transaction that commits at the end and rolls back on an exception; errors of the database become ours.

    Args:
        engine: The database.
        write: Whether anything is to be changed.
        lock: Takes a lock as the first thing done, waiting for its turn.
        waiting: Told while this waits for its turn.

    Raises:
        ConflictError: If another writer held the database too long, or two facts exclude one another.
        RegistryError: If the database cannot be used.
    """
    began = time.monotonic()
    try:
        with ExitStack() as stack:
            yield _enter(engine, stack, write=write, lock=lock, waiting=waiting)
    except SQLAlchemyError as err:
        raise translated(err, engine, waited_s=time.monotonic() - began) from err
    except UnicodeDecodeError as err:
        if not is_undecodable(err):
            raise
        raise translated(err, engine, waited_s=0) from err


def lock_log(connection: Connection) -> None:
    """Make this transaction the only writer. SQLite has done so at ``BEGIN IMMEDIATE``."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE audit_log IN EXCLUSIVE MODE"))


def _enter(engine: Engine, stack: ExitStack, *, write: bool, lock: Callable[[Connection], None] | None, waiting: Waiting | None) -> Connection:
    """Begin a transaction when it is its turn, and leave its end to ``stack``."""
    began, timeout_s = time.monotonic(), _timeout_s(engine)
    while True:
        with ExitStack() as attempt:
            try:
                connection = attempt.enter_context(engine.connect().execution_options(**{_WRITE: write}))
                attempt.enter_context(connection.begin())
                if lock is not None:
                    _take(lock, connection, timeout_s)
            except SQLAlchemyError as err:
                waited_s = time.monotonic() - began
                if not (write and is_locked(err)) or waited_s >= timeout_s:
                    raise
                if waiting is not None:
                    waiting(waited_s)
                continue
            stack.push(attempt.pop_all())
            return connection


def _take(lock: Callable[[Connection], None], connection: Connection, timeout_s: float) -> None:
    if connection.dialect.name != "postgresql":
        lock(connection)
        return
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_milliseconds(min(timeout_s, _TRY_S))}")
    lock(connection)
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_milliseconds(timeout_s)}")


def _timeout_s(engine: Engine) -> float:
    return float(engine.get_execution_options()[_TIMEOUT])


def _milliseconds(seconds: float) -> int:
    return max(1, round(seconds * 1000))  # 0 would mean: wait for ever


def _connecting(url: URL, file: Path | None) -> dict[str, Any]:
    if file is None:
        known = "connect_timeout" in url.query or "PGCONNECT_TIMEOUT" in os.environ
        return {} if known else {"connect_args": {"connect_timeout": _CONNECT_S}}
    if file.is_file() and not os.access(file.parent, os.W_OK):
        return {"creator": lambda: sqlite3.connect(read_only_uri(file), uri=True, timeout=_READ_BUSY_S)}
    return {"connect_args": {"timeout": _READ_BUSY_S}}


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below: the driver's own begin is deferred, so two writers could deadlock
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA recursive_triggers = ON")  # else INSERT OR REPLACE removes rows without the delete triggers


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if not options.get(_WRITE):
        connection.exec_driver_sql("BEGIN")
        return
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {_milliseconds(min(options[_TIMEOUT], _TRY_S))}")
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {_milliseconds(_READ_BUSY_S)}")


def _begin_postgres(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(_WRITE):
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {_milliseconds(options[_TIMEOUT])}")
        if connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "on":
            # A lock is given all the same, and the first row refused only when the work is done.
            raise RegistryError(f"{place_of(connection.engine.url)}: the server gives read-only transactions alone", hint=READ_ONLY_HINT)
    else:
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
