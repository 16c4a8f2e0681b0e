"""Files that arguments name: themselves, or what is below folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from provenance.cli.context import CommandContext

DATA_SUFFIXES = frozenset({".jsonl", ".ndjson", ".json", ".parquet", ".txt", ".md", ".gz", ".zst", ".bz2", ".arrow", ".npy", ".bin"})
REFERENCE_SUFFIXES = (DATA_SUFFIXES - {".arrow", ".npy", ".bin"}) | {".pack"}


def files_below(ctx: CommandContext, given: Iterable[Path], *, suffixes: frozenset[str] = DATA_SUFFIXES) -> Iterator[Path]:
    """Yield files, and the data files below folders, sorted."""
    for path in map(ctx.path, given):
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in suffixes)
        else:
            yield path
