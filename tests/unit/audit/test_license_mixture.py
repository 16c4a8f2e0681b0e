"""What the licences of a run's datasets permit together, as facts that rules read; and that lineage never loosens a licence."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.audit.judged import JudgedDataset
from provenance.audit.judgements import Catalogs, judge_dataset
from provenance.audit.lineage import Ancestor, Tracer
from provenance.audit.mixture import combine_datasets, members_of, mixture_evidence, mixture_values, read_datasets, uses_of
from provenance.config import shipped
from provenance.licensing.classes import shipped_licenses
from provenance.licensing.mixture import Mixture
from provenance.licensing.resolution import RunUse
from provenance.licensing.terms import load_terms
from provenance.model.absence import TriState
from provenance.model.claims import LicenseClaim
from provenance.model.dataset import Dataset, Generator
from provenance.model.details import Details
from provenance.model.lineage import Derivation, DerivationInput, Transform
from provenance.model.run import Run, RunData
from tests.fakes import values
from tests.fakes.registry import InMemoryUnitOfWork
from tests.fakes.world import judged, plain_dataset, plain_run

CATALOGS = Catalogs(terms=load_terms((shipped("policies") / "terms",)), licenses=shipped_licenses())
STRICTNESS = ("ALLOWED", "UNKNOWN", "PROHIBITED")
DUTY = ("NO", "UNKNOWN", "YES")
TODAY = "2026-03-01"


def mixture(*datasets: JudgedDataset, run: Run | None = None) -> Mixture:
    plan = run or plain_run(*(d.named for d in datasets))
    found = {d.name: judge_dataset(d, CATALOGS, RunUse(commercial=plan.purpose.commercial), today=TODAY) for d in datasets}
    mixed = combine_datasets(plan, datasets, found, CATALOGS.licenses, uses=uses_of(TriState.YES), parts=None)
    assert mixed is not None
    return mixed


def named(name: str, license_text: str) -> JudgedDataset:
    return judged(plain_dataset(name, license_text=license_text), weight=0.5)


def test_licences_that_fit_are_compatible_and_nothing_stands_in_the_way() -> None:
    assert mixture_values(mixture(named("a", "MIT"), named("b", "CC-BY-4.0"))) == {"license.compatible": "YES", "license.conflicts": ()}


def test_a_non_commercial_dataset_makes_a_commercial_run_incompatible() -> None:
    found = mixture(named("a", "MIT"), named("b", "CC-BY-NC-4.0"))
    facts = mixture_values(found)
    assert facts["license.compatible"] == "NO"
    conflicts = facts["license.conflicts"]
    assert isinstance(conflicts, tuple)
    assert any("PROHIBITED train: b: CC-BY-NC-4.0" in text for text in conflicts)
    assert [e.kind for e in mixture_evidence(found)] == ["license"] * 2
    run = plain_run(commercial=TriState.NO, weights="closed")
    assert mixture_values(mixture(named("a", "MIT"), named("b", "CC-BY-NC-4.0"), run=run))["license.compatible"] == "UNKNOWN"  # weights are passed on


def test_share_alike_licences_that_exclude_each_other_leave_weights_unknown() -> None:
    assert mixture_values(mixture(named("a", "CC-BY-SA-4.0"), named("b", "GPL-2.0-only")))["license.compatible"] == "UNKNOWN"


def test_a_run_without_datasets_and_an_unregistered_one_are_not_known() -> None:
    assert mixture_values(None) == {"license.compatible": "UNKNOWN", "license.conflicts": ()}
    assert mixture(named("a", "MIT"), judged(None, name="ghost")).compatible is TriState.UNKNOWN


def test_a_run_that_keeps_its_weights_is_asked_about_training_alone() -> None:
    assert len(uses_of(TriState.NO)) == 1
    assert uses_of(TriState.UNKNOWN) == uses_of(TriState.YES)


def test_what_a_dataset_is_made_of_counts_even_beside_what_nobody_knows() -> None:
    parent = Ancestor(dataset=plain_dataset("seeds", license_text="CC-BY-NC-4.0"), root_digest="sha256:" + "1" * 64, via=("generate",))
    child = replace(named("child", "UNKNOWN"), related=(parent.dataset,), ancestors=(parent,))
    assert mixture(child).answers[0].outcome == "PROHIBITED"


licenses = st.sampled_from(["MIT", "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "ODbL-1.0", "GPL-2.0-only", "UNKNOWN", "NOT_STATED"])


def family(own: str, parents: list[str], database: str = "UNKNOWN") -> JudgedDataset:
    ancestors = tuple(
        Ancestor(dataset=plain_dataset(f"p{i}", license_text=text), root_digest=values.digest(i), via=("translate",))
        for i, text in enumerate(parents)
    )
    dataset = plain_dataset("child", license_text=own)
    if database != "UNKNOWN":
        dataset = replace(dataset, details=Details(container_license=LicenseClaim(value=database, original=database)))
    return replace(judged(dataset), related=tuple(a.dataset for a in ancestors), ancestors=ancestors)


def strictness(dataset: JudgedDataset) -> list[int]:
    found = judge_dataset(dataset, CATALOGS, RunUse(commercial=TriState.YES), today=TODAY).license
    duties = (found.attribution, found.share_alike, found.no_derivatives, found.behavioural_restrictions)
    mixed = [STRICTNESS.index(a.outcome) for a in mixture(dataset).answers]
    return [STRICTNESS.index(found.this_use), *(DUTY.index(d) for d in duties), *mixed]


def is_as_strict(after: list[int], before: list[int]) -> bool:
    return all(a >= b for a, b in zip(after, before, strict=True))


@given(licenses, st.lists(licenses, max_size=3), licenses)
def test_an_ancestor_more_never_loosens(own: str, parents: list[str], more: str) -> None:
    assert is_as_strict(strictness(family(own, [*parents, more])), strictness(family(own, parents)))


@given(licenses, st.lists(licenses, max_size=2), licenses)
def test_a_licence_of_the_database_never_loosens(own: str, parents: list[str], database: str) -> None:
    assert is_as_strict(strictness(family(own, parents, database)), strictness(family(own, parents)))


@given(licenses, st.lists(licenses, min_size=1, max_size=3))
def test_an_ancestor_of_which_the_licence_is_not_known_any_more_allows_nothing_new(own: str, parents: list[str]) -> None:
    before, after = strictness(family(own, parents)), strictness(family(own, ["UNKNOWN", *parents[1:]]))
    assert not any(after[i] == 0 < before[i] for i in (0, 5, 6))


@settings(max_examples=40)
@given(st.sampled_from(list(Transform)), st.sampled_from(["CC-BY-NC-4.0", "CC-BY-SA-4.0", "MIT"]))
def test_no_step_ends_a_licence(transform: Transform, license_text: str) -> None:
    units = InMemoryUnitOfWork()
    seeds = values.version(plain_dataset("seeds", license_text=license_text), values.shards(2))
    made = values.version(plain_dataset("made", license_text="CC0-1.0"), values.shards(2, start=10))
    step = Derivation(
        output="made",
        root_digest=made.root_digest,
        shards=(),
        inputs=(DerivationInput(dataset="seeds", root_digest=seeds.root_digest, shards=()),),
        transform=transform,
        note="",
        at=values.CREATED,
        actor="tester",
    )
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(seeds)
        registry.add_version(made)
        registry.add_derivation(step)
    run = plain_run(RunData(dataset="made", weight=1.0))
    (member,) = members_of(run, read_datasets(run, units), CATALOGS, today=TODAY)
    assert set(member.licenses) == {"CC0-1.0", license_text}


def prompted(source: str, *registered: Dataset) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of known ancestors, and those of unknown ones."""
    units = InMemoryUnitOfWork()
    answers = replace(
        plain_dataset("answers"), generators=(Generator(provider="openai", model="gpt-4o", prompt_source=source),), synthetic=TriState.YES
    )
    made = values.version(answers, values.shards(2, start=10))
    with units.begin(actor="tester", action="register") as registry:
        for number, dataset in enumerate(registered):
            registry.add_version(values.version(dataset, values.shards(2, start=20 * (number + 1))))
        registry.add_version(made)
    with units.read() as registry:
        found = Tracer(registry).trace(made).whole
    return tuple(a.dataset.name for a in found.ancestors), found.unknown


def test_the_dataset_that_prompts_are_from_binds_what_a_model_made_of_them() -> None:
    questions = plain_dataset("questions", license_text="CC-BY-NC-4.0")
    pin = "questions@sha256:" + "0" * 64
    assert prompted("questions", questions) == (("questions",), ())
    assert prompted(pin, questions) == (("questions",), (pin,))
    assert prompted("tickets that customers wrote", questions) == ((), ())
    assert prompted("answers", questions) == ((), ())
