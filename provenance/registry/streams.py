"""Versions of so many shards that they are never all in memory: their digests, and the checks that need no second look."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from provenance.errors import ManifestError
from provenance.fingerprint.digest import ShardLeaf, TreeHash, leaf_bytes
from provenance.model.dataset import DatasetVersion, Shard
from provenance.ports import StreamSummary
from provenance.registry.digests import FactsState, verify_facts, verify_shard


def summarize_stream(version: DatasetVersion, shards: Iterable[Shard]) -> StreamSummary:
    """Return root, facts digest and totals of a version, checked as ``digests.verify_version`` checks one in memory.

    Args:
        version: The facts; its own shards do not count.
        shards: Ascending by (path, root), each once.

    Raises:
        ManifestError: If the order is not that, or a fact cannot be stored.
    """
    name = version.dataset.name
    verify_facts(version.dataset, version.created)
    tree, facts, count, size, previous = TreeHash(), FactsState(version.dataset, version.digests), 0, 0, None
    for shard in shards:
        verify_shard(name, shard)
        if _is_new(shard, previous, name):
            tree.add(_leaf(shard, name))
        facts.add(shard)
        count, size, previous = count + 1, size + shard.size_bytes, shard
    return StreamSummary(root_digest=tree.root, facts_digest=facts.digest(), shards=count, size_bytes=size)


def _is_new(shard: Shard, previous: Shard | None, name: str) -> bool:
    """Tell whether a shard is a leaf of its own: the same file under the same path in another data root is not."""
    if previous is None or shard.path > previous.path:
        return True
    if (shard.path, shard.root) <= (previous.path, previous.root):
        raise ManifestError(f"dataset {name!r}: shard {shard.path!r} is listed twice, or not in the order of paths")
    if (shard.sha256, shard.size_bytes) != (previous.sha256, previous.size_bytes):
        raise ManifestError(f"shard path {shard.path!r} stands for two different files", hint="give the data roots' files different paths")
    return False


def _leaf(shard: Shard, name: str) -> bytes:
    try:
        return leaf_bytes(ShardLeaf(path=shard.path, sha256=shard.sha256, size_bytes=shard.size_bytes))
    except ValueError as err:
        raise ManifestError(f"dataset {name!r}: {err}") from err


def batched(shards: Iterable[Shard], size: int) -> Iterator[list[Shard]]:
    """Yield the shards in lists of at most ``size``."""
    rest = iter(shards)
    while chunk := list(islice(rest, size)):
        yield chunk
