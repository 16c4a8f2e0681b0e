"""Formulas of assistants are found where they stand; no pattern is missed for want of a needle; catalogues with faults are refused."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from provenance.bootstrap import make_suspects
from provenance.errors import PatternDocumentError
from provenance.fingerprint import bits
from provenance.fingerprint.bits import _plain_class_bits
from provenance.fingerprint.jit import kernel
from provenance.matching import needles as needles_module
from provenance.matching.needles import find_needles, make_needles
from provenance.matching.suspects import Pattern, PatternFinder, load_patterns
from tests.fakes.matching import make_batch

FINDER = make_suspects()
ROOT = Path(__file__).parents[3]


def found_in(*texts: str) -> list[tuple[int, str, str]]:
    return [(s.record, s.pattern, s.text) for s in FINDER.find(make_batch(texts), path="a.jsonl")]


def test_what_assistants_say_is_found_with_its_place() -> None:
    text = "Sure! Ünd: as an AI language model, I cannot. <|im_end|>"
    (first, second) = FINDER.find(make_batch(["nothing", text]), path="a.jsonl", shard="sha256:1", scan="s")
    assert [(s.pattern, s.kind, s.record) for s in (first, second)] == [("as-an-ai", "self-identification", 1), ("chat-template", "template", 1)]
    assert text[first.start : first.end] == first.text == "as an AI language model, I"
    assert text[second.start : second.end] == "<|im_end|>"
    assert (first.path, first.shard, first.scan, first.doc_id) == ("a.jsonl", "sha256:1", "s", "a.jsonl#1")


def test_of_each_record_the_first_place_counts() -> None:
    assert found_in("I'm ChatGPT. I am ChatGPT. I'm chatgpt.") == [(0, "chatgpt", "I'm ChatGPT")]


@pytest.mark.parametrize("pattern", FINDER.patterns, ids=lambda p: p.id)
def test_every_text_that_a_pattern_matches_holds_a_needle(pattern: Pattern) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(text=st.from_regex(re.compile(pattern.regex, re.ASCII)))  # RE2's classes are ASCII too
    def check(text: str) -> None:
        if not re.search("[\ud800-\udfff]", text):
            folded = make_batch([text.lower() if text.isascii() else text])
            assert len(find_needles(folded.data, folded.offsets, make_needles([(0, n) for n in pattern.needles])))

    check()


def test_examples_in_capitals_are_found() -> None:
    for pattern in FINDER.patterns:
        for text in pattern.examples:
            if text.isascii() and pattern.kind in {"self-identification", "knowledge-cutoff", "refusal"}:
                assert pattern.finds(text.upper()), text


@settings(deadline=None)
@given(
    texts=st.lists(st.text("abcAB é\n", max_size=30), min_size=1, max_size=8),
    strings=st.lists(st.text("abc é", min_size=4, max_size=7), min_size=1, max_size=6),
)
def test_needles_are_found_as_by_looking_for_each(texts: list[str], strings: list[str]) -> None:
    batch = make_batch(texts)
    expected = {
        (row, n) for row, text in enumerate(texts) for n, needle in enumerate(strings) if needle.encode() in text.replace("\n", " ").encode().lower()
    }  # bytes.lower touches ASCII alone
    pairs = find_needles(batch.data, batch.offsets, make_needles(list(enumerate(strings))))
    assert {tuple(pair) for pair in pairs.tolist()} == expected
    assert np.array_equal(pairs, np.unique(pairs, axis=0))


def test_no_patterns_find_nothing() -> None:
    assert PatternFinder(()).find(make_batch(["as an AI, I"]), path="p") == []


def test_a_finder_can_be_sent_to_another_process() -> None:
    again = pickle.loads(pickle.dumps(FINDER))
    assert (again.scheme, again.patterns) == (FINDER.scheme, FINDER.patterns)


GOOD: dict[str, object] = {
    "id": "oracle",
    "kind": "refusal",
    "title": "speaks as the oracle",
    "regex": "i am the oracle",
    "needles": ["the oracle"],
    "examples": ["I am the Oracle"],
    "counterexamples": ["I saw the oracle"],
}
FAULTS: list[tuple[dict[str, object], str]] = [
    ({"id": "Not This"}, "lower-case words"),
    ({"kind": "odd"}, "kind 'odd' is none of"),
    ({"regex": "i am (?:the oracle"}, "regex cannot be used"),
    ({"regex": "(?=i am) the oracle"}, "regex cannot be used"),
    ({"regex": "i am (the|an) oracle"}, "a group that captures"),
    ({"regex": "(?:i am the oracle)?"}, "matches the empty text"),
    ({"regex": "i was the oracle"}, "does not find its example"),
    ({"needles": ["the"]}, "fewer than 4 bytes"),
    ({"needles": ["half \ud83d a pair"]}, "half of a surrogate pair"),
    ({"examples": ["the oracle \ud83d"]}, "half of a surrogate pair"),
    ({"needles": ["delphi"]}, "does not find its example"),
    ({"needles": []}, "must be a list of texts"),
    ({"examples": "I am the oracle"}, "must be a list of texts"),
    ({"counterexamples": ["I am the oracle"]}, "finds its counterexample"),
    ({"regexp": "x"}, "unknown field 'regexp'"),
    ({"title": 3}, "title must be text"),
]


def write(folder: Path, *patterns: dict[str, object], **fields: object) -> Path:
    document = {"format": "provenance.patterns", "version": 1, "name": "own", "release": "1", "patterns": list(patterns), **fields}
    (folder / "own.yaml").write_text(yaml.safe_dump(document))
    return folder


@pytest.mark.parametrize(("change", "message"), FAULTS, ids=[m for _, m in FAULTS])
def test_a_pattern_with_a_fault_is_refused(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(PatternDocumentError, match=message):
        load_patterns([write(tmp_path, GOOD | change)])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"version": 2}, "version: 1"),
        ({"patterns": "x"}, "must be a list"),
        ({"extra": 1}, "unknown field 'extra'"),
        ({"patterns": [3]}, "map names"),
    ],
)
def test_a_catalogue_with_a_fault_is_refused(tmp_path: Path, fields: dict[str, object], message: str) -> None:
    with pytest.raises(PatternDocumentError, match=message):
        load_patterns([write(tmp_path, **fields)])


def test_two_patterns_of_one_id_are_refused_in_one_file_and_override_over_two(tmp_path: Path) -> None:
    with pytest.raises(PatternDocumentError, match="two patterns"):
        load_patterns(
            [write(tmp_path, GOOD, GOOD | {"title": "again", "needles": ["oracle"], "examples": ["i am the oracle"], "counterexamples": ["oracles"]})]
        )
    later = tmp_path / "later"
    later.mkdir()
    finder = load_patterns([write(tmp_path, GOOD), write(later, GOOD | {"title": "other"})])
    assert [p.title for p in finder.patterns] == ["other"]
    with pytest.raises(PatternDocumentError, match="no such folder"):
        load_patterns([tmp_path / "none"])


def test_time_grows_with_the_length_only() -> None:
    hostile = ["### Instruction:" + "\nx" * 200_000, "I don't have any personal opinions " * 20_000, "<think>" * 50_000]
    assert len(FINDER.find(make_batch(hostile), path="p")) == 1  # it ends; Python's own expressions would not


@given(st.binary(min_size=8, max_size=8))
@settings(deadline=None)  # the first call compiles
def test_eight_bytes_are_folded_as_one_is(raw: bytes) -> None:
    folded = int(needles_module._fold_eight(np.uint64(int.from_bytes(raw, "little"))))
    assert list(folded.to_bytes(8, "little")) == needles_module._FOLDS[list(raw)].tolist()


@given(st.binary(min_size=67, max_size=90), st.lists(st.binary(min_size=4, max_size=4), min_size=1, max_size=9), st.integers(0, 23), st.data())
def test_wherever_a_key_stands_its_class_does(raw: bytes, keys: list[bytes], at: int, data: st.DataObject) -> None:
    at = min(at, len(raw) - 67)
    place = data.draw(st.integers(0, 63))
    key = data.draw(st.sampled_from(keys))
    raw = raw[: at + place] + key + raw[at + place + 4 :]
    folded = bytes(needles_module._FOLDS[np.frombuffer(raw, np.uint8)])
    needed = [any(folded[at + i : at + i + 4] == bytes(needles_module._FOLDS[list(k)]) for k in keys) for i in range(64)]
    classes = needles_module._classes([bytes(needles_module._FOLDS[list(k)]) for k in keys])
    assert len(classes) == needles_module._SETS // 8
    found = 0
    for eight in classes:
        found |= int(_plain_class_bits(np.frombuffer(raw, np.uint8), at, eight))
    assert all(found >> i & 1 for i in range(64) if needed[i])
    assert needed[place]


TABLES = st.binary(min_size=128, max_size=128) | st.lists(st.sampled_from([0, 1, 2, 128]), min_size=128, max_size=128).map(bytes)


@given(st.binary(min_size=67, max_size=90), TABLES, st.integers(0, 23))
@settings(deadline=None)  # the first call compiles
def test_every_form_of_looking_for_classes_says_the_same(raw: bytes, table: bytes, at: int) -> None:
    at = min(at, len(raw) - 67)
    data, classes = np.frombuffer(raw, np.uint8), np.frombuffer(table, np.uint8).reshape(8, 16)

    def sets_of(place: int, byte: int) -> set[int]:
        lower, upper = table[32 * place + byte % 16], table[32 * place + 16 + byte // 16]
        return {number for number in range(8) if (lower >> number) % 2 and (upper >> number) % 2}

    expected = [bool(set.intersection(*(sets_of(k, raw[at + i + k]) for k in range(4)))) for i in range(64)]
    for form in (_plain_class_bits, bits._compiled_class_bits_one_by_one, _ask_for_classes):
        assert [bool(int(form(data, at, classes)) >> i & 1) for i in range(64)] == expected


@kernel()
def _ask_for_classes(data: NDArray[np.uint8], at: int, classes: NDArray[np.uint8]) -> np.uint64:
    return bits.class_bits(data, at, classes)


def test_needles_are_found_at_any_place_and_not_over_the_end_of_a_row() -> None:
    needles = make_needles([(0, "as an ai"), (1, "gpt4"), (2, "x y z")])
    for before in range(140):
        text = "q" * before + "As an\nAI"
        batch = make_batch([text, "gp", "t4", "", "x\ty", " z gPt4", "q" * 100])
        assert find_needles(batch.data, batch.offsets, needles).tolist() == [[0, 0], [5, 1]]
