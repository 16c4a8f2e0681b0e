"""Noncharacters of Unicode in names: XML cannot hold two of them, and the library that draws charts would end the whole process over one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provenance.report.html import render_html
from provenance.report.wording import visible
from tests.fakes.records import blocked_record


@pytest.mark.parametrize(
    ("char", "shown"), [("\ufffe", "⟨U+FFFE⟩"), ("\uffff", "⟨U+FFFF⟩"), ("\ufdd0", "⟨U+FDD0⟩"), ("\U0001fffe", "⟨U+1FFFE⟩"), ("\ufffd", "\ufffd")]
)
def test_what_stands_for_no_character_is_shown_by_its_number(char: str, shown: str) -> None:
    assert visible(f"a{char}b") == f"a{shown}b"


def test_a_page_is_made_although_names_hold_them() -> None:
    record = blocked_record()
    evidence = tuple(replace(e, reference=replace(e.reference, title="t\uffff", model="m\ufffe", id="i\uffff")) for e in record.evidence)
    named = tuple(replace(d, dataset=replace(d.dataset, name=f"{d.dataset.name}\ufffe", title="x\uffff")) for d in record.datasets)
    page = render_html(replace(record, evidence=evidence, datasets=named)).decode()
    assert not {"\ufffe", "\uffff"} & set(page)
    assert "⟨U+FFFE⟩" in page
