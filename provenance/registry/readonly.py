"""Answers questions in SQL and changes nothing: one SELECT, read-only connection, limits on rows and time.

SQLite: the file is opened for reading, writes are switched off, and an authorizer lets through reading and functions only. PostgreSQL: a read-only transaction,
one prepared statement, which must be a query. What the role may read it can read: give analysts a role of their own.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provenance.errors import ManifestError, RegistryError
from provenance.registry.engine import open_engine, parse_url, read_only_uri, sqlite_file, transaction

if TYPE_CHECKING:
    import pyarrow as pa

MAX_SECONDS = 60.0
"""How long a question may take."""
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "writefile", "edit", "fts3_tokenizer"})
_STEPS = 10_000  # virtual-machine steps between two looks at the clock
_QUERY = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*(select|with|values)\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Rows of a question."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    cut: bool
    """There are more rows than were asked for."""

    def to_arrow(self) -> pa.Table:
        """Return the rows as an Arrow table; ``.to_pandas()`` of it is a data frame. A column of several types becomes text."""
        import pyarrow as pa

        names = _distinct(self.columns)
        return pa.table({name: _column([row[i] for row in self.rows]) for i, name in enumerate(names)})


def ask(url: str, query: str, *, limit: int | None = None, timeout_s: float = MAX_SECONDS) -> Answer:
    """Answer a question in SQL.

    Args:
        url: Of the registry's database.
        query: One SELECT, WITH or VALUES.
        limit: Rows at most; ``None`` = all.
        timeout_s: Seconds at most.

    Raises:
        ManifestError: If it is no query, or the database refuses it.
        RegistryError: If the database cannot be opened, or the time is up.
    """
    query = query.strip().rstrip(";")
    if _QUERY.match(query + "\n") is None:
        raise ManifestError("only questions are answered: expected SELECT, WITH or VALUES", hint="see the views: provenance sql --tables")
    file = sqlite_file(parse_url(url))
    return _ask_postgres(url, query, limit, timeout_s) if file is None else _ask_sqlite(file, query, limit, timeout_s)


def _ask_sqlite(file: Path, query: str, limit: int | None, timeout_s: float) -> Answer:
    try:
        with closing(_open_sqlite(file)) as connection, _until(connection, timeout_s):
            cursor = connection.execute(query)
            return _answer(tuple(str(c[0]) for c in cursor.description or ()), cursor.fetchmany, limit)
    except sqlite3.OperationalError as err:
        if "interrupted" in str(err):
            raise RegistryError(f"the question took longer than {timeout_s:.0f} s", hint="ask for less, or give --timeout") from err
        raise _refused(err) from err
    except (sqlite3.Error, sqlite3.Warning, ValueError, OverflowError) as err:
        raise _refused(err) from err


def _open_sqlite(file: Path) -> sqlite3.Connection:
    if not file.is_file():
        raise RegistryError(f"{file}: there is no registry", hint="run: provenance init")
    try:
        connection = sqlite3.connect(read_only_uri(file), uri=True, isolation_level=None)
        connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as err:
        raise RegistryError(f"{file}: cannot be opened for reading: {err}") from err
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    connection.set_authorizer(_authorize)
    return connection


def _authorize(action: int, _one: str | None, two: str | None, _database: str | None, _trigger: str | None) -> int:
    if action not in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and (two or "").lower() in _FORBIDDEN_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


@contextmanager
def _until(connection: sqlite3.Connection, timeout_s: float) -> Iterator[None]:
    end = time.monotonic() + timeout_s
    connection.set_progress_handler(lambda: int(time.monotonic() > end), _STEPS)
    yield


def _ask_postgres(url: str, query: str, limit: int | None, timeout_s: float) -> Answer:
    engine = open_engine(url)
    with transaction(engine, write=False) as connection:
        driver: Any = connection.connection.driver_connection
        with driver.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {int(timeout_s * 1000)}")
            try:
                # A prepared statement is one statement; as a subquery it can only be a query.
                cursor.execute(f"SELECT * FROM (\n{query}\n) AS question", prepare=True)  # noqa: S608 - the user's own question
                return _answer(tuple(c.name for c in cursor.description), cursor.fetchmany, limit)
            except Exception as err:
                if type(err).__module__.partition(".")[0] != "psycopg":
                    raise
                if type(err).__name__ == "QueryCanceled":
                    raise RegistryError(f"the question took longer than {timeout_s:.0f} s", hint="ask for less, or give --timeout") from err
                raise _refused(err) from err


def _answer(columns: tuple[str, ...], fetch: Callable[[int], list[tuple[Any, ...]]], limit: int | None) -> Answer:
    rows: list[tuple[Any, ...]] = []
    while limit is None or len(rows) <= limit:
        found = fetch(1000)
        if not found:
            return Answer(columns=columns, rows=tuple(rows), cut=False)
        rows += map(tuple, found)
    return Answer(columns=columns, rows=tuple(rows[:limit]), cut=len(rows) > limit)


def _refused(err: Exception) -> ManifestError:
    said = (str(err).strip() or type(err).__name__).splitlines()[0]
    return ManifestError(f"the question is refused: {said}", hint="see the views: provenance sql --tables; nothing can be changed here")


def _distinct(names: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for name in names:
        number, told = 2, name
        while told in found:
            told, number = f"{name}_{number}", number + 1
        found.append(told)
    return found


def _column(values: list[Any]) -> Any:
    import pyarrow as pa

    plain = [float(v) if type(v).__name__ == "Decimal" and v % 1 else int(v) if type(v).__name__ == "Decimal" else v for v in values]
    try:
        return pa.array(plain)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if v is None else str(v) for v in plain], pa.string())
