"""Bundles that include others: each judges by itself, with its own digest; what cannot be resolved is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.config import shipped
from provenance.errors import PolicyDocumentError
from provenance.policy import includes
from provenance.policy.bundle import load_bundle, load_bundles
from provenance.policy.includes import MAX_BUNDLES

SHIPPED = sorted((shipped("policies") / "bundles").glob("*.yaml"))
RULE = "{{id: {id}, title: t, for_each: run, require: run.shards > 0, action: deny, message: m, remedies: [waive]}}"
BUNDLE = "format: provenance.policy\nversion: 1\nname: {name}\nrelease: 1.0.0\n{more}rules: [" + RULE + "]\n"


def write(folder: Path, name: str, *includes: str, rule: str = "", more: str = "") -> Path:
    path = folder / f"{name}.yaml"
    listed = f"includes: [{', '.join(includes)}]\n" if includes else more
    path.write_text(BUNDLE.format(name=name, more=listed, id=rule or f"R-{name.upper()}"))
    return path


def test_what_is_included_judges_before_what_includes_it_each_once_with_its_own_digest(tmp_path: Path) -> None:
    write(tmp_path, "a")
    write(tmp_path, "b", "a")
    top = write(tmp_path, "c", "b", "a.yaml")
    loaded = load_bundles([top, tmp_path / "a.yaml"])
    assert [b.name for b in loaded] == ["baseline", "a", "b", "c"]
    assert len({b.digest for b in loaded}) == 4


def test_strict_brings_all_that_it_includes() -> None:
    folder = shipped("policies") / "bundles"
    loaded = load_bundles([folder / "strict.yaml"])
    assert [b.name for b in loaded] == ["baseline", "commercial-llm", "distillation", "copyright", "eu-gpai", "strict"]
    named = load_bundles([folder / "eu-gpai.yaml", folder / "strict.yaml", folder / "distillation.yaml"])
    assert sorted(b.digest for b in named) == sorted(b.digest for b in loaded)


@pytest.mark.parametrize("name", ["copyright", "harmless"])
def test_a_file_beside_named_like_a_shipped_bundle_does_not_take_its_place(tmp_path: Path, name: str) -> None:
    ours, own = write(tmp_path, "ours", "copyright", "distillation"), write(tmp_path, name, rule="OWN-1")
    own.rename(tmp_path / "copyright.yaml")
    with pytest.raises(PolicyDocumentError, match=r"copyright\.yaml: bundle 'copyright' has the name of the shipped one and other content") as caught:
        load_bundles([ours])
    assert "name of its own" in (caught.value.hint or "")
    (tmp_path / "copyright.yaml").write_bytes((shipped("policies") / "bundles" / "copyright.yaml").read_bytes())
    assert {b.name for b in load_bundles([ours])} == {"baseline", "ours", "copyright", "distillation"}


@pytest.mark.parametrize("file", ["harmless.yaml", "Strict.yaml", "strict.yaml"])
def test_a_bundle_with_a_shipped_name_is_refused_whatever_its_file_is_called(tmp_path: Path, file: str) -> None:
    write(tmp_path, "strict").rename(tmp_path / file)
    with pytest.raises(PolicyDocumentError, match="has the name of the shipped one"):
        load_bundles([tmp_path / file])
    link = tmp_path / "eu-gpai.yaml"
    link.symlink_to(write(tmp_path, "ours"))
    with pytest.raises(PolicyDocumentError, match="bundle 'eu-gpai' has the name of the shipped one"):
        load_bundles([link])


def test_every_shipped_bundle_has_the_name_of_its_file() -> None:
    assert [load_bundle(path).name for path in SHIPPED] == [path.stem for path in SHIPPED]


@pytest.mark.parametrize("way", [("a", ("a",)), ("a", ("b",))])
def test_a_bundle_that_includes_itself_is_refused_with_the_way(tmp_path: Path, way: tuple[str, tuple[str, ...]]) -> None:
    name, included = way
    top = write(tmp_path, name, *included)
    if included != (name,):
        write(tmp_path, included[0], name)
    with pytest.raises(PolicyDocumentError, match=r"includes: a.yaml includes .*a.yaml"):
        load_bundles([top])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("includes: [distilation]\n", "'distilation' is not there"),
        ("includes: [../secret]\n", "no name of a bundle"),
        ("includes: distillation\n", "expected a list"),
        ("includes: [baseline, baseline]\n", "given twice"),
        ("includes: [3]\n", "no name of a bundle"),
        ("inclodes: [baseline]\n", "unknown key 'inclodes'"),
    ],
)
def test_what_cannot_be_included_is_refused_with_its_place(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(PolicyDocumentError, match=said) as caught:
        load_bundles([write(tmp_path, "a", more=more)])
    assert "a.yaml" in str(caught.value)
    if "distilation" in more:
        assert caught.value.hint == "did you mean 'distillation'?"


def test_a_rule_of_two_included_bundles_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "a", rule="MY001")
    write(tmp_path, "b", rule="MY001")
    with pytest.raises(PolicyDocumentError, match="rule MY001 is also in"):
        load_bundles([write(tmp_path, "c", "a", "b")])


def test_a_chain_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_BUNDLES == 100
    monkeypatch.setattr(includes, "MAX_BUNDLES", 12)
    for number in range(13):
        write(tmp_path, f"b{number}", f"b{number + 1}")
    with pytest.raises(PolicyDocumentError, match="more than 12 bundles"):
        load_bundles([tmp_path / "b0.yaml"])


def test_another_document_of_a_bundles_name_is_told_by_its_format(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text("format: provenance.run\nversion: 1\nmodel: {name: m}\n")
    with pytest.raises(PolicyDocumentError, match=r"format is 'provenance\.run', expected 'provenance\.policy'"):
        load_bundles([path])
    path.write_text("version: 1\nname: x\n")
    with pytest.raises(PolicyDocumentError, match="format is missing"):
        load_bundles([path])
