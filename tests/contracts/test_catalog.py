"""Searching, paging and comparing: the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from provenance.errors import ManifestError, NotRegisteredError
from provenance.model.absence import TriState
from provenance.model.dataset import Dataset, DatasetVersion, Generator, LicenseClaim, LicenseFacts, LicensePart, Shard
from provenance.model.details import Details
from provenance.registry.diff import VersionDiff
from provenance.registry.session import SqlUnitOfWork
from provenance.registry.upgrade import upgrade
from tests.fakes import values
from tests.fakes.clock import TickingClock


@pytest.fixture
def units(database: str) -> Iterator[SqlUnitOfWork]:
    upgrade(database)
    sql = SqlUnitOfWork(database, TickingClock())
    yield sql
    sql.close()


def record(units: SqlUnitOfWork, *versions: DatasetVersion) -> None:
    with units.begin(actor="tester", action="register") as registry:
        for version in versions:
            registry.add_version(version)


def licensed(name: str, value: str, **more: Any) -> Dataset:
    return replace(Dataset(name=name, license=LicenseFacts(declared=LicenseClaim(value=value))), **more)


def library() -> tuple[DatasetVersion, ...]:
    """Return four datasets that differ in words and facets."""
    datasets = (
        licensed("poems-de", "CC0-1.0", title="Gedichte", languages=("de",), synthetic=TriState.NO),
        licensed("poems-en", "CC-BY-4.0", title="Poems of London", languages=("en",), tags=("Straße",)),
        licensed("letters", "CC0-1.0", languages=("en", "de"), details=Details(description="Letters about poems, ﬁne ones")),
        licensed("chats", "MIT", generators=(Generator(provider="openai", model="gpt-4"),), synthetic=TriState.YES),
    )
    return tuple(values.version(d, values.shards(2, start=10 * i)) for i, d in enumerate(datasets))


def names(units: SqlUnitOfWork, *words: str, **filters: tuple[str, ...]) -> list[str]:
    with units.read() as registry:
        return list(registry.search(words, filters).names)


def test_words_are_found_by_their_beginning_ranked_and_all_of_them(units: SqlUnitOfWork) -> None:
    record(units, *library())
    assert names(units, "poems") == ["poems-de", "poems-en", "letters"]
    assert names(units, "POE") == ["poems-de", "poems-en", "letters"]
    assert names(units, "poems", "lond") == ["poems-en"]
    assert names(units, "strasse") == ["poems-en"]
    assert names(units, "fine") == ["letters"]
    assert names(units, "oems") == []
    assert names(units) == ["chats", "letters", "poems-de", "poems-en"]
    assert names(units, "'; DROP TABLE shards; --") == []
    assert names(units, "%") == names(units)


def test_facets_filter_and_are_counted(units: SqlUnitOfWork) -> None:
    record(units, *library())
    assert names(units, language=("de",)) == ["letters", "poems-de"]
    assert names(units, license=("cc0-1.0", "MIT")) == ["chats", "letters", "poems-de"]
    assert names(units, "poems", license=("CC0-1.0",), language=("EN",)) == ["letters"]
    assert names(units, provider=("openai",), synthetic=("yes",)) == ["chats"]
    assert names(units, provider=("nobody",)) == []
    with units.read() as registry:
        facets = registry.search(("poems",)).facets
        assert facets["license"] == {"CC0-1.0": 2, "CC-BY-4.0": 1}
        assert facets["language"] == {"de": 2, "en": 2}
        with pytest.raises(ManifestError, match="facet"):
            registry.search((), {"shape": ("round",)})


def test_only_newest_versions_are_found(units: SqlUnitOfWork) -> None:
    record(units, *library())
    record(units, values.version(licensed("chats", "CC0-1.0", title="Greetings"), values.shards(1)))
    assert names(units, provider=("openai",)) == []
    assert names(units, "greet") == ["chats"]
    assert names(units, license=("MIT",)) == []


def test_a_migrated_registry_is_searched_as_a_new_one(database: str) -> None:
    from provenance.registry.upgrade import downgrade

    upgrade(database)
    sql = SqlUnitOfWork(database, TickingClock())
    record(sql, *library(), values.full_version(count=3))
    with sql.read() as registry:
        before = list(registry.recorded_descriptions())
    downgrade(database, "0006")
    upgrade(database)
    with sql.read() as registry:
        after = list(registry.recorded_descriptions())
    assert [(t, sorted(terms)) for t, terms in after] == [(t, sorted(terms)) for t, terms in before]
    sql.close()


def test_shards_come_in_pages_with_their_licences(units: SqlUnitOfWork) -> None:
    files = tuple(replace(s, licenses=(LicensePart(value="MIT", original="mit", records=3),)) for s in values.shards(5))
    record(units, values.version(Dataset(name="d"), files))
    with units.read() as registry:
        number = registry.find_recording("d")
        assert list(registry.shards_of(number, limit=2)) == list(files[:2])
        assert list(registry.shards_of(number, limit=9, offset=3)) == list(files[3:])
        assert registry.record_license_counts(number) == {"MIT": 15}
        assert registry.totals_of(number).shards == 5


def test_recordings_are_named_by_digits_and_by_how_long_ago(units: SqlUnitOfWork) -> None:
    first = values.version(Dataset(name="d"), values.shards(1))
    second = values.version(Dataset(name="d"), values.shards(2))
    third = values.version(Dataset(name="d", title="new"), values.shards(2))
    record(units, first, second, third)
    with units.read() as registry:

        def told(text: str) -> DatasetVersion:
            return registry.recording(registry.find_recording(text))

        assert told("d") == replace(third, shards=())
        assert told("d~1") == replace(second, shards=())
        assert told("d~2") == replace(first, shards=())
        assert told(f"d@{first.root_digest}") == replace(first, shards=())
        assert told(f"d@{second.root_digest.removeprefix('sha256:')[:10]}") == replace(third, shards=())
        for wrong in ("d~3", "d~x", "d~-1", "d@sha256:ffffffffffff", "e", "e~1"):
            with pytest.raises(NotRegisteredError):
                registry.find_recording(wrong)


def compare(units: SqlUnitOfWork, old: tuple[Shard, ...], new: tuple[Shard, ...], dataset: Dataset | None = None) -> VersionDiff:
    record(units, values.version(Dataset(name="d"), old), values.version(dataset or Dataset(name="d", title="again"), new))
    with units.read() as registry:
        sides = [(n, registry.recording(n)) for n in (registry.find_recording("d~1"), registry.find_recording("d"))]
        return registry.diff(*sides)


def test_shards_are_added_removed_changed_and_moved(units: SqlUnitOfWork) -> None:
    a, b, c, d, e = values.shards(5)
    changed, moved = replace(b, sha256=values.digest(77)), replace(c, path="elsewhere/c.jsonl")
    found = compare(units, (a, b, c, d), (a, changed, moved, e))
    assert [s.path for s in found.added] == [e.path]
    assert [s.path for s in found.removed] == [d.path]
    assert [(x.old.sha256, x.new.sha256) for x in found.changed] == [(b.sha256, values.digest(77))]
    assert [(x.old.path, x.new.path) for x in found.moved] == [(c.path, "elsewhere/c.jsonl")]
    assert [(f.field, f.old, f.new) for f in found.facts] == [("title", "", "again")]
    assert found.old.totals.words == sum(s.words or 0 for s in (a, b, c, d))
    assert not found.equal


def test_a_content_that_stands_twice_moves_once(units: SqlUnitOfWork) -> None:
    a, b = values.shards(2)
    twice = (replace(a, path="x"), replace(a, path="y"), b)
    found = compare(units, (a, b), twice)
    assert len(found.moved) == len(found.added) == 1
    assert found.removed == ()


def test_facts_are_told_old_and_new_and_equal_recordings_are_equal(units: SqlUnitOfWork) -> None:
    files = values.shards(2)
    found = compare(units, files, files, licensed("d", "MIT"))
    assert [(f.field, f.old, f.new) for f in found.facts] == [("license.declared.value", "UNKNOWN", "MIT")]
    assert (found.added, found.removed, found.changed, found.moved) == ((), (), (), ())
    with units.read() as registry:
        number = registry.find_recording("d")
        assert registry.diff((number, registry.recording(number)), (number, registry.recording(number))).equal
