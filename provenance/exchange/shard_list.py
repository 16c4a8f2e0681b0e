"""Shard lists as Parquet or CSV, for datasets of very many shards: columns ``path``, ``sha256``, ``size_bytes``."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provenance.errors import ManifestError
from provenance.fingerprint.digest import ShardLeaf, sort_leaves
from provenance.storage.urls import is_url, shown, url_fault

COLUMNS = ("path", "sha256", "size_bytes")
MAX_ROWS = 5_000_000
"""Most shards of one list."""


def load_shard_list(path: Path) -> tuple[ShardLeaf, ...]:
    """Return the shards that a list states, sorted by path.

    Raises:
        ManifestError: With the row, if the file is missing, lacks a column, or states what cannot be a shard.
    """
    rows = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    leaves = [_leaf(row, f"{path}:{number}") for number, row in rows]
    if not leaves:
        raise ManifestError(f"{path}: the shard list is empty")
    return sort_leaves(leaves)


def _leaf(row: tuple[Any, Any, Any], where: str) -> ShardLeaf:
    path, sha256, size = row
    if is_url(str(path)) and (fault := url_fault(str(path))):
        raise ManifestError(f"{where}: {shown(str(path))!r} {fault}")
    wild = sorted(set("*?[") & set(str(path)))
    if wild or str(path).startswith("/") or ".." in str(path).split("/"):
        raise ManifestError(f"{where}: {str(path)[:80]!r} must be one file below a data root: no wildcard, no .. and no leading /")
    try:
        digest = str(sha256) if str(sha256).startswith("sha256:") else f"sha256:{sha256}"
        return ShardLeaf(path=str(path or ""), sha256=digest, size_bytes=int(size))
    except (ValueError, TypeError) as err:
        raise ManifestError(f"{where}: not a shard: {err}") from err


def _csv(path: Path) -> Iterator[tuple[int, tuple[Any, Any, Any]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _check_columns(path, reader.fieldnames or ())
            for row in reader:
                _check_count(path, reader.line_num)
                yield reader.line_num, (row["path"], row["sha256"], row["size_bytes"])
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise ManifestError(f"{path}: the shard list cannot be read: {err}") from err


def _parquet(path: Path) -> Iterator[tuple[int, tuple[Any, Any, Any]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow.names)
            for batch in file.iter_batches(columns=list(COLUMNS), use_threads=False):
                values = batch.to_pydict()
                for row in zip(values["path"], values["sha256"], values["size_bytes"], strict=True):
                    number += 1
                    _check_count(path, number)
                    yield number, row
    except (OSError, pa.ArrowException) as err:
        raise ManifestError(f"{path}: the shard list cannot be read: {err}") from err


def _check_columns(path: Path, found: Any) -> None:
    missing = [c for c in COLUMNS if c not in found]
    if missing:
        raise ManifestError(f"{path}: the shard list lacks the column {missing[0]!r}; it has {', '.join(map(str, found))[:200] or 'none'}")


def _check_count(path: Path, number: int) -> None:
    if number > MAX_ROWS:
        raise ManifestError(f"{path}: more than {MAX_ROWS} shards in one list", hint="split the dataset")
