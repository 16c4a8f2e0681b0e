"""A throw-away PostgreSQL server for tests, where one is installed."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text

_NUMBERS = itertools.count()
_IN_MEMORY, _ROOM_BYTES = Path("/dev/shm"), 4 << 30
"""A fresh database is 300 files: on some disks removing those of a test run takes minutes."""
_OWNERS = ("postgres", "nobody")  # the server refuses to run as root


class PostgresMissingError(Exception):
    """Says why no server could be started."""


@contextmanager
def postgres_server() -> Iterator[str]:
    """Start a server on a socket in a temporary folder and yield the URL of its administrative database.

    Raises:
        PostgresMissingError: If the server or its Python driver is not installed, or the server does not start.
    """
    if importlib.util.find_spec("psycopg") is None:
        raise PostgresMissingError("the driver psycopg is not installed")
    binaries = _binaries()
    owner = _owner()
    with tempfile.TemporaryDirectory(prefix="pg", dir=_place(), ignore_cleanup_errors=True) as folder:
        if owner is not None:
            shutil.chown(folder, owner)
        state = Path(folder) / "state"
        _run([str(binaries / "initdb"), "-D", str(state), "-U", "test", "-A", "trust", "-E", "UTF8", "--no-sync"], owner)
        settings = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        control = [str(binaries / "pg_ctl"), "-D", str(state), "-w", "-s"]
        _run([*control, "-o", settings, "-l", f"{folder}/server.log", "start"], owner)
        try:
            yield f"postgresql+psycopg://test@/postgres?host={folder}"
        finally:
            _run([*control, "-m", "immediate", "stop"], owner)


def fresh_database(server: str) -> str:
    """The URL of a new, empty database on a server."""
    name = f"registry{next(_NUMBERS)}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.replace("/postgres?", f"/{name}?")


def _place() -> str:
    """Return where the server's files go: into memory where there is room. Both names are short, as the path of a socket must be."""
    try:
        roomy = shutil.disk_usage(_IN_MEMORY).free >= _ROOM_BYTES and os.access(_IN_MEMORY, os.W_OK | os.X_OK)
    except OSError:
        roomy = False
    return str(_IN_MEMORY) if roomy else "/tmp"


def _binaries() -> Path:
    found = [Path(p) for p in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    on_path = shutil.which("pg_ctl")
    found += [Path(on_path).resolve().parent] if on_path else []
    for folder in found:
        if (folder / "pg_ctl").is_file() and (folder / "initdb").is_file():
            return folder
    raise PostgresMissingError("no pg_ctl is installed")


def _owner() -> str | None:
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in _OWNERS:
        if name in known:
            return name
    raise PostgresMissingError("there is no user but root to run it as")


def _run(command: list[str], owner: str | None) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, user=owner, cwd="/tmp", timeout=60, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as err:
        raise PostgresMissingError(f"{Path(command[0]).name} failed: {err} {getattr(err, 'stderr', b'')!r}") from err
