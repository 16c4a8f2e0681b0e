"""The attribution and naming file: complete, told apart by kind, with what contradicts, and harmless whatever names hold."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from provenance.model.absence import TriState
from provenance.model.audit import AskedDuty
from provenance.report.notices import NoticesReport
from tests.fakes import records


def written(*duties: AskedDuty, name: str = "helpdesk-7b") -> str:
    record = records.blocked_record()
    run = replace(record.run, model=replace(record.run.model, name=name))
    return NoticesReport().render(replace(record, run=run, duties=duties)).decode()


def asked(
    code: str, *, by: str = "meta.llama3.1.2024-07-23", dataset: str = "chat-distilled", due: TriState = TriState.YES, place: str = ""
) -> AskedDuty:
    return AskedDuty(code=code, summary=f"Do {code}.", asked_by=by, source="https://example.org/terms", dataset=dataset, due=due, place=place)


def section(text: str, title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


@pytest.mark.parametrize(
    ("code", "title"),
    [
        ("name-prefix:Llama", "Name of the model"),
        ("name-ban:Qwen", "Name of the model"),
        ("badge:Built with Llama", "Words to show"),
        ("badge-docs:A|B", "Words to show"),
        ("ai-disclosure", "Words to show"),
        ("notice-file:Gemma", "Notices to hand on"),
        ("flow-down:use-restrictions", "Restrictions to pass on"),
        ("extra-licence:mau-700m", "Licences that may be needed besides"),
        ("written-approval", "Approvals to keep"),
        ("aup-compliance", "Other duties"),
        ("attribution:required", "Attribution"),
        ("share-alike", "Attribution"),
    ],
)
def test_each_duty_stands_in_its_section_with_who_asks_and_for_what(code: str, title: str) -> None:
    text = written(asked(code))
    found = section(text, title).replace("\\", "")
    assert code in found
    assert "meta.llama3.1.2024-07-23" in found
    assert "https://example.org/terms" in found
    assert "chat-distilled" in found
    others = [t for t in re.findall(r"^## (.*)$", text, re.MULTILINE) if t not in {title, "Sentences to copy", "What is missing for valid credits"}]
    assert all("Nothing that is recorded asks for any" in section(text, t) for t in others)


@pytest.mark.parametrize(
    ("code", "name", "said"),
    [
        ("name-prefix:Llama", "Llama-helpdesk", "is as asked"),
        ("name-prefix:Llama", "helpdesk-7b", "is NOT as asked"),
        ("name-ban:Qwen", "Qwen-desk", "is NOT as asked"),
        ("name-prefix:", "helpdesk-7b", "cannot be compared"),
    ],
)
def test_the_planned_name_is_held_to_what_is_asked(code: str, name: str, said: str) -> None:
    assert said in section(written(asked(code), name=name), "Name of the model")


def test_duties_that_cannot_both_be_kept_come_first() -> None:
    text = written(asked("name-prefix:Llama"), asked("name-ban:Llama", by="other.terms"), asked("name-prefix:Gem", by="third.terms"))
    assert text.index("## Duties that cannot both be kept") < text.index("## Name of the model")
    assert section(text, "Duties that cannot both be kept").count("\n- ") >= 1


def test_one_duty_of_several_datasets_is_told_once_with_all_of_them() -> None:
    found = section(written(asked("flow-down:x"), asked("flow-down:x", dataset="support-tickets", place="from base@1")), "Restrictions to pass on")
    assert found.count("flow-down") == 2  # the code, and its summary
    assert "chat-distilled, support-tickets (from base@1)" in found.replace("\\", "")


def test_what_may_apply_is_told_apart_from_what_does() -> None:
    found = section(written(asked("extra-licence:mau-700m", due=TriState.UNKNOWN)), "Licences that may be needed besides")
    assert "a fact that decides is not stated" in found


def test_what_a_credit_needs_and_nobody_recorded_is_named() -> None:
    record = records.blocked_record()
    name = record.datasets[0].dataset.name
    text = NoticesReport().render(replace(record, duties=(asked("attribution:required", dataset=name),))).decode()
    assert "**Not recorded**: creator" in section(text, "Attribution")


def test_names_cannot_write_markdown() -> None:
    hostile = "x\n# Forged heading\n[link](javascript:alert(1)) <script> \u202e `code` | cell"
    text = written(asked("aup-compliance", dataset=hostile, by=hostile), name=hostile)
    assert "\n# Forged" not in text
    assert re.search(r"(?<!\\)\]\(", text) is None
    assert re.search(r"(?<!\\)[<`|]", text) is None
    assert "\u202e" not in text
    assert text.count("\n# ") == 0
    assert text.startswith("# Notices for x")


def test_the_same_record_gives_the_same_bytes_and_nothing_asked_is_said() -> None:
    record = replace(records.cleared_record(), duties=())
    assert NoticesReport().render(record) == NoticesReport().render(record)
    assert "Nothing that is recorded asks for any" in NoticesReport().render(record).decode()


def test_required_sentences_can_be_copied_as_they_are() -> None:
    text = written(asked("badge:Built with Llama"), asked("badge:Built with Llama", dataset="support-tickets"), asked("badge-docs:A|B"))
    found = section(text, "Sentences to copy")
    assert found.count("“Built with Llama”") == 1
    assert "“A” or “B”, in the documentation" in found


def test_a_dataset_whose_licence_nobody_knows_is_a_gap() -> None:
    assert "forum-dump: its licence is not known" in section(written(), "What is missing for valid credits").replace("\\", "")
