"""Answers questions in SQL and changes nothing: one SELECT, read-only connection, limits on rows, bytes and time.

SQLite: the file is opened for reading, writes are switched off, and an authorizer lets through reading and functions only. PostgreSQL: a read-only transaction,
one prepared statement, which must be a query, and no function that the catalogue calls volatile: those reach files, other servers and the session itself, whatever
the transaction forbids. What the role may read it can read: give analysts a role of their own.
"""

from __future__ import annotations

import itertools
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
MAX_ANSWER_BYTES = 512_000_000
"""How much an answer may hold; beyond it the memory of this process would be at stake."""
_MAX_VALUE_BYTES = 64_000_000  # of one value: a function that makes a longer one looks at no clock
_ROWS_AT_ONCE = 100
_CELL_BYTES = 64  # what a value weighs besides its text
_HARMLESS = ("clock_timestamp", "gen_random_uuid", "pg_sleep", "random", "timeofday")
"""Volatile functions of PostgreSQL that change nothing and tell nothing."""
_CALLED = re.compile(r"[^\W\d][\w$]*(?=\s*\()")
_CLOSED = re.compile(r'"(?=\s*\()')
_MAX_NAME = 140  # PostgreSQL cuts names at 63 bytes; quotes in them are doubled
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
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE_BYTES)
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
            # As a subquery it can only be a query; what is prepared or streamed can only be one statement.
            whole = f"SELECT * FROM (\n{query}\n) AS question" + ("" if limit is None else f" LIMIT {limit + 1}")  # noqa: S608 - the user's own question
            try:
                _refuse_volatile(cursor, whole)
                cursor.execute(f"SELECT * FROM (\n{query}\n) AS question LIMIT 0", prepare=True)  # noqa: S608 - as above
                columns = tuple(c.name for c in cursor.description)
                rows = cursor.stream(whole)
                with closing(rows):
                    return _answer(columns, lambda number: list(itertools.islice(rows, number)), limit)
            except Exception as err:
                if type(err).__module__.partition(".")[0] != "psycopg":
                    raise
                if type(err).__name__ == "QueryCanceled":
                    raise RegistryError(f"the question took longer than {timeout_s:.0f} s", hint="ask for less, or give --timeout") from err
                raise _refused(err) from err


def _refuse_volatile(cursor: Any, query: str) -> None:
    """Refuse a question that calls a volatile function, by the names in its plan, where views are unfolded and every spelling of a name is one.

    Raises:
        ManifestError: If it does.
    """
    cursor.execute(f"EXPLAIN (VERBOSE, COSTS OFF, FORMAT JSON) {query}", prepare=True)
    names = {name for text in _texts(cursor.fetchone()[0]) for name in _called(text)} - set(_HARMLESS)
    cursor.execute("SELECT proname FROM pg_catalog.pg_proc WHERE proname = ANY(%s) AND provolatile = 'v' ORDER BY 1 LIMIT 1", (sorted(names),))
    found = cursor.fetchone()
    if found is not None:
        raise ManifestError(
            f"the question is refused: function {found[0]} may do more than answer",
            hint="see the views: provenance sql --tables; nothing can be changed here",
        )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


def _called(text: str) -> Iterator[str]:
    """Yield all that could be the name of a function that is called, also within literals: whoever took these out could be led astray by quotes."""
    yield from _CALLED.findall(text)
    for closed in _CLOSED.finditer(text):
        start = max(0, closed.start() - _MAX_NAME)
        parts = text[start : closed.start()].split('"')
        yield from ('"'.join(parts[i:]).replace('""', '"') for i in range(1, len(parts)))


def _answer(columns: tuple[str, ...], fetch: Callable[[int], list[tuple[Any, ...]]], limit: int | None) -> Answer:
    rows: list[tuple[Any, ...]] = []
    size = 0
    while limit is None or len(rows) <= limit:
        found = fetch(_ROWS_AT_ONCE if limit is None else min(_ROWS_AT_ONCE, limit + 1 - len(rows)))
        if not found:
            return Answer(columns=columns, rows=tuple(rows), cut=False)
        size += sum(_CELL_BYTES + (len(v) if isinstance(v, str | bytes) else 0) for row in found for v in row)
        if size > MAX_ANSWER_BYTES:
            raise RegistryError(
                f"the answer is larger than {MAX_ANSWER_BYTES // 1_000_000} MB", hint="ask for fewer columns, or in parts: LIMIT … OFFSET …"
            )
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
