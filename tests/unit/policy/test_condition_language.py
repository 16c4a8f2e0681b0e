"""The language of conditions: what is read of one, and the place, counted in characters from 0, of whatever does not belong to it."""

from __future__ import annotations

import pytest

from provenance.errors import PolicyDocumentError
from provenance.model.finding import SubjectKind
from provenance.policy.conditions import Condition, day_fault, parse_condition, tokens_of
from provenance.policy.facts import FactField, schema_paths

PATHS: dict[str, FactField | None] = {**schema_paths(SubjectKind.SHARD), "params.cap": None, "params.word": None}


def where(offset: int) -> str:
    return f"at {offset}"


def parse(text: str) -> Condition:
    return parse_condition(text, where=where, paths=PATHS)


def fault_of(text: str) -> tuple[str, str | None]:
    """Return message and hint of what is refused; ``¦`` marks the place."""
    before, mark, after = text.partition("¦")
    with pytest.raises(PolicyDocumentError) as caught:
        parse(before + after)
    place, _, message = str(caught.value).partition(": ")
    if mark:
        assert place == where(len(before))
    return message, caught.value.hint


def test_a_condition_is_its_facts_in_order_and_its_constants() -> None:
    text = 'shard.scan in ["current", \'stale\'] && 3 < shard.words && (shard.scan != "none" || shard.words <= params.cap) && shard.words > 4.5'
    found = parse(text)
    assert found.text == text
    assert found.paths == ("shard.scan", "shard.words", "params.cap")
    assert found.texts == ("current", "stale", "none")
    assert found.numbers == (3.0, 4.5)


def test_tokens_carry_kind_text_and_column_from_1() -> None:
    found = tokens_of("true &&\n size(shard.terms.ids) in [10,2.5]  ", where)
    assert [(t.kind, t.text, t.column) for t in found] == [
        ("word", "true", 1),
        ("op", "&&", 6),
        ("word", "size", 10),
        ("op", "(", 14),
        ("path", "shard.terms.ids", 15),
        ("op", ")", 30),
        ("word", "in", 32),
        ("op", "[", 35),
        ("number", "10", 36),
        ("op", ",", 38),
        ("number", "2.5", 39),
        ("op", "]", 42),
    ]


@pytest.mark.parametrize("operator", ["==", "!=", "<", "<=", ">", ">="])
def test_a_text_may_stand_on_either_side_of_a_comparison(operator: str) -> None:
    assert parse(f'shard.path {operator} "x"').texts == ("x",)
    assert parse(f'"x" {operator} shard.path').texts == ("x",)
    assert parse(f'shard.words == 1 && "x" {operator} shard.path && shard.words == 2').texts == ("x",)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("shard.words == 1 && ¦shard.wrds == 1", "unknown fact 'shard.wrds'", "did you mean 'shard.words'?"),
                ('shard.scan == ¦"curent"', "shard.scan is never 'curent'", "did you mean 'current'?"),
        ('¦"curent" == shard.scan', "shard.scan is never 'curent'", "did you mean 'current'?"),
        ('shard.scan in ["current", ¦"xxxxxxx", "stale"]', "shard.scan is never 'xxxxxxx'", "known: UNKNOWN, current, none, stale"),
        ('shard.words == 1 && shard.scan in [¦"nonne"]', "shard.scan is never 'nonne'", "did you mean 'none'?"),
        ('shard.words == 1 && ¦"x"', '"x" is not compared with a fact', 'write: fact == "text"'),
        ('size(shard.terms.ids) == ¦"x"', '"x" is not compared with a fact', 'write: fact == "text"'),
        ('shard.path && ¦"x"', '"x" is not compared with a fact', 'write: fact == "text"'),
        ('shard.path == shard.domain || [¦"x"]', '"x" is not compared with a fact', 'write: fact == "text"'),
        ('shard.scan in (¦"current")', '"current" is not compared with a fact', 'write: fact == "text"'),
        ('shard.scan in ["current"] && ¦"stale"', '"stale" is not compared with a fact', 'write: fact == "text"'),
        ('[¦"current"] == 1 && shard.words == 1', '"current" is not compared with a fact', 'write: fact == "text"'),
        ('run.now > "2026-12-31" && run.now < ¦"20270101"', "run.now: '20270101' is not a day YYYY-MM-DD; days here are of UTC, without a time", None),
        ("¦1 == 1", "'1 == 1' reads no fact", "a condition compares at least one fact"),
        ("shard.words ¦+ 1 == 2", "'+' is not part of the condition language", None),
        ("¦!(shard.words == 1)", "'!' is not part of the condition language", None),
        ("shard.words == 1 ¦", "", ""),
        ("shard.words == ¦9007199254740992", "9007199254740992 is beyond 2**53 - 1", None),
    ],
)  # fmt: skip
def test_what_does_not_belong_to_the_language_is_told_with_its_place(text: str, message: str, hint: str | None) -> None:
    if not message:
        assert parse(text.replace("¦", "")).paths == ("shard.words",)  # blanks at the end are fine
        return
    said, told = fault_of(text)
    assert said == message
    if hint is None and "not part of" in message:
        assert "conditions use && || == != < <= > >= in ( ) [ ]" in (told or "")
    else:
        assert told == hint


def test_the_largest_whole_number_of_the_format_is_read() -> None:
    assert parse("shard.words == 9007199254740991").numbers == (float(2**53 - 1),)


def test_a_condition_of_2000_characters_is_read_and_one_of_2001_is_not() -> None:
    text = "shard.words == 1"
    assert parse(text.ljust(2000)).paths == ("shard.words",)
    message, hint = fault_of(text.ljust(2000) + "¦ ")
    assert message == "2001 characters, more than the limit of 2000"
    assert hint == "split the rule"


@pytest.mark.parametrize(("opening", "closing"), [("(", ")"), ("[", "]")])
def test_parentheses_nest_30_deep_and_no_deeper(opening: str, closing: str) -> None:
    inner = "shard.words == 1"
    assert len(tokens_of(opening * 30 + inner + closing * 30, where)) == 63
    assert fault_of(opening * 30 + f"¦{opening}" + inner + closing * 31)[0] == "nested deeper than 30"


def test_what_is_closed_again_does_not_count_as_nested() -> None:
    text = " && ".join(["(shard.words in [1])"] * 40)
    assert parse(text).paths == ("shard.words",)


@pytest.mark.parametrize(
    ("path", "value", "is_fine"),
    [
        ("run.now", "2026-02-28", True),
        ("waiver.expires", "2024-02-29", True),
        ("run.now", "2026-02-29", False),
        ("waiver.expires", "20260228", False),
        ("run.now", "2026-W10-1", False),
        ("run.now", "", False),
        ("run.now", "2026-02-28T00:00:00", False),
        ("shard.path", "no day", True),
    ],
)
def test_a_fact_that_is_a_day_is_compared_with_days_only(path: str, value: str, is_fine: bool) -> None:
    expected = "" if is_fine else f"{value!r} is not a day YYYY-MM-DD; days here are of UTC, without a time"
    assert day_fault(path, value) == expected
