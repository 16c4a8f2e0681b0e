"""Licence files of every kind of badness: one sentence each, and the others are read."""

from __future__ import annotations

import os
from pathlib import Path

from provenance.ingest.license_files import detect_folder
from provenance.licensing.conflicts import MOST_VALUES, claims_of_files, conflicts
from provenance.model.license_detection import FileLicenses
from tests.conftest import ROOT

APACHE = (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_bad_files_are_told_and_the_others_read(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text(APACHE, encoding="utf-16")
    (tmp_path / "COPYING").write_bytes(bytes(range(256)) * 400)
    (tmp_path / "LICENSE.empty").touch()
    (tmp_path / "README.md").write_text(f"---\nlicense: {'A' * 10_000_000}\n---\n", encoding="utf-8")
    os.mkfifo(tmp_path / "NOTICE")
    (tmp_path / "LICENSE.loop").symlink_to("LICENSE.loop")
    (tmp_path / "again").symlink_to(tmp_path)
    found = {file.path: file for file in detect_folder(tmp_path)}
    assert {path: file.expression for path, file in found.items()} == {
        "COPYING": "UNREADABLE",
        "LICENSE": "Apache-2.0",
        "LICENSE.empty": "NOT_STATED",
        "LICENSE.loop": "UNREADABLE",
        "NOTICE": "UNREADABLE",
        "README.md": "UNKNOWN",
    }
    assert all(found[path].problem.count("\n") == 0 and found[path].problem for path in ("COPYING", "LICENSE.loop", "NOTICE"))


def test_files_that_say_the_same_are_one_statement() -> None:
    files = [FileLicenses(path=f"{i}/LICENSE", expression="MIT" if i else "CC-BY-NC-4.0") for i in range(5000)]
    claims = claims_of_files([*files, FileLicenses(path="README.md", expression="NOT_STATED")])
    assert [(claim.by, claim.value) for claim in claims] == [("0/LICENSE", "CC-BY-NC-4.0"), ("1/LICENSE and 4998 more", "MIT")]
    (conflict,) = conflicts(claims)
    assert conflict.strictest == "CC-BY-NC-4.0"


def test_files_of_very_many_licences_are_compared_up_to_a_bound() -> None:
    files = [FileLicenses(path=str(i), expression=f"LicenseRef-{i}") for i in range(3 * MOST_VALUES)]
    assert len(claims_of_files(files)) == MOST_VALUES
