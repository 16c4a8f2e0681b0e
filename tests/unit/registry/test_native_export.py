"""What our own export writes, our own import reads back whole; a file that was cut or changed is told."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.errors import ManifestError
from provenance.exchange.native import NativeVersion, is_native, iter_native, native_lines, read_native, write_native
from provenance.exchange.sources import Reading
from provenance.fingerprint.digest import EMPTY_ROOT
from provenance.model.dataset import Dataset, DatasetVersion, ShardDigests
from tests.fakes import values


def write(path: Path, *versions: DatasetVersion) -> None:
    with path.open("wb") as file:
        write_native(((v, partial(iter, v.shards)) for v in versions), file)


def whole(found: NativeVersion) -> DatasetVersion:
    return replace(found.version, shards=tuple(found.shards()))


def read(path: Path) -> tuple[list[DatasetVersion], list[str]]:
    reading = Reading(path.name)
    found = [whole(v) for v in iter_native(path, reading=reading)]
    return found, [p.message for p in reading.problems]


def samples() -> tuple[DatasetVersion, ...]:
    full = values.full_version()
    metadata = DatasetVersion(dataset=Dataset(name="org/known-by-name"), root_digest=EMPTY_ROOT, shards=(), created=values.CREATED)
    declared = replace(values.version(Dataset(name="b"), values.shards(3)), digests=ShardDigests.DECLARED)
    return full, metadata, declared


def test_what_is_read_back_is_equal(tmp_path: Path) -> None:
    write(tmp_path / "x.jsonl", *samples())
    assert read(tmp_path / "x.jsonl") == (list(samples()), [])


@given(title=st.text(st.characters(exclude_categories=["Cs"])), tags=st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=3))
def test_any_text_survives(title: str, tags: list[str]) -> None:
    import tempfile

    version = values.version(Dataset(name="a", title=title, tags=tuple(tags)), values.shards(2))
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "x.jsonl", version)
        assert read(Path(folder) / "x.jsonl") == ([version], [])


def test_the_same_versions_make_the_same_bytes() -> None:
    first, second = io.BytesIO(), io.BytesIO()
    for file in (first, second):
        write_native(((v, partial(iter, v.shards)) for v in samples()), file)
    assert first.getvalue() == second.getvalue()
    assert is_native(first.getvalue().partition(b"\n")[0])


def test_shards_in_another_order_are_put_in_order(tmp_path: Path) -> None:
    version = values.full_version()
    write(tmp_path / "x.jsonl", replace(version, shards=version.shards[::-1]))
    assert read(tmp_path / "x.jsonl") == ([version], [])


def test_every_cut_is_told_and_whole_versions_before_it_are_kept(tmp_path: Path) -> None:
    write(tmp_path / "x.jsonl", *samples())
    lines = (tmp_path / "x.jsonl").read_bytes().splitlines(keepends=True)
    first = 1 + 1 + len(samples()[0].shards)
    for kept in range(1, len(lines)):
        for tail in (b"", lines[kept][:5]):
            (tmp_path / "cut.jsonl").write_bytes(b"".join(lines[:kept]) + tail)
            found, problems = read(tmp_path / "cut.jsonl")
            assert problems, kept
            assert found == list(samples())[: len(found)]
            assert (len(found) > 0) == (kept >= first)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda line: line.replace(b'"size_bytes":1000', b'"size_bytes":1001'), "its shards are not those of version"),
        (lambda line: line.replace(b"chat/000000", b"../../000000"), "must not lead out"),
        (lambda line: line.replace(b'"name":"chat-distilled"', b'"name":"../x"'), "is no dataset name"),
        (lambda line: line.replace(b'"title":', b'"titel":'), "unknown field 'titel'"),
        (lambda line: line.replace(b'"title":', b'"title":"x","title":'), "given twice"),
        (lambda line: re.sub(rb'"digests":"[a-z]+"', b'"digests":"signed"', line), "digests is missing"),
    ],
)
def test_a_changed_version_is_refused_and_the_others_are_kept(tmp_path: Path, change: Callable[[bytes], bytes], says: str) -> None:
    write(tmp_path / "x.jsonl", *samples())
    lines = (tmp_path / "x.jsonl").read_bytes().splitlines(keepends=True)
    of_the_first = 2 + len(samples()[0].shards)
    (tmp_path / "x.jsonl").write_bytes(b"".join([*map(change, lines[:of_the_first]), *lines[of_the_first:]]))
    found, problems = read(tmp_path / "x.jsonl")
    assert found == list(samples())[1:]
    assert [says in p for p in problems] == [True]


@pytest.mark.parametrize("line", [b"[]\n", b"null\n", b'{"shards": -1}\n', b'{"shards": true}\n', b"{\n", b'{"shards": 1000000000000000000}\n'])
def test_a_line_that_is_no_version_ends_the_import_with_a_sentence(tmp_path: Path, line: bytes) -> None:
    (tmp_path / "x.jsonl").write_bytes(b'{"format":"provenance.registry","version":1}\n' + line)
    assert read(tmp_path / "x.jsonl")[0] == []
    assert len(read(tmp_path / "x.jsonl")[1]) == 1


@pytest.mark.parametrize(
    "header", [b"", b"{}\n", b'{"format":"provenance.registry","version":2}\n', b'{"format":"provenance.registry","version":true}\n', b"x\n"]
)
def test_what_is_no_export_of_ours_is_refused(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "x.jsonl").write_bytes(header)
    with pytest.raises(ManifestError):
        read_native(tmp_path / "x.jsonl", name="x.jsonl")


def test_text_that_is_no_unicode_is_refused() -> None:
    version = values.version(Dataset(name="a", title="\ud800"), values.shards(1))
    with pytest.raises(ManifestError, match="half a character"):
        list(native_lines([(version, lambda: iter(version.shards))]))


def test_the_counts_of_the_last_line_are_checked(tmp_path: Path) -> None:
    write(tmp_path / "x.jsonl", *samples())
    *lines, _ = (tmp_path / "x.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "x.jsonl").write_bytes(b"".join(lines) + json.dumps({"end": {"datasets": 9, "shards": 9}}).encode() + b"\n")
    found, problems = read(tmp_path / "x.jsonl")
    assert found == list(samples())
    assert len(problems) == 1
