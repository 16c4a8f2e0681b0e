"""A sample looks at its share of the records, can be drawn again, and bounds what the others may hold."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from provenance.audit.sample import Sample, sample_registered
from provenance.audit.scan import Finders, ShardToScan
from provenance.ingest.references import ReferenceOptions, iter_references
from provenance.matching.cascade import open_matcher
from provenance.matching.index import ReferenceStore
from provenance.matching.rows import take_rows
from provenance.matching.score import binomial_upper_bound
from provenance.model.reference import ReferenceKind
from provenance.ports import Matcher
from tests.conftest import ROOT
from tests.fakes.matching import make_batch
from tests.fakes.world import Planted, PlantedMatcher, World, plain_dataset, work_reference

SAMPLE = ROOT / "examples" / "sample"
PASSAGE = "a lamp that nobody owns is a lamp that somebody brought"
RECORDS, EVERY = 1000, 25
FILE = b"".join(b"%d %s\n" % (n, PASSAGE.encode() if n % EVERY == 0 else b"nothing to see") for n in range(RECORDS))


def targets_of(world: World, *patterns: str) -> list[ShardToScan]:
    version = world.register(plain_dataset(), *patterns)
    return [ShardToScan(dataset=version.dataset, shard=s, location=world.disk.locate(s.path, root=s.root)) for s in version.shards]


def sample(world: World, share: float, seed: int = 0, *, explained: bool = False) -> Sample:
    targets = targets_of(world, "a.jsonl")
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


@pytest.fixture(scope="module")
def real_matcher(tmp_path_factory: pytest.TempPathFactory) -> Matcher:
    store = ReferenceStore(tmp_path_factory.mktemp("references"))
    files = [str(SAMPLE / "references" / name) for name in ("cumulus-outputs.jsonl", "stratus-outputs.jsonl")]
    store.add("outputs", iter_references(files, ReferenceOptions(kind=ReferenceKind.API_OUTPUT), problems=[]), kind=ReferenceKind.API_OUTPUT)
    novel = [str(SAMPLE / "references" / "the-man-who-was-thursday.txt")]
    store.add("works", iter_references(novel, ReferenceOptions(kind=ReferenceKind.WORK), problems=[]), kind=ReferenceKind.WORK)
    return open_matcher(store, ["outputs", "works"])


def real_records() -> list[list[bytes]]:
    """The sample's chats, one a line: those in which a passage was planted, then the others."""
    chats = [json.loads(line) for line in (SAMPLE / "data" / "helpdesk" / "chats.jsonl").read_bytes().splitlines()]
    lines = [" ".join(" ".join(m["content"] for m in chat["messages"]).split()).encode() for chat in chats]
    planted = {p["record"] for p in json.loads((SAMPLE / "planted.json").read_bytes())}
    return [[line for n, line in enumerate(lines) if (n in planted) is wanted] for wanted in (True, False)]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_the_bound_holds_for_real_records_that_alarm_all_in_one_place(real_matcher: Matcher, share: float) -> None:
    planted, others = real_records()
    world = World({"a.jsonl": b"\n".join([*planted, *others[:30]]), "b.jsonl": b"\n".join(others[30:])})
    shards = targets_of(world, "a.jsonl", "b.jsonl")

    def draw(share: float, seed: int) -> Sample:
        (found,), problems = sample_registered(shards, Finders(real_matcher, world.tools.suspects), world.tools, share=share, seed=seed)
        assert problems == []
        return found

    assert draw(1.0, 0).sharing == len(planted)  # what a whole scan finds is what was planted
    truth, seeds = len(planted) / (len(planted) + len(others)), 100
    held = sum((found := draw(share, seed)).upper_share >= truth and found.upper_records >= len(planted) for seed in range(seeds))
    assert held >= 0.95 * seeds - 3 * math.sqrt(seeds * 0.95 * 0.05)


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
