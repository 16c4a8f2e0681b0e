"""The head of the log, kept beside a SQLite file by whoever wrote last.

A chain cannot show by itself that its last rows are gone, as where the write-ahead log was cut short or an older copy of the file was put back. This note can:
its head must be in the chain. It is written after the commit, so a process that is killed in between leaves an older head, which is in the chain too.
A PostgreSQL server guards its own log of writes, and has no place beside it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from provenance.registry.aside import writing_aside

_HEAD = re.compile(r"sha256:[0-9a-f]{64}")


def head_file(database: Path) -> Path:
    """Return the file that holds the head of a SQLite registry."""
    return database.with_name(database.name + "-head")


def keep_head(database: Path | None, head: str) -> None:
    """Note the head of the log; where it cannot be written the older one stays, which holds as well."""
    if database is None:
        return
    with suppress(OSError), writing_aside(database.parent) as aside:
        aside.file.write(f"{head}\n".encode())
        aside.file.flush()
        aside.keep(head_file(database))


def kept_head(database: Path | None) -> str | None:
    """Return the head that was noted last, ``None`` where there is none or it cannot be read."""
    if database is None:
        return None
    try:
        text = head_file(database).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return text if _HEAD.fullmatch(text) else None
