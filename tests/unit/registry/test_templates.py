"""Path templates say to which dataset a file belongs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provenance.errors import ManifestError
from provenance.exchange.sources import Reading
from provenance.exchange.template import find_datasets, parse_template


def make(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x")


def test_folders_name_datasets_and_languages(tmp_path: Path) -> None:
    make(tmp_path, "a/en/1.jsonl", "a/de/2.jsonl", "b/en/1.jsonl", "b/en/x.txt", "c.jsonl", ".hidden/en/1.jsonl")
    reading = Reading("template")
    found = find_datasets(tmp_path, parse_template("{dataset}/{lang}/*.jsonl"), reading=reading)
    assert [(f.dataset.name, f.dataset.languages, f.paths) for f in found] == [
        ("a", ("de", "en"), ("a/de/2.jsonl", "a/en/1.jsonl")),
        ("b", ("en",), ("b/en/1.jsonl",)),
    ]
    assert not reading.problems


def test_other_fields_become_tags(tmp_path: Path) -> None:
    make(tmp_path, "x/a-train.jsonl", "y/z/a-test.jsonl")
    (found,) = find_datasets(tmp_path, parse_template("**/{dataset}-{split}.jsonl"), reading=Reading("t"))
    assert (found.dataset.name, found.dataset.tags, len(found.paths)) == ("a", ("split:test", "split:train"), 2)


@pytest.mark.parametrize(
    ("template", "path", "fits"),
    [
        ("{dataset}/*.jsonl", "a/b.jsonl", True),
        ("{dataset}/*.jsonl", "a/b/c.jsonl", False),
        ("{dataset}/**", "a/b/c.jsonl", True),
        ("{dataset}/**/x.jsonl", "a/x.jsonl", True),
        ("{dataset}/**/x.jsonl", "a/b/c/x.jsonl", True),
        ("{dataset}/{dataset}.jsonl", "a/a.jsonl", True),
        ("{dataset}/{dataset}.jsonl", "a/b.jsonl", False),
        ("{dataset}/?.jsonl", "a/bb.jsonl", False),
        ("{dataset}/a.jsonl", "x/aXjsonl", False),
    ],
)
def test_what_a_template_fits(template: str, path: str, fits: bool) -> None:
    assert (parse_template(template).fields(path) is not None) == fits


@pytest.mark.parametrize("text", ["", "*.jsonl", "{dataset", "dataset}", "{}/{dataset}", "{DataSet}", "../{dataset}", "/{dataset}", "{dataset}\n"])
def test_templates_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(ManifestError):
        parse_template(text)


def test_hostile_names_are_told_and_the_rest_is_found(tmp_path: Path) -> None:
    make(tmp_path, "good/1.jsonl", "bad\nname/1.jsonl", "good/a\rb.jsonl", "two words/1.jsonl", "two-words/1.jsonl")
    reading = Reading("template")
    found = find_datasets(tmp_path, parse_template("{dataset}/*.jsonl"), reading=reading)
    assert [(f.dataset.name, f.paths) for f in found] == [("good", ("good/1.jsonl",)), ("two-words", ("two words/1.jsonl",))]
    said = "\n".join(p.message for p in reading.problems)
    assert said.count("line break") == 2
    assert "would both be dataset 'two-words'" in said


@pytest.mark.skipif(os.name != "posix", reason="links")
def test_links_to_folders_are_not_followed(tmp_path: Path) -> None:
    make(tmp_path, "out/a/1.jsonl", "root/b/1.jsonl")
    (tmp_path / "root" / "c").symlink_to(tmp_path / "out" / "a", target_is_directory=True)
    assert [f.dataset.name for f in find_datasets(tmp_path / "root", parse_template("{dataset}/*.jsonl"), reading=Reading("t"))] == ["b"]
