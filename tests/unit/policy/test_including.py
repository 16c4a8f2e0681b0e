"""Which bundles judge a run: what is included, in which order, how many, and which may not stand together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from provenance.config import shipped
from provenance.errors import PolicyDocumentError, RemedyError, RunDocumentError, WaiverError
from provenance.policy import bundle as bundles
from provenance.policy.bundle import load_bundles
from provenance.policy.includes import MAX_BUNDLES, find_included, with_included
from provenance.policy.reading import read_bundle
from provenance.policy.remedy_file import load_remedies
from provenance.policy.rules import Bundle
from provenance.policy.rundoc import load_run
from provenance.policy.trial import Limits
from provenance.policy.waivers import load_waivers

TEXT = """format: provenance.policy
version: 1
name: NAME
release: 1.2.3
rules: [{id: ID, title: t, for_each: run, require: run.shards > 0, action: deny, message: m, remedies: []}]
"""
PLAIN = read_bundle(TEXT.replace("NAME", "plain").replace("ID", "Q1").encode(), where="plain.yaml")
FOLDER = shipped("policies") / "bundles"


def chained(folder: Path, includes: Mapping[str, tuple[str, ...]], *named: str) -> list[str]:
    """Load bundles that only include one another, and return their names in the order in which they judge."""
    for name in includes:
        (folder / f"{name}.yaml").touch()

    def load(path: Path) -> Bundle:
        return replace(PLAIN, name=path.stem, includes=includes[path.stem])

    return [b.name for b in with_included([folder / f"{name}.yaml" for name in named], load)]


def test_what_is_included_comes_before_what_includes_it_and_once(tmp_path: Path) -> None:
    includes: Mapping[str, tuple[str, ...]] = {"a": ("b", "c.yaml"), "b": ("d",), "c": ("d",), "d": ()}
    assert chained(tmp_path, includes, "a") == ["d", "b", "c", "a"]
    assert chained(tmp_path, includes, "d", "a", "b") == ["d", "b", "c", "a"]
    assert chained(tmp_path, includes, "c", "b") == ["d", "c", "b"]


@pytest.mark.parametrize(
    ("includes", "named", "said"),
    [
        ({"a": ("a",)}, "a", "a.yaml: includes: a.yaml includes a.yaml"),
        ({"a": ("b",), "b": ("c",), "c": ("b",)}, "a", "c.yaml: includes: b.yaml includes c.yaml includes b.yaml"),
    ],
)
def test_a_circle_is_told_from_where_it_closes(tmp_path: Path, includes: Mapping[str, tuple[str, ...]], named: str, said: str) -> None:
    with pytest.raises(PolicyDocumentError) as caught:
        chained(tmp_path, includes, named)
    assert str(caught.value) == f"{tmp_path.resolve()}/{said}"
    assert caught.value.hint == "take one of them out"


@pytest.mark.parametrize("deep", [True, False])
def test_a_hundred_bundles_judge_a_run_and_not_one_more(tmp_path: Path, deep: bool) -> None:
    names = [f"b{i:03}" for i in range(MAX_BUNDLES + 1)]
    if deep:
        includes: Mapping[str, tuple[str, ...]] = {name: (f"b{i + 1:03}",) for i, name in enumerate(names)}
        assert len(chained(tmp_path, {**includes, names[-2]: ()}, names[0])) == MAX_BUNDLES
    else:
        includes = dict.fromkeys(names, ())
        assert len(chained(tmp_path, includes, *names[:-1])) == MAX_BUNDLES
    with pytest.raises(PolicyDocumentError, match=f"{names[-1]}.yaml: more than 100 bundles") as caught:
        chained(tmp_path, includes, *([names[0]] if deep else names))
    assert caught.value.hint == "name fewer bundles, or write their rules into one"


def test_an_included_bundle_is_looked_for_beside_and_then_among_the_shipped_ones(tmp_path: Path) -> None:
    including = tmp_path / "a.yaml"
    assert find_included("copyright", including) == (FOLDER / "copyright.yaml").resolve()
    (tmp_path / "own.yaml").touch()
    for wrong, near in (("onw", "own"), ("distilation", "distillation")):
        with pytest.raises(PolicyDocumentError) as caught:
            find_included(wrong, including)
        assert str(caught.value) == f"{including}: includes: bundle {wrong!r} is not there"
        assert caught.value.hint == f"did you mean {near!r}?"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for bundles that are tried in no process of their own."""
    monkeypatch.setattr(bundles, "try_apart", lambda files, limits: None)
    return tmp_path


def write(folder: Path, file: str, *, name: str = "", rule: str = "Q1", more: str = "") -> Path:
    path = (folder / f"{file}.yaml").resolve()
    path.write_text(TEXT.replace("NAME", name or file).replace("ID", rule) + more)
    return path


def test_the_baseline_judges_first_and_a_file_given_twice_once(own: Path) -> None:
    a, b = write(own, "a"), write(own, "b", rule="Q2")
    same = own / "copy.yaml"
    same.write_bytes(a.read_bytes())
    assert [found.name for found in load_bundles([])] == ["baseline"]
    assert [found.name for found in load_bundles([b, a, b, same])] == ["baseline", "b", "a"]
    assert [found.path for found in load_bundles([a])] == [str((FOLDER / "baseline.yaml").resolve()), str(a)]


def test_two_bundles_of_one_name_are_told_with_both_places(own: Path) -> None:
    first, second = write(own, "first", name="ours"), write(own, "second", name="ours", rule="Q2")
    with pytest.raises(PolicyDocumentError) as caught:
        load_bundles([first, second])
    assert str(caught.value) == f"{second}: bundle 'ours' 1.2.3 has the name of {first} (1.2.3)"
    assert caught.value.hint == "give one of them another name, or name only one of them"


def test_a_rule_of_two_bundles_is_told_with_both_places(own: Path) -> None:
    first, second = write(own, "first"), write(own, "second")
    with pytest.raises(PolicyDocumentError) as caught:
        load_bundles([first, second])
    assert str(caught.value) == f"{second}:5:14: rule Q1 is also in {first}"
    assert caught.value.hint == "give one of them another id"


def test_only_what_is_not_shipped_is_tried_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[tuple[object, object]] = []
    monkeypatch.setattr(bundles, "try_apart", lambda files, limits: tried.append((files, limits)))
    own = write(tmp_path, "own")
    limits = Limits(cpu_s=3)
    found = bundles.load_apart([FOLDER / "baseline.yaml", own], limits)
    assert [b.name for b in found] == ["baseline", "own"]
    assert tried == [([(str(own), own.read_bytes())], limits)]
    bundles.load_apart([FOLDER / "baseline.yaml"])
    assert len(tried) == 1


@pytest.mark.parametrize(
    ("load", "error", "mib"), [(load_run, RunDocumentError, 4), (load_remedies, RemedyError, 4), (load_waivers, WaiverError, 8)], ids=["run", "remedy", "waivers"]
)  # fmt: skip
def test_documents_beyond_their_limit_are_refused(tmp_path: Path, load: object, error: type[Exception], mib: int) -> None:
    path = tmp_path / "big.yaml"
    assert callable(load)
    path.write_bytes(b"#".ljust((mib << 20) + 1, b"x"))
    with pytest.raises(error, match=f"more than the limit of {mib << 20}"):
        load(path)
