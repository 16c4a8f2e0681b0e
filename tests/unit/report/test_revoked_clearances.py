"""A clearance that was taken back is told by every view of the audit: none may be read as leave to train, and one that still stands is not cried down."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from provenance.audit.impact import IssuedClearance
from provenance.exchange.export_check import check_document
from provenance.model.report_look import ReportLook
from provenance.report.beside import Beside
from provenance.report.folder import formats_of, write_report
from provenance.report.standing import Standing
from provenance.report.views import verify_views
from tests.fakes import records

RECORD = records.cleared_record()
STANDS = IssuedClearance(
    audit=RECORD.id,
    manifest_root=RECORD.manifest_root,
    issued="2026-11-25T00:00:00Z",
    expires="2026-12-25T00:00:00Z",
    statement="sha256:" + "a1" * 32,
    by="Ada\x1b[31m\ud800 <script>",
)
GONE = replace(STANDS, issued="2026-11-24T10:00:00Z", statement="sha256:" + "b2" * 32, revoked="2026-12-02T08:00:00Z")
ENDED = replace(STANDS, issued="2026-11-24T05:00:00Z", expires="2026-12-01T00:00:00Z")
"""It had ended when the other was taken back, so that none stands."""
KEY = replace(GONE, key_revoked=True)
NAMES = ("html", "markdown", "sarif", "junit", "cyclonedx", "spdx")


def views(*clearances: IssuedClearance, look: bool = True) -> dict[str, str]:
    known = formats_of(Beside(clearances=clearances if look else None), ReportLook(), None)
    return {name: known[name].render(RECORD).decode() for name in NAMES}


@pytest.mark.parametrize("clearances", [(GONE,), (KEY,), (ENDED, GONE)], ids=["revoked", "key revoked", "the other had ended"])
def test_no_view_says_cleared_alone_once_no_clearance_stands(clearances: tuple[IssuedClearance, ...]) -> None:
    told = views(*clearances)
    (h1,) = re.findall(r"<h1>.*?</h1>", told["html"], re.DOTALL)
    assert 'class="word BLOCKED"' in h1
    assert "#i-CLEARED" not in h1
    words = re.sub(r"<[^>]+>", "", h1)
    assert "REVOKED –" in words
    assert "was CLEARED on" in words
    assert "2026-12-02" in words
    assert "may be trained on this data as planned" not in told["html"] + told["markdown"]
    assert re.search(r"<title>REVOKED: ", told["html"])
    assert told["markdown"].splitlines()[0].startswith("# REVOKED: ")
    assert "provenance clear`" not in told["markdown"]
    (result,) = [r for r in json.loads(told["sarif"])["runs"][0]["results"] if r["ruleId"] == "CLEARANCE-REVOKED"]
    assert (result["level"], result["kind"]) == ("error", "fail")
    suites = ET.fromstring(told["junit"])
    (failure,) = suites.iterfind(".//testcase[@name='a clearance of this audit stands']/failure")
    assert "2026-12-02T08:00:00Z" in failure.attrib["message"]
    assert (suites.attrib["failures"], suites.attrib["name"].endswith("CLEARED, then revoked")) == ("1", True)
    bill = json.loads(told["cyclonedx"])
    assert "was revoked on 2026-12-02" in bill["declarations"]["affirmation"]["statement"]
    assert bill["declarations"]["attestations"][0]["summary"].startswith("CLEARED, then revoked:")
    notes = [e["statement"] for e in json.loads(told["spdx"])["@graph"] if e["type"] == "Annotation"]
    assert len([n for n in notes if "was revoked on 2026-12-02" in n]) == 1
    for name in ("cyclonedx", "spdx"):
        assert check_document(name, told[name].encode()) == []
    assert JsonStrictValidator(SchemaVersion.V1_7).validate_str(told["cyclonedx"]) is None
    assert not any("\x1b" in text for text in told.values())


def test_one_that_stands_beside_one_that_was_revoked_leaves_the_verdict_as_it_is() -> None:
    told = views(GONE, STANDS)
    assert Standing.of((GONE, STANDS)).last == STANDS
    assert "then revoked" not in "".join(told.values())
    assert "REVOKED:" not in told["html"] + told["markdown"]
    assert 'class="word CLEARED"' in told["html"]
    assert "1 other clearance of this audit was revoked" in told["html"]
    assert "1 other clearance of this audit was revoked" in told["markdown"]
    assert [r["level"] for r in json.loads(told["sarif"])["runs"][0]["results"] if r["ruleId"] == "CLEARANCE-REVOKED"] == ["note"]
    assert ET.fromstring(told["junit"]).attrib["failures"] == "0"
    for name in ("cyclonedx", "spdx"):
        assert "was revoked on 2026-12-02" in told[name]


@pytest.mark.parametrize("clearances", [(), (STANDS,), (replace(STANDS, break_glass=True),)])
def test_where_none_was_revoked_no_view_speaks_of_it(clearances: tuple[IssuedClearance, ...]) -> None:
    told, unseen = views(*clearances), views(look=False)
    for name in ("sarif", "junit", "cyclonedx", "spdx"):
        assert told[name] == unseen[name]
    assert "REVOKED" not in told["html"] + told["markdown"]


def test_a_run_that_a_reviewer_released_is_headed_revoked_and_one_that_is_blocked_stays_so() -> None:
    review, blocked = records.review_record(), records.blocked_record()
    known = formats_of(Beside(clearances=(GONE,)), ReportLook(), None)
    text = known["markdown"].render(review).decode()
    assert text.splitlines()[0] == "# REVOKED: `helpdesk-7b` was REVIEW on 2026-11-24; its clearance was revoked on 2026-12-02."
    assert "provenance review release" not in text
    h1 = re.findall(r"<h1>.*?</h1>", known["html"].render(review).decode(), re.DOTALL)[0]
    assert "was REVIEW on 2026-11-24; its clearance was revoked on 2026-12-02." in re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", h1)).replace(
        "\u2060", ""
    ).replace("\u2011", "-")
    given = formats_of(Beside(clearances=(replace(GONE, break_glass=True),)), ReportLook(), None)
    assert given["markdown"].render(blocked).decode().startswith("# BLOCKED: `helpdesk-7b` may not be trained")
    assert "REVOKED" not in re.findall(r"<h1>.*?</h1>", given["html"].render(blocked).decode(), re.DOTALL)[0]


def test_a_break_glass_clearance_is_none_that_stands() -> None:
    assert Standing.of((GONE, replace(STANDS, break_glass=True))).taken_back == GONE


def test_views_of_a_record_that_nobody_compared_say_so_and_can_be_made_again(tmp_path: Path) -> None:
    unknown = Beside(is_compared=False)
    write_report(RECORD, tmp_path / "report", ("json", *NAMES), beside=unknown)
    for name in NAMES:
        told = (tmp_path / "report" / formats_of(unknown, ReportLook(), None)[name].file_name).read_text()
        assert "nobody compared the record with the workspace" in told, name
        assert "nobody compared" not in views()[name]
    verify_views(tmp_path / "report")
    for name in ("cyclonedx", "spdx"):
        assert check_document(name, formats_of(unknown, ReportLook(), None)[name].render(RECORD)) == []


def test_a_folder_is_compared_with_what_became_of_the_clearance(tmp_path: Path) -> None:
    formats = ("json", *NAMES)
    write_report(RECORD, tmp_path / "report", formats, beside=Beside(clearances=(GONE,)))
    verify_views(tmp_path / "report", beside=Beside(clearances=(GONE,)))
    with pytest.raises(Exception, match=r"junit\.xml: is not what audit\.json gives: something that it shows beside the record was recorded since"):
        verify_views(tmp_path / "report", beside=Beside(clearances=()))
