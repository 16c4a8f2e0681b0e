"""What lint finds: each remark on a bundle made for it, and nothing in the shipped ones that has to be mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.config import shipped
from provenance.model.finding import Outcome
from provenance.policy.bundle import load_bundle
from provenance.policy.bundle_tests import harmless_values
from provenance.policy.compare import Change, compare_bundles
from provenance.policy.facts import FactValue, schema_paths
from provenance.policy.lint import lint_bundle
from provenance.policy.outcomes import Holding, judge
from provenance.policy.parts import split_condition
from provenance.policy.rules import Bundle
from provenance.policy.scaffold import new_bundle
from tests.conftest import ROOT

GOOD = """\
format: provenance.policy
version: 1
name: own
release: 1.0.0
params: {cap: 0.3}
rules:
  - id: Q001
    title: t
    for_each: shard
    applies: shard.synthetic != "NO"
    require: shard.words < 10 && dataset.share <= params.cap
    action: deny
    severity: high
    waivable: true
    message: "{shard.path}"
    remedies: [drop, waive]
tests:
  - {name: a, given: {shard.synthetic: "YES", shard.words: 1, shard.words_known: "YES", dataset.share_known: "YES"}, expect: {Q001: SATISFIED}}
  - {name: b, given: {shard.synthetic: "YES", shard.words: 10, shard.words_known: "YES", dataset.share_known: "YES"}, expect: {Q001: VIOLATED}}
"""


def loaded(folder: Path, *changes: tuple[str, str], name: str = "own") -> Bundle:
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / f"{name}.yaml").write_text(text)
    return load_bundle(folder / f"{name}.yaml")


@pytest.mark.parametrize("path", sorted((shipped("policies") / "bundles").glob("*.yaml")), ids=lambda p: p.stem)
def test_nothing_in_a_shipped_bundle_has_to_be_mended_and_each_rule_has_its_page(path: Path) -> None:
    assert [r for r in lint_bundle(load_bundle(path), docs=ROOT / "docs" / "rules") if r.is_fault] == []


def test_a_bundle_to_begin_with_has_no_fault(tmp_path: Path) -> None:
    (tmp_path / "n.yaml").write_text(new_bundle("n"))
    assert lint_bundle(load_bundle(tmp_path / "n.yaml")) == ()
    assert lint_bundle(loaded(tmp_path)) == ()


@pytest.mark.parametrize(
    ("old", "new", "said", "is_fault"),
    [
        ("expect: {Q001: VIOLATED}", "expect: {}", "no test expects VIOLATED", True),
        ("expect: {Q001: SATISFIED}", "expect: {}", "no test expects SATISFIED", True),
        ("{cap: 0.3}", "{cap: 0.3, cup: 1}", "parameter cup is read by no rule", True),
        ("severity: high", "severity: low", "blocks a run for a harm that is low", True),
        ("action: deny\n    severity: high", "action: warn\n    severity: critical", "only warns of a critical harm", True),
        ("waivable: true", "waivable: false", "offers a waiver and permits none", True),
        ("[drop, waive]", "[]", "offers no remedy", True),
        ("shard.words < 10 &&", "dataset.shards >= 0 ||", "nothing ever violates it", True),
        ("shard.words < 10 &&", "shard.words < 0 &&", "nothing ever satisfies it", True),
        ('shard.synthetic != "NO"', "dataset.shards < 0", "never applies", True),
        ("shard.words < 10 && dataset.share <= params.cap", 'shard.scan in ["current", "stale", "none"]', "objects only to what is not known", False),
        ('shard.synthetic != "NO"', 'dataset.license.known == "YES"', "what is not known passes it by", False),
    ],
)
def test_each_thing_that_is_likely_wrong_is_remarked(tmp_path: Path, old: str, new: str, said: str, is_fault: bool) -> None:
    remarks = [r for r in lint_bundle(loaded(tmp_path, (old, new))) if said in r.message]
    assert [r.is_fault for r in remarks] == [is_fault]
    assert {(r.line, r.column) for r in remarks} <= {(7, 9), (1, 1)}


@pytest.mark.parametrize(("guard", "told"), [('dataset.synthetic != "NO"', 1), ('dataset.outputs != "NO"', 0)])
def test_a_rule_on_terms_that_leaves_labels_out_is_remarked(tmp_path: Path, guard: str, told: int) -> None:
    changes = (
        ("for_each: shard", "for_each: dataset"),
        ('applies: shard.synthetic != "NO"', f"applies: {guard}"),
        ("shard.words < 10 && dataset.share <= params.cap", 'dataset.terms.this_use == "ALLOWED" && dataset.share <= params.cap'),
        ("{shard.path}", "{dataset.name}"),
        (GOOD[GOOD.index("tests:") :], "tests: []\n"),
    )
    assert sum("labels by a model" in r.message and r.is_fault for r in lint_bundle(loaded(tmp_path, *changes))) == told


def test_a_rule_without_a_test_and_one_without_a_page_are_remarked(tmp_path: Path) -> None:
    without = loaded(tmp_path, (GOOD[GOOD.index("tests:") :], "tests: []\n"))
    assert [r.message for r in lint_bundle(without)] == ["no test expects anything of it"]
    assert [r.message for r in lint_bundle(loaded(tmp_path), docs=tmp_path)] == [f"{tmp_path / 'Q001'}.md is not there"]
    (tmp_path / "Q001.md").write_text("why")
    assert lint_bundle(loaded(tmp_path), docs=tmp_path) == ()


@pytest.mark.parametrize(
    ("changes", "change"),
    [
        ([("shard.words < 10", "shard.words < 11")], Change.LOOSER),
        ([("shard.words < 10", "shard.words <= 9")], Change.SAME),
        ([("shard.words < 10", "shard.words < 9")], Change.STRICTER),
        ([("cap: 0.3", "cap: 0.31")], Change.LOOSER),
        ([("cap: 0.3", "cap: 0.29")], Change.STRICTER),
        ([("action: deny", "action: review")], Change.LOOSER),
        ([("waivable: true", "waivable: false")], Change.STRICTER),
        ([('shard.synthetic != "NO"', 'shard.synthetic == "YES"')], Change.SAME),
        ([('shard.synthetic != "NO"', 'shard.synthetic != "YES"')], Change.BOTH),
        ([('    applies: shard.synthetic != "NO"\n', "")], Change.STRICTER),
        ([("title: t", "title: u")], Change.SAME),
        ([("severity: high", "severity: low")], Change.SAME),
        ([("shard.words < 10 &&", "shard.words < 10 || ")], Change.LOOSER),
    ],
)  # fmt: skip
def test_changes_are_called_stricter_or_looser_by_what_they_find(tmp_path: Path, changes: list[tuple[str, str]], change: Change) -> None:
    old, new = loaded(tmp_path), loaded(tmp_path, *changes, name="new")
    (found,) = compare_bundles(old, new)
    assert found.change is change
    if change in {Change.STRICTER, Change.LOOSER} and found.example:
        values = {**harmless_values(), **dict(found.example)}
        said = [judge(b.rules[0], {**values, **{f"params.{n}": v for n, v in b.params}}, schema_paths(b.rules[0].for_each)) for b in (old, new)]
        assert [f"{s} {b.rules[0].action}" if s in {Outcome.VIOLATED, Outcome.UNKNOWN} else s for s, b in zip(said, (old, new), strict=True)] == [
            found.before,
            found.after,
        ]


def test_rules_added_and_removed_are_told(tmp_path: Path) -> None:
    renamed = compare_bundles(loaded(tmp_path), loaded(tmp_path, ("Q001", "Q002"), name="new"))
    assert [(c.rule, c.change) for c in renamed] == [("Q002", Change.ADDED), ("Q001", Change.REMOVED)]
    assert compare_bundles(loaded(tmp_path), loaded(tmp_path)) == ()


def parts(folder: Path, require: str, **facts: FactValue) -> tuple[Holding, list[str]]:
    rule = loaded(folder, ("shard.words < 10 && dataset.share <= params.cap", require)).rules[0]
    values = {**harmless_values(), "params.cap": 0.3, **{k.replace("__", "."): v for k, v in facts.items()}}
    whole = split_condition(rule.require, values, schema_paths(rule.for_each))
    return whole.holding, [p.text for p in whole.deciding]


def test_the_part_that_decided_is_found(tmp_path: Path) -> None:
    both = '\'shard.state == "changed" && (shard.scan == "none" || run.shards > 5)\''
    assert parts(tmp_path, both, shard__state="unchanged", shard__scan="none") == (Holding.FAILS, ['shard.state == "changed"'])
    assert parts(tmp_path, both, shard__state="changed", shard__scan="none") == (Holding.HOLDS, ['shard.state == "changed"', 'shard.scan == "none"'])
    assert parts(tmp_path, both, shard__state="changed", shard__scan="current") == (Holding.FAILS, ['shard.scan == "none"', "run.shards > 5"])
    assert parts(tmp_path, both, shard__state="UNKNOWN", shard__scan="none") == (Holding.OPEN, ['shard.state == "changed"'])
    either = '\'shard.state == "changed" || shard.state != "changed"\''
    assert parts(tmp_path, either, shard__state="UNKNOWN") == (Holding.HOLDS, ['shard.state == "changed"', 'shard.state != "changed"'])
