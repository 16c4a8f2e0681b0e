"""A ``GuardedDataset`` of shards that a function reads: counted, kept, taken along by workers."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pytest

from provenance.clearance.trust import trust_bytes
from provenance.hooks.gate import TrainingBlocked
from provenance.hooks.guard import Guard
from tests.fakes.clearances import ClearedWorld, cleared_world, sample_trust

torch_data = pytest.importorskip("torch.utils.data")
from provenance.hooks.torch import GuardedDataset  # noqa: E402 – imports torch

pytestmark = pytest.mark.torch
ALWAYS = {"issued": "2020-01-01T00:00:00Z", "not_before": "2020-01-01T00:00:00Z", "expires": "2999-01-01T00:00:00Z"}


def words(file: BinaryIO) -> list[bytes]:
    return file.read().split()


@dataclass
class Splitter:
    """A function with settings, as people write them: equal by value, and so without a hash."""

    by: bytes | None = None

    def __call__(self, file: BinaryIO) -> list[bytes]:
        """Return the parts of a file."""
        return file.read().split(self.by)


@pytest.fixture
def world(tmp_path: Path) -> ClearedWorld:
    made = cleared_world(tmp_path, **ALWAYS)
    made.trust.write_bytes(trust_bytes(sample_trust(window=("2019-01-01T00:00:00Z", "2999-12-31T00:00:00Z"))))
    return made


def expected(world: ClearedWorld) -> list[bytes]:
    return [word for name in ("chat/a.jsonl", "chat/b.jsonl", "human.txt") for word in (world.data / name).read_bytes().split()]


@pytest.mark.parametrize("keep", [None, 1, 0])
def test_what_a_function_reads_is_counted_and_numbered_in_a_worker_too(world: ClearedWorld, keep: int | None) -> None:
    guard = Guard.enter(world.clearance, roots=[world.data], trust=world.trust)
    data = GuardedDataset(guard, read=words if keep is None else Splitter(), keep=keep)
    wanted = expected(world)
    assert [data[number] for number in range(len(data))] == wanted
    moved = pickle.loads(pickle.dumps(data))  # as a worker that is started afresh gets it
    assert (len(moved), moved[-1], moved[0]) == (len(wanted), wanted[-1], wanted[0])
    loader = torch_data.DataLoader(data, batch_size=50, num_workers=1, collate_fn=list, multiprocessing_context="fork")
    assert [word for batch in loader for word in batch] == wanted


def test_what_is_not_kept_is_read_again_and_checked(world: ClearedWorld) -> None:
    guard = Guard.enter(world.clearance, roots=[world.data], trust=world.trust)
    kept, fresh = GuardedDataset(guard, read=words), GuardedDataset(guard, read=words, keep=0)
    last = expected(world)[-1]
    file = world.data / "human.txt"
    file.write_bytes(file.read_bytes()[::-1])
    assert kept[-1] == last  # a copy that no later change reaches
    with pytest.raises(TrainingBlocked, match=r"human\.txt: changed"):
        fresh[-1]
