"""Write a shard again without some of its records: the bytes of every other record stay as they are."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from provenance.errors import ShardReadError
from provenance.ingest.files import COMPRESSIONS, ByteSource, split_name
from provenance.ingest.jsonl import is_blank, starts_array
from provenance.ingest.lines import iter_line_blocks
from provenance.ingest.reader import format_of
from provenance.model.dataset import ShardFormat
from provenance.storage.stores import PLAIN_STORES

_PARQUET = frozenset({".parquet", ".pq"})
_LINE_FORMATS = frozenset({".jsonl", ".ndjson", ".json"})


def check_format(source: str) -> None:
    """Refuse a shard of a format that cannot lose a record.

    Raises:
        ShardReadError: If it is one.
    """
    ending = split_name(source)[1]
    if ending not in _PARQUET and ending not in _LINE_FORMATS:
        form = format_of(source)
        if form is not None and form is not ShardFormat.TEXT:
            raise ShardReadError(
                f"{source}: is written by another tool and cannot lose a record here ({form.value})",
                hint="drop the record from its source and write it again",
            )
        raise ShardReadError(f"{source}: holds one document and cannot lose a record", hint="take the whole file out of the dataset")


class Rewriter:
    """Implements ``ports.ShardRewriter`` for local files."""

    def without(self, source: str, target: str, *, records: frozenset[int], lines: frozenset[int]) -> int:
        """Write ``source`` to ``target`` without some records, and return how many were left out.

        Args:
            source: Local path of the shard.
            target: Local path to write; it appears whole or not at all.
            records: 0-based records to leave out, where the format has no lines.
            lines: 1-based lines to leave out, where it has.

        Raises:
            ShardReadError: If the shard is damaged, or its format cannot be written again.
        """
        check_format(source)
        ending = split_name(source)[1]
        part = Path(target + ".part")
        try:
            dropped = _rewrite_parquet(source, part, records) if ending in _PARQUET else _rewrite_lines(source, part, lines)
            _require_all(source, dropped, len(records if ending in _PARQUET else lines))
            part.replace(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return dropped


def _require_all(source: str, dropped: int, wanted: int) -> None:
    if dropped != wanted:
        raise ShardReadError(f"{source}: holds {dropped} of the {wanted} records to be left out", hint="run the audit again")


def _rewrite_lines(source: str, target: Path, lines: frozenset[int]) -> int:
    dropped, begun = 0, split_name(source)[1] != ".json"
    with ByteSource(source, PLAIN_STORES) as raw, _open_output(target, split_name(source)[2]) as out:
        for block in iter_line_blocks(raw, source):
            if block.overlong:
                raise ShardReadError(f"{source}:{block.first_line}: line is too long to be copied", hint="split the shard first")
            if not begun and starts_array(block):
                raise ShardReadError(
                    f"{source}: is one JSON array and cannot lose a record", hint="convert it to JSON Lines, register and audit it again"
                )
            begun |= not is_blank(block)
            kept = [line for number, line in enumerate(block.lines, block.first_line) if number not in lines]
            dropped += len(block.lines) - len(kept)
            out.write(b"".join(line + b"\n" for line in kept))
        if raw.damage is not None:
            raise ShardReadError(f"{source}: {raw.damage}", hint="restore the shard before mending it")
    _sync(target)
    return dropped


@contextmanager
def _open_output(target: Path, compression: str) -> Iterator[IO[bytes]]:
    name = COMPRESSIONS.get(compression, "")
    if name == "zstd":
        with pa.CompressedOutputStream(str(target), "zstd") as out:
            yield cast("IO[bytes]", out)
        return
    with target.open("wb") as raw:
        if name == "gzip":
            with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:  # no name or time: the same records give the same bytes
                yield cast("IO[bytes]", packed)
        elif name in {"bzip2", "xz"}:
            with bz2.BZ2File(raw, "wb") if name == "bzip2" else lzma.LZMAFile(raw, "wb") as small:
                yield cast("IO[bytes]", small)
        else:
            yield raw


def _rewrite_parquet(source: str, target: Path, records: frozenset[int]) -> int:
    dropped = first = 0
    try:
        with pq.ParquetFile(source) as file, pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as out:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group, use_threads=False)
                gone = [r - first for r in records if first <= r < first + table.num_rows]
                keep = np.ones(table.num_rows, dtype=bool)
                keep[gone] = False
                out.write_table(table.filter(pa.array(keep)))
                dropped, first = dropped + len(gone), first + table.num_rows
    except (pa.ArrowException, OSError) as err:
        raise ShardReadError(f"{source}: cannot be copied: {err}", hint="restore the shard before mending it") from err
    _sync(target)
    return dropped


def _sync(target: Path) -> None:
    with target.open("rb") as file:
        os.fsync(file.fileno())
