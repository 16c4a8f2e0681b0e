"""Content digests and the one Merkle root that dataset versions, runs, audits and clearances share (FORMATS, shard manifest). Standard library only."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import islice, repeat
from operator import add, lt
from pathlib import Path
from typing import Final, NoReturn, Protocol

from provenance.canonical import MAX_SAFE_INTEGER, canonical_bytes
from provenance.errors import ManifestError

BLOCK_BYTES = 1 << 20
_PREFIX = "sha256:"
_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}")
_PLAIN_LEAF: Final = re.compile(rb'\{"path":"([^"\\\x00-\x1f]+)","sha256":"(sha256:[0-9a-f]{64})","size_bytes":(0|[1-9][0-9]{0,14})\}')
"""A canonical leaf whose path needs no escape: being UTF-8, it is its own RFC 8785 form, so it need not be written again to be compared."""
_PLAIN_LINE: Final = re.compile(r'\{"path":"([^"]+)","sha256":"(sha256:[^"]{64})","size_bytes":(0|[1-9][0-9]{0,14})\}\n')
"""The same as a line of text, but for what is asked of all lines at once: escapes, control characters, digits."""
_ESCAPED: Final = bytes(range(0x20)) + b"\\"
_HEX: Final = b"0123456789abcdef"
_PREFIX_WITHOUT_HEX: Final = b"sh:"
_PIECES: Final = 4
"""What splitting by such lines gives for each: what stands before it, and its three values."""
_BLOCK_OF_LINES: Final = 1 << 16
"""Bytes of a manifest that are read at one go: few enough that their memory is used again, which saves a tenth."""
_LEAF, _NODE = b"\x00", b"\x01"  # RFC 6962 section 2.1: domain separation of leaves and nodes
_AT_ONCE: Final = 1 << 10
"""Lines whose hashes are folded at once; a power of two."""
EMPTY_ROOT: Final = _PREFIX + hashlib.sha256(b"").hexdigest()
"""The tree hash of no entries (RFC 6962 section 2.1): the version of a dataset of which only metadata is known. Nothing is ever cleared under it."""


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
        if type(self.size_bytes) is not int or self.size_bytes < 0:
            raise ValueError(f"{self.path}: size {self.size_bytes!r} is not a number of bytes")


# Slots of a frozen value are set once here, before anybody sees it: its constructor would check again what a pattern has checked.
_SET_PATH, _SET_SHA256, _SET_SIZE = (ShardLeaf.__dict__[name].__set__ for name in ("path", "sha256", "size_bytes"))


def is_digest(text: str) -> bool:
    """Tell whether text has the form ``sha256:<64 lower-case hex digits>``."""
    return _DIGEST.fullmatch(text) is not None


def hash_file(path: str | os.PathLike[str], *, on_bytes: Callable[[int], None] | None = None) -> tuple[str, int]:
    """Return ``(sha256:<hex>, size in bytes)`` of a local file, read once in blocks of 1 MiB.

    Raises:
        OSError: If the file cannot be read.
    """
    with Path(path).open("rb", buffering=0) as file:
        return hash_stream(file, on_bytes=on_bytes)


class Readable(Protocol):
    """What bytes are read from: open files of this machine and of stores."""

    def read(self, size: int, /) -> bytes | None:
        """Return at most ``size`` bytes, none at the end."""


def hash_stream(file: Readable, *, on_bytes: Callable[[int], None] | None = None) -> tuple[str, int]:
    """Return ``(sha256:<hex>, size in bytes)`` of the rest of an open binary file.

    Raises:
        OSError: If it cannot be read.
    """
    state, size = hashlib.sha256(), 0
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
    return _PREFIX + tree_hash([leaf_bytes(leaf) for leaf in ordered]).hex()


def tree_hash(entries: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of entries in the order given, 32 bytes.

    Source:
        RFC 6962 section 2.1; the hash of no entries is that of the empty string.
    """
    return _fold(_hash_each(_LEAF, entries))


def _fold(level: list[bytes]) -> bytes:
    """Return the tree hash over the hashes of its entries."""
    if not level:
        return hashlib.sha256(b"").digest()
    # The recursive split at the largest power of two (RFC 6962 section 2.1) equals pairing neighbours level by level and lifting an odd last node.
    while len(level) > 1:
        paired = _hash_each(_NODE, map(add, level[::2], level[1::2]))
        level = paired + ([level[-1]] if len(level) % 2 else [])
    return level[0]


def _hash_each(prefix: bytes, parts: Iterable[bytes]) -> list[bytes]:
    """Return the SHA-256 of each part behind a prefix. A state is copied for each, which costs a tenth less than to begin it."""
    begun = hashlib.sha256(prefix)
    hashes = []
    for part in parts:
        state = begun.copy()
        state.update(part)
        hashes.append(state.digest())
    return hashes


class TreeHash:
    """The Merkle tree hash of entries that come one by one, with memory for one digest a level.

    >>> TreeHash().digest() == tree_hash([])
    True
    """

    def __init__(self) -> None:
        """Begin with no entries."""
        self._peaks: list[tuple[int, bytes]] = []
        """(entries, hash) of whole subtrees, each larger than the next."""

    def add(self, entry: bytes) -> None:
        """Append an entry."""
        self.add_hashed([hashlib.sha256(_LEAF + entry).digest()])

    def add_hashed(self, hashes: list[bytes]) -> None:
        """Append entries by their leaf hashes: a power of two of them, and no more than were appended at once before."""
        size, digest = len(hashes), _fold(hashes)
        while self._peaks and self._peaks[-1][0] == size:
            _, left = self._peaks.pop()
            size, digest = 2 * size, hashlib.sha256(_NODE + left + digest).digest()
        self._peaks.append((size, digest))

    def digest(self) -> bytes:
        """Return the tree hash of the entries so far, 32 bytes."""
        if not self._peaks:
            return hashlib.sha256(b"").digest()
        *rest, (_, digest) = self._peaks
        for _, left in reversed(rest):
            digest = hashlib.sha256(_NODE + left + digest).digest()
        return digest

    @property
    def root(self) -> str:
        """``sha256:<hex>`` of the entries so far."""
        return _PREFIX + self.digest().hex()


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
    path = leaf.path
    if path.isascii() and path.isprintable() and '"' not in path and "\\" not in path and leaf.size_bytes <= MAX_SAFE_INTEGER:
        # Nothing in it needs an escape and the keys are in order, so this is what RFC 8785 makes of it, several times sooner.
        return f'{{"path":"{path}","sha256":"{leaf.sha256}","size_bytes":{leaf.size_bytes}}}'.encode("ascii")
    return canonical_bytes({"path": leaf.path, "sha256": leaf.sha256, "size_bytes": leaf.size_bytes})


def manifest_bytes(leaves: Sequence[ShardLeaf]) -> bytes:
    """Return the file form of a manifest: one canonical leaf a line, sorted by path."""
    return b"".join(leaf_bytes(leaf) + b"\n" for leaf in sort_leaves(leaves))


def iter_manifest(raw: bytes, *, where: str = "manifest") -> Iterator[ShardLeaf]:
    """Yield the leaves of a manifest file.

    Raises:
        ManifestError: With the line, if a line is not exactly the canonical form of a leaf, the order is wrong, or the last line does not end.
    """
    previous = ""
    for number, line in enumerate(_lines(raw, where), start=1):
        leaf = _parse_leaf(line, f"{where}:{number}")
        if leaf.path <= previous:
            raise ManifestError(f"{where}:{number}: path {leaf.path!r} is not in ascending order")
        previous = leaf.path
        yield leaf


def parse_manifest(raw: bytes, *, where: str = "manifest") -> tuple[tuple[ShardLeaf, ...], str]:
    """Return the leaves of a manifest file, and their Merkle root.

    Raises:
        ManifestError: As ``iter_manifest``, or if there is no leaf.
    """
    leaves = _plain_leaves(raw)
    if leaves is None:  # something needs an escape, or is wrong: this way says what
        leaves = tuple(iter_manifest(raw, where=where))
    # Every line has been found to be its leaf's canonical form, and in order: the lines are the tree's entries as they stand.
    return leaves, _root_of_lines(raw)


def _root_of_lines(raw: bytes) -> str:
    """Return the root over lines, part by part: a list of all lines would take as much memory as the leaves."""
    tree, lines = TreeHash(), BytesIO(raw)
    while part := [line[:-1] for line in islice(lines, _AT_ONCE)]:
        hashes = _hash_each(_LEAF, part)
        for together in [hashes] if len(hashes) == _AT_ONCE else [[one] for one in hashes]:
            tree.add_hashed(together)
    return tree.root


def _plain_leaves(raw: bytes) -> tuple[ShardLeaf, ...] | None:
    """Return the leaves of a manifest in which every line is plain and in order, ``None`` for any other.

    Cost:
        A microsecond a leaf: what Python does line by line takes three times as long, and a gate reads 10,000 of them before every start.
    """
    leaves: list[ShardLeaf] = []
    start, last = 0, ""
    while start < len(raw):
        end = raw.find(b"\n", start + _BLOCK_OF_LINES) + 1 or len(raw)
        try:
            text = raw[start:end].decode("utf-8")
        except UnicodeDecodeError:
            return None
        # What stands before, between and behind the lines that are found, and in turns their paths, digests and sizes.
        pieces = _PLAIN_LINE.split(text)
        paths, digests, sizes = (pieces[i::_PIECES] for i in (1, 2, 3))
        if any(pieces[::_PIECES]) or not _is_plain(paths, digests) or not (last < paths[0] and all(map(lt, paths, paths[1:]))):
            return None
        leaves += _checked_leaves(paths, digests, sizes)
        start, last = end, paths[-1]
    return tuple(leaves) or None


def _is_plain(paths: Sequence[str], digests: Sequence[str]) -> bool:
    """Tell whether paths need no escape and hold no control character, and digests nothing but digits."""
    names, digits = "".join(paths).encode("utf-8"), "".join(digests).encode("utf-8")
    return len(names.translate(None, _ESCAPED)) == len(names) and digits.translate(None, _HEX) == _PREFIX_WITHOUT_HEX * len(digests)


def _checked_leaves(paths: Sequence[str], digests: Sequence[str], sizes: Sequence[str]) -> list[ShardLeaf]:
    """Return leaves of values that the pattern of a plain line has let through, and that need not be looked at again one by one."""
    made = list(map(object.__new__, repeat(ShardLeaf, len(paths))))
    for setter, values in ((_SET_PATH, paths), (_SET_SHA256, digests), (_SET_SIZE, map(int, sizes))):
        deque(map(setter, made, values), maxlen=0)
    return made


def _lines(raw: bytes, where: str) -> list[bytes]:
    if not raw:
        raise ManifestError(f"{where}: it is empty: a shard manifest names at least one shard")
    *lines, rest = raw.split(b"\n")
    if rest:
        raise ManifestError(f"{where}: it is cut short: line {len(lines) + 1} does not end", hint="fetch the manifest anew")
    return lines


def _parse_leaf(line: bytes, where: str) -> ShardLeaf:
    plain = _PLAIN_LEAF.fullmatch(line)
    try:
        if plain is not None:
            path, digest, size = plain.groups()
            return ShardLeaf(path=path.decode("utf-8"), sha256=digest.decode("ascii"), size_bytes=int(size))
        raw = json.loads(line, parse_float=_refuse_number, parse_constant=_refuse_number)
        leaf = ShardLeaf(path=raw["path"], sha256=raw["sha256"], size_bytes=raw["size_bytes"])
        exact = leaf_bytes(leaf) == line
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as err:
        raise ManifestError(f"{where}: not a shard leaf: {err}") from err
    if not exact:
        raise ManifestError(f"{where}: not the canonical form of a leaf")
    return leaf


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is not a number of bytes")
