"""What lies in what a trainer was given."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from provenance.hooks.loaders import MAX_DEPTH, handed_datasets, is_of_datasets


@pytest.fixture(autouse=True)
def datasets_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """What tells Hugging Face's package from others of its name."""
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(load_dataset=None, DatasetDict=None))


def kind(package: str, name: str = "Thing", **attributes: Any) -> Any:
    """Return a value of a class that a package defines."""
    made = type(name, (), {"__module__": f"{package}.inner"})()
    for key, value in attributes.items():
        setattr(made, key, value)
    return made


def names(**given: Any) -> dict[str, Any]:
    return {handed.name: handed.dataset for handed in handed_datasets(given)}


def test_wrappers_of_frameworks_pass_on_what_they_hold() -> None:
    inner = kind("datasets")
    assert names(train=kind("torch", dataset=kind("accelerate", dataset=inner)), evaluation=None) == {"train": inner}


def test_a_wrapper_of_anybody_else_is_a_dataset_too_since_it_may_read_more() -> None:
    inner = kind("datasets")
    outer = kind("mine", dataset=inner)
    assert [handed.dataset for handed in handed_datasets({"train": kind("torch", dataset=outer)})] == [outer, inner]


def test_several_datasets_are_found_in_lists_mappings_and_concatenations() -> None:
    a, b, c = kind("datasets"), kind("datasets"), kind("datasets")
    assert names(train=kind("torch", datasets=[a, b])) == {"train[0]": a, "train[1]": b}
    assert names(val={"x": a, "y": kind("torch", dataset=c)}) == {"val[x]": a, "val[y]": c}
    assert names(val=kind("lightning", flattened=[kind("torch", dataset=a), kind("torch", dataset=c)])) == {"val[0]": a, "val[1]": c}


def test_one_plain_dataset_beside_others_hides_none_of_them() -> None:
    theirs, mine = kind("datasets"), object()
    for held in ([theirs, mine], (mine, theirs), [mine, kind("torch", dataset=theirs)]):
        found = [handed.dataset for handed in handed_datasets({"train": kind("torch", datasets=held)})]
        assert theirs in found
        assert mine in found


def test_the_same_dataset_is_yielded_once() -> None:
    inner = kind("datasets")
    assert len(names(a=inner, b=kind("torch", dataset=inner))) == 1


@pytest.mark.parametrize("records", [[{"text": "a"}], ["a", "b"], (1, 2), range(3), object(), SimpleNamespace(dataset="c4")])
def test_what_cannot_be_opened_is_a_dataset(records: object) -> None:
    assert names(train=records) == {"train": records}


def test_a_wrapper_around_itself_comes_to_an_end() -> None:
    loop = kind("torch")
    loop.dataset = loop
    assert list(names(train=loop).values()) == [loop]
    assert MAX_DEPTH < 100


def test_a_class_made_from_one_of_the_datasets_package_is_resolved_as_one() -> None:
    base = type("Dataset", (), {"__module__": "datasets.arrow_dataset"})
    mine = type("Mine", (base,), {"__module__": "__main__", "dataset": object()})()
    assert names(train=mine) == {"train": mine}


def test_a_projects_own_package_of_that_name_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = kind("datasets")
    assert is_of_datasets(mine)
    monkeypatch.setitem(sys.modules, "datasets", SimpleNamespace(Mine=type(mine)))
    assert not is_of_datasets(mine)
    assert names(train=mine) == {"train": mine}
