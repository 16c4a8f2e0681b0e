"""Laws of the policy engine: unknown never satisfies, waivers touch only what they name, every shipped bundle passes its own tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provenance.config import shipped
from provenance.errors import PolicyDocumentError, WaiverError
from provenance.model.finding import Outcome, Subject, SubjectKind, VerdictKind, Waiver
from provenance.policy.bundle import Bundle, load_bundle, load_bundles
from provenance.policy.bundle_tests import harmless_values, run_bundle_tests
from provenance.policy.engine import evaluate
from provenance.policy.facts import SCHEMA, Facts, FactValue, SubjectFacts, schema_paths
from provenance.policy.outcomes import judge
from provenance.policy.waivers import parse_waiver

BUNDLES = sorted((shipped("policies") / "bundles").glob("*.yaml"))
EVERY = load_bundles(BUNDLES)
ALL = load_bundles([p for p in BUNDLES if p.stem not in {"research", "strict"}])
"""Without ``research``, which denies the commercial run of the harmless facts, and ``strict``, which reviews each waiver that is used."""
DIGEST = "sha256:" + "0" * 64
RULE = """
format: provenance.policy
version: 1
name: t
release: 1.0.0
params: {cap: 0.3}
rules:
  - {id: T001, title: t, for_each: shard, require: 'REQUIRE', action: deny, message: "{shard.path}", remedies: [drop]}
"""


def bundle(tmp_path: Path, require: str) -> Bundle:
    path = tmp_path / "t.yaml"
    path.write_text(RULE.replace("REQUIRE", require))
    return load_bundle(path)


def subject(kind: SubjectKind, name: str, changes: dict[str, FactValue] | None = None) -> SubjectFacts:
    harmless = harmless_values()
    values = {field.path: harmless[f"{kind.value}.{field.path}"] for field in SCHEMA[kind]} | (changes or {})
    return SubjectFacts(subject=Subject(kind=kind, id=name, digest=DIGEST), values=tuple(values.items()), dataset="d")


def facts(*shards: SubjectFacts) -> Facts:
    return Facts(run=subject(SubjectKind.RUN, "run", {"references": 1}), datasets=(subject(SubjectKind.DATASET, "d"),), shards=shards)


def waiver(*, rule: str = "R002", name: str = "a", expires: str = "2026-12-31") -> Waiver:
    about = Subject(kind=SubjectKind.SHARD, id=name, digest=DIGEST)
    return Waiver(
        id="w",
        rule=rule,
        subject=about,
        reason="risk-accepted",
        comment="seen",
        requested_by="a@x",
        approved_by="b@x",
        created="2026-01-01",
        expires=expires,
    )


UNSCANNED = facts(subject(SubjectKind.SHARD, "a", {"scan": "none"}))
TODAY = "2026-11-24"


@pytest.mark.parametrize("path", BUNDLES, ids=lambda p: p.stem)
def test_every_shipped_bundle_passes_its_own_tests(path: Path) -> None:
    loaded = load_bundle(path)
    results = run_bundle_tests(loaded)
    assert [r for r in results if not r.passed] == []
    for rule in loaded.rules:
        outcomes = {r.expected for r in results if r.rule == rule.id}
        assert "SATISFIED" in outcomes, rule.id
        assert "VIOLATED" in outcomes, rule.id


@pytest.mark.parametrize("rule", [r for b in EVERY for r in b.rules], ids=lambda r: r.id)
def test_losing_a_fact_never_satisfies_a_rule(rule: object) -> None:
    found = next((b, r) for b in EVERY for r in b.rules if r is rule)
    fields = schema_paths(found[1].for_each)
    params: dict[str, FactValue] = {f"params.{name}": value for name, value in found[0].params}
    for path in found[1].reads:
        if path in fields and fields[path].is_tristate:
            known = [judge(found[1], {**harmless_values(), **params, path: v}, fields) for v in fields[path].values if v != "UNKNOWN"]
            lost = judge(found[1], {**harmless_values(), **params, path: "UNKNOWN"}, fields)
            if lost in {Outcome.SATISFIED, Outcome.NOT_APPLICABLE}:
                assert set(known) <= {Outcome.SATISFIED, Outcome.NOT_APPLICABLE}, path


def test_what_is_unknown_does_not_satisfy_a_negated_comparison(tmp_path: Path) -> None:
    loaded = bundle(tmp_path, 'shard.terms.this_use != "PROHIBITED"')
    shard = subject(SubjectKind.SHARD, "a", {"terms.this_use": "UNKNOWN"})
    assert evaluate([loaded], facts(shard), (), TODAY).findings[0].outcome is Outcome.UNKNOWN


def test_a_number_nobody_counted_does_not_satisfy(tmp_path: Path) -> None:
    loaded = bundle(tmp_path, "shard.words < 10")
    for known, expected in (("NO", VerdictKind.BLOCKED), ("YES", VerdictKind.CLEARED)):
        shard = subject(SubjectKind.SHARD, "a", {"words": 0, "words_known": known})
        assert evaluate([loaded], facts(shard), (), TODAY).verdict is expected


@pytest.mark.parametrize(
    ("require", "place", "hint"),
    [
        ('shard.lisence.use == "commercial"', ":1:", "shard.license.use"),
        ('1 == 1 && shard.scann == "current"', ":11:", "shard.scan"),
        ('shard.scan == "curent"', ":15:", "current"),
        ('shard.words == "ten"', "", ""),
        ("shard.words", ":1:", "compare"),
        ("true", ":1:", ""),
        ('!(shard.scan == "none")', ":1:", ""),
        ("shard.words / 0 == 1", ":13:", ""),
        ("shard.terms.ids.exists(x, x == x)", "", ""),
        ('shard.path.matches("(a+)+b")', "", ""),
        ("(" * 40 + "shard.words == 1" + ")" * 40, "nested", ""),
        ('shard.scan == "current"' + ' && shard.scan == "current"' * 200, "limit", ""),
    ],
)
def test_a_condition_outside_the_language_fails_at_load_with_its_rule_and_column(tmp_path: Path, require: str, place: str, hint: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(RULE.replace("REQUIRE", require))
    with pytest.raises(PolicyDocumentError, match="rule T001: require") as caught:
        load_bundle(path)
    if place.startswith(":"):
        line = path.read_text().splitlines()[7]
        place = f"t.yaml:8:{line.index(require) + int(place.strip(':'))}: "
    assert place in str(caught.value)
    assert hint in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("old", "new"), [("action: deny", "action: dney"), ("title: t", "titel: t"), ("[drop]", "[dorp]"), ("shard.path}", "shard.pth}")]
)
def test_a_misspelt_key_or_word_fails_at_load(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "t.yaml"
    path.write_text(RULE.replace("REQUIRE", "shard.words == 1").replace(old, new))
    with pytest.raises(PolicyDocumentError, match="rule"):
        load_bundle(path)


def test_a_waiver_touches_only_its_rule_and_subject() -> None:
    both = facts(*(subject(SubjectKind.SHARD, name, {"scan": "none"}) for name in ("a", "b")))
    found = evaluate(ALL, both, (waiver(),), TODAY)
    assert {f.subject.id for f in found.findings if f.rule == "R002" and f.is_open} == {"b"}
    assert found.verdict is VerdictKind.BLOCKED
    assert evaluate(ALL, UNSCANNED, (waiver(),), TODAY).verdict is VerdictKind.CLEARED


@pytest.mark.parametrize(("changed", "listed"), [({"expires": "2026-11-23"}, "W001"), ({"name": "z"}, "W002"), ({"rule": "R001"}, "W003")])
def test_a_waiver_that_does_not_hold_leaves_the_finding_and_is_listed(changed: dict[str, str], listed: str) -> None:
    found = evaluate(ALL, UNSCANNED, (waiver(**changed),), TODAY)
    assert found.verdict is VerdictKind.BLOCKED
    assert listed in {f.rule for f in found.findings}


def test_a_waiver_holds_on_its_last_day_and_not_after() -> None:
    assert evaluate(ALL, UNSCANNED, (waiver(expires=TODAY),), TODAY).verdict is VerdictKind.CLEARED
    assert evaluate(ALL, UNSCANNED, (waiver(expires=TODAY),), "2026-11-25").verdict is VerdictKind.BLOCKED


@pytest.mark.parametrize(
    ("key", "value"), [("approved_by", "A@X"), ("expires", None), ("expires", "2025-01-01"), ("reason", "because"), ("ruel", "R002")]
)
def test_a_waiver_that_breaks_the_rules_is_refused(key: str, value: str | None) -> None:
    raw: dict[str, object] = {
        name: getattr(waiver(), name) for name in ("id", "rule", "reason", "comment", "requested_by", "approved_by", "created", "expires")
    }
    raw["subject"] = {"kind": "shard", "id": "a", "digest": DIGEST}
    assert parse_waiver(raw, where="w").id == "w"
    changed = {k: v for k, v in {**raw, key: value}.items() if v is not None}
    with pytest.raises(WaiverError):
        parse_waiver(changed, where="w")


def test_nothing_to_judge_is_never_cleared() -> None:
    assert evaluate(ALL, facts(), (), TODAY).verdict is VerdictKind.BLOCKED
    with pytest.raises(PolicyDocumentError):
        evaluate((), UNSCANNED, (), TODAY)


@pytest.mark.parametrize("change", [{"scan": "currant"}, {"words": float("nan")}, {"words": True}, {"surprise": "x"}])
def test_facts_that_do_not_fit_the_schema_are_refused(change: dict[str, FactValue]) -> None:
    with pytest.raises(PolicyDocumentError, match="shard 'a'"):
        evaluate(ALL, facts(subject(SubjectKind.SHARD, "a", change)), (), TODAY)
    whole = subject(SubjectKind.SHARD, "a")
    with pytest.raises(PolicyDocumentError, match="missing"):
        evaluate(ALL, facts(replace(whole, values=whole.values[1:])), (), TODAY)


def test_every_one_of_a_thousand_equal_shards_is_counted() -> None:
    many = facts(*(subject(SubjectKind.SHARD, f"s{i}") for i in range(1000)))
    evaluation = evaluate(ALL, many, (), TODAY)
    assert evaluation.verdict is VerdictKind.CLEARED
    assert {r.judged for used in evaluation.rules for r in used.rules if r.for_each == "shard"} == {1000}
