"""Sketches of a reference set in a Parquet file that datasketch reads without us, and where a Redis URL says that its ``MinHashLSH`` keeps them.

A row holds an id, the bytes of ``LeanMinHash.serialize`` (little endian) and how many distinct 5-grams are behind them. Nothing in it is a pickle, and nothing a text:
the file can be read from anybody, and finds no passage.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from provenance.errors import ConfigError, FingerprintError, SchemeMismatchError
from provenance.fingerprint.interop import from_minhashes
from provenance.matching.interop import SKETCH_SCHEME, KeyedSketches, StorageConfig, iter_lean

FORMAT, VERSION = "provenance.sketches", 1
BYTE_ORDER = "<"
"""Of the serialized sketches: the same bytes on every machine."""
_HEADER = FORMAT.encode()
_FIELDS: list[pa.Field[Any]] = [
    pa.field("id", pa.string(), nullable=False),
    pa.field("sketch", pa.binary(), nullable=False),
    pa.field("windows", pa.int64()),
]
_COLUMNS = pa.schema(_FIELDS)
_REDIS_PORT = 6379


def dump_sketches(given: KeyedSketches, *, name: str, digest: str) -> bytes:
    """Return the Parquet file of some sketches, by their keys as text.

    Args:
        given: The sketches.
        name: Of the set that they are of.
        digest: Of that set.
    """
    rows = []
    for key, lean in iter_lean(given):
        raw = bytearray(lean.bytesize(BYTE_ORDER))
        lean.serialize(raw, BYTE_ORDER)
        rows.append((str(key).encode("utf-8", "backslashreplace").decode(), bytes(raw)))  # a lone surrogate has no UTF-8
    header = {
        "format": FORMAT,
        "version": VERSION,
        "set": name,
        "digest": digest,
        "scheme": SKETCH_SCHEME,
        "one_in": given.one_in,
        "byteorder": BYTE_ORDER,
    }
    columns: list[pa.Array[Any]] = [
        pa.array([key for key, _ in rows], pa.string()),
        pa.array([raw for _, raw in rows], pa.binary()),
        pa.array([size or None for size in given.sizes.tolist()], pa.int64()),
    ]
    table = pa.Table.from_arrays(columns, schema=_COLUMNS.with_metadata({_HEADER: orjson.dumps(header)}))
    out = pa.BufferOutputStream()
    pq.write_table(table, out, compression="zstd", use_dictionary=False)
    return out.getvalue().to_pybytes()


def load_sketches(path: Path) -> KeyedSketches:
    """Return the sketches of a file that ``dump_sketches`` made.

    Raises:
        FingerprintError: If it is no such file.
        SchemeMismatchError: If the sketches were made by other rules, and so cannot be compared with this version's.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as err:
        raise FingerprintError(f"{path}: cannot be read as a file of sketches: {err}") from err
    header = _read_header(table, path)
    if header.get("scheme") != SKETCH_SCHEME:
        raise SchemeMismatchError(
            f"{path}: the sketches are {header.get('scheme')}, expected {SKETCH_SCHEME}", hint="export the set again with this version"
        )
    sizes = np.array([size or 0 for size in table.column("windows").to_pylist()], dtype=np.int64)
    return KeyedSketches(tuple(table.column("id").to_pylist()), from_minhashes(_read_lean(table, path)), sizes, int(header["one_in"]))


def _read_header(table: pa.Table, path: Path) -> dict[str, Any]:
    try:
        header = orjson.loads((table.schema.metadata or {}).get(_HEADER, b"null"))
    except orjson.JSONDecodeError:
        header = None
    if (
        not isinstance(header, dict)
        or (header.get("format"), header.get("version")) != (FORMAT, VERSION)
        or not isinstance(header.get("one_in"), int)
    ):
        raise FingerprintError(
            f"{path}: not a file of sketches, of version {VERSION}", hint="provenance reference export SET -f datasketch -o FILE makes one"
        )
    if not table.schema.remove_metadata().equals(_COLUMNS):
        raise FingerprintError(f"{path}: the columns are {', '.join(table.column_names)}; expected {', '.join(_COLUMNS.names)} of their types")
    return header


def _read_lean(table: pa.Table, path: Path) -> list[Any]:
    from datasketch import LeanMinHash

    found = []
    for number, raw in enumerate(table.column("sketch").to_pylist()):
        try:
            found.append(LeanMinHash.deserialize(raw, BYTE_ORDER))
        except (struct.error, ValueError, KeyError, MemoryError) as err:
            raise FingerprintError(f"{path}: row {number} holds no serialized LeanMinHash: {err}") from err
    return found


def redis_storage(url: str, basename: str, *, password: str = "") -> StorageConfig:
    """Return the storage that a URL names, as datasketch takes it: ``redis://[user[:password]@]host[:port][/database]``, ``rediss://…`` encrypted.

    Args:
        url: The URL.
        basename: What the index is called there.
        password: Where the URL has none.

    Raises:
        ConfigError: If it is no such URL. The message does not repeat it: it may hold a password.
    """
    hint = "such as: redis://redis.example.org:6379/0"
    try:
        parts = urlsplit(url)
        port, database = parts.port, int(parts.path.strip("/") or 0)
    except ValueError as err:
        raise ConfigError("the URL of the Redis storage has a port or database that is no number", hint=hint) from err
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError("the Redis storage is not given as redis:// or rediss:// with a host, and nothing after the database", hint=hint)
    server: dict[str, Any] = {"host": parts.hostname, "port": port or _REDIS_PORT, "db": database}
    if parts.scheme == "rediss":
        server["ssl"] = True
    if parts.username:
        server["username"] = unquote(parts.username)
    if parts.password or password:
        server["password"] = unquote(parts.password) if parts.password else password
    return {"type": "redis", "basename": basename.encode(), "redis": server}
