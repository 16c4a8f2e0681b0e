"""What an import does to what is registered: nothing that was declared is overwritten unseen, nothing that binds is lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.audit.imports import ImportedDataset, ImportedVersion, ImportPlan, Outcome, record_import
from provenance.audit.licenses import stated_licenses
from provenance.audit.merging import merge_facts
from provenance.audit.tools import Tools
from provenance.fingerprint.digest import EMPTY_ROOT
from provenance.model.absence import TriState
from provenance.model.claims import Evidence, LicenseClaim, LicenseFacts
from provenance.model.dataset import Dataset, Generator, Shard, ShardDigests
from provenance.model.details import Details, PersonalData
from provenance.model.match import ReadProblem
from tests.fakes import values
from tests.fakes.clock import FixedClock
from tests.fakes.registry import InMemoryUnitOfWork

PLAN = ImportPlan()


def claim(value: str, by: str, original: str = "") -> LicenseClaim:
    return LicenseClaim(value=value, original=original or value, by=by, evidence=Evidence(snapshot=f"{by}.md"))


def declared(value: str, by: str = "registrant", *stated: LicenseClaim) -> Dataset:
    return Dataset(name="d", license=LicenseFacts(declared=claim(value, by), stated=stated))


def tools() -> Tools:
    clock = FixedClock()
    return cast("Tools", SimpleNamespace(units=InMemoryUnitOfWork(clock), clock=clock, actor="tester"))


def imported(dataset: Dataset, files: Iterable[Shard] | None = None) -> ImportedDataset:
    listed = None if files is None else tuple(files)
    return ImportedDataset(dataset=dataset, where="card.md", shards=None if listed is None else (lambda: listed))


def record(found: ImportedDataset, at: Tools, plan: ImportPlan = PLAN) -> ImportedVersion:
    outcome = record_import(found, plan, at)
    assert isinstance(outcome, ImportedVersion), outcome
    return outcome


class TestMerging:
    def test_what_only_one_states_is_taken_without_a_conflict(self) -> None:
        known = Dataset(name="d", title="T", details=Details(creators=("A",)))
        other = Dataset(name="d", domain="law", languages=("en",), details=Details(creators=("B",), citation="c"))
        merged, conflicts = merge_facts(known, other)
        assert conflicts == ()
        assert (merged.title, merged.domain, merged.languages) == ("T", "law", ("en",))
        assert (merged.details.creators, merged.details.citation) == (("A", "B"), "c")

    def test_a_declared_licence_stays_and_the_other_statement_counts(self) -> None:
        merged, conflicts = merge_facts(declared("MIT"), declared("CC-BY-NC-4.0", "card", claim("CC-BY-NC-4.0", "card")))
        assert merged.license.declared.value == "MIT"
        assert [(c.field, c.kept) for c in conflicts] == [("license.declared", "registered")]
        assert set(stated_licenses(merged, (), "2026-01-01").values) == {"MIT", "CC-BY-NC-4.0"}

    def test_a_party_that_changes_its_mind_is_a_conflict_and_both_count(self) -> None:
        before = declared("CC-BY-NC-4.0", "card", claim("CC-BY-NC-4.0", "card"))
        merged, conflicts = merge_facts(before, declared("MIT", "card", claim("MIT", "card")))
        assert {c.field for c in conflicts} == {"license.declared", "license.stated by card"}
        assert set(stated_licenses(merged, (), "2026-01-01").values) == {"MIT", "CC-BY-NC-4.0"}

    def test_a_conclusion_from_a_file_overrules_nothing_unasked(self) -> None:
        concluded = Dataset(name="d", license=LicenseFacts(concluded=claim("MIT", "somebody")))
        merged, conflicts = merge_facts(declared("CC-BY-NC-4.0"), concluded)
        assert stated_licenses(merged, (), "2026-01-01").values == ("CC-BY-NC-4.0",)
        assert [(c.field, c.kept) for c in conflicts] == [("license.concluded", "registered")]
        asked, _ = merge_facts(declared("CC-BY-NC-4.0"), concluded, replace_facts=True)
        assert stated_licenses(asked, (), "2026-01-01").values == ("MIT",)

    def test_told_to_replace_the_new_statement_stands_alone(self) -> None:
        before = declared("CC-BY-NC-4.0", "card", claim("CC-BY-NC-4.0", "card"))
        merged, conflicts = merge_facts(before, declared("MIT", "card", claim("MIT", "card")), replace_facts=True)
        assert stated_licenses(merged, (), "2026-01-01").values == ("MIT",)
        assert conflicts

    def test_replacing_keeps_what_others_have_said(self) -> None:
        merged, _ = merge_facts(declared("CC-BY-NC-4.0"), declared("MIT", "card", claim("MIT", "card")), replace_facts=True)
        assert set(stated_licenses(merged, (), "2026-01-01").values) == {"MIT", "CC-BY-NC-4.0"}

    def test_told_to_replace_every_member_of_a_list_that_is_lost_is_listed(self) -> None:
        known = Dataset(name="d", generators=(Generator(model="a"), Generator(model="b")), terms=("t1", "t2"), languages=("de",))
        other = Dataset(name="d", generators=(Generator(model="b"), Generator(model="c")), terms=("t2",), details=Details(creators=("A",)))
        merged, conflicts = merge_facts(known, other, replace_facts=True)
        assert (merged.generators, merged.terms, merged.languages) == (other.generators, ("t2",), ("de",))
        assert [(c.field, c.kept) for c in conflicts] == [("terms", "imported"), ("generators", "imported")]
        assert conflicts[0].registered == "t1"
        assert "'a'" in conflicts[1].registered
        assert merge_facts(known, other)[1] == ()

    @pytest.mark.parametrize("replace_facts", [False, True])
    def test_the_same_last_day_is_no_conflict(self, replace_facts: bool) -> None:
        first = Dataset(name="d", license=LicenseFacts(declared=claim("MIT", "a"), expires="2026-12-02"))
        second = Dataset(name="d", license=LicenseFacts(expires="2026-12-02"))
        assert merge_facts(first, second, replace_facts=replace_facts) == (first, ())
        later = Dataset(name="d", license=LicenseFacts(expires="2027-12-02"))
        assert [c.field for c in merge_facts(first, later, replace_facts=replace_facts)[1]] == ["license.expires"]

    def test_a_model_that_any_source_names_makes_text_synthetic(self) -> None:
        known = Dataset(name="d", synthetic=TriState.NO)
        merged, conflicts = merge_facts(known, Dataset(name="d", synthetic=TriState.YES, generators=(Generator(model="m"),)))
        assert (merged.synthetic, merged.generators) == (TriState.YES, (Generator(model="m"),))
        assert [c.field for c in conflicts] == ["synthetic"]

    def test_people_that_any_source_sees_are_there(self) -> None:
        known = Dataset(name="d", details=Details(personal_data=PersonalData(present=TriState.NO)))
        merged, conflicts = merge_facts(known, Dataset(name="d", details=Details(personal_data=PersonalData(present=TriState.YES))))
        assert merged.details.personal_data.present is TriState.YES
        assert [c.field for c in conflicts] == ["details.personal_data.present"]

    @given(order=st.permutations(["MIT", "CC-BY-NC-4.0", "NOT_STATED", "Apache-2.0"]))
    def test_no_order_of_sources_loosens_the_licence(self, order: list[str]) -> None:
        found = Dataset(name="d")
        for value in order:
            stated = () if value == "NOT_STATED" else (claim(value, f"source {value}"),)
            found, _ = merge_facts(found, declared(value, f"source {value}", *stated))
        assert {"MIT", "CC-BY-NC-4.0", "Apache-2.0"} <= set(stated_licenses(found, (), "2026-01-01").values)

    @pytest.mark.parametrize("replace_facts", [False, True])
    def test_a_source_joined_twice_changes_nothing(self, replace_facts: bool) -> None:
        options = [Dataset(name="d"), values.full_dataset("d"), declared("MIT", "card", claim("MIT", "card")), declared("CC-BY-NC-4.0")]
        for known, other in itertools.product(options, repeat=2):
            once, _ = merge_facts(known, other, replace_facts=replace_facts)
            assert merge_facts(once, other, replace_facts=replace_facts)[0] == once


class TestRecording:
    def test_metadata_alone_is_recorded_and_has_no_shards(self) -> None:
        at = tools()
        assert (record(imported(Dataset(name="d")), at).outcome, record(imported(Dataset(name="d")), at).outcome) == (Outcome.NEW, Outcome.UNCHANGED)
        with at.units.read() as registry:
            assert registry.dataset_version("d").root_digest == EMPTY_ROOT

    def test_stated_digests_are_declared_ones(self) -> None:
        at = tools()
        files = values.shards(3)
        for outcome in (Outcome.NEW, Outcome.UNCHANGED):
            assert record(imported(Dataset(name="d"), files), at).outcome is outcome
        with at.units.read() as registry:
            found = registry.dataset_version("d")
            assert (found.shards, found.digests) == (files, ShardDigests.DECLARED)
            assert len(registry.versions("d")) == 1

    def test_shards_that_were_read_stay(self) -> None:
        at = tools()
        version = values.version(Dataset(name="d"), values.shards(3))
        with at.units.begin(actor="tester", action="register") as registry:
            registry.add_version(version)
        found = record(imported(Dataset(name="d", title="T"), values.shards(2)), at)
        assert [(c.field, c.kept) for c in found.conflicts] == [("shards", "registered")]
        same = record(imported(Dataset(name="d", title="T"), values.shards(3)), at)
        assert (same.conflicts, same.outcome) == ((), Outcome.UNCHANGED)
        with at.units.read() as registry:
            assert registry.dataset_version("d") == replace(version, dataset=Dataset(name="d", title="T"), created=at.clock.now())

    def test_told_to_replace_the_listed_shards_are_taken_as_declared(self) -> None:
        at = tools()
        with at.units.begin(actor="tester", action="register") as registry:
            registry.add_version(values.version(Dataset(name="d"), values.shards(3)))
        record(imported(Dataset(name="d"), values.shards(2)), at, ImportPlan(replace_facts=True))
        with at.units.read() as registry:
            found = registry.dataset_version("d")
            assert (found.shards, found.digests) == (values.shards(2), ShardDigests.DECLARED)

    def test_a_dry_run_foresees_and_records_nothing(self) -> None:
        at = tools()
        foreseen = record(imported(Dataset(name="d"), values.shards(2)), at, ImportPlan(dry_run=True))
        with at.units.read() as registry:
            assert registry.newest("d") is None
        done = record(imported(Dataset(name="d"), values.shards(2)), at)
        assert (foreseen.root_digest, foreseen.outcome) == (done.root_digest, done.outcome)
        assert record(imported(Dataset(name="d"), values.shards(2)), at, ImportPlan(dry_run=True)).outcome is Outcome.UNCHANGED

    def test_a_dataset_that_cannot_be_recorded_is_a_problem(self) -> None:
        wrong = values.shards(2)[::-1]
        assert isinstance(record_import(imported(Dataset(name="d"), wrong), PLAN, tools()), ReadProblem)
