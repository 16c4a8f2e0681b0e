"""Brings a database to this version's schema, and tells whether it is there. Alembic is loaded only to change a schema: a check is one query.

What is not a registry is left alone: nothing is made in a database that holds tables of something else.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.orm import Session

from provenance.config import shipped
from provenance.errors import RegistryError, SchemaVersionError
from provenance.registry.engine import open_engine, parse_url, sqlite_file, transaction
from provenance.registry.faults import place_of, translated
from provenance.registry.repository import SqlRegistry
from provenance.registry.witness import keep_head

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
"""Every revision of the schema, oldest first; a test compares it with the migrations."""
HEAD = REVISIONS[-1]
_UPGRADE_LOCK = 0x70726F76  # "prov": PostgreSQL advisory lock, so that two upgrades do not run at once
_OWN: Final = "alembic_version"
_LOG: Final = "audit_log"
_SHOWN = 3
"""Tables of something else that a message names."""
_MADE = "run: provenance init"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpgradeNote:
    """What the log says of an upgrade."""

    at: str
    actor: str
    reason: str = ""


def upgrade(url: str, revision: str = HEAD, *, note: UpgradeNote | None = None) -> str | None:
    """Make the database, or bring it to a revision; its parent folder is made. All or nothing.

    Args:
        url: Of the database.
        revision: The one to come to.
        note: Leaves a log row where an older registry is brought to ``HEAD``.

    Returns:
        The revision it was of before, ``None`` where it was made.

    Raises:
        ConfigError: If the URL cannot be used.
        SchemaVersionError: If the database is of a newer version, or something else's.
        RegistryError: If it cannot be written.
    """
    file = sqlite_file(parse_url(url))
    engine = open_engine(url)
    if file is not None:
        try:
            file.absolute().parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise RegistryError(
                f"{file.parent}: the registry's folder cannot be made: {err.strerror}",
                hint="work in a folder that may be written to, or have the protection lifted",
            ) from err
        if file.exists():
            _look(engine)  # before the file is touched: it may be somebody else's
        _use_write_ahead_log(file, engine)
    return _migrate(engine, revision, down=False, note=note)


def downgrade(url: str, revision: str) -> None:
    """Take the database back to an older revision, ``base`` for an empty one. Facts that the older schema cannot hold are lost.

    Raises:
        SchemaVersionError: If the database is missing or of a newer version.
        RegistryError: If it cannot be written.
    """
    _migrate(open_engine(url), revision, down=True, note=None)


def check(url: str) -> None:
    """Check that a database is of exactly this version.

    Raises:
        SchemaVersionError: If it is missing, empty, older or newer, or something else's; ``hint`` says what to do.
        RegistryError: If it cannot be opened.
    """
    check_engine(open_engine(url))


def check_engine(engine: Engine) -> None:
    """Check that an engine's database is of exactly this version, as ``check`` does."""
    found = _look(engine)
    if found is None:
        raise SchemaVersionError(f"{place_of(engine.url)}: the database holds no registry", hint=_MADE)
    if found != HEAD:
        _fail_version(engine, found)


def lock_schema(connection: Connection) -> None:
    """Make this transaction the only one that makes or compares schemas. SQLite has done so at ``BEGIN IMMEDIATE``."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})


def _look(engine: Engine) -> str | None:
    """Return the revision of a database, ``None`` where it is empty."""
    file = sqlite_file(engine.url)
    if file is not None and not file.exists():
        raise SchemaVersionError(f"{file}: there is no registry", hint=_MADE)
    if file is not None and not file.is_file():
        raise SchemaVersionError(f"{file}: is no file, expected the registry", hint="mend the database setting in provenance.toml, or --db")
    with transaction(engine, write=False) as connection:
        return _revision(connection, engine)


def _revision(connection: Connection, engine: Engine) -> str | None:
    tables = set(inspect(connection).get_table_names())
    found = connection.execute(text(f"SELECT * FROM {_OWN}")).scalars().all() if _OWN in tables else ()  # noqa: S608 - a name of this module
    if found and _LOG in tables:
        return str(found[0])
    others = sorted(tables - {_OWN})
    if not others and not found:
        return None
    named = ", ".join(repr(t) for t in others[:_SHOWN]) + (" …" if len(others) > _SHOWN else "")
    raise SchemaVersionError(
        f"{place_of(engine.url)}: the database is not a registry: it belongs to something else ({named or 'a schema of another tool'})",
        hint="name another database, or another schema of it, in provenance.toml or with --db; nothing was changed",
    )


def _fail_version(engine: Engine, found: str) -> None:
    place = place_of(engine.url)
    if found in REVISIONS:
        raise SchemaVersionError(f"{place}: the registry is of schema {found}, expected {HEAD}", hint="run: provenance db upgrade")
    raise SchemaVersionError(
        f"{place}: the registry is of schema {found}, which this version does not know: expected {HEAD}",
        hint="a newer provenance wrote it: upgrade the package",
    )


def _use_write_ahead_log(file: Path, engine: Engine) -> None:
    # The mode cannot change inside a transaction; the file remembers it.
    try:
        with closing(sqlite3.connect(file)) as connection:
            connection.execute("PRAGMA busy_timeout = 30000")
            connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as err:
        raise translated(err, engine, waited_s=30) from err


def _migrate(engine: Engine, revision: str, *, down: bool, note: UpgradeNote | None) -> str | None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    head = None
    with transaction(engine, write=True, lock=lock_schema) as connection:
        found = _revision(connection, engine)
        if found is not None and found not in REVISIONS:
            _fail_version(engine, found)
        config.attributes["connection"] = connection
        try:
            (command.downgrade if down else command.upgrade)(config, revision)
        except CommandError as err:
            raise SchemaVersionError(f"{place_of(engine.url)}: {err}") from err
        if note is not None and found is not None and found != revision == HEAD:
            head = _record(connection, note, found)
    if head is not None:
        keep_head(sqlite_file(engine.url), head)
    return found


def _record(connection: Connection, note: UpgradeNote, found: str) -> str | None:
    with Session(connection, autoflush=False) as session:
        registry = SqlRegistry(session, writable=True)
        registry.note("schemas", before=found, after=HEAD)
        told = " · ".join(part for part in (f"schema {found} to {HEAD}", note.reason) if part)
        return registry.append_log(at=note.at, actor=note.actor, action="upgrade", reason=told)
