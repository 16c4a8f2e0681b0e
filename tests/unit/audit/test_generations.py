"""How many models in a row wrote a dataset: counted by hand on small lineages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest

from provenance.audit.generations import Generations, count_generations
from provenance.audit.lineage import Tracer
from provenance.model.absence import TriState
from provenance.model.dataset import Dataset, Generator, Source, SourceKind
from provenance.model.lineage import Derivation, DerivationInput, Transform
from tests.fakes.world import World, plain_dataset, version_of

NO, YES, UNKNOWN = TriState.NO, TriState.YES, TriState.UNKNOWN
X = (Generator(provider="cumulus", model="x"),)
Y = (Generator(provider="cumulus", model="y"),)
LABELS = (Generator(provider="cumulus", model="x", role="label"),)
Step = tuple[str, Transform, Sequence[str]]
"""(output, transform, inputs)"""


def made(name: str, by: tuple[Generator, ...] = (), synthetic: TriState | None = None, parents: tuple[str, ...] = ()) -> Dataset:
    said = synthetic if synthetic is not None else UNKNOWN if by == LABELS else YES if by else NO
    plain = plain_dataset(name, synthetic=said, generators=by)
    return Dataset(**{f: getattr(plain, f) for f in ("name", "license", "synthetic", "generators", "domain")}, derived_from=parents)


def depth(asked: str, datasets: Sequence[Dataset], steps: Sequence[Step] = (), same_bytes: Sequence[str] = ()) -> Generations:
    world = World({f"{d.name}.jsonl": b"the same words" if d.name in same_bytes else f"words of {d.name}".encode() for d in datasets})
    versions = {d.name: version_of(d, world.disk.describe(f"{d.name}.jsonl", root="data")) for d in datasets}
    with world.units.begin(actor="tester", action="register") as registry:  # one unit: the fake copies all it holds for each
        for version in versions.values():
            registry.add_version(version)
        for output, transform, inputs in steps:
            registry.add_derivation(
                Derivation(
                    output=output,
                    root_digest=versions[output].root_digest,
                    inputs=tuple(DerivationInput(dataset=i) for i in inputs),
                    transform=transform,
                    at="2026-03-01T11:00:00Z",
                    actor="tester",
                )
            )
    with world.units.read() as registry:
        return count_generations(Tracer(registry), versions[asked])


def known(at_least: int) -> Generations:
    return Generations(at_least=at_least, known=True)


def unknown(at_least: int) -> Generations:
    return Generations(at_least=at_least, known=False)


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (made("a"), known(0)),
        (made("a", X), known(1)),
        (made("a", synthetic=YES), known(1)),
        (made("a", synthetic=UNKNOWN), unknown(0)),
        (made("a", LABELS), unknown(0)),
        (made("a", LABELS, synthetic=NO), known(0)),
        (made("a", LABELS, synthetic=YES), known(1)),
        (Dataset(name="a", source=Source(kind=SourceKind.SYNTHETIC), synthetic=YES), known(1)),
        (made("a", X, parents=("nowhere",)), unknown(1)),
    ],
)
def test_a_dataset_alone_counts_by_its_own_facts(dataset: Dataset, expected: Generations) -> None:
    assert depth("a", [dataset]) == expected


@pytest.mark.parametrize(
    ("transform", "child", "expected"),
    [
        (Transform.GENERATE, made("b", X), known(2)),
        (Transform.GENERATE, made("b", Y), known(2)),
        (Transform.GENERATE, made("b", synthetic=YES), known(2)),
        (Transform.REWRITE, made("b", X), known(2)),
        (Transform.REWRITE, made("b", synthetic=YES), unknown(1)),
        (Transform.TRANSLATE, made("b", synthetic=YES), unknown(1)),
        (Transform.FILTER, made("b", synthetic=YES), known(1)),
        (Transform.FILTER, made("b", X), known(1)),
        (Transform.FILTER, made("b", Y), known(2)),
        (Transform.MIX, made("b", synthetic=NO), known(1)),
        (Transform.LABEL, made("b", LABELS), known(1)),
        (Transform.COPY, made("b", synthetic=UNKNOWN), unknown(1)),
    ],
)
def test_a_step_from_synthetic_text_counts_by_what_it_did(transform: Transform, child: Dataset, expected: Generations) -> None:
    assert depth("b", [made("a", X), child], [("b", transform, ["a"])]) == expected


@pytest.mark.parametrize(
    ("transform", "child", "expected"),
    [
        (Transform.GENERATE, made("b", X), known(1)),
        (Transform.REWRITE, made("b", X), known(1)),
        (Transform.TRANSLATE, made("b"), known(0)),
        (Transform.TRANSLATE, made("b", synthetic=YES), known(1)),
        (Transform.LABEL, made("b", LABELS), known(0)),
        (Transform.FILTER, made("b"), known(0)),
    ],
)
def test_a_step_from_text_by_people_counts_one_at_most(transform: Transform, child: Dataset, expected: Generations) -> None:
    assert depth("b", [made("a"), child], [("b", transform, ["a"])]) == expected


def test_what_is_only_declared_counts_where_a_new_model_is_named_and_is_open_otherwise() -> None:
    assert depth("b", [made("a", X), made("b", Y, parents=("a",))]) == known(2)
    assert depth("b", [made("a", X), made("b", X, parents=("a",))]) == unknown(1)
    assert depth("b", [made("a"), made("b", X, parents=("a",))]) == known(1)


def test_the_deepest_way_counts_and_a_chain_adds_up() -> None:
    chain = [made("a", X), made("b", X), made("c", X), made("m")]
    steps: list[Step] = [("b", Transform.GENERATE, ["a"]), ("c", Transform.GENERATE, ["b"]), ("m", Transform.MIX, ["a", "c"])]
    assert depth("m", chain, steps) == known(3)


def test_a_chain_longer_than_the_stack_is_counted() -> None:
    names = [f"d{i:04}" for i in range(1_050)]
    datasets = [made(name, X) for name in names]
    assert depth(names[-1], datasets, [(b, Transform.GENERATE, [a]) for a, b in pairwise(names)]) == known(1_050)


def test_the_same_bytes_under_another_name_count_as_they_do_there() -> None:
    datasets = [made("a", X), made("b", X), made("copy")]
    steps: list[Step] = [("b", Transform.GENERATE, ["a"])]
    assert depth("copy", datasets, steps, same_bytes=("b", "copy")) == known(2)
    assert depth("copy", datasets, steps) == known(0)


def test_text_that_went_into_a_dataset_is_no_deeper_for_it() -> None:
    datasets = [made("a"), made("b", X)]
    assert depth("a", datasets, [("b", Transform.GENERATE, ["a"])]) == known(0)
