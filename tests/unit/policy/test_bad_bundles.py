"""A bundle that is wrong fails at load, with the line and column of the file where it is: ``¦`` marks the place in each document below."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.config import shipped
from provenance.documents import parse_placed
from provenance.errors import PolicyDocumentError
from provenance.policy.bundle import MAX_BYTES, load_bundle, load_bundles
from provenance.policy.places import Places
from provenance.policy.reading import MAX_RULES
from provenance.policy.rules import NO_SUBJECTS

GOOD = """\
format: provenance.policy
version: 1
name: own
release: 1.0.0
params: {cap: 0.3, word: text}
rules:
  - id: T001
    title: t
    for_each: shard
    require: shard.words < 10 && shard.scan == "current"
    action: deny
    severity: high
    waivable: true
    message: "{shard.path} of {dataset.share:percent}"
    remedies: [drop, {kind: waive, summary: "ask for {subject}"}]
tests:
  - {name: a, given: {shard.words: 1}, expect: {T001: SATISFIED}}
"""
REQUIRE = 'require: shard.words < 10 && shard.scan == "current"'


def fault_of(path: Path, text: str) -> tuple[str, str]:
    """Return message and hint, and check the place if the text marks one."""
    before, mark, _ = text.partition("¦")
    path.write_text(text.replace("¦", ""), encoding="utf-8")
    with pytest.raises(PolicyDocumentError) as caught:
        load_bundle(path)
    if mark:
        place = f"{path}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "
        assert str(caught.value).startswith(place), (str(caught.value), place)
    return str(caught.value), caught.value.hint or ""


def test_the_document_that_the_others_change_is_good(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    assert load_bundle(tmp_path / "good.yaml").rules[0].place == (7, 9)


@pytest.mark.parametrize(
    ("old", "new", "said", "hint"),
    [
        ("action: deny", "action: ¦dney", "rule T001: action: action is 'dney'", "'deny'"),
        ("severity: high", "severity: ¦hihg", "severity is 'hihg'", "'high'"),
        ("for_each: shard", "for_each: ¦shards", "for_each is 'shards'", "'shard'"),
        ("waivable: true", "waivable: ¦YES", "expected true or false", ""),
        ("    title: t\n", "    ¦titel: t\n", "unknown key 'titel'", "'title'"),
        ("    title: t\n", "    title: t\n    ¦title: u\n", "'title' is given twice", ""),
        ("id: T001", "id: ¦t001", "rule id 't001'", ""),
        ("name: own", "name: ¦Our Rules", "lower case", ""),
        ("release: 1.0.0", "release: ¦1.5", "expected text", ""),
        ("version: 1", "version: ¦2", "version is 2, expected 1", ""),
        ("format: provenance.policy", "format: ¦provenance.run", "format is 'provenance.run'", ""),
        ("cap: 0.3", "cap: ¦[0.3]", "expected a number or text", ""),
        ("cap: 0.3", "cap: ¦true", "expected a number or text", ""),
        ("cap: 0.3", "¦Cap: 0.3", "parameter name 'Cap'", ""),
        ("cap: 0.3", "cap: ¦99999999999999999", "not a finite number within range", ""),
        ("{shard.path} of", "{¦shard.pth} of", "unknown fact 'shard.pth'", "shard.path"),
        ("{shard.path} of", "{¦match.path} of", "unknown fact 'match.path'", ""),
        ("{shard.path} of", "¦{shard.path of", "without its partner", ""),
        ("{shard.path} of", "shard.path¦} of", "without its partner", ""),
        ("{dataset.share:percent}", "{¦shard.words:percent}", "only :percent, of a share", ""),
        ("{dataset.share:percent}", "{¦dataset.share:pct}", "only :percent, of a share", ""),
        ("for {subject}", "for {¦subjekt}", "unknown fact 'subjekt'", "subject"),
        ("kind: waive", "kind: ¦wave", "unknown remedy 'wave'", "'waive'"),
        ("[drop,", "[¦dorp,", "unknown remedy 'dorp'", "'drop'"),
        ("shard.words: 1", "¦shard.wrods: 1", "unknown key 'shard.wrods'", "shard.words"),
        ("shard.words: 1", "shard.words: ¦many", "expected a number", ""),
        ("shard.words: 1", "shard.scan: ¦currant", "is not one of", ""),
        ("shard.words: 1", "run.now: ¦2026-11-30T00:00:00", "not a day", ""),
        ("T001: SATISFIED", "T001: ¦SATISFYED", "'SATISFYED'", "SATISFIED"),
        ("T001: SATISFIED", "¦T002: SATISFIED", "unknown key 'T002'", "T001"),
        (REQUIRE, "require: ¦12", "expected text", ""),
        (REQUIRE, "require: ¦shard.lisence.use == 'commercial'", "unknown fact 'shard.lisence.use'", "shard.license.use"),
        (REQUIRE, "require: shard.words < 10 && ¦shard.scann == 'current'", "unknown fact", "shard.scan"),
        (REQUIRE, "require: 'shard.words < 10 && ¦shard.scann == ''current'''", "unknown fact", "shard.scan"),
        (REQUIRE, "require: 'shard.scan == ''current'' && shard.state == ¦''changd'''", "never 'changd'", "changed"),
        (REQUIRE, r'require: "shard.scan == \"current\" && shard.state == ¦\"changd\""', "never 'changd'", "changed"),
        (REQUIRE, r'require: "\x73hard.scan == \u0022current\u0022 || ¦shard.stat == \"x\""', "unknown fact", "shard.state"),
        (REQUIRE, 'require: "shard.words < 10 ||\n      shard.words > 20 || ¦shard.wrds == 1"', "unknown fact", "shard.words"),
        (REQUIRE, 'require: "shard.words < 10 || shard.wo\\\n      rds > 20 || ¦shard.wrds == 1"', "unknown fact", "shard.words"),
        (REQUIRE, "require: shard.words < 10 ||\n      shard.words > 20\n      || ¦shard.wrds == 1", "unknown fact", "shard.words"),
        (REQUIRE, "require: |\n      shard.words < 10 ||\n      ¦shard.wrds == 1", "unknown fact", "shard.words"),
        (REQUIRE, "require: |-\n      shard.words < 10 ||\n\n        shard.words == 1 ¦* 2", "not part of the condition language", "&&"),
        (REQUIRE, "require: >2-  # folded\n      shard.words < 10 ||\n      shard.words > 2 ||\n      ¦shard.wrds == 1", "unknown fact", "shard.words"),
        (REQUIRE, "require: |\n      shard.words < 10 ||\n      shard.words ¦== 'ten'", "int and string", ""),
        (REQUIRE, "require: shard.words ¦< 0.5", "< does not go with int and double", ""),
        (REQUIRE, "require: shard.scan ¦== params.cap", "string and double", ""),
        (REQUIRE, "require: ¦shard.words", "must be true or false", ""),
        (REQUIRE, "require: ¦1 == 1", "reads no fact", ""),
        (REQUIRE, "require: ¦true", "require is True, expected text", ""),
        (REQUIRE, "require: shard.words ¦/ 0 == 1", "not part of the condition language", ""),
        (REQUIRE, "require: 'shard.words < 1 ¦? true : false'", "not part", ""),
        (REQUIRE, "require: run.now < ¦'2026-12-1'", "not a day", ""),
        (REQUIRE, "require: run.now < ¦'2026-12-01T00:00:00'", "days here are of UTC", ""),
        (REQUIRE, "require: shard.words < ¦99999999999999999999", "beyond", ""),
        ("title: t", "title: ¦&a t", "anchors and aliases", ""),
        ("title: t", "title: ¦*a", "anchors and aliases", ""),
        ("title: t", "title: ¦!!python/object:os.system t", "", ""),
    ],
)  # fmt: skip
def test_a_fault_is_told_with_its_line_and_column(tmp_path: Path, old: str, new: str, said: str, hint: str) -> None:
    assert GOOD.count(old) == 1
    message, told = fault_of(tmp_path / "bad.yaml", GOOD.replace(old, new))
    assert said in message
    assert hint in told


def test_a_rule_given_twice_names_both_places(tmp_path: Path) -> None:
    rule = GOOD[GOOD.index("  - id") : GOOD.index("tests:")]
    message, _ = fault_of(tmp_path / "bad.yaml", GOOD.replace(rule, rule + rule.replace("T001", "¦T001")))
    assert "rule T001 is given twice, first in line 7" in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("[]\n", "expected keys and values"),
        (GOOD[: GOOD.index("rules:")] + "rules: []\n", "holds 1 to"),
        (GOOD[: GOOD.index("rules:")] + "rules: {}\n", "expected a list"),
        (GOOD[: GOOD.index("rules:")], "rules is missing"),
        (GOOD + "---\n" + GOOD, "another document"),
        ("a: [" * 60 + "]" * 60, "nested deeper"),
        (GOOD.replace("shard.words < 10", "(" * 40 + "shard.words < 10" + ")" * 40), "nested deeper than 30"),
        (GOOD.replace("shard.words < 10", " && ".join(["shard.words < 10"] * 200)), "more than the limit of 2000"),
        (
            GOOD.replace('shard.words < 10 && shard.scan == "current"', "shard.words < 10 || [shard.path].map(x, x + x).size() > 1"),
            "not part of the condition language",
        ),
        (GOOD.replace("shard.words < 10", "shard.path.contains(shard.path)"), "unknown fact"),
        ("\x00", "special characters are not allowed"),
    ],
)
def test_what_is_no_bundle_or_explodes_is_refused(tmp_path: Path, text: str, said: str) -> None:
    message, _ = fault_of(tmp_path / "bad.yaml", text)
    assert said in message
    assert message.startswith(str(tmp_path / "bad.yaml"))


def test_too_many_rules_are_refused_before_any_is_compiled_and_ten_thousand_before_any_is_read(tmp_path: Path) -> None:
    rule = (
        "  - {{id: T{i}, title: t, for_each: shard, require: shard.words < 10, action: deny, message: m, remedies: [drop, waive], severity: high}}\n"
    )
    head = GOOD[: GOOD.index("  - id")]
    began = time.process_time()
    message, _ = fault_of(tmp_path / "many.yaml", head + "".join(rule.format(i=i) for i in range(MAX_RULES + 1)))
    assert f"1 to {MAX_RULES} rules, this one {MAX_RULES + 1}" in message
    message, hint = fault_of(tmp_path / "huge.yaml", head + "".join(rule.format(i=i) for i in range(10_000)))
    assert f"more than the limit of {MAX_BYTES}" in message
    assert "split" in hint
    assert time.process_time() - began < 20


def test_no_bundle_has_a_rule_of_the_engines_own_id(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(GOOD.replace("T001", NO_SUBJECTS))
    with pytest.raises(PolicyDocumentError, match=r"own\.yaml:7:9: rules\[0\]: id: rule id E000 is the engine's own"):
        load_bundles([own])


def test_two_bundles_of_one_name_or_with_rules_of_one_id_are_refused(tmp_path: Path) -> None:
    first, same, other = (tmp_path / f"{name}.yaml" for name in ("first", "same", "other"))
    first.write_text(GOOD.replace("T001", "Q001"))
    same.write_text(GOOD.replace("T001", "T002"))
    other.write_text(GOOD.replace("name: own", "name: other").replace("T001", "Q001"))
    with pytest.raises(PolicyDocumentError, match=r"same.yaml: bundle 'own' 1\.0\.0 has the name of .*first.yaml"):
        load_bundles([first, same])
    with pytest.raises(PolicyDocumentError, match=r"other.yaml:7:9: rule Q001 is also in .*first.yaml"):
        load_bundles([first, other])
    baseline = tmp_path / "baseline.yaml"
    baseline.write_text((shipped("policies") / "bundles" / "baseline.yaml").read_text() + "\n# mine\n")
    with pytest.raises(PolicyDocumentError, match="bundle 'baseline'") as caught:
        load_bundles([baseline])
    assert "judges every run already" in (caught.value.hint or "")
    assert [b.name for b in load_bundles([first, first])] == ["baseline", "own"]


WORDS = st.lists(st.text(st.sampled_from("ab'\"\\é#:"), min_size=1, max_size=6), min_size=1, max_size=8)


@settings(deadline=None, max_examples=400)
@given(WORDS, st.sampled_from(["", "'", '"', "|", ">"]), st.integers(5, 30), st.booleans())
def test_each_character_of_a_text_is_found_however_it_is_written(words: list[str], style: str, width: int, unicode: bool) -> None:
    text = " ".join(words)
    written = yaml.dump({"a": [{"k": text}]}, default_style=None, width=width, allow_unicode=unicode) if not style else (
        "a:\n  - k: " + yaml.dump(text, default_style=style, width=width, allow_unicode=unicode, indent=6).replace("\n", "\n      ").rstrip(" ")
    )  # fmt: skip
    document = parse_placed(written.encode(), where="w")
    if document.value != {"a": [{"k": text}]}:
        return  # the indentation put before its lines changed what a block holds
    places, lines, last = Places(document), written.split("\n"), (0, 0)
    for offset, char in enumerate(text):
        line, column = places.inside(("a", 0, "k"), offset)
        if char == " ":
            continue
        assert (line, column) > last
        last = (line, column)
        here = lines[line - 1][column - 1 :]
        assert here.startswith((char, "\\"))
        if here.startswith("\\") and char != "\\":
            assert yaml.safe_load(f'"{here[: 2 + {"x": 2, "u": 4, "U": 8}.get(here[1], 0)]}"') == char
