"""The sample reports are what this version writes: whoever changes what readers see sees it in the diff."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provenance.report.folder import verify_report
from tests.golden.make_reports import COMMAND, FOLDER, differing, play, read_records, sample_files


def test_samples_are_made_from_their_records_byte_for_byte() -> None:
    assert differing(sample_files(read_records())) == [], f"look at the difference, then: {COMMAND}"


@pytest.mark.full
def test_records_of_the_samples_are_made_again(tmp_path: Path) -> None:
    assert play(tmp_path) == read_records(), f"look at the difference, then: {COMMAND}"


def test_samples_are_small_and_tell_nothing_of_a_machine() -> None:
    files = [f for f in FOLDER.rglob("*") if f.is_file()]
    assert sum(f.stat().st_size for f in files) < 1_500_000
    for file in files:
        assert not re.search(rb"/(?:home|root|tmp|work|Users|var)/", file.read_bytes()), file


@pytest.mark.parametrize("name", ["blocked", "cleared"])
def test_samples_keep_their_manifests(name: str) -> None:
    assert verify_report(FOLDER / name).audit == read_records()[name].id
