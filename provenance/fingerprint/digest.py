"""Content digests and the one Merkle root that dataset versions, runs, audits and clearances share (FORMATS, shard manifest). Standard library only."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from provenance.canonical import canonical_bytes
from provenance.errors import ManifestError

BLOCK_BYTES = 1 << 20
_PREFIX = "sha256:"
_LEAF, _NODE = b"\x00", b"\x01"  # RFC 6962 section 2.1: domain separation of leaves and nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardLeaf:
    """One line of a shard manifest."""

    path: str
    sha256: str
    size_bytes: int

    def __post_init__(self) -> None:
        """Refuse what cannot be a shard."""
        if not self.path or "\x00" in self.path:
            raise ValueError(f"shard path {self.path!r} is empty or holds NUL")
        if not is_digest(self.sha256):
            raise ValueError(f"{self.path}: {self.sha256!r} is not sha256:<64 hex digits>")
        if self.size_bytes < 0:
            raise ValueError(f"{self.path}: negative size {self.size_bytes}")


def is_digest(text: str) -> bool:
    """Tell whether text has the form ``sha256:<64 lower-case hex digits>``."""
    return len(text) == len(_PREFIX) + 64 and text.startswith(_PREFIX) and all(c in "0123456789abcdef" for c in text[len(_PREFIX) :])


def hash_file(path: str | os.PathLike[str], *, on_bytes: Callable[[int], None] | None = None) -> tuple[str, int]:
    """Return ``(sha256:<hex>, size in bytes)`` of a local file, read once in blocks of 1 MiB.

    Raises:
        OSError: If the file cannot be read.
    """
    state, size = hashlib.sha256(), 0
    with Path(path).open("rb", buffering=0) as file:
        while block := file.read(BLOCK_BYTES):
            state.update(block)
            size += len(block)
            if on_bytes is not None:
                on_bytes(len(block))
    return _PREFIX + state.hexdigest(), size


def merkle_root(leaves: Iterable[ShardLeaf]) -> str:
    """Return ``sha256:<hex>``: the RFC 6962 Merkle tree hash over the leaves' canonical JSON, sorted by path.

    Raises:
        ManifestError: If a path occurs twice with other bytes, or there are no leaves: an empty manifest clears nothing.
    """
    ordered = sort_leaves(leaves)
    if not ordered:
        raise ManifestError("a shard manifest without shards has no root")
    level = [hashlib.sha256(_LEAF + leaf_bytes(leaf)).digest() for leaf in ordered]
    # The recursive split at the largest power of two (RFC 6962 section 2.1) equals pairing neighbours level by level and lifting an odd last node.
    while len(level) > 1:
        paired = [hashlib.sha256(_NODE + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = paired + ([level[-1]] if len(level) % 2 else [])
    return _PREFIX + level[0].hex()


def sort_leaves(leaves: Iterable[ShardLeaf]) -> tuple[ShardLeaf, ...]:
    """Return the leaves sorted by path, exact repeats once.

    Raises:
        ManifestError: If one path stands for different bytes.
    """
    by_path: dict[str, ShardLeaf] = {}
    for leaf in leaves:
        if by_path.setdefault(leaf.path, leaf) != leaf:
            raise ManifestError(f"shard path {leaf.path!r} stands for two different files", hint="give the data roots' files different paths")
    return tuple(by_path[path] for path in sorted(by_path))


def leaf_bytes(leaf: ShardLeaf) -> bytes:
    """Return a leaf's canonical JSON."""
    return canonical_bytes({"path": leaf.path, "sha256": leaf.sha256, "size_bytes": leaf.size_bytes})


def manifest_bytes(leaves: Sequence[ShardLeaf]) -> bytes:
    """Return the file form of a manifest: one canonical leaf a line, sorted by path."""
    return b"".join(leaf_bytes(leaf) + b"\n" for leaf in sort_leaves(leaves))


def iter_manifest(raw: bytes, *, where: str = "manifest") -> Iterator[ShardLeaf]:
    """Yield the leaves of a manifest file.

    Raises:
        ManifestError: With the line, if a line is not exactly the canonical form of a leaf, or the order is wrong.
    """
    previous = None
    for number, line in enumerate(raw.split(b"\n")[:-1] if raw.endswith(b"\n") else raw.split(b"\n"), start=1):
        leaf = _parse_leaf(line, f"{where}:{number}")
        if previous is not None and leaf.path <= previous:
            raise ManifestError(f"{where}:{number}: path {leaf.path!r} is not in ascending order")
        previous = leaf.path
        yield leaf


def _parse_leaf(line: bytes, where: str) -> ShardLeaf:
    try:
        raw = json.loads(line)
        leaf = ShardLeaf(path=raw["path"], sha256=raw["sha256"], size_bytes=raw["size_bytes"])
        exact = leaf_bytes(leaf) == line
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as err:
        raise ManifestError(f"{where}: not a shard leaf: {err}") from err
    if not exact:
        raise ManifestError(f"{where}: not the canonical form of a leaf")
    return leaf
