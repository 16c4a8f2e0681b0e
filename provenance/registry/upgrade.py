"""Brings a database to this version's schema, and tells whether it is there. Alembic is loaded only to change a schema: a check is one query."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from provenance.config import shipped
from provenance.errors import RegistryError, SchemaVersionError
from provenance.registry.engine import LOCK_TIMEOUT_S, open_engine, parse_url, sqlite_file, transaction

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every revision of the schema, oldest first; a test compares it with the migrations."""
HEAD = REVISIONS[-1]
_UPGRADE_LOCK = 0x70726F76  # "prov": PostgreSQL advisory lock, so that two upgrades do not run at once


def upgrade(url: str, revision: str = HEAD) -> None:
    """Make the database, or bring it to a revision; its parent folder is made. All or nothing.

    Raises:
        ConfigError: If the URL cannot be used.
        SchemaVersionError: If the database is of a newer version.
        RegistryError: If it cannot be written.
    """
    file = sqlite_file(parse_url(url))
    if file is not None:
        try:
            file.absolute().parent.mkdir(parents=True, exist_ok=True)
        except OSError as err:
            raise RegistryError(f"{file.parent}: the registry's folder cannot be made: {err.strerror}") from err
    engine = open_engine(url)
    if file is not None:
        _use_write_ahead_log(file)
    _migrate(engine, revision, down=False)


def downgrade(url: str, revision: str) -> None:
    """Take the database back to an older revision, ``base`` for an empty one. Facts that the older schema cannot hold are lost.

    Raises:
        SchemaVersionError: If the database is missing or of a newer version.
        RegistryError: If it cannot be written.
    """
    _migrate(open_engine(url), revision, down=True)


def check(url: str) -> None:
    """Check that a database is of exactly this version.

    Raises:
        SchemaVersionError: If it is missing, empty, older or newer; ``hint`` says what to do.
        RegistryError: If it cannot be opened.
    """
    check_engine(open_engine(url))


def check_engine(engine: Engine) -> None:
    """Check that an engine's database is of exactly this version, as ``check`` does."""
    file = sqlite_file(engine.url)
    if file is not None and not file.is_file():
        raise SchemaVersionError(f"{file}: there is no registry", hint="run: provenance init")
    with transaction(engine, write=False) as connection:
        found = _revision(connection)
    if found is None:
        raise SchemaVersionError(f"{_place(engine)}: the database holds no registry", hint="run: provenance init")
    if found != HEAD:
        _fail_version(engine, found)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    return str(found[0]) if found else None


def _fail_version(engine: Engine, found: str) -> None:
    if found in REVISIONS:
        raise SchemaVersionError(f"{_place(engine)}: the registry is of schema {found}, expected {HEAD}", hint="run: provenance db upgrade")
    raise SchemaVersionError(
        f"{_place(engine)}: the registry is of schema {found}, which this version does not know: expected {HEAD}",
        hint="a newer provenance wrote it: upgrade the package",
    )


def _place(engine: Engine) -> str:
    return str(sqlite_file(engine.url) or engine.url.render_as_string(hide_password=True))


def _use_write_ahead_log(file: Path) -> None:
    # The mode cannot change inside a transaction; the file remembers it.
    try:
        with closing(sqlite3.connect(file, timeout=LOCK_TIMEOUT_S)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as err:
        raise RegistryError(f"{file}: the registry cannot be opened for writing: {err}", hint="check the file, its folder and the disk") from err


def _migrate(engine: Engine, revision: str, *, down: bool) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(shipped("migrations")).replace("%", "%%"))
    with transaction(engine, write=True) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        found = _revision(connection)
        if found is not None and found not in REVISIONS:
            _fail_version(engine, found)
        config.attributes["connection"] = connection
        try:
            (command.downgrade if down else command.upgrade)(config, revision)
        except CommandError as err:
            raise SchemaVersionError(f"{_place(engine)}: {err}") from err
