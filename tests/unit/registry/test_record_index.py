"""An index of records is found by its digest, refused where it was changed, and gives what a look at every key gives."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from provenance.errors import RegistryError
from provenance.fingerprint.wanted import KeyRole, RecordHit, Wanted
from provenance.ports.records import RecordKeys
from provenance.registry.evidence import EvidenceFolder
from provenance.registry.record_index import SUFFIX

HOSTS = ["example.com", "www.example.com", "a.example.com", "badexample.com", "example.com.evil.test", "other.org"]


def make(seed: int, count: int) -> RecordKeys:
    draw, keys = random.Random(seed), RecordKeys()
    for record in range(count):
        role = draw.choice(list(KeyRole))
        host = draw.choice(HOSTS) if role is KeyRole.ADDRESS else ""
        key = f"{host.removeprefix('www.')}/p{draw.randrange(5)}" + draw.choice(["", "?q=1", "/below"]) if host else f"k{draw.randrange(9)}"
        keys.role.append(role)
        keys.key.append(key)
        keys.host.append(host)
        keys.path.append(draw.choice(["url", "meta.url"]))
        keys.record.append(record)
        keys.line.append(record + 1 if seed % 2 else 0)
    return keys


WANTED = Wanted(
    domains={"example.com": ("d1", "d2"), "evil.test": ("d3",)},
    pages={"other.org/p1": ("u1",), "other.org/p2?q=1": ("u2",)},
    below={"badexample.com/p3": ("b1",)},
    keys={KeyRole.ID: {"k1": ("i1",), "k2": ("i2",)}, KeyRole.DIGEST: {"k1": ("g1",)}, KeyRole.AUTHOR: {}},
)


def brute_force(batches: list[RecordKeys]) -> list[tuple[str, int, str]]:
    """Look at every key by itself."""
    found = []
    for keys in batches:
        for role, key, host, record in zip(keys.role, keys.key, keys.host, keys.record, strict=True):
            page = key.partition("?")[0]
            if role is KeyRole.ADDRESS:
                hits = [d for d in ("d1", "d2") if host == "example.com" or host.endswith(".example.com")]
                hits += ["d3"] if host.endswith(".evil.test") else []
                hits += ["u1"] if page == "other.org/p1" else []
                hits += ["u2"] if key == "other.org/p2?q=1" else []
                hits += ["b1"] if page == "badexample.com/p3" or page.startswith("badexample.com/p3/") else []
            else:
                hits = {("id", "k1"): ["i1"], ("id", "k2"): ["i2"], ("digest", "k1"): ["g1"]}.get((role.value, key), [])
            found += [(hit, record, key) for hit in hits]
    return found


def store(folder: EvidenceFolder, *batches: RecordKeys) -> str:
    with folder.writing_records() as writer:
        for keys in batches:
            writer.add(keys)
        return writer.publish()


def test_a_search_finds_what_a_look_at_every_key_finds(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path)
    for seed in range(6):
        batches = [make(seed, 500), make(seed + 100, 700)]
        hits = list(folder.find_records(store(folder, *batches), WANTED))
        assert [(h.wanter, h.record, h.key) for h in hits] == brute_force(batches)
        assert len(hits) > 100


def test_lines_are_kept_and_absent_where_a_format_has_none(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path)
    for line, kept in ((5, 5), (0, None)):
        keys = RecordKeys(role=[KeyRole.ID], key=["k1"], host=[""], path=["id"], record=[4], line=[line])
        expected = RecordHit(wanter="i1", role=KeyRole.ID, record=4, line=kept, field="id", key="k1")
        assert list(folder.find_records(store(folder, keys), WANTED)) == [expected]


def test_an_index_without_keys_is_one_too(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path)
    assert list(folder.find_records(store(folder), WANTED)) == []
    assert list(folder.find_records(store(folder, make(1, 50)), Wanted())) == []


def test_a_changed_or_missing_index_is_refused_at_once(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path)
    digest = store(folder, make(1, 50))
    place = folder.place(digest, suffix=SUFFIX)
    place.write_bytes(place.read_bytes()[:-1] + b"x")
    with pytest.raises(RegistryError, match="changed"):
        folder.find_records(digest, WANTED)
    place.unlink()
    with pytest.raises(RegistryError, match="cannot be read"):
        folder.find_records(digest, WANTED)


def test_what_was_not_published_is_gone(tmp_path: Path) -> None:
    folder = EvidenceFolder(tmp_path)
    with folder.writing_records() as writer:
        writer.add(make(1, 50))
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []
