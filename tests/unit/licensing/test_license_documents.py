"""Catalogues of licences that people write: each fault is found, with the place where it stands; nothing that is wrong decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.errors import TermsDocumentError
from provenance.licensing.checking import CatalogCheck, check_folders
from provenance.licensing.classes import load_licenses
from provenance.licensing.license_class import Limit, Metric, WhenTested
from provenance.model.absence import TriState

HEAD = "format: provenance.licenses\nversion: 1\nlicenses:\n"
WHOLE = """  - id: LicenseRef-ours
    use: commercial
    attribution: "YES"
    share_alike: "NO"
    redistribution: "YES"
    covers: database
    duties: ["name-prefix:Ours", aup-compliance]
    limits: [{metric: monthly-active-users, value: 5, unit: users, per: month, tested_when: release, effect: "extra-licence:mau-5"}]
    excluded_regions: [KR]
    note: Read it.
"""


def check(folder: Path, text: str, name: str = "ours.yaml") -> CatalogCheck:
    (folder / name).write_text(text, encoding="utf-8")
    return check_folders((folder,))


def test_every_field_is_read(tmp_path: Path) -> None:
    (tmp_path / "ours.yaml").write_text(HEAD + WHOLE + "compatibility: {LicenseRef-ours: {under: [GPL-3.0-only]}}\n", encoding="utf-8")
    catalog = load_licenses((tmp_path,))
    found = catalog.classes["LicenseRef-ours"]
    assert (found.redistribution, found.covers, found.duties) == (TriState.YES, "database", ("name-prefix:Ours", "aup-compliance"))
    assert found.limits == (
        Limit(metric=Metric.MONTHLY_ACTIVE_USERS, value=5, unit="users", per="month", tested_when=WhenTested.RELEASE, effect="extra-licence:mau-5"),
    )
    assert (found.excluded_regions, found.note) == (("KR",), "Read it.")
    assert found.behavioural_restrictions is TriState.UNKNOWN
    assert catalog.compatibility["LicenseRef-ours"].under == ("GPL-3.0-only",)
    assert check(tmp_path, HEAD + WHOLE).faults == ()


BAD = [
    ("    use: comercial\n", "4:5", "use is 'comercial'"),
    ("    use: commercial\n    share_alik: x\n", "6:5", "unknown field 'share_alik'"),
    ("    use: commercial\n    share_alike: no\n", "6:5", "share_alike is 'no'"),
    ("    use: commercial\n    share_alike: true\n", "6:5", "share_alike is True"),
    ("    use: commercial\n    share_alike: '?'\n", "6:5", "share_alike is '?'"),
    ("    use: commercial\n    confidence: sure\n", "6:5", "confidence is 'sure'"),
    ("    use: commercial\n    covers: metadata\n", "6:5", "covers is 'metadata'"),
    ("    use: commercial\n    duties: name-prefix:X\n", "6:5", "duties must be a list"),
    ("    use: commercial\n    note: 3\n", "6:5", "note must be text"),
    ("    use: commercial\n    limits: [{metric: users, value: 3}]\n", "6:15", "metric of a limit is 'users'"),
    ("    use: commercial\n    limits: [{metric: revenue, value: 1e3}]\n", "6:32", "value of a limit is 1000.0"),
    ("    use: commercial\n    limits: [{metric: revenue, value: -3}]\n", "6:32", "value of a limit is -3"),
    ("    use: commercial\n    limits: [{metric: revenue, value: 3, tested: always}]\n", "6:42", "unknown field 'tested' of a limit"),
    ("    use: commercial\n    limits: 3\n", "6:5", "limits must be a list"),
    ("    use: public-domain\n    share_alike: 'YES'\n", "6:5", "use is public-domain, yet share_alike is YES"),
    ("    use: commercial\n    share_alike: 'YES'\n    no_derivatives: 'YES'\n", "6:5", "cannot be shared alike"),
    ("    use: commercial\n    share_alike: 'NO'\n    duties: [share-alike]\n", "7:14", "duty share-alike stands beside share_alike: NO"),
    ("    use: commercial\n    redistribution: 'YES'\n    duties: [no-redistribution-of-data]\n", "6:5", "beside the duty no-redistribution"),
    ("    use: commercial\n    duties: ['name-prefix:X', 'name-ban:X']\n", "6:5", "asks for the name 'X' and forbids it"),
]


@pytest.mark.parametrize(("body", "place", "message"), BAD, ids=[m for _, _, m in BAD])
def test_a_fault_is_named_with_file_line_and_column_and_refused(tmp_path: Path, body: str, place: str, message: str) -> None:
    text = HEAD + "  - id: LicenseRef-ours\n" + body
    found = check(tmp_path, text)
    line, column = (5, 5) if place == "4:5" else map(int, place.split(":"))
    assert [f.where for f in found.faults if message in f.message] == [f"{tmp_path / 'ours.yaml'}:{line}:{column}"]
    with pytest.raises(TermsDocumentError) as refused:
        load_licenses((tmp_path,))
    assert message in str(refused.value)
    assert f"ours.yaml:{line}:{column}: " in str(refused.value)


def test_all_faults_are_listed_and_loading_tells_how_many_more(tmp_path: Path) -> None:
    text = HEAD + "  - {id: LicenseRef-a, use: x}\n  - {id: LicenseRef-b, use: y}\n"
    assert len(check(tmp_path, text).faults) == 2
    with pytest.raises(TermsDocumentError, match=r"4:24: .*and 1 more: provenance licenses check"):
        load_licenses((tmp_path,))


def test_an_id_twice_in_one_document_is_refused(tmp_path: Path) -> None:
    text = HEAD + "  - {id: LicenseRef-a, use: commercial}\n  - {id: LicenseRef-a, use: public-domain}\n"
    assert [f.message for f in check(tmp_path, text).faults] == ["licence LicenseRef-a is described twice in one document"]


def test_a_name_twice_in_a_json_file_is_refused(tmp_path: Path) -> None:
    text = '{"format": "provenance.licenses", "version": 1,\n "licenses": [{"id": "LicenseRef-a", "use": "non-commercial",\n  "use": "commercial"}]}'
    found = check(tmp_path, text, "ours.json")
    assert [(f.where, f.message) for f in found.faults] == [(f"{tmp_path / 'ours.json'}:3:3", "key 'use' is given twice")]
    with pytest.raises(TermsDocumentError, match="given twice"):
        load_licenses((tmp_path,))


def test_words_that_are_not_known_are_faults_of_a_check_and_decide_nothing(tmp_path: Path) -> None:
    text = HEAD + "  - {id: LicenseRef-a, use: commercial, outputs_clause: fre, duties: [name-prefx:X]}\n"
    found = check(tmp_path, text)
    assert [(f.message.split(": ", 1)[1][:20], f.hint) for f in found.faults] == [
        ("outputs_clause 'fre'", "did you mean 'free'?"),
        ("duty 'name-prefx:X' ", "did you mean 'name-prefix:'?"),
    ]
    assert load_licenses((tmp_path,)).assess("LicenseRef-a", TriState.YES, synthetic=TriState.YES).this_use == "UNKNOWN"


def test_a_name_that_stands_for_no_licence_is_a_fault(tmp_path: Path) -> None:
    found = check(tmp_path, HEAD.replace("licenses:\n", "") + "aliases:\n  our own: MIT AND\n")
    assert [f.where.rsplit("/")[-1] for f in found.faults] == ["ours.yaml:4:3"]


def test_what_loosens_a_shipped_entry_is_noted(tmp_path: Path) -> None:
    text = HEAD + "  - {id: CC-BY-NC-4.0, use: commercial, attribution: 'NO'}\naliases: {cc-by-nc-4.0: MIT, our own: MIT}\n"
    found = check(tmp_path, text)
    assert found.faults == ()
    assert [n.message for n in found.notes] == [
        "licence CC-BY-NC-4.0 overrides the shipped entry and is looser in attribution, duties, use",
        "name 'cc-by-nc-4.0' now stands for MIT; the shipped catalogue reads CC-BY-NC-4.0",
    ]


@pytest.mark.parametrize(
    "text", ["", "[]", "format: provenance.terms\nversion: 1\n", "format: provenance.licenses\nversion: 2\n", "a: &x [*x]\n", "a: [\n"]
)
def test_what_is_no_catalogue_is_one_fault(tmp_path: Path, text: str) -> None:
    found = check(tmp_path, text)
    assert (len(found.faults), found.licenses) == (1, 0)
    assert "ours.yaml" in found.faults[0].where + found.faults[0].message


def test_a_misspelt_section_is_a_fault_with_its_place(tmp_path: Path) -> None:
    found = check(tmp_path, "format: provenance.licenses\nversion: 1\nlicences: []\n")
    assert [(f.where.rsplit("/")[-1], f.hint) for f in found.faults] == [("ours.yaml:3:1", "did you mean 'licenses'?")]
