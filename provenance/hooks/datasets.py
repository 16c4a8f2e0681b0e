"""What a trainer was given by the ``datasets`` package, resolved to the registered shards it was made from."""

from __future__ import annotations

from provenance.clearance.check import GatePass
from provenance.fingerprint.digest import ShardLeaf
from provenance.hooks.gate import TrainingBlocked


def shards_behind(dataset: object, passed: GatePass) -> tuple[ShardLeaf, ...]:
    """Return the registered shards that a dataset was made from, sorted by path. Prints nothing, ends nothing.

    Args:
        dataset: ``Dataset``, ``IterableDataset``, ``DatasetDict`` or ``IterableDatasetDict`` of the ``datasets`` package, whatever was done to it since.
        passed: What the gate verified.

    Raises:
        TrainingBlocked: If any of it was made from what was not registered, cannot be traced, or is of a class that is not known.
    """
    raise TrainingBlocked((f"what a {type(dataset).__qualname__} was made from is not told",), clearance=passed.clearance.manifest_root)
