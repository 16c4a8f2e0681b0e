"""Derivations, shared bytes and record licences: the same from every registry."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.errors import ManifestError, RegistryError
from provenance.model.dataset import Dataset, LicensePart
from provenance.model.lineage import Derivation, DerivationInput, Transform
from provenance.ports import UnitOfWork
from tests.fakes import values


def record(units: UnitOfWork, *derivations: Derivation) -> None:
    for derivation in derivations:
        with units.begin(actor="tester", action="derive") as registry:
            registry.add_derivation(derivation)


def test_a_derivation_comes_out_as_it_went_in(units: UnitOfWork) -> None:
    made = values.derivation()
    bare = Derivation(output="b", root_digest=values.digest(9), inputs=(DerivationInput(dataset="a"),), transform=Transform.COPY, at="t", actor="me")
    record(units, made, bare)
    with units.read() as registry:
        assert list(registry.derivations_of(("chat-distilled", "b", "nobody"))) == [made, bare]
        assert list(registry.derivations_of(("b",))) == [bare]
        assert list(registry.derivations_from(("support-tickets", "unversioned"))) == [made]
        assert list(registry.derivations_from(("a",))) == [bare]
        assert list(registry.derivations_from(("chat-distilled",))) == []


def test_the_same_derivation_again_changes_nothing_whoever_records_it(units: UnitOfWork) -> None:
    record(units, values.derivation())
    with units.read() as registry:
        head = registry.log_head
    record(units, replace(values.derivation(), at="2027-01-01T00:00:00Z", actor="somebody else"))
    with units.read() as registry:
        assert registry.log_head == head
        assert list(registry.derivations_of(("chat-distilled",))) == [values.derivation()]
    record(units, replace(values.derivation(), note="another step"))
    with units.read() as registry:
        assert registry.log_head != head


def test_hostile_texts_survive_in_a_derivation(units: UnitOfWork) -> None:
    nasty = "'; DROP TABLE shards; -- %s :x {y}\n\t\u202e𝕏 日本"
    made = replace(values.derivation(nasty, source=nasty), tool=nasty, note=nasty)
    record(units, made)
    with units.read() as registry:
        assert list(registry.derivations_of((nasty,))) == list(registry.derivations_from((nasty,))) == [made]


def test_a_reading_unit_records_no_derivation(units: UnitOfWork) -> None:
    with units.read() as registry, pytest.raises(RegistryError, match="reading"):
        registry.add_derivation(values.derivation())


@pytest.mark.parametrize("units", ["sqlite", "postgresql"], indirect=True)
def test_text_that_no_database_holds_is_refused(units: UnitOfWork) -> None:
    for note in ("a\x00b", "\ud800"):
        with pytest.raises(ManifestError, match="cannot be recorded"):
            record(units, replace(values.derivation(), note=note))


def test_children_are_found_by_what_their_newest_version_declares(units: UnitOfWork) -> None:
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(values.version(Dataset(name="a"), values.shards(1)))
        registry.add_version(values.version(Dataset(name="b", derived_from=("a",)), values.shards(1, start=1)))
        registry.add_version(values.version(Dataset(name="c", derived_from=(f"a@{values.digest(1)}", "b")), values.shards(1, start=2)))
        registry.add_version(values.version(Dataset(name="d", derived_from=("a-b", "ab")), values.shards(1, start=3)))
        registry.add_version(values.version(Dataset(name="e", derived_from=("a",)), values.shards(1, start=4)))
        registry.add_version(values.version(Dataset(name="e"), values.shards(1, start=4)))
    with units.read() as registry:
        assert list(registry.declared_children("a")) == ["b", "c"]
        assert list(registry.declared_children("nobody")) == []


def test_datasets_that_hold_the_same_bytes_are_twins(units: UnitOfWork) -> None:
    first = values.version(Dataset(name="a"), values.shards(3))
    second = values.version(Dataset(name="b"), values.shards(2, start=2))
    held = values.version(Dataset(name="c"), values.shards(2, start=12))
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(first)
        registry.add_version(values.version(Dataset(name="a"), values.shards(3, start=10)))
        registry.add_version(second)
        registry.add_version(held)
        registry.add_version(values.version(Dataset(name="c"), values.shards(2, start=20)))
    with units.read() as registry:
        assert list(registry.twins("a")) == [("c", held.root_digest)]
        assert list(registry.twins("a", first.root_digest)) == [("b", second.root_digest)]
        assert list(registry.twins("b")) == [("a", first.root_digest)]
        assert list(registry.twins("nobody")) == []


def test_the_last_recording_that_holds_bytes_is_found(units: UnitOfWork) -> None:
    one, two, three, four = values.shards(4)
    recordings = [
        values.version(Dataset(name="a"), (one, two)),
        values.version(Dataset(name="a"), (two, three)),
        values.version(Dataset(name="b"), (one, two)),
        values.version(Dataset(name="a"), (four,)),
    ]
    with units.begin(actor="tester", action="register") as registry:
        for recording in recordings:
            registry.add_version(recording)
    with units.read() as registry:
        held = registry.holders([one.sha256, two.sha256, four.sha256, values.digest(10**6)])
        assert held[one.sha256] == (("a", recordings[0].root_digest), ("b", recordings[2].root_digest))
        assert held[two.sha256] == (("a", recordings[1].root_digest), ("b", recordings[2].root_digest))
        assert held[four.sha256] == (("a", recordings[3].root_digest),)
        assert len(held) == 3
        assert set(registry.shared_shards("a", recordings[0].root_digest, recordings[1].root_digest)) == {two.sha256}
        assert not registry.shared_shards("a", recordings[0].root_digest, recordings[3].root_digest)
        assert not registry.shared_shards("a", recordings[0].root_digest, values.digest(10**6))


def test_empty_shards_make_no_twins(units: UnitOfWork) -> None:
    one, two, nothing = values.shards(3)
    nothing = replace(nothing, size_bytes=0)
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(values.version(Dataset(name="a"), (one, nothing)))
        registry.add_version(values.version(Dataset(name="b"), (two, nothing)))
    with units.read() as registry:
        assert not registry.twins("a")


def test_licences_of_records_are_found_for_all_shards_or_some(units: UnitOfWork) -> None:
    one, two, three = values.shards(3)
    files = (
        replace(one, licenses=(LicensePart(value="MIT", original="mit", records=2), LicensePart(value="CC0-1.0", original="cc0", records=0))),
        replace(two, licenses=(LicensePart(value="CC-BY-NC-4.0", original="nc", records=1),)),
        three,
    )
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(values.version(Dataset(name="a"), files))
    with units.read() as registry:
        assert list(registry.record_licenses("a")) == ["CC-BY-NC-4.0", "MIT"]
        assert list(registry.record_licenses("a", shards=(one.sha256, three.sha256))) == ["MIT"]
        assert list(registry.record_licenses("nobody")) == []


def test_registered_paths_are_told_of_those_asked_for(units: UnitOfWork) -> None:
    files = values.shards(3)
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(values.version(Dataset(name="a"), files))
    asked = {(files[0].root, files[0].path), ("elsewhere", files[1].path), ("data", "nowhere"), ("data", "bad\udcff")}
    with units.read() as registry:
        assert set(registry.registered_paths(asked)) == {(files[0].root, files[0].path)}


def test_what_was_recorded_after_a_row_of_the_log_is_told(units: UnitOfWork) -> None:
    with units.read() as registry:
        start = registry.log_head
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(values.version(Dataset(name="a"), values.shards(1)))
        registry.add_version(values.version(Dataset(name="b"), values.shards(1, start=5)))
    with units.read() as registry:
        head = registry.log_head
    with units.begin(actor="tester", action="derive") as registry:
        registry.add_derivation(values.derivation(output="b"))
        registry.note("issued", clearance="x")
    with units.read() as registry:
        told = [registry.changed_since(h) for h in (start, head, registry.log_head)]
        assert [None if t is None else ({name for name, _ in t[0]}, set(t[1])) for t in told] == [({"a", "b"}, {"b"}), (set(), {"b"}), (set(), set())]
        assert registry.changed_since(values.digest(3)) is None
