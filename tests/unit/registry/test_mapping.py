"""Every version that can be recorded comes out equal, and what cannot be recorded is refused whole."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import ManifestError, RegistryError
from provenance.fingerprint.digest import ShardLeaf, merkle_root
from provenance.model.absence import ABSENCES, TriState
from provenance.model.dataset import (
    Dataset,
    DatasetVersion,
    DateRange,
    Evidence,
    Generator,
    LicenseClaim,
    LicenseFacts,
    Obtained,
    Shard,
    ShardFormat,
    Source,
    SourceKind,
    Tokenizer,
)
from provenance.registry.digests import facts_digest
from provenance.registry.mapping import shard_value
from provenance.registry.session import SqlUnitOfWork
from provenance.registry.upgrade import upgrade
from tests.fakes import values
from tests.fakes.clock import FixedClock

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12) | st.sampled_from(sorted(ABSENCES))
lists = st.lists(texts, max_size=3).map(tuple)
counts = st.integers(0, 2**53 - 1)
ranges = st.builds(DateRange, start=texts, end=texts)
evidence = st.builds(Evidence, url=texts, fetched_at=texts, sha256=texts, snapshot=texts)
claims = st.builds(LicenseClaim, value=texts, original=texts, by=texts, evidence=evidence)
generators = st.builds(Generator, provider=texts, model=texts, channel=texts, region=texts, generated=ranges, role=texts, prompt_source=texts)
datasets = st.builds(
    Dataset,
    name=texts.filter(bool),
    title=texts,
    source=st.builds(Source, kind=st.sampled_from(SourceKind), url=texts, collected=ranges, collector=texts),
    obtained=st.sampled_from(Obtained),
    license=st.builds(LicenseFacts, declared=claims, detected=claims, concluded=claims),
    terms=lists,
    generators=st.lists(generators, max_size=3).map(tuple),
    synthetic=st.sampled_from(TriState),
    domain=texts,
    languages=lists,
    derived_from=lists,
    owner=texts,
    text_field=st.none() | texts,
    tags=lists,
    tokenizer=st.none() | st.builds(Tokenizer, path=texts, sha256=texts, field=st.none() | texts),
)
shards = st.builds(
    Shard,
    path=texts.filter(bool),
    root=texts,
    sha256=st.binary(min_size=32, max_size=32).map(lambda b: "sha256:" + b.hex()),
    size_bytes=counts,
    records=st.none() | counts,
    words=st.none() | counts,
    format=st.sampled_from(ShardFormat),
    unread_records=counts,
)
shard_lists = st.lists(shards, min_size=1, max_size=5, unique_by=lambda s: s.path).map(tuple)


@st.composite
def versions(draw: st.DrawFn) -> DatasetVersion:
    files = draw(shard_lists)
    root = merkle_root(ShardLeaf(path=s.path, sha256=s.sha256, size_bytes=s.size_bytes) for s in files)
    return DatasetVersion(dataset=draw(datasets), root_digest=root, shards=files, created=draw(texts))


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> SqlUnitOfWork:
    url = f"sqlite:///{tmp_path_factory.mktemp('mapping')}/registry.db"
    upgrade(url)
    return SqlUnitOfWork(url, FixedClock())


@settings(deadline=None, max_examples=60)
@given(version=versions())
def test_what_goes_in_comes_out_equal(units: SqlUnitOfWork, version: DatasetVersion) -> None:
    with units.begin(actor="tester", action="register") as registry:
        registry.add_version(version)
    with units.read() as registry:
        found = registry.dataset_version(version.dataset.name)
        listed = [v for v in registry.datasets() if v.dataset.name == version.dataset.name]
    assert replace(found, created="") == replace(version, created="")
    assert [v.dataset for v in listed] == [version.dataset]


@settings(deadline=None, max_examples=60)
@given(one=datasets, two=datasets, files=shard_lists)
def test_facts_digests_are_equal_only_for_equal_facts(one: Dataset, two: Dataset, files: tuple[Shard, ...]) -> None:
    assert (facts_digest(one, files) == facts_digest(two, files)) == (one == two)
    changed = (*files[:-1], replace(files[-1], unread_records=files[-1].unread_records + 1 if files[-1].unread_records < 9 else 0))
    assert facts_digest(one, changed) != facts_digest(one, files)


def test_every_field_of_a_dataset_counts_in_its_facts_digest() -> None:
    full, bare, files = values.full_dataset(), Dataset(name="x"), values.shards(1)
    digests = {facts_digest(replace(full, **{f.name: getattr(bare, f.name)}), files) for f in fields(Dataset)}
    assert len(digests | {facts_digest(full, files)}) == len(fields(Dataset)) + 1


def test_the_facts_digest_is_pinned() -> None:
    # Recorded digests are compared for years: a change here makes every registry look tampered with.
    # By hand: sha256 of {"dataset":{"name":"d"},"shards":"sha256:…"} in canonical JSON, facts at their defaults left out.
    line = '[["a.txt","data","sha256:' + "0" * 64 + '",1,null,2,"text",0]]'
    inner = hashlib.sha256(line.encode()).hexdigest()
    expected = hashlib.sha256(f'{{"dataset":{{"name":"d"}},"shards":"sha256:{inner}"}}'.encode()).hexdigest()
    shard = Shard(path="a.txt", sha256="sha256:" + "0" * 64, size_bytes=1, words=2, format=ShardFormat.TEXT)
    assert facts_digest(Dataset(name="d"), (shard,)) == "sha256:" + expected


@pytest.mark.parametrize(
    "shard",
    [
        Shard(path="", sha256=values.digest(1), size_bytes=1),
        Shard(path="a\x00", sha256=values.digest(1), size_bytes=1),
        Shard(path="a", root="\x00", sha256=values.digest(1), size_bytes=1),
        Shard(path="a", root="\ud800", sha256=values.digest(1), size_bytes=1),
        Shard(path="a", sha256="sha256:xyz", size_bytes=1),
        Shard(path="a", sha256=values.digest(1), size_bytes=-1),
        Shard(path="a", sha256=values.digest(1), size_bytes=2**53),
        Shard(path="a", sha256=values.digest(1), size_bytes=1, records=-1),
        Shard(path="a", sha256=values.digest(1), size_bytes=1, words=-1),
        Shard(path="a", sha256=values.digest(1), size_bytes=1, unread_records=-1),
        Shard(path="a", sha256=values.digest(1), size_bytes=1, records=2**63),
    ],
)
def test_a_shard_that_cannot_be_is_refused(units: SqlUnitOfWork, shard: Shard) -> None:
    try:
        root = merkle_root([ShardLeaf(path=shard.path, sha256=shard.sha256, size_bytes=shard.size_bytes)])
    except ValueError:
        root = values.digest(0)
    version = DatasetVersion(dataset=Dataset(name="refused"), root_digest=root, shards=(shard,), created=values.CREATED)
    with units.read() as registry:
        head = registry.log_head
    with pytest.raises(ManifestError), units.begin(actor="tester", action="register") as registry:
        registry.add_version(version)
    with units.read() as registry:
        assert registry.log_head == head


@pytest.mark.parametrize("path", ["a\x00b", "\ud800"])
def test_a_scan_that_cannot_be_stored_is_refused(units: SqlUnitOfWork, path: str) -> None:
    with pytest.raises(RegistryError, match="cannot be recorded"), units.begin(actor="tester", action="scan") as registry:
        registry.save_scan(replace(values.scan(), path=path), values.digest(1))


def test_a_format_of_a_later_version_is_an_error_not_a_guess() -> None:
    with pytest.raises(RegistryError, match="'tape' is not known"):
        shard_value(("a", "data", values.digest(1), 1, None, None, "tape", 0))


def test_numbers_of_recordings_grow(units: SqlUnitOfWork) -> None:
    numbers = count(1)
    for _ in range(3):
        with units.begin(actor="tester", action="register") as registry:
            registry.add_version(values.version(Dataset(name="growing"), values.shards(next(numbers))))
    with units.read() as registry:
        assert len(registry.versions("growing")) == 3
