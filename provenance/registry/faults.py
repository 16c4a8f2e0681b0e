"""What databases say when they fail, as one sentence of ours with the advice that fits it. Their own first line is kept: it is what others can search for."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from sqlalchemy import Engine
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from provenance.errors import ConflictError, RegistryError
from provenance.storage.secrets import redact

AGAIN: Final = "run the same command again: what was recorded before stays, the unfinished change left nothing"
READ_ONLY_HINT: Final = "name the primary server, or have default_transaction_read_only switched off for this role"
_LOCKED: Final = re.compile(r"database (?:schema |table )?is locked|lock timeout")
_DRIVERS: Final = frozenset({"sqlalchemy", "registry"})
"""Folders of the code that calls drivers."""
_SAID: Final = 300
"""Characters of a database's own words that are repeated."""
_ADVICE: Final = (
    (r"not a database", "it is no SQLite file: name the registry's own file in provenance.toml or with --db, or restore a backup"),
    (
        r"malformed|not decode|checksum|invalid page|unsupported file format",
        "the database is damaged: restore a backup, then run: provenance log verify",
    ),
    (r"database or disk is full|No space left|could not extend", f"make room on the disk and {AGAIN}"),
    (r"disk I/O error", f"the disk failed, or is full, or files may not grow: look at it and {AGAIN}"),
    (r"read-only transaction|recovery is in progress", READ_ONLY_HINT),
    (r"permission denied for database", "db check makes the declared tables aside and rolls them back: it needs CREATE on the database"),
    (r"permission denied", "this database role may not do that: reading needs SELECT on all tables, recording INSERT on all and UPDATE on audit_log"),
    (r"password|authentication failed|no pg_hba", "give the password by PGPASSWORD, ~/.pgpass or a service file: see docs/database.md"),
    (r"role \".*\" does not exist", "name a role that the server knows: postgresql://ROLE@HOST/NAME"),
    (r"database \".*\" does not exist", "make it first: createdb NAME; then run: provenance init"),
    (
        r"no such table|relation \".*\" does not exist|no such column",
        "its schema was changed outside this tool: run provenance db check to see where",
    ),
    (r"connection option|URI", "mend the address: it stands in provenance.toml or after --db"),
    (r"too many (?:connections|clients)|connection slots", f"the server is busy: wait, then {AGAIN}"),
    (r"closed the connection|terminating connection|connection is lost|SSL SYSCALL|consuming input failed", f"the connection broke: {AGAIN}"),
    (
        r"connection (?:refused|failed|timeout)|could not (?:connect|translate)|resolve host|timeout expired|No such file|definition of service",
        "is the server running, and is the address right? It stands in provenance.toml or after --db",
    ),
)
"""Words of SQLite, PostgreSQL and psycopg, and what to do."""


def place_of(url: URL) -> str:
    """Return where a database is, for people: a file, or an address without credentials."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    return redact(url.render_as_string(hide_password=True))


def is_locked(err: SQLAlchemyError) -> bool:
    """Tell whether the database only says that another process is writing."""
    return _LOCKED.search(_said(err)) is not None


def translated(err: Exception, engine: Engine, *, waited_s: float) -> RegistryError:
    """Return an error of ours for one of the database or its driver."""
    place, said = place_of(engine.url), _said(err)
    if _LOCKED.search(said):
        return ConflictError(
            f"{place}: another process has been writing to the registry for {waited_s:.0f} s: {said}", hint=f"when it has finished, {AGAIN}"
        )
    if isinstance(err, IntegrityError):
        return ConflictError(f"{place}: the registry refuses the change: {said}")
    return RegistryError(f"{place}: the registry cannot be used: {said}", hint=_advice(said, engine.url))


def is_undecodable(err: UnicodeDecodeError) -> bool:
    """Tell whether a driver met bytes that are no text, as damaged files hold them."""
    trace = err.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and not _DRIVERS.isdisjoint(Path(trace.tb_frame.f_code.co_filename).parts)


def _said(err: Exception) -> str:
    if isinstance(err, UnicodeDecodeError):
        return "database disk image is malformed: its schema is no text"
    lines = str(getattr(err, "orig", None) or err).strip().splitlines() or [type(err).__name__]
    return redact(lines[0])[:_SAID]


def _advice(said: str, url: URL) -> str:
    if re.search(r"readonly|unable to open", said):
        return _advice_on_file(Path(url.database or ""))
    return next((advice for words, advice in _ADVICE if re.search(words, said)), f"look at the database, then {AGAIN}")


def _advice_on_file(file: Path) -> str:
    if not file.is_file():
        return "there is no such file: see the database setting in provenance.toml, or --db"
    if not os.access(file, os.R_OK):
        return "this user may not read the file: ask its owner"
    if not os.access(file.parent, os.W_OK):
        return f"the folder {file.parent} is write-protected: copy it to where you may write, or have the protection lifted"
    return "the file is write-protected: have the protection lifted, or copy its folder to where you may write"
