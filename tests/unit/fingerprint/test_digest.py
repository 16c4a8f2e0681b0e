"""The Merkle root of shard manifests, against RFC 6962's published vectors and its recursive definition."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.errors import ManifestError
from provenance.fingerprint import digest
from provenance.fingerprint.digest import (
    ShardLeaf,
    TreeHash,
    hash_file,
    is_digest,
    iter_manifest,
    leaf_bytes,
    manifest_bytes,
    merkle_root,
    parse_manifest,
    sort_leaves,
    tree_hash,
)

# The reference test data of Certificate Transparency: eight entries, and the root after each.
CT_ENTRIES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
CT_ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
DIGEST = "sha256:" + "ab" * 32


def leaf(path: str = "a.txt", *, sha256: str = DIGEST, size: int = 3) -> ShardLeaf:
    return ShardLeaf(path=path, sha256=sha256, size_bytes=size)


def recursive_tree_hash(entries: list[bytes]) -> bytes:
    """RFC 6962 section 2.1, word by word."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return hashlib.sha256(b"\x01" + recursive_tree_hash(entries[:k]) + recursive_tree_hash(entries[k:])).digest()


@pytest.mark.parametrize("n", range(1, 9))
def test_tree_hash_is_that_of_the_published_vectors(n: int) -> None:
    entries = [bytes.fromhex(e) for e in CT_ENTRIES[:n]]
    assert tree_hash(entries).hex() == CT_ROOTS[n - 1]
    assert recursive_tree_hash(entries).hex() == CT_ROOTS[n - 1]


def test_tree_hash_of_nothing_is_that_of_the_empty_string() -> None:
    assert tree_hash([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(st.lists(st.binary(max_size=8), max_size=70))
@settings(deadline=None)
def test_tree_hash_is_the_recursive_definition(entries: list[bytes]) -> None:
    assert tree_hash(entries) == recursive_tree_hash(entries)
    one_by_one = TreeHash()
    for entry in entries:
        one_by_one.add(entry)
    assert one_by_one.digest() == recursive_tree_hash(entries)


def test_root_is_taken_over_canonical_leaves_sorted_by_path() -> None:
    leaves = [leaf("b.txt", size=2), leaf("a.txt"), leaf("ä.txt", size=0)]
    lines = [
        b'{"path":"a.txt","sha256":"%s","size_bytes":3}' % DIGEST.encode(),
        b'{"path":"b.txt","sha256":"%s","size_bytes":2}' % DIGEST.encode(),
        f'{{"path":"ä.txt","sha256":"{DIGEST}","size_bytes":0}}'.encode(),
    ]
    assert merkle_root(leaves) == "sha256:" + recursive_tree_hash(lines).hex()
    assert manifest_bytes(leaves) == b"\n".join(lines) + b"\n"


paths = st.text(min_size=1, max_size=12).filter(lambda p: "\x00" not in p and not any("\ud800" <= c <= "\udfff" for c in p))
leaf_sets = st.dictionaries(paths, st.tuples(st.integers(0, 2**53 - 1), st.binary(min_size=32, max_size=32)), min_size=1, max_size=12)


@given(leaf_sets, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_manifest_reads_back_in_any_order_of_writing(entries: dict[str, tuple[int, bytes]], shuffle: random.Random) -> None:
    leaves = [leaf(path, sha256="sha256:" + digest.hex(), size=size) for path, (size, digest) in entries.items()]
    expected = tuple(sorted(leaves, key=lambda one: one.path))
    shuffle.shuffle(leaves)
    raw = manifest_bytes(leaves)
    assert parse_manifest(raw) == (expected, merkle_root(leaves))


@given(leaf_sets, st.integers(0, 10**9), st.integers(1, 255))
@settings(deadline=None)
def test_any_changed_byte_of_a_manifest_changes_the_root_or_is_refused(entries: dict[str, tuple[int, bytes]], at: int, flip: int) -> None:
    leaves = [leaf(path, sha256="sha256:" + digest.hex(), size=size) for path, (size, digest) in entries.items()]
    raw = bytearray(manifest_bytes(leaves))
    raw[at % len(raw)] ^= flip
    try:
        _, root = parse_manifest(bytes(raw))
    except ManifestError:
        return
    assert root != merkle_root(leaves)


manifests = st.lists(st.sampled_from(["a", "b", "é", "\u2028", "\x7f", "a b", "🙂", "\\", '"', "\n"]), min_size=1, max_size=6, unique=True)


@given(manifests, st.lists(st.tuples(st.integers(0, 10**9), st.binary(max_size=3), st.integers(0, 3)), max_size=3), st.integers(1, 400))
@settings(deadline=None, max_examples=300)
def test_lines_read_at_one_go_are_those_read_one_by_one(paths: list[str], edits: list[tuple[int, bytes, int]], block: int) -> None:
    raw = manifest_bytes([leaf(path) for path in paths])
    for at, put, cut in edits:
        raw = raw[: at % len(raw)] + put + raw[at % len(raw) + cut :] or b"x"
    try:
        expected = tuple(iter_manifest(raw))
    except ManifestError:
        expected = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digest, "_BLOCK_OF_LINES", block)
        found = digest._plain_leaves(raw)
    if found is None:
        assert expected is None or set("".join(leaf.path for leaf in expected)) & set('\\"\n')
    else:
        assert found == expected
        assert [hash(a) for a in found] == [hash(b) for b in expected]
        assert [leaf_bytes(a) for a in found] == raw.split(b"\n")[:-1]


def test_10_000_lines_are_read_at_one_go_in_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    leaves = tuple(leaf(f"part-{i:05}", size=i) for i in range(10_000))
    raw = manifest_bytes(leaves)
    monkeypatch.setattr(digest, "iter_manifest", None)
    assert parse_manifest(raw) == (leaves, merkle_root(leaves))
    monkeypatch.setattr(digest, "_BLOCK_OF_LINES", 10_000_000)
    assert parse_manifest(raw) == (leaves, merkle_root(leaves))


def line(**changes: object) -> bytes:
    fields: dict[str, object] = {"path": "a.txt", "sha256": DIGEST, "size_bytes": 3} | changes
    return json.dumps(fields, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (b"\n", "not a shard leaf"),
        (line(), "cut short"),
        (line() + b"\n\n", "not a shard leaf"),
        (b"\n" + line() + b"\n", "not a shard leaf"),
        (line()[:-1] + b"\n", "not a shard leaf"),
        (b"\xef\xbb\xbf" + line() + b"\n", "not the canonical form"),
        (line(size_bytes=True) + b"\n", "not a shard leaf"),
        (line(size_bytes=3.0) + b"\n", "not a shard leaf"),
        (line(size_bytes=-1) + b"\n", "not a shard leaf"),
        (line(size_bytes="3") + b"\n", "not a shard leaf"),
        (line(size_bytes=2**53) + b"\n", "not a shard leaf"),
        (line(size_bytes=None) + b"\n", "not a shard leaf"),
        (line().replace(b":3}", b":NaN}") + b"\n", "not a shard leaf"),
        (line().replace(b":3}", b":03}") + b"\n", "not a shard leaf"),
        (line().replace(b":3}", b":" + b"9" * 5000 + b"}") + b"\n", "not a shard leaf"),
        (line(path="") + b"\n", "not a shard leaf"),
        (line(path=7) + b"\n", "not a shard leaf"),
        (line(path="a\x00") + b"\n", "not a shard leaf"),
        (line().replace(b"a.txt", b"\\ud800") + b"\n", "not a shard leaf"),
        (line().replace(b"a.txt", b"\xff") + b"\n", "not a shard leaf"),
        (line(sha256=DIGEST.upper()) + b"\n", "not a shard leaf"),
        (line(sha256="sha256:ab") + b"\n", "not a shard leaf"),
        (line(sha256=DIGEST + "\n") + b"\n", "not a shard leaf"),
        (b"[]\n", "not a shard leaf"),
        (b"null\n", "not a shard leaf"),
        (b"[" * 100_000 + b"\n", "not a shard leaf"),
        (line(extra=1) + b"\n", "not the canonical form"),
        (line().replace(b"a.txt", b"\\u0061.txt") + b"\n", "not the canonical form"),
        (line() + b" \n", "not the canonical form"),
        (line() + b"\r\n", "not the canonical form"),
        (line()[:-1] + b',"size_bytes":3}\n', "not the canonical form"),
        (line() + b"\n" + line() + b"\n", "ascending"),
        (line(path="b") + b"\n" + line(path="a") + b"\n", "ascending"),
    ],
)
def test_manifest_refuses_what_is_not_exactly_a_manifest(raw: bytes, reason: str) -> None:
    with pytest.raises(ManifestError, match=reason):
        list(iter_manifest(raw))
    with pytest.raises(ManifestError, match=reason):
        parse_manifest(raw)


def test_manifest_error_names_the_line() -> None:
    with pytest.raises(ManifestError, match=r"^x\.jsonl:2: "):
        parse_manifest(line() + b"\n{}\n", where="x.jsonl")


def test_escaped_paths_are_canonical_too() -> None:
    odd = leaf('a"b\\c\n\t\x01.txt')
    assert leaf_bytes(odd) == b'{"path":"a\\"b\\\\c\\n\\t\\u0001.txt","sha256":"%s","size_bytes":3}' % DIGEST.encode()
    assert parse_manifest(manifest_bytes([odd]))[0] == (odd,)


def test_one_path_cannot_stand_for_two_files() -> None:
    with pytest.raises(ManifestError, match="two different files"):
        sort_leaves([leaf(size=1), leaf(size=2)])
    assert sort_leaves([leaf(), leaf()]) == (leaf(),)


def test_no_leaves_have_no_root() -> None:
    with pytest.raises(ManifestError, match="without shards"):
        merkle_root([])


@pytest.mark.parametrize("size", [True, 1.0, -1])
def test_a_leaf_has_a_whole_number_of_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="number of bytes"):
        leaf(size=size)


@pytest.mark.parametrize(
    "text", ["", "sha256:", DIGEST[:-1], DIGEST + "0", DIGEST + "\n", DIGEST.upper(), "sha512:" + "ab" * 32, "sha256:" + "٣" * 64]
)
def test_only_one_spelling_is_a_digest(text: str) -> None:
    assert is_digest(DIGEST)
    assert not is_digest(text)


@pytest.mark.parametrize("content", [b"", b"abc", b"x" * (1 << 20), b"y" * ((1 << 20) + 1)])
def test_hash_file_is_sha256_and_reports_every_byte(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "f"
    file.write_bytes(content)
    told: list[int] = []
    assert hash_file(file, on_bytes=told.append) == ("sha256:" + hashlib.sha256(content).hexdigest(), len(content))
    assert sum(told) == len(content)


@pytest.mark.parametrize("n", [1, 2, 1023, 1024, 1025, 2047, 2048, 3000, 5121])
def test_the_root_of_a_manifest_is_that_of_its_lines_however_many_there_are(n: int) -> None:
    leaves = [ShardLeaf(path=f"{i:05}", sha256=f"sha256:{i:064x}", size_bytes=i) for i in range(n)]
    raw = manifest_bytes(leaves)
    assert parse_manifest(raw) == (tuple(leaves), "sha256:" + tree_hash(raw.splitlines()).hex())
