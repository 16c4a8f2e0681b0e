"""What a shard inherits is what a brute-force walk over single shards finds, on random graphs of derivations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.audit.lineage import Tracer
from provenance.model.absence import TriState
from provenance.model.dataset import Dataset, DatasetVersion
from provenance.model.lineage import Derivation, DerivationInput, Transform
from tests.fakes import values
from tests.fakes.registry import InMemoryUnitOfWork

SHARDS = 3
"""Of every dataset."""
Node = tuple[int, int]
"""(dataset, shard)."""


@dataclass(frozen=True)
class Step:
    """A derivation of dataset ``output``: its shards, and of each input which shards; empty = all."""

    output: int
    made: frozenset[int]
    inputs: tuple[tuple[int, frozenset[int], bool], ...]
    """(dataset, shards, whether the version is named)."""
    exact: bool
    """Whether it is of the version that is registered; else of an older one."""


@dataclass(frozen=True)
class World:
    """Datasets 0 … n - 1, of which each derives from lower numbers only; number -1 is registered nowhere."""

    count: int
    declared: tuple[frozenset[int], ...]
    steps: tuple[Step, ...]


some = st.frozensets(st.integers(0, SHARDS - 1), max_size=SHARDS)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    count = draw(st.integers(2, 6))
    declared = tuple(draw(st.frozensets(st.integers(-1, i - 1), max_size=2)) for i in range(count))
    steps = []
    for output in draw(st.lists(st.integers(1, count - 1), max_size=6)):
        sources = draw(st.lists(st.integers(-1, output - 1), min_size=1, max_size=2, unique=True))
        inputs = tuple((i, draw(some) if i >= 0 else frozenset(), draw(st.booleans()) if i >= 0 else False) for i in sources)
        steps.append(Step(output=output, made=draw(some), inputs=inputs, exact=draw(st.booleans())))
    return World(count=count, declared=declared, steps=tuple(steps))


def name(number: int) -> str:
    return f"d{number}" if number >= 0 else "nowhere"


def version_of(world: World, number: int) -> DatasetVersion:
    dataset = Dataset(name=name(number), synthetic=TriState.NO, derived_from=tuple(sorted(map(name, world.declared[number]))))
    return values.version(dataset, values.shards(SHARDS, start=SHARDS * number))


def sources(world: World, node: Node) -> Iterator[int | Node]:
    """Yield what one shard comes from directly, straight from the words of the rules; -1 where it is registered nowhere."""
    number, shard = node
    mine = [s for s in world.steps if s.output == number]
    exact = [s for s in mine if s.exact]
    covering = [s for s in exact if not s.made or shard in s.made]
    for step in covering or mine:
        for source, shards, _ in step.inputs:
            yield from [-1] if source < 0 else [(source, s) for s in shards or range(SHARDS)]
    for parent in world.declared[number] - {i for s in covering for i, _, _ in s.inputs}:
        yield from [-1] if parent < 0 else [(parent, s) for s in range(SHARDS)]


def closure(world: World, node: Node) -> tuple[set[int], bool]:
    """Return the datasets that a shard comes from over all generations, and whether something registered nowhere is among them."""
    found: set[Node] = set()
    pending, unknown = [node], False
    while pending:
        for source in sources(world, pending.pop()):
            if isinstance(source, int):
                unknown = True
            elif source not in found:
                found.add(source)
                pending.append(source)
    return {number for number, _ in found}, unknown


def build(world: World) -> tuple[InMemoryUnitOfWork, list[DatasetVersion]]:
    units = InMemoryUnitOfWork()
    versions = [version_of(world, i) for i in range(world.count)]
    with units.begin(actor="tester", action="register") as registry:
        for made in versions:
            registry.add_version(made)
        for number, step in enumerate(world.steps):
            registry.add_derivation(_derivation(step, versions, number))
    return units, versions


def _derivation(step: Step, versions: list[DatasetVersion], number: int) -> Derivation:
    return Derivation(
        output=name(step.output),
        root_digest=versions[step.output].root_digest if step.exact else values.digest(10**6),
        shards=tuple(sorted(versions[step.output].shards[i].sha256 for i in step.made)),
        inputs=tuple(
            DerivationInput(
                dataset=name(source),
                root_digest=versions[source].root_digest if pinned else "UNKNOWN",
                shards=tuple(sorted(versions[source].shards[i].sha256 for i in shards)),
            )
            for source, shards, pinned in step.inputs
        ),
        transform=Transform.FILTER,
        note=str(number),
        at=values.CREATED,
        actor="tester",
    )


def inherited(world: World, number: int) -> tuple[list[tuple[set[int], bool]], tuple[set[int], bool]]:
    units, versions = build(world)
    with units.read() as registry:
        found = Tracer(registry).trace(versions[number])
    parts = [found.by_shard.get(s.sha256, found.whole) for s in versions[number].shards]
    told = [({int(a.dataset.name[1:]) for a in part.ancestors}, bool(part.unknown)) for part in [*parts, found.whole]]
    return told[:-1], told[-1]


def pinned_everywhere(world: World) -> World:
    """Return the world with every version named, and nothing declared: then nothing needs to be taken wider than it is."""
    steps = tuple(Step(output=s.output, made=s.made, inputs=tuple((i, shards, i >= 0) for i, shards, _ in s.inputs), exact=True) for s in world.steps)
    return World(count=world.count, declared=tuple(frozenset[int]() for _ in world.declared), steps=steps)


@given(worlds())
@settings(max_examples=200)
def test_where_all_versions_are_named_a_shard_inherits_exactly_what_it_comes_from(drawn: World) -> None:
    world = pinned_everywhere(drawn)
    for number in range(world.count):
        expected = [closure(world, (number, shard)) for shard in range(SHARDS)]
        parts, whole = inherited(world, number)
        assert parts == expected
        assert whole == (set().union(*(names for names, _ in expected)), any(unknown for _, unknown in expected))


@given(worlds())
@settings(max_examples=200)
def test_a_shard_never_inherits_less_than_what_it_comes_from(world: World) -> None:
    for number in range(world.count):
        parts, whole = inherited(world, number)
        for shard, (names, unknown) in enumerate(parts):
            expected, is_unknown = closure(world, (number, shard))
            assert expected <= names <= whole[0]
            assert is_unknown <= unknown <= whole[1]


@given(worlds())
@settings(max_examples=100)
def test_without_derivations_everything_declared_is_inherited_over_all_generations(drawn: World) -> None:
    world = World(count=drawn.count, declared=drawn.declared, steps=())
    for number in range(world.count):
        expected = closure(world, (number, 0))
        parts, whole = inherited(world, number)
        assert [*parts, whole] == [expected] * (SHARDS + 1)
