"""Connections to the two databases, so set that both behave alike: one writer at a time, readers see one consistent state, foreign keys hold.

SQLite: write-ahead log, ``BEGIN IMMEDIATE`` for writers, a busy timeout. PostgreSQL: writers take an exclusive lock on the log, readers a snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from provenance.errors import ConfigError, ConflictError, RegistryError
from provenance.storage.secrets import remember

LOCK_TIMEOUT_S = 30.0
"""How long a writer waits for another before it says so."""
_WRITE = "provenance_write"


def parse_url(url: str) -> URL:
    """Return a database URL.

    Raises:
        ConfigError: If it is no URL of SQLite or PostgreSQL, or names no place that lasts.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as err:
        raise ConfigError(
            "the database URL cannot be read", hint="such as: sqlite:///.provenance/registry.db or postgresql+psycopg://host/name"
        ) from err
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
    sqlite = sqlite_file(parsed) is not None
    arguments: dict[str, Any] = {"timeout": lock_timeout_s} if sqlite else {}
    try:
        engine = create_engine(parsed, connect_args=arguments, poolclass=NullPool)  # a unit a connection: nothing idle, safe to fork
    except (ModuleNotFoundError, NoSuchModuleError, ArgumentError) as err:
        raise ConfigError(f"the driver of {parsed.drivername!r} is missing: {err}", hint="for PostgreSQL: pip install 'psycopg[binary]'") from err
    if sqlite:
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "begin", _begin_postgres(round(lock_timeout_s * 1000)))
    return engine


@contextmanager
def transaction(engine: Engine, *, write: bool) -> Iterator[Connection]:
    """Open a transaction that commits at the end and rolls back on an exception; errors of the database become ours.

    Raises:
        ConflictError: If another writer held the database too long, or two facts exclude one another.
        RegistryError: If the database cannot be used.
    """
    try:
        with engine.connect().execution_options(**{_WRITE: write}) as connection, connection.begin():
            yield connection
    except SQLAlchemyError as err:
        raise _translated(err, engine) from err


def lock_log(connection: Connection) -> None:
    """Make this transaction the only writer. SQLite has done so at ``BEGIN IMMEDIATE``."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("LOCK TABLE audit_log IN EXCLUSIVE MODE"))


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun below: the driver's own begin is deferred, so two writers could deadlock
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA recursive_triggers = ON")  # else INSERT OR REPLACE removes rows without the delete triggers


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITE) else "BEGIN")


def _begin_postgres(lock_timeout_ms: int) -> Any:
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(_WRITE):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {lock_timeout_ms}")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    return begin


def _translated(err: SQLAlchemyError, engine: Engine) -> RegistryError:
    place = sqlite_file(engine.url) or engine.url.set(query={}).render_as_string(hide_password=True)
    said = str(getattr(err, "orig", None) or err).strip().splitlines()[0]
    if "database is locked" in said or "lock timeout" in said:
        return ConflictError(f"{place}: another process is writing to the registry: {said}", hint="try again when it has finished")
    if isinstance(err, IntegrityError):
        return ConflictError(f"{place}: the registry refuses the change: {said}")
    return RegistryError(f"{place}: the registry cannot be used: {said}", hint=_advice(said))


def _advice(said: str) -> str:
    if "readonly" in said or "read-only" in said:
        return "the file or its folder is write-protected: SQLite also writes beside the file"
    if "full" in said:
        return "make room on the disk; nothing was recorded"
    return "check the database setting in provenance.toml; nothing was recorded"
