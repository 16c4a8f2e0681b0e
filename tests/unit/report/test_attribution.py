"""Credits: what each licence asks one to hold, taken from the licences' own sections; what nobody recorded is a gap; ancestors are credited too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from provenance.model.audit import AskedDuty, AuditRecord
from provenance.model.dataset import Dataset, Details, LicenseClaim, LicenseFacts, Source, SourceKind
from provenance.model.details import Rights
from provenance.report.attribution import Ancestry, build_credits, license_links, needs_of, required_sentences, unknown_licenses
from provenance.report.notices import NoticesReport
from tests.fakes import records

WAY = "encyclopedia@sha256:00, via translate"


def dataset(license_value: str, **details: Any) -> Dataset:
    made = replace(Details(), **details)
    return Dataset(
        name="encyclopedia",
        title="An Encyclopedia",
        source=Source(kind=SourceKind.PUBLIC_DATASET, url="https://enc.example/"),
        license=LicenseFacts(declared=LicenseClaim(value=license_value)),
        details=made,
    )


WHOLE = dataset("CC-BY-4.0", creators=("A. Writer", "B. Writer"), processing=("boilerplate removed",), rights=Rights(notice="© 2020 A. Writer"))


def record_of(facts: Dataset, *duties: AskedDuty) -> AuditRecord:
    return replace(records.cleared_record(), datasets=(records.make_summary(facts, weight=1.0, shards=1, words=9),), duties=duties)


def asks(license_value: str, *, code: str = "attribution:required", place: str = "") -> AskedDuty:
    return AskedDuty(code=code, summary="Credit.", asked_by=license_value, dataset="encyclopedia", place=place)


# CC BY 4.0, section 3(a)(1): creators, copyright notice, notice of the licence with link, link to the material, whether it was modified
def test_a_creative_commons_credit_has_title_author_source_licence_and_changes() -> None:
    (credit,) = build_credits(record_of(WHOLE, asks("CC-BY-4.0")))
    assert credit.gaps == ()
    for told in (
        "An Encyclopedia",
        "A. Writer, B. Writer",
        "https://enc.example/",
        "CC-BY-4.0",
        "https://creativecommons.org/licenses/by/4.0/",
        "boilerplate removed",
    ):
        assert told in credit.line
    text = NoticesReport().render(record_of(WHOLE, asks("CC-BY-4.0"))).decode()
    assert "SPDX-License-Identifier: CC-BY-4.0" in text
    assert "SPDX-FileCopyrightText: © 2020 A. Writer" in text


@pytest.mark.parametrize(
    ("changes", "gap"),
    [
        ({"title": ""}, "title"),
        ({"details": replace(WHOLE.details, creators=())}, "creator"),
        ({"source": Source(kind=SourceKind.PUBLIC_DATASET)}, "link to the source"),
        ({"details": replace(WHOLE.details, processing=())}, "what was changed"),
    ],
)
def test_each_part_that_nobody_recorded_is_one_gap_and_the_credit_stays(changes: dict[str, Any], gap: str) -> None:
    facts = replace(WHOLE, **changes)
    (credit,) = build_credits(record_of(facts, asks("CC-BY-4.0")))
    assert [g.partition(":")[0] for g in credit.gaps] == [gap]
    assert f"[{gap} not recorded]" in credit.line or "Changes: [not recorded]" in credit.line
    text = NoticesReport().render(record_of(facts, asks("CC-BY-4.0"))).decode().replace("\\", "")
    assert f"encyclopedia: {gap}" in text.partition("## What is missing for valid credits")[2]


# MIT, BSD, ISC: "the above copyright notice and this permission notice shall be included"; Apache-2.0, section 4(a)-(d)
@pytest.mark.parametrize(
    ("license_id", "needed"),
    [
        ("MIT", {"copyright notice", "the licence's text"}),
        ("BSD-3-Clause", {"copyright notice", "the licence's text"}),
        ("ISC", {"copyright notice", "the licence's text"}),
        ("Apache-2.0", {"copyright notice", "the licence's text", "what was changed"}),
        ("0BSD", set()),
        ("ODbL-1.0", {"title", "link to the licence"}),
        ("CC-BY-SA-4.0", {"title", "creator", "link to the source", "link to the licence", "what was changed"}),
        ("LicenseRef-unheard-of", {"title", "creator", "link to the source", "link to the licence", "what was changed"}),
    ],
)
def test_each_licence_asks_for_its_own_parts(license_id: str, needed: set[str]) -> None:
    assert set(needs_of(license_id)) == needed


def test_a_licences_text_has_to_go_along_and_its_copyright_notice_has_to_be_known() -> None:
    (credit,) = build_credits(record_of(dataset("MIT"), asks("MIT")))
    assert len(credit.gaps) == 2
    assert any("MIT" in g and "beside this file" in g for g in credit.gaps)
    assert any("details.rights.notice" in g for g in credit.gaps)


def test_every_licence_of_an_expression_counts() -> None:
    (credit,) = build_credits(record_of(dataset("CC-BY-4.0 AND MIT"), asks("CC-BY-4.0"), asks("MIT")))
    assert credit.asked_by == ("CC-BY-4.0", "MIT")
    assert {g.partition(":")[0].partition(" (")[0] for g in credit.gaps} >= {"creator", "copyright notice", "the licence's text"}


@pytest.mark.parametrize(
    ("license_id", "link"),
    [
        ("CC-BY-NC-SA-3.0", "https://creativecommons.org/licenses/by-nc-sa/3.0/"),
        ("CC-BY-ND-4.0", "https://creativecommons.org/licenses/by-nd/4.0/"),
        ("MIT", "https://opensource.org/license/mit/"),
    ],
)
def test_links_are_those_of_the_licensor_or_of_the_spdx_list(license_id: str, link: str) -> None:
    assert license_links(dataset(license_id)) == (link,)


def test_an_ancestor_is_credited_by_its_own_facts_and_by_a_gap_where_nobody_looked() -> None:
    record = record_of(replace(dataset("MIT"), name="encyclopedia"), asks("CC-BY-4.0", place=WAY))
    (credit,) = build_credits(record, {"encyclopedia": (Ancestry(dataset=WHOLE, way=WAY),)})
    assert credit.gaps == ()
    assert credit.license_expression == "CC-BY-4.0"
    (credit,) = build_credits(record, None)
    assert WAY in credit.gaps[0]


def test_sentences_and_unknown_licences_are_found_once_each() -> None:
    record = replace(records.blocked_record(), duties=(asks("llama", code="badge:Built with Llama"), asks("other", code="badge:Built with Llama")))
    (sentence,) = required_sentences(record)
    assert sentence.choices == ("Built with Llama",)
    assert sentence.asked_by == ("llama", "other")
    assert unknown_licenses(record) == ("forum-dump",)


def test_hostile_facts_stay_text() -> None:
    bad = replace(dataset("CC-BY-4.0", creators=("x\n# Forged",), citation="<script>", rights=Rights(notice="[a](javascript:b)")), title="# T\n# T")
    text = NoticesReport().render(record_of(bad, asks("CC-BY-4.0"))).decode()
    assert "\n# " not in text
    assert "](" not in text.replace("\\](", "").replace("]\\(", "")
    assert "<script>" not in text.replace("\\<", "")
