"""Digests of registered facts: what makes two recordings of a dataset version the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from provenance.canonical import MAX_SAFE_INTEGER, canonical_bytes, digest_of
from provenance.errors import ManifestError, RegistryError
from provenance.fingerprint.digest import EMPTY_ROOT, ShardLeaf, merkle_root
from provenance.model.dataset import Dataset, DatasetVersion, Shard, ShardDigests
from provenance.model.match import ScanResult
from provenance.model.wire import to_wire

_PLAIN_FACTS = 8  # facts of a shard of which nobody counted the licences of records
_CHUNK = 1000  # shards hashed per canonical text: long enough to amortise the call


def facts_digest(dataset: Dataset, shards: Sequence[Shard], digests: ShardDigests = ShardDigests.READ) -> str:
    """Return ``sha256:<hex>`` over a dataset's facts and all that is known of its shards, in their order.

    Facts that equal their field's default are left out, so that a field which a later version adds does not change the digest of what was recorded before.

    Raises:
        ManifestError: If a fact cannot be written as canonical JSON.
    """
    state = FactsState(dataset, digests)
    for shard in shards:
        state.add(shard)
    return state.digest()


class FactsState:
    """Makes a facts digest of shards that come one by one."""

    def __init__(self, dataset: Dataset, digests: ShardDigests) -> None:
        """Begin with the facts of the dataset and no shards."""
        self._dataset, self._digests = dataset, digests
        self._state, self._chunk = hashlib.sha256(), list[Any]()

    def add(self, shard: Shard) -> None:
        """Append a shard.

        Raises:
            ManifestError: If a fact cannot be written as canonical JSON.
        """
        self._chunk.append(_shard_facts(shard))
        if len(self._chunk) == _CHUNK:
            self._flush()

    def digest(self) -> str:
        """Return ``sha256:<hex>`` over the dataset's facts and all shards; nothing may be added afterwards.

        Raises:
            ManifestError: If a fact cannot be written as canonical JSON.
        """
        self._flush()
        try:
            facts = {"dataset": _sparse(self._dataset), "shards": "sha256:" + self._state.hexdigest()}
            return digest_of(facts if self._digests is ShardDigests.READ else {**facts, "digests": self._digests.value})
        except ValueError as err:
            raise self._unstorable(err) from err

    def _flush(self) -> None:
        try:
            self._state.update(_chunk_bytes(self._chunk) if self._chunk else b"")
        except ValueError as err:
            raise self._unstorable(err) from err
        self._chunk = []

    def _unstorable(self, err: ValueError) -> ManifestError:
        return ManifestError(f"dataset {self._dataset.name!r}: cannot be recorded: {err}")


def verify_version(version: DatasetVersion) -> None:
    """Check that a version's root digest is the Merkle root of its shards, that no file is listed twice, and that no text holds NUL.

    Raises:
        ManifestError: If it is not so.
    """
    name = version.dataset.name
    verify_facts(version.dataset, version.created)
    places = {(s.root, s.path) for s in version.shards}
    if len(places) != len(version.shards):
        raise ManifestError(f"dataset {name!r}: a shard is listed twice")
    try:
        leaves = [ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in version.shards]
        root = merkle_root(leaves) if leaves else EMPTY_ROOT
    except ManifestError:
        raise
    except ValueError as err:
        raise ManifestError(f"dataset {name!r}: {err}") from err
    if root != version.root_digest:
        raise ManifestError(f"dataset {name!r}: the shards' Merkle root is {root}, the version says {version.root_digest}")
    for shard in version.shards:
        verify_shard(name, shard)


def verify_facts(dataset: Dataset, created: str) -> None:
    """Check that a dataset has a name and that no fact holds NUL.

    Raises:
        ManifestError: If it is not so.
    """
    if not dataset.name or _has_nul(to_wire(dataset)) or _has_nul(created):
        raise ManifestError(f"dataset {dataset.name!r}: the name is empty or a fact holds a NUL character")


def verify_shard(name: str, shard: Shard) -> None:
    """Check what is known of a shard beside its leaf.

    Raises:
        ManifestError: If a count is negative or a text holds NUL.
    """
    _check_counts(name, shard)
    if shard.licenses and _has_nul(to_wire(shard.licenses)):
        raise ManifestError(f"dataset {name!r}: shard {shard.path!r}: the name of a licence holds a NUL character")


def scan_digest(result: ScanResult) -> str:
    """Return the digest of a scan result.

    Raises:
        RegistryError: If it holds text that is no Unicode, NUL, or a number beyond 2**53 - 1.
    """
    wire = to_wire(result)
    for name in ("left_out", "suspected_records", "suspects", "suspects_evidence", "frame", "segments", "touched"):
        if not getattr(result, name):
            wire.pop(name, None)  # as digests were made before scans told of these
    try:
        digest = digest_of(wire)
    except ValueError as err:
        raise RegistryError(f"scan of {result.path!r}: cannot be recorded: {err}") from err
    if _has_nul(wire):
        raise RegistryError(f"scan of {result.path!r}: cannot be recorded: it holds a NUL character")
    return digest


def revision_digest(versions: Iterable[tuple[str, str, str]]) -> str:
    """Return the digest over the newest (name, root digest, facts digest) of all datasets."""
    return digest_of([list(v) for v in sorted(versions)])


def _check_counts(name: str, shard: Shard) -> None:
    counts = (shard.records, shard.words, shard.unread_records)
    if "\x00" in shard.root or any(c is not None and c < 0 for c in counts):
        raise ManifestError(f"dataset {name!r}: shard {shard.path!r} has a negative count or a NUL character in its root's name")


def _shard_facts(shard: Shard) -> list[Any]:
    facts = [shard.path, shard.root, shard.sha256, shard.size_bytes, shard.records, shard.words, shard.format.value, shard.unread_records]
    return [*facts, to_wire(shard.licenses)] if shard.licenses else facts


def _chunk_bytes(chunk: list[Any]) -> bytes:
    """Return canonical JSON of shards' facts."""
    if all(len(facts) == _PLAIN_FACTS for facts in chunk) and all(v <= MAX_SAFE_INTEGER for facts in chunk for v in facts if isinstance(v, int)):
        # Lists of texts and safe whole numbers: there are no keys to put in order, so the plain writer makes the same bytes.
        return json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode()
    return canonical_bytes(chunk)


def _sparse(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        kept = {f: getattr(value, f.name) for f in dataclasses.fields(value)}
        return {str(f.metadata.get("wire", f.name)): _sparse(v) for f, v in kept.items() if v != _default(f)}
    if isinstance(value, tuple):
        return [_sparse(v) for v in value]
    return to_wire(value)


def _default(field: dataclasses.Field[Any]) -> Any:
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _has_nul(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_nul(v) for v in value.values())
    if isinstance(value, list):
        return any(_has_nul(v) for v in value)
    return isinstance(value, str) and "\x00" in value
