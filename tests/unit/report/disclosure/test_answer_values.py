"""Answers by the kind of their field: what is of it is read, what is not is refused with what to do; all faults of a file at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.errors import DocumentError
from provenance.report.disclosure.answer_values import AnswerValueError, is_placeholder, is_reason, lines_of_kind
from provenance.report.disclosure.answers import load_answers
from provenance.report.disclosure.template import Field, Kind, Row, load_template

ON = "2026-12-01"
ROWS = next(s.rows for s in load_template("eu-2025-8311").sections if s.rows)


def read(kind: Kind, *given: str, rows: tuple[Row, ...] = ROWS) -> tuple[str, ...]:
    return lines_of_kind(Field(id="1.a", label="L", kind=kind), rows, given, ON)


@pytest.mark.parametrize(
    "text", ["-", "–", "n/a", "N/A.", "N.A.", "none", "None", "TBD", "tbd.", "…", "...", "?", "To be determined", "not known", " ", "todo"]
)
def test_a_placeholder_is_no_answer_to_a_field_of_any_kind(text: str) -> None:
    assert is_placeholder(text)
    for kind in Kind:
        with pytest.raises(AnswerValueError, match="is no answer: write the answer; or value: null"):
            read(kind, text)


OPEN_WORDS = (
    *(
        "I don't know",
        "I don\u2019t know.",
        "We do not know.",
        "we don't know yet",
        "Nobody knows",
        "n/k",
        "N.K.",
        "Not known yet",
        "It is not known at this time.",
    ),
    *(
        "not sure",
        "I'm not sure",
        "unclear",
        "uncertain",
        "not yet determined",
        "to follow",
        "Will be added later",
        "No information available",
        "no data provided",
    ),
    *("cannot say", "The provider cannot tell", "to be decided", "Work in progress", "not recorded", "not available at present", "no idea, sorry"),
    *("I have no idea", "It has not been determined", "Information is not available", "see annex", "unbekannt", "inconnu", "TBD by legal"),
)
SENTENCES = (
    "We do not know the exact size, but it is below 3 TB",
    "Not known sites were left out by the crawler",
    "No data of users were collected",
    "It is not known to us that any site objected",
    "We cannot tell single pages apart, so whole sites were removed",
    "To be added to the list, a site must have more than 100 pages",
    "Unclear cases were removed by hand",
    "None of the sites was behind a paywall",
    "NA: 40 %, EU: 60 %",
    "na (Nauruan) texts",
    "Unknown (the magazine), 1939-1943",
)


@pytest.mark.parametrize("text", OPEN_WORDS)
def test_words_that_say_that_nobody_knows_are_no_answer(text: str) -> None:
    assert is_placeholder(text)
    assert not is_reason(text)
    with pytest.raises(AnswerValueError, match="value: null with because"):
        read(Kind.TEXT, text, rows=())
    with pytest.raises(AnswerValueError, match="no answer"):
        read(Kind.ROWS, f"Text: {text}")


@pytest.mark.parametrize("text", SENTENCES)
def test_a_sentence_that_goes_on_says_something(text: str) -> None:
    assert not is_placeholder(text)
    assert is_reason(text)
    assert read(Kind.TEXT, text, rows=()) == (text,)


@pytest.mark.parametrize("text", ["模型不使用用户数据", "個人情報を含まないため"])
def test_a_reason_needs_no_spaces_where_the_script_has_none(text: str) -> None:
    assert is_reason(text)


@pytest.mark.parametrize("text", ["not known – the logs are lost", "Unknown: never counted", "n/a (no crawl)", "Not applicable - open weights"])
def test_a_reason_written_as_the_value_is_asked_for_in_its_place(text: str) -> None:
    with pytest.raises(AnswerValueError, match="value: null with because"):
        read(Kind.TEXT, text, rows=())


@pytest.mark.parametrize(
    ("kind", "given", "shown"),
    [
        (Kind.YES_NO, "yes", "Yes"),
        (Kind.MODALITIES, "image", "Image"),
        (Kind.MODALITIES, "Other: 3D meshes", "Other: 3D meshes"),
        (Kind.SIZES, "Text: 1 billion to 10 trillion tokens", "Text: 1billion to 10 trillions tokens"),
        (Kind.SIZES, "text: Less than 1 billion tokens (of which half is code)", "Text: Less than 1 billion tokens (of which half is code)"),
        (Kind.SIZES, "Text: about 3 TB", "Text: about 3 TB"),
        (Kind.SIZES, "Text: 1.2 million documents", "Text: 1.2 million documents"),
        (Kind.SIZES, "Image: 1 million to 1 billion images", "Image: 1Million to1 billion images"),
        (Kind.SIZES, "Other: 40 GB of sensor readings", "Other: 40 GB of sensor readings"),
        (Kind.DATE, "2026-03-31", "2026-03-31"),
        (Kind.DATE, "31/03/2026", "2026-03-31"),
        (Kind.DATE, "helpdesk-7b: 31/03/26", "helpdesk-7b: 2026-03-31"),
        (Kind.DATE, "2026-12-20", "2026-12-20 (planned, as of 2026-12-01)"),
        (Kind.PERIOD, "from 01/2025 to 12/2026", "From 01/2025 to 12/2026"),
        (Kind.DOMAINS, "example.co.uk", "example.co.uk"),
        (Kind.DOMAINS, "The list is at https://example.org/domains.csv.", "The list is at https://example.org/domains.csv."),
        (Kind.ROWS, "Text: news", "Text: news"),
        (Kind.TEXT, "None of the sites was behind a paywall", "None of the sites was behind a paywall"),
    ],
)
def test_an_answer_of_its_kind_is_shown_as_the_template_writes_it(kind: Kind, given: str, shown: str) -> None:
    assert read(kind, given) == (shown,)


@pytest.mark.parametrize(
    ("kind", "given", "said"),
    [
        (Kind.YES_NO, "maybe", "expected yes or no"),
        (Kind.MODALITIES, "Txt", "did you mean 'Text'"),
        (Kind.MODALITIES, "Text: news", "is no modality"),
        (Kind.SIZES, "Text: 1 bilion to 10 trillion tokens", "did you mean '1billion to 10 trillions tokens'"),
        (Kind.SIZES, "Text: 2 billion tokens", "is no size range of Text"),
        (Kind.SIZES, "Less than 1 billion tokens", "begins with its name"),
        (Kind.SIZES, "Image: about 3 TB", "is no size range of Image"),  # the template allows another unit for text alone
        (Kind.SIZES, "Other: plenty", "is no size"),
        (Kind.DATE, "next spring", "expected a day"),
        (Kind.DATE, "2026-02-30", "expected a day"),
        (Kind.DATE, "03/31/2026", "expected a day"),
        (Kind.MONTH, "09/2026", "the second says whether the model is trained further on"),
        (Kind.MONTH, "2026-09", "expected a month such as 09/2026"),
        (Kind.MONTH, "01/2027", "lies after 2026-12-01"),
        (Kind.PERIOD, "2025", "expected 'From MM/YYYY to MM/YYYY'"),
        (Kind.PERIOD, "From 09/2025 to 01/2025", "runs backwards"),
        (Kind.PERIOD, "From 09/2025 to 01/2027", "lies after 2026-12-01"),
        (Kind.DOMAINS, "all of them", "expected domain names"),
        (Kind.ROWS, "news", "begins with its name"),
        (Kind.TEXT, "No.", "expected words that describe it"),
    ],
)
def test_an_answer_of_another_kind_is_refused_with_what_was_expected(kind: Kind, given: str, said: str) -> None:
    with pytest.raises(AnswerValueError, match=said):
        read(kind, given)


def test_a_month_has_a_second_line_on_whether_training_goes_on() -> None:
    assert read(Kind.MONTH, "11/2026", "no, it is not") == ("11/2026", "No, it is not")
    with pytest.raises(AnswerValueError, match="expected two lines"):
        read(Kind.MONTH, "11/2026", "Collection of data goes on.")


FILE = """format: provenance.answers
version: 1
documents:
  - document: eu-2025-8311
    model: m
    categories: {peps: "2.7"}
    fields:
      "1.1.a": {value: TBD, by: Ada, on: "2026-11-30"}
      "1.2.c": {value: soon, by: Ada, on: "2027-11-30"}
      "3.1.z": {value: no, by: Ada, on: "2026-11-30"}
      "3.1.a": {value: perhaps, by: "-", on: "2026-11-30"}
  - document: ca-ab2013
    model: m
    domains: {file: d.csv, by: Ada, on: "2026-11-30"}
    fields:
      "8.a": {value: [yes, no], by: Ada, on: "2026-11-30"}
  - {document: ca-ab2031, model: m}
"""


def test_all_faults_of_a_file_come_at_once_in_the_order_of_its_lines_of_every_document_in_it(tmp_path: Path) -> None:
    path = tmp_path / "answers.yaml"
    path.write_text(FILE)
    with pytest.raises(DocumentError) as caught:
        load_answers(path, load_template("eu-2025-8311"), "m", today=ON)
    lines = str(caught.value).splitlines()
    assert [line.removeprefix(str(path)).split(":")[1] for line in lines] == ["6", "8", "9", "9", "10", "11", "11", "14", "16", "17"]
    for line, told in zip(
        lines,
        (
            "categories.peps: '2.7' is no section",
            "fields.1.1.a.value: 'TBD' is no answer",
            "fields.1.2.c.value: expected a day",
            "fields.1.2.c.on: 2027-11-30 has not come yet",
            "'3.1.z' is not known: did you mean '3.1.",
            "fields.3.1.a.value: expected yes or no",
            "fields.3.1.a.by: '-' says nothing",
            "only the Union's summary reads domains",
            "fields.8.a.value: expected yes or no",
            "'ca-ab2031' is no document that can be answered: did you mean 'ca-ab2013'",
        ),
        strict=True,
    ):
        assert told in line
