"""Triggers that make the registry's tables append-only, attached to the metadata so that ``create_all`` makes them as the migrations do.

They stop mistakes and careless tools. Whoever owns the file can drop them: the hash-chained log and the digests are what finds that out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, MetaData, event

GENESIS = "sha256:" + "0" * 64
"""What the first log row names as its predecessor."""

POSTGRES_REFUSE = """CREATE OR REPLACE FUNCTION provenance_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only', ERRCODE = 'restrict_violation';
END $$"""

POSTGRES_LINK = """CREATE OR REPLACE FUNCTION provenance_check_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit_log)
     OR NEW.prev_hash <> COALESCE((SELECT entry_hash FROM audit_log WHERE seq = NEW.seq - 1), 'sha256:0000000000000000000000000000000000000000000000000000000000000000') THEN
    RAISE EXCEPTION USING MESSAGE = 'audit_log row does not follow the last one', ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$"""

SQLITE_LINK = """CREATE TRIGGER audit_log_link BEFORE INSERT ON audit_log
WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit_log)
  OR NEW.prev_hash <> COALESCE((SELECT entry_hash FROM audit_log WHERE seq = NEW.seq - 1), 'sha256:0000000000000000000000000000000000000000000000000000000000000000')
BEGIN SELECT RAISE(ABORT, 'audit_log row does not follow the last one'); END"""
"""Also stops ``INSERT OR REPLACE``, which removes rows without firing delete triggers."""


def sqlite_triggers(table: str) -> tuple[str, ...]:
    """Return the statements that make a table append-only on SQLite."""
    made = tuple(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}\nBEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    )
    return (*made, SQLITE_LINK) if table == "audit_log" else made


def postgres_triggers(table: str) -> tuple[str, ...]:
    """Return the statements that make a table append-only on PostgreSQL."""
    refuse = "EXECUTE FUNCTION provenance_refuse_change()"
    made = (
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}",
    )
    if table != "audit_log":
        return made
    return (*made, "CREATE TRIGGER audit_log_link BEFORE INSERT ON audit_log FOR EACH ROW EXECUTE FUNCTION provenance_check_link()")


def attach_guards(metadata: MetaData) -> None:
    """Attach the triggers of every table of ``metadata`` as DDL events."""
    for function in (POSTGRES_REFUSE, POSTGRES_LINK):
        event.listen(metadata, "before_create", _ddl(function, dialect="postgresql"))
    for table in metadata.tables.values():
        for statement in sqlite_triggers(table.name):
            event.listen(table, "after_create", _ddl(statement, dialect="sqlite"))
        for statement in postgres_triggers(table.name):
            event.listen(table, "after_create", _ddl(statement, dialect="postgresql"))


def _ddl(statement: str, *, dialect: str) -> Callable[..., None]:
    def run(_target: object, connection: Connection, **_details: Any) -> None:
        if connection.dialect.name == dialect:
            connection.exec_driver_sql(statement)

    return run
