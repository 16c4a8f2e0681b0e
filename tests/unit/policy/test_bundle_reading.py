"""What is read of a bundle, and the whole sentence that each fault is told in: file, line, column, which part, what is wrong, what to do.

``¦`` marks the place in the documents below.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from provenance.errors import PolicyDocumentError
from provenance.model.finding import Action, Outcome, Severity, SubjectKind
from provenance.policy.bundle import load_bundle
from provenance.policy.reading import read_bundle
from provenance.policy.rules import Bundle, BundleTest, RemedySpec

GOOD = """\
format: provenance.policy
version: 1
name: own
release: 1.0.0
params: {cap: 0.3, least: 5, word: text}
includes: [distillation, ours.yaml]
rules:
  - id: T001
    title: The first
    for_each: shard
    applies: shard.scan == "current"
    require: shard.words < params.least || dataset.share > params.cap || shard.path == params.word
    action: deny
    severity: low
    waivable: false
    message: "{shard.path} of {dataset.share:percent}, {params.cap:percent}"
    remedies: [drop, {kind: waive, summary: "ask for {subject} of {run.model.name}"}]
  - {id: T-2, title: The second, for_each: run, require: run.shards > 0, action: ACTION, message: none, remedies: []}
tests:
  - {name: a, given: {shard.words: 1, shard.terms.ids: [x, y], dataset.share: 1, run.now: "2026-11-30"}, expect: {T001: SATISFIED, T-2: UNKNOWN}}
  - {name: b, expect: {}}
"""


def read(text: str) -> Bundle:
    return read_bundle(text.encode(), where="own.yaml")


def good(action: str = "review") -> str:
    return GOOD.replace("ACTION", action)


def fault_of(text: str) -> tuple[str, str | None]:
    """Return what follows the place in the message, and the hint; the place has to be the one marked."""
    before, _, after = text.partition("¦")
    with pytest.raises(PolicyDocumentError) as caught:
        read(before + after)
    place = f"own.yaml:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "
    assert str(caught.value).startswith(place), (str(caught.value), place)
    return str(caught.value).removeprefix(place), caught.value.hint


def test_a_bundle_is_read_as_written() -> None:
    bundle = read(good())
    assert (bundle.name, bundle.release, bundle.title, bundle.path) == ("own", "1.0.0", "", "own.yaml")
    assert bundle.digest == "sha256:" + hashlib.sha256(good().encode()).hexdigest()
    assert bundle.params == (("cap", 0.3), ("least", 5), ("word", "text"))
    assert [type(value) for _, value in bundle.params] == [float, int, str]
    assert bundle.includes == ("distillation", "ours.yaml")
    assert (bundle.param("least"), bundle.param("none")) == (5, None)
    assert read(good().replace("release: 1.0.0", "release: 1.0.0\ntitle: Ours")).title == "Ours"


def test_a_rule_is_read_as_written() -> None:
    rule = read(good()).rules[0]
    assert (rule.id, rule.title, rule.for_each, rule.action, rule.severity) == ("T001", "The first", SubjectKind.SHARD, Action.DENY, Severity.LOW)
    assert (rule.waivable, rule.place) == (False, (8, 9))
    assert rule.applies is not None
    assert rule.applies.condition.text == 'shard.scan == "current"'
    assert rule.require.condition.paths == ("shard.words", "params.least", "dataset.share", "params.cap", "shard.path", "params.word")
    assert rule.message == "{shard.path} of {dataset.share:percent}, {params.cap:percent}"
    assert rule.remedies == (
        RemedySpec(kind="drop", summary="leave {subject} out of the run, or drop the records concerned"),
        RemedySpec(kind="waive", summary="ask for {subject} of {run.model.name}"),
    )


@pytest.mark.parametrize(("action", "severity"), [("deny", Severity.HIGH), ("review", Severity.MEDIUM), ("warn", Severity.LOW)])
def test_what_a_rule_leaves_out_is_as_documented(action: str, severity: Severity) -> None:
    rule = read(good(action)).rules[1]
    assert (rule.id, rule.action, rule.severity, rule.waivable, rule.applies, rule.remedies) == ("T-2", Action(action), severity, True, None, ())
    assert rule.place == (18, 10)


def test_a_test_is_read_as_written() -> None:
    first, second = read(good()).tests
    assert first == BundleTest(
        name="a",
        given=(("shard.words", 1), ("shard.terms.ids", ("x", "y")), ("dataset.share", 1), ("run.now", "2026-11-30")),
        expect=(("T001", Outcome.SATISFIED), ("T-2", Outcome.UNKNOWN)),
    )
    assert second == BundleTest(name="b", given=(), expect=())
    assert read(good()[: good().index("tests:")]).tests == ()


KNOWN_OF_A_RULE = "known: action, applies, for_each, id, message, remedies, require, severity, title, waivable"
SPLIT = "a fact stands in braces: {run.model.name}"


@pytest.mark.parametrize(
    ("old", "new", "said", "hint"),
    [
        ("format: provenance.policy", "format: ¦provenance.run", "format: format is 'provenance.run', expected 'provenance.policy'", "a bundle begins with: format: provenance.policy"),
        ("format: provenance.policy\n", "¦", "format: format is missing, expected 'provenance.policy'", None),
        ("version: 1", "version: ¦2", "version: version is 2, expected 1", None),
        ("version: 1", "version: ¦true", "version: version is True, expected 1", None),
        ("version: 1\n", "", "version: version is None, expected 1", None),
        ("name: own\n", "name: ¦Own\n", "name: name is 'Own', expected lower case letters, digits, dots and hyphens, such as our-rules", None),
        ("name: own\n", "name: ¦-own\n", "name: name is '-own', expected lower case letters, digits, dots and hyphens, such as our-rules", None),
        ("name: own\n", "name: ¦" + "a" * 65 + "\n", f"name: name is '{'a' * 65}', expected lower case letters, digits, dots and hyphens, such as our-rules", None),
        ("name: own\n", "name: ¦''\n", "name: name is '', expected text", None),
        ("name: own\n", "name: ¦7\n", "name: name is 7, expected text", None),
        ("release: 1.0.0\n", "", "release: release is missing, expected text", None),
        ("params:", "¦param:", "unknown key 'param'", "did you mean 'params'?"),
        ("cap: 0.3", "¦cAp: 0.3", "params: parameter name 'cAp': expected lower case letters, digits and underscores", None),
        ("cap: 0.3", "¦1: 0.3", "params: parameter name '1': expected lower case letters, digits and underscores", None),
        ("cap: 0.3", "cap: ¦true", "params: cap: cap is True, expected a number or text", None),
        ("cap: 0.3", "cap: ¦[1]", "params: cap: cap is [1], expected a number or text", None),
        ("cap: 0.3", "cap: ¦9007199254740992", "params: cap: cap: 9007199254740992 is not a finite number within range", None),
        ("{cap: 0.3, least: 5, word: text}", "¦[cap]", "params: expected keys and values, got a list", None),
        ("[distillation, ours.yaml]", "[distillation, ¦../x]", "includes[1]: '../x' is no name of a bundle", "write a name such as baseline, without a folder"),
        ("[distillation, ours.yaml]", "[¦3]", "includes[0]: 3 is no name of a bundle", "write a name such as baseline, without a folder"),
        ("[distillation, ours.yaml]", "[distillation, ¦distillation]", "includes[1]: distillation is given twice", None),
        ("[distillation, ours.yaml]", "¦distillation", "includes: includes is text, expected a list", None),
        ("id: T-2", "id: ¦T001", "rule T001: id: rule T001 is given twice, first in line 8", None),
        ("id: T001\n", "id: ¦T\n", "rules[0]: id: rule id 'T': expected capitals and digits such as D001", None),
        ("id: T001\n", "id: ¦" + "T" * 33 + "\n", f"rules[0]: id: rule id '{'T' * 33}': expected capitals and digits such as D001", None),
        ("id: T001\n", "id: ¦1T\n", "rules[0]: id: rule id '1T': expected capitals and digits such as D001", None),
        ("  - {id: T-2, title: The second, for_each: run, require: run.shards > 0, action: review, message: none, remedies: []}", "  - ¦T-2", "rules[1]: expected keys and values, got text", None),
        ("title: The second, ", "¦titel: The second, ", "rules[1]: unknown key 'titel'", "did you mean 'title'?"),
        ("title: The second, ", "¦zzzzzzzz: The second, ", "rules[1]: unknown key 'zzzzzzzz'", KNOWN_OF_A_RULE),
        ("    title: The first\n", "    title: ¦7\n", "rule T001: title: title is 7, expected text", None),
        ("for_each: shard", "for_each: ¦sahrd", "rule T001: for_each: for_each is 'sahrd'", "did you mean 'shard'?"),
        ("action: deny", "action: ¦dney", "rule T001: action: action is 'dney'", "did you mean 'deny'?"),
        ("severity: low", "severity: ¦lo", "rule T001: severity: severity is 'lo'", "did you mean 'low'?"),
        ("waivable: false", "waivable: ¦NO", "rule T001: waivable: waivable is 'NO', expected true or false", None),
        ("waivable: false", "waivable: ¦0", "rule T001: waivable: waivable is 0, expected true or false", None),
        ('applies: shard.scan == "current"', 'applies: shard.scan == ¦"curent"', "rule T001: applies: shard.scan is never 'curent'", "did you mean 'current'?"),
        ("shard.words < params.least ||", "shard.words < ¦params.lest ||", "rule T001: require: unknown fact 'params.lest'", "did you mean 'params.least'?"),
        ("shard.words < params.least ||", "shard.words ¦< params.word ||", "rule T001: require: < does not go with int and string: both sides need one type", ...),
        ("{shard.path} of", "{¦shard.pth} of", "rule T001: message: unknown fact 'shard.pth'", "did you mean 'shard.path'?"),
        ("{shard.path} of", "{¦subject} of", "rule T001: message: unknown fact 'subject'", ...),
        ("{dataset.share:percent}", "{¦shard.words:percent}", "rule T001: message: {shard.words:percent}: only :percent, of a share, is known", None),
        ("{dataset.share:percent}", "{¦dataset.share:}", "rule T001: message: {dataset.share:}: only :percent, of a share, is known", None),
        ("{dataset.share:percent}", "¦{dataset.share:percent", "rule T001: message: '{' without its partner", SPLIT),
        ("{dataset.share:percent}", "{dataset.share:percent}¦}", "rule T001: message: '}' without its partner", SPLIT),
        ("ask for {subject}", "ask for {¦subjetc}", "rule T001: remedies[1]: summary: unknown fact 'subjetc'", "did you mean 'subject'?"),
        ("ask for {subject}", "ask for {¦subject:percent}", "rule T001: remedies[1]: summary: unknown fact 'subject'", "did you mean 'subject'?"),
        ("kind: waive", "kind: ¦wavie", "rule T001: remedies[1]: kind: unknown remedy 'wavie'", "did you mean 'waive'?"),
        ("kind: waive", "¦knd: waive", "rule T001: remedies[1]: unknown key 'knd'", "did you mean 'kind'?"),
        ("[drop, {kind", "[¦dorp, {kind", "rule T001: remedies[0]: kind: unknown remedy 'dorp'", "did you mean 'drop'?"),
        ("[drop, {kind", "[¦3, {kind", "rule T001: remedies[0]: expected keys and values, got a int", None),
        ("remedies: []", "remedies: ¦{}", "rule T-2: remedies: remedies is keys and values, expected a list", None),
        ("remedies: []", "remedies: ¦true", "rule T-2: remedies: remedies is true or false, expected a list", None),
        ("{name: b, expect: {}}", "{¦nmae: b, expect: {}}", "tests[1]: unknown key 'nmae'", "did you mean 'name'?"),
        ("{name: b, expect: {}}", "¦{name: b}", "tests[1]: expect: expected keys and values, got nothing", None),
        ("{name: b, expect: {}}", "¦{expect: {}}", "tests[1]: name: name is missing, expected text", None),
        ("T001: SATISFIED", "¦T01: SATISFIED", "tests[0]: expect: unknown key 'T01'", "did you mean 'T001'?"),
        ("T001: SATISFIED", "T001: ¦SATISFED", "tests[0]: expect: T001: T001 is 'SATISFED'", "did you mean 'SATISFIED'?"),
        ("shard.words: 1", "¦shard.wrds: 1", "tests[0]: given: unknown key 'shard.wrds'", "did you mean 'shard.words'?"),
        ("shard.words: 1", "shard.words: ¦1.5", "tests[0]: given: shard.words: shard.words: expected a number (int), got float", None),
        ("[x, y]", "¦x", "tests[0]: given: shard.terms.ids: shard.terms.ids: expected a list of texts", None),
        ('"2026-11-30"', '¦"2026-11-31"', "tests[0]: given: run.now: run.now: '2026-11-31' is not a day YYYY-MM-DD; days here are of UTC, without a time", None),
    ],
)  # fmt: skip
def test_each_fault_is_one_whole_sentence(old: str, new: str, said: str, hint: object) -> None:
    assert good().count(old) == 1
    text = good().replace(old, new)
    message, told = fault_of(text if "¦" in text else "¦" + text)
    assert message == said
    if hint is not ...:
        assert told == hint


@pytest.mark.parametrize(
    ("text", "said", "hint"),
    [
        ("", "the file is empty", "provenance policy new NAME writes one to begin with"),
        ("[]\n", "expected keys and values, got a list", None),
        ("policy\n", "expected keys and values, got text", None),
        ("7\n", "expected keys and values, got a int", None),
        ("{format: provenance.policy, version: 1, name: a, release: r}\n", "rules: rules is missing, expected a list", None),
        ("{format: provenance.policy, version: 1, name: a, release: r, rules: ¦[]}\n", "rules: a bundle holds 1 to 500 rules, this one 0", None),
    ],
)
def test_what_is_no_bundle_is_refused_where_it_begins(text: str, said: str, hint: str | None) -> None:
    assert fault_of(text if "¦" in text else "¦" + text) == (said, hint)


def test_a_bundle_holds_up_to_500_rules() -> None:
    head = "{format: provenance.policy, version: 1, name: a, release: r, rules: "
    rule = "{id: T%d, title: t, for_each: run, require: run.shards > 0, action: warn, message: m, remedies: []}"
    rules = [rule % i for i in range(501)]
    rules[0] = rules[0].replace("id: T0", "¦idd: T0")
    assert fault_of(head + "[" + ",\n".join(rules[:500]) + "]}") == ("rules[0]: unknown key 'idd'", "did you mean 'id'?")
    rules[0] = rules[0].replace("¦", "")
    assert fault_of(head + "¦[" + ",\n".join(rules) + "]}")[0] == "rules: a bundle holds 1 to 500 rules, this one 501"


@pytest.mark.parametrize("name", ["a", "0", "a" * 64, "our.rules_2-x"])
def test_names_of_bundles(name: str) -> None:
    assert read(good().replace("name: own\n", f"name: '{name}'\n")).name == name


@pytest.mark.parametrize("rule_id", ["T1", "T" * 32, "T-1-X"])
def test_ids_of_rules(rule_id: str) -> None:
    assert read(good().replace("T001", rule_id)).rules[0].id == rule_id


def test_a_file_that_is_not_there_or_too_large_says_so(tmp_path: Path) -> None:
    with pytest.raises(PolicyDocumentError, match=r"none\.yaml: cannot be read") as caught:
        load_bundle(tmp_path / "none.yaml")
    assert caught.value.hint is None
    path = tmp_path / "own.yaml"
    text = good() + "#"
    path.write_text(text.ljust(1 << 20, "x"))
    assert load_bundle(path).name == "own"
    path.write_text(text.ljust((1 << 20) + 1, "x"))
    with pytest.raises(PolicyDocumentError, match=r"own\.yaml") as caught:
        load_bundle(path)
    assert caught.value.hint == "split it into several bundles"
