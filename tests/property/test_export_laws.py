"""What export writes, import reads back equal, in every format and whatever the facts say; and the bytes do not depend on the process that wrote them."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import subprocess
import sys
import types
import typing
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from provenance.exchange import export_csv
from provenance.exchange.export_check import check_document
from provenance.exchange.export_facts import prepare
from provenance.exchange.exports import FORMATS, read_export
from provenance.exchange.native import native_lines, read_native
from provenance.model.absence import is_absent
from provenance.model.concluding import without_baseless_conclusion
from provenance.model.dataset import Dataset, DatasetVersion, Shard, ShardDigests
from tests.fakes import values

NAMES = (*sorted(FORMATS), "csv")
HOSTILE = (
    "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "'=1", "\t=1", "two\nlines", "two\r\nlines", "\x00", "\x1b[2J", "\u202e\u2066abc", "\u2028", "\x85", "\ufeff",
    "---\n---\n# x", "- a: {b: [", "!!python/object:os.system", "&a *a", "</script><script>alert(1)</script>", "[a](javascript:x)", "| a |", "`x`", '"', "\\", "\\n",
    "UNKNOWN", "NOT_STATED", "UNREADABLE", "NO", "null", "~", "1e3", "0o7", "2024-02-30", "2024-02-03", "https://example.org/a b", "https://example.org/a?b=c#d",
    "LicenseRef-own", "MIT OR (Apache-2.0 AND LicenseRef-x)", "MIT WITH Classpath-exception-2.0", "GPL-2.0+", "NONE", "NOASSERTION", "sha256:" + "a" * 64,
    "size_categories:1K<n<10K", "multilinguality:x", "clear", "AMBER_AND_STRICT", "provenance:facts", "\U0001f3f4", "e\u0301", "x" * 65_536,
)  # fmt: skip
text = st.sampled_from(HOSTILE) | st.text(st.characters(codec="utf-8"), max_size=12)
count = st.integers(0, 2**53 - 1)


@functools.cache
def of_kind(kind: Any) -> st.SearchStrategy[Any]:
    """Return values of a type of the model, each of its fields anything at all."""
    if typing.get_origin(kind) is tuple:
        return st.lists(of_kind(typing.get_args(kind)[0]), max_size=2).map(tuple)
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        return st.one_of([st.none() if part is type(None) else of_kind(part) for part in typing.get_args(kind)])
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        made: dict[str, Any] = {f.name: of_kind(hints[f.name]) for f in dataclasses.fields(kind)}
        if kind.__name__ == "TokenCount":  # a count without a tokenizer is none
            made["tokenizer"] = text.filter(str.strip)
        return st.builds(kind, **made)
    return count if kind is int else text


@st.composite
def versions(draw: st.DrawFn) -> DatasetVersion:
    """Return a version whose every fact may be anything, under the root that its shards have."""
    found = draw(st.lists(of_kind(Shard), max_size=3))
    files = tuple(
        dataclasses.replace(s, path=f"{i}/{s.path}".replace("\x00", "0"), sha256=values.digest(i), size_bytes=min(s.size_bytes, 2**53 - 1))
        for i, s in enumerate(found)
    )
    dataset = dataclasses.replace(draw(of_kind(Dataset)), name=draw(text.filter(bool)))
    if not files:
        return DatasetVersion(dataset=dataset, root_digest=f"sha256:{hashlib.sha256().hexdigest()}", shards=(), created=values.CREATED)
    return dataclasses.replace(values.version(dataset, files), digests=draw(st.sampled_from(ShardDigests)))


def written(name: str, facts: DatasetVersion) -> bytes:
    if name == "csv":
        return b"".join(export_csv.render([(prepare(facts, max_inline=0), functools.partial(getattr, facts, "shards"))]))
    return FORMATS[name].render([prepare(facts)])


def assert_comes_back(facts: DatasetVersion, *, checked: frozenset[str]) -> None:
    for name in NAMES:
        raw = written(name, facts)
        # Not compared in the assertion itself: its message would print all facts, which takes minutes.
        equal = read_export(name, raw, where=name) == (facts,)
        assert equal, name
        assert name not in checked or check_document(name, raw) == []


BOUNDED = settings(suppress_health_check=list(HealthCheck), deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
"""Shrinking facts of a hundred fields takes longer than looking at them."""
QUICK = frozenset(FORMATS) - {"spdx"}
"""Formats that are checked in milliseconds; SPDX takes most of a second."""


@settings(BOUNDED, max_examples=20)
@given(versions())
def test_what_is_exported_comes_back_equal_and_valid(facts: DatasetVersion) -> None:
    assert_comes_back(facts, checked=QUICK)


@pytest.mark.full
@settings(BOUNDED, max_examples=100)
@given(versions())
def test_what_is_exported_comes_back_equal_and_valid_however_long_one_tries(facts: DatasetVersion) -> None:
    assert_comes_back(facts, checked=frozenset(FORMATS))


@pytest.mark.parametrize("name", NAMES)
def test_facts_longer_than_a_spreadsheet_keeps_in_a_cell_come_back(name: str) -> None:
    details = dataclasses.replace(values.full_dataset().details, notes="n" * 200_000)
    facts = values.version(dataclasses.replace(values.full_dataset("x" * 65_536), details=details), values.shards(2))
    equal = read_export(name, written(name, facts), where=name) == (facts,)
    assert equal


@settings(BOUNDED, max_examples=20)
@given(of_kind(Dataset))
def test_our_own_lines_come_back_equal(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset) -> None:
    facts = values.version(dataclasses.replace(dataset, name="d"), values.shards(2))
    file = tmp_path_factory.mktemp("native") / "all.jsonl"
    file.write_bytes(b"".join(native_lines([(facts, lambda: facts.shards)])))
    (found,) = read_native(file, name="all.jsonl").datasets
    taken, _ = without_baseless_conclusion(facts.dataset)  # a conclusion that nobody stands for is the one thing that is not taken
    assert found.dataset == taken
    assert found.dataset == facts.dataset or not is_absent(facts.dataset.license.concluded.value)
    assert found.shards is not None
    assert tuple(found.shards()) == facts.shards


SCRIPT = """
import hashlib
from tests.fakes.values import full_version
from tests.property.test_export_laws import NAMES, written
print([(name, hashlib.sha256(written(name, full_version())).hexdigest()) for name in NAMES])
"""


def test_other_processes_write_the_same_bytes() -> None:
    """Neither the seed of Python's hashes, nor the time zone, nor the language of the machine is in a document."""
    said = set()
    for seed, zone, language in (("1", "UTC", "C.UTF-8"), ("77", "Pacific/Kiritimati", "C")):
        own = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": language}
        root = Path(__file__).resolve().parents[2]
        done = subprocess.run([sys.executable, "-c", SCRIPT], env=own, cwd=root, capture_output=True, text=True, check=True)
        said.add(done.stdout)
    here = [(name, hashlib.sha256(written(name, values.full_version())).hexdigest()) for name in NAMES]
    assert said == {f"{here}\n"}
