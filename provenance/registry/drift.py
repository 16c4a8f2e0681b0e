"""Compares the schema that a database really has with the one that this version declares: tables, columns, checks, keys, indexes, triggers, functions.

``alembic check`` does not see a missing trigger, a changed CHECK or a function that lets rows be changed. Here both schemas are read from the database itself, after
it has made the declared one too: SQLite in memory, PostgreSQL in a schema of its own in a transaction that is rolled back, so that both are written alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import StaticPool

from provenance.errors import SchemaVersionError
from provenance.registry.engine import open_engine, transaction
from provenance.registry.tables import Base
from provenance.registry.upgrade import check_engine, lock_schema

_ASIDE = "provenance_declared"
"""Schema of PostgreSQL in which the declared tables are made, and never committed."""
_OWN = "alembic_version"
_NAMED = 8
"""Differences that one message names."""
_POSTGRES = {
    "column": """SELECT table_name || '.' || column_name,
        data_type || ' null:' || is_nullable || ' default:' || COALESCE(REPLACE(column_default, table_schema || '.', ''), '')
        FROM information_schema.columns WHERE table_schema = :schema""",
    "constraint": """SELECT r.relname || '.' || c.conname, REPLACE(pg_get_constraintdef(c.oid), n.nspname || '.', '')
        FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid JOIN pg_namespace n ON n.oid = c.connamespace
        WHERE n.nspname = :schema AND c.contype <> 'n'""",
    "index": "SELECT indexname, REPLACE(indexdef, schemaname || '.', '') FROM pg_indexes WHERE schemaname = :schema",
    "trigger": """SELECT r.relname || '.' || t.tgname, t.tgenabled::text || ' ' || REPLACE(pg_get_triggerdef(t.oid), n.nspname || '.', '')
        FROM pg_trigger t JOIN pg_class r ON r.oid = t.tgrelid JOIN pg_namespace n ON n.oid = r.relnamespace
        WHERE n.nspname = :schema AND NOT t.tgisinternal""",
    "view": "SELECT viewname, definition FROM pg_views WHERE schemaname = :schema",  # as nothing is qualified: a schema may bear a table's name
    "function": """SELECT p.proname, p.prosrc FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = :schema AND p.proname LIKE 'provenance\\_%'""",
}


def find_drift(url: str) -> list[str]:
    """Return how a database's schema differs from the declared one, one sentence for each difference; an empty list means that it does not.

    Raises:
        SchemaVersionError: If the database is missing, empty, older or newer.
        RegistryError: If it cannot be read; on PostgreSQL also if the user may not make a schema.
    """
    engine = open_engine(url)
    check_engine(engine)
    if engine.dialect.name == "postgresql":
        return list(_differences(*_postgres(engine)))
    return [*_damage(engine), *_differences(_sqlite(engine), _declared_sqlite())]


def check_drift(url: str) -> None:
    """Check that a database has the declared schema.

    Raises:
        SchemaVersionError: If not; the message names what differs.
    """
    differences = find_drift(url)
    if differences:
        rest = len(differences) - _NAMED
        more = f"\nand {rest} more" if rest > 0 else ""
        raise SchemaVersionError(
            "the database is not as this version makes it:\n" + "\n".join(differences[:_NAMED]) + more,
            hint="somebody changed it outside this tool; restore a backup, or look at what the change lets through",
        )


def _differences(found: Mapping[str, str], declared: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(declared.keys() - found.keys()):
        yield f"{name} is missing"
    for name in sorted(found.keys() - declared.keys()):
        yield f"{name} is not declared"
    for name in sorted(found.keys() & declared.keys()):
        if found[name] != declared[name]:
            yield f"{name} differs: expected {declared[name][:200]!r}, got {found[name][:200]!r}"


def _damage(engine: Engine) -> Iterator[str]:
    """Yield what SQLite itself finds wrong with its file: pages, indexes that miss rows, rows that belong to none."""
    with transaction(engine, write=False) as connection:
        for (said,) in connection.execute(text(f"PRAGMA integrity_check({_NAMED})")):
            yield from (f"the file is damaged: {line}" for line in str(said).splitlines() if line != "ok")
        for table, row, parent, _ in connection.execute(text("PRAGMA foreign_key_check")).fetchmany(_NAMED):
            yield f"row {row} of {table} belongs to no row of {parent}"


def _sqlite(engine: Engine) -> dict[str, str]:
    with transaction(engine, write=False) as connection:
        return _master(connection)


def _declared_sqlite() -> dict[str, str]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.connect() as connection:
        Base.metadata.create_all(connection)
        return _master(connection)


def _master(connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        text("SELECT type || ' ' || name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    )
    return {name: _ordered(sql) for name, sql in rows if _OWN not in name}


def _ordered(sql: str) -> str:
    # The parts of CREATE TABLE are a set: constraints stand in the order in which they were named.
    parts = [" ".join(line.split()).rstrip(",") for line in sql.splitlines()]
    return "\n".join(sorted(parts)) if sql.startswith("CREATE TABLE") else "\n".join(parts)


def _postgres(engine: Engine) -> tuple[dict[str, str], dict[str, str]]:
    with transaction(engine, write=True, lock=lock_schema) as connection:
        try:
            schema = str(connection.execute(text("SELECT current_schema()")).scalar())
            found = _catalogue(connection, schema)
            connection.execute(text(f"CREATE SCHEMA {_ASIDE}"))
            connection.execute(text(f"SET LOCAL search_path TO {_ASIDE}"))
            Base.metadata.create_all(connection, checkfirst=False)
            return found, _catalogue(connection, _ASIDE)
        finally:
            connection.rollback()


def _catalogue(connection: Connection, schema: str) -> dict[str, str]:
    # Names of other schemas are written where they are not on the path: each catalogue is read with its own schema on it.
    found = {}
    for kind, query in _POSTGRES.items():
        for name, definition in connection.execute(text(query), {"schema": schema}):
            if not name.startswith(_OWN):
                found[f"{kind} {name}"] = " ".join(str(definition).split())
    return found
