"""Shards as a source states them: nobody has read their bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from provenance.exchange.sources import Reading, path_fault
from provenance.fingerprint.digest import is_digest
from provenance.model.dataset import Shard, ShardFormat

FormatOf = Callable[[str], ShardFormat | None]
"""Tells a file's format by its path, ``None`` where nothing reads it."""
MAX_SIZE = 2**53 - 1
"""Largest size that canonical JSON can hold, bytes."""


def by_ending(format_of: FormatOf) -> FormatOf:
    """Return the same, asked once for each ending: a million names have few."""
    known: dict[str, ShardFormat | None] = {}

    def told(path: str) -> ShardFormat | None:
        if "://" in path:
            return format_of(path)
        ending = ".".join(("x", *path.rpartition("/")[2].rsplit(".", 2)[1:]))
        if ending not in known:
            known[ending] = format_of(ending)
        return known[ending]

    return told


def declared_shard(path: str, sha256: str, size_bytes: int, *, root: str, format_of: FormatOf) -> Shard | str:
    """Return a shard, or why there is none."""
    if fault := path_fault(path):
        return f"{path[:80]!r} {fault}"
    digest = sha256.lower() if sha256.lower().startswith("sha256:") else f"sha256:{sha256.lower()}"
    if not is_digest(digest):
        return f"{sha256[:80]!r} is not a SHA-256 of 64 hex digits"
    if not 0 <= size_bytes <= MAX_SIZE:
        return f"{size_bytes} is not a size in bytes"
    form = format_of(path)
    if form is None:
        return f"{path[:80]!r}: no reader knows its ending"
    return Shard(path=path, root=root, sha256=digest, size_bytes=size_bytes, format=form)


def in_order(shards: Iterable[Shard], reading: Reading) -> tuple[Shard, ...]:
    """Return shards ascending by path; a path that stands for two different files is a problem, and neither of them is kept."""
    by_path: dict[str, Shard] = {}
    twice: set[str] = set()
    for shard in shards:
        if by_path.setdefault(shard.path, shard) != shard and shard.path not in twice:
            twice.add(shard.path)
            reading.problem(f"{shard.path[:80]!r} stands for two different files: neither is recorded")
    return tuple(by_path[p] for p in sorted(by_path) if p not in twice)
