"""An audit record of version 1 as it was written once: it is read for ever, and its file is never made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from provenance.errors import ReportError
from provenance.model.finding import VerdictKind
from provenance.report.record_json import read_record, render_json

RAW = (Path(__file__).parent / "audit-v1" / "audit.json").read_bytes()


def test_record_of_version_1_is_read() -> None:
    record = read_record(RAW)
    assert (record.version, record.verdict, record.run.model.name) == (1, VerdictKind.CLEARED, "helpdesk-7b")


def test_record_of_version_1_keeps_its_bytes() -> None:
    assert render_json(read_record(RAW)) == RAW


def test_record_of_a_newer_version_is_refused_in_one_sentence() -> None:
    with pytest.raises(ReportError, match=r"audit record of version 2, this program reads version 1"):
        read_record(RAW.replace(b'"version":1,"waivers"', b'"version":2,"waivers"'))
