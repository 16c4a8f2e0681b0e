"""Data sets of the Hugging Face hub are found, described and checked by ``hf://`` URLs, as they are now."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from provenance.clearance.faults import ShardFault
from provenance.clearance.shards import verify_shards
from provenance.errors import StoreError
from provenance.fingerprint.digest import ShardLeaf
from provenance.ingest.listing import FileListing
from provenance.ingest.reader import Reader
from provenance.storage.options import StorageOptions
from provenance.storage.stores import Stores
from provenance.storage.urls import parse_url
from tests.fakes.hub import Hub, hub_server

ROOT = parse_url("hf://datasets/org/name")
FILES = {"README.md": b"# name\n", "data/a.jsonl": b'{"text": "one two three four"}\n' * 9_000, "data/deep/b.txt": b"five words of plain text"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setenv("HUB_TOKEN_OF_TESTS", "hf_theTokenOfTheTests0123456789")
    with hub_server() as made:
        made.files.update(FILES)
        yield made


def stores(hub: Hub) -> Stores:
    return Stores(StorageOptions(attempts=2, first_wait_s=0.0, stores=(("hf", (("endpoint", hub.endpoint), ("token_env", "HUB_TOKEN_OF_TESTS"))),)))


def test_a_data_set_is_described_and_checked(hub: Hub) -> None:
    listing = FileListing({"data": ROOT}, Reader(None, stores(hub)))
    assert listing.expand(["**/*.jsonl", "data/deep"], root="data") == ["data/a.jsonl", "data/deep/b.txt"]
    shard = listing.describe("data/a.jsonl", root="data")
    raw = FILES["data/a.jsonl"]
    assert (shard.sha256, shard.size_bytes, shard.records, shard.words) == (f"sha256:{hashlib.sha256(raw).hexdigest()}", len(raw), 9_000, 36_000)
    leaves = [ShardLeaf(path=path, sha256=f"sha256:{hashlib.sha256(raw).hexdigest()}", size_bytes=len(raw)) for path, raw in FILES.items()]
    assert verify_shards(leaves, [ROOT], stores=stores(hub)).problems == ()
    hub.files["data/new.jsonl"] = b"{}\n"
    assert [p.fault for p in verify_shards(leaves, [ROOT], stores=stores(hub)).problems] == [ShardFault.UNREGISTERED]
    assert hub.tokens == {"Bearer hf_theTokenOfTheTests0123456789"}


def test_what_the_package_remembers_is_not_believed(hub: Hub) -> None:
    store, url = stores(hub), parse_url(f"{ROOT}/data/a.jsonl")
    before = store.stamp(url)
    hub.files["data/a.jsonl"] = FILES["data/a.jsonl"].replace(b"one", b"ONE")
    assert store.stamp(url) != before
    hub.files["data/new.jsonl"] = b"{}\n"
    assert [e.path for e in store.files(ROOT)] == ["README.md", "data/a.jsonl", "data/deep/b.txt", "data/new.jsonl"]
    del hub.files["data/new.jsonl"]
    assert [e.path for e in store.entries(parse_url(f"{ROOT}/data"))] == ["a.jsonl", "deep"]
    with store.open(url) as file:
        assert file.read(1) == b"{"
        hub.files["data/a.jsonl"] = FILES["data/a.jsonl"]
        with pytest.raises(Exception, match="changed while it was read"):
            file.readall()


def test_what_is_not_there_is_told(hub: Hub) -> None:
    for url in (f"{ROOT}/none.jsonl", "hf://datasets/org/other/x.jsonl"):
        with pytest.raises(StoreError, match="no such file"):
            stores(hub).open(parse_url(url))
    assert stores(hub).files(parse_url(f"{ROOT}/none")) == []
