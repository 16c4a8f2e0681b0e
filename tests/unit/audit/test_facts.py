"""What is known of a run becomes typed facts; what is not known stays unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.audit.facts import GatheredFacts, gather_facts
from provenance.audit.judged import JudgedDataset, match_id, shares
from provenance.audit.judgements import Catalogs
from provenance.audit.states import ShardState
from provenance.config import shipped
from provenance.errors import NotRegisteredError
from provenance.licensing.classes import load_licenses
from provenance.licensing.terms import load_terms
from provenance.model.absence import Permission, TriState
from provenance.model.dataset import DateRange, Generator
from provenance.model.finding import SubjectKind
from provenance.model.match import ALSO_LISTED, AlsoIn, Match, ReadProblem
from provenance.model.reference import ReferenceKind, ReferenceRecord
from provenance.model.run import Run, RunData
from provenance.policy.facts import SCHEMA, FactValue, SubjectFacts, validate_facts, validate_subject
from tests.fakes.world import judged, output_reference, plain_dataset, plain_match, plain_run, plain_shard, scan_of, work_reference

SAMPLE = Path(__file__).parents[3] / "examples" / "sample"
ALLOWED_DAY, FORBIDDEN_DAY = "2024-07-01", "2025-03-01"
"""The sample's fictitious provider cumulus allowed training until 2025-01-15 and forbids competing models since."""


@cache
def catalogs() -> Catalogs:
    """The shipped licences, and the terms of the sample's two fictitious providers."""
    return Catalogs(terms=load_terms((SAMPLE / "terms",)), licenses=load_licenses((shipped("policies") / "licenses",)))


def gather(*datasets: JudgedDataset, run: Run | None = None, references: tuple[ReferenceRecord, ...] = ()) -> GatheredFacts:
    known = {r.id: r for r in references}

    def lookup(reference_set: str, reference: str) -> ReferenceRecord:
        if reference not in known:
            raise NotRegisteredError(f"{reference_set}/{reference}")
        return known[reference]

    plan = run or plain_run(*(d.named for d in datasets))
    found = gather_facts(plan, datasets, catalogs(), lookup, today="2026-03-01")
    validate_facts(found.facts)
    for match in found.facts.matches:
        validate_subject(match, SubjectKind.MATCH)
    return found


def values(item: SubjectFacts) -> dict[str, FactValue]:
    return dict(item.values)


def dataset_facts(judged_dataset: JudgedDataset, **options: object) -> dict[str, FactValue]:
    run = options.get("run")
    return values(gather(judged_dataset, run=run if isinstance(run, Run) else None).facts.datasets[0])


def nimbus(first: str = ALLOWED_DAY, last: str | None = None) -> Generator:
    return Generator(provider="cumulus", model="nimbus-1", channel="api", region="EU", generated=DateRange(start=first, end=last or first))


def match_facts(match: Match, *references: ReferenceRecord, run: Run | None = None) -> list[dict[str, FactValue]]:
    found = gather(judged(plain_dataset(), matches=(match,), references=1), run=run, references=references)
    return [values(item) for item in found.facts.matches]


def test_every_fact_of_the_schema_is_filled_for_every_kind_of_subject() -> None:
    book, output = work_reference(), output_reference()
    match = plain_match(output, also=(AlsoIn(reference=book.id, start=0, end=9, score=1.0),))
    first = judged(plain_dataset(), matches=(match,), references=1, weight=0.5, unregistered=("stray.jsonl",))
    second = judged(None, name="ghost", weight=0.5)
    facts = gather(first, second, references=(book, output)).facts
    groups = {
        SubjectKind.RUN: (facts.run,),
        SubjectKind.DATASET: facts.datasets,
        SubjectKind.SHARD: tuple(facts.shards),
        SubjectKind.DOMAIN: facts.domains,
        SubjectKind.MATCH: tuple(facts.matches),
    }
    assert {kind: len(items) for kind, items in groups.items()} == {
        SubjectKind.RUN: 1,
        SubjectKind.DATASET: 2,
        SubjectKind.SHARD: 2,
        SubjectKind.DOMAIN: 2,
        SubjectKind.MATCH: 2,
    }
    for kind, items in groups.items():
        for item in items:
            assert sorted(path for path, _ in item.values) == sorted(f.path for f in SCHEMA[kind])


def test_a_dataset_that_is_not_registered_is_unknown_in_every_respect() -> None:
    found = gather(judged(None, name="ghost")).facts
    ghost = values(found.datasets[0])
    assert ghost["state"] == "unregistered"
    unknown = (
        "synthetic",
        "domain",
        "provider",
        "model",
        "source",
        "obtained",
        "license.expression",
        "license.use",
        "license.this_use",
        "terms.this_use",
    )
    assert {ghost[path] for path in unknown} == {"UNKNOWN"}
    assert ghost["license.known"] == "NO"
    assert tuple(found.shards) == ()
    run = values(found.run)
    assert (run["datasets_empty"], run["words_known"], run["synthetic_known"]) == (1, "NO", "UNKNOWN")


@pytest.mark.parametrize("state", [ShardState.CHANGED, ShardState.MISSING])
def test_a_changed_or_missing_shard_says_so_and_has_no_current_scan(state: ShardState) -> None:
    for references in (0, 1):
        found = gather(judged(plain_dataset(), state=state, references=references)).facts
        shard = values(next(iter(found.shards)))
        assert (shard["state"], shard["scan"]) == (state.value, "none")
        assert values(found.run)["scans_missing"] == 1


def test_a_stray_file_is_a_shard_of_its_dataset_with_nothing_known_of_its_content() -> None:
    found = gather(judged(plain_dataset(), unregistered=("stray.jsonl",))).facts
    stray = next(values(s) for s in found.shards if s.subject.id == "stray.jsonl")
    assert (stray["state"], stray["scan"], stray["words_known"]) == ("unregistered", "none", "NO")
    assert stray["dataset"] == "notes"


def test_a_scan_is_current_only_with_a_result_where_references_are_named() -> None:
    dataset, shard = plain_dataset(), plain_shard()
    current = judged(dataset, shard, references=1)
    assert values(next(iter(gather(current).facts.shards)))["scan"] == "current"
    nobody_looked = replace(current.shards[0], outcome=None)
    failed = replace(current.shards[0], outcome=replace(scan_of(dataset, shard, ()), result=None, error="cannot be read"))
    assert (nobody_looked.scan_state, failed.scan_state) == ("none", "none")


def test_unread_records_are_the_most_that_registration_or_scan_met() -> None:
    dataset, shard = plain_dataset(), plain_shard(unread=1)
    problems = tuple(ReadProblem(path="a.jsonl", line=i, record=i, message="broken") for i in range(3))
    found = judged(dataset, shard, references=1)
    scanned = replace(found.shards[0], outcome=scan_of(dataset, shard, (), problems=problems))
    assert found.shards[0].unread_records == 1
    assert scanned.unread_records == 3


@pytest.mark.parametrize(
    ("data", "words", "expected"),
    [
        ([RunData(dataset="a", weight=0.7), RunData(dataset="b", weight=0.3)], (100, 100), (0.7, 0.3)),
        ([RunData(dataset="a", weight=0.7), RunData(dataset="b", weight=0.3)], (None, None), (0.7, 0.3)),
        ([RunData(dataset="a", epochs=3), RunData(dataset="b", epochs=1)], (100, 300), (0.5, 0.5)),
        ([RunData(dataset="a", epochs=0), RunData(dataset="b", epochs=1)], (100, 300), (0.0, 1.0)),
        ([RunData(dataset="a"), RunData(dataset="b")], (100, 300), (0.25, 0.75)),
        ([RunData(dataset="a"), RunData(dataset="b")], (100, None), None),
        ([RunData(dataset="a", epochs=1), RunData(dataset="b", epochs=1)], (None, 300), None),
        ([RunData(dataset="a"), RunData(dataset="b")], (0, 0), None),
    ],
)
def test_shares_come_from_weights_else_from_epochs_times_words_else_from_words(
    data: list[RunData], words: tuple[int | None, int | None], expected: tuple[float, float] | None
) -> None:
    datasets = tuple(
        judged(plain_dataset(d.dataset), plain_shard(words=w), weight=d.weight, epochs=d.epochs) for d, w in zip(data, words, strict=True)
    )
    assert shares(datasets) == (None if expected is None else pytest.approx(expected))
    found = gather(*datasets).facts
    assert {values(d)["share_known"] for d in found.datasets} == {"NO" if expected is None else "YES"}
    assert values(found.run)["mixture_known"] == ("NO" if expected is None else "YES")


def test_the_share_of_a_dataset_without_shards_is_not_known_from_words() -> None:
    assert shares((judged(None, weight=None), judged(plain_dataset(), weight=None))) is None


def test_synthetic_shares_count_the_known_and_bound_the_unknown() -> None:
    parts = ((TriState.NO, 0.7), (TriState.YES, 0.2), (TriState.UNKNOWN, 0.1))
    found = gather(*(judged(plain_dataset(s.value, synthetic=s), weight=w) for s, w in parts)).facts
    run = values(found.run)
    assert run["synthetic_share"] == pytest.approx(0.2)
    assert run["synthetic_share_upper"] == pytest.approx(0.3)
    assert run["synthetic_known"] == "UNKNOWN"
    domain = values(found.domains[0])
    assert domain["share"] == pytest.approx(1.0)
    assert domain["synthetic_share"] == pytest.approx(0.2)


def test_a_domain_is_another_subject_when_shares_or_bytes_change() -> None:
    def digest(share: float, root: str) -> str:
        first, second = judged(plain_dataset("one"), weight=share), judged(plain_dataset("two"), weight=1 - share)
        assert first.version is not None
        return gather(replace(first, version=replace(first.version, root_digest=root)), second).facts.domains[0].subject.digest

    one, two = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    assert digest(0.5, one) == digest(0.5, one)
    assert len({digest(0.5, one), digest(0.25, one), digest(0.5, two)}) == 3


@pytest.mark.parametrize(
    ("first", "last", "friends", "outcome"),
    [
        (ALLOWED_DAY, ALLOWED_DAY, (), "ALLOWED"),
        ("2024-06-01", "2025-01-14", (), "ALLOWED"),
        (FORBIDDEN_DAY, FORBIDDEN_DAY, (), "PROHIBITED"),
        ("2025-01-14", "2025-01-15", (), "PROHIBITED"),
        (FORBIDDEN_DAY, FORBIDDEN_DAY, ("cumulus",), "ALLOWED"),
        ("2024-05-31", "2024-06-02", (), "UNKNOWN"),
        # RR05: days before the first version, which nobody catalogued, may be meant; of the versions one allows and one bars
        ("UNKNOWN", "UNKNOWN", ("cumulus",), "UNKNOWN"),
        ("UNKNOWN", "UNKNOWN", (), "UNKNOWN"),
    ],
)
def test_the_terms_of_the_days_of_generation_decide(first: str, last: str, friends: tuple[str, ...], outcome: str) -> None:
    dataset = plain_dataset(synthetic=TriState.YES, generators=(nimbus(first, last),))
    found = dataset_facts(judged(dataset), run=plain_run(friends=friends))
    assert found["terms.this_use"] == outcome
    assert (found["provider"], found["model"]) == ("cumulus", "nimbus-1")
    assert found["terms.reasons"]


def test_of_two_generators_the_stricter_terms_decide() -> None:
    dataset = plain_dataset(synthetic=TriState.YES, generators=(nimbus(ALLOWED_DAY), nimbus(FORBIDDEN_DAY)))
    assert dataset_facts(judged(dataset))["terms.this_use"] == "PROHIBITED"
    mixed = plain_dataset(synthetic=TriState.YES, generators=(nimbus(ALLOWED_DAY), Generator(provider="nobody-knows")))
    found = dataset_facts(judged(mixed))
    assert found["terms.this_use"] == "UNKNOWN"
    assert found["model"] == "UNKNOWN"


@pytest.mark.parametrize(
    ("synthetic", "terms", "outcome"),
    [
        (TriState.NO, (), "ALLOWED"),
        (TriState.UNKNOWN, (), "UNKNOWN"),
        (TriState.YES, (), "UNKNOWN"),
        (TriState.NO, ("cumulus.service.2025",), "PROHIBITED"),
        (TriState.UNKNOWN, ("cumulus.service.2024",), "UNKNOWN"),
        (TriState.YES, ("cumulus.service.2025",), "PROHIBITED"),
        (TriState.NO, ("nobody.knows",), "UNKNOWN"),
    ],
)
def test_without_a_generator_only_what_no_model_made_needs_no_terms(synthetic: TriState, terms: tuple[str, ...], outcome: str) -> None:
    dataset = plain_dataset(synthetic=synthetic)
    assert dataset_facts(judged(replace(dataset, terms=terms)))["terms.this_use"] == outcome


@pytest.mark.parametrize(
    ("record", "outcome"),
    [
        (work_reference(holder="PUBLIC-DOMAIN"), "ALLOWED"),
        (work_reference(license_text="public-domain"), "ALLOWED"),
        (work_reference(license_text="CC0-1.0"), "ALLOWED"),
        (work_reference(license_text="CC BY-NC 4.0"), "PROHIBITED"),
        (work_reference(), "PROHIBITED"),
        (work_reference(license_text="UNKNOWN"), "UNKNOWN"),
        (work_reference(license_text="ask Bob"), "UNKNOWN"),
        (work_reference(license_text="UNKNOWN", holder="UNKNOWN"), "UNKNOWN"),
    ],
)
def test_a_work_may_be_used_where_nobody_holds_rights_or_its_licence_says_so(record: ReferenceRecord, outcome: str) -> None:
    found = match_facts(plain_match(record), record)
    assert [f["reference.license.this_use"] for f in found] == [outcome]


@pytest.mark.parametrize("order", [1, -1])
def test_of_all_works_that_hold_a_passage_the_strictest_licence_decides(order: int) -> None:
    free, nc, unknown = (
        work_reference("free", license_text="CC0-1.0"),
        work_reference("nc", license_text="CC-BY-NC-4.0"),
        work_reference("u", license_text="?"),
    )

    def judge(*records: ReferenceRecord) -> FactValue:
        best, *others = records[::order]
        match = plain_match(best, also=tuple(AlsoIn(reference=r.id, start=0, end=9, score=1.0) for r in others))
        found = match_facts(match, *records)
        assert len(found) == 1
        assert found[0]["reference.id"] == best.id
        return found[0]["reference.license.this_use"]

    assert judge(free, unknown) == "UNKNOWN"
    assert judge(free, unknown, nc) == "PROHIBITED"
    assert judge(free, free) == "ALLOWED"


@pytest.mark.parametrize("order", [1, -1])
def test_of_all_outputs_that_hold_a_passage_the_strictest_terms_decide(order: int) -> None:
    old, new = output_reference("old", day=ALLOWED_DAY), output_reference("new", day=FORBIDDEN_DAY)
    best, other = (old, new)[::order]
    match = plain_match(best, also=(AlsoIn(reference=other.id, start=0, end=9, score=1.0),))
    found = match_facts(match, old, new)
    assert [f["terms.this_use"] for f in found] == ["PROHIBITED"]


def test_a_passage_of_a_work_and_of_an_output_is_judged_as_both() -> None:
    book, output = work_reference(license_text="CC0-1.0"), output_reference()
    for best, other in ((book, output), (output, book)):
        match = plain_match(best, also=(AlsoIn(reference=other.id, start=0, end=9, score=1.0, reference_set="other"),))
        found = match_facts(match, book, output)
        assert [f["kind"] for f in found] == [best.kind.value, other.kind.value]
        by_kind = {f["kind"]: f for f in found}
        assert by_kind["work"]["reference.license.this_use"] == "ALLOWED"
        assert by_kind["work"]["terms.this_use"] == "ALLOWED"
        assert by_kind["api-output"]["terms.this_use"] == "PROHIBITED"


@pytest.mark.parametrize(("license_text", "outcome"), [("CC0-1.0", "UNKNOWN"), ("CC-BY-NC-4.0", "PROHIBITED")])
def test_references_beyond_those_listed_are_unknown(license_text: str, outcome: str) -> None:
    book = work_reference(license_text=license_text)
    match = plain_match(book, also=tuple(AlsoIn(reference=book.id, start=i, end=i + 9, score=1.0) for i in range(ALSO_LISTED)))
    assert [f["reference.license.this_use"] for f in match_facts(match, book)] == [outcome]


def test_a_match_with_a_reference_nobody_has_is_an_error_not_a_permission() -> None:
    with pytest.raises(NotRegisteredError):
        match_facts(plain_match(work_reference()))


@pytest.mark.parametrize(("weights", "expected"), [("open", "YES"), ("closed", "NO"), ("UNKNOWN", "UNKNOWN"), ("NOT_STATED", "UNKNOWN")])
def test_whether_weights_are_released_is_unknown_unless_stated(weights: str, expected: str) -> None:
    assert values(gather(judged(plain_dataset()), run=plain_run(weights=weights)).facts.run)["distribute_weights"] == expected


@pytest.mark.parametrize("commercial", list(TriState))
def test_a_purpose_nobody_stated_leaves_a_non_commercial_licence_open(commercial: TriState) -> None:
    found = dataset_facts(judged(plain_dataset(license_text="CC-BY-NC-4.0")), run=plain_run(commercial=commercial))
    assert found["license.this_use"] == {TriState.YES: "PROHIBITED", TriState.NO: "ALLOWED", TriState.UNKNOWN: "UNKNOWN"}[commercial]


_STATES = st.sampled_from([ShardState.UNCHANGED, ShardState.CHANGED, ShardState.MISSING])
_GENERATORS = st.lists(
    st.builds(
        Generator,
        provider=st.sampled_from(["cumulus", "UNKNOWN", "nobody", "NOT_STATED"]),
        model=st.sampled_from(["nimbus-1", "UNKNOWN", "", "other"]),
        generated=st.sampled_from([DateRange(), DateRange(start=ALLOWED_DAY, end=ALLOWED_DAY), DateRange(start="2025-01-01", end="2024-01-01")]),
    ),
    max_size=3,
)


@st.composite
def _datasets(draw: Callable[[st.SearchStrategy[object]], object], name: str) -> JudgedDataset:
    if draw(st.booleans()):
        return judged(None, name=name, weight=None)
    generators = draw(_GENERATORS)
    assert isinstance(generators, list)
    synthetic = TriState.YES if generators else draw(st.sampled_from(list(TriState)))
    license_text = draw(st.sampled_from(["CC0-1.0", "UNKNOWN", "NOT_STATED", "UNREADABLE", "LicenseRef-x", "MIT AND CC-BY-NC-4.0", "("]))
    words = draw(st.none() | st.integers(0, 10**9))
    state = draw(_STATES)
    assert isinstance(synthetic, TriState)
    assert isinstance(license_text, str)
    assert isinstance(state, ShardState)
    assert words is None or isinstance(words, int)
    dataset = plain_dataset(name, license_text=license_text, synthetic=synthetic, generators=tuple(generators))
    return judged(dataset, plain_shard(words=words), weight=None, state=state, references=1, unregistered=("stray",))


@settings(deadline=None, max_examples=60)
@given(first=_datasets("first"), second=_datasets("second"), commercial=st.sampled_from(list(TriState)))
def test_whatever_is_not_known_the_facts_fit_the_schema_and_never_read_as_fine(
    first: JudgedDataset, second: JudgedDataset, commercial: TriState
) -> None:
    found = gather(first, second, run=plain_run(first.named, second.named, commercial=commercial))
    run = values(found.facts.run)
    for judged_dataset, item in zip((first, second), found.facts.datasets, strict=True):
        facts = values(item)
        if judged_dataset.version is None or judged_dataset.version.dataset.license.effective in {"UNKNOWN", "NOT_STATED", "UNREADABLE", "("}:
            assert facts["license.this_use"] == "UNKNOWN"
            assert facts["license.known"] == "NO"
        if judged_dataset.synthetic is TriState.UNKNOWN:
            assert facts["terms.this_use"] != "ALLOWED"
            assert run["synthetic_known"] == "UNKNOWN"
        if judged_dataset.words is None:
            assert (facts["share_known"], run["mixture_known"], run["words_known"]) == ("NO", "NO", "NO")
        if judged_dataset.version is not None and any(g.provider != "cumulus" for g in judged_dataset.version.dataset.generators):
            assert found.datasets[judged_dataset.name].terms.outcome is not Permission.ALLOWED


def test_a_finding_of_each_kind_of_reference_has_a_digest_of_its_own() -> None:
    book, output = work_reference(), output_reference()
    match = plain_match(output, also=(AlsoIn(reference=book.id, start=0, end=9, score=1.0),))
    found = tuple(gather(judged(plain_dataset(), matches=(match,), references=1), references=(book, output)).facts.matches)
    assert {f.subject.id for f in found} == {match_id(found[0].dataset, match)}
    assert len({f.subject.digest for f in found}) == 2
    assert {ReferenceKind(str(values(f)["kind"])) for f in found} == {ReferenceKind.API_OUTPUT, ReferenceKind.WORK}
