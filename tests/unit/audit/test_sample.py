"""A sample looks at its share of the records, can be drawn again, and bounds what the others may hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from provenance.audit.sample import Sample, sample_registered, take_rows
from provenance.audit.scan import Finders, ShardToScan
from provenance.matching.score import binomial_upper_bound
from tests.fakes.matching import make_batch
from tests.fakes.world import Planted, PlantedMatcher, World, plain_dataset, work_reference

PASSAGE = "a lamp that nobody owns is a lamp that somebody brought"
RECORDS, EVERY = 1000, 25
FILE = b"".join(b"%d %s\n" % (n, PASSAGE.encode() if n % EVERY == 0 else b"nothing to see") for n in range(RECORDS))


def sample(world: World, share: float, seed: int = 0, *, explained: bool = False) -> Sample:
    version = world.register(plain_dataset(), "a.jsonl")
    targets = [ShardToScan(dataset=version.dataset, shard=s, location=world.disk.locate(s.path, root=s.root)) for s in version.shards]
    matcher = PlantedMatcher(Planted(PASSAGE, work_reference(), explained=explained))
    samples, problems = sample_registered(targets, Finders(matcher, world.tools.suspects), world.tools, share=share, seed=seed)
    assert problems == []
    return samples[0]


def test_all_records_are_no_estimate() -> None:
    found = sample(World({"a.jsonl": FILE}), 1.0)
    assert (found.records, found.sampled, found.sharing, found.upper_records) == (RECORDS, RECORDS, RECORDS // EVERY, RECORDS // EVERY)
    assert found.upper_share == pytest.approx(1 / EVERY)


def test_a_sample_holds_about_its_share_and_can_be_drawn_again() -> None:
    world = World({"a.jsonl": FILE})
    found = sample(world, 0.2)
    assert abs(found.sampled - 200) < 5 * math.sqrt(RECORDS * 0.2 * 0.8)
    assert sample(world, 0.2) == found
    assert len({sample(world, 0.2, seed).sampled for seed in range(8)}) > 1


def test_the_bound_holds_for_nineteen_samples_of_twenty() -> None:
    world = World({"a.jsonl": FILE})
    held = sum(sample(world, 0.1, seed).upper_share >= 1 / EVERY for seed in range(200))
    assert held >= 180  # with 95 % for each, fewer come once in a thousand times


def test_explained_matches_are_no_share() -> None:
    assert sample(World({"a.jsonl": FILE}), 0.5, explained=True).sharing == 0


def test_of_a_shard_that_cannot_be_read_nothing_is_known() -> None:
    world = World({"a.jsonl": FILE, "b.jsonl": FILE})
    version = world.register(plain_dataset(), "a.jsonl", "b.jsonl")
    targets = [ShardToScan(dataset=version.dataset, shard=s, location=f"data/{s.path}") for s in version.shards]
    del world.disk.files["data/b.jsonl"]
    samples, problems = sample_registered(targets, Finders(PlantedMatcher(), world.tools.suspects), world.tools, share=0.5, seed=0)
    assert samples[0].records == RECORDS
    assert [p.path for p in problems] == ["b.jsonl"]


@pytest.mark.parametrize("trials", [1, 10, 300, 100_000])
def test_without_hits_the_bound_is_the_rule_of_three(trials: int) -> None:
    assert binomial_upper_bound(0, trials, 0.95) == pytest.approx(1 - 0.05 ** (1 / trials))


@pytest.mark.parametrize(("hits", "trials"), [(1, 10), (3, 20), (9, 10), (50, 400)])
def test_at_the_bound_so_few_hits_come_once_in_twenty_times(hits: int, trials: int) -> None:
    share = binomial_upper_bound(hits, trials, 0.95)
    assert sum(math.comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(hits + 1)) == pytest.approx(0.05)


def test_nothing_looked_at_bounds_nothing() -> None:
    assert binomial_upper_bound(0, 0, 0.95) == binomial_upper_bound(7, 7, 0.95) == 1.0


def test_some_rows_of_a_batch_are_those_rows() -> None:
    batch = make_batch(["one", "zwei é", "", "four"])
    some = take_rows(batch, np.array([False, True, True, True]))
    assert [some.text(row) for row in range(len(some))] == ["zwei é", "", "four"]
    assert some.record.tolist() == [1, 2, 3]
    assert len(take_rows(batch, np.zeros(4, np.bool_))) == 0
