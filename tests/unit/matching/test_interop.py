"""Sketches of sets in datasketch's indexes: its queries against brute force on real text, and the way back."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasketch import LeanMinHash, MinHash, MinHashLSH

from provenance.errors import ConfigError, FingerprintError, SchemeMismatchError
from provenance.fingerprint.lsh import candidate_probability
from provenance.matching import interop
from provenance.matching.index import ReferenceStore
from provenance.matching.interop import KeyedSketches, dump_lean, from_lsh, load_lean, sketch_set, sketch_texts, to_lsh, to_lsh_ensemble
from provenance.model.reference import ReferenceKind
from tests.conftest import ROOT
from tests.fakes.matching import make_reference
from tests.fakes.redis import RedisMissingError, fake_server, real_server

NOVEL = ROOT / "examples" / "sample" / "references" / "the-man-who-was-thursday.txt"
WORD = re.compile(r"[a-z0-9]+")
NAMES = itertools.count()


def words_of(text: str) -> list[str]:
    return WORD.findall(text.lower().replace("'", "").replace("\u2019", ""))


def grams(text: str) -> set[tuple[str, ...]]:
    words = words_of(text)
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def jaccard(a: set[tuple[str, ...]], b: set[tuple[str, ...]]) -> float:
    return len(a & b) / len(a | b)


def edited(text: str, rate: float, seed: int) -> str:
    chance = random.Random(seed)
    return " ".join("changed" if chance.random() < rate else word for word in words_of(text))


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """Pages of a novel, about 200 words each."""
    words = words_of(NOVEL.read_text(encoding="utf-8"))[:30_000]
    return {f"page-{i // 200}": " ".join(words[i : i + 200]) for i in range(0, len(words), 200)}


@pytest.fixture(scope="module")
def queries(pages: dict[str, str]) -> dict[str, str]:
    """Every page with up to 6 words in a hundred changed, and pages that begin in the middle of two."""
    changed = {f"edited {name}": edited(text, 0.06 * (i / len(pages)), i) for i, (name, text) in enumerate(pages.items())}
    joined = " ".join(pages.values()).split()
    shifted = {f"shifted {i}": " ".join(joined[i + 40 : i + 240]) for i in range(0, len(joined) - 300, 1000)}
    return changed | shifted


@pytest.fixture
def exported(store: ReferenceStore, pages: dict[str, str]) -> KeyedSketches:
    store.add("pages", [make_reference(name, text) for name, text in pages.items()], kind=ReferenceKind.WORK)
    return sketch_set(store, "pages")


@pytest.fixture(scope="module", params=["fakeredis", "redis-server"])
def redis_port(request: pytest.FixtureRequest) -> Iterator[int]:
    server = fake_server() if request.param == "fakeredis" else real_server()
    try:
        port = server.__enter__()
    except RedisMissingError as err:
        if os.environ.get("CI"):
            pytest.fail(f"did not run on Redis: {err}")
        pytest.skip(f"did not run on Redis: {err}")
    try:
        yield port
    finally:
        server.__exit__(None, None, None)


def assert_queries_agree_with_brute_force(index: MinHashLSH, pages: dict[str, str], queries: dict[str, str]) -> None:
    held = {name: grams(text) for name, text in pages.items()}
    near = far = expected_far = 0.0
    for (_, sketch), text in zip(interop.iter_lean(sketch_texts(queries)), queries.values(), strict=True):
        own = grams(text)
        found = set(index.query(sketch))
        similar = {name: jaccard(own, other) for name, other in held.items() if other}
        assert {name for name, value in similar.items() if value >= 0.7} <= found
        near += sum(value >= 0.7 for value in similar.values())
        far += sum(similar[name] < 0.3 for name in found)
        expected_far += sum(candidate_probability(value) for value in similar.values() if value < 0.3)
    assert near >= 20
    assert far <= expected_far + 4 * expected_far**0.5 + 3


def test_a_set_has_the_sketches_of_its_texts_and_their_sizes(exported: KeyedSketches, pages: dict[str, str]) -> None:
    again = sketch_texts(pages)
    assert exported.keys == again.keys == tuple(pages)
    assert np.array_equal(exported.sketches, again.sketches)
    assert exported.sizes.tolist() == again.sizes.tolist() == [len(grams(text)) for text in pages.values()]


def test_short_references_have_no_sketch(store: ReferenceStore) -> None:
    store.add("set", [make_reference("four", "one two three four"), make_reference("five", "one two three four five")], kind=ReferenceKind.WORK)
    assert sketch_set(store, "set").keys == ("five",)
    assert sketch_texts({"a": "", "b": "one two"}).sketches.shape == (0, 128)


def test_queries_in_memory_agree_with_brute_force(exported: KeyedSketches, pages: dict[str, str], queries: dict[str, str]) -> None:
    assert_queries_agree_with_brute_force(to_lsh(exported), pages, queries)


def test_queries_on_redis_agree_with_brute_force(redis_port: int, exported: KeyedSketches, pages: dict[str, str], queries: dict[str, str]) -> None:
    config = {"type": "redis", "basename": f"pages{next(NAMES)}".encode(), "redis": {"host": "127.0.0.1", "port": redis_port}}
    to_lsh(exported, storage_config=config)
    shared = MinHashLSH(num_perm=128, params=(32, 4), storage_config=config)  # what a colleague opens, with datasketch alone
    assert_queries_agree_with_brute_force(shared, pages, queries)
    back = from_lsh(shared)
    order = sorted(range(len(pages)), key=lambda i: str(exported.keys[i]))
    assert back.keys == tuple(exported.keys[i] for i in order)
    assert np.array_equal(back.sketches, exported.sketches[order])
    with pytest.raises(FingerprintError, match="holds 'page-0' already"):
        to_lsh(exported, storage_config=config)
    assert len(from_lsh(shared)) == len(pages)


def test_a_server_that_is_not_there_is_an_error_of_ours(exported: KeyedSketches) -> None:
    nobody = {"type": "redis", "redis": {"host": "127.0.0.1", "port": 1, "retry": None}}
    with pytest.raises(FingerprintError, match="cannot hold the sketches"):
        to_lsh(exported, storage_config=nobody)
    with pytest.raises(FingerprintError, match="cannot hold the sketches"):
        to_lsh_ensemble(exported, storage_config=nobody, num_part=2)


def test_a_client_that_is_not_installed_is_named(exported: KeyedSketches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interop, "find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match="Redis is not installed"):
        to_lsh(exported, storage_config={"type": "redis", "redis": {}})
    assert len(from_lsh(to_lsh(exported))) == len(exported)


def test_what_an_index_in_memory_holds_comes_back(exported: KeyedSketches) -> None:
    back = from_lsh(to_lsh(exported))
    by_key = dict(zip(back.keys, back.sketches.tolist(), strict=True))
    assert by_key == dict(zip(exported.keys, exported.sketches.tolist(), strict=True))
    assert from_lsh(to_lsh(sketch_texts({}))).sketches.shape == (0, 128)


def test_indexes_that_do_not_hold_whole_sketches_are_refused(exported: KeyedSketches) -> None:
    for index in (
        to_lsh(exported, threshold=0.9),  # 5 bands of 25: three minima are left out
        MinHashLSH(num_perm=64, params=(16, 4)),
        MinHashLSH(num_perm=128, params=(32, 4), hashfunc=lambda raw: raw[:4]),
    ):
        with pytest.raises(SchemeMismatchError):
            from_lsh(index)
    wide = MinHashLSH(num_perm=128, params=(32, 4))
    wide.insert("a", MinHash(num_perm=128, scheme="affine64"))
    with pytest.raises(SchemeMismatchError, match="32 bits"):
        from_lsh(wide)


def test_an_ensemble_finds_the_pages_that_hold_an_extract(exported: KeyedSketches, pages: dict[str, str]) -> None:
    index = to_lsh_ensemble(exported, threshold=0.8, num_part=4)
    extracts = {name: " ".join(text.split()[20:150]) for name, text in list(pages.items())[:40]}
    asked = sketch_texts(extracts)
    found = [name in set(index.query(sketch, size)) for (name, sketch), size in zip(interop.iter_lean(asked), asked.sizes.tolist(), strict=True)]
    assert sum(found) >= 36
    with pytest.raises(FingerprintError, match="size of each"):
        to_lsh_ensemble(from_lsh(to_lsh(exported)))
    with pytest.raises(FingerprintError, match="at least one"):
        to_lsh_ensemble(sketch_texts({}))


@pytest.mark.parametrize("protocol", range(3, pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_lists_of_sketches_come_back(exported: KeyedSketches, protocol: int) -> None:
    pairs = list(interop.iter_lean(exported))
    if protocol == pickle.DEFAULT_PROTOCOL:
        assert dump_lean(exported) == pickle.dumps(pairs)
    for given in (pairs, dict(pairs), [lean for _, lean in pairs]):
        back = load_lean(pickle.dumps(given, protocol=protocol))
        assert back.keys == (tuple(range(len(pairs))) if isinstance(given[0] if isinstance(given, list) else None, LeanMinHash) else exported.keys)
        assert np.array_equal(back.sketches, exported.sketches)


class Harmful:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("exit 1",)


@pytest.mark.parametrize("raw", [b"", b"no pickle", pickle.dumps([1, 2]), pickle.dumps(Harmful()), pickle.dumps([("a", MinHash(num_perm=128))])])
def test_other_pickles_are_refused_and_run_nothing(raw: bytes) -> None:
    with pytest.raises(FingerprintError):
        load_lean(raw)


def test_damaged_pickles_are_refused(exported: KeyedSketches) -> None:
    raw = dump_lean(KeyedSketches(exported.keys[:2], exported.sketches[:2], exported.sizes[:2]))
    chance = random.Random(5)
    for _ in range(200):
        cut = bytearray(raw[: chance.randrange(len(raw))])
        if cut:
            cut[chance.randrange(len(cut))] ^= 1 << chance.randrange(8)
        with pytest.raises(FingerprintError):
            load_lean(bytes(cut))


def test_near_duplicates_of_api_outputs_are_found_as_brute_force_has_them(shared: Path, store: ReferenceStore) -> None:
    paths = sorted((shared / "data" / "dev" / "api_outputs").glob("*.jsonl"))
    outputs = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()][:1500]
    texts = {o["id"]: " ".join(words_of(o["output"])) for o in outputs}
    store.add("outputs", [make_reference(name, text) for name, text in texts.items()], kind=ReferenceKind.WORK)
    asked = {name: edited(text, 0.04, i) for i, (name, text) in enumerate(texts.items()) if i % 10 == 0}
    assert_queries_agree_with_brute_force(to_lsh(sketch_set(store, "outputs")), texts, {n: t for n, t in asked.items() if len(words_of(t)) >= 24})
